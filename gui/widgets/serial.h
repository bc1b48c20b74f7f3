/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial console of a VM in a terminal. It connects when it is first seen, and again
 * when the VM starts anew.
 */
#ifndef BATON_GUI_SERIAL_H
#define BATON_GUI_SERIAL_H

#include <gtk/gtk.h>

#include "model/vm.h"

#define BATON_TYPE_SERIAL (baton_serial_get_type())
G_DECLARE_FINAL_TYPE(BatonSerial, baton_serial, BATON, SERIAL, GtkBox)

GtkWidget *baton_serial_new(BatonVm *vm);
/* Its VM has another state. */
void baton_serial_update(BatonSerial *serial);
/* The terminal has the keyboard. */
gboolean baton_serial_has_keyboard(BatonSerial *serial);
void baton_serial_focus(BatonSerial *serial);

#endif
