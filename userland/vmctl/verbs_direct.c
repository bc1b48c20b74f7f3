// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of the table of verbs: what needs no daemon.
 */
#include "options.h"
#include "verb.h"

const struct verb direct_verbs[] = {
	{
		.name = "boot", .summary = "Boot a kernel or a disk in a VM on this terminal",
		.arguments = "[KERNEL]", .arguments_min = 0, .arguments_max = 1,
		.options = boot_options, .examples = boot_examples,
		.description = boot_description, .run = boot_run,
		.completes = COMPLETES_FILES,
	}, {
		.name = "disk", .summary = "Make, describe, grow and check disk images",
		.arguments = "create|info|resize|check FILE [SIZE]",
		.arguments_min = 1, .arguments_max = 3,
		.options = disk_options, .examples = disk_examples,
		.description = disk_description, .run = disk_run,
		.completes = COMPLETES_FILES,
	},
	{ .name = NULL },
};

static const struct option_row completion_options[] = { { NULL, NULL, NULL } };
static const struct example completion_examples[] = {
	{ "In bash, for this session:", "source <(vmctl completion bash)" },
	{ "In fish, for good:", "vmctl completion fish >~/.config/fish/completions/vmctl.fish" },
	{ NULL, NULL },
};

const struct verb about_verbs[] = {
	{
		.name = "doctor", .summary = "Say what this host can do, and what to repair",
		.options = doctor_options, .examples = doctor_examples,
		.description = doctor_description, .run = doctor_run,
	}, {
		.name = "completion", .summary = "Print a shell's completion of vmctl",
		.arguments = "bash|zsh|fish", .arguments_min = 1, .arguments_max = 1,
		.completes = COMPLETES_SHELL,
		.options = completion_options, .examples = completion_examples,
		.description = "Completes commands and options, and names of VMs, images and "
			"networks while the daemon runs: none is started for that.",
		.run = completion_run,
	}, {
		.name = "version", .summary = "Print the version",
		.options = version_options, .examples = version_examples,
		.run = version_run,
	}, {
		.name = "help", .summary = "Explain a command, examples first",
		.arguments = "[COMMAND]", .arguments_max = 3,
		.options = help_options, .examples = help_examples,
		.description = help_description, .run = help_run,
		.completes = COMPLETES_VERB,
	},
	{ .name = NULL },
};
