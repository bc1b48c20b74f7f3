// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fragments put together. See reassembly.h.
 */
#include "reassembly.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define IP_HEADER 20u
#define IP_MORE_FRAGMENTS 0x2000u
#define IP_OFFSET 0x1fffu
#define PAYLOAD_MAX (65535u - IP_HEADER)
#define HEADERS (ETH_HEADER + IP_HEADER)

static struct assembly *find(struct reassembly *r, const struct packet *p, uint16_t id,
			     uint64_t now)
{
	struct assembly *oldest = &r->assembly[0];

	for (unsigned int i = 0; i < ASSEMBLIES; i++) {
		struct assembly *a = &r->assembly[i];

		if (a->began && now - a->began < ASSEMBLY_SECONDS && a->id == id &&
		    a->source == p->source && a->target == p->target &&
		    a->protocol == p->protocol)
			return a;
		if (a->began < oldest->began)
			oldest = a;
	}
	oldest->began = now;
	oldest->source = p->source;
	oldest->target = p->target;
	oldest->id = id;
	oldest->protocol = p->protocol;
	oldest->total = oldest->got = oldest->end = 0;
	memset(oldest->have, 0, sizeof(oldest->have));
	return oldest;
}

/* False: some of it was there. */
static bool mark(struct assembly *a, uint32_t offset, uint32_t size)
{
	for (uint32_t block = offset / 8; block < (offset + size + 7) / 8; block++) {
		uint8_t bit = (uint8_t)(1u << block % 8);

		if (a->have[block / 8] & bit)
			return false;
		a->have[block / 8] |= bit;
	}
	a->got += size;
	if (offset + size > a->end)
		a->end = offset + size;
	return true;
}

/* False: the fragments contradict each other. */
static bool insert(struct assembly *a, const uint8_t *frame, const struct packet *p)
{
	uint16_t place = get16(frame + ETH_HEADER + 6);
	uint32_t offset = (place & IP_OFFSET) * 8u, size = p->end - p->l4;
	bool more = place & IP_MORE_FRAGMENTS;

	if (!size || offset + size > PAYLOAD_MAX || (more && size % 8) || (!more && a->total) ||
	    (a->total && offset + size > a->total))
		return false;
	if (!mark(a, offset, size))
		return false;
	if (!more)
		a->total = offset + size;
	memcpy(a->frame + HEADERS + offset, frame + HEADERS, size);
	if (!offset)
		memcpy(a->frame, frame, HEADERS);
	return !a->total || a->end <= a->total;
}

uint8_t *reassembly_add(struct reassembly *r, const uint8_t *frame, const struct packet *p,
			uint64_t now, uint32_t *ret_length)
{
	struct assembly *a;
	uint8_t *ip;

	if (p->l4 != HEADERS)
		return NULL;
	a = find(r, p, get16(frame + ETH_HEADER + 4), now);
	if (!insert(a, frame, p)) {
		a->began = 0;
		return NULL;
	}
	if (!a->total || a->got != a->total)
		return NULL;
	a->began = 0;
	ip = a->frame + ETH_HEADER;
	put16(ip + 2, IP_HEADER + a->total);
	put16(ip + 6, 0);
	put16(ip + 10, 0);
	put16(ip + 10, (uint16_t)~packet_fold(packet_sum(ip, IP_HEADER, 0)));
	*ret_length = HEADERS + a->total;
	return a->frame;
}
