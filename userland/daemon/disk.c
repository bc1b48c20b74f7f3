// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Disks of VMs. See disk.h.
 */
#define _GNU_SOURCE
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/block/file.h"
#include "save.h"

static int sync_disk(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), error;

	if (fd < 0)
		return -errno;
	error = fsync(fd) ? -errno : 0;
	close(fd);
	return error ? error : save_folder_of(path);
}

static bool failed(const char *path, int error, struct btn_error *e)
{
	btn_set(e, error == -ENOSPC || error == -EDQUOT ? BTN_DISK_NO_SPACE : BTN_DISK_FAILED,
		"the disk \"%s\" cannot be written", path);
	btn_set_cause(e, "The host says: %s.", strerror(-error));
	return false;
}

/* What the file system cannot do is no failure: the disk grows as it is written. */
static int take_space(const char *path, uint64_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), error = 0;

	if (fd < 0)
		return -errno;
	if (size && fallocate(fd, 0, 0, (off_t)size) && errno != EOPNOTSUPP && errno != ENOSYS)
		error = -errno;
	close(fd);
	return error;
}

bool disk_create(const struct image_create *what, uint64_t allocate, struct btn_error *e)
{
	int error = 0;

	if (!image_create(what, e))
		return false;
	if (what->raw)
		error = take_space(what->path, allocate < what->size ? allocate : what->size);
	if (!error)
		error = sync_disk(what->path);
	if (!error)
		return true;
	unlink(what->path);
	return failed(what->path, error, e);
}

/* What the file system copies by itself, it does without reading it; else through memory. */
static int copy_piece(int from, int to, off_t at, size_t size)
{
	static const size_t step = 1 << 20;
	loff_t in = at, out = at;
	ssize_t got = 1;
	char *buffer;
	int error;

	while (size && (got = copy_file_range(from, &in, to, &out, size, 0)) > 0)
		size -= (size_t)got;
	if (!size)
		return 0;
	at = in;
	buffer = malloc(step);
	error = buffer ? 0 : -ENOMEM;
	while (!error && size) {
		size_t part = size < step ? size : step;

		error = file_read(from, buffer, part, (uint64_t)at);
		if (!error)
			error = file_write(to, buffer, part, (uint64_t)at);
		at += (off_t)part;
		size -= part;
	}
	free(buffer);
	return error;
}

/* The data between the holes. */
static int copy_data(int from, int to, uint64_t size)
{
	off_t at = 0, end = 0;
	int error = ftruncate(to, (off_t)size) ? -errno : 0;

	while (!error && (uint64_t)end < size) {
		at = lseek(from, end, SEEK_DATA);
		if (at < 0 && errno == ENXIO)
			break;
		if (at < 0)
			return -errno;
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0)
			return -errno;
		error = copy_piece(from, to, at, (size_t)(end - at));
	}
	return error;
}

/* Under a name that pools do not show, then under its own, unless there is one by then. */
static int copy_to(int from, uint64_t size, const char *to)
{
	char part[PATH_MAX];
	int fd, error;

	if ((size_t)snprintf(part, sizeof(part), "%.*s/" DISK_COPY_PREFIX "XXXXXX",
			     (int)(strrchr(to, '/') - to), to) >= sizeof(part))
		return -ENAMETOOLONG;
	fd = mkostemp(part, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = copy_data(from, fd, size);
	if (!error && fsync(fd))
		error = -errno;
	close(fd);
	if (!error && renameat2(AT_FDCWD, part, AT_FDCWD, to, RENAME_NOREPLACE))
		error = -errno;
	if (error)
		unlink(part);
	return error ? error : save_folder_of(to);
}

bool disk_copy(const char *from, const char *to, struct btn_error *e)
{
	uint64_t size;
	int fd, error;

	if (!image_file_open(from, -1, true, &fd, &size, e))
		return false;
	error = copy_to(fd, size, to);
	image_file_close(fd);
	if (error != -EEXIST)
		return !error || failed(to, error, e);
	btn_set(e, BTN_DISK_EXISTS, "there is a file \"%s\" already", to);
	return false;
}

bool disk_grow(const char *path, bool raw, uint64_t size, bool allocate, struct btn_error *e)
{
	int error = 0;

	if (!image_resize(path, raw ? "raw" : "qcow2", size, e))
		return false;
	if (raw && allocate)
		error = take_space(path, size);
	if (!error)
		error = sync_disk(path);
	return !error || failed(path, error, e);
}

/* By whoever reads it alone, too. */
static bool check_unlocked(int fd, const char *path, struct btn_error *e)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type == F_UNLCK)
		return true;
	btn_set(e, BTN_DISK_BUSY, "the disk \"%s\" is in use", path);
	return false;
}

bool disk_remove(const char *path, struct btn_error *e)
{
	bool readonly = access(path, W_OK) != 0;
	uint64_t size;
	int fd, error;

	/* Whoever uses it has its lock. One that may not be written can still be removed. */
	if (!image_file_open(path, -1, readonly, &fd, &size, e))
		return false;
	/* Our own lock does not count. */
	if (readonly && !check_unlocked(fd, path, e)) {
		image_file_close(fd);
		return false;
	}
	error = unlink(path) ? -errno : save_folder_of(path);
	image_file_close(fd);
	if (!error)
		return true;
	btn_set(e, BTN_DISK_FAILED, "the disk \"%s\" cannot be removed", path);
	btn_set_cause(e, "The host says: %s.", strerror(-error));
	return false;
}

bool disk_create_overlay(const char *path, const char *base, const char *base_format,
			 uint64_t size, struct btn_error *e)
{
	struct image_create what = { .path = path, .size = size, .backing = base,
				     .backing_format = base_format };
	struct image_info info;

	if (!image_info(base, base_format, &info, e))
		return false;
	if (size && size < info.size) {
		btn_set(e, BTN_DISK_SHRINK, "the disk \"%s\" would be too small", path);
		btn_set_cause(e, "It starts as \"%.200s\", which has %llu bytes; %llu were asked "
			      "for.", base, (unsigned long long)info.size,
			      (unsigned long long)size);
		btn_set_fix(e, "Ask for at least that much, or name no size.");
		return false;
	}
	return disk_create(&what, 0, e);
}

bool disk_create_empty(const char *path, uint64_t size, struct btn_error *e)
{
	struct image_create what = { .path = path, .size = size };

	return disk_create(&what, 0, e);
}
