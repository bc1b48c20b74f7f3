// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The switch: IEEE 802.1Q's learning bridge without spanning tree, VLANs pass
 * as they are. See switch.h.
 *
 * Against hostile VMs: the MAC that a port said hello with belongs to it alone,
 * and so do the router's; others are learned, up to MACS_PER_PORT, and age. No
 * frame leads to more than one answer of ours, and what does not fit into a
 * receiver's queue is dropped.
 */
#define _GNU_SOURCE /* recvmmsg */
#include "switch.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dhcp.h"
#include "dns.h"
#include "guard.h"
#include "offload.h"
#include "packet.h"
#include "uplink.h"

#define ARENA_SIZE (1u << 20)
#define RECEIVE_BATCH 32
#define DNS_PORT 53

struct receive_batch {
	struct mmsghdr message[RECEIVE_BATCH];
	struct iovec iov[RECEIVE_BATCH];
	/* one byte more shows what is too long */
	uint8_t buffer[RECEIVE_BATCH][NET_PORT_MESSAGE_MAX + 1];
};

static const struct virtio_net_hdr_v1 plain_header;

/* ---- memory for frames that are made here ---- */

static uint8_t *arena_take(struct net *net, uint32_t length)
{
	if (ARENA_SIZE - net->arena_used < length)
		switch_flush(net);
	net->arena_used += length;
	return net->arena + net->arena_used - length;
}

/* ---- MAC addresses ---- */

static bool is_multicast(const uint8_t *mac)
{
	return mac[0] & 1;
}

static struct mac_entry *mac_set(struct net *net, const uint8_t *mac)
{
	uint32_t hash = get32(mac + 2) * 0x9e3779b1u ^ get16(mac) * 0x85ebca6bu;

	return net->mac[hash >> 24 & (MAC_SETS - 1)];
}

static bool is_uplink_mac(const struct net *net, const uint8_t *mac)
{
	return mac[0] == 0x52 && mac[1] == 0x55 &&
	       (get32(mac + 2) & net->leases.subnet.mask) == net->leases.subnet.network;
}

/* The port that said hello with it; -1: none. */
static int owner_of(const struct net *net, const uint8_t *mac)
{
	for (int i = 0; i < PORTS_MAX; i++)
		if (net->port[i].greeted && !net->port[i].dead &&
		    !memcmp(net->port[i].mac, mac, 6))
			return i;
	return -1;
}

static bool is_fresh(const struct net *net, const struct mac_entry *e)
{
	return e->seen && net->now - e->seen < MAC_AGE_SECONDS;
}

static struct mac_entry *find_mac(struct net *net, const uint8_t *mac)
{
	struct mac_entry *set = mac_set(net, mac);

	for (unsigned int i = 0; i < MAC_WAYS; i++)
		if (is_fresh(net, &set[i]) && !memcmp(set[i].mac, mac, 6))
			return &set[i];
	return NULL;
}

static void forget(struct net *net, struct mac_entry *e)
{
	if (e->seen)
		net->port[e->port].mac_count--;
	e->seen = 0;
}

static void learn(struct net *net, unsigned int source, const uint8_t *mac)
{
	struct mac_entry *set = mac_set(net, mac), *e = find_mac(net, mac);

	if (!e) {
		e = &set[0];
		for (unsigned int i = 1; i < MAC_WAYS; i++)
			if (set[i].seen < e->seen)
				e = &set[i];
	}
	if (!e->seen || e->port != source || memcmp(e->mac, mac, 6)) {
		if (net->port[source].mac_count >= MACS_PER_PORT)
			return;
		forget(net, e);
		net->port[source].mac_count++;
	}
	memcpy(e->mac, mac, 6);
	e->port = (uint16_t)source;
	e->seen = net->now;
}

/* False: the frame pretends to come from somewhere else. */
static bool source_ok(struct net *net, unsigned int source, const uint8_t *mac)
{
	int owner;

	if (source == PORT_UPLINK)
		return true;
	if (!memcmp(mac, net->port[source].mac, 6))
		return true;
	if (is_multicast(mac) || is_uplink_mac(net, mac))
		return false;
	owner = owner_of(net, mac);
	if (owner >= 0)
		return false;
	learn(net, source, mac);
	return true;
}

static void forget_port(struct net *net, unsigned int index)
{
	for (unsigned int i = 0; i < MAC_SETS * MAC_WAYS; i++) {
		struct mac_entry *e = &net->mac[i / MAC_WAYS][i % MAC_WAYS];

		if (e->seen && e->port == index)
			forget(net, e);
	}
}

/* ---- delivery ---- */

struct emission {
	struct net *net;
	struct port *port;
};

static void emit_to_port(void *ctx, uint8_t *frame, uint32_t length)
{
	struct emission *e = ctx;
	uint8_t *copy = arena_take(e->net, length);

	memcpy(copy, frame, length);
	port_send(e->port, &plain_header, copy, length);
}

static void emit_to_uplink(void *ctx, uint8_t *frame, uint32_t length)
{
	struct net *net = ctx;

	uplink_send(net->uplink, frame, length);
}

static void deliver_to_port(struct net *net, struct port *port,
			    const struct virtio_net_hdr_v1 *header, const uint8_t *frame,
			    uint32_t length)
{
	struct emission e = { net, port };
	struct virtio_net_hdr_v1 h = *header;
	uint8_t *copy;

	if (!port->greeted || port->dead)
		return;
	if (!(offload_needs(header) & ~port->features)) {
		port_send(port, header, frame, length);
		return;
	}
	if (header->gso_type) {
		offload_segment(header, frame, length, net->scratch, emit_to_port, &e);
		return;
	}
	copy = arena_take(net, length);
	memcpy(copy, frame, length);
	offload_checksum(&h, copy, length);
	port_send(port, &h, copy, length);
}

/*
 * libslirp is the other end of the guest's TCP, so a large segment goes there whole, and
 * a SYN says that what comes back may be as large: receive_from_uplink() makes of it what
 * the guest expects. A guest that expects less than the MTU allows gets just that.
 */
static void deliver_to_uplink(struct net *net, const struct virtio_net_hdr_v1 *header,
			      const uint8_t *frame, uint32_t length)
{
	struct virtio_net_hdr_v1 h = *header;

	if (!net->uplink)
		return;
	if (header->gso_type) {
		if (header->gso_type == VIRTIO_NET_HDR_GSO_TCPV4)
			h.gso_size = UINT16_MAX;
		offload_segment(&h, frame, length, net->scratch, emit_to_uplink, net);
		return;
	}
	if (length > UPLINK_MTU + ETH_HEADER)
		return;
	memcpy(net->scratch, frame, length);
	offload_checksum(&h, net->scratch, length);
	packet_offer_mss(net->scratch, length, UPLINK_MSS(UPLINK_MTU), UPLINK_MSS(UPLINK_LARGE));
	uplink_send(net->uplink, net->scratch, length);
}

static void flood(struct net *net, unsigned int source, const struct virtio_net_hdr_v1 *header,
		  const uint8_t *frame, uint32_t length)
{
	for (unsigned int i = 0; i < PORTS_MAX; i++)
		if (i != source && net->port[i].greeted)
			deliver_to_port(net, &net->port[i], header, frame, length);
	/* Only what asks for somebody: the uplink's own addresses are all known. */
	if (source != PORT_UPLINK && is_multicast(frame))
		deliver_to_uplink(net, header, frame, length);
}

static void deliver(struct net *net, unsigned int source, const struct virtio_net_hdr_v1 *header,
		    const uint8_t *frame, uint32_t length)
{
	struct mac_entry *e;
	int owner;

	if (is_multicast(frame)) {
		flood(net, source, header, frame, length);
		return;
	}
	if (is_uplink_mac(net, frame)) {
		if (source != PORT_UPLINK)
			deliver_to_uplink(net, header, frame, length);
		return;
	}
	e = find_mac(net, frame);
	owner = e ? e->port : owner_of(net, frame);
	if (owner < 0)
		flood(net, source, header, frame, length);
	else if ((unsigned int)owner != source)
		deliver_to_port(net, &net->port[owner], header, frame, length);
}

/* ---- services ---- */

static void answer_dhcp(struct net *net, unsigned int source, const uint8_t *frame,
			const struct packet *p)
{
	struct dhcp_request request = {
		.message = frame + p->payload, .length = p->end - p->payload,
		.source_mac = frame + 6, .port = (int)source, .mtu = UPLINK_MTU,
	};
	struct udp_reply reply = {
		.target_mac = frame + 6, .source = net->leases.subnet.router,
		.source_port = DHCP_SERVER_PORT, .target_port = DHCP_CLIENT_PORT,
	};
	uint8_t *out = arena_take(net, UDP_REPLY_HEADERS + DHCP_REPLY_MAX);
	uint32_t length;

	net->leases.now = net->now;
	length = dhcp_answer(&net->leases, &request, out + UDP_REPLY_HEADERS, &reply.target);
	if (!length)
		return;
	length = packet_udp_reply(out, &reply, length);
	port_send(&net->port[source], &plain_header, out, length);
}

/* False: the question is for the uplink. */
static bool answer_dns(struct net *net, unsigned int source, const uint8_t *frame,
		       const struct packet *p)
{
	struct udp_reply reply = {
		.target_mac = frame + 6, .source = p->target, .target = p->source,
		.source_port = DNS_PORT, .target_port = p->source_port,
	};
	uint8_t *out = arena_take(net, UDP_REPLY_HEADERS + DNS_REPLY_MAX);
	int length = dns_answer(&net->leases, frame + p->payload, p->end - p->payload,
				out + UDP_REPLY_HEADERS);

	if (length <= 0)
		return length < 0;
	length = (int)packet_udp_reply(out, &reply, (uint32_t)length);
	port_send(&net->port[source], &plain_header, out, (uint32_t)length);
	return true;
}

/*
 * DHCP goes to nobody else: a VM must not play the server, or listen. Of a frame that is
 * to be split this sees what its segments have in common, and answers none of them.
 */
static bool serve(struct net *net, unsigned int source, const struct virtio_net_hdr_v1 *header,
		  const uint8_t *frame, uint32_t length)
{
	bool whole = !header->gso_type;
	struct packet p;

	/* What is in a VLAN is between the guests. */
	if (source == PORT_UPLINK || !packet_parse(frame, length, &p) || p.ipv6 ||
	    p.protocol != IPPROTO_UDP || p.l3 != ETH_HEADER)
		return false;
	if (p.target_port == DHCP_SERVER_PORT) {
		if (whole)
			answer_dhcp(net, source, frame, &p);
		return true;
	}
	if (p.target_port == DHCP_CLIENT_PORT)
		return true; /* a false server */
	return whole && p.target_port == DNS_PORT && p.target == net->leases.subnet.dns &&
	       answer_dns(net, source, frame, &p);
}

void switch_input(struct net *net, unsigned int source, struct virtio_net_hdr_v1 *header,
		  uint8_t *frame, uint32_t length)
{
	bool inside = source != PORT_UPLINK;

	if (inside)
		guard_untag(header, &frame, &length);
	if (offload_check(header, frame, length) || !source_ok(net, source, frame + 6) ||
	    (inside && !guard_allows(&net->leases, (int)source, frame, length))) {
		if (source == PORT_UPLINK)
			net->uplink_dropped++;
		else
			net->port[source].dropped++;
		return;
	}
	if (serve(net, source, header, frame, length))
		return;
	deliver(net, source, header, frame, length);
}

void switch_flush(struct net *net)
{
	for (unsigned int i = 0; i < PORTS_MAX; i++)
		if (net->port[i].batch_count)
			port_flush(&net->port[i]);
	net->arena_used = 0;
}

/* ---- ports ---- */

static bool is_zero(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return !memcmp(mac, none, 6);
}

/* A local address that no other port has; the port's number makes it so. */
static void make_mac(const struct net *net, unsigned int index, uint8_t mac[6])
{
	static const uint8_t prefix[5] = { 0x52, 0x54, 0x00, 0xba, 0x70 };
	unsigned int last = index;

	do {
		memcpy(mac, prefix, 5);
		mac[5] = (uint8_t)last++;
	} while (owner_of(net, mac) >= 0 && owner_of(net, mac) != (int)index);
}

/* The VM of that port is gone, though what it sent before may still be unread. */
static bool has_hung_up(const struct port *port)
{
	struct pollfd p = { .fd = port->fd };

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

static int take_hello(struct net *net, unsigned int index, struct net_port_hello *hello)
{
	struct port *port = &net->port[index];
	struct lease *lease;
	int owner;

	if (hello->version != NET_PORT_VERSION)
		return -EPROTO;
	hello->name[NET_PORT_NAME_MAX] = 0;
	if (is_zero(hello->mac))
		make_mac(net, index, hello->mac);
	if (is_multicast(hello->mac) || is_uplink_mac(net, hello->mac))
		return -EADDRNOTAVAIL;
	owner = owner_of(net, hello->mac);
	if (owner >= 0 && owner != (int)index) {
		if (!has_hung_up(&net->port[owner]))
			return -EADDRINUSE;
		net->port[owner].dead = true; /* the same VM again, faster than the loop */
	}
	forget_port(net, index);
	for (unsigned int i = 0; i < MAC_WAYS; i++) /* learned at another port before */
		if (!memcmp(mac_set(net, hello->mac)[i].mac, hello->mac, 6))
			forget(net, &mac_set(net, hello->mac)[i]);
	memcpy(port->mac, hello->mac, 6);
	port->features = hello->features;
	port->greeted = true;
	/* A lease from the start: names and forwards work before the guest asks. */
	lease = lease_get_card(&net->leases, port->mac, (int)index);
	port->name[0] = 0;
	if (lease && hello->name[0] && lease_set_name(&net->leases, lease, hello->name, true))
		memcpy(port->name, lease->name, sizeof(port->name));
	return 0;
}

static void greet(struct net *net, unsigned int index, const uint8_t *message, uint32_t length)
{
	struct port *port = &net->port[index];
	struct net_port_hello hello;
	int error;

	if (length != sizeof(hello)) {
		port->dead = true;
		return;
	}
	memcpy(&hello, message, sizeof(hello));
	/* Behind the answer come only frames that the new features allow. */
	port_flush(port);
	port_forget_queue(port);
	error = take_hello(net, index, &hello);
	hello.version = NET_PORT_VERSION;
	hello.error = (uint16_t)-error;
	hello.mtu = UPLINK_MTU;
	port_answer(port, &hello);
	port->dead |= error != 0;
}

static void take_message(struct net *net, unsigned int index, uint8_t *message, uint32_t length)
{
	struct port *port = &net->port[index];
	struct virtio_net_hdr_v1 header;

	if (length && message[0] == NET_PORT_MARKER) {
		greet(net, index, message, length);
		return;
	}
	if (!port->greeted || length < NET_PORT_HEADER + ETH_HEADER ||
	    length > NET_PORT_MESSAGE_MAX) {
		port->dropped++;
		return;
	}
	memcpy(&header, message, NET_PORT_HEADER);
	port->rx_frames++;
	port->rx_bytes += length - NET_PORT_HEADER;
	switch_input(net, index, &header, message + NET_PORT_HEADER, length - NET_PORT_HEADER);
}

void switch_port_readable(struct net *net, unsigned int index)
{
	struct receive_batch *r = net->receive;
	struct port *port = &net->port[index];
	int count;

	if (port->fd < 0 || port->dead)
		return;
	count = recvmmsg(port->fd, r->message, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
	if (count < 0 && errno != EAGAIN && errno != EINTR)
		port->dead = true;
	for (int i = 0; i < count && !port->dead; i++) {
		if (!r->message[i].msg_len)
			port->dead = true; /* end of file: no message of ours is empty */
		else
			take_message(net, index, r->buffer[i], r->message[i].msg_len);
	}
	switch_flush(net);
}

void switch_port_writable(struct net *net, unsigned int index)
{
	port_flush(&net->port[index]);
}

int switch_add_port(struct net *net, int fd)
{
	int size = 4 << 20; /* the host's own limit counts */

	for (int i = 0; i < PORTS_MAX; i++)
		if (net->port[i].fd < 0) {
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
			net->port[i].fd = fd;
			return i;
		}
	return -EUSERS;
}

bool switch_reap(struct net *net)
{
	bool left = false;

	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		if (net->port[i].fd >= 0 && net->port[i].dead) {
			forget_port(net, i);
			lease_port_gone(&net->leases, (int)i);
			port_close(&net->port[i]);
		}
		left |= net->port[i].fd >= 0;
	}
	return left;
}

/* ---- life ---- */

static void take_from_uplink(void *ctx, uint8_t *frame, uint32_t length)
{
	struct virtio_net_hdr_v1 header = plain_header;
	struct net *net = ctx;
	uint8_t *copy = arena_take(net, length);

	memcpy(copy, frame, length);
	packet_offer_mss(copy, length, UPLINK_MSS(UPLINK_MTU), UPLINK_MSS(UPLINK_MTU));
	switch_input(net, PORT_UPLINK, &header, copy, length);
}

/*
 * Packets larger than the MTU: TCP as a large segment, the rest as fragments. The arena
 * starts over when it is full, which a large segment for many ports would make it while
 * it is read. So it has a place of its own, and has left when this returns.
 */
static void receive_from_uplink(void *ctx, const uint8_t *frame, uint32_t length)
{
	struct virtio_net_hdr_v1 header;
	struct net *net = ctx;

	memcpy(net->large, frame, length);
	if (length <= UPLINK_MTU + ETH_HEADER) {
		take_from_uplink(net, net->large, length);
	} else if (offload_enlarge(&header, net->large, length, UPLINK_MSS(UPLINK_MTU))) {
		switch_input(net, PORT_UPLINK, &header, net->large, length);
		switch_flush(net);
	} else {
		offload_fragment(frame, length, UPLINK_MTU, net->large, take_from_uplink, net);
	}
}

static bool allocate(struct net *net)
{
	net->receive = calloc(1, sizeof(*net->receive));
	net->arena = malloc(ARENA_SIZE);
	net->scratch = malloc(NET_PORT_FRAME_MAX);
	net->large = malloc(NET_PORT_FRAME_MAX);
	if (!net->receive || !net->arena || !net->scratch || !net->large)
		return false;
	for (unsigned int i = 0; i < RECEIVE_BATCH; i++) {
		net->receive->iov[i] = (struct iovec){ net->receive->buffer[i],
						       sizeof(net->receive->buffer[i]) };
		net->receive->message[i].msg_hdr.msg_iov = &net->receive->iov[i];
		net->receive->message[i].msg_hdr.msg_iovlen = 1;
	}
	return true;
}

int switch_create(const struct subnet *subnet, struct net **ret)
{
	struct net *net = calloc(1, sizeof(*net));
	int error;

	if (!net)
		return -ENOMEM;
	for (unsigned int i = 0; i < PORTS_MAX; i++)
		net->port[i].fd = -1;
	net->leases.subnet = *subnet;
	net->now = 1;
	error = allocate(net) ? uplink_create(subnet, receive_from_uplink, net, &net->uplink) :
				-ENOMEM;
	if (error) {
		switch_destroy(net);
		return error;
	}
	*ret = net;
	return 0;
}

void switch_destroy(struct net *net)
{
	if (!net)
		return;
	uplink_destroy(net->uplink);
	for (unsigned int i = 0; i < PORTS_MAX; i++)
		port_close(&net->port[i]);
	free(net->receive);
	free(net->arena);
	free(net->scratch);
	free(net->large);
	free(net);
}
