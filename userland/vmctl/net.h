/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network of a VM that vmctl boots: its baton-net, started if need be, and
 * the forwards, which go when vmctl does.
 */
#ifndef BATON_VMCTL_NET_H
#define BATON_VMCTL_NET_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "errors.h"
#include "forward.h"
#include "options.h"

#define NET_FORWARDS_MAX 16

struct net_plan {
	const char *network;	/* NULL: no card; "user": one of its own */
	const char *name;	/* of the VM, or NULL */
	uint8_t mac[6];
	struct forward forward[NET_FORWARDS_MAX];
	unsigned int forward_count;
	char base[64];		/* of the named network's sockets */
	char card[224];		/* value of baton-vm's --net */
	int control, port;	/* -1: none */
};

/* --net, --forward and --name, checked. False: *e says what cannot be. */
bool net_make_plan(const struct args *args, struct net_plan *plan, struct btn_error *e);
/* Starts or finds baton-net, adds the forwards, fills card. Nothing stays on failure. */
bool net_start(struct net_plan *plan, struct btn_error *e);
/* Ends the connection: with it go the forwards and a network of the VM's own. */
void net_stop(struct net_plan *plan);

#endif
