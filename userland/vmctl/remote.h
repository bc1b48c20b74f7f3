/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket of a running VM, as commands reach it. Their first argument is its
 * path, with a '/' or '.' in it, or the name of a VM of the daemon's; or --control has the path.
 */
#ifndef BATON_VMCTL_REMOTE_H
#define BATON_VMCTL_REMOTE_H

#include <stddef.h>

#include "errors.h"
#include "options.h"
#include "rpc_client.h"

struct remote {
	int fd;
	const char *const *rest;	/* arguments behind the path */
	size_t rest_count;
	struct json_out out;
	char request[32768];
	struct rpc_answer answer;
};

/* Of a VM by its name: the descriptor of its control socket; -1: *e filled. */
int remote_open_named(const char *name, struct btn_error *e);
/* False: *e filled, nothing is open. */
bool remote_open(const struct args *args, struct remote *remote, struct btn_error *e);
void remote_close(struct remote *remote);

/* Begins a request: its members are written with json_put_...(&remote->out, ...). */
void remote_begin(struct remote *remote, const char *op);
/* Sends it and waits. False: *e filled. */
bool remote_end(struct remote *remote, int timeout_ms, struct btn_error *e);

#endif
