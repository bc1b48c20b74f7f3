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
#include "lib/json_read.h"
#include "lib/json_write.h"
#include "switch.h"

#define NODES_MAX 64

struct request {
	struct control *c;
	int client;
	const struct json_node *object;
	struct json_out *out;
	struct btn_error *e;
};

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

static bool bad(struct request *r, const char *member, const char *what)
{
	btn_set(r->e, BTN_BAD_VALUE, "the member \"%s\" is missing or cannot be used", member);
	btn_set_cause(r->e, "It has to be %s.", what);
	return false;
}

/* ---- looking ---- */

static bool do_status(struct request *r)
{
	const struct net *net = r->c->net;
	const struct subnet *s = &net->leases.subnet;
	unsigned int ports = 0;

	for (unsigned int i = 0; i < PORTS_MAX; i++)
		ports += net->port[i].greeted;
	json_put_string(r->out, "version", BATON_VERSION);
	json_put_string(r->out, "network", r->c->network);
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

static bool do_ports(struct request *r)
{
	json_put_open(r->out, "ports", '[');
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		const struct port *p = &r->c->net->port[i];

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

static bool do_leases(struct request *r)
{
	json_put_open(r->out, "leases", '[');
	for (unsigned int i = 0; i < LEASES_MAX; i++) {
		const struct lease *lease = &r->c->net->leases.lease[i];

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

static bool do_reserve(struct request *r)
{
	struct leases *l = &r->c->net->leases;
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

static bool get_listen(struct request *r, struct uplink_forward *f)
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

static bool get_guest(struct request *r, struct uplink_forward *f)
{
	struct leases *l = &r->c->net->leases;
	const struct lease *lease;
	struct in_addr in;
	const char *guest;
	int64_t port;

	if (!json_get_int(r->object, "guest_port", 1, 65535, &port))
		return bad(r, "guest_port", "a port from 1 to 65535");
	f->guest_port = (uint16_t)port;
	if (!json_get_string(r->object, "guest", &guest))
		return bad(r, "guest", "the name or the address of a VM");
	lease = lease_of_name(l, guest, (uint32_t)strlen(guest));
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

static bool listen_failed(struct request *r, const struct uplink_forward *f, int error)
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

static bool do_forward_add(struct request *r)
{
	struct uplink_forward at = { 0 };
	struct forward *f = r->c->forward;
	bool keep = false;
	int error;

	if (!get_listen(r, &at) || !get_guest(r, &at))
		return false;
	json_get_bool(r->object, "keep", &keep);
	if (find_forward(r->c, &at))
		return listen_failed(r, &at, -EADDRINUSE);
	while (f < r->c->forward + FORWARDS_MAX && f->used)
		f++;
	if (f == r->c->forward + FORWARDS_MAX) {
		btn_set_default(r->e, BTN_NET_FULL);
		return false;
	}
	error = uplink_add_forward(r->c->net->uplink, &at);
	if (error)
		return listen_failed(r, &at, error);
	*f = (struct forward){ .used = true, .owner = keep ? -1 : r->client, .at = at };
	put_address(r->out, "guest_address", at.guest_address);
	return true;
}

static bool do_forward_remove(struct request *r)
{
	struct uplink_forward at = { 0 };
	struct forward *f;

	if (!get_listen(r, &at))
		return false;
	f = find_forward(r->c, &at);
	if (!f) {
		btn_set(r->e, BTN_FORWARD_FAILED, "port %u of the host is not forwarded",
			at.host_port);
		btn_set_cause(r->e, "The network has no such forward.");
		btn_set_fix(r->e, "Ask for the list of forwards.");
		return false;
	}
	remove_forward(r->c, f);
	return true;
}

static bool do_forward_list(struct request *r)
{
	json_put_open(r->out, "forwards", '[');
	for (unsigned int i = 0; i < FORWARDS_MAX; i++) {
		const struct forward *f = &r->c->forward[i];

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

static bool do_quit(struct request *r)
{
	r->c->quit = true;
	return true;
}

/* ---- requests ---- */

static const struct {
	const char *op;
	bool (*run)(struct request *r);
} operations[] = {
	{ "status", do_status }, { "ports", do_ports }, { "leases", do_leases },
	{ "reserve", do_reserve }, { "forward-add", do_forward_add },
	{ "forward-remove", do_forward_remove }, { "forward-list", do_forward_list },
	{ "quit", do_quit },
};

static bool run_operation(struct request *r)
{
	const char *op;

	if (!json_get_string(r->object, "op", &op))
		return bad(r, "op", "the name of an operation");
	for (unsigned int i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (!strcmp(operations[i].op, op))
			return operations[i].run(r);
	btn_set(r->e, BTN_UNKNOWN_VERB, "there is no operation \"%.64s\"", op);
	btn_set_fix(r->e, "The operations are described in userland/netd/README.md.");
	return false;
}

static uint32_t write_error(char *reply, const struct btn_error *e)
{
	struct json_out out;
	char code[16];

	snprintf(code, sizeof(code), "BTN-%04d", (int)e->code);
	json_put_start(&out, reply, CONTROL_REPLY_MAX);
	json_put_open(&out, NULL, '{');
	json_put_bool(&out, "ok", false);
	json_put_string(&out, "code", code);
	json_put_string(&out, "message", e->message);
	json_put_string(&out, "cause", e->cause);
	json_put_string(&out, "fix", e->fix);
	json_put_close(&out, '}');
	return (uint32_t)json_put_end(&out); /* always fits: the texts are bounded */
}

uint32_t control_request(struct control *c, int client, char *line, uint32_t length,
			 char *reply)
{
	struct json_node node[NODES_MAX];
	struct json_out out;
	struct btn_error e;
	struct request r = { c, client, node, &out, &e };
	int64_t size;

	if (json_read(line, length, node, NODES_MAX, NULL) || node[0].type != JSON_OBJECT) {
		btn_set(&e, BTN_BAD_VALUE, "the request is no JSON object");
		btn_set_cause(&e, "Each request is one JSON object (RFC 8259) on a line.");
		btn_set_fix(&e, "See userland/netd/README.md.");
		return write_error(reply, &e);
	}
	json_put_start(&out, reply, CONTROL_REPLY_MAX);
	json_put_open(&out, NULL, '{');
	json_put_bool(&out, "ok", true);
	if (!run_operation(&r))
		return write_error(reply, &e);
	json_put_close(&out, '}');
	size = json_put_end(&out);
	if (size > 0)
		return (uint32_t)size;
	btn_set(&e, BTN_NET_FULL, "the answer is too long");
	return write_error(reply, &e);
}

/* ---- clients ---- */

static void close_client(struct control *c, unsigned int index)
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
	close_client(c, index);
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
			close_client(c, i);
	for (unsigned int i = 0; i < FORWARDS_MAX; i++)
		if (c->forward[i].used)
			remove_forward(c, &c->forward[i]);
}
