// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The application. See app.h.
 */
#include <libvirt-gobject/libvirt-gobject.h>

#include "actions.h"
#include "app.h"
#include "model/daemon_start.h"
#include "model/error.h"
#include "text.h"
#include "widgets/vm_window.h"
#include "widgets/window.h"

struct _BatonApp {
	GtkApplication parent;
	BatonApi *api;
	BatonConnections *connections;
	GtkWindow *window;
	GHashTable *vm_windows;	/* BatonVm -> its window */
	GError *host_problem;
	char **uris;		/* of --connect */
	gboolean wants_new;	/* --new, and the daemon is not up yet */
	gboolean was_active;
};

/* First the machines, then what may be wrong with the host. */
#define DOCTOR_DELAY_MS 500

enum { SIGNAL_DOCTOR, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonApp, baton_app, GTK_TYPE_APPLICATION)

BatonApp *baton_app_get(void)
{
	return BATON_APP(g_application_get_default());
}

BatonConnections *baton_app_connections(BatonApp *app)
{
	return app->connections;
}

BatonApi *baton_app_api(BatonApp *app)
{
	return app->api;
}

const GError *baton_app_host_problem(BatonApp *app)
{
	return app->host_problem;
}

/* ---- windows ---- */

GtkWindow *baton_app_main_window(BatonApp *app)
{
	if (!app->window) {
		app->window = GTK_WINDOW(baton_window_new(app));
		g_object_add_weak_pointer(G_OBJECT(app->window), (gpointer *)&app->window);
	}
	return app->window;
}

static void on_vm_window_gone(GtkWidget *window, gpointer data)
{
	BatonApp *app = data;

	if (app->vm_windows)
		g_hash_table_remove(app->vm_windows, baton_vm_window_vm(BATON_VM_WINDOW(window)));
}

void baton_app_open_vm(BatonApp *app, BatonVm *vm)
{
	GtkWidget *window = g_hash_table_lookup(app->vm_windows, vm);

	if (!window) {
		window = baton_vm_window_new(app, vm);
		g_hash_table_insert(app->vm_windows, g_object_ref(vm), window);
		g_signal_connect(window, "destroy", G_CALLBACK(on_vm_window_gone), app);
	}
	gtk_window_present(GTK_WINDOW(window));
}

/* ---- start ---- */

static void on_doctor(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonApp) app = data;

	(void)source;
	app->host_problem = doctor_ask_finish(result);
	if (app->host_problem)
		g_signal_emit(app, signals[SIGNAL_DOCTOR], 0);
}

static void make_new(BatonApp *app)
{
	if (!app->wants_new || baton_api_state(app->api) != API_UP)
		return;
	app->wants_new = FALSE;
	g_action_group_activate_action(G_ACTION_GROUP(app), "new-vm", NULL);
}

static void on_api_state(BatonApi *api, gpointer data)
{
	(void)api;
	make_new(data);
}

static void add_style(void)
{
	g_autoptr(GtkCssProvider) provider = gtk_css_provider_new();

	gtk_css_provider_load_from_resource(provider, "/org/baton/ui/style.css");
	gtk_style_context_add_provider_for_screen(gdk_screen_get_default(),
						  GTK_STYLE_PROVIDER(provider),
						  GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
	gtk_icon_theme_add_resource_path(gtk_icon_theme_get_default(), "/org/baton/icons");
	gtk_window_set_default_icon_name(BATON_APP_ID);
}

static void baton_app_startup(GApplication *application)
{
	BatonApp *app = BATON_APP(application);

	G_APPLICATION_CLASS(baton_app_parent_class)->startup(application);
	add_style();
	app->api = baton_api_new(NULL);
	app->connections = baton_connections_new(NULL, app->api);
	app_actions_add(app);
	g_signal_connect_object(app->api, "state", G_CALLBACK(on_api_state), app, 0);
	actions_set_accels(GTK_APPLICATION(app));
}

static gboolean ask_doctor(gpointer data)
{
	doctor_ask(NULL, on_doctor, g_object_ref(data));
	return G_SOURCE_REMOVE;
}

static void add_uris(BatonApp *app)
{
	for (char **uri = app->uris; uri && *uri; uri++)
		if (!connection_uri_fault(*uri))
			baton_connections_add(app->connections, *uri, FALSE);
}

/* What takes time comes behind the first picture of the window. */
static gboolean open_connections(gpointer data)
{
	g_autoptr(BatonApp) app = data;

	gvir_init_object(NULL, NULL);
	baton_connections_open_all(app->connections);
	add_uris(app);
	g_timeout_add_full(G_PRIORITY_LOW, DOCTOR_DELAY_MS, ask_doctor, g_object_ref(app),
			   g_object_unref);
	return G_SOURCE_REMOVE;
}

static void baton_app_activate(GApplication *application)
{
	BatonApp *app = BATON_APP(application);
	gboolean first = !app->was_active;

	app->was_active = TRUE;
	gtk_window_present(baton_app_main_window(app));
	if (first)
		g_idle_add(open_connections, g_object_ref(app));
	else
		add_uris(app);
}

static int baton_app_command_line(GApplication *application, GApplicationCommandLine *line)
{
	BatonApp *app = BATON_APP(application);
	GVariantDict *options = g_application_command_line_get_options_dict(line);
	gboolean new_vm = FALSE;

	g_clear_pointer(&app->uris, g_strfreev);
	g_variant_dict_lookup(options, "connect", "^as", &app->uris);
	for (char **uri = app->uris; uri && *uri; uri++) {
		const char *fault = connection_uri_fault(*uri);

		if (fault) {
			g_application_command_line_printerr(line, "baton: %s: %s\n", *uri, fault);
			return BTN_EXIT_USAGE;
		}
	}
	g_application_activate(application);
	g_variant_dict_lookup(options, "new", "b", &new_vm);
	app->wants_new |= new_vm;
	make_new(app);
	return 0;
}

/* ---- life ---- */

BatonApp *baton_app_new(void)
{
	return g_object_new(BATON_TYPE_APP, "application-id", BATON_APP_ID, "flags",
			    G_APPLICATION_HANDLES_COMMAND_LINE, NULL);
}

static void baton_app_init(BatonApp *app)
{
	static const GOptionEntry options[] = {
		{ "connect", 'c', 0, G_OPTION_ARG_STRING_ARRAY, NULL,
		  N_("Also show the machines of this libvirt connection"), N_("URI") },
		{ "new", 'n', 0, G_OPTION_ARG_NONE, NULL, N_("Make a virtual machine"), NULL },
		{ NULL },
	};

	app->vm_windows = g_hash_table_new_full(NULL, NULL, g_object_unref, NULL);
	g_application_add_main_option_entries(G_APPLICATION(app), options);
}

static void baton_app_finalize(GObject *object)
{
	BatonApp *app = BATON_APP(object);

	g_clear_pointer(&app->vm_windows, g_hash_table_unref);
	g_clear_object(&app->connections);
	g_clear_object(&app->api);
	g_clear_error(&app->host_problem);
	g_strfreev(app->uris);
	G_OBJECT_CLASS(baton_app_parent_class)->finalize(object);
}

static void baton_app_class_init(BatonAppClass *class)
{
	G_OBJECT_CLASS(class)->finalize = baton_app_finalize;
	G_APPLICATION_CLASS(class)->startup = baton_app_startup;
	G_APPLICATION_CLASS(class)->activate = baton_app_activate;
	G_APPLICATION_CLASS(class)->command_line = baton_app_command_line;
	signals[SIGNAL_DOCTOR] = g_signal_new("doctor", BATON_TYPE_APP, G_SIGNAL_RUN_LAST, 0, NULL,
					      NULL, NULL, G_TYPE_NONE, 0);
}
