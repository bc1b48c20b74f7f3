// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interval timer: any accesses while time passes, also in leaps. No access
 * or leap hurts it, and port 0x61 keeps its four writable bits.
 */
#include "fuzz.h"

#include "dev/i8254.h"
#include "fake_clock.h"

static void step(struct i8254 *pit, struct fake_clock *clock, struct fuzz *f)
{
	uint8_t what = fuzz_u8(f), arg = fuzz_u8(f);
	unsigned int size = 1u << (what >> 5 & 3);

	switch (what & 7) {
	case 0:
	case 1:
		i8254_bus_ops.write(pit, what >> 3 & 3, 1, arg);
		break;
	case 2:
		i8254_bus_ops.write(pit, what >> 3 & 3, size, fuzz_u32(f));
		break;
	case 3:
		i8254_bus_ops.read(pit, what >> 3 & 3, size);
		break;
	case 4:
		i8254_port61_ops.write(pit, 0, 1, arg);
		FUZZ_CHECK((i8254_port61_ops.read(pit, 0, 1) & 0x0f) == (arg & 0x0f));
		break;
	case 5:
		fake_clock_run(clock, clock->now + arg * 1000u, 64);
		break;
	default:
		clock->now += (uint64_t)arg << (what >> 3 & 31);
	}
}

static void on_timer(void *dev)
{
	i8254_expired(dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake_clock clock = {};
	struct fake_line line = {};
	struct i8254_config config = { fake_clock_source(&clock), fake_timer(&clock),
				       fake_irq_line(&line) };
	struct i8254 *pit = i8254_create(&config);
	struct fuzz f = { data, size };

	clock.expired = on_timer;
	clock.dev = pit;
	while (f.left)
		step(pit, &clock, &f);
	i8254_destroy(pit);
	return 0;
}
