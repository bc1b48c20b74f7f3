/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's serial console as a stream of bytes: from its monitor if it is local, else from
 * libvirt. The same for whoever shows it.
 */
#ifndef BATON_GUI_SERIAL_LINE_H
#define BATON_GUI_SERIAL_LINE_H

#include "model/vm.h"

/* A connected socket as a GIOStream. */
void serial_line_open(BatonVm *vm, GCancellable *cancellable, GAsyncReadyCallback callback,
		      gpointer data);
GIOStream *serial_line_open_finish(BatonVm *vm, GAsyncResult *result, GError **error);

#endif
