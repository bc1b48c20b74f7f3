// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control queue of virtio-net and what it sets: which frames the driver
 * wants (virtio 1.2, 5.1.6.5.1 "Packet Receive Filtering", 5.1.6.5.2 "Setting
 * MAC Address Filtering"), and for whom it takes itself. Until the driver says
 * something, it gets all.
 */
#define _GNU_SOURCE /* struct mmsghdr */
#include <string.h>

#include "virtio/virtio_net_private.h"

#define REQUEST_MAX (2u + 2u * (4u + 256u * 6u))	/* class, command, both tables */

const struct state_field virtio_net_state[] = {
	STATE_ARRAY(struct virtio_net, config.mac),
	STATE_FIELD(struct virtio_net, filter.promiscuous),
	STATE_FIELD(struct virtio_net, filter.all_multicast),
	STATE_FIELD(struct virtio_net, filter.all_unicast),
	STATE_FIELD(struct virtio_net, filter.no_multicast),
	STATE_FIELD(struct virtio_net, filter.no_unicast),
	STATE_FIELD(struct virtio_net, filter.no_broadcast),
	STATE_FIELD(struct virtio_net, filter.unicast.count),
	STATE_FIELD(struct virtio_net, filter.unicast.overflow),
	{ "filter.unicast.mac", offsetof(struct virtio_net, filter.unicast.mac), 1,
	  NET_MACS_MAX * 6 },
	STATE_FIELD(struct virtio_net, filter.multicast.count),
	STATE_FIELD(struct virtio_net, filter.multicast.overflow),
	{ "filter.multicast.mac", offsetof(struct virtio_net, filter.multicast.mac), 1,
	  NET_MACS_MAX * 6 },
};
const unsigned int virtio_net_state_count =
	sizeof(virtio_net_state) / sizeof(virtio_net_state[0]);

/* vCPUs read it at any time; the driver that has it changed waits. */
static void set_address(struct virtio_net *net, const uint8_t mac[6])
{
	for (unsigned int i = 0; i < 6; i++)
		__atomic_store_n(&net->config.mac[i], mac[i], __ATOMIC_RELAXED);
}

void virtio_net_filter_reset(struct virtio_net *net)
{
	set_address(net, net->mac);
	memset(&net->filter, 0, sizeof(net->filter));
	net->filter.promiscuous = true;
}

static bool has_mac(const struct net_macs *macs, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < macs->count; i++)
		if (!memcmp(macs->mac[i], mac, 6))
			return true;
	return macs->overflow;
}

bool virtio_net_filter_takes(const struct virtio_net *net, const uint8_t mac[6])
{
	static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	const struct net_filter *f = &net->filter;

	if (f->promiscuous)
		return true;
	if (!memcmp(mac, broadcast, 6))
		return !f->no_broadcast;
	if (mac[0] & 1)
		return !f->no_multicast && (f->all_multicast || has_mac(&f->multicast, mac));
	return !f->no_unicast && (f->all_unicast || !memcmp(mac, net->config.mac, 6) ||
				  has_mac(&f->unicast, mac));
}

/* ---- requests, already copied out of guest memory ---- */

static bool set_mode(struct net_filter *f, uint8_t command, const uint8_t *data, uint32_t length)
{
	bool *const modes[] = {
		[VIRTIO_NET_CTRL_RX_PROMISC] = &f->promiscuous,
		[VIRTIO_NET_CTRL_RX_ALLMULTI] = &f->all_multicast,
		[VIRTIO_NET_CTRL_RX_ALLUNI] = &f->all_unicast,
		[VIRTIO_NET_CTRL_RX_NOMULTI] = &f->no_multicast,
		[VIRTIO_NET_CTRL_RX_NOUNI] = &f->no_unicast,
		[VIRTIO_NET_CTRL_RX_NOBCAST] = &f->no_broadcast,
	};

	if (command >= sizeof(modes) / sizeof(modes[0]) || length != 1)
		return false;
	*modes[command] = data[0];
	return true;
}

/* A count and that many addresses; what they took, or 0. */
static uint32_t take_macs(struct net_macs *macs, const uint8_t *data, uint32_t length)
{
	uint32_t count;

	if (length < sizeof(count))
		return 0;
	memcpy(&count, data, sizeof(count));
	if (count > (length - sizeof(count)) / 6)
		return 0;
	macs->overflow = count > NET_MACS_MAX;
	macs->count = macs->overflow ? 0 : count;
	memcpy(macs->mac, data + sizeof(count), macs->count * 6);
	return (uint32_t)sizeof(count) + count * 6;
}

static bool set_table(struct net_filter *f, const uint8_t *data, uint32_t length)
{
	struct net_macs unicast = { 0 }, multicast = { 0 };
	uint32_t used = take_macs(&unicast, data, length);

	if (!used || !take_macs(&multicast, data + used, length - used))
		return false;
	f->unicast = unicast;
	f->multicast = multicast;
	return true;
}

static bool change_address(struct virtio_net *net, const uint8_t *mac, uint32_t length)
{
	if (length != 6 || mac[0] & 1) /* a multicast address is nobody's */
		return false;
	set_address(net, mac);
	return true;
}

static bool obey(struct virtio_net *net, const uint8_t *request, uint32_t length)
{
	bool rx = virtio_has_feature(&net->dev, VIRTIO_NET_F_CTRL_RX);
	bool addr = virtio_has_feature(&net->dev, VIRTIO_NET_F_CTRL_MAC_ADDR);

	if (length < 2)
		return false;
	switch (request[0] << 8 | request[1]) {
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_TABLE_SET:
		return rx && set_table(&net->filter, request + 2, length - 2);
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_ADDR_SET:
		return addr && change_address(net, request + 2, length - 2);
	default:
		return rx && request[0] == VIRTIO_NET_CTRL_RX &&
		       set_mode(&net->filter, request[1], request + 2, length - 2);
	}
}

/* Tables that are longer than a driver has use for are refused, not cut. */
static uint32_t copy_request(const struct virtq_chain *chain, uint8_t *to)
{
	uint32_t length = 0;

	for (uint16_t i = 0; i < chain->readable; i++) {
		size_t part = chain->iov[i].iov_len;

		if (part > REQUEST_MAX - length)
			return 0;
		memcpy(to + length, chain->iov[i].iov_base, part);
		length += (uint32_t)part;
	}
	return length;
}

bool virtio_net_control(struct virtio_net *net)
{
	struct virtio_queue *queue = &net->dev.queue[NET_CONTROL];
	struct virtq_chain chain = { .iov = net->next_iov, .iov_max = NET_IOV_MAX };
	uint8_t request[REQUEST_MAX];
	unsigned int done = 0;

	while (done < NET_QUEUE_SIZE && virtio_queue_pop(queue, &chain) > 0) {
		bool ok = obey(net, request, copy_request(&chain, request));
		uint32_t written = chain.writable ? 1 : 0;

		if (written)
			*(uint8_t *)chain.iov[chain.readable].iov_base =
				ok ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
		virtq_push(&queue->ring, chain.head, written);
		done++;
	}
	if (done)
		virtio_queue_flush(queue);
	return done > 0;
}
