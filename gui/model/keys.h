/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys: what "Send Keys" offers; and how far X and Wayland count from Linux' key codes,
 * whose names are in lib/key_names.h.
 */
#ifndef BATON_GUI_KEYS_H
#define BATON_GUI_KEYS_H

#include <glib.h>

#define KEYS_X_OFFSET 8

struct key_combination {
	const char *label;	/* "Ctrl+Alt+Delete" */
	const char *keys;	/* for "send-key" */
	guint symbols[4];	/* X keysyms, for VNC; 0 ends them */
};
const struct key_combination *keys_combinations(gsize *ret_count);

#endif
