// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A VNC connection to a VM. See remote_screen.h.
 *
 * Descriptors cannot pass through ssh, and libvirt ends a connection on which that is
 * tried: so it is asked for one only where it can come.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gunixsocketaddress.h>
#include <libvirt-gconfig/libvirt-gconfig.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/connection.h"
#include "model/error.h"
#include "model/remote_screen.h"
#include "text.h"

#define XML_SECURE 1	/* VIR_DOMAIN_XML_SECURE */

struct place {
	int fd;			/* a connection already; -1: none */
	char *socket, *host, *password;
	int port;
};

/* What the thread is to ask; the VM may lose its domain meanwhile. */
struct question {
	GVirDomain *domain;
	gboolean may_pass;
};

static struct place *place_new(int fd)
{
	struct place *place = g_new0(struct place, 1);

	place->fd = fd;
	return place;
}

static void place_free(gpointer data)
{
	struct place *place = data;

	if (place->fd >= 0)
		close(place->fd);
	g_free(place->socket);
	g_free(place->host);
	g_free(place->password);
	g_free(place);
}

static void question_free(gpointer data)
{
	struct question *question = data;

	g_object_unref(question->domain);
	g_free(question);
}

static GError *no_screen(const char *cause)
{
	return baton_error_new(BTN_NO_SCREEN, _("There is no screen to show"), cause,
			       _("Use the serial console."));
}

/* ---- the address in the XML: in a thread ---- */

/* "localhost" there is not "localhost" here. */
static gboolean is_loopback(const char *host)
{
	return !host || !*host || !strcmp(host, "127.0.0.1") || !strcmp(host, "::1") ||
	       !strcmp(host, "localhost") || !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

struct wanted { const char *name; char *value; };

static void on_element(GMarkupParseContext *context, const char *element, const char **names,
		       const char **values, gpointer data, GError **error)
{
	struct wanted *wanted = data;

	(void)context;
	(void)error;
	for (; *names && !wanted->value; names++, values++)
		if (!strcmp(element, "graphics") && !strcmp(*names, wanted->name))
			wanted->value = g_strdup(*values);
}

/* What libvirt-gconfig has no getter for. NULL: it is not there; g_free(). */
static char *attribute_of(GVirConfigDomainGraphicsVnc *vnc, const char *name)
{
	static const GMarkupParser parser = { .start_element = on_element };
	g_autofree char *xml = gvir_config_object_to_xml(GVIR_CONFIG_OBJECT(vnc));
	struct wanted wanted = { .name = name };
	g_autoptr(GMarkupParseContext) context = g_markup_parse_context_new(&parser, 0, &wanted,
									    NULL);

	g_markup_parse_context_parse(context, xml, -1, NULL);
	return wanted.value;
}

static struct place *place_of(GVirConfigDomain *config)
{
	GList *devices = gvir_config_domain_get_devices(config);
	struct place *place = NULL;

	for (GList *one = devices; one && !place; one = one->next) {
		GVirConfigDomainGraphicsVnc *vnc = one->data;

		if (!GVIR_CONFIG_IS_DOMAIN_GRAPHICS_VNC(vnc))
			continue;
		place = place_new(-1);
		place->socket = g_strdup(gvir_config_domain_graphics_vnc_get_socket(vnc));
		place->port = gvir_config_domain_graphics_vnc_get_port(vnc);
		place->host = attribute_of(vnc, "listen");
		place->password = attribute_of(vnc, "passwd");
	}
	g_list_free_full(devices, g_object_unref);
	return place;
}

static void in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
	struct question *question = data;
	GError *error = NULL;
	GVirConfigDomain *config;
	struct place *place;
	int fd = question->may_pass ?
		 gvir_domain_open_graphics_fd(question->domain, 0, 0, NULL) : -1;

	(void)source;
	(void)cancellable;
	if (fd >= 0) {
		g_task_return_pointer(task, place_new(fd), place_free);
		return;
	}
	/* With the password, if we may know it: the person then is not asked for it. */
	config = gvir_domain_get_config(question->domain, XML_SECURE, NULL);
	if (!config)
		config = gvir_domain_get_config(question->domain, 0, &error);
	place = config ? place_of(config) : NULL;
	g_clear_object(&config);
	if (place && (place->socket || (place->port > 0 && place->port <= UINT16_MAX))) {
		g_task_return_pointer(task, place, place_free);
		return;
	}
	if (place)
		place_free(place);
	g_task_return_error(task, error ? error : no_screen(
		_("The machine has no screen that is reached by VNC.")));
}

/* ---- getting there ---- */

/* What the other side says is part of a shell's command there: nothing of it may be one. */
static gboolean is_host(const char *text)
{
	return g_ascii_isalnum(*text) ? !text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
						     "ABCDEFGHIJKLMNOPQRSTUVWXYZ.:%_-")] : FALSE;
}

char *remote_screen_command(const char *socket, const char *host, int port)
{
	g_autofree char *word = socket ? g_shell_quote(socket) : NULL;

	if (socket)
		return *socket == '/' ? g_strdup_printf("nc -U %s", word) : NULL;
	if (is_loopback(host))
		host = "127.0.0.1";
	return is_host(host) ? g_strdup_printf("nc %s %d", host, port) : NULL;
}

/* One that outlives whose it is; -1: failed. */
static int copy_fd(int fd, GError **error)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		g_set_error_literal(error, G_IO_ERROR, g_io_error_from_errno(errno),
				    g_strerror(errno));
	return copy;
}

/* ssh, which joins us with a socket on the other computer. */
static int open_by_ssh(const char *uri, const struct place *place, GError **error)
{
	g_autofree char *user = NULL;
	int port, pair[2], in;
	g_autofree char *host = connection_uri_host(uri, &user, &port);
	g_autofree char *port_text = g_strdup_printf("%d", port > 0 ? port : 22);
	g_autofree char *command = remote_screen_command(place->socket, place->host, place->port);
	g_autoptr(GSubprocessLauncher) launcher =
		g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDERR_SILENCE);
	g_autoptr(GSubprocess) process = NULL;

	if (!command) {
		g_propagate_error(error, no_screen(_("Its address cannot be one of a screen.")));
		return -1;
	}
	if (!host || host[0] == '-' || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		g_propagate_error(error, no_screen(_("The connection names no computer.")));
		return -1;
	}
	in = copy_fd(pair[1], error);
	if (in < 0) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	g_subprocess_launcher_take_stdin_fd(launcher, in);
	g_subprocess_launcher_take_stdout_fd(launcher, pair[1]);
	process = g_subprocess_launcher_spawn(launcher, error, "ssh", "-T", "-e", "none", "-p",
					      port_text, "-l", user ? user : g_get_user_name(),
					      "--", host, command, NULL);
	if (process)
		return pair[0];
	close(pair[0]);
	return -1;
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	GError *error = NULL;
	g_autoptr(GSocketConnection) connection =
		g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
	int fd = connection ? copy_fd(g_socket_get_fd(g_socket_connection_get_socket(connection)),
				      &error) : -1;

	if (fd >= 0)
		g_task_return_int(task, fd);
	else
		g_task_return_error(task, baton_error_explain(error,
			_("There is no connection to the screen"), NULL));
}

static void open_by_address(GTask *task, const char *uri, const struct place *place)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketConnectable) address = NULL;
	g_autofree char *user = NULL;
	int port;
	g_autofree char *uri_host = connection_uri_host(uri, &user, &port);
	const char *host = is_loopback(place->host) ? uri_host ? uri_host : "127.0.0.1" :
			   place->host;

	address = place->socket ?
		  G_SOCKET_CONNECTABLE(g_unix_socket_address_new(place->socket)) :
		  g_network_address_new(host, (guint16)place->port);
	g_socket_client_connect_async(client, address, g_task_get_cancellable(task), on_connected,
				      g_object_ref(task));
}

static void on_place(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	BatonVm *vm = BATON_VM(source);
	GError *error = NULL;
	struct place *place = g_task_propagate_pointer(G_TASK(result), &error);
	const char *uri = vm->connection ? baton_connection_uri(vm->connection) : "";
	int fd;

	if (!place) {
		g_task_return_error(task, baton_error_explain(error,
			_("There is no connection to the screen"), NULL));
		return;
	}
	g_task_set_task_data(task, g_strdup(place->password), g_free);
	if (place->fd >= 0) {
		g_task_return_int(task, place->fd);
		place->fd = -1;
	} else if (strstr(uri, "+ssh://")) {
		fd = open_by_ssh(uri, place, &error);
		if (fd < 0)
			g_task_return_error(task, baton_error_explain(error,
				_("There is no connection to the screen"), NULL));
		else
			g_task_return_int(task, fd);
	} else if (place->socket && connection_uri_is_remote(uri)) {
		/* A path there is not one here. */
		g_task_return_error(task, no_screen(_("It is reached on that computer only.")));
	} else {
		open_by_address(task, uri, place);
	}
	place_free(place);
}

void remote_screen_open(BatonVm *vm, GCancellable *cancellable, GAsyncReadyCallback callback,
			gpointer data)
{
	GTask *task = g_task_new(vm, cancellable, callback, data);
	GTask *inner;
	struct question *question;

	/* A descriptor that has come is handed on, also when nobody wants it any more. */
	g_task_set_check_cancellable(task, FALSE);
	if (!vm->domain || !vm->connection) {
		g_task_return_error(task, no_screen(_("libvirt does not know this machine.")));
		g_object_unref(task);
		return;
	}
	question = g_new0(struct question, 1);
	question->domain = g_object_ref(vm->domain);
	question->may_pass = !connection_uri_is_remote(baton_connection_uri(vm->connection));
	inner = g_task_new(vm, cancellable, on_place, task);
	g_task_set_task_data(inner, question, question_free);
	g_task_run_in_thread(inner, in_thread);
	g_object_unref(inner);
}

int remote_screen_open_finish(BatonVm *vm, GAsyncResult *result, char **ret_password,
			      GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, vm), -1);
	*ret_password = g_strdup(g_task_get_task_data(G_TASK(result)));
	return (int)g_task_propagate_int(G_TASK(result), error);
}
