// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raw images: a request is one io_uring operation on the image, with data going
 * straight between it and the caller's buffers.
 */
#define _GNU_SOURCE /* fallocate(), RWF_DSYNC */
#include <errno.h>
#include <fcntl.h>

#include "private.h"

static struct block_request *request_of(struct block_completion *c)
{
	return (struct block_request *)((char *)c - offsetof(struct block_request, completion));
}

/* One buffer is by far the commonest, and cheaper than a vector of one. */
static void prepare_rw(struct io_uring_sqe *sqe, const struct block_request *r)
{
	const struct iovec *one = r->iov;
	bool write = r->op == BLOCK_WRITE;

	if (r->iov_count > 1 && write)
		io_uring_prep_writev(sqe, 0, r->iov, r->iov_count, r->offset);
	else if (r->iov_count > 1)
		io_uring_prep_readv(sqe, 0, r->iov, r->iov_count, r->offset);
	else if (write)
		io_uring_prep_write(sqe, 0, one->iov_base, (unsigned int)one->iov_len, r->offset);
	else
		io_uring_prep_read(sqe, 0, one->iov_base, (unsigned int)one->iov_len, r->offset);
	if (write && r->flags & BLOCK_FUA)
		sqe->rw_flags = RWF_DSYNC;
}

/* Punching a hole makes zeroes too; plain zeroes stay allocated. */
static void prepare_fallocate(struct io_uring_sqe *sqe, const struct block_request *r)
{
	bool keep = r->op == BLOCK_ZERO && !(r->flags & BLOCK_UNMAP);

	io_uring_prep_fallocate(sqe, 0, FALLOC_FL_KEEP_SIZE |
				(keep ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE),
				(off_t)r->offset, (off_t)r->length);
}

static void start(struct block_request *r)
{
	struct io_uring_sqe *sqe = block_queue_sqe(r->queue);

	if (!sqe) {
		r->done(r, -EBUSY);
		return;
	}
	if (r->op == BLOCK_FLUSH)
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
	else if (r->op == BLOCK_READ || r->op == BLOCK_WRITE)
		prepare_rw(sqe, r);
	else
		prepare_fallocate(sqe, r);
	sqe->flags |= IOSQE_FIXED_FILE; /* file 0 of the ring is the image */
	io_uring_sqe_set_data(sqe, &r->completion);
}

/* After a part of it; the kernel may stop short, at a signal or at 2 GiB. */
static void advance(struct block_request *r, uint64_t done)
{
	r->offset += done;
	r->length -= done;
	while (done >= r->iov->iov_len && r->iov_count > 1) {
		done -= r->iov->iov_len;
		r->iov++;
		r->iov_count--;
	}
	r->iov->iov_base = (char *)r->iov->iov_base + done;
	r->iov->iov_len -= done;
}

/* Zeroes that have to be durable take a sync behind them. */
static void zeroed(struct block_request *r)
{
	r->op = BLOCK_FLUSH;
	r->flags = 0;
	start(r);
}

static void completed(struct block_completion *c, int result)
{
	struct block_request *r = request_of(c);
	bool rw = r->op == BLOCK_READ || r->op == BLOCK_WRITE;

	if (result == -EINTR || result == -EAGAIN) {
		start(r);
	} else if (result < 0) {
		if (r->op == BLOCK_FLUSH)
			atomic_store(&r->queue->block->sync_failed, true);
		r->done(r, result == -EOPNOTSUPP ? -ENOTSUP : result);
	} else if (r->op == BLOCK_ZERO && r->flags & BLOCK_FUA) {
		zeroed(r);
	} else if (!rw || (uint64_t)result == r->length) {
		r->done(r, 0);
	} else if (!result) { /* somebody has made the image shorter */
		r->done(r, -ENXIO);
	} else {
		advance(r, (uint64_t)result);
		start(r);
	}
}

static void raw_submit(struct block_queue *queue, struct block_request *r)
{
	(void)queue;
	r->completion.done = completed;
	start(r);
}

const struct block_driver raw_driver = { .submit = raw_submit };
