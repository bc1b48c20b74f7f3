/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the drivers of image formats and the queue know of one another. For
 * nobody else.
 *
 * Letters: C constant after creation, a atomic, L queue->lock, Q the queue's thread.
 */
#ifndef BATON_BLOCK_PRIVATE_H
#define BATON_BLOCK_PRIVATE_H

#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>

#include "block.h"

struct qcow2;

struct block_driver {
	void (*submit)(struct block_queue *queue, struct block_request *request);
	/* A request that block_queue_resume() put back; NULL: there are none. */
	void (*resume)(struct block_request *request);
};

struct block {
	const struct block_driver *driver; /* C */
	int fd;				/* C: has the lock */
	int ring_fd;			/* C: the same file, as io_urings know it */
	bool readonly;			/* C */
	uint64_t size;			/* C */
	uint32_t cluster_size;		/* C */
	/*
	 * a: a sync has failed: the kernel has dropped data that it had promised
	 * to write, so no later flush may claim that all is well.
	 */
	_Atomic(bool) sync_failed;
	struct qcow2 *qcow2;		/* C: NULL for raw */
};

struct block_queue {
	struct block *block;		/* C */
	struct io_uring ring;		/* Q */
	int wake_fd;			/* C: eventfd of block_queue_resume() */
	int watch_fd;			/* C after block_queue_watch(); -1: none */
	struct block_completion wake, watch; /* Q */
	bool called;			/* Q: something was finished in this run */
	pthread_mutex_t lock;
	struct block_request *ready;	/* L: to be resumed */
};

/* Room for one operation; the caller sets its data to a completion. NULL: none. */
struct io_uring_sqe *block_queue_sqe(struct block_queue *queue);
/* Has the queue's thread call driver->resume(). Any thread. */
void block_queue_resume(struct block_queue *queue, struct block_request *request);

extern const struct block_driver raw_driver, qcow2_driver;

#endif
