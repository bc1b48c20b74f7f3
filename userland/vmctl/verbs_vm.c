// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of the table of verbs: from image to VM.
 */
#include "batch.h"
#include "create.h"
#include "options.h"
#include "output.h"
#include "targets.h"
#include "verb.h"

#define END_OPTIONS { NULL, NULL, NULL }
#define QUIET_OPTION { "quiet", NULL, "Say nothing but errors. Short: -q." }

static const struct option_row launch_options[] = {
	{ "name", "NAME", "The same as the second argument." },
	CREATE_OPTIONS, WAIT_OPTIONS, DRY_RUN_OPTION, FORMAT_OPTION,
	{ "quiet", NULL, "Print only its name. Short: -q." }, END_OPTIONS,
};
static const struct option_row run_options[] = {
	{ "keep-on-fail", NULL, "Keep the VM if CMD fails, or does not get as far." },
	{ "timeout", "SECONDS", "How long it may take until one can log in. Default: 300." },
	CREATE_OPTIONS, QUIET_OPTION, END_OPTIONS,
};
static const struct option_row create_options[] = {
	{ "image", "IMAGE", "Make its first disk from this image. Without: an empty disk if "
		"there is a --disk-size, else none." },
	{ "if-absent", NULL, "If there is a VM of this name, that will do." },
	CREATE_OPTIONS, WAIT_OPTIONS, DRY_RUN_OPTION, QUIET_OPTION, END_OPTIONS,
};
static const struct option_row list_options[] = {
	{ "running", NULL, "Only those that are on." },
	{ "trash", NULL, "Those that were deleted and can be restored." },
	OUTPUT_OPTIONS, END_OPTIONS,
};
static const struct option_row show_options[] = { ALL_OPTION, OUTPUT_OPTIONS, END_OPTIONS };
static const struct option_row set_options[] = {
	ALL_OPTION, DRY_RUN_OPTION, QUIET_OPTION, END_OPTIONS,
};
static const struct option_row settings_options[] = { OUTPUT_OPTIONS, END_OPTIONS };
static const struct option_row rename_options[] = {
	WAIT_OPTIONS, DRY_RUN_OPTION, QUIET_OPTION, END_OPTIONS,
};

static const struct example launch_examples[] = {
	{ "A VM from an image file, which is added to the images first:",
	  "vmctl launch ./debian-12-genericcloud-amd64.qcow2 web-1" },
	{ "Another one, larger, with a web server that this host reaches at port 8080:",
	  "vmctl launch debian-12-genericcloud-amd64 web-2 --cpus 2 --memory 2G --disk-size 20G "
	  "--port 8080:80" },
	{ "See what would happen:", "vmctl launch debian-12 --dry-run" },
	{ NULL, NULL },
};
static const struct example run_examples[] = {
	{ "What a fresh Debian says:", "vmctl run debian-12 -- uname -a" },
	{ "Try something on its console, and forget it:", "vmctl run debian-12" },
	{ NULL, NULL },
};
static const struct example create_examples[] = {
	{ "A VM that is not started yet:", "vmctl create web-3 --image debian-12 --memory 1G" },
	{ "An empty disk, and a CD to install from:",
	  "vmctl create new --disk-size 20G --set cdrom.0.file=$PWD/installer.iso" },
	{ NULL, NULL },
};
static const struct example list_examples[] = {
	{ "All VMs:", "vmctl list" },
	{ "Names of those that run and are made from one image, for a script:",
	  "vmctl list -q --filter state=running --filter image=debian-12" },
	{ "What can be restored:", "vmctl list --trash" },
	{ NULL, NULL },
};
static const struct example show_examples[] = {
	{ "Everything about a VM:", "vmctl show web-1" },
	{ "One fact of it:", "vmctl show web-1 -q --fields folder" },
	{ NULL, NULL },
};
static const struct example set_examples[] = {
	{ "More of both at its next start:", "vmctl set web-1 cpus=4 memory=4G" },
	{ "Start it when you log in:", "vmctl set web-1 autostart=on" },
	{ NULL, NULL },
};
static const struct example settings_examples[] = {
	{ "What can be set:", "vmctl settings" }, { NULL, NULL },
};
static const struct example rename_examples[] = {
	{ "Call a VM differently:", "vmctl rename web-1 shop" }, { NULL, NULL },
};

const struct verb vm_verbs[] = {
	{
		.name = "launch", .summary = "Make a VM from an image, start it, wait until it "
			"is ready",
		.arguments = "IMAGE [NAME]", .arguments_min = 1, .arguments_max = 2,
		.completes = COMPLETES_IMAGE,
		.options = launch_options, .examples = launch_examples,
		.description = "IMAGE is an image of the store, or the path of a qcow2 or raw "
			"file, which is added to the store under its own name first. Without "
			"NAME it is the image's with a number.\n"
			"The guest gets a user, SSH keys and a host name by cloud-init "
			"(NoCloud). A free port of this host, from 2222 on, is forwarded to its "
			"ssh unless one is given, and the VM is ready when ssh answers there; "
			"without a network, when it runs. --timeout is 300 seconds if not "
			"given; what was begun goes on.",
		.run = launch_run,
	}, {
		.name = "run", .summary = "Run a command in a VM that is gone afterwards",
		.arguments = "IMAGE [-- CMD [ARGUMENT...]]", .arguments_min = 1,
		.arguments_max = ARGS_MAX, .completes = COMPLETES_IMAGE,
		.options = run_options, .examples = run_examples,
		.description = "Makes a VM from IMAGE, as launch does, runs CMD in it by ssh "
			"with a key made for that, and deletes the VM for good, also after "
			"Ctrl-C. Without CMD it is the VM's console, and the end of that is the "
			"VM's.\n"
			"The exit status is that of CMD; 125 if Baton or ssh failed, or CMD ended "
			"with 255, which looks the same; 126 or 127 if CMD could not be run or "
			"was not found.",
		.run = disposable_run,
	}, {
		.name = "create", .summary = "Make a VM without starting it",
		.arguments = "NAME", .arguments_min = 1, .arguments_max = 1,
		.options = create_options, .examples = create_examples,
		.description = "NAME has at most 63 letters, digits and inner hyphens: the "
			"guest gets it as host name.",
		.run = create_run,
	}, {
		.name = "list", .alias = "ls", .summary = "List VMs",
		.arguments = "[NAME...]", .arguments_max = ARGS_MAX, .completes = COMPLETES_VMS,
		.options = list_options, .examples = list_examples,
		.description = "All VMs, or those of the names or patterns given. States are: "
			"stopped, starting, running, paused, stopping, and broken, of which "
			"\"vmctl show\" says why.",
		.run = list_run,
	}, {
		.name = "show", .summary = "Show everything about VMs",
		.arguments = "NAME...", .arguments_max = ARGS_MAX, .completes = COMPLETES_VMS,
		.options = show_options, .examples = show_examples,
		.description = "State, disks, networks, forwards, and all settings.",
		.run = show_run,
	}, {
		.name = "set", .summary = "Change settings of VMs",
		.arguments = "NAME... KEY=VALUE...", .arguments_max = ARGS_MAX,
		.completes = COMPLETES_SETTINGS, .options = set_options, .examples = set_examples,
		.description = "All of the settings are taken, or none. An empty VALUE unsets KEY. "
			"What does not act on a VM that runs is said. \"vmctl settings\" lists the "
			"keys.",
		.run = set_run,
	}, {
		.name = "settings", .summary = "List the settings that VMs have",
		.options = settings_options, .examples = settings_examples,
		.description = "N in a key is a number from 0 on. LIVE settings act at once on "
			"a VM that runs, others at its next start.",
		.run = settings_run,
	}, {
		.name = "rename", .summary = "Give a VM another name",
		.arguments = "NAME NEW-NAME", .arguments_min = 2, .arguments_max = 2,
		.completes = COMPLETES_VM, .options = rename_options, .examples = rename_examples,
		.description = "The guest's own host name stays as it is.", .run = rename_run,
	},
	{ .name = NULL },
};
