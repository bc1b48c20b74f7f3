/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to the user's daemon, batond (userland/daemon/api/README.md), which is
 * started if nobody listens. One request at a time; answers may be large (1000 VMs);
 * events that come in between are kept for daemon_next_event().
 */
#ifndef BATON_VMCTL_BATOND_H
#define BATON_VMCTL_BATOND_H

#include <stdbool.h>
#include <stddef.h>

#include "errors.h"
#include "lib/json_read.h"
#include "lib/json_write.h"

#define DAEMON_ANSWER_MAX (64u << 20)

/* A line that came, taken apart. reply_free() at the end. */
struct reply {
	char *text;
	struct json_node *node;	/* [0]: the object; points into text */
	int fd;			/* that came with it, or -1; reply_free() closes it */
};

struct daemon_line {
	struct daemon_line *next;
	size_t length;
	char text[];
};

struct daemon {
	int fd;			/* -1: not connected */
	struct json_out out;
	char *request;
	char *in;		/* what has come: in_length of in_size bytes */
	size_t in_size, in_length, in_searched;
	int in_fd;
	struct daemon_line *events, **events_end;
	size_t events_size;
};

/* False: *e says why, nothing stays open. */
bool daemon_open(struct daemon *d, struct btn_error *e);
/* The same, but never starts one: false without an error. */
bool daemon_open_running(struct daemon *d);
void daemon_close(struct daemon *d);
/* Path of its socket; it need not be there. */
void daemon_socket_path(char *ret_path, size_t size);

/* Begins a request: its members are written with json_put_...(&d->out, ...). */
void daemon_begin(struct daemon *d, const char *op);
/* Sends it and waits for the answer. False: *e is what the daemon says. */
bool daemon_ask(struct daemon *d, struct reply *ret, struct btn_error *e);
/* Both, without a member, or with one that is a string. */
bool daemon_get(struct daemon *d, const char *op, struct reply *ret, struct btn_error *e);
bool daemon_get_of(struct daemon *d, const char *op, const char *member, const char *value,
		   struct reply *ret, struct btn_error *e);
/* *e from an object with code, message, cause and fix. */
void daemon_take_error(const struct json_node *object, struct btn_error *e);
void reply_free(struct reply *reply);	/* also one that is { 0 } with fd -1 */
#define REPLY_NONE { .text = NULL, .node = NULL, .fd = -1 }

/* From now on events are kept. */
bool daemon_subscribe(struct daemon *d, struct btn_error *e);

enum daemon_wait {
	DAEMON_EVENT,		/* *ret is one */
	DAEMON_TIMEOUT,
	DAEMON_INTERRUPTED,	/* interrupt.h: a signal has come */
	DAEMON_GONE,		/* *e filled */
};
/* timeout_ms negative: for ever. */
enum daemon_wait daemon_next_event(struct daemon *d, int timeout_ms, struct reply *ret,
				   struct btn_error *e);

#endif
