// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets through the control socket: the serial console, viewers that are handed in and
 * out, and descriptors that nobody asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
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

/* `count` descriptors with the bytes, in one message. */
static void send_with(int fd, const char *bytes, const int *passed, unsigned int count)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { (void *)bytes, strlen(bytes) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = CMSG_SPACE(count * sizeof(int)) };

	control.align = (struct cmsghdr){ CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.align), passed, count * sizeof(int));
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), strlen(bytes));
}

static bool next_answer(int fd)
{
	char text[4096];
	size_t length = 0;

	while (!length || text[length - 1] != '\n') {
		assert_true(length < sizeof(text));
		assert_int_equal(recv(fd, text + length, 1, 0), 1);
		length++;
	}
	return !strncmp(text, "{\"ok\":true", 10);
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

/* ---- viewers ---- */

/* RFC 6143, up to the desktop's name. The rig's server has a password. */
static void check_viewer(int fd, bool skip_auth)
{
	uint8_t b[64];

	limit_waiting(fd);
	get(fd, "RFB 003.008\n");
	assert_int_equal(send(fd, "RFB 003.008\n", 12, MSG_NOSIGNAL), 12);
	assert_int_equal(recv(fd, b, 1, MSG_WAITALL), 1);
	assert_int_equal(recv(fd, b + 1, b[0], MSG_WAITALL), b[0]);
	assert_int_equal(b[1], skip_auth ? 1 : 2); /* none, or VNC's password */
	if (!skip_auth)
		return;
	assert_int_equal(send(fd, "\1", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(fd, b, 4, MSG_WAITALL), 4);
	assert_int_equal(b[3], 0);
	assert_int_equal(send(fd, "\1", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(recv(fd, b, 24, MSG_WAITALL), 24);
	assert_int_equal(b[1], 64); /* as rig_draw() has it */
	assert_int_equal(b[3], 32);
	get(fd, "rig");
}

static void test_viewers(void **state)
{
	struct rig *r = *state;
	int fd = dial(r), pair[2], own;

	assert_null(r->vnc);
	assert_true(ask(fd, "{\"op\":\"attach-vnc\",\"skip_auth\":true}"));
	own = answer.fd;
	check_viewer(own, true);
	assert_true(ask(fd, "{\"op\":\"attach-vnc\"}"));
	check_viewer(answer.fd, false);
	close(answer.fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	send_with(fd, "{\"op\":\"vnc-client\",\"skip_auth\":true}\n", &pair[0], 1);
	close(pair[0]);
	assert_true(next_answer(fd));
	check_viewer(pair[1], true);
	close(pair[1]);
	close(own);
	close(fd);
}

/* Its descriptor may come with any part of a request; the request before leaves it alone. */
static void test_pieces(void **state)
{
	struct rig *r = *state;
	int fd = dial(r), pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	send_with(fd, "{\"op\":\"memory\"}\n{\"op\":\"vnc-", &pair[0], 1);
	close(pair[0]);
	assert_true(next_answer(fd));
	assert_int_equal(send(fd, "client\"}\n", 9, 0), 9);
	assert_true(next_answer(fd));
	check_viewer(pair[1], false);
	close(pair[1]);
	close(fd);
}

static void check_ended(int fd, int other_end)
{
	close(other_end);
	limit_waiting(fd);
	assert_true(has_ended(fd)); /* nobody else has it open */
	close(fd);
}

static void test_not_a_viewer(void **state)
{
	struct rig *r = *state;
	int fd = dial(r), pair[2], bad[3];

	bad[0] = eventfd(0, 0);
	bad[1] = socket(AF_UNIX, SOCK_STREAM, 0);	/* not connected */
	bad[2] = socket(AF_INET, SOCK_DGRAM, 0);
	for (unsigned int i = 0; i < 3; i++) {
		send_with(fd, "{\"op\":\"vnc-client\"}\n", &bad[i], 1);
		assert_false(next_answer(fd));
		close(bad[i]);
	}
	assert_false(ask(fd, "{\"op\":\"vnc-client\"}"));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	send_with(fd, "{\"op\":\"vnc-client\"}\n", &pair[0], 1);
	assert_false(next_answer(fd));
	check_ended(pair[1], pair[0]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	send_with(fd, "{\"op\":\"vnc-client\",\"password\":1}\n", &pair[0], 1);
	assert_false(next_answer(fd));
	check_ended(pair[1], pair[0]);
	assert_null(r->vnc);
	close(fd);
}

/* One that is of no use is closed at once; more than one, too; and what is left at the end. */
static void test_unasked(void **state)
{
	static const char *const lines[] = {
		"{\"op\":\"status\"}\n", "x\n", "{\"op\":\"attach-display\"}\n",
		"{\"op\":\"type\",\"text\":\"a\",\"delay_ms\":0}\n",
	};
	struct rig *r = *state;
	int fd = dial(r), pair[2], two[2];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		two[0] = two[1] = pair[0];
		send_with(fd, lines[i], two, 2);
		next_answer(fd);
		check_ended(pair[1], pair[0]);
	}
	/* of two, the later one counts */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	send_with(fd, "{\"op\":", &pair[0], 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, two), 0);
	send_with(fd, "\"vnc-client\"", &two[0], 1);
	check_ended(pair[1], pair[0]);
	close(fd);
	check_ended(two[1], two[0]);
}

static void test_no_screen(void **state)
{
	struct rig *r = *state;
	struct display *display = r->control->config.display;
	int fd = dial(r), pair[2];

	r->control->config.display = NULL;
	assert_false(ask(fd, "{\"op\":\"attach-vnc\"}"));
	check_code("BTN-1303");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	send_with(fd, "{\"op\":\"vnc-client\"}\n", &pair[0], 1);
	assert_false(next_answer(fd));
	check_ended(pair[1], pair[0]);
	r->control->config.display = display;
	close(fd);
}

static void test_too_many_viewers(void **state)
{
	struct rig *r = *state;
	int fd = dial(r), viewer[VNC_MAX_VIEWERS];

	for (unsigned int i = 0; i < VNC_MAX_VIEWERS; i++) {
		assert_true(ask(fd, "{\"op\":\"attach-vnc\"}"));
		viewer[i] = answer.fd;
	}
	assert_false(ask(fd, "{\"op\":\"attach-vnc\"}"));
	check_code("BTN-1301");
	for (unsigned int i = 0; i < VNC_MAX_VIEWERS; i++)
		close(viewer[i]);
	close(fd);
}

static _Atomic(unsigned int) accepts;

int __real_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	atomic_fetch_add(&accepts, 1);
	return __real_accept4(fd, address, size, flags);
}

/* No descriptor for who connects: it is not tried again at once, and works in the end. */
static void test_no_descriptors(void **state)
{
	struct rig *r = *state;
	int lowest = dup(STDERR_FILENO), fd;
	struct rlimit all, few;
	unsigned int before = atomic_load(&accepts);

	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = (struct rlimit){ (rlim_t)lowest + 1, all.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	fd = dial(r);
	assert_int_equal(fd, lowest);
	while (atomic_load(&accepts) == before)
		usleep(1000);
	usleep(300000);
	assert_true(atomic_load(&accepts) - before <= 2);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_true(ask(fd, "{\"op\":\"status\"}"));
	assert_true(atomic_load(&accepts) - before >= 2);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_serial), TEST(test_no_hub), TEST(test_viewers), TEST(test_pieces),
		TEST(test_not_a_viewer), TEST(test_unasked), TEST(test_no_screen),
		TEST(test_too_many_viewers), TEST(test_no_descriptors),
	};

	return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
