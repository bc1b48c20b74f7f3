/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The application: its connections, its windows, one of each kind for each VM.
 */
#ifndef BATON_GUI_APP_H
#define BATON_GUI_APP_H

#include <gtk/gtk.h>

#include "model/connections.h"

#define BATON_APP_ID "org.baton.Baton"

#define BATON_TYPE_APP (baton_app_get_type())
G_DECLARE_FINAL_TYPE(BatonApp, baton_app, BATON, APP, GtkApplication)

BatonApp *baton_app_new(void);
/* The one that runs. */
BatonApp *baton_app_get(void);
BatonConnections *baton_app_connections(BatonApp *app);
BatonApi *baton_app_api(BatonApp *app);
/* What the doctor has found; NULL: nothing, or not asked yet. Signal "doctor" tells. */
const GError *baton_app_host_problem(BatonApp *app);
/* The main window, which is made if it is not there; it is not presented. */
GtkWindow *baton_app_main_window(BatonApp *app);
/* The VM's own window comes to the front. */
void baton_app_open_vm(BatonApp *app, BatonVm *vm);
/* Adds the "app" actions: app_actions.c. */
void app_actions_add(BatonApp *app);

#endif
