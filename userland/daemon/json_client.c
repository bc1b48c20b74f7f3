// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See json_client.h. Hooks and answers may free the client or ask again, so every entry from
 * the main loop holds a reference, and nobody is called from within a call of theirs
 * but json_client_free(): errors are told from an idle source.
 *
 * A descriptor belongs to the line with the last byte of what recvmsg() has returned: the
 * kernel ends a read behind the message that carried it, and a server sends a line at once.
 */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC, struct ucred */
#include "json_client.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/rpc_client.h"
#include "lib/unix_socket.h"

#define ROOM_MIN 4096u		/* of a read */
#define ROOM_MAX 65536u
#define RETRY_MAX_MS 20u	/* between two tries to connect */
#define BUSY_MS 5000u		/* for a listener whose queue is full */
#define DRAIN_ROUNDS 64u

struct request {
	char *text;
	size_t length, sent;
	int fd;
	json_client_answer_fn fn;
	void *ctx;
};

struct json_client {
	unsigned int refs;
	char *path, *what;
	enum btn_code code;
	struct json_client_hooks hooks;
	void *ctx;
	gint64 start_us;
	unsigned int wait_ms, retry_ms, timeout_ms;
	int fd;			/* -1: not connected */
	bool connected;		/* or was */
	bool ended, told, freed, cut;	/* cut: nothing can be sent any more */
	guint connect_source, in_source, out_source, idle_source, timeout_source;
	GQueue unsent, waiting, refused;	/* struct request */
	size_t queued;		/* bytes of unsent */
	char *in;
	size_t in_size, in_length;
	int got_fd;		/* -1, or came with the byte in[got_at] */
	size_t got_at;
	struct btn_error error;	/* why it has ended */
};

static void unref(struct json_client *c)
{
	if (--c->refs)
		return;
	g_free(c->path);
	g_free(c->what);
	g_free(c->in);
	g_free(c);
}

static void remove_source(guint *source)
{
	if (*source)
		g_source_remove(*source);
	*source = 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- the end ---- */

static void hang_up(struct json_client *c)
{
	remove_source(&c->connect_source);
	remove_source(&c->in_source);
	remove_source(&c->out_source);
	remove_source(&c->timeout_source);
	close_fd(&c->fd);
	close_fd(&c->got_fd);
}

static void answer(struct request *r, const struct json_node *node, int fd,
		   const struct btn_error *e)
{
	if (r->fn)
		r->fn(node, fd, e, r->ctx);
	else
		close_fd(&fd);
	close_fd(&r->fd);
	g_free(r->text);
	g_free(r);
}

static void fail_all(GQueue *queue, const struct btn_error *e)
{
	struct request *r;

	while ((r = g_queue_pop_head(queue)))
		answer(r, NULL, -1, e);
}

/* Before the end there can be refused requests only: too many of them were open. */
static void set_refused(const struct json_client *c, struct btn_error *e)
{
	if (c->ended) {
		*e = c->error;
		return;
	}
	btn_set(e, c->code, "%s does not answer", c->what);
	btn_set_cause(e, "Too many requests wait for an answer already.");
}

static gboolean on_idle(gpointer data)
{
	struct json_client *c = data;
	struct btn_error e;

	c->refs++;
	c->idle_source = 0;
	set_refused(c, &e);
	if (c->ended) {
		fail_all(&c->waiting, &e);
		fail_all(&c->unsent, &e);
	}
	fail_all(&c->refused, &e);
	if (c->ended && !c->told && !c->freed) {
		c->told = true;
		if (c->hooks.gone)
			c->hooks.gone(&e, c->ctx);
	}
	unref(c);
	return G_SOURCE_REMOVE;
}

static void tell_later(struct json_client *c)
{
	if (!c->idle_source && !c->freed)
		c->idle_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_idle, c, NULL);
}

/* error: an errno, or 0 and `cause`. */
static void end(struct json_client *c, int error, const char *cause)
{
	if (c->ended)
		return;
	c->ended = true;
	btn_set(&c->error, c->code, "%s does not answer", c->what);
	if (error)
		btn_set_cause(&c->error, "The host says: %s.", g_strerror(error));
	else
		btn_set_cause(&c->error, "%s", cause);
	hang_up(c);
	tell_later(c);
}

/* ---- time ---- */

static gboolean on_timeout(gpointer data)
{
	struct json_client *c = data;

	c->timeout_source = 0;
	end(c, 0, c->fd < 0 ? "Nobody listens at its socket." : "It took too long.");
	return G_SOURCE_REMOVE;
}

/* Anew with each answer: it is the oldest open request's. */
static void arm_timeout(struct json_client *c)
{
	remove_source(&c->timeout_source);
	if (c->timeout_ms && !c->ended && (c->waiting.length || c->unsent.length))
		c->timeout_source = g_timeout_add(c->timeout_ms, on_timeout, c);
}

void json_client_set_timeout(struct json_client *client, unsigned int timeout_ms)
{
	client->timeout_ms = timeout_ms;
	arm_timeout(client);
}

/* ---- sending ---- */

static ssize_t send_some(struct json_client *c, struct request *r)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = { 0 } };
	struct iovec iov = { r->text + r->sent, r->length - r->sent };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (r->fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &r->fd, sizeof(int));
	}
	return sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data);

static void send_all(struct json_client *c)
{
	struct request *r;

	while (c->fd >= 0 && !c->cut && (r = g_queue_peek_head(&c->unsent))) {
		ssize_t sent = send_some(c, r);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN) {
			if (!c->out_source)
				c->out_source = g_unix_fd_add(c->fd, G_IO_OUT, on_writable, c);
			return;
		}
		/* What it has said before it hung up is read, and then its end. */
		c->cut = sent < 0;
		if (c->cut)
			break;
		close_fd(&r->fd);
		r->sent += (size_t)sent;
		c->queued -= (size_t)sent;
		if (r->sent == r->length)
			g_queue_push_tail(&c->waiting, g_queue_pop_head(&c->unsent));
	}
	remove_source(&c->out_source);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)condition;
	send_all(data);
	return G_SOURCE_CONTINUE;
}

void json_client_ask(struct json_client *client, const char *op, const char *members, int fd,
		     json_client_answer_fn fn, void *ctx)
{
	struct request *r = g_new0(struct request, 1);

	r->text = g_strdup_printf("{\"op\":\"%s\"%s%s}\n", op, members && *members ? "," : "",
				  members ? members : "");
	r->length = strlen(r->text);
	/* A line feed between members would begin another request. */
	for (size_t i = 0; i + 1 < r->length; i++)
		if (r->text[i] == '\n')
			r->text[i] = ' ';
	r->fd = fd;
	r->fn = fn;
	r->ctx = ctx;
	if (client->freed) {
		answer(r, NULL, -1, &client->error);
		return;
	}
	if (client->ended || client->queued + r->length > JSON_CLIENT_QUEUED_MAX ||
	    client->waiting.length + client->unsent.length >= JSON_CLIENT_REQUESTS_MAX) {
		g_queue_push_tail(&client->refused, r);
		tell_later(client);
		return;
	}
	client->queued += r->length;
	g_queue_push_tail(&client->unsent, r);
	send_all(client);
	if (!client->timeout_source)
		arm_timeout(client);
}

/* ---- receiving ---- */

static void take_answer(struct json_client *c, const struct json_node *node, int fd)
{
	struct request *r = g_queue_pop_head(&c->waiting);
	struct btn_error e;
	bool ok;

	if (!r || !json_get_bool(node, "ok", &ok)) {
		if (r)
			g_queue_push_head(&c->waiting, r);
		close_fd(&fd);
		end(c, 0, "It answers what was not asked.");
		return;
	}
	arm_timeout(c);
	if (ok) {
		answer(r, node, fd, NULL);
		return;
	}
	close_fd(&fd);
	rpc_read_error(node, c->code, &e);
	answer(r, NULL, -1, &e);
}

static void take_line(struct json_client *c, char *line, size_t length, int fd)
{
	size_t max = MIN(length / 2 + 2, JSON_CLIENT_NODES_MAX);
	struct json_node *node = g_new(struct json_node, max);
	const char *name;

	if (json_read(line, length, node, max, NULL) || node->type != JSON_OBJECT) {
		end(c, 0, "What it sends cannot be understood.");
	} else if (json_member(node, "ok")) {
		take_answer(c, node, fd);
		fd = -1;
	} else if (json_get_string(node, "event", &name)) {
		if (c->hooks.event)
			c->hooks.event(name, node, c->ctx);
	} else {
		end(c, 0, "What it sends is neither an answer nor an event.");
	}
	close_fd(&fd);
	g_free(node);
}

/* `fresh`: where what has come last begins; before it there is no line feed. */
static void take_lines(struct json_client *c, size_t fresh)
{
	size_t from = 0;
	char *stop;

	while (!c->ended && (stop = memchr(c->in + fresh, '\n', c->in_length - fresh))) {
		size_t length = (size_t)(stop - c->in) - from;
		int fd = -1;

		if (c->got_fd >= 0 && c->got_at <= from + length) {
			fd = c->got_fd;
			c->got_fd = -1;
		}
		take_line(c, c->in + from, length, fd);
		from += length + 1;
		fresh = from;
	}
	c->in_length -= from;
	memmove(c->in, c->in + from, c->in_length);
	c->got_at -= from;
	if (!c->ended && c->in_length > JSON_CLIENT_LINE_MAX)
		end(c, 0, "It sends a line without end.");
}

static void keep_fd(struct json_client *c, struct msghdr *message)
{
	struct cmsghdr *m = CMSG_FIRSTHDR(message);

	if (!m || m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS ||
	    m->cmsg_len != CMSG_LEN(sizeof(int)))
		return;
	close_fd(&c->got_fd);
	memcpy(&c->got_fd, CMSG_DATA(m), sizeof(int));
}

static void make_room(struct json_client *c)
{
	if (!c->in_length && c->in_size > ROOM_MAX) { /* was long once */
		g_clear_pointer(&c->in, g_free);
		c->in_size = 0;
	}
	if (c->in_size - c->in_length >= ROOM_MIN)
		return;
	c->in_size = MAX(c->in_size * 2, 2 * ROOM_MIN);
	c->in = g_realloc(c->in, c->in_size);
}

/* False: there is nothing more now. */
static bool receive(struct json_client *c)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov;
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int)), /* the host closes more than one */
	};
	size_t fresh = c->in_length;
	ssize_t got;

	make_room(c);
	iov = (struct iovec) { c->in + fresh, MIN(c->in_size - fresh, ROOM_MAX) };
	got = recvmsg(c->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		end(c, 0, "It has ended the connection.");
		return false;
	}
	c->in_length += (size_t)got;
	if (message.msg_controllen) {
		keep_fd(c, &message);
		c->got_at = c->in_length - 1;
	}
	take_lines(c, fresh);
	return !c->ended;
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
	struct json_client *c = data;

	(void)fd;
	(void)condition;
	c->refs++;
	receive(c);
	unref(c);
	return G_SOURCE_CONTINUE;
}

void json_client_drain(struct json_client *client)
{
	client->refs++;
	for (unsigned int i = 0; i < DRAIN_ROUNDS && client->fd >= 0; i++)
		if (!receive(client))
			break;
	unref(client);
}

/* ---- connecting ---- */

static gboolean on_connect(gpointer data)
{
	struct json_client *c = data;
	unsigned int passed_ms = (unsigned int)((g_get_monotonic_time() - c->start_us) / 1000);
	int fd = unix_connect(c->path, SOCK_STREAM | SOCK_NONBLOCK);
	bool busy = fd == -EAGAIN, missing = fd == -ENOENT || fd == -ECONNREFUSED;

	c->connect_source = 0;
	if ((busy && passed_ms < MAX(BUSY_MS, c->wait_ms)) ||
	    (missing && passed_ms < c->wait_ms)) {
		c->retry_ms = MIN(2 * c->retry_ms + 1, RETRY_MAX_MS);
		c->connect_source = g_timeout_add(c->retry_ms, on_connect, c);
	} else if (missing) {
		end(c, 0, "Nobody listens at its socket.");
	} else if (fd < 0) {
		end(c, -fd, NULL);
	} else {
		c->fd = fd;
		c->connected = true;
		c->in_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, c);
		c->refs++;
		send_all(c);
		if (c->hooks.connected)
			c->hooks.connected(c->ctx);
		unref(c);
	}
	return G_SOURCE_REMOVE;
}

struct json_client *json_client_open(const char *path, unsigned int wait_ms,
				     enum btn_code code, const char *what,
				     const struct json_client_hooks *hooks, void *ctx)
{
	struct json_client *c = g_new0(struct json_client, 1);

	c->refs = 1;
	c->path = g_strdup(path);
	c->what = g_strdup(what);
	c->code = code;
	if (hooks)
		c->hooks = *hooks;
	c->ctx = ctx;
	c->start_us = g_get_monotonic_time();
	c->wait_ms = wait_ms;
	c->fd = c->got_fd = -1;
	c->connect_source = g_timeout_add(0, on_connect, c);
	return c;
}

void json_client_free(struct json_client *client)
{
	if (!client || client->freed)
		return;
	end(client, 0, "The connection to it was given up.");
	client->freed = true;
	remove_source(&client->idle_source);
	fail_all(&client->waiting, &client->error);
	fail_all(&client->unsent, &client->error);
	fail_all(&client->refused, &client->error);
	unref(client);
}

/* ---- the rest ---- */

void json_client_hang_up(struct json_client *client, const struct btn_error *e)
{
	if (client->ended)
		return;
	end(client, 0, "");
	client->error = *e;
}

bool json_client_ended(const struct json_client *client)
{
	return client->ended;
}

bool json_client_was_connected(const struct json_client *client)
{
	return client->connected;
}

int json_client_peer(const struct json_client *client)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (client->fd < 0 || getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return 0;
	return peer.pid;
}

int json_client_take_fd(struct json_client *client)
{
	int fd = client->fd;

	if (fd < 0 || client->waiting.length || client->unsent.length)
		return -1;
	client->fd = -1;
	client->told = true;
	end(client, 0, "The connection to it was handed on.");
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}
