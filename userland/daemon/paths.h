/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a user's VMs, images and sockets lie (XDG base directories). Set up once at the
 * start; strings belong to this file and stay.
 *
 *   data     $XDG_DATA_HOME/baton: vms/NAME/, trash/, images/, networks/, journal/
 *   runtime  $XDG_RUNTIME_DIR/baton: batond.sock, batond.lock, vm/UUID.ctl, net/NAME.*
 */
#ifndef BATON_DAEMON_PATHS_H
#define BATON_DAEMON_PATHS_H

#include <stdbool.h>

#include "lib/errors.h"

struct paths {
	char *data, *vms, *trash, *images, *networks, *journal;
	char *runtime, *vm_sockets, *net_sockets;
	char *api_socket, *lock;
	char *libvirt_sockets[2];	/* conventional place, and ours */
};

extern struct paths paths;

/* Makes the folders that are missing, for their owner alone (0700). */
bool paths_init(struct btn_error *e);
/* Path of baton-vm or baton-net: beside this program, or in ../libexec/baton. g_free(). */
char *paths_program(const char *name, struct btn_error *e);

#endif
