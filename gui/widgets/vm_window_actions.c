// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the "vm" actions do: to the VM whose window it is.
 */
#include <string.h>

#include "actions.h"
#include "model/error.h"
#include "text.h"
#include "widgets/dialogs.h"
#include "widgets/vm_window.h"

static void on_op(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	g_autofree char *name = g_strconcat("vm.", g_action_get_name(G_ACTION(action)), NULL);

	(void)parameter;
	vm_op_run(actions_find(name)->op, baton_vm_window_vm(data), NULL, NULL, NULL, NULL);
}

static void power_off(gpointer data)
{
	vm_op_run(OP_POWER_OFF, data, NULL, NULL, NULL, NULL);
}

static void reset(gpointer data)
{
	vm_op_run(OP_RESET, data, NULL, NULL, NULL, NULL);
}

static void on_power_off(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	BatonVm *vm = baton_vm_window_vm(data);
	g_autofree char *text = g_strdup_printf(_("Power off “%s”?"), vm->name);

	(void)action;
	(void)parameter;
	dialog_confirm(data, text, _("This is like pulling the plug: what the guest has not "
				     "written to its disk yet is lost."), _("_Power Off"),
		       _("_Keep Running"), power_off, g_object_ref(vm), g_object_unref);
}

static void on_reset(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	BatonVm *vm = baton_vm_window_vm(data);
	g_autofree char *text = g_strdup_printf(_("Reset “%s”?"), vm->name);

	(void)action;
	(void)parameter;
	dialog_confirm(data, text, _("This is like pressing the reset button: what the guest "
				     "has not written to its disk yet is lost."), _("_Reset"),
		       _("_Keep Running"), reset, g_object_ref(vm), g_object_unref);
}

static void on_send_keys(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	gsize count;
	const struct key_combination *keys = keys_combinations(&count);
	const char *wanted = g_variant_get_string(parameter, NULL);

	(void)action;
	for (gsize i = 0; i < count; i++)
		if (!strcmp(keys[i].keys, wanted))
			baton_vm_screen_send_keys(baton_vm_window_screen(data), &keys[i]);
}

/* ---- a picture of the screen ---- */

struct picture {
	BatonVmWindow *window;
	GdkPixbuf *pixbuf;
	GtkFileChooserNative *chooser;
};

static void picture_free(struct picture *picture)
{
	g_object_unref(picture->window);
	g_object_unref(picture->pixbuf);
	g_object_unref(picture->chooser);
	g_free(picture);
}

static void picture_failed(struct picture *picture, GError *error)
{
	baton_vm_window_report(picture->window, baton_error_explain(error,
		_("The picture could not be saved"), _("Choose another folder.")));
	picture_free(picture);
}

static void on_saved(GObject *source, GAsyncResult *result, gpointer data)
{
	struct picture *picture = data;
	GError *error = NULL;

	(void)source;
	if (gdk_pixbuf_save_to_stream_finish(result, &error))
		picture_free(picture);
	else
		picture_failed(picture, error);
}

static void on_file(GObject *source, GAsyncResult *result, gpointer data)
{
	struct picture *picture = data;
	GError *error = NULL;
	g_autoptr(GFileOutputStream) stream = g_file_replace_finish(G_FILE(source), result, &error);

	if (stream)
		gdk_pixbuf_save_to_stream_async(picture->pixbuf, G_OUTPUT_STREAM(stream), "png",
						NULL, on_saved, picture, NULL);
	else
		picture_failed(picture, error);
}

static void on_chosen(GtkNativeDialog *dialog, int response, gpointer data)
{
	g_autoptr(GFile) file = NULL;

	if (response != GTK_RESPONSE_ACCEPT) {
		picture_free(data);
		return;
	}
	file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
	g_file_replace_async(file, NULL, FALSE, G_FILE_CREATE_NONE, G_PRIORITY_DEFAULT, NULL,
			     on_file, data);
}

static void on_screenshot(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	g_autoptr(GdkPixbuf) pixbuf = baton_vm_screen_picture(baton_vm_window_screen(data));
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%d %H-%M-%S");
	g_autofree char *name = g_strdup_printf("%s %s.png", baton_vm_window_vm(data)->name, time);
	struct picture *picture;

	(void)action;
	(void)parameter;
	if (!pixbuf) {
		baton_vm_window_report(data, baton_error_new(BTN_NO_SCREEN,
			_("There is no picture to save"), _("Nothing is shown of the screen yet."),
			_("Open the tab Display, and try again.")));
		return;
	}
	picture = g_new0(struct picture, 1);
	picture->window = g_object_ref(data);
	picture->pixbuf = g_steal_pointer(&pixbuf);
	picture->chooser = gtk_file_chooser_native_new(_("Save Picture"), data,
		GTK_FILE_CHOOSER_ACTION_SAVE, _("_Save"), _("_Cancel"));
	gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(picture->chooser), name);
	gtk_file_chooser_set_do_overwrite_confirmation(GTK_FILE_CHOOSER(picture->chooser), TRUE);
	g_signal_connect(picture->chooser, "response", G_CALLBACK(on_chosen), picture);
	gtk_native_dialog_show(GTK_NATIVE_DIALOG(picture->chooser));
}

/* ---- the window ---- */

static void on_fullscreen(GSimpleAction *action, GVariant *state, gpointer data)
{
	(void)action; /* it follows the window */
	baton_vm_window_set_fullscreen(data, g_variant_get_boolean(state));
}

static void on_scale(GSimpleAction *action, GVariant *state, gpointer data)
{
	baton_vm_screen_set_scale(baton_vm_window_screen(data), g_variant_get_boolean(state));
	g_simple_action_set_state(action, state);
}

static void on_tab(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	baton_vm_window_show_tab(data, g_variant_get_string(parameter, NULL));
}

static void on_close(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	gtk_window_close(data);
}

GActionMap *vm_window_actions_add(BatonVmWindow *window)
{
	static const GActionEntry entries[] = {
		{ .name = "start", .activate = on_op },
		{ .name = "pause", .activate = on_op },
		{ .name = "shut-down", .activate = on_op },
		{ .name = "restart", .activate = on_op },
		{ .name = "power-off", .activate = on_power_off },
		{ .name = "reset", .activate = on_reset },
		{ .name = "send-keys", .activate = on_send_keys, .parameter_type = "s" },
		{ .name = "screenshot", .activate = on_screenshot },
		{ .name = "fullscreen", .state = "false", .change_state = on_fullscreen },
		{ .name = "scale", .state = "true", .change_state = on_scale },
		{ .name = "tab", .activate = on_tab, .parameter_type = "s" },
		{ .name = "close", .activate = on_close },
	};
	GSimpleActionGroup *group = g_simple_action_group_new();

	g_action_map_add_action_entries(G_ACTION_MAP(group), entries, G_N_ELEMENTS(entries),
					window);
	gtk_widget_insert_action_group(GTK_WIDGET(window), "vm", G_ACTION_GROUP(group));
	g_object_unref(group); /* the window holds it */
	return G_ACTION_MAP(group);
}
