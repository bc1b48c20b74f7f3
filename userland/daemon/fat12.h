/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small FAT file system with a few files in its root folder, made in memory.
 */
#ifndef BATON_DAEMON_FAT12_H
#define BATON_DAEMON_FAT12_H

#include <stddef.h>
#include <stdint.h>

#define FAT12_SIZE (2u << 20)	/* bytes of every such file system */
#define FAT12_FILES_MAX 8u
#define FAT12_NAME_MAX 64u	/* of a file: printable ASCII */

struct fat12_file {
	const char *name;
	const void *data;
	size_t size;
};

/*
 * FAT12_SIZE bytes for g_free(); NULL: the files do not fit, or a name is none.
 * label: up to 11 capital letters and digits. The same input gives the same bytes.
 */
uint8_t *fat12_create(const char *label, uint32_t serial, const struct fat12_file *files,
		      size_t count);

#endif
