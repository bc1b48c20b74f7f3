/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time as devices see it, so that tests can have a clock of their own. In a VM now_ns is
 * the host's CLOCK_MONOTONIC (timers) or CLOCK_REALTIME (calendar), and timers are those
 * of core/loop.h. Any thread.
 */
#ifndef BATON_CORE_CLOCK_H
#define BATON_CORE_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_S 1000000000ull

struct clock_source {
	uint64_t (*now_ns)(void *ctx);
	void *ctx;
};

static inline uint64_t clock_now(const struct clock_source *clock)
{
	return clock->now_ns(clock->ctx);
}

extern const struct clock_source clock_monotonic, clock_realtime;

/* A device's one-shot timer: the last call counts, UINT64_MAX stops it. */
struct clock_timer {
	void (*arm)(void *ctx, uint64_t after_ns);
	void *ctx;
};

static inline void clock_timer_arm(const struct clock_timer *timer, uint64_t after_ns)
{
	timer->arm(timer->ctx, after_ns);
}

/* value * to / from without overflow, rounded down; for conversions between rates. */
static inline uint64_t clock_scale(uint64_t value, uint64_t to, uint64_t from)
{
	return (uint64_t)((unsigned __int128)value * to / from);
}

/* The same, rounded up. */
static inline uint64_t clock_scale_up(uint64_t value, uint64_t to, uint64_t from)
{
	return (uint64_t)(((unsigned __int128)value * to + from - 1) / from);
}

#endif
