// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of the table of verbs: networks.
 */
#include "jobs.h"
#include "options.h"
#include "output.h"
#include "verb.h"

#define END_OPTIONS { NULL, NULL, NULL }
#define QUIET_OPTION { "quiet", NULL, "Say nothing but errors. Short: -q." }

static const struct option_row list_options[] = { OUTPUT_OPTIONS, END_OPTIONS };
static const struct option_row create_options[] = {
	{ "subnet", "A.B.C.0/24", "Its addresses. Default: some that no other network has." },
	DRY_RUN_OPTION, QUIET_OPTION, END_OPTIONS,
};
static const struct option_row delete_options[] = { DRY_RUN_OPTION, QUIET_OPTION, END_OPTIONS };
static const struct option_row forward_options[] = {
	{ "this-run", NULL, "Only until the VM is off; its definition stays as it is." },
	QUIET_OPTION, END_OPTIONS,
};

static const struct example list_examples[] = {
	{ "The networks there are:", "vmctl net list" }, { NULL, NULL },
};
static const struct example create_examples[] = {
	{ "Make a network, and a VM on it:",
	  "vmctl net create lab && vmctl launch debian-12 --net lab" },
	{ NULL, NULL },
};
static const struct example delete_examples[] = {
	{ "Remove a network:", "vmctl net delete lab" }, { NULL, NULL },
};
static const struct example leases_examples[] = {
	{ "Which guest has which address:", "vmctl net leases default" }, { NULL, NULL },
};
static const struct example add_examples[] = {
	{ "Reach the guest's web server at port 8080 of this host:",
	  "vmctl net forward add web-1 8080:80" },
	{ "The same from other hosts, until it is shut down:",
	  "vmctl net forward add web-1 0.0.0.0:8080:80 --this-run" },
	{ NULL, NULL },
};
static const struct example remove_examples[] = {
	{ "End that:", "vmctl net forward remove web-1 8080" }, { NULL, NULL },
};
static const struct example forward_list_examples[] = {
	{ "Which ports lead to a VM:", "vmctl net forward list web-1" }, { NULL, NULL },
};

const struct verb net_verbs[] = {
	{
		.name = "net list", .alias = "net ls", .summary = "List the networks",
		.options = list_options, .examples = list_examples,
		.description = "A network is active while a VM is connected to it. \"default\" is "
			"always there.",
		.run = net_list_run,
	}, {
		.name = "net create", .summary = "Make a network",
		.arguments = "NAME", .arguments_min = 1, .arguments_max = 1,
		.options = create_options, .examples = create_examples,
		.description = "Guests of a network reach each other by name, and what this host "
			"reaches. Nothing of the host's own network is changed.",
		.run = net_create_run,
	}, {
		.name = "net delete", .alias = "net rm", .summary = "Remove a network",
		.arguments = "NAME", .arguments_min = 1, .arguments_max = 1,
		.completes = COMPLETES_NETWORK,
		.options = delete_options, .examples = delete_examples,
		.description = "Not while a VM's definition names it.", .run = net_delete_run,
	}, {
		.name = "net leases", .summary = "List addresses of a network's guests",
		.arguments = "[NAME]", .arguments_max = 1, .completes = COMPLETES_NETWORK,
		.options = list_options, .examples = leases_examples,
		.description = "Without NAME, of the network \"default\".", .run = net_leases_run,
	}, {
		.name = "net forward add", .summary = "Forward ports of this host to a VM",
		.arguments = "VM [ADDRESS:]HOSTPORT:GUESTPORT[/udp]...", .arguments_min = 2,
		.arguments_max = ARGS_MAX, .completes = COMPLETES_VM,
		.options = forward_options, .examples = add_examples,
		.description = "Acts at once if the VM runs, and stays in its definition. Without "
			"ADDRESS it listens on 127.0.0.1 alone.",
		.run = forward_add_run,
	}, {
		.name = "net forward remove", .alias = "net forward rm",
		.summary = "End forwards to a VM",
		.arguments = "VM [ADDRESS:]HOSTPORT[:GUESTPORT][/udp]...", .arguments_min = 2,
		.arguments_max = ARGS_MAX, .completes = COMPLETES_VM,
		.options = forward_options, .examples = remove_examples,
		.description = "The port of the host says which.", .run = forward_remove_run,
	}, {
		.name = "net forward list", .alias = "net forward ls",
		.summary = "List the ports that lead to a VM",
		.arguments = "VM", .arguments_min = 1, .arguments_max = 1,
		.completes = COMPLETES_VM,
		.options = list_options, .examples = forward_list_examples,
		.description = "Those of its run, or, while it is off, of its definition.",
		.run = forward_list_run,
	},
	{ .name = NULL },
};
