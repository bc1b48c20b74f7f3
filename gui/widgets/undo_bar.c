// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bar that offers to undo. See undo_bar.h.
 */
#include "text.h"
#include "widgets/undo_bar.h"

#define SECONDS_SHOWN 15

struct _BatonUndoBar {
	GtkRevealer parent;
	GtkWidget *label, *undo_button;
	undo_fn undo;
	gpointer data;
	GDestroyNotify gone;
	guint timeout;
};

G_DEFINE_TYPE(BatonUndoBar, baton_undo_bar, GTK_TYPE_REVEALER)

static void forget(BatonUndoBar *bar)
{
	GDestroyNotify gone = bar->gone;
	gpointer data = bar->data;

	g_clear_handle_id(&bar->timeout, g_source_remove);
	bar->undo = NULL;
	bar->gone = NULL;
	bar->data = NULL;
	if (gone)
		gone(data);
}

void baton_undo_bar_hide(BatonUndoBar *bar)
{
	gtk_revealer_set_reveal_child(GTK_REVEALER(bar), FALSE);
	forget(bar);
}

static gboolean on_timeout(gpointer data)
{
	BatonUndoBar *bar = data;

	bar->timeout = 0;
	baton_undo_bar_hide(bar);
	return G_SOURCE_REMOVE;
}

static void on_undo(GtkButton *button, gpointer data)
{
	BatonUndoBar *bar = data;

	(void)button;
	if (bar->undo)
		bar->undo(bar->data);
	baton_undo_bar_hide(bar);
}

static void on_close(GtkButton *button, gpointer data)
{
	(void)button;
	baton_undo_bar_hide(data);
}

void baton_undo_bar_say(BatonUndoBar *bar, const char *text, undo_fn undo, gpointer data,
			GDestroyNotify gone)
{
	AtkObject *accessible = gtk_widget_get_accessible(GTK_WIDGET(bar));

	forget(bar);
	bar->undo = undo;
	bar->data = data;
	bar->gone = gone;
	gtk_label_set_text(GTK_LABEL(bar->label), text);
	atk_object_set_name(accessible, text);
	gtk_widget_set_visible(bar->undo_button, undo != NULL);
	gtk_revealer_set_reveal_child(GTK_REVEALER(bar), TRUE);
	bar->timeout = g_timeout_add_seconds(SECONDS_SHOWN, on_timeout, bar);
}

GtkWidget *baton_undo_bar_new(void)
{
	return g_object_new(BATON_TYPE_UNDO_BAR, NULL);
}

static void baton_undo_bar_init(BatonUndoBar *bar)
{
	gtk_widget_init_template(GTK_WIDGET(bar));
}

static void baton_undo_bar_dispose(GObject *object)
{
	forget(BATON_UNDO_BAR(object));
	G_OBJECT_CLASS(baton_undo_bar_parent_class)->dispose(object);
}

static void baton_undo_bar_class_init(BatonUndoBarClass *class)
{
	GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);

	G_OBJECT_CLASS(class)->dispose = baton_undo_bar_dispose;
	gtk_widget_class_set_template_from_resource(widget, "/org/baton/ui/undo_bar.ui");
	gtk_widget_class_bind_template_child(widget, BatonUndoBar, label);
	gtk_widget_class_bind_template_child(widget, BatonUndoBar, undo_button);
	gtk_widget_class_bind_template_callback(widget, on_undo);
	gtk_widget_class_bind_template_callback(widget, on_close);
}
