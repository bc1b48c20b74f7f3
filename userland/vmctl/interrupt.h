/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ctrl-C for commands that have something to put right before they end: the signal
 * ends their waiting instead of them.
 */
#ifndef BATON_VMCTL_INTERRUPT_H
#define BATON_VMCTL_INTERRUPT_H

#include <stdbool.h>

/* SIGINT, SIGTERM and SIGHUP are caught from now on. */
bool interrupt_catch(void);
/* Readable when one has come; -1 if they are not caught. */
int interrupt_fd(void);
/* The first one that has come, or 0. */
int interrupt_signal(void);
/* The descriptor waits for the next one: for what has to be put right after the first. */
void interrupt_rearm(void);

#endif
