/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks of VMs: made so that they are still there after a crash, described, removed.
 * What vmctl disk does with the same functions of monitor/block/.
 */
#ifndef BATON_DAEMON_DISK_H
#define BATON_DAEMON_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"
#include "monitor/block/image.h"

/*
 * A qcow2 that starts as `base` ("raw" or "qcow2", an absolute path) and holds what
 * differs. size 0: the base's; less than that is an error. path must not exist.
 */
bool disk_create_overlay(const char *path, const char *base, const char *base_format,
			 uint64_t size, struct btn_error *e);
/* An empty qcow2. path must not exist. */
bool disk_create_empty(const char *path, uint64_t size, struct btn_error *e);

/*
 * Any other. Of the raw ones `allocate` bytes are taken from the host's disk at once, if
 * its file system can do that.
 */
bool disk_create(const struct image_create *what, uint64_t allocate, struct btn_error *e);
/*
 * Another file with the same contents and holes; it is there when it is whole. What a crash
 * leaves of it has a name that begins with this, in the same folder.
 */
#define DISK_COPY_PREFIX ".copy-"
bool disk_copy(const char *from, const char *to, struct btn_error *e);
/* To `size` bytes, at least as large as it is; allocate: as above. */
bool disk_grow(const char *path, bool raw, uint64_t size, bool allocate, struct btn_error *e);
/* The file is gone, unless somebody uses it. */
bool disk_remove(const char *path, struct btn_error *e);

/*
 * By the header alone and without the image's lock: of a disk that a VM is at work on, too,
 * and without being in the way of one that starts. A raw disk that a VM has written to can
 * pass as a qcow2. False: there is no such file. Any thread.
 */
struct disk_head {
	bool raw;
	uint64_t size, allocated;	/* bytes: as a VM sees it, on the host's disk */
	char *backing;			/* the file that a qcow2 starts as, g_free(); NULL: none */
	char backing_format[16];	/* of that; "": the header does not say */
};
bool disk_read_head(const char *path, struct disk_head *ret);

#endif
