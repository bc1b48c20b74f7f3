// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registry of errors, and how errors are printed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine_error.h"
#include "errors.h"

static void test_rows(void **state)
{
	size_t count;
	const struct btn_row *rows = btn_rows(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct btn_row *row = &rows[i];

		/* Sorted and unique; looked up by its number. */
		if (i && row->code <= rows[i - 1].code)
			fail_msg("%s is out of order", row->symbol);
		assert_ptr_equal(btn_lookup(row->code), row);
		assert_in_range(row->code, 1000, 9999);
		assert_in_range(row->exit_status, BTN_EXIT_FAILED, BTN_EXIT_NO_DAEMON);
		/* A title goes on behind "vmctl: boot: ", the others are sentences. */
		if (row->title[strlen(row->title) - 1] == '.')
			fail_msg("%s: full stop in the title", row->symbol);
		assert_false(row->cause[0] >= 'a' && row->cause[0] <= 'z');
		assert_true(row->cause[strlen(row->cause) - 1] == '.');
		assert_true(row->fix[0]);
		/* Nothing is cut off. */
		assert_true(strlen(row->title) < sizeof(((struct btn_error *)0)->message));
		assert_true(strlen(row->cause) < sizeof(((struct btn_error *)0)->cause));
		assert_true(strlen(row->fix) < sizeof(((struct btn_error *)0)->fix));
	}
	assert_null(btn_lookup(BTN_OK));
	assert_null(btn_lookup((enum btn_code)9999));
}

static void test_set(void **state)
{
	struct btn_error e;

	(void)state;
	btn_set(&e, BTN_NO_MODULE, "no %s", "luck");
	assert_string_equal(e.message, "no luck");
	assert_string_equal(e.cause, "/dev/baton does not exist.");
	assert_int_equal(btn_exit_status(&e), BTN_EXIT_HOST_CANNOT);
	btn_set_cause(&e, "%s", "because");
	btn_set_fix(&e, "do %d", 1);
	assert_string_equal(e.cause, "because");
	assert_string_equal(e.fix, "do 1");
	/* The parts may be built from each other. */
	btn_set_fix(&e, "%s, then 2", e.fix);
	assert_string_equal(e.fix, "do 1, then 2");
	btn_set(&e, BTN_INTERNAL, "again: %s", e.message);
	assert_string_equal(e.message, "again: no luck");
	e.code = BTN_OK;
	assert_int_equal(btn_exit_status(&e), 0);
	e.code = (enum btn_code)1234;
	assert_int_equal(btn_exit_status(&e), BTN_EXIT_FAILED);
}

static char *printed(const char *program, const char *verb, const struct btn_error *e)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	btn_print(to, program, verb, e);
	fclose(to);
	return text;
}

static void test_print(void **state)
{
	struct btn_error e;
	char *text;

	(void)state;
	btn_set(&e, BTN_NO_MEMORY, "not enough memory");
	btn_set_cause(&e, "why");
	btn_set_fix(&e, "what");
	text = printed("vmctl", "boot", &e);
	assert_string_equal(text, "vmctl: boot: not enough memory (BTN-2002)\n"
			    "cause: why\nfix: what\n");
	free(text);
	e.cause[0] = e.fix[0] = '\0';
	text = printed("baton-vm", NULL, &e);
	assert_string_equal(text, "baton-vm: not enough memory (BTN-2002)\n");
	free(text);
}

static void test_longest(void **state)
{
	static char endless[2000], program[300];
	struct btn_error e;
	char *text;

	(void)state;
	memset(endless, 'e', sizeof(endless) - 1);
	memset(program, 'p', sizeof(program) - 1);
	btn_set(&e, BTN_NO_MEMORY, "%s", endless);
	btn_set_cause(&e, "%s", endless);
	btn_set_fix(&e, "%s", endless);
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
	text = printed("vmctl", "boot", &e);
	assert_non_null(strstr(text, "fix: eee"));
	free(text);
	text = printed(program, program, &e);
	assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
}

static void test_file(void **state)
{
	static const struct {
		int error;
		enum btn_code code;
	} cases[] = {
		{ ENOENT, BTN_FILE_MISSING }, { -ENOENT, BTN_FILE_MISSING },
		{ ENOTDIR, BTN_FILE_MISSING }, { EACCES, BTN_FILE_UNREADABLE },
		{ -EPERM, BTN_FILE_UNREADABLE }, { EISDIR, BTN_FILE_NOT_REGULAR },
		{ EIO, BTN_FILE_READ_FAILED }, { -ELOOP, BTN_FILE_READ_FAILED },
	};
	struct btn_error e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		btn_set_file(&e, "kernel", "/x", cases[i].error);
		assert_int_equal(e.code, cases[i].code);
		assert_non_null(strstr(e.message, "kernel \"/x\""));
	}
}

static void test_refusals(void **state)
{
	(void)state;
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_NOT), BTN_OK);
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_NO_VIRT), BTN_NO_VIRT);
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_FIRMWARE), BTN_FIRMWARE_LOCK);
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_NO_NESTED_PAGING), BTN_NO_NESTED_PAGING);
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_NO_UNRESTRICTED), BTN_NO_UNRESTRICTED);
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_CPU_FEATURE), BTN_CPU_FEATURE);
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_OWNER), BTN_VIRT_OWNED);
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_FRED), BTN_FRED);
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_PT), BTN_INTEL_PT);
	assert_int_equal(btn_code_of_refusal(BATON_REFUSED_SUSPENDED), BTN_HOST_SUSPENDED);
	/* A newer module, or a broken one. */
	assert_int_equal(btn_code_of_refusal((enum baton_refusal)50), BTN_REFUSED_OTHER);
	assert_int_equal(btn_code_of_refusal((enum baton_refusal)99), BTN_REFUSED_OTHER);
	assert_int_equal(btn_code_of_refusal((enum baton_refusal)0xffffffff), BTN_REFUSED_OTHER);
}

static void test_engine(void **state)
{
	static const struct {
		struct hv_failure why;
		enum btn_code code;
	} cases[] = {
		{ { HV_ENGINE_BATON, -ENOENT, "open", 0 }, BTN_NO_MODULE },
		{ { HV_ENGINE_BATON, -EACCES, "open", 0 }, BTN_MODULE_NO_ACCESS },
		{ { HV_ENGINE_BATON, -EPROTO, "version", 0 }, BTN_ABI_MISMATCH },
		{ { HV_ENGINE_BATON, -EIO, "open", 0 }, BTN_MODULE_FAILED },
		{ { HV_ENGINE_BATON, -EOPNOTSUPP, "create", BATON_REFUSED_FRED }, BTN_FRED },
		{ { HV_ENGINE_KVM, -ENOENT, "open", 0 }, BTN_NO_KVM },
		{ { HV_ENGINE_KVM, -EACCES, "open", 0 }, BTN_KVM_NO_ACCESS },
		{ { HV_ENGINE_KVM, -EPROTO, "version", 0 }, BTN_KVM_TOO_OLD },
		{ { HV_ENGINE_KVM, -EBUSY, "create", 0 }, BTN_KVM_BUSY },
		{ { HV_ENGINE_KVM, -EIO, "open", 0 }, BTN_KVM_FAILED },
	};
	struct btn_error e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		btn_set_engine(&e, &cases[i].why);
		assert_int_equal(e.code, cases[i].code);
	}
}

static void test_no_engine(void **state)
{
	const struct hv_failure both[2] = {
		{ HV_ENGINE_BATON, -ENOENT, "open", 0 }, { HV_ENGINE_KVM, -ENOENT, "open", 0 },
	};
	const struct hv_failure kvm_only[2] = { [1] = { HV_ENGINE_KVM, -EACCES, "open", 0 } };
	const struct hv_failure none[2] = { 0 };
	struct btn_error e;

	(void)state;
	btn_set_no_engine(&e, HV_ENGINE_AUTO, both);
	assert_int_equal(e.code, BTN_NO_ENGINE);
	assert_non_null(strstr(e.cause, "BTN-3002"));
	assert_non_null(strstr(e.cause, "BTN-3006"));
	assert_non_null(strstr(e.fix, "modprobe baton"));
	btn_set_no_engine(&e, HV_ENGINE_BATON, both);
	assert_int_equal(e.code, BTN_NO_MODULE);
	btn_set_no_engine(&e, HV_ENGINE_KVM, kvm_only);
	assert_int_equal(e.code, BTN_KVM_NO_ACCESS);
	btn_set_no_engine(&e, HV_ENGINE_AUTO, none);
	assert_int_equal(e.code, BTN_NO_ENGINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_engine),
		cmocka_unit_test(test_no_engine),
	};

	return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
