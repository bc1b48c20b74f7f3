// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-net against a port that the test plays: hello, frames both ways,
 * merged buffers, waiting for buffers and for the port, the header that a
 * driver must not turn into a hello, control queue and filter, loss of the link.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/net_port.h"
#include "virtio_driver.h"

#define DATA 0x100000u
#define BIT(n) (1ull << (n))

static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };

struct env {
	struct test_machine *t;
	struct virtio_device *dev;
	struct driver d;
	int port; /* the switch's end */
	uint8_t message[NET_PORT_MESSAGE_MAX];
};

struct greeter {
	int fd;
	uint16_t error;
	unsigned int stale; /* messages before the answer */
	struct net_port_hello hello; /* as it came */
};

static void *greet(void *ctx)
{
	struct greeter *g = ctx;
	struct net_port_hello answer;

	if (recv(g->fd, &g->hello, sizeof(g->hello), 0) != sizeof(g->hello))
		return NULL;
	answer = g->hello;
	answer.error = g->error;
	answer.mtu = 1500;
	for (unsigned int i = 0; i < g->stale; i++)
		send(g->fd, &(uint8_t[NET_PORT_HEADER + 60]){ 0 }, NET_PORT_HEADER + 60,
		     MSG_NOSIGNAL);
	send(g->fd, &answer, sizeof(answer), MSG_NOSIGNAL);
	return NULL;
}

static int create(struct env *e, uint16_t refuse, unsigned int stale, struct greeter *g)
{
	struct virtio_net_options options = { .name = "web1" };
	pthread_t thread;
	int fds[2], error;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	*g = (struct greeter){ .fd = fds[1], .error = refuse, .stale = stale };
	assert_int_equal(pthread_create(&thread, NULL, greet, g), 0);
	options.fd = fds[0];
	memcpy(options.mac, mac, 6);
	error = virtio_net_create(&e->t->m, &options, &e->dev);
	close(fds[0]); /* it was duplicated */
	pthread_join(thread, NULL);
	e->port = fds[1];
	return error;
}

static int up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));
	struct greeter g;

	assert_non_null(e);
	e->t = test_machine_create();
	assert_int_equal(create(e, 0, 0, &g), 0);
	assert_memory_equal(g.hello.mac, mac, 6);
	assert_string_equal(g.hello.name, "web1");
	*state = e;
	return 0;
}

static int down(void **state)
{
	struct env *e = *state;

	virtio_device_destroy(e->dev);
	test_machine_destroy(e->t);
	close(e->port);
	free(e);
	return 0;
}

/* The driver starts; the hello that follows is returned, and answered. */
static struct net_port_hello start(struct env *e, uint64_t features)
{
	struct greeter g = { .fd = e->port };

	driver_start(&e->d, e->t, VIRTIO_ID_NET, features, 3);
	greet(&g);
	return g.hello;
}

static ssize_t from_card(struct env *e)
{
	struct pollfd p = { .fd = e->port, .events = POLLIN };

	if (poll(&p, 1, 5000) != 1)
		return -1;
	return recv(e->port, e->message, sizeof(e->message), 0);
}

static void to_card(struct env *e, uint8_t first, uint32_t length)
{
	memset(e->message, 0, NET_PORT_HEADER);
	for (uint32_t i = 0; i < length; i++)
		e->message[NET_PORT_HEADER + i] = (uint8_t)(i * 7 + (i >> 8));
	memcpy(e->message + NET_PORT_HEADER, mac, 6);
	e->message[NET_PORT_HEADER + 6] = first;
	assert_int_equal(send(e->port, e->message, NET_PORT_HEADER + length, 0),
			 NET_PORT_HEADER + length);
}

static void add_buffer(struct env *e, uint64_t at, uint32_t length)
{
	struct driver_buffer b = { at, length, true };

	driver_add(&e->d, 0, &b, 1);
	driver_kick(&e->d, 0);
}

static void test_hello(void **state)
{
	struct env *e = *state;
	struct net_port_hello hello = start(e, BIT(VIRTIO_NET_F_GUEST_CSUM) |
					    BIT(VIRTIO_NET_F_GUEST_TSO4));

	assert_int_equal(hello.features, NET_PORT_CSUM | NET_PORT_TSO4);
	assert_int_equal(bus_read(e->t->m.mmio, e->d.device, 4), 0x01005452);
	assert_int_equal(bus_read(e->t->m.mmio, e->d.device + 6, 2), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(bus_read(e->t->m.mmio, e->d.device + 10, 2), 1500);
	hello = start(e, BIT(VIRTIO_NET_F_GUEST_TSO4)); /* means nothing without CSUM */
	assert_int_equal(hello.features, 0);
}

static void test_refused(void **state)
{
	struct env e = { .t = test_machine_create() };
	struct greeter g;

	(void)state;
	/* behind whatever the socket held for the last one */
	assert_int_equal(create(&e, EADDRINUSE, 10000, &g), -EADDRINUSE);
	close(e.port);
	test_machine_destroy(e.t);
}

/* A reset when the network is gone: the card is the same but for its link. */
static void test_reset_without_network(void **state)
{
	struct env e = { .t = test_machine_create() };
	struct virtio_net_kept kept = { { 0x52, 0x54, 0, 9, 9, 9 }, 1400 };
	struct virtio_net_options options = { .path = "/nonexist", .kept = &kept };
	struct driver_buffer b = { DATA, 100, false };

	(void)state;
	assert_int_equal(virtio_net_create(&e.t->m, &options, &e.dev), 0);
	driver_start(&e.d, e.t, VIRTIO_ID_NET, 0, 3);
	assert_int_equal(bus_read(e.t->m.mmio, e.d.device, 4), 0x09005452);
	assert_int_equal(bus_read(e.t->m.mmio, e.d.device + 6, 2), 0);
	assert_int_equal(bus_read(e.t->m.mmio, e.d.device + 10, 2), 1400);
	driver_add(&e.d, 1, &b, 1);
	driver_kick(&e.d, 1);
	assert_int_equal(driver_wait(&e.d, 1, NULL), 0);
	virtio_device_destroy(e.dev);
	kept.mtu = 0; /* not a reset */
	assert_int_equal(virtio_net_create(&e.t->m, &options, &e.dev), -ENOENT);
	test_machine_destroy(e.t);
}

static void test_transmit(void **state)
{
	struct env *e = *state;
	struct driver_buffer b[3] = { { DATA, 5, 0 }, { DATA + 5, 9, 0 },
				      { DATA + 0x1000, 100, 0 } };
	struct virtio_net_stats stats;
	uint8_t *at;

	start(e, BIT(VIRTIO_NET_F_CSUM));
	at = ram(&e->d, DATA);
	memset(at, 0, 14);
	at[0] = 0xff; /* a hello, if the flags went through */
	at[12] = 0xaa;
	memset(ram(&e->d, DATA + 0x1000), 0x55, 100);
	driver_add(&e->d, 1, b, 3);
	driver_kick(&e->d, 1);
	assert_int_equal(from_card(e), NET_PORT_HEADER + 102);
	assert_int_equal(e->message[0], VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(e->message[12], 0xaa);
	assert_int_equal(e->message[113], 0x55);
	assert_int_equal(driver_wait(&e->d, 1, NULL), 0);
	b[2].len = 4; /* too short for a frame: dropped, not stuck */
	driver_add(&e->d, 1, b, 3);
	driver_kick(&e->d, 1);
	assert_int_equal(driver_wait(&e->d, 1, NULL), 0);
	virtio_net_get_stats(e->dev, &stats);
	assert_int_equal(stats.tx_frames, 1);
	assert_int_equal(stats.tx_bytes, 102);
	assert_int_equal(stats.tx_dropped, 1);
}

/* The port does not read: chains stay, and go later, in order. */
static void test_port_full(void **state)
{
	struct env *e = *state;
	struct driver_buffer b = { DATA, NET_PORT_HEADER + 30000, false };
	unsigned int sent = 0;

	start(e, 0);
	for (unsigned int i = 0; i < 16; i++)
		driver_add(&e->d, 1, &b, 1);
	memset(ram(&e->d, DATA), 0, b.len);
	driver_kick(&e->d, 1);
	msi_wait(e->t, 2, 1);
	for (unsigned int i = 0; i < 50; i++)
		nap();
	while (sent < 16 && from_card(e) == (ssize_t)b.len)
		sent++;
	assert_int_equal(sent, 16);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(driver_wait(&e->d, 1, NULL), 0);
}

static void test_merged_frame(void **state)
{
	struct env *e = *state;
	struct virtio_net_hdr_v1 header;
	uint8_t whole[3000];

	start(e, BIT(VIRTIO_NET_F_MRG_RXBUF));
	to_card(e, 9, 2500); /* 2512 bytes, no buffer yet */
	for (unsigned int i = 0; i < 3; i++)
		add_buffer(e, DATA + i * 0x1000, 1000);
	assert_int_equal(driver_wait(&e->d, 0, NULL), 1000);
	assert_int_equal(driver_wait(&e->d, 0, NULL), 1000);
	assert_int_equal(driver_wait(&e->d, 0, NULL), 512);
	for (unsigned int i = 0; i < 3; i++)
		memcpy(whole + i * 1000, ram(&e->d, DATA + i * 0x1000), 1000);
	memcpy(&header, whole, sizeof(header));
	assert_int_equal(header.num_buffers, 3);
	assert_memory_equal(whole + NET_PORT_HEADER, e->message + NET_PORT_HEADER, 2500);
	to_card(e, 1, 60); /* the next one is alone in its buffer */
	add_buffer(e, DATA, 1000);
	assert_int_equal(driver_wait(&e->d, 0, NULL), 72);
}

/* Two buffers are too few for the frame: the card asks for the third, and sleeps. */
static void test_wants_more(void **state)
{
	struct env *e = *state;
	uint16_t *event;

	start(e, BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_RING_F_EVENT_IDX));
	event = (uint16_t *)((char *)ram(&e->d, e->d.q[0].used) + 4 + 16 * 8);
	add_buffer(e, DATA, 1000);
	add_buffer(e, DATA + 0x1000, 1000);
	to_card(e, 9, 2500);
	for (unsigned int i = 0; i < 25000 && __atomic_load_n(event, __ATOMIC_RELAXED) != 2; i++)
		nap();
	assert_int_equal(*event, 2);
	add_buffer(e, DATA + 0x2000, 1000);
	assert_int_equal(driver_wait(&e->d, 0, NULL), 1000);
}

/* No driver can have more than a ring of buffers: what needs more is dropped. */
static void test_more_than_the_ring(void **state)
{
	struct env *e = *state;
	struct virtio_net_stats stats;

	start(e, BIT(VIRTIO_NET_F_MRG_RXBUF));
	for (unsigned int i = 0; i < 16; i++)
		add_buffer(e, DATA + i * 0x1000, 64);
	to_card(e, 1, 1400);
	to_card(e, 2, 50);
	assert_int_equal(driver_wait(&e->d, 0, NULL), 62);
	virtio_net_get_stats(e->dev, &stats);
	assert_int_equal(stats.rx_dropped, 1);
}

/* Without merging, one buffer has to be enough. */
static void test_too_small(void **state)
{
	struct env *e = *state;
	struct virtio_net_stats stats;

	start(e, 0);
	add_buffer(e, DATA, 200);
	to_card(e, 1, 500);
	to_card(e, 2, 60);
	assert_int_equal(driver_wait(&e->d, 0, NULL), 72);
	virtio_net_get_stats(e->dev, &stats);
	assert_int_equal(stats.rx_dropped, 1);
	assert_int_equal(stats.rx_frames, 1);
}

static int control(struct env *e, const void *request, uint32_t length)
{
	struct driver_buffer b[2] = { { DATA, length, false }, { DATA + 0x1000, 1, true } };

	memcpy(ram(&e->d, DATA), request, length);
	*(uint8_t *)ram(&e->d, DATA + 0x1000) = 0x77;
	driver_add(&e->d, 2, b, 2);
	driver_kick(&e->d, 2);
	assert_int_equal(driver_wait(&e->d, 2, NULL), 1);
	return *(uint8_t *)ram(&e->d, DATA + 0x1000);
}

static void test_filter(void **state)
{
	static const uint8_t promisc_off[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 };
	static const uint8_t nobcast[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOBCAST, 1 };
	static const uint8_t unknown[] = { 77, 0, 0 };
	static const uint8_t too_long[] = { VIRTIO_NET_CTRL_RX, 0, 0, 0 };
	static const uint8_t short_table[] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
					       2, 0, 0, 0, 1, 2, 3, 4, 5, 6 };
	static const uint8_t table[] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
					 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1 };
	static const uint8_t wanted[6] = { 1, 0, 0x5e, 0, 0, 1 };
	uint8_t frame[NET_PORT_HEADER + 60] = { 0 };
	struct env *e = *state;

	start(e, BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX));
	assert_int_equal(control(e, unknown, 3), VIRTIO_NET_ERR);
	assert_int_equal(control(e, too_long, 4), VIRTIO_NET_ERR);
	assert_int_equal(control(e, short_table, sizeof(short_table)), VIRTIO_NET_ERR);
	assert_int_equal(control(e, promisc_off, 3), VIRTIO_NET_OK);
	assert_int_equal(control(e, nobcast, 3), VIRTIO_NET_OK);
	assert_int_equal(control(e, table, sizeof(table)), VIRTIO_NET_OK);
	memset(frame + NET_PORT_HEADER, 0xff, 6); /* broadcast: not wanted */
	send(e->port, frame, sizeof(frame), 0);
	memset(frame + NET_PORT_HEADER, 0x02, 6); /* somebody else's */
	send(e->port, frame, sizeof(frame), 0);
	memcpy(frame + NET_PORT_HEADER, wanted, 6);
	send(e->port, frame, sizeof(frame), 0);
	add_buffer(e, DATA + 0x2000, 2000);
	assert_int_equal(driver_wait(&e->d, 0, NULL), sizeof(frame));
	assert_memory_equal(ram(&e->d, DATA + 0x2000 + NET_PORT_HEADER), wanted, 6);
}

/* The driver takes another address: the card is heard at it, until the next driver. */
static void test_address(void **state)
{
	static const uint8_t promisc_off[] = { VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0 };
	static const uint8_t set[] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
				       2, 3, 4, 5, 6, 7 };
	static const uint8_t many[] = { VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
					1, 3, 4, 5, 6, 7 };
	uint8_t frame[NET_PORT_HEADER + 60] = { 0 };
	struct env *e = *state;
	struct net_port_hello hello;

	start(e, BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX));
	assert_int_equal(control(e, set, sizeof(set)), VIRTIO_NET_ERR); /* not negotiated */
	start(e, BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX) |
	      BIT(VIRTIO_NET_F_CTRL_MAC_ADDR));
	assert_int_equal(control(e, promisc_off, 3), VIRTIO_NET_OK);
	assert_int_equal(control(e, many, sizeof(many)), VIRTIO_NET_ERR);
	assert_int_equal(control(e, set, 7), VIRTIO_NET_ERR);
	assert_int_equal(control(e, set, sizeof(set)), VIRTIO_NET_OK);
	assert_int_equal(bus_read(e->t->m.mmio, e->d.device, 4), 0x05040302);
	to_card(e, 1, 60); /* the old one is not its own any more */
	memcpy(frame + NET_PORT_HEADER, set + 2, 6);
	send(e->port, frame, sizeof(frame), 0);
	add_buffer(e, DATA + 0x2000, 2000);
	assert_int_equal(driver_wait(&e->d, 0, NULL), sizeof(frame));
	assert_memory_equal(ram(&e->d, DATA + 0x2000 + NET_PORT_HEADER), set + 2, 6);
	hello = start(e, 0);
	assert_memory_equal(hello.mac, mac, 6);
	assert_int_equal(bus_read(e->t->m.mmio, e->d.device, 4), 0x01005452);
}

/* Frames before the answer to the hello were made for another driver. */
static void test_stale_frames(void **state)
{
	struct env *e = *state;
	struct greeter g = { .fd = e->port };

	to_card(e, 1, 100);
	driver_start(&e->d, e->t, VIRTIO_ID_NET, 0, 3);
	to_card(e, 2, 100);
	greet(&g);
	to_card(e, 3, 60);
	add_buffer(e, DATA, 2000);
	assert_int_equal(driver_wait(&e->d, 0, NULL), 72);
	assert_int_equal(((uint8_t *)ram(&e->d, DATA))[NET_PORT_HEADER + 6], 3);
}

static void test_link_lost(void **state)
{
	struct env *e = *state;
	struct driver_buffer b = { DATA, NET_PORT_HEADER + 60, false };
	unsigned int before;

	start(e, 0);
	before = (unsigned int)bus_read(e->t->m.mmio, e->d.common + VIRTIO_PCI_COMMON_CFGGENERATION,
					1);
	shutdown(e->port, SHUT_RDWR);
	assert_int_equal(msi_wait(e->t, 1, 1), 1); /* the configuration's vector */
	assert_int_equal(bus_read(e->t->m.mmio, e->d.device + 6, 2), 0);
	assert_int_not_equal(bus_read(e->t->m.mmio,
				      e->d.common + VIRTIO_PCI_COMMON_CFGGENERATION, 1), before);
	driver_add(&e->d, 1, &b, 1); /* frames go nowhere, and do not get stuck */
	driver_kick(&e->d, 1);
	assert_int_equal(driver_wait(&e->d, 1, NULL), 0);
}

static void test_bad_ring(void **state)
{
	struct env *e = *state;
	struct driver_buffer b = { TEST_RAM, 100, true };

	start(e, 0);
	driver_add(&e->d, 0, &b, 1);
	to_card(e, 1, 60);
	assert_true(driver_wait_broken(&e->d));
	start(e, 0);
	add_buffer(e, DATA, 2000);
	to_card(e, 1, 60);
	assert_int_equal(driver_wait(&e->d, 0, NULL), 72);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		T(test_hello), cmocka_unit_test(test_refused), T(test_transmit),
		cmocka_unit_test(test_reset_without_network), T(test_port_full),
		T(test_merged_frame), T(test_wants_more), T(test_more_than_the_ring),
		T(test_too_small), T(test_filter), T(test_address),
		T(test_stale_frames), T(test_link_lost), T(test_bad_ring),
	};

	return cmocka_run_group_tests_name("virtio net", tests, NULL, NULL);
}
