// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sizes as people write them, and "did you mean".
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "size.h"
#include "suggest.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

static void test_good(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0 }, { "1", 1 }, { "4096", 4096 }, { "7B", 7 },
		{ "1K", KIB }, { "1k", KIB }, { "1KB", KIB }, { "1KiB", KIB }, { "1kib", KIB },
		{ "512M", 512 * MIB }, { "512m", 512 * MIB }, { "512 MiB", 512 * MIB },
		{ "2G", 2 * GIB }, { "1.5G", 1536 * MIB }, { "0.5T", 512 * GIB },
		{ "1.25M", 1280 * KIB }, { "2.0G", 2 * GIB }, { "0001G", GIB },
		{ "8191T", 8191 * TIB }, { "9223372036854775807", INT64_MAX },
		{ "0.000000G", 0 }, { "1.0", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = 77;

		if (size_parse(cases[i].text, &bytes) || bytes != cases[i].bytes)
			fail_msg("\"%s\": %llu", cases[i].text, (unsigned long long)bytes);
	}
}

static void test_bad(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", -EINVAL }, { "M", -EINVAL }, { "-1", -EINVAL }, { "+1", -EINVAL },
		{ " 1", -EINVAL }, { "1 ", -EINVAL }, { "1  M", -EINVAL }, { "1MM", -EINVAL },
		{ "1X", -EINVAL }, { "1iB", -EINVAL }, { "1.M", -EINVAL }, { ".5G", -EINVAL },
		{ "1,5G", -EINVAL }, { "1.5", -EINVAL }, { "0.3K", -EINVAL }, { "0x10", -EINVAL },
		{ "1e3", -EINVAL }, { "1.1234567G", -EINVAL }, { "1BB", -EINVAL },
		{ "1M1", -EINVAL }, { "nan", -EINVAL },
		{ "9223372036854775808", -ERANGE }, { "99999999999999999999", -ERANGE },
		{ "8388608T", -ERANGE }, { "9999999999T", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = 77;
		int error = size_parse(cases[i].text, &bytes);

		if (error != cases[i].error)
			fail_msg("\"%s\": %d", cases[i].text, error);
		if (error)
			assert_int_equal(bytes, 77);
	}
}

static void test_format(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 bytes" }, { 700, "700 bytes" }, { 1023, "1023 bytes" }, { KIB, "1 KiB" },
		{ 1536, "1.5 KiB" }, { 512 * MIB, "512 MiB" }, { GIB - 1, "1023.9 MiB" },
		{ 3 * GIB / 2, "1.5 GiB" }, { 5 * TIB, "5 TiB" }, { UINT64_MAX, "15.9 EiB" },
	};
	char buf[SIZE_FORMAT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(size_format(cases[i].bytes, buf, sizeof(buf)), cases[i].text);
}

static void test_suggest(void **state)
{
	static const char *const words[] = { "boot", "doctor", "help", "version", "memory" };
	static const struct {
		const char *wrong, *meant;
	} cases[] = {
		{ "bot", "boot" }, { "boto", "boot" }, { "BOOT", "boot" }, { "doc", "doctor" },
		{ "docter", "doctor" }, { "memroy", "memory" }, { "verison", "version" },
		{ "v", "version" }, { "hepl", "help" }, { "", NULL }, { "zz", NULL },
		{ "kubernetes", NULL },
		{ "averyveryveryveryveryveryverylongword", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *meant = suggest(cases[i].wrong, words, 5);

		if (!meant != !cases[i].meant || (meant && strcmp(meant, cases[i].meant)))
			fail_msg("\"%s\": %s", cases[i].wrong, meant ? meant : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests_name("sizes and suggestions", tests, NULL, NULL);
}
