// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection that speaks JSON lines. See link.h.
 *
 * A descriptor comes with the first byte of the message that its answer is in, and the
 * kernel ends a read behind such a message. So it belongs to the last line of what a read
 * has brought, or to the one that this read has left unfinished.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "model/error.h"
#include "model/link.h"
#include "text.h"

#define LINE_MAX_BYTES (8u << 20)
#define READ_BYTES (64u << 10)
#define OUT_MAX_BYTES (4u << 20)
#define FDS_MAX 4

struct _BatonLink {
	GObject parent;
	int fd;			/* -1: closed */
	guint in_source, out_source;
	GString *in;		/* what has come of a line */
	GString *out;
	int line_fd;		/* of the line that is incomplete; -1: none */
	GQueue waiting;		/* of GTask; NULL: an answer that nobody waits for */
};

enum { SIGNAL_EVENT, SIGNAL_CLOSED, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonLink, baton_link, G_TYPE_OBJECT)

static GError *lost(void)
{
	return baton_error_new(BTN_NO_DAEMON, NULL,
			       _("The connection ended before there was an answer."), NULL);
}

void baton_link_close(BatonLink *link)
{
	GTask *task;

	if (link->fd < 0)
		return;
	g_object_ref(link);
	g_clear_handle_id(&link->in_source, g_source_remove);
	g_clear_handle_id(&link->out_source, g_source_remove);
	close(link->fd);
	link->fd = -1;
	while (!g_queue_is_empty(&link->waiting)) {
		task = g_queue_pop_head(&link->waiting);
		if (task)
			g_task_return_error(task, lost());
		g_clear_object(&task);
	}
	g_signal_emit(link, signals[SIGNAL_CLOSED], 0);
	g_object_unref(link);
}

/* ---- in ---- */

static void answer(BatonLink *link, struct reply *reply)
{
	GTask *task;

	if (g_queue_is_empty(&link->waiting)) {
		reply_free(reply);
		return;
	}
	task = g_queue_pop_head(&link->waiting);
	if (!task) {
		reply_free(reply);
		return;
	}
	if (node_flag(reply->node, "ok")) {
		g_task_return_pointer(task, reply, (GDestroyNotify)reply_free);
	} else {
		g_task_return_error(task, baton_error_from_node(reply->node));
		reply_free(reply);
	}
	g_object_unref(task);
}

static void take_line(BatonLink *link, const char *line, gsize length, int fd)
{
	struct reply *reply = reply_new(g_strndup(line, length), length, fd);

	if (!reply) {
		g_warning("a line that is no JSON object came from a socket");
		baton_link_close(link);
	} else if (json_member(reply->node, "event")) {
		g_signal_emit(link, signals[SIGNAL_EVENT], 0, reply);
		reply_free(reply);
	} else {
		answer(link, reply);
	}
}

static void take_lines(BatonLink *link, int fd)
{
	gsize at = 0;
	const char *end;

	while (link->fd >= 0 &&
	       (end = memchr(link->in->str + at, '\n', link->in->len - at))) {
		gsize length = (gsize)(end - link->in->str) - at;
		int line_fd = link->line_fd;

		link->line_fd = -1;
		if (line_fd < 0 && at + length + 1 == link->in->len) {
			line_fd = fd;
			fd = -1;
		}
		take_line(link, link->in->str + at, length, line_fd);
		at += length + 1;
	}
	g_string_erase(link->in, 0, (gssize)at);
	if (fd < 0)
		return;
	if (link->line_fd >= 0 || link->fd < 0)
		close(fd);
	else
		link->line_fd = fd;
}

/* The first of the descriptors that came; others were not asked for. */
static int take_fd(struct msghdr *message)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (fd < 0)
				fd = one;
			else
				close(one);
		}
	}
	return fd;
}

static gboolean on_readable(int socket, GIOCondition condition, gpointer data)
{
	g_autoptr(BatonLink) link = g_object_ref(data);
	g_autofree char *bytes = g_malloc(READ_BYTES);
	union {
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { bytes, READ_BYTES };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	(void)condition;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (got > 0) {
		g_string_append_len(link->in, bytes, got);
		take_lines(link, take_fd(&message));
	}
	if (got > 0 && link->in->len <= LINE_MAX_BYTES && link->fd >= 0)
		return G_SOURCE_CONTINUE;
	if (link->fd >= 0)
		baton_link_close(link);
	return G_SOURCE_CONTINUE; /* closing has removed it */
}

/* ---- out ---- */

static gboolean send_some(BatonLink *link)
{
	ssize_t sent = send(link->fd, link->out->str, link->out->len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return FALSE;
	if (sent > 0)
		g_string_erase(link->out, 0, sent);
	return TRUE;
}

static gboolean on_writable(int socket, GIOCondition condition, gpointer data)
{
	BatonLink *link = data;

	(void)socket;
	(void)condition;
	/* A broken connection shows itself to on_readable(), after its last answers. */
	if (send_some(link) && link->out->len)
		return G_SOURCE_CONTINUE;
	link->out_source = 0;
	return G_SOURCE_REMOVE;
}

static gboolean send_line(BatonLink *link, char *request)
{
	g_autofree char *line = request;

	if (!line || link->fd < 0 || link->out->len > OUT_MAX_BYTES)
		return FALSE;
	g_string_append(link->out, line);
	if (!g_str_has_suffix(line, "\n"))
		g_string_append_c(link->out, '\n');
	if (!link->out_source && send_some(link) && link->out->len)
		link->out_source = g_unix_fd_add(link->fd, G_IO_OUT, on_writable, link);
	return TRUE;
}

void baton_link_call(BatonLink *link, char *request, GCancellable *cancellable,
		     GAsyncReadyCallback callback, gpointer data)
{
	GTask *task = g_task_new(link, cancellable, callback, data);

	if (send_line(link, request)) {
		g_queue_push_tail(&link->waiting, task);
		return;
	}
	g_task_return_error(task, lost());
	g_object_unref(task);
}

struct reply *baton_link_call_finish(BatonLink *link, GAsyncResult *result, GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, link), NULL);
	return g_task_propagate_pointer(G_TASK(result), error);
}

void baton_link_tell(BatonLink *link, char *request)
{
	if (send_line(link, request))
		g_queue_push_tail(&link->waiting, NULL);
}

/* ---- life ---- */

gboolean baton_link_is_open(BatonLink *link)
{
	return link->fd >= 0;
}

BatonLink *baton_link_new(int fd)
{
	BatonLink *link = g_object_new(BATON_TYPE_LINK, NULL);

	g_unix_set_fd_nonblocking(fd, TRUE, NULL);
	link->fd = fd;
	link->in_source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, link);
	return link;
}

BatonLink *baton_link_connect(const char *path, int *ret_errno)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	*ret_errno = ENAMETOOLONG;
	if (strlen(path) >= sizeof(address.sun_path))
		return NULL;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A UNIX socket takes a connection at once, or says why not: a full queue, EAGAIN. */
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		*ret_errno = 0;
		return baton_link_new(fd);
	}
	*ret_errno = errno;
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void baton_link_init(BatonLink *link)
{
	link->fd = link->line_fd = -1;
	link->in = g_string_new(NULL);
	link->out = g_string_new(NULL);
	g_queue_init(&link->waiting);
}

static void baton_link_finalize(GObject *object)
{
	BatonLink *link = BATON_LINK(object);

	/* Tasks hold a reference, so none waits; answers that nobody wants may. */
	g_queue_clear(&link->waiting);
	g_clear_handle_id(&link->in_source, g_source_remove);
	g_clear_handle_id(&link->out_source, g_source_remove);
	if (link->fd >= 0)
		close(link->fd);
	if (link->line_fd >= 0)
		close(link->line_fd);
	g_string_free(link->in, TRUE);
	g_string_free(link->out, TRUE);
	G_OBJECT_CLASS(baton_link_parent_class)->finalize(object);
}

static void baton_link_class_init(BatonLinkClass *class)
{
	G_OBJECT_CLASS(class)->finalize = baton_link_finalize;
	signals[SIGNAL_EVENT] = g_signal_new("event", BATON_TYPE_LINK, G_SIGNAL_RUN_LAST, 0, NULL,
					     NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
	signals[SIGNAL_CLOSED] = g_signal_new("closed", BATON_TYPE_LINK, G_SIGNAL_RUN_LAST, 0,
					      NULL, NULL, NULL, G_TYPE_NONE, 0);
}
