/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BATON_VMCTL_AUTOSTART_H
#define BATON_VMCTL_AUTOSTART_H

#include <stdbool.h>

#include "errors.h"

/*
 * Starts batond in a session of its own and waits until it is ready, or somebody else's
 * is. BATON_AUTOSTART=0 forbids it. False: *e says why there is none.
 */
bool autostart_daemon(struct btn_error *e);

#endif
