/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forwards as texts, [ADDRESS:]HOSTPORT:GUESTPORT[/udp], and ports of this host.
 */
#ifndef BATON_VMCTL_FORWARD_H
#define BATON_VMCTL_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "errors.h"
#include "lib/json_read.h"

#define FORWARD_ADDRESS_MAX 16

struct forward {
	char host_address[FORWARD_ADDRESS_MAX];
	uint16_t host_port, guest_port;
	bool udp;
};

bool forward_parse(const char *text, struct forward *ret, struct btn_error *e);
/* The TCP forward to that port of the guest, in a VM object's list. */
bool forward_find(const struct json_node *vm, uint16_t guest_port, struct forward *ret);
/* Its address for a connection from this host: one on all addresses is on the loopback, too. */
void forward_reached_at(const struct forward *f, char *ret);
/*
 * A TCP port of 127.0.0.1, `from` or the next above, on which nobody listens and which no
 * VM of the list has in its definition; 0: none.
 */
uint16_t forward_free_port(const struct json_node *vms, uint16_t from);

enum forward_probe {
	PROBE_REFUSED,	/* no listener, or closed again at once: the guest said no */
	PROBE_SILENT,	/* taken, and nothing came within the time */
	PROBE_SPOKE,	/* the guest has sent something */
};
/* Connects to a forward. text: its first bytes, a string. An interrupt ends it early. */
enum forward_probe forward_probe(const struct forward *f, int timeout_ms, char *text,
				 size_t size);

#endif
