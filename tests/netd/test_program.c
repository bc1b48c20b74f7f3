// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * baton-net as a program, when the host runs out of something: descriptors, room
 * on the disk. Its path is in BATON_NET.
 */
#define _GNU_SOURCE /* prlimit */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/net_port.h"

#define PATIENCE_MS 20000
#define FEW 40 /* descriptors */

static char folder[40], base[60], leases[60];
static pid_t process;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Descriptor -1: none; it becomes the program's control connection. */
static void start(const char *linger, int control_fd)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	process = fork();
	if (!process) {
		char number[12], fd[12];

		snprintf(number, sizeof(number), "%d", ready[1]);
		snprintf(fd, sizeof(fd), "%d", control_fd);
		execl(getenv("BATON_NET"), "baton-net", "--listen", base, "--leases", leases,
		      "--linger", linger, "--ready-fd", number,
		      control_fd < 0 ? NULL : "--control-fd", fd, NULL);
		_exit(127);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
}

static int connect_to(const char *suffix, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", base, suffix);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

/* The connection's answer to a request; false: it was closed. */
static bool served(int fd)
{
	char reply[4096];

	send(fd, "{\"op\":\"status\"}\n", 16, MSG_NOSIGNAL);
	assert_true(readable(fd));
	return recv(fd, reply, sizeof(reply), 0) > 0;
}

static int join(void)
{
	struct net_port_hello hello = { .marker = NET_PORT_MARKER, .version = NET_PORT_VERSION,
					.mac = { 0x52, 0x54, 0, 0, 0, 1 } };
	int fd = connect_to(".sock", SOCK_SEQPACKET);

	assert_int_equal(send(fd, &hello, sizeof(hello), 0), sizeof(hello));
	assert_true(readable(fd));
	assert_int_equal(recv(fd, &hello, sizeof(hello), 0), sizeof(hello));
	assert_int_equal(hello.error, 0);
	return fd;
}

static int up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_program.XXXXXX");
	if (!getenv("BATON_NET") || !mkdtemp(folder))
		return -1;
	snprintf(base, sizeof(base), "%s/lab", folder);
	snprintf(leases, sizeof(leases), "%s/leases", folder);
	return 0;
}

static int down(void **state)
{
	char path[80];

	(void)state;
	if (process > 0) {
		kill(process, SIGTERM);
		waitpid(process, NULL, 0);
	}
	unlink(leases);
	snprintf(path, sizeof(path), "%s.lock", base);
	unlink(path);
	return rmdir(folder);
}

/* Whom there is no descriptor for is turned away, and keeps nobody busy. */
static void test_no_descriptors(void **state)
{
	struct rlimit few = { FEW, FEW }, own, its;
	int fd[FEW], turned_away = 0;

	(void)state;
	start("60", -1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &own), 0);
	assert_int_equal(prlimit(process, RLIMIT_NOFILE, &few, &its), 0);
	assert_int_equal(its.rlim_cur, own.rlim_max < 8192 ? own.rlim_max : 8192);
	for (unsigned int i = 0; i < FEW; i++) {
		fd[i] = connect_to(".ctl", SOCK_STREAM);
		turned_away += !served(fd[i]);
	}
	assert_in_range(turned_away, 1, FEW - 10);
	assert_true(served(fd[0]));
	close(fd[0]);
	/* one that has its place when there is one */
	for (uint64_t end = now_ms() + PATIENCE_MS;; close(fd[0])) {
		fd[0] = connect_to(".ctl", SOCK_STREAM);
		if (served(fd[0]))
			break;
		assert_true(now_ms() < end);
	}
	for (unsigned int i = 0; i < FEW; i++)
		close(fd[i]);
}

/* A control connection that cannot be watched is none, so the program is alone. */
static void test_unwatchable(void **state)
{
	char path[80];
	int fd, status = -1;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", folder);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	start("0", fd);
	close(fd);
	unlink(path);
	for (uint64_t end = now_ms() + PATIENCE_MS; !waitpid(process, &status, WNOHANG);) {
		assert_true(now_ms() < end);
		usleep(10000);
	}
	process = 0;
	assert_int_equal(status, 0);
}

static bool exists(const char *path)
{
	struct stat s;

	return !lstat(path, &s);
}

/* The disk is full: the file is tried again, but not each time something happens. */
static void test_full_disk(void **state)
{
	uint64_t begin, end = now_ms() + PATIENCE_MS;
	int control, vm;
	char path[80];

	(void)state;
	snprintf(path, sizeof(path), "%s.new", leases);
	start("60", -1);
	control = connect_to(".ctl", SOCK_STREAM);
	assert_true(served(control));
	assert_int_equal(symlink("/dev/full", path), 0);
	vm = join();
	/* the try that fails removes it, and there is room */
	while (exists(path))
		assert_true(now_ms() < end);
	begin = now_ms();
	for (unsigned int i = 0; i < 10; i++)
		assert_true(served(control));
	if (now_ms() - begin < 900)
		assert_false(exists(leases));
	while (!exists(leases)) {
		assert_true(served(control) && now_ms() < end);
		usleep(10000);
	}
	close(vm);
	close(control);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		T(test_no_descriptors), T(test_unwatchable), T(test_full_disk),
	};

	return cmocka_run_group_tests_name("netd program", tests, NULL, NULL);
}
