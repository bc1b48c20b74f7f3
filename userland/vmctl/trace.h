/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --verbose: each message to and from the daemon, on standard error; without passwords. */
#ifndef BATON_VMCTL_TRACE_H
#define BATON_VMCTL_TRACE_H

#include <stddef.h>

void trace_enable(void);
/* direction '>': to the daemon, '<': from it. text is not changed. */
void trace_message(char direction, const char *text, size_t length);

#endif
