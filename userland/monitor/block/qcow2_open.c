// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens a qcow2 image: the header and all that hangs on it, none of which is
 * believed. What this program cannot do is refused by its name.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
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

#define MAGIC 0x514649fbu
#define EXTENSION_BACKING_FORMAT 0xe2792acau
#define EXTENSION_BITMAPS 0x23852875u
#define BACKING_NAME_MAX 1023u

struct opening {
	struct qcow2 *q;
	const char *path;
	unsigned int depth;
	uint64_t backing_at;
	uint32_t backing_length, header_length, rt_clusters;
	bool guessed;	/* nobody has said that it is qcow2 */
	struct btn_error *e;
	/* what has been opened so far, against loops */
	const struct opening *above;
	dev_t device;
	ino_t inode;
};

static uint32_t get32(const uint8_t *header, unsigned int at)
{
	uint32_t value;

	memcpy(&value, header + at, sizeof(value));
	return be32toh(value);
}

static uint64_t get64(const uint8_t *header, unsigned int at)
{
	uint64_t value;

	memcpy(&value, header + at, sizeof(value));
	return be64toh(value);
}

bool qcow2_probe(int fd)
{
	uint8_t start[8];

	return !file_read(fd, start, sizeof(start), 0) && get32(start, 0) == MAGIC;
}

static bool damaged(struct opening *o, const char *what)
{
	btn_set(o->e, BTN_DISK_DAMAGED, "the disk \"%s\" is damaged", o->path);
	btn_set_cause(o->e, "Its qcow2 %s.", what);
	return false;
}

static bool unsupported(struct opening *o, const char *feature)
{
	btn_set(o->e, BTN_DISK_FORMAT, "the disk \"%s\" uses a feature that Baton does not have",
		o->path);
	btn_set_cause(o->e, "It is a qcow2 image with %s.", feature);
	return false;
}

static bool host_failed(struct opening *o, int error)
{
	if (error == -ENOMEM) {
		btn_set_default(o->e, BTN_NO_MEMORY);
		return false;
	}
	btn_set(o->e, BTN_DISK_FAILED, "the disk \"%s\" cannot be used", o->path);
	btn_set_cause(o->e, "The host says: %s.", strerror(-error));
	return false;
}

/* ---- the header ---- */

static bool read_features(struct opening *o)
{
	struct qcow2 *q = o->q;
	const uint8_t *h = q->header;
	uint32_t order = 4;

	o->header_length = 72;
	if (q->version >= 3) {
		q->incompatible = get64(h, 72);
		q->compatible = get64(h, 80);
		q->autoclear = get64(h, 88);
		order = get32(h, 96);
		o->header_length = get32(h, 100);
		if (o->header_length < 104 || o->header_length > q->cluster_size)
			return damaged(o, "header has an impossible length");
		q->compression = o->header_length > 104 ? h[104] : 0;
	}
	if (order > 6)
		return damaged(o, "header has an impossible width of refcounts");
	q->refcount_bits = 1u << order;
	return true;
}

static bool check_features(struct opening *o)
{
	struct qcow2 *q = o->q;
	char text[64];
	uint64_t unknown = q->incompatible & ~(QCOW2_DIRTY | QCOW2_CORRUPT | QCOW2_DATA_FILE |
					       QCOW2_COMPRESSION | QCOW2_EXTENDED_L2);

	if (get32(q->header, 32))
		return unsupported(o, get32(q->header, 32) == 2 ? "LUKS encryption" :
								 "AES encryption");
	if (q->incompatible & QCOW2_DATA_FILE)
		return unsupported(o, "an external data file");
	if (q->incompatible & QCOW2_EXTENDED_L2)
		return unsupported(o, "extended L2 entries (subclusters)");
	if (unknown) {
		snprintf(text, sizeof(text), "the unknown incompatible feature bit %d",
			 __builtin_ctzll(unknown));
		return unsupported(o, text);
	}
	if (q->compression > 1)
		return unsupported(o, "an unknown kind of compression");
	return true;
}

static bool read_header(struct opening *o)
{
	struct qcow2 *q = o->q;
	const uint8_t *h = q->header;
	char text[64];
	int error = file_read(q->fd, q->header, sizeof(q->header), 0);

	if (error)
		return host_failed(o, error);
	if (get32(h, 0) != MAGIC) {
		btn_set(o->e, BTN_DISK_FORMAT, "the disk \"%s\" is not a qcow2 image", o->path);
		btn_set_cause(o->e, "It does not begin as one.");
		btn_set_fix(o->e, "If it is a raw disk, say so: format=raw.");
		return false;
	}
	q->version = get32(h, 4);
	if (q->version != 2 && q->version != 3) {
		snprintf(text, sizeof(text), "version %" PRIu32 "; known are 2 and 3", q->version);
		return unsupported(o, text);
	}
	o->backing_at = get64(h, 8);
	o->backing_length = get32(h, 16);
	q->cluster_bits = get32(h, 20);
	if (q->cluster_bits < 9 || q->cluster_bits > 21)
		return damaged(o, "header has an impossible cluster size");
	q->cluster_size = 1ull << q->cluster_bits;
	q->size = get64(h, 24);
	q->l1_size = get32(h, 36);
	q->l1_offset = get64(h, 40);
	q->rt_offset = get64(h, 48);
	o->rt_clusters = q->rt_clusters = get32(h, 56);
	q->snapshot_count = get32(h, 60);
	return read_features(o) && check_features(o);
}

/* Extensions end with type 0, or where the backing file's name begins or the cluster ends. */
static bool read_extensions(struct opening *o)
{
	struct qcow2 *q = o->q;
	uint64_t at = o->header_length;
	uint64_t end = o->backing_at ? o->backing_at : q->cluster_size;
	uint8_t head[8];

	while (at + sizeof(head) <= end) {
		uint32_t length;
		int error = file_read(q->fd, head, sizeof(head), at);

		if (error)
			return host_failed(o, error);
		length = get32(head, 4);
		if (!get32(head, 0))
			return true;
		at += sizeof(head);
		if (length > end - at)
			return damaged(o, "header has an extension that is too long");
		q->bitmaps |= get32(head, 0) == EXTENSION_BITMAPS;
		if (get32(head, 0) == EXTENSION_BACKING_FORMAT) {
			if (length >= sizeof(q->backing_format))
				return damaged(o, "header names an impossible format");
			error = file_read(q->fd, q->backing_format, length, at);
			if (error)
				return host_failed(o, error);
		}
		at += (length + 7) & ~7ull;
	}
	return true;
}

static bool read_backing_name(struct opening *o)
{
	struct qcow2 *q = o->q;
	int error;

	if (!o->backing_at)
		return true;
	if (o->backing_length > BACKING_NAME_MAX || o->backing_at > q->cluster_size ||
	    o->backing_length > q->cluster_size - o->backing_at)
		return damaged(o, "header has an impossible name of a backing file");
	if (!o->backing_length)
		return true;
	q->backing_name = calloc(1, o->backing_length + 1);
	if (!q->backing_name)
		return host_failed(o, -ENOMEM);
	error = file_read(q->fd, q->backing_name, o->backing_length, o->backing_at);
	return error ? host_failed(o, error) : true;
}

/* What is no obstacle to reading may be one to writing. */
static bool check_writable(struct opening *o)
{
	struct qcow2 *q = o->q;

	if (!(q->mode & QCOW2_WRITE))
		return true;
	if (q->snapshot_count)
		return unsupported(o, "internal snapshots, which Baton can only read");
	if (q->bitmaps)
		return unsupported(o, "persistent bitmaps, which Baton can only read");
	if (q->incompatible & QCOW2_CORRUPT)
		return damaged(o, "header says that it was found to be corrupt");
	if (q->incompatible & QCOW2_DIRTY) {
		damaged(o, "header says that its refcounts were not written out");
		btn_set_fix(o->e, "Repair it: qemu-img check -r all %s", o->path);
		return false;
	}
	q->header_dirty = q->autoclear != 0;
	return true;
}

/* ---- tables ---- */

/* Entries in host byte order, at least one. */
static int read_index(struct qcow2 *q, uint64_t offset, uint64_t count, uint64_t **ret)
{
	uint64_t *entries = calloc(count + 1, sizeof(*entries));
	int error;

	if (!entries)
		return -ENOMEM;
	error = file_read(q->fd, entries, count * sizeof(*entries), offset);
	for (uint64_t i = 0; i < count; i++)
		entries[i] = be64toh(entries[i]);
	*ret = entries;
	return error;
}

static bool in_file(const struct qcow2 *q, uint64_t offset, uint64_t bytes)
{
	return offset % q->cluster_size == 0 && offset <= q->file_size &&
	       bytes <= q->file_size - offset;
}

/* Each is in the file. */
static bool check_entries(struct opening *o, const uint64_t *entries, uint64_t count,
			  const char *truncated)
{
	struct qcow2 *q = o->q;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t offset = entries[i] & QCOW2_OFFSET;

		if (offset % q->cluster_size)
			return damaged(o, "tables point between clusters");
		if (offset && !in_file(q, offset, q->mode & QCOW2_WRITE ? q->cluster_size : 1)) {
			damaged(o, truncated);
			btn_set_fix(o->e, "Copy it again: the file has been cut short. "
				    "Or take a backup.");
			return false;
		}
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* A block that counts two ranges would make the search for space endless. */
static bool check_blocks_differ(struct opening *o)
{
	struct qcow2 *q = o->q;
	uint64_t *copy = malloc((size_t)q->rt_size * sizeof(*copy));
	bool same = false;

	if (!copy)
		return host_failed(o, -ENOMEM);
	for (uint32_t i = 0; i < q->rt_size; i++)
		copy[i] = q->rt[i] & QCOW2_OFFSET;
	qsort(copy, q->rt_size, sizeof(*copy), compare);
	for (uint32_t i = 1; i < q->rt_size && !same; i++)
		same = copy[i] && copy[i] == copy[i - 1];
	free(copy);
	return !same || damaged(o, "refcount table uses a block twice");
}

static bool read_l1(struct opening *o)
{
	struct qcow2 *q = o->q;
	uint64_t per = q->cluster_size / 8 * q->cluster_size; /* guest bytes per entry */
	uint64_t needed = q->size / per + (q->size % per != 0);
	int error;

	if ((uint64_t)q->l1_size * 8 > QCOW2_L1_BYTES_MAX || q->size > INT64_MAX)
		return damaged(o, "L1 table is too big");
	if (q->l1_size < needed)
		return damaged(o, "L1 table is too small for the size of the disk");
	if (q->l1_size && (!q->l1_offset || !in_file(q, q->l1_offset, (uint64_t)q->l1_size * 8)))
		return damaged(o, "L1 table is beyond the end of the file, "
				  "which may have been cut short");
	error = read_index(q, q->l1_offset, q->l1_size, &q->l1);
	if (error)
		return host_failed(o, error);
	return check_entries(o, q->l1, q->l1_size, "L2 tables are beyond the end of the file");
}

static bool read_refcount_table(struct opening *o)
{
	struct qcow2 *q = o->q;
	uint64_t bytes = (uint64_t)q->rt_clusters << q->cluster_bits;
	int error;

	if (bytes > QCOW2_RT_BYTES_MAX || !bytes)
		return damaged(o, "refcount table has an impossible size");
	if (!q->rt_offset || !in_file(q, q->rt_offset, bytes))
		return damaged(o, "refcount table is beyond the end of the file, "
				  "which may have been cut short");
	q->rt_size = (uint32_t)(bytes / 8);
	error = read_index(q, q->rt_offset, q->rt_size, &q->rt);
	if (error)
		return host_failed(o, error);
	return check_entries(o, q->rt, q->rt_size,
			     "refcount blocks are beyond the end of the file") &&
	       check_blocks_differ(o);
}

/* ---- what is behind ---- */

static bool open_any(struct opening *o, unsigned int mode);

/* Relative names start at the image's own folder. */
static bool backing_path(struct opening *o, char *buf, size_t size)
{
	const char *name = o->q->backing_name, *slash = strrchr(o->path, '/');
	int length;

	if (!strncmp(name, "json:", 5) || !strncmp(name, "nbd:", 4) || strstr(name, "://"))
		return unsupported(o, "a backing file that is no file on this host");
	if (!strncmp(name, "file:", 5))
		name += 5;
	if (name[0] == '/' || !slash)
		length = snprintf(buf, size, "%s", name);
	else
		length = snprintf(buf, size, "%.*s/%s", (int)(slash - o->path), o->path, name);
	return length < (int)size || damaged(o, "header names a backing file too long");
}

static bool backing_failed(struct opening *o, const char *path)
{
	struct btn_error *e = o->e;

	if (e->code != BTN_FILE_MISSING)
		return false;
	btn_set(e, BTN_DISK_BACKING, "a file that the disk \"%s\" is based on is missing", o->path);
	btn_set_cause(e, "Its data is partly in \"%s\", and there is no such file.", path);
	btn_set_fix(e, "Put the file back, or give the image its new place: "
		    "qemu-img rebase -u -b NEW -F raw|qcow2 %s", o->path);
	return false;
}

static bool is_loop(const struct opening *o, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	for (; o; o = o->above)
		if (o->device == st.st_dev && o->inode == st.st_ino)
			return true;
	return false;
}

static bool open_backing_qcow2(struct opening *o, const char *path)
{
	struct qcow2 *q = o->q;
	struct opening behind = {
		.path = path, .depth = o->depth + 1, .e = o->e, .above = o,
		.guessed = !q->backing_format[0],
	};

	behind.q = calloc(1, sizeof(*behind.q));
	if (!behind.q)
		return host_failed(o, -ENOMEM);
	behind.q->fd = q->backing_fd;
	if (!open_any(&behind, QCOW2_READ))
		return false;
	q->backing = behind.q;
	q->backing_size = behind.q->size;
	return true;
}

/* Nobody has said that it is raw. */
static bool check_unnamed(struct opening *o, const char *path)
{
	const struct image_foreign *foreign = image_foreign(o->q->backing_fd, o->q->backing_size);

	if (!foreign)
		return true;
	unsupported(o, "a backing file that is neither raw nor qcow2");
	btn_set_cause(o->e, "\"%s\" is %s.", path, foreign->name);
	btn_set_fix(o->e, "If it is a raw disk all the same, say so: "
			  "qemu-img rebase -u -b %s -F raw %s", path, o->path);
	return false;
}

static bool open_backing(struct opening *o)
{
	struct qcow2 *q = o->q;
	char path[PATH_MAX];
	bool qcow2;

	if (!q->backing_name || q->mode & QCOW2_ALONE)
		return true;
	if (o->guessed) { /* it may have been a raw disk, whose guest wants to see our files */
		unsupported(o, "a backing file, and the image in front of it does not say that "
			       "it is qcow2");
		btn_set_fix(o->e, "If it is, say so: qemu-img rebase -u -b %s -F qcow2 %s",
			    o->path, o->above->path);
		return false;
	}
	if (o->depth + 1 >= QCOW2_CHAIN_MAX)
		return damaged(o, "chain of backing files is too long");
	if (!backing_path(o, path, sizeof(path)))
		return false;
	/* A loop would first be met as a lock of our own. */
	q->backing_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (q->backing_fd >= 0 && is_loop(o, q->backing_fd))
		return damaged(o, "chain of backing files leads back to itself");
	if (q->backing_fd >= 0)
		close(q->backing_fd);
	q->backing_fd = -1;
	if (!image_file_open(path, -1, true, &q->backing_fd, &q->backing_size, o->e))
		return backing_failed(o, path);
	if (q->backing_format[0] && strcmp(q->backing_format, "raw") &&
	    strcmp(q->backing_format, "qcow2"))
		return unsupported(o, "a backing file that is neither raw nor qcow2");
	qcow2 = q->backing_format[0] ? !strcmp(q->backing_format, "qcow2") :
				       qcow2_probe(q->backing_fd);
	if (qcow2)
		return open_backing_qcow2(o, path);
	return q->backing_format[0] || check_unnamed(o, path);
}

/* ---- open and close ---- */

static void destroy(struct qcow2 *q)
{
	if (!q)
		return;
	destroy(q->backing); /* at most QCOW2_CHAIN_MAX deep */
	if (q->backing_fd >= 0)
		image_file_close(q->backing_fd);
	qcow2_caches_fini(q);
	free(q->backing_name);
	free(q->unpacked);
	free(q->l1);
	free(q->rt);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* o->q is new, and gone if this fails. */
static bool open_any(struct opening *o, unsigned int mode)
{
	struct qcow2 *q = o->q;
	struct stat st;
	bool ok;

	q->mode = mode;
	q->backing_fd = -1;
	pthread_mutex_init(&q->lock, NULL);
	if (!fstat(q->fd, &st)) {
		o->device = st.st_dev;
		o->inode = st.st_ino;
	}
	q->file_size = (uint64_t)lseek(q->fd, 0, SEEK_END);
	ok = read_header(o) && read_backing_name(o) && read_extensions(o) && check_writable(o) &&
	     read_l1(o) && read_refcount_table(o) && open_backing(o);
	if (ok)
		qcow2_caches_init(q);
	else
		destroy(q);
	return ok;
}

bool qcow2_open(const char *path, int fd, unsigned int mode, struct qcow2 **ret,
		struct btn_error *e)
{
	struct opening o = { .path = path, .e = e };

	o.q = calloc(1, sizeof(*o.q));
	if (!o.q) {
		btn_set_default(e, BTN_NO_MEMORY);
		return false;
	}
	o.q->fd = fd;
	if (!open_any(&o, mode))
		return false;
	*ret = o.q;
	return true;
}

int qcow2_close(struct qcow2 *q)
{
	int error;

	if (!q)
		return 0;
	error = q->mode & QCOW2_WRITE ? qcow2_commit(q) : 0;
	destroy(q);
	return error;
}

uint64_t qcow2_size(const struct qcow2 *q)
{
	return q->size;
}

uint32_t qcow2_cluster_size(const struct qcow2 *q)
{
	return (uint32_t)q->cluster_size;
}
