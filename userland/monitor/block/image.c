// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes, describes and grows disk images. See image.h.
 */
#define _GNU_SOURCE
#include "image.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "foreign.h"
#include "qcow2.h"

#define HEADER_LENGTH 112u
#define RAW_SIZE_MAX (1ull << 62)

static bool host_failed(const char *path, int error, struct btn_error *e)
{
	if (error == -ENOSPC || error == -EDQUOT || error == -EFBIG)
		btn_set(e, BTN_DISK_NO_SPACE, "there is no room for the disk \"%s\"", path);
	else
		btn_set(e, BTN_DISK_FAILED, "the disk \"%s\" cannot be used", path);
	btn_set_cause(e, "The host says: %s.", strerror(-error));
	return false;
}

/* ---- create ---- */

static void put32(uint8_t *at, uint64_t value)
{
	uint32_t big = htobe32((uint32_t)value);

	memcpy(at, &big, sizeof(big));
}

static void put64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

/* Header, extension with the backing file's format, end of extensions, name. */
static void fill_header(const struct image_create *what, uint8_t *h, uint64_t l1_size,
			uint64_t cluster)
{
	uint32_t at = HEADER_LENGTH;

	put32(h, 0x514649fb);
	put32(h + 4, 3);
	put32(h + 20, (uint32_t)__builtin_ctzll(cluster));
	put64(h + 24, what->size);
	put32(h + 36, l1_size);
	put64(h + 40, 3 * cluster);
	put64(h + 48, cluster);
	put32(h + 56, 1);
	put32(h + 96, (uint32_t)__builtin_ctz(what->refcount_bits));
	put32(h + 100, HEADER_LENGTH);
	if (!what->backing)
		return;
	put32(h + at, 0xe2792aca);
	put32(h + at + 4, strlen(what->backing_format));
	memcpy(h + at + 8, what->backing_format, strlen(what->backing_format));
	at += 8 + ((strlen(what->backing_format) + 7) & ~7u) + 8;
	put64(h + 8, at);
	put32(h + 16, strlen(what->backing));
	memcpy(h + at, what->backing, strlen(what->backing));
}

/*
 * A smallest image of four clusters that is whole: header, refcount table, one
 * refcount block, an L1 table of one entry. The rest is an ordinary resize.
 */
static int write_seed(int fd, const struct image_create *what)
{
	struct qcow2 q = { .cluster_size = what->cluster_size,
			   .refcount_bits = what->refcount_bits };
	uint8_t *seed = calloc(4, what->cluster_size);
	struct qcow2_table block;
	int error;

	if (!seed)
		return -ENOMEM;
	block.data = seed + 2 * what->cluster_size;
	fill_header(what, seed, 1, what->cluster_size);
	put64(seed + what->cluster_size, 2 * (uint64_t)what->cluster_size);
	for (uint32_t i = 0; i < 4; i++)
		qcow2_set_refcount(&q, &block, i, 1);
	error = file_write(fd, seed, 4 * (size_t)what->cluster_size, 0);
	free(seed);
	return error;
}

/* L1 entries for `size` bytes. */
static uint64_t l1_entries(const struct qcow2 *q, uint64_t size)
{
	uint64_t per = q->cluster_size / 8 * q->cluster_size;

	return size / per + (size % per != 0);
}

static bool grow_l1(struct qcow2 *q, const char *path, uint64_t size, struct btn_error *e)
{
	uint64_t entries = l1_entries(q, size), *l1;

	if (entries * 8 > QCOW2_L1_BYTES_MAX || size > INT64_MAX) {
		btn_set(e, BTN_BAD_VALUE, "the disk \"%s\" cannot be that large", path);
		btn_set_cause(e, "With its cluster size of %llu bytes, the most is %llu bytes.",
			      (unsigned long long)q->cluster_size,
			      (unsigned long long)(QCOW2_L1_BYTES_MAX / 8) *
			      (q->cluster_size / 8 * q->cluster_size));
		btn_set_fix(e, "Ask for less.");
		return false;
	}
	if (entries <= q->l1_size)
		return true;
	l1 = realloc(q->l1, entries * sizeof(*l1));
	if (!l1)
		return host_failed(path, -ENOMEM, e);
	memset(l1 + q->l1_size, 0, (entries - q->l1_size) * sizeof(*l1));
	q->l1 = l1;
	q->l1_size = (uint32_t)entries;
	q->l1_dirty = true;
	return true;
}

/* What a longer backing file has there must not show. */
static int hide_backing(struct qcow2 *q, uint64_t old, uint64_t size)
{
	uint64_t mask = q->cluster_size - 1, end = size < q->backing_size ? size : q->backing_size;
	uint64_t first = (old + mask) >> q->cluster_bits, last = (end + mask) >> q->cluster_bits;

	if (q->backing_fd < 0 || q->backing_size <= old)
		return 0;
	if (old & mask || q->version < 3)
		return -ENOTSUP;
	return last > first ? qcow2_zero_clusters(q, first, last - first, false, true) : 0;
}

static bool grow(struct qcow2 *q, const char *path, uint64_t size, bool hide,
		 struct btn_error *e)
{
	uint64_t old = q->size;
	int error;

	if (!grow_l1(q, path, size, e))
		return false;
	error = hide ? hide_backing(q, old, size) : 0;
	if (error == -ENOTSUP) {
		btn_set(e, BTN_DISK_FORMAT, "the disk \"%s\" cannot be made larger", path);
		btn_set_cause(e, "The file that it is based on is larger than the disk, and its "
			      "data would show.");
		return false;
	}
	q->size = size;
	q->header_dirty = true;
	if (!error)
		error = qcow2_commit(q);
	return !error || host_failed(path, error, e);
}

static bool create_qcow2(int fd, const struct image_create *what, struct btn_error *e)
{
	struct image_create seed = *what;
	struct qcow2 *q;
	bool ok;
	int error;

	seed.size = 0;
	error = write_seed(fd, &seed);
	if (error)
		return host_failed(what->path, error, e);
	if (!qcow2_open(what->path, fd, QCOW2_WRITE | QCOW2_ALONE, &q, e))
		return false;
	ok = grow(q, what->path, what->size, false, e);
	qcow2_close(q);
	return ok;
}

static bool create_raw(int fd, const struct image_create *what, struct btn_error *e)
{
	if (what->size > RAW_SIZE_MAX)
		return host_failed(what->path, -EFBIG, e);
	return !ftruncate(fd, (off_t)what->size) || host_failed(what->path, -errno, e);
}

/* Relative names start at the new image's folder. */
static bool check_backing(const struct image_create *what, uint64_t *ret_size,
			  struct btn_error *e)
{
	const char *slash = strrchr(what->path, '/');
	struct image_info info;
	char path[PATH_MAX];

	if (strlen(what->backing) > 255) {
		btn_set_file(e, "backing file", what->backing, ENAMETOOLONG);
		return false;
	}
	if (what->backing[0] == '/' || !slash)
		snprintf(path, sizeof(path), "%s", what->backing);
	else
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - what->path), what->path,
			 what->backing);
	if (!image_info(path, what->backing_format, &info, e))
		return false;
	*ret_size = info.size;
	return true;
}

static bool check_create(struct image_create *what, struct btn_error *e)
{
	uint64_t backing_size = 0;

	if (!what->cluster_size)
		what->cluster_size = 65536;
	if (!what->refcount_bits)
		what->refcount_bits = 16;
	if (what->backing && !check_backing(what, &backing_size, e))
		return false;
	if (!what->size)
		what->size = backing_size;
	if (what->size && what->size % 512 == 0)
		return true;
	btn_set(e, BTN_DISK_SIZE, "the disk \"%s\" cannot have that size", what->path);
	btn_set_cause(e, "A disk is a multiple of 512 bytes and not empty.");
	btn_set_fix(e, "Ask for a round size, such as 10G.");
	return false;
}

bool image_create(const struct image_create *asked, struct btn_error *e)
{
	struct image_create what = *asked;
	bool ok;
	int fd;

	if (!check_create(&what, e))
		return false;
	fd = open(what.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST) {
		btn_set(e, BTN_DISK_EXISTS, "there is a file \"%s\" already", what.path);
		return false;
	}
	if (fd < 0) {
		if (errno == ENOENT || errno == EACCES || errno == ENOTDIR)
			btn_set_file(e, "folder of", what.path, errno);
		else
			host_failed(what.path, -errno, e);
		return false;
	}
	ok = what.raw ? create_raw(fd, &what, e) : create_qcow2(fd, &what, e);
	close(fd);
	if (!ok)
		unlink(what.path); /* ours: O_EXCL */
	return ok;
}

/* ---- info, resize ---- */

/* *ret_qcow2 is NULL for a raw image. */
static bool open_image(const char *path, const char *format, unsigned int mode, int *ret_fd,
		       uint64_t *ret_size, struct qcow2 **ret_qcow2, struct btn_error *e)
{
	bool qcow2 = format && !strcmp(format, "qcow2"), ok;

	*ret_qcow2 = NULL;
	if (!image_file_open(path, -1, !(mode & QCOW2_WRITE), ret_fd, ret_size, e))
		return false;
	if (!format)
		qcow2 = qcow2_probe(*ret_fd);
	if (qcow2)
		ok = qcow2_open(path, *ret_fd, mode, ret_qcow2, e);
	else
		ok = format || image_is_raw(path, *ret_fd, *ret_size, e);
	if (!ok)
		image_file_close(*ret_fd);
	else if (qcow2)
		*ret_size = (*ret_qcow2)->size;
	return ok;
}

bool image_info(const char *path, const char *format, struct image_info *ret,
		struct btn_error *e)
{
	struct image_info info = { .raw = true };
	struct qcow2 *q;
	struct stat st;
	int fd;

	if (!open_image(path, format, QCOW2_READ | QCOW2_ALONE, &fd, &info.size, &q, e))
		return false;
	if (!fstat(fd, &st))
		info.allocated = (uint64_t)st.st_blocks * 512;
	if (q) {
		info.raw = false;
		info.version = q->version;
		info.cluster_size = (uint32_t)q->cluster_size;
		info.refcount_bits = q->refcount_bits;
		info.snapshots = q->snapshot_count;
		info.dirty = q->incompatible & QCOW2_DIRTY;
		info.corrupt = q->incompatible & QCOW2_CORRUPT;
		snprintf(info.backing, sizeof(info.backing), "%s",
			 q->backing_name ? q->backing_name : "");
		memcpy(info.backing_format, q->backing_format, sizeof(info.backing_format));
	}
	qcow2_close(q);
	image_file_close(fd);
	*ret = info;
	return true;
}

bool image_resize(const char *path, const char *format, uint64_t size, struct btn_error *e)
{
	struct qcow2 *q;
	uint64_t old;
	bool ok;
	int fd;

	if (!open_image(path, format, QCOW2_WRITE, &fd, &old, &q, e))
		return false;
	if (size < old) {
		btn_set(e, BTN_DISK_SHRINK, "the disk \"%s\" cannot be made smaller", path);
		ok = false;
	} else if (size % 512) {
		btn_set(e, BTN_DISK_SIZE, "the disk \"%s\" cannot have that size", path);
		ok = false;
	} else if (q) {
		ok = grow(q, path, size, true, e);
	} else {
		ok = !ftruncate(fd, (off_t)size) || host_failed(path, -errno, e);
	}
	qcow2_close(q);
	image_file_close(fd);
	return ok;
}
