/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that hold images: opened, sized, locked, read and written in whole.
 */
#ifndef BATON_BLOCK_FILE_H
#define BATON_BLOCK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/errors.h"

/*
 * Opens and locks an image; path NULL: a duplicate of fd. Readers share, a
 * writer is alone; QEMU's programs and ours keep each other out. *ret_size is
 * that of the file or block device.
 */
bool image_file_open(const char *path, int fd, bool readonly, int *ret_fd, uint64_t *ret_size,
		     struct btn_error *e);
/*
 * The same file once more, without the lock: for io_urings, which let go of files
 * only some time after a process has ended, even a killed one. -errno.
 */
int image_file_again(int fd, bool readonly);
/* Unlocks and closes. */
void image_file_close(int fd);

/* All of it, or -errno. What lies behind the end of the file reads as zeroes. */
int file_read(int fd, void *to, size_t size, uint64_t offset);
int file_write(int fd, const void *from, size_t size, uint64_t offset);

#endif
