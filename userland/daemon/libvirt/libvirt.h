/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The libvirt face of the daemon: libvirt's remote protocol on UNIX sockets, translated
 * into the daemon's own operations. README.md says what is offered. Main thread only.
 */
#ifndef BATON_DAEMON_LIBVIRT_H
#define BATON_DAEMON_LIBVIRT_H

#include <stdbool.h>

#include "lib/errors.h"

/*
 * Listens at paths.libvirt_sockets[] (makes their folder, 0700, if there is none), and on
 * fds[0 .. count), which listen already (socket activation) and are taken over. A path
 * that one of fds has is not listened at again. After registry_load().
 */
bool libvirt_face_start(const int *fds, unsigned int count, struct btn_error *e);
/* Ends all connections and stops listening. */
void libvirt_face_stop(void);
unsigned int libvirt_face_connections(void);

#endif
