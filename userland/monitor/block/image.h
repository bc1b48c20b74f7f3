/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disk images as tools see them: made, described, grown, checked. What vmctl
 * links; needs no io_uring. All take the image's lock for as long as they run.
 */
#ifndef BATON_BLOCK_IMAGE_H
#define BATON_BLOCK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"

#define IMAGE_NAME_MAX 1024

struct image_create {
	const char *path;	/* of a file that does not exist yet */
	bool raw;
	uint64_t size;		/* bytes; 0 with a backing file: that one's */
	const char *backing;	/* NULL: none; as it is written into the image */
	const char *backing_format; /* "raw", "qcow2" */
	uint32_t cluster_size;	/* power of two, 512 to 2 MiB; 0: 64 KiB */
	uint32_t refcount_bits;	/* 1 to 64; 0: 16 */
};
bool image_create(const struct image_create *what, struct btn_error *e);

struct image_info {
	bool raw;
	uint64_t size;		/* as the guest sees it */
	uint64_t allocated;	/* bytes that the file takes on the host */
	uint32_t version, cluster_size, refcount_bits, snapshots; /* qcow2 */
	bool dirty, corrupt;
	char backing[IMAGE_NAME_MAX]; /* "": none */
	char backing_format[16];
};
/* format: "raw", "qcow2", or NULL: by the header. */
bool image_info(const char *path, const char *format, struct image_info *ret,
		struct btn_error *e);

/* Makes the disk larger: what is added reads as zeroes. */
bool image_resize(const char *path, const char *format, uint64_t size, struct btn_error *e);

struct image_check {
	uint64_t clusters;	/* in use */
	uint64_t leaks, corruptions;
	uint64_t repaired;	/* of the leaks */
};
/* Refcounts against what is in use. repair: leaks only. False: could not be done. */
bool image_check(const char *path, bool repair, struct image_check *ret, struct btn_error *e);

#endif
