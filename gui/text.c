// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Words for people. See text.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define KIB 1024ull
#define MIB (1024ull * KIB)
#define GIB (1024ull * MIB)
#define TIB (1024ull * GIB)

static const struct {
	uint64_t bytes;
	const char *name;
	char letter;
} units[] = {
	{ TIB, N_("TiB"), 'T' }, { GIB, N_("GiB"), 'G' }, { MIB, N_("MiB"), 'M' },
	{ KIB, N_("KiB"), 'K' },
};

char *text_size(uint64_t bytes)
{
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		double value = (double)bytes / (double)units[i].bytes;
		bool fraction;

		if (bytes < units[i].bytes)
			continue;
		/* A fraction only where it says something. */
		fraction = bytes % units[i].bytes && value < 100;
		return g_strdup_printf(fraction ? "%.1f %s" : "%.0f %s", value,
				       _(units[i].name));
	}
	return g_strdup_printf(_("%u bytes"), (unsigned int)bytes);
}

char *text_size_option(uint64_t bytes)
{
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
		if (bytes && !(bytes % units[i].bytes))
			return g_strdup_printf("%" G_GUINT64_FORMAT "%c", bytes / units[i].bytes,
					       units[i].letter);
	return g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
}

static uint64_t unit_of(const char *text)
{
	while (*text == ' ')
		text++;
	if (!*text)
		return MIB;
	for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
		char letter[4] = { units[i].letter, 'i', 'B', 0 };

		if (!g_ascii_strcasecmp(text, letter) ||
		    (g_ascii_toupper(text[0]) == units[i].letter && !text[1]))
			return units[i].bytes;
	}
	return 0;
}

bool text_parse_size(const char *text, uint64_t *ret_bytes)
{
	g_autofree char *plain = g_strdelimit(g_strdup(text), ",", '.');
	char *end;
	double value;
	uint64_t unit;

	g_strstrip(plain);
	/* Not what strtod() takes besides: signs, "0x10", "1e300", "inf". */
	end = plain + strspn(plain, "0123456789.");
	if (!g_ascii_isdigit(*plain) || g_ascii_tolower(*end) == 'x' ||
	    g_ascii_tolower(*end) == 'e')
		return false;
	value = g_ascii_strtod(plain, &end);
	unit = unit_of(end);
	if (!unit || value * (double)unit >= 9e18)
		return false;
	*ret_bytes = (uint64_t)(value * (double)unit);
	return true;
}

uint64_t text_whole_size(uint64_t bytes)
{
	return (bytes + MIB / 2) / MIB * MIB;
}

char *text_duration(int64_t seconds)
{
	if (seconds < 60)
		return g_strdup(_("less than a minute"));
	if (seconds < 3600)
		return g_strdup_printf(ngettext("%d minute", "%d minutes",
						(unsigned long)seconds / 60),
				       (int)(seconds / 60));
	if (seconds < 48 * 3600)
		return g_strdup_printf(ngettext("%d hour", "%d hours",
						(unsigned long)seconds / 3600),
				       (int)(seconds / 3600));
	return g_strdup_printf(ngettext("%d day", "%d days", (unsigned long)seconds / 86400),
			       (int)(seconds / 86400));
}

char *text_shell_word(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_./=:,@+%";

	if (*word && strspn(word, plain) == strlen(word))
		return g_strdup(word);
	return g_shell_quote(word);
}

char *text_command_of_fix(const char *fix)
{
	/* Between these there may be quotes of the command's own. */
	const char *open = fix ? strstr(fix, "“") : NULL;
	const char *close = open ? g_strrstr(open, "”") : NULL;
	const char *start = fix ? strchr(fix, '"') : NULL;
	const char *end = start ? strchr(start + 1, '"') : NULL;

	if (close && close > open + strlen("“"))
		return g_strndup(open + strlen("“"), (gsize)(close - open - strlen("“")));
	if (!end || end == start + 1)
		return NULL;
	return g_strndup(start + 1, (gsize)(end - start - 1));
}
