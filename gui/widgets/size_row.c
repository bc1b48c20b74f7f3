// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An amount of memory or disk. See size_row.h.
 *
 * The slider is logarithmic: each step to the right is as much more as the last one, so that
 * 512 MiB and 500 GiB can both be hit.
 */
#include <math.h>

#include "text.h"
#include "widgets/size_row.h"

#define MIB (1024.0 * 1024.0)

struct _BatonSizeRow {
	GtkBox parent;
	GtkScale *scale;
	GtkEntry *entry;
	guint64 bytes, min, max;
	gboolean busy;	/* one of the two follows the other */
};

enum { SIGNAL_CHANGED, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonSizeRow, baton_size_row, GTK_TYPE_BOX)

static double to_scale(guint64 bytes)
{
	return log2(MAX((double)bytes, MIB) / MIB);
}

/* Rounded to what people say: 3 digits of binary, at least 128 MiB or 1 GiB apart. */
static guint64 from_scale(double value)
{
	double mib = pow(2, value);
	double step = mib < 1024 ? 128 : mib < 8192 ? 256 : mib < 65536 ? 1024 : 8192;

	return (guint64)(MAX(round(mib / step), 1) * step * MIB);
}

static void show(BatonSizeRow *row, gboolean with_entry)
{
	g_autofree char *text = text_size(row->bytes);

	row->busy = TRUE;
	gtk_range_set_value(GTK_RANGE(row->scale), to_scale(row->bytes));
	if (with_entry)
		gtk_entry_set_text(row->entry, text);
	row->busy = FALSE;
}

static void on_scale(GtkRange *range, gpointer data)
{
	BatonSizeRow *row = data;

	if (row->busy)
		return;
	row->bytes = CLAMP(from_scale(gtk_range_get_value(range)), row->min, row->max);
	show(row, TRUE);
	g_signal_emit(row, signals[SIGNAL_CHANGED], 0);
}

static void on_entry(GtkEditable *entry, gpointer data)
{
	BatonSizeRow *row = data;
	uint64_t bytes;
	gboolean ok;

	if (row->busy)
		return;
	ok = text_parse_size(gtk_entry_get_text(GTK_ENTRY(entry)), &bytes);
	bytes = ok ? text_whole_size(bytes) : 0;
	ok = ok && bytes >= row->min;
	row->bytes = ok ? bytes : 0;
	if (ok)
		show(row, FALSE);
	gtk_entry_set_icon_from_icon_name(row->entry, GTK_ENTRY_ICON_SECONDARY,
					  ok ? NULL : "dialog-error-symbolic");
	g_signal_emit(row, signals[SIGNAL_CHANGED], 0);
}

/* Done typing: "2g" becomes "2 GiB". */
static gboolean on_entry_left(GtkWidget *entry, GdkEventFocus *event, gpointer data)
{
	BatonSizeRow *row = data;

	(void)entry;
	(void)event;
	if (row->bytes)
		show(row, TRUE);
	return GDK_EVENT_PROPAGATE;
}

void baton_size_row_set_limits(BatonSizeRow *row, guint64 min, guint64 max, guint64 spare,
			       const char *mark)
{
	row->min = min;
	row->max = MAX(max, min * 2);
	row->max -= row->max % (guint64)MIB;
	gtk_range_set_range(GTK_RANGE(row->scale), to_scale(row->min), to_scale(row->max));
	gtk_scale_clear_marks(row->scale);
	if (spare >= row->min && spare <= row->max)
		gtk_scale_add_mark(row->scale, to_scale(spare), GTK_POS_BOTTOM, mark);
	show(row, TRUE);
}

guint64 baton_size_row_get(BatonSizeRow *row)
{
	return row->bytes;
}

void baton_size_row_set(BatonSizeRow *row, guint64 bytes)
{
	row->bytes = bytes;
	show(row, TRUE);
}

GtkWidget *baton_size_row_entry(BatonSizeRow *row)
{
	return GTK_WIDGET(row->entry);
}

GtkWidget *baton_size_row_new(const char *name)
{
	BatonSizeRow *row = g_object_new(BATON_TYPE_SIZE_ROW, "spacing", 12, "visible", TRUE, NULL);
	g_autofree char *slider = g_strdup_printf(_("%s, slider"), name);

	atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(row->entry)), name);
	atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(row->scale)), slider);
	return GTK_WIDGET(row);
}

static void baton_size_row_init(BatonSizeRow *row)
{
	row->min = 1;
	row->max = 2;
	row->scale = GTK_SCALE(gtk_scale_new_with_range(GTK_ORIENTATION_HORIZONTAL, 0, 1, 0.05));
	gtk_scale_set_draw_value(row->scale, FALSE);
	gtk_widget_set_hexpand(GTK_WIDGET(row->scale), TRUE);
	row->entry = GTK_ENTRY(gtk_entry_new());
	gtk_entry_set_width_chars(row->entry, 10);
	gtk_entry_set_max_width_chars(row->entry, 10);
	gtk_entry_set_activates_default(row->entry, TRUE);
	gtk_widget_set_valign(GTK_WIDGET(row->entry), GTK_ALIGN_START);
	g_signal_connect(row->scale, "value-changed", G_CALLBACK(on_scale), row);
	g_signal_connect(row->entry, "changed", G_CALLBACK(on_entry), row);
	g_signal_connect(row->entry, "focus-out-event", G_CALLBACK(on_entry_left), row);
	gtk_box_pack_start(GTK_BOX(row), GTK_WIDGET(row->scale), TRUE, TRUE, 0);
	gtk_box_pack_start(GTK_BOX(row), GTK_WIDGET(row->entry), FALSE, FALSE, 0);
	gtk_widget_show_all(GTK_WIDGET(row->scale));
	gtk_widget_show(GTK_WIDGET(row->entry));
}

static void baton_size_row_class_init(BatonSizeRowClass *class)
{
	(void)class;
	signals[SIGNAL_CHANGED] = g_signal_new("changed", BATON_TYPE_SIZE_ROW, G_SIGNAL_RUN_LAST, 0,
					       NULL, NULL, NULL, G_TYPE_NONE, 0);
}
