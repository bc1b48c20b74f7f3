// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Real-time clock: any accesses while time passes, also backwards. Its line is
 * up only for an interrupt that is enabled, and reading C takes it down.
 */
#include "fuzz.h"

#include "dev/rtc.h"
#include "fake_clock.h"

static void step(struct rtc *rtc, struct fake_clock *clock, struct fake_line *line, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);
	unsigned int size = 1u << (what >> 4 & 3);

	switch (what & 7) {
	case 0:
	case 1:
		rtc_bus_ops.write(rtc, 0, 2, arg << 8 | (what >> 3 & 15));
		break;
	case 2:
		rtc_bus_ops.write(rtc, what >> 3 & 1, size, fuzz_u32(f));
		break;
	case 3:
		rtc_bus_ops.read(rtc, what >> 3 & 1, size);
		break;
	case 4:
		rtc_bus_ops.write(rtc, 0, 1, 12);
		rtc_bus_ops.read(rtc, 1, 1);
		FUZZ_CHECK(!line->level);
		break;
	case 5:
		rtc_set_cmos(rtc, arg, what);
		break;
	case 6:
		fake_clock_run(clock, clock->now + ((uint64_t)arg << (what >> 3)), 64);
		break;
	default:
		clock->now -= clock->now >> (arg & 63);
	}
}

static void on_timer(void *dev)
{
	rtc_expired(dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_clock clock = { .now = 1700000000ull * CLOCK_NS_PER_S };
	struct fake_line line = {};
	struct rtc_config config = { fake_clock_source(&clock), fake_timer(&clock),
				     fake_irq_line(&line), NULL };
	struct rtc *rtc = rtc_create(&config);
	struct fuzz f = { data, size };

	clock.expired = on_timer;
	clock.dev = rtc;
	while (f.left)
		step(rtc, &clock, &line, &f);
	rtc_destroy(rtc);
	return 0;
}
