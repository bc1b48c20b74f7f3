// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests on qcow2 images. A request is done in windows of a limited size, so
 * that it needs limited memory whatever the guest asks for; a window is a few
 * pieces, each one operation of the io_uring. Tables are read and written while
 * the queue's thread waits, guest data never is, but for what is copied to fill
 * a new cluster.
 *
 * A window that changes where clusters are is alone in its range of clusters.
 * Others wait in image->waiting until a window ends.
 */
#define _GNU_SOURCE /* preadv() */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "qcow2.h"

#define WINDOW_BYTES (1ull << 20)	/* or a cluster, if that is more */
#define WINDOW_CLUSTERS 64ull

struct piece {
	struct block_completion completion; /* first: a piece is its completion */
	struct qcow2_active *owner;
	struct piece *next;
	int fd;
	uint64_t host, length;	/* what is still to do */
	uint64_t cluster, host_cluster, cluster_count; /* to be mapped; count 0: nothing */
	void *bounce;
	struct iovec *iov;	/* within own */
	unsigned int iov_count;
	struct iovec own[];
};

struct qcow2_active {
	struct block_request *request;
	struct block_queue *queue;
	struct qcow2 *q;
	struct qcow2_active *next; /* in active or waiting */
	uint64_t at, end;	/* of the request: what is not done */
	struct iovec *iov;	/* of the data; NULL: zeroes */
	unsigned int iov_count;
	size_t iov_skip;	/* of *iov, in bytes */

	uint64_t window_end;
	bool alone;
	struct piece *pieces;
	unsigned int pending;
	int error;
};

/* ---- the caller's buffers ---- */

static void iov_advance(struct qcow2_active *a, uint64_t bytes)
{
	while (bytes && a->iov_count) {
		uint64_t left = a->iov->iov_len - a->iov_skip;

		if (bytes < left) {
			a->iov_skip += bytes;
			return;
		}
		bytes -= left;
		a->iov++;
		a->iov_count--;
		a->iov_skip = 0;
	}
}

/* Takes `length` bytes off the request's buffers into iov (room for all). Count. */
static unsigned int iov_take(struct qcow2_active *a, uint64_t length, struct iovec *iov)
{
	unsigned int count = 0;

	while (length && a->iov_count) {
		uint64_t part = a->iov->iov_len - a->iov_skip;

		if (part > length)
			part = length;
		iov[count++] = (struct iovec){ (char *)a->iov->iov_base + a->iov_skip, part };
		length -= part;
		iov_advance(a, part);
	}
	return count;
}

/* Copies between the request's buffers and memory of ours; from NULL: zeroes. */
static void iov_fill(struct qcow2_active *a, const void *from, uint64_t length)
{
	const char *at = from;

	while (length && a->iov_count) {
		uint64_t part = a->iov->iov_len - a->iov_skip;

		if (part > length)
			part = length;
		if (at)
			memcpy((char *)a->iov->iov_base + a->iov_skip, at, part);
		else
			memset((char *)a->iov->iov_base + a->iov_skip, 0, part);
		at = at ? at + part : NULL;
		length -= part;
		iov_advance(a, part);
	}
}

static void iov_drain(struct qcow2_active *a, void *to, uint64_t length)
{
	char *at = to;

	if (!a->iov) {
		memset(to, 0, length);
		return;
	}
	while (length && a->iov_count) {
		uint64_t part = a->iov->iov_len - a->iov_skip;

		if (part > length)
			part = length;
		memcpy(at, (char *)a->iov->iov_base + a->iov_skip, part);
		at += part;
		length -= part;
		iov_advance(a, part);
	}
}

/* ---- pieces ---- */

static struct piece *piece_add(struct qcow2_active *a, int fd, uint64_t host, uint64_t length)
{
	struct piece *p = calloc(1, sizeof(*p) + (a->iov_count + 1) * sizeof(p->own[0]));

	if (!p)
		return NULL;
	p->owner = a;
	p->fd = fd;
	p->host = host;
	p->length = length;
	p->iov = p->own;
	p->next = a->pieces;
	a->pieces = p;
	return p;
}

/* The piece's data is in memory of its own. */
static int piece_bounce(struct piece *p, uint64_t size)
{
	p->bounce = malloc(size);
	p->own[0] = (struct iovec){ p->bounce, size };
	p->iov_count = 1;
	return p->bounce ? 0 : -ENOMEM;
}

static int read_piece(struct qcow2_active *a, uint64_t *at)
{
	struct qcow2_where where, more;
	struct piece *p;
	int error = qcow2_locate(a->q, *at, a->window_end - *at, &where);

	if (!error && where.kind == QCOW2_IS_PACKED)
		error = qcow2_unpack(where.image, where.entry);
	if (error)
		return error;
	*at += where.length;
	if (where.kind == QCOW2_IS_ZERO)
		iov_fill(a, NULL, where.length);
	else if (where.kind == QCOW2_IS_PACKED)
		iov_fill(a, where.image->unpacked + where.offset, where.length);
	if (where.kind != QCOW2_IS_DATA)
		return 0;
	while (*at < a->window_end && !qcow2_locate(a->q, *at, a->window_end - *at, &more) &&
	       more.kind == QCOW2_IS_DATA && more.fd == where.fd &&
	       more.offset == where.offset + where.length) {
		where.length += more.length;
		*at += more.length;
	}
	p = piece_add(a, where.fd, where.offset, where.length);
	if (!p)
		return -ENOMEM;
	p->iov_count = iov_take(a, where.length, p->iov);
	return 0;
}

/* Where guest data lies that belongs to this image alone; 0: nowhere. */
static uint64_t in_place(const struct qcow2 *q, uint64_t entry)
{
	if (entry & QCOW2_COMPRESSED || !(entry & QCOW2_COPIED) ||
	    (q->version >= 3 && entry & QCOW2_ZERO))
		return 0;
	return entry & QCOW2_OFFSET;
}

/* Over a row of clusters that are one behind the other on the host, too. */
static int overwrite_piece(struct qcow2_active *a, uint64_t *at, uint64_t host)
{
	struct qcow2 *q = a->q;
	uint64_t inside = *at & (q->cluster_size - 1), length = q->cluster_size - inside, entry;
	struct piece *p;

	while (*at + length < a->window_end &&
	       !qcow2_entry_get(q, (*at + length) >> q->cluster_bits, &entry) &&
	       in_place(q, entry) == host + inside + length)
		length += q->cluster_size;
	if (length > a->window_end - *at)
		length = a->window_end - *at;
	if (host & (q->cluster_size - 1) || qcow2_is_metadata(q, host, inside + length))
		return -EUCLEAN;
	p = piece_add(a, q->fd, host + inside, length);
	if (!p)
		return -ENOMEM;
	*at += length;
	if (a->iov) {
		p->iov_count = iov_take(a, length, p->iov);
		return 0;
	}
	if (piece_bounce(p, length))
		return -ENOMEM;
	memset(p->bounce, 0, length);
	return 0;
}

/* One cluster of which only a part is written: the rest is copied. */
static int copy_piece(struct qcow2_active *a, uint64_t *at)
{
	struct qcow2 *q = a->q;
	uint64_t start = *at & ~(q->cluster_size - 1), inside = *at - start;
	uint64_t length = q->cluster_size - inside;
	struct piece *p = piece_add(a, q->fd, 0, q->cluster_size);
	int error = p ? piece_bounce(p, q->cluster_size) : -ENOMEM;

	if (!error)
		error = qcow2_read(q, p->bounce, start, q->cluster_size);
	if (!error)
		error = qcow2_alloc(q, 1, MARK_RESERVED, &p->host_cluster);
	if (error)
		return error;
	if (length > a->window_end - *at)
		length = a->window_end - *at;
	iov_drain(a, (char *)p->bounce + inside, length);
	p->host = p->host_cluster << q->cluster_bits;
	p->cluster = start >> q->cluster_bits;
	p->cluster_count = 1;
	*at += length;
	return 0;
}

/* A row of whole clusters that need a new place. */
static int fresh_piece(struct qcow2_active *a, uint64_t *at)
{
	struct qcow2 *q = a->q;
	uint64_t length = q->cluster_size, entry;
	struct piece *p;
	int error;

	while (*at + length + q->cluster_size <= a->window_end &&
	       !qcow2_entry_get(q, (*at + length) >> q->cluster_bits, &entry) &&
	       !in_place(q, entry))
		length += q->cluster_size;
	p = piece_add(a, q->fd, 0, length);
	if (!p)
		return -ENOMEM;
	error = qcow2_alloc(q, length >> q->cluster_bits, MARK_RESERVED, &p->host_cluster);
	if (error)
		return error;
	p->host = p->host_cluster << q->cluster_bits;
	p->cluster = *at >> q->cluster_bits;
	p->cluster_count = length >> q->cluster_bits;
	p->iov_count = iov_take(a, length, p->iov);
	*at += length;
	return 0;
}

static int write_piece(struct qcow2_active *a, uint64_t *at)
{
	struct qcow2 *q = a->q;
	uint64_t entry, host;
	int error = qcow2_entry_get(q, *at >> q->cluster_bits, &entry);

	if (error)
		return error;
	host = in_place(q, entry);
	if (host)
		return overwrite_piece(a, at, host);
	if (!a->iov || *at & (q->cluster_size - 1) || a->window_end - *at < q->cluster_size)
		return copy_piece(a, at);
	return fresh_piece(a, at);
}

/* ---- windows ---- */

static bool is_zeroing(const struct qcow2_active *a)
{
	return a->request->op == BLOCK_DISCARD || a->request->op == BLOCK_ZERO;
}

/* Whole clusters from a->at on that this window can zero by their entries. */
static uint64_t zero_window(const struct qcow2_active *a)
{
	const struct qcow2 *q = a->q;
	uint64_t end = a->end == q->size ? a->end + q->cluster_size - 1 : a->end;
	uint64_t count = (end >> q->cluster_bits) - (a->at >> q->cluster_bits);

	if (a->at & (q->cluster_size - 1))
		return 0;
	return count < q->cluster_size / 8 ? count : q->cluster_size / 8;
}

static void set_window(struct qcow2_active *a)
{
	const struct qcow2 *q = a->q;
	uint64_t size = q->cluster_size * WINDOW_CLUSTERS, zeroes = zero_window(a);

	if (size > WINDOW_BYTES)
		size = WINDOW_BYTES > q->cluster_size ? WINDOW_BYTES : q->cluster_size;
	if (is_zeroing(a))
		size = zeroes ? zeroes << q->cluster_bits : q->cluster_size;
	a->window_end = (a->at & ~(q->cluster_size - 1)) + size;
	if (a->window_end > a->end)
		a->window_end = a->end;
}

/* A write is alone if it has to give a cluster a place. */
static int set_alone(struct qcow2_active *a)
{
	struct qcow2 *q = a->q;
	uint64_t entry;
	int error = 0;

	a->alone = is_zeroing(a);
	if (a->request->op != BLOCK_WRITE)
		return 0;
	for (uint64_t at = a->at >> q->cluster_bits;
	     at << q->cluster_bits < a->window_end && !a->alone && !error; at++) {
		error = qcow2_entry_get(q, at, &entry);
		a->alone = !in_place(q, entry);
	}
	return error;
}

static bool in_the_way(const struct qcow2_active *a, const struct qcow2_active *other)
{
	uint64_t mask = ~(a->q->cluster_size - 1);

	return (a->alone || other->alone) && (a->at & mask) < other->window_end &&
	       (other->at & mask) < a->window_end;
}

static bool has_to_wait(struct qcow2_active *a)
{
	for (const struct qcow2_active *other = a->q->active; other; other = other->next)
		if (in_the_way(a, other))
			return true;
	return false;
}

/* By the entries; what cannot be done that way is written as zeroes. */
static int zero_piece(struct qcow2_active *a, uint64_t *at)
{
	struct qcow2 *q = a->q;
	bool discard = a->request->op == BLOCK_DISCARD;
	uint64_t count = zero_window(a);
	int error;

	if (!count && discard) { /* a part of a cluster: it stays */
		*at = a->window_end;
		return 0;
	}
	if (!count)
		return write_piece(a, at);
	error = qcow2_zero_clusters(q, *at >> q->cluster_bits, count, discard,
				    a->request->flags & BLOCK_UNMAP);
	if (!error)
		*at = a->window_end;
	if (error != -ENOTSUP)
		return error;
	if (a->window_end - *at > q->cluster_size)
		a->window_end = *at + q->cluster_size;
	return write_piece(a, at);
}

static int make_pieces(struct qcow2_active *a)
{
	uint64_t at = a->at;
	int error = 0;

	while (at < a->window_end && !error) {
		if (a->request->op == BLOCK_READ)
			error = read_piece(a, &at);
		else if (a->request->op == BLOCK_WRITE)
			error = write_piece(a, &at);
		else
			error = zero_piece(a, &at);
	}
	return error;
}

/* True if the window's pieces are there; false if it has to wait. */
static bool window_open(struct qcow2_active *a)
{
	struct qcow2 *q = a->q;
	bool waits;

	pthread_mutex_lock(&q->lock);
	set_window(a);
	/* A read does not need the room that a full host disk lacks. */
	a->error = a->request->op == BLOCK_READ ? 0 : qcow2_commit_if_full(q);
	if (!a->error)
		a->error = set_alone(a);
	waits = !a->error && has_to_wait(a);
	if (waits) {
		a->next = q->waiting;
		q->waiting = a;
	} else {
		a->next = q->active;
		q->active = a;
		if (!a->error)
			a->error = make_pieces(a);
	}
	pthread_mutex_unlock(&q->lock);
	return !waits;
}

static int map_piece(struct qcow2 *q, const struct piece *p, int error)
{
	for (uint64_t i = 0; i < p->cluster_count; i++) {
		uint64_t host = p->host_cluster + i;

		if (error) {
			qcow2_reserved_drop(q, host);
			continue;
		}
		error = qcow2_reserved_use(q, host);
		if (error)
			continue;
		error = qcow2_entry_set(q, p->cluster + i,
					host << q->cluster_bits | QCOW2_COPIED, true);
		if (error && error != -EUCLEAN) /* of the old cluster's refcount; it is set */
			qcow2_unref(q, host, false);
	}
	return error;
}

static void remove_active(struct qcow2_active *a)
{
	struct qcow2_active **at = &a->q->active;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
}

/* All that waited look again, each on its own queue's thread. */
static void wake_waiting(struct qcow2 *q)
{
	struct qcow2_active *next;

	for (struct qcow2_active *a = q->waiting; a; a = next) {
		next = a->next;
		block_queue_resume(a->queue, a->request);
	}
	q->waiting = NULL;
}

static void window_close(struct qcow2_active *a)
{
	struct qcow2 *q = a->q;
	struct piece *next;
	int error = a->error;

	pthread_mutex_lock(&q->lock);
	for (struct piece *p = a->pieces; p; p = next) {
		int mapped = map_piece(q, p, a->error);

		if (!error)
			error = mapped;
		next = p->next;
		free(p->bounce);
		free(p);
	}
	a->pieces = NULL;
	a->error = error;
	a->at = a->window_end;
	remove_active(a);
	wake_waiting(q);
	pthread_mutex_unlock(&q->lock);
}

/* ---- the request ---- */

static void run(struct qcow2_active *a);

static void finish(struct qcow2_active *a)
{
	struct block_request *r = a->request;
	struct qcow2 *q = a->q;
	int error = a->error;

	if (!error && r->flags & BLOCK_FUA && (r->op == BLOCK_WRITE || r->op == BLOCK_ZERO)) {
		bool dirty;

		pthread_mutex_lock(&q->lock);
		dirty = qcow2_is_dirty(q);
		error = qcow2_commit(q);
		pthread_mutex_unlock(&q->lock);
		if (!error && !dirty && fdatasync(q->fd)) {
			error = -errno;
			atomic_store(&a->queue->block->sync_failed, true);
		}
	}
	free(a);
	r->done(r, error);
}

static void piece_start(struct piece *p);

static void piece_end(struct piece *p, int error)
{
	struct qcow2_active *a = p->owner;

	if (error && !a->error)
		a->error = error;
	if (--a->pending)
		return;
	window_close(a);
	if (a->error || a->at == a->end)
		finish(a);
	else
		run(a);
}

static void piece_advance(struct piece *p, uint64_t done)
{
	p->host += done;
	p->length -= done;
	while (done && done >= p->iov->iov_len) {
		done -= p->iov->iov_len;
		p->iov++;
		p->iov_count--;
	}
	if (!done)
		return;
	p->iov->iov_base = (char *)p->iov->iov_base + done;
	p->iov->iov_len -= done;
}

static void piece_done(struct block_completion *c, int result)
{
	struct piece *p = (struct piece *)c;
	bool reads = p->owner->request->op == BLOCK_READ;

	if (result == -EINTR || result == -EAGAIN) {
		piece_start(p);
		return;
	}
	if (!result && reads) { /* behind the file's end all is zero */
		for (unsigned int i = 0; i < p->iov_count; i++)
			memset(p->iov[i].iov_base, 0, p->iov[i].iov_len);
		result = (int)p->length;
	}
	if (result <= 0 || (uint64_t)result == p->length) {
		piece_end(p, result < 0 ? result : result ? 0 : -EIO);
		return;
	}
	piece_advance(p, (uint64_t)result);
	piece_start(p);
}

/* A full io_uring is no reason to fail: then this thread waits for the piece. */
static void piece_start(struct piece *p)
{
	struct qcow2_active *a = p->owner;
	struct io_uring_sqe *sqe = block_queue_sqe(a->queue);
	bool reads = a->request->op == BLOCK_READ, fixed = p->fd == a->queue->block->fd;
	int fd = fixed ? 0 : p->fd; /* file 0 of the ring is the image */

	p->completion.done = piece_done;
	if (!sqe) {
		ssize_t got = reads ? preadv(p->fd, p->iov, (int)p->iov_count, (off_t)p->host) :
				      pwritev(p->fd, p->iov, (int)p->iov_count, (off_t)p->host);

		piece_done(&p->completion, got < 0 ? -errno : (int)got);
		return;
	}
	if (reads)
		io_uring_prep_readv(sqe, fd, p->iov, p->iov_count, p->host);
	else
		io_uring_prep_writev(sqe, fd, p->iov, p->iov_count, p->host);
	if (fixed)
		sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, &p->completion);
}

/* The window with its pieces; true if there was nothing to wait for. */
static bool window_run(struct qcow2_active *a)
{
	struct piece *next;

	if (a->error || !a->pieces) {
		window_close(a);
		return true;
	}
	a->pending = 1; /* ours, so that the last piece is not the last here */
	for (struct piece *p = a->pieces; p; p = p->next)
		a->pending++;
	for (struct piece *p = a->pieces; p; p = next) {
		next = p->next;
		piece_start(p);
	}
	if (--a->pending)
		return false;
	window_close(a);
	return true;
}

/* Window after window, until one has to wait. */
static void run(struct qcow2_active *a)
{
	do {
		if (!window_open(a) || !window_run(a))
			return;
	} while (!a->error && a->at < a->end);
	finish(a);
}

static void flushed(struct block_completion *c, int result)
{
	struct block_request *r = (struct block_request *)
		((char *)c - offsetof(struct block_request, completion));

	if (result < 0)
		atomic_store(&r->queue->block->sync_failed, true);
	r->done(r, result < 0 ? result : 0);
}

/* A commit syncs; else the kernel does it while the thread goes on. */
static void flush(struct block_queue *queue, struct block_request *r)
{
	struct qcow2 *q = queue->block->qcow2;
	struct io_uring_sqe *sqe;
	bool dirty;
	int error;

	pthread_mutex_lock(&q->lock);
	dirty = qcow2_is_dirty(q) || q->failed;
	error = dirty ? qcow2_commit(q) : 0;
	pthread_mutex_unlock(&q->lock);
	if (dirty) {
		r->done(r, error);
		return;
	}
	sqe = block_queue_sqe(queue);
	r->completion.done = flushed;
	if (!sqe) {
		flushed(&r->completion, fdatasync(q->fd) ? -errno : 0);
		return;
	}
	io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, &r->completion);
}

static void qcow2_submit(struct block_queue *queue, struct block_request *r)
{
	struct qcow2_active *a;

	if (r->op == BLOCK_FLUSH) {
		flush(queue, r);
		return;
	}
	a = calloc(1, sizeof(*a));
	if (!a) {
		r->done(r, -ENOMEM);
		return;
	}
	a->request = r;
	a->queue = queue;
	a->q = queue->block->qcow2;
	a->at = r->offset;
	a->end = r->offset + r->length;
	if (!is_zeroing(a)) {
		a->iov = r->iov;
		a->iov_count = r->iov_count;
	}
	r->op_state = a;
	run(a);
}

static void qcow2_resume(struct block_request *r)
{
	run(r->op_state);
}

const struct block_driver qcow2_driver = { .submit = qcow2_submit, .resume = qcow2_resume };
