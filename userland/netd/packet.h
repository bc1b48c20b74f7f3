/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames as the switch sees them: headers found and checked, UDP answers made.
 * Pure functions; everything in a frame is hostile.
 */
#ifndef BATON_NETD_PACKET_H
#define BATON_NETD_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETH_HEADER 14u
#define UDP_REPLY_HEADERS (ETH_HEADER + 20u + 8u)

/*
 * A frame whose IP and TCP or UDP headers are all there and of consistent lengths, behind
 * up to two VLAN tags: l3 is ETH_HEADER if there is none.
 */
struct packet {
	bool ipv6;
	uint8_t protocol;		/* IPPROTO_TCP, IPPROTO_UDP */
	uint32_t l3, l4, payload;	/* offsets */
	uint32_t end;			/* of the IP packet; padding follows */
	uint32_t source, target;	/* IPv4 addresses in host order, else 0 */
	uint16_t source_port, target_port;
};

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* False: not IP, a fragment, other protocols, extension headers, or cut off. */
bool packet_parse(const uint8_t *frame, uint32_t length, struct packet *ret);

/* The same of the IP header alone, of any protocol, and of IPv4's fragments, too. */
bool packet_parse_ip(const uint8_t *frame, uint32_t length, struct packet *ret);

/* A VLAN tag follows an EtherType like this. */
bool packet_is_tag(uint16_t type);

/* The MSS that a SYN with complete checksums offers becomes `mss`, if it is `least` or more. */
void packet_offer_mss(uint8_t *frame, uint32_t length, uint16_t least, uint16_t mss);

/* A TCP segment with complete checksums loses its URG flag and urgent pointer. */
void packet_clear_urgent(uint8_t *frame, const struct packet *p);

struct udp_reply {
	const uint8_t *target_mac;
	uint32_t source, target;	/* addresses in host order */
	uint16_t source_port, target_port;
};
/*
 * Puts headers in front of payload_length bytes at frame + UDP_REPLY_HEADERS.
 * Length of the frame.
 */
uint32_t packet_udp_reply(uint8_t *frame, const struct udp_reply *reply,
			  uint32_t payload_length);

/* The MAC of the router's side for one of its addresses. */
void packet_router_mac(uint8_t mac[6], uint32_t address);

/* Sum of RFC 1071 over the bytes, added to sum; packet_fold() makes 16 bits of it. */
uint64_t packet_sum(const void *data, size_t length, uint64_t sum);
uint16_t packet_fold(uint64_t sum);
/* The pseudo header's part of the sum. length: of TCP or UDP with payload. */
uint64_t packet_pseudo_sum(const uint8_t *frame, const struct packet *p, uint32_t length);

#endif
