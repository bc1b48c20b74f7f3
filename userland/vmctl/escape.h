/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The escape character of the console: "~" at the start of a line. A state
 * machine without I/O.
 *
 *   ~.  leave    ~~  one "~"    ~^Z  suspend    ~?  help
 *
 * Anything else behind the "~" goes to the guest together with it.
 */
#ifndef BATON_VMCTL_ESCAPE_H
#define BATON_VMCTL_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

enum escape_state { ESCAPE_LINE_START, ESCAPE_IN_LINE, ESCAPE_TILDE };

enum escape_action { ESCAPE_NONE, ESCAPE_LEAVE, ESCAPE_SUSPEND, ESCAPE_HELP };

struct escape {
	enum escape_state state; /* zero: at the start of a line */
};

extern const char escape_help[];

/*
 * Takes one byte that was typed. out gets what goes to the guest for it (0 to
 * 2 bytes, *ret_count); the action is to be done after that.
 */
enum escape_action escape_feed(struct escape *escape, uint8_t byte, uint8_t out[2],
			       size_t *ret_count);

#endif
