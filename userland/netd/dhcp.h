/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network's DHCP server (RFC 2131, 2132): one message in, at most one out.
 */
#ifndef BATON_NETD_DHCP_H
#define BATON_NETD_DHCP_H

#include <stdbool.h>
#include <stdint.h>

struct leases;

#define DHCP_REPLY_MAX 576u

struct dhcp_request {
	const uint8_t *message;		/* the UDP payload */
	uint32_t length;
	const uint8_t *source_mac;	/* the frame's; the client's has to be the same */
	int port;
	uint16_t mtu;
};

/*
 * Length of the answer in reply[DHCP_REPLY_MAX], 0 for none. *ret_target: whom
 * to send it to (IPv4, host order).
 */
uint32_t dhcp_answer(struct leases *leases, const struct dhcp_request *request, uint8_t *reply,
		     uint32_t *ret_target);

#endif
