/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UDP through a forward from the host's loopback, and back. To the guest it comes from
 * the router's address, which is not the host's for anything else (README.md); so who
 * has asked is remembered, and the guest's answer is for 127.0.0.1 then.
 */
#ifndef BATON_NETD_LOOPBACK_H
#define BATON_NETD_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>

#define LOOPBACK_FLOWS 256
#define LOOPBACK_SECONDS 240 /* as long as libslirp keeps a flow of UDP */

struct loopback_flow {
	uint32_t guest;			/* address */
	uint16_t guest_port, client_port;
	uint64_t seen;			/* seconds; 0: free */
};

struct loopback {
	uint32_t router;
	struct loopback_flow flow[LOOPBACK_FLOWS];
};

/* Does a frame for a guest come from the host's loopback? Then loopback_in() is for it. */
bool loopback_is_source(const struct loopback *l, const uint8_t *frame, uint32_t length);
/* Remembers the flow; the source becomes the router. */
void loopback_in(struct loopback *l, uint8_t *frame, uint32_t length, uint64_t now);
/* A guest's answer to such a datagram goes to 127.0.0.1. */
void loopback_out(struct loopback *l, uint8_t *frame, uint32_t length, uint64_t now);

#endif
