// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copies and hashes the contents of images. See images_private.h.
 *
 * The kernel copies where it can: file systems that share blocks then share them.
 * The hash is of what arrived, read back from the copy, so that a source that is
 * changed meanwhile cannot give a hash of something else. Holes stay holes.
 */
#define _GNU_SOURCE
#include "images_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "monitor/block/file.h"

#define CHUNK (4u << 20)

struct copy {
	int from, to;
	bool by_kernel;		/* copy_file_range() has not refused yet */
	GChecksum *sum;
	char *buffer;		/* CHUNK bytes */
};

bool images_cancelled(const struct images_job *job, const char *name, struct btn_error *e)
{
	if (!job || !job->cancel || !g_cancellable_is_cancelled(job->cancel))
		return false;
	btn_set(e, BTN_HOST_CALL_FAILED, "the work on the image \"%s\" was cancelled", name);
	btn_set_cause(e, "Somebody asked for it to stop.");
	btn_set_fix(e, "Start it again if it is wanted.");
	return true;
}

void images_progress(const struct images_job *job, const char *step, uint64_t done,
		     uint64_t total)
{
	if (job && job->progress)
		job->progress(job->data, step, MIN(done, total), total);
}

/* The next bytes that are not a hole: *ret_start <= *ret_end <= size. */
static void next_data(int fd, uint64_t at, uint64_t size, uint64_t *ret_start, uint64_t *ret_end)
{
	off_t start = lseek(fd, (off_t)at, SEEK_DATA), end;

	*ret_start = at;
	*ret_end = size;
	if (start < 0 && errno == ENXIO) {
		*ret_start = size;
		return;
	}
	if (start < 0)
		return; /* the file system knows of no holes */
	end = lseek(fd, start, SEEK_HOLE);
	*ret_start = MIN((uint64_t)start, size);
	if (end > start)
		*ret_end = MIN((uint64_t)end, size);
}

static bool is_zero(const char *data, size_t size)
{
	return !data[0] && !memcmp(data, data + 1, size - 1);
}

/* Bytes that the kernel copied, 0 for "do it yourself", or -errno. */
static ssize_t copy_by_kernel(struct copy *c, uint64_t at, size_t size)
{
	off_t in = (off_t)at, out = (off_t)at;
	ssize_t got;

	if (!c->by_kernel)
		return 0;
	got = copy_file_range(c->from, &in, c->to, &out, size, 0);
	if (got > 0)
		return got;
	if (got < 0 && errno == EINTR)
		return copy_by_kernel(c, at, size);
	if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG))
		return -errno;
	/* Other file systems, old kernels, special files, or the end: reading will tell. */
	c->by_kernel = false;
	return 0;
}

/* One piece, at most CHUNK bytes: how many, or -errno. */
static ssize_t copy_piece(struct copy *c, uint64_t at, size_t size)
{
	ssize_t copied = c->to < 0 ? 0 : copy_by_kernel(c, at, size);
	int error;

	if (copied < 0)
		return copied;
	if (copied)
		size = (size_t)copied;
	error = file_read(copied ? c->to : c->from, c->buffer, size, at);
	if (!error && !copied && c->to >= 0 && !is_zero(c->buffer, size))
		error = file_write(c->to, c->buffer, size, at);
	if (error)
		return error;
	g_checksum_update(c->sum, (const guchar *)c->buffer, (gssize)size);
	return (ssize_t)size;
}

/* A hole of the source: none is written, and it counts as zeroes. */
static size_t copy_hole(struct copy *c, uint64_t size)
{
	size_t part = (size_t)MIN(size, CHUNK);

	memset(c->buffer, 0, part);
	g_checksum_update(c->sum, (const guchar *)c->buffer, (gssize)part);
	return part;
}

static int copy_all(struct copy *c, uint64_t size, const char *step, const char *name,
		    const struct images_job *job, struct btn_error *e)
{
	uint64_t at = 0, start = 0, end = 0;

	while (at < size) {
		ssize_t done;

		if (images_cancelled(job, name, e))
			return -ECANCELED;
		if (at >= end)
			next_data(c->from, at, size, &start, &end);
		if (at < start)
			done = (ssize_t)copy_hole(c, start - at);
		else
			done = copy_piece(c, at, (size_t)MIN(end - at, CHUNK));
		if (done < 0)
			return (int)done;
		at += (uint64_t)done;
		images_progress(job, step, at, size);
	}
	if (c->to >= 0 && ftruncate(c->to, (off_t)size))
		return -errno;
	return 0;
}

bool images_copy(int from, int to, uint64_t size, const char *step, const char *name,
		 const struct images_job *job, char sha256[65], struct btn_error *e)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autofree char *buffer = g_malloc(CHUNK);
	struct copy c = { .from = from, .to = to, .by_kernel = true, .sum = sum,
			  .buffer = buffer };
	int error = copy_all(&c, size, step, name, job, e);

	if (error == -ECANCELED)
		return false;
	if (error)
		return images_failed("the image", name, error, e);
	g_strlcpy(sha256, g_checksum_get_string(sum), 65);
	return true;
}
