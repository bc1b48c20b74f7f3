// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See unix_socket.h.
 */
#include "lib/unix_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool set_path(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un) { .sun_family = AF_UNIX };
	if (!*path || strlen(path) >= sizeof(address->sun_path))
		return false;
	strcpy(address->sun_path, path);
	return true;
}

/* What a program that was killed leaves behind. */
static bool is_stale(const struct sockaddr_un *address, int type)
{
	struct stat st;
	bool refused;
	int fd;

	if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address, int type, int backlog)
{
	const struct sockaddr *any = (const struct sockaddr *)address;

	if (fchmod(fd, 0600)) /* before bind(): this mode becomes the file's */
		return -errno;
	if (bind(fd, any, sizeof(*address))) {
		if (errno != EADDRINUSE || !is_stale(address, type))
			return -errno;
		if (unlink(address->sun_path) || bind(fd, any, sizeof(*address)))
			return -errno;
	}
	return listen(fd, backlog) ? -errno : 0;
}

int unix_listen(const char *path, int type, int backlog)
{
	struct sockaddr_un address;
	int fd, error;

	if (!set_path(&address, path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	error = bind_and_listen(fd, &address, type, backlog);
	if (!error)
		return fd;
	close(fd);
	return error;
}

int unix_connect(const char *path, int type)
{
	struct sockaddr_un address;
	int fd, error;

	if (!set_path(&address, path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = -errno;
	close(fd);
	return error;
}
