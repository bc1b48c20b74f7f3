// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the "win" actions do: mostly to the VMs that are selected in the list.
 */
#include "actions.h"
#include "model/error.h"
#include "model/new_vm_plan.h"
#include "model/trash.h"
#include "text.h"
#include "widgets/dialogs.h"
#include "widgets/window.h"

/* VMs, and what is done to them, over several calls. */
struct batch {
	BatonWindow *window;
	enum vm_op op;
	GPtrArray *vms;
	guint running;
	GPtrArray *done;	/* those for which it went well */
};

static struct batch *batch_new(BatonWindow *window, enum vm_op op)
{
	struct batch *batch = g_new0(struct batch, 1);
	g_autoptr(GPtrArray) selected = baton_vm_list_selected(baton_window_list(window));

	batch->window = g_object_ref(window);
	batch->op = op;
	batch->vms = g_ptr_array_new_with_free_func(g_object_unref);
	batch->done = g_ptr_array_new_with_free_func(g_object_unref);
	for (guint i = 0; i < selected->len; i++)
		if (vm_op_allowed(op, selected->pdata[i]))
			g_ptr_array_add(batch->vms, g_object_ref(selected->pdata[i]));
	return batch;
}

static void batch_free(gpointer data)
{
	struct batch *batch = data;

	g_object_unref(batch->window);
	g_ptr_array_unref(batch->vms);
	g_ptr_array_unref(batch->done);
	g_free(batch);
}

/* ---- simple ones: errors are shown where the VM is ---- */

static void on_op(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	g_autofree char *name = g_strconcat("win.", g_action_get_name(G_ACTION(action)), NULL);
	const struct action_row *row = actions_find(name);
	struct batch *batch = batch_new(data, row->op);

	(void)parameter;
	for (guint i = 0; i < batch->vms->len; i++)
		vm_op_run(row->op, batch->vms->pdata[i], NULL, NULL, NULL, NULL);
	batch_free(batch);
}

/* ---- those that lose something ---- */

static void run_batch(gpointer data)
{
	struct batch *batch = data;

	for (guint i = 0; i < batch->vms->len; i++)
		if (vm_op_allowed(batch->op, batch->vms->pdata[i]))
			vm_op_run(batch->op, batch->vms->pdata[i], NULL, NULL, NULL, NULL);
}

static char *question(const struct batch *batch, const char *one, const char *several)
{
	BatonVm *vm = batch->vms->pdata[0];

	return batch->vms->len == 1 ? g_strdup_printf(one, vm->name) :
				      g_strdup_printf(several, batch->vms->len);
}

static void on_power_off(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	struct batch *batch = batch_new(data, OP_POWER_OFF);
	g_autofree char *text = NULL;

	(void)action;
	(void)parameter;
	if (!batch->vms->len) {
		batch_free(batch);
		return;
	}
	text = question(batch, _("Power off “%s”?"), _("Power off %u virtual machines?"));
	dialog_confirm(data, text, _("This is like pulling the plug: what the guest has not "
				     "written to its disk yet is lost."), _("_Power Off"),
		       _("_Keep Running"), run_batch, batch, batch_free);
}

static void on_reset(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	struct batch *batch = batch_new(data, OP_RESET);
	g_autofree char *text = NULL;

	(void)action;
	(void)parameter;
	if (!batch->vms->len) {
		batch_free(batch);
		return;
	}
	text = question(batch, _("Reset “%s”?"), _("Reset %u virtual machines?"));
	dialog_confirm(data, text, _("This is like pressing the reset button: what the guest "
				     "has not written to its disk yet is lost."), _("_Reset"),
		       _("_Keep Running"), run_batch, batch, batch_free);
}

/* ---- delete and undo ---- */

static void on_restored(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonWindow) window = data;
	GError *error = NULL;

	if (!trash_restore_finish(BATON_API(source), result, &error))
		baton_window_report(window, baton_error_explain(error,
			_("It could not be taken out of the trash"), NULL));
}

static void undo_delete(gpointer data)
{
	struct batch *batch = data;
	BatonApi *api = baton_app_api(baton_app_get());

	for (guint i = 0; i < batch->done->len; i++)
		trash_restore(api, BATON_VM(batch->done->pdata[i])->uuid, on_restored,
			      g_object_ref(batch->window));
}

static void say_deleted(struct batch *batch)
{
	g_autofree char *text = NULL;

	if (!batch->done->len || !baton_window_undo_bar(batch->window)) {
		batch_free(batch);
		return;
	}
	text = batch->done->len == 1 ?
	       g_strdup_printf(_("“%s” was moved to the trash"),
			       BATON_VM(batch->done->pdata[0])->name) :
	       g_strdup_printf(_("%u virtual machines were moved to the trash"),
			       batch->done->len);
	baton_undo_bar_say(baton_window_undo_bar(batch->window), text, undo_delete, batch,
			   batch_free);
}

static void on_deleted(GObject *source, GAsyncResult *result, gpointer data)
{
	struct batch *batch = data;
	BatonVm *vm = BATON_VM(source);

	if (vm_op_run_finish(vm, result, NULL))
		g_ptr_array_add(batch->done, g_object_ref(vm));
	if (!--batch->running)
		say_deleted(batch);
}

static void run_delete(struct batch *batch)
{
	batch->running = batch->vms->len;
	for (guint i = 0; i < batch->vms->len; i++)
		vm_op_run(OP_DELETE, batch->vms->pdata[i], NULL, NULL, on_deleted, batch);
}

static gboolean all_have_undo(const struct batch *batch)
{
	for (guint i = 0; i < batch->vms->len; i++)
		if (!vm_op_has_undo(batch->op, batch->vms->pdata[i]))
			return FALSE;
	return TRUE;
}

static void on_delete(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	struct batch *batch = batch_new(data, OP_DELETE);
	g_autofree char *text = NULL;

	(void)action;
	(void)parameter;
	if (!batch->vms->len) {
		batch_free(batch);
		return;
	}
	if (all_have_undo(batch)) {
		run_delete(batch);
		return;
	}
	text = question(batch, _("Delete “%s”?"), _("Delete %u virtual machines?"));
	dialog_confirm(data, text, _("Its definition at libvirt is removed, which cannot be "
				     "undone. Its disks stay where they are."), _("_Delete"),
		       _("_Keep"), run_batch, batch, batch_free);
}

/* ---- rename ---- */

static void rename_to(const char *text, gpointer data)
{
	struct batch *batch = data;
	BatonVm *vm = batch->vms->pdata[0];

	if (g_strcmp0(text, vm->name) && vm_op_allowed(OP_RENAME, vm))
		vm_op_run(OP_RENAME, vm, text, NULL, NULL, NULL);
}

/* libvirt's drivers have rules of their own, and say so. */
static char *any_name_fault(const char *name)
{
	return *name ? NULL : g_strdup(_("Give it a name."));
}

static void on_rename(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	struct batch *batch = batch_new(data, OP_RENAME);
	BatonVm *vm;

	(void)action;
	(void)parameter;
	if (batch->vms->len != 1) {
		batch_free(batch);
		return;
	}
	vm = batch->vms->pdata[0];
	dialog_ask_text(data, _("Rename"), _("New _name"), vm->name, _("_Rename"),
			vm->native ? plan_name_fault : any_name_fault, rename_to, batch,
			batch_free);
}

/* ---- others ---- */

static void on_open(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	g_autoptr(GPtrArray) vms = baton_vm_list_selected(baton_window_list(data));

	(void)action;
	(void)parameter;
	for (guint i = 0; i < vms->len; i++)
		baton_app_open_vm(baton_app_get(), vms->pdata[i]);
}

static void on_open_folder(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	g_autoptr(GPtrArray) vms = baton_vm_list_selected(baton_window_list(data));
	BatonVm *vm = vms->len == 1 ? vms->pdata[0] : NULL;
	g_autofree char *uri = vm && vm->folder ? g_filename_to_uri(vm->folder, NULL, NULL) : NULL;
	GError *error = NULL;

	(void)action;
	(void)parameter;
	if (!uri || gtk_show_uri_on_window(data, uri, GDK_CURRENT_TIME, &error))
		return;
	baton_window_report(data, baton_error_explain(error, _("The folder cannot be shown"),
		_("Copy its path from the details, and open it yourself.")));
}

static void on_search(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	baton_window_search(data);
}

static void on_select_all(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	baton_vm_list_select_all(baton_window_list(data));
}

static void on_menu(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	baton_window_show_menu(data);
}

/* Made when it is wanted: it has many widgets, and the start has little time. */
static void on_shortcuts(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	GtkWidget *shortcuts = actions_shortcuts_new();

	(void)action;
	(void)parameter;
	gtk_window_set_transient_for(GTK_WINDOW(shortcuts), data);
	gtk_widget_show(shortcuts);
}

static void on_close(GSimpleAction *action, GVariant *parameter, gpointer data)
{
	(void)action;
	(void)parameter;
	gtk_window_close(data);
}

void window_actions_add(BatonWindow *window)
{
	static const GActionEntry entries[] = {
		{ .name = "search", .activate = on_search },
		{ .name = "menu", .activate = on_menu },
		{ .name = "shortcuts", .activate = on_shortcuts },
		{ .name = "close", .activate = on_close },
		{ .name = "open", .activate = on_open },
		{ .name = "open-folder", .activate = on_open_folder },
		{ .name = "select-all", .activate = on_select_all },
		{ .name = "start", .activate = on_op },
		{ .name = "pause", .activate = on_op },
		{ .name = "shut-down", .activate = on_op },
		{ .name = "restart", .activate = on_op },
		{ .name = "power-off", .activate = on_power_off },
		{ .name = "reset", .activate = on_reset },
		{ .name = "delete", .activate = on_delete },
		{ .name = "rename", .activate = on_rename },
	};

	g_action_map_add_action_entries(G_ACTION_MAP(window), entries, G_N_ELEMENTS(entries),
					window);
}
