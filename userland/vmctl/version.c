// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl version.
 */
#include <stdio.h>

#include "baton_version.h"
#include "json.h"
#include "options.h"

const struct option_row version_options[] = {
	{ "format", "FORMAT", "\"table\" for people (the default) or \"json\" for programs." },
	{ NULL, NULL, NULL },
};

const struct example version_examples[] = {
	{ "Print the version:", "vmctl version" },
	{ "The same for a program:", "vmctl version --format json" },
	{ NULL, NULL },
};

int version_run(const struct args *args, struct btn_error *e)
{
	struct json j;
	bool as_json;

	if (!args_format(args, &as_json, e))
		return BTN_EXIT_USAGE;
	if (!as_json) {
		printf("vmctl %s (module ABI %u.%u)\n", BATON_VERSION, BATON_ABI_MAJOR,
		       BATON_ABI_MINOR);
		return BTN_EXIT_DONE;
	}
	json_init(&j, stdout);
	json_open(&j, NULL, '{');
	json_number(&j, "schema", 1);
	json_string(&j, "version", BATON_VERSION);
	json_number(&j, "abi_major", BATON_ABI_MAJOR);
	json_number(&j, "abi_minor", BATON_ABI_MINOR);
	json_close(&j, '}');
	return BTN_EXIT_DONE;
}
