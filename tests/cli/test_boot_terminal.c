// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl boot on a terminal: a pseudo terminal, the real vmctl, and fake_vm.c in
 * place of baton-vm. Whatever the way out, the terminal has to be as it was.
 *
 * usage: test_boot_terminal DIRECTORY (holding vmctl and a baton-vm)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include <cmocka.h>

/* Slow machines and sanitizers need time; nothing waits for it when all is well. */
#define PATIENCE_MS 20000

static char directory[PATH_MAX], vmctl[PATH_MAX + 8];

struct session {
	int master, slave;	/* slave kept open: the settings outlive vmctl */
	struct termios before;
	pid_t pid, vm;
	char output[65536];
	size_t length;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------------ */
/* A terminal with vmctl on it                                              */

/* Settings nobody has by default, so that a guess is seen to be one. */
static void make_settings(int fd, struct termios *ret_settings)
{
	assert_int_equal(tcgetattr(fd, ret_settings), 0);
	ret_settings->c_cc[VERASE] = 8;
	ret_settings->c_cc[VINTR] = 7;
	ret_settings->c_iflag |= IXANY;
	ret_settings->c_lflag &= ~ECHOKE;
	assert_int_equal(tcsetattr(fd, TCSANOW, ret_settings), 0);
	assert_int_equal(tcgetattr(fd, ret_settings), 0);
}

static void start_argv(struct session *s, char *const argv[])
{
	memset(s, 0, sizeof(*s));
	assert_int_equal(openpty(&s->master, &s->slave, NULL, NULL, NULL), 0);
	fcntl(s->master, F_SETFD, FD_CLOEXEC);
	make_settings(s->slave, &s->before);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		login_tty(s->slave);
		execv(argv[0], argv);
		_exit(96);
	}
}

static void start(struct session *s, const char *words)
{
	char *argv[] = { vmctl, "boot", "/bin/sh", "--append", (char *)words, NULL };

	start_argv(s, argv);
}

/* Reads what came, for at most `ms`. False: nothing came. */
static bool read_some(struct session *s, int ms)
{
	struct pollfd fd = { .fd = s->master, .events = POLLIN };
	ssize_t count;

	if (poll(&fd, 1, ms) <= 0)
		return false;
	if (s->length > sizeof(s->output) / 2)
		s->length = 0;
	count = read(s->master, s->output + s->length, sizeof(s->output) - 1 - s->length);
	if (count <= 0)
		return false;
	s->length += count;
	s->output[s->length] = '\0';
	return true;
}

static const char *expect(struct session *s, const char *text)
{
	int64_t end = now_ms() + PATIENCE_MS;
	const char *found;

	while (!(found = strstr(s->output, text)) && now_ms() < end)
		read_some(s, 100);
	if (!found)
		fail_msg("\"%s\" did not come; so far: \"%s\"", text, s->output);
	return found;
}

static void expect_ready(struct session *s)
{
	const char *found;

	expect(s, "\r\n");
	found = expect(s, "ready pid ");
	while (!strchr(found, '\n'))
		read_some(s, 100);
	s->vm = atoi(found + strlen("ready pid "));
	assert_true(s->vm > 0);
}

static void type(struct session *s, const char *keys)
{
	assert_int_equal(write(s->master, keys, strlen(keys)), strlen(keys));
}

static bool is_raw(struct session *s)
{
	struct termios now;

	assert_int_equal(tcgetattr(s->slave, &now), 0);
	return !(now.c_lflag & (ICANON | ECHO | ISIG | IEXTEN)) && !(now.c_oflag & OPOST) &&
	       !(now.c_iflag & (ICRNL | IXON | ISTRIP));
}

static void assert_settings(struct session *s)
{
	struct termios now;

	assert_int_equal(tcgetattr(s->slave, &now), 0);
	assert_int_equal(now.c_iflag, s->before.c_iflag);
	assert_int_equal(now.c_oflag, s->before.c_oflag);
	assert_int_equal(now.c_cflag, s->before.c_cflag);
	assert_int_equal(now.c_lflag, s->before.c_lflag);
	assert_memory_equal(now.c_cc, s->before.c_cc, sizeof(now.c_cc));
}

/* A killed process may take a moment to go. */
static void assert_gone(pid_t pid)
{
	int64_t end = now_ms() + PATIENCE_MS;

	while (!kill(pid, 0) && now_ms() < end)
		usleep(10000);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static int wait_status(struct session *s, int flags)
{
	int64_t end = now_ms() + PATIENCE_MS;
	int status;

	while (now_ms() < end) {
		if (waitpid(s->pid, &status, WNOHANG | flags) == s->pid)
			return status;
		read_some(s, 20);
	}
	kill(s->pid, SIGKILL);
	fail_msg("vmctl did not end; so far: \"%s\"", s->output);
	return -1;
}

static void finish(struct session *s)
{
	assert_settings(s);
	if (s->vm)
		assert_gone(s->vm);
	close(s->master);
	close(s->slave);
}

static void expect_exit(struct session *s, int exit_status)
{
	int status = wait_status(s, 0);

	while (read_some(s, 0))
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != exit_status)
		fail_msg("wait status 0x%x instead of exit status %d; output: \"%s\"", status,
			 exit_status, s->output);
	finish(s);
}

static void expect_signal(struct session *s, int signal_number)
{
	int status = wait_status(s, 0);

	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signal_number);
	finish(s);
}

/* State letter of a process, as in ps. */
static char process_state(pid_t pid)
{
	char path[64], text[512] = "", *paren;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (!fgets(text, sizeof(text), file))
		text[0] = '\0';
	fclose(file);
	paren = strrchr(text, ')');
	return paren ? paren[2] : 0;
}

/* SIGSTOP has been sent when vmctl stops; the process takes it when it runs next. */
static void expect_stopped(pid_t pid)
{
	for (int64_t end = now_ms() + PATIENCE_MS; process_state(pid) != 'T' && now_ms() < end;)
		usleep(5000);
	assert_int_equal(process_state(pid), 'T');
}

/* ------------------------------------------------------------------------ */
/* The guest ends                                                           */

static void test_power_off(void **state)
{
	struct session s;

	(void)state;
	start(&s, "ready line exit=0");
	expect_ready(&s);
	assert_true(is_raw(&s));
	type(&s, "hello\r");
	expect(&s, "got: hello");
	expect_exit(&s, 0);
	assert_null(strstr(s.output, "BTN-"));
}

static void test_error_passes_through(void **state)
{
	struct session s;

	(void)state;
	start(&s, "prompt error");
	expect_exit(&s, 8);
	assert_non_null(strstr(s.output, "vmctl: boot: not enough memory (BTN-2002)\r\n"
			       "cause: none left\r\nfix: buy some\r\n"));
	assert_null(strstr(s.output, "baton-vm:"));
}

static void test_crash_is_reported(void **state)
{
	struct session s;

	(void)state;
	start(&s, "ready prompt signal=11");
	expect_exit(&s, 1);
	assert_non_null(strstr(s.output, "(BTN-4008)\r\ncause: baton-vm was ended by signal 11"));
	/* The message starts a line of its own. */
	assert_non_null(strstr(s.output, "login: \r\nvmctl: boot: "));
}

static void test_killed_from_outside(void **state)
{
	struct session s;

	(void)state;
	start(&s, "ready echo");
	expect_ready(&s);
	kill(s.vm, SIGKILL);
	expect_exit(&s, 1);
	assert_non_null(strstr(s.output, "BTN-4008"));
}

static void test_all_output_arrives(void **state)
{
	struct session s;
	size_t count = 0;

	(void)state;
	start(&s, "burst=30000 exit=0");
	expect_exit(&s, 0);
	for (size_t i = 0; i < s.length; i++)
		count += s.output[i] == 'x';
	assert_int_equal(count, 30000);
}

/* ------------------------------------------------------------------------ */
/* Escapes                                                                  */

static void test_leave(void **state)
{
	struct session s;

	(void)state;
	start(&s, "ready echo");
	expect_ready(&s);
	type(&s, "\r~.");
	expect_exit(&s, 130);
}

static void test_tilde_in_line_is_plain(void **state)
{
	struct session s;

	(void)state;
	start(&s, "ready line line exit=0");
	expect_ready(&s);
	type(&s, "a~.\r");
	expect(&s, "got: a~.");
	type(&s, "~~.\r");
	expect(&s, "got: ~.");
	expect_exit(&s, 0);
}

static void test_escape_help(void **state)
{
	struct session s;

	(void)state;
	start(&s, "ready echo");
	expect_ready(&s);
	type(&s, "~?");
	expect(&s, "~~   send one ~\r\n");
	type(&s, "~.");
	expect_exit(&s, 130);
}

static void test_control_keys_reach_guest(void **state)
{
	struct session s;

	(void)state;
	start(&s, "ready echo");
	expect_ready(&s);
	/* Interrupt, quit, suspend, stop, end of file of this terminal. */
	type(&s, "<\x07\x03\x1c\x1a\x13\x04>");
	expect(&s, "<\x07\x03\x1c\x1a\x13\x04>");
	type(&s, "\r~.");
	expect_exit(&s, 130);
}

static void test_leave_stubborn_vm(void **state)
{
	int64_t start_ms;
	struct session s;

	(void)state;
	start(&s, "stubborn ready echo");
	expect_ready(&s);
	start_ms = now_ms();
	type(&s, "~.");
	usleep(1200000);
	type(&s, "~.");
	expect_exit(&s, 130);
	assert_true(now_ms() - start_ms < 4500);
}

static void test_leave_after_grace(void **state)
{
	struct session s;

	(void)state;
	start(&s, "stubborn ready echo");
	expect_ready(&s);
	type(&s, "~.");
	expect_exit(&s, 130);
}

static void test_leave_deaf_guest(void **state)
{
	static char keys[4000];
	struct session s;

	(void)state;
	start(&s, "ready deaf");
	expect_ready(&s);
	memset(keys, 'k', sizeof(keys) - 1);
	/* More than pipe and buffer hold. */
	for (int i = 0; i < 60; i++) {
		type(&s, keys);
		read_some(&s, 0);
	}
	type(&s, "\r~.");
	expect_exit(&s, 130);
}

/* Nobody reads the terminal's output: what is typed must count all the same. */
static void test_leave_stuck_terminal(void **state)
{
	struct session s;
	int status = 0;
	int64_t end;

	(void)state;
	start(&s, "ready flood");
	expect_ready(&s);
	usleep(300000);
	type(&s, "\r~.");
	for (end = now_ms() + PATIENCE_MS; now_ms() < end; usleep(20000)) {
		if (waitpid(s.pid, &status, WNOHANG) == s.pid)
			break;
	}
	assert_true(now_ms() < end);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 130);
	finish(&s);
}

/* ------------------------------------------------------------------------ */
/* Signals to vmctl                                                         */

static void signal_case(int signal_number)
{
	struct session s;

	start(&s, "ready echo");
	expect_ready(&s);
	assert_true(is_raw(&s));
	kill(s.pid, signal_number);
	if (signal_number == SIGQUIT)
		expect_exit(&s, 128 + SIGQUIT);
	else
		expect_signal(&s, signal_number);
}

static void test_signals_end_it(void **state)
{
	(void)state;
	signal_case(SIGINT);
	signal_case(SIGTERM);
	signal_case(SIGHUP);
	signal_case(SIGQUIT);
}

/* A crash of vmctl itself: the VM goes, too. */
static void test_crashes_restore(void **state)
{
	(void)state;
	signal_case(SIGABRT);
	signal_case(SIGSEGV);
	signal_case(SIGBUS);
	signal_case(SIGFPE);
}

static void suspend_case(bool by_key)
{
	struct session s;
	int status;

	start(&s, "ready line exit=0");
	expect_ready(&s);
	if (by_key)
		type(&s, "~\x1a");
	else
		kill(s.pid, SIGTSTP);
	status = wait_status(&s, WUNTRACED);
	assert_true(WIFSTOPPED(status));
	assert_settings(&s);
	expect_stopped(s.vm);
	kill(s.pid, SIGCONT);
	for (int64_t end = now_ms() + PATIENCE_MS; !is_raw(&s) && now_ms() < end;)
		usleep(5000);
	assert_true(is_raw(&s));
	type(&s, "back\r");
	expect(&s, "got: back");
	expect_exit(&s, 0);
}

static void test_suspend(void **state)
{
	(void)state;
	suspend_case(false);
	suspend_case(true);
}

static void test_terminal_hangs_up(void **state)
{
	struct session s;
	int status;

	(void)state;
	start(&s, "ready echo");
	expect_ready(&s);
	close(s.slave);
	close(s.master);
	assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
	assert_gone(s.vm);
}

/* A shell with job control around it: suspend, look, go on. */
static void test_job_control(void **state)
{
	char *argv[] = { "/bin/bash", "--norc", "--noprofile", "-i", NULL };
	char command[PATH_MAX + 100];
	struct session s;

	(void)state;
	if (access("/bin/bash", X_OK))
		skip();
	start_argv(&s, argv);
	type(&s, "PS1='READ''Y> ' HISTFILE=; set +o emacs\r");
	expect(&s, "READY> ");
	s.length = 0;
	s.output[0] = '\0';
	snprintf(command, sizeof(command), "%s boot /bin/sh --append 'ready line exit=3'\r", vmctl);
	type(&s, command);
	expect_ready(&s);
	type(&s, "\r~\x1a");
	expect(&s, "Stopped");
	type(&s, "stty -a | tr '\\n' ' '; echo mode\r");
	expect(&s, " icanon");
	type(&s, "fg; echo status=$?\r");
	expect(&s, "status=3");
	type(&s, "exit\r");
	wait_status(&s, 0);
	assert_gone(s.vm);
	close(s.master);
	close(s.slave);
}

/* ------------------------------------------------------------------------ */
/* Without a terminal                                                       */

static int run_shell(const char *command, char *output, size_t size)
{
	char line[3 * PATH_MAX];
	size_t length;
	FILE *pipe;

	snprintf(line, sizeof(line), "V=%s; { %s; } 2>&1", vmctl, command);
	pipe = popen(line, "r");
	assert_non_null(pipe);
	length = fread(output, 1, size - 1, pipe);
	output[length] = '\0';
	return WEXITSTATUS(pclose(pipe));
}

static void test_piped_input(void **state)
{
	char output[4096];

	(void)state;
	/* The end of input comes long before the end of the VM. */
	assert_int_equal(run_shell("printf '~.\\n' | $V boot /bin/sh --append "
				   "'line sleep=300 ready exit=5'", output, sizeof(output)), 5);
	assert_non_null(strstr(output, "got: ~."));
	assert_non_null(strstr(output, "ready "));
	assert_null(strstr(output, "vmctl"));
}

static void test_null_input_and_closed(void **state)
{
	char output[4096];

	(void)state;
	assert_int_equal(run_shell("$V boot /bin/sh --append 'sleep=50 ready' </dev/null", output,
				   sizeof(output)), 0);
	assert_non_null(strstr(output, "ready "));
	assert_int_equal(run_shell("$V boot /bin/sh --append 'sleep=50 ready' <&-", output,
				   sizeof(output)), 0);
	assert_non_null(strstr(output, "ready "));
}

static void test_big_output_through_pipe(void **state)
{
	char output[4096];

	(void)state;
	assert_int_equal(run_shell("$V boot /bin/sh --append 'burst=3000000' </dev/null | wc -c",
				   output, sizeof(output)), 0);
	assert_int_equal(atol(output), 3000002);
	/* And a reader that is slow to start. */
	assert_int_equal(run_shell("$V boot /bin/sh --append 'burst=3000000' </dev/null | "
				   "{ sleep 0.5; wc -c; }", output, sizeof(output)), 0);
	assert_int_equal(atol(output), 3000002);
}

static void test_reader_goes_away(void **state)
{
	char output[4096];

	(void)state;
	assert_int_equal(run_shell("{ $V boot /bin/sh --append 'flood' </dev/null; echo status=$? "
				   ">&2; } | head -c 10", output, sizeof(output)), 0);
	assert_non_null(strstr(output, "BTN-4007"));
	assert_non_null(strstr(output, "status=1"));
}

static void test_no_monitor(void **state)
{
	char output[4096];

	(void)state;
	assert_int_equal(run_shell("mkdir -p $V.d && cp $V $V.d/vmctl && rm -f $V.d/baton-vm && "
				   "$V.d/vmctl boot /bin/sh", output, sizeof(output)), 1);
	assert_non_null(strstr(output, "BTN-2007"));
	assert_int_equal(run_shell("echo '#!/nonexistent' >$V.d/baton-vm; chmod +x $V.d/baton-vm; "
				   "$V.d/vmctl boot /bin/sh", output, sizeof(output)), 1);
	assert_non_null(strstr(output, "BTN-2007"));
	assert_non_null(strstr(output, "No such file"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_off),
		cmocka_unit_test(test_error_passes_through),
		cmocka_unit_test(test_crash_is_reported),
		cmocka_unit_test(test_killed_from_outside),
		cmocka_unit_test(test_all_output_arrives),
		cmocka_unit_test(test_leave),
		cmocka_unit_test(test_tilde_in_line_is_plain),
		cmocka_unit_test(test_escape_help),
		cmocka_unit_test(test_control_keys_reach_guest),
		cmocka_unit_test(test_leave_stubborn_vm),
		cmocka_unit_test(test_leave_after_grace),
		cmocka_unit_test(test_leave_deaf_guest),
		cmocka_unit_test(test_leave_stuck_terminal),
		cmocka_unit_test(test_signals_end_it),
		cmocka_unit_test(test_crashes_restore),
		cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_terminal_hangs_up),
		cmocka_unit_test(test_job_control),
		cmocka_unit_test(test_piped_input),
		cmocka_unit_test(test_null_input_and_closed),
		cmocka_unit_test(test_big_output_through_pipe),
		cmocka_unit_test(test_reader_goes_away),
		cmocka_unit_test(test_no_monitor),
	};

	if (argc < 2 || !realpath(argv[1], directory)) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	snprintf(vmctl, sizeof(vmctl), "%s/vmctl", directory);
	return cmocka_run_group_tests_name("vmctl boot on a terminal", tests, NULL, NULL);
}
