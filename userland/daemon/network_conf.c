// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See network_conf.h. The files may be anybody's work: sizes are bounded, every value is
 * checked as baton-net does.
 */
#define _GNU_SOURCE /* strcasecmp */
#include "network_conf.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "network"
#define DOMAIN_MAX 63u
#define ROUTES "/proc/net/route"

/* ---- values ---- */

static bool is_word(const char *text, size_t max, const char *extra)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++)
		if (!g_ascii_isalnum(text[i]) && !strchr(extra, text[i]))
			return false;
	return length && length <= max && g_ascii_isalnum(text[0]) &&
	       g_ascii_isalnum(text[length - 1]);
}

bool network_check_name(const char *name, struct btn_error *e)
{
	if (is_word(name, NETWORK_NAME_MAX, "-_."))
		return true;
	btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is no name of a network", name);
	btn_set_cause(e, "It has at most %d letters, digits and inner - _ .", NETWORK_NAME_MAX);
	btn_set_fix(e, "Choose a name such as lab-1.");
	return false;
}

bool network_parse_subnet(const char *text, struct network_subnet *ret)
{
	const char *slash = strchr(text, '/');
	char address[INET_ADDRSTRLEN];
	struct in_addr in;
	guint64 prefix;

	if (!slash || (size_t)(slash - text) >= sizeof(address) ||
	    !g_ascii_string_to_unsigned(slash + 1, 10, 16, 27, &prefix, NULL))
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = 0;
	if (inet_pton(AF_INET, address, &in) != 1)
		return false;
	ret->mask = ~0u << (32 - prefix);
	ret->address = ntohl(in.s_addr);
	return !(ret->address & ~ret->mask) && ret->address >> 24 && ret->address >> 24 != 127 &&
	       ret->address >> 28 < 14;
}

bool network_subnets_overlap(const struct network_subnet *a, const struct network_subnet *b)
{
	return !((a->address ^ b->address) & a->mask & b->mask);
}

bool network_is_domain(const char *text)
{
	char **labels = g_strsplit(text, ".", -1);
	bool ok = *text && strlen(text) <= DOMAIN_MAX;

	for (unsigned int i = 0; labels[i] && ok; i++)
		ok = is_word(labels[i], DOMAIN_MAX, "-");
	g_strfreev(labels);
	return ok;
}

/* ---- definitions ---- */

/* RFC 4122, version 5: a name that has no file has the same UUID after each start. */
static void set_uuid_of_name(struct network *network)
{
	static const uint8_t space[16] = {
		0x7f, 0x15, 0x0d, 0x3c, 0x5e, 0x0a, 0x4b, 0x11,
		0x9c, 0x42, 0x2e, 0x61, 0x62, 0x61, 0x74, 0x6f,
	};
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
	uint8_t h[20];
	gsize size = sizeof(h);

	g_checksum_update(sum, space, sizeof(space));
	g_checksum_update(sum, (const guchar *)network->name, -1);
	g_checksum_get_digest(sum, h, &size);
	g_checksum_free(sum);
	h[6] = (uint8_t)((h[6] & 0x0f) | 0x50);
	h[8] = (uint8_t)((h[8] & 0x3f) | 0x80);
	snprintf(network->uuid, sizeof(network->uuid), "%02x%02x%02x%02x-%02x%02x-%02x%02x-"
		 "%02x%02x-%02x%02x%02x%02x%02x%02x", h[0], h[1], h[2], h[3], h[4], h[5], h[6],
		 h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15]);
}

struct network *network_conf_new(const char *name)
{
	struct network *network = g_new0(struct network, 1);

	network->name = g_strdup(name);
	network->persistent = true;
	set_uuid_of_name(network);
	return network;
}

void network_conf_free(struct network *network)
{
	if (!network)
		return;
	g_free(network->name);
	g_free(network->subnet);
	g_free(network->domain);
	g_free(network);
}

static bool bad(struct btn_error *e, const char *name, const char *key, const char *why)
{
	btn_set(e, BTN_BAD_VALUE, "the definition of the network \"%.32s\" cannot be used", name);
	btn_set_cause(e, "The key \"%s\" %s.", key, why);
	btn_set_fix(e, "Correct or remove the file %.32s.conf among the networks.", name);
	return false;
}

/* *ret NULL: the key is not there. */
static bool get(GKeyFile *file, const char *name, const char *key, char **ret,
		struct btn_error *e)
{
	*ret = NULL;
	if (!g_key_file_has_key(file, GROUP, key, NULL))
		return true;
	*ret = g_key_file_get_string(file, GROUP, key, NULL);
	return *ret || bad(e, name, key, "is no text");
}

static bool take_name(GKeyFile *file, const char *name, struct btn_error *e)
{
	char *text;
	bool ok = get(file, name, "name", &text, e);

	if (ok && g_strcmp0(text, name))
		ok = bad(e, name, "name", "is missing or is not the name of the file");
	g_free(text);
	return ok;
}

static bool take_uuid(GKeyFile *file, struct network *network, struct btn_error *e)
{
	char *text;
	bool ok = get(file, network->name, "uuid", &text, e);

	if (ok && text && !g_uuid_string_is_valid(text))
		ok = bad(e, network->name, "uuid", "is no UUID");
	for (size_t i = 0; ok && text && i < sizeof(network->uuid); i++)
		network->uuid[i] = g_ascii_tolower(text[i]);
	g_free(text);
	return ok;
}

static bool take_values(GKeyFile *file, struct network *network, struct btn_error *e)
{
	struct network_subnet subnet;

	if (!take_name(file, network->name, e) || !take_uuid(file, network, e) ||
	    !get(file, network->name, "subnet", &network->subnet, e) ||
	    !get(file, network->name, "domain", &network->domain, e))
		return false;
	if (network->subnet && !network_parse_subnet(network->subnet, &subnet))
		return bad(e, network->name, "subnet", "is no network like 10.0.2.0/24");
	if (network->domain && !network_is_domain(network->domain))
		return bad(e, network->name, "domain", "is no DNS domain");
	return true;
}

struct network *network_conf_parse(const char *name, const char *text, size_t length,
				   struct btn_error *e)
{
	struct network *network = NULL;
	GKeyFile *file;
	GError *error = NULL;

	if (!network_check_name(name, e))
		return NULL;
	file = g_key_file_new();
	if (!length || length > NETWORK_FILE_MAX ||
	    !g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, &error)) {
		bad(e, name, GROUP, "cannot be read: the file is no key-file");
		g_clear_error(&error);
	} else {
		network = network_conf_new(name);
		if (!take_values(file, network, e))
			g_clear_pointer(&network, network_conf_free);
	}
	g_key_file_free(file);
	return network;
}

char *network_conf_text(const struct network *network)
{
	GKeyFile *file = g_key_file_new();
	char *text;

	g_key_file_set_string(file, GROUP, "name", network->name);
	g_key_file_set_string(file, GROUP, "uuid", network->uuid);
	if (network->subnet)
		g_key_file_set_string(file, GROUP, "subnet", network->subnet);
	if (network->domain)
		g_key_file_set_string(file, GROUP, "domain", network->domain);
	text = g_key_file_to_data(file, NULL, NULL);
	g_key_file_free(file);
	return text;
}

/* ---- a free subnet ---- */

static void add_taken(GArray *taken, uint32_t address, uint32_t mask)
{
	struct network_subnet subnet = { address & mask, mask };

	if (mask) /* the default route covers all */
		g_array_append_val(taken, subnet);
}

static uint32_t address_of(const struct sockaddr *address)
{
	struct sockaddr_in in;

	memcpy(&in, address, sizeof(in));
	return ntohl(in.sin_addr.s_addr);
}

static void add_interfaces(GArray *taken)
{
	struct ifaddrs *all;

	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *at = all; at; at = at->ifa_next)
		if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET && at->ifa_netmask)
			add_taken(taken, address_of(at->ifa_addr), address_of(at->ifa_netmask));
	freeifaddrs(all);
}

/* Addresses are in there as the host's processor reads them from memory. */
static void add_routes(GArray *taken)
{
	FILE *file = fopen(ROUTES, "re");
	char line[256];
	unsigned int address, mask;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %x %*x %*x %*d %*d %*d %x", &address, &mask) == 2)
			add_taken(taken, ntohl(address), ntohl(mask));
	if (file)
		fclose(file);
}

static bool is_free(const GArray *taken, const struct network_subnet *subnet)
{
	const struct network_subnet *all = (const struct network_subnet *)(void *)taken->data;

	for (unsigned int i = 0; i < taken->len; i++)
		if (network_subnets_overlap(subnet, &all[i]))
			return false;
	return true;
}

static char *subnet_text(uint32_t address)
{
	return g_strdup_printf("%u.%u.%u.0/24", address >> 24, address >> 16 & 255,
			       address >> 8 & 255);
}

char *network_choose_subnet(const struct network_subnet *taken, size_t count)
{
	/* RFC 1918 */
	static const struct { uint32_t first, last; } ranges[] = {
		{ 0x0a000300, 0x0affff00 }, { 0xc0a80000, 0xc0a8ff00 }, { 0xac100000, 0xac1fff00 },
	};
	GArray *all = g_array_new(FALSE, FALSE, sizeof(struct network_subnet));
	char *text = NULL;

	g_array_append_vals(all, taken, (guint)count);
	add_interfaces(all);
	add_routes(all);
	for (size_t i = 0; i < G_N_ELEMENTS(ranges) && !text; i++) {
		struct network_subnet at = { ranges[i].first, 0xffffff00 };

		for (; at.address <= ranges[i].last && !text; at.address += 0x100)
			if (is_free(all, &at))
				text = subnet_text(at.address);
	}
	g_array_free(all, TRUE);
	return text;
}
