// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The host's ssh programs. See ssh.h.
 */
#include "ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interrupt.h"

#define COMMAND_MAX 131072u

/* ---- programs ---- */

bool program_is_installed(const char *program)
{
	const char *path = getenv("PATH");
	char full[512];

	while (path && *path) {
		size_t length = strcspn(path, ":");

		snprintf(full, sizeof(full), "%.*s/%s", (int)length, path, program);
		if (length && !access(full, X_OK))
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

static bool check_installed(struct btn_error *e)
{
	static const char *const programs[] = { "ssh", "ssh-keygen" };

	for (size_t i = 0; i < 2; i++) {
		if (program_is_installed(programs[i]))
			continue;
		btn_set(e, BTN_FILE_MISSING, "the program %s is missing", programs[i]);
		btn_set_cause(e, "The command is run in the VM by ssh.");
		btn_set_fix(e, "sudo apt install openssh-client");
		return false;
	}
	return true;
}

/* In a group of its own where the keyboard's signals are ours to pass on. */
static pid_t start(char *const argv[], bool quiet)
{
	pid_t pid;
	int null;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	signal(SIGPIPE, SIG_DFL);
	null = quiet ? open("/dev/null", O_RDWR) : -1;
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	execvp(argv[0], argv);
	_exit(SSH_FAILED);
}

static int wait_for(pid_t pid)
{
	bool asked = false;
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return SSH_FAILED;
		if (interrupt_signal() && !asked)
			kill(pid, SIGTERM);
		asked = interrupt_signal();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- the key ---- */

static bool read_public(const struct ssh *s, char *ret, size_t size)
{
	char path[96];
	FILE *file;
	bool ok;

	snprintf(path, sizeof(path), "%s.pub", s->key);
	file = fopen(path, "re");
	ok = file && fgets(ret, (int)size, file);
	if (file)
		fclose(file);
	if (ok)
		ret[strcspn(ret, "\r\n")] = '\0';
	return ok;
}

bool ssh_begin(struct ssh *s, char *ret_public, size_t size, struct btn_error *e)
{
	char *const argv[] = {
		"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "vmctl-run",
		"-f", s->key, NULL,
	};
	pid_t pid;

	*s = (struct ssh){ .user = "" };
	if (!check_installed(e))
		return false;
	strcpy(s->folder, "/tmp/vmctl-run.XXXXXX");
	if (mkdtemp(s->folder)) {
		snprintf(s->key, sizeof(s->key), "%s/key", s->folder);
		pid = start(argv, true);
		if (pid > 0 && !wait_for(pid) && read_public(s, ret_public, size))
			return true;
	} else {
		s->folder[0] = '\0';
	}
	btn_set(e, BTN_HOST_CALL_FAILED, "no key could be made for the VM");
	btn_set_cause(e, "ssh-keygen did not write one into a folder in /tmp.");
	btn_set_fix(e, "See if /tmp is full: df -h /tmp");
	ssh_end(s);
	return false;
}

void ssh_end(struct ssh *s)
{
	char path[96];

	if (!s->folder[0])
		return;
	snprintf(path, sizeof(path), "%s.pub", s->key);
	unlink(path);
	unlink(s->key);
	rmdir(s->folder);
	s->folder[0] = '\0';
}

/* ---- the command ---- */

/* ssh joins words for a shell: each one between quotes arrives as it is. */
static bool quote(const char *const *word, size_t count, char *ret, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (used + 4 >= size)
			return false;
		if (i)
			ret[used++] = ' ';
		ret[used++] = '\'';
		for (const char *p = word[i]; *p; p++) {
			if (used + 8 >= size)
				return false;
			if (*p == '\'') {
				memcpy(ret + used, "'\\''", 4);
				used += 4;
			} else {
				ret[used++] = *p;
			}
		}
		ret[used++] = '\'';
	}
	ret[used] = '\0';
	return true;
}

int ssh_run(const struct ssh *s, const char *const *word, size_t count, bool quiet)
{
	static char command[COMMAND_MAX];
	char port[8];
	bool has_user = *s->user;
	bool terminal = !quiet && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	char *const argv[] = {
		"ssh", "-F", "/dev/null", "-i", (char *)s->key, "-p", port,
		"-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		"-o", "BatchMode=yes", "-o", "ConnectTimeout=30", terminal ? "-tt" : "-T",
		/* Behind -l a name is a name, whatever it begins with. */
		has_user ? "-l" : "-o", has_user ? (char *)s->user : "BatchMode=yes",
		(char *)s->address, "--", command, NULL,
	};
	pid_t pid;

	if (!quote(word, count, command, sizeof(command)))
		return SSH_FAILED;
	snprintf(port, sizeof(port), "%u", s->port);
	pid = start(argv, quiet);
	return pid > 0 ? wait_for(pid) : SSH_FAILED;
}
