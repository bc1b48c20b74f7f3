/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Networks: definitions in networks/NAME.conf, and the baton-net process of each that is
 * in use (userland/netd/README.md), which outlives the daemon and ends itself some
 * seconds after its last VM. The network "default" is always there.
 */
#ifndef BATON_DAEMON_NETWORK_H
#define BATON_DAEMON_NETWORK_H

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "lib/errors.h"
#include "lib/json_read.h"

#define NETWORK_DEFAULT "default"

struct network {
	char *name;
	char uuid[37];
	char *subnet;		/* "10.0.2.0/24"; NULL: baton-net's default */
	char *domain;		/* NULL: baton-net's default */
	bool persistent;	/* has a file; the default one is persistent, too */
};

bool networks_load(struct btn_error *e);
const struct network *network_find(const char *name, struct btn_error *e);
const struct network *network_find_uuid(const char *uuid);
void network_each(void (*fn)(const struct network *network, void *ctx), void *ctx);
/*
 * Defines one; subnet NULL: the first private /24 that neither a network of ours has nor
 * the host an address in or a route to; uuid NULL: a new one; domain NULL: baton-net's.
 */
bool network_create(const char *name, const char *subnet, const char *uuid, const char *domain,
		    struct btn_error *e);
/* Refused while a VM's definition names it, or if it is the default one. */
bool network_delete(const char *name, struct btn_error *e);
/* Its baton-net runs, whoever started it; EVENT_NETWORK_STATE tells of each change. */
bool network_is_active(const struct network *network);

/*
 * Makes sure that its baton-net runs, and has reserved an address and added the forwards
 * for this card. Calls fn from the main loop: fds[0], a connection for the card
 * (fd=N of baton-vm --net), fds[1], one to the control socket that holds the forwards
 * (control-fd=N): the callee's, blocking, close-on-exec. Or fds NULL and *e.
 */
typedef void (*network_ready_fn)(const int *fds, const char *address,
				 const struct btn_error *e, void *ctx);
void network_plug(const struct network *network, const char *guest_name,
		  const struct config_net *card, GCancellable *cancellable,
		  network_ready_fn fn, void *ctx);

/* A request to its baton-net, as monitor_ask_alone(). Not running: BTN_NET_FAILED. */
typedef void (*network_answer_fn)(const struct json_node *answer, const struct btn_error *e,
				  void *ctx);
void network_ask(const struct network *network, const char *op, const char *members,
		 network_answer_fn fn, void *ctx);
/* Path of baton-net's leases file of this network; g_free(). */
char *network_leases_path(const struct network *network);

#endif
