// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The serial port's hub: with a real port as a guest sees it, with clients that are slow,
 * many, or gone, and its log. One thread: the loop runs when a test says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dev/console_hub.h"
#include "dev/console_log.h"
#include "dev/uart16550.h"

#define BIG (320u << 10)

static struct loop *loop;
static char folder[] = "/tmp/baton-hub-XXXXXX", log_path[64], old_path[64];
static char text[2u << 20];

static int make_folder(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	if (!mkdtemp(folder))
		return -1;
	snprintf(log_path, sizeof(log_path), "%s/log", folder);
	snprintf(old_path, sizeof(old_path), "%s/log.1", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* What is ready, as often as it may take for a piece to come through. */
static void turn(void)
{
	for (int i = 0; i < 8; i++) {
		loop_quit(loop, 0);
		loop_run(loop);
		loop_rearm(loop);
	}
}

static struct console_hub *open_hub(const char *log)
{
	struct console_hub_config config = { .log = log };
	struct console_hub *hub;
	bool log_failed;

	loop = config.loop = loop_create();
	assert_non_null(loop);
	assert_int_equal(console_hub_create(&config, &hub, &log_failed), 0);
	return hub;
}

static void close_hub(struct console_hub *hub)
{
	console_hub_destroy(hub);
	loop_destroy(loop);
}

static int attach(struct console_hub *hub, bool history)
{
	int fd = console_hub_attach(hub, &(struct console_hub_attach){ .history = history });

	assert_true(fd >= 0);
	return fd;
}

/* As the port does; all of it is taken, whoever reads it or not. */
static void put(struct console_hub *hub, const char *bytes, size_t size)
{
	while (size) {
		size_t piece = size < 256 ? size : 256;

		assert_int_equal(write(console_hub_uart_fd(hub), bytes, piece), piece);
		bytes += piece;
		size -= piece;
		turn();
	}
}

static size_t get(int fd, char *to, size_t size)
{
	size_t length = 0;
	ssize_t got;

	while (length < size && (got = recv(fd, to + length, size - length, MSG_DONTWAIT)) > 0)
		length += (size_t)got;
	return length;
}

static void check_gets(int fd, const char *expected)
{
	char got[256];

	assert_int_equal(get(fd, got, sizeof(got)), strlen(expected));
	assert_memory_equal(got, expected, strlen(expected));
}

static bool has_ended(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static size_t read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, to, size);
	close(fd);
	assert_true(got >= 0);
	return (size_t)got;
}

static void check_file(const char *path, const char *expected)
{
	char got[256];

	assert_int_equal(read_file(path, got, sizeof(got)), strlen(expected));
	assert_memory_equal(got, expected, strlen(expected));
}

/* ---- with a port ---- */

static void say(struct uart *uart, const char *words)
{
	for (; *words; words++)
		uart_bus_ops.write(uart, 0, 1, (uint64_t)*words);
	turn();
}

static void check_hears(struct uart *uart, const char *words)
{
	turn();
	for (; *words; words++) {
		assert_true(uart_bus_ops.read(uart, 5, 1) & 1);
		assert_int_equal(uart_bus_ops.read(uart, 0, 1), *words);
		turn();
	}
	assert_false(uart_bus_ops.read(uart, 5, 1) & 1);
}

static struct uart *plug(struct console_hub *hub)
{
	int fd = console_hub_uart_fd(hub);
	struct uart *uart = uart_create(&(struct uart_config){ .loop = loop, .in_fd = fd,
							       .out_fd = fd });

	assert_non_null(uart);
	return uart;
}

/* Both clients see and type, also over a reset, and the last words are not lost. */
static void test_port(void **state)
{
	struct console_hub *hub = open_hub(log_path);
	struct uart *uart = plug(hub);
	int first = attach(hub, true), second;

	(void)state;
	say(uart, "login:\n");
	second = attach(hub, true);
	check_gets(first, "login:\n");
	check_gets(second, "login:\n");
	assert_int_equal(send(first, "root", 4, 0), 4);
	check_hears(uart, "root");
	assert_int_equal(send(second, "more than the port's queue takes", 32, 0), 32);
	check_hears(uart, "more than the port's queue takes");
	uart_destroy(uart);
	assert_int_equal(send(first, "early", 5, 0), 5);
	turn();
	uart = plug(hub);
	check_hears(uart, "early");
	say(uart, "again\n");
	check_gets(first, "again\n");
	check_gets(second, "again\n");
	uart_bus_ops.write(uart, 0, 1, 'x');
	uart_destroy(uart);
	close_hub(hub);
	check_gets(first, "x");
	check_gets(second, "x");
	assert_true(has_ended(first) && has_ended(second));
	check_file(log_path, "login:\nagain\nx");
	unlink(log_path);
	close(first);
	close(second);
}

/* ---- clients ---- */

static void number(char *to, size_t size)
{
	for (size_t i = 0; i < size; i += 8)
		snprintf(to + i, size - i, "%07zx", i);
	for (size_t i = 7; i < size; i += 8)
		to[i] = '\n';
}

static void test_history(void **state)
{
	struct console_hub *hub = open_hub(NULL);
	int with, without;

	(void)state;
	number(text, BIG);
	put(hub, text, 1000);
	with = attach(hub, true);
	assert_int_equal(get(with, text + BIG, BIG), 1000);
	assert_memory_equal(text, text + BIG, 1000);
	put(hub, text + 1000, BIG - 1000);
	close(with);
	with = attach(hub, true);
	without = attach(hub, false);
	assert_int_equal(get(with, text + BIG, BIG), CONSOLE_HUB_KEPT);
	assert_memory_equal(text + BIG, text + BIG - CONSOLE_HUB_KEPT, CONSOLE_HUB_KEPT);
	assert_int_equal(get(without, text + BIG, BIG), 0);
	put(hub, "new", 3);
	check_gets(with, "new");
	check_gets(without, "new");
	close(with);
	close(without);
	close_hub(hub);
}

/* Who does not read is dropped, has got what came before, and held up nobody. */
static void test_slow(void **state)
{
	struct console_hub *hub = open_hub(NULL);
	int slow = attach(hub, false), fast = attach(hub, false);
	size_t told = 0, seen = 0, size;

	(void)state;
	number(text, BIG);
	for (; console_hub_clients(hub) == 2; told += 8192) {
		const char *piece = text + told % BIG;

		assert_true(told < 16 * BIG);
		put(hub, piece, 8192);
		assert_int_equal(get(fast, text + BIG, BIG), 8192);
		assert_memory_equal(text + BIG, piece, 8192);
	}
	/* without a hole up to where it was dropped; BIG is a multiple of 4096 */
	for (; (size = get(slow, text + BIG, 4096)); seen += size)
		assert_memory_equal(text + BIG, text + seen % BIG, size);
	assert_true(has_ended(slow));
	/* which was when what it had missed was gone */
	assert_in_range(told - seen, CONSOLE_HUB_KEPT - 4096, CONSOLE_HUB_KEPT + 8192);
	assert_int_equal(console_hub_clients(hub), 1);
	close(slow);
	close(fast);
	close_hub(hub);
}

/* Sends the letter as often as it is taken: how often. */
static size_t type(int fd, char letter)
{
	char some[512];
	ssize_t sent;
	size_t size = 0;

	memset(some, letter, sizeof(some));
	for (int idle = 0; idle < 4;) {
		sent = send(fd, some, sizeof(some), MSG_DONTWAIT);
		if (sent > 0)
			size += (size_t)sent;
		idle = sent > 0 ? 0 : idle + 1;
		turn();
	}
	return size;
}

/* The guest does not read: they wait; then it does, and nothing is missing. */
static void test_input_waits(void **state)
{
	struct console_hub *hub = open_hub(NULL);
	int fd[3] = { attach(hub, true), attach(hub, true), attach(hub, true) };
	size_t typed[3], heard[3] = { 0 }, got;

	(void)state;
	for (int i = 0; i < 3; i++)
		typed[i] = type(fd[i], (char)('a' + i));
	assert_true(typed[1] && typed[1] < 1u << 20);
	close(fd[1]); /* and has typed it all the same */
	turn();
	assert_int_equal(console_hub_clients(hub), 2);
	put(hub, "output goes on", 14);
	check_gets(fd[0], "output goes on");
	while ((got = get(console_hub_uart_fd(hub), text, 4096))) {
		for (size_t i = 0; i < got; i++)
			heard[text[i] - 'a']++;
		turn();
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(heard[i], typed[i]);
	/* who will not type any more still sees */
	shutdown(fd[0], SHUT_WR);
	turn();
	put(hub, "seen", 4);
	check_gets(fd[0], "seen");
	assert_int_equal(console_hub_clients(hub), 2);
	close(fd[0]);
	close(fd[2]);
	close_hub(hub);
}

static void test_places(void **state)
{
	struct console_hub *hub = open_hub(NULL);
	struct console_hub_attach alone = { .exclusive = true }, by_force = { .force = true };
	int fd[CONSOLE_HUB_CLIENTS_MAX], only;

	(void)state;
	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++)
		fd[i] = attach(hub, true);
	assert_int_equal(console_hub_clients(hub), CONSOLE_HUB_CLIENTS_MAX);
	assert_int_equal(console_hub_attach(hub, &alone), -EBUSY);
	assert_int_equal(console_hub_attach(hub, &(struct console_hub_attach){ 0 }), -EUSERS);
	/* its place counts as free at once */
	close(fd[3]);
	assert_int_equal(console_hub_clients(hub), CONSOLE_HUB_CLIENTS_MAX - 1);
	fd[3] = attach(hub, true);
	only = console_hub_attach(hub, &by_force);
	assert_true(only >= 0);
	for (unsigned int i = 0; i < CONSOLE_HUB_CLIENTS_MAX; i++) {
		assert_true(has_ended(fd[i]));
		close(fd[i]);
	}
	put(hub, "one", 3);
	check_gets(only, "one");
	assert_int_equal(console_hub_attach(hub, &alone), -EBUSY);
	close(only);
	only = console_hub_attach(hub, &alone);
	assert_true(only >= 0);
	assert_int_equal(console_hub_clients(hub), 1);
	/* exclusive is no lock: who does not insist may watch */
	fd[0] = attach(hub, true);
	close(fd[0]);
	close(only);
	close_hub(hub);
}

/* ---- the log ---- */

static void test_log_size(void **state)
{
	struct console_log *log;
	struct stat st;
	size_t size;

	(void)state;
	number(text, sizeof(text));
	for (size_t at = 0; at < sizeof(text); at += 4096) {
		/* opened again and again: it goes on where it was */
		assert_int_equal(console_log_open(log_path, &log), 0);
		console_log_write(log, text + at, 3000);
		console_log_write(log, text + at + 3000, 1096);
		console_log_close(log);
		assert_int_equal(stat(log_path, &st), 0);
		assert_true(st.st_size <= CONSOLE_LOG_MAX);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	/* the end of it all is there, without a hole between the two */
	size = read_file(old_path, text, CONSOLE_LOG_MAX + 1);
	assert_true(size > CONSOLE_LOG_MAX - 4096 && size <= CONSOLE_LOG_MAX);
	size += read_file(log_path, text + size, sizeof(text) - size);
	assert_true(size > CONSOLE_LOG_MAX);
	for (size_t i = 0; i < size - 8; i++)
		if (text[i] == '\n' && i >= 8)
			assert_int_equal(strtoul(text + i - 7, NULL, 16) + 8,
					 strtoul(text + i + 1, NULL, 16));
	unlink(log_path);
	unlink(old_path);
}

/* It cannot be renamed: what it holds goes, its bound does not. */
static void test_log_stuck(void **state)
{
	struct console_log *log;
	struct stat st;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(mkdir(old_path, 0700), 0);
	assert_int_equal(console_log_open(log_path, &log), 0);
	console_log_write(log, text, CONSOLE_LOG_MAX);
	console_log_write(log, "end", 3);
	console_log_close(log);
	assert_int_equal(stat(log_path, &st), 0);
	assert_int_equal(st.st_size, 3);
	unlink(log_path);
	rmdir(old_path);
}

/* A full disk: the console goes on, and so does the log when there is room again. */
static void test_log_full(void **state)
{
	struct rlimit all, little = { 4, RLIM_INFINITY };
	struct console_hub *hub;
	int fd;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	little.rlim_max = all.rlim_max;
	hub = open_hub(log_path);
	fd = attach(hub, false);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	put(hub, "123456789", 9);
	put(hub, "more", 4);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	check_gets(fd, "123456789more");
	put(hub, "end", 3);
	close_hub(hub);
	check_file(log_path, "1234end");
	unlink(log_path);
	close(fd);
}

static void test_log_refused(void **state)
{
	struct console_hub_config config = { .log = log_path };
	struct console_hub *hub;
	struct console_log *log;
	bool log_failed = false;

	(void)state;
	assert_int_equal(mkfifo(log_path, 0600), 0);
	assert_int_equal(console_log_open(log_path, &log), -EINVAL);
	unlink(log_path);
	assert_int_equal(console_log_open("/dev/full", &log), -EINVAL);
	assert_int_equal(console_log_open(folder, &log), -EISDIR);
	loop = config.loop = loop_create();
	config.log = "/no/such/folder/log";
	assert_int_equal(console_hub_create(&config, &hub, &log_failed), -ENOENT);
	assert_true(log_failed);
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port), cmocka_unit_test(test_history),
		cmocka_unit_test(test_slow), cmocka_unit_test(test_input_waits),
		cmocka_unit_test(test_places), cmocka_unit_test(test_log_size),
		cmocka_unit_test(test_log_stuck), cmocka_unit_test(test_log_full),
		cmocka_unit_test(test_log_refused),
	};

	return cmocka_run_group_tests_name("console_hub", tests, make_folder, remove_folder);
}
