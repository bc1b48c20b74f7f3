// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-netpeer: both ends of the suite's TCP connections, in guests and in the
 * host, and a client of control sockets. What it sends is different in each
 * connection and at each place in it, and what comes back is compared to it.
 *
 *   serve PORT                            answer each connection with what it says
 *   echo HOST PORT COUNT AT-ONCE BYTES    COUNT connections, AT-ONCE of them open
 *   ask SOCKET REQUEST...                 each request's answer, a line each
 */
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHUNK 16384u
#define SILENCE_MS 20000	/* a connection on which nothing happens has failed */
#define AT_ONCE_MAX 256
#define STACK (128u << 10)

static int failed(const char *what)
{
	fprintf(stderr, "netpeer: %s: %s\n", what, strerror(errno));
	return 1;
}

static bool send_all(int fd, const uint8_t *from, size_t size)
{
	while (size) {
		ssize_t sent = send(fd, from, size, MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		from += sent;
		size -= (size_t)sent;
	}
	return true;
}

/* ---- serve ---- */

static void *answer(void *ctx)
{
	int fd = (int)(intptr_t)ctx;
	uint8_t buffer[CHUNK];
	ssize_t got;

	while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		if (!send_all(fd, buffer, (size_t)got))
			break;
	close(fd);
	return NULL;
}

static int listen_at(const char *port)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *at;
	int fd, on = 1;

	if (getaddrinfo(NULL, port, &hints, &at))
		return -1;
	fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0 && (bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, SOMAXCONN))) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(at);
	return fd;
}

static int serve(const char *port)
{
	int listener = listen_at(port), fd;
	pthread_attr_t attr;
	pthread_t thread;

	if (listener < 0)
		return failed("listen");
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	puts("netpeer: serving");
	fflush(stdout);
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		if (pthread_create(&thread, &attr, answer, (void *)(intptr_t)fd))
			close(fd);
	return failed("accept");
}

/* ---- echo ---- */

struct connection {
	int fd;			/* -1: none */
	uint32_t seed;
	size_t sent, received;
	bool connected;
};

struct plan {
	struct addrinfo *at;
	unsigned int count, at_once, started, done;
	size_t bytes;
	struct connection c[AT_ONCE_MAX];
	struct pollfd p[AT_ONCE_MAX];
};

static uint8_t byte_at(uint32_t seed, size_t offset)
{
	return (uint8_t)((seed * 2654435761u + (uint32_t)offset * 40503u) >> 13);
}

static bool begin(struct plan *plan, struct connection *c)
{
	*c = (struct connection){ .seed = ++plan->started };
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return c->fd >= 0 && (!connect(c->fd, plan->at->ai_addr, plan->at->ai_addrlen) ||
			      errno == EINPROGRESS);
}

static bool send_some(const struct plan *plan, struct connection *c)
{
	size_t size = plan->bytes - c->sent;
	uint8_t buffer[CHUNK];
	ssize_t sent;

	if (size > CHUNK)
		size = CHUNK;
	for (size_t i = 0; i < size; i++)
		buffer[i] = byte_at(c->seed, c->sent + i);
	sent = send(c->fd, buffer, size, MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN;
	c->sent += (size_t)sent;
	return c->sent < plan->bytes || !shutdown(c->fd, SHUT_WR);
}

/* False: it is over, well (all is back, and then the end) or not. */
static bool receive_some(struct connection *c)
{
	uint8_t buffer[CHUNK];
	ssize_t got = recv(c->fd, buffer, sizeof(buffer), 0);

	if (got < 0 && errno == EAGAIN)
		return true;
	for (ssize_t i = 0; i < got; i++)
		if (buffer[i] != byte_at(c->seed, c->received + (size_t)i)) {
			errno = EILSEQ;
			c->received = SIZE_MAX;
			return false;
		}
	if (got > 0)
		c->received += (size_t)got;
	return got > 0;
}

static bool turn(struct plan *plan, struct connection *c, short events)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (!c->connected) {
		c->connected = true;
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		errno = error;
		if (error)
			return false;
	}
	if (events & POLLOUT && !send_some(plan, c))
		return false;
	if (!(events & (POLLIN | POLLHUP | POLLERR)) || receive_some(c))
		return true;
	if (c->received != plan->bytes)
		return false;
	plan->done++;
	close(c->fd);
	c->fd = -1;
	return true;
}

static short wanted(const struct plan *plan, const struct connection *c)
{
	return (short)(POLLIN | (!c->connected || c->sent < plan->bytes ? POLLOUT : 0));
}

/* One more look at all of them. */
static bool look(struct plan *plan)
{
	for (unsigned int i = 0; i < plan->at_once; i++) {
		struct connection *c = &plan->c[i];

		if (c->fd < 0 && plan->started < plan->count && !begin(plan, c))
			return false;
		plan->p[i] = (struct pollfd){ .fd = c->fd, .events = wanted(plan, c) };
	}
	errno = ETIMEDOUT;
	if (poll(plan->p, plan->at_once, SILENCE_MS) <= 0)
		return false;
	for (unsigned int i = 0; i < plan->at_once; i++)
		if (plan->p[i].revents && !turn(plan, &plan->c[i], plan->p[i].revents))
			return false;
	return true;
}

static int echo(char **argument)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	static struct plan plan;

	plan.count = (unsigned int)strtoul(argument[2], NULL, 10);
	plan.at_once = (unsigned int)strtoul(argument[3], NULL, 10);
	plan.bytes = strtoul(argument[4], NULL, 10);
	if (!plan.count || !plan.at_once || plan.at_once > AT_ONCE_MAX || !plan.bytes)
		return 2;
	if (getaddrinfo(argument[0], argument[1], &hints, &plan.at)) {
		fprintf(stderr, "netpeer: no address of %s\n", argument[0]);
		return 1;
	}
	for (unsigned int i = 0; i < AT_ONCE_MAX; i++)
		plan.c[i].fd = -1;
	while (plan.done < plan.count)
		if (!look(&plan)) {
			fprintf(stderr, "netpeer: after %u connections: %s\n", plan.done,
				strerror(errno));
			return 1;
		}
	printf("netpeer: %u connections, %zu bytes each, compared\n", plan.done, plan.bytes);
	return 0;
}

/* ---- ask ---- */

static bool ask_one(FILE *stream, int fd, const char *request)
{
	char line[65536];

	if (!send_all(fd, (const uint8_t *)request, strlen(request)) ||
	    !send_all(fd, (const uint8_t *)"\n", 1) || !fgets(line, sizeof(line), stream))
		return false;
	fputs(line, stdout);
	return true;
}

static int ask(char **argument)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *stream;

	if (snprintf(at.sun_path, sizeof(at.sun_path), "%s", argument[0]) >=
	    (int)sizeof(at.sun_path))
		return 2;
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return failed(argument[0]);
	stream = fdopen(fd, "r");
	for (unsigned int i = 1; stream && argument[i]; i++)
		if (!ask_one(stream, fd, argument[i]))
			return failed(argument[i]);
	return stream ? 0 : failed("fdopen");
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 7 && !strcmp(argv[1], "echo"))
		return echo(argv + 2);
	if (argc >= 4 && !strcmp(argv[1], "ask"))
		return ask(argv + 2);
	fputs("usage: baton-netpeer serve PORT | echo HOST PORT COUNT AT-ONCE BYTES | "
	      "ask SOCKET REQUEST...\n", stderr);
	return 2;
}
