/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See clock.h. */
#include "clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t monotonic(void *ctx)
{
	(void)ctx;
	return read_clock(CLOCK_MONOTONIC);
}

static uint64_t realtime(void *ctx)
{
	(void)ctx;
	return read_clock(CLOCK_REALTIME);
}

const struct clock_source clock_monotonic = { .now_ns = monotonic };
const struct clock_source clock_realtime = { .now_ns = realtime };
