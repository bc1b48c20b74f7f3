/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What passes between a VM's network device and baton-net: a SOCK_SEQPACKET
 * UNIX socket, one message per frame. A frame is a virtio network header of 12
 * bytes (virtio 1.2, 5.1.6: flags, gso_type, hdr_len, gso_size, csum_start,
 * csum_offset, num_buffers, little-endian) and the Ethernet frame without FCS;
 * it may be a segment of up to 64 KiB that is still to be split and to get its
 * checksums. A message whose first byte is NET_PORT_MARKER is a hello instead:
 * the device sends one first, and again whenever its driver's features change;
 * the switch answers each.
 */
#ifndef BATON_LIB_NET_PORT_H
#define BATON_LIB_NET_PORT_H

#include <stdint.h>

#define NET_PORT_VERSION 1
#define NET_PORT_MARKER 0xff	/* no flags of a virtio network header */
#define NET_PORT_HEADER 12u
#define NET_PORT_FRAME_MAX (65535u + 18u)
#define NET_PORT_MESSAGE_MAX (NET_PORT_HEADER + NET_PORT_FRAME_MAX)
#define NET_PORT_NAME_MAX 63

/* What the device can take besides plain frames with complete checksums. */
#define NET_PORT_CSUM (1u << 0)	/* NEEDS_CSUM */
#define NET_PORT_TSO4 (1u << 1)
#define NET_PORT_TSO6 (1u << 2)
#define NET_PORT_USO (1u << 3)

struct net_port_hello {
	uint8_t marker;
	uint8_t version;		/* the answer's is the switch's own */
	uint16_t error;			/* of the answer: 0 or an errno */
	uint32_t features;		/* NET_PORT_* */
	uint8_t mac[6];			/* all zero in a hello: the switch's answer gives one */
	uint16_t mtu;			/* of the answer */
	char name[NET_PORT_NAME_MAX + 1]; /* host name, may be empty; ends with NUL */
};
_Static_assert(sizeof(struct net_port_hello) == 80, "struct net_port_hello");

#endif
