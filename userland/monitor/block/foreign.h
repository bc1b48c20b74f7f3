/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are neither raw disks nor qcow2: known by their beginning, so that
 * they are called by their name instead of being a disk of garbage to a guest.
 */
#ifndef BATON_BLOCK_FOREIGN_H
#define BATON_BLOCK_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"

#define IMAGE_CONVERT_BY_HAND \
	"Convert it where its other files are: qemu-img convert -O qcow2 OLD NEW"

struct image_foreign {
	const char *name;	/* for people: "a VMDK image of VMware" */
	const char *format;	/* qemu-img's; NULL: it is not for qemu-img, or not alone */
	const char *fix;	/* where there is no format */
};

/* What an open file of `size` bytes is; NULL: it may be raw, or is qcow2. */
const struct image_foreign *image_foreign(int fd, uint64_t size);

/*
 * For a file that nobody called raw, and that is not qcow2. False, with the error: it is
 * one of these.
 */
bool image_is_raw(const char *path, int fd, uint64_t size, struct btn_error *e);

#endif
