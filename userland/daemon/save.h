/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are old or new after a crash, and never half.
 */
#ifndef BATON_DAEMON_SAVE_H
#define BATON_DAEMON_SAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Writes path.new beside it, syncs, renames it over path, syncs the folder: 0 or
 * -errno. One writer at a time for one path; a path.new that a crash left goes.
 */
int save_file(const char *path, const void *data, size_t size, mode_t mode);

/* Makes names in the folder that path is in durable: 0 or -errno. */
int save_folder_of(const char *path);

#endif
