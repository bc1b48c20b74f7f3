// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-net as a program, with two guests that the test plays on one thread: a
 * few answers to ARP, a TCP that echoes one segment per connection, and the
 * host's side of a forward. Its path is in BATON_NET.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/net_port.h"
#include "packet.h"

#define NET 0x0a000200u
#define CONNECTIONS 1000
#define BURST 50
#define HEADER NET_PORT_HEADER

static char folder[] = "/tmp/test_network.XXXXXX";
static char base[64];
static pid_t process;
static int control;

struct guest {
	int fd;
	uint8_t mac[6];
	uint8_t message[NET_PORT_MESSAGE_MAX];
	uint8_t *frame;
};
static struct guest web1, web2;

static int connect_to(const char *suffix, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", base, suffix);
	for (unsigned int i = 0; i < 100; i++) {
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		usleep(50000);
	}
	fail_msg("%s: no connection", address.sun_path);
	return -1;
}

static ssize_t receive(struct guest *g)
{
	struct pollfd p = { .fd = g->fd, .events = POLLIN };

	return poll(&p, 1, 5000) == 1 ? recv(g->fd, g->message, sizeof(g->message), 0) : -1;
}

static void transmit(struct guest *g, uint32_t length)
{
	assert_int_equal(send(g->fd, g->message, HEADER + length, 0), HEADER + length);
}

static uint16_t join(struct guest *g, const char *name, uint8_t last, uint32_t features)
{
	struct net_port_hello hello = {
		.marker = NET_PORT_MARKER, .version = NET_PORT_VERSION, .features = features,
		.mac = { 0x52, 0x54, 0, 0, 0, last },
	};

	snprintf(hello.name, sizeof(hello.name), "%s", name);
	g->fd = connect_to(".sock", SOCK_SEQPACKET);
	g->frame = g->message + HEADER;
	memcpy(g->mac, hello.mac, 6);
	assert_int_equal(send(g->fd, &hello, sizeof(hello), 0), sizeof(hello));
	assert_int_equal(receive(g), sizeof(hello));
	memcpy(&hello, g->message, sizeof(hello));
	return hello.error;
}

/* UDP from the guest to the router. */
static void tell_udp(struct guest *g, uint32_t target, uint16_t from, uint16_t to,
			      const void *payload, uint32_t size)
{
	struct udp_reply r = { .target_mac = (const uint8_t *)"\x52\x55\x0a\x00\x02\x02",
			       .source = NET + 15, .target = target, .source_port = from,
			       .target_port = to };

	memset(g->message, 0, HEADER);
	memcpy(g->frame + UDP_REPLY_HEADERS, payload, size);
	size = packet_udp_reply(g->frame, &r, size);
	memcpy(g->frame + 6, g->mac, 6);
	transmit(g, size);
}

/* The answer's payload; what else comes before it is passed over. */
static const uint8_t *ask_udp(struct guest *g, uint32_t target, uint16_t from, uint16_t to,
			      const void *payload, uint32_t size)
{
	struct packet p;
	ssize_t got;

	tell_udp(g, target, from, to, payload, size);
	do {
		got = receive(g);
		assert_true(got > (ssize_t)HEADER);
	} while (!packet_parse(g->frame, (uint32_t)got - HEADER, &p) || p.source_port != to);
	return g->frame + p.payload;
}

static void ask(const char *request, char *reply, size_t size)
{
	ssize_t got;

	assert_int_equal(send(control, request, strlen(request), 0), strlen(request));
	got = recv(control, reply, size - 1, 0);
	assert_true(got > 0);
	reply[got] = 0;
}

static uint32_t dhcp(struct guest *g)
{
	uint8_t m[300] = { 1, 1, 6 };

	memcpy(m + 28, g->mac, 6);
	put32(m + 236, 0x63825363);
	memcpy(m + 240, "\x35\1\1\xff", 4);
	return get32(ask_udp(g, UINT32_MAX, 68, 67, m, sizeof(m)) + 16);
}

static void test_addresses(void **state)
{
	static const uint8_t query[] = "\0\7\1\0\0\1\0\0\0\0\0\0\4web2\0\0\1\0\1";
	const uint8_t *answer;

	(void)state;
	assert_int_equal(dhcp(&web1), NET + 15);
	assert_int_equal(dhcp(&web2), NET + 16);
	answer = ask_udp(&web1, NET + 3, 999, 53, query, sizeof(query) - 1);
	assert_int_equal(get16(answer + 6), 1);
	assert_int_equal(get32(answer + sizeof(query) - 1 + 12), NET + 16);
}

static void test_refused(void **state)
{
	static struct guest third;

	(void)state;
	assert_int_equal(join(&third, "x", 1, 0), EADDRINUSE); /* web1's MAC */
	close(third.fd);
}

/* What the host serves to itself is not for guests: the router's address is not the host's. */
static void test_loopback(void **state)
{
	static const uint8_t query[] = "\0\7\1\0\0\1\0\0\0\0\0\0\4web2\0\0\1\0\1";
	static const uint32_t targets[] = { NET + 2, 0x7f000001, 0x7f010203, 0, UINT32_MAX };
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int host = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t size = sizeof(at);
	char byte = 1;

	(void)state;
	assert_int_equal(bind(host, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(host, (struct sockaddr *)&at, &size), 0);
	for (unsigned int i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		tell_udp(&web1, targets[i], 999, ntohs(at.sin_port), &byte, 1);
		/* Requests are served in order: by the answer the first one has been. */
		ask_udp(&web1, NET + 3, 999, 53, query, sizeof(query) - 1);
		assert_int_equal(recv(host, &byte, 1, MSG_DONTWAIT), -1);
	}
	/* The socket does receive. */
	assert_int_equal(sendto(host, &byte, 1, 0, (struct sockaddr *)&at, size), 1);
	assert_int_equal(recv(host, &byte, 1, MSG_DONTWAIT), 1);
	close(host);
}

/* A segment of 60000 bytes from web1 arrives whole at web2, and split at web1. */
static void test_segments(void **state)
{
	struct virtio_net_hdr_v1 h = { .flags = 1, .gso_type = 1, .gso_size = 1400,
				       .csum_start = 34, .csum_offset = 16 };
	uint32_t length = 54 + 60000, total = 0;

	(void)state;
	for (unsigned int turn = 0; turn < 2; turn++) {
		struct guest *from = turn ? &web2 : &web1, *to = turn ? &web1 : &web2;

		memset(from->message, 0, HEADER + length);
		memcpy(from->message, &h, HEADER);
		memcpy(from->frame, to->mac, 6);
		memcpy(from->frame + 6, from->mac, 6);
		memcpy(from->frame + 12, "\x08\0\x45\0", 4);
		put16(from->frame + 16, length - 14);
		from->frame[23] = 6;
		from->frame[46] = 0x50;
		transmit(from, length);
		if (!turn) {
			ssize_t got = receive(to);

			while (got > 0 && get16(to->frame + 12) == 0x0806) /* of tests before */
				got = receive(to);
			assert_int_equal(got, HEADER + length);
			continue;
		}
		while (total < 60000) {
			ssize_t got = receive(to);

			assert_true(got > (ssize_t)HEADER + 54 && got <= (ssize_t)HEADER + 1454);
			total += (uint32_t)got - HEADER - 54;
		}
		assert_int_equal(total, 60000);
	}
}

/* ---- a forward ---- */

static _Atomic(unsigned int) echoed;
static _Atomic(bool) host_done;

/* A SYN that finds no room in the listener's queue is sent again a second later. */
static bool connected_at_once(int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	return !getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) && !info.tcpi_total_retrans;
}

/* BURST connections that are all begun before one is served. */
static void burst(const struct sockaddr_in *at)
{
	struct pollfd p[BURST];
	char text[] = "burst";
	int wait = 5000; /* ms, until the first that fails */

	for (unsigned int i = 0; i < BURST; i++) {
		p[i] = (struct pollfd){ socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), POLLOUT,
					0 };
		(void)!connect(p[i].fd, (const struct sockaddr *)at, sizeof(*at));
	}
	for (unsigned int i = 0; i < BURST; i++)
		if (poll(&p[i], 1, wait) != 1 || !connected_at_once(p[i].fd) ||
		    send(p[i].fd, text, 5, MSG_NOSIGNAL) != 5)
			wait = 0;
	for (unsigned int i = 0; i < BURST; i++) {
		p[i].events = POLLIN;
		if (poll(&p[i], 1, wait) == 1 && recv(p[i].fd, text, 5, 0) == 5)
			atomic_fetch_add(&echoed, 1);
		else
			wait = 0;
		close(p[i].fd);
	}
}

static void *host_side(void *ctx)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(*(uint16_t *)ctx),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 5 };

	burst(&at);
	for (unsigned int i = 0; i < CONNECTIONS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char text[16], back[16];
		ssize_t length = snprintf(text, sizeof(text), "ping %u", i);

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (!connect(fd, (struct sockaddr *)&at, sizeof(at)) &&
		    send(fd, text, (size_t)length, MSG_NOSIGNAL) == length &&
		    recv(fd, back, (size_t)length, MSG_WAITALL) == length &&
		    !memcmp(text, back, (size_t)length))
			atomic_fetch_add(&echoed, 1);
		close(fd);
	}
	atomic_store(&host_done, true);
	return NULL;
}

/* Of the guest whose part is played. */
static uint32_t guest_address = NET + 15;

static void answer_arp(struct guest *g)
{
	uint8_t sender[10];

	if (get32(g->frame + 38) != guest_address || get16(g->frame + 20) != 1)
		return;
	memcpy(sender, g->frame + 22, 10);
	memcpy(g->frame, sender, 6);
	memcpy(g->frame + 6, g->mac, 6);
	put16(g->frame + 20, 2);
	memcpy(g->frame + 22, g->mac, 6);
	put32(g->frame + 28, guest_address);
	memcpy(g->frame + 32, sender, 10);
	transmit(g, 42);
}

/* What came in turned round, with the checksum left to the switch. */
static void make_tcp(struct guest *g, uint32_t seq, uint32_t ack, uint8_t flags, uint32_t size)
{
	struct virtio_net_hdr_v1 h = { .flags = 1, .csum_start = 34, .csum_offset = 16 };
	struct packet p = { .protocol = 6, .l3 = 14, .l4 = 34 };
	uint8_t *tcp = g->frame + 34, swap[6];
	uint32_t address = get32(g->frame + 26);

	memcpy(g->message, &h, HEADER);
	memcpy(swap, g->frame + 6, 6);
	memcpy(g->frame, swap, 6);
	memcpy(g->frame + 6, g->mac, 6);
	put16(g->frame + 16, 40 + size);
	put32(g->frame + 26, guest_address);
	put32(g->frame + 30, address);
	put16(g->frame + 24, 0);
	put16(g->frame + 24, (uint16_t)~packet_fold(packet_sum(g->frame + 14, 20, 0)));
	memcpy(swap, tcp, 2);
	memcpy(tcp, tcp + 2, 2);
	memcpy(tcp + 2, swap, 2);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = 0x50;
	tcp[13] = flags;
	put16(tcp + 14, 0xffff);
	put16(tcp + 16, packet_fold(packet_pseudo_sum(g->frame, &p, 20 + size)));
	put16(tcp + 18, 0);
}

static void send_tcp(struct guest *g, uint32_t seq, uint32_t ack, uint8_t flags, uint32_t size)
{
	make_tcp(g, seq, ack, flags, size);
	transmit(g, 54 + size);
}

static void answer_tcp(struct guest *g, const struct packet *p)
{
	const uint8_t *tcp = g->frame + p->l4;
	uint32_t seq = get32(tcp + 4), ack = get32(tcp + 8), size = p->end - p->payload;
	uint8_t flags = tcp[13];

	if (flags & 4)
		return;
	if (flags & 2) {
		send_tcp(g, 1000, seq + 1, 0x12, 0);
	} else if (size) {
		memmove(g->frame + 54, g->frame + p->payload, size);
		send_tcp(g, ack, seq + size + (flags & 1), 0x18 | (flags & 1), size);
	} else if (flags & 1) {
		send_tcp(g, ack, seq + 1, 0x11, 0);
	}
}

static void test_forward(void **state)
{
	uint16_t port = (uint16_t)(20000 + getpid() % 10000);
	char request[200], reply[4096];
	pthread_t thread;
	struct packet p;
	ssize_t got;

	(void)state;
	snprintf(request, sizeof(request), "{\"op\":\"forward-add\",\"host_port\":%u,"
		 "\"guest\":\"web1\",\"guest_port\":80}\n", port);
	ask(request, reply, sizeof(reply));
	assert_non_null(strstr(reply, "\"ok\":true"));
	ask(request, reply, sizeof(reply));
	assert_non_null(strstr(reply, "BTN-5101"));
	assert_int_equal(pthread_create(&thread, NULL, host_side, &port), 0);
	while (atomic_load(&echoed) < BURST + CONNECTIONS && !atomic_load(&host_done) &&
	       (got = receive(&web1)) > 0) {
		if (get16(web1.frame + 12) == 0x0806)
			answer_arp(&web1);
		else if (packet_parse(web1.frame, (uint32_t)got - HEADER, &p) && p.protocol == 6)
			answer_tcp(&web1, &p);
	}
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&echoed), BURST + CONNECTIONS);
}

/* ---- much at once ---- */

#define BULK 300000u

struct bulk {
	uint16_t port;
	bool whole;			/* the host got all back, as it was */
};

static uint8_t bulk_byte(uint32_t at)
{
	return (uint8_t)(at * 7 + (at >> 9));
}

/* Sends BULK bytes, and wants them back. */
static void *bulk_host(void *ctx)
{
	struct bulk *b = ctx;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(b->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint8_t *out = malloc(BULK), *back = malloc(BULK);

	for (uint32_t i = 0; i < BULK; i++)
		out[i] = bulk_byte(i);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	b->whole = !connect(fd, (struct sockaddr *)&at, sizeof(at)) &&
		   send(fd, out, BULK, MSG_NOSIGNAL) == BULK &&
		   recv(fd, back, BULK, MSG_WAITALL) == BULK && !memcmp(out, back, BULK);
	close(fd);
	free(out);
	free(back);
	return NULL;
}

/* Offers segments of `mss` bytes; options have to be told apart from data. */
static void accept_tcp(struct guest *g, uint32_t seq, uint16_t mss)
{
	uint8_t *frame = g->frame;

	make_tcp(g, 1000, seq + 1, 0x12, 0);
	put16(frame + 16, 44);
	put16(frame + 24, 0);
	put16(frame + 24, (uint16_t)~packet_fold(packet_sum(frame + 14, 20, 0)));
	frame[46] = 0x60;
	memcpy(frame + 54, "\2\4", 2);
	put16(frame + 56, mss);
	put16(frame + 50, packet_fold(packet_pseudo_sum(frame, &(struct packet){ .protocol = 6,
							.l3 = 14, .l4 = 34 }, 24)));
	transmit(g, 58);
}

/* `size` bytes of the stream from `at` on, as one large segment. */
static void send_large(struct guest *g, uint32_t at, uint32_t ack, uint32_t size)
{
	struct virtio_net_hdr_v1 h = { .flags = 1, .gso_type = 1, .gso_size = 1460,
				       .csum_start = 34, .csum_offset = 16 };

	for (uint32_t i = 0; i < size; i++)
		g->frame[54 + i] = bulk_byte(at + i);
	put32(g->frame + 38, 1001 + at);
	put32(g->frame + 42, ack);
	g->frame[46] = 0x50;
	g->frame[47] = 0x18;
	put16(g->frame + 16, 40 + size);
	put16(g->frame + 24, 0);
	put16(g->frame + 24, (uint16_t)~packet_fold(packet_sum(g->frame + 14, 20, 0)));
	memcpy(g->message, &h, HEADER);
	transmit(g, 54 + size);
}

/* Takes the stream in and sends it back; the largest frame and segment that came. */
static void serve_bulk(struct guest *g, uint16_t mss, uint32_t *largest, uint32_t *segment)
{
	uint32_t base = 0, got = 0, sent = 0, acked = 0;
	struct virtio_net_hdr_v1 h;
	uint16_t peer = 0;	/* others are left over from tests before */
	struct packet p;
	ssize_t length;

	while (acked < BULK && (length = receive(g)) > 0) {
		uint32_t frame = (uint32_t)length - HEADER, size;

		memcpy(&h, g->message, HEADER);
		if (get16(g->frame + 12) == 0x0806)
			answer_arp(g);
		if (!packet_parse(g->frame, frame, &p) || p.protocol != 6)
			continue;
		size = p.end - p.payload;
		if (g->frame[p.l4 + 13] & 2) {
			base = get32(g->frame + p.l4 + 4) + 1;
			peer = p.source_port;
			/* As the guest is to see it: the MTU is what it always was. */
			assert_int_equal(get32(g->frame + p.l4 + 20), 0x020405b4);
			accept_tcp(g, base - 1, mss);
			continue;
		}
		if (p.source_port != peer)
			continue;
		if (get32(g->frame + p.l4 + 4) != base + got) { /* sent again */
			send_tcp(g, 1001 + sent, base + got, 0x10, 0);
			continue;
		}
		for (uint32_t i = 0; i < size; i++)
			assert_int_equal(g->frame[p.payload + i], bulk_byte(got + i));
		got += size;
		*largest = frame > *largest ? frame : *largest;
		size = h.gso_type ? h.gso_size : size;
		*segment = size > *segment ? size : *segment;
		acked = get32(g->frame + p.l4 + 8) - 1001;
		assert_true(acked <= sent);
		/* Nothing of it is lost, as there is room for it in libslirp's window. */
		size = BULK - sent < 60000 ? BULK - sent : 60000;
		size = size < get16(g->frame + p.l4 + 14) ? size : get16(g->frame + p.l4 + 14);
		if (got < BULK || acked == sent)
			send_tcp(g, 1001 + sent, base + got, 0x10, 0);
		if (got == BULK && acked == sent && size) {
			send_large(g, sent, base + got, size);
			sent += size;
		}
	}
	assert_int_equal(acked, BULK);
}

/*
 * libslirp's segments are large whatever the guest offered, unless that is less than the
 * MTU allows. web1 cannot take them whole, web2 can.
 */
static void test_bulk(void **state)
{
	static const struct {
		struct guest *guest;
		uint16_t mss;
		uint32_t largest_from, largest_to, segment;
	} cases[] = {
		{ &web1, 1460, 1514, 1514, 1460 },
		{ &web2, 1460, 15000, 16114, 1460 },
		{ &web2, 1000, 1054, 1054, 1000 },
	};
	char request[200], reply[4096];
	pthread_t thread;

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bulk b = { .port = (uint16_t)(20000 + (getpid() + 1 + (int)i) % 10000) };
		uint32_t largest = 0, segment = 0;

		guest_address = cases[i].guest == &web1 ? NET + 15 : NET + 16;
		snprintf(request, sizeof(request), "{\"op\":\"forward-add\",\"host_port\":%u,"
			 "\"guest\":\"%s\",\"guest_port\":80}\n", b.port,
			 cases[i].guest == &web1 ? "web1" : "web2");
		ask(request, reply, sizeof(reply));
		assert_non_null(strstr(reply, "\"ok\":true"));
		assert_int_equal(pthread_create(&thread, NULL, bulk_host, &b), 0);
		serve_bulk(cases[i].guest, cases[i].mss, &largest, &segment);
		pthread_join(thread, NULL);
		assert_true(b.whole);
		assert_in_range(largest, cases[i].largest_from, cases[i].largest_to);
		assert_int_equal(segment, cases[i].segment);
	}
	guest_address = NET + 15;
}

/* A datagram larger than the MTU comes as fragments. */
static void test_large_datagram(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)(20000 + (getpid() + 9) % 10000)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int host = socket(AF_INET, SOCK_DGRAM, 0);
	char request[200], reply[4096] = { 0 };
	uint32_t total = 0, fragments = 0;

	(void)state;
	snprintf(request, sizeof(request), "{\"op\":\"forward-add\",\"proto\":\"udp\","
		 "\"host_port\":%u,\"guest\":\"web2\",\"guest_port\":9}\n", ntohs(at.sin_port));
	ask(request, reply, sizeof(reply));
	assert_non_null(strstr(reply, "\"ok\":true"));
	assert_int_equal(sendto(host, reply, 4000, 0, (struct sockaddr *)&at, sizeof(at)), 4000);
	guest_address = NET + 16;
	while (total < 4008) {
		ssize_t got = receive(&web2);

		assert_in_range(got, HEADER + 1, HEADER + 1514);
		if (get16(web2.frame + 12) == 0x0806)
			answer_arp(&web2);
		if (get16(web2.frame + 12) != 0x0800 || web2.frame[23] != IPPROTO_UDP)
			continue;
		assert_int_equal(get16(web2.frame + 20) & 0x1fff, total / 8);
		total += get16(web2.frame + 16) - 20u;
		assert_int_equal(get16(web2.frame + 20) & 0x2000, total < 4008 ? 0x2000 : 0);
		fragments++;
	}
	assert_int_equal(total, 4008);
	assert_int_equal(fragments, 3);
	guest_address = NET + 15;
	close(host);
}

/* The next datagram for this port of the guest; what else comes is passed over. */
static struct packet receive_udp(struct guest *g, uint16_t port)
{
	struct packet p = { 0 };
	ssize_t got;

	do {
		got = receive(g);
		assert_true(got > (ssize_t)HEADER);
		if (get16(g->frame + 12) == 0x0806)
			answer_arp(g);
	} while (!packet_parse(g->frame, (uint32_t)got - HEADER, &p) ||
		 p.protocol != IPPROTO_UDP || p.target_port != port);
	return p;
}

/* Clients on the host's loopback get their answers, and nobody else does. */
static void test_udp_forward(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)(20000 + (getpid() + 10) % 10000)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, from;
	struct timeval limit = { .tv_sec = 5 };
	char request[200], reply[4096], text[8];
	int host[3];

	(void)state;
	snprintf(request, sizeof(request), "{\"op\":\"forward-add\",\"proto\":\"udp\","
		 "\"host_port\":%u,\"guest\":\"web1\",\"guest_port\":7}\n", ntohs(at.sin_port));
	ask(request, reply, sizeof(reply));
	assert_non_null(strstr(reply, "\"ok\":true"));
	for (unsigned int i = 0; i < 3; i++) {
		from = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = at.sin_addr };
		host[i] = socket(AF_INET, SOCK_DGRAM, 0);
		assert_int_equal(bind(host[i], (struct sockaddr *)&from, sizeof(from)), 0);
		setsockopt(host[i], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	}
	for (unsigned int turn = 0; turn < 6; turn++) {
		int client = host[turn % 2];
		socklen_t size = sizeof(from);
		struct packet p;

		snprintf(text, sizeof(text), "ask %u", turn);
		assert_int_equal(sendto(client, text, 5, 0, (struct sockaddr *)&at, sizeof(at)), 5);
		p = receive_udp(&web1, 7);
		assert_int_equal(p.source, NET + 2);
		assert_memory_equal(web1.frame + p.payload, text, 5);
		text[0] = 'A';
		tell_udp(&web1, NET + 2, 7, p.source_port, text, 5);
		assert_int_equal(recvfrom(client, reply, 9, 0, (struct sockaddr *)&from, &size), 5);
		assert_memory_equal(reply, text, 5);
		assert_int_equal(from.sin_port, at.sin_port);
		assert_int_equal(getsockname(host[2], (struct sockaddr *)&from, &size), 0);
		/* who has not asked, and from another port */
		tell_udp(&web1, NET + 2, 7, ntohs(from.sin_port), text, 5);
		tell_udp(&web1, NET + 2, 8, p.source_port, text, 5);
		ask_udp(&web1, NET + 3, 999, 53, "\0\7\1\0\0\1\0\0\0\0\0\0\4web2\0\0\1\0\1", 22);
		assert_int_equal(recv(host[2], reply, 9, MSG_DONTWAIT), -1);
		assert_int_equal(recv(client, reply, 9, MSG_DONTWAIT), -1);
	}
	for (unsigned int i = 0; i < 3; i++)
		close(host[i]);
}

static void start(void)
{
	char leases[80];
	int status = 0;

	snprintf(leases, sizeof(leases), "%s/leases", folder);
	process = fork();
	if (!process) {
		execl(getenv("BATON_NET"), "baton-net", "--listen", base, "--leases", leases,
		      "--linger", "60", NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(process, &status, WNOHANG), 0);
	control = connect_to(".ctl", SOCK_STREAM);
}

static int stop(void)
{
	char reply[100];
	int status;

	ask("{\"op\":\"quit\"}\n", reply, sizeof(reply));
	close(control);
	waitpid(process, &status, 0);
	return status;
}

/* The second one to come gets the address it had, not the first of the pool. */
static void test_restart(void **state)
{
	(void)state;
	close(web1.fd);
	close(web2.fd);
	assert_int_equal(stop(), 0);
	start();
	assert_int_equal(join(&web2, "web2", 2, 0), 0);
	assert_int_equal(dhcp(&web2), NET + 16);
	assert_int_equal(join(&web1, "web1", 1, 0), 0);
}

static int up(void **state)
{
	(void)state;
	if (!getenv("BATON_NET") || !mkdtemp(folder))
		return -1;
	snprintf(base, sizeof(base), "%s/lab", folder);
	start();
	assert_int_equal(join(&web1, "web1", 1, 0), 0);
	assert_int_equal(join(&web2, "web2", 2, NET_PORT_CSUM | NET_PORT_TSO4), 0);
	return 0;
}

static int down(void **state)
{
	char path[100];

	(void)state;
	assert_int_equal(stop(), 0); /* which the sanitizers decide, too */
	snprintf(path, sizeof(path), "%s/leases", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s.lock", base);
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_loopback), cmocka_unit_test(test_segments),
		cmocka_unit_test(test_forward), cmocka_unit_test(test_bulk),
		cmocka_unit_test(test_large_datagram), cmocka_unit_test(test_udp_forward),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests_name("baton-net", tests, up, down);
}
