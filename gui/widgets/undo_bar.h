/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bar that says what was just done and offers to undo it: an in-app notification over
 * a window's contents. A new one replaces the old one; it goes away by itself.
 */
#ifndef BATON_GUI_UNDO_BAR_H
#define BATON_GUI_UNDO_BAR_H

#include <gtk/gtk.h>

#define BATON_TYPE_UNDO_BAR (baton_undo_bar_get_type())
G_DECLARE_FINAL_TYPE(BatonUndoBar, baton_undo_bar, BATON, UNDO_BAR, GtkRevealer)

typedef void (*undo_fn)(gpointer data);

GtkWidget *baton_undo_bar_new(void);
/* undo NULL: only says it. Takes `data`, for which `gone` is called at the end. */
void baton_undo_bar_say(BatonUndoBar *bar, const char *text, undo_fn undo, gpointer data,
			GDestroyNotify gone);
void baton_undo_bar_hide(BatonUndoBar *bar);

#endif
