// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a guest's byte is, through the whole chain of images, and reading it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "file.h"
#include "qcow2.h"

/* In one image: 1 if it says where, 0 if the one behind it knows. */
static int locate_here(struct qcow2 *q, uint64_t offset, struct qcow2_where *where)
{
	uint64_t entry, inside = offset & (q->cluster_size - 1);
	int error = qcow2_entry_get(q, offset >> q->cluster_bits, &entry);

	if (error)
		return error;
	if (where->length > q->cluster_size - inside)
		where->length = q->cluster_size - inside;
	if (entry & QCOW2_COMPRESSED) {
		where->kind = QCOW2_IS_PACKED;
		where->image = q;
		where->entry = entry;
		where->offset = inside;
		return 1;
	}
	if (q->version >= 3 && entry & QCOW2_ZERO) {
		where->kind = QCOW2_IS_ZERO;
		return 1;
	}
	entry &= QCOW2_OFFSET;
	if (!entry)
		return 0;
	if (entry & (q->cluster_size - 1))
		return -EUCLEAN;
	where->kind = QCOW2_IS_DATA;
	where->fd = q->fd;
	where->offset = entry + inside;
	return 1;
}

int qcow2_locate(struct qcow2 *q, uint64_t offset, uint64_t length, struct qcow2_where *ret)
{
	*ret = (struct qcow2_where){ .kind = QCOW2_IS_ZERO, .length = length };
	for (; q; q = q->backing) {
		int got = locate_here(q, offset, ret);

		if (got)
			return got < 0 ? got : 0;
		if (q->backing_fd < 0 || offset >= q->backing_size)
			return 0; /* a shorter one reads as zeroes behind its end */
		if (ret->length > q->backing_size - offset)
			ret->length = q->backing_size - offset;
		if (!q->backing) {
			ret->kind = QCOW2_IS_DATA;
			ret->fd = q->backing_fd;
			ret->offset = offset;
		}
	}
	return 0;
}

static int inflate_cluster(const void *from, size_t from_size, void *to, size_t to_size)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)from_size,
		       .next_out = to, .avail_out = (uInt)to_size };
	int ret;

	if (inflateInit2(&z, -12) != Z_OK) /* raw deflate, a window of 4 KiB */
		return -ENOMEM;
	ret = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	/* The sectors hold more than the stream; what matters is that the cluster is full. */
	return (ret == Z_STREAM_END || ret == Z_BUF_ERROR) && !z.avail_out ? 0 : -EUCLEAN;
}

/* The stream's end is not known, only a sector in which it is. */
static int unzstd_cluster(const void *from, size_t from_size, void *to, size_t to_size)
{
	ZSTD_inBuffer in = { from, from_size, 0 };
	ZSTD_outBuffer out = { to, to_size, 0 };
	ZSTD_DStream *stream = ZSTD_createDStream();
	size_t before = 0;

	if (!stream)
		return -ENOMEM;
	while (out.pos < out.size) {
		size_t left = ZSTD_decompressStream(stream, &out, &in);

		if (ZSTD_isError(left) || out.pos + in.pos == before)
			break;
		before = out.pos + in.pos;
	}
	ZSTD_freeDStream(stream);
	return out.pos == out.size ? 0 : -EUCLEAN;
}

int qcow2_unpack(struct qcow2 *image, uint64_t entry)
{
	uint64_t offset, size;
	void *packed;
	int error;

	if (image->unpacked && image->unpacked_entry == entry)
		return 0;
	if (!image->unpacked)
		image->unpacked = malloc(image->cluster_size);
	qcow2_compressed_range(image, entry, &offset, &size);
	packed = malloc(size); /* at most two clusters */
	error = packed && image->unpacked ? file_read(image->fd, packed, size, offset) : -ENOMEM;
	image->unpacked_entry = 0;
	if (!error && image->compression)
		error = unzstd_cluster(packed, size, image->unpacked, image->cluster_size);
	else if (!error)
		error = inflate_cluster(packed, size, image->unpacked, image->cluster_size);
	if (!error)
		image->unpacked_entry = entry;
	free(packed);
	return error;
}

int qcow2_read(struct qcow2 *q, void *to, uint64_t offset, uint64_t length)
{
	char *at = to;

	while (length) {
		struct qcow2_where where;
		int error = qcow2_locate(q, offset, length, &where);

		if (!error && where.kind == QCOW2_IS_PACKED)
			error = qcow2_unpack(where.image, where.entry);
		else if (!error && where.kind == QCOW2_IS_DATA)
			error = file_read(where.fd, at, where.length, where.offset);
		if (error)
			return error;
		if (where.kind == QCOW2_IS_ZERO)
			memset(at, 0, where.length);
		else if (where.kind == QCOW2_IS_PACKED)
			memcpy(at, where.image->unpacked + where.offset, where.length);
		at += where.length;
		offset += where.length;
		length -= where.length;
	}
	return 0;
}
