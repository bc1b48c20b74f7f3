// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line of vmctl: the input is a verb and its arguments, a zero byte
 * between two words. A verb that is not there, too.
 */
#include "fuzz.h"

#include "options.h"

#define WORDS_MAX 80

static void check_args(const struct args *args)
{
	size_t pos = 0, count = 0;
	bool json;
	struct btn_error e;

	FUZZ_CHECK(args->positional_count <= args->verb->arguments_max || args->help);
	for (const struct option_row *row = args->verb->options; row->name; row++) {
		FUZZ_CHECK(args_has(args, row->name) == !!args_get(args, row->name));
		for (pos = 0; args_next(args, row->name, &pos);)
			count++;
	}
	FUZZ_CHECK(count == args->option_count);
	args_format(args, &json, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[WORDS_MAX + 1];
	const struct verb *verb;
	struct btn_error e = {};
	struct args args;
	int argc = 0;

	memcpy(text, data, size);
	text[size] = 0;
	for (char *at = text; at < text + size && argc < WORDS_MAX; at += strlen(at) + 1)
		argv[argc++] = at;
	verb = argc ? verb_find(argv[0], &e) : NULL;
	if (verb && args_parse(verb, argc - 1, argv + 1, &args, &e))
		check_args(&args);
	else if (argc)
		FUZZ_CHECK(e.code != BTN_OK && e.message[0]);
	free(text);
	return 0;
}
