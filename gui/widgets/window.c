// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The main window. See window.h.
 */
#include "actions.h"
#include "model/error.h"
#include "text.h"
#include "widgets/banner.h"
#include "widgets/details.h"
#include "widgets/window.h"

struct _BatonWindow {
	GtkApplicationWindow parent;
	GtkMenuButton *menu_button;
	GtkOverlay *overlay;
	GtkSearchBar *search_bar;
	GtkEntry *search_entry;
	GtkBox *banners;
	GtkStack *stack;
	GtkSpinner *spinner;
	GtkPaned *paned;
	GtkActionBar *action_bar;
	GtkLabel *action_count;
	BatonVmList *list;
	BatonDetails *details;
	BatonUndoBar *undo;
	BatonBanner *report;	/* of what has failed last */
	BatonApp *app;
	GHashTable *by_connection;	/* BatonConnection -> its banner */
	guint update_source;
};

G_DEFINE_TYPE(BatonWindow, baton_window, GTK_TYPE_APPLICATION_WINDOW)

BatonVmList *baton_window_list(BatonWindow *window)
{
	return window->list;
}

BatonUndoBar *baton_window_undo_bar(BatonWindow *window)
{
	return window->undo;
}

void baton_window_search(BatonWindow *window)
{
	gtk_search_bar_set_search_mode(window->search_bar, TRUE);
	gtk_widget_grab_focus(GTK_WIDGET(window->search_entry));
}

void baton_window_show_menu(BatonWindow *window)
{
	gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(window->menu_button), TRUE);
}

/* Who waits for something holds the window, which may have been closed by then. */
void baton_window_report(BatonWindow *window, GError *error)
{
	if (window->report)
		baton_banner_show(window->report, error, NULL, NULL, TRUE);
	else
		g_message("%s", error->message);
	g_error_free(error);
}

/* ---- what is shown ---- */

static gboolean is_opening(BatonWindow *window)
{
	GListModel *all = baton_connections_list(baton_app_connections(window->app));
	gboolean opening = FALSE;

	for (guint i = 0; i < g_list_model_get_n_items(all); i++) {
		g_autoptr(BatonConnection) one = g_list_model_get_item(all, i);
		enum connection_state state = baton_connection_state(one);

		opening |= state == CONNECTION_OPENING || state == CONNECTION_CLOSED;
	}
	return opening;
}

static void show_page(BatonWindow *window)
{
	const char *page = baton_vm_list_count(window->list) ? "list" :
			   is_opening(window) ? "connecting" : "empty";
	gboolean connecting = !g_strcmp0(page, "connecting");

	gtk_stack_set_visible_child_name(window->stack, page);
	/* A spinner that nobody sees wakes the processor all the same. */
	g_object_set(window->spinner, "active", connecting, NULL);
}

static void show_selection(BatonWindow *window)
{
	g_autoptr(GPtrArray) vms = baton_vm_list_selected(window->list);
	g_autofree char *count = NULL;

	actions_update(G_ACTION_MAP(window), "win", vms);
	baton_details_show(window->details, vms);
	gtk_widget_set_visible(GTK_WIDGET(window->action_bar), vms->len > 1);
	if (vms->len < 2)
		return;
	count = g_strdup_printf(ngettext("%u selected", "%u selected", vms->len), vms->len);
	gtk_label_set_text(window->action_count, count);
}

static gboolean update(gpointer data)
{
	BatonWindow *window = data;

	window->update_source = 0;
	show_page(window);
	show_selection(window);
	/* Tests measure by it how long the start takes. */
	g_debug("%u machines are shown", baton_vm_list_shown(window->list));
	return G_SOURCE_REMOVE;
}

/* Many changes at a time cost one update. */
static void update_soon(BatonWindow *window)
{
	if (!window->update_source && window->list)
		window->update_source = g_idle_add_full(GDK_PRIORITY_REDRAW - 5, update, window,
							NULL);
}

static void on_selection_changed(BatonVmList *list, gpointer data)
{
	(void)list;
	update_soon(data);
}

/* ---- banners ---- */

static BatonBanner *banner_of(BatonWindow *window, gpointer key)
{
	BatonBanner *banner = g_hash_table_lookup(window->by_connection, key);

	if (banner)
		return banner;
	banner = BATON_BANNER(baton_banner_new());
	gtk_container_add(GTK_CONTAINER(window->banners), GTK_WIDGET(banner));
	g_hash_table_insert(window->by_connection, key, banner);
	return banner;
}

static void on_connection_changed(BatonConnection *connection, gpointer data)
{
	BatonWindow *window = data;
	const GError *error = baton_connection_state(connection) == CONNECTION_FAILED ?
			      baton_connection_error(connection) : NULL;
	gboolean can_retry = error && !g_error_matches(error, BATON_ERROR, BTN_DAEMON_FAILED);

	if (error || g_hash_table_lookup(window->by_connection, connection))
		baton_banner_show(banner_of(window, connection), error,
				  can_retry ? "app.reconnect" : NULL, _("_Connect Again"),
				  !baton_connection_api(connection));
	update_soon(window);
}

static void on_connections_changed(GListModel *all, guint at, guint removed, guint added,
				   gpointer data)
{
	BatonWindow *window = data;

	for (guint i = 0; i < added; i++) {
		g_autoptr(BatonConnection) one = g_list_model_get_item(all, at + i);

		g_signal_connect_object(one, "changed", G_CALLBACK(on_connection_changed), window,
					0);
		on_connection_changed(one, window);
	}
	if (removed)
		update_soon(window);
}

static void on_doctor(BatonApp *app, gpointer data)
{
	BatonWindow *window = data;

	if (baton_app_host_problem(app))
		baton_banner_show(banner_of(window, app), baton_app_host_problem(app), NULL, NULL,
				  TRUE);
}

/* ---- events ---- */

static void on_search_changed(GtkSearchEntry *entry, gpointer data)
{
	BatonWindow *window = data;

	baton_vm_list_search(window->list, gtk_entry_get_text(GTK_ENTRY(entry)));
	update_soon(window);
}

/* Whoever types into an entry means the entry, whatever Delete and Ctrl+A do elsewhere. */
static gboolean on_key(GtkWidget *widget, GdkEventKey *event, gpointer data)
{
	BatonWindow *window = data;
	GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(widget));

	if (GTK_IS_EDITABLE(focus))
		return gtk_window_propagate_key_event(GTK_WINDOW(widget), event);
	if (event->state & (GDK_CONTROL_MASK | GDK_MOD1_MASK) || event->keyval == GDK_KEY_space ||
	    g_strcmp0(gtk_stack_get_visible_child_name(window->stack), "list"))
		return GDK_EVENT_PROPAGATE;
	return gtk_search_bar_handle_event(window->search_bar, (GdkEvent *)event);
}

static void on_open(BatonVmList *list, BatonVm *vm, gpointer data)
{
	(void)list;
	baton_app_open_vm(BATON_WINDOW(data)->app, vm);
}

static void on_menu(BatonVmList *list, GdkEvent *event, gpointer data)
{
	g_autoptr(GtkBuilder) builder = gtk_builder_new_from_resource("/org/baton/ui/menus.ui");
	GtkWidget *menu = gtk_menu_new_from_model(
		G_MENU_MODEL(gtk_builder_get_object(builder, "vm_menu")));

	(void)data;
	gtk_menu_attach_to_widget(GTK_MENU(menu), GTK_WIDGET(list), NULL);
	g_signal_connect(menu, "selection-done", G_CALLBACK(gtk_widget_destroy), NULL);
	if (event)
		gtk_menu_popup_at_pointer(GTK_MENU(menu), event);
	else
		gtk_menu_popup_at_widget(GTK_MENU(menu), GTK_WIDGET(list), GDK_GRAVITY_CENTER,
					 GDK_GRAVITY_NORTH_WEST, NULL);
}

/* ---- life ---- */

GtkWidget *baton_window_new(BatonApp *app)
{
	BatonWindow *window = g_object_new(BATON_TYPE_WINDOW, "application", app, NULL);
	GListModel *all = baton_connections_list(baton_app_connections(app));

	window->app = app;
	window_actions_add(window);
	baton_vm_list_set_connections(window->list, baton_app_connections(app));
	g_signal_connect_object(all, "items-changed", G_CALLBACK(on_connections_changed), window,
				0);
	g_signal_connect_object(app, "doctor", G_CALLBACK(on_doctor), window, 0);
	on_connections_changed(all, 0, 0, g_list_model_get_n_items(all), window);
	on_doctor(app, window);
	update(window);
	return GTK_WIDGET(window);
}

static void baton_window_init(BatonWindow *window)
{
	gtk_widget_init_template(GTK_WIDGET(window));
	window->by_connection = g_hash_table_new(NULL, NULL);
	window->list = BATON_VM_LIST(baton_vm_list_new());
	window->details = BATON_DETAILS(baton_details_new());
	window->undo = BATON_UNDO_BAR(baton_undo_bar_new());
	window->report = BATON_BANNER(baton_banner_new());
	gtk_container_add(GTK_CONTAINER(window->banners), GTK_WIDGET(window->report));
	gtk_widget_show(GTK_WIDGET(window->list));
	gtk_widget_set_size_request(GTK_WIDGET(window->list), 380, -1);
	gtk_widget_set_size_request(GTK_WIDGET(window->details), 330, -1);
	gtk_paned_pack1(window->paned, GTK_WIDGET(window->list), TRUE, FALSE);
	gtk_paned_pack2(window->paned, GTK_WIDGET(window->details), TRUE, FALSE);
	gtk_overlay_add_overlay(window->overlay, GTK_WIDGET(window->undo));
	gtk_search_bar_connect_entry(window->search_bar, window->search_entry);
	g_signal_connect(window->list, "selection-changed", G_CALLBACK(on_selection_changed),
			 window);
	g_signal_connect(window->list, "open", G_CALLBACK(on_open), window);
	g_signal_connect(window->list, "menu", G_CALLBACK(on_menu), window);
	g_signal_connect(window, "key-press-event", G_CALLBACK(on_key), window);
}

static void baton_window_dispose(GObject *object)
{
	BatonWindow *window = BATON_WINDOW(object);

	g_clear_handle_id(&window->update_source, g_source_remove);
	if (window->list)
		g_signal_handlers_disconnect_by_data(window->list, window);
	window->list = NULL;
	window->details = NULL;
	window->undo = NULL;
	window->report = NULL;
	g_clear_pointer(&window->by_connection, g_hash_table_unref);
	G_OBJECT_CLASS(baton_window_parent_class)->dispose(object);
}

static void baton_window_class_init(BatonWindowClass *class)
{
	GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);

	G_OBJECT_CLASS(class)->dispose = baton_window_dispose;
	gtk_widget_class_set_template_from_resource(widget, "/org/baton/ui/window.ui");
	gtk_widget_class_bind_template_child(widget, BatonWindow, menu_button);
	gtk_widget_class_bind_template_child(widget, BatonWindow, overlay);
	gtk_widget_class_bind_template_child(widget, BatonWindow, search_bar);
	gtk_widget_class_bind_template_child(widget, BatonWindow, search_entry);
	gtk_widget_class_bind_template_child(widget, BatonWindow, banners);
	gtk_widget_class_bind_template_child(widget, BatonWindow, stack);
	gtk_widget_class_bind_template_child(widget, BatonWindow, spinner);
	gtk_widget_class_bind_template_child(widget, BatonWindow, paned);
	gtk_widget_class_bind_template_child(widget, BatonWindow, action_bar);
	gtk_widget_class_bind_template_child(widget, BatonWindow, action_count);
	gtk_widget_class_bind_template_callback(widget, on_search_changed);
}
