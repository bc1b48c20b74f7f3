// SPDX-License-Identifier: GPL-2.0-or-later
/* See daemon.h. */
#include "daemon.h"

struct images *image_store;
int64_t daemon_started_us;
