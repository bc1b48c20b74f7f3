// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cost of a whole start: from fork() of baton-vm to the first line that the
 * guest's /init writes, and what the monitor's process then has in memory
 * besides the guest's RAM.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define FIRST_LINE "baton-guest: init"
/* A guest that does not get there ends the measurement. */
#define BOOT_LIMIT_TICKS 60000000000ull

static void exec_monitor(const char *engine, const char *kernel, const char *initrd, int output)
{
	int null = open("/dev/null", O_RDONLY);

	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	/* Without the ciphers' self-tests, which are most of this kernel's start. */
	execlp("baton-vm", "baton-vm", "--engine", engine, "--memory", "128M", "--kernel", kernel,
	       "--initrd", initrd, "--append", "console=ttyS0 quiet cryptomgr.notests",
	       (char *)NULL);
	_exit(127);
}

/* Reads until the line is there. */
static bool wait_for_init(int output)
{
	static char text[1 << 16];
	size_t length = 0;
	ssize_t got;

	while (length < sizeof(text) - 1) {
		got = read(output, text + length, sizeof(text) - 1 - length);
		if (got <= 0)
			return false;
		length += (size_t)got;
		text[length] = 0;
		if (strstr(text, FIRST_LINE))
			return true;
	}
	return false;
}

/* Proportional set size of all mappings but the guest's RAM, in KiB. */
static double memory_beyond_ram(pid_t pid)
{
	unsigned long from, to, kib, sum = 0;
	char path[64], line[512];
	bool ram = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return 0;
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			ram = strstr(line, "/memfd:");
		else if (!ram && sscanf(line, "Pss: %lu kB", &kib) == 1)
			sum += kib;
	}
	fclose(maps);
	return (double)sum;
}

static void print_row(const char *engine, const char *id, double value)
{
	printf("%s\t%s\t%.0f\t\n", engine, id, value);
}

static int run_boot(pid_t child, int output, const char *engine,
		    const struct stopwatch *watch)
{
	static const char *const rows[] = { "boot-kilo", "boot-us", "boot-kib" };
	struct lap lap;

	alarm((unsigned int)(BOOT_LIMIT_TICKS / (ticks_per_ms() * 1000)) + 1);
	if (!wait_for_init(output)) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			printf("%s\t%s\t-\tthe guest did not start\n", engine, rows[i]);
		return 1;
	}
	lap = stopwatch_stop(watch);
	print_row(engine, rows[0], lap.busy / 1e3);
	print_row(engine, rows[1], lap.elapsed_us);
	print_row(engine, rows[2], memory_beyond_ram(child));
	return 0;
}

int boot_measure(const char *engine, const char *kernel, const char *initrd)
{
	struct stopwatch watch;
	int ends[2], status;
	pid_t child;

	ticks_per_ms();
	if (pipe(ends)) {
		perror("pipe");
		return 1;
	}
	stopwatch_start(&watch);
	child = fork();
	if (!child)
		exec_monitor(engine, kernel, initrd, ends[1]);
	close(ends[1]);
	if (child < 0) {
		perror("fork");
		return 1;
	}
	status = run_boot(child, ends[0], engine, &watch);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return status;
}
