// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream is named by procedure and serial of the call that opened it. It ends with an
 * empty packet from us or an error, or when the client finishes or aborts it, which we
 * confirm once. After an error of ours the client may still have packets on their way.
 */
#include "libvirt/stream.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libvirt/dispatch.h"
#include "monitor/block/file.h"

/* So much of a file at a time: others have their turn, too. */
#define PIECES_AT_ONCE 16u

/* What an upload has written is made safe by a thread, which may outlive the stream. */
struct flush {
	struct stream *stream;	/* NULL: it has gone */
	int file, error;
};

struct stream {
	struct connection *conn;
	uint32_t procedure, serial;
	bool started, ended;	/* ended: the client has been told */
	bool download;
	GBytes *bytes;		/* of a download, and how far it is; NULL: a file, or ended */
	size_t at;
	int fd;			/* a console; -1 */
	unsigned int in_source, out_source;
	GByteArray *pending;	/* for the console */
	int file;		/* -1: none */
	bool upload;
	uint64_t file_at, file_left;
	unsigned int more_source;
	struct flush *flush;	/* NULL: not yet */
	void (*stored)(void *ctx);
	void *stored_ctx;
};

static void update_reading(struct stream *stream);

static struct stream *stream_new(struct call *call)
{
	struct stream *stream = g_new0(struct stream, 1);

	stream->conn = call->conn;
	stream->procedure = call->header.procedure;
	stream->serial = call->header.serial;
	stream->fd = -1;
	stream->file = -1;
	stream->pending = g_byte_array_new();
	return stream;
}

bool stream_has_room(struct call *call)
{
	if (g_slist_length(call->conn->streams) < CONNECTION_STREAMS_MAX)
		return true;
	call_fail(call, LV_ERR_FAILED, "operation failed: this connection has too many streams");
	return false;
}

struct stream *stream_new_download(struct call *call, GBytes *bytes)
{
	struct stream *stream = stream_new(call);

	stream->bytes = g_bytes_ref(bytes);
	stream->download = true;
	return stream;
}

struct stream *stream_new_console(struct call *call, int fd)
{
	struct stream *stream = stream_new(call);

	stream->fd = fd;
	g_unix_set_fd_nonblocking(fd, TRUE, NULL);
	return stream;
}

struct stream *stream_new_file(struct call *call, int fd, uint64_t offset, uint64_t length)
{
	struct stream *stream = stream_new(call);

	stream->file = fd;
	stream->download = true;
	stream->file_at = offset;
	stream->file_left = length ? length : UINT64_MAX;
	return stream;
}

struct stream *stream_new_upload(struct call *call, int fd, uint64_t offset, uint64_t length,
				 void (*stored)(void *ctx), void *ctx)
{
	struct stream *stream = stream_new_file(call, fd, offset, length);

	stream->download = false;
	stream->upload = true;
	stream->stored = stored;
	stream->stored_ctx = ctx;
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

static void close_source(struct stream *stream)
{
	if (stream->file >= 0)
		image_file_close(stream->file);
	stream->file = -1;
	g_clear_pointer(&stream->bytes, g_bytes_unref);
}

void stream_free(struct stream *stream)
{
	if (stream->started)
		stream->conn->streams = g_slist_remove(stream->conn->streams, stream);
	close_console(stream);
	if (stream->more_source)
		g_source_remove(stream->more_source);
	if (stream->flush)
		stream->flush->stream = NULL;
	else
		close_source(stream);
	g_byte_array_unref(stream->pending);
	g_free(stream->stored_ctx);
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
	/* The client may never finish what it has read to the end. */
	close_source(stream);
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

/* What comes next of a download, in a buffer or where it lies: bytes, 0: the end, -errno. */
static ssize_t next_piece(struct stream *stream, uint8_t *buffer, const uint8_t **ret)
{
	size_t size, count;
	ssize_t got;

	*ret = buffer;
	if (stream->bytes) {
		*ret = (const uint8_t *)g_bytes_get_data(stream->bytes, &size) + stream->at;
		count = MIN(size - stream->at, LV_STREAM_DATA_MAX);
		stream->at += count;
		return (ssize_t)count;
	}
	count = (size_t)MIN(stream->file_left, LV_STREAM_DATA_MAX);
	got = count ? pread(stream->file, buffer, count, (off_t)stream->file_at) : 0;
	if (got <= 0)
		return got ? -errno : 0;
	stream->file_at += (uint64_t)got;
	stream->file_left -= (uint64_t)got;
	return got;
}

static gboolean on_more(gpointer data);

/* May free the stream. */
static void send_download(struct stream *stream)
{
	g_autofree uint8_t *buffer = stream->bytes ? NULL : g_malloc(LV_STREAM_DATA_MAX);
	const uint8_t *data;
	unsigned int i;

	for (i = 0; i < PIECES_AT_ONCE; i++) {
		ssize_t count;

		/* Goes on when the client has read. */
		if (stream->ended || stream->conn->closing || connection_is_full(stream->conn))
			return;
		count = next_piece(stream, buffer, &data);
		if (count < 0) {
			fail(stream, LV_ERR_SYSTEM, g_strerror((int)-count));
			return;
		}
		if (!count) {
			send_end(stream);
			return;
		}
		send_packet(stream, LV_CONTINUE, data, (size_t)count);
	}
	if (!stream->more_source)
		stream->more_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_more, stream, NULL);
}

static gboolean on_more(gpointer data)
{
	struct stream *stream = data;

	stream->more_source = 0;
	send_download(stream);
	return G_SOURCE_REMOVE;
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
	if (stream->download)
		send_download(stream);
	else
		update_reading(stream);
}

void streams_continue(struct connection *conn)
{
	GSList *at, *next;

	for (at = conn->streams; at; at = next) {
		struct stream *stream = at->data;

		next = at->next;
		if (stream->download)
			send_download(stream);
		else
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

static void to_file(struct stream *stream, const uint8_t *data, size_t size)
{
	int error;

	if (size > stream->file_left) {
		fail(stream, LV_ERR_FAILED, "operation failed: there is more data than was said");
		return;
	}
	error = stream->file_at > G_MAXINT64 - size ? -EFBIG :
		file_write(stream->file, data, size, stream->file_at);
	if (error) {
		fail(stream, LV_ERR_SYSTEM, g_strerror(-error));
		return;
	}
	stream->file_at += size;
	stream->file_left -= size;
}

static void sync_file(GTask *task, G_GNUC_UNUSED gpointer source, gpointer data,
		      G_GNUC_UNUSED GCancellable *cancellable)
{
	struct flush *flush = data;

	flush->error = fsync(flush->file) ? errno : 0;
	g_task_return_boolean(task, TRUE);
}

static void on_synced(G_GNUC_UNUSED GObject *source, G_GNUC_UNUSED GAsyncResult *result,
		      gpointer data)
{
	struct flush *flush = data;
	struct stream *stream = flush->stream;

	image_file_close(flush->file);
	if (stream) {
		stream->flush = NULL;
		stream->file = -1;
		if (flush->error) {
			fail(stream, LV_ERR_SYSTEM, g_strerror(flush->error));
		} else {
			stream->stored(stream->stored_ctx);
			send_packet(stream, LV_OK, NULL, 0);
			stream_free(stream);
		}
	}
	g_free(flush);
}

/* The client is told that it is done when it is on the disk. */
static void finish_upload(struct stream *stream)
{
	struct flush *flush = g_new(struct flush, 1);
	GTask *task = g_task_new(NULL, NULL, on_synced, flush);

	*flush = (struct flush){ .stream = stream, .file = stream->file };
	stream->flush = flush;
	g_task_set_task_data(task, flush, NULL);
	g_task_run_in_thread(task, sync_file);
	g_object_unref(task);
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
	/* Failed already, and this crossed our error; or its end is on its way. */
	if (!stream || stream->flush || header->program != LV_REMOTE)
		return;
	if (stream->upload && header->status == LV_OK)
		finish_upload(stream);
	else if (header->status != LV_CONTINUE)
		finish(stream);
	else if (stream->upload)
		to_file(stream, data, size);
	else if (stream->download)
		fail(stream, LV_ERR_BAD_STREAM, "this stream takes no data");
	else if (stream->fd >= 0)
		to_console(stream, data, size);
}
