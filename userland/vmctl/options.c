// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A command line, taken apart by a verb's table. See options.h.
 */
#include "options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "suggest.h"

static const struct option_row *find_option(const struct verb *verb, const char *name,
					    size_t length)
{
	for (const struct option_row *row = verb->options; row->name; row++) {
		if (strlen(row->name) == length && !strncmp(row->name, name, length))
			return row;
	}
	return NULL;
}

static void unknown_option(const struct verb *verb, const char *word, struct btn_error *e)
{
	const char *names[OPTIONS_MAX], *meant;
	char bare[64];
	size_t count = 0;

	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(word, "="), word);
	for (const struct option_row *row = verb->options; row->name && count < OPTIONS_MAX; row++)
		names[count++] = row->name;
	meant = suggest(bare + strspn(bare, "-"), names, count);
	btn_set(e, BTN_UNKNOWN_OPTION, "there is no option \"%s\"", bare);
	btn_set_cause(e, "The command \"%s\" does not know it.", verb->name);
	if (meant)
		btn_set_fix(e, "Did you mean --%s?", meant);
	else
		btn_set_fix(e, "Run \"vmctl help %s\" for the options there are.", verb->name);
}

/* -q is short for --quiet where there is that; NULL: no such letter. */
static const struct option_row *find_letter(const struct verb *verb, const char *word)
{
	static const struct {
		char letter;
		const char *name;
	} letters[] = { { 'q', "quiet" }, { 'y', "yes" }, { 'a', "all" }, { 'f', "follow" } };

	if (!word[1] || word[2])
		return NULL;
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].letter == word[1])
			return find_option(verb, letters[i].name, strlen(letters[i].name));
	return NULL;
}

static bool add_option(struct args *args, const struct option_row *row, const char *value,
		       struct btn_error *e)
{
	if (args->option_count == OPTIONS_MAX) {
		btn_set(e, BTN_EXTRA_ARGUMENT, "there are too many options");
		return false;
	}
	args->options[args->option_count].row = row;
	args->options[args->option_count++].value = value;
	return true;
}

/* Takes argv[*i] as an option, and the word after it if that is the value. */
static bool take_option(struct args *args, int argc, char *const *argv, int *i,
			struct btn_error *e)
{
	const char *word = argv[*i], *equals = strchr(word, '=');
	size_t length = (equals ? (size_t)(equals - word) : strlen(word)) - 2;
	const struct option_row *row = find_option(args->verb, word + 2, length);
	const char *value = "";

	if (!row) {
		unknown_option(args->verb, word, e);
		return false;
	}
	if (!row->value && equals) {
		btn_set(e, BTN_BAD_VALUE, "the option --%s takes no value", row->name);
		btn_set_cause(e, "It was given as \"%s\".", word);
		btn_set_fix(e, "Write only --%s.", row->name);
		return false;
	}
	if (row->value && equals) {
		value = equals + 1;
	} else if (row->value) {
		if (*i + 1 >= argc) {
			btn_set(e, BTN_MISSING_ARGUMENT, "the option --%s needs a value",
				row->name);
			btn_set_cause(e, "Nothing follows it.");
			btn_set_fix(e, "Write --%s %s.", row->name, row->value);
			return false;
		}
		value = argv[++*i];
	}
	return add_option(args, row, value, e);
}

/* The word of "NAME NEW-NAME" that stands for the first argument that is not there. */
static const char *next_argument(const struct args *args)
{
	const char *at = args->verb->arguments;

	for (size_t i = 0; i < args->positional_count && at; i++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	return at ? at : "";
}

static bool check_count(const struct args *args, struct btn_error *e)
{
	const struct verb *verb = args->verb;
	const char *wanted = next_argument(args);

	if (args->help)
		return true;
	if (args->positional_count < verb->arguments_min) {
		btn_set(e, BTN_MISSING_ARGUMENT, "%.*s is missing", (int)strcspn(wanted, " "),
			wanted);
		btn_set_cause(e, "The command is used as: vmctl %s %s", verb->name,
			      verb->arguments);
		btn_set_fix(e, "Run \"vmctl help %s\" for examples.", verb->name);
		return false;
	}
	if (args->positional_count > verb->arguments_max) {
		btn_set(e, BTN_EXTRA_ARGUMENT, "\"%s\" is an argument too many",
			args->positional[verb->arguments_max]);
		return false;
	}
	return true;
}

static bool take_argument(struct args *args, const char *word, struct btn_error *e)
{
	if (args->positional_count == ARGS_MAX) {
		btn_set(e, BTN_EXTRA_ARGUMENT, "there are too many arguments");
		return false;
	}
	args->positional[args->positional_count++] = word;
	return true;
}

/* Takes argv[*i], and the word after it if that belongs to it. */
static bool take_word(struct args *args, int argc, char *const *argv, int *i, bool *options_over,
		      struct btn_error *e)
{
	const char *word = argv[*i];

	if (*options_over || word[0] != '-' || !word[1])
		return take_argument(args, word, e);
	if (!strcmp(word, "--")) {
		*options_over = true;
		return true;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
		args->help = true;
		return true;
	}
	if (!strcmp(word, "--verbose") && !find_option(args->verb, "verbose", strlen("verbose"))) {
		args->verbose = true;
		return true;
	}
	if (word[1] == '-')
		return take_option(args, argc, argv, i, e);
	if (find_letter(args->verb, word))
		return add_option(args, find_letter(args->verb, word), "", e);
	unknown_option(args->verb, word, e);
	return false;
}

bool args_parse(const struct verb *verb, int argc, char *const *argv, struct args *ret_args,
		struct btn_error *e)
{
	struct args args = { .verb = verb };
	struct btn_error ignored;
	bool options_over = false, ok = true;

	/* To the end: how errors are to be told may stand behind the first one. */
	for (int i = 0; i < argc; i++)
		if (!take_word(&args, argc, argv, &i, &options_over, ok ? e : &ignored))
			ok = false;
	if (ok)
		ok = check_count(&args, e);
	*ret_args = args;
	return ok;
}

const char *args_next(const struct args *args, const char *name, size_t *pos)
{
	while (*pos < args->option_count) {
		size_t i = (*pos)++;

		if (!strcmp(args->options[i].row->name, name))
			return args->options[i].value;
	}
	return NULL;
}

const char *args_get(const struct args *args, const char *name)
{
	const char *value, *last = NULL;
	size_t pos = 0;

	while ((value = args_next(args, name, &pos)))
		last = value;
	return last;
}

bool args_has(const struct args *args, const char *name)
{
	return args_get(args, name) != NULL;
}

bool args_seconds(const struct args *args, const char *name, long *ret_s, struct btn_error *e)
{
	static const struct {
		const char *unit;
		long seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "min", 60 }, { "h", 3600 } };
	const char *text = args_get(args, name);
	char *end;
	long value;

	if (!text)
		return true;
	value = strtol(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!isdigit((unsigned char)*text) || strcmp(end, units[i].unit) ||
		    value > 86400 / units[i].seconds)
			continue;
		*ret_s = value * units[i].seconds;
		return true;
	}
	btn_set(e, BTN_BAD_VALUE, "--%s: \"%.64s\" is no time", name, text);
	btn_set_cause(e, "A time is a number of seconds, or like 90s, 5m, 1h; at most a day.");
	btn_set_fix(e, "For example: --%s 60", name);
	return false;
}

bool args_format(const struct args *args, bool *ret_json, struct btn_error *e)
{
	static const char *const formats[] = { "table", "json" };
	const char *format = args_get(args, "format");

	*ret_json = false;
	if (!format)
		return true;
	if (!check_word("format", BTN_BAD_VALUE, format, formats, 2, e)) {
		btn_set_cause(e, "The formats are \"table\" and \"json\".");
		return false;
	}
	*ret_json = !strcmp(format, "json");
	return true;
}
