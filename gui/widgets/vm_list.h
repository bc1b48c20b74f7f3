/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of VMs of all connections: state, name, CPUs, memory, address; sorted by any of
 * them, filtered by a search, several selected at once.
 *
 * Signals: "selection-changed"; "open" (BatonVm *); "menu" (GdkEvent *, may be NULL).
 */
#ifndef BATON_GUI_VM_LIST_H
#define BATON_GUI_VM_LIST_H

#include <gtk/gtk.h>

#include "model/connections.h"

#define BATON_TYPE_VM_LIST (baton_vm_list_get_type())
G_DECLARE_FINAL_TYPE(BatonVmList, baton_vm_list, BATON, VM_LIST, GtkScrolledWindow)

GtkWidget *baton_vm_list_new(void);
void baton_vm_list_set_connections(BatonVmList *list, BatonConnections *connections);
/* Selected BatonVm objects, in the order shown; g_ptr_array_unref(). */
GPtrArray *baton_vm_list_selected(BatonVmList *list);
void baton_vm_list_search(BatonVmList *list, const char *text);
guint baton_vm_list_count(BatonVmList *list);	/* whatever the search */
guint baton_vm_list_shown(BatonVmList *list);
void baton_vm_list_select_all(BatonVmList *list);
void baton_vm_list_select(BatonVmList *list, BatonVm *vm);
/* Whether any VM of the user's own Baton has this name. */
gboolean baton_vm_list_has_name(BatonVmList *list, const char *name);
/* Whether any of them, on or off, forwards this port of the host. */
gboolean baton_vm_list_has_port(BatonVmList *list, guint port);
void baton_vm_list_focus(BatonVmList *list);

#endif
