// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting a program that outlives the daemon: monitor_spawn(). Other threads may hold any
 * lock at the moment of fork(), so that the child calls only what POSIX calls
 * async-signal-safe, and system calls. Errors of the child come through a pipe that
 * exec closes.
 */
#define _GNU_SOURCE /* pipe2, close_range */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "monitor.h"

#define KEEP_MAX 64u

struct plan {
	char *const *argv;
	int log_fd, error_fd;
	int open[KEEP_MAX + 1];		/* what stays open, error_fd too; sorted */
	unsigned int open_count;
};

/* ---- the child ---- */

static void reset_signals(void)
{
	/* The kernel's form of "SIG_DFL": the C library keeps 32 and 33 from sigaction(). */
	static const long standard[4];
	sigset_t none;

	for (int i = 1; i < NSIG; i++) /* fails for some; they cannot be changed anyway */
		syscall(SYS_rt_sigaction, i, standard, NULL, (NSIG - 1) / 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A daemon that is protected does not protect what guests use up. */
static void reset_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char sign;

	if (fd < 0)
		return;
	if (read(fd, &sign, 1) == 1 && sign == '-')
		(void)!write(fd, "0", 1);
	close(fd);
}

static bool close_others(const struct plan *plan)
{
	unsigned int from = STDERR_FILENO + 1;

	for (unsigned int i = 0; i < plan->open_count; i++) {
		unsigned int fd = (unsigned int)plan->open[i];

		if (fd > from && close_range(from, fd - 1, 0))
			return false;
		if (plan->open[i] != plan->error_fd && fcntl(plan->open[i], F_SETFD, 0))
			return false;
		from = fd + 1;
	}
	return !close_range(from, ~0u, 0);
}

static bool set_standard(const struct plan *plan)
{
	int null = open("/dev/null", O_RDWR);

	/* 0 to 2 are open in the daemon, so that neither of these is one of them. */
	return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
	       dup2(plan->log_fd >= 0 ? plan->log_fd : null, STDERR_FILENO) >= 0;
}

static void run_child(const struct plan *plan)
{
	int error;

	setsid();
	reset_oom_score();
	if (set_standard(plan) && close_others(plan) && !chdir("/")) {
		reset_signals();
		execv(plan->argv[0], plan->argv);
	}
	error = errno;
	(void)!write(plan->error_fd, &error, sizeof(error));
	_exit(127);
}

/* ---- the daemon ---- */

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Nothing of the daemon's handlers may run in the child. */
static pid_t fork_without_signals(const struct plan *plan)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (!pid)
		run_child(plan);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* The errno of a child that could not become the program; 0: it has. */
static int read_error(int fd)
{
	ssize_t got;
	int error;

	do {
		got = read(fd, &error, sizeof(error));
	} while (got < 0 && errno == EINTR);
	return got == sizeof(error) ? error : 0;
}

struct watch {
	monitor_exit_fn on_exit;
	void *ctx;
};

static void on_child(GPid pid, gint status, gpointer data)
{
	struct watch *watch = data;

	g_spawn_close_pid(pid);
	if (watch->on_exit)
		watch->on_exit(status, watch->ctx);
}

static int failed(struct btn_error *e, const char *program, int error)
{
	btn_set(e, BTN_NO_MONITOR, "%s cannot be started", program);
	btn_set_cause(e, "The host says: %s.", g_strerror(error));
	return 0;
}

static int start(struct plan *plan, int pipe_fd, struct btn_error *e)
{
	pid_t pid;
	int error;

	plan->open[plan->open_count++] = plan->error_fd;
	qsort(plan->open, plan->open_count, sizeof(int), compare);
	pid = fork_without_signals(plan);
	error = errno;
	close(plan->error_fd);
	if (pid < 0)
		return failed(e, plan->argv[0], error);
	error = read_error(pipe_fd);
	if (!error)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return failed(e, plan->argv[0], error);
}

int monitor_spawn(char *const argv[], int log_fd, const int *keep, unsigned int keep_count,
		  monitor_exit_fn on_exit, void *ctx, struct btn_error *e)
{
	struct plan plan = { .argv = argv, .log_fd = log_fd, .open_count = keep_count };
	struct watch *watch;
	int ends[2], pid;

	if (keep_count > KEEP_MAX)
		return failed(e, argv[0], EMFILE);
	for (unsigned int i = 0; i < keep_count; i++) {
		if (keep[i] <= STDERR_FILENO)
			return failed(e, argv[0], EBADF);
		plan.open[i] = keep[i];
	}
	if (pipe2(ends, O_CLOEXEC))
		return failed(e, argv[0], errno);
	plan.error_fd = ends[1];
	/* Beyond the standard ones, which the child replaces. */
	pid = ends[0] > STDERR_FILENO ? start(&plan, ends[0], e) : failed(e, argv[0], EBADF);
	close(ends[0]);
	if (!pid)
		return 0;
	watch = g_new(struct watch, 1);
	*watch = (struct watch) { on_exit, ctx };
	g_child_watch_add_full(G_PRIORITY_DEFAULT, pid, on_child, watch, g_free);
	return pid;
}
