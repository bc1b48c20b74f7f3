/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pane beside the list: what is selected, what it is, and what can be done with it.
 */
#ifndef BATON_GUI_DETAILS_H
#define BATON_GUI_DETAILS_H

#include <gtk/gtk.h>

#include "model/vm.h"

#define BATON_TYPE_DETAILS (baton_details_get_type())
G_DECLARE_FINAL_TYPE(BatonDetails, baton_details, BATON, DETAILS, GtkBin)

GtkWidget *baton_details_new(void);
/* One VM: its facts; several: how many; none: how to select one. */
void baton_details_show(BatonDetails *details, GPtrArray *vms);

#endif
