// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes files in whole. See save.h.
 */
#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/block/file.h"

int save_folder_of(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	error = fsync(fd) ? -errno : 0;
	close(fd);
	return error;
}

static int write_new(const char *path, const void *data, size_t size, mode_t mode)
{
	int fd, error;

	if (unlink(path) && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	error = file_write(fd, data, size, 0);
	if (!error && fsync(fd))
		error = -errno;
	close(fd);
	if (error)
		unlink(path);
	return error;
}

int save_file(const char *path, const void *data, size_t size, mode_t mode)
{
	g_autofree char *temporary = g_strconcat(path, ".new", NULL);
	int error = write_new(temporary, data, size, mode);

	if (error)
		return error;
	if (rename(temporary, path)) {
		error = -errno;
		unlink(temporary);
		return error;
	}
	return save_folder_of(path);
}
