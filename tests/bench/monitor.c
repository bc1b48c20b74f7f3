// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A whole monitor as a child process: its guest's serial port by pipes, and what the
 * process has in memory besides the guest's RAM. Rows about it.
 */
#define _GNU_SOURCE /* memmem */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static void exec_monitor(char *const *argv, int input, int output)
{
	/* Should a limit on time end us, then it as well. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

bool monitor_start(struct monitor *m, char *const *argv)
{
	int in[2], out[2];

	*m = (struct monitor){ .pid = -1, .in = -1, .out = -1 };
	if (pipe2(in, O_CLOEXEC))
		return false;
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return false;
	}
	m->pid = fork();
	if (!m->pid)
		exec_monitor(argv, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	m->in = in[1];
	m->out = out[0];
	return m->pid > 0;
}

void monitor_end(struct monitor *m)
{
	if (m->pid > 0) {
		kill(m->pid, SIGTERM);
		waitpid(m->pid, NULL, 0);
	}
	close(m->in);
	close(m->out);
}

/* Forgets the first bytes of what has been read. */
static void forget(struct monitor *m, size_t count)
{
	m->length -= count;
	memmove(m->text, m->text + count, m->length);
}

bool monitor_says(struct monitor *m, const char *what)
{
	size_t length = strlen(what);
	ssize_t got;
	char *at;

	for (;;) {
		at = memmem(m->text, m->length, what, length);
		if (at) {
			forget(m, (size_t)(at - m->text) + length);
			return true;
		}
		/* What may be the beginning of it stays. */
		if (m->length >= length)
			forget(m, m->length - length + 1);
		got = read(m->out, m->text + m->length, sizeof(m->text) - m->length);
		if (got <= 0)
			return false;
		if (getenv("BENCH_CONSOLE"))
			fwrite(m->text + m->length, 1, (size_t)got, stderr);
		m->length += (size_t)got;
	}
}

bool monitor_tell(struct monitor *m, const char *line)
{
	size_t length = strlen(line);

	return write(m->in, line, length) == (ssize_t)length;
}

/* The names that monitors give their guest's RAM; QEMU's by memory-backend-memfd. */
static bool is_guest_ram(const char *mapping)
{
	return strstr(mapping, "/memfd:baton-guest-ram") ||
	       strstr(mapping, "/memfd:memory-backend-memfd");
}

double monitor_kib(const struct monitor *m)
{
	unsigned long from, to, kib, sum = 0;
	char path[64], line[512];
	bool ram = false, any_ram = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/smaps", m->pid);
	maps = fopen(path, "re");
	if (!maps)
		return -1;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			ram = is_guest_ram(line);
			any_ram |= ram;
		} else if (!ram && sscanf(line, "Pss: %lu kB", &kib) == 1) {
			sum += kib;
		}
	}
	fclose(maps);
	/* Without any it was not the monitor, or it has another name now. */
	return any_ram ? (double)sum : -1;
}

/* ---- rows ---- */

void print_row(const char *engine, const char *id, double value)
{
	printf("%s\t%s\t%.0f\t\n", engine, id, value);
}

int print_failure(const char *engine, const char *id, const char *why)
{
	printf("%s\t%s\t-\t%s\n", engine, id, why);
	return 1;
}

int print_kib(const char *engine, const char *id, const struct monitor *m)
{
	double kib = monitor_kib(m);

	if (kib < 0)
		return print_failure(engine, id, "the monitor's memory cannot be read");
	print_row(engine, id, kib);
	return 0;
}
