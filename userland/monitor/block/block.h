/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disk images as disk devices use them: asynchronous requests on a queue that
 * belongs to one thread, whatever the format. A block may have several queues,
 * each on its own thread and with its own io_uring.
 *
 * Order: a flush covers every write that was done before it was submitted, on
 * any queue. Requests that overlap may be done in any order.
 */
#ifndef BATON_BLOCK_H
#define BATON_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/errors.h"

struct block;
struct block_queue;

#define BLOCK_SECTOR 512u

enum block_format { BLOCK_AUTO, BLOCK_RAW, BLOCK_QCOW2 };

struct block_options {
	const char *path;	/* NULL: use fd, and name it "disk" in errors */
	int fd;			/* stays the caller's; looked at only without path */
	/*
	 * AUTO goes by the header. A guest can write any header into a raw disk,
	 * and would then choose what is opened the next time: give RAW for disks
	 * that are raw. It wins over whatever the header says.
	 */
	enum block_format format;
	bool readonly;
};

/* Opens and locks the image and what it is backed by. False: *e says why. */
bool block_open(const struct block_options *options, struct block **ret, struct btn_error *e);
/*
 * Makes all of it durable and lets go of the image, also if that failed: -errno,
 * what was not flushed may be lost. All queues are gone. NULL is fine.
 */
int block_close(struct block *block);

uint64_t block_size(const struct block *block);		/* bytes, whole sectors */
bool block_readonly(const struct block *block);
/* What discards should be aligned to, in bytes. */
uint32_t block_cluster_size(const struct block *block);

/* ---- queues ---- */

/* For a thread: all below is called by it alone, but block_queue_wake(). -errno. */
int block_queue_create(struct block *block, unsigned int entries, struct block_queue **ret);
/* Nothing may be in flight. NULL is fine. */
void block_queue_destroy(struct block_queue *queue);
/* A descriptor whose input ends block_queue_run(queue, true); it is not read. Once. */
int block_queue_watch(struct block_queue *queue, int fd);
/*
 * Hands the kernel what was submitted and calls done() for what is finished;
 * with `wait`, sleeps until there is something to do.
 */
void block_queue_run(struct block_queue *queue, bool wait);

/* ---- requests ---- */

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_ZERO };

#define BLOCK_FUA	1u	/* write, zero: durable when done */
#define BLOCK_UNMAP	2u	/* zero: space may be given back */

/* What the kernel's answer is for; first member of what is waited for. */
struct block_completion {
	void (*done)(struct block_completion *c, int result);
};

struct block_request {
	/* filled in by the caller */
	enum block_op op;
	unsigned int flags;
	uint64_t offset, length; /* within the image; flush: not looked at */
	struct iovec *iov;	 /* read, write: `length` bytes in all; it is changed */
	unsigned int iov_count;
	/*
	 * error: 0 or -errno; -ENOTSUP only of discard and zero. May come before
	 * block_submit() returns, and may submit again.
	 */
	void (*done)(struct block_request *request, int error);

	/* the block layer's own */
	struct block_completion completion;
	struct block_queue *queue;
	struct block_request *next;
	void *op_state;
};

/* The range is checked: -EINVAL; a write to a read-only image: -EROFS. */
void block_submit(struct block_queue *queue, struct block_request *request);

/* For tests and tools: one request on a queue of the caller's, waited for. */
int block_sync(struct block_queue *queue, struct block_request *request);

#endif
