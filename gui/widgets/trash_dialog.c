// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The trash. See trash_dialog.h. It holds no copy: each change asks the daemon anew.
 */
#include "model/error.h"
#include "text.h"
#include "widgets/banner.h"
#include "widgets/dialogs.h"
#include "widgets/trash_dialog.h"

struct dialog {
	grefcount refs;		/* calls that are under way hold one */
	GtkWidget *window;	/* NULL: closed */
	GtkWidget *list, *empty;
	BatonBanner *banner;
	BatonApi *api;
};

/* What a button is for. */
struct item {
	struct dialog *dialog;
	char *id, *name;
};

static void dialog_unref(struct dialog *dialog)
{
	if (!g_ref_count_dec(&dialog->refs))
		return;
	g_object_unref(dialog->api);
	g_free(dialog);
}

static struct dialog *dialog_ref(struct dialog *dialog)
{
	g_ref_count_inc(&dialog->refs);
	return dialog;
}

static void item_free(gpointer data)
{
	struct item *item = data;

	dialog_unref(item->dialog);
	g_free(item->id);
	g_free(item->name);
	g_free(item);
}

static void item_gone(gpointer data, GClosure *closure)
{
	(void)closure;
	item_free(data);
}

static struct item *item_new(struct dialog *dialog, const char *id, const char *name)
{
	struct item *item = g_new0(struct item, 1);

	item->dialog = dialog_ref(dialog);
	item->id = g_strdup(id);
	item->name = g_strdup(name);
	return item;
}

static void refresh(struct dialog *dialog);

static void on_done(GObject *source, GAsyncResult *result, gpointer data)
{
	struct dialog *dialog = data;
	GError *error = NULL;
	g_autofree char *note = baton_api_run_finish(BATON_API(source), result, &error);

	if (dialog->window) {
		if (error)
			error = baton_error_explain(error, _("The trash could not be changed"),
						    NULL);
		baton_banner_show(dialog->banner, error, NULL, NULL, TRUE);
		refresh(dialog);
	}
	g_clear_error(&error);
	dialog_unref(dialog);
}

static void on_restore(GtkButton *button, gpointer data)
{
	struct item *item = data;

	gtk_widget_set_sensitive(GTK_WIDGET(button), FALSE);
	baton_api_run(item->dialog->api, request_text("trash-restore", "item", item->id, NULL),
		      NULL, on_done, dialog_ref(item->dialog));
}

static void purge(gpointer data)
{
	struct item *item = data;

	baton_api_run(item->dialog->api, request_text("trash-purge", "item", item->id, NULL), NULL,
		      on_done, dialog_ref(item->dialog));
}

static void on_purge(GtkButton *button, gpointer data)
{
	struct item *item = data;
	g_autofree char *text = g_strdup_printf(_("Delete “%s” for good?"), item->name);

	(void)button;
	dialog_confirm(GTK_WINDOW(item->dialog->window), text,
		       _("Its disks and all that is on them are gone then."), _("_Delete"),
		       _("_Keep"), purge, item_new(item->dialog, item->id, item->name), item_free);
}

/* ---- rows ---- */

static GtkWidget *make_button(struct dialog *dialog, const char *id, const char *name,
			      const char *label, const char *accessible, GCallback callback)
{
	GtkWidget *button = gtk_button_new_with_label(label);
	g_autofree char *text = g_strdup_printf(accessible, name);

	gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
	atk_object_set_name(gtk_widget_get_accessible(button), text);
	g_signal_connect_data(button, "clicked", callback, item_new(dialog, id, name), item_gone,
			      0);
	return button;
}

static char *when_text(const char *deleted, gint64 bytes)
{
	g_autoptr(GDateTime) then = deleted ? g_date_time_new_from_iso8601(deleted, NULL) : NULL;
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *size = text_size((guint64)MAX(bytes, 0));
	g_autofree char *ago = then ? text_duration(g_date_time_difference(now, then) /
						    G_TIME_SPAN_SECOND) : NULL;

	return ago ? g_strdup_printf(_("%s, deleted %s ago"), size, ago) : g_steal_pointer(&size);
}

static void add_row(struct dialog *dialog, const struct json_node *node)
{
	const char *id = node_text(node, "id"), *name = node_text(node, "name");
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);
	GtkWidget *texts = gtk_box_new(GTK_ORIENTATION_VERTICAL, 2);
	g_autofree char *when = when_text(node_text(node, "deleted"),
					  node_number(node, "bytes", 0));
	GtkWidget *title = gtk_label_new(name ? name : id), *about = gtk_label_new(when);

	gtk_label_set_xalign(GTK_LABEL(title), 0);
	gtk_label_set_xalign(GTK_LABEL(about), 0);
	gtk_style_context_add_class(gtk_widget_get_style_context(about), "dim-label");
	gtk_container_add(GTK_CONTAINER(texts), title);
	gtk_container_add(GTK_CONTAINER(texts), about);
	gtk_box_pack_start(GTK_BOX(box), texts, TRUE, TRUE, 0);
	gtk_container_add(GTK_CONTAINER(box), make_button(dialog, id, name, _("Restore"),
			  _("Restore %s"), G_CALLBACK(on_restore)));
	gtk_container_add(GTK_CONTAINER(box), make_button(dialog, id, name, _("Delete…"),
			  _("Delete %s for good"), G_CALLBACK(on_purge)));
	g_object_set(box, "margin", 8, NULL);
	gtk_widget_show_all(box);
	gtk_list_box_insert(GTK_LIST_BOX(dialog->list), box, -1);
}

static void on_list(GObject *source, GAsyncResult *result, gpointer data)
{
	struct dialog *dialog = data;
	g_autoptr(GError) error = NULL;
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, &error);
	const struct json_node *items = reply ? json_member(reply->node, "items") : NULL;
	const struct json_node *item = NULL;
	guint count = 0;

	if (dialog->window) {
		gtk_container_foreach(GTK_CONTAINER(dialog->list),
				      (GtkCallback)(void *)gtk_widget_destroy, NULL);
		for (; items && (item = json_next(items, item)); count++)
			if (node_text(item, "id"))
				add_row(dialog, item);
		gtk_widget_set_visible(dialog->empty, !count);
		if (error)
			baton_banner_show(dialog->banner, error, NULL, NULL, TRUE);
	}
	dialog_unref(dialog);
}

static void refresh(struct dialog *dialog)
{
	baton_api_call(dialog->api, request_text("trash-list", NULL), NULL, on_list,
		       dialog_ref(dialog));
}

/* ---- the window ---- */

static void on_gone(GtkWidget *window, gpointer data)
{
	struct dialog *dialog = data;

	(void)window;
	dialog->window = NULL;
	dialog_unref(dialog);
}

static GtkWidget *make_list(struct dialog *dialog)
{
	GtkWidget *scroll = gtk_scrolled_window_new(NULL, NULL);

	dialog->list = gtk_list_box_new();
	gtk_list_box_set_selection_mode(GTK_LIST_BOX(dialog->list), GTK_SELECTION_NONE);
	atk_object_set_name(gtk_widget_get_accessible(dialog->list), _("Deleted virtual machines"));
	gtk_container_add(GTK_CONTAINER(scroll), dialog->list);
	gtk_scrolled_window_set_shadow_type(GTK_SCROLLED_WINDOW(scroll), GTK_SHADOW_IN);
	gtk_widget_set_vexpand(scroll, TRUE);
	return scroll;
}

void trash_dialog_show(GtkWindow *parent, BatonApi *api)
{
	struct dialog *dialog = g_new0(struct dialog, 1);
	GtkWidget *box;

	g_ref_count_init(&dialog->refs);
	dialog->api = g_object_ref(api);
	dialog->window = gtk_dialog_new_with_buttons(_("Trash"), parent, GTK_DIALOG_MODAL |
		GTK_DIALOG_DESTROY_WITH_PARENT | GTK_DIALOG_USE_HEADER_BAR, NULL, NULL);
	gtk_window_set_default_size(GTK_WINDOW(dialog->window), 560, 380);
	box = gtk_dialog_get_content_area(GTK_DIALOG(dialog->window));
	g_object_set(box, "margin", 18, "spacing", 12, NULL);
	dialog->banner = BATON_BANNER(baton_banner_new());
	dialog->empty = gtk_label_new(_("The trash is empty."));
	gtk_style_context_add_class(gtk_widget_get_style_context(dialog->empty), "dim-label");
	gtk_container_add(GTK_CONTAINER(box), GTK_WIDGET(dialog->banner));
	gtk_container_add(GTK_CONTAINER(box), make_list(dialog));
	gtk_widget_set_no_show_all(dialog->empty, TRUE);
	gtk_container_add(GTK_CONTAINER(box), dialog->empty);
	g_signal_connect(dialog->window, "destroy", G_CALLBACK(on_gone), dialog);
	g_signal_connect(dialog->window, "response", G_CALLBACK(gtk_widget_destroy), NULL);
	gtk_widget_show_all(dialog->window);
	refresh(dialog);
}
