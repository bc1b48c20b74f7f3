/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line as a table: each option with its parser.
 */
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/check.h"
#include "lib/suggest.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const boards[] = { [BOARD_MICRO] = "micro", [BOARD_PC] = "pc" };
static const char *const on_off[] = { "on", "off" };
static const char *const engines[] = { "auto", "baton", "kvm" };

struct option_row {
	const char *name;	/* without the dashes */
	const char *value;	/* what the value is called; NULL: takes none */
	const char *help;
	bool (*take)(struct options *options, char *value, struct btn_error *e);
};

static bool take_kernel(struct options *options, char *value, struct btn_error *e)
{
	(void)e;
	options->kernel = value;
	return true;
}

static bool take_initrd(struct options *options, char *value, struct btn_error *e)
{
	(void)e;
	options->initrd = value;
	return true;
}

static bool take_append(struct options *options, char *value, struct btn_error *e)
{
	(void)e;
	options->append = value;
	return true;
}

static bool take_cpus(struct options *options, char *value, struct btn_error *e)
{
	return check_cpus(value, BATON_MAX_VCPUS, &options->cpus, e);
}

static bool take_memory(struct options *options, char *value, struct btn_error *e)
{
	uint64_t min, max;

	if (!check_memory_range(value, &min, &max, e))
		return false;
	options->memory_min = (min + 0xfff) & ~0xfffull;
	options->memory = (max + 0xfff) & ~0xfffull;
	return true;
}

static bool take_ksm(struct options *options, char *value, struct btn_error *e)
{
	if (!check_word("value of --ksm", BTN_BAD_VALUE, value, on_off, ARRAY_SIZE(on_off), e))
		return false;
	options->ksm = !strcmp(value, "on");
	return true;
}

static bool take_halt_poll(struct options *options, char *value, struct btn_error *e)
{
	if (!check_word("value of --halt-poll", BTN_BAD_VALUE, value, on_off,
			ARRAY_SIZE(on_off), e))
		return false;
	options->no_halt_poll = !strcmp(value, "off");
	return true;
}

static bool take_board(struct options *options, char *value, struct btn_error *e)
{
	if (!check_word("board", BTN_UNKNOWN_BOARD, value, boards, ARRAY_SIZE(boards), e))
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(boards); i++)
		if (!strcmp(value, boards[i]))
			options->board = i;
	return true;
}

static bool take_firmware(struct options *options, char *value, struct btn_error *e)
{
	(void)e;
	options->firmware = value;
	return true;
}

static bool take_display(struct options *options, char *value, struct btn_error *e)
{
	return check_display(value, &options->vnc, e);
}

static bool take_vnc_password(struct options *options, char *value, struct btn_error *e)
{
	(void)e;
	options->vnc_password = value;
	return true;
}

static bool take_control(struct options *options, char *value, struct btn_error *e)
{
	(void)e;
	options->control = value;
	return true;
}

static bool take_gdb(struct options *options, char *value, struct btn_error *e)
{
	options->gdb = value;
	return check_gdb(value, e);
}

static bool take_engine(struct options *options, char *value, struct btn_error *e)
{
	if (!check_word("engine", BTN_UNKNOWN_ENGINE, value, engines, ARRAY_SIZE(engines), e))
		return false;
	options->engine = !strcmp(value, "baton") ? HV_ENGINE_BATON :
			  !strcmp(value, "kvm") ? HV_ENGINE_KVM : HV_ENGINE_AUTO;
	return true;
}

/* True if the word (behind a comma) is one of a disk's options, which is set then. */
static bool take_disk_word(struct options_disk *disk, const char *word)
{
	if (!strcmp(word, "readonly"))
		disk->readonly = true;
	else if (!strcmp(word, "format=raw"))
		disk->format = BLOCK_RAW;
	else if (!strcmp(word, "format=qcow2"))
		disk->format = BLOCK_QCOW2;
	else
		return false;
	return true;
}

/* FILE[,format=raw|qcow2][,readonly]: words count only at the end, names may have commas. */
static bool take_disk(struct options *options, char *value, struct btn_error *e)
{
	struct options_disk *disk = &options->disk[options->disk_count];
	char *comma;

	if (options->disk_count == OPTIONS_DISKS_MAX) {
		btn_set_default(e, BTN_TOO_MANY_DEVICES);
		return false;
	}
	*disk = (struct options_disk){ .path = value };
	while ((comma = strrchr(value, ',')) && take_disk_word(disk, comma + 1))
		*comma = 0;
	options->disk_count++;
	return true;
}

static bool take_cdrom(struct options *options, char *value, struct btn_error *e)
{
	if (options->cdrom_count == OPTIONS_CDROMS_MAX) {
		btn_set(e, BTN_TOO_MANY_DEVICES, "a VM has at most %u CD drives",
			OPTIONS_CDROMS_MAX);
		btn_set_cause(e, "--cdrom was given once more than that.");
		btn_set_fix(e, "Attach fewer, or what is only data as --disk FILE,readonly.");
		return false;
	}
	options->cdrom[options->cdrom_count++] = value;
	return true;
}

static bool take_fd(const char *name, const char *value, int *ret_fd, struct btn_error *e)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(value, &end, 10);
	if (*end || end == value || errno || fd < 0 || fd > 1 << 20 ||
	    fcntl((int)fd, F_GETFD) < 0) {
		btn_set(e, BTN_BAD_VALUE, "--%s: \"%s\" is no open file descriptor", name, value);
		return false;
	}
	*ret_fd = (int)fd;
	return true;
}

static bool take_mac(const char *text, uint8_t mac[6], struct btn_error *e)
{
	unsigned int b[6] = { 1 };
	int end = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 || text[end] || strlen(text) != 17 || b[0] & 1) {
		btn_set(e, BTN_BAD_VALUE, "--net: \"%s\" is no MAC address of a card", text);
		return false;
	}
	for (unsigned int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	return true;
}

/* fd=N or unix:PATH, then the rest in any order; paths have no commas. */
static bool take_net(struct options *options, char *value, struct btn_error *e)
{
	struct options_net *net = &options->net[options->net_count];
	char *save = NULL, *word = strtok_r(value, ",", &save);

	if (options->net_count == OPTIONS_NETS_MAX) {
		btn_set_default(e, BTN_TOO_MANY_DEVICES);
		return false;
	}
	*net = (struct options_net){ .fd = -1, .control = -1 };
	if (word && !strncmp(word, "unix:", 5) && word[5])
		net->path = word + 5;
	else if (!word || strncmp(word, "fd=", 3) || !take_fd("net", word + 3, &net->fd, e))
		goto bad;
	while ((word = strtok_r(NULL, ",", &save))) {
		if (!strncmp(word, "name=", 5) && word[5])
			net->name = word + 5;
		else if (!strncmp(word, "control-fd=", 11) ?
			 !take_fd("net", word + 11, &net->control, e) :
			 strncmp(word, "mac=", 4) || !take_mac(word + 4, net->mac, e))
			goto bad;
	}
	options->net_count++;
	return true;

bad:
	btn_set(e, BTN_BAD_VALUE, "--net takes fd=N or unix:PATH, then ,mac=MAC ,name=NAME "
		"and ,control-fd=N");
	return false;
}

static bool take_console_in(struct options *options, char *value, struct btn_error *e)
{
	return take_fd("console-in-fd", value, &options->console_in, e);
}

static bool take_console_out(struct options *options, char *value, struct btn_error *e)
{
	return take_fd("console-out-fd", value, &options->console_out, e);
}

static bool take_hvc_in(struct options *options, char *value, struct btn_error *e)
{
	return take_fd("hvc-in-fd", value, &options->hvc_in, e);
}

static bool take_hvc_out(struct options *options, char *value, struct btn_error *e)
{
	return take_fd("hvc-out-fd", value, &options->hvc_out, e);
}

static bool take_paused(struct options *options, char *value, struct btn_error *e)
{
	(void)value, (void)e;
	options->paused = true;
	return true;
}

static bool take_test_devices(struct options *options, char *value, struct btn_error *e)
{
	(void)value, (void)e;
	options->test_devices = true;
	return true;
}

static bool take_console_hub(struct options *options, char *value, struct btn_error *e)
{
	(void)value, (void)e;
	options->console_hub = true;
	return true;
}

static bool take_serial_log(struct options *options, char *value, struct btn_error *e)
{
	(void)e;
	options->serial_log = value;
	return true;
}

static bool take_name(struct options *options, char *value, struct btn_error *e)
{
	options->name = value;
	return check_name("name", value, e);
}

static bool take_uuid(struct options *options, char *value, struct btn_error *e)
{
	options->uuid = value;
	return check_uuid("uuid", value, options->uuid_bytes, e);
}

static bool take_lock(struct options *options, char *value, struct btn_error *e)
{
	return take_fd("lock-fd", value, &options->lock_fd, e);
}

static bool take_help(struct options *options, char *value, struct btn_error *e)
{
	(void)value, (void)e;
	options->help = true;
	return true;
}

static bool take_version(struct options *options, char *value, struct btn_error *e)
{
	(void)value, (void)e;
	options->version = true;
	return true;
}

static bool take_schema(struct options *options, char *value, struct btn_error *e)
{
	(void)value, (void)e;
	options->schema = true;
	return true;
}

static const struct option_row rows[] = {
	{ "name", "NAME", "what the VM is called: in its status, as title of viewers", take_name },
	{ "uuid", "UUID", "what it is known by: in its status, in board pc's SMBIOS", take_uuid },
	{ "kernel", "FILE", "bzImage, ELF with a PVH entry point, or multiboot", take_kernel },
	{ "initrd", "FILE", "initial RAM disk", take_initrd },
	{ "append", "TEXT", "kernel command line", take_append },
	{ "cpus", "N", "number of virtual CPUs (1)", take_cpus },
	{ "memory", "[MIN..]SIZE", "guest memory, such as 512M, or 512M..2G (256M)", take_memory },
	{ "ksm", "on|off", "let the host merge equal pages of VMs (off)", take_ksm },
	{ "halt-poll", "on|off", "CPUs that halt wait awake for a moment if it pays (on)",
	  take_halt_poll },
	{ "disk", "FILE[,format=raw|qcow2][,readonly]", "a virtio disk; repeatable", take_disk },
	{ "cdrom", "FILE", "a CD drive of board pc with this image; repeatable", take_cdrom },
	{ "net", "PORT", "network card: fd=N or unix:PATH[,mac=MAC][,name=NAME]"
	  "[,control-fd=N]; repeatable", take_net },
	{ "engine", "NAME", "auto, baton or kvm (auto)", take_engine },
	{ "board", "NAME", "micro, which starts a kernel, or pc, which boots disks, CDs (micro)",
	  take_board },
	{ "display", "none|vnc:unix:PATH|vnc:127.0.0.1:PORT",
	  "show the screen of board pc by VNC (none)", take_display },
	{ "vnc-password", "FILE", "its first line has to be known to see the screen",
	  take_vnc_password },
	{ "control", "PATH", "take requests on this UNIX socket", take_control },
	{ "control-schema", NULL, "print what they look like, as a JSON schema", take_schema },
	{ "gdb", "PORT|unix:PATH[,wait]", "let gdb debug the guest; wait: not before it has come",
	  take_gdb },
	{ "firmware", "FILE", "BIOS image of board pc (SeaBIOS)", take_firmware },
	{ "console-in-fd", "N", "serial port's input (0)", take_console_in },
	{ "console-out-fd", "N", "serial port's output (1)", take_console_out },
	{ "paused", NULL, "do not let the CPUs run before --control says so", take_paused },
	{ "console-hub", NULL, "keep the serial port in here, for attach-serial of --control",
	  take_console_hub },
	{ "serial-log", "FILE", "append what it says; at 1 MiB FILE becomes FILE.1",
	  take_serial_log },
	{ "hvc-in-fd", "N", "a virtio console's input", take_hvc_in },
	{ "hvc-out-fd", "N", "a virtio console's output", take_hvc_out },
	{ "test-devices", NULL, "have the devices that kvm-unit-tests expects", take_test_devices },
	{ "lock-fd", "N", "keep this descriptor open as long as the VM lives", take_lock },
	{ "help", NULL, "this text", take_help },
	{ "version", NULL, "print the version", take_version },
};

void options_print_help(void)
{
	printf("usage: baton-vm --kernel FILE [OPTION]...\n"
	       "       baton-vm --board pc --disk FILE [OPTION]...\n"
	       "Run one virtual machine in the foreground.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		printf("  --%s%s%-*s %s\n", rows[i].name, rows[i].value ? " " : "",
		       (int)(24 - strlen(rows[i].name)), rows[i].value ? rows[i].value : "",
		       rows[i].help);
}

/* The row that `text` (without dashes, up to '=') names. */
static const struct option_row *find_row(const char *text)
{
	size_t length = strcspn(text, "=");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strlen(rows[i].name) == length && !strncmp(rows[i].name, text, length))
			return &rows[i];
	return NULL;
}

static bool unknown_option(const char *argument, struct btn_error *e)
{
	const char *names[ARRAY_SIZE(rows)], *near;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		names[i] = rows[i].name;
	btn_set(e, BTN_UNKNOWN_OPTION, "there is no option \"%s\"", argument);
	near = suggest(argument + 2, names, ARRAY_SIZE(rows));
	if (near)
		btn_set_fix(e, "Did you mean --%s?", near);
	else
		btn_set_fix(e, "Run \"baton-vm --help\" for the options.");
	return false;
}

/* Takes the option at *argv and moves on; the value follows or is behind '='. */
static bool take_option(struct options *options, char ***argv, struct btn_error *e)
{
	char *argument = *(*argv)++, *value = strchr(argument, '=');
	const struct option_row *row = find_row(argument + 2);

	if (!row)
		return unknown_option(argument, e);
	if (!row->value)
		return row->take(options, NULL, e);
	value = value ? value + 1 : **argv ? *(*argv)++ : NULL;
	if (!value) {
		btn_set(e, BTN_MISSING_ARGUMENT, "--%s needs a value (%s)", row->name, row->value);
		return false;
	}
	return row->take(options, value, e);
}

/* The serial port is in one place. */
static bool check_console(const struct options *options, struct btn_error *e)
{
	if (options->serial_log && !options->console_hub) {
		btn_set(e, BTN_BAD_VALUE, "--serial-log is for a serial port that stays in here");
		btn_set_fix(e, "Add --console-hub.");
		return false;
	}
	if (options->console_hub && (options->console_in || options->console_out != 1)) {
		btn_set(e, BTN_BAD_VALUE, "--console-hub and descriptors for the serial port "
			"exclude each other");
		btn_set_fix(e, "Leave --console-in-fd and --console-out-fd out.");
		return false;
	}
	return true;
}

static bool check_paused(const struct options *options, struct btn_error *e)
{
	if (!options->paused || options->control)
		return true;
	btn_set(e, BTN_BAD_VALUE, "a VM that starts paused could never be let go on");
	btn_set_fix(e, "Add --control PATH.");
	return false;
}

/* Each board starts from something else. */
static bool check_board(const struct options *options, struct btn_error *e)
{
	if (options->board == BOARD_MICRO && !options->kernel) {
		btn_set(e, BTN_MISSING_ARGUMENT, "--kernel is missing");
		return false;
	}
	if (options->vnc && options->board == BOARD_MICRO) {
		btn_set_default(e, BTN_NO_SCREEN);
		return false;
	}
	if (!check_vnc_password(options->vnc, options->vnc_password, e))
		return false;
	if (options->board == BOARD_PC && (options->kernel || options->initrd)) {
		btn_set(e, BTN_BAD_VALUE, "board pc boots from a disk, not from a kernel file");
		btn_set_fix(e, "Leave the kernel out, or use --board micro.");
		return false;
	}
	if (options->board == BOARD_MICRO && options->cdrom_count) {
		btn_set_no_cdrom(e);
		return false;
	}
	return true;
}

bool options_parse(struct options *options, int argc, char **argv, struct btn_error *e)
{
	(void)argc; /* argv ends with NULL */
	*options = (struct options){
		.append = "", .cpus = 1, .memory = 256ull << 20, .memory_min = 256ull << 20,
		.console_in = 0, .console_out = 1, .hvc_in = -1, .hvc_out = -1,
		.lock_fd = -1,
	};
	for (argv++; *argv;) {
		if (strncmp(*argv, "--", 2)) {
			btn_set(e, BTN_EXTRA_ARGUMENT, "\"%s\" is not expected", *argv);
			return false;
		}
		if (!take_option(options, &argv, e))
			return false;
	}
	return options->help || options->version || options->schema ||
	       (check_console(options, e) && check_paused(options, e) &&
		check_board(options, e));
}
