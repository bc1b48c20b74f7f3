/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files and folders that survive a crash and a power cut: what has been written is on
 * the disk, and a name leads to the old contents or the new. Blocking; any thread.
 * Only the C library's calls, which tests can cut off one by one.
 */
#ifndef BATON_DAEMON_FILES_H
#define BATON_DAEMON_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/errors.h"

#define FILES_NEW ".new"	/* behind a file's name while it is being written */

/* The whole regular file with a 0 behind it (g_free()). NULL: *e; `what` is its kind. */
char *files_read(const char *what, const char *path, size_t max, size_t *ret_length,
		 struct btn_error *e);
/* Writes PATH.new and syncs it: all that can fail for lack of space. */
bool files_prepare(const char *path, const char *text, size_t length, struct btn_error *e);
/* Puts PATH.new in PATH's place. On failure PATH.new is gone. */
bool files_replace(const char *path, struct btn_error *e);
/* The same, and syncs the folder: if only that fails, PATH is new, but may not last. */
bool files_commit(const char *path, struct btn_error *e);
/* Both. On failure PATH.new is gone. */
bool files_write(const char *path, const char *text, size_t length, struct btn_error *e);
/* Makes names of files in this folder last. */
bool files_sync_folder(const char *folder, struct btn_error *e);
/* All files and folders from here downwards. */
bool files_sync_tree(const char *folder, struct btn_error *e);
/* rename(), unless there is something at `to`. 0, or an errno. */
int files_move(const char *from, const char *to);
/* The folder with all in it; that it is not there is fine. Links are not followed. */
bool files_remove_tree(const char *folder, struct btn_error *e);
/* Bytes on disk. */
uint64_t files_tree_bytes(const char *folder);
/* A file operation that failed, with why. */
void files_failed(struct btn_error *e, const char *did, const char *path, int error);

#endif
