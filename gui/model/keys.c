// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What "Send Keys" offers. See keys.h.
 */
#include "model/keys.h"

/* X11's keysyms, "KEYSYM Encoding" of the X protocol. */
#define CTRL 0xffe3
#define ALT 0xffe9
#define F(number) (0xffbd + (number))
#define CONSOLE(number) { "Ctrl+Alt+F" #number, "ctrl-alt-f" #number, { CTRL, ALT, F(number) } }

static const struct key_combination combinations[] = {
	{ "Ctrl+Alt+Delete", "ctrl-alt-delete", { CTRL, ALT, 0xffff } },
	{ "Ctrl+Alt+Backspace", "ctrl-alt-backspace", { CTRL, ALT, 0xff08 } },
	CONSOLE(1), CONSOLE(2), CONSOLE(3), CONSOLE(4), CONSOLE(5), CONSOLE(6), CONSOLE(7),
	{ "Alt+F4", "alt-f4", { ALT, F(4) } },
	{ "Alt+Tab", "alt-tab", { ALT, 0xff09 } },
	{ "Super", "super", { 0xffeb } },
	{ "Print Screen", "sysrq", { 0xff61 } },
};

const struct key_combination *keys_combinations(gsize *ret_count)
{
	*ret_count = G_N_ELEMENTS(combinations);
	return combinations;
}
