// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DNS of the network. See dns.h. Ours are names of one label, names in the
 * network's domain, and the reverse names of its addresses; they never leave
 * the host.
 */
#include "dns.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lease.h"
#include "packet.h"

#define HEADER 12u
#define TTL 60u
#define NAME_MAX_TEXT 256u
#define FLAG_RESPONSE 0x8000u
#define FLAG_OPCODE 0x7800u
#define FLAG_AUTHORITATIVE 0x0400u
#define FLAG_RD 0x0100u
#define FLAG_RA 0x0080u
#define RCODE_NXDOMAIN 3u
#define POINTER_TO_QUESTION (0xc000u | HEADER)

enum { TYPE_A = 1, TYPE_PTR = 12, TYPE_ANY = 255, CLASS_IN = 1 };

struct question {
	char name[NAME_MAX_TEXT];	/* with dots, without the last one */
	uint32_t end;			/* in the query */
	uint16_t type;
};

/* False: cut off, compressed, too long, or with bytes that no host name has. */
static bool parse_name(const uint8_t *query, uint32_t length, struct question *q)
{
	uint32_t at = HEADER, to = 0;

	while (at < length && query[at]) {
		uint32_t label = query[at++];

		if (label > 63 || label > length - at || to + label + 2 > sizeof(q->name))
			return false;
		if (to)
			q->name[to++] = '.';
		for (uint32_t i = 0; i < label; i++) {
			uint8_t c = query[at + i];

			if (c <= ' ' || c >= 127 || c == '.')
				return false;
			q->name[to++] = (char)c;
		}
		at += label;
	}
	q->name[to] = 0;
	if (at >= length || length - at < 5)
		return false;
	q->type = get16(query + at + 1);
	q->end = at + 5;
	return get16(query + at + 3) == CLASS_IN;
}

static bool ends_with_domain(const char *name, const char *domain, uint32_t *ret_label)
{
	size_t length = strlen(name), tail = strlen(domain);

	if (!tail || length <= tail + 1 || name[length - tail - 1] != '.' ||
	    strcasecmp(name + length - tail, domain))
		return false;
	*ret_label = (uint32_t)(length - tail - 1);
	return true;
}

/* "d.c.b.a.in-addr.arpa" of an address on the network. */
static bool reverse_address(const struct subnet *s, const char *name, uint32_t *ret)
{
	unsigned int b[4];
	int end = 0;

	if (sscanf(name, "%3u.%3u.%3u.%3u%n", &b[0], &b[1], &b[2], &b[3], &end) != 4 ||
	    strcasecmp(name + end, ".in-addr.arpa") || b[0] > 255 || b[1] > 255 || b[2] > 255 ||
	    b[3] > 255)
		return false;
	*ret = b[3] << 24 | b[2] << 16 | b[1] << 8 | b[0];
	return (*ret & s->mask) == s->network;
}

static uint32_t put_record(uint8_t *to, uint16_t type, uint32_t data_length)
{
	put16(to, POINTER_TO_QUESTION);
	put16(to + 2, type);
	put16(to + 4, CLASS_IN);
	put32(to + 6, TTL);
	put16(to + 10, data_length);
	return 12;
}

/* "name.domain" as labels; the record's length. */
static uint32_t put_pointer(uint8_t *to, const struct lease *lease, const char *domain)
{
	char name[2 * NET_PORT_NAME_MAX + 3];
	uint8_t *at = to + 12;

	snprintf(name, sizeof(name), "%s.%s", lease->name, domain);
	for (const char *label = name; *label;) {
		size_t length = strcspn(label, ".");

		*at++ = (uint8_t)length;
		memcpy(at, label, length);
		at += length;
		label += length + (label[length] == '.');
	}
	*at++ = 0;
	put_record(to, TYPE_PTR, (uint32_t)(at - to - 12));
	return (uint32_t)(at - to);
}

/* The header and the question come back; answers follow. */
static void start_reply(const uint8_t *query, const struct question *q, uint8_t *reply,
			bool known)
{
	memcpy(reply, query, q->end);
	put16(reply + 2, FLAG_RESPONSE | FLAG_AUTHORITATIVE | FLAG_RA |
		      (get16(query + 2) & FLAG_RD) | (known ? 0 : RCODE_NXDOMAIN));
	put16(reply + 6, 0);
	put16(reply + 8, 0);
	put16(reply + 10, 0);
}

static int answer_reverse(struct leases *l, const uint8_t *query, const struct question *q,
			  uint32_t address, uint8_t *reply)
{
	const struct lease *lease = lease_of_address(l, address);
	bool known = lease && lease->name[0] && l->subnet.domain[0];

	start_reply(query, q, reply, known);
	if (!known || (q->type != TYPE_PTR && q->type != TYPE_ANY))
		return (int)q->end;
	put16(reply + 6, 1);
	return (int)(q->end + put_pointer(reply + q->end, lease, l->subnet.domain));
}

static int answer_name(struct leases *l, const uint8_t *query, const struct question *q,
		       uint32_t label, uint8_t *reply)
{
	const struct lease *lease = lease_of_name(l, q->name, label);

	start_reply(query, q, reply, lease != NULL);
	if (!lease || (q->type != TYPE_A && q->type != TYPE_ANY))
		return (int)q->end; /* a name without AAAA: no error, no answer */
	put16(reply + 6, 1);
	put_record(reply + q->end, TYPE_A, 4);
	put32(reply + q->end + 12, lease->address);
	return (int)(q->end + 16);
}

int dns_answer(struct leases *leases, const uint8_t *query, uint32_t length, uint8_t *reply)
{
	struct question q;
	uint32_t label, address;

	if (length < HEADER || get16(query + 2) & FLAG_RESPONSE)
		return -EINVAL;
	if (get16(query + 2) & FLAG_OPCODE || get16(query + 4) != 1 ||
	    !parse_name(query, length, &q) || !q.name[0])
		return 0;
	if (reverse_address(&leases->subnet, q.name, &address))
		return answer_reverse(leases, query, &q, address, reply);
	label = (uint32_t)strlen(q.name);
	if (ends_with_domain(q.name, leases->subnet.domain, &label) || !strchr(q.name, '.'))
		return answer_name(leases, query, &q, label, reply);
	return 0;
}
