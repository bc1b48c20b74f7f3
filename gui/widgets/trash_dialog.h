/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trash: what is in it, since when and how large; restore, or delete for good.
 */
#ifndef BATON_GUI_TRASH_DIALOG_H
#define BATON_GUI_TRASH_DIALOG_H

#include <gtk/gtk.h>

#include "model/api.h"

void trash_dialog_show(GtkWindow *parent, BatonApi *api);

#endif
