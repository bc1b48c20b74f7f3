// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-net under a hostile driver. The port that it is plugged into gets
 * hellos of the device only, and frames of a sane size; what it gets it sends
 * back, so that receive buffers are used, too.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/virtio_ids.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/net_port.h"
#include "virtio_stream.h"

static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };

static void *echo(void *ctx)
{
	static uint8_t message[NET_PORT_MESSAGE_MAX + 1];
	struct net_port_hello hello;
	int fd = *(int *)ctx;
	ssize_t got;

	while ((got = recv(fd, message, sizeof(message), 0)) > 0) {
		if (message[0] == NET_PORT_MARKER) {
			FUZZ_CHECK(got == sizeof(hello));
			memcpy(&hello, message, sizeof(hello));
			FUZZ_CHECK(!memcmp(hello.mac, mac, 6) && !strcmp(hello.name, "fuzz"));
		} else {
			FUZZ_CHECK(got >= (ssize_t)NET_PORT_HEADER + 14);
			FUZZ_CHECK(got <= (ssize_t)NET_PORT_MESSAGE_MAX);
		}
		send(fd, message, (size_t)got, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	return NULL;
}

static uint32_t make_header(struct fuzz *f, void *to)
{
	fuzz_bytes(f, to, NET_PORT_HEADER);
	return NET_PORT_HEADER;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = {
		.f = { data, size }, .type = VIRTIO_ID_NET, .queues = 3, .header = make_header,
	};
	struct virtio_net_options options = { .name = "fuzz" };
	struct virtio_device *dev;
	pthread_t thread;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) ||
	    pthread_create(&thread, NULL, echo, &fds[1]))
		abort();
	s.t = test_machine_create();
	options.fd = fds[0];
	memcpy(options.mac, mac, 6);
	if (virtio_net_create(&s.t->m, &options, &dev))
		abort();
	stream_run(&s);
	virtio_device_destroy(dev);
	test_machine_destroy(s.t);
	shutdown(fds[0], SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
