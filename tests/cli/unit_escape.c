// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The escape state machine of the console.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "escape.h"

static const struct {
	const char *name, *typed, *sent;
	enum escape_action last; /* the last action that was not NONE */
} cases[] = {
	{ "plain text", "ls\r", "ls\r", ESCAPE_NONE },
	{ "leave at the very start", "~.", "", ESCAPE_LEAVE },
	{ "leave after return", "ls\r~.", "ls\r", ESCAPE_LEAVE },
	{ "leave after line feed", "ls\n~.", "ls\n", ESCAPE_LEAVE },
	{ "tilde inside a line", "a~.", "a~.", ESCAPE_NONE },
	{ "one tilde", "~~", "~", ESCAPE_NONE },
	{ "after one tilde the line goes on", "~~.", "~.", ESCAPE_NONE },
	{ "three tildes", "~~~", "~~", ESCAPE_NONE },
	{ "tilde and a letter", "~root\r", "~root\r", ESCAPE_NONE },
	{ "tilde and return", "~\r", "~\r", ESCAPE_NONE },
	{ "leave after tilde and return", "~\r~.", "~\r", ESCAPE_LEAVE },
	{ "a lone tilde waits", "~", "", ESCAPE_NONE },
	{ "help leaves the line at its start", "~?~?", "", ESCAPE_HELP },
	{ "leave after help", "~?~.", "", ESCAPE_LEAVE },
	{ "suspend", "\r~\x1a", "\r", ESCAPE_SUSPEND },
	{ "leave after suspend", "~\x1a~.", "", ESCAPE_LEAVE },
	{ "control Z alone goes to the guest", "\x1a", "\x1a", ESCAPE_NONE },
	{ "bytes above 127", "\xc3\xa4~.\r", "\xc3\xa4~.\r", ESCAPE_NONE },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct escape escape = { 0 };
		enum escape_action last = ESCAPE_NONE;
		char sent[64];
		size_t length = 0;

		for (const char *p = cases[i].typed; *p; p++) {
			uint8_t out[2];
			size_t count;
			enum escape_action action = escape_feed(&escape, *p, out, &count);

			assert_in_range(count, 0, 2);
			memcpy(sent + length, out, count);
			length += count;
			if (action != ESCAPE_NONE)
				last = action;
		}
		sent[length] = '\0';
		if (strcmp(sent, cases[i].sent) || last != cases[i].last)
			fail_msg("%s: sent \"%s\", action %d", cases[i].name, sent, last);
	}
}

static void test_nul_byte(void **state)
{
	struct escape escape = { 0 };
	uint8_t out[2];
	size_t count;

	(void)state;
	assert_int_equal(escape_feed(&escape, 0, out, &count), ESCAPE_NONE);
	assert_int_equal(count, 1);
	assert_int_equal(out[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_nul_byte),
	};

	return cmocka_run_group_tests_name("console escapes", tests, NULL, NULL);
}
