// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See sockets.h; sd_listen_fds(3) for the protocol.
 */
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/unix_socket.h"

#define FIRST_FD 3
#define FDS_MAX 16
#define BACKLOG 64

static int passed_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	long fds;

	if (!pid || !count || strtol(pid, NULL, 10) != getpid())
		return 0;
	fds = strtol(count, NULL, 10);
	return fds < 0 || fds > FDS_MAX ? 0 : (int)fds;
}

int sockets_passed(const char *path)
{
	struct sockaddr_un address;
	int count = passed_count();

	for (int fd = FIRST_FD; fd < FIRST_FD + count; fd++) {
		socklen_t size = sizeof(address);

		memset(&address, 0, sizeof(address));
		if (getsockname(fd, (struct sockaddr *)&address, &size) ||
		    address.sun_family != AF_UNIX ||
		    strncmp(address.sun_path, path, sizeof(address.sun_path)))
			continue;
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		return fd;
	}
	return -1;
}

int sockets_listen(const char *path, struct btn_error *e)
{
	int fd = sockets_passed(path);

	if (fd < 0)
		fd = unix_listen(path, SOCK_STREAM, BACKLOG);
	if (fd >= 0)
		return fd;
	if (fd == -EADDRINUSE) {
		btn_set_default(e, BTN_DAEMON_RUNNING);
		btn_set_cause(e, "Somebody listens at %.300s.", path);
		return -1;
	}
	btn_set(e, BTN_DAEMON_FAILED, "the socket \"%.200s\" cannot be made", path);
	btn_set_cause(e, "The host says: %s.", strerror(-fd));
	return -1;
}
