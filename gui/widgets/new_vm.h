/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The New VM assistant: where from, what it is to be, a summary. What it makes it makes in
 * the background: the window goes at once, and comes back if that fails.
 */
#ifndef BATON_GUI_NEW_VM_H
#define BATON_GUI_NEW_VM_H

#include <gtk/gtk.h>

#include "model/api.h"

#define BATON_TYPE_NEW_VM (baton_new_vm_get_type())
G_DECLARE_FINAL_TYPE(BatonNewVm, baton_new_vm, BATON, NEW_VM, GtkWindow)

GtkWidget *baton_new_vm_new(GtkWindow *parent, BatonApi *api);

#endif
