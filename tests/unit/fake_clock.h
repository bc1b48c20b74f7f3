/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time that stands until a test moves it, with one one-shot timer; and an interrupt
 * line that counts its rises. Also for fuzz targets.
 */
#ifndef BATON_TESTS_FAKE_CLOCK_H
#define BATON_TESTS_FAKE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/irq.h"

struct fake_clock {
	uint64_t now, due;
	bool armed;
	void (*expired)(void *dev);
	void *dev;
};

static inline uint64_t fake_now(void *ctx)
{
	return ((struct fake_clock *)ctx)->now;
}

static inline void fake_arm(void *ctx, uint64_t after_ns)
{
	struct fake_clock *clock = ctx;

	clock->armed = after_ns != UINT64_MAX;
	clock->due = clock->now + after_ns;
}

static inline struct clock_source fake_clock_source(struct fake_clock *clock)
{
	return (struct clock_source){ .now_ns = fake_now, .ctx = clock };
}

static inline struct clock_timer fake_timer(struct fake_clock *clock)
{
	return (struct clock_timer){ .arm = fake_arm, .ctx = clock };
}

/* Lets time go on to `to`; the timer runs at its time, at most `limit` times. */
static inline unsigned int fake_clock_run(struct fake_clock *clock, uint64_t to,
					  unsigned int limit)
{
	unsigned int runs = 0;

	while (runs < limit && clock->armed && clock->due <= to) {
		clock->now = clock->due > clock->now ? clock->due : clock->now;
		clock->armed = false;
		clock->expired(clock->dev);
		runs++;
	}
	clock->now = to > clock->now ? to : clock->now;
	return runs;
}

struct fake_line {
	bool level;
	unsigned int rises;
};

static inline void fake_line_set(void *chip, unsigned int pin, bool level)
{
	struct fake_line *line = chip;

	(void)pin;
	line->rises += level && !line->level;
	line->level = level;
}

static inline struct irq_line fake_irq_line(struct fake_line *line)
{
	return (struct irq_line){ .set = fake_line_set, .chip = line };
}

#endif
