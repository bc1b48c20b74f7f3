/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is UTF-8 and what is not: Unicode, "Well-Formed UTF-8 Byte Sequences".
 */
#ifndef BATON_LIB_UTF8_H
#define BATON_LIB_UTF8_H

#include <stddef.h>

#define UTF8_MAX 4u	/* bytes of the longest sequence */

/*
 * Bytes of the well-formed sequence at s, within s[0 .. left); 0: there is none. No byte is
 * looked at behind one that does not belong to it, so a NUL at the end is a bound, too.
 */
static inline size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 :
			s[0] < 0xf5 ? 4 : 0;

	if (!length || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

#endif
