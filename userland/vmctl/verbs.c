// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All commands of vmctl.
 */
#include "verb.h"

#include <string.h>

#include "options.h"
#include "suggest.h"

const struct verb verbs[] = {
	{
		.name = "boot", .summary = "Boot a kernel or a disk in a VM on this terminal",
		.arguments = "[KERNEL]", .arguments_min = 0, .arguments_max = 1,
		.options = boot_options, .examples = boot_examples,
		.description = boot_description, .run = boot_run,
	}, {
		.name = "disk", .summary = "Make, describe, grow and check disk images",
		.arguments = "create|info|resize|check FILE [SIZE]",
		.arguments_min = 1, .arguments_max = 3,
		.options = disk_options, .examples = disk_examples,
		.description = disk_description, .run = disk_run,
	}, {
		.name = "screenshot", .summary = "Save a running VM's screen as a PNG file",
		.arguments = "PATH [FILE]", .arguments_max = 2,
		.options = screenshot_options, .examples = screenshot_examples,
		.description = screenshot_description, .run = screenshot_run,
	}, {
		.name = "send-key", .summary = "Press keys on a running VM's keyboard",
		.arguments = "PATH KEYS...", .arguments_max = ARGS_MAX,
		.options = send_key_options, .examples = send_key_examples,
		.description = send_key_description, .run = send_key_run,
	}, {
		.name = "type", .summary = "Type a text on a running VM's keyboard",
		.arguments = "PATH [TEXT]", .arguments_max = 2,
		.options = type_options, .examples = type_examples,
		.description = type_description, .run = type_run,
	}, {
		.name = "control", .summary = "Send a request to a running VM",
		.arguments = "PATH OPERATION [NAME=VALUE]...", .arguments_max = ARGS_MAX,
		.options = control_options, .examples = control_examples,
		.description = control_description, .run = control_run,
	}, {
		.name = "doctor", .summary = "Say what this host can do, and what to repair",
		.options = doctor_options, .examples = doctor_examples,
		.description = doctor_description, .run = doctor_run,
	}, {
		.name = "version", .summary = "Print the version",
		.options = version_options, .examples = version_examples,
		.run = version_run,
	}, {
		.name = "help", .summary = "Explain a command, examples first",
		.arguments = "[COMMAND]", .arguments_max = 1,
		.options = help_options, .examples = help_examples,
		.description = help_description, .run = help_run,
	},
	{ .name = NULL },
};

const struct verb *verb_find(const char *name, struct btn_error *e)
{
	const char *names[ARGS_MAX], *meant;
	size_t count = 0;

	for (const struct verb *verb = verbs; verb->name; verb++) {
		if (!strcmp(verb->name, name))
			return verb;
		if (count < ARGS_MAX)
			names[count++] = verb->name;
	}
	meant = suggest(name, names, count);
	btn_set(e, BTN_UNKNOWN_VERB, "there is no command \"%s\"", name);
	if (meant)
		btn_set_fix(e, "Did you mean \"vmctl %s\"?", meant);
	return NULL;
}
