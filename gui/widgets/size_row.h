/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An amount of memory or disk: a slider and an entry that takes "2 GiB", with a mark where
 * what the host can spare ends.
 *
 * Signal: "changed".
 */
#ifndef BATON_GUI_SIZE_ROW_H
#define BATON_GUI_SIZE_ROW_H

#include <gtk/gtk.h>

#define BATON_TYPE_SIZE_ROW (baton_size_row_get_type())
G_DECLARE_FINAL_TYPE(BatonSizeRow, baton_size_row, BATON, SIZE_ROW, GtkBox)

GtkWidget *baton_size_row_new(const char *name);
/* In bytes. spare: where the mark is; 0: none. mark: its words. */
void baton_size_row_set_limits(BatonSizeRow *row, guint64 min, guint64 max, guint64 spare,
			       const char *mark);
guint64 baton_size_row_get(BatonSizeRow *row);	/* 0: what was typed is no size */
void baton_size_row_set(BatonSizeRow *row, guint64 bytes);
/* For a label's mnemonic. */
GtkWidget *baton_size_row_entry(BatonSizeRow *row);

#endif
