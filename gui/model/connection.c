// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection to a libvirt URI and its VMs. See connection.h.
 *
 * libvirt-glib does not tell of a daemon that has gone: calls just fail from then on. So a
 * close callback is set on the connection below it, and failing calls are looked at, too.
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "model/connection.h"
#include "model/error.h"
#include "text.h"

/* Of a link that is dead without a word: it is given up after this much silence. */
#define KEEPALIVE_S 5
#define KEEPALIVE_COUNT 6

struct _BatonConnection {
	GObject parent;
	char *uri;
	BatonApi *api;
	enum connection_state state;
	GError *error;
	GVirConnection *libvirt;
	GListStore *vms;
	GHashTable *by_uuid;	/* own keys of the VMs' */
	GCancellable *opening;
};

enum { SIGNAL_CHANGED, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonConnection, baton_connection, G_TYPE_OBJECT)

static void set_state(BatonConnection *connection, enum connection_state state, GError *error)
{
	g_clear_error(&connection->error);
	connection->state = state;
	connection->error = error;
	g_signal_emit(connection, signals[SIGNAL_CHANGED], 0);
}

/* ---- VMs ---- */

BatonVm *baton_connection_find(BatonConnection *connection, const char *uuid)
{
	g_autofree char *key = uuid ? g_ascii_strdown(uuid, -1) : NULL;

	return key ? g_hash_table_lookup(connection->by_uuid, key) : NULL;
}

/* ret_new: it is not in the list yet; show_vm() puts it there once it is known. */
static BatonVm *want_vm(BatonConnection *connection, const char *uuid, gboolean *ret_new)
{
	BatonVm *vm = baton_connection_find(connection, uuid);

	*ret_new = !vm;
	if (!vm) {
		vm = baton_vm_new(connection, uuid);
		g_hash_table_insert(connection->by_uuid, vm->uuid, vm);
	}
	return vm;
}

static void show_vm(BatonConnection *connection, BatonVm *vm, gboolean is_new)
{
	if (is_new)
		g_list_store_append(connection->vms, vm);
}

/* Neither side knows it any more. */
static void drop_if_gone(BatonConnection *connection, BatonVm *vm)
{
	guint at;

	if (vm->domain || vm->native)
		return;
	g_object_ref(vm);
	if (g_list_store_find(connection->vms, vm, &at))
		g_list_store_remove(connection->vms, at);
	g_hash_table_remove(connection->by_uuid, vm->uuid);
	vm->connection = NULL;
	baton_vm_changed(vm); /* a window of its own may be open */
	g_object_unref(vm);
}

static GPtrArray *all_vms(BatonConnection *connection)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(g_object_unref);
	GHashTableIter iter;
	gpointer vm;

	g_hash_table_iter_init(&iter, connection->by_uuid);
	while (g_hash_table_iter_next(&iter, NULL, &vm))
		g_ptr_array_add(all, g_object_ref(vm));
	return all;
}

/* ---- libvirt: domains ---- */

static void on_info(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonVm) vm = data;
	g_autoptr(GError) error = NULL;
	GVirDomainInfo *info = gvir_domain_get_info_finish(GVIR_DOMAIN(source), result, &error);

	if (info) {
		baton_vm_take_info(vm, info);
		g_boxed_free(GVIR_TYPE_DOMAIN_INFO, info);
	} else if (vm->connection) {
		baton_connection_check(vm->connection, error);
	}
}

static void ask_info(BatonVm *vm)
{
	/* The API has said it already, and better. */
	if (vm->domain && !vm->native)
		gvir_domain_get_info_async(vm->domain, NULL, on_info, g_object_ref(vm));
}

static void on_domain_changed(GVirDomain *domain, gpointer data)
{
	BatonConnection *connection = data;
	BatonVm *vm = baton_connection_find(connection, gvir_domain_get_uuid(domain));

	if (vm)
		ask_info(vm);
}

static void add_domain(BatonConnection *connection, GVirDomain *domain)
{
	static const char *const names[] = { "started", "stopped", "resumed", "suspended",
					     "updated", "pmsuspended" };
	gboolean is_new;
	BatonVm *vm = want_vm(connection, gvir_domain_get_uuid(domain), &is_new);

	if (vm->domain != domain)
		for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
			g_signal_connect(domain, names[i], G_CALLBACK(on_domain_changed),
					 connection);
	if (vm->domain && vm->domain != domain)
		g_signal_handlers_disconnect_by_data(vm->domain, connection);
	baton_vm_take_domain(vm, domain);
	show_vm(connection, vm, is_new);
	ask_info(vm);
}

static void forget_domain(BatonConnection *connection, BatonVm *vm)
{
	if (!vm->domain)
		return;
	g_signal_handlers_disconnect_by_data(vm->domain, connection);
	baton_vm_take_domain(vm, NULL);
	drop_if_gone(connection, vm);
}

static void on_domain_added(GVirConnection *libvirt, GVirDomain *domain, gpointer data)
{
	(void)libvirt;
	add_domain(data, domain);
}

static void on_domain_removed(GVirConnection *libvirt, GVirDomain *domain, gpointer data)
{
	BatonVm *vm = baton_connection_find(data, gvir_domain_get_uuid(domain));

	(void)libvirt;
	if (vm)
		forget_domain(data, vm);
}

/* ---- libvirt: the connection ---- */

static void end_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
	(void)source;
	(void)cancellable;
	gvir_connection_close(data);
	g_task_return_boolean(task, TRUE);
}

/* This waits for the other side, and until it has been opened: not here. Takes a reference. */
static void end_libvirt(GVirConnection *libvirt)
{
	GTask *task = g_task_new(NULL, NULL, NULL, NULL);

	g_task_set_task_data(task, libvirt, g_object_unref);
	g_task_run_in_thread(task, end_in_thread);
	g_object_unref(task);
}

static void drop_libvirt(BatonConnection *connection)
{
	g_autoptr(GPtrArray) all = all_vms(connection);
	GVirConnection *libvirt = g_steal_pointer(&connection->libvirt);

	if (connection->opening)
		g_cancellable_cancel(connection->opening);
	g_clear_object(&connection->opening);
	for (guint i = 0; i < all->len; i++)
		forget_domain(connection, all->pdata[i]);
	if (!libvirt)
		return;
	g_signal_handlers_disconnect_by_data(libvirt, connection);
	end_libvirt(libvirt);
}

static void lose(BatonConnection *connection, const char *cause)
{
	drop_libvirt(connection);
	set_state(connection, CONNECTION_FAILED, baton_error_new(BTN_NO_DAEMON,
		_("The connection was lost"), cause, _("Connect again.")));
}

gboolean baton_connection_check(BatonConnection *connection, const GError *error)
{
	if (!error || connection->state != CONNECTION_OPEN ||
	    !(strstr(error->message, "socket is closed") || strstr(error->message, "Broken pipe") ||
	      strstr(error->message, "keepalive")))
		return FALSE;
	lose(connection, _("The other side does not answer any more."));
	return TRUE;
}

/* Called by libvirt from the main loop, but perhaps inside a call: act on it afterwards. */
static gboolean close_later(gpointer data)
{
	BatonConnection *connection = data;

	if (connection->state == CONNECTION_OPEN)
		lose(connection, _("The other side has closed it."));
	return G_SOURCE_REMOVE;
}

static void on_closed(virConnectPtr handle, int reason, void *data)
{
	GWeakRef *weak = data;
	BatonConnection *connection = g_weak_ref_get(weak);

	(void)handle;
	(void)reason;
	if (connection)
		g_idle_add_full(G_PRIORITY_DEFAULT, close_later, connection, g_object_unref);
}

static void free_weak(void *data)
{
	g_weak_ref_clear(data);
	g_free(data);
}

static void watch_close(BatonConnection *connection)
{
	virConnectPtr handle = NULL;
	GWeakRef *weak = g_new0(GWeakRef, 1);

	g_weak_ref_init(weak, connection);
	g_object_get(connection->libvirt, "handle", &handle, NULL);
	if (!handle || virConnectRegisterCloseCallback(handle, on_closed, weak, free_weak))
		free_weak(weak);
	if (handle)
		virConnectClose(handle); /* a reference of it */
}

/* Over a network it may go without a word: this has the close callback called. */
static void keep_alive(BatonConnection *connection)
{
	virConnectPtr handle = NULL;

	if (!connection_uri_is_remote(connection->uri))
		return;
	g_object_get(connection->libvirt, "handle", &handle, NULL);
	if (!handle)
		return;
	if (virConnectSetKeepAlive(handle, KEEPALIVE_S, KEEPALIVE_COUNT))
		g_debug("%s: no keepalive", connection->uri);
	virConnectClose(handle); /* a reference of it */
}

static GError *open_error(BatonConnection *connection, GError *error)
{
	g_autofree char *title = baton_connection_title(connection);
	g_autofree char *sentence = g_strdup_printf(_("There is no connection to %s"), title);

	return baton_error_explain(error, sentence, connection->api ?
		_("Look at what is wrong: \"vmctl doctor\".") :
		_("Check the address and that libvirt or Baton is installed there."));
}

static void on_fetched(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonConnection) connection = data;
	GList *domains;
	GError *error = NULL;

	if (!gvir_connection_fetch_domains_finish(GVIR_CONNECTION(source), result, &error)) {
		if (connection->libvirt == GVIR_CONNECTION(source)) {
			drop_libvirt(connection);
			set_state(connection, CONNECTION_FAILED, open_error(connection, error));
		} else {
			g_error_free(error);
		}
		return;
	}
	if (connection->libvirt != GVIR_CONNECTION(source))
		return;
	domains = gvir_connection_get_domains(connection->libvirt);
	for (GList *one = domains; one; one = one->next)
		add_domain(connection, one->data);
	g_list_free_full(domains, g_object_unref);
	set_state(connection, CONNECTION_OPEN, NULL);
}

static void on_opened(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonConnection) connection = data;
	GError *error = NULL;
	gboolean ok = gvir_connection_open_finish(GVIR_CONNECTION(source), result, &error);

	if (connection->libvirt != GVIR_CONNECTION(source)) {
		/* Closed meanwhile, perhaps before this had begun. */
		if (ok)
			end_libvirt(g_object_ref(GVIR_CONNECTION(source)));
		g_clear_error(&error);
		return;
	}
	if (!ok) {
		drop_libvirt(connection);
		set_state(connection, CONNECTION_FAILED, open_error(connection, error));
		return;
	}
	watch_close(connection);
	keep_alive(connection);
	g_signal_connect(connection->libvirt, "domain-added", G_CALLBACK(on_domain_added),
			 connection);
	g_signal_connect(connection->libvirt, "domain-removed", G_CALLBACK(on_domain_removed),
			 connection);
	gvir_connection_fetch_domains_async(connection->libvirt, connection->opening, on_fetched,
					    g_object_ref(connection));
}

/* Our own daemon's socket is named: libvirt would start libvirtd where there is none. */
static char *uri_to_open(BatonConnection *connection)
{
	g_autofree char *socket = baton_api_socket_path("libvirt.sock");
	g_autofree char *escaped = g_uri_escape_string(socket, "/", FALSE);

	if (!connection->api || strchr(connection->uri, '?'))
		return g_strdup(connection->uri);
	return g_strdup_printf("%s?socket=%s", connection->uri, escaped);
}

static void open_libvirt(BatonConnection *connection)
{
	g_autofree char *uri = uri_to_open(connection);

	connection->libvirt = gvir_connection_new(uri);
	connection->opening = g_cancellable_new();
	set_state(connection, CONNECTION_OPENING, NULL);
	gvir_connection_open_async(connection->libvirt, connection->opening, on_opened,
				   g_object_ref(connection));
}

/* ---- the API ---- */

static void take_node(BatonConnection *connection, const struct json_node *node)
{
	const char *uuid = node_text(node, "uuid");
	gboolean is_new;
	BatonVm *vm;

	if (!uuid || !node_text(node, "name"))
		return;
	vm = want_vm(connection, uuid, &is_new);
	baton_vm_take_node(vm, node);
	show_vm(connection, vm, is_new);
}

static void forget_node(BatonConnection *connection, BatonVm *vm)
{
	vm->native = FALSE;
	drop_if_gone(connection, vm);
}

/* Those that are gone since the list was asked for the last time. */
static void forget_others(BatonConnection *connection, const struct json_node *vms)
{
	g_autoptr(GPtrArray) all = all_vms(connection);
	g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
	const struct json_node *node = NULL;

	while ((node = json_next(vms, node)))
		g_hash_table_add(known, baton_connection_find(connection, node_text(node, "uuid")));
	for (guint i = 0; i < all->len; i++)
		if (BATON_VM(all->pdata[i])->native && !g_hash_table_contains(known, all->pdata[i]))
			forget_node(connection, all->pdata[i]);
}

static void on_vm_list(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonConnection) connection = data;
	g_autoptr(GError) error = NULL;
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, &error);
	const struct json_node *vms = reply ? json_member(reply->node, "vms") : NULL;
	const struct json_node *vm = NULL;

	while (vms && (vm = json_next(vms, vm)))
		take_node(connection, vm);
	if (vms)
		forget_others(connection, vms);
	/* Libvirt second: the names that it needs are there, and its answer changes little. */
	if (baton_api_state(connection->api) == API_UP && !connection->libvirt)
		open_libvirt(connection);
}

static void on_api_event(BatonApi *api, const char *name, const struct json_node *line,
			 gpointer data)
{
	BatonConnection *connection = data;
	const struct json_node *node = json_member(line, "vm");
	BatonVm *vm = baton_connection_find(connection, node_text(line, "uuid"));

	(void)api;
	if (!g_strcmp0(name, "vm-removed")) {
		/* Libvirt's own word of it may come later, or never, if the face is not there. */
		if (vm)
			forget_domain(connection, g_object_ref(vm));
		if (vm)
			forget_node(connection, vm);
		g_clear_object(&vm);
	} else if (node && node->type == JSON_OBJECT) {
		take_node(connection, node);
	}
}

static void on_api_job(BatonApi *api, const struct json_node *job, gpointer data)
{
	BatonVm *vm = baton_connection_find(data, node_text(job, "uuid"));

	(void)api;
	if (vm)
		baton_vm_take_job(vm, job);
}

static void on_api_state(BatonApi *api, gpointer data)
{
	BatonConnection *connection = data;
	g_autoptr(GPtrArray) all = NULL;

	switch (baton_api_state(api)) {
	case API_UP:
		baton_api_call(api, request_text("vm-list", NULL), NULL, on_vm_list,
			       g_object_ref(connection));
		return;
	case API_DOWN:
		drop_libvirt(connection);
		all = all_vms(connection);
		/* They go on without the daemon; who shows them keeps them. */
		for (guint i = 0; i < all->len; i++)
			baton_vm_set_unknown(all->pdata[i]);
		set_state(connection, CONNECTION_FAILED, g_error_copy(baton_api_error(api)));
		return;
	default:
		set_state(connection, CONNECTION_OPENING, NULL);
	}
}

/* ---- life ---- */

void baton_connection_open(BatonConnection *connection)
{
	if (connection->state == CONNECTION_OPEN || connection->state == CONNECTION_OPENING)
		return;
	if (!connection->api)
		open_libvirt(connection);
	else if (baton_api_state(connection->api) == API_UP)
		on_api_state(connection->api, connection);
	else
		baton_api_connect(connection->api, TRUE);
}

void baton_connection_close(BatonConnection *connection)
{
	drop_libvirt(connection);
	set_state(connection, CONNECTION_CLOSED, NULL);
}

const char *baton_connection_uri(BatonConnection *connection)
{
	return connection->uri;
}

enum connection_state baton_connection_state(BatonConnection *connection)
{
	return connection->state;
}

const GError *baton_connection_error(BatonConnection *connection)
{
	return connection->error;
}

BatonApi *baton_connection_api(BatonConnection *connection)
{
	return connection->api;
}

GVirConnection *baton_connection_libvirt(BatonConnection *connection)
{
	return connection->libvirt;
}

GListModel *baton_connection_vms(BatonConnection *connection)
{
	return G_LIST_MODEL(connection->vms);
}

BatonConnection *baton_connection_new(const char *uri, BatonApi *api)
{
	BatonConnection *connection = g_object_new(BATON_TYPE_CONNECTION, NULL);

	connection->uri = g_strdup(uri);
	if (!api)
		return connection;
	connection->api = g_object_ref(api);
	g_signal_connect(api, "state", G_CALLBACK(on_api_state), connection);
	g_signal_connect(api, "event", G_CALLBACK(on_api_event), connection);
	g_signal_connect(api, "job", G_CALLBACK(on_api_job), connection);
	return connection;
}

static void baton_connection_init(BatonConnection *connection)
{
	connection->vms = g_list_store_new(BATON_TYPE_VM);
	connection->by_uuid = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_object_unref);
}

static void baton_connection_dispose(GObject *object)
{
	BatonConnection *connection = BATON_CONNECTION(object);

	if (connection->by_uuid)
		drop_libvirt(connection);
	if (connection->api)
		g_signal_handlers_disconnect_by_data(connection->api, connection);
	g_clear_object(&connection->api);
	G_OBJECT_CLASS(baton_connection_parent_class)->dispose(object);
}

static void baton_connection_finalize(GObject *object)
{
	BatonConnection *connection = BATON_CONNECTION(object);
	g_autoptr(GPtrArray) all = all_vms(connection);

	for (guint i = 0; i < all->len; i++)
		((BatonVm *)all->pdata[i])->connection = NULL;
	g_hash_table_unref(connection->by_uuid);
	g_object_unref(connection->vms);
	g_clear_error(&connection->error);
	g_free(connection->uri);
	G_OBJECT_CLASS(baton_connection_parent_class)->finalize(object);
}

static void baton_connection_class_init(BatonConnectionClass *class)
{
	G_OBJECT_CLASS(class)->dispose = baton_connection_dispose;
	G_OBJECT_CLASS(class)->finalize = baton_connection_finalize;
	signals[SIGNAL_CHANGED] = g_signal_new("changed", BATON_TYPE_CONNECTION, G_SIGNAL_RUN_LAST,
					       0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}
