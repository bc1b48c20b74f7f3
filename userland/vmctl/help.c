// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Help and manual page, from the table of verbs. See help.h.
 */
#include "help.h"

#include <string.h>

#include "options.h"

#define TEXT_COLUMNS 78

const struct option_row help_options[] = {
	{ "man", NULL, "Print the manual page vmctl(1) in mdoc, for \"man -l -\"." },
	{ "errors", NULL, "List all error codes with cause, fix and exit status." },
	{ NULL, NULL, NULL },
};

const struct example help_examples[] = {
	{ "Explain the command \"boot\":", "vmctl help boot" },
	{ "Read the manual:", "vmctl help --man | man -l -" },
	{ NULL, NULL },
};

#define VERBOSE_TEXT \
	"With --verbose, any of them\nshows each message to and from the daemon on standard error."

const char help_description[] =
	"Without a COMMAND, lists the commands. \"vmctl COMMAND --help\" is the same as "
	"\"vmctl help COMMAND\".";

static const struct {
	int status;
	const char *text;
} exit_statuses[] = {
	{ BTN_EXIT_DONE, "done; for boot: the guest powered off" },
	{ BTN_EXIT_FAILED, "the operation failed, the guest crashed" },
	{ BTN_EXIT_USAGE, "the command line is wrong" },
	{ BTN_EXIT_NOT_FOUND, "a VM, an image, a network or a file was not found" },
	{ BTN_EXIT_CONFLICT, "the VM is in the wrong state, or something is in use" },
	{ BTN_EXIT_NOT_PERMITTED, "not permitted" },
	{ BTN_EXIT_HOST_CANNOT, "the host cannot: no engine, no CPU feature, no module" },
	{ BTN_EXIT_TIMEOUT, "it did not happen in time" },
	{ BTN_EXIT_NO_RESOURCES, "not enough memory, disk or CPU" },
	{ BTN_EXIT_SOME_FAILED, "it failed for some of the VMs; the errors name them" },
	{ BTN_EXIT_NO_DAEMON, "the daemon cannot be reached" },
};
#define EXIT_STATUS_COUNT (sizeof(exit_statuses) / sizeof(exit_statuses[0]))
#define EXIT_SIGNAL_TEXT "128+n: ended by signal n; 130 also when ~. left the VM"

/* Prints text in lines of up to TEXT_COLUMNS, each but the first indented. */
static void print_wrapped(FILE *to, const char *text, unsigned int indent, unsigned int column)
{
	while (*text) {
		size_t length = strcspn(text, " \n");

		if (column > indent && column + 1 + length > TEXT_COLUMNS) {
			fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', to);
			column++;
		}
		fwrite(text, 1, length, to);
		column += length;
		text += length;
		if (*text == '\n') {
			fprintf(to, "\n%*s", (int)indent, "");
			column = indent;
		}
		if (*text)
			text++;
	}
	fputc('\n', to);
}

void help_print_overview(FILE *to)
{
	fputs("usage: vmctl COMMAND [ARGUMENTS]\n\n", to);
	for (const struct verb_family *family = verb_families; family->title; family++) {
		fprintf(to, "%s%s:\n", family == verb_families ? "" : "\n", family->title);
		for (const struct verb *verb = family->verbs; verb->name; verb++)
			fprintf(to, "  %-20s%s\n", verb->name, verb->summary);
	}
	fputs("\n\"vmctl help COMMAND\" explains one of them, examples first. " VERBOSE_TEXT "\n",
	      to);
}

static void print_options(FILE *to, const struct option_row *options)
{
	fputs("\nOptions:\n", to);
	for (; options->name; options++) {
		int length = fprintf(to, "  --%s%s%s", options->name, options->value ? " " : "",
				     options->value ? options->value : "");

		if (length < 26)
			fprintf(to, "%*s", 26 - length, "");
		else
			fprintf(to, "\n%26s", "");
		print_wrapped(to, options->help, 26, 26);
	}
}

static void print_exit_statuses(FILE *to)
{
	fputs("\nExit status:\n", to);
	for (size_t i = 0; i < EXIT_STATUS_COUNT; i++)
		fprintf(to, "  %2d  %s\n", exit_statuses[i].status, exit_statuses[i].text);
	fprintf(to, "  %s\n", EXIT_SIGNAL_TEXT);
}

void help_print_verb(FILE *to, const struct verb *verb)
{
	fprintf(to, "vmctl %s: %s\n\nExamples:\n", verb->name, verb->summary);
	for (const struct example *ex = verb->examples; ex->command; ex++)
		fprintf(to, "  # %s\n  %s\n", ex->text, ex->command);
	fprintf(to, "\nUsage: vmctl %s%s%s%s\n", verb->name,
		verb->options[0].name ? " [OPTIONS]" : "",
		verb->arguments ? " " : "", verb->arguments ? verb->arguments : "");
	if (verb->description) {
		fputc('\n', to);
		print_wrapped(to, verb->description, 0, 0);
	}
	if (verb->options[0].name)
		print_options(to, verb->options);
	print_exit_statuses(to);
}

static void print_errors(FILE *to)
{
	size_t count;
	const struct btn_row *rows = btn_rows(&count);

	for (size_t i = 0; i < count; i++) {
		fprintf(to, "BTN-%04d  %s\n", (int)rows[i].code, rows[i].title);
		fprintf(to, "  cause: ");
		print_wrapped(to, rows[i].cause, 9, 9);
		fprintf(to, "  fix:   ");
		print_wrapped(to, rows[i].fix, 9, 9);
		fprintf(to, "  exit status: %d\n\n", rows[i].exit_status);
	}
}

static void print_mdoc_char(FILE *to, char c)
{
	if (c == '\\')
		fputs("\\e", to);
	else if (c == '-')
		fputs("\\-", to);
	else if (c == '~')
		fputs("\\(ti", to);
	else
		fputc(c, to);
}

/* mdoc wants each sentence to begin on a line of its own. */
static bool is_sentence_end(const char *start, const char *space)
{
	const char *end = space;

	while (end > start && strchr("\")", end[-1]))
		end--;
	return end > start + 1 && strchr(".!?", end[-1]) && end[-2] != ' ' &&
	       strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ\"(", space[1]) && space[1];
}

/* Text for mdoc: backslashes and leading dots mean something there. */
static void print_mdoc(FILE *to, const char *text)
{
	bool line_start = true;

	for (const char *at = text; *at; at++) {
		if (line_start && (*at == '.' || *at == '\''))
			fputs("\\&", to);
		line_start = *at == '\n' || (*at == ' ' && is_sentence_end(text, at));
		if (*at == '\n')
			fputs("\n.Pp", to);
		print_mdoc_char(to, line_start ? '\n' : *at);
	}
	fputc('\n', to);
}

/* A line of its own that is shown as it is: one argument of .Dl. */
static void print_mdoc_command(FILE *to, const char *command)
{
	fputs(".Dl \"", to);
	for (; *command; command++) {
		if (*command == '"')
			fputs("\\(dq", to);
		else
			print_mdoc_char(to, *command);
	}
	fputs("\"\n", to);
}

static void print_manual_verb(FILE *to, const struct verb *verb)
{
	fprintf(to, ".Nm Cm %s", verb->name);
	if (verb->options[0].name)
		fputs(" Oo Ar OPTIONS Oc", to);
	if (verb->arguments)
		fprintf(to, " Ar %s", verb->arguments);
	fputs("\n.Pp\n", to);
	print_mdoc(to, verb->description ? verb->description : verb->summary);
	if (verb->options[0].name) {
		fputs(".Bl -tag -width Ds\n", to);
		for (const struct option_row *row = verb->options; row->name; row++) {
			fprintf(to, ".It Fl \\-%s%s%s\n", row->name, row->value ? " Ar " : "",
				row->value ? row->value : "");
			print_mdoc(to, row->help);
		}
		fputs(".El\n", to);
	}
	for (const struct example *ex = verb->examples; ex->command; ex++) {
		fputs(".Pp\n", to);
		print_mdoc(to, ex->text);
		print_mdoc_command(to, ex->command);
	}
}

static void print_environment(FILE *to)
{
	fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
	      ".It Ev XDG_RUNTIME_DIR\n"
	      "The daemon listens in it at baton/batond.sock.\n"
	      "If it is not set: /run/user/UID, "
	      "or /run for root.\n"
	      ".It Ev BATON_AUTOSTART\n"
	      "0 keeps vmctl from starting the daemon.\n"
	      ".It Ev NO_COLOR\n"
	      "If it is not empty, tables have no colours.\n"
	      ".El\n", to);
}

void help_print_manual(FILE *to)
{
	fputs(".Dd November 27, 2026\n.Dt VMCTL 1\n.Os Baton\n"
	      ".Sh NAME\n.Nm vmctl\n.Nd control virtual machines of Baton\n"
	      ".Sh SYNOPSIS\n.Nm\n.Ar COMMAND\n.Op Ar ARGUMENTS\n"
	      ".Sh DESCRIPTION\n"
	      "The program is also installed as batonctl, since other tools are called vmctl.\n"
	      ".Pp\n" VERBOSE_TEXT "\n"
	      ".Sh COMMANDS\n", to);
	for (const struct verb_family *family = verb_families; family->title; family++) {
		fprintf(to, ".Ss %s\n", family->title);
		for (const struct verb *verb = family->verbs; verb->name; verb++) {
			if (verb != family->verbs)
				fputs(".Pp\n", to);
			print_manual_verb(to, verb);
		}
	}
	print_environment(to);
	fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", to);
	for (size_t i = 0; i < EXIT_STATUS_COUNT; i++)
		fprintf(to, ".It %d\n%s\n", exit_statuses[i].status, exit_statuses[i].text);
	fputs(".El\n.Pp\n", to);
	print_mdoc(to, EXIT_SIGNAL_TEXT);
	fputs(".Sh DIAGNOSTICS\nErrors are a sentence with a code BTN\\-nnnn, a cause and a fix.\n"
	      "\"vmctl help \\-\\-errors\" lists them all.\n", to);
}

static const struct verb *find_verb(const struct args *args, struct btn_error *e)
{
	char name[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < args->positional_count && used < sizeof(name); i++)
		used += (size_t)snprintf(name + used, sizeof(name) - used, "%s%s", i ? " " : "",
					 args->positional[i]);
	return verb_find(name, e);
}

int help_run(const struct args *args, struct btn_error *e)
{
	const struct verb *verb;

	if (args_has(args, "man")) {
		help_print_manual(stdout);
	} else if (args_has(args, "errors")) {
		print_errors(stdout);
	} else if (args->positional_count) {
		verb = find_verb(args, e);
		if (!verb)
			return BTN_EXIT_USAGE;
		help_print_verb(stdout, verb);
	} else {
		help_print_overview(stdout);
	}
	return BTN_EXIT_DONE;
}
