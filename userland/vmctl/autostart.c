// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting batond. See autostart.h. It says that it is ready on a pipe (--ready-fd), and
 * outlives this program.
 */
#define _GNU_SOURCE /* pipe2, close_range */
#include "autostart.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

#define READY_MS 5000

/*
 * Between fork and exec. The daemon keeps nothing of the terminal, nor what whoever started
 * us has open: it would hold locks and the ends of pipes for good.
 */
static void run_daemon(const char *path, int ready)
{
	char number[16];
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	setsid();
	if (chdir("/"))
		_exit(BTN_EXIT_FAILED);
	for (int i = SIGHUP; i <= SIGTERM; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	fcntl(ready, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", ready);
	execl(path, path, "--ready-fd", number, (char *)NULL);
	_exit(BTN_EXIT_FAILED);
}

/* 1: it is ready, 0: it ended, -1: it is late. */
static int wait_ready(int fd)
{
	struct timespec start, now;
	int left = READY_MS;
	char byte;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (left >= 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, left) > 0)
			return read(fd, &byte, 1) > 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = READY_MS - (int)((now.tv_sec - start.tv_sec) * 1000 +
					(now.tv_nsec - start.tv_nsec) / 1000000);
	}
	return -1;
}

static bool explain(const char *path, int ready, pid_t pid, struct btn_error *e)
{
	int status = 0;

	if (ready > 0)
		return true;
	if (ready < 0) {
		btn_set(e, BTN_NO_DAEMON, "Baton's daemon was started and is not ready");
		btn_set_cause(e, "%.200s has had %d seconds for it.", path, READY_MS / 1000);
		btn_set_fix(e, "Try again; or see what it does: %.200s", path);
		return false;
	}
	waitpid(pid, &status, 0);
	/* Another vmctl may have been quicker: whoever listens will do. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == BTN_EXIT_CONFLICT)
		return true;
	btn_set(e, BTN_NO_DAEMON, "Baton's daemon was started and ended at once");
	btn_set_cause(e, "%.200s ended with status %d.", path,
		      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	btn_set_fix(e, "See what it says: %.200s", path);
	return false;
}

bool autostart_daemon(struct btn_error *e)
{
	const char *allowed = getenv("BATON_AUTOSTART");
	char path[PATH_MAX];
	int ready[2], got;
	pid_t pid;

	if (allowed && !strcmp(allowed, "0")) {
		btn_set(e, BTN_NO_DAEMON, "Baton's daemon is not running");
		btn_set_cause(e, "BATON_AUTOSTART=0 keeps vmctl from starting it.");
		return false;
	}
	if (!child_find_program("batond", BTN_NO_DAEMON, path, sizeof(path), e))
		return false;
	if (pipe2(ready, O_CLOEXEC)) {
		btn_set_default(e, BTN_NO_FDS);
		return false;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run_daemon(path, ready[1]);
	close(ready[1]);
	if (pid < 0) {
		btn_set(e, BTN_NO_DAEMON, "Baton's daemon cannot be started");
		btn_set_cause(e, "The host says: %s.", strerror(errno));
		close(ready[0]);
		return false;
	}
	got = wait_ready(ready[0]);
	close(ready[0]);
	return explain(path, got, pid, e);
}
