// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection to baton-net. See net.h.
 */
#define _GNU_SOURCE /* sendmmsg */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/unix_socket.h"
#include "net/net.h"

#define GREET_MS 3000

struct net_backend {
	int fd;
};

int net_backend_open(const char *path, int fd, struct net_backend **ret)
{
	int own = path ? unix_connect(path, SOCK_SEQPACKET) : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	int size = 4 << 20; /* the host's own limit counts */
	struct net_backend *b;

	if (own < 0)
		return path ? own : -errno;
	b = malloc(sizeof(*b));
	if (!b) {
		close(own);
		return -ENOMEM;
	}
	setsockopt(own, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	b->fd = own;
	*ret = b;
	return 0;
}

void net_backend_close(struct net_backend *b)
{
	if (!b)
		return;
	close(b->fd);
	free(b);
}

int net_backend_fd(const struct net_backend *b)
{
	return b->fd;
}

/* Waits a moment if the socket is full: hellos are few, and must not get lost. */
int net_backend_hello(struct net_backend *b, struct net_port_hello *hello)
{
	struct pollfd p = { .fd = b->fd, .events = POLLOUT };

	hello->marker = NET_PORT_MARKER;
	hello->version = NET_PORT_VERSION;
	hello->error = 0;
	poll(&p, 1, GREET_MS);
	if (send(b->fd, hello, sizeof(*hello), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Before the answer may be as many frames as the socket holds. */
int net_backend_greet(struct net_backend *b, struct net_port_hello *hello)
{
	struct pollfd p = { .fd = b->fd, .events = POLLIN };
	struct net_port_hello answer;
	int error = net_backend_hello(b, hello);
	int64_t end = now_ms() + GREET_MS, left;

	while (!error && (left = end - now_ms()) > 0) {
		ssize_t got;

		if (poll(&p, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		got = recv(b->fd, &answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);
		if (got <= 0)
			return got ? -errno : -ECONNRESET;
		if (got != sizeof(answer) || answer.marker != NET_PORT_MARKER)
			continue;
		if (answer.error)
			return -(int)answer.error;
		if (answer.version != NET_PORT_VERSION)
			return -EPROTO;
		*hello = answer;
		return 0;
	}
	return error ? error : -ETIMEDOUT;
}

static int judge(int count)
{
	if (count >= 0)
		return count;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -errno;
}

int net_backend_send(struct net_backend *b, struct mmsghdr *messages, unsigned int count)
{
	return judge(sendmmsg(b->fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* An empty message is the end of the connection: none of the protocol's is. */
int net_backend_receive(struct net_backend *b, struct mmsghdr *messages, unsigned int count)
{
	int got = judge(recvmmsg(b->fd, messages, count, MSG_DONTWAIT, NULL));

	return got > 0 && !messages[0].msg_len ? -ECONNRESET : got;
}
