// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A VM's serial console. See serial_line.h.
 */
#include "lib/json_write.h"
#include "model/connection.h"
#include "model/console_pump.h"
#include "model/error.h"
#include "model/serial_line.h"
#include "text.h"

/* ---- local: a socket of the monitor's ---- */

static void take_socket(GTask *task, int fd)
{
	GError *error = NULL;
	g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, &error);

	if (!socket) {
		g_task_return_error(task, baton_error_explain(error,
			_("The serial console cannot be opened"), NULL));
		return;
	}
	g_task_return_pointer(task, g_socket_connection_factory_create_connection(socket),
			      g_object_unref);
}

static void on_attached(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	GError *error = NULL;
	AUTO_REPLY reply = baton_link_call_finish(BATON_LINK(source), result, &error);

	if (!reply)
		g_task_return_error(task, error);
	else if (reply->fd < 0)
		g_task_return_error(task, baton_error_new(BTN_NO_CONSOLE, NULL, NULL, NULL));
	else
		take_socket(task, reply_steal_fd(reply));
	/* The console has a socket of its own; this one has done its work. */
	baton_link_close(BATON_LINK(source));
}

static char *attach_request(void)
{
	struct json_out out;
	char text[96];

	json_put_start(&out, text, sizeof(text));
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", "attach-serial");
	json_put_bool(&out, "history", true);
	json_put_close(&out, '}');
	return json_put_end(&out) < 0 ? NULL : g_strndup(text, out.length);
}

static void on_monitor(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	g_autoptr(BatonLink) link = NULL;
	GError *error = NULL;
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, &error);

	if (!reply) {
		g_task_return_error(task, error);
	} else if (reply->fd < 0) {
		g_task_return_error(task, baton_error_new(BTN_NO_CONSOLE, NULL, NULL, NULL));
	} else {
		link = baton_link_new(reply_steal_fd(reply));
		baton_link_call(link, attach_request(), NULL, on_attached,
				g_steal_pointer(&task));
	}
}

/* ---- libvirt ---- */

static void on_console(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	GError *error = NULL;
	GVirStream *stream = g_task_propagate_pointer(G_TASK(result), &error);
	int fd = stream ? console_pump_start(stream) : -1;

	(void)source;
	if (error)
		g_task_return_error(task, error);
	else if (fd < 0)
		g_task_return_error(task, baton_error_new(BTN_NO_FDS, NULL, NULL, NULL));
	else
		take_socket(task, fd);
}

/* What the thread works with; the VM may lose its domain meanwhile. */
struct place {
	GVirConnection *libvirt;
	GVirDomain *domain;
};

static void place_free(gpointer data)
{
	struct place *place = data;

	g_object_unref(place->libvirt);
	g_object_unref(place->domain);
	g_free(place);
}

static void in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
	struct place *place = data;
	GError *error = NULL;
	GVirStream *stream = gvir_connection_get_stream(place->libvirt, 0);

	(void)source;
	(void)cancellable;
	if (gvir_domain_open_console(place->domain, stream, NULL, 0, &error)) {
		g_task_return_pointer(task, stream, g_object_unref);
		return;
	}
	g_object_unref(stream);
	g_task_return_error(task, baton_error_explain(error,
		_("The serial console cannot be opened"),
		_("Look whether somebody else has it open.")));
}

void serial_line_open(BatonVm *vm, GCancellable *cancellable, GAsyncReadyCallback callback,
		      gpointer data)
{
	GTask *task = g_task_new(vm, cancellable, callback, data);
	BatonApi *api = vm->connection ? baton_connection_api(vm->connection) : NULL;
	GVirConnection *libvirt = vm->connection ? baton_connection_libvirt(vm->connection) : NULL;
	struct place *place;
	GTask *inner;

	if (api && vm->native) {
		baton_api_call(api, request_text("vm-monitor", "name", vm->uuid, NULL), cancellable,
			       on_monitor, task);
		return;
	}
	if (vm->domain && libvirt) {
		place = g_new0(struct place, 1);
		place->libvirt = g_object_ref(libvirt);
		place->domain = g_object_ref(vm->domain);
		inner = g_task_new(vm, NULL, on_console, task);
		g_task_set_task_data(inner, place, place_free);
		g_task_run_in_thread(inner, in_thread);
		g_object_unref(inner);
		return;
	}
	g_task_return_error(task, baton_error_new(BTN_NO_CONSOLE, NULL, NULL, NULL));
	g_object_unref(task);
}

GIOStream *serial_line_open_finish(BatonVm *vm, GAsyncResult *result, GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, vm), NULL);
	return g_task_propagate_pointer(G_TASK(result), error);
}
