// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl disk: what it makes, grows and checks, and which mistakes it names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/block/image.h"
#include "options.h"

static char directory[] = "/tmp/unit_disk.XXXXXX";

/* Runs "disk ..." in the folder; the output goes nowhere. Exit status or -code. */
static int run(const char *text, struct btn_error *e)
{
	static char copy[4096];
	struct args args;
	char *argv[16];
	int argc = 0, status;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	memset(e, 0, sizeof(*e));
	if (!args_parse(verb_find("disk", e), argc, argv, &args, e))
		return -(int)e->code;
	status = disk_run(&args, e);
	fflush(stdout);
	return e->code ? -(int)e->code : status;
}

static const struct {
	const char *line;
	int result;
	const char *says;	/* in sentence or cause */
} steps[] = {
	{ "create a.qcow2 1G", 0, "" },
	{ "create a.qcow2 1G", -BTN_DISK_EXISTS, "a.qcow2" },
	{ "create b.qcow2 --backing a.qcow2", 0, "" },
	{ "create c.qcow2 2G --backing a.qcow2,qcow2 --cluster-size 4K", 0, "" },
	{ "create d.raw 1M --format raw", 0, "" },
	{ "create e.qcow2 1M --format qcow2", 0, "" },
	{ "create f.qcow2", -BTN_MISSING_ARGUMENT, "SIZE" },
	{ "create f.qcow2 12x", -BTN_BAD_VALUE, "12x" },
	{ "create f.qcow2 100", -BTN_DISK_SIZE, "f.qcow2" },
	{ "create f.qcow2 1G --type vmdk", -BTN_BAD_VALUE, "vmdk" },
	{ "create f.qcow2 1G --cluster-size 3K", -BTN_BAD_VALUE, "3K" },
	{ "create f.qcow2 1G --cluster-size 4M", -BTN_BAD_VALUE, "4M" },
	{ "create f.qcow2 1G --backing none.qcow2", -BTN_FILE_MISSING, "none.qcow2" },
	{ "create f.raw 1G --type raw --backing a.qcow2", -BTN_BAD_VALUE, "raw" },
	{ "create f.qcow2 4E", -BTN_BAD_VALUE, "" },
	{ "create no/f.qcow2 1G", -BTN_FILE_MISSING, "no/f.qcow2" },
	{ "create f.qcow2 1G --repair", -BTN_UNKNOWN_OPTION, "--repair" },
	{ "info a.qcow2", 0, "" },
	{ "info a.qcow2 --format json", 0, "" },
	{ "info d.raw", 0, "" },
	{ "info none", -BTN_FILE_MISSING, "none" },
	{ "info a.qcow2 x", -BTN_EXTRA_ARGUMENT, "x" },
	{ "info a.qcow2 --format xml", -BTN_BAD_VALUE, "xml" },
	{ "resize a.qcow2 3G", 0, "" },
	{ "resize a.qcow2 1G", -BTN_DISK_SHRINK, "a.qcow2" },
	{ "resize d.raw 2M", 0, "" },
	{ "resize d.raw", -BTN_MISSING_ARGUMENT, "SIZE" },
	{ "check a.qcow2", 0, "" },
	{ "check --repair b.qcow2 --format json", 0, "" },
	{ "check d.raw", -BTN_DISK_FORMAT, "d.raw" },
	{ "chekc a.qcow2", -BTN_UNKNOWN_VERB, "chekc" },
	{ "check", -BTN_MISSING_ARGUMENT, "FILE" },
};

static void test_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct btn_error e;
		int result = run(steps[i].line, &e);

		if (result != steps[i].result)
			fail_msg("%s: %d (%s, %s)", steps[i].line, result, e.message, e.cause);
		if (!strstr(e.message, steps[i].says) && !strstr(e.cause, steps[i].says))
			fail_msg("%s: \"%s\", \"%s\"", steps[i].line, e.message, e.cause);
	}
}

static void test_results(void **state)
{
	struct image_info info;
	struct btn_error e;

	(void)state;
	assert_true(image_info("a.qcow2", NULL, &info, &e));
	assert_int_equal(info.size, 3ull << 30);
	assert_int_equal(info.cluster_size, 65536);
	assert_true(image_info("b.qcow2", NULL, &info, &e));
	assert_int_equal(info.size, 1ull << 30);
	assert_string_equal(info.backing, "a.qcow2");
	assert_string_equal(info.backing_format, "qcow2");
	assert_true(image_info("c.qcow2", NULL, &info, &e));
	assert_int_equal(info.cluster_size, 4096);
	assert_true(image_info("d.raw", NULL, &info, &e));
	assert_true(info.raw && info.size == 2u << 20);
	assert_int_equal(access("f.qcow2", F_OK), -1); /* what failed leaves no file */
}

/* A leak is found, named in the exit status, and repaired. */
static void test_leak(void **state)
{
	struct btn_error e;
	int fd = open("e.qcow2", O_RDWR);
	uint64_t at;

	(void)state;
	/* header, refcount table, first block: the refcount of a cluster that nothing uses */
	assert_int_equal(pread(fd, &at, sizeof(at), 48), sizeof(at));
	assert_int_equal(pread(fd, &at, sizeof(at), (off_t)be64toh(at)), sizeof(at));
	assert_int_equal(pwrite(fd, "\0\1", 2, (off_t)be64toh(at) + 2 * 40), 2);
	close(fd);
	assert_int_equal(run("check e.qcow2", &e), -BTN_DISK_UNCLEAN);
	assert_int_equal(run("check e.qcow2 --repair", &e), 0);
	assert_int_equal(run("check e.qcow2", &e), 0);
}

static int up(void **state)
{
	(void)state;
	return mkdtemp(directory) && !chdir(directory) && freopen("out", "w", stdout) ? 0 : -1;
}

static int down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_leak),
	};

	return cmocka_run_group_tests_name("vmctl disk", tests, up, down);
}
