/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors on standard error, in the one form: for people, and with --format json an
 * object for programs behind it.
 */
#ifndef BATON_VMCTL_REPORT_H
#define BATON_VMCTL_REPORT_H

#include "errors.h"
#include "options.h"

/* vm: whose error it is, or NULL. */
void report_error(const struct args *args, const char *vm, const struct btn_error *e);
/* A remark, not with --quiet: "vmctl: launch: ..." */
void report_note(const struct args *args, const char *fmt, ...) BTN_PRINTF(2, 3);

#endif
