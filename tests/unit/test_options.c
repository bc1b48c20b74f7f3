// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line of baton-vm: what a VM is called, and where its serial port goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

#define UUID "6BA7b810-9dad-11d1-80b4-00c04fd430c8"
#define LETTERS_32 "abcdefghijklmnopqrstuvwxyzabcdef"

static struct options options;

/* With a kernel, which is what board micro cannot be without. */
static bool parse(const char *first, const char *second, const char *third)
{
	char word[3][128], *argv[6] = { "baton-vm", "--kernel=k" };
	const char *words[] = { first, second, third };
	struct btn_error e = { 0 };
	int argc = 2;

	for (int i = 0; i < 3 && words[i]; i++) {
		snprintf(word[i], sizeof(word[i]), "%s", words[i]);
		argv[argc++] = word[i];
	}
	if (options_parse(&options, argc, argv, &e))
		return true;
	assert_int_equal(e.code, BTN_BAD_VALUE);
	assert_true(*e.message && *e.cause && *e.fix);
	return false;
}

static void test_name(void **state)
{
	static const char *const good[] = {
		"--name=x", "--name=a b\"c", "--name=\xe4\xb8\xad", "--name=" LETTERS_32 LETTERS_32,
	};
	static const char *const bad[] = {
		"--name=", "--name=a\nb", "--name=\x7f", "--name=\xff", "--name=\xe4\xb8",
		"--name=" LETTERS_32 LETTERS_32 "x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(parse(good[i], NULL, NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], NULL, NULL))
			fail_msg("taken: %s", bad[i]);
}

static void test_uuid(void **state)
{
	static const uint8_t bytes[] = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
					 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };
	static const char *const bad[] = {
		"--uuid=", "--uuid=" UUID "0", "--uuid=6BA7b810-9dad-11d1-80b4-00c04fd430c",
		"--uuid=6BA7b8109dad11d180b400c04fd430c8", "--uuid={" UUID "}",
		"--uuid=6BA7b810-9dad-11d1-80b4-00c04fd430cg",
		"--uuid=6BA7b810-9dad-11d1-80b40-0c04fd430c8",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], NULL, NULL))
			fail_msg("taken: %s", bad[i]);
	assert_true(parse("--uuid=" UUID, NULL, NULL));
	assert_memory_equal(options.uuid_bytes, bytes, sizeof(bytes));
}

static void test_console(void **state)
{
	(void)state;
	assert_true(parse(NULL, NULL, NULL));
	assert_false(options.console_hub);
	assert_int_equal(options.lock_fd, -1);
	assert_true(parse("--console-hub", "--serial-log=f", "--lock-fd=2"));
	assert_true(options.console_hub);
	assert_string_equal(options.serial_log, "f");
	assert_int_equal(options.lock_fd, 2);
	assert_false(parse("--serial-log=f", NULL, NULL));
	assert_false(parse("--console-hub", "--console-in-fd=2", NULL));
	assert_false(parse("--console-hub", "--console-out-fd=2", NULL));
	assert_false(parse("--lock-fd=1000", NULL, NULL));
}

/* A guest must not be able to choose an exit status unless somebody said so. */
static void test_devices(void **state)
{
	(void)state;
	assert_true(parse(NULL, NULL, NULL));
	assert_false(options.test_devices);
	assert_true(parse("--test-devices", NULL, NULL));
	assert_true(options.test_devices);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name), cmocka_unit_test(test_uuid),
		cmocka_unit_test(test_console), cmocka_unit_test(test_devices),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
