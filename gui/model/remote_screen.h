/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VNC connection to a VM that is not local, or not Baton's: a descriptor that libvirt
 * hands out, else the address in its XML, through ssh where the connection goes so.
 */
#ifndef BATON_GUI_REMOTE_SCREEN_H
#define BATON_GUI_REMOTE_SCREEN_H

#include "model/vm.h"

void remote_screen_open(BatonVm *vm, GCancellable *cancellable, GAsyncReadyCallback callback,
			gpointer data);
/*
 * A connected socket that speaks VNC, also after a cancel, for close(); -1: *error.
 * *ret_password is what it takes, as far as libvirt tells it to us, else NULL; g_free().
 */
int remote_screen_open_finish(BatonVm *vm, GAsyncResult *result, char **ret_password,
			      GError **error);

/*
 * What a shell on the other computer runs to reach the screen; socket NULL: host and port.
 * NULL: that is no address. g_free().
 */
char *remote_screen_command(const char *socket, const char *host, int port);

#endif
