/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The learning Ethernet switch: ports are connections of VMs, one more is the
 * uplink. It answers DHCP and DNS itself, and does for each receiver what the
 * receiver's network card could not do (offload.h). One thread, never waits.
 *
 * What one batch of received frames leads to is gathered per receiver and sent
 * by switch_flush(); until then frames stay where they were received.
 */
#ifndef BATON_NETD_SWITCH_H
#define BATON_NETD_SWITCH_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include "lease.h"
#include "lib/net_port.h"

#define PORTS_MAX 64
#define PORT_UPLINK PORTS_MAX		/* as source of a frame */
#define PORT_BATCH 64
#define PORT_QUEUE_MAX (1u << 20)	/* bytes that may wait for one port */
#define MACS_PER_PORT 64
#define MAC_AGE_SECONDS 300

struct uplink;
struct queued;

struct outgoing {
	struct virtio_net_hdr_v1 header;
	const uint8_t *frame;
	uint32_t length;
};

struct port {
	int fd;				/* -1: free */
	bool greeted;			/* a hello was taken: frames flow */
	bool dead;			/* to be closed when nothing uses it */
	bool waiting;			/* fd is full */
	bool armed;			/* and the loop watches for the end of that */
	uint32_t features;		/* NET_PORT_* */
	uint8_t mac[6];
	char name[NET_PORT_NAME_MAX + 1];
	unsigned int mac_count;		/* learned */
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes, dropped;
	struct outgoing batch[PORT_BATCH];
	unsigned int batch_count;
	struct queued *first, *last;	/* what the socket would not take */
	uint32_t queued_bytes;
};

struct mac_entry {
	uint8_t mac[6];
	uint16_t port;
	uint64_t seen;			/* seconds; 0: free */
};
#define MAC_SETS 256
#define MAC_WAYS 4

struct receive_batch;

struct net {
	struct leases leases;
	struct port port[PORTS_MAX];
	struct mac_entry mac[MAC_SETS][MAC_WAYS];
	struct uplink *uplink;		/* NULL: none (tests) */
	uint64_t now;			/* seconds, at least 1; the loop sets it */
	uint64_t uplink_dropped;
	struct receive_batch *receive;
	uint8_t *arena;			/* frames that were made, until the next flush */
	uint32_t arena_used;
	uint8_t *scratch;		/* of offload_segment() */
	uint8_t *large;			/* a segment from the uplink */
};

int switch_create(const struct subnet *subnet, struct net **ret);
void switch_destroy(struct net *net);

/* A connection becomes a port, which owns fd. Its number, or -EUSERS. */
int switch_add_port(struct net *net, int fd);
/* Reads what is there, a batch at most; sends everything that follows from it. */
void switch_port_readable(struct net *net, unsigned int index);
/* The socket takes data again. */
void switch_port_writable(struct net *net, unsigned int index);
/* Closes ports that broke; true if a port is left. */
bool switch_reap(struct net *net);

/* A frame came in; header and frame may be changed. Flush afterwards. */
void switch_input(struct net *net, unsigned int source, struct virtio_net_hdr_v1 *header,
		  uint8_t *frame, uint32_t length);
void switch_flush(struct net *net);

/* port.c: appends to the port's batch. The frame has to stay until the flush. */
void port_send(struct port *port, const struct virtio_net_hdr_v1 *header, const uint8_t *frame,
	       uint32_t length);
/* port.c: -1 and a full batch are dropped frames, which are counted. */
void port_flush(struct port *port);
/* port.c: the answer to a hello, which waits if the socket is full. */
void port_answer(struct port *port, const struct net_port_hello *hello);
/* Drops what waits. */
void port_forget_queue(struct port *port);
void port_close(struct port *port);

#endif
