// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Quoting for YAML. See yaml_quote.h.
 *
 * Double quotes alone can hold anything, so there is one form for all values.
 * Characters that YAML 1.1 takes for line breaks or does not allow are escaped
 * with four digits: scripts/lib/debian-root's reader takes \xNN for a byte, other
 * readers for a character.
 */
#include "yaml_quote.h"

static bool must_escape(gunichar c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
	       c == 0xfeff || c == 0xfffe || c == 0xffff;
}

static void append_char(GString *to, gunichar c)
{
	if (c == '"' || c == '\\')
		g_string_append_printf(to, "\\%c", (char)c);
	else if (c == '\n')
		g_string_append(to, "\\n");
	else if (c == '\t')
		g_string_append(to, "\\t");
	else if (must_escape(c))
		g_string_append_printf(to, "\\u%04x", c);
	else
		g_string_append_unichar(to, c);
}

bool yaml_quote(GString *to, const char *text)
{
	if (!g_utf8_validate(text, -1, NULL))
		return false;
	g_string_append_c(to, '"');
	for (; *text; text = g_utf8_next_char(text))
		append_char(to, g_utf8_get_char(text));
	g_string_append_c(to, '"');
	return true;
}
