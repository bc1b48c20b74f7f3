// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl: finds the verb, takes the options apart, runs it, prints its error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "interrupt.h"
#include "options.h"
#include "report.h"
#include "trace.h"

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	struct btn_error e = { .code = BTN_OK };
	struct args args = { .verb = verb };
	int status = BTN_EXIT_FAILED;

	if (args_parse(verb, argc, argv, &args, &e)) {
		if (args.help) {
			help_print_verb(stdout, verb);
			return BTN_EXIT_DONE;
		}
		if (args.verbose)
			trace_enable();
		status = verb->run(&args, &e);
	}
	if ((fflush(stdout) || ferror(stdout)) && e.code == BTN_OK) {
		btn_set(&e, BTN_HOST_CALL_FAILED, "the output cannot be written");
		btn_set_cause(&e, "Standard output takes no more: %s.", strerror(errno));
		btn_set_fix(&e, "See if the disk it goes to is full: df -h");
	}
	if (e.code == BTN_OK)
		return status;
	report_error(&args, NULL, &e);
	return interrupt_signal() ? BTN_EXIT_SIGNAL + interrupt_signal() : btn_exit_status(&e);
}

/*
 * A file that is opened must not get the number of a standard descriptor that is closed:
 * what we print would go into a disk image. Opened the wrong way round, so that whoever
 * uses one gets an error, as of a closed one.
 */
static void take_standard_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return;
}

int main(int argc, char **argv)
{
	struct btn_error e = { .code = BTN_OK };
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct verb *verb;
	size_t used;

	take_standard_descriptors();
	if (!name) {
		help_print_overview(stderr);
		return BTN_EXIT_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		argv[1] = "help";
	else if (!strcmp(name, "--version"))
		argv[1] = "version";
	verb = verb_find_words(argv + 1, (size_t)argc - 1, &used, &e);
	if (!verb) {
		btn_print(stderr, "vmctl", NULL, &e);
		return btn_exit_status(&e);
	}
	return run_verb(verb, argc - 1 - (int)used, argv + 1 + used);
}
