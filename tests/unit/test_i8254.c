// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The interval timer against a clock that the test moves: modes, access,
 * latches, read-back, gate, and how many interrupts counter 0 gives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "dev/i8254.h"
#include "fake_clock.h"

#define TICK_NS(n) ((n) * CLOCK_NS_PER_S / I8254_HZ + 1)

static struct fake_clock time_;
static struct fake_line line;
static struct i8254 *pit;

static void on_timer(void *dev)
{
	i8254_expired(dev);
}

static int setup(void **state)
{
	struct i8254_config config;

	(void)state;
	time_ = (struct fake_clock){ .now = 1000000 };
	line = (struct fake_line){};
	config = (struct i8254_config){ fake_clock_source(&time_), fake_timer(&time_),
					fake_irq_line(&line) };
	pit = i8254_create(&config);
	time_.dev = pit;
	time_.expired = on_timer;
	return pit ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	i8254_destroy(pit);
	i8254_destroy(NULL);
	return 0;
}

static void out(unsigned int reg, uint8_t value)
{
	i8254_bus_ops.write(pit, reg, 1, value);
}

static uint8_t in(unsigned int reg)
{
	return (uint8_t)i8254_bus_ops.read(pit, reg, 1);
}

static unsigned int read16(unsigned int reg)
{
	unsigned int low = in(reg);

	return low | (unsigned int)in(reg) << 8;
}

static void program(unsigned int counter, uint8_t control, uint16_t count)
{
	out(3, (uint8_t)(counter << 6 | control));
	out(counter, (uint8_t)count);
	out(counter, (uint8_t)(count >> 8));
}

static void run_ticks(uint64_t ticks)
{
	fake_clock_run(&time_, time_.now + TICK_NS(ticks), 10000);
}

static uint8_t port61(void)
{
	return (uint8_t)i8254_port61_ops.read(pit, 0, 1);
}

static void test_rate_generator(void **state)
{
	(void)state;
	assert_false(time_.armed);
	program(0, 0x34, 11932);
	line.rises = 0;
	fake_clock_run(&time_, time_.now + CLOCK_NS_PER_S, 10000);
	assert_in_range(line.rises, 99, 100);
}

/* One edge for all that the host was late for. */
static void test_late_ticks_merge(void **state)
{
	(void)state;
	program(0, 0x34, 1000);
	line.rises = 0;
	time_.now += TICK_NS(5000);	/* the host slept */
	run_ticks(4000);
	assert_in_range(line.rises, 4, 6);
	line.rises = 0;
	time_.now += TICK_NS(1000000);
	run_ticks(20000);
	assert_in_range(line.rises, 20, 22);
}

static void test_one_shot(void **state)
{
	(void)state;
	program(0, 0x30, 1000);
	assert_false(line.level);
	run_ticks(999);
	assert_false(line.level);
	run_ticks(60);
	assert_true(line.level);
	assert_false(time_.armed);	/* nothing more to come */
	out(0, 10);
	assert_false(line.level);	/* first byte of a new count */
	out(0, 0);
	run_ticks(60);
	assert_int_equal(line.rises, 2);
}

static void test_strobe(void **state)
{
	(void)state;
	program(0, 0x38, 100);
	line.rises = 0;
	run_ticks(5000);
	assert_int_equal(line.rises, 1);
	assert_false(time_.armed);
}

static void test_count_and_latch(void **state)
{
	(void)state;
	program(2, 0x34, 1000);
	i8254_port61_ops.write(pit, 0, 1, 1);
	run_ticks(100);
	out(3, 0x80);			/* latch */
	run_ticks(50);
	assert_in_range(read16(2), 899, 901);
	assert_in_range(read16(2), 848, 851);
	out(3, 0xc8);			/* read back both of counter 2 */
	assert_int_equal(in(2) & 0x7f, 0x34);
	assert_in_range(read16(2), 848, 851);
}

static void test_bcd(void **state)
{
	(void)state;
	program(0, 0x31, 0x1000);
	run_ticks(1);
	assert_in_range(read16(0), 0x0998, 0x0999);
}

static void test_null_count(void **state)
{
	(void)state;
	out(3, 0x34);
	out(3, 0xe2);			/* status of counter 0 */
	assert_int_equal(in(0), 0xf4);	/* out high, null count */
}

/* How Linux and Memtest86+ measure the TSC. */
static void test_speaker_gate(void **state)
{
	(void)state;
	i8254_port61_ops.write(pit, 0, 1, 0);
	program(2, 0x30, 1000);
	run_ticks(2000);
	assert_int_equal(port61() & 0x20, 0);	/* gate low: it waits */
	i8254_port61_ops.write(pit, 0, 1, 1);
	assert_int_equal(port61() & 0x2f, 1);
	run_ticks(500);
	i8254_port61_ops.write(pit, 0, 1, 0);
	run_ticks(2000);
	assert_int_equal(port61() & 0x20, 0);
	i8254_port61_ops.write(pit, 0, 1, 1);
	run_ticks(501);
	assert_int_equal(port61() & 0x20, 0x20);
}

static void test_hardware_one_shot(void **state)
{
	(void)state;
	i8254_port61_ops.write(pit, 0, 1, 0);
	program(2, 0x32, 100);
	assert_int_equal(port61() & 0x20, 0x20);
	i8254_port61_ops.write(pit, 0, 1, 1);
	assert_int_equal(port61() & 0x20, 0);
	run_ticks(101);
	assert_int_equal(port61() & 0x20, 0x20);
}

static void test_square_wave(void **state)
{
	(void)state;
	i8254_port61_ops.write(pit, 0, 1, 1);
	program(2, 0x36, 100);
	run_ticks(20);
	assert_int_equal(port61() & 0x20, 0x20);
	run_ticks(50);
	assert_int_equal(port61() & 0x20, 0);
}

static void test_refresh_toggles(void **state)
{
	uint8_t before = port61();

	(void)state;
	time_.now += 15085;
	assert_int_equal((before ^ port61()) & 0x10, 0x10);
}

static void test_fast_rate_is_bounded(void **state)
{
	(void)state;
	program(0, 0x34, 2);
	assert_in_range(fake_clock_run(&time_, time_.now + 10000000, 10000), 10, 201);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rate_generator), TEST(test_late_ticks_merge),
		TEST(test_one_shot), TEST(test_strobe), TEST(test_count_and_latch),
		TEST(test_bcd), TEST(test_null_count), TEST(test_speaker_gate),
		TEST(test_hardware_one_shot), TEST(test_square_wave), TEST(test_refresh_toggles),
		TEST(test_fast_rate_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
