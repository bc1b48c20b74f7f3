// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * UDP between guests and the host's loopback. See loopback.h.
 */
#include "loopback.h"

#include <netinet/in.h>
#include <stddef.h>

#include "packet.h"

#define IP_SOURCE 12u
#define IP_TARGET 16u
#define UDP_CHECKSUM 6u

static bool parse(const uint8_t *frame, uint32_t length, struct packet *p)
{
	return packet_parse(frame, length, p) && !p->ipv6 && p->protocol == IPPROTO_UDP &&
	       p->l3 == ETH_HEADER;
}

static void set_address(uint8_t *frame, const struct packet *p, uint32_t at, uint32_t address)
{
	uint8_t *ip = frame + p->l3, *field = frame + p->l4 + UDP_CHECKSUM;
	uint16_t sum;

	put32(ip + at, address);
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~packet_fold(packet_sum(ip, p->l4 - p->l3, 0)));
	if (!get16(field))
		return; /* there is none */
	put16(field, 0);
	sum = (uint16_t)~packet_fold(packet_sum(frame + p->l4, p->end - p->l4,
			packet_pseudo_sum(frame, p, p->end - p->l4)));
	put16(field, sum ? sum : 0xffff);
}

static bool is_fresh(const struct loopback_flow *f, uint64_t now)
{
	return f->seen && now - f->seen < LOOPBACK_SECONDS;
}

static struct loopback_flow *find(struct loopback *l, uint32_t guest, uint16_t guest_port,
				  uint16_t client_port)
{
	for (unsigned int i = 0; i < LOOPBACK_FLOWS; i++) {
		struct loopback_flow *f = &l->flow[i];

		if (f->seen && f->guest == guest && f->guest_port == guest_port &&
		    f->client_port == client_port)
			return f;
	}
	return NULL;
}

static struct loopback_flow *oldest(struct loopback *l)
{
	struct loopback_flow *f = &l->flow[0];

	for (unsigned int i = 1; i < LOOPBACK_FLOWS; i++)
		if (l->flow[i].seen < f->seen)
			f = &l->flow[i];
	return f;
}

bool loopback_is_source(const struct loopback *l, const uint8_t *frame, uint32_t length)
{
	struct packet p;

	return parse(frame, length, &p) && (p.source == l->router || p.source >> 24 == 127);
}

void loopback_in(struct loopback *l, uint8_t *frame, uint32_t length, uint64_t now)
{
	struct loopback_flow *f;
	struct packet p;

	if (!parse(frame, length, &p))
		return;
	f = find(l, p.target, p.target_port, p.source_port);
	if (!f)
		f = oldest(l);
	*f = (struct loopback_flow){ p.target, p.target_port, p.source_port, now };
	/* libslirp's translation depends on whom the guest has answered last. */
	set_address(frame, &p, IP_SOURCE, l->router);
}

void loopback_out(struct loopback *l, uint8_t *frame, uint32_t length, uint64_t now)
{
	struct loopback_flow *f;
	struct packet p;

	if (!parse(frame, length, &p) || p.target != l->router)
		return;
	f = find(l, p.source, p.source_port, p.target_port);
	if (f && is_fresh(f, now))
		set_address(frame, &p, IP_TARGET, INADDR_LOOPBACK);
}
