/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up server of JSON lines for tests of the daemon's clients: each connection gets
 * a thread that does what the test says, blocking, while the test runs the main loop.
 */
#ifndef BATON_TESTS_DAEMON_SERVER_H
#define BATON_TESTS_DAEMON_SERVER_H

#include <dirent.h>
#include <errno.h>
#include <glib-unix.h>
#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/unix_socket.h"

#define SERVER_CONNECTIONS 64
#define SERVER_WAIT_S 20

/* cmocka's checks belong to the main thread. */
#define SERVER_MUST(c) do { if (!(c)) { \
	fprintf(stderr, "%s:%d: server: %s\n", __FILE__, __LINE__, #c); abort(); } } while (0)

struct server;

/* index: of the connection, in order of accept(). fd is closed when it returns. */
typedef void (*server_fn)(struct server *server, unsigned int index, int fd);

struct server {
	char path[96];
	server_fn serve;
	int listener;
	pthread_t acceptor, thread[SERVER_CONNECTIONS];
	int fd[SERVER_CONNECTIONS];
	unsigned int count;
};

struct server_job {
	struct server *server;
	unsigned int index;
};

static inline void *server_connection(void *data)
{
	struct server_job job = *(struct server_job *)data;

	free(data);
	job.server->serve(job.server, job.index, job.server->fd[job.index]);
	shutdown(job.server->fd[job.index], SHUT_RDWR);
	return NULL;
}

static inline void *server_accept(void *data)
{
	struct server *s = data;
	int fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
		struct server_job *job = malloc(sizeof(*job));

		SERVER_MUST(s->count < SERVER_CONNECTIONS);
		*job = (struct server_job) { s, s->count };
		s->fd[s->count] = fd;
		SERVER_MUST(!pthread_create(&s->thread[s->count], NULL, server_connection, job));
		s->count++;
	}
	return NULL;
}

static inline void server_start(struct server *s, server_fn serve)
{
	s->serve = serve;
	s->count = 0;
	s->listener = unix_listen(s->path, SOCK_STREAM, 16);
	SERVER_MUST(s->listener >= 0);
	/* accept() is to block */
	SERVER_MUST(!fcntl(s->listener, F_SETFL, 0));
	SERVER_MUST(!pthread_create(&s->acceptor, NULL, server_accept, s));
}

/* Hangs up on everybody. */
static inline void server_stop(struct server *s)
{
	shutdown(s->listener, SHUT_RDWR);
	pthread_join(s->acceptor, NULL);
	for (unsigned int i = 0; i < s->count; i++)
		shutdown(s->fd[i], SHUT_RDWR);
	for (unsigned int i = 0; i < s->count; i++) {
		pthread_join(s->thread[i], NULL);
		close(s->fd[i]);
	}
	close(s->listener);
	unlink(s->path);
}

/* The next line, without its end; false: the client has gone. */
static inline bool server_read(int fd, char *line, size_t size, int *ret_fd)
{
	size_t length = 0;

	if (ret_fd)
		*ret_fd = -1;
	while (length < size) {
		union {
			char bytes[CMSG_SPACE(sizeof(int))];
			struct cmsghdr align;
		} control;
		struct iovec iov = { line + length, 1 };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				    .msg_controllen = sizeof(control) };

		if (recvmsg(fd, &m, MSG_CMSG_CLOEXEC) != 1)
			return false;
		if (m.msg_controllen && CMSG_FIRSTHDR(&m) && ret_fd)
			memcpy(ret_fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
		if (line[length] == '\n') {
			line[length] = 0;
			return true;
		}
		length++;
	}
	return false;
}

/* As many descriptors as count says go with the first byte. */
static inline void server_send_fds(int fd, const char *text, size_t length, const int *fds,
				   unsigned int count)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec iov = { (char *)text, length };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, count * sizeof(int));
	}
	/* The client may have hung up already. */
	(void)!sendmsg(fd, &m, MSG_NOSIGNAL);
}

static inline void server_send(int fd, const char *text)
{
	server_send_fds(fd, text, strlen(text), NULL, 0);
}

/* ---- the test's own side ---- */

static inline gboolean server_too_late(gpointer data)
{
	(void)data;
	fprintf(stderr, "waited %d s for nothing\n", SERVER_WAIT_S);
	abort();
}

/* Runs the main loop until *value is at least wanted. */
static inline void run_until(const unsigned int *value, unsigned int wanted)
{
	guint guard = g_timeout_add_seconds(SERVER_WAIT_S, server_too_late, NULL);

	while (*value < wanted)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(guard);
}

/* Descriptors of this process, for tests that nothing is left open. */
static inline unsigned int count_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

#endif
