/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to a libvirt URI and its VMs. Of the user's own Baton it also has the API
 * (api.h), which says more of each VM and finds those that libvirt cannot tell of.
 *
 * Signal: "changed" when state or error did. VMs come and go in baton_connection_vms().
 */
#ifndef BATON_GUI_CONNECTION_H
#define BATON_GUI_CONNECTION_H

#include "model/api.h"
#include "model/vm.h"

enum connection_state { CONNECTION_CLOSED, CONNECTION_OPENING, CONNECTION_OPEN, CONNECTION_FAILED };

#define BATON_TYPE_CONNECTION (baton_connection_get_type())
G_DECLARE_FINAL_TYPE(BatonConnection, baton_connection, BATON, CONNECTION, GObject)

/* api NULL: not the user's own Baton. */
BatonConnection *baton_connection_new(const char *uri, BatonApi *api);
const char *baton_connection_uri(BatonConnection *connection);
/* For people: "This computer", "user@host", or the URI; g_free(). */
char *baton_connection_title(BatonConnection *connection);
enum connection_state baton_connection_state(BatonConnection *connection);
const GError *baton_connection_error(BatonConnection *connection);
BatonApi *baton_connection_api(BatonConnection *connection);	/* NULL: none */
GVirConnection *baton_connection_libvirt(BatonConnection *connection);	/* NULL: not open */
/* Its BatonVm objects, in no order. */
GListModel *baton_connection_vms(BatonConnection *connection);
BatonVm *baton_connection_find(BatonConnection *connection, const char *uuid);

/* Again, too, after it has failed. */
void baton_connection_open(BatonConnection *connection);
void baton_connection_close(BatonConnection *connection);
/* Takes an error of a libvirt call for what it is if the connection has broken. */
gboolean baton_connection_check(BatonConnection *connection, const GError *error);

/* Why a text cannot be a libvirt URI; NULL: it can. */
const char *connection_uri_fault(const char *uri);
/* Descriptors cannot pass through it: ssh and the like. */
gboolean connection_uri_is_remote(const char *uri);
/* "HOST" of baton+ssh://[USER@]HOST[:PORT]/..., with user and port; NULL: none. */
char *connection_uri_host(const char *uri, char **ret_user, int *ret_port);

#endif
