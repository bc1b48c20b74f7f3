/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One disk, as virtio_blk.c (device, threads) and virtio_blk_io.c (requests)
 * know it. For nobody else.
 *
 * Letters: C constant after creation, B queue->lock, a atomic, D the queue's thread.
 */
#ifndef BATON_VIRTIO_BLK_PRIVATE_H
#define BATON_VIRTIO_BLK_PRIVATE_H

#include <linux/virtio_blk.h>

#include "block/block.h"
#include "virtio/transport.h"

#define BLK_SECTOR_SHIFT 9
#define BLK_SECTOR_SIZE 512u
#define BLK_QUEUE_SIZE 256u
#define BLK_SEGMENTS_MAX 126u			/* of data in one request */
#define BLK_IOV_MAX (BLK_SEGMENTS_MAX + 2)	/* header and status besides */
#define BLK_DISCARD_SECTORS_MAX (1u << 22)	/* 2 GiB in one go */

/* What stands for a piece of the VGA's window in a request. */
struct blk_bounce {
	struct blk_bounce *next;
	uint64_t gpa;
	uint32_t size;
	bool writable;		/* by the device: goes to the window when the request is done */
	uint8_t data[];
};

struct blk_request {
	struct block_request io;
	struct virtio_blk_queue *queue;
	struct virtq_chain chain;
	uint32_t type;		/* VIRTIO_BLK_T_* */
	uint32_t in_bytes;	/* what the driver gets to read, besides the status */
	uint8_t *status;	/* in guest RAM */
	struct iovec *data;	/* within iov */
	unsigned int data_count;
	struct blk_bounce *bounce;
	struct iovec iov[BLK_IOV_MAX];
};

enum blk_state { BLK_STARTING, BLK_IDLE, BLK_RUNNING, BLK_GONE };

struct virtio_blk_queue {
	struct virtio_blk *blk;		/* C */
	struct virtio_queue *vq;	/* C */

	pthread_t thread;
	bool thread_started;		/* C */
	pthread_mutex_t lock;
	pthread_cond_t obeyed;		/* with lock: state has changed */
	_Atomic(int) command;		/* a: the state wanted */
	enum blk_state state;		/* B; written by the queue's thread */
	int setup_error;		/* B: why the thread is gone */

	struct block_queue *io;		/* D */
	unsigned int in_flight;		/* D */
	/* a: written by D alone; discards are those and zeroes */
	_Atomic(uint64_t) reads, read_bytes, writes, written_bytes, flushes, discards;
	bool flush_offered;		/* D: the driver sends flushes */
	uint32_t bounced;		/* D: bytes of all bounces */
	unsigned int free_count;	/* D */
	uint16_t free_index[BLK_QUEUE_SIZE]; /* D: stack of unused requests */
	struct blk_request request[BLK_QUEUE_SIZE]; /* D: untouched ones cost no memory */
};

struct virtio_blk {
	struct virtio_device dev;
	struct virtio_class class;	/* C: with this disk's number of queues */
	struct block *block;		/* C: the caller's */
	uint64_t sectors;		/* C */
	bool readonly;			/* C */
	char name[128];			/* C: for the log */
	char serial[VIRTIO_BLK_ID_BYTES]; /* C: zero-padded, not terminated */
	struct virtio_blk_config config; /* C */
	_Atomic(uint32_t) errors;	/* a: logged or not */
	unsigned int queue_count;	/* C */
	struct virtio_blk_queue queue[VIRTIO_BLK_QUEUES_MAX];
};

/* For virtq.outside, of the queue's next free request. Its thread, as the next. */
void *virtio_blk_bounce(void *queue, uint64_t gpa, uint32_t size, bool writable);
/* The end of a request's; `done`: what was read goes where it was to go. */
void virtio_blk_unbounce(struct blk_request *r, bool done);

/* Starts the requests that are in the queue: a queue's worth at most. Its thread. */
void virtio_blk_take_requests(struct virtio_blk_queue *queue);

#endif
