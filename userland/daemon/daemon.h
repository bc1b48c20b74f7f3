/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is one of in the whole daemon. */
#ifndef BATON_DAEMON_DAEMON_H
#define BATON_DAEMON_DAEMON_H

#include <stdint.h>

#include "images.h"

extern struct images *image_store;
extern int64_t daemon_started_us;	/* g_get_monotonic_time() */

#endif
