// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Facts as a grid of labels. See facts_grid.h.
 */
#include "model/facts.h"
#include "text.h"
#include "widgets/facts_grid.h"

static void on_copy(GtkButton *button, gpointer data)
{
	(void)button;
	gtk_clipboard_set_text(gtk_widget_get_clipboard(data, GDK_SELECTION_CLIPBOARD),
			       gtk_label_get_text(data), -1);
}

static GtkWidget *name_label(const char *text)
{
	GtkWidget *label = gtk_label_new(text);

	gtk_label_set_xalign(GTK_LABEL(label), 1);
	gtk_widget_set_valign(label, GTK_ALIGN_START);
	gtk_style_context_add_class(gtk_widget_get_style_context(label), "dim-label");
	return label;
}

static GtkWidget *value_label(const struct fact *fact)
{
	GtkWidget *label = gtk_label_new(fact->value);

	gtk_label_set_xalign(GTK_LABEL(label), 0);
	gtk_label_set_line_wrap(GTK_LABEL(label), TRUE);
	gtk_label_set_line_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
	gtk_label_set_selectable(GTK_LABEL(label), TRUE);
	gtk_widget_set_can_focus(label, FALSE);
	gtk_widget_set_valign(label, GTK_ALIGN_START);
	return label;
}

static GtkWidget *copy_button(const struct fact *fact, GtkWidget *label)
{
	GtkWidget *button = gtk_button_new_from_icon_name("edit-copy-symbolic",
							  GTK_ICON_SIZE_BUTTON);
	g_autofree char *name = g_strdup_printf(_("Copy “%s”"), fact->label);

	gtk_button_set_relief(GTK_BUTTON(button), GTK_RELIEF_NONE);
	gtk_widget_set_valign(button, GTK_ALIGN_START);
	gtk_widget_set_tooltip_text(button, _("Copy"));
	atk_object_set_name(gtk_widget_get_accessible(button), name);
	gtk_style_context_add_class(gtk_widget_get_style_context(button), "compact");
	g_signal_connect_object(button, "clicked", G_CALLBACK(on_copy), label, 0);
	return button;
}

/* The same facts with other values: labels stay, so that a selection in them does. */
static gboolean update(GtkGrid *grid, GPtrArray *facts)
{
	for (guint i = 0; i <= facts->len; i++) {
		GtkWidget *name = gtk_grid_get_child_at(grid, 0, (int)i);
		const struct fact *fact = i < facts->len ? facts->pdata[i] : NULL;

		if (!name != !fact)
			return FALSE;
		if (fact && g_strcmp0(gtk_label_get_text(GTK_LABEL(name)), fact->label))
			return FALSE;
	}
	for (guint i = 0; i < facts->len; i++) {
		GtkLabel *value = GTK_LABEL(gtk_grid_get_child_at(grid, 1, (int)i));
		const struct fact *fact = facts->pdata[i];

		if (g_strcmp0(gtk_label_get_text(value), fact->value))
			gtk_label_set_text(value, fact->value);
	}
	return TRUE;
}

void facts_grid_show(GtkGrid *grid, const BatonVm *vm)
{
	g_autoptr(GPtrArray) facts = facts_of(vm);

	if (update(grid, facts))
		return;
	gtk_container_foreach(GTK_CONTAINER(grid), (GtkCallback)(void *)gtk_widget_destroy, NULL);
	for (guint i = 0; i < facts->len; i++) {
		const struct fact *fact = facts->pdata[i];
		GtkWidget *name = name_label(fact->label);
		GtkWidget *value = value_label(fact);

		gtk_grid_attach(grid, name, 0, (int)i, 1, 1);
		gtk_grid_attach(grid, value, 1, (int)i, 1, 1);
		if (fact->is_code)
			gtk_grid_attach(grid, copy_button(fact, value), 2, (int)i, 1, 1);
		atk_object_add_relationship(gtk_widget_get_accessible(value),
					    ATK_RELATION_LABELLED_BY,
					    gtk_widget_get_accessible(name));
	}
	gtk_widget_show_all(GTK_WIDGET(grid));
}
