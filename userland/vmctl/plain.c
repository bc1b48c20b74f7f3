// SPDX-License-Identifier: GPL-2.0-or-later
/* See plain.h. */
#include "plain.h"

#include <stdbool.h>
#include <string.h>

static bool is_dropped(const unsigned char *s, size_t length)
{
	/* U+0080 to U+009f control terminals, too. */
	if (length == 2)
		return s[0] == 0xc2 && s[1] < 0xa0;
	return length == 1 && ((s[0] < 0x20 && !memchr("\t\n\r", s[0], 3)) || s[0] == 0x7f);
}

static size_t wanted_length(unsigned char first)
{
	return first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
}

/* What was kept of a character is all there is of it. */
static size_t end_part(struct plain *p, char *out)
{
	size_t length = p->length;

	p->length = 0;
	if (!length || is_dropped(p->part, length))
		return 0;
	if (utf8_length(p->part, length) != length) {
		*out = '?';
		return 1;
	}
	memcpy(out, p->part, length);
	return length;
}

size_t plain_feed(struct plain *p, const char *text, size_t size, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (p->length && (byte & 0xc0) != 0x80)
			used += end_part(p, out + used);
		p->part[p->length++] = byte;
		if (p->length == wanted_length(p->part[0]))
			used += end_part(p, out + used);
	}
	return used;
}
