/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that keeps what a console said, up to a size: then it is renamed to NAME.1 in
 * place of the one before, and begun anew. What cannot be written is left out: neither a
 * full disk nor a folder that has gone stops anybody. One thread at a time.
 */
#ifndef BATON_DEV_CONSOLE_LOG_H
#define BATON_DEV_CONSOLE_LOG_H

#include <stddef.h>

#define CONSOLE_LOG_MAX (1u << 20)	/* bytes of each of the two files */

struct console_log;

/* Appends to what is there. -EINVAL: something else than a file; else -errno of opening. */
int console_log_open(const char *path, struct console_log **ret_log);
void console_log_close(struct console_log *log);	/* NULL is fine */
/* size is at most CONSOLE_LOG_MAX. */
void console_log_write(struct console_log *log, const void *bytes, size_t size);

#endif
