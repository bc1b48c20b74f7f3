// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See unix_listen.h.
 */
#include "lib/unix_listen.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* What a program that was killed leaves behind. */
static bool is_stale(const struct sockaddr_un *address)
{
	struct stat st;
	bool refused;
	int fd;

	if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = new_socket();
	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
		  errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address, int backlog)
{
	const struct sockaddr *any = (const struct sockaddr *)address;

	if (fchmod(fd, 0600)) /* before bind(): this mode becomes the file's */
		return -errno;
	if (bind(fd, any, sizeof(*address))) {
		if (errno != EADDRINUSE || !is_stale(address))
			return -errno;
		if (unlink(address->sun_path) || bind(fd, any, sizeof(*address)))
			return -errno;
	}
	return listen(fd, backlog) ? -errno : 0;
}

int unix_listen(const char *path, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = new_socket();
	if (fd < 0)
		return -errno;
	error = bind_and_listen(fd, &address, backlog);
	if (!error)
		return fd;
	close(fd);
	return error;
}
