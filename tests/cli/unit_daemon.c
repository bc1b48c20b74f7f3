// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What vmctl makes of the daemon's answers and of what people ask of it, without a daemon:
 * paths into answers, times, forwards, what can be waited for, names of verbs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <unistd.h>

#include <cmocka.h>

#include "forward.h"
#include "jobs.h"
#include "node.h"
#include "output.h"
#include "ready.h"
#include "verb.h"

static struct json_node node[256];
static char text[8192];

static const struct json_node *parse(const char *json)
{
	snprintf(text, sizeof(text), "%s", json);
	assert_int_equal(json_read(text, strlen(text), node, 256, NULL), 0);
	return node;
}

/* ---- nodes ---- */

static void test_paths(void **state)
{
	const struct json_node *object =
		parse("{\"a\":[{\"b\":1},{\"b\":\"two\"}],\"c\":null,\"d\":{\"e\":[1,2]}}");
	char buf[64], small[4];

	(void)state;
	assert_string_equal(node_text(node_at(object, "a.1.b"), buf, sizeof(buf)), "two");
	assert_string_equal(node_text(node_at(object, "a.0.b"), buf, sizeof(buf)), "1");
	assert_null(node_at(object, "a.2.b"));
	assert_null(node_at(object, "a.0.b.c"));
	assert_null(node_at(object, "x.y"));
	assert_string_equal(node_text(node_at(object, "c"), buf, sizeof(buf)), "");
	assert_string_equal(node_text(node_at(object, "d"), buf, sizeof(buf)), "e=1;2");
	assert_string_equal(node_text(node_at(object, "a"), buf, sizeof(buf)), "b=1;b=two");
	assert_string_equal(node_text(node_at(object, "a"), small, sizeof(small)), "b=1");
	assert_string_equal(node_string(object, "a"), "");
	assert_int_equal(node_int(object, "c"), 0);
}

static void test_times(void **state)
{
	static const struct {
		const char *json;
		long long seconds; /* -1: none */
	} times[] = {
		{ "[\"1970-01-01T00:00:10Z\"]", 10 },
		{ "[\"1970-01-01T00:00:10.123456Z\"]", 10 },
		{ "[\"1970-01-01T01:00:10+01:00\"]", 10 },
		{ "[\"1969-12-31T23:30:10-00:30\"]", 10 },
		{ "[\"1970-01-01T00:00:10\"]", -1 },
		{ "[\"1970-01-01\"]", -1 },
		{ "[\"yesterday\"]", -1 },
		{ "[7]", -1 },
		{ "[null]", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		time_t when = -1;
		bool ok = node_time(node_at(parse(times[i].json), "0"), &when);

		if (ok != (times[i].seconds >= 0) || (ok && when != times[i].seconds))
			fail_msg("%s: %d, %lld", times[i].json, ok, (long long)when);
	}
}

static void test_human(void **state)
{
	const struct json_node *list =
		parse("[1073741824,\"a\\u001b[31m\\u009bb\\n\",null,[],true,\"\\u00e4\"]");
	char buf[64];

	(void)state;
	assert_string_equal(output_human(node_at(list, "0"), OUT_BYTES, buf, 64), "1 GiB");
	assert_string_equal(output_human(node_at(list, "0"), OUT_TEXT, buf, 64), "1073741824");
	assert_string_equal(output_human(node_at(list, "1"), OUT_TEXT, buf, 64), "a?[31m??b?");
	assert_string_equal(output_human(node_at(list, "2"), OUT_BYTES, buf, 64), "-");
	assert_string_equal(output_human(node_at(list, "3"), OUT_TEXT, buf, 64), "-");
	assert_string_equal(output_human(node_at(list, "4"), OUT_AGE, buf, 64), "true");
	assert_string_equal(output_human(node_at(list, "5"), OUT_TEXT, buf, 64), "\xc3\xa4");
	/* Cut in the middle of a letter. */
	assert_string_equal(output_human(node_at(list, "5"), OUT_TEXT, buf, 2), "?");
}

/* ---- forwards ---- */

static const struct {
	const char *text;
	bool ok, udp;
	const char *host_address;
	uint16_t host_port, guest_port;
} forwards[] = {
	{ "2222:22", true, false, "127.0.0.1", 2222, 22 },
	{ "2222:22/tcp", true, false, "127.0.0.1", 2222, 22 },
	{ "0.0.0.0:53:5353/udp", true, true, "0.0.0.0", 53, 5353 },
	{ "65535:65535", true, false, "127.0.0.1", 65535, 65535 },
	{ "65536:1", false, false, NULL, 0, 0 },
	{ "0:1", false, false, NULL, 0, 0 },
	{ "1:0", false, false, NULL, 0, 0 },
	{ "22", false, false, NULL, 0, 0 },
	{ ":22", false, false, NULL, 0, 0 },
	{ "22:", false, false, NULL, 0, 0 },
	{ "", false, false, NULL, 0, 0 },
	{ "2222:22/sctp", false, false, NULL, 0, 0 },
	{ "host:2222:22", false, false, NULL, 0, 0 },
	{ "1.2.3.4.5.6.7.8.9:2222:22", false, false, NULL, 0, 0 },
	{ "::1:2222:22", false, false, NULL, 0, 0 },
	{ "-1:22", false, false, NULL, 0, 0 },
	{ "2222:22 ", false, false, NULL, 0, 0 },
};

static void test_forwards(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forwards) / sizeof(forwards[0]); i++) {
		struct btn_error e = { .code = BTN_OK };
		struct forward f = { .host_port = 0 };
		bool ok = forward_parse(forwards[i].text, &f, &e);

		if (ok != forwards[i].ok || (!ok && e.code != BTN_BAD_VALUE))
			fail_msg("\"%s\": %d", forwards[i].text, ok);
		if (!ok)
			continue;
		assert_string_equal(f.host_address, forwards[i].host_address);
		assert_int_equal(f.host_port, forwards[i].host_port);
		assert_int_equal(f.guest_port, forwards[i].guest_port);
		assert_int_equal(f.udp, forwards[i].udp);
	}
}

static void test_find_forward(void **state)
{
	const struct json_node *vm = parse(
		"{\"forwards\":[7,\"x\",\"53:22/udp\",\"2222:22\",\"2223:22\"]}");
	struct forward f;

	(void)state;
	assert_true(forward_find(vm, 22, &f));
	assert_int_equal(f.host_port, 2222);
	assert_false(forward_find(vm, 80, &f));
	assert_false(forward_find(parse("{\"forwards\":7}"), 22, &f));
}

static void test_free_port(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint16_t taken, found;
	char json[128];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	taken = ntohs(address.sin_port);
	found = forward_free_port(NULL, taken);
	assert_true(found > taken);
	/* One that a VM has in its definition is not free either. */
	snprintf(json, sizeof(json), "[{\"forwards\":[\"%u:22\"]},{},7]", found);
	assert_true(forward_free_port(parse(json), taken) > found);
	close(fd);
}

/* ---- what can be waited for ---- */

static void test_ready(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		enum ready_kind kind;
		uint16_t port;
	} rows[] = {
		{ "running", true, READY_RUNNING, 22 }, { "stopped", true, READY_STOPPED, 22 },
		{ "paused", true, READY_PAUSED, 22 },	{ "ssh", true, READY_SSH, 22 },
		{ "port:80", true, READY_PORT, 80 },	{ "port:N", false, READY_PORT, 0 },
		{ "port:0", false, READY_PORT, 0 },	{ "port:65536", false, READY_PORT, 0 },
		{ "port:", false, READY_PORT, 0 },	{ "port:8x", false, READY_PORT, 0 },
		{ "boot", true, READY_BOOT, 22 },	{ "off", true, READY_STOPPED, 22 },
		{ "boots", false, READY_PORT, 0 },	{ "", false, READY_PORT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct btn_error e = { .code = BTN_OK };
		struct ready want;

		if (ready_parse(rows[i].text, &want, &e) != rows[i].ok)
			fail_msg("\"%s\"", rows[i].text);
		assert_int_equal(e.code, rows[i].ok ? BTN_OK : BTN_BAD_VALUE);
		if (!rows[i].ok)
			continue;
		assert_int_equal(want.kind, rows[i].kind);
		assert_int_equal(want.guest_port, rows[i].port);
	}
}

/* ---- the table of verbs ---- */

static void test_table(void **state)
{
	size_t count = 0;

	(void)state;
	for (const struct verb *verb = verb_next(NULL); verb; verb = verb_next(verb)) {
		struct btn_error e = { .code = BTN_OK };

		count++;
		assert_ptr_equal(verb_find(verb->name, &e), verb);
		if (verb->alias)
			assert_ptr_equal(verb_find(verb->alias, &e), verb);
		assert_non_null(verb->run);
		assert_non_null(verb->options);
		assert_non_null(verb->examples[0].command);
		assert_true(verb->arguments || !verb->arguments_max);
		if (strlen(verb->summary) > 58)
			fail_msg("%s: the summary is too long for the overview", verb->name);
	}
	assert_true(count > 40);
}

static void test_words(void **state)
{
	static const struct {
		const char *words[4], *name;
		size_t used;
	} rows[] = {
		{ { "list", "x" }, "list", 1 },
		{ { "ls" }, "list", 1 },
		{ { "image", "add", "x", "y" }, "image add", 2 },
		{ { "net", "forward", "rm", "x" }, "net forward remove", 3 },
		{ { "net", "list" }, "net list", 2 },
		{ { "net", "forward" }, NULL, 0 },
		{ { "net" }, NULL, 0 },
		{ { "" }, NULL, 0 },
		{ { "list ", "x" }, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct btn_error e = { .code = BTN_OK };
		size_t used, count = 0;
		const struct verb *verb;

		while (count < 4 && rows[i].words[count])
			count++;
		verb = verb_find_words((char *const *)rows[i].words, count, &used, &e);
		if (!verb != !rows[i].name || (verb && strcmp(verb->name, rows[i].name)))
			fail_msg("row %zu: %s", i, verb ? verb->name : "none");
		assert_int_equal(btn_exit_status(&e), verb ? 0 : BTN_EXIT_USAGE);
		if (verb)
			assert_int_equal(used, rows[i].used);
	}
}

/* What has passed is gone for all that is still to be waited for. */
static void test_shared_timeout(void **state)
{
	char *const words[] = { "debian-12", "--timeout", "60" };
	struct btn_error e = { .code = BTN_OK };
	static struct args args;
	int ms;

	(void)state;
	assert_true(args_parse(verb_find("launch", &e), 3, words, &args, &e));
	assert_true(job_timeout(&args, 300, &ms, &e) && ms == 60000);
	job_share_timeout(&args);
	args.timeout_from -= 40000;
	assert_true(job_timeout(&args, 300, &ms, &e) && ms <= 20000 && ms > 0);
	args.timeout_from -= 40000;
	assert_true(job_timeout(&args, 300, &ms, &e) && ms == 0);
	args.option_count = 0;
	assert_true(job_timeout(&args, 300, &ms, &e) && ms == 300000);
	assert_true(job_timeout(&args, -1, &ms, &e) && ms == -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths), cmocka_unit_test(test_times),
		cmocka_unit_test(test_human), cmocka_unit_test(test_forwards),
		cmocka_unit_test(test_find_forward), cmocka_unit_test(test_free_port),
		cmocka_unit_test(test_ready), cmocka_unit_test(test_table),
		cmocka_unit_test(test_words), cmocka_unit_test(test_shared_timeout),
	};

	return cmocka_run_group_tests_name("vmctl and the daemon", tests, NULL, NULL);
}
