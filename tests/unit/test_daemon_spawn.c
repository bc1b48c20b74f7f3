// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes that the daemon starts: what they find, how their end is told, and that they
 * outlive it. This program starts itself.
 */
#define _GNU_SOURCE /* pipe2, dup3 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "daemon_server.h"
#include "monitor.h"

static unsigned int open_before;

static int up(void **state)
{
	(void)state;
	g_main_context_iteration(NULL, FALSE); /* opens what it keeps */
	open_before = count_open();
	return 0;
}

static unsigned int exits;
static int exit_status;

static void on_exit_status(int status, void *ctx)
{
	assert_ptr_equal(ctx, &exits);
	exit_status = status;
	exits++;
}

/* The program that is started: says at descriptor 77 how it finds itself. */
static void describe_myself(void)
{
	char place[64], target[64], line[256];
	FILE *status = fopen("/proc/self/status", "re"), *to = fdopen(77, "w");
	ssize_t length;

	if (!to)
		_exit(3);
	fprintf(to, "%s\n", getcwd(line, sizeof(line)));
	for (int fd = 0; fd < 256; fd++) {
		if (fd == fileno(status) || fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(place, sizeof(place), "/proc/self/fd/%d", fd);
		length = readlink(place, target, 5);
		fprintf(to, "%d %.*s\n", fd, (int)length, target);
	}
	while (fgets(line, sizeof(line), status))
		if (!strncmp(line, "SigBlk", 6) || !strncmp(line, "SigIgn", 6))
			fputs(line, to);
	fclose(to);
	printf("out");
	fprintf(stderr, "bad");
	_exit(5);
}

/* Runs this program with `word`, returns what it writes to descriptor 77, and to log. */
static void run_self(char *word, char *text, size_t size)
{
	char *argv[] = { "/proc/self/exe", word, NULL };
	int ends[2], log[2], keep = 77, pid;
	struct btn_error e;
	ssize_t got;
	size_t length = 0;

	exits = 0;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(pipe2(log, O_CLOEXEC), 0);
	assert_int_equal(dup3(ends[1], keep, O_CLOEXEC), keep);
	pid = monitor_spawn(argv, log[1], &keep, 1, on_exit_status, &exits, &e);
	assert_true(pid > 0);
	assert_int_equal(getsid(pid), pid);
	close(keep);
	close(ends[1]);
	close(log[1]);
	while ((got = read(ends[0], text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	while ((got = read(log[0], text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = 0;
	close(ends[0]);
	close(log[0]);
	run_until(&exits, 1);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* reaped */
}

static void test_spawn(void **state)
{
	char text[4096];
	sigset_t set, before;
	int leak = open("/dev/zero", O_RDONLY); /* not close-on-exec */

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &before);
	run_self("describe", text, sizeof(text));
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_string_equal(text, "/\n0 /dev/\n1 /dev/\n2 pipe:\n77 pipe:\n"
			    "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nbad");
	assert_true(WIFEXITED(exit_status) && WEXITSTATUS(exit_status) == 5);
	assert_int_equal(fcntl(leak, F_GETFD), 0);
	close(leak);
	run_self("die", text, sizeof(text));
	assert_true(WIFSIGNALED(exit_status) && WTERMSIG(exit_status) == SIGKILL);
	assert_int_equal(count_open(), open_before);
}

static void test_spawn_failure(void **state)
{
	char *argv[] = { "/nonexistent/program", NULL };
	int zero = 0;
	struct btn_error e;

	(void)state;
	assert_int_equal(monitor_spawn(argv, -1, NULL, 0, on_exit_status, &exits, &e), 0);
	assert_int_equal(e.code, BTN_NO_MONITOR);
	assert_non_null(strstr(e.cause, "No such file"));
	argv[0] = "/bin/true";
	assert_int_equal(monitor_spawn(argv, -1, &zero, 1, NULL, NULL, &e), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
	assert_int_equal(count_open(), open_before);
}

/* A daemon that is killed: what it has started lives on. */
static void test_spawn_survives(void **state)
{
	char *argv[] = { "/bin/bash", "--norc", "-c", "read -r line <&77; echo $line >&78", NULL };
	int in[2], out[2], keep[] = { 77, 78 }, daemon;
	struct btn_error e;
	char text[16] = "";

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	daemon = fork();
	if (!daemon) {
		dup3(in[0], 77, O_CLOEXEC);
		dup3(out[1], 78, O_CLOEXEC);
		if (monitor_spawn(argv, -1, keep, 2, NULL, NULL, &e) > 0)
			raise(SIGKILL);
		_exit(1);
	}
	close(in[0]);
	close(out[1]);
	assert_int_equal(waitpid(daemon, &exit_status, 0), daemon);
	assert_true(WIFSIGNALED(exit_status) && WTERMSIG(exit_status) == SIGKILL);
	assert_int_equal(write(in[1], "alive\n", 6), 6);
	assert_int_equal(read(out[0], text, sizeof(text) - 1), 6);
	assert_string_equal(text, "alive\n");
	close(in[1]);
	close(out[0]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_spawn, up),
		cmocka_unit_test_setup(test_spawn_failure, up),
		cmocka_unit_test_setup(test_spawn_survives, up),
	};

	if (argc > 1 && !strcmp(argv[1], "describe"))
		describe_myself();
	if (argc > 1 && !strcmp(argv[1], "die"))
		raise(SIGKILL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
