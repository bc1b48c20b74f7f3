// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl: finds the verb, takes the options apart, runs it, prints its error.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "json.h"
#include "options.h"

/* With --format json a program reads along: the error once more, as an object. */
static void print_error_json(const struct btn_error *e)
{
	struct json j;
	char code[16];

	snprintf(code, sizeof(code), "BTN-%04d", (int)e->code);
	json_init(&j, stderr);
	json_open(&j, NULL, '{');
	json_string(&j, "code", code);
	json_string(&j, "message", e->message);
	json_string(&j, "cause", e->cause);
	json_string(&j, "fix", e->fix);
	json_string(&j, "vm", NULL);
	json_bool(&j, "retryable", btn_exit_status(e) == BTN_EXIT_CONFLICT);
	json_close(&j, '}');
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	struct btn_error e = { .code = BTN_OK };
	struct args args = { .verb = verb };
	const char *format = NULL;
	int status = BTN_EXIT_FAILED;

	if (args_parse(verb, argc, argv, &args, &e)) {
		if (args.help) {
			help_print_verb(stdout, verb);
			return BTN_EXIT_DONE;
		}
		format = args_get(&args, "format");
		status = verb->run(&args, &e);
	}
	if ((fflush(stdout) || ferror(stdout)) && e.code == BTN_OK) {
		btn_set(&e, BTN_HOST_CALL_FAILED, "the output cannot be written");
		btn_set_cause(&e, "Standard output takes no more: %s.", strerror(errno));
		btn_set_fix(&e, "See if the disk it goes to is full: df -h");
	}
	if (e.code == BTN_OK)
		return status;
	btn_print(stderr, "vmctl", verb->name, &e);
	if (format && !strcmp(format, "json"))
		print_error_json(&e);
	return btn_exit_status(&e);
}

int main(int argc, char **argv)
{
	struct btn_error e = { .code = BTN_OK };
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct verb *verb;

	if (!name) {
		help_print_overview(stderr);
		return BTN_EXIT_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	else if (!strcmp(name, "--version"))
		name = "version";
	verb = verb_find(name, &e);
	if (!verb) {
		btn_print(stderr, "vmctl", NULL, &e);
		return btn_exit_status(&e);
	}
	return run_verb(verb, argc - 2, argv + 2);
}
