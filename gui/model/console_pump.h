/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream of libvirt's as a socket: what comes from either goes to the other, until one of
 * them ends. libvirt-glib's own GIO face of a stream cannot be closed while somebody reads
 * from it: it frees an error twice.
 */
#ifndef BATON_GUI_CONSOLE_PUMP_H
#define BATON_GUI_CONSOLE_PUMP_H

#include <libvirt-gobject/libvirt-gobject.h>

/* Takes the stream. Our end of the socket; -1: errno says why. Closing it ends the stream. */
int console_pump_start(GVirStream *stream);

#endif
