// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sending half of a port: batches go out with one sendmmsg(); what the
 * socket does not take waits in a bounded queue, and beyond that is dropped.
 */
#define _GNU_SOURCE /* sendmmsg */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "switch.h"

struct queued {
	struct queued *next;
	uint32_t length;
	uint8_t message[];	/* header and frame */
};

static void drop(struct port *port)
{
	port->dropped++;
}

/* Frames cost at least this much of the bound, however short they are. */
static uint32_t cost(uint32_t length)
{
	return length + (uint32_t)sizeof(struct queued) + 64;
}

/* A place at the queue's end for a message; NULL: there is none, and it is dropped. */
static uint8_t *append(struct port *port, uint32_t length)
{
	struct queued *q = NULL;

	if (port->queued_bytes + cost(length) <= PORT_QUEUE_MAX)
		q = malloc(sizeof(*q) + length);
	if (!q) {
		drop(port);
		return NULL;
	}
	q->next = NULL;
	q->length = length;
	if (port->last)
		port->last->next = q;
	else
		port->first = q;
	port->last = q;
	port->queued_bytes += cost(length);
	return q->message;
}

static void enqueue(struct port *port, const struct outgoing *o)
{
	uint8_t *message = append(port, NET_PORT_HEADER + o->length);

	if (!message)
		return;
	memcpy(message, &o->header, NET_PORT_HEADER);
	memcpy(message + NET_PORT_HEADER, o->frame, o->length);
}

static void count_sent(struct port *port, uint32_t length)
{
	port->tx_frames++;
	port->tx_bytes += length;
}

/* True if the queue is empty now. */
static bool send_queue(struct port *port)
{
	while (port->first) {
		struct queued *q = port->first;

		if (send(port->fd, q->message, q->length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
				port->dead = true;
			return false;
		}
		if (q->message[0] != NET_PORT_MARKER)
			count_sent(port, q->length - NET_PORT_HEADER);
		port->queued_bytes -= cost(q->length);
		port->first = q->next;
		if (!port->first)
			port->last = NULL;
		free(q);
	}
	return true;
}

/* How many of the batch the socket took. */
static unsigned int send_batch(struct port *port)
{
	struct mmsghdr message[PORT_BATCH] = { 0 };
	struct iovec iov[PORT_BATCH][2];
	unsigned int done = 0;

	for (unsigned int i = 0; i < port->batch_count; i++) {
		struct outgoing *o = &port->batch[i];

		iov[i][0] = (struct iovec){ &o->header, NET_PORT_HEADER };
		iov[i][1] = (struct iovec){ (void *)o->frame, o->length };
		message[i].msg_hdr.msg_iov = iov[i];
		message[i].msg_hdr.msg_iovlen = 2;
	}
	while (done < port->batch_count) {
		int sent = sendmmsg(port->fd, message + done, port->batch_count - done,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent <= 0) {
			if (errno == EINTR)
				continue;
			if (errno != EAGAIN && errno != ENOBUFS)
				port->dead = true;
			break;
		}
		done += (unsigned int)sent;
	}
	return done;
}

void port_flush(struct port *port)
{
	unsigned int done = 0;

	if (port->fd < 0 || port->dead) {
		port->batch_count = 0;
		return;
	}
	if (send_queue(port) && port->batch_count)
		done = send_batch(port);
	for (unsigned int i = 0; i < done; i++)
		count_sent(port, port->batch[i].length);
	for (unsigned int i = done; i < port->batch_count; i++)
		enqueue(port, &port->batch[i]);
	port->batch_count = 0;
	port->waiting = port->first != NULL;
}

void port_send(struct port *port, const struct virtio_net_hdr_v1 *header, const uint8_t *frame,
	       uint32_t length)
{
	if (port->batch_count == PORT_BATCH)
		port_flush(port);
	port->batch[port->batch_count++] = (struct outgoing){ *header, frame, length };
}

void port_answer(struct port *port, const struct net_port_hello *hello)
{
	uint8_t *message = append(port, sizeof(*hello));

	if (!message) {
		port->dead = true; /* the VM would wait for ever */
		return;
	}
	memcpy(message, hello, sizeof(*hello));
	port_flush(port);
}

void port_forget_queue(struct port *port)
{
	while (port->first) {
		struct queued *next = port->first->next;

		free(port->first);
		port->first = next;
	}
	port->last = NULL;
	port->queued_bytes = 0;
	port->waiting = false;
}

void port_close(struct port *port)
{
	port_forget_queue(port);
	if (port->fd >= 0)
		close(port->fd);
	memset(port, 0, sizeof(*port));
	port->fd = -1;
}
