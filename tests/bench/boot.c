// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cost of a whole start: from fork() of baton-vm to the first line that the
 * guest's /init writes, and what the monitor's process then has in memory
 * besides the guest's RAM.
 */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

#define FIRST_LINE "baton-guest: init"
/* A guest that does not get there ends the measurement. */
#define BOOT_LIMIT_TICKS 60000000000ull

static int print_failures(const char *engine)
{
	static const char *const rows[] = { "boot-kilo", "boot-us", "boot-kib" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print_failure(engine, rows[i], "the guest did not start");
	return 1;
}

int boot_measure(const char *engine, const char *kernel, const char *initrd)
{
	/* Without the ciphers' self-tests, which are most of this kernel's start. */
	const char *const argv[] = {
		"baton-vm", "--engine", engine, "--memory", "128M", "--kernel", kernel,
		"--initrd", initrd, "--append", "console=ttyS0 quiet cryptomgr.notests", NULL,
	};
	static struct monitor monitor;
	struct stopwatch watch;
	struct lap lap;
	int status;

	alarm((unsigned int)(BOOT_LIMIT_TICKS / (ticks_per_ms() * 1000)) + 1);
	profile_row(engine, "boot");
	stopwatch_start(&watch);
	profile_begin();
	if (monitor_start(&monitor, (char *const *)argv) && monitor_says(&monitor, FIRST_LINE)) {
		profile_end();
		lap = stopwatch_stop(&watch);
		profile_tell(1);
		print_row(engine, "boot-kilo", lap.busy / 1e3);
		print_row(engine, "boot-us", lap.elapsed_us);
		status = print_kib(engine, "boot-kib", &monitor);
	} else {
		status = print_failures(engine);
	}
	monitor_end(&monitor);
	return status;
}
