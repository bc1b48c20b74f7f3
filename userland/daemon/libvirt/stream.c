// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream is named by procedure and serial of the call that opened it. It ends with an
 * empty packet from us or an error, or when the client finishes or aborts it, which we
 * confirm once. After an error of ours the client may still have packets on their way.
 */
#include "libvirt/stream.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libvirt/dispatch.h"

struct stream {
	struct connection *conn;
	uint32_t procedure, serial;
	bool started, ended;	/* ended: the client has been told */
	GBytes *bytes;		/* a download, and how far it is */
	size_t at;
	int fd;			/* a console; -1 */
	unsigned int in_source, out_source;
	GByteArray *pending;	/* for the console */
};

static void update_reading(struct stream *stream);

static struct stream *stream_new(struct call *call)
{
	struct stream *stream = g_new0(struct stream, 1);

	stream->conn = call->conn;
	stream->procedure = call->header.procedure;
	stream->serial = call->header.serial;
	stream->fd = -1;
	stream->pending = g_byte_array_new();
	return stream;
}

struct stream *stream_new_download(struct call *call, GBytes *bytes)
{
	struct stream *stream = stream_new(call);

	stream->bytes = g_bytes_ref(bytes);
	return stream;
}

struct stream *stream_new_console(struct call *call, int fd)
{
	struct stream *stream = stream_new(call);

	stream->fd = fd;
	g_unix_set_fd_nonblocking(fd, TRUE, NULL);
	return stream;
}

static void close_console(struct stream *stream)
{
	if (stream->in_source)
		g_source_remove(stream->in_source);
	if (stream->out_source)
		g_source_remove(stream->out_source);
	stream->in_source = stream->out_source = 0;
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

void stream_free(struct stream *stream)
{
	if (stream->started)
		stream->conn->streams = g_slist_remove(stream->conn->streams, stream);
	close_console(stream);
	if (stream->bytes)
		g_bytes_unref(stream->bytes);
	g_byte_array_unref(stream->pending);
	g_free(stream);
}

void streams_release(struct connection *conn)
{
	while (conn->streams)
		stream_free(conn->streams->data);
}

/* ---- to the client ---- */

static void send_packet(struct stream *stream, enum lv_status status, const void *data,
			size_t size)
{
	GByteArray *message = message_new(LV_REMOTE, stream->procedure, LV_STREAM,
					  stream->serial, status);

	if (size)
		g_byte_array_append(message, data, (guint)size);
	connection_send(stream->conn, message, -1);
}

static void send_end(struct stream *stream)
{
	stream->ended = true;
	close_console(stream);
	send_packet(stream, LV_CONTINUE, NULL, 0);
}

static void fail(struct stream *stream, enum lv_code code, const char *text)
{
	GByteArray *message = message_new(LV_REMOTE, stream->procedure, LV_STREAM,
					  stream->serial, LV_ERROR);

	put_error(message, code, text);
	connection_send(stream->conn, message, -1);
	stream_free(stream);
}

static void send_download(struct stream *stream)
{
	size_t size;
	const uint8_t *data = g_bytes_get_data(stream->bytes, &size);

	while (!stream->ended && !stream->conn->closing && !connection_is_full(stream->conn)) {
		size_t count = MIN(size - stream->at, LV_STREAM_DATA_MAX);

		if (!count) {
			send_end(stream);
			return;
		}
		send_packet(stream, LV_CONTINUE, data + stream->at, count);
		stream->at += count;
	}
}

static gboolean on_console(gint fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
	struct stream *stream = data;
	uint8_t bytes[16384];
	ssize_t count = read(fd, bytes, sizeof(bytes));

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (count <= 0) {
		stream->in_source = 0;
		send_end(stream);
		return G_SOURCE_REMOVE;
	}
	send_packet(stream, LV_CONTINUE, bytes, (size_t)count);
	if (!connection_is_full(stream->conn))
		return G_SOURCE_CONTINUE;
	stream->in_source = 0;
	return G_SOURCE_REMOVE;
}

static void update_reading(struct stream *stream)
{
	if (stream->fd >= 0 && !stream->in_source && !stream->ended)
		stream->in_source = g_unix_fd_add(stream->fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
						  on_console, stream);
}

void stream_start(struct stream *stream)
{
	stream->started = true;
	stream->conn->streams = g_slist_prepend(stream->conn->streams, stream);
	if (stream->bytes)
		send_download(stream);
	update_reading(stream);
}

void streams_continue(struct connection *conn)
{
	GSList *at, *next;

	for (at = conn->streams; at; at = next) {
		struct stream *stream = at->data;

		next = at->next;
		if (stream->bytes)
			send_download(stream);
		update_reading(stream);
	}
}

/* ---- from the client ---- */

static gboolean on_writable(gint fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
	struct stream *stream = data;
	ssize_t count = send(fd, stream->pending->data, stream->pending->len,
			     MSG_NOSIGNAL | MSG_DONTWAIT);

	if (count < 0 && errno != EAGAIN && errno != EINTR)
		count = stream->pending->len;	/* reading tells of the end */
	if (count > 0)
		g_byte_array_remove_range(stream->pending, 0, (guint)count);
	if (stream->pending->len)
		return G_SOURCE_CONTINUE;
	stream->out_source = 0;
	return G_SOURCE_REMOVE;
}

static void to_console(struct stream *stream, const uint8_t *data, size_t size)
{
	if (stream->pending->len + size > STREAM_PENDING_MAX) {
		fail(stream, LV_ERR_FAILED, "the guest does not read from its console");
		return;
	}
	g_byte_array_append(stream->pending, data, (guint)size);
	if (!stream->out_source)
		stream->out_source = g_unix_fd_add(stream->fd, G_IO_OUT, on_writable, stream);
}

/* What has been typed before the end still goes. */
static void finish(struct stream *stream)
{
	if (stream->fd >= 0 && stream->pending->len)
		(void)!send(stream->fd, stream->pending->data, stream->pending->len,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	send_packet(stream, LV_OK, NULL, 0);
	stream_free(stream);
}

void stream_take(struct connection *conn, const struct lv_header *header, const uint8_t *data,
		 size_t size)
{
	struct stream *stream = NULL;
	GSList *at;

	for (at = conn->streams; at && !stream; at = at->next) {
		struct stream *s = at->data;

		if (s->procedure == header->procedure && s->serial == header->serial)
			stream = s;
	}
	/* Failed already, and this crossed our error. */
	if (!stream || header->program != LV_REMOTE)
		return;
	if (header->status != LV_CONTINUE)
		finish(stream);
	else if (stream->bytes)
		fail(stream, LV_ERR_BAD_STREAM, "this stream takes no data");
	else if (stream->fd >= 0)
		to_console(stream, data, size);
}
