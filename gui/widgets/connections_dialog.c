// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of connections. See connections_dialog.h.
 */
#include "text.h"
#include "widgets/connections_dialog.h"

struct dialog {
	GtkWidget *window, *entry, *fault, *add;
	BatonConnections *connections;
};

static const char *state_text(BatonConnection *connection)
{
	switch (baton_connection_state(connection)) {
	case CONNECTION_OPENING:
		return _("connecting…");
	case CONNECTION_OPEN:
		return _("connected");
	case CONNECTION_FAILED:
		return _("not connected");
	default:
		return _("closed");
	}
}

/* ---- rows ---- */

static void on_remove(GtkButton *button, gpointer data)
{
	BatonConnections *connections = g_object_get_data(G_OBJECT(button), "connections");

	baton_connections_remove(connections, data);
}

static void show_row(BatonConnection *connection, gpointer data)
{
	g_autofree char *text = g_strdup_printf("%s — %s", baton_connection_uri(connection),
						state_text(connection));

	gtk_label_set_text(GTK_LABEL(data), text);
}

static GtkWidget *make_remove(BatonConnection *connection, BatonConnections *connections)
{
	GtkWidget *remove = gtk_button_new_from_icon_name("list-remove-symbolic",
							  GTK_ICON_SIZE_BUTTON);
	g_autofree char *name = g_strdup_printf(_("Remove %s"), baton_connection_uri(connection));

	gtk_button_set_relief(GTK_BUTTON(remove), GTK_RELIEF_NONE);
	gtk_widget_set_valign(remove, GTK_ALIGN_CENTER);
	gtk_widget_set_tooltip_text(remove, _("Remove this connection"));
	atk_object_set_name(gtk_widget_get_accessible(remove), name);
	g_object_set_data(G_OBJECT(remove), "connections", connections);
	g_signal_connect_object(remove, "clicked", G_CALLBACK(on_remove), connection, 0);
	return remove;
}

static GtkWidget *make_row(gpointer item, gpointer data)
{
	BatonConnection *connection = item;
	BatonConnections *connections = data;
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);
	GtkWidget *texts = gtk_box_new(GTK_ORIENTATION_VERTICAL, 2);
	g_autofree char *title = baton_connection_title(connection);
	GtkWidget *name = gtk_label_new(title), *state = gtk_label_new("");

	gtk_label_set_xalign(GTK_LABEL(name), 0);
	gtk_label_set_xalign(GTK_LABEL(state), 0);
	gtk_label_set_ellipsize(GTK_LABEL(state), PANGO_ELLIPSIZE_MIDDLE);
	gtk_style_context_add_class(gtk_widget_get_style_context(state), "dim-label");
	gtk_container_add(GTK_CONTAINER(texts), name);
	gtk_container_add(GTK_CONTAINER(texts), state);
	gtk_box_pack_start(GTK_BOX(box), texts, TRUE, TRUE, 0);
	if (connection != baton_connections_own(connections))
		gtk_box_pack_end(GTK_BOX(box), make_remove(connection, connections), FALSE, FALSE,
				 0);
	g_object_set(box, "margin", 8, NULL);
	g_signal_connect_object(connection, "changed", G_CALLBACK(show_row), state, 0);
	show_row(connection, state);
	gtk_widget_show_all(box);
	return box;
}

/* ---- adding one ---- */

static void on_text(GtkEditable *entry, gpointer data)
{
	struct dialog *dialog = data;
	g_autofree char *uri = g_strstrip(g_strdup(gtk_entry_get_text(GTK_ENTRY(entry))));
	const char *fault = *uri ? connection_uri_fault(uri) : NULL;

	gtk_label_set_text(GTK_LABEL(dialog->fault), fault ? fault :
			   _("For example qemu:///session, or baton+ssh://user@host/session"));
	gtk_widget_set_sensitive(dialog->add, *uri && !fault);
}

static void on_add(GtkWidget *widget, gpointer data)
{
	struct dialog *dialog = data;
	g_autofree char *uri = g_strstrip(g_strdup(gtk_entry_get_text(GTK_ENTRY(dialog->entry))));

	(void)widget;
	if (!*uri || connection_uri_fault(uri))
		return;
	baton_connections_add(dialog->connections, uri, TRUE);
	gtk_entry_set_text(GTK_ENTRY(dialog->entry), "");
}

static GtkWidget *make_adder(struct dialog *dialog)
{
	GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
	GtkWidget *label = gtk_label_new_with_mnemonic(_("_Address"));

	dialog->entry = gtk_entry_new();
	dialog->add = gtk_button_new_with_mnemonic(_("A_dd"));
	gtk_label_set_mnemonic_widget(GTK_LABEL(label), dialog->entry);
	gtk_widget_set_hexpand(dialog->entry, TRUE);
	gtk_container_add(GTK_CONTAINER(box), label);
	gtk_container_add(GTK_CONTAINER(box), dialog->entry);
	gtk_container_add(GTK_CONTAINER(box), dialog->add);
	g_signal_connect(dialog->entry, "changed", G_CALLBACK(on_text), dialog);
	g_signal_connect(dialog->entry, "activate", G_CALLBACK(on_add), dialog);
	g_signal_connect(dialog->add, "clicked", G_CALLBACK(on_add), dialog);
	return box;
}

static GtkWidget *make_list(struct dialog *dialog)
{
	GtkWidget *scroll = gtk_scrolled_window_new(NULL, NULL);
	GtkWidget *list = gtk_list_box_new();

	gtk_list_box_set_selection_mode(GTK_LIST_BOX(list), GTK_SELECTION_NONE);
	gtk_list_box_bind_model(GTK_LIST_BOX(list), baton_connections_list(dialog->connections),
				make_row, dialog->connections, NULL);
	atk_object_set_name(gtk_widget_get_accessible(list), _("Connections"));
	gtk_container_add(GTK_CONTAINER(scroll), list);
	gtk_scrolled_window_set_shadow_type(GTK_SCROLLED_WINDOW(scroll), GTK_SHADOW_IN);
	gtk_widget_set_vexpand(scroll, TRUE);
	return scroll;
}

static void on_gone(GtkWidget *window, gpointer data)
{
	struct dialog *dialog = data;

	(void)window;
	g_object_unref(dialog->connections);
	g_free(dialog);
}

void connections_dialog_show(GtkWindow *parent, BatonConnections *connections)
{
	struct dialog *dialog = g_new0(struct dialog, 1);
	GtkWidget *box;

	dialog->connections = g_object_ref(connections);
	dialog->window = gtk_dialog_new_with_buttons(_("Connections"), parent, GTK_DIALOG_MODAL |
		GTK_DIALOG_DESTROY_WITH_PARENT | GTK_DIALOG_USE_HEADER_BAR, NULL, NULL);
	gtk_window_set_default_size(GTK_WINDOW(dialog->window), 560, 380);
	box = gtk_dialog_get_content_area(GTK_DIALOG(dialog->window));
	g_object_set(box, "margin", 18, "spacing", 12, NULL);
	dialog->fault = gtk_label_new("");
	gtk_label_set_xalign(GTK_LABEL(dialog->fault), 0);
	gtk_label_set_line_wrap(GTK_LABEL(dialog->fault), TRUE);
	gtk_style_context_add_class(gtk_widget_get_style_context(dialog->fault), "dim-label");
	gtk_container_add(GTK_CONTAINER(box), make_list(dialog));
	gtk_container_add(GTK_CONTAINER(box), make_adder(dialog));
	gtk_container_add(GTK_CONTAINER(box), dialog->fault);
	on_text(GTK_EDITABLE(dialog->entry), dialog);
	g_signal_connect(dialog->window, "destroy", G_CALLBACK(on_gone), dialog);
	g_signal_connect(dialog->window, "response", G_CALLBACK(gtk_widget_destroy), NULL);
	gtk_widget_show_all(dialog->window);
}
