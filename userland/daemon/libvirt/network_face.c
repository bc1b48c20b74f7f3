// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Networks. A network of Baton's starts with its first VM and ends behind its last, by
 * itself: to libvirt's clients, who ask before they use one, it is active before that.
 */
#include <arpa/inet.h>
#include <string.h>

#include "lib/json_read.h"
#include "libvirt/handlers.h"
#include "libvirt/xml_tree.h"
#include "network.h"
#include "network_conf.h"

enum { NETS_INACTIVE = 1, NETS_ACTIVE = 2, NETS_TRANSIENT = 8, NETS_PERSISTENT = 4,
       NETS_AUTOSTART = 16, NETS_NO_AUTOSTART = 32 };

/* Of a network's addresses: userland/netd/README.md. */
#define NETWORK_SUBNET_DEFAULT "10.0.2.0/24"
#define ROUTER 2u
#define FIRST_GUEST 15u

struct listing {
	GByteArray *out;
	uint32_t count, most;
	bool active, inactive;	/* which are wanted */
	enum { PUT_NOTHING, PUT_NET, PUT_NAME } what;
};

static void list_one(const struct network *network, void *ctx)
{
	struct listing *l = ctx;

	if (l->count >= l->most || !(network_shows_active(network) ? l->active : l->inactive))
		return;
	l->count++;
	if (l->what == PUT_NET)
		put_net(l->out, network);
	else if (l->what == PUT_NAME)
		xdr_put_string(l->out, network->name);
}

/* All of them are persistent and start by themselves. */
static bool wants_ours(uint32_t flags)
{
	return !(flags & (NETS_PERSISTENT | NETS_TRANSIENT) && !(flags & NETS_PERSISTENT)) &&
	       !(flags & (NETS_AUTOSTART | NETS_NO_AUTOSTART) && !(flags & NETS_AUTOSTART));
}

void do_list_all_networks(struct call *call)
{
	bool any = !(call->flags & (NETS_INACTIVE | NETS_ACTIVE));
	struct listing l = { .out = call->out, .most = wants_ours(call->flags) ? LV_LIST_MAX : 0,
			     .active = any || call->flags & NETS_ACTIVE,
			     .inactive = any || call->flags & NETS_INACTIVE,
			     .what = call->arg[0].i ? PUT_NET : PUT_NOTHING };
	guint at = xdr_put_later(call->out);

	network_each(list_one, &l);
	if (call->arg[0].i)
		xdr_set_later(call->out, at, l.count);
	xdr_put_uint(call->out, l.count);
	call_return(call);
}

static void count_networks(struct call *call, bool active)
{
	struct listing l = { .most = LV_LIST_MAX, .active = active, .inactive = !active };

	network_each(list_one, &l);
	xdr_put_int(call->out, (int32_t)l.count);
	call_return(call);
}

void do_num_of_networks(struct call *call)
{
	count_networks(call, true);
}

void do_num_of_defined_networks(struct call *call)
{
	count_networks(call, false);
}

static void list_names(struct call *call, bool active)
{
	struct listing l = { .out = call->out, .what = PUT_NAME,
			     .active = active, .inactive = !active,
			     .most = (uint32_t)CLAMP(call->arg[0].i, 0, (int32_t)LV_LIST_MAX) };
	guint at = xdr_put_later(call->out);

	network_each(list_one, &l);
	xdr_set_later(call->out, at, l.count);
	call_return(call);
}

void do_list_networks(struct call *call)
{
	list_names(call, true);
}

void do_list_defined_networks(struct call *call)
{
	list_names(call, false);
}

/* ---- one of them ---- */

static void found(struct call *call, const struct network *network, const char *kind,
		  const char *what)
{
	if (!network) {
		call_fail(call, LV_ERR_NO_NETWORK, "Network not found: no network with matching %s "
			  "'%s'", kind, what);
		return;
	}
	put_net(call->out, network);
	call_return(call);
}

void do_network_by_name(struct call *call)
{
	struct btn_error e;

	found(call, network_find(call->arg[0].s, &e), "name", call->arg[0].s);
}

void do_network_by_uuid(struct call *call)
{
	char uuid[37];

	xdr_uuid_text(call->arg[0].bytes, uuid);
	found(call, network_find_uuid(uuid), "uuid", uuid);
}

static void subnet_of(const struct network *network, struct network_subnet *ret)
{
	if (!network->subnet || !network_parse_subnet(network->subnet, ret))
		network_parse_subnet(NETWORK_SUBNET_DEFAULT, ret);
}

unsigned int network_prefix(const struct network *network)
{
	struct network_subnet subnet;

	subnet_of(network, &subnet);
	return 32 - (unsigned int)__builtin_ctz(subnet.mask);
}

static char *address_text(uint32_t address, char text[INET_ADDRSTRLEN])
{
	struct in_addr in = { htonl(address) };

	inet_ntop(AF_INET, &in, text, INET_ADDRSTRLEN);
	return text;
}

/* Its router is .2, its guests are from .15 on (userland/netd/README.md). */
static void put_subnet(GString *to, const struct network_subnet *subnet)
{
	char text[4][INET_ADDRSTRLEN];

	address_text(subnet->address + ROUTER, text[0]);
	address_text(subnet->mask, text[1]);
	address_text(subnet->address + FIRST_GUEST, text[2]);
	address_text((subnet->address | ~subnet->mask) - 1, text[3]);
	xml_put(to, "  <ip address='%s' netmask='%s'>\n    <dhcp>\n"
		"      <range start='%s' end='%s'/>\n    </dhcp>\n  </ip>\n", text[0], text[1],
		text[2], text[3]);
}

void do_network_xml(struct call *call)
{
	const struct network *network = call->network;
	GString *to = g_string_new("<network>\n");
	struct network_subnet subnet;

	subnet_of(network, &subnet);
	xml_put(to, "  <name>%s</name>\n  <uuid>%s</uuid>\n  <forward mode='nat'/>\n",
		network->name, network->uuid);
	if (network->domain)
		xml_put(to, "  <domain name='%s'/>\n", network->domain);
	put_subnet(to, &subnet);
	g_string_append(to, "</network>\n");
	xdr_put_string(call->out, to->str);
	g_string_free(to, TRUE);
	call_return(call);
}

static void put_yes(struct call *call)
{
	xdr_put_int(call->out, 1);
	call_return(call);
}

void do_network_is_persistent(struct call *call)
{
	put_yes(call);
}

void do_network_get_autostart(struct call *call)
{
	put_yes(call);
}

void do_network_set_autostart(struct call *call)
{
	if (call->arg[1].i)
		call_return(call);
	else
		call_fail(call, LV_ERR_UNSUPPORTED, "Operation not supported: networks start by "
			  "themselves with their first VM");
}

void do_network_bridge(struct call *call)
{
	call_fail(call, LV_ERR_INTERNAL, "network '%s' does not have a bridge name: it is a "
		"process of the user's, not an interface of the host", call->network->name);
}

/* ---- leases ---- */

/* It may have gone while its process was asked; call->network then leads nowhere. */
static const struct network *network_of_call(const struct call *call)
{
	char uuid[37];

	xdr_uuid_text(call->arg[0].item[1].bytes, uuid);
	return network_find_uuid(uuid);
}

/* Those of the card with this MAC, if one is given. */
static uint32_t put_leases(struct call *call, const struct json_node *list)
{
	const char *only = call->arg[1].s, *mac, *address, *name;
	const struct network *network = network_of_call(call);
	unsigned int prefix = network ? network_prefix(network) : 24;
	const struct json_node *at = NULL;
	uint32_t count = 0;
	bool connected;

	while (list && (at = json_next(list, at)) && count < LV_LIST_MAX) {
		if (!json_get_string(at, "mac", &mac) || !json_get_string(at, "address",
			&address) ||
		    !json_get_bool(at, "connected", &connected) || !connected ||
		    (only && g_ascii_strcasecmp(only, mac)))
			continue;
		count++;
		if (!call->arg[2].i)
			continue;
		xdr_put_string(call->out, call->arg[0].item[0].s);
		xdr_put_long(call->out, 0);	/* it does not expire */
		xdr_put_int(call->out, 0);
		xdr_put_optional(call->out, mac);
		xdr_put_optional(call->out, NULL);
		xdr_put_string(call->out, address);
		xdr_put_uint(call->out, prefix);
		xdr_put_optional(call->out, json_get_string(at, "name", &name) && name[0] ? name :
				 NULL);
		xdr_put_optional(call->out, NULL);
	}
	return count;
}

static void on_leases(const struct json_node *answer, const struct btn_error *e, void *ctx)
{
	struct call *call = ctx;
	uint32_t count;
	guint at;

	if (!answer) {
		call_fail_btn(call, e);
		return;
	}
	at = xdr_put_later(call->out);
	count = put_leases(call, json_member(answer, "leases"));
	if (call->arg[2].i)
		xdr_set_later(call->out, at, count);
	xdr_put_uint(call->out, count);
	call_return(call);
}

void do_network_leases(struct call *call)
{
	if (network_is_active(call->network)) {
		network_ask(call->network, "leases", NULL, on_leases, call);
		return;
	}
	/* Nobody is on it. */
	xdr_put_uint(call->out, 0);
	xdr_put_uint(call->out, 0);
	call_return(call);
}

/* ---- making and removing ---- */

/* "255.255.255.0" as 24; 0: that is no mask. */
static unsigned int mask_prefix(const char *text)
{
	struct in_addr parsed;
	uint32_t mask;

	if (inet_pton(AF_INET, text, &parsed) != 1)
		return 0;
	mask = ntohl(parsed.s_addr);
	return mask && !(~mask & (~mask + 1)) ? 32 - (unsigned int)__builtin_ctz(mask) : 0;
}

/* The subnet that <ip> asks for, "" if it asks for none; NULL: *e. g_free(). */
static char *wanted_subnet(const struct xml_node *root, struct xml_error *e)
{
	const struct xml_node *ip = xml_child(root, "ip");
	const char *address = xml_attribute(ip, "address"), *mask = xml_attribute(ip, "netmask");
	const char *prefix_text = xml_attribute(ip, "prefix");
	struct network_subnet subnet;
	struct in_addr parsed;
	guint64 prefix = 24;
	char text[INET_ADDRSTRLEN], *ret;

	if (!ip)
		return g_strdup("");
	if (mask)
		prefix = mask_prefix(mask);
	else if (prefix_text && !g_ascii_string_to_unsigned(prefix_text, 10, 1, 32, &prefix, NULL))
		prefix = 0;
	if (!prefix || !address || inet_pton(AF_INET, address, &parsed) != 1) {
		xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <ip>: a network has an "
			 "IPv4 address and a netmask of 16 to 27 bits");
		return NULL;
	}
	ret = g_strdup_printf("%s/%u", address_text(ntohl(parsed.s_addr) & ~0u << (32 - prefix),
						    text), (unsigned int)prefix);
	if (network_parse_subnet(ret, &subnet))
		return ret;
	xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <ip>: a network cannot be %s: it is "
		 "an IPv4 one of 16 to 27 bits", ret);
	g_free(ret);
	return NULL;
}

/* What there is instead of what was asked for is said in the log, as of domains. */
static void note_differences(const struct network *network, const struct xml_node *root)
{
	static const char *const unused[] = { "bridge", "mac", "title", "description", "metadata" };
	const char *address = xml_attribute(xml_child(root, "ip"), "address");
	struct network_subnet subnet;
	char text[INET_ADDRSTRLEN];

	subnet_of(network, &subnet);
	address_text(subnet.address + ROUTER, text);
	if (address && strcmp(address, text))
		g_message("libvirt: %s: the router %s became %s", network->name, address, text);
	if (xml_child(xml_child(xml_child(root, "ip"), "dhcp"), "range"))
		g_message("libvirt: %s: guests get addresses from the %uth on", network->name,
			  FIRST_GUEST);
	for (unsigned int i = 0; i < G_N_ELEMENTS(unused); i++)
		if (xml_child(root, unused[i]))
			g_message("libvirt: %s: <%s> is not used", network->name, unused[i]);
}

/* Addresses are handed out from one range to whoever asks: nothing else can be asked for. */
static bool check_ip(const struct xml_node *root, struct xml_error *e)
{
	const struct xml_node *ip = xml_child(root, "ip"), *at;

	for (at = ip ? ip->next : NULL; at; at = at->next)
		if (xml_is(at, "ip"))
			return xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <ip>: a "
					"network has one");
	for (at = ip ? ip->first : NULL; at; at = at->next)
		if (!xml_is(at, "dhcp"))
			return xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <%s> in "
					"<ip>: Baton does not have this", at->name);
	at = xml_child(ip, "dhcp");
	for (at = at ? at->first : NULL; at; at = at->next)
		if (!xml_is(at, "range"))
			return xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <%s> in "
					"<dhcp>: Baton does not have this", at->name);
	return true;
}

static bool check_network(const struct xml_node *root, struct xml_error *e)
{
	static const char *const known[] = {
		"name", "uuid", "forward", "ip", "metadata", "title", "description", "bridge",
		"mac", "domain", "dns", NULL,
	};
	const struct xml_node *forward = xml_child(root, "forward"), *child;
	const struct xml_node *dns = xml_child(root, "dns");
	const char *mode = xml_attribute(forward, "mode");

	if (!xml_is(root, "network") || !xml_child(root, "name"))
		return xml_fail(e, LV_ERR_XML, "XML error: expecting <network> with a <name>");
	if (!forward || (mode && strcmp(mode, "nat")))
		return xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <forward>: its mode "
			"is 'nat'");
	for (child = root->first; child; child = child->next)
		if (!g_strv_contains(known, child->name))
			return xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <%s>: a "
					"network has none in Baton", child->name);
	/* The router answers them, with what the host knows. */
	if (dns && (dns->first || xml_attribute_is(dns, "enable", "no")))
		return xml_fail(e, LV_ERR_CONFIG, "unsupported configuration: <dns>: a network "
				"has it, and nothing of it can be chosen");
	return check_ip(root, e);
}

/* The UUID that it shall have, "": any. False: it is none. */
static bool wanted_uuid(const struct xml_node *root, char uuid[37])
{
	const struct xml_node *node = xml_child(root, "uuid");
	char *text = node ? xml_text(node) : NULL;
	uint8_t bytes[16];
	bool ok = !node || xdr_uuid_parse(text, bytes);

	uuid[0] = '\0';
	if (node && ok)
		xdr_uuid_text(bytes, uuid);
	g_free(text);
	return ok;
}

/* An address of the XML is the one that there is, or none is named. */
static bool is_address(const char *wanted, uint32_t address)
{
	char text[INET_ADDRSTRLEN];

	return !wanted || !strcmp(wanted, address_text(address, text));
}

/* Router, range, size and domain are those that there are. */
static bool is_same(const struct network *there, const struct xml_node *root, const char *subnet)
{
	const struct xml_node *ip = xml_child(root, "ip");
	const struct xml_node *range = xml_child(xml_child(ip, "dhcp"), "range");
	const char *domain = xml_attribute(xml_child(root, "domain"), "name");
	struct network_subnet is, wanted;

	subnet_of(there, &is);
	if (subnet[0] && (!network_parse_subnet(subnet, &wanted) || wanted.mask != is.mask))
		return false;
	return is_address(xml_attribute(ip, "address"), is.address + ROUTER) &&
		is_address(xml_attribute(range, "start"), is.address + FIRST_GUEST) &&
		is_address(xml_attribute(range, "end"), (is.address | ~is.mask) - 1) &&
		(!domain || !g_strcmp0(domain, there->domain));
}

/* Defining what is there changes nothing; what differs cannot be changed. Answers. */
static void define_again(struct call *call, const struct network *there,
			 const struct xml_node *root, const char *uuid, const char *subnet)
{
	if (uuid[0] && strcmp(uuid, there->uuid))
		call_fail(call, LV_ERR_FAILED, "operation failed: network '%s' already exists with "
			  "uuid %s", there->name, there->uuid);
	else if (!is_same(there, root, subnet))
		call_fail(call, LV_ERR_UNSUPPORTED, "Operation not supported: the addresses and "
			  "the domain of a network cannot be changed: undefine it first");
	else
		found(call, there, "name", there->name);
}

static void create(struct call *call, const struct xml_node *root, const char *name,
		   const char *uuid, const char *subnet)
{
	const char *domain = xml_attribute(xml_child(root, "domain"), "name");
	const struct network *network;
	struct btn_error e;

	if (!network_create(name, subnet[0] ? subnet : NULL, uuid[0] ? uuid : NULL, domain, &e)) {
		call_fail_btn(call, &e);
	} else {
		network = network_find(name, &e);
		network_state_new(network);
		note_differences(network, root);
		found(call, network, "name", name);
	}
}

static void define(struct call *call, const struct xml_node *root)
{
	char *name = NULL, *subnet = NULL, uuid[37];
	const struct network *there;
	struct xml_error xml;
	struct btn_error e;

	if (!check_network(root, &xml) || !(subnet = wanted_subnet(root, &xml))) {
		call_fail(call, xml.code, "%s", xml.text);
		return;
	}
	name = xml_text(xml_child(root, "name"));
	there = network_find(name, &e);
	if (!wanted_uuid(root, uuid))
		call_fail(call, LV_ERR_XML, "XML error: malformed uuid element");
	else if (there)
		define_again(call, there, root, uuid, subnet);
	else
		create(call, root, name, uuid, subnet);
	g_free(name);
	g_free(subnet);
}

void do_network_define(struct call *call)
{
	struct xml_error e;
	struct xml_node *root = xml_parse(call->arg[0].s, call->arg[0].count, &e);

	if (!root) {
		call_fail(call, e.code, "%s", e.text);
		return;
	}
	define(call, root);
	xml_free(root);
}

void do_network_undefine(struct call *call)
{
	struct btn_error e;
	char *name = g_strdup(call->network->name);

	if (network_delete(name, &e))
		call_return(call);
	else
		call_fail_btn(call, &e);
	g_free(name);
}
