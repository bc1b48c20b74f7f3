// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the "app" actions do.
 */
#include "app.h"
#include "baton_version.h"
#include "text.h"
#include "widgets/connections_dialog.h"
#include "widgets/new_vm.h"
#include "widgets/trash_dialog.h"
#include "widgets/window.h"

/* What is shown over it cannot be where it is not: it may have been closed. */
static GtkWindow *shown_window(BatonApp *app)
{
	GtkWindow *window = baton_app_main_window(app);

	if (!gtk_widget_get_visible(GTK_WIDGET(window)))
		gtk_window_present(window);
	return window;
}

static void on_new_vm(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	gtk_window_present(GTK_WINDOW(baton_new_vm_new(shown_window(data), baton_app_api(data))));
}

static void on_connections(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	connections_dialog_show(shown_window(data), baton_app_connections(data));
}

static void on_trash(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	trash_dialog_show(shown_window(data), baton_app_api(data));
}

static void on_reconnect(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	baton_connections_open_all(baton_app_connections(data));
}

static void on_about(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	gtk_show_about_dialog(shown_window(data), "program-name", _("Baton"), "version",
			      BATON_VERSION, "logo-icon-name", BATON_APP_ID, "comments",
			      _("Virtual machines on this computer and on others"),
			      "license-type", GTK_LICENSE_GPL_2_0, NULL);
}

static void on_quit(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	GList *windows;

	(void)action;
	(void)parameter;
	while ((windows = gtk_application_get_windows(data)))
		gtk_widget_destroy(windows->data);
}

/* What only the user's own daemon can do waits for it. */
static void on_api_state(BatonApi *api, gpointer data)
{
	static const char *const names[] = { "new-vm", "trash" };

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		g_simple_action_set_enabled(G_SIMPLE_ACTION(
			g_action_map_lookup_action(data, names[i])),
			baton_api_state(api) == API_UP);
}

void app_actions_add(BatonApp *app)
{
	static const GActionEntry entries[] = {
		{ .name = "new-vm", .activate = on_new_vm },
		{ .name = "connections", .activate = on_connections },
		{ .name = "trash", .activate = on_trash },
		{ .name = "reconnect", .activate = on_reconnect },
		{ .name = "about", .activate = on_about },
		{ .name = "quit", .activate = on_quit },
	};

	g_action_map_add_action_entries(G_ACTION_MAP(app), entries, G_N_ELEMENTS(entries), app);
	g_signal_connect_object(baton_app_api(app), "state", G_CALLBACK(on_api_state), app, 0);
	on_api_state(baton_app_api(app), app);
}
