// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Headers of frames: RFC 791, 768, 9293, 8200. See packet.h.
 */
#include "packet.h"

#include <netinet/in.h>
#include <string.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_SERVICE_VLAN 0x88a8
#define TAGS_MAX 2
#define IP_FRAGMENT 0x3fffu /* more follow, or it is at an offset */
#define TCP_CHECKSUM 16u
#define TCP_SYN 0x02u
#define TCP_URG 0x20u

enum { TCP_OPTION_END, TCP_OPTION_NOP, TCP_OPTION_MSS };

static bool parse_ipv4(const uint8_t *frame, uint32_t length, struct packet *p)
{
	const uint8_t *ip = frame + p->l3;
	uint32_t header, total;

	if (length - p->l3 < 20 || ip[0] >> 4 != 4)
		return false;
	header = (ip[0] & 15) * 4u;
	total = get16(ip + 2);
	if (header < 20 || total < header || total > length - p->l3)
		return false;
	p->protocol = ip[9];
	p->source = get32(ip + 12);
	p->target = get32(ip + 16);
	p->l4 = p->l3 + header;
	p->end = p->l3 + total;
	return true;
}

static bool parse_ipv6(const uint8_t *frame, uint32_t length, struct packet *p)
{
	const uint8_t *ip = frame + p->l3;
	uint32_t payload;

	if (length - p->l3 < 40 || ip[0] >> 4 != 6)
		return false;
	payload = get16(ip + 4);
	if (payload > length - p->l3 - 40)
		return false;
	p->ipv6 = true;
	p->protocol = ip[6];
	p->l4 = p->l3 + 40;
	p->end = p->l4 + payload;
	return true;
}

static bool parse_l4(const uint8_t *frame, struct packet *p)
{
	const uint8_t *l4 = frame + p->l4;
	uint32_t left = p->end - p->l4, header;

	if (p->protocol == IPPROTO_UDP) {
		if (left < 8)
			return false;
		header = 8;
	} else if (p->protocol == IPPROTO_TCP) {
		if (left < 20)
			return false;
		header = (l4[12] >> 4) * 4u;
		if (header < 20 || header > left)
			return false;
	} else {
		return false;
	}
	p->payload = p->l4 + header;
	p->source_port = get16(l4);
	p->target_port = get16(l4 + 2);
	return true;
}

bool packet_is_tag(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_SERVICE_VLAN;
}

bool packet_parse_ip(const uint8_t *frame, uint32_t length, struct packet *ret)
{
	struct packet p = { .l3 = ETH_HEADER };
	uint16_t type;

	if (length < ETH_HEADER)
		return false;
	type = get16(frame + 12);
	for (unsigned int i = 0; i < TAGS_MAX && packet_is_tag(type); i++) {
		p.l3 += 4;
		if (length < p.l3)
			return false;
		type = get16(frame + p.l3 - 2);
	}
	if (!(type == ETHERTYPE_IPV4 ? parse_ipv4(frame, length, &p) :
	      type == ETHERTYPE_IPV6 ? parse_ipv6(frame, length, &p) : false))
		return false;
	*ret = p;
	return true;
}

bool packet_parse(const uint8_t *frame, uint32_t length, struct packet *ret)
{
	struct packet p;

	if (!packet_parse_ip(frame, length, &p) ||
	    (!p.ipv6 && get16(frame + p.l3 + 6) & IP_FRAGMENT) || !parse_l4(frame, &p))
		return false;
	*ret = p;
	return true;
}

static uint64_t load64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

uint64_t packet_sum(const void *data, size_t length, uint64_t sum)
{
	const uint8_t *at = data;
	unsigned __int128 wide = 0;

	/* Words of any size in any byte order; the carries gather in the upper half. */
	for (; length >= 32; at += 32, length -= 32)
		wide = wide + load64(at) + load64(at + 8) + load64(at + 16) + load64(at + 24);
	sum += (uint64_t)(wide >> 64) + ((uint64_t)wide >> 32) + (uint32_t)wide;
	for (; length >= 4; at += 4, length -= 4) {
		uint32_t word;

		memcpy(&word, at, 4);
		sum += word;
	}
	if (length) {
		uint32_t word = 0;

		memcpy(&word, at, length);
		sum += word;
	}
	return sum;
}

/* As big-endian words would have it: a sum of swapped words is the swapped sum. */
uint16_t packet_fold(uint64_t sum)
{
	uint8_t bytes[2];
	uint16_t folded;

	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	folded = (uint16_t)sum;
	memcpy(bytes, &folded, 2);
	return get16(bytes);
}

uint64_t packet_pseudo_sum(const uint8_t *frame, const struct packet *p, uint32_t length)
{
	uint8_t tail[8] = { 0 };

	put32(tail, length);
	tail[7] = p->protocol;
	return p->ipv6 ? packet_sum(frame + p->l3 + 8, 32, packet_sum(tail, 8, 0)) :
			 packet_sum(frame + p->l3 + 12, 8, packet_sum(tail, 8, 0));
}

/* Where a TCP header has the value of its MSS option; NULL: nowhere. */
static uint8_t *find_mss(uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != TCP_OPTION_END) {
		if (*at == TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			return NULL;
		if (*at == TCP_OPTION_MSS)
			return at[1] == 4 ? at + 2 : NULL;
		at += at[1];
	}
	return NULL;
}

void packet_offer_mss(uint8_t *frame, uint32_t length, uint16_t least, uint16_t mss)
{
	uint8_t *tcp, *offer;
	struct packet p;

	if (!packet_parse(frame, length, &p) || p.protocol != IPPROTO_TCP)
		return;
	tcp = frame + p.l4;
	offer = tcp[13] & TCP_SYN ? find_mss(tcp + 20, frame + p.payload) : NULL;
	if (!offer || get16(offer) < least)
		return;
	put16(offer, mss);
	put16(tcp + TCP_CHECKSUM, 0);
	put16(tcp + TCP_CHECKSUM,
	      (uint16_t)~packet_fold(packet_sum(tcp, p.end - p.l4,
						packet_pseudo_sum(frame, &p, p.end - p.l4))));
}

void packet_clear_urgent(uint8_t *frame, const struct packet *p)
{
	uint8_t *tcp = frame + p->l4;
	uint32_t sum;

	if (!(tcp[13] & TCP_URG) && !get16(tcp + 18))
		return;
	/* RFC 1624, 3: HC' = ~(~HC + ~m + m') */
	sum = (uint16_t)~get16(tcp + TCP_CHECKSUM) + (uint16_t)~get16(tcp + 12) +
	      (uint16_t)~get16(tcp + 18);
	tcp[13] &= (uint8_t)~TCP_URG;
	put16(tcp + 18, 0);
	sum += get16(tcp + 12);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	put16(tcp + TCP_CHECKSUM, (uint16_t)~sum);
}

void packet_router_mac(uint8_t mac[6], uint32_t address)
{
	mac[0] = 0x52; /* as libslirp makes them */
	mac[1] = 0x55;
	put32(mac + 2, address);
}

static void fill_ip(uint8_t *ip, const struct udp_reply *reply, uint32_t length)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	put16(ip + 2, length);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	put32(ip + 12, reply->source);
	put32(ip + 16, reply->target);
	put16(ip + 10, (uint16_t)~packet_fold(packet_sum(ip, 20, 0)));
}

uint32_t packet_udp_reply(uint8_t *frame, const struct udp_reply *reply,
			  uint32_t payload_length)
{
	struct packet p = { .protocol = IPPROTO_UDP, .l3 = ETH_HEADER, .l4 = ETH_HEADER + 20 };
	uint8_t *udp = frame + p.l4;
	uint32_t length = 8 + payload_length;
	uint16_t sum;

	memcpy(frame, reply->target_mac, 6);
	packet_router_mac(frame + 6, reply->source);
	put16(frame + 12, ETHERTYPE_IPV4);
	fill_ip(frame + p.l3, reply, 20 + length);
	put16(udp, reply->source_port);
	put16(udp + 2, reply->target_port);
	put16(udp + 4, length);
	put16(udp + 6, 0);
	sum = (uint16_t)~packet_fold(packet_sum(udp, length,
						packet_pseudo_sum(frame, &p, length)));
	put16(udp + 6, sum ? sum : 0xffff);
	return p.l4 + length;
}
