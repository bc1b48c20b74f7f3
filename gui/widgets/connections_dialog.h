/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of connections: how each is, add one, remove one.
 */
#ifndef BATON_GUI_CONNECTIONS_DIALOG_H
#define BATON_GUI_CONNECTIONS_DIALOG_H

#include <gtk/gtk.h>

#include "model/connections.h"

void connections_dialog_show(GtkWindow *parent, BatonConnections *connections);

#endif
