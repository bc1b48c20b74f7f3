// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading takes exactly one message at a time, and behind it one byte for each
 * descriptor that the message says it has: recvmsg() then never mixes descriptors of
 * different messages. Keepalive is answered here, while calls wait behind others.
 */
#include "libvirt/connection.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libvirt/handlers.h"
#include "libvirt/registration.h"
#include "libvirt/stream.h"

struct incoming {
	uint8_t *message;
	struct lv_header header;
	int fd;
};

struct outgoing {
	GByteArray *bytes;
	size_t sent;
	int fd;		/* goes with the first byte; -1: none */
};

static GSList *connections;
static unsigned int last_number;

static void update_reading(struct connection *conn);
static void connection_call_next(struct connection *conn);

/* ---- its life ---- */

struct connection *connection_ref(struct connection *conn)
{
	conn->refs++;
	return conn;
}

void connection_unref(struct connection *conn)
{
	if (--conn->refs)
		return;
	g_free(conn->uri);
	g_array_unref(conn->autodestroy);
	g_free(conn);
}

void connections_each(void (*fn)(struct connection *conn, void *ctx), void *ctx)
{
	GSList *at = connections, *next;

	for (; at; at = next) {
		next = at->next;
		fn(at->data, ctx);
	}
}

unsigned int connections_count(void)
{
	return g_slist_length(connections);
}

struct connection *connection_new(int fd, bool readonly)
{
	struct connection *conn = g_new0(struct connection, 1);

	conn->number = ++last_number;
	conn->fd = fd;
	conn->refs = 1;
	conn->readonly = readonly;
	conn->want = LV_HEADER;
	conn->autodestroy = g_array_new(FALSE, FALSE, sizeof(int));
	g_queue_init(&conn->waiting);
	g_queue_init(&conn->out);
	connections = g_slist_prepend(connections, conn);
	g_debug("libvirt: connection %u: %s", conn->number, readonly ? "read-only" : "new");
	update_reading(conn);
	return conn;
}

static void free_incoming(struct incoming *in)
{
	if (in->fd >= 0)
		close(in->fd);
	g_free(in->message);
	g_free(in);
}

static void free_outgoing(struct outgoing *out)
{
	if (out->fd >= 0)
		close(out->fd);
	g_byte_array_unref(out->bytes);
	g_free(out);
}

static void close_fds(struct connection *conn)
{
	while (conn->fd_count)
		close(conn->fds[--conn->fd_count]);
}

static void stop_sources(struct connection *conn)
{
	unsigned int *source[] = { &conn->in_source, &conn->out_source, &conn->end_source,
				   &conn->room_source };
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(source); i++) {
		if (*source[i])
			g_source_remove(*source[i]);
		*source[i] = 0;
	}
}

void connection_end(struct connection *conn)
{
	struct incoming *in;
	struct outgoing *out;

	if (conn->closed)
		return;
	conn->closed = true;
	connections = g_slist_remove(connections, conn);
	stop_sources(conn);
	streams_release(conn);
	registrations_release(conn);
	calls_release(conn);
	autodestroy(conn);
	while ((in = g_queue_pop_head(&conn->waiting)))
		free_incoming(in);
	while ((out = g_queue_pop_head(&conn->out)))
		free_outgoing(out);
	close_fds(conn);
	g_free(conn->message);
	conn->message = NULL;
	close(conn->fd);
	conn->fd = -1;
	g_debug("libvirt: connection %u: closed", conn->number);
	connection_unref(conn);
}

static gboolean end_later(gpointer data)
{
	struct connection *conn = data;

	conn->end_source = 0;
	connection_end(conn);
	return G_SOURCE_REMOVE;
}

void connection_drop(struct connection *conn, const char *why)
{
	if (conn->closed || conn->end_source)
		return;
	g_debug("libvirt: connection %u: dropped: %s", conn->number, why);
	/* A socket that has been hung up is always ready: nobody else would have a turn. */
	if (conn->in_source)
		g_source_remove(conn->in_source);
	if (conn->out_source)
		g_source_remove(conn->out_source);
	conn->in_source = conn->out_source = 0;
	conn->closing = true;
	conn->end_source = g_idle_add_full(G_PRIORITY_DEFAULT, end_later, conn, NULL);
}

/* ---- what goes ---- */

GByteArray *message_new(uint32_t program, uint32_t procedure, enum lv_type type, uint32_t serial,
			enum lv_status status)
{
	const uint32_t words[] = { 0, program, LV_VERSION, procedure, type, serial, status };
	GByteArray *message = g_byte_array_sized_new(256);
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(words); i++) {
		uint32_t word = GUINT32_TO_BE(words[i]);

		g_byte_array_append(message, (const guint8 *)&word, sizeof(word));
	}
	return message;
}

/* Bytes sent, 0: would block, or -errno. */
static ssize_t send_some(int socket, struct outgoing *out)
{
	struct iovec iov = { out->bytes->data + out->sent, out->bytes->len - out->sent };
	union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t count;

	if (out->fd >= 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &out->fd, sizeof(int));
	}
	count = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (count >= 0)
		return count;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data);

static void send_all(struct connection *conn)
{
	struct outgoing *out;

	while ((out = g_queue_peek_head(&conn->out))) {
		ssize_t count = send_some(conn->fd, out);

		if (count < 0) {
			connection_drop(conn, g_strerror((int)-count));
			return;
		}
		if (!count)
			break;
		if (out->fd >= 0)
			close(out->fd);
		out->fd = -1;
		out->sent += (size_t)count;
		conn->out_bytes -= (size_t)count;
		if (out->sent == out->bytes->len)
			free_outgoing(g_queue_pop_head(&conn->out));
	}
	if (out && !conn->out_source)
		conn->out_source = g_unix_fd_add(conn->fd, G_IO_OUT, on_writable, conn);
}

static gboolean on_writable(G_GNUC_UNUSED gint fd, G_GNUC_UNUSED GIOCondition condition,
			    gpointer data)
{
	struct connection *conn = connection_ref(data);
	bool done;

	send_all(conn);
	if (!conn->closed && !conn->closing && !connection_is_full(conn)) {
		streams_continue(conn);
		connection_call_next(conn);
	}
	done = conn->closed || conn->closing || g_queue_is_empty(&conn->out);
	if (done)
		conn->out_source = 0;
	connection_unref(conn);
	return done ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void push(struct connection *conn, GByteArray *bytes, int fd)
{
	struct outgoing *out = g_new0(struct outgoing, 1);

	out->bytes = bytes;
	out->fd = fd;
	conn->out_bytes += bytes->len;
	g_queue_push_tail(&conn->out, out);
}

void connection_send(struct connection *conn, GByteArray *message, int fd)
{
	uint32_t length = GUINT32_TO_BE(message->len);
	GByteArray *byte;

	if (conn->closed || conn->closing || conn->out_bytes > CONNECTION_QUEUE_MAX) {
		g_byte_array_unref(message);
		if (fd >= 0)
			close(fd);
		if (!conn->closed)
			connection_drop(conn, "it does not read what it is sent");
		return;
	}
	memcpy(message->data, &length, sizeof(length));
	push(conn, message, -1);
	if (fd >= 0) {
		byte = g_byte_array_new();
		g_byte_array_append(byte, (const guint8 *)"", 1);
		push(conn, byte, fd);
	}
	if (!conn->out_source)
		send_all(conn);
}

static void pong(struct connection *conn)
{
	connection_send(conn, message_new(LV_KEEPALIVE, LV_PONG, LV_MESSAGE, 0, LV_OK), -1);
}

/* ---- what comes ---- */

bool header_parse(const uint8_t bytes[LV_HEADER], struct lv_header *ret)
{
	uint32_t words[LV_HEADER / 4];
	unsigned int i;

	memcpy(words, bytes, sizeof(words));
	for (i = 0; i < G_N_ELEMENTS(words); i++)
		words[i] = GUINT32_FROM_BE(words[i]);
	*ret = (struct lv_header){ words[0], words[1], words[2], words[3], words[4], words[5],
				   words[6] };
	return ret->length >= LV_HEADER && ret->length <= LV_MESSAGE_MAX;
}

static void run_waiting(struct connection *conn)
{
	connection_ref(conn);
	while (!conn->closed && !conn->closing && conn->busy < CONNECTION_CALLS_MAX &&
	       !connection_is_full(conn)) {
		struct incoming *in = g_queue_pop_head(&conn->waiting);

		if (!in)
			break;
		conn->waiting_bytes -= in->header.length;
		conn->busy++;
		dispatch_call(conn, &in->header, in->message, in->fd);
		g_free(in);
	}
	update_reading(conn);
	connection_unref(conn);
}

static gboolean on_room(gpointer data)
{
	struct connection *conn = data;

	conn->room_source = 0;
	run_waiting(conn);
	return G_SOURCE_REMOVE;
}

/* In a turn of its own: the caller may be within run_waiting() already. */
static void connection_call_next(struct connection *conn)
{
	if (!conn->closed && !conn->room_source && !g_queue_is_empty(&conn->waiting))
		conn->room_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_room, conn, NULL);
}

void connection_call_done(struct connection *conn)
{
	conn->busy--;
	connection_call_next(conn);
}

static bool is_behind(struct connection *conn)
{
	return g_queue_get_length(&conn->waiting) >= CONNECTION_WAITING_MAX ||
		conn->waiting_bytes >= CONNECTION_WAITING_BYTES;
}

static void take_call(struct connection *conn, const struct lv_header *header)
{
	struct incoming *in = g_new0(struct incoming, 1);

	in->header = *header;
	in->message = conn->message;
	conn->message = NULL;
	in->fd = -1;
	/* No procedure of ours takes more than one. */
	if (conn->fd_count == 1)
		in->fd = conn->fds[--conn->fd_count];
	close_fds(conn);
	conn->waiting_bytes += header->length;
	g_queue_push_tail(&conn->waiting, in);
	run_waiting(conn);
}

static void take_message(struct connection *conn)
{
	struct lv_header header;

	header_parse(conn->head, &header);
	if (header.program == LV_KEEPALIVE) {
		if (header.type == LV_MESSAGE && header.procedure == LV_PING)
			pong(conn);
	} else if (header.type == LV_CALL || header.type == LV_CALL_FDS) {
		take_call(conn, &header);
	} else if (header.type == LV_STREAM) {
		stream_take(conn, &header, conn->message + LV_HEADER,
			    header.length - LV_HEADER);
	} else {
		connection_drop(conn, "a message of a kind that clients do not send");
	}
	g_free(conn->message);
	conn->message = NULL;
	close_fds(conn);
	conn->have = 0;
	conn->want = LV_HEADER;
	conn->fd_want = conn->fd_bytes = 0;
}

static void take_fds(struct connection *conn, struct msghdr *message)
{
	struct cmsghdr *c;
	int fd;

	for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t at, size;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size = c->cmsg_len - CMSG_LEN(0);
		for (at = 0; at + sizeof(fd) <= size; at += sizeof(fd)) {
			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (conn->fd_count < conn->fd_want)
				conn->fds[conn->fd_count++] = fd;
			else
				close(fd);
		}
	}
}

/* As read(): at most `size` bytes. Descriptors that were not announced are closed. */
static ssize_t receive(struct connection *conn, void *to, size_t size)
{
	struct iovec iov = { to, size };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(LV_FDS_MAX * sizeof(int))];
	} control;
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t count = recvmsg(conn->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (count > 0)
		take_fds(conn, &message);
	return count;
}

/* The head is there: room for the rest. It grows with what really comes. */
static bool take_head(struct connection *conn)
{
	struct lv_header header;

	if (!header_parse(conn->head, &header)) {
		connection_drop(conn, "no length of a message");
		return false;
	}
	conn->want = header.length;
	conn->message = g_malloc(LV_HEADER);
	conn->room = LV_HEADER;
	memcpy(conn->message, conn->head, LV_HEADER);
	return true;
}

/* How many descriptors follow a message that is complete. */
static bool count_fds(struct connection *conn)
{
	struct lv_header header;
	uint32_t count;

	header_parse(conn->head, &header);
	if (header.type != LV_CALL_FDS)
		return true;
	if (header.length < LV_HEADER + 4)
		return false;
	memcpy(&count, conn->message + LV_HEADER, sizeof(count));
	count = GUINT32_FROM_BE(count);
	if (count > LV_FDS_MAX)
		return false;
	conn->fd_want = count;
	return true;
}

/* Where the next bytes go, and how many there may be. */
static uint8_t *next_bytes(struct connection *conn, uint8_t *byte, size_t *ret_size)
{
	if (conn->have < LV_HEADER) {
		*ret_size = LV_HEADER - conn->have;
		return conn->head + conn->have;
	}
	if (conn->have == conn->want) {
		*ret_size = 1;
		return byte;
	}
	/* A client that only says that much is to come does not make us take memory. */
	if (conn->have == conn->room) {
		conn->room = MIN(conn->want, MAX(conn->room * 2, 65536));
		conn->message = g_realloc(conn->message, conn->room);
	}
	*ret_size = conn->room - conn->have;
	return conn->message + conn->have;
}

/* What recvmsg() has brought. False: the connection is over. */
static bool took_bytes(struct connection *conn, size_t count)
{
	if (conn->message && conn->have == conn->want) {
		conn->fd_bytes++;
		return true;
	}
	conn->have += count;
	if (conn->have == LV_HEADER && !conn->message && !take_head(conn))
		return false;
	if (conn->have == conn->want && !count_fds(conn)) {
		connection_drop(conn, "no number of descriptors");
		return false;
	}
	return true;
}

static bool is_complete(const struct connection *conn)
{
	return conn->message && conn->have == conn->want && conn->fd_bytes == conn->fd_want;
}

/* One recvmsg(). False: nothing more to do now. */
static bool read_some(struct connection *conn)
{
	uint8_t byte, *to;
	size_t size;
	ssize_t count;

	to = next_bytes(conn, &byte, &size);
	count = receive(conn, to, size);
	if (count > 0)
		return took_bytes(conn, (size_t)count);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	connection_drop(conn, count ? g_strerror(errno) : "the client has gone");
	return false;
}

static gboolean on_readable(G_GNUC_UNUSED gint fd, G_GNUC_UNUSED GIOCondition condition,
			    gpointer data)
{
	struct connection *conn = connection_ref(data);
	unsigned int i;

	/* Others have their turn after a while. */
	for (i = 0; i < 64 && conn->in_source && read_some(conn); i++) {
		if (!is_complete(conn))
			continue;
		if (conn->fd_count == conn->fd_want)
			take_message(conn);
		else
			connection_drop(conn, "descriptors were announced and did not come");
	}
	connection_unref(conn);
	return G_SOURCE_CONTINUE;
}

/* Reads, unless too many calls wait already. */
static void update_reading(struct connection *conn)
{
	if (conn->closed || conn->closing)
		return;
	if (is_behind(conn)) {
		if (conn->in_source)
			g_source_remove(conn->in_source);
		conn->in_source = 0;
	} else if (!conn->in_source) {
		conn->in_source = g_unix_fd_add(conn->fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
						on_readable, conn);
	}
}
