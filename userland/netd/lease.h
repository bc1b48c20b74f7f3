/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has which address on the network: by MAC, for good, kept in a file. One
 * thread. Addresses are in host order.
 */
#ifndef BATON_NETD_LEASE_H
#define BATON_NETD_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/net_port.h"

#define LEASES_MAX 256		/* fits slot_of[] */
#define LEASES_PER_PORT 16		/* and no more than a quarter of the pool */

#define DECLINED_MAX 16			/* and no more than a quarter of the pool */
#define DECLINED_SECONDS 600

struct subnet {
	uint32_t network, mask, broadcast;
	uint32_t router, dns;
	uint32_t first, last;		/* of the pool */
	char domain[NET_PORT_NAME_MAX + 1];
};

struct lease {
	bool used;
	bool named_by_host;		/* the guest does not get to change the name */
	bool card;			/* of the MAC that its port said hello with */
	uint8_t mac[6];
	uint32_t address;
	char name[NET_PORT_NAME_MAX + 1]; /* one DNS label in lower case, or empty */
	int port;			/* that asked last; -1: none is connected */
	uint64_t seen;			/* running number, for who is oldest */
};

struct leases {
	struct subnet subnet;
	struct lease lease[LEASES_MAX];
	uint8_t slot_of[256];		/* by an address's last byte, where it may be */
	uint64_t clock;
	uint64_t now;			/* seconds; the caller sets it */
	struct {
		uint32_t address;
		uint64_t until;
	} declined[DECLINED_MAX];	/* somebody has it without a lease */
	unsigned int declined_next;
	bool dirty;			/* changed since it was written */
};

/* "10.0.2.0/24", prefix 16 to 27: router .2, DNS .3, guests from .15 on. -EINVAL */
int subnet_parse(const char *text, struct subnet *ret);

/*
 * The lease of a MAC; a new one if there is none, at `wanted` if that is free
 * (0: no wish). A port that has too many loses its oldest, but neither its card's nor one
 * that the host has named. NULL: there is none of these, or no address is left.
 */
struct lease *lease_get(struct leases *l, const uint8_t mac[6], int port, uint32_t wanted);
/* The same for the MAC that a port says hello with. */
struct lease *lease_get_card(struct leases *l, const uint8_t mac[6], int port);
/* The guest needs it no more: it is gone, unless lease_get() would keep it. */
void lease_release(struct leases *l, struct lease *lease);
struct lease *lease_of_mac(struct leases *l, const uint8_t mac[6]);
struct lease *lease_of_name(struct leases *l, const char *name, uint32_t length);
struct lease *lease_of_address(struct leases *l, uint32_t address);
/* The guest has found its address in use: it gets another, and nobody that one for a while. */
void lease_decline(struct leases *l, struct lease *lease);
/* Names it, from the host or from the guest. False: no host name, or another's. */
bool lease_set_name(struct leases *l, struct lease *lease, const char *name, bool by_host);
void lease_port_gone(struct leases *l, int port);

bool host_name_valid(const char *name);

/* 0, also if there is no file. Lines that make no sense are left out. */
int leases_load(struct leases *l, const char *path);
/* Replaces the file as a whole. */
int leases_save(struct leases *l, const char *path);

#endif
