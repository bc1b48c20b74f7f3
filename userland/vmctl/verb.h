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

/* What a verb's arguments name, for completion. */
enum completes {
	COMPLETES_NOTHING,
	COMPLETES_FILES,
	COMPLETES_VM,		/* only the first argument */
	COMPLETES_VMS,
	COMPLETES_SETTINGS,	/* VMs, then KEY=VALUE */
	COMPLETES_TRASH,
	COMPLETES_IMAGE,
	COMPLETES_NETWORK,
	COMPLETES_VERB,
	COMPLETES_SHELL,
};

struct verb {
	const char *name;	/* "list"; or words: "net forward add" */
	const char *alias;	/* NULL: none */
	const char *summary;	/* one line, an imperative without a full stop */
	const char *arguments;	/* "KERNEL", "[COMMAND]", NULL */
	unsigned int arguments_min, arguments_max;
	enum completes completes;
	const struct option_row *options;
	const struct example *examples;	/* ends with a NULL command */
	const char *description; /* paragraphs for help and manual page */
	/*
	 * Returns the exit status, or fills *e: its status is taken then, and
	 * main prints it.
	 */
	int (*run)(const struct args *args, struct btn_error *e);
};

/* The one table, in parts: each is a file. */
struct verb_family {
	const char *title;
	const struct verb *verbs; /* ends with a NULL name */
};
extern const struct verb_family verb_families[]; /* ends with a NULL title */

/* All verbs in order: the first one for NULL; NULL after the last. */
const struct verb *verb_next(const struct verb *verb);
const struct verb *verb_find(const char *name, struct btn_error *e);
/* By as many of the words as its name has: *ret_used. */
const struct verb *verb_find_words(char *const *words, size_t count, size_t *ret_used,
				   struct btn_error *e);

extern const struct verb vm_verbs[], life_verbs[], screen_verbs[], store_verbs[], net_verbs[];
extern const struct verb watch_verbs[], direct_verbs[], about_verbs[];

int start_run(const struct args *args, struct btn_error *e);
int stop_run(const struct args *args, struct btn_error *e);
int kill_run(const struct args *args, struct btn_error *e);
int restart_run(const struct args *args, struct btn_error *e);
int pause_run(const struct args *args, struct btn_error *e);
int resume_run(const struct args *args, struct btn_error *e);
int delete_run(const struct args *args, struct btn_error *e);
int restore_run(const struct args *args, struct btn_error *e);
int purge_run(const struct args *args, struct btn_error *e);
int list_run(const struct args *args, struct btn_error *e);
int show_run(const struct args *args, struct btn_error *e);
int set_run(const struct args *args, struct btn_error *e);
int settings_run(const struct args *args, struct btn_error *e);
int rename_run(const struct args *args, struct btn_error *e);
int create_run(const struct args *args, struct btn_error *e);
int launch_run(const struct args *args, struct btn_error *e);
int disposable_run(const struct args *args, struct btn_error *e);
int wait_run(const struct args *args, struct btn_error *e);
int attach_run(const struct args *args, struct btn_error *e);
int events_run(const struct args *args, struct btn_error *e);
int stats_run(const struct args *args, struct btn_error *e);
int log_run(const struct args *args, struct btn_error *e);
int job_list_run(const struct args *args, struct btn_error *e);
int job_cancel_run(const struct args *args, struct btn_error *e);
int image_list_run(const struct args *args, struct btn_error *e);
int image_add_run(const struct args *args, struct btn_error *e);
int image_import_run(const struct args *args, struct btn_error *e);
int image_verify_run(const struct args *args, struct btn_error *e);
int image_remove_run(const struct args *args, struct btn_error *e);
int net_list_run(const struct args *args, struct btn_error *e);
int net_create_run(const struct args *args, struct btn_error *e);
int net_delete_run(const struct args *args, struct btn_error *e);
int net_leases_run(const struct args *args, struct btn_error *e);
int forward_add_run(const struct args *args, struct btn_error *e);
int forward_remove_run(const struct args *args, struct btn_error *e);
int forward_list_run(const struct args *args, struct btn_error *e);
int completion_run(const struct args *args, struct btn_error *e);

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
