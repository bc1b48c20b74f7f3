// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows of the table of verbs: watching.
 */
#include "options.h"
#include "output.h"
#include "verb.h"

#define END_OPTIONS { NULL, NULL, NULL }

static const struct option_row wait_options[] = {
	{ "for", "running|stopped|off|paused|boot|ssh|port:N", "What to wait for. off is stopped; "
		"boot: the guest answers on the network; ssh: its port 22, to which a port of this "
		"host is forwarded, greets as ssh does; port:N: somebody listens on that port of "
		"the guest, which is forwarded likewise. Default: running." },
	{ "timeout", "SECONDS", "Wait no longer than this." },
	END_OPTIONS,
};
static const struct option_row events_options[] = {
	{ "initial-state", NULL, "First an event vm-initial for each VM, which says how it is." },
	{ "progress", NULL, "Also how far jobs are." },
	{ "count", "N", "End after N events." },
	{ "timeout", "SECONDS", "End after this time." },
	OUTPUT_OPTIONS, END_OPTIONS,
};
static const struct option_row stats_options[] = {
	{ "interval", "SECONDS", "Measure over this time, and again until Ctrl-C. Default: once, "
		"over one second." },
	{ "count", "N", "End after N measurements." },
	OUTPUT_OPTIONS, END_OPTIONS,
};
static const struct option_row log_options[] = {
	{ "serial", NULL, "What the guest has written to its serial console." },
	{ "follow", NULL, "Go on with what is written from now on. Short: -f." },
	END_OPTIONS,
};
static const struct option_row job_list_options[] = { OUTPUT_OPTIONS, END_OPTIONS };
static const struct option_row no_options[] = { END_OPTIONS };

static const struct example wait_examples[] = {
	{ "Until one can log in:", "vmctl wait web-1 --for ssh --timeout 2m" },
	{ "Until its guest is up:", "vmctl wait web-1 --for boot" },
	{ "Until it is off:", "vmctl wait web-1 --for off" },
	{ NULL, NULL },
};
static const struct example events_examples[] = {
	{ "What happens:", "vmctl events" },
	{ "All states, and then each change, for a program:",
	  "vmctl events --initial-state --format jsonl" },
	{ NULL, NULL },
};
static const struct example stats_examples[] = {
	{ "What all VMs that run do just now:", "vmctl stats" },
	{ "Every five seconds, for a program:", "vmctl stats --interval 5 --format jsonl" },
	{ "Why a VM leaves its guest:", "vmctl stats web-1 --fields name,exits" },
	{ NULL, NULL },
};
static const struct example log_examples[] = {
	{ "Why did it end:", "vmctl log web-1" },
	{ "What the guest says while it boots:", "vmctl log web-1 --serial --follow" },
	{ NULL, NULL },
};
static const struct example job_list_examples[] = {
	{ "What the daemon does, and did lately:", "vmctl job list" }, { NULL, NULL },
};
static const struct example job_cancel_examples[] = {
	{ "End a job early:", "vmctl job cancel 17" }, { NULL, NULL },
};

const struct verb watch_verbs[] = {
	{
		.name = "wait", .summary = "Wait until a VM has reached a state",
		.arguments = "NAME", .arguments_min = 1, .arguments_max = 1,
		.completes = COMPLETES_VM, .options = wait_options, .examples = wait_examples,
		.description = "The exit status is 0 when it has, 7 if it did not in time, and "
			"4 if it cannot any more: it has ended, or was deleted.",
		.run = wait_run,
	}, {
		.name = "events", .summary = "Print what happens, as it happens",
		.options = events_options, .examples = events_examples,
		.description = "A line for each event until Ctrl-C. With --format json or jsonl it "
			"is the daemon's own event: vm-added, vm-removed, vm-changed, vm-renamed, "
			"vm-state, vm-reset, job-started, job-progress, job-ended, image-added, "
			"image-removed, network-added, network-removed, network-state.",
		.run = events_run,
	}, {
		.name = "stats", .summary = "Show what VMs do just now",
		.arguments = "[NAME...]", .arguments_max = ARGS_MAX,
		.completes = COMPLETES_VMS, .options = stats_options,
		.examples = stats_examples,
		.description = "Without a name: all that run. Percents are of the time of all of "
			"the VM's CPUs. CPU: its threads ran; GUEST: of that, in the guest; READY: "
			"they could have run, but the host's CPUs were busy; HALTED: the guest had "
			"nothing to do. EXITS: how often the guest was left, and why. GUEST USES "
			"is what the guest says itself, HOST HOLDS what it costs, GIVEN BACK what "
			"it was given and the host has. Per second: of disks, and of networks as "
			"the guest sees it. What the engine does not count is empty, as is HALTED "
			"under KVM if a CPU sleeps when it is asked: KVM counts that sleep later.",
		.run = stats_run,
	}, {
		.name = "log", .summary = "Print what a VM has written",
		.arguments = "NAME", .arguments_min = 1, .arguments_max = 1,
		.completes = COMPLETES_VM, .options = log_options, .examples = log_examples,
		.description = "The log of the VM's monitor: starts, ends and errors. With "
			"--serial, the guest's output on its serial console. A terminal gets it "
			"without control characters, a file or pipe as it is.",
		.run = log_run,
	}, {
		.name = "job list", .alias = "jobs", .summary = "List what the daemon does",
		.options = job_list_options, .examples = job_list_examples,
		.description = "Every change is a job: those that run, and those that ended "
			"lately.",
		.run = job_list_run,
	}, {
		.name = "job cancel", .summary = "End a job early",
		.arguments = "JOB", .arguments_min = 1, .arguments_max = 1,
		.options = no_options, .examples = job_cancel_examples,
		.description = "Asks for it; what the job has done so far is undone. \"vmctl job "
			"list\" shows the numbers.",
		.run = job_cancel_run,
	},
	{ .name = NULL },
};
