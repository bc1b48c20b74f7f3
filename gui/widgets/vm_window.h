/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The window of one VM: Display, Serial, Overview.
 */
#ifndef BATON_GUI_VM_WINDOW_H
#define BATON_GUI_VM_WINDOW_H

#include <gtk/gtk.h>

#include "app.h"
#include "model/keys.h"
#include "widgets/vm_screen.h"

#define BATON_TYPE_VM_WINDOW (baton_vm_window_get_type())
G_DECLARE_FINAL_TYPE(BatonVmWindow, baton_vm_window, BATON, VM_WINDOW, GtkApplicationWindow)

GtkWidget *baton_vm_window_new(BatonApp *app, BatonVm *vm);
BatonVm *baton_vm_window_vm(BatonVmWindow *window);
BatonVmScreen *baton_vm_window_screen(BatonVmWindow *window);
/* "display", "serial", "overview" */
void baton_vm_window_show_tab(BatonVmWindow *window, const char *tab);
/* Asks for it; the action's state follows the window. */
void baton_vm_window_set_fullscreen(BatonVmWindow *window, gboolean fullscreen);
/* Shows an error of what only this window does; takes it. */
void baton_vm_window_report(BatonVmWindow *window, GError *error);

/* Adds the "vm" actions: vm_window_actions.c. */
GActionMap *vm_window_actions_add(BatonVmWindow *window);

#endif
