// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames from a hostile VM into the switch, DHCP and DNS among them, with any
 * virtio header; a second port gets what is meant for it. What the second one
 * cannot take does not reach it.
 */
#include "fuzz.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"
#include "offload.h"
#include "packet.h"
#include "reassembly.h"
#include "switch.h"
#include "uplink.h"

#define FRAMES 16

static void greet(struct net *net, int fd, unsigned int index, uint8_t last, uint32_t features)
{
	struct net_port_hello hello = {
		.marker = NET_PORT_MARKER, .version = NET_PORT_VERSION, .features = features,
		.mac = { 0x52, 0x54, 0, 0, 0, last }, .name = { 'v', (char)('a' + last) },
	};

	FUZZ_CHECK(send(fd, &hello, sizeof(hello), 0) == sizeof(hello));
	switch_port_readable(net, index);
	FUZZ_CHECK(recv(fd, &hello, sizeof(hello), MSG_DONTWAIT) == sizeof(hello));
	FUZZ_CHECK(!hello.error);
}

static uint32_t make_frame(struct fuzz *f, uint8_t *message)
{
	uint16_t length = fuzz_u16(f) % 4096;
	uint8_t shape = fuzz_u8(f);

	fuzz_bytes(f, message, NET_PORT_HEADER);
	if (message[0] == NET_PORT_MARKER)
		message[0] = 0;
	memset(message + NET_PORT_HEADER, 0, 4096);
	fuzz_bytes(f, message + NET_PORT_HEADER, length < f->left ? length : f->left);
	/* Most random frames are none of an address that counts. */
	if (shape & 1)
		memcpy(message + NET_PORT_HEADER, "\x52\x54\0\0\0\2", 6);
	if (shape & 2)
		memcpy(message + NET_PORT_HEADER + 6, "\x52\x54\0\0\0\1", 6);
	return NET_PORT_HEADER + length;
}

static void check_received(int fd)
{
	static uint8_t message[NET_PORT_MESSAGE_MAX];
	struct virtio_net_hdr_v1 header;
	ssize_t got;

	while ((got = recv(fd, message, sizeof(message), MSG_DONTWAIT)) > 0) {
		FUZZ_CHECK(got >= NET_PORT_HEADER + (ssize_t)ETH_HEADER);
		memcpy(&header, message, sizeof(header));
		FUZZ_CHECK(!offload_needs(&header));
	}
}

static void check_frame(void *ctx, uint8_t *frame, uint32_t length)
{
	(void)ctx, (void)frame;
	FUZZ_CHECK(length >= ETH_HEADER && length <= UPLINK_MTU + ETH_HEADER);
}

static struct reassembly reassembly;

/* What becomes of frames from the way out; the host's peers make up some of each. */
static void come_from_outside(const uint8_t *bytes, uint32_t length)
{
	static uint8_t frame[4096], scratch[NET_PORT_FRAME_MAX];
	struct loopback loopback = { .router = 0x0a000202 };
	struct virtio_net_hdr_v1 header;
	struct packet p;

	memcpy(frame, bytes, length);
	loopback_in(&loopback, frame, length, 1);
	loopback_out(&loopback, frame, length, 1);
	packet_offer_mss(frame, length, UPLINK_MSS(UPLINK_MTU), UPLINK_MSS(UPLINK_LARGE));
	offload_fragment(frame, length, UPLINK_MTU, scratch, check_frame, NULL);
	if (offload_enlarge(&header, frame, length, UPLINK_MSS(UPLINK_MTU)))
		FUZZ_CHECK(!offload_check(&header, frame, length));
	if (packet_parse(frame, length, &p) && p.protocol == IPPROTO_TCP)
		packet_clear_urgent(frame, &p);
	if (packet_parse_ip(frame, length, &p) && !p.ipv6 && p.l3 == ETH_HEADER &&
	    reassembly_add(&reassembly, frame, &p, 1, &length))
		FUZZ_CHECK(length > ETH_HEADER + 20 && length <= NET_PORT_FRAME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t message[NET_PORT_HEADER + 4096];
	struct fuzz f = { data, size };
	struct subnet subnet = { 0 };
	struct net *net;
	int a[2], b[2];

	memset(&reassembly, 0, sizeof(reassembly));
	subnet_parse("10.0.2.0/24", &subnet);
	strcpy(subnet.domain, "lab");
	if (switch_create(&subnet, &net) || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, a) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, b))
		abort();
	/* Without a way out: a fuzzer's packets stay here. */
	uplink_destroy(net->uplink);
	net->uplink = NULL;
	greet(net, a[0], (unsigned int)switch_add_port(net, a[1]), 1, 0);
	greet(net, b[0], (unsigned int)switch_add_port(net, b[1]), 2, 0);
	for (unsigned int i = 0; i < FRAMES && f.left; i++) {
		uint32_t length = make_frame(&f, message);

		come_from_outside(message + NET_PORT_HEADER, length - NET_PORT_HEADER);
		if (send(a[0], message, length, MSG_DONTWAIT) < 0)
			break;
		switch_port_readable(net, 0);
		check_received(b[0]);
		check_received(a[0]);
		FUZZ_CHECK(net->port[0].mac_count <= MACS_PER_PORT);
	}
	switch_destroy(net);
	close(a[0]);
	close(b[0]);
	return 0;
}
