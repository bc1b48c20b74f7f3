// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The requests of virtio-blk (virtio 1.2, 5.2.6): taken from the queue, checked
 * against the image's bounds, submitted, completed. Nothing here waits.
 *
 * The header and a discard's segment are copied before they are looked at. The
 * data is not looked at, and the status is only ever written.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "virtio/virtio_blk_private.h"

/* ---- the end of a request ---- */

/*
 * 2.7.8.2: the length counts from the start of the writable part without gaps.
 * The status is the last byte, so after a failed read nothing can be promised.
 */
static void finish(struct blk_request *r, uint8_t status)
{
	struct virtio_blk_queue *q = r->queue;
	uint32_t written = r->in_bytes ? 0 : 1;

	if (status == VIRTIO_BLK_S_OK)
		written = r->in_bytes + 1;
	*r->status = status;
	if (r->bounce)
		virtio_blk_unbounce(r, status == VIRTIO_BLK_S_OK);
	virtq_push(&q->vq->ring, r->chain.head, written);
	q->free_index[q->free_count++] = (uint16_t)(r - q->request);
}

static const char *type_name(uint32_t type)
{
	switch (type) {
	case VIRTIO_BLK_T_IN: return "reading";
	case VIRTIO_BLK_T_OUT: return "writing";
	case VIRTIO_BLK_T_FLUSH: return "flushing";
	default: return "discarding or zeroing";
	}
}

/* A line for people; the guest sees an I/O error and the VM goes on. */
static void log_failure(struct virtio_blk *blk, const struct blk_request *r, int error)
{
	bool full = error == -ENOSPC || error == -EDQUOT || error == -EFBIG;

	if (!virtio_log_worthy(&blk->errors))
		return;
	fprintf(stderr, "baton-vm: the disk \"%s\": %s at %llu failed: %s%s\n", blk->name,
		type_name(r->type), (unsigned long long)r->io.offset,
		error == -ENXIO ? "beyond the end of the image" :
		error == -EUCLEAN ? "the image is damaged" : strerror(-error),
		full ? "; the guest sees an I/O error until there is room on the host" : "");
}

/* The queue's thread is the only one that writes: no locked instruction is needed. */
static void add(_Atomic(uint64_t) *counter, uint64_t amount)
{
	uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, old + amount, memory_order_relaxed);
}

static void count(struct blk_request *r)
{
	struct virtio_blk_queue *q = r->queue;

	switch (r->type) {
	case VIRTIO_BLK_T_IN:
		add(&q->reads, 1);
		add(&q->read_bytes, r->io.length);
		break;
	case VIRTIO_BLK_T_OUT:
		add(&q->writes, 1);
		add(&q->written_bytes, r->io.length);
		break;
	case VIRTIO_BLK_T_FLUSH:
		add(&q->flushes, 1);
		break;
	default:
		add(&q->discards, 1);
	}
}

static void io_done(struct block_request *io, int error)
{
	struct blk_request *r = (struct blk_request *)io; /* its first member */

	r->queue->in_flight--;
	if (!error) {
		count(r);
		finish(r, VIRTIO_BLK_S_OK);
	} else if (error == -ENOTSUP) { /* the file system cannot: no fault */
		finish(r, VIRTIO_BLK_S_UNSUPP);
	} else {
		log_failure(r->queue->blk, r, error);
		finish(r, VIRTIO_BLK_S_IOERR);
	}
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
	r->io.length = iov_bytes(r->data, r->data_count);
	r->io.offset = sector << BLK_SECTOR_SHIFT;
	return r->io.length && r->io.length % BLK_SECTOR_SIZE == 0 && r->io.length < UINT32_MAX &&
	       in_bounds(blk, sector, r->io.length >> BLK_SECTOR_SHIFT);
}

/* ---- submission ---- */

static void submit(struct blk_request *r, enum block_op op, unsigned int flags)
{
	r->io.op = op;
	r->io.flags = flags;
	r->io.iov = r->data;
	r->io.iov_count = r->data_count;
	r->io.done = io_done;
	r->queue->in_flight++;
	block_submit(r->queue->io, &r->io);
}

static void start_rw(struct virtio_blk *blk, struct blk_request *r, uint64_t sector)
{
	bool in = r->type == VIRTIO_BLK_T_IN;

	use_data(r, in);
	if ((!in && blk->readonly) || !set_range(blk, r, sector)) {
		r->in_bytes = in;
		finish(r, VIRTIO_BLK_S_IOERR);
		return;
	}
	r->in_bytes = in ? (uint32_t)r->io.length : 0;
	/* 5.2.6.2: without flushes every write has to be stable when it completes. */
	submit(r, in ? BLOCK_READ : BLOCK_WRITE, in || r->queue->flush_offered ? 0 : BLOCK_FUA);
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
	finish(r, VIRTIO_BLK_S_OK);
}

/* 5.2.6.2: flags but unmap are reserved, and unmap is for write zeroes only. */
static uint8_t check_segment(const struct virtio_blk *blk, const struct blk_request *r,
			     const struct virtio_blk_discard_write_zeroes *segment)
{
	uint32_t allowed = r->type == VIRTIO_BLK_T_WRITE_ZEROES ?
				   VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

	if (segment->flags & ~allowed)
		return VIRTIO_BLK_S_UNSUPP;
	if (r->type == VIRTIO_BLK_T_WRITE_ZEROES && !r->queue->flush_offered)
		return VIRTIO_BLK_S_UNSUPP; /* nothing would make the zeroes stable */
	if (blk->readonly || !segment->num_sectors ||
	    segment->num_sectors > BLK_DISCARD_SECTORS_MAX ||
	    !in_bounds(blk, segment->sector, segment->num_sectors))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

static void start_discard(struct virtio_blk *blk, struct blk_request *r)
{
	struct virtio_blk_discard_write_zeroes segment;
	uint8_t status;

	if (!take_readable(r, &segment, sizeof(segment)) || r->chain.readable) {
		finish(r, VIRTIO_BLK_S_IOERR); /* exactly one segment, as configured */
		return;
	}
	status = check_segment(blk, r, &segment);
	if (status != VIRTIO_BLK_S_OK) {
		finish(r, status);
		return;
	}
	r->io.offset = segment.sector << BLK_SECTOR_SHIFT;
	r->io.length = (uint64_t)segment.num_sectors << BLK_SECTOR_SHIFT;
	submit(r, r->type == VIRTIO_BLK_T_DISCARD ? BLOCK_DISCARD : BLOCK_ZERO,
	       segment.flags ? BLOCK_UNMAP : 0);
}

/* -EPROTO: a request without room for an answer. */
static int start_request(struct virtio_blk *blk, struct blk_request *r)
{
	struct virtio_blk_outhdr header;

	r->data = r->iov;
	r->in_bytes = 0;
	r->data_count = 0;
	r->io.offset = r->io.length = 0;
	if (!take_readable(r, &header, sizeof(header)) || !take_status(r))
		return -EPROTO;
	r->type = header.type;
	switch (r->type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT: start_rw(blk, r, header.sector); break;
	case VIRTIO_BLK_T_FLUSH: submit(r, BLOCK_FLUSH, 0); break;
	case VIRTIO_BLK_T_GET_ID: start_get_id(blk, r); break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES: start_discard(blk, r); break;
	default: finish(r, VIRTIO_BLK_S_UNSUPP);
	}
	return 0;
}

/* A ring's worth at most, so that commands are heard whatever the driver does. */
void virtio_blk_take_requests(struct virtio_blk_queue *q)
{
	for (unsigned int i = 0; i < BLK_QUEUE_SIZE && q->free_count; i++) {
		uint16_t index = q->free_index[q->free_count - 1];
		struct blk_request *r = &q->request[index];

		r->queue = q;
		r->chain.iov = r->iov;
		r->chain.iov_max = BLK_IOV_MAX;
		if (virtio_queue_pop(q->vq, &r->chain) <= 0) {
			virtio_blk_unbounce(r, false);
			return;
		}
		q->free_count--;
		if (start_request(q->blk, r)) {
			virtio_blk_unbounce(r, false);
			q->free_index[q->free_count++] = index;
			q->vq->ring.broken = true;
			virtio_device_fail(&q->blk->dev, "a request has no header or no status");
			return;
		}
	}
}
