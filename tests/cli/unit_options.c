// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl's command lines: taking apart, checks, and the plan of boot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot.h"
#include "options.h"

static char directory[] = "/tmp/unit_options.XXXXXX";

/* Splits at spaces; "_" stands for one inside a word. */
static size_t split(char *text, char **argv)
{
	size_t argc = 0;

	for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
		for (char *p = word; (p = strchr(p, '_'));)
			*p = ' ';
		argv[argc++] = word;
	}
	return argc;
}

static enum btn_code parse(const char *text, struct args *args, struct btn_error *e)
{
	static char copy[4096];
	char *argv[80] = { 0 };
	const struct verb *verb;
	size_t argc;

	snprintf(copy, sizeof(copy), "%s", text);
	argc = split(copy, argv);
	e->code = BTN_OK;
	verb = verb_find(argv[0], e);
	if (!verb || !args_parse(verb, argc - 1, argv + 1, args, e))
		return e->code;
	return BTN_OK;
}

static const struct {
	const char *line;
	enum btn_code code;
	const char *fix; /* part of it */
} bad_lines[] = {
	{ "bot", BTN_UNKNOWN_VERB, "vmctl boot" },
	{ "docter", BTN_UNKNOWN_VERB, "vmctl doctor" },
	{ "xyzzy", BTN_UNKNOWN_VERB, "vmctl help" },
	{ "boot a b", BTN_EXTRA_ARGUMENT, "vmctl help" },
	{ "boot k --memroy 1G", BTN_UNKNOWN_OPTION, "--memory" },
	{ "boot k --memroy=1G", BTN_UNKNOWN_OPTION, "--memory" },
	{ "boot k --qqq", BTN_UNKNOWN_OPTION, "vmctl help boot" },
	{ "boot k -m 1G", BTN_UNKNOWN_OPTION, "" },
	{ "boot k --memory", BTN_MISSING_ARGUMENT, "--memory [MIN..]SIZE" },
	{ "boot k --dry-run=yes", BTN_BAD_VALUE, "--dry-run" },
	{ "doctor now", BTN_EXTRA_ARGUMENT, "" },
};

static void test_bad_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
		struct btn_error e = { 0 };
		struct args args;
		enum btn_code code = parse(bad_lines[i].line, &args, &e);

		if (code != bad_lines[i].code || !strstr(e.fix, bad_lines[i].fix))
			fail_msg("%s: BTN-%04d, fix: %s", bad_lines[i].line, code, e.fix);
		assert_int_equal(btn_exit_status(&e), BTN_EXIT_USAGE);
	}
}

static void test_values(void **state)
{
	struct btn_error e;
	struct args args;
	size_t pos = 0;

	(void)state;
	assert_int_equal(parse("boot --cpus 2 --disk=a k --disk b,readonly --cpus=3 --dry-run",
			       &args, &e), BTN_OK);
	assert_string_equal(args_get(&args, "cpus"), "3");
	assert_string_equal(args.positional[0], "k");
	assert_true(args_has(&args, "dry-run"));
	assert_false(args_has(&args, "initrd"));
	assert_string_equal(args_next(&args, "disk", &pos), "a");
	assert_string_equal(args_next(&args, "disk", &pos), "b,readonly");
	assert_null(args_next(&args, "disk", &pos));

	assert_int_equal(parse("boot --append=a=b -- --strange-name", &args, &e), BTN_OK);
	assert_string_equal(args_get(&args, "append"), "a=b");
	assert_string_equal(args.positional[0], "--strange-name");
	assert_int_equal(parse("boot --help", &args, &e), BTN_OK);
	assert_true(args.help);
}

static void test_many_options(void **state)
{
	char line[4096] = "boot k";
	struct btn_error e;
	struct args args;

	(void)state;
	for (int i = 0; i < 70; i++)
		strcat(line, " --dry-run");
	assert_int_equal(parse(line, &args, &e), BTN_EXTRA_ARGUMENT);
}

static void test_format(void **state)
{
	struct btn_error e;
	struct args args;
	bool json;

	(void)state;
	assert_int_equal(parse("doctor", &args, &e), BTN_OK);
	assert_true(args_format(&args, &json, &e) && !json);
	assert_int_equal(parse("doctor --format json", &args, &e), BTN_OK);
	assert_true(args_format(&args, &json, &e) && json);
	assert_int_equal(parse("doctor --format jsn", &args, &e), BTN_OK);
	assert_false(args_format(&args, &json, &e));
	assert_string_equal(e.fix, "Did you mean \"json\"?");
}

/* ------------------------------------------------------------------------ */
/* boot                                                                     */

static const struct {
	const char *line;
	enum btn_code code;
	int status;
	const char *text; /* part of message, cause or fix */
} bad_boots[] = {
	{ "boot", BTN_MISSING_ARGUMENT, 2, "neither KERNEL nor --disk nor --cdrom" },
	{ "boot --cdrom missing", BTN_FILE_MISSING, 3, "the CD \"missing\"" },
	{ "boot --cdrom .", BTN_FILE_NOT_REGULAR, 2, "is a directory" },
	{ "boot --cdrom disk", BTN_CDROM_SIZE, 1, "a multiple of 2048" },
	{ "boot --cdrom empty", BTN_CDROM_SIZE, 1, "The file is empty" },
	{ "boot --cdrom cd --cdrom missing", BTN_FILE_MISSING, 3, "the CD \"missing\"" },
	{ "boot kernel --cdrom cd", BTN_BAD_VALUE, 2, "--disk FILE,readonly" },
	{ "boot --board micro --cdrom cd", BTN_MISSING_ARGUMENT, 2, "KERNEL is missing" },
	{ "boot --cdrom cd --append quiet", BTN_BAD_VALUE, 2, "boots from a disk" },
	{ "boot --board micro", BTN_MISSING_ARGUMENT, 2, "KERNEL is missing" },
	{ "boot kernel --board pc", BTN_BAD_VALUE, 2, "--board micro" },
	{ "boot --disk disk --append quiet", BTN_BAD_VALUE, 2, "boots from a disk" },
	{ "boot --disk disk --firmware missing", BTN_FILE_MISSING, 3, "the firmware" },
	{ "boot kernel --display none", BTN_BAD_VALUE, 2, "for board pc" },
	{ "boot kernel --firmware kernel", BTN_BAD_VALUE, 2, "for board pc" },
	{ "boot missing", BTN_FILE_MISSING, 3, "the kernel \"missing\" does not exist" },
	{ "boot .", BTN_FILE_NOT_REGULAR, 2, "is a directory" },
	{ "boot /dev/null", BTN_FILE_NOT_REGULAR, 2, "special file" },
	{ "boot kernel/x", BTN_FILE_MISSING, 3, "" },
	{ "boot kernel --initrd missing", BTN_FILE_MISSING, 3, "the initrd \"missing\"" },
	{ "boot kernel --disk missing", BTN_FILE_MISSING, 3, "the disk \"missing\"" },
	{ "boot kernel --disk disk,ro", BTN_FILE_MISSING, 3, ",readonly" },
	{ "boot kernel --disk .", BTN_FILE_NOT_REGULAR, 2, "" },
	{ "boot kernel --halt-poll maybe", BTN_BAD_VALUE, 2, "Use one of these." },
	{ "boot kernel --board mirco", BTN_UNKNOWN_BOARD, 2, "Did you mean \"micro\"?" },
	{ "boot kernel --board q35", BTN_UNKNOWN_BOARD, 2, "--board micro" },
	{ "boot kernel --engine kmv", BTN_UNKNOWN_ENGINE, 2, "Did you mean \"kvm\"?" },
	{ "boot kernel --engine Baton", BTN_UNKNOWN_ENGINE, 2, "Did you mean \"baton\"?" },
	{ "boot kernel --cpus 0", BTN_BAD_VALUE, 2, "without a CPU" },
	{ "boot kernel --cpus -1", BTN_BAD_VALUE, 2, "\"-1\"" },
	{ "boot kernel --cpus two", BTN_BAD_VALUE, 2, "\"two\"" },
	{ "boot kernel --cpus=", BTN_BAD_VALUE, 2, "" },
	{ "boot kernel --cpus 65", BTN_TOO_MANY_CPUS, 2, "The most is 64." },
	{ "boot kernel --cpus 99999999999999999999", BTN_TOO_MANY_CPUS, 2, "" },
	{ "boot kernel --forward 1:2", BTN_BAD_VALUE, 2, "--net user" },
	{ "boot kernel --net user --forward 2222", BTN_BAD_VALUE, 2, "no forward" },
	{ "boot kernel --net user --forward 0:22", BTN_BAD_VALUE, 2, "no forward" },
	{ "boot kernel --net user --forward 65536:22", BTN_BAD_VALUE, 2, "no forward" },
	{ "boot kernel --net user --forward 1.2.3:1:2", BTN_BAD_VALUE, 2, "no forward" },
	{ "boot kernel --net user --forward 1:2/sctp", BTN_BAD_VALUE, 2, "no forward" },
	{ "boot kernel --net ../x", BTN_BAD_VALUE, 2, "no name of a network" },
	{ "boot kernel --net user --name a.b", BTN_BAD_VALUE, 2, "no host name" },
	{ "boot kernel --memory 512", BTN_BAD_VALUE, 2, "--memory 512M?" },
	{ "boot kernel --memory 0", BTN_BAD_VALUE, 2, "" },
	{ "boot kernel --memory much", BTN_BAD_VALUE, 2, "\"much\" is not a size" },
	{ "boot kernel --memory -1G", BTN_BAD_VALUE, 2, "" },
	{ "boot kernel --memory 1000T", BTN_MEMORY_ABOVE_HOST, 8, "The host has" },
	{ "boot kernel --memory 512M..256M", BTN_BAD_VALUE, 2, "smaller one first" },
	{ "boot kernel --memory 1M..256M", BTN_BAD_VALUE, 2, "too little" },
	{ "boot kernel --memory 64M..1000T", BTN_MEMORY_ABOVE_HOST, 8, "The host has" },
	{ "boot kernel --memory ..256M", BTN_BAD_VALUE, 2, "\"\" is not a size" },
	{ "boot kernel --memory 64M..", BTN_BAD_VALUE, 2, "\"\" is not a size" },
	{ "boot kernel --memory 64M...", BTN_BAD_VALUE, 2, "\".\" is not a size" },
	{ "boot kernel --ksm yes", BTN_BAD_VALUE, 2, "\"yes\"" },
	{ "boot kernel --halt-poll never", BTN_BAD_VALUE, 2, "\"never\"" },
	{ "boot kernel --memory 9999999999T", BTN_MEMORY_ABOVE_HOST, 8, "any host" },
};

static void test_bad_boots(void **state)
{
	static struct boot_plan plan;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_boots) / sizeof(bad_boots[0]); i++) {
		struct btn_error e = { 0 };
		struct args args;

		assert_int_equal(parse(bad_boots[i].line, &args, &e), BTN_OK);
		if (boot_make_plan(&args, &plan, &e))
			fail_msg("%s: no error", bad_boots[i].line);
		if (e.code != bad_boots[i].code || btn_exit_status(&e) != bad_boots[i].status ||
		    (!strstr(e.message, bad_boots[i].text) && !strstr(e.cause, bad_boots[i].text) &&
		     !strstr(e.fix, bad_boots[i].text)))
			fail_msg("%s: %s (BTN-%04d) %s %s", bad_boots[i].line, e.message, e.code,
				 e.cause, e.fix);
	}
}

static void test_unreadable(void **state)
{
	static struct boot_plan plan;
	struct btn_error e;
	struct args args;

	(void)state;
	if (!geteuid())
		skip(); /* root reads everything */
	assert_int_equal(parse("boot secret", &args, &e), BTN_OK);
	assert_false(boot_make_plan(&args, &plan, &e));
	assert_int_equal(e.code, BTN_FILE_UNREADABLE);
	assert_int_equal(parse("boot kernel --disk rodisk", &args, &e), BTN_OK);
	assert_false(boot_make_plan(&args, &plan, &e));
	assert_int_equal(e.code, BTN_DISK_READONLY);
	assert_int_equal(parse("boot kernel --disk rodisk,readonly", &args, &e), BTN_OK);
	assert_true(boot_make_plan(&args, &plan, &e));
}

static const struct {
	const char *line, *command;
} plans[] = {
	{ "boot --disk disk", "baton-vm --board pc --engine auto --cpus 1 --memory 536870912 "
	  "--disk disk" },
	{ "boot --cdrom cd", "baton-vm --board pc --engine auto --cpus 1 --memory 536870912 "
	  "--cdrom cd" },
	{ "boot --cdrom cd --disk disk --cdrom=cd", "baton-vm --board pc --engine auto --cpus 1 "
	  "--memory 536870912 --disk disk --cdrom cd --cdrom cd" },
	{ "boot --disk disk --display vnc:unix:/tmp/s", "baton-vm --board pc --engine auto "
	  "--cpus 1 --memory 536870912 --display vnc:unix:/tmp/s --disk disk" },
	{ "boot --disk disk --firmware kernel", "baton-vm --board pc --engine auto --cpus 1 "
	  "--memory 536870912 --firmware kernel --disk disk" },
	{ "boot kernel", "baton-vm --board micro --engine auto --cpus 1 --memory 536870912 "
	  "--kernel kernel --append console=ttyS0" },
	{ "boot kernel --append quiet_ro", "baton-vm --board micro --engine auto --cpus 1 "
	  "--memory 536870912 --kernel kernel --append console=ttyS0 quiet ro" },
	{ "boot kernel --append a_console=hvc0", "baton-vm --board micro --engine auto --cpus 1 "
	  "--memory 536870912 --kernel kernel --append a console=hvc0" },
	{ "boot kernel --append netconsole=x", "baton-vm --board micro --engine auto --cpus 1 "
	  "--memory 536870912 --kernel kernel --append console=ttyS0 netconsole=x" },
	{ "boot kernel --append=", "baton-vm --board micro --engine auto --cpus 1 "
	  "--memory 536870912 --kernel kernel --append console=ttyS0" },
	{ "boot kernel --disk disk --disk disk,readonly --initrd disk --engine kvm --cpus 4 "
	  "--memory 128M", "baton-vm --board micro --engine kvm --cpus 4 --memory 134217728 "
	  "--kernel kernel --initrd disk --append console=ttyS0 root=/dev/vda --disk disk "
	  "--disk disk,readonly" },
	{ "boot kernel --memory 64M..128M --ksm on", "baton-vm --board micro --engine auto "
	  "--cpus 1 --memory 67108864..134217728 --ksm on --kernel kernel --append console=ttyS0" },
	{ "boot kernel --halt-poll off --memory 64M", "baton-vm --board micro --engine auto "
	  "--cpus 1 --memory 67108864 --halt-poll off --kernel kernel --append console=ttyS0" },
	{ "boot kernel --test-devices", "baton-vm --board micro --engine auto --cpus 1 "
	  "--memory 536870912 --test-devices --kernel kernel --append console=ttyS0" },
	{ "boot kernel --memory 64M..64M", "baton-vm --board micro --engine auto --cpus 1 "
	  "--memory 67108864 --kernel kernel --append console=ttyS0" },
	{ "boot kernel --net user --forward 2222:22 --forward 0.0.0.0:53:53/udp", "baton-vm "
	  "--board micro --engine auto --cpus 1 --memory 536870912 --kernel kernel --append "
	  "console=ttyS0 --net fd=N,mac=52:54:00:12:34:56" },
};

static void test_plans(void **state)
{
	static struct boot_plan plan;

	(void)state;
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		char command[4096] = "";
		struct btn_error e;
		struct args args;

		assert_int_equal(parse(plans[i].line, &args, &e), BTN_OK);
		if (!boot_make_plan(&args, &plan, &e))
			fail_msg("%s: %s", plans[i].line, e.message);
		for (size_t j = 0; j < plan.argc; j++) {
			strcat(command, j ? " " : "");
			strcat(command, plan.argv[j]);
		}
		assert_null(plan.argv[plan.argc]);
		assert_string_equal(command, plans[i].command);
	}
}

static void test_long_cmdline(void **state)
{
	static struct boot_plan plan;
	char line[4096] = "boot kernel --append ";
	struct btn_error e;
	struct args args;

	(void)state;
	memset(line + strlen(line), 'x', 2100);
	assert_int_equal(parse(line, &args, &e), BTN_OK);
	assert_false(boot_make_plan(&args, &plan, &e));
	assert_int_equal(e.code, BTN_CMDLINE_TOO_LONG);
}

static int set_up(void **state)
{
	static const char *const names[] = { "kernel", "disk", "secret", "rodisk", "cd", "empty" };

	(void)state;
	if (!mkdtemp(directory) || chdir(directory))
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *file = fopen(names[i], "w");

		if (!file)
			return -1;
		fputs("x", file);
		fclose(file);
	}
	return chmod("secret", 0) || chmod("rodisk", 0400) || truncate("cd", 4096) ||
	       truncate("empty", 0);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink("kernel") || unlink("disk") || unlink("secret") || unlink("rodisk") ||
	       unlink("cd") || unlink("empty") || rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_many_options),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_bad_boots),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_long_cmdline),
	};

	return cmocka_run_group_tests_name("vmctl options", tests, set_up, tear_down);
}
