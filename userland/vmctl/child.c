// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor process. See child.h.
 */
#define _GNU_SOURCE /* pipe2 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_END 0
#define WRITE_END 1

bool child_find_program(const char *name, enum btn_code code, char *ret_path, size_t size,
			struct btn_error *e)
{
	static const char *const places[] = { "", "../libexec/baton/" };
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir;

	if (length < 0) {
		btn_set(e, code, "%s was not found", name);
		btn_set_cause(e, "/proc/self/exe cannot be read: %s.", strerror(errno));
		btn_set_fix(e, "Mount /proc.");
		return false;
	}
	self[length] = '\0';
	dir = dirname(self);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(ret_path, size, "%s/%s%s", dir, places[i], name) < (int)size &&
		    !access(ret_path, X_OK))
			return true;
	}
	btn_set(e, code, "%s was not found", name);
	btn_set_cause(e, "It is neither in %.160s nor in ../libexec/baton from there.", dir);
	return false;
}

bool child_find_monitor(char *ret_path, size_t size, struct btn_error *e)
{
	return child_find_program("baton-vm", BTN_NO_MONITOR, ret_path, size, e);
}

static void close_pipe(int fds[2])
{
	close(fds[READ_END]);
	close(fds[WRITE_END]);
}

/* Between fork and exec: only what is safe there. Writes errno on failure. */
static void run_child(const char *path, char *const argv[], const int std[3], pid_t parent,
		      int report)
{
	sigset_t none;
	int error;

	for (int fd = 0; fd < 3; fd++) {
		if (dup2(std[fd], fd) < 0)
			goto fail;
	}
	setsid();
	/* A VM whose vmctl was killed has no console: it must not stay behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(BTN_EXIT_FAILED);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(path, argv);
fail:
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(BTN_EXIT_FAILED);
	_exit(BTN_EXIT_FAILED);
}

static bool open_pipes(int pipes[4][2], struct btn_error *e)
{
	for (int i = 0; i < 4; i++) {
		if (!pipe2(pipes[i], O_CLOEXEC))
			continue;
		btn_set(e, errno == EMFILE || errno == ENFILE ? BTN_NO_FDS : BTN_HOST_CALL_FAILED,
			"no pipe to the VM can be made");
		btn_set_cause(e, "The host says: %s.", strerror(errno));
		while (i--)
			close_pipe(pipes[i]);
		return false;
	}
	return true;
}

/* Descriptors 0 to 2 must be taken, or a pipe would get one of these numbers. */
static void fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

bool child_start(struct child *ret_child, const char *path, char *const argv[],
		 struct btn_error *e)
{
	/* in, out, err, and one that tells why exec failed */
	int pipes[4][2], std[3], error = 0;
	pid_t pid, parent = getpid();

	fill_standard_fds();
	if (!open_pipes(pipes, e))
		return false;
	std[0] = pipes[0][READ_END];
	std[1] = pipes[1][WRITE_END];
	std[2] = pipes[2][WRITE_END];
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_child(path, argv, std, parent, pipes[3][WRITE_END]);
	error = pid < 0 ? errno : 0;
	for (int i = 0; i < 3; i++)
		close(std[i]);
	close(pipes[3][WRITE_END]);
	if (pid > 0 && read(pipes[3][READ_END], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(pipes[3][READ_END]);

	*ret_child = (struct child){
		.pid = pid, .in = pipes[0][WRITE_END],
		.out = pipes[1][READ_END], .err = pipes[2][READ_END],
	};
	if (error) {
		if (pid > 0)
			waitpid(pid, NULL, 0);
		child_close(ret_child);
		btn_set(e, BTN_NO_MONITOR, "%.200s cannot be started", path);
		btn_set_cause(e, "The host says: %s.", strerror(error));
		return false;
	}
	fcntl(ret_child->in, F_SETFL, O_NONBLOCK);
	fcntl(ret_child->out, F_SETFL, O_NONBLOCK);
	fcntl(ret_child->err, F_SETFL, O_NONBLOCK);
	return true;
}

void child_close(struct child *child)
{
	int *const fds[] = { &child->in, &child->out, &child->err };

	for (size_t i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
