/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console of a foreground VM: moves bytes between this program's standard
 * descriptors and the monitor's, until the monitor has ended.
 */
#ifndef BATON_VMCTL_CONSOLE_H
#define BATON_VMCTL_CONSOLE_H

#include <stdbool.h>

#include "child.h"

struct console_result {
	int wait_status;	/* of the monitor, as from waitpid() */
	int signal;		/* the signal that asked this program to end, or 0 */
	bool left;		/* by ~. */
	bool lost;		/* the terminal or the reader of the output is gone */
};

/*
 * Blocks the signals that matter to console_run(). To be called before the
 * child starts, so that none is missed. Returns a descriptor, or -1 with *e.
 */
int console_signals(struct btn_error *e);

/*
 * With a terminal on the standard input: raw mode and escapes (escape.h); else
 * bytes go through as they are, and the end of the input does not end the VM.
 * Lines of the monitor that start with "baton-vm: " get `name` ("vmctl: boot")
 * instead. Returns after the monitor has ended and all its output is written,
 * with the terminal as it was.
 */
void console_run(struct child *child, int signals, const char *name,
		 struct console_result *ret_result);

#endif
