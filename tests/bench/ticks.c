// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clocks. In the emulated hosts a tick of the TSC is an executed instruction,
 * and goes on at that pace while the processor idles; what waits (for RCU, say)
 * must not count as work, so idle time is taken off with the kernel's own
 * account of it, which /proc/timer_list shows to the nanosecond.
 */
#include <stdio.h>
#include <time.h>

#include "bench.h"

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC_RAW, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t ticks_per_ms(void)
{
	static uint64_t rate;
	uint64_t ns, start, elapsed;

	if (rate)
		return rate;
	ns = now_ns();
	start = ticks();
	do
		elapsed = now_ns() - ns;
	while (elapsed < 5000000);
	rate = (uint64_t)((double)(ticks() - start) * 1e6 / (double)elapsed);
	return rate;
}

uint64_t idle_ns(void)
{
	FILE *list = fopen("/proc/timer_list", "re");
	unsigned long long one, sum = 0;
	char line[256];

	if (!list)
		return 0;
	/* Idle is also what waits with I/O under way. */
	while (fgets(line, sizeof(line), list))
		if (sscanf(line, " .idle_sleeptime : %llu", &one) == 1 ||
		    sscanf(line, " .iowait_sleeptime : %llu", &one) == 1)
			sum += one;
	fclose(list);
	return sum;
}

int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void stopwatch_start(struct stopwatch *watch)
{
	watch->idle = idle_ns();
	watch->ns = now_ns();
	watch->ticks = ticks();
}

struct lap stopwatch_stop(const struct stopwatch *watch)
{
	uint64_t elapsed = ticks() - watch->ticks, ns = now_ns() - watch->ns;
	double idle_ticks = (double)(idle_ns() - watch->idle) * (double)ticks_per_ms() / 1e6;

	return (struct lap){
		.busy = (double)elapsed - idle_ticks,
		.elapsed_us = (double)ns / 1e3,
	};
}
