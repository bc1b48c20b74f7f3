/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device's side of a split virtqueue (virtio 1.2, 2.7). The driver is taken
 * to be hostile: whatever it writes leads to a chain of buffers in guest RAM or
 * to a broken ring, after which nothing but virtq_reset() helps.
 *
 * A virtq has no lock: between virtq_start() and virtq_stop() it belongs to the
 * one thread that serves it, else to the transport.
 */
#ifndef BATON_VIRTIO_RING_H
#define BATON_VIRTIO_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct guest_memory;
struct vring_avail;
struct vring_desc;
struct vring_used;

#define VIRTQ_SIZE_MAX 1024u /* ours; the standard allows 32768 */

struct virtq {
	/* what the driver set, guest-physical; saved with the VM */
	uint64_t desc_gpa, avail_gpa, used_gpa;
	uint16_t size;		/* power of two, at most VIRTQ_SIZE_MAX */
	uint16_t next_avail;	/* index of the next chain to take; saved */
	uint16_t next_used;	/* index of the next element to fill in; saved */

	/* while started */
	const struct guest_memory *memory; /* NULL: stopped */
	const struct vring_desc *desc;
	const struct vring_avail *avail;
	struct vring_used *used;
	uint16_t used_published; /* what used->idx says */
	bool event_idx, indirect; /* negotiated */
	bool broken;
	/*
	 * For a device that can do with buffers which are no RAM: what stands for one while
	 * its chain is being taken, or NULL, which breaks the ring. Set while started.
	 */
	void *(*outside)(void *ctx, uint64_t gpa, uint32_t size, bool writable);
	void *outside_ctx;
};

/*
 * A chain of buffers taken from the ring: the driver's readable ones first. The
 * owner supplies iov; pointers in it are into guest RAM, which the guest can
 * change at any moment: copy first, then look.
 */
struct virtq_chain {
	struct iovec *iov;
	uint16_t iov_max;
	uint16_t head;
	uint16_t readable, writable;	/* elements of iov */
};

/*
 * Finds the rings in guest memory. features: as negotiated, bits EVENT_IDX and
 * INDIRECT_DESC matter. -EINVAL: bad size or alignment; -EFAULT: not in RAM.
 */
int virtq_start(struct virtq *q, const struct guest_memory *memory, uint64_t features);
void virtq_stop(struct virtq *q);
/* As after power-on, with room for `size` chains. */
void virtq_reset(struct virtq *q, uint16_t size);

/*
 * Takes the next chain. 1: taken; 0: none there (or the queue is not started);
 * -EPROTO: the driver broke the rules, the ring is broken. Each chain has at
 * least one buffer and no empty ones.
 */
int virtq_pop(struct virtq *q, struct virtq_chain *chain);
/* Forgets the last virtq_pop(), which must not have been pushed: the chain comes again. */
void virtq_unpop(struct virtq *q);
/* Hands the chain back, `written` bytes into its writable part; not yet visible. */
void virtq_push(struct virtq *q, uint16_t head, uint32_t written);
/* Makes all pushed chains visible. True if the driver wants an interrupt for them. */
bool virtq_publish(struct virtq *q);

/* Asks the driver not to kick; only an optimisation. */
void virtq_kicks_off(struct virtq *q);
/* Asks for a kick at the next chain. True if one is there already. */
bool virtq_kicks_on(struct virtq *q);
/* The same for who knows of `have` chains, left in the ring, and needs more at once. */
bool virtq_kicks_on_beyond(struct virtq *q, uint16_t have);

#endif
