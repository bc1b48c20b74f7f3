/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Display tab: the shared picture of a local VM (display.h), VNC for others, and what
 * to show while it is off.
 *
 * Signal: "grab-changed".
 */
#ifndef BATON_GUI_VM_SCREEN_H
#define BATON_GUI_VM_SCREEN_H

#include <gtk/gtk.h>

#include "model/keys.h"
#include "model/vm.h"

#define BATON_TYPE_VM_SCREEN (baton_vm_screen_get_type())
G_DECLARE_FINAL_TYPE(BatonVmScreen, baton_vm_screen, BATON, VM_SCREEN, GtkBox)

GtkWidget *baton_vm_screen_new(BatonVm *vm);
/* Its VM has another state. */
void baton_vm_screen_update(BatonVmScreen *screen);
gboolean baton_vm_screen_has_keyboard(BatonVmScreen *screen);
/* A key of the window's own was pressed while the guest has the keyboard. */
void baton_vm_screen_used_otherwise(BatonVmScreen *screen);
void baton_vm_screen_focus(BatonVmScreen *screen);
void baton_vm_screen_set_scale(BatonVmScreen *screen, gboolean scale);
void baton_vm_screen_send_keys(BatonVmScreen *screen, const struct key_combination *keys);
GdkPixbuf *baton_vm_screen_picture(BatonVmScreen *screen);	/* NULL: there is none */

#endif
