// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See rpc_client.h. The server is not trusted: its answer is bounded and parsed as a
 * stranger's.
 */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC */
#include "lib/rpc_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/unix_socket.h"

int rpc_connect(const char *path)
{
	return unix_connect(path, SOCK_STREAM);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void keep_fd(struct msghdr *message, int *ret_fd)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(message);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (*ret_fd >= 0)
		close(*ret_fd);
	*ret_fd = fd;
}

/* As recv(), and takes a descriptor that comes along; the host closes any more of them. */
static ssize_t receive(int fd, char *to, size_t size, int *ret_fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { to, size };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)), /* the padding would hold a second */
	};
	ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

	if (got > 0)
		keep_fd(&message, ret_fd);
	return got;
}

/* The first line of text[0 .. length) is the answer; its length, 0: it has not all come. */
static size_t take_line(struct rpc_answer *answer, size_t length)
{
	const char *end = memchr(answer->text, '\n', length);
	size_t size = end ? (size_t)(end - answer->text) : 0;

	if (!end)
		return 0;
	memcpy(answer->raw, answer->text, size);
	answer->raw[size] = 0;
	answer->rest = end + 1;
	answer->rest_length = length - size - 1;
	return size + 1;
}

static bool read_line(int fd, int timeout_ms, struct rpc_answer *answer, size_t *ret_length)
{
	int64_t end = now_ms() + timeout_ms;
	size_t length = 0;

	while (length < sizeof(answer->text)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - now_ms();
		ssize_t got;

		if (timeout_ms >= 0 && (left < 0 || poll(&p, 1, (int)left) == 0))
			return false;
		got = receive(fd, answer->text + length, sizeof(answer->text) - length,
			      &answer->fd);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return false;
		length += (size_t)got;
		*ret_length = take_line(answer, length);
		if (*ret_length)
			return true;
	}
	return false;
}

void rpc_read_error(const struct json_node *answer, enum btn_code fallback, struct btn_error *e)
{
	const char *code, *text;
	int number = 0;

	if (json_get_string(answer, "code", &code) && !strncmp(code, "BTN-", 4))
		number = atoi(code + 4);
	btn_set_default(e, btn_lookup((enum btn_code)number) ? (enum btn_code)number : fallback);
	if (json_get_string(answer, "message", &text))
		btn_set(e, e->code, "%s", text);
	if (json_get_string(answer, "cause", &text))
		btn_set_cause(e, "%s", text);
	if (json_get_string(answer, "fix", &text))
		btn_set_fix(e, "%s", text);
}

static bool exchange(int fd, struct json_out *out, int timeout_ms, struct rpc_answer *answer,
		     bool *ret_ok)
{
	int64_t size = json_put_end(out);
	size_t length;

	answer->fd = -1;
	answer->late = false;
	answer->rest_length = 0;
	answer->node[0].type = JSON_NULL;
	if (size <= 0 || send(fd, out->text, (size_t)size, MSG_NOSIGNAL) != size)
		return false;
	answer->late = !read_line(fd, timeout_ms, answer, &length);
	return !answer->late &&
	       !json_read(answer->text, length, answer->node, RPC_ANSWER_NODES, NULL) &&
	       json_get_bool(answer->node, "ok", ret_ok);
}

bool rpc_ask(int fd, struct json_out *out, int timeout_ms, struct rpc_answer *answer,
	     enum btn_code unanswered, const char *sentence, struct btn_error *e)
{
	bool ok = false;

	if (exchange(fd, out, timeout_ms, answer, &ok) && ok)
		return true;
	if (answer->fd >= 0)
		close(answer->fd);
	answer->fd = -1;
	btn_set(e, unanswered, "%s", sentence);
	if (!ok && answer->node[0].type == JSON_OBJECT)
		rpc_read_error(answer->node, unanswered, e);
	return false;
}
