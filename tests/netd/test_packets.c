// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parts of baton-net that need no sockets: leases and their file, DHCP,
 * DNS, checksums, segmentation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dhcp.h"
#include "dns.h"
#include "lease.h"
#include "offload.h"
#include "packet.h"
#include "reassembly.h"

#define NET 0x0a000200u /* 10.0.2.0 */

static struct leases leases;

static const uint8_t *mac_of(unsigned int number)
{
	static uint8_t mac[6] = { 0x52, 0x54 };

	put32(mac + 2, number);
	return mac;
}

static int up(void **state)
{
	(void)state;
	memset(&leases, 0, sizeof(leases));
	strcpy(leases.subnet.domain, "lab.internal");
	return subnet_parse("10.0.2.0/24", &leases.subnet);
}

static void test_subnets(void **state)
{
	static const char *const bad[] = { "", "10.0.2.0", "10.0.2.1/24", "10.0.2.0/28",
					   "10.0.0.0/8", "127.0.0.0/24", "224.0.0.0/24",
					   "10.0.2.0/24x",
					   "10.0.2.0/-8", "10.0.2/24", "0.0.0.0/16" };
	struct subnet s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (subnet_parse(bad[i], &s) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(subnet_parse("192.168.4.0/27", &s), 0);
	assert_int_equal(s.router, 0xc0a80402);
	assert_int_equal(s.last, 0xc0a8041e);
}

static void test_leases(void **state)
{
	char path[] = "/tmp/leases.XXXXXX";
	struct lease *a, *b;

	(void)state;
	a = lease_get(&leases, mac_of(1), 0, 0);
	assert_int_equal(a->address, NET + 15);
	b = lease_get(&leases, mac_of(2), 1, NET + 77);
	assert_int_equal(b->address, NET + 77);
	assert_ptr_equal(lease_get(&leases, mac_of(1), 0, NET + 99), a);
	assert_int_equal(lease_get(&leases, mac_of(3), 1, NET + 2)->address, NET + 16);
	assert_true(lease_set_name(&leases, a, "Web1", true));
	assert_false(lease_set_name(&leases, a, "other", false)); /* the guest */
	assert_false(lease_set_name(&leases, b, "web1", false));
	assert_false(lease_set_name(&leases, b, "web1", true)); /* connected */
	assert_false(lease_set_name(&leases, b, "-x", true));
	close(mkstemp(path));
	assert_int_equal(leases_save(&leases, path), 0);
	up(NULL);
	assert_int_equal(leases_load(&leases, path), 0);
	unlink(path);
	assert_int_equal(lease_of_mac(&leases, mac_of(2))->address, NET + 77);
	assert_int_equal(lease_of_name(&leases, "WEB1", 4)->address, NET + 15);
}

static void test_lease_limits(void **state)
{
	(void)state;
	assert_non_null(lease_get_card(&leases, mac_of(0), 3));
	for (unsigned int i = 1; i < 3 * LEASES_PER_PORT; i++) {
		struct lease *lease = lease_get(&leases, mac_of(i), 3, 0);

		assert_in_range(lease->address, NET + 15, NET + 14 + LEASES_PER_PORT);
		if (i == 1)
			lease_set_name(&leases, lease, "kept", true);
	}
	/* the card's, the named one, the last ones */
	assert_int_equal(lease_of_mac(&leases, mac_of(0))->address, NET + 15);
	assert_int_equal(lease_of_mac(&leases, mac_of(1))->address, NET + 16);
	for (unsigned int i = 2; i < 3 * LEASES_PER_PORT; i++)
		assert_int_equal(!!lease_of_mac(&leases, mac_of(i)), i >= 2 * LEASES_PER_PORT + 2);
	for (unsigned int i = 0; i < 2000; i++) /* reserved, unconnected: the oldest go */
		assert_non_null(lease_get(&leases, mac_of(2000 + i), -1, 0));
	assert_non_null(lease_of_mac(&leases, mac_of(0)));
	assert_null(lease_of_mac(&leases, mac_of(2000)));
	lease_port_gone(&leases, 3);
	assert_non_null(lease_get(&leases, mac_of(1000), 3, 0));
}

/* In a small network a VM leaves room for others. */
static void test_small_pool(void **state)
{
	struct lease *lease;

	(void)state;
	subnet_parse("10.0.2.0/27", &leases.subnet); /* 16 addresses */
	for (unsigned int port = 0; port < 4; port++) {
		assert_non_null(lease_get_card(&leases, mac_of(100 * port), (int)port));
		for (unsigned int i = 1; i < 20; i++) {
			lease = lease_get(&leases, mac_of(100 * port + i), (int)port, 0);
			assert_in_range(lease->address - (NET + 15), 4 * port, 4 * port + 3);
		}
	}
	/* another card at the same port: the first one's lease is like others now */
	assert_non_null(lease_get_card(&leases, mac_of(1000), 3));
	for (unsigned int i = 1; i < 4; i++)
		assert_non_null(lease_get(&leases, mac_of(1000 + i), 3, 0));
	assert_null(lease_of_mac(&leases, mac_of(300)));
	assert_non_null(lease_of_mac(&leases, mac_of(1000)));
}

/* ---- DHCP ---- */

static uint32_t ask_dhcp(uint8_t type, uint32_t wanted, uint32_t server, uint8_t *reply,
			 uint32_t *target)
{
	uint8_t m[300] = { 1, 1, 6 }, *o = m + 240;
	struct dhcp_request r = { .message = m, .length = sizeof(m), .source_mac = mac_of(7),
				  .port = 0, .mtu = 1500 };

	memcpy(m + 28, mac_of(7), 6);
	put32(m + 236, 0x63825363);
	*o++ = 53, *o++ = 1, *o++ = type;
	*o++ = 12, *o++ = 3, *o++ = 'v', *o++ = 'm', *o++ = '7';
	if (wanted) {
		*o++ = 50, *o++ = 4;
		put32(o, wanted);
		o += 4;
	}
	if (server) {
		*o++ = 54, *o++ = 4;
		put32(o, server);
		o += 4;
	}
	*o = 255;
	return dhcp_answer(&leases, &r, reply, target);
}

/* A message that has no answer, of one that has this address. */
static void tell_dhcp(uint8_t type, uint32_t address)
{
	uint8_t m[260] = { 1, 1, 6 }, reply[DHCP_REPLY_MAX];
	struct dhcp_request r = { .message = m, .length = sizeof(m), .source_mac = mac_of(7) };
	uint32_t target;

	put32(m + 12, address);
	memcpy(m + 28, mac_of(7), 6);
	put32(m + 236, 0x63825363);
	m[240] = 53, m[241] = 1, m[242] = type, m[243] = 255;
	assert_int_equal(dhcp_answer(&leases, &r, reply, &target), 0);
}

static void test_dhcp(void **state)
{
	uint8_t reply[DHCP_REPLY_MAX], m[260] = { 1, 1, 6 };
	struct dhcp_request r = { .message = m, .length = sizeof(m), .source_mac = mac_of(7) };
	uint32_t target;

	(void)state;
	assert_true(ask_dhcp(1, 0, 0, reply, &target) >= 300);
	assert_int_equal(reply[242], 2); /* OFFER */
	assert_int_equal(get32(reply + 16), NET + 15);
	assert_int_equal(target, NET + 15);
	assert_true(ask_dhcp(3, NET + 15, NET + 2, reply, &target) >= 300);
	assert_int_equal(reply[242], 5); /* ACK */
	assert_int_equal(ask_dhcp(3, NET + 20, NET + 2, reply, &target), 300);
	assert_int_equal(reply[242], 6); /* NAK */
	assert_int_equal(target, UINT32_MAX);
	assert_int_equal(get32(reply + 16), 0);
	assert_int_equal(ask_dhcp(3, NET + 15, NET + 9, reply, &target), 0); /* another server's */
	assert_int_equal(ask_dhcp(7, 0, 0, reply, &target), 0); /* RELEASE */
	assert_int_equal(lease_of_name(&leases, "vm7", 3)->address, NET + 15);
	tell_dhcp(7, NET + 16); /* RELEASE of another's, of the card's, of one of a VM in it */
	assert_non_null(lease_of_mac(&leases, mac_of(7)));
	assert_non_null(lease_get_card(&leases, mac_of(7), 0));
	tell_dhcp(7, NET + 15);
	assert_non_null(lease_get_card(&leases, mac_of(8), 0));
	tell_dhcp(7, NET + 15);
	assert_null(lease_of_mac(&leases, mac_of(7)));
	put32(m + 236, 0x63825363); /* for somebody else's MAC */
	memcpy(m + 28, "\x52\x54\1\1\1\1", 6);
	m[240] = 53, m[241] = 1, m[242] = 1;
	assert_int_equal(dhcp_answer(&leases, &r, reply, &target), 0);
	memcpy(m + 28, mac_of(7), 6);
	assert_int_not_equal(dhcp_answer(&leases, &r, reply, &target), 0);
	m[243] = 12, m[244] = 200; /* past the end */
	assert_int_equal(dhcp_answer(&leases, &r, reply, &target), 0);
}

/* What is in use without a lease is nobody's for a while. */
static void test_decline(void **state)
{
	uint8_t reply[DHCP_REPLY_MAX];
	uint32_t target;

	(void)state;
	leases.now = 1000;
	ask_dhcp(1, 0, 0, reply, &target);
	assert_int_equal(ask_dhcp(4, NET + 77, NET + 2, reply, &target), 0); /* not its own */
	assert_int_equal(lease_of_mac(&leases, mac_of(7))->address, NET + 15);
	assert_int_equal(ask_dhcp(4, NET + 15, NET + 2, reply, &target), 0);
	ask_dhcp(1, NET + 15, 0, reply, &target);
	assert_int_equal(get32(reply + 16), NET + 16);
	ask_dhcp(4, NET + 16, NET + 2, reply, &target);
	ask_dhcp(1, 0, 0, reply, &target);
	assert_int_equal(get32(reply + 16), NET + 17);
	assert_int_equal(lease_get(&leases, mac_of(1), 1, NET + 16)->address, NET + 18);
	leases.now += DECLINED_SECONDS;
	assert_int_equal(lease_get(&leases, mac_of(2), 1, NET + 16)->address, NET + 16);
	/* A guest that refuses whatever it gets leaves most of a small pool to others. */
	subnet_parse("10.0.2.0/27", &leases.subnet);
	for (unsigned int i = 0; i < 100; i++)
		ask_dhcp(4, lease_of_mac(&leases, mac_of(7))->address, 0, reply, &target);
	for (unsigned int i = 0; i < 9; i++)
		assert_non_null(lease_get(&leases, mac_of(100 + i), 10 + (int)i, 0));
}

/* ---- DNS ---- */

static int ask_dns(const char *name, uint16_t type, uint8_t *reply)
{
	uint8_t q[300] = { 0, 9, 1, 0, 0, 1 }, *at = q + 12;

	while (*name) {
		size_t length = strcspn(name, ".");

		*at++ = (uint8_t)length;
		memcpy(at, name, length);
		at += length;
		name += length + (name[length] == '.');
	}
	*at++ = 0;
	put16(at, type);
	put16(at + 2, 1);
	return dns_answer(&leases, q, (uint32_t)(at + 4 - q), reply);
}

static void test_dns(void **state)
{
	uint8_t reply[DNS_REPLY_MAX];
	int length;

	(void)state;
	lease_set_name(&leases, lease_get(&leases, mac_of(1), 0, 0), "web1", true);
	for (unsigned int i = 0; i < 2; i++) {
		length = ask_dns(i ? "WEB1.lab.internal" : "web1", 1, reply);
		assert_true(length > 28);
		assert_int_equal(reply[3] & 15, 0);
		assert_int_equal(get32(reply + length - 4), NET + 15);
	}
	length = ask_dns("web1", 28, reply); /* no AAAA, but the name is there */
	assert_true(length > 0 && !(reply[3] & 15) && !get16(reply + 6));
	assert_true(ask_dns("web2", 1, reply) > 0 && (reply[3] & 15) == 3);
	assert_true(ask_dns("x.web1.lab.internal", 1, reply) > 0 && (reply[3] & 15) == 3);
	assert_int_equal(ask_dns("example.org", 1, reply), 0); /* the uplink's */
	assert_int_equal(ask_dns("lab.internal.org", 1, reply), 0);
	length = ask_dns("15.2.0.10.in-addr.arpa", 12, reply);
	assert_memory_equal(reply + length - 19, "\4web1\3lab\x08internal", 19);
	assert_int_equal(ask_dns("8.8.8.8.in-addr.arpa", 12, reply), 0);
	reply[2] = 0x80;
	assert_int_equal(dns_answer(&leases, reply, 20, reply), -EINVAL); /* an answer */
}

/* ---- offloads ---- */

static uint8_t segments[64][1600];
static uint32_t lengths[64];
static unsigned int count;

static void keep(void *ctx, uint8_t *frame, uint32_t length)
{
	(void)ctx;
	assert_true(count < 64 && length <= sizeof(segments[0]));
	memcpy(segments[count], frame, length);
	lengths[count++] = length;
}

/* The sum as the manuals have it: 16-bit big-endian words, one by one. */
static uint32_t plain_sum(const uint8_t *at, uint32_t length)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < length; i++)
		sum += i & 1 ? at[i] : (uint32_t)at[i] << 8;
	return sum;
}

static void assert_sums_right(const uint8_t *frame, uint32_t length, bool ipv6)
{
	uint32_t l4 = 14 + (ipv6 ? 40 : 20), sum;

	sum = plain_sum(frame + l4, length - l4) + length - l4 + frame[ipv6 ? 20 : 23] +
	      (ipv6 ? plain_sum(frame + 22, 32) : plain_sum(frame + 26, 8));
	while (sum >> 16)
		sum = (sum >> 16) + (sum & 0xffff);
	assert_int_equal(sum, 0xffff);
	if (ipv6)
		return;
	sum = plain_sum(frame + 14, 20);
	sum = (sum >> 16) + (sum & 0xffff);
	assert_int_equal(sum, 0xffff);
}

static uint32_t make(uint8_t *frame, bool ipv6, uint8_t protocol, uint32_t payload)
{
	uint32_t l4 = 14 + (ipv6 ? 40 : 20), header = protocol == IPPROTO_TCP ? 20 : 8;

	memset(frame, 0, l4 + header);
	put16(frame + 12, ipv6 ? 0x86dd : 0x0800);
	if (ipv6) {
		frame[14] = 0x60;
		put16(frame + 18, header + payload);
		frame[20] = protocol;
		memset(frame + 22, 0x11, 32);
	} else {
		frame[14] = 0x45;
		put16(frame + 16, 20 + header + payload);
		put16(frame + 18, 0xfffe); /* identification, which wraps */
		frame[23] = protocol;
		put32(frame + 26, NET + 15);
		put32(frame + 30, NET + 16);
	}
	if (protocol == IPPROTO_TCP) {
		put32(frame + l4 + 4, 0xffffff00); /* the sequence number wraps */
		frame[l4 + 12] = 0x50;
		frame[l4 + 13] = 0x99; /* CWR, ACK, PSH, FIN */
	} else {
		put16(frame + l4 + 4, header + payload);
	}
	for (uint32_t i = 0; i < payload; i++)
		frame[l4 + header + i] = (uint8_t)(i * 3 + (i >> 8));
	return l4 + header + payload;
}

static void test_segments(void **state)
{
	static const struct {
		bool ipv6;
		uint8_t protocol, type;
	} kinds[] = { { 0, IPPROTO_TCP, 1 }, { 1, IPPROTO_TCP, 4 }, { 0, IPPROTO_UDP, 5 },
		      { 1, IPPROTO_UDP, 5 } };
	static uint8_t frame[8000], scratch[NET_PORT_FRAME_MAX];

	(void)state;
	for (unsigned int k = 0; k < 4; k++) {
		bool tcp = kinds[k].protocol == IPPROTO_TCP;
		uint32_t length = make(frame, kinds[k].ipv6, kinds[k].protocol, 5001);
		uint16_t l4 = 14 + (kinds[k].ipv6 ? 40 : 20), data = l4 + (tcp ? 20 : 8);
		struct virtio_net_hdr_v1 h = {
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = kinds[k].type,
			.gso_size = 1000, .csum_start = l4, .csum_offset = tcp ? 16 : 6,
		};

		assert_int_equal(offload_check(&h, frame, length), 0);
		count = 0;
		offload_segment(&h, frame, length, scratch, keep, NULL);
		assert_int_equal(count, 6);
		for (unsigned int i = 0; i < 6; i++) {
			assert_int_equal(lengths[i], data + (i < 5 ? 1000 : 1));
			assert_sums_right(segments[i], lengths[i], kinds[k].ipv6);
			assert_memory_equal(segments[i] + data, frame + data + i * 1000,
					    lengths[i] - data);
			if (!tcp)
				continue;
			assert_int_equal(get32(segments[i] + l4 + 4), (uint32_t)(i * 1000 - 256));
			assert_int_equal(segments[i][l4 + 13],
					 0x10 | (i ? 0 : 0x80) | (i == 5 ? 0x09 : 0));
		}
	}
}

static void test_headers(void **state)
{
	static uint8_t frame[2000];
	uint32_t length = make(frame, false, IPPROTO_TCP, 1000);
	const struct virtio_net_hdr_v1 good = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = 1, .gso_size = 500,
		.csum_start = 34, .csum_offset = 16,
	};
	struct virtio_net_hdr_v1 h;

	(void)state;
#define REFUSED(change) \
	(h = good, change, assert_int_equal(offload_check(&h, frame, length), -EINVAL))
	REFUSED(h.flags = 0);
	REFUSED(h.gso_type = 4);
	REFUSED(h.gso_type = 5);
	REFUSED(h.gso_type = 3);
	REFUSED(h.gso_type = 0x81);
	REFUSED(h.gso_size = 0);
	REFUSED(h.gso_size = 1); /* a thousand frames of one byte */
	h = good;
	h.gso_size = 2;
	assert_int_equal(offload_check(&h, frame, length), 0); /* 500 */
	REFUSED((h.gso_size = 2, length = make(frame, false, IPPROTO_TCP, 1025)));
	length = make(frame, false, IPPROTO_TCP, 1000);
	REFUSED(h.csum_start = 33);
	REFUSED(h.csum_offset = 6);
	REFUSED((h.gso_type = 0, h.csum_start = 65535));
	REFUSED((h.gso_type = 0, h.csum_start = 2));
	REFUSED((h.gso_type = 0, h.csum_offset = (uint16_t)(length - 35)));
	h = good;
	h.gso_type = 0;
	assert_int_equal(offload_check(&h, frame, length), 0);
	assert_int_equal(offload_needs(&h), NET_PORT_CSUM);
	put16(frame + 50, packet_fold(packet_sum("\x0a\0\2\x0f\x0a\0\2\x10\0\6\3\xfc", 12, 0)));
	put16(frame + 24, (uint16_t)~packet_fold(packet_sum(frame + 14, 20, 0)));
	offload_checksum(&h, frame, length);
	assert_sums_right(frame, length, false);
	assert_int_equal(h.flags, 0);
}

/* A frame without TCP's or IP's sums gets them. */
static void complete(uint8_t *frame, uint32_t length)
{
	struct packet p;
	uint8_t *field;

	assert_true(packet_parse(frame, length, &p));
	field = frame + p.l4 + (p.protocol == IPPROTO_TCP ? 16 : 6);
	put16(field, 0);
	put16(field, (uint16_t)~packet_fold(packet_sum(frame + p.l4, p.end - p.l4,
			packet_pseudo_sum(frame, &p, p.end - p.l4))));
	put16(frame + 24, 0);
	put16(frame + 24, (uint16_t)~packet_fold(packet_sum(frame + 14, 20, 0)));
}

static void test_mss(void **state)
{
	static const struct {
		const char *options;
		uint8_t flags;
		unsigned int at;	/* of the value; 0: nothing changes */
	} cases[] = {
		{ "\2\4\5\xb4\1\1\1\0", 0x02, 2 },
		{ "\1\1\1\2\4\5\xb4\0", 0x12, 5 },		/* odd */
		{ "\3\3\7\1\2\4\x23\x28", 0x02, 6 },
		{ "\2\4\5\xb4\1\1\1\0", 0x10, 0 },		/* no SYN */
		{ "\2\4\5\xb3\1\1\1\0", 0x02, 0 },		/* less */
		{ "\0\1\1\1\2\4\5\xb4", 0x02, 0 },		/* behind the end */
		{ "\3\0\2\4\5\xb4\1\1", 0x02, 0 },		/* no length */
		{ "\2\3\5\xb4\1\1\1\1", 0x02, 0 },
		{ "\1\1\1\1\1\1\2\4", 0x02, 0 },		/* cut off */
		{ "\1\1\1\1\1\1\1\2", 0x02, 0 },
		{ "\1\1\1\1\1\1\1\1", 0x02, 0 },
	};
	uint8_t frame[100], before[100];

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t length = make(frame, false, IPPROTO_TCP, 8);

		memcpy(frame + 54, cases[i].options, 8);
		frame[46] = 0x70;
		frame[47] = cases[i].flags;
		complete(frame, length);
		memcpy(before, frame, length);
		packet_offer_mss(frame, length, 1460, 65481);
		assert_sums_right(frame, length, false);
		if (!cases[i].at) {
			assert_memory_equal(frame, before, length);
			continue;
		}
		assert_int_equal(get16(frame + 54 + cases[i].at), 65481);
		memcpy(before + 50, frame + 50, 2);
		memcpy(before + 54 + cases[i].at, frame + 54 + cases[i].at, 2);
		assert_memory_equal(frame, before, length);
	}
}

/* What libslirp makes in one piece is split again as if it never had been. */
static void test_enlarge(void **state)
{
	static uint8_t frame[8000], scratch[NET_PORT_FRAME_MAX];
	uint32_t length = make(frame, false, IPPROTO_TCP, 5001);
	struct virtio_net_hdr_v1 h;

	(void)state;
	complete(frame, length);
	assert_true(offload_enlarge(&h, frame, length, 1460));
	assert_int_equal(offload_check(&h, frame, length), 0);
	assert_int_equal(offload_needs(&h), NET_PORT_CSUM | NET_PORT_TSO4);
	count = 0;
	offload_segment(&h, frame, length, scratch, keep, NULL);
	assert_int_equal(count, 4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(lengths[i], 54 + (i < 3 ? 1460 : 621));
		assert_sums_right(segments[i], lengths[i], false);
	}
	/* With one checksum for all of it, as a receiver that takes it whole would have it. */
	h.gso_type = 0;
	offload_checksum(&h, frame, length);
	assert_sums_right(frame, length, false);
	assert_false(offload_enlarge(&h, frame, make(frame, false, IPPROTO_UDP, 5001), 1460));
	assert_false(offload_enlarge(&h, frame, make(frame, true, IPPROTO_TCP, 5001), 1460));
	assert_false(offload_enlarge(&h, frame, make(frame, false, IPPROTO_TCP, 5001) - 1, 1460));
}

static void test_fragments(void **state)
{
	static uint8_t frame[8000], scratch[NET_PORT_FRAME_MAX], whole[8000];
	uint32_t length = make(frame, false, IPPROTO_UDP, 4000), total = 0;

	(void)state;
	put16(frame + 20, 0x2003); /* a fragment itself: at 24, and more follow */
	count = 0;
	offload_fragment(frame, length, 1500, scratch, keep, NULL);
	assert_int_equal(count, 3);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t part = lengths[i] - 34;

		assert_true(lengths[i] <= 1514);
		assert_int_equal(get16(segments[i] + 16), part + 20);
		assert_int_equal(get16(segments[i] + 20), 0x2000 | (3 + total / 8));
		assert_int_equal(get16(segments[i] + 18), 0xfffe);
		assert_int_equal(packet_fold(packet_sum(segments[i] + 14, 20, 0)), 0xffff);
		memcpy(whole + total, segments[i] + 34, part);
		total += part;
	}
	assert_int_equal(total, 4008);
	assert_memory_equal(whole, frame + 34, total);
	put16(frame + 20, 0); /* the last one says so */
	count = 0;
	offload_fragment(frame, length, 1500, scratch, keep, NULL);
	assert_int_equal(get16(segments[1] + 20), 0x2000 | 185);
	assert_int_equal(get16(segments[2] + 20), 370);
	count = 0;
	put16(frame + 20, 0x4000);
	offload_fragment(frame, length, 1500, scratch, keep, NULL);
	put16(frame + 20, 0);
	offload_fragment(frame, length - 1, 1500, scratch, keep, NULL);
	frame[14] = 0x44;
	offload_fragment(frame, length, 1500, scratch, keep, NULL);
	offload_fragment(frame, 33, 1500, scratch, keep, NULL);
	assert_int_equal(count, 0);
}

/* ---- fragments put together ---- */

static struct reassembly reassembly;

/* Bytes [from, to) of a datagram, `to` being its end unless more follow. */
static uint32_t add(uint16_t id, uint32_t from, uint32_t to, bool more, uint64_t now)
{
	static uint8_t frame[66000];
	uint32_t length = 0;
	struct packet p;
	uint8_t *whole;

	make(frame, false, IPPROTO_UDP, 0);
	put16(frame + 16, 20 + to - from);
	put16(frame + 18, id);
	put16(frame + 20, (more ? 0x2000 : 0) | from / 8);
	for (uint32_t i = from; i < to; i++)
		frame[34 + i - from] = (uint8_t)(i * 7 + 1);
	assert_true(packet_parse_ip(frame, 34 + to - from, &p));
	whole = reassembly_add(&reassembly, frame, &p, now, &length);
	if (!whole)
		return 0;
	assert_int_equal(get16(whole + 16), length - 14);
	assert_int_equal(get16(whole + 20), 0);
	assert_int_equal(packet_fold(packet_sum(whole + 14, 20, 0)), 0xffff);
	assert_memory_equal(whole, frame, 14);
	for (uint32_t i = 0; i < length - 34; i++)
		assert_int_equal(whole[34 + i], (uint8_t)(i * 7 + 1));
	return length - 34;
}

static void test_reassembly(void **state)
{
	static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					      { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	(void)state;
	for (uint16_t i = 0; i < 6; i++)
		for (unsigned int k = 0; k < 3; k++) {
			uint32_t part = orders[i][k], from = part * 80;

			assert_int_equal(add(i, from, part == 2 ? 165 : from + 80, part != 2, 5),
					 k == 2 ? 165 : 0);
		}
	/* the largest packet there is, and more than that */
	assert_int_equal(add(9, 0, 32768, true, 5), 0);
	assert_int_equal(add(9, 32768, 65515, false, 5), 65515);
	assert_int_equal(add(9, 0, 32768, true, 5), 0);
	assert_int_equal(add(9, 65512, 65520, false, 5), 0);
	assert_int_equal(add(9, 32768, 65515, false, 5), 0);
}

/* Whoever sends these gets nothing for them, least of all what was in memory before. */
static void test_bad_fragments(void **state)
{
	static const struct {
		uint32_t from, to;
		bool more;
	} cases[][3] = {
		{ { 16, 24, true }, { 8, 12, false }, { 0, 8, true } },	/* behind the end */
		{ { 8, 12, false }, { 16, 24, true }, { 0, 8, true } },
		{ { 0, 16, true }, { 8, 24, true }, { 24, 30, false } },	/* overlap */
		{ { 0, 16, true }, { 0, 16, true }, { 16, 20, false } },
		{ { 0, 8, true }, { 0, 8, true }, { 16, 24, false } },	/* and a hole */
		{ { 0, 12, true }, { 16, 24, false }, { 8, 16, true } },	/* odd size */
		{ { 8, 24, false }, { 16, 32, false }, { 0, 8, true } },	/* two ends */
		{ { 0, 0, true }, { 8, 16, false }, { 8, 8, false } },	/* empty */
	};

	(void)state;
	for (uint16_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned int k = 0; k < 3; k++)
			assert_int_equal(add((uint16_t)(100 + i), cases[i][k].from, cases[i][k].to,
					     cases[i][k].more, 50), 0);
	/* too late, and pushed out by others */
	assert_int_equal(add(200, 0, 8, true, 100), 0);
	assert_int_equal(add(200, 8, 16, false, 100 + ASSEMBLY_SECONDS), 0);
	for (uint16_t i = 0; i <= ASSEMBLIES; i++)
		assert_int_equal(add((uint16_t)(300 + i), 0, 8, true, 200u + i), 0);
	assert_int_equal(add(301, 8, 16, false, 209), 16);
	assert_int_equal(add(300, 8, 16, false, 209), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, up)
	const struct CMUnitTest tests[] = {
		T(test_subnets), T(test_leases), T(test_lease_limits), T(test_small_pool),
		T(test_dhcp), T(test_decline), T(test_dns),
		T(test_segments), T(test_headers), T(test_mss), T(test_enlarge), T(test_fragments),
		T(test_reassembly), T(test_bad_fragments),
	};

	return cmocka_run_group_tests_name("netd packets", tests, NULL, NULL);
}
