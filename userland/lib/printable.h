/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts that others have written, for a terminal: names in images, answers, arguments.
 */
#ifndef BATON_LIB_PRINTABLE_H
#define BATON_LIB_PRINTABLE_H

#include "utf8.h"

/* What is no character to be seen does nothing to the terminal: it becomes "?". */
static inline void make_printable(char *text)
{
	unsigned char *p = (unsigned char *)text;

	while (*p) {
		size_t length = utf8_length(p, UTF8_MAX);

		/* U+0080 to U+009f control terminals, too. */
		if (!length || *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
			*p++ = '?';
			if (length == 2)
				*p++ = '?';
		} else {
			p += length;
		}
	}
}

#endif
