// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Addresses by MAC. See lease.h. A lease is given to another MAC only when the
 * table or the pool is full and its port is not connected, the oldest first.
 */
#include "lease.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int subnet_parse(const char *text, struct subnet *ret)
{
	struct in_addr address;
	char part[32];
	const char *slash = strchr(text, '/');
	char *end;
	unsigned long prefix;

	if (!slash || (size_t)(slash - text) >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, (size_t)(slash - text));
	part[slash - text] = 0;
	prefix = strtoul(slash + 1, &end, 10);
	if (inet_pton(AF_INET, part, &address) != 1 || !isdigit((unsigned char)slash[1]) ||
	    *end || prefix < 16 || prefix > 27)
		return -EINVAL;
	ret->mask = ~0u << (32 - prefix);
	ret->network = ntohl(address.s_addr);
	if (ret->network & ~ret->mask || ret->network >> 24 == 0 || ret->network >> 24 == 127 ||
	    ret->network >> 28 >= 14)
		return -EINVAL;
	ret->broadcast = ret->network | ~ret->mask;
	ret->router = ret->network + 2;
	ret->dns = ret->network + 3;
	ret->first = ret->network + 15;
	ret->last = ret->broadcast - 1;
	return 0;
}

/* A label of letters, digits and inner hyphens: RFC 1123, 2.1. */
bool host_name_valid(const char *name)
{
	size_t length = strlen(name);

	if (!length || length > NET_PORT_NAME_MAX || name[0] == '-' || name[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-')
			return false;
	return true;
}

struct lease *lease_of_mac(struct leases *l, const uint8_t mac[6])
{
	for (unsigned int i = 0; i < LEASES_MAX; i++)
		if (l->lease[i].used && !memcmp(l->lease[i].mac, mac, 6))
			return &l->lease[i];
	return NULL;
}

struct lease *lease_of_name(struct leases *l, const char *name, uint32_t length)
{
	for (unsigned int i = 0; i < LEASES_MAX; i++)
		if (l->lease[i].used && length && strlen(l->lease[i].name) == length &&
		    !strncasecmp(l->lease[i].name, name, length))
			return &l->lease[i];
	return NULL;
}

struct lease *lease_of_address(struct leases *l, uint32_t address)
{
	uint8_t *slot = &l->slot_of[address & 0xff];

	/* Asked for each frame. */
	if (l->lease[*slot].used && l->lease[*slot].address == address)
		return &l->lease[*slot];
	if (address < l->subnet.first || address > l->subnet.last)
		return NULL;
	for (unsigned int i = 0; i < LEASES_MAX; i++)
		if (l->lease[i].used && l->lease[i].address == address) {
			*slot = (uint8_t)i;
			return &l->lease[i];
		}
	return NULL;
}

static unsigned int count_of_port(const struct leases *l, int port)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < LEASES_MAX; i++)
		count += l->lease[i].used && l->lease[i].port == port;
	return count;
}

static struct lease *oldest_unconnected(struct leases *l)
{
	struct lease *oldest = NULL;

	for (unsigned int i = 0; i < LEASES_MAX; i++) {
		struct lease *lease = &l->lease[i];

		if (lease->used && lease->port < 0 && (!oldest || lease->seen < oldest->seen))
			oldest = lease;
	}
	return oldest;
}

static struct lease *free_slot(struct leases *l)
{
	for (unsigned int i = 0; i < LEASES_MAX; i++)
		if (!l->lease[i].used)
			return &l->lease[i];
	return oldest_unconnected(l);
}

static unsigned int quarter_of_pool(const struct leases *l, unsigned int most)
{
	uint32_t quarter = (l->subnet.last - l->subnet.first + 1) / 4;

	return quarter < most ? quarter : most;
}

static bool is_free(struct leases *l, uint32_t address)
{
	for (unsigned int i = 0; i < DECLINED_MAX; i++)
		if (l->declined[i].address == address && l->now < l->declined[i].until)
			return false;
	return !lease_of_address(l, address);
}

/* There are at most LEASES_MAX and DECLINED_MAX in the way. 0: none. */
static uint32_t free_address(struct leases *l, uint32_t wanted)
{
	if (wanted >= l->subnet.first && wanted <= l->subnet.last && is_free(l, wanted))
		return wanted;
	for (uint32_t a = l->subnet.first; a <= l->subnet.last; a++)
		if (is_free(l, a))
			return a;
	return 0;
}

void lease_decline(struct leases *l, struct lease *lease)
{
	unsigned int slot = l->declined_next++ % quarter_of_pool(l, DECLINED_MAX);
	uint32_t other = free_address(l, 0);

	if (!other)
		return;
	l->declined[slot].address = lease->address;
	l->declined[slot].until = l->now + DECLINED_SECONDS;
	lease->address = other;
	l->dirty = true;
}

static struct lease *make_lease(struct leases *l, const uint8_t mac[6], int port, uint32_t wanted)
{
	struct lease *lease = free_slot(l);
	uint32_t address;

	if (!lease)
		return NULL;
	lease->used = false;
	address = free_address(l, wanted);
	if (!address) {
		lease = oldest_unconnected(l);
		if (!lease)
			return NULL;
		address = lease->address;
	}
	*lease = (struct lease){ .used = true, .address = address, .port = port };
	memcpy(lease->mac, mac, 6);
	l->dirty = true;
	return lease;
}

void lease_release(struct leases *l, struct lease *lease)
{
	if (lease->card || lease->named_by_host)
		return;
	lease->used = false;
	l->dirty = true;
}

/* The port may have one more. VMs in a VM come and go, and few of them say goodbye. */
static bool make_room(struct leases *l, int port)
{
	struct lease *oldest = NULL;

	if (count_of_port(l, port) < quarter_of_pool(l, LEASES_PER_PORT))
		return true;
	for (unsigned int i = 0; i < LEASES_MAX; i++) {
		struct lease *lease = &l->lease[i];

		if (lease->used && lease->port == port && !lease->card &&
		    !lease->named_by_host && (!oldest || lease->seen < oldest->seen))
			oldest = lease;
	}
	if (oldest)
		lease_release(l, oldest);
	return oldest;
}

struct lease *lease_get(struct leases *l, const uint8_t mac[6], int port, uint32_t wanted)
{
	struct lease *lease = lease_of_mac(l, mac);

	if (port >= 0 && (!lease || lease->port != port) && !make_room(l, port))
		return NULL;
	if (!lease)
		lease = make_lease(l, mac, port, wanted);
	if (!lease)
		return NULL;
	if (port >= 0)
		lease->port = port;
	lease->seen = ++l->clock;
	return lease;
}

struct lease *lease_get_card(struct leases *l, const uint8_t mac[6], int port)
{
	struct lease *lease;

	for (unsigned int i = 0; i < LEASES_MAX; i++)
		if (l->lease[i].used && l->lease[i].port == port)
			l->lease[i].card = false;
	lease = lease_get(l, mac, port, 0);
	if (lease)
		lease->card = true;
	return lease;
}

bool lease_set_name(struct leases *l, struct lease *lease, const char *name, bool by_host)
{
	struct lease *other;
	size_t length = strlen(name);

	if (!host_name_valid(name) || (lease->named_by_host && !by_host))
		return false;
	other = lease_of_name(l, name, (uint32_t)length);
	if (other && other != lease) {
		/* The host may move a name, unless a connected VM has it from the host. */
		if (!by_host || (other->port >= 0 && other->named_by_host))
			return false;
		other->name[0] = 0;
	}
	lease->named_by_host |= by_host;
	for (size_t i = 0; i <= length; i++)
		if (lease->name[i] != (char)tolower((unsigned char)name[i])) {
			lease->name[i] = (char)tolower((unsigned char)name[i]);
			l->dirty = true;
		}
	return true;
}

void lease_port_gone(struct leases *l, int port)
{
	for (unsigned int i = 0; i < LEASES_MAX; i++)
		if (l->lease[i].used && l->lease[i].port == port) {
			l->lease[i].port = -1;
			l->lease[i].card = false;
		}
}

/* ---- the file: "MAC ADDRESS NAME|- host|guest" ---- */

static void load_line(struct leases *l, const char *line)
{
	char address[32], name[NET_PORT_NAME_MAX + 1], by[8];
	unsigned int b[6];
	struct in_addr in;
	struct lease *lease;
	uint8_t mac[6];

	if (sscanf(line, "%2x:%2x:%2x:%2x:%2x:%2x %31s %63s %7s", &b[0], &b[1], &b[2], &b[3],
		   &b[4], &b[5], address, name, by) != 9 ||
	    inet_pton(AF_INET, address, &in) != 1)
		return;
	for (unsigned int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	if (lease_of_mac(l, mac) || ntohl(in.s_addr) < l->subnet.first ||
	    ntohl(in.s_addr) > l->subnet.last || lease_of_address(l, ntohl(in.s_addr)))
		return;
	lease = lease_get(l, mac, -1, ntohl(in.s_addr));
	if (lease && strcmp(name, "-"))
		lease_set_name(l, lease, name, !strcmp(by, "host"));
}

int leases_load(struct leases *l, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	for (unsigned int i = 0; i < LEASES_MAX && fgets(line, sizeof(line), file); i++)
		load_line(l, line);
	fclose(file);
	l->dirty = false;
	return 0;
}

static void save_line(FILE *file, const struct lease *lease)
{
	const uint8_t *m = lease->mac;
	struct in_addr in = { htonl(lease->address) };
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &in, address, sizeof(address));
	fprintf(file, "%02x:%02x:%02x:%02x:%02x:%02x %s %s %s\n", m[0], m[1], m[2], m[3], m[4],
		m[5], address, lease->name[0] ? lease->name : "-",
		lease->named_by_host ? "host" : "guest");
}

int leases_save(struct leases *l, const char *path)
{
	char temporary[PATH_MAX];
	FILE *file;
	int error;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	file = fopen(temporary, "we");
	if (!file)
		return -errno;
	for (unsigned int i = 0; i < LEASES_MAX; i++)
		if (l->lease[i].used)
			save_line(file, &l->lease[i]);
	error = ferror(file) ? -EIO : 0;
	if (fclose(file))
		error = -errno;
	if (!error && rename(temporary, path))
		error = -errno;
	if (error)
		unlink(temporary);
	else
		l->dirty = false;
	return error;
}
