/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main window: list, details, search, banners, action bar.
 */
#ifndef BATON_GUI_WINDOW_H
#define BATON_GUI_WINDOW_H

#include <gtk/gtk.h>

#include "app.h"
#include "widgets/undo_bar.h"
#include "widgets/vm_list.h"

#define BATON_TYPE_WINDOW (baton_window_get_type())
G_DECLARE_FINAL_TYPE(BatonWindow, baton_window, BATON, WINDOW, GtkApplicationWindow)

GtkWidget *baton_window_new(BatonApp *app);
BatonVmList *baton_window_list(BatonWindow *window);
BatonUndoBar *baton_window_undo_bar(BatonWindow *window);	/* NULL: it is closed */
void baton_window_search(BatonWindow *window);
void baton_window_show_menu(BatonWindow *window);
/* An error of something that no VM's pane can show. Takes it. */
void baton_window_report(BatonWindow *window, GError *error);

/* Adds the "win" actions: window_actions.c. */
void window_actions_add(BatonWindow *window);

#endif
