// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames of virtio-net: virtio 1.2, 5.1.6.2 "Packet Transmission", 5.1.6.3 and
 * 5.1.6.4 "Setting Up Receive Buffers", "Processing of Incoming Packets".
 *
 * Out: a batch of chains is one sendmmsg() right from guest memory, but for the
 * header, of which a copy is checked and sent: the driver could change it into
 * a message of the port protocol. If the port is full, chains go back to the
 * ring and the guest's own queue takes over.
 *
 * In: a batch is one recvmmsg() into memory of ours, as the sizes of frames are
 * not known before. What finds no buffers waits here, and more in the port.
 */
#define _GNU_SOURCE /* struct mmsghdr */
#include <errno.h>
#include <string.h>

#include "virtio/virtio_net_private.h"

#define HEADER_FLAGS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define FRAME_MIN 14u
#define NUM_BUFFERS_AT offsetof(struct virtio_net_hdr_v1, num_buffers)

/* ---- guest to network ---- */

/* Cuts the header off the chain and puts a copy in its place. Bytes of the message, or 0. */
static uint32_t prepare(struct net_sending *s)
{
	uint32_t header = 0;
	uint64_t total = 0;

	for (unsigned int i = 0; i < s->chain.readable; i++) {
		struct iovec *iov = &s->iov[1 + i];
		size_t part = NET_PORT_HEADER - header;

		if (part > iov->iov_len)
			part = iov->iov_len;
		memcpy((uint8_t *)&s->header + header, iov->iov_base, part);
		header += (uint32_t)part;
		iov->iov_base = (uint8_t *)iov->iov_base + part;
		iov->iov_len -= part;
		total += iov->iov_len;
	}
	if (header < NET_PORT_HEADER || total < FRAME_MIN || total > NET_PORT_FRAME_MAX)
		return 0;
	s->header.flags &= HEADER_FLAGS;
	s->header.num_buffers = 0;
	s->iov[0] = (struct iovec){ &s->header, NET_PORT_HEADER };
	return NET_PORT_HEADER + (uint32_t)total;
}

static void give_back(struct virtio_net *net, struct net_sending *s, uint32_t sent)
{
	if (sent) {
		atomic_fetch_add(&net->tx_frames, 1);
		atomic_fetch_add(&net->tx_bytes, sent - NET_PORT_HEADER);
	} else {
		atomic_fetch_add(&net->tx_dropped, 1);
	}
	virtq_push(&net->dev.queue[NET_TX].ring, s->chain.head, 0);
}

/* How many of them went; without a back end all do, into nothing. */
static unsigned int send_all(struct virtio_net *net, struct mmsghdr *message, unsigned int count)
{
	unsigned int done = 0;

	while (!net->gone && done < count) {
		int sent = net_backend_send(net->backend, message + done, count - done);

		if (sent < 0)
			virtio_net_set_link(net, false);
		else if (!sent)
			return done;
		else
			done += (unsigned int)sent;
	}
	return done;
}

/* Takes chains until one cannot be sent, or the batch is full. */
static unsigned int collect(struct virtio_net *net, struct mmsghdr *message, bool *ret_odd)
{
	struct virtio_queue *queue = &net->dev.queue[NET_TX];
	unsigned int count = 0;

	*ret_odd = false;
	while (count < NET_BATCH) {
		struct net_sending *s = &net->sending[count];

		s->chain = (struct virtq_chain){ .iov = s->iov + 1, .iov_max = NET_IOV_MAX };
		if (virtio_queue_pop(queue, &s->chain) <= 0)
			break;
		if (!prepare(s)) {
			*ret_odd = true;
			break;
		}
		message[count++].msg_hdr = (struct msghdr){
			.msg_iov = s->iov, .msg_iovlen = 1u + s->chain.readable,
		};
	}
	return count;
}

bool virtio_net_transmit(struct virtio_net *net)
{
	struct virtio_queue *queue = &net->dev.queue[NET_TX];
	struct mmsghdr message[NET_BATCH];
	unsigned int count, sent;
	bool odd;

	memset(message, 0, sizeof(message));
	count = collect(net, message, &odd);
	sent = send_all(net, message, count);
	net->tx_blocked = sent < count && !net->gone;
	for (unsigned int i = 0; i < count && (i < sent || net->gone); i++)
		give_back(net, &net->sending[i], i < sent ? message[i].msg_len : 0);
	if (net->tx_blocked) {
		if (odd)
			virtq_unpop(&queue->ring);
		for (unsigned int i = sent; i < count; i++)
			virtq_unpop(&queue->ring);
	} else if (odd) {
		give_back(net, &net->sending[count], 0);
	}
	virtio_queue_flush(queue);
	return !net->tx_blocked && (count || odd);
}

/* ---- network to guest ---- */

/* Copies into the chain's writable part; how much fitted. */
static uint32_t fill(const struct virtq_chain *chain, const uint8_t *from, uint32_t length)
{
	uint32_t done = 0;

	for (uint16_t i = 0; i < chain->writable && done < length; i++) {
		const struct iovec *iov = &chain->iov[chain->readable + i];
		uint32_t part = length - done;

		if (part > iov->iov_len)
			part = (uint32_t)iov->iov_len;
		memcpy(iov->iov_base, from + done, part);
		done += part;
	}
	return done;
}

/* The header's last field, which may lie in several pieces. */
static void set_num_buffers(const struct virtq_chain *chain, uint8_t *message, uint16_t count)
{
	memcpy(message + NUM_BUFFERS_AT, &count, sizeof(count));
	fill(chain, message, NET_PORT_HEADER);
}

/* Buffers for one frame at most: a driver cannot have more waiting than its ring holds. */
static unsigned int buffers_max(const struct virtio_net *net)
{
	unsigned int size = net->dev.queue[NET_RX].ring.size;

	if (!virtio_has_feature(&net->dev, VIRTIO_NET_F_MRG_RXBUF))
		return 1;
	return size < NET_MERGE_MAX ? size : NET_MERGE_MAX;
}

enum delivery { DELIVERED, DROPPED, STARVED };

/* One message into as many buffers as it takes; none is used unless all are there. */
static enum delivery deliver(struct virtio_net *net, uint8_t *message, uint32_t length)
{
	struct virtio_queue *queue = &net->dev.queue[NET_RX];
	struct virtq_chain first = { .iov = net->first_iov, .iov_max = NET_IOV_MAX };
	struct virtq_chain next = { .iov = net->next_iov, .iov_max = NET_IOV_MAX };
	unsigned int count = 0, max = buffers_max(net);
	uint16_t head[NET_MERGE_MAX];
	uint32_t part[NET_MERGE_MAX], done = 0;
	enum delivery end = DELIVERED;

	while (done < length && end == DELIVERED) {
		struct virtq_chain *chain = count ? &next : &first;
		int got = count < max ? virtio_queue_pop(queue, chain) : 0;

		if (got <= 0) {
			end = count < max && !got ? STARVED : DROPPED;
			break;
		}
		part[count] = fill(chain, message + done, length - done);
		head[count] = chain->head;
		done += part[count];
		if (!part[count++] || (count == 1 && done < NET_PORT_HEADER))
			end = DROPPED;
	}
	net->rx_have = (uint16_t)count;
	if (end == STARVED || (end == DROPPED && count == max)) {
		for (unsigned int i = 0; i < count; i++)
			virtq_unpop(&queue->ring);
		count = 0;
	}
	if (end == DELIVERED)
		set_num_buffers(&first, message, (uint16_t)count);
	for (unsigned int i = 0; i < count; i++)
		virtq_push(&queue->ring, head[i], end == DELIVERED ? part[i] : 0);
	return end;
}

/* An answer to our hello: from here on frames are for this driver. */
static void take_hello(struct virtio_net *net, const uint8_t *message, uint32_t length)
{
	struct net_port_hello answer;

	if (length != sizeof(answer))
		return;
	memcpy(&answer, message, sizeof(answer));
	net->greeting = false;
	if (answer.error)
		virtio_net_set_link(net, false);
}

/* False: it has to wait for buffers. */
static bool take_message(struct virtio_net *net, uint8_t *message, uint32_t length)
{
	enum delivery end;

	if (length && message[0] == NET_PORT_MARKER) {
		take_hello(net, message, length);
		return true;
	}
	if (net->greeting || length < NET_PORT_HEADER + FRAME_MIN ||
	    length > NET_PORT_MESSAGE_MAX ||
	    !virtio_net_filter_takes(net, message + NET_PORT_HEADER))
		return true;
	end = deliver(net, message, length);
	if (end == DELIVERED) {
		atomic_fetch_add(&net->rx_frames, 1);
		atomic_fetch_add(&net->rx_bytes, length - NET_PORT_HEADER);
	} else if (end == DROPPED) {
		atomic_fetch_add(&net->rx_dropped, 1);
	}
	return end != STARVED;
}

static bool deliver_waiting(struct virtio_net *net)
{
	struct net_receiving *r = &net->receiving;
	bool did = false;

	while (net->rx_first < net->rx_count) {
		uint32_t length = r->message[net->rx_first].msg_len;

		net->rx_starved = !take_message(net, r->buffer[net->rx_first], length);
		if (net->rx_starved)
			break;
		net->rx_first++;
		did = true;
	}
	virtio_queue_flush(&net->dev.queue[NET_RX]);
	return did;
}

static void receive_batch(struct virtio_net *net)
{
	struct net_receiving *r = &net->receiving;
	int got;

	for (unsigned int i = 0; i < NET_BATCH; i++) {
		r->iov[i] = (struct iovec){ r->buffer[i], sizeof(r->buffer[i]) };
		r->message[i].msg_hdr = (struct msghdr){ .msg_iov = &r->iov[i], .msg_iovlen = 1 };
	}
	got = net_backend_receive(net->backend, r->message, NET_BATCH);
	net->rx_first = 0;
	net->rx_count = got > 0 ? (unsigned int)got : 0;
	if (got < 0)
		virtio_net_set_link(net, false);
}

bool virtio_net_receive(struct virtio_net *net)
{
	if (net->rx_first == net->rx_count && !net->gone)
		receive_batch(net);
	return deliver_waiting(net);
}
