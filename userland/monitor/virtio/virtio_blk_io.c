// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The requests of virtio-blk (virtio 1.2, 5.2.6): taken from the queue, checked
 * against the image's bounds, submitted, completed. Nothing here waits.
 *
 * The header and a discard's segment are copied before they are looked at. The
 * data is not looked at, and the status is only ever written.
 */
#define _GNU_SOURCE /* fallocate(), OFD locks */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "virtio/virtio_blk_private.h"

#define TAG_KICK UINT64_MAX /* user_data of the poll; else a request's index */

/* ---- the end of a request ---- */

/*
 * 2.7.8.2: the length counts from the start of the writable part without gaps.
 * The status is the last byte, so after a failed read nothing can be promised.
 */
static void finish(struct virtio_blk *blk, struct blk_request *r, uint8_t status)
{
	uint32_t written = r->in_bytes ? 0 : 1;

	if (status == VIRTIO_BLK_S_OK)
		written = r->in_bytes + 1;
	*r->status = status;
	virtq_push(&blk->dev.queue[0].ring, r->chain.head, written);
	blk->free_index[blk->free_count++] = (uint16_t)(r - blk->request);
}

static void finish_failed(struct virtio_blk *blk, struct blk_request *r, int error)
{
	bool zero_or_discard = r->type == VIRTIO_BLK_T_DISCARD ||
			       r->type == VIRTIO_BLK_T_WRITE_ZEROES;

	if (zero_or_discard && error == EOPNOTSUPP) { /* the file system cannot: no fault */
		finish(blk, r, VIRTIO_BLK_S_UNSUPP);
		return;
	}
	if (virtio_log_worthy(&blk->errors))
		fprintf(stderr, "baton-vm: disk %.*s: request type %u, %llu bytes at %llu: %s\n",
			(int)sizeof(blk->serial), blk->serial[0] ? blk->serial : "(no serial)",
			r->type, (unsigned long long)r->length, (unsigned long long)r->offset,
			error ? strerror(error) : "beyond the end of the image");
	finish(blk, r, VIRTIO_BLK_S_IOERR);
}

/* ---- what the driver asks for ---- */

/* Takes `size` bytes off the front of the readable part. False if there are fewer. */
static bool take_readable(struct blk_request *r, void *to, size_t size)
{
	char *at = to;

	while (size && r->chain.readable) {
		size_t part = r->data->iov_len < size ? r->data->iov_len : size;

		memcpy(at, r->data->iov_base, part);
		r->data->iov_base = (char *)r->data->iov_base + part;
		r->data->iov_len -= part;
		at += part;
		size -= part;
		if (!r->data->iov_len) {
			r->data++;
			r->chain.readable--;
		}
	}
	return !size;
}

/* The status is the last writable byte; buffers may be cut anywhere (2.7.4). */
static bool take_status(struct blk_request *r)
{
	struct iovec *last;

	if (!r->chain.writable)
		return false;
	last = &r->data[r->chain.readable + r->chain.writable - 1];
	r->status = (uint8_t *)last->iov_base + last->iov_len - 1;
	if (!--last->iov_len)
		r->chain.writable--;
	return true;
}

static uint64_t iov_bytes(const struct iovec *iov, unsigned int count)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	return bytes;
}

/* Points r->data at the readable or the writable part. */
static void use_data(struct blk_request *r, bool writable)
{
	if (writable)
		r->data += r->chain.readable;
	r->data_count = writable ? r->chain.writable : r->chain.readable;
}

static bool in_bounds(const struct virtio_blk *blk, uint64_t sector, uint64_t sectors)
{
	return sector <= blk->sectors && sectors <= blk->sectors - sector;
}

/* Sets where on the image; false if it is no whole number of its sectors. */
static bool set_range(const struct virtio_blk *blk, struct blk_request *r, uint64_t sector)
{
	r->length = iov_bytes(r->data, r->data_count);
	r->offset = sector << BLK_SECTOR_SHIFT;
	return r->length && r->length % BLK_SECTOR_SIZE == 0 && r->length < UINT32_MAX &&
	       in_bounds(blk, sector, r->length >> BLK_SECTOR_SHIFT);
}

/* ---- submission ---- */

static struct io_uring_sqe *get_sqe(struct virtio_blk *blk)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&blk->ring);

	if (!sqe) { /* full: the kernel takes over what is there */
		io_uring_submit(&blk->ring);
		sqe = io_uring_get_sqe(&blk->ring);
	}
	return sqe;
}

/* One buffer is by far the commonest, and cheaper than a vector of one. */
static void prepare_rw(struct virtio_blk *blk, struct blk_request *r, struct io_uring_sqe *sqe)
{
	const struct iovec *one = r->data;
	bool write = r->type == VIRTIO_BLK_T_OUT;

	if (r->data_count > 1 && write)
		io_uring_prep_writev(sqe, 0, r->data, r->data_count, r->offset);
	else if (r->data_count > 1)
		io_uring_prep_readv(sqe, 0, r->data, r->data_count, r->offset);
	else if (write)
		io_uring_prep_write(sqe, 0, one->iov_base, (unsigned int)one->iov_len, r->offset);
	else
		io_uring_prep_read(sqe, 0, one->iov_base, (unsigned int)one->iov_len, r->offset);
	/* 5.2.6.2: without flushes every write has to be stable when it completes. */
	if (write && !blk->flush_offered)
		sqe->rw_flags = RWF_DSYNC;
}

static void submit(struct virtio_blk *blk, struct blk_request *r)
{
	struct io_uring_sqe *sqe = get_sqe(blk);

	if (!sqe) {
		finish_failed(blk, r, EBUSY);
		return;
	}
	if (r->type == VIRTIO_BLK_T_FLUSH)
		io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
	else if (r->type == VIRTIO_BLK_T_DISCARD || r->type == VIRTIO_BLK_T_WRITE_ZEROES)
		io_uring_prep_fallocate(sqe, 0, r->fallocate_mode, (off_t)r->offset,
					(off_t)r->length);
	else
		prepare_rw(blk, r, sqe);
	sqe->flags |= IOSQE_FIXED_FILE; /* file 0 of the ring is the image */
	sqe->user_data = (uint64_t)(r - blk->request);
	blk->in_flight++;
}

static void start_rw(struct virtio_blk *blk, struct blk_request *r, uint64_t sector)
{
	bool in = r->type == VIRTIO_BLK_T_IN;

	use_data(r, in);
	if ((!in && blk->readonly) || !set_range(blk, r, sector)) {
		r->in_bytes = in;
		finish(blk, r, VIRTIO_BLK_S_IOERR);
		return;
	}
	r->in_bytes = in ? (uint32_t)r->length : 0;
	submit(blk, r);
}

static void start_get_id(struct virtio_blk *blk, struct blk_request *r)
{
	size_t done = 0;

	use_data(r, true);
	for (unsigned int i = 0; i < r->data_count && done < sizeof(blk->serial); i++) {
		size_t part = sizeof(blk->serial) - done;

		if (part > r->data[i].iov_len)
			part = r->data[i].iov_len;
		memcpy(r->data[i].iov_base, blk->serial + done, part);
		done += part;
	}
	r->in_bytes = (uint32_t)done;
	finish(blk, r, VIRTIO_BLK_S_OK);
}

/* 5.2.6.2: flags but unmap are reserved, and unmap is for write zeroes only. */
static uint8_t check_segment(const struct virtio_blk *blk, const struct blk_request *r,
			     const struct virtio_blk_discard_write_zeroes *segment)
{
	uint32_t allowed = r->type == VIRTIO_BLK_T_WRITE_ZEROES ?
				   VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

	if (segment->flags & ~allowed)
		return VIRTIO_BLK_S_UNSUPP;
	if (r->type == VIRTIO_BLK_T_WRITE_ZEROES && !blk->flush_offered)
		return VIRTIO_BLK_S_UNSUPP; /* nothing would make the zeroes stable */
	if (blk->readonly || !segment->num_sectors ||
	    segment->num_sectors > BLK_DISCARD_SECTORS_MAX ||
	    !in_bounds(blk, segment->sector, segment->num_sectors))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

/* Punching a hole makes zeroes too; plain zeroes stay allocated. */
static void start_fallocate(struct virtio_blk *blk, struct blk_request *r)
{
	struct virtio_blk_discard_write_zeroes segment;
	uint8_t status;
	bool keep;

	if (!take_readable(r, &segment, sizeof(segment)) || r->chain.readable) {
		finish(blk, r, VIRTIO_BLK_S_IOERR); /* exactly one segment, as configured */
		return;
	}
	status = check_segment(blk, r, &segment);
	if (status != VIRTIO_BLK_S_OK) {
		finish(blk, r, status);
		return;
	}
	keep = r->type == VIRTIO_BLK_T_WRITE_ZEROES && !segment.flags;
	r->fallocate_mode = FALLOC_FL_KEEP_SIZE |
			    (keep ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE);
	r->offset = segment.sector << BLK_SECTOR_SHIFT;
	r->length = (uint64_t)segment.num_sectors << BLK_SECTOR_SHIFT;
	submit(blk, r);
}

static void start_flush(struct virtio_blk *blk, struct blk_request *r)
{
	if (blk->readonly)
		finish(blk, r, VIRTIO_BLK_S_OK); /* nothing can be dirty */
	else
		submit(blk, r);
}

/* -EPROTO: a request without room for an answer. */
static int start_request(struct virtio_blk *blk, struct blk_request *r)
{
	struct virtio_blk_outhdr header;

	r->data = r->iov;
	r->in_bytes = 0;
	r->offset = r->length = 0;
	if (!take_readable(r, &header, sizeof(header)) || !take_status(r))
		return -EPROTO;
	r->type = header.type;
	switch (r->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT: start_rw(blk, r, header.sector); break;
	case VIRTIO_BLK_T_FLUSH: start_flush(blk, r); break;
	case VIRTIO_BLK_T_GET_ID: start_get_id(blk, r); break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES: start_fallocate(blk, r); break;
	default: finish(blk, r, VIRTIO_BLK_S_UNSUPP);
	}
	return 0;
}

/* A ring's worth at most, so that commands are heard whatever the driver does. */
void virtio_blk_take_requests(struct virtio_blk *blk)
{
	struct virtio_queue *queue = &blk->dev.queue[0];

	for (unsigned int i = 0; i < BLK_QUEUE_SIZE && blk->free_count; i++) {
		uint16_t index = blk->free_index[blk->free_count - 1];
		struct blk_request *r = &blk->request[index];

		r->chain.iov = r->iov;
		r->chain.iov_max = BLK_IOV_MAX;
		if (virtio_queue_pop(queue, &r->chain) <= 0)
			return;
		blk->free_count--;
		if (start_request(blk, r)) {
			blk->free_index[blk->free_count++] = index;
			queue->ring.broken = true;
			virtio_device_fail(&blk->dev, "a request has no header or no status");
			return;
		}
	}
}

/* ---- completion ---- */

/* After a part of it; the kernel may stop short, at a signal or at 2 GiB. */
static void advance(struct blk_request *r, uint64_t done)
{
	r->offset += done;
	r->length -= done;
	while (done >= r->data->iov_len && r->data_count > 1) {
		done -= r->data->iov_len;
		r->data++;
		r->data_count--;
	}
	r->data->iov_base = (char *)r->data->iov_base + done;
	r->data->iov_len -= done;
}

static void complete(struct virtio_blk *blk, struct blk_request *r, int result)
{
	bool rw = r->type == VIRTIO_BLK_T_IN || r->type == VIRTIO_BLK_T_OUT;

	blk->in_flight--;
	if (result == -EINTR || result == -EAGAIN) {
		submit(blk, r);
	} else if (result < 0) {
		finish_failed(blk, r, -result);
	} else if (!rw || (uint64_t)result == r->length) {
		finish(blk, r, VIRTIO_BLK_S_OK);
	} else if (!result) { /* somebody has made the image shorter */
		finish_failed(blk, r, 0);
	} else {
		advance(r, (uint64_t)result);
		submit(blk, r);
	}
}

static void watch_kicks(struct virtio_blk *blk)
{
	struct io_uring_sqe *sqe = get_sqe(blk);

	if (!sqe)
		return;
	io_uring_prep_poll_multishot(sqe, blk->dev.queue[0].kick_fd, POLLIN);
	sqe->user_data = TAG_KICK;
}

void virtio_blk_reap(struct virtio_blk *blk)
{
	struct io_uring_cqe *cqe;
	unsigned int head, count = 0;

	io_uring_for_each_cqe(&blk->ring, head, cqe) {
		count++;
		if (cqe->user_data != TAG_KICK)
			complete(blk, &blk->request[cqe->user_data], cqe->res);
		else if (!(cqe->flags & IORING_CQE_F_MORE))
			watch_kicks(blk);
	}
	io_uring_cq_advance(&blk->ring, count);
	if (blk->state == BLK_RUNNING)
		virtio_queue_flush(&blk->dev.queue[0]);
}

/* SINGLE_ISSUER and DEFER_TASKRUN save locks and interrupts; from Linux 6.1 on. */
int virtio_blk_ring_init(struct virtio_blk *blk)
{
	static const unsigned int flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	int error = io_uring_queue_init(BLK_QUEUE_SIZE, &blk->ring, flags);

	if (error == -EINVAL)
		error = io_uring_queue_init(BLK_QUEUE_SIZE, &blk->ring, 0);
	if (error)
		return error;
	error = io_uring_register_files(&blk->ring, &blk->fd, 1);
	if (error) {
		io_uring_queue_exit(&blk->ring);
		return error;
	}
	io_uring_register_ring_fd(&blk->ring); /* saves a little; fine without */
	watch_kicks(blk);
	return 0;
}
