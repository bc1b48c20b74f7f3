/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connections that the user has: this computer's Baton always, others as they were
 * added, kept in the key-file ~/.config/baton/connections.conf (groups [connection N], key
 * uri). A GListModel of BatonConnection.
 */
#ifndef BATON_GUI_CONNECTIONS_H
#define BATON_GUI_CONNECTIONS_H

#include "model/connection.h"

#define BATON_DEFAULT_URI "baton:///session"

#define BATON_TYPE_CONNECTIONS (baton_connections_get_type())
G_DECLARE_FINAL_TYPE(BatonConnections, baton_connections, BATON, CONNECTIONS, GObject)

/* path NULL: the user's file. api: of this computer; NULL: without it (tests). */
BatonConnections *baton_connections_new(const char *path, BatonApi *api);
GListModel *baton_connections_list(BatonConnections *connections);
/* The one with the API; NULL in tests. */
BatonConnection *baton_connections_own(BatonConnections *connections);
/* Opens and, if `keep`, remembers it; one that is there already is returned as it is. */
BatonConnection *baton_connections_add(BatonConnections *connections, const char *uri,
				       gboolean keep);
void baton_connections_remove(BatonConnections *connections, BatonConnection *connection);
void baton_connections_open_all(BatonConnections *connections);

#endif
