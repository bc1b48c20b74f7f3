// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The Display tab. See vm_screen.h.
 */
#include <unistd.h>
#include <vncdisplay.h>

#include "model/connection.h"
#include "model/error.h"
#include "model/remote_screen.h"
#include "text.h"
#include "widgets/banner.h"
#include "widgets/dialogs.h"
#include "widgets/display.h"
#include "widgets/vm_screen.h"

struct _BatonVmScreen {
	GtkBox parent;
	BatonVm *vm;
	GtkStack *stack;
	BatonBanner *banner;
	GtkLabel *off_label;
	BatonDisplay *display;
	BatonScreen *screen;	/* local; NULL: not connected */
	VncDisplay *vnc;	/* others; NULL: not connected */
	char *password;		/* of its screen, if libvirt has told; NULL: people are asked */
	GCancellable *opening;
	char *vnc_fault;	/* why it does not connect, as the other side says; NULL */
	gboolean scale, vnc_grabbed;
};

enum { SIGNAL_GRAB, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonVmScreen, baton_vm_screen, GTK_TYPE_BOX)

static gboolean is_local(BatonVmScreen *screen)
{
	return screen->vm->native && screen->vm->connection &&
	       baton_connection_api(screen->vm->connection);
}

static gboolean can_show(BatonVmScreen *screen)
{
	enum vm_state state = screen->vm->state;

	return screen->vm->connection &&
	       (state == VM_RUNNING || state == VM_PAUSED || state == VM_STOPPING);
}

static void report(BatonVmScreen *screen, GError *error)
{
	error = baton_error_explain(error, _("The screen cannot be shown"),
				    _("Use the serial console, or open the window again."));
	baton_banner_show(screen->banner, error, NULL, NULL, TRUE);
	g_error_free(error);
	gtk_label_set_text(screen->off_label, _("There is nothing to show."));
}

/* ---- local ---- */

static void drop_local(BatonVmScreen *screen)
{
	if (!screen->screen)
		return;
	baton_display_set_screen(screen->display, NULL);
	g_signal_handlers_disconnect_by_data(screen->screen, screen);
	baton_screen_close(screen->screen);
	g_clear_object(&screen->screen);
}

/* The VM has ended, most often: then its state says so in a moment. */
static void on_lost(BatonScreen *local, const GError *error, gpointer data)
{
	BatonVmScreen *screen = data;

	(void)local;
	drop_local(screen);
	if (error && can_show(screen))
		report(screen, g_error_copy(error));
	else if (can_show(screen))
		gtk_label_set_text(screen->off_label, _("There is nothing to show."));
	gtk_stack_set_visible_child_name(screen->stack, "off");
}

static void open_local(BatonVmScreen *screen)
{
	screen->screen = baton_screen_new(screen->vm);
	g_signal_connect(screen->screen, "lost", G_CALLBACK(on_lost), screen);
	baton_display_set_screen(screen->display, screen->screen);
}

/* ---- VNC ---- */

static void drop_vnc(BatonVmScreen *screen)
{
	VncDisplay *vnc = g_steal_pointer(&screen->vnc);

	g_cancellable_cancel(screen->opening);
	g_clear_object(&screen->opening);
	screen->vnc_grabbed = FALSE;
	if (!vnc)
		return;
	g_signal_handlers_disconnect_by_data(vnc, screen);
	vnc_display_close(vnc);
	gtk_widget_destroy(GTK_WIDGET(vnc));
}

static void on_vnc_fault(VncDisplay *vnc, const char *text, gpointer data)
{
	BatonVmScreen *screen = data;

	(void)vnc;
	g_free(screen->vnc_fault);
	screen->vnc_fault = g_strdup(text);
}

/* Most often the VM has ended; its state says so in a moment, and replaces this. */
static void on_vnc_lost(VncDisplay *vnc, gpointer data)
{
	BatonVmScreen *screen = data;
	g_autofree char *fault = g_steal_pointer(&screen->vnc_fault);

	(void)vnc;
	drop_vnc(screen);
	gtk_stack_set_visible_child_name(screen->stack, "off");
	if (can_show(screen))
		report(screen, baton_error_new(BTN_DISPLAY,
			_("The connection to the screen has ended"),
			fault && *fault ? fault : _("The other side has closed it."),
			_("Open the window again to connect anew, or use the serial console.")));
}

static void on_vnc_grab(VncDisplay *vnc, gpointer data)
{
	BatonVmScreen *screen = data;

	(void)vnc;
	screen->vnc_grabbed = TRUE;
	g_signal_emit(screen, signals[SIGNAL_GRAB], 0);
}

static void on_vnc_ungrab(VncDisplay *vnc, gpointer data)
{
	BatonVmScreen *screen = data;

	(void)vnc;
	screen->vnc_grabbed = FALSE;
	g_signal_emit(screen, signals[SIGNAL_GRAB], 0);
}

static void give_password(const char *text, gpointer data)
{
	vnc_display_set_credential(data, VNC_DISPLAY_CREDENTIAL_PASSWORD, text);
}

static void on_credentials(VncDisplay *vnc, GValueArray *wanted, gpointer data)
{
	BatonVmScreen *screen = data;
	gboolean password = FALSE;

	G_GNUC_BEGIN_IGNORE_DEPRECATIONS
	for (guint i = 0; i < wanted->n_values; i++) {
		int kind = g_value_get_enum(g_value_array_get_nth(wanted, i));

		password |= kind == VNC_DISPLAY_CREDENTIAL_PASSWORD;
		if (kind == VNC_DISPLAY_CREDENTIAL_USERNAME)
			vnc_display_set_credential(vnc, kind, g_get_user_name());
		else if (kind == VNC_DISPLAY_CREDENTIAL_CLIENTNAME)
			vnc_display_set_credential(vnc, kind, "baton");
	}
	G_GNUC_END_IGNORE_DEPRECATIONS
	if (password && screen->password)
		vnc_display_set_credential(vnc, VNC_DISPLAY_CREDENTIAL_PASSWORD,
					   screen->password);
	else if (password)
		dialog_ask_password(GTK_WINDOW(gtk_widget_get_toplevel(GTK_WIDGET(screen))),
				    _("Password"), _("_Password of the screen"), _("_Connect"),
				    give_password, g_object_ref(vnc), g_object_unref);
}

static void make_vnc(BatonVmScreen *screen)
{
	g_autofree char *name = g_strdup_printf(_("Display of %s"), screen->vm->name);

	screen->vnc = VNC_DISPLAY(vnc_display_new());
	atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(screen->vnc)), name);
	vnc_display_set_keyboard_grab(screen->vnc, TRUE);
	vnc_display_set_pointer_local(screen->vnc, TRUE);
	vnc_display_set_scaling(screen->vnc, screen->scale);
	vnc_display_set_keep_aspect_ratio(screen->vnc, TRUE);
	vnc_display_set_smoothing(screen->vnc, TRUE);
	g_signal_connect(screen->vnc, "vnc-disconnected", G_CALLBACK(on_vnc_lost), screen);
	g_signal_connect(screen->vnc, "vnc-auth-failure", G_CALLBACK(on_vnc_fault), screen);
	g_signal_connect(screen->vnc, "vnc-error", G_CALLBACK(on_vnc_fault), screen);
	g_signal_connect(screen->vnc, "vnc-keyboard-grab", G_CALLBACK(on_vnc_grab), screen);
	g_signal_connect(screen->vnc, "vnc-keyboard-ungrab", G_CALLBACK(on_vnc_ungrab), screen);
	g_signal_connect(screen->vnc, "vnc-auth-credential", G_CALLBACK(on_credentials), screen);
	gtk_widget_show(GTK_WIDGET(screen->vnc));
	gtk_stack_add_named(screen->stack, GTK_WIDGET(screen->vnc), "vnc");
	gtk_stack_set_visible_child_name(screen->stack, "vnc");
}

static void on_opened(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonVmScreen) screen = data;
	g_autoptr(GCancellable) cancellable = g_object_ref(g_task_get_cancellable(G_TASK(result)));
	GError *error = NULL;
	g_autofree char *password = NULL;
	int fd = remote_screen_open_finish(BATON_VM(source), result, &password, &error);

	if (cancellable != screen->opening) {
		g_clear_error(&error);
		if (fd >= 0)
			close(fd);
		return;
	}
	g_clear_object(&screen->opening);
	if (fd < 0) {
		report(screen, error);
		return;
	}
	g_free(screen->password);
	screen->password = g_steal_pointer(&password);
	make_vnc(screen);
	vnc_display_open_fd(screen->vnc, fd);
}

static void open_vnc(BatonVmScreen *screen)
{
	screen->opening = g_cancellable_new();
	remote_screen_open(screen->vm, screen->opening, on_opened, g_object_ref(screen));
}

/* ---- either ---- */

static void show_off(BatonVmScreen *screen)
{
	const char *form = screen->vm->state == VM_STARTING ? _("“%s” is starting…") :
			   screen->vm->state == VM_UNKNOWN ? _("“%s” is not reachable.") :
			   _("“%s” is not running.");
	g_autofree char *text = g_strdup_printf(form, screen->vm->name);

	gtk_label_set_text(screen->off_label, text);
	gtk_stack_set_visible_child_name(screen->stack, "off");
}

void baton_vm_screen_update(BatonVmScreen *screen)
{
	if (!can_show(screen)) {
		drop_local(screen);
		drop_vnc(screen);
		baton_banner_show(screen->banner, NULL, NULL, NULL, TRUE);
		show_off(screen);
		return;
	}
	if (screen->screen || screen->vnc || screen->opening ||
	    !gtk_widget_get_mapped(GTK_WIDGET(screen)))
		return;
	baton_banner_show(screen->banner, NULL, NULL, NULL, TRUE);
	if (is_local(screen)) {
		open_local(screen);
		gtk_stack_set_visible_child_name(screen->stack, "local");
	} else {
		gtk_label_set_text(screen->off_label, _("Connecting to its screen…"));
		open_vnc(screen);
	}
}

static void on_map(GtkWidget *widget, gpointer data)
{
	(void)data;
	baton_vm_screen_update(BATON_VM_SCREEN(widget));
}

static void on_grab(BatonDisplay *display, gpointer data)
{
	(void)display;
	g_signal_emit(data, signals[SIGNAL_GRAB], 0);
}

gboolean baton_vm_screen_has_keyboard(BatonVmScreen *screen)
{
	return screen->vnc ? screen->vnc_grabbed : baton_display_has_keyboard(screen->display);
}

void baton_vm_screen_used_otherwise(BatonVmScreen *screen)
{
	baton_display_used_otherwise(screen->display);
}

void baton_vm_screen_focus(BatonVmScreen *screen)
{
	gtk_widget_grab_focus(screen->vnc ? GTK_WIDGET(screen->vnc) : GTK_WIDGET(screen->display));
}

void baton_vm_screen_set_scale(BatonVmScreen *screen, gboolean scale)
{
	screen->scale = scale;
	baton_display_set_scale(screen->display, scale);
	if (screen->vnc)
		vnc_display_set_scaling(screen->vnc, scale);
}

void baton_vm_screen_send_keys(BatonVmScreen *screen, const struct key_combination *keys)
{
	guint count = 0;

	while (count < G_N_ELEMENTS(keys->symbols) && keys->symbols[count])
		count++;
	if (screen->vnc)
		vnc_display_send_keys(screen->vnc, keys->symbols, (int)count);
	else if (screen->screen)
		baton_screen_send_keys(screen->screen, keys->keys);
}

GdkPixbuf *baton_vm_screen_picture(BatonVmScreen *screen)
{
	if (screen->vnc)
		return vnc_display_get_pixbuf(screen->vnc);
	return baton_display_picture(screen->display);
}

/* ---- life ---- */

static GtkWidget *make_off(BatonVmScreen *screen)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12);
	GtkWidget *icon = gtk_image_new_from_icon_name("video-display-symbolic",
						       GTK_ICON_SIZE_DIALOG);
	GtkWidget *button = gtk_button_new_with_mnemonic(_("S_tart"));

	screen->off_label = GTK_LABEL(gtk_label_new(""));
	gtk_image_set_pixel_size(GTK_IMAGE(icon), 64);
	gtk_style_context_add_class(gtk_widget_get_style_context(icon), "dim-label");
	gtk_style_context_add_class(gtk_widget_get_style_context(button), "suggested-action");
	gtk_actionable_set_action_name(GTK_ACTIONABLE(button), "vm.start");
	gtk_widget_set_halign(button, GTK_ALIGN_CENTER);
	gtk_widget_set_valign(box, GTK_ALIGN_CENTER);
	gtk_container_add(GTK_CONTAINER(box), icon);
	gtk_container_add(GTK_CONTAINER(box), GTK_WIDGET(screen->off_label));
	gtk_container_add(GTK_CONTAINER(box), button);
	gtk_widget_show_all(box);
	return box;
}

GtkWidget *baton_vm_screen_new(BatonVm *vm)
{
	BatonVmScreen *screen = g_object_new(BATON_TYPE_VM_SCREEN, "orientation",
					     GTK_ORIENTATION_VERTICAL, "visible", TRUE, NULL);
	g_autofree char *name = g_strdup_printf(_("Display of %s, keyboard goes to guest"),
						vm->name);

	screen->vm = g_object_ref(vm);
	atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(screen->display)), name);
	baton_vm_screen_update(screen);
	return GTK_WIDGET(screen);
}

static void baton_vm_screen_init(BatonVmScreen *screen)
{
	screen->scale = TRUE;
	screen->banner = BATON_BANNER(baton_banner_new());
	gtk_box_pack_start(GTK_BOX(screen), GTK_WIDGET(screen->banner), FALSE, FALSE, 0);
	screen->stack = GTK_STACK(gtk_stack_new());
	screen->display = BATON_DISPLAY(baton_display_new());
	g_signal_connect(screen->display, "grab-changed", G_CALLBACK(on_grab), screen);
	gtk_widget_show(GTK_WIDGET(screen->display));
	gtk_stack_add_named(screen->stack, make_off(screen), "off");
	gtk_stack_add_named(screen->stack, GTK_WIDGET(screen->display), "local");
	gtk_widget_show(GTK_WIDGET(screen->stack));
	gtk_box_pack_start(GTK_BOX(screen), GTK_WIDGET(screen->stack), TRUE, TRUE, 0);
	g_signal_connect(screen, "map", G_CALLBACK(on_map), NULL);
}

static void baton_vm_screen_dispose(GObject *object)
{
	BatonVmScreen *screen = BATON_VM_SCREEN(object);

	if (screen->display)
		g_signal_handlers_disconnect_by_data(screen->display, screen);
	drop_local(screen);
	drop_vnc(screen);
	screen->display = NULL;
	g_clear_pointer(&screen->vnc_fault, g_free);
	g_clear_pointer(&screen->password, g_free);
	g_clear_object(&screen->vm);
	G_OBJECT_CLASS(baton_vm_screen_parent_class)->dispose(object);
}

static void baton_vm_screen_class_init(BatonVmScreenClass *class)
{
	G_OBJECT_CLASS(class)->dispose = baton_vm_screen_dispose;
	signals[SIGNAL_GRAB] = g_signal_new("grab-changed", BATON_TYPE_VM_SCREEN,
					    G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}
