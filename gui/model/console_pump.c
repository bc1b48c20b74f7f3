// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream of libvirt's as a socket. See console_pump.h.
 *
 * Each direction holds one piece at a time, and reads no more until that has gone on: so
 * neither side makes memory grow.
 */
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/console_pump.h"

#define PIECE_BYTES 4096

struct piece {
	char bytes[PIECE_BYTES];
	gsize at, length;
};

struct pump {
	GVirStream *stream;
	int fd;
	struct piece in, out;	/* from the stream, to the stream */
	guint stream_source, fd_source;
};

static void watch(struct pump *pump);

/* Ending a stream asks the other side, and waits for it: not here. */
static void end_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
	(void)source;
	(void)cancellable;
	g_object_unref(data);
	g_task_return_boolean(task, TRUE);
}

static void pump_end(struct pump *pump)
{
	GTask *task = g_task_new(NULL, NULL, NULL, NULL);

	g_clear_handle_id(&pump->stream_source, g_source_remove);
	g_clear_handle_id(&pump->fd_source, g_source_remove);
	close(pump->fd);
	g_task_set_task_data(task, pump->stream, NULL);
	g_task_run_in_thread(task, end_in_thread);
	g_object_unref(task);
	g_free(pump);
}

/* FALSE: it has ended. */
static gboolean from_stream(struct pump *pump)
{
	g_autoptr(GError) error = NULL;
	gssize got = gvir_stream_receive(pump->stream, pump->in.bytes, PIECE_BYTES, NULL, &error);

	if (got <= 0)
		return error && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
	pump->in.at = 0;
	pump->in.length = (gsize)got;
	return TRUE;
}

static gboolean to_stream(struct pump *pump)
{
	g_autoptr(GError) error = NULL;
	gssize sent = gvir_stream_send(pump->stream, pump->out.bytes + pump->out.at,
				       pump->out.length - pump->out.at, NULL, &error);

	if (sent > 0)
		pump->out.at += (gsize)sent;
	return sent > 0 || (error && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK));
}

static gboolean from_fd(struct pump *pump)
{
	ssize_t got = recv(pump->fd, pump->out.bytes, PIECE_BYTES, MSG_DONTWAIT);

	pump->out.at = 0;
	pump->out.length = got > 0 ? (gsize)got : 0;
	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static gboolean to_fd(struct pump *pump)
{
	ssize_t sent = send(pump->fd, pump->in.bytes + pump->in.at, pump->in.length - pump->in.at,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent > 0)
		pump->in.at += (gsize)sent;
	return sent > 0 || (sent < 0 && (errno == EAGAIN || errno == EINTR));
}

static gboolean on_stream(GVirStream *stream, GVirStreamIOCondition condition, gpointer data)
{
	struct pump *pump = data;
	gboolean ok = TRUE;

	(void)stream;
	pump->stream_source = 0;
	if (condition & GVIR_STREAM_IO_CONDITION_READABLE)
		ok = from_stream(pump);
	if (ok && condition & GVIR_STREAM_IO_CONDITION_WRITABLE)
		ok = to_stream(pump);
	if (!(condition & (GVIR_STREAM_IO_CONDITION_READABLE | GVIR_STREAM_IO_CONDITION_WRITABLE)))
		ok = FALSE;
	if (ok)
		watch(pump);
	else
		pump_end(pump);
	return FALSE;
}

static gboolean on_fd(int fd, GIOCondition condition, gpointer data)
{
	struct pump *pump = data;
	gboolean ok = TRUE;

	(void)fd;
	pump->fd_source = 0;
	if (condition & G_IO_OUT)
		ok = to_fd(pump);
	if (ok && condition & G_IO_IN)
		ok = from_fd(pump);
	if (!(condition & (G_IO_IN | G_IO_OUT)))
		ok = FALSE;
	if (ok)
		watch(pump);
	else
		pump_end(pump);
	return FALSE;
}

/* What each side is waited for follows from what is held. */
static void watch(struct pump *pump)
{
	gboolean in = pump->in.at < pump->in.length, out = pump->out.at < pump->out.length;
	GVirStreamIOCondition stream = (in ? 0 : GVIR_STREAM_IO_CONDITION_READABLE) |
		(out ? GVIR_STREAM_IO_CONDITION_WRITABLE : 0) | GVIR_STREAM_IO_CONDITION_ERROR |
		GVIR_STREAM_IO_CONDITION_HANGUP;
	GIOCondition fd = (in ? G_IO_OUT : 0) | (out ? 0 : G_IO_IN) | G_IO_HUP | G_IO_ERR;

	g_clear_handle_id(&pump->stream_source, g_source_remove);
	g_clear_handle_id(&pump->fd_source, g_source_remove);
	pump->stream_source = gvir_stream_add_watch_full(pump->stream, G_PRIORITY_DEFAULT, stream,
							 on_stream, pump, NULL);
	pump->fd_source = g_unix_fd_add(pump->fd, fd, on_fd, pump);
}

int console_pump_start(GVirStream *stream)
{
	struct pump *pump;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
		g_object_unref(stream);
		return -1;
	}
	pump = g_new0(struct pump, 1);
	pump->stream = stream;
	pump->fd = pair[0];
	watch(pump);
	return pair[1];
}
