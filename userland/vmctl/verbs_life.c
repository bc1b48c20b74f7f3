// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of the table of verbs: on, off and away.
 */
#include "batch.h"
#include "options.h"
#include "verb.h"

#define END_OPTIONS { NULL, NULL, NULL }
#define STOP_OPTIONS									\
	ALL_OPTION,									\
	{ "timeout", "SECONDS", "How long its guest may take to shut down. Default: 120. "	\
		"0 is for --force alone." },						\
	{ "force", NULL, "Cut its power if it is not off by then." },			\
	{ "wait", NULL, "Wait until it is done. This is the default." },		\
	{ "no-wait", NULL, "Return when the guest has been asked." },			\
	DRY_RUN_OPTION, FORMAT_OPTION,							\
	{ "quiet", NULL, "Say nothing but errors. Short: -q." }

static const struct option_row start_options[] = {
	ALL_OPTION,
	{ "paused", NULL, "Do not let its CPUs run yet: vmctl resume does." },
	BATCH_OPTIONS, END_OPTIONS,
};
static const struct option_row change_options[] = { ALL_OPTION, BATCH_OPTIONS, END_OPTIONS };
static const struct option_row stop_options[] = { STOP_OPTIONS, END_OPTIONS };
static const struct option_row restart_options[] = {
	{ "reset", NULL, "Press the reset button instead: the guest is not asked, and loses what "
		"it has not written." },
	STOP_OPTIONS, END_OPTIONS,
};
static const struct option_row delete_options[] = {
	ALL_OPTION, { "force", NULL, "Cut its power first if it is on." },
	BATCH_OPTIONS, END_OPTIONS,
};
static const struct option_row restore_options[] = {
	{ "all", NULL, "All VMs in the trash. Short: -a." },
	{ "name", "NAME", "Its name from now on, if the old one is taken." },
	BATCH_OPTIONS, END_OPTIONS,
};
static const struct option_row purge_options[] = {
	{ "all", NULL, "All VMs in the trash. Short: -a." },
	{ "yes", NULL, "Do not ask. Needed without a terminal. Short: -y." },
	BATCH_OPTIONS, END_OPTIONS,
};

static const struct example start_examples[] = {
	{ "Start a VM:", "vmctl start web-1" },
	{ "All whose name begins with web-:", "vmctl start 'web-*'" },
	{ NULL, NULL },
};
static const struct example stop_examples[] = {
	{ "Shut a VM down:", "vmctl stop web-1" },
	{ "All of them; those that do not listen within a minute lose their power:",
	  "vmctl stop --all --timeout 1m --force" },
	{ NULL, NULL },
};
static const struct example kill_examples[] = {
	{ "Cut a VM's power:", "vmctl kill web-1" }, { NULL, NULL },
};
static const struct example restart_examples[] = {
	{ "Restart a VM:", "vmctl restart web-1" },
	{ "Press the reset button of one that hangs:", "vmctl restart web-1 --reset" },
	{ NULL, NULL },
};
static const struct example pause_examples[] = {
	{ "Let a VM stand still:", "vmctl pause web-1" }, { NULL, NULL },
};
static const struct example resume_examples[] = {
	{ "Let it go on:", "vmctl resume web-1" }, { NULL, NULL },
};
static const struct example delete_examples[] = {
	{ "Delete a VM, and undo that:", "vmctl delete web-1 && vmctl restore web-1" },
	{ "Delete one that runs:", "vmctl delete web-1 --force" },
	{ NULL, NULL },
};
static const struct example restore_examples[] = {
	{ "See what can be restored:", "vmctl list --trash" },
	{ "Restore a VM under another name:", "vmctl restore web-1 --name web-old" },
	{ NULL, NULL },
};
static const struct example purge_examples[] = {
	{ "Delete a VM in the trash for good:", "vmctl purge web-1" },
	{ "Empty the trash in a script:", "vmctl purge --all --yes" },
	{ NULL, NULL },
};

#define TARGETS "NAME is a name, the start of a UUID, or a pattern like 'web-*'. With several " \
	"VMs " \
	"all are worked on at once; the exit status is 9 if it failed for some."

const struct verb life_verbs[] = {
	{
		.name = "start", .summary = "Start VMs",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_VMS,
		.options = start_options, .examples = start_examples,
		.description = "Starts VMs. One that runs already is no error.\n" TARGETS,
		.run = start_run,
	}, {
		.name = "stop", .summary = "Shut VMs down",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_VMS,
		.options = stop_options, .examples = stop_examples,
		.description = "Presses the power button, which asks the guest to shut down, and "
			"waits until it is off. One that is off already is no error. The exit "
			"status is 7 if the guest did not shut down in time.\n" TARGETS,
		.run = stop_run,
	}, {
		.name = "kill", .summary = "Cut the power of VMs",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_VMS,
		.options = change_options, .examples = kill_examples,
		.description = "Ends VMs at once. The guest is not asked and loses what it has not "
			"written; disks are closed well.\n" TARGETS,
		.run = kill_run,
	}, {
		.name = "restart", .summary = "Shut VMs down and start them again",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_VMS,
		.options = restart_options, .examples = restart_examples,
		.description = "Asks the guest to shut down, waits, and starts the VM again, with "
			"all that was set meanwhile.\n" TARGETS,
		.run = restart_run,
	}, {
		.name = "pause", .summary = "Let VMs stand still",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_VMS,
		.options = change_options, .examples = pause_examples,
		.description = "Stops the CPUs of VMs, which keep their memory.\n" TARGETS,
		.run = pause_run,
	}, {
		.name = "resume", .alias = "unpause", .summary = "Let paused VMs go on",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_VMS,
		.options = change_options, .examples = resume_examples,
		.description = "Lets the CPUs of paused VMs go on.\n" TARGETS,
		.run = resume_run,
	}, {
		.name = "delete", .alias = "rm", .summary = "Move VMs to the trash",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_VMS,
		.options = delete_options, .examples = delete_examples,
		.description = "Moves VMs with their disks to the trash, from where \"vmctl "
			"restore\" takes them back. They have to be off.\n" TARGETS,
		.run = delete_run,
	}, {
		.name = "restore", .summary = "Take VMs back from the trash",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_TRASH,
		.options = restore_options, .examples = restore_examples,
		.description = "Undoes \"vmctl delete\". NAME is a name, a pattern, or the "
			"start of an id that \"vmctl list --trash\" shows; of several with one "
			"name the newest is meant.",
		.run = restore_run,
	}, {
		.name = "purge", .summary = "Delete VMs in the trash for good",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_TRASH,
		.options = purge_options, .examples = purge_examples,
		.description = "Removes VMs and their disks from the trash. This cannot be undone, "
			"so it is asked for on a terminal; elsewhere --yes is needed, else the "
			"exit status is 2. NAME is as for restore.",
		.run = purge_run,
	},
	{ .name = NULL },
};
