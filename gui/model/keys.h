/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys: from the number that the hardware gives them (Linux key codes, which X and Wayland
 * count from 8) to the names that a monitor's "key" takes; and what "Send Keys" offers.
 */
#ifndef BATON_GUI_KEYS_H
#define BATON_GUI_KEYS_H

#include <glib.h>

#define KEYS_X_OFFSET 8

/* The name of a Linux key code; NULL: a monitor does not have it. */
const char *keys_name(guint linux_code);

struct key_combination {
	const char *label;	/* "Ctrl+Alt+Delete" */
	const char *keys;	/* for "send-key" */
	guint symbols[4];	/* X keysyms, for VNC; 0 ends them */
};
const struct key_combination *keys_combinations(gsize *ret_count);

#endif
