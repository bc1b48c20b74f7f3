// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl boot: checks what was asked for, runs baton-vm, is its console.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "baton_feat.h"
#include "boot.h"
#include "check.h"
#include "child.h"
#include "console.h"
#include "net.h"
#include "options.h"

const struct option_row boot_options[] = {
	{ "initrd", "FILE", "The initial RAM disk." },
	{ "append", "TEXT", "Text for the kernel's command line, behind \"console=ttyS0\". "
		"If the text has a console= of its own, it is the whole command line. "
		"Without --append and with a disk, \"root=/dev/vda\" is added." },
	{ "cpus", "N", "Number of virtual CPUs. Default: 1." },
	{ "memory", "[MIN..]SIZE", "The guest's memory, like 512M or 1.5G. Default: 512M. "
		"With a range, like 512M..2G, the guest starts with all of it and can be told "
		"to make do with less." },
	{ "ksm", "on|off", "Let the host's kernel merge pages that are equal in several VMs. "
		"It saves memory, and lets guests guess at each other's. Default: off." },
	{ "halt-poll", "on|off", "Let a virtual CPU that halts wait awake for a moment, as long "
		"as that pays: it reacts sooner, and its CPU rests less. Default: on." },
	{ "disk", "FILE[,format=raw|qcow2][,readonly]", "A disk image or block device. Repeat it "
		"for more: /dev/vda, /dev/vdb and so on in the guest. Without format= the image's "
		"header decides, which the guest of a raw disk can write: say format=raw if it "
		"is raw." },
	{ "cdrom", "FILE", "A CD drive of board pc, with this image of a CD or DVD in it. "
		"Repeat it for a second one. Disks are tried first: a CD boots if there is none, "
		"or none that boots yet." },
	{ "net", "NETWORK", "A network card. \"user\": a network of the VM's own with a way out, "
		"nothing on the host has to be set up; else a network by name, which VMs share "
		"and which starts with the first of them." },
	{ "forward", "HOSTPORT:GUESTPORT[/udp]", "Pass connections to a port of the host on to "
		"one of the guest. Listens on 127.0.0.1, or ADDRESS:HOSTPORT:GUESTPORT says where. "
		"Repeat it for more." },
	{ "name", "NAME", "The VM's host name on the network. The same name gets the same MAC and "
		"address each time; on a network that VMs share, a VM without one gets others at "
		"each start." },
	{ "engine", "ENGINE", "\"baton\" (Baton's kernel module), \"kvm\" (/dev/kvm) or \"auto\": "
		"baton if it works, else kvm. Default: auto." },
	{ "board", "BOARD", "The machine. \"micro\" starts KERNEL at once and has nothing but "
		"virtio devices; \"pc\" has a PC's firmware and devices, and boots a disk or CD. "
		"Default: micro with a KERNEL, pc without." },
	{ "display", "none|vnc:unix:PATH|vnc:127.0.0.1:PORT", "Show the screen of board pc, and "
		"take keys, through a VNC server: on a UNIX socket, which is made with access for "
		"you alone, or on a port of this host, which needs --vnc-password. "
		"Default: none." },
	{ "vnc-password", "FILE", "The first line of FILE, up to 8 bytes, is asked of VNC "
		"viewers." },
	{ "control", "PATH", "Make a UNIX socket, with access for you alone, on which the VM takes "
		"requests: \"vmctl control\", \"screenshot\", \"send-key\" and \"type\" use it." },
	{ "gdb", "PORT|unix:PATH[,wait]", "Let gdb debug the guest (\"target remote :PORT\" or "
		"\"target remote PATH\" in gdb): its CPUs are gdb's threads. The UNIX socket is "
		"made with access for you alone; a port is one of this host, and all its users "
		"can reach it. With \",wait\" the guest does not run before gdb has come." },
	{ "firmware", "FILE", "The BIOS image of board pc. Default: SeaBIOS." },
	{ "test-devices", NULL, "Have the devices that kvm-unit-tests expects. The guest can end "
		"the VM with any exit status then." },
	{ "dry-run", NULL, "Check everything, print the command that would run, start nothing." },
	{ NULL, NULL, NULL },
};

const struct example boot_examples[] = {
	{ "Boot the host's own kernel with its initrd:",
	  "vmctl boot /boot/vmlinuz-$(uname -r) --initrd /boot/initrd.img-$(uname -r)" },
	{ "Two CPUs, 2 GiB, a root file system on a disk image:",
	  "vmctl boot vmlinuz --initrd initrd.img --cpus 2 --memory 2G --disk root.img "
	  "--append 'root=/dev/vda rw'" },
	{ "A kernel built just now, quietly, output into a file:",
	  "vmctl boot arch/x86/boot/bzImage --initrd test.cpio --append quiet </dev/null >log" },
	{ "A disk image with a boot loader, as a PC starts it:",
	  "vmctl boot --disk debian.qcow2 --memory 1G" },
	{ "The same, to be reached by vmctl screenshot, send-key, type and control:",
	  "vmctl boot --disk debian.qcow2 --memory 1G --control ./vm.sock" },
	{ "A kernel, debugged from its first instruction: gdb vmlinux, then \"target remote "
	  "gdb.sock\", \"hbreak start_kernel\", \"continue\":",
	  "vmctl boot vmlinux --append nokaslr --gdb unix:gdb.sock,wait" },
	{ "A CD that boots, and a new disk, watched through VNC:",
	  "vmctl boot --disk new.qcow2 --cdrom system.iso --display vnc:unix:$PWD/vm.vnc" },
	{ "A server whose port 22 is reached at port 2222 of the host:",
	  "vmctl boot vmlinuz --initrd initrd.img --net user --forward 2222:22" },
	{ NULL, NULL },
};

const char boot_description[] =
	"Boots KERNEL (a bzImage, an ELF kernel with a PVH entry point, or a multiboot kernel), or "
	"without one the boot loader on the first disk or CD, and connects the guest's serial "
	"console, ttyS0, with this terminal until the guest powers off.\n"
	"On a terminal, all keys go to the guest. At the start of a line ~. ends the VM, ~^Z "
	"suspends it, ~~ sends one ~ and ~? lists these. If standard input is no terminal, "
	"it is passed on as it is, and its end does not end the VM.\n"
	"SIGTERM, SIGINT, SIGHUP and SIGQUIT end the VM cleanly: it has five seconds to close its "
	"disks.";

static const char *const engines[] = { "auto", "baton", "kvm" };
static const char *const boards[] = { "micro", "pc" };
static const char *const on_off[] = { "on", "off" };
/* What baton-vm takes in the same words. */
static const char *const passed_on[] = {
	"--ksm", "--halt-poll", "--display", "--vnc-password", "--firmware", "--control", "--gdb",
};

struct memory_range {
	uint64_t min, max;	/* bytes */
};

static const char *value_or(const struct args *args, const char *name, const char *fallback)
{
	const char *value = args_get(args, name);

	return value ? value : fallback;
}

/* ------------------------------------------------------------------------ */
/* From options to a checked plan                                           */

/* Cuts the last ",word" off if it is one of a disk's options. */
static bool cut_disk_word(char *path, bool *readonly)
{
	static const char *const words[] = { "readonly", "format=raw", "format=qcow2" };
	char *comma = strrchr(path, ',');

	for (size_t i = 0; comma && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(comma + 1, words[i]))
			continue;
		*readonly |= !i;
		*comma = 0;
		return true;
	}
	return false;
}

/* "FILE[,format=...][,readonly]" checked as the disk it names. */
static bool check_disk_option(const char *value, struct btn_error *e)
{
	bool readonly = false;
	char path[PATH_MAX];
	const char *comma;

	if (snprintf(path, sizeof(path), "%s", value) >= (int)sizeof(path)) {
		btn_set_file(e, "disk", value, ENAMETOOLONG);
		return false;
	}
	while (cut_disk_word(path, &readonly))
		;
	if (check_disk(path, readonly, e))
		return true;
	comma = strrchr(path, ',');
	if (e->code == BTN_FILE_MISSING && comma)
		btn_set_fix(e, "If \"%s\" was meant as an option: there are \",readonly\", "
			    "\",format=raw\" and \",format=qcow2\".", comma);
	return false;
}

static const char *board_of(const struct args *args)
{
	return value_or(args, "board", args->positional_count ? "micro" : "pc");
}

/* A kernel for micro, a disk or CD for pc, and neither gets what it cannot use. */
static bool check_start(const struct args *args, struct btn_error *e)
{
	const char *initrd = args_get(args, "initrd"), *firmware = args_get(args, "firmware");
	bool kernel = args->positional_count, for_pc = firmware || args_has(args, "display");
	bool cdrom = args_has(args, "cdrom");

	if (!strcmp(board_of(args), "micro")) {
		if (!kernel)
			btn_set(e, BTN_MISSING_ARGUMENT, "KERNEL is missing");
		else if (for_pc)
			btn_set(e, BTN_BAD_VALUE, "--firmware and --display are for board pc");
		else if (cdrom)
			btn_set_no_cdrom(e);
		return kernel && !for_pc && !cdrom &&
		       check_file("kernel", args->positional[0], e) &&
		       (!initrd || check_file("initrd", initrd, e));
	}
	if (kernel || initrd || args_has(args, "append")) {
		btn_set(e, BTN_BAD_VALUE, "board pc boots from a disk, not from a kernel file");
		btn_set_fix(e, "Leave KERNEL, --initrd and --append out, or use --board micro.");
		return false;
	}
	if (!args_has(args, "disk") && !cdrom) {
		btn_set(e, BTN_MISSING_ARGUMENT,
			"there is nothing to boot: neither KERNEL nor --disk nor --cdrom");
		return false;
	}
	return !firmware || check_file("firmware", firmware, e);
}

static bool check_arguments(const struct args *args, unsigned int *ret_cpus,
			    struct memory_range *ret_memory, struct btn_error *e)
{
	const char *disk, *cdrom, *vnc, *password = args_get(args, "vnc-password");
	size_t pos = 0;

	if (!check_word("board", BTN_UNKNOWN_BOARD, board_of(args),
			boards, sizeof(boards) / sizeof(boards[0]), e) ||
	    !check_word("engine", BTN_UNKNOWN_ENGINE, value_or(args, "engine", "auto"),
			engines, sizeof(engines) / sizeof(engines[0]), e) ||
	    !check_cpus(value_or(args, "cpus", "1"), BATON_MAX_VCPUS, ret_cpus, e) ||
	    !check_memory_range(value_or(args, "memory", "512M"), &ret_memory->min,
				&ret_memory->max, e) ||
	    !check_word("value of --ksm", BTN_BAD_VALUE, value_or(args, "ksm", "off"), on_off,
			sizeof(on_off) / sizeof(on_off[0]), e) ||
	    !check_word("value of --halt-poll", BTN_BAD_VALUE, value_or(args, "halt-poll", "on"),
			on_off, sizeof(on_off) / sizeof(on_off[0]), e) ||
	    !check_display(value_or(args, "display", "none"), &vnc, e) ||
	    !check_vnc_password(vnc, password, e) ||
	    (password && !check_file("password file", password, e)) || !check_start(args, e))
		return false;
	while ((disk = args_next(args, "disk", &pos))) {
		if (!check_disk_option(disk, e))
			return false;
	}
	for (pos = 0; (cdrom = args_next(args, "cdrom", &pos));) {
		if (!check_cdrom(cdrom, e))
			return false;
	}
	return true;
}

/* Does the text name a console, as a word of its own? */
static bool has_console(const char *text)
{
	const char *found = text;

	while ((found = strstr(found, "console="))) {
		if (found == text || found[-1] == ' ')
			return true;
		found++;
	}
	return false;
}

static bool make_cmdline(const struct args *args, char *buf, size_t size, struct btn_error *e)
{
	const char *append = args_get(args, "append");
	int length;

	if (append && has_console(append))
		length = snprintf(buf, size, "%s", append);
	else if (append && append[0])
		length = snprintf(buf, size, "console=ttyS0 %s", append);
	else if (!append && args_has(args, "disk"))
		length = snprintf(buf, size, "console=ttyS0 root=/dev/vda");
	else
		length = snprintf(buf, size, "console=ttyS0");
	if (length < (int)size)
		return true;
	btn_set(e, BTN_CMDLINE_TOO_LONG, "the text of --append is too long");
	btn_set_cause(e, "A kernel command line has at most %zu characters.", size - 1);
	return false;
}

static void add(struct boot_plan *plan, const char *name, const char *value)
{
	/* Never overruns: ARGS_MAX options, two words each, and the fixed ones. */
	plan->argv[plan->argc++] = name;
	plan->argv[plan->argc++] = value;
}

bool boot_make_plan(const struct args *args, struct boot_plan *plan, struct btn_error *e)
{
	const char *initrd = args_get(args, "initrd"), *disk, *cdrom;
	unsigned int cpus;
	struct memory_range memory;
	size_t pos = 0;

	memset(plan, 0, sizeof(*plan));
	if (!check_arguments(args, &cpus, &memory, e) ||
	    !net_make_plan(args, &plan->net, e) ||
	    !make_cmdline(args, plan->cmdline, sizeof(plan->cmdline), e))
		return false;
	snprintf(plan->cpus, sizeof(plan->cpus), "%u", cpus);
	/* Without a unit: bytes mean the same to everybody. */
	if (memory.min == memory.max)
		snprintf(plan->memory, sizeof(plan->memory), "%" PRIu64, memory.max);
	else
		snprintf(plan->memory, sizeof(plan->memory), "%" PRIu64 "..%" PRIu64, memory.min,
			 memory.max);

	plan->argv[plan->argc++] = "baton-vm";
	add(plan, "--board", board_of(args));
	add(plan, "--engine", value_or(args, "engine", "auto"));
	add(plan, "--cpus", plan->cpus);
	add(plan, "--memory", plan->memory);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		if (args_has(args, passed_on[i] + 2))
			add(plan, passed_on[i], args_get(args, passed_on[i] + 2));
	if (args_has(args, "test-devices"))
		plan->argv[plan->argc++] = "--test-devices";
	if (args->positional_count) {
		add(plan, "--kernel", args->positional[0]);
		if (initrd)
			add(plan, "--initrd", initrd);
		add(plan, "--append", plan->cmdline);
	}
	while ((disk = args_next(args, "disk", &pos)))
		add(plan, "--disk", disk);
	for (pos = 0; (cdrom = args_next(args, "cdrom", &pos));)
		add(plan, "--cdrom", cdrom);
	if (plan->net.network)
		add(plan, "--net", plan->net.card);
	return true;
}

/* ------------------------------------------------------------------------ */
/* Running it                                                               */

/* In a form that a shell takes back. */
static void print_word(const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_./:=@%+,-";

	if (word[0] && word[strspn(word, plain)] == '\0') {
		fputs(word, stdout);
		return;
	}
	putchar('\'');
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*word);
	}
	putchar('\'');
}

static void print_plan(const char *monitor, const struct boot_plan *plan)
{
	print_word(monitor);
	for (size_t i = 1; i < plan->argc; i++) {
		putchar(' ');
		print_word(plan->argv[i]);
	}
	putchar('\n');
}

/*
 * Ends like other programs that a signal ended, so that a shell script stops
 * at Ctrl-C. Not with SIGQUIT: its core dump would be of no use.
 */
static int end_by_signal(int signal_number)
{
	sigset_t set;

	if (signal_number != SIGQUIT) {
		fflush(NULL);
		signal(signal_number, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, signal_number);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		raise(signal_number);
	}
	return BTN_EXIT_SIGNAL + signal_number;
}

static int judge_end(const struct console_result *result, struct btn_error *e)
{
	int status = result->wait_status;

	if (result->signal)
		return end_by_signal(result->signal);
	if (result->left)
		return BTN_EXIT_SIGNAL + SIGINT;
	if (result->lost) {
		btn_set_default(e, BTN_CONSOLE_LOST);
		return BTN_EXIT_FAILED;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status); /* baton-vm has said why */
	btn_set(e, BTN_MONITOR_DIED, "the VM's process ended unexpectedly");
	btn_set_cause(e, "baton-vm was ended by signal %d (%s)%s.", WTERMSIG(status),
		      strsignal(WTERMSIG(status)),
		      WTERMSIG(status) == SIGKILL ?
		      ", perhaps for lack of memory on the host" : "");
	return BTN_EXIT_FAILED;
}

int boot_run(const struct args *args, struct btn_error *e)
{
	static struct boot_plan plan;
	struct console_result result;
	char monitor[PATH_MAX];
	struct child child;
	int signals;

	if (!boot_make_plan(args, &plan, e) || !child_find_monitor(monitor, sizeof(monitor), e))
		return BTN_EXIT_FAILED;
	if (args_has(args, "dry-run")) {
		print_plan(monitor, &plan);
		return BTN_EXIT_DONE;
	}
	if (!net_start(&plan.net, e))
		return BTN_EXIT_FAILED;
	signals = console_signals(e);
	/* execv() does not write to the strings. */
	if (signals < 0 || !child_start(&child, monitor, (char *const *)plan.argv, e)) {
		if (signals >= 0)
			close(signals);
		net_stop(&plan.net);
		return BTN_EXIT_FAILED;
	}
	console_run(&child, signals, "vmctl: boot", &result);
	child_close(&child);
	close(signals);
	net_stop(&plan.net);
	return judge_end(&result, e);
}
