/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Overview tab: facts, the last problem, and what its monitor has written.
 */
#ifndef BATON_GUI_OVERVIEW_H
#define BATON_GUI_OVERVIEW_H

#include <gtk/gtk.h>

#include "model/vm.h"

#define BATON_TYPE_OVERVIEW (baton_overview_get_type())
G_DECLARE_FINAL_TYPE(BatonOverview, baton_overview, BATON, OVERVIEW, GtkBox)

GtkWidget *baton_overview_new(BatonVm *vm);
void baton_overview_update(BatonOverview *overview);

#endif
