// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clients of the control socket. Each is answered in the order of its requests; one
 * whose answer comes later is not listened to until then. One who does not read its
 * answers or sends a line without end is dropped: nobody waits for a client.
 */
#define _GNU_SOURCE /* accept4, struct ucred */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/control_private.h"
#include "lib/unix_socket.h"

#define RETRY_NS 1000000000u	/* when the host had no descriptor for a client */

static void on_client(void *ctx, int fd, uint32_t events);

/* ---- leaving ---- */

static void close_passed(struct control_client *client)
{
	if (client->passed >= 0)
		close(client->passed);
	client->passed = -1;
}

static void drop_client(struct control_client *client)
{
	if (client->fd < 0)
		return;
	control_leave_screen(client);
	loop_remove_fd(client->control->config.loop, client->fd);
	close(client->fd);
	client->fd = -1;
	close_passed(client);
}

static bool is_needed(const struct control_client *client)
{
	return !client->closed_writing || client->waiting || client->wants_events;
}

/* ---- sending ---- */

/* A line, and a descriptor with it unless that is negative, which is closed. */
static void send_line(struct control_client *client, char *text, size_t length, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { text, length };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	sent = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (fd >= 0)
		close(fd);
	if (sent != (ssize_t)length)
		drop_client(client);
}

void control_event(struct control *control, const char *name)
{
	char text[128];
	struct json_out out;
	int64_t length;

	json_put_start(&out, text, sizeof(text));
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "event", name);
	json_put_close(&out, '}');
	length = json_put_end(&out);
	for (unsigned int i = 0; i < CONTROL_CLIENTS_MAX && length > 0; i++) {
		struct control_client *client = &control->client[i];

		if (client->fd >= 0 && client->wants_events)
			send_line(client, text, (size_t)length, -1);
	}
}

/* ---- requests ---- */

/* The whole lines there are, as far as their answers do not have to wait. */
static void answer_lines(struct control_client *client)
{
	struct control *control = client->control;
	static char reply[CONTROL_REPLY_MAX]; /* the main thread's */
	char *end;

	while (client->fd >= 0 && !client->waiting &&
	       (end = memchr(client->line, '\n', client->length))) {
		uint32_t length = (uint32_t)(end - client->line);
		int fd;
		size_t size = rpc_answer(&control_service, control,
					 (int)(client - control->client), client->line, length,
					 reply, sizeof(reply), &fd);

		client->waiting = !size;
		client->length -= length + 1;
		memmove(client->line, end + 1, client->length);
		if (size)
			send_line(client, reply, size, fd);
	}
	if (!client->length) /* it was of a request that does not take one */
		close_passed(client);
	if (client->fd >= 0 && (client->length == CONTROL_LINE_MAX || !is_needed(client)))
		drop_client(client);
}

/* Not heard until its answer is out; a hang-up is reported all the same. */
static void hush(struct control_client *client)
{
	if (client->fd >= 0 && (client->waiting || client->closed_writing))
		loop_modify_fd(client->control->config.loop, client->fd, 0);
}

void control_start_answer(struct json_out *out, char *text, size_t size)
{
	json_put_start(out, text, size);
	json_put_open(out, NULL, '{');
	json_put_bool(out, "ok", true);
}

void control_finish_answer(struct control_client *client, struct json_out *out, int fd)
{
	int64_t length;

	json_put_close(out, '}');
	length = json_put_end(out);
	client->waiting = false;
	if (length < 0) { /* whoever writes an answer has room for it */
		if (fd >= 0)
			close(fd);
		drop_client(client);
		return;
	}
	send_line(client, out->text, (size_t)length, fd);
	if (client->fd < 0)
		return;
	if (!client->closed_writing)
		loop_modify_fd(client->control->config.loop, client->fd, EPOLLIN);
	answer_lines(client);
	hush(client);
}

/*
 * One descriptor at most comes along: the host closes more, for which there is no room.
 * It waits for the operation that takes it (client.passed); the last one counts.
 */
static ssize_t receive(struct control_client *client)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { client->line + client->length, CONTROL_LINE_MAX - client->length };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)), /* the padding would hold a second */
	};
	ssize_t got = recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = got < 0 ? NULL : CMSG_FIRSTHDR(&message);

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int))) {
		close_passed(client);
		memcpy(&client->passed, CMSG_DATA(c), sizeof(int));
	}
	return got;
}

static void on_client(void *ctx, int fd, uint32_t events)
{
	struct control_client *client = ctx;
	ssize_t got;

	(void)fd;
	if (!(events & EPOLLIN)) {
		drop_client(client);
		return;
	}
	got = receive(client);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		drop_client(client);
		return;
	}
	client->closed_writing = !got;
	client->length += (uint32_t)got;
	answer_lines(client);
	hush(client);
}

/* ---- joining ---- */

/* The socket's mode says the same; this is for a descriptor that was handed on. */
static bool is_welcome(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) &&
	       (peer.uid == geteuid() || !peer.uid);
}

static bool add_client(struct control *control, int fd)
{
	for (unsigned int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct control_client *client = &control->client[i];

		if (client->fd >= 0)
			continue;
		if (loop_add_fd(control->config.loop, fd, EPOLLIN, on_client, client))
			return false;
		/* all but the line, whose pages are not to be touched */
		memset(client, 0, offsetof(struct control_client, line));
		client->control = control;
		client->fd = fd;
		client->passed = -1;
		client->user.input = control->config.input;
		return true;
	}
	return false;
}

static void on_listener(void *ctx, int listener, uint32_t events)
{
	struct control *control = ctx;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0) {
		if (!is_welcome(fd) || !add_client(control, fd))
			close(fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		/* who waits stays there and would be told of all the time */
		loop_modify_fd(control->config.loop, listener, 0);
		loop_timer_arm(control->retry, RETRY_NS);
	}
}

static void on_retry(void *ctx)
{
	struct control *control = ctx;

	loop_modify_fd(control->config.loop, control->listener, EPOLLIN);
}

/* ---- the whole ---- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int listen_on(struct control *control)
{
	struct loop *loop = control->config.loop;

	control->frame = loop_timer_create(loop, control_on_frame, control);
	control->retry = loop_timer_create(loop, on_retry, control);
	if (!control->frame || !control->retry)
		return -ENOMEM;
	control->listener = unix_listen(control->config.options->control, SOCK_STREAM,
					CONTROL_CLIENTS_MAX);
	if (control->listener < 0)
		return control->listener;
	return loop_add_fd(loop, control->listener, EPOLLIN, on_listener, control);
}

int control_create(const struct control_config *config, struct control **ret_control)
{
	struct control *control = calloc(1, sizeof(*control));
	int error;

	if (!control)
		return -ENOMEM;
	control->config = *config;
	control->start_ns = now_ns();
	control->listener = -1;
	for (unsigned int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		control->client[i].fd = control->client[i].passed = -1;
	error = listen_on(control);
	if (error) {
		control_destroy(control);
		return error;
	}
	*ret_control = control;
	return 0;
}

void control_destroy(struct control *control)
{
	if (!control)
		return;
	for (unsigned int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		drop_client(&control->client[i]);
	if (control->listener >= 0) {
		loop_remove_fd(control->config.loop, control->listener);
		unlink(control->config.options->control);
		close(control->listener);
	}
	loop_timer_destroy(control->retry);
	loop_timer_destroy(control->frame);
	free(control);
}

void control_set_board(struct control *control, struct board *board)
{
	control->board = board;
}

void control_machine_ended(struct control *control, enum machine_end how)
{
	static const char *const names[] = {
		[MACHINE_POWEROFF] = "power-off", [MACHINE_RESET] = "reset",
		[MACHINE_TRIPLE_FAULT] = "crashed", [MACHINE_FAILED] = "failed",
		[MACHINE_KILLED] = "killed",
	};

	control->board = NULL;
	control->resets += how == MACHINE_RESET;
	if (how < sizeof(names) / sizeof(names[0]) && names[how])
		control_event(control, names[how]);
}
