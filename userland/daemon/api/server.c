// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The API's sockets: lines in, lines out, descriptors with them. Nothing here blocks;
 * what a client does not read is kept up to a bound, then the client is dropped.
 */
#define _GNU_SOURCE /* accept4, struct ucred */
#include <errno.h>
#include <glib-unix.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api_private.h"

#define CLIENTS_MAX 64u
#define LINE_MAX_IN (2u << 20)
#define REPLY_MAX (8u << 20)
#define WAITING_MAX (16u << 20)	/* unsent bytes of a client */
#define READ_CHUNK 65536
#define EVENT_MAX (8u << 20)	/* a VM's description may be long, and escaped */
#define ACCEPT_AGAIN_MS 200

struct message {
	char *text;
	size_t length, sent;
	int fd;			/* goes with its first byte; -1: none */
};

struct client {
	int id, fd;
	GByteArray *in;
	size_t looked;		/* so much of it has no end of a line */
	GQueue out;		/* of struct message */
	size_t waiting;
	unsigned int read_source, write_source, resume_source;
	bool events, held, dead;
};

static GHashTable *clients;	/* by id */
static int listener = -1;
static unsigned int accept_source, accept_timer;
static int last_id;
static char reply[REPLY_MAX];	/* of the one request that is being answered */

static struct client *find(int id)
{
	return clients ? g_hash_table_lookup(clients, GINT_TO_POINTER(id)) : NULL;
}

/* ---- the end of a client ---- */

static void free_message(void *data)
{
	struct message *message = data;

	if (message->fd >= 0)
		close(message->fd);
	g_free(message->text);
	g_free(message);
}

static void free_client(void *data)
{
	struct client *client = data;

	if (client->read_source)
		g_source_remove(client->read_source);
	if (client->write_source)
		g_source_remove(client->write_source);
	if (client->resume_source)
		g_source_remove(client->resume_source);
	g_queue_clear_full(&client->out, free_message);
	g_byte_array_unref(client->in);
	close(client->fd);
	g_free(client);
}

static gboolean bury(gpointer data)
{
	g_hash_table_remove(clients, data);
	return G_SOURCE_REMOVE;
}

/* From anywhere: it goes when no call of its own is on the way any more. */
static void drop(struct client *client)
{
	if (client->dead)
		return;
	client->dead = true;
	shutdown(client->fd, SHUT_RDWR);
	g_idle_add_full(G_PRIORITY_DEFAULT, bury, GINT_TO_POINTER(client->id), NULL);
}

/* ---- out ---- */

static ssize_t send_part(struct client *client, struct message *message)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_base = message->text + message->sent,
			     .iov_len = message->length - message->sent };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (message->fd >= 0) {
		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &message->fd, sizeof(int));
	}
	return sendmsg(client->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer data);

static void flush(struct client *client)
{
	struct message *message;
	ssize_t sent;

	while (!client->dead && (message = g_queue_peek_head(&client->out))) {
		sent = send_part(client, message);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			break;
		if (sent < 0) {
			drop(client);
			return;
		}
		if (message->fd >= 0)
			close(message->fd);
		message->fd = -1;
		message->sent += (size_t)sent;
		client->waiting -= (size_t)sent;
		if (message->sent == message->length)
			free_message(g_queue_pop_head(&client->out));
	}
	if (!client->dead && !g_queue_is_empty(&client->out) && !client->write_source)
		client->write_source = g_unix_fd_add(client->fd, G_IO_OUT, on_writable, client);
}

static gboolean on_writable(int fd, GIOCondition condition, gpointer data)
{
	struct client *client = data;

	(void)fd, (void)condition;
	client->write_source = 0;
	flush(client);
	return G_SOURCE_REMOVE;
}

static void put_out(struct client *client, const char *text, size_t length, int fd)
{
	struct message *message;

	if (client->dead || client->waiting + length > WAITING_MAX) {
		if (fd >= 0)
			close(fd);
		drop(client);
		return;
	}
	message = g_new(struct message, 1);
	*message = (struct message){ .text = g_memdup2(text, length), .length = length, .fd = fd };
	g_queue_push_tail(&client->out, message);
	client->waiting += length;
	flush(client);
}

void api_send(int id, const char *line, size_t length, int fd)
{
	struct client *client = find(id);

	if (client)
		put_out(client, line, length, fd);
	else if (fd >= 0)
		close(fd);
}

void api_send_error(int id, const struct btn_error *e)
{
	char text[RPC_REPLY_MIN];

	api_send(id, text, rpc_write_error(text, sizeof(text), e), -1);
}

/* ---- in ---- */

static void answer(struct client *client, char *line, size_t length)
{
	int fd;
	size_t size = rpc_answer(&api_service, client, client->id, line, length, reply,
				 sizeof(reply), &fd);

	if (size)
		put_out(client, reply, size, fd);
}

static void refuse_line(struct client *client)
{
	struct btn_error e;

	btn_set(&e, BTN_BAD_VALUE, "the request has more than %u bytes", LINE_MAX_IN);
	btn_set_cause(&e, "Each request is one line.");
	btn_set_fix(&e, "See %s.", api_service.document);
	api_send_error(client->id, &e);
	drop(client);
}

/* All whole lines, as long as none of them holds up the next. */
static void take_lines(struct client *client)
{
	size_t done = 0;

	while (!client->dead && !client->held) {
		size_t from = MAX(done, client->looked);
		char *start = (char *)client->in->data + done;
		char *end = memchr(client->in->data + from, '\n', client->in->len - from);

		if (!end) {
			client->looked = client->in->len;
			break;
		}
		done = (size_t)(end + 1 - (char *)client->in->data);
		answer(client, start, (size_t)(end - start));
	}
	if (done)
		g_byte_array_remove_range(client->in, 0, (unsigned int)done);
	client->looked -= MIN(client->looked, done);
	if (!client->held && client->in->len > LINE_MAX_IN)
		refuse_line(client);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data)
{
	struct client *client = data;
	char chunk[READ_CHUNK];
	ssize_t got = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	(void)condition;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (got <= 0) {
		client->read_source = 0;
		drop(client);
		return G_SOURCE_REMOVE;
	}
	g_byte_array_append(client->in, (uint8_t *)chunk, (unsigned int)got);
	take_lines(client);
	/* One that waits may send more, but not without a bound. */
	if (client->held && client->in->len > LINE_MAX_IN)
		drop(client);
	return G_SOURCE_CONTINUE;
}

void api_hold(int id)
{
	struct client *client = find(id);

	if (client)
		client->held = true;
}

static gboolean take_held(gpointer data)
{
	struct client *client = data;

	client->resume_source = 0;
	take_lines(client);
	return G_SOURCE_REMOVE;
}

void api_resume(int id)
{
	struct client *client = find(id);

	if (!client || !client->held)
		return;
	client->held = false;
	if (!client->resume_source)
		client->resume_source = g_idle_add_full(G_PRIORITY_DEFAULT, take_held, client,
							NULL);
}

void api_send_later(int id, struct json_out *out)
{
	int64_t length = json_put_end(out);
	struct btn_error e;

	if (length > 0) {
		api_send(id, out->text, (size_t)length, -1);
	} else {
		btn_set(&e, BTN_INTERNAL, "the answer is too long");
		api_send_error(id, &e);
	}
	api_resume(id);
}

/* ---- events ---- */

void api_want_events(int id)
{
	struct client *client = find(id);

	if (client)
		client->events = true;
}

static void on_event(const struct event *event, void *ctx)
{
	static char text[EVENT_MAX];
	struct json_out out;
	GHashTableIter at;
	struct client *client;
	int64_t length = 0;

	(void)ctx;
	g_hash_table_iter_init(&at, clients);
	while (g_hash_table_iter_next(&at, NULL, (gpointer *)&client)) {
		if (!client->events)
			continue;
		if (!length) {
			json_put_start(&out, text, sizeof(text));
			api_put_event(&out, event);
			length = json_put_end(&out);
		}
		if (length > 0)
			put_out(client, text, (size_t)length, -1);
	}
}

/* ---- the listener ---- */

static gboolean on_connect(int fd, GIOCondition condition, gpointer data);

static gboolean accept_again(gpointer data)
{
	(void)data;
	accept_timer = 0;
	accept_source = g_unix_fd_add(listener, G_IO_IN, on_connect, NULL);
	return G_SOURCE_REMOVE;
}

static bool is_allowed(int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

/* Said at once, without waiting for a request. */
static void turn_away(int fd)
{
	char text[RPC_REPLY_MIN];
	struct btn_error e;

	btn_set(&e, BTN_NO_DAEMON, "Baton's daemon has %u clients already", CLIENTS_MAX);
	btn_set_cause(&e, "That is the most at a time.");
	btn_set_fix(&e, "End some of the commands and programs that use it, then try again.");
	send(fd, text, rpc_write_error(text, sizeof(text), &e), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static gboolean on_connect(int fd, GIOCondition condition, gpointer data)
{
	int new_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;

	(void)condition, (void)data;
	if (new_fd < 0) {
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
			return G_SOURCE_CONTINUE;
		/* Who waits stays readable: look again when descriptors may be free. */
		accept_source = 0;
		accept_timer = g_timeout_add(ACCEPT_AGAIN_MS, accept_again, NULL);
		return G_SOURCE_REMOVE;
	}
	if (!is_allowed(new_fd)) {
		close(new_fd);
		return G_SOURCE_CONTINUE;
	}
	if (g_hash_table_size(clients) >= CLIENTS_MAX) {
		turn_away(new_fd);
		return G_SOURCE_CONTINUE;
	}
	client = g_new0(struct client, 1);
	client->id = ++last_id;
	client->fd = new_fd;
	client->in = g_byte_array_new();
	client->read_source = g_unix_fd_add(new_fd, G_IO_IN, on_readable, client);
	g_hash_table_insert(clients, GINT_TO_POINTER(client->id), client);
	return G_SOURCE_CONTINUE;
}

void api_start(int listen_fd)
{
	clients = g_hash_table_new_full(NULL, NULL, NULL, free_client);
	listener = listen_fd;
	accept_source = g_unix_fd_add(listener, G_IO_IN, on_connect, NULL);
	events_subscribe(on_event, NULL);
}

void api_stop(void)
{
	events_unsubscribe(on_event, NULL);
	if (accept_source)
		g_source_remove(accept_source);
	if (accept_timer)
		g_source_remove(accept_timer);
	accept_source = accept_timer = 0;
	if (listener >= 0)
		close(listener);
	listener = -1;
	g_clear_pointer(&clients, g_hash_table_unref);
}

unsigned int api_client_count(void)
{
	return clients ? g_hash_table_size(clients) : 0;
}
