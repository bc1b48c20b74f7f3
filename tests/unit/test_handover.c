// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets through the control socket: the serial console.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "control_rig.h"
#include "lib/rpc_client.h"

static struct rpc_answer answer;

static int up(void **state)
{
	char path[64];
	struct rig *r;

	snprintf(path, sizeof(path), "/tmp/baton-handover-%d", getpid());
	r = rig_create(path);
	test_loop_start(r->t);
	*state = r;
	return 0;
}

static int down(void **state)
{
	rig_destroy(*state);
	return 0;
}

static int limit_waiting(int fd)
{
	struct timeval limit = { 20, 0 };

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static int dial(struct rig *r)
{
	return limit_waiting(rpc_connect(r->path));
}

static bool ask(int fd, const char *line)
{
	char text[512];
	struct json_out out = { text, sizeof(text), 0, false, false };
	struct btn_error e;

	out.length = (size_t)snprintf(text, sizeof(text), "%s", line);
	if (rpc_ask(fd, &out, 20000, &answer, BTN_INTERNAL, "no answer", &e))
		return true;
	assert_int_not_equal(e.code, BTN_INTERNAL);
	return false;
}

static void get(int fd, const char *expected)
{
	char text[128];
	size_t size = strlen(expected);

	assert_int_equal(recv(fd, text, size, MSG_WAITALL), size);
	assert_memory_equal(text, expected, size);
}

static bool has_ended(int fd)
{
	char byte;
	ssize_t got = recv(fd, &byte, 1, 0);

	return !got || (got < 0 && errno != EAGAIN);
}

static void check_code(const char *code)
{
	const char *text;

	assert_true(json_get_string(answer.node, "code", &text));
	assert_string_equal(text, code);
}

static int64_t serial_clients(int fd)
{
	int64_t count;

	assert_true(ask(fd, "{\"op\":\"status\"}"));
	assert_true(json_get_int(answer.node, "serial_clients", 0, 100, &count));
	return count;
}

/* ---- the serial port ---- */

static int attach(int fd, const char *line)
{
	assert_true(ask(fd, line));
	return limit_waiting(answer.fd);
}

static void test_serial(void **state)
{
	struct rig *r = *state;
	int fd = dial(r), uart = limit_waiting(dup(console_hub_uart_fd(r->hub)));
	int first, second, late, many[CONSOLE_HUB_CLIENTS_MAX];

	assert_int_equal(serial_clients(fd), 0);
	first = attach(fd, "{\"op\":\"attach-serial\"}");
	assert_int_equal(write(uart, "boot\n", 5), 5);
	get(first, "boot\n");
	second = attach(fd, "{\"op\":\"attach-serial\",\"history\":true}");
	late = attach(fd, "{\"op\":\"attach-serial\",\"history\":false}");
	get(second, "boot\n");
	assert_int_equal(write(uart, "on\n", 3), 3);
	get(late, "on\n");
	get(first, "on\n");
	assert_int_equal(serial_clients(fd), 3);
	assert_false(ask(fd, "{\"op\":\"attach-serial\",\"exclusive\":true}"));
	check_code("BTN-1307");
	close(late);
	assert_int_equal(serial_clients(fd), 2);
	late = attach(fd, "{\"op\":\"attach-serial\",\"exclusive\":true,\"force\":true}");
	get(late, "boot\non\n");
	get(second, "on\n");
	assert_true(has_ended(first) && has_ended(second));
	assert_int_equal(serial_clients(fd), 1);
	close(first);
	close(second);
	for (unsigned int i = 1; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		many[i] = attach(fd, "{\"op\":\"attach-serial\"}");
	assert_false(ask(fd, "{\"op\":\"attach-serial\"}"));
	check_code("BTN-1307");
	for (unsigned int i = 1; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		close(many[i]);
	close(late);
	close(fd);
	close(uart);
}

static void test_no_hub(void **state)
{
	struct rig *r = *state;
	int fd = dial(r);

	r->control->config.hub = NULL;
	assert_false(ask(fd, "{\"op\":\"attach-serial\"}"));
	check_code("BTN-1308");
	assert_true(ask(fd, "{\"op\":\"status\"}"));
	assert_null(json_member(answer.node, "serial_clients"));
	r->control->config.hub = r->hub;
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_serial), TEST(test_no_hub),
	};

	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
