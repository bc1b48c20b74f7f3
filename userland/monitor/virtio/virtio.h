/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtio devices a board can plug in: virtio 1.x, modern PCI transport
 * only. Constructors plug the device into machine->pci and need every field of
 * struct machine but hv and vm, which may be NULL (tests): kicks and interrupts
 * then take the slow way. Call them from the main thread before vCPUs run.
 */
#ifndef BATON_VIRTIO_H
#define BATON_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#include "block/block.h"

struct machine;
struct virtio_device;

#define VIRTIO_BLK_QUEUES_MAX 8

struct virtio_blk_options {
	struct block *block;	/* the image; stays the caller's, and outlives the device */
	const char *name;	/* for the log */
	const char *serial;	/* at most 20 bytes are used; NULL: none */
	unsigned int queues;	/* one per vCPU is best; 0: one. More than can be: fewer */
};

/* A disk on an image. Errors: those of io_uring_setup() and so on. */
int virtio_blk_create(struct machine *m, const struct virtio_blk_options *options,
		      struct virtio_device **ret);

struct virtio_blk_stats {
	uint64_t reads, read_bytes, writes, written_bytes, flushes, discards; /* that succeeded */
	uint64_t errors;		/* of any kind */
};
/* Of a device that virtio_blk_create() made. Any thread. */
void virtio_blk_get_stats(struct virtio_device *dev, struct virtio_blk_stats *ret);

/* Random numbers from the host's getrandom(), rate limited. */
int virtio_rng_create(struct machine *m, struct virtio_device **ret);

/*
 * A console with one port. The descriptors are duplicated and keep their flags;
 * in_fd < 0: no input, out_fd < 0: output is thrown away. The process has to
 * ignore SIGPIPE.
 */
int virtio_console_create(struct machine *m, int in_fd, int out_fd,
			  struct virtio_device **ret);

/* What a card has learnt from its network. A guest that is reset finds the same again. */
struct virtio_net_kept {
	uint8_t mac[6];
	uint16_t mtu;		/* 0: nothing yet */
};

struct virtio_net_options {
	const char *path;	/* of baton-net's socket for ports; NULL: use fd */
	int fd;			/* connected to a port; stays the caller's */
	uint8_t mac[6];		/* all zero: the network gives one */
	const char *name;	/* host name on the network; NULL: none */
	struct virtio_net_kept *kept; /* written and read; NULL: nothing is kept */
};

/*
 * A network card on a port of baton-net. Errors: those of connect(); the
 * network's refusal: -EADDRINUSE the MAC is taken, -EPROTO another version;
 * -ETIMEDOUT no answer. With something kept none of these is one: the card has
 * no link then.
 */
int virtio_net_create(struct machine *m, const struct virtio_net_options *options,
		      struct virtio_device **ret);

struct virtio_net_stats {
	uint64_t rx_frames, rx_bytes, rx_dropped;	/* towards the guest */
	uint64_t tx_frames, tx_bytes, tx_dropped;
};
/* Of a device that virtio_net_create() made. Any thread. */
void virtio_net_get_stats(struct virtio_device *dev, struct virtio_net_stats *ret);

/*
 * Waits for I/O under way, then unplugs the device from PCI bus and event loop
 * and frees it. Main thread, no vCPU running, before pci_host_destroy(). NULL
 * is fine.
 */
void virtio_device_destroy(struct virtio_device *dev);

/*
 * Puts the device into the state after power-on (virtio 1.2, 2.4): waits for
 * I/O under way, forgets queues and features. Any thread.
 */
void virtio_device_reset(struct virtio_device *dev);

#endif
