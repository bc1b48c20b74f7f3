// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The switch in this process, with hostile VMs on socket pairs. What it hands to
 * libslirp ends in slirp_input() below: nothing goes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet.h"
#include "switch.h"

#define NET 0x0a000200u /* 10.0.2.0 */
#define PORTS 3
#define HEADER NET_PORT_HEADER

static const uint8_t router[6] = { 0x52, 0x55, 10, 0, 2, 2 };
static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static struct net *net;
static int vm[PORTS];
static uint8_t message[NET_PORT_MESSAGE_MAX], *const frame = message + HEADER;
static uint8_t received[NET_PORT_MESSAGE_MAX];

/* What the uplink got last, instead of libslirp. */
static uint8_t outside[NET_PORT_FRAME_MAX];
static uint32_t outside_length;

void slirp_input(Slirp *slirp, const uint8_t *packet, int length)
{
	(void)slirp;
	memcpy(outside, packet, (size_t)length);
	outside_length = (uint32_t)length;
}

static const uint8_t *mac_of(unsigned int index)
{
	static uint8_t mac[PORTS][6];

	memcpy(mac[index], "\x52\x54\0\0\0", 5);
	mac[index][5] = (uint8_t)(index + 1);
	return mac[index];
}

static void send_hello(unsigned int index, uint32_t features)
{
	struct net_port_hello hello = {
		.marker = NET_PORT_MARKER, .version = NET_PORT_VERSION, .features = features,
		.name = { 'v', (char)('a' + index) },
	};

	memcpy(hello.mac, mac_of(index), 6);
	assert_int_equal(send(vm[index], &hello, sizeof(hello), 0), sizeof(hello));
}

/* A new connection; its number in the switch. */
static unsigned int plug(unsigned int index)
{
	int pair[2], port;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	vm[index] = pair[0];
	port = switch_add_port(net, pair[1]);
	assert_true(port >= 0);
	return (unsigned int)port;
}

/* Length of the next frame in `received`; 0: none. */
static uint32_t take(unsigned int index)
{
	ssize_t got = recv(vm[index], received, sizeof(received), MSG_DONTWAIT);

	return got > (ssize_t)HEADER ? (uint32_t)got - HEADER : 0;
}

static uint16_t greet(unsigned int index, unsigned int port, uint32_t features)
{
	struct net_port_hello answer;

	send_hello(index, features);
	switch_port_readable(net, port);
	assert_int_equal(recv(vm[index], &answer, sizeof(answer), MSG_DONTWAIT), sizeof(answer));
	return answer.error;
}

/* The frame goes from a VM through the switch; what it leads to is there when this returns. */
static void pass(unsigned int index, uint32_t length)
{
	outside_length = 0;
	assert_int_equal(send(vm[index], message, HEADER + length, 0), HEADER + length);
	switch_port_readable(net, index);
}

static int up(void **state)
{
	struct subnet subnet = { 0 };

	(void)state;
	subnet_parse("10.0.2.0/24", &subnet);
	assert_int_equal(switch_create(&subnet, &net), 0);
	for (unsigned int i = 0; i < PORTS; i++)
		assert_int_equal(greet(i, plug(i), 0), 0);
	return 0;
}

static int down(void **state)
{
	(void)state;
	switch_destroy(net);
	for (unsigned int i = 0; i < PORTS; i++)
		close(vm[i]);
	return 0;
}

/* ---- frames ---- */

static void fill_sums(uint32_t l3)
{
	struct packet p;
	uint8_t *field;

	put16(frame + l3 + 10, 0);
	put16(frame + l3 + 10, (uint16_t)~packet_fold(packet_sum(frame + l3, 20, 0)));
	if (!packet_parse(frame, sizeof(message) - HEADER, &p))
		return;
	field = frame + p.l4 + (p.protocol == IPPROTO_TCP ? 16 : 6);
	put16(field, 0);
	put16(field, (uint16_t)~packet_fold(packet_sum(frame + p.l4, p.end - p.l4,
			packet_pseudo_sum(frame, &p, p.end - p.l4))));
}

/* IPv4 with checksums and no virtio header, from VM `index`'s own address. Its length. */
static uint32_t make(unsigned int index, const uint8_t *target_mac, uint32_t target,
		     uint8_t protocol, uint32_t payload)
{
	uint32_t header = protocol == IPPROTO_TCP ? 20 : 8;

	memset(message, 0, HEADER + 34 + header);
	memcpy(frame, target_mac, 6);
	memcpy(frame + 6, mac_of(index), 6);
	put16(frame + 12, 0x0800);
	frame[14] = 0x45;
	put16(frame + 16, 20 + header + payload);
	frame[22] = 64;
	frame[23] = protocol;
	put32(frame + 26, NET + 15 + index);
	put32(frame + 30, target);
	put16(frame + 34, 1000);
	put16(frame + 36, 2000);
	if (protocol == IPPROTO_TCP)
		put16(frame + 46, 0x5010);
	else
		put16(frame + 38, header + payload);
	for (uint32_t i = 0; i < payload; i++)
		frame[34 + header + i] = (uint8_t)(i * 3 + (i >> 8));
	fill_sums(14);
	return 34 + header + payload;
}

/* Leaves the checksum, and splitting if there is a size, to the switch. */
static void want_offload(uint8_t gso_type, uint16_t gso_size)
{
	struct packet p;
	struct virtio_net_hdr_v1 h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				       .gso_type = gso_type, .gso_size = gso_size };

	assert_true(packet_parse(frame, sizeof(message) - HEADER, &p));
	h.csum_start = (uint16_t)p.l4;
	h.csum_offset = p.protocol == IPPROTO_TCP ? 16 : 6;
	memcpy(message, &h, HEADER);
	put16(frame + p.l4 + h.csum_offset,
	      packet_fold(packet_pseudo_sum(frame, &p, p.end - p.l4)));
}

/* ---- the way out ---- */

static void assert_not_urgent(uint32_t length)
{
	struct packet p;

	assert_int_equal(outside_length, length);
	assert_true(packet_parse(outside, outside_length, &p));
	assert_int_equal(outside[47], 0x10);
	assert_int_equal(get16(outside + 52), 0);
	assert_int_equal(packet_fold(packet_sum(outside + p.l4, p.end - p.l4,
			packet_pseudo_sum(outside, &p, p.end - p.l4))), 0xffff);
}

/* libslirp would send 60000 bytes of its memory. */
static void test_urgent(void **state)
{
	static const uint16_t pointers[] = { 60000, 1, 0, 0xffff };
	static const uint32_t sizes[] = { 0, 1, 1000, 5000 }; /* the last one with GSO */

	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		uint32_t size = sizes[i / 4];
		uint32_t length = make(0, router, 0xc0000201, IPPROTO_TCP, size);

		frame[47] |= 0x20;
		put16(frame + 52, pointers[i % 4]);
		fill_sums(14);
		if (size == 5000)
			want_offload(VIRTIO_NET_HDR_GSO_TCPV4, 1400);
		else if (i & 1)
			want_offload(0, 0);
		pass(0, length);
		assert_not_urgent(length);
	}
	make(0, router, 0xc0000201, IPPROTO_TCP, 8); /* a pointer without the flag */
	put16(frame + 52, 60000);
	fill_sums(14);
	pass(0, 62);
	assert_not_urgent(62);
	frame[50] ^= 1; /* a wrong sum stays wrong */
	frame[47] |= 0x20;
	pass(0, 62);
	assert_int_equal(outside_length, 62);
	assert_int_not_equal(packet_fold(packet_sum(outside + 34, 28, packet_pseudo_sum(outside,
			&(struct packet){ .protocol = 6, .l3 = 14 }, 28))), 0xffff);
}

/* libslirp gets none: it would put them together in memory that is not its own. */
static void test_fragments(void **state)
{
	static const uint16_t places[] = { 0x2000, 1, 0x2001, 0x6000, 0x1fff, 0x8000, 0x4000 };

	(void)state;
	for (unsigned int i = 0; i < 14; i++) {
		uint8_t protocol = i & 1 ? IPPROTO_TCP : IPPROTO_UDP;
		uint32_t length = make(0, router, 0xc0000201, protocol, 64);

		put16(frame + 20, places[i / 2]);
		put16(frame + 18, i);
		fill_sums(14);
		pass(0, length);
		assert_int_equal(outside_length, places[i / 2] == 0x4000 ? length : 0);
	}
}

/* A large datagram goes outside in one piece. */
static void test_reassembly(void **state)
{
	static uint8_t whole[5000];
	uint32_t length = make(0, router, 0xc0000201, IPPROTO_UDP, 4000), at;

	(void)state;
	memcpy(whole, frame, length);
	outside_length = 0;
	for (at = 0; at < 4008; at += 1400) {
		uint32_t size = 4008 - at < 1400 ? 4008 - at : 1400;

		assert_int_equal(outside_length, 0);
		memcpy(frame, whole, 34);
		memcpy(frame + 34, whole + 34 + at, size);
		put16(frame + 16, 20 + size);
		put16(frame + 20, (at + size < 4008 ? 0x2000 : 0) | at / 8);
		fill_sums(14);
		pass(0, 34 + size);
	}
	assert_int_equal(outside_length, length);
	assert_memory_equal(outside, whole, length);
}

/* ---- VLANs ---- */

/* Puts a tag behind the addresses; the frame's new length. */
static uint32_t tag(uint32_t length, uint16_t type, uint16_t vlan)
{
	memmove(frame + 16, frame + 12, length - 12);
	put16(frame + 12, type);
	put16(frame + 14, vlan);
	return length + 4;
}

/* Of up to two VLANs; a receiver without offloads gets segments with checksums. */
static void test_large_in_vlan(void **state)
{
	(void)state;
	assert_int_equal(greet(2, 2, NET_PORT_CSUM | NET_PORT_TSO4), 0);
	for (unsigned int tags = 0; tags < 3; tags++) {
		uint32_t length = make(0, mac_of(1), NET + 16, IPPROTO_TCP, 5000), total = 0;

		if (tags)
			length = tag(length, 0x8100, 10);
		if (tags > 1)
			length = tag(length, 0x88a8, 20);
		want_offload(VIRTIO_NET_HDR_GSO_TCPV4, 1400);
		pass(0, length);
		for (unsigned int i = 0; i < 4; i++) {
			uint8_t *got = received + HEADER;
			struct packet p;

			assert_int_equal(packet_parse(got, take(1), &p), true);
			assert_int_equal(p.l3, 14 + 4 * tags);
			assert_int_equal(packet_fold(packet_sum(got + p.l4, p.end - p.l4,
					packet_pseudo_sum(got, &p, p.end - p.l4))), 0xffff);
			total += p.end - p.payload;
		}
		assert_int_equal(total, 5000);
		memcpy(frame, mac_of(2), 6); /* this one takes it whole */
		pass(0, length);
		assert_int_equal(take(2), length);
		memcpy(frame, router, 6); /* the uplink is in no VLAN */
		pass(0, length);
		assert_int_equal(outside_length > 0, !tags);
	}
}

/* ---- DHCP ---- */

static bool reaches(unsigned int index, uint32_t length)
{
	pass(0, length);
	return take(index) > 0;
}

/* Length of a false server's offer, or of what else goes to that port. */
static uint32_t make_offer(uint16_t from, uint16_t to)
{
	uint32_t length = make(0, everybody, UINT32_MAX, IPPROTO_UDP, 400);

	put16(frame + 34, from);
	put16(frame + 36, to);
	fill_sums(14);
	return length;
}

static void test_false_server(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		uint16_t from = i & 1 ? 67 : 4000, to = i & 2 ? 68 : 69;

		assert_int_equal(reaches(1, make_offer(from, to)), to == 69);
		make_offer(from, to); /* in one segment, and in several */
		want_offload(5, 1400);
		assert_int_equal(reaches(1, 442), to == 69);
		want_offload(5, 200);
		assert_int_equal(reaches(1, 442), to == 69);
		while (take(1))
			;
		for (unsigned int tags = 1; tags < 5; tags++) {
			uint32_t length = make_offer(from, to);

			for (unsigned int t = 0; t < tags; t++) /* a priority without a VLAN */
				length = tag(length, t & 1 ? 0x88a8 : 0x8100, 0xe000);
			assert_int_equal(reaches(1, length), to == 69);
		}
	}
	assert_true(reaches(1, tag(make_offer(67, 68), 0x8100, 9))); /* the guests' own VLAN */
}

/* The length of a fragment with these bytes of the packet at `frame`. */
static uint32_t cut(uint32_t size, uint16_t place)
{
	put16(frame + 16, 20 + size);
	put16(frame + 20, place);
	fill_sums(14);
	return 34 + size;
}

static void test_false_server_in_fragments(void **state)
{
	static const uint16_t ports[] = { 67, 68 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		make_offer(67, ports[i]);
		assert_false(reaches(1, cut(200, 0x2000)));
		assert_false(reaches(1, tag(cut(200, 0x2000), 0x8100, 0)));
		make_offer(67, ports[i]);
		assert_false(reaches(1, cut(0, 0x2000)));
		assert_false(reaches(1, cut(7, 0x2000)));
	}
	make_offer(67, 69);
	assert_true(reaches(1, cut(200, 0x2000)));
	assert_true(reaches(1, cut(200, 0x2019)));
	assert_true(reaches(1, cut(208, 0x0019)));
}

/* A priority without a VLAN is no obstacle: the checksum is where it was in the packet. */
static void test_priority(void **state)
{
	uint32_t length = make(0, router, 0xc0000201, IPPROTO_UDP, 100);

	(void)state;
	length = tag(length, 0x8100, 0x6000);
	want_offload(0, 0);
	pass(0, length);
	assert_int_equal(outside_length, length - 4);
	assert_int_equal(packet_fold(packet_sum(outside + 34, 108, packet_pseudo_sum(outside,
			&(struct packet){ .protocol = 17, .l3 = 14 }, 108))), 0xffff);
	memcpy(message + 6, "\3\0", 2); /* a checksum in the tag itself */
	pass(0, length);
	assert_int_equal(outside_length, 0);
}

/* ---- others' addresses ---- */

static uint32_t make_arp(uint16_t operation, const uint8_t *mac, uint32_t address)
{
	memset(message, 0, HEADER + 42);
	memcpy(frame, mac_of(1), 6);
	memcpy(frame + 6, mac, 6);
	memcpy(frame + 12, "\x08\6\0\1\x08\0\6\4", 8);
	put16(frame + 20, operation);
	memcpy(frame + 22, mac, 6);
	put32(frame + 28, address);
	memcpy(frame + 32, mac_of(1), 6);
	put32(frame + 38, NET + 16);
	return 42;
}

static void test_false_sender(void **state)
{
	static const uint8_t nested[6] = { 2, 0, 0, 0, 0, 9 };
	static const struct {
		uint32_t address;
		bool good;
	} cases[] = {
		{ NET + 2, false }, { NET + 3, false }, { NET + 16, false }, { NET + 15, true },
		{ NET + 99, true }, { NET + 5, true }, { 0, true }, { 0xc0a80001, true },
		{ NET + 17, false }, /* of a VM that is gone */
	};

	(void)state;
	lease_port_gone(&net->leases, 2);
	for (unsigned int i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t address = cases[i / 2].address, length;
		bool good = cases[i / 2].good;

		assert_int_equal(reaches(1, make_arp(1 + i % 2, mac_of(0), address)), good);
		/* a bridged VM in the VM, with one of its port's addresses or another */
		assert_int_equal(reaches(1, make_arp(1 + i % 2, nested, address)), good);
		assert_int_equal(reaches(1, tag(make_arp(1, mac_of(0), address), 0x8100, 0)),
				 good);
		length = make(0, mac_of(1), NET + 16, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, 64);
		put32(frame + 26, address);
		fill_sums(14);
		assert_int_equal(reaches(1, length), good);
		if (address == NET + 2 || address == NET + 3)
			assert_true(reaches(1, tag(length, 0x8100, 7))); /* not the network */
	}
	make_arp(2, mac_of(0), NET + 15); /* whose hardware address is another's */
	memcpy(frame + 22, mac_of(2), 6);
	assert_false(reaches(1, 42));
}

/* ---- connections ---- */

/* A driver starts while frames for the last one fill the socket. */
static void test_late_answer(void **state)
{
	uint32_t length = make(0, mac_of(1), NET + 16, IPPROTO_UDP, 1400), frames = 0;

	(void)state;
	while (!net->port[1].waiting)
		pass(0, length);
	send_hello(1, 0);
	switch_port_readable(net, 1);
	assert_true(net->port[1].waiting);
	pass(0, length);
	while (take(1) == length) {
		assert_int_not_equal(received[0], NET_PORT_MARKER);
		frames++;
	}
	assert_true(frames > 10);
	switch_port_writable(net, 1);
	assert_false(net->port[1].waiting);
	assert_int_equal(take(1) + HEADER, sizeof(struct net_port_hello));
	assert_int_equal(received[0], NET_PORT_MARKER);
	assert_int_equal(take(1), length); /* and only then what came after it */
	assert_int_equal(take(1), 0);
	assert_int_equal(net->port[1].tx_frames, frames + 1);
}

/* A reboot's connection comes before the switch has seen the end of the last one. */
static void test_reconnect(void **state)
{
	uint32_t length = make(0, mac_of(1), NET + 16, IPPROTO_UDP, 10);
	uint32_t address = lease_of_mac(&net->leases, mac_of(0))->address;
	unsigned int port;
	int old = vm[0];

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(send(old, message, HEADER + length, 0), HEADER + length);
	assert_int_equal(greet(0, plug(0), 0), EADDRINUSE); /* the old one is there */
	close(vm[0]);
	switch_reap(net);
	close(old);
	port = plug(0);
	assert_int_equal(greet(0, port, 0), 0);
	close(vm[0]);
	switch_port_readable(net, port);
	assert_true(net->port[port].dead);
	port = plug(0);
	assert_int_equal(greet(0, port, 0), 0);
	switch_reap(net);
	assert_int_equal(lease_of_mac(&net->leases, mac_of(0))->address, address);
	assert_int_equal(lease_of_mac(&net->leases, mac_of(0))->port, port);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		T(test_urgent), T(test_fragments), T(test_reassembly), T(test_large_in_vlan),
		T(test_false_server), T(test_false_server_in_fragments), T(test_priority),
		T(test_false_sender),
		T(test_late_answer),
		T(test_reconnect),
	};

	return cmocka_run_group_tests_name("netd switch", tests, NULL, NULL);
}
