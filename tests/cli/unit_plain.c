// SPDX-License-Identifier: GPL-2.0-or-later
/* Output of guests on the terminal of somebody who reads a log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plain.h"

static const struct {
	const char *in, *out;
} cases[] = {
	{ "a\tb\r\nc", "a\tb\r\nc" },
	{ "\033[31mred\033[0m", "[31mred[0m" },
	{ "\033]52;c;eA==\a\b\177", "]52;c;eA==" },
	{ "\302\233" "6n", "6n" },			/* CSI of one character */
	{ "\233" "6n", "?6n" },				/* and of one byte */
	{ "\303\251 \342\202\254 \360\237\230\200", "\303\251 \342\202\254 \360\237\230\200" },
	{ "\304\200", "\304\200" },			/* 0x80 within a letter stays */
	{ "caf\351", "caf" },				/* may go on */
	{ "caf\351!", "caf?!" },
	{ "\302\033\233", "??" },			/* nothing comes together that was apart */
	{ "\340\202\233", "?" },
	{ "\342\202\033[", "?[" },
	{ "\377\376", "??" },
};

static void check(const char *in, size_t step, const char *wanted)
{
	struct plain p = { .length = 0 };
	size_t size = strlen(in), used = 0;
	char out[64];

	for (size_t at = 0; at < size; at += step)
		used += plain_feed(&p, in + at, size - at < step ? size - at : step, out + used);
	out[used] = '\0';
	assert_string_equal(out, wanted);
}

/* Wherever reads happen to end. */
static void test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t step = 1; step < 8; step++)
			check(cases[i].in, step, cases[i].out);
}

static void test_nul(void **state)
{
	struct plain p = { .length = 0 };
	char out[PLAIN_MAX(3)];

	(void)state;
	assert_int_equal(plain_feed(&p, "a\0b", 3, out), 2);
	assert_memory_equal(out, "ab", 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_nul),
	};

	return cmocka_run_group_tests_name("plain", tests, NULL, NULL);
}
