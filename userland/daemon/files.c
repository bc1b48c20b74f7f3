// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Durable files and folders. See files.h.
 */
#define _GNU_SOURCE /* renameat2 */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void files_failed(struct btn_error *e, const char *did, const char *path, int error)
{
	bool full = error == ENOSPC || error == EDQUOT;

	btn_set(e, full ? BTN_NOT_ENOUGH_DISK : BTN_HOST_CALL_FAILED,
		"\"%.160s\" cannot be %s", path, did);
	btn_set_cause(e, "The host says: %s.", g_strerror(error));
	if (!full)
		btn_set_fix(e, "Look at the permissions of the folder, and at the host's kernel "
			       "log (sudo dmesg) for errors of its disk.");
}

static bool fail(struct btn_error *e, const char *did, const char *path)
{
	files_failed(e, did, path, errno);
	return false;
}

/* ---- files ---- */

/* Reads up to size bytes; -1: errno. */
static ssize_t read_all(int fd, char *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, to + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

char *files_read(const char *what, const char *path, size_t max, size_t *ret_length,
		 struct btn_error *e)
{
	/* Not waiting for somebody to write into a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t length = -1;
	char *text = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		btn_set_file(e, what, path, errno);
	} else if (!S_ISREG(st.st_mode)) {
		btn_set(e, BTN_FILE_NOT_REGULAR, "the %s \"%s\" is no file", what, path);
	} else {
		text = g_malloc(max + 2);
		length = read_all(fd, text, max + 1);
		if (length < 0)
			btn_set_file(e, what, path, errno);
		else if ((size_t)length > max)
			btn_set(e, BTN_BAD_VALUE, "the %s \"%s\" has more than %zu bytes", what,
				path, max);
	}
	if (fd >= 0)
		close(fd);
	if (length < 0 || (size_t)length > max) {
		g_free(text);
		return NULL;
	}
	text[length] = '\0';
	*ret_length = (size_t)length;
	return g_realloc(text, (size_t)length + 1);
}

static bool write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text += n;
		length -= (size_t)n;
	}
	return true;
}

bool files_prepare(const char *path, const char *text, size_t length, struct btn_error *e)
{
	char *new = g_strconcat(path, FILES_NEW, NULL);
	int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && write_all(fd, text, length) && !fsync(fd);

	if (!ok) {
		fail(e, "written", path);
		if (fd >= 0)
			unlink(new);
	}
	if (fd >= 0)
		close(fd);
	g_free(new);
	return ok;
}

/* The folder that a path's last name is in. */
static bool sync_above(const char *path, struct btn_error *e)
{
	char *folder = g_path_get_dirname(path);
	bool ok = files_sync_folder(folder, e);

	g_free(folder);
	return ok;
}

bool files_replace(const char *path, struct btn_error *e)
{
	char *new = g_strconcat(path, FILES_NEW, NULL);
	bool ok = !rename(new, path);

	if (!ok) {
		fail(e, "replaced", path);
		unlink(new);
	}
	g_free(new);
	return ok;
}

bool files_commit(const char *path, struct btn_error *e)
{
	return files_replace(path, e) && sync_above(path, e);
}

bool files_write(const char *path, const char *text, size_t length, struct btn_error *e)
{
	return files_prepare(path, text, length, e) && files_commit(path, e);
}

/* ---- folders ---- */

static bool sync_path(const char *path, struct btn_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool ok = fd >= 0 && !fsync(fd);

	if (!ok)
		fail(e, "written to the disk", path);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool files_sync_folder(const char *folder, struct btn_error *e)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && !fsync(fd);

	if (!ok)
		fail(e, "written to the disk", folder);
	if (fd >= 0)
		close(fd);
	return ok;
}

int files_move(const char *from, const char *to)
{
	struct stat st;

	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* A file system without that: rename() replaces no folder that has something in it. */
	if (!lstat(to, &st))
		return EEXIST;
	return rename(from, to) ? errno : 0;
}

/* fn for each file, and for each folder behind what it holds. Stops when it fails. */
static bool walk(const char *folder, bool (*fn)(FTSENT *entry, struct btn_error *e, void *ctx),
		 void *ctx, struct btn_error *e)
{
	char *const paths[] = { (char *)folder, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *entry;
	bool ok = true;

	if (!fts)
		return fail(e, "read", folder);
	while (ok && (entry = fts_read(fts))) {
		if (entry->fts_info == FTS_D)
			continue;
		if (entry->fts_info == FTS_NS && entry->fts_errno == ENOENT)
			continue; /* gone meanwhile */
		if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
		    entry->fts_info == FTS_NS) {
			files_failed(e, "read", entry->fts_path, entry->fts_errno);
			ok = false;
			break;
		}
		ok = fn(entry, e, ctx);
	}
	fts_close(fts);
	return ok;
}

static bool sync_entry(FTSENT *entry, struct btn_error *e, void *ctx)
{
	(void)ctx;
	/* Sockets and links have nothing to sync but their folder. */
	if (entry->fts_info != FTS_F && entry->fts_info != FTS_DP)
		return true;
	return sync_path(entry->fts_accpath, e);
}

bool files_sync_tree(const char *folder, struct btn_error *e)
{
	return walk(folder, sync_entry, NULL, e);
}

static bool remove_entry(FTSENT *entry, struct btn_error *e, void *ctx)
{
	int ret = entry->fts_info == FTS_DP ? rmdir(entry->fts_accpath) :
		  unlink(entry->fts_accpath);

	(void)ctx;
	return !ret || errno == ENOENT || fail(e, "removed", entry->fts_path);
}

bool files_remove_tree(const char *folder, struct btn_error *e)
{
	return walk(folder, remove_entry, NULL, e);
}

static bool add_entry(FTSENT *entry, struct btn_error *e, void *ctx)
{
	(void)e;
	if (entry->fts_statp)
		*(uint64_t *)ctx += (uint64_t)entry->fts_statp->st_blocks * 512;
	return true;
}

uint64_t files_tree_bytes(const char *folder)
{
	struct btn_error ignored;
	uint64_t bytes = 0;

	walk(folder, add_entry, &bytes, &ignored);
	return bytes;
}
