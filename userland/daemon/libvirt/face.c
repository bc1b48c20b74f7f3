// SPDX-License-Identifier: GPL-2.0-or-later
/* Listening, and who may come in. */
#define _GNU_SOURCE
#include "libvirt/libvirt.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/unix_socket.h"
#include "libvirt/connection.h"
#include "libvirt/definition.h"
#include "libvirt/pool.h"
#include "libvirt/registration.h"
#include "paths.h"

#define BACKLOG 32
#define LISTENERS_MAX 8u
#define PATIENCE_MS 500u

struct listener {
	int fd;
	unsigned int source;
	bool readonly;
	char *path;		/* that we have made; NULL: somebody else did */
};

static struct listener listeners[LISTENERS_MAX];
static unsigned int listener_count;

/* ---- who comes in ---- */

static bool is_allowed(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) &&
		(peer.uid == geteuid() || !peer.uid);
}

static gboolean on_connection(gint listen_fd, GIOCondition condition, gpointer data);

static gboolean on_patience(gpointer data)
{
	struct listener *listener = data;

	listener->source = g_unix_fd_add(listener->fd, G_IO_IN, on_connection, listener);
	return G_SOURCE_REMOVE;
}

static gboolean on_connection(gint listen_fd, G_GNUC_UNUSED GIOCondition condition, gpointer data)
{
	struct listener *listener = data;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
		/* It stays there until there are descriptors again. */
		listener->source = g_timeout_add(PATIENCE_MS, on_patience, listener);
		return G_SOURCE_REMOVE;
	}
	if (fd < 0)
		return G_SOURCE_CONTINUE;
	if (!is_allowed(fd)) {
		g_debug("libvirt: a connection of another user was refused");
		close(fd);
	} else if (connections_count() >= CONNECTIONS_MAX) {
		g_message("libvirt: there are %u connections already: another one was refused",
			  CONNECTIONS_MAX);
		close(fd);
	} else {
		connection_new(fd, listener->readonly);
	}
	return G_SOURCE_CONTINUE;
}

/* ---- where ---- */

static void add_listener(int fd, const char *path, bool is_ours)
{
	struct listener *l = &listeners[listener_count++];

	*l = (struct listener){ .fd = fd, .path = is_ours ? g_strdup(path) : NULL };
	l->readonly = path && g_str_has_suffix(path, "-ro");
	l->source = g_unix_fd_add(fd, G_IO_IN, on_connection, l);
}

/* The path that a socket is bound to; NULL: none. g_free(). */
static char *path_of(int fd)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, (struct sockaddr *)&address, &size) || address.sun_family != AF_UNIX ||
	    !address.sun_path[0])
		return NULL;
	return g_strndup(address.sun_path, sizeof(address.sun_path));
}

static bool was_passed(const char *path, const int *fds, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		char *its = path_of(fds[i]);
		bool same = its && !strcmp(its, path);

		g_free(its);
		if (same)
			return true;
	}
	return false;
}

static bool listen_at(const char *path, struct btn_error *e)
{
	char *folder = g_path_get_dirname(path);
	int fd = -EMFILE;

	/* Others use it, too: made if need be, and left as it is. */
	if (mkdir(folder, 0700) && errno != EEXIST)
		fd = -errno;
	else if (listener_count < LISTENERS_MAX)
		fd = unix_listen(path, SOCK_STREAM, BACKLOG);
	g_free(folder);
	if (fd < 0) {
		btn_set(e, BTN_DAEMON_FAILED, "libvirt's clients cannot be listened for at "
			"\"%.128s\"", path);
		btn_set_cause(e, "The host says: %s.", g_strerror(-fd));
		return false;
	}
	add_listener(fd, path, true);
	return true;
}

bool libvirt_face_start(const int *fds, unsigned int count, struct btn_error *e)
{
	unsigned int i;

	pools_start();
	definition_start();
	registrations_start();
	for (i = 0; i < G_N_ELEMENTS(paths.libvirt_sockets); i++)
		if (paths.libvirt_sockets[i] &&
		    !was_passed(paths.libvirt_sockets[i], fds, count) &&
		    !listen_at(paths.libvirt_sockets[i], e)) {
			libvirt_face_stop();
			return false;
		}
	for (i = 0; i < count && listener_count < LISTENERS_MAX; i++) {
		char *path = path_of(fds[i]);

		g_unix_set_fd_nonblocking(fds[i], TRUE, NULL);
		add_listener(fds[i], path, false);
		g_free(path);
	}
	return true;
}

static void end_one(struct connection *conn, G_GNUC_UNUSED void *ctx)
{
	connection_end(conn);
}

void libvirt_face_stop(void)
{
	while (listener_count) {
		struct listener *l = &listeners[--listener_count];

		g_source_remove(l->source);
		close(l->fd);
		if (l->path)
			unlink(l->path);
		g_free(l->path);
	}
	connections_each(end_one, NULL);
	registrations_stop();
	definition_stop();
	pools_stop();
}

unsigned int libvirt_face_connections(void)
{
	return connections_count();
}
