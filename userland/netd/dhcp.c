// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DHCP server. See dhcp.h. Addresses are stable, so nothing has to be
 * remembered between DISCOVER and REQUEST. RELEASE frees what is not a port's own;
 * behind DECLINE a MAC has another address.
 */
#include "dhcp.h"

#include <string.h>

#include "lease.h"
#include "packet.h"

#define LEASE_SECONDS 86400u
#define FIXED 240u		/* header, sname, file and the magic cookie */
#define MAGIC 0x63825363u
#define BROADCAST 0x8000u

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };
enum {
	OPTION_PAD = 0, OPTION_MASK = 1, OPTION_ROUTER = 3, OPTION_DNS = 6, OPTION_HOST_NAME = 12,
	OPTION_DOMAIN = 15, OPTION_MTU = 26, OPTION_BROADCAST = 28, OPTION_ADDRESS = 50,
	OPTION_TIME = 51, OPTION_TYPE = 53, OPTION_SERVER = 54, OPTION_T1 = 58, OPTION_T2 = 59,
	OPTION_END = 255,
};

struct asked {
	uint8_t type;
	uint32_t address, server;	/* options 50 and 54; 0: not given */
	char name[NET_PORT_NAME_MAX + 1];
};

static void take_option(struct asked *a, uint8_t code, const uint8_t *value, uint32_t length)
{
	if (code == OPTION_TYPE && length == 1)
		a->type = value[0];
	else if (code == OPTION_ADDRESS && length == 4)
		a->address = get32(value);
	else if (code == OPTION_SERVER && length == 4)
		a->server = get32(value);
	else if (code == OPTION_HOST_NAME && length <= NET_PORT_NAME_MAX) {
		memcpy(a->name, value, length);
		a->name[length] = 0;
	}
}

static bool parse_options(const uint8_t *at, uint32_t left, struct asked *a)
{
	while (left && at[0] != OPTION_END) {
		uint32_t size = at[0] == OPTION_PAD ? 1 : left < 2 ? 2 : 2u + at[1];

		if (size > left)
			return false;
		if (at[0] != OPTION_PAD)
			take_option(a, at[0], at + 2, size - 2);
		at += size;
		left -= size;
	}
	return a->type != 0;
}

static uint8_t *put_option(uint8_t *to, uint8_t code, const void *value, uint32_t length)
{
	to[0] = code;
	to[1] = (uint8_t)length;
	memcpy(to + 2, value, length);
	return to + 2 + length;
}

static uint8_t *put_option32(uint8_t *to, uint8_t code, uint32_t value)
{
	uint8_t bytes[4];

	put32(bytes, value);
	return put_option(to, code, bytes, 4);
}

static uint8_t *put_times(uint8_t *to)
{
	to = put_option32(to, OPTION_TIME, LEASE_SECONDS);
	to = put_option32(to, OPTION_T1, LEASE_SECONDS / 2);
	return put_option32(to, OPTION_T2, LEASE_SECONDS / 8 * 7);
}

static uint8_t *put_network(uint8_t *to, const struct subnet *s, const struct lease *lease,
			    uint16_t mtu)
{
	uint8_t bytes[2];

	to = put_option32(to, OPTION_MASK, s->mask);
	to = put_option32(to, OPTION_ROUTER, s->router);
	to = put_option32(to, OPTION_DNS, s->dns);
	to = put_option32(to, OPTION_BROADCAST, s->broadcast);
	put16(bytes, mtu);
	to = put_option(to, OPTION_MTU, bytes, 2);
	if (s->domain[0])
		to = put_option(to, OPTION_DOMAIN, s->domain, (uint32_t)strlen(s->domain));
	if (lease && lease->name[0])
		to = put_option(to, OPTION_HOST_NAME, lease->name, (uint32_t)strlen(lease->name));
	return to;
}

static uint32_t write_reply(const struct leases *l, const struct dhcp_request *r, uint8_t type,
			    const struct lease *lease, uint8_t *reply)
{
	const struct subnet *s = &l->subnet;
	uint8_t *to = reply + FIXED;

	memset(reply, 0, DHCP_REPLY_MAX);
	memcpy(reply, r->message, 12);		/* op to flags … */
	memcpy(reply + 28, r->message + 28, 16); /* … and chaddr */
	reply[0] = 2; /* BOOTREPLY */
	reply[3] = 0; /* hops */
	put16(reply + 8, 0); /* secs */
	put16(reply + 10, get16(r->message + 10));
	if (type == ACK)
		memcpy(reply + 12, r->message + 12, 4); /* ciaddr */
	if (lease && type != NAK)
		put32(reply + 16, lease->address);
	if (type != NAK)
		put32(reply + 20, s->router);
	put32(reply + 236, MAGIC);
	to = put_option(to, OPTION_TYPE, &type, 1);
	to = put_option32(to, OPTION_SERVER, s->router);
	if (lease && type != NAK)
		to = put_times(to);
	if (type != NAK)
		to = put_network(to, s, lease, r->mtu);
	*to++ = OPTION_END;
	/* BOOTP's size, which some clients insist on: RFC 1542, 2.1 */
	return to - reply < 300 ? 300 : (uint32_t)(to - reply);
}

/* RFC 2131, 4.3.2: the address comes in option 50, or in ciaddr when renewing. */
static uint8_t answer_request(const struct leases *l, const struct asked *a, uint32_t ciaddr,
			      const struct lease *lease)
{
	uint32_t address = a->address ? a->address : ciaddr;

	if (a->server && a->server != l->subnet.router)
		return 0; /* another server's offer was taken */
	return lease && address == lease->address ? ACK : NAK;
}

/* RFC 2131, 4.4.6: the address comes in ciaddr. */
static void release(struct leases *l, const struct dhcp_request *r)
{
	struct lease *lease = lease_of_mac(l, r->source_mac);

	if (lease && lease->port == r->port && lease->address == get32(r->message + 12))
		lease_release(l, lease);
}

static void decline(struct leases *l, const struct dhcp_request *r, const struct asked *a)
{
	struct lease *lease = lease_of_mac(l, r->source_mac);

	if (lease && lease->port == r->port && lease->address == a->address)
		lease_decline(l, lease);
}

static uint8_t choose_answer(struct leases *l, const struct dhcp_request *r,
			     const struct asked *a, struct lease **ret_lease)
{
	uint32_t ciaddr = get32(r->message + 12);
	uint32_t wish = a->address ? a->address : ciaddr;

	if (a->type == INFORM)
		return ACK;
	if (a->type == RELEASE)
		release(l, r);
	if (a->type == DECLINE)
		decline(l, r, a);
	if (a->type != DISCOVER && a->type != REQUEST)
		return 0;
	*ret_lease = lease_get(l, r->source_mac, r->port, wish);
	if (*ret_lease && a->name[0] && !(*ret_lease)->name[0])
		lease_set_name(l, *ret_lease, a->name, false);
	if (a->type == DISCOVER)
		return *ret_lease ? OFFER : 0;
	return answer_request(l, a, ciaddr, *ret_lease);
}

uint32_t dhcp_answer(struct leases *leases, const struct dhcp_request *request, uint8_t *reply,
		     uint32_t *ret_target)
{
	const uint8_t *m = request->message;
	struct lease *lease = NULL;
	struct asked asked = { 0 };
	uint8_t type;

	/* BOOTREQUEST over Ethernet, from the client itself, not through a relay */
	if (request->length < FIXED || m[0] != 1 || m[1] != 1 || m[2] != 6 || get32(m + 24) ||
	    get32(m + 236) != MAGIC || memcmp(m + 28, request->source_mac, 6) ||
	    !parse_options(m + FIXED, request->length - FIXED, &asked))
		return 0;
	type = choose_answer(leases, request, &asked, &lease);
	if (!type)
		return 0;
	if (type == NAK || get16(m + 10) & BROADCAST)
		*ret_target = UINT32_MAX;
	else if (get32(m + 12))
		*ret_target = get32(m + 12);
	else
		*ret_target = lease ? lease->address : UINT32_MAX;
	return write_reply(leases, request, type, lease, reply);
}
