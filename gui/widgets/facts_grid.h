/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts of a VM (model/facts.h) as a grid of labels.
 */
#ifndef BATON_GUI_FACTS_GRID_H
#define BATON_GUI_FACTS_GRID_H

#include <gtk/gtk.h>

#include "model/vm.h"

/* Fills the grid, or changes what is in it where that is enough. */
void facts_grid_show(GtkGrid *grid, const BatonVm *vm);

#endif
