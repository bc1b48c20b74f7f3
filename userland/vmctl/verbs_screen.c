// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of the table of verbs: console, screen and keys of a running VM.
 */
#include "options.h"
#include "verb.h"

static const struct option_row console_options[] = {
	{ "log", NULL, "Print what was kept of its output, also of a VM that is off, and end." },
	{ "force", NULL, "Detach all others first." },
	{ "exclusive", NULL, "Refuse if somebody else is attached." },
	{ "no-history", NULL, "Only what comes from now on: not the last output first." },
	{ NULL, NULL, NULL },
};
static const struct example console_examples[] = {
	{ "The serial console of a VM:", "vmctl console web-1" },
	{ "What it has printed so far:", "vmctl console web-1 --log | less -R" },
	{ NULL, NULL },
};

const struct verb screen_verbs[] = {
	{
		.name = "console", .summary = "Connect this terminal with a VM's serial console",
		.arguments = "NAME", .arguments_min = 1, .arguments_max = 1,
		.completes = COMPLETES_VM,
		.options = console_options, .examples = console_examples,
		.description = "On a terminal, all keys go to the guest. At the start of a line ~. "
			"leaves, and the VM goes on; ~^Z suspends this command, ~~ sends one ~ "
			"and ~? lists these. If standard input is no terminal, it is passed on "
			"as it is, and its end is not the command's: that comes with the VM's.",
		.run = attach_run,
	}, {
		.name = "screenshot", .summary = "Save a running VM's screen as a PNG file",
		.arguments = "VM [FILE]", .arguments_max = 2, .completes = COMPLETES_VM,
		.options = screenshot_options, .examples = screenshot_examples,
		.description = screenshot_description, .run = screenshot_run,
	}, {
		.name = "send-key", .summary = "Press keys on a running VM's keyboard",
		.arguments = "VM KEYS...", .arguments_max = ARGS_MAX, .completes = COMPLETES_VM,
		.options = send_key_options, .examples = send_key_examples,
		.description = send_key_description, .run = send_key_run,
	}, {
		.name = "type", .summary = "Type a text on a running VM's keyboard",
		.arguments = "VM [TEXT]", .arguments_max = 2, .completes = COMPLETES_VM,
		.options = type_options, .examples = type_examples,
		.description = type_description, .run = type_run,
	}, {
		.name = "control", .summary = "Send a request to a running VM",
		.arguments = "VM OPERATION [NAME=VALUE]...", .arguments_max = ARGS_MAX,
		.options = control_options, .examples = control_examples,
		.description = control_description, .run = control_run,
		.completes = COMPLETES_VM,
	},
	{ .name = NULL },
};
