// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * JSON: what is taken and refused, decoded strings, lookups, limits; and what
 * is written comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json_read.h"
#include "lib/json_write.h"

static struct json_node nodes[64];
static char *buffer; /* of exactly the text's size, so that a look beyond is found */

static int parse(const char *text, size_t length)
{
	free(buffer);
	buffer = malloc(length ? length : 1);
	assert_non_null(buffer);
	memcpy(buffer, text, length);
	return json_read(buffer, length, nodes, 64, NULL);
}

static const char *const good[] = {
	"null", " true ", "false", "0", "-0", "10", "-1", "1.5e3", "1E-2", "\"\"", "[]", "{}",
	"[1,[2],{}]", "{\"a\":{\"b\":[]}}", "\"\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\"",
	"9223372036854775807", "-9223372036854775808", "[\t1\r\n, 2]",
};

static const char *const bad[] = {
	"", " ", "nul", "truex", "01", "-", "+1", "1.", ".5", "1e", "0x1", "\"", "\"\\", "\"\\x\"",
	"\"\\u12\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"\t\"", "[", "[1", "[1,",
	"[1,]", "[,1]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1,\"a\":2}",
	"{\"a\":1,\"\\u0061\":2}", "1 2", "[1]]", "9223372036854775808", "1e999", "NaN", "'a'",
	"\"\x80\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
};

static void test_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (parse(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], strlen(bad[i])) != -EINVAL)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(parse("\"a\0b\"", 5), -EINVAL);
}

static void test_values(void **state)
{
	static const char text[] = "{\"s\":\"a\\n\\u00e9\\ud83d\\ude00\\\"\",\"n\":-7,\"d\":2.5,"
				   "\"t\":true,\"l\":[1,[2,3],4],\"z\":\"x\\u0000y\"}";
	const struct json_node *list, *child = NULL;
	const char *s;
	int64_t n;
	bool t;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1), 0);
	assert_true(json_get_string(nodes, "s", &s));
	assert_string_equal(s, "a\n\xc3\xa9\xf0\x9f\x98\x80\"");
	assert_true(json_get_int(nodes, "n", -10, 10, &n) && n == -7);
	assert_false(json_get_int(nodes, "n", 0, 10, &n));
	assert_false(json_get_int(nodes, "d", -10, 10, &n));
	assert_true(json_member(nodes, "d")->number == 2.5);
	assert_true(json_get_bool(nodes, "t", &t) && t);
	assert_false(json_get_string(nodes, "z", &s)); /* NUL inside */
	assert_int_equal(json_member(nodes, "z")->length, 3);
	assert_null(json_member(nodes, "missing"));
	list = json_member(nodes, "l");
	assert_int_equal(list->count, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_non_null(child = json_next(list, child));
	assert_int_equal(child->integer, 4);
	assert_null(json_next(list, child));
	assert_null(json_member(list, "l"));
	assert_null(json_member(NULL, "l"));
}

static void test_limits(void **state)
{
	char text[400];

	(void)state;
	memset(text, '[', sizeof(text));
	assert_int_equal(parse(text, sizeof(text)), -E2BIG);
	memset(text + JSON_READ_DEPTH_MAX, ']', JSON_READ_DEPTH_MAX);
	assert_int_equal(parse(text, 2 * JSON_READ_DEPTH_MAX), 0);
	text[0] = '[';
	for (unsigned int i = 0; i < 64; i++)
		memcpy(text + 1 + 2 * i, "1,", 2);
	text[128] = ']';
	assert_int_equal(parse(text, 129), -E2BIG);
	text[126] = ']';
	assert_int_equal(parse(text, 127), 0);
	memset(text, '1', 100);
	assert_int_equal(parse(text, 100), -EINVAL);
}

static void test_written(void **state)
{
	struct json_out j;
	char text[256];
	const char *s;
	int64_t n;

	(void)state;
	json_put_start(&j, text, sizeof(text));
	json_put_open(&j, NULL, '{');
	json_put_string(&j, "s", "q\"\\\x01\n\xc3\xa9");
	json_put_string(&j, "none", NULL);
	json_put_open(&j, "l", '[');
	json_put_int(&j, NULL, INT64_MIN);
	json_put_open(&j, NULL, '{');
	json_put_close(&j, '}');
	json_put_bool(&j, NULL, false);
	json_put_close(&j, ']');
	json_put_int(&j, "n", 5);
	json_put_close(&j, '}');
	assert_int_equal(parse(text, (size_t)json_put_end(&j)), 0);
	assert_true(json_get_string(nodes, "s", &s));
	assert_string_equal(s, "q\"\\\x01\n\xc3\xa9");
	assert_int_equal(json_member(nodes, "l")->count, 3);
	assert_true(json_get_int(nodes, "n", 5, 5, &n));
	json_put_start(&j, text, 4);
	json_put_string(&j, NULL, "long");
	assert_int_equal(json_put_end(&j), -ENOSPC);
}

/* What was read, written once more, reads the same; what was written goes into more of it. */
static void test_written_again(void **state)
{
	static const char source[] =
		"{\"a\":[1,-2,2.5,true,null,\"x\\\"y\"],\"o\":{\"n\":{},\"l\":[]}}";
	char text[256], again[256], outer[256];
	struct json_out j;

	(void)state;
	strcpy(text, source);
	assert_int_equal(parse(text, strlen(text)), 0);
	json_put_start(&j, again, sizeof(again));
	json_put_node(&j, NULL, nodes);
	assert_int_equal(json_put_end(&j), strlen(source) + 1);
	again[strlen(source)] = '\0';
	assert_string_equal(again, source);
	json_put_start(&j, outer, sizeof(outer));
	json_put_open(&j, NULL, '{');
	json_put_bool(&j, "ok", true);
	json_put_raw(&j, "in", again);
	json_put_close(&j, '}');
	assert_int_equal(parse(outer, (size_t)json_put_end(&j)), 0);
	assert_int_equal(json_member(json_member(nodes, "in"), "a")->count, 6);
}

/* File names and texts that were cut are written so that a reader takes them. */
static void test_written_no_utf8(void **state)
{
	static const char *const texts[][2] = {
		{ "\xff" "a", "\xef\xbf\xbd" "a" }, { "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc3" "\"", "\xef\xbf\xbd\"" }, { "\xed\xa0\x80", NULL },
		{ "\xf0\x9f\x98", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_out j;
		char text[64];

		json_put_start(&j, text, sizeof(text));
		json_put_string(&j, NULL, texts[i][0]);
		assert_int_equal(parse(text, (size_t)json_put_end(&j)), 0);
		if (texts[i][1])
			assert_string_equal(nodes[0].string, texts[i][1]);
	}
}

static int tear_down(void **state)
{
	(void)state;
	free(buffer);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar), cmocka_unit_test(test_values),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_written),
		cmocka_unit_test(test_written_again),
		cmocka_unit_test(test_written_no_utf8),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, tear_down);
}
