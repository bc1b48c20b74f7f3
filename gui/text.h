/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words for people: translation macros, sizes, times. Pure functions.
 */
#ifndef BATON_GUI_TEXT_H
#define BATON_GUI_TEXT_H

#include <glib.h>
#include <libintl.h>
#include <stdbool.h>
#include <stdint.h>

#define TEXT_DOMAIN "baton"
#define _(text) gettext(text)
#define N_(text) text

/* "512 MiB", "1.5 GiB"; g_free(). */
char *text_size(uint64_t bytes);
/* "2G", "512 M", "1.5 GiB" with a unit of 1024; false: no size. A bare number is MiB. */
bool text_parse_size(const char *text, uint64_t *ret_bytes);
/* The nearest whole MiB: of "1.1 GiB" there are neither whole pages nor whole sectors. */
uint64_t text_whole_size(uint64_t bytes);
/* As vmctl takes it: "2G", "1536M"; g_free(). */
char *text_size_option(uint64_t bytes);
/* "just now", "5 minutes", "3 hours", "2 days"; g_free(). */
char *text_duration(int64_t seconds);
/* A word for a shell's command line: quoted only if it has to be; g_free(). */
char *text_shell_word(const char *word);
/*
 * The command in a fix: all between “ and ”, or the first in plain quotes; NULL: none.
 * g_free().
 */
char *text_command_of_fix(const char *fix);

#endif
