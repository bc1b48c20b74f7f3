/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of vmctl as data. Parsing, help and the manual page all read
 * the one table in verbs.c; a command that is in it works.
 */
#ifndef BATON_VMCTL_VERB_H
#define BATON_VMCTL_VERB_H

#include <stdbool.h>
#include <stddef.h>

#include "errors.h"

struct args;

/* --name, or --name VALUE when value is set. All tables end with a NULL name. */
struct option_row {
	const char *name;
	const char *value;	/* what help calls the value; NULL: takes none */
	const char *help;	/* one or more sentences */
};

struct example {
	const char *text;	/* what it is for */
	const char *command;
};

struct verb {
	const char *name;
	const char *summary;	/* one line, an imperative without a full stop */
	const char *arguments;	/* "KERNEL", "[COMMAND]", NULL */
	unsigned int arguments_min, arguments_max;
	const struct option_row *options;
	const struct example *examples;	/* ends with a NULL command */
	const char *description; /* paragraphs for help and manual page */
	/*
	 * Returns the exit status, or fills *e: its status is taken then, and
	 * main prints it.
	 */
	int (*run)(const struct args *args, struct btn_error *e);
};

extern const struct verb verbs[]; /* ends with a NULL name */

const struct verb *verb_find(const char *name, struct btn_error *e);

int boot_run(const struct args *args, struct btn_error *e);
int disk_run(const struct args *args, struct btn_error *e);
int doctor_run(const struct args *args, struct btn_error *e);
int screenshot_run(const struct args *args, struct btn_error *e);
int send_key_run(const struct args *args, struct btn_error *e);
int type_run(const struct args *args, struct btn_error *e);
int control_run(const struct args *args, struct btn_error *e);
int version_run(const struct args *args, struct btn_error *e);
int help_run(const struct args *args, struct btn_error *e);

extern const struct option_row screenshot_options[], send_key_options[], type_options[];
extern const struct example screenshot_examples[], send_key_examples[], type_examples[];
extern const char screenshot_description[], send_key_description[], type_description[];
extern const struct option_row control_options[];
extern const struct example control_examples[];
extern const char control_description[];
extern const struct option_row disk_options[];
extern const struct example disk_examples[];
extern const char disk_description[];
extern const struct option_row boot_options[], doctor_options[], version_options[], help_options[];
extern const struct example boot_examples[], doctor_examples[], version_examples[], help_examples[];
extern const char boot_description[], doctor_description[], help_description[];

#endif
