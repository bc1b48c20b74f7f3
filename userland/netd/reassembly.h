/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole packets from fragments of IPv4 (RFC 791, 3.2, "An Example Reassembly Procedure"),
 * for the uplink: few at a time, none for long. Pure functions; all is hostile.
 */
#ifndef BATON_NETD_REASSEMBLY_H
#define BATON_NETD_REASSEMBLY_H

#include <stdint.h>

#include "lib/net_port.h"
#include "packet.h"

#define ASSEMBLIES 8
#define ASSEMBLY_SECONDS 15
#define FRAGMENT_BLOCKS 8192u		/* of 8 bytes, in the largest packet */

struct assembly {
	uint64_t began;			/* seconds; 0: free */
	uint32_t source, target;
	uint16_t id;
	uint8_t protocol;
	uint32_t total;			/* bytes of payload; 0: not known yet */
	uint32_t got, end;		/* bytes that are there; where the last of them ends */
	uint8_t have[FRAGMENT_BLOCKS / 8]; /* a bit for each block */
	uint8_t frame[NET_PORT_FRAME_MAX];
};

struct reassembly {
	struct assembly assembly[ASSEMBLIES];
};

/*
 * Takes the fragment `p` of an untagged frame. The whole frame, without being a fragment
 * any more, once all are there; it is good until the next call. NULL: not yet, or never.
 * Fragments with IP options, and packets whose fragments overlap, are dropped.
 */
uint8_t *reassembly_add(struct reassembly *r, const uint8_t *frame, const struct packet *p,
			uint64_t now, uint32_t *ret_length);

#endif
