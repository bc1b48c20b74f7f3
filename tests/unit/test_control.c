// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control socket as its clients see it: requests and answers, what is refused,
 * answers that come later, descriptors, events, and clients that misbehave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control_rig.h"
#include "lib/rpc_client.h"
#include "lib/unix_socket.h"

static struct rpc_answer answer;

static int up(void **state)
{
	char path[64];
	struct rig *r;

	snprintf(path, sizeof(path), "/tmp/baton-control-%d", getpid());
	r = rig_create(path);
	test_loop_start(r->t);
	*state = r;
	return 0;
}

static int down(void **state)
{
	struct rig *r = *state;
	char path[64];

	strcpy(path, r->path);
	rig_destroy(r);
	assert_int_equal(access(path, F_OK), -1);
	return 0;
}

static int dial(struct rig *r)
{
	int fd = rpc_connect(r->path);

	assert_true(fd >= 0);
	return fd;
}

/* Sends the line; the answer's "ok". */
static bool ask(int fd, const char *line)
{
	char text[8192];
	struct json_out out = { text, sizeof(text), 0, false, false };
	struct btn_error e;

	/* json_put_end() adds the line feed */
	out.length = (size_t)snprintf(text, sizeof(text), "%s", line);
	if (rpc_ask(fd, &out, 20000, &answer, BTN_INTERNAL, "no answer", &e))
		return true;
	assert_int_not_equal(e.code, BTN_INTERNAL);
	return false;
}

static int64_t number(const char *name)
{
	int64_t value;

	assert_true(json_get_int(answer.node, name, INT64_MIN, INT64_MAX, &value));
	return value;
}

static void check_text(const char *name, const char *value)
{
	const char *text;

	assert_true(json_get_string(answer.node, name, &text));
	assert_string_equal(text, value);
}

static void wait_until(_Atomic(uint32_t) *value, uint32_t wanted)
{
	for (int i = 0; i < 20000 && atomic_load(value) != wanted; i++)
		usleep(1000);
	assert_int_equal(atomic_load(value), wanted);
}

/* Reads up to the end of the stream, or `size` bytes. */
static size_t drain(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;

	while (length < size && (got = recv(fd, text + length, size - length, 0)) > 0)
		length += (size_t)got;
	return length;
}

static void test_machine(void **state)
{
	struct rig *r = *state;
	int fd = dial(r);
	int64_t pages;

	assert_true(ask(fd, "{\"op\":\"status\"}"));
	check_text("state", "running");
	check_text("engine", "none");
	assert_int_equal(number("memory"), TEST_RAM);
	assert_true(ask(fd, "{\"op\":\"pause\"}"));
	assert_true(ask(fd, "{\"op\":\"pause\"}"));
	assert_true(ask(fd, "{\"op\":\"status\"}"));
	check_text("state", "paused");
	assert_true(ask(fd, "{\"op\":\"resume\"}"));
	assert_true(ask(fd, "{\"op\":\"power-button\"}"));
	assert_int_equal(atomic_load(&r->power), 1);
	assert_true(ask(fd, "{\"op\":\"memory-target\",\"bytes\":3145728}"));
	assert_true(ask(fd, "{\"op\":\"memory\"}"));
	assert_int_equal(number("target"), 3145728);
	assert_false(ask(fd, "{\"op\":\"memory-target\",\"bytes\":4096}"));
	check_text("code", "BTN-2101");
	assert_true(ask(fd, "{\"op\":\"stats\"}"));
	assert_true(number("at_ns") > 0);
	assert_true(json_get_int(json_member(answer.node, "vm"), "pages_4k", 0, INT64_MAX, &pages));
	assert_int_equal(pages, 4711);
	assert_non_null(json_member(json_member(answer.node, "vm"), "msis"));
	/* What the engine does not count is not there. */
	assert_null(json_member(json_member(answer.node, "vm"), "tables"));
	assert_true(ask(fd, "{\"op\":\"reset\"}"));
	assert_int_equal(machine_how_ended(&r->board.machine), MACHINE_RESET);
	close(fd);
}

/* Who is told to end does not begin anew, whatever the guest was about. */
static void test_killed_in_a_crash(void **state)
{
	struct rig *r = *state;
	struct machine *machine = &r->board.machine;
	struct btn_error e = { .code = BTN_TRIPLE_FAULT };

	machine_end_with(machine, MACHINE_TRIPLE_FAULT, &e);
	assert_int_equal(machine_how_ended(machine), MACHINE_TRIPLE_FAULT);
	machine_end(machine, MACHINE_KILLED);
	assert_int_equal(machine_how_ended(machine), MACHINE_KILLED);
}

static void test_identity(void **state)
{
	struct rig *r = *state;
	int fd = dial(r);

	assert_true(ask(fd, "{\"op\":\"status\"}"));
	assert_null(json_member(answer.node, "name"));
	assert_null(json_member(answer.node, "uuid"));
	r->options.name = "w\xc3\xa4rter \"1\"";
	r->options.uuid = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
	assert_true(ask(fd, "{\"op\":\"status\"}"));
	check_text("name", r->options.name);
	check_text("uuid", r->options.uuid);
	close(fd);
}

/* Who ends a VM has ended it, though the guest resets it at the same time. */
static void test_quit(void **state)
{
	const char line[] = "{\"op\":\"reset\"}\n{\"op\":\"quit\"}\n";
	const char both[] = "{\"ok\":true}\n{\"ok\":true}\n";
	struct rig *r = *state;
	int fd = dial(r);
	char text[64];

	assert_int_equal(send(fd, line, strlen(line), 0), strlen(line));
	assert_int_equal(drain(fd, text, strlen(both)), strlen(both));
	assert_memory_equal(text, both, strlen(both));
	assert_int_equal(machine_how_ended(&r->board.machine), MACHINE_KILLED);
	close(fd);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"", "x", "[]", "{}", "{\"op\":1}", "{\"op\":\"nothing\"}",
		"{\"op\":\"status\",\"more\":1}", "{\"op\":\"memory-target\"}",
		"{\"op\":\"memory-target\",\"bytes\":\"1\"}",
		"{\"op\":\"memory-target\",\"bytes\":-1}",
		"{\"op\":\"send-key\",\"keys\":\"\"}", "{\"op\":\"send-key\",\"keys\":\"nokey\"}",
		"{\"op\":\"send-key\",\"keys\":\"a\\u0000b\"}",
		"{\"op\":\"type\",\"text\":\"\\u4e2d\"}",
		/* its cause cites some bytes, the last of which begin a character */
		"{\"op\":\"type\",\"text\":\"\\u20acuro\\u20ac\"}",
		"{\"op\":\"key\",\"key\":\"a\"}",
		"{\"op\":\"pointer\",\"x\":-1,\"y\":0}", "{\"op\":\"wait-display\"}",
		"{\"op\":\"forward-add\",\"host_port\":80,\"guest_port\":80}",
		"{\"op\":\"forward-list\"}",
	};
	struct rig *r = *state;
	int fd = dial(r);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *text;

		if (ask(fd, bad[i]))
			fail_msg("accepted: %s", bad[i]);
		assert_true(json_get_string(answer.node, "cause", &text) && *text);
		assert_true(json_get_string(answer.node, "fix", &text) && *text);
	}
	assert_int_equal(atomic_load(&r->key_count), 0);
	close(fd);
}

static void test_typing(void **state)
{
	static const uint16_t keys[] = {
		KEY_LEFTSHIFT, KEY_H, KEY_H | 0x8000, KEY_LEFTSHIFT | 0x8000, KEY_I, KEY_I | 0x8000,
		KEY_LEFTCTRL, KEY_LEFTALT, KEY_DELETE, KEY_DELETE | 0x8000, KEY_LEFTALT | 0x8000,
		KEY_LEFTCTRL | 0x8000,
	};
	struct rig *r = *state;
	int fd = dial(r), other = dial(r), gone = dial(r);
	const char slow[] = "{\"op\":\"send-key\",\"keys\":\"a\",\"hold_ms\":10000}\n";

	assert_true(ask(fd, "{\"op\":\"type\",\"text\":\"Hi\",\"delay_ms\":2}"));
	assert_true(ask(fd, "{\"op\":\"send-key\",\"keys\":\"ctrl-alt-delete\",\"hold_ms\":0}"));
	assert_int_equal(atomic_load(&r->key_count), sizeof(keys) / sizeof(keys[0]));
	assert_memory_equal(r->key, keys, sizeof(keys));
	assert_true(ask(fd, "{\"op\":\"type\",\"text\":\"\"}"));
	/* One types at a time; who leaves meanwhile leaves no key behind. */
	assert_int_equal(send(gone, slow, strlen(slow), 0), strlen(slow));
	wait_until(&r->pressed, 1);
	assert_false(ask(other, "{\"op\":\"type\",\"text\":\"x\"}"));
	check_text("code", "BTN-1305");
	close(gone);
	wait_until(&r->pressed, 0);
	assert_true(ask(other, "{\"op\":\"type\",\"text\":\"x\",\"delay_ms\":0}"));
	close(other);
	close(fd);
}

static void test_held(void **state)
{
	struct rig *r = *state;
	int fd = dial(r);

	assert_true(ask(fd, "{\"op\":\"key\",\"key\":\"shift\",\"down\":true}"));
	assert_true(ask(fd, "{\"op\":\"pointer\",\"x\":4000,\"y\":3,\"buttons\":1}"));
	assert_int_equal(atomic_load(&r->y), 3);
	assert_int_equal(atomic_load(&r->buttons), 1);
	assert_int_equal(atomic_load(&r->pressed), 1);
	close(fd);
	wait_until(&r->pressed, 0);
	wait_until(&r->buttons, 0);
}

/* The pixels that came with the answer: all of one colour. */
static void check_picture(uint32_t colour)
{
	size_t size = (size_t)(number("stride") * number("height"));
	uint32_t *pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, answer.fd, 0);

	assert_ptr_not_equal(pixels, MAP_FAILED);
	for (size_t i = 0; i < size / 4; i++)
		assert_int_equal(pixels[i], colour);
	assert_ptr_equal(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, answer.fd, 0),
			 MAP_FAILED);
	assert_int_equal(ftruncate(answer.fd, 0), -1);
	munmap(pixels, size);
	close(answer.fd);
}

static void test_screen(void **state)
{
	struct rig *r = *state;
	int fd = dial(r);

	atomic_store(&r->colour, 0x123456);
	assert_true(ask(fd, "{\"op\":\"screenshot\"}"));
	assert_int_equal(number("width"), 64);
	assert_int_equal(number("height"), 32);
	check_picture(0x123456);
	assert_true(ask(fd, "{\"op\":\"attach-display\"}"));
	assert_true(answer.fd >= 0);
	close(answer.fd);
	assert_true(ask(fd, "{\"op\":\"wait-display\"}"));
	assert_int_equal(answer.fd, -1);
	atomic_store(&r->colour, 0x654321);
	assert_true(ask(fd, "{\"op\":\"wait-display\"}"));
	assert_int_equal(json_member(answer.node, "rects")->count, 1);
	assert_true(ask(fd, "{\"op\":\"attach-display\"}"));
	check_picture(0x654321);
	close(fd);
}

static void test_events(void **state)
{
	struct rig *r = *state;
	const char expected[] = "{\"ok\":true}\n{\"event\":\"paused\"}\n{\"event\":\"resumed\"}\n";
	int fd = dial(r), listener = dial(r);
	char text[256];

	assert_int_equal(send(listener, "{\"op\":\"events\"}\n", 16, 0), 16);
	assert_int_equal(drain(listener, text, 12), 12);
	assert_true(ask(fd, "{\"op\":\"pause\"}"));
	assert_true(ask(fd, "{\"op\":\"resume\"}"));
	assert_int_equal(drain(listener, text + 12, strlen(expected) - 12), strlen(expected) - 12);
	assert_memory_equal(text, expected, strlen(expected));
	close(listener);
	close(fd);
}

/* Several requests at once, and no more to come: all are answered, then the end. */
static void test_half_closed(void **state)
{
	const char requests[] = "{\"op\":\"pause\"}\n"
				"{\"op\":\"type\",\"text\":\"ab\",\"delay_ms\":5}\n"
				"{\"op\":\"resume\"}\n";
	const char expected[] = "{\"ok\":true}\n{\"ok\":true}\n{\"ok\":true}\n";
	int fd = dial(*state);
	char text[256];

	assert_int_equal(send(fd, requests, strlen(requests), 0), strlen(requests));
	shutdown(fd, SHUT_WR);
	assert_int_equal(drain(fd, text, sizeof(text)), strlen(expected));
	assert_memory_equal(text, expected, strlen(expected));
	close(fd);
}

static void test_misbehaviour(void **state)
{
	struct rig *r = *state;
	int fd = dial(r), many[CONTROL_CLIENTS_MAX], silent;
	static char line[4096];
	ssize_t sent = 0;

	/* a line without end */
	memset(line, 'x', sizeof(line));
	while (sent >= 0)
		sent = send(fd, line, sizeof(line), MSG_NOSIGNAL);
	close(fd);
	/* one who does not read */
	silent = dial(r);
	do {
		sent = send(silent, "{\"op\":\"status\"}\n", 16, MSG_NOSIGNAL);
	} while (sent > 0);
	close(silent);
	/* one too many: the others do not suffer */
	for (unsigned int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		many[i] = dial(r);
		assert_true(ask(many[i], "{\"op\":\"status\"}"));
	}
	fd = dial(r);
	assert_int_equal(drain(fd, line, 1), 0);
	close(fd);
	for (unsigned int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		assert_true(ask(many[i], "{\"op\":\"status\"}"));
		close(many[i]);
	}
}

static void test_listen(void **state)
{
	struct rig *r = *state;
	char path[80];
	struct stat st;
	int fd;

	assert_int_equal(stat(r->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unix_listen(r->path, SOCK_STREAM, 1), -EADDRINUSE);
	snprintf(path, sizeof(path), "%s.stale", r->path);
	fd = unix_listen(path, SOCK_STREAM, 1);
	assert_true(fd >= 0);
	close(fd);	/* as after kill -9 */
	fd = unix_listen(path, SOCK_STREAM, 1);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(unix_listen(path, SOCK_STREAM, 1), -EADDRINUSE);
	close(fd);
	unlink(path);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

/* A network that answers too late does not answer the next request with that. */
static void test_late_network(void **state)
{
	struct rig *r = *state;
	int fd = dial(r), pair[2];
	char text[512];
	ssize_t got;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	r->options.net[0].control = pair[0];
	r->options.net_count = 1;
	assert_false(ask(fd, "{\"op\":\"forward-list\"}"));
	check_text("code", "BTN-5103");
	/* not asked again while the answer is to come */
	assert_false(ask(fd, "{\"op\":\"forward-remove\",\"host_port\":80}"));
	got = recv(pair[1], text, sizeof(text), 0);
	assert_true(got > 0);
	assert_ptr_equal(memchr(text, '\n', (size_t)got), text + got - 1);
	say(pair[1], "{\"ok\":true,\"forwards\":[{\"host_port\":80}]}\n");
	say(fd, "{\"op\":\"forward-list\"}\n");
	assert_true(recv(pair[1], text, sizeof(text), 0) > 0);
	say(pair[1], "{\"ok\":true,\"forwards\":[{\"host_port\":81}]}\n");
	got = recv(fd, text, sizeof(text) - 1, 0);
	assert_true(got > 0);
	text[got] = 0;
	assert_non_null(strstr(text, "\"host_port\":81"));
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

/* An event may come right behind the answer, and is none of it. */
static void test_event_behind(void **state)
{
	const char event[] = "{\"event\":\"paused\"}\n{\"ev";
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	say(pair[1], "{\"ok\":true}\n{\"event\":\"paused\"}\n{\"ev");
	assert_true(ask(pair[0], "{}"));
	assert_string_equal(answer.raw, "{\"ok\":true}");
	assert_int_equal(answer.rest_length, strlen(event));
	assert_memory_equal(answer.rest, event, strlen(event));
	close(pair[0]);
	close(pair[1]);
}

/* A server that hands out more than it should leaves nothing behind. */
static void test_descriptors(void **state)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char line[] = "{\"ok\":true}\n";
	struct iovec iov = { line, sizeof(line) - 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int pair[2], free_before, free_after;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	control.align = (struct cmsghdr){ CMSG_LEN(sizeof(pair)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.align), pair, sizeof(pair));
	free_before = dup(0);
	close(free_before);
	assert_int_equal(sendmsg(pair[1], &message, 0), sizeof(line) - 1);
	assert_true(ask(pair[0], "{}"));
	if (answer.fd >= 0)
		close(answer.fd);
	free_after = dup(0);
	close(free_after);
	assert_int_equal(free_after, free_before);
	close(pair[0]);
	close(pair[1]);
}

/* As long as an error can be, with all of it escaped: it fits what callers have to give. */
static void test_longest_error(void **state)
{
	static char reply[RPC_REPLY_MIN];
	static struct json_node node[16];
	struct btn_error e = { .code = BTN_INTERNAL };
	const char *text;
	size_t size;

	(void)state;
	memset(e.message, 1, sizeof(e.message) - 1);
	memset(e.cause, 1, sizeof(e.cause) - 1);
	memset(e.fix, 1, sizeof(e.fix) - 1);
	size = rpc_write_error(reply, sizeof(reply), &e);
	assert_true(size > 4096 && size <= sizeof(reply));
	assert_int_equal(reply[size - 1], '\n');
	assert_int_equal(json_read(reply, size, node, 16, NULL), 0);
	assert_true(json_get_string(node, "fix", &text));
	assert_string_equal(text, e.fix);
}

static void test_schema(void **state)
{
	static char text[32768];
	static struct json_node node[2048];
	int64_t length = rpc_write_schema(&control_service, text, sizeof(text));

	(void)state;
	assert_true(length > 0);
	assert_int_equal(json_read(text, (size_t)length, node, 2048, NULL), 0);
	assert_int_equal(json_member(node, "oneOf")->count, control_service.count);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_machine), TEST(test_killed_in_a_crash), TEST(test_identity),
		TEST(test_quit),
		TEST(test_refused),
		TEST(test_typing),
		TEST(test_held), TEST(test_screen), TEST(test_events), TEST(test_half_closed),
		TEST(test_misbehaviour), TEST(test_listen),
		TEST(test_late_network), cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_event_behind),
		cmocka_unit_test(test_longest_error), cmocka_unit_test(test_schema),
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
