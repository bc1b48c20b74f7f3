/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminal's mode. A process has one terminal on its input, so there is
 * one of these; it has to be reachable from signal handlers and exit().
 */
#ifndef BATON_VMCTL_TTY_H
#define BATON_VMCTL_TTY_H

#include <stdbool.h>

/*
 * Turns the terminal on fd raw: no echo, no signals from keys, no translation.
 * From then on every way out of the process restores it: return from main,
 * exit(), abort(), SIGQUIT and crashes. (After SIGKILL only "stty sane" helps.) It is raw
 * again when the process goes on after it was stopped by somebody else.
 * False: fd is no terminal, or not ours to change; nothing was done.
 */
bool tty_enter_raw(int fd);
/* Back to how it was. Safe to call at any time, also in a signal handler. */
void tty_leave_raw(void);
bool tty_is_raw(void);

#endif
