// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The window of one VM. See vm_window.h.
 */
#include <string.h>

#include "actions.h"
#include "model/error.h"
#include "text.h"
#include "widgets/banner.h"
#include "widgets/overview.h"
#include "widgets/serial.h"
#include "widgets/vm_window.h"

#define HINT_SECONDS 3

struct _BatonVmWindow {
	GtkApplicationWindow parent;
	GtkHeaderBar *header;
	GtkButton *power_button;
	GtkMenuButton *keys_button;
	GtkStack *tabs;
	GtkWidget *tab_bar;
	GtkBox *problems;
	GtkLabel *hint;	/* over the screen: there is no header bar in full screen */
	BatonBanner *banner;
	BatonVm *vm;
	BatonVmScreen *screen;
	BatonSerial *serial;
	BatonOverview *overview;
	GActionMap *actions;
	gboolean fullscreen, own_report;
	guint hint_source;
};

G_DEFINE_TYPE(BatonVmWindow, baton_vm_window, GTK_TYPE_APPLICATION_WINDOW)

BatonVm *baton_vm_window_vm(BatonVmWindow *window)
{
	return window->vm;
}

BatonVmScreen *baton_vm_window_screen(BatonVmWindow *window)
{
	return window->screen;
}

/* ---- what is shown ---- */

static void show_subtitle(BatonVmWindow *window)
{
	g_autofree char *status = baton_vm_status(window->vm);

	if (!window->hint_source)
		gtk_header_bar_set_subtitle(window->header, status);
}

static void show_power(BatonVmWindow *window)
{
	gboolean stop = window->vm->state == VM_RUNNING || window->vm->state == VM_STOPPING;

	gtk_button_set_label(window->power_button, stop ? _("_Shut Down") : _("S_tart"));
	gtk_actionable_set_action_name(GTK_ACTIONABLE(window->power_button),
				       stop ? "vm.shut-down" : "vm.start");
}

static void update(BatonVmWindow *window)
{
	g_autoptr(GPtrArray) vms = g_ptr_array_new();

	g_ptr_array_add(vms, window->vm);
	gtk_header_bar_set_title(window->header, window->vm->name);
	gtk_window_set_title(GTK_WINDOW(window), window->vm->name);
	show_subtitle(window);
	show_power(window);
	actions_update(window->actions, "vm", vms);
	if (window->vm->problem)
		window->own_report = FALSE;
	if (!window->own_report)
		baton_banner_show(window->banner, window->vm->problem, NULL, NULL, TRUE);
	baton_vm_screen_update(window->screen);
	baton_serial_update(window->serial);
	baton_overview_update(window->overview);
}

static void on_vm_changed(BatonVm *vm, gpointer data)
{
	(void)vm;
	update(data);
}

void baton_vm_window_report(BatonVmWindow *window, GError *error)
{
	window->own_report = TRUE;
	if (window->banner)
		baton_banner_show(window->banner, error, NULL, NULL, TRUE);
	else
		g_message("%s", error->message); /* closed while a picture was being saved */
	g_error_free(error);
}

static void on_dismissed(BatonBanner *banner, gpointer data)
{
	BatonVmWindow *window = data;

	(void)banner;
	window->own_report = FALSE;
	if (window->vm->problem)
		baton_vm_set_problem(window->vm, NULL);
}

void baton_vm_window_show_tab(BatonVmWindow *window, const char *tab)
{
	gtk_stack_set_visible_child_name(window->tabs, tab);
	if (!strcmp(tab, "display"))
		baton_vm_screen_focus(window->screen);
	else if (!strcmp(tab, "serial"))
		baton_serial_focus(window->serial);
}

/* ---- who has the keyboard ---- */

static void end_hint(BatonVmWindow *window)
{
	g_clear_handle_id(&window->hint_source, g_source_remove);
	gtk_widget_hide(GTK_WIDGET(window->hint));
	show_subtitle(window);
}

static gboolean on_hint_timeout(gpointer data)
{
	BatonVmWindow *window = data;

	window->hint_source = 0;
	end_hint(window);
	return G_SOURCE_REMOVE;
}

static void show_hint(BatonVmWindow *window)
{
	const char *text = _("Left Ctrl+Left Alt gives the keyboard back");

	end_hint(window);
	if (!baton_vm_screen_has_keyboard(window->screen))
		return;
	gtk_header_bar_set_subtitle(window->header, text);
	gtk_label_set_text(window->hint, text);
	gtk_widget_set_visible(GTK_WIDGET(window->hint), window->fullscreen);
	window->hint_source = g_timeout_add_seconds(HINT_SECONDS, on_hint_timeout, window);
}

static void on_grab(BatonVmScreen *screen, gpointer data)
{
	(void)screen;
	show_hint(data);
}

void baton_vm_window_set_fullscreen(BatonVmWindow *window, gboolean fullscreen)
{
	if (fullscreen)
		gtk_window_fullscreen(GTK_WINDOW(window));
	else
		gtk_window_unfullscreen(GTK_WINDOW(window));
}

/* The window manager has the last word, and people have ways past this app. */
static gboolean on_window_state(GtkWidget *widget, GdkEventWindowState *event, gpointer data)
{
	BatonVmWindow *window = BATON_VM_WINDOW(widget);
	GAction *action;

	(void)data;
	if (!(event->changed_mask & GDK_WINDOW_STATE_FULLSCREEN) || !window->screen)
		return GDK_EVENT_PROPAGATE;
	action = g_action_map_lookup_action(window->actions, "fullscreen");
	window->fullscreen = (event->new_window_state & GDK_WINDOW_STATE_FULLSCREEN) != 0;
	gtk_widget_set_visible(window->tab_bar, !window->fullscreen);
	g_simple_action_set_state(G_SIMPLE_ACTION(action),
				  g_variant_new_boolean(window->fullscreen));
	show_hint(window);
	return GDK_EVENT_PROPAGATE;
}

/* ---- the keyboard ---- */

/* As GTK does it: where the layout has no such letter, it is the place of the key. */
static gboolean is_key(GdkEventKey *event, guint keyval)
{
	GdkKeymap *keymap = gdk_keymap_get_for_display(gdk_window_get_display(event->window));
	g_autofree GdkKeymapKey *places = NULL;
	gboolean same_place = FALSE;
	int count;

	if (keyval == gdk_keyval_to_lower(event->keyval))
		return TRUE;
	if (!gdk_keymap_get_entries_for_keyval(keymap, keyval, &places, &count))
		return FALSE;
	for (int i = 0; i < count; i++) {
		if (places[i].group == event->group)
			return FALSE;
		same_place |= places[i].keycode == event->hardware_keycode;
	}
	return same_place;
}

static gboolean has_accel(const struct action_row *row, GdkEventKey *event)
{
	GdkModifierType state = event->state & gtk_accelerator_get_default_mod_mask();

	for (int i = 0; i < 3 && row->accels[i]; i++) {
		guint key;
		GdkModifierType modifiers;

		gtk_accelerator_parse(row->accels[i], &key, &modifiers);
		if (modifiers == state && is_key(event, key))
			return TRUE;
	}
	return FALSE;
}

/* Of those that this window has. NULL: none. */
static const struct action_row *row_of_key(GdkEventKey *event)
{
	gsize count;
	const struct action_row *rows = actions_rows(&count);

	for (gsize i = 0; i < count; i++)
		if (strncmp(rows[i].name, "win.", 4) && has_accel(&rows[i], event))
			return &rows[i];
	return NULL;
}

/* Keys of ours that hold although the guest has the keyboard: none that it could need alone. */
static gboolean is_kept(GdkEventKey *event)
{
	return event->state & GDK_CONTROL_MASK && event->state & (GDK_SHIFT_MASK | GDK_MOD1_MASK) &&
	       row_of_key(event);
}

/* Ctrl and a letter are meant for the guest, also when it does not have the keyboard just now. */
static gboolean is_refused(GdkEventKey *event)
{
	const struct action_row *row = event->state & (GDK_SHIFT_MASK | GDK_MOD1_MASK) ? NULL :
				       row_of_key(event);

	return row && !strncmp(row->name, "app.", 4);
}

static gboolean on_key(GtkWidget *widget, GdkEventKey *event, gpointer data)
{
	BatonVmWindow *window = BATON_VM_WINDOW(widget);

	(void)data;
	if (!baton_vm_screen_has_keyboard(window->screen) &&
	    !baton_serial_has_keyboard(window->serial) && !is_refused(event))
		return GDK_EVENT_PROPAGATE;
	if (event->type == GDK_KEY_PRESS && is_kept(event)) {
		baton_vm_screen_used_otherwise(window->screen);
		return gtk_window_activate_key(GTK_WINDOW(widget), event);
	}
	gtk_window_propagate_key_event(GTK_WINDOW(widget), event);
	return GDK_EVENT_STOP;
}

/* ---- life ---- */

static void fill_keys_menu(BatonVmWindow *window)
{
	g_autoptr(GMenu) menu = g_menu_new();
	gsize count;
	const struct key_combination *keys = keys_combinations(&count);

	for (gsize i = 0; i < count; i++) {
		g_autofree char *action = g_strdup_printf("vm.send-keys('%s')", keys[i].keys);

		g_menu_append(menu, keys[i].label, action);
	}
	gtk_menu_button_set_menu_model(window->keys_button, G_MENU_MODEL(menu));
}

static void add_tab(BatonVmWindow *window, GtkWidget *child, const char *name, const char *title)
{
	gtk_stack_add_titled(window->tabs, child, name, title);
}

GtkWidget *baton_vm_window_new(BatonApp *app, BatonVm *vm)
{
	BatonVmWindow *window = g_object_new(BATON_TYPE_VM_WINDOW, "application", app, NULL);

	window->vm = g_object_ref(vm);
	window->actions = vm_window_actions_add(window);
	window->screen = BATON_VM_SCREEN(baton_vm_screen_new(vm));
	window->serial = BATON_SERIAL(baton_serial_new(vm));
	window->overview = BATON_OVERVIEW(baton_overview_new(vm));
	add_tab(window, GTK_WIDGET(window->screen), "display", _("Display"));
	add_tab(window, GTK_WIDGET(window->serial), "serial", _("Serial"));
	add_tab(window, GTK_WIDGET(window->overview), "overview", _("Overview"));
	fill_keys_menu(window);
	g_signal_connect_object(vm, "changed", G_CALLBACK(on_vm_changed), window, 0);
	g_signal_connect(window->screen, "grab-changed", G_CALLBACK(on_grab), window);
	g_signal_connect(window, "window-state-event", G_CALLBACK(on_window_state), NULL);
	g_signal_connect(window, "key-press-event", G_CALLBACK(on_key), NULL);
	g_signal_connect(window, "key-release-event", G_CALLBACK(on_key), NULL);
	update(window);
	return GTK_WIDGET(window);
}

static void baton_vm_window_init(BatonVmWindow *window)
{
	gtk_widget_init_template(GTK_WIDGET(window));
	window->banner = BATON_BANNER(baton_banner_new());
	g_signal_connect(window->banner, "dismissed", G_CALLBACK(on_dismissed), window);
	gtk_container_add(GTK_CONTAINER(window->problems), GTK_WIDGET(window->banner));
}

static void baton_vm_window_dispose(GObject *object)
{
	BatonVmWindow *window = BATON_VM_WINDOW(object);

	g_clear_handle_id(&window->hint_source, g_source_remove);
	if (window->screen)
		g_signal_handlers_disconnect_by_data(window->screen, window);
	window->screen = NULL;
	window->banner = NULL;
	G_OBJECT_CLASS(baton_vm_window_parent_class)->dispose(object);
}

static void baton_vm_window_finalize(GObject *object)
{
	g_clear_object(&BATON_VM_WINDOW(object)->vm);
	G_OBJECT_CLASS(baton_vm_window_parent_class)->finalize(object);
}

static void baton_vm_window_class_init(BatonVmWindowClass *class)
{
	GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);

	G_OBJECT_CLASS(class)->dispose = baton_vm_window_dispose;
	G_OBJECT_CLASS(class)->finalize = baton_vm_window_finalize;
	gtk_widget_class_set_template_from_resource(widget, "/org/baton/ui/vm_window.ui");
	gtk_widget_class_bind_template_child(widget, BatonVmWindow, header);
	gtk_widget_class_bind_template_child(widget, BatonVmWindow, power_button);
	gtk_widget_class_bind_template_child(widget, BatonVmWindow, keys_button);
	gtk_widget_class_bind_template_child(widget, BatonVmWindow, tabs);
	gtk_widget_class_bind_template_child(widget, BatonVmWindow, tab_bar);
	gtk_widget_class_bind_template_child(widget, BatonVmWindow, problems);
	gtk_widget_class_bind_template_child(widget, BatonVmWindow, hint);
}
