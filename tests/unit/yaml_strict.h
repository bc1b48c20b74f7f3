/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader of the YAML that seeds are made of, written down a second time: what is
 * between two double quotes, with the escapes of YAML 1.2, chapter 5.7, that a seed
 * uses. Anything else, and any character that has to be escaped, is an error.
 */
#ifndef BATON_TESTS_YAML_STRICT_H
#define BATON_TESTS_YAML_STRICT_H

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* YAML 1.1 "c-printable", less what it takes for line breaks. */
static inline bool yaml_strict_plain(gunichar c)
{
	return c == 0x20 || c == 0x21 || (c >= 0x23 && c <= 0x7e && c != '\\') ||
	       (c >= 0xa0 && c <= 0xd7ff && c != 0x2028 && c != 0x2029) ||
	       (c >= 0xe000 && c <= 0xfffd && c != 0xfeff) || (c >= 0x10000 && c <= 0x10ffff);
}

/* The value that *at begins with, g_free(); *at is then behind it. NULL: not understood. */
static inline char *yaml_strict_value(const char **at)
{
	GString *value = g_string_new(NULL);
	const char *s = *at;

	if (*s++ != '"')
		return g_string_free(value, TRUE);
	for (; *s && *s != '"'; s = g_utf8_next_char(s)) {
		gunichar c = g_utf8_get_char_validated(s, -1), code = 0;

		if (c != '\\') {
			if (!yaml_strict_plain(c))
				return g_string_free(value, TRUE);
			g_string_append_unichar(value, c);
			continue;
		}
		s++;
		if (*s == 'n' || *s == 't') {
			g_string_append_c(value, *s == 'n' ? '\n' : '\t');
		} else if (*s == '"' || *s == '\\') {
			g_string_append_c(value, *s);
		} else if (*s == 'u') {
			for (int i = 1; i <= 4; i++) {
				if (!g_ascii_isxdigit(s[i]))
					return g_string_free(value, TRUE);
				code = code << 4 | (gunichar)g_ascii_xdigit_value(s[i]);
			}
			g_string_append_unichar(value, code);
			s += 4;
		} else {
			return g_string_free(value, TRUE);
		}
	}
	if (*s != '"')
		return g_string_free(value, TRUE);
	*at = s + 1;
	return g_string_free(value, FALSE);
}

#endif
