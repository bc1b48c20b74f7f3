/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One network card, as virtio_net.c (device, thread), virtio_net_io.c (frames)
 * and virtio_net_control.c (control queue, filter) know it. For nobody else.
 *
 * Letters: C constant after creation, B net->lock, a atomic, N the card's thread.
 */
#ifndef BATON_VIRTIO_NET_PRIVATE_H
#define BATON_VIRTIO_NET_PRIVATE_H

#include <linux/virtio_net.h>
#include <sys/socket.h>

#include "net/net.h"
#include "virtio/transport.h"

#define NET_QUEUE_SIZE 256u
#define NET_IOV_MAX NET_QUEUE_SIZE	/* elements of one chain */
#define NET_BATCH 32u
#define NET_MERGE_MAX 64u		/* receive buffers for one frame */
#define NET_MACS_MAX 64u		/* in the filter, of each kind */

enum { NET_RX, NET_TX, NET_CONTROL, NET_QUEUES };
enum net_state { NET_STARTING, NET_IDLE, NET_RUNNING, NET_GONE };

struct net_macs {
	uint8_t mac[NET_MACS_MAX][6];
	uint32_t count;
	bool overflow;			/* more than fit: all are let through */
};

struct net_filter {
	bool promiscuous, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast;
	struct net_macs unicast, multicast;
};

struct net_sending {
	struct virtq_chain chain;
	struct virtio_net_hdr_v1 header;	/* the copy that is sent */
	struct iovec iov[NET_IOV_MAX + 1];	/* its header first */
};

struct net_receiving {
	struct mmsghdr message[NET_BATCH];
	struct iovec iov[NET_BATCH];
	uint8_t buffer[NET_BATCH][NET_PORT_MESSAGE_MAX + 1];
};

struct virtio_net {
	struct virtio_device dev;
	struct net_backend *backend;	/* C */
	char name[NET_PORT_NAME_MAX + 1]; /* C */
	uint8_t mac[6];			/* C: the card's own, as the network knows it */
	struct virtio_net_config config; /* status, mac: a, by N alone; the rest C */
	_Atomic(uint64_t) rx_frames, rx_bytes, rx_dropped, tx_frames, tx_bytes, tx_dropped; /* a */

	pthread_t thread;
	bool thread_started;		/* C */
	int wake_fd;			/* C: eventfd, a command is there */
	pthread_mutex_t lock;
	pthread_cond_t obeyed;		/* with lock: state has changed */
	_Atomic(int) command;		/* a: the state wanted */
	enum net_state state;		/* B; written by the card's thread */

	bool gone;			/* N: the back end has ended */
	bool greeting;			/* N: frames before the answer are for another driver */
	bool tx_blocked;		/* N: the back end takes no more */
	bool rx_starved;		/* N: no buffers for rx_first, but … */
	uint16_t rx_have;		/* N: … these, too few for it */
	unsigned int rx_first, rx_count; /* N: messages received, not delivered */
	struct net_filter filter;	/* N */
	struct net_sending sending[NET_BATCH];	/* N */
	struct net_receiving receiving;		/* N */
	struct iovec first_iov[NET_IOV_MAX], next_iov[NET_IOV_MAX]; /* N */
};

/* All on the card's thread. True: there was something to do. */

/* Guest to network, a batch at most. */
bool virtio_net_transmit(struct virtio_net *net);
/* Network to guest: delivers what was received, then receives a batch. */
bool virtio_net_receive(struct virtio_net *net);
/* Requests on the control queue. */
bool virtio_net_control(struct virtio_net *net);

/* Also the address, which a driver may have changed. */
void virtio_net_filter_reset(struct virtio_net *net);
bool virtio_net_filter_takes(const struct virtio_net *net, const uint8_t mac[6]);

/* The port's answer, or its end. */
void virtio_net_set_link(struct virtio_net *net, bool up);

/* For save: the filter, which the driver set. */
extern const struct state_field virtio_net_state[];
extern const unsigned int virtio_net_state_count;

#endif
