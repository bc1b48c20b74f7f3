// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Errors on standard error. See report.h.
 */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

static void print_error_json(const char *vm, const struct btn_error *e)
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
	json_string(&j, "vm", vm);
	json_bool(&j, "retryable", btn_exit_status(e) == BTN_EXIT_CONFLICT);
	json_close(&j, '}');
}

/* Texts of lib/errors.c do not know which command it is: "vmctl help COMMAND". */
static void name_command(struct btn_error *e, const char *verb)
{
	static const char word[] = "help COMMAND";
	struct btn_error old = *e;
	const char *at = strstr(old.fix, word);

	if (at)
		btn_set_fix(e, "%.*shelp %s%s", (int)(at - old.fix), old.fix, verb,
			    at + sizeof(word) - 1);
}

void report_error(const struct args *args, const char *vm, const struct btn_error *error)
{
	const char *format = args_get(args, "format");
	struct btn_error named = *error, *e = &named;
	char verb[200];

	name_command(e, args->verb->name);
	fflush(stdout);
	snprintf(verb, sizeof(verb), "%s%s%.64s", args->verb->name, vm ? ": " : "", vm ? vm : "");
	btn_print(stderr, "vmctl", verb, e);
	if (format && !strncmp(format, "json", 4))
		print_error_json(vm, e);
}

void report_note(const struct args *args, const char *fmt, ...)
{
	va_list ap;

	if (args_has(args, "quiet"))
		return;
	fflush(stdout);
	fprintf(stderr, "vmctl: %s: ", args->verb->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}
