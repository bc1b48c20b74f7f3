// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See console_log.h. The file may have been renamed, cut or removed by others meanwhile:
 * its size is asked for each time, and a name is only used to begin anew.
 */
#define _GNU_SOURCE /* asprintf */
#include "console_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct console_log {
	int fd;			/* -1: it could not be begun anew */
	char *path, *old_path;
};

/* Not waiting: who names a FIFO gets an error. */
static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		      0600);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return errno == ENXIO ? -EINVAL : -errno;
	if (fstat(fd, &st))
		error = -errno;
	else if (!S_ISREG(st.st_mode))
		error = -EINVAL;
	if (!error)
		return fd;
	close(fd);
	return error;
}

int console_log_open(const char *path, struct console_log **ret_log)
{
	struct console_log *log = calloc(1, sizeof(*log));
	int error = 0;

	if (!log)
		return -ENOMEM;
	log->path = strdup(path);
	if (asprintf(&log->old_path, "%s.1", path) < 0)
		log->old_path = NULL;
	log->fd = log->path && log->old_path ? open_file(path) : -ENOMEM;
	if (log->fd < 0) {
		error = log->fd;
		console_log_close(log);
		return error;
	}
	*ret_log = log;
	return 0;
}

void console_log_close(struct console_log *log)
{
	if (!log)
		return;
	if (log->fd >= 0)
		close(log->fd);
	free(log->old_path);
	free(log->path);
	free(log);
}

/* If it cannot be renamed, what it holds has to go: the size is what was promised. */
static void begin_anew(struct console_log *log)
{
	if (log->fd >= 0 && rename(log->path, log->old_path) && !ftruncate(log->fd, 0))
		return;
	if (log->fd >= 0)
		close(log->fd);
	log->fd = open_file(log->path);
}

static bool has_room(const struct console_log *log, size_t size)
{
	struct stat st;

	return log->fd >= 0 && !fstat(log->fd, &st) && st.st_size <= CONSOLE_LOG_MAX &&
	       size <= CONSOLE_LOG_MAX - (size_t)st.st_size;
}

void console_log_write(struct console_log *log, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	if (!has_room(log, size))
		begin_anew(log);
	if (!has_room(log, size))
		return;
	while (size) {
		ssize_t written = write(log->fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		at += written;
		size -= (size_t)written;
	}
}
