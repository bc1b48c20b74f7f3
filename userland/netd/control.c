// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests as a table, each with its handler. See control.h. A handler either
 * writes its members into the answer and returns true, or fills the error.
 */
#define _GNU_SOURCE /* accept4's flags */
#include "control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "baton_version.h"
#include "lib/errors.h"
#include "lib/rpc.h"
#include "switch.h"

static struct control *control_of(struct rpc_request *r)
{
	return r->ctx;
}

static void put_address(struct json_out *out, const char *name, uint32_t address)
{
	struct in_addr in = { htonl(address) };
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &in, text, sizeof(text));
	json_put_string(out, name, text);
}

static void put_mac(struct json_out *out, const char *name, const uint8_t m[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
		 m[4], m[5]);
	json_put_string(out, name, text);
}

static bool bad(struct rpc_request *r, const char *member, const char *what)
{
	btn_set(r->e, BTN_BAD_VALUE, "the member \"%s\" is missing or cannot be used", member);
	btn_set_cause(r->e, "It has to be %s.", what);
	return false;
}

/* ---- looking ---- */

static bool do_status(struct rpc_request *r)
{
	const struct net *net = control_of(r)->net;
	const struct subnet *s = &net->leases.subnet;
	unsigned int ports = 0;

	for (unsigned int i = 0; i < PORTS_MAX; i++)
		ports += net->port[i].greeted;
	json_put_string(r->out, "version", BATON_VERSION);
	json_put_string(r->out, "network", control_of(r)->network);
	json_put_string(r->out, "domain", s->domain);
	put_address(r->out, "subnet", s->network);
	put_address(r->out, "mask", s->mask);
	put_address(r->out, "router", s->router);
	put_address(r->out, "dns", s->dns);
	json_put_int(r->out, "mtu", UPLINK_MTU);
	json_put_int(r->out, "ports", ports);
	return true;
}

static void put_features(struct json_out *out, uint32_t features)
{
	static const char *const names[] = { "csum", "tso4", "tso6", "uso" };

	json_put_open(out, "features", '[');
	for (unsigned int i = 0; i < 4; i++)
		if (features >> i & 1)
			json_put_string(out, NULL, names[i]);
	json_put_close(out, ']');
}

static bool do_ports(struct rpc_request *r)
{
	json_put_open(r->out, "ports", '[');
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		const struct port *p = &control_of(r)->net->port[i];

		if (!p->greeted)
			continue;
		json_put_open(r->out, NULL, '{');
		json_put_int(r->out, "port", i);
		json_put_string(r->out, "name", p->name);
		put_mac(r->out, "mac", p->mac);
		put_features(r->out, p->features);
		json_put_int(r->out, "rx_frames", (int64_t)p->rx_frames);
		json_put_int(r->out, "rx_bytes", (int64_t)p->rx_bytes);
		json_put_int(r->out, "tx_frames", (int64_t)p->tx_frames);
		json_put_int(r->out, "tx_bytes", (int64_t)p->tx_bytes);
		json_put_int(r->out, "dropped", (int64_t)p->dropped);
		json_put_close(r->out, '}');
	}
	json_put_close(r->out, ']');
	return true;
}

static void put_lease(struct json_out *out, const struct lease *lease)
{
	put_mac(out, "mac", lease->mac);
	put_address(out, "address", lease->address);
	json_put_string(out, "name", lease->name);
	json_put_bool(out, "connected", lease->port >= 0);
}

static bool do_leases(struct rpc_request *r)
{
	json_put_open(r->out, "leases", '[');
	for (unsigned int i = 0; i < LEASES_MAX; i++) {
		const struct lease *lease = &control_of(r)->net->leases.lease[i];

		if (!lease->used)
			continue;
		json_put_open(r->out, NULL, '{');
		put_lease(r->out, lease);
		json_put_close(r->out, '}');
	}
	json_put_close(r->out, ']');
	return true;
}

/* ---- leases before the VM is there ---- */

static bool parse_mac(const char *text, uint8_t mac[6])
{
	unsigned int b[6];
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 || text[end] || strlen(text) != 17)
		return false;
	for (unsigned int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return !(mac[0] & 1);
}

static bool do_reserve(struct rpc_request *r)
{
	struct leases *l = &control_of(r)->net->leases;
	const char *text, *name = "";
	struct lease *lease;
	uint8_t mac[6];

	if (!json_get_string(r->object, "mac", &text) || !parse_mac(text, mac))
		return bad(r, "mac", "a MAC address like \"52:54:00:12:34:56\"");
	if (json_member(r->object, "name") && (!json_get_string(r->object, "name", &name) ||
					       !host_name_valid(name)))
		return bad(r, "name", "a host name of letters, digits and hyphens");
	lease = lease_get(l, mac, -1, 0);
	if (!lease) {
		btn_set_default(r->e, BTN_NET_FULL);
		return false;
	}
	if (name[0] && !lease_set_name(l, lease, name, true)) {
		btn_set(r->e, BTN_BAD_VALUE, "another VM on the network is called \"%s\"", name);
		btn_set_fix(r->e, "Give this VM another name.");
		return false;
	}
	put_lease(r->out, lease);
	return true;
}

/* ---- forwards ---- */

static void remove_forward(struct control *c, struct forward *f)
{
	uplink_remove_forward(c->net->uplink, &f->at);
	f->used = false;
}

static bool get_listen(struct rpc_request *r, struct uplink_forward *f)
{
	const char *text = "tcp", *address = "127.0.0.1";
	struct in_addr in;
	int64_t port;

	if (json_member(r->object, "proto") && !json_get_string(r->object, "proto", &text))
		text = "";
	if (strcmp(text, "tcp") && strcmp(text, "udp"))
		return bad(r, "proto", "\"tcp\" or \"udp\"");
	f->udp = !strcmp(text, "udp");
	if (json_member(r->object, "host_address") &&
	    !json_get_string(r->object, "host_address", &address))
		address = "";
	if (inet_pton(AF_INET, address, &in) != 1)
		return bad(r, "host_address", "an IPv4 address of the host");
	f->host_address = ntohl(in.s_addr);
	if (!json_get_int(r->object, "host_port", 1, 65535, &port))
		return bad(r, "host_port", "a port from 1 to 65535");
	f->host_port = (uint16_t)port;
	return true;
}

static bool get_guest(struct rpc_request *r, struct uplink_forward *f)
{
	struct leases *l = &control_of(r)->net->leases;
	const struct lease *lease;
	struct in_addr in;
	const char *guest;
	uint8_t mac[6];
	int64_t port;

	if (!json_get_int(r->object, "guest_port", 1, 65535, &port))
		return bad(r, "guest_port", "a port from 1 to 65535");
	f->guest_port = (uint16_t)port;
	if (!json_get_string(r->object, "guest", &guest))
		return bad(r, "guest", "the name, the address or the MAC of a VM");
	lease = parse_mac(guest, mac) ? lease_of_mac(l, mac) :
					lease_of_name(l, guest, (uint32_t)strlen(guest));
	if (lease)
		f->guest_address = lease->address;
	else if (inet_pton(AF_INET, guest, &in) == 1)
		f->guest_address = ntohl(in.s_addr);
	if (f->guest_address >= l->subnet.first && f->guest_address <= l->subnet.last)
		return true;
	btn_set(r->e, BTN_NET_NO_GUEST, "there is no VM \"%.64s\" on the network", guest);
	return false;
}

static struct forward *find_forward(struct control *c, const struct uplink_forward *at)
{
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		struct forward *f = &c->forward[i];

		if (f->used && f->at.udp == at->udp && f->at.host_address == at->host_address &&
		    f->at.host_port == at->host_port)
			return f;
	}
	return NULL;
}

static bool listen_failed(struct rpc_request *r, const struct uplink_forward *f, int error)
{
	struct in_addr in = { htonl(f->host_address) };
	const char *proto = f->udp ? "UDP" : "TCP";
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &in, address, sizeof(address));
	if (error == -EADDRINUSE) {
		btn_set(r->e, BTN_FORWARD_BUSY, "%s port %u of the host (%s) is taken", proto,
			f->host_port, address);
		return false;
	}
	btn_set(r->e, BTN_FORWARD_FAILED, "%s port %u of the host (%s) cannot be forwarded",
		proto, f->host_port, address);
	if (error != -EACCES)
		btn_set_cause(r->e, "The host says: %s.", strerror(-error));
	return false;
}

static bool do_forward_add(struct rpc_request *r)
{
	struct uplink_forward at = { 0 };
	struct forward *f = control_of(r)->forward;
	bool keep = false;
	int error;

	if (!get_listen(r, &at) || !get_guest(r, &at))
		return false;
	json_get_bool(r->object, "keep", &keep);
	if (find_forward(control_of(r), &at))
		return listen_failed(r, &at, -EADDRINUSE);
	while (f < control_of(r)->forward + FORWARDS_MAX && f->used)
		f++;
	if (f == control_of(r)->forward + FORWARDS_MAX) {
		btn_set_default(r->e, BTN_NET_FULL);
		return false;
	}
	error = uplink_add_forward(control_of(r)->net->uplink, &at);
	if (error)
		return listen_failed(r, &at, error);
	*f = (struct forward){ .used = true, .owner = keep ? -1 : r->client, .at = at };
	put_address(r->out, "guest_address", at.guest_address);
	return true;
}

static bool do_forward_remove(struct rpc_request *r)
{
	struct uplink_forward at = { 0 };
	struct forward *f;

	if (!get_listen(r, &at))
		return false;
	f = find_forward(control_of(r), &at);
	if (!f) {
		btn_set(r->e, BTN_FORWARD_FAILED, "port %u of the host is not forwarded",
			at.host_port);
		btn_set_cause(r->e, "The network has no such forward.");
		btn_set_fix(r->e, "Ask for the list of forwards.");
		return false;
	}
	remove_forward(control_of(r), f);
	return true;
}

static bool do_forward_list(struct rpc_request *r)
{
	json_put_open(r->out, "forwards", '[');
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		const struct forward *f = &control_of(r)->forward[i];

		if (!f->used)
			continue;
		json_put_open(r->out, NULL, '{');
		json_put_string(r->out, "proto", f->at.udp ? "udp" : "tcp");
		put_address(r->out, "host_address", f->at.host_address);
		json_put_int(r->out, "host_port", f->at.host_port);
		put_address(r->out, "guest_address", f->at.guest_address);
		json_put_int(r->out, "guest_port", f->at.guest_port);
		json_put_bool(r->out, "keep", f->owner < 0);
		json_put_close(r->out, '}');
	}
	json_put_close(r->out, ']');
	return true;
}

static bool do_quit(struct rpc_request *r)
{
	control_of(r)->quit = true;
	return true;
}

/* ---- requests ---- */

static const struct rpc_operation operations[] = {
	{ .op = "status", .run = do_status }, { .op = "ports", .run = do_ports },
	{ .op = "leases", .run = do_leases }, { .op = "reserve", .run = do_reserve },
	{ .op = "forward-add", .run = do_forward_add },
	{ .op = "forward-remove", .run = do_forward_remove },
	{ .op = "forward-list", .run = do_forward_list }, { .op = "quit", .run = do_quit },
};

static const struct rpc_service service = {
	.operation = operations, .count = sizeof(operations) / sizeof(operations[0]),
	.document = "userland/netd/README.md",
};

uint32_t control_request(struct control *c, int client, char *line, uint32_t length,
			 char *reply)
{
	int fd;

	return (uint32_t)rpc_answer(&service, c, client, line, length, reply, CONTROL_REPLY_MAX,
				    &fd);
}

/* ---- clients ---- */

void control_drop_client(struct control *c, unsigned int index)
{
	for (unsigned int i = 0; i < FORWARDS_MAX; i++)
		if (c->forward[i].used && c->forward[i].owner == (int)index)
			remove_forward(c, &c->forward[i]);
	close(c->client[index].fd);
	c->client[index].fd = -1;
	c->client[index].length = 0;
}

/* Answers the whole lines there are. False: the client does not take its answers. */
static bool answer_lines(struct control *c, unsigned int index)
{
	struct client *client = &c->client[index];
	char reply[CONTROL_REPLY_MAX];
	uint32_t from = 0;
	char *end;

	while ((end = memchr(client->line + from, '\n', client->length - from))) {
		uint32_t length = (uint32_t)(end - client->line) - from;
		uint32_t size = control_request(c, (int)index, client->line + from, length, reply);

		if (send(client->fd, reply, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
			return false;
		from += length + 1;
	}
	memmove(client->line, client->line + from, client->length - from);
	client->length -= from;
	return true;
}

bool control_readable(struct control *c, unsigned int index)
{
	struct client *client = &c->client[index];
	ssize_t got;

	if (client->fd < 0)
		return false;
	got = recv(client->fd, client->line + client->length, CONTROL_LINE_MAX - client->length,
		   MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got > 0) {
		client->length += (uint32_t)got;
		if (answer_lines(c, index) && client->length < CONTROL_LINE_MAX)
			return true;
	}
	control_drop_client(c, index);
	return false;
}

int control_add_client(struct control *c, int fd)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i].fd < 0) {
			c->client[i].fd = fd;
			return i;
		}
	return -EUSERS;
}

bool control_has_clients(const struct control *c)
{
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i].fd >= 0)
			return true;
	return false;
}

bool control_has_kept_forwards(const struct control *c)
{
	for (unsigned int i = 0; i < FORWARDS_MAX; i++)
		if (c->forward[i].used && c->forward[i].owner < 0)
			return true;
	return false;
}

void control_init(struct control *c, struct net *net, const char *network)
{
	memset(c, 0, sizeof(*c));
	c->net = net;
	c->network = network;
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		c->client[i].fd = -1;
}

void control_fini(struct control *c)
{
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i].fd >= 0)
			control_drop_client(c, i);
	for (unsigned int i = 0; i < FORWARDS_MAX; i++)
		if (c->forward[i].used)
			remove_forward(c, &c->forward[i]);
}
