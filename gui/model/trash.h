/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking a VM out of the trash by its UUID: names may be there more than once.
 */
#ifndef BATON_GUI_TRASH_H
#define BATON_GUI_TRASH_H

#include "model/api.h"

void trash_restore(BatonApi *api, const char *uuid, GAsyncReadyCallback callback, gpointer data);
gboolean trash_restore_finish(BatonApi *api, GAsyncResult *result, GError **error);

#endif
