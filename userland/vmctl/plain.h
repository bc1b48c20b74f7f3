/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest has written, for the terminal of somebody who only reads it: characters and
 * line ends. Escape sequences could set the clipboard, or ask for answers that arrive as if
 * they had been typed.
 */
#ifndef BATON_VMCTL_PLAIN_H
#define BATON_VMCTL_PLAIN_H

#include <stddef.h>

#include "lib/utf8.h"

/* { 0 } at first: a character may come in two pieces. */
struct plain {
	unsigned char part[UTF8_MAX];
	size_t length;
};

#define PLAIN_MAX(size) ((size) + UTF8_MAX)	/* what may come out of size bytes */

/*
 * Drops control characters but tab and the ends of lines; what is no UTF-8 becomes "?".
 * Returns the number of bytes in `out`.
 */
size_t plain_feed(struct plain *p, const char *text, size_t size, char *out);

#endif
