// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The real-time clock: formats, setting, interrupts, and what survives a reset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "dev/rtc.h"
#include "fake_clock.h"

#define LEAP_DAY 1709251199ull	/* 2024-02-29 23:59:59, a Thursday */

static struct fake_clock time_;
static struct fake_line line;
static struct rtc *rtc;

static void on_timer(void *dev)
{
	rtc_expired(dev);
}

static struct rtc *create(const struct rtc_kept *kept)
{
	struct rtc_config config = { fake_clock_source(&time_), fake_timer(&time_),
				     fake_irq_line(&line), kept };
	struct rtc *new = rtc_create(&config);

	time_.dev = new;
	time_.expired = on_timer;
	return new;
}

static int setup(void **state)
{
	(void)state;
	time_ = (struct fake_clock){ .now = LEAP_DAY * CLOCK_NS_PER_S };
	line = (struct fake_line){};
	rtc = create(NULL);
	return rtc ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	rtc_destroy(rtc);
	return 0;
}

static uint8_t in(uint8_t index)
{
	rtc_bus_ops.write(rtc, 0, 1, index);
	return (uint8_t)rtc_bus_ops.read(rtc, 1, 1);
}

static void out(uint8_t index, uint8_t value)
{
	rtc_bus_ops.write(rtc, 0, 1, index);
	rtc_bus_ops.write(rtc, 1, 1, value);
}

static void run(uint64_t ns)
{
	fake_clock_run(&time_, time_.now + ns, 100000);
}

static void test_formats(void **state)
{
	(void)state;
	assert_int_equal(in(0), 0x59);
	assert_int_equal(in(4), 0x23);
	assert_int_equal(in(6), 5);
	assert_int_equal(in(7), 0x29);
	assert_int_equal(in(8), 2);
	assert_int_equal(in(9), 0x24);
	assert_int_equal(in(0x32), 0x20);
	assert_int_equal(in(0xd), 0x80);
	out(0xb, 4);			/* binary, 12 h */
	assert_int_equal(in(4), 0x80 | 11);
	assert_int_equal(in(2), 59);
	run(CLOCK_NS_PER_S);
	assert_int_equal(in(4), 12);
	assert_int_equal(in(8), 3);
}

static void test_set(void **state)
{
	struct rtc_kept kept;

	(void)state;
	out(0xb, 0x82);
	out(4, 0x05);
	run(10 * CLOCK_NS_PER_S);
	assert_int_equal(in(0), 0x59);	/* stands */
	out(0xb, 0x02);
	assert_int_equal(in(4), 0x05);
	rtc_keep(rtc, &kept);
	assert_int_equal(kept.offset_s, -18 * 3600 - 10);
	out(9, 0x30);			/* without SET */
	assert_int_equal(in(9), 0x30);
}

static void test_uip(void **state)
{
	(void)state;
	assert_int_equal(in(0xa), 0x26);
	time_.now += CLOCK_NS_PER_S - 100000;
	assert_int_equal(in(0xa), 0xa6);
}

static void test_periodic(void **state)
{
	(void)state;
	assert_false(time_.armed);
	out(0xb, 0x42);
	for (unsigned int i = 0; i < 100; i++) {
		run(976563);
		assert_true(line.level);
		assert_int_equal(in(0xc) & 0xc0, 0xc0);
		assert_false(line.level);
	}
	assert_int_equal(line.rises, 100);
}

static void test_update_and_alarm(void **state)
{
	(void)state;
	in(0xc);
	out(1, 0x03);
	out(3, 0xff);
	out(5, 0xff);
	out(0xb, 0x22);
	run(3 * CLOCK_NS_PER_S + 500);
	assert_false(line.level);
	run(CLOCK_NS_PER_S);
	assert_true(line.level);
	assert_int_equal(in(0xc) & 0xb0, 0xb0);
	out(0xb, 0x12);
	run(CLOCK_NS_PER_S);
	assert_int_equal(in(0xc) & 0x90, 0x90);
}

/* How long each takes from 23:59:59; 0: it never comes. */
static void test_alarms(void **state)
{
	static const struct {
		uint8_t hours, minutes, seconds, mode;
		uint64_t after;
	} cases[] = {
		{ 0x00, 0x00, 0x00, 0x22, 1 }, { 0xff, 0xff, 0x30, 0x22, 31 },
		{ 0xff, 0x05, 0xc0, 0x22, 301 }, { 0xff, 0x05, 0x59, 0x22, 360 },
		{ 0x07, 0xff, 0xff, 0x22, 7 * 3600 + 1 },
		{ 0x07, 0x30, 0x15, 0x22, 7 * 3600 + 1816 },
		{ 0x23, 0x59, 0x59, 0x22, 86400 }, { 0x87, 0x00, 0x00, 0x20, 19 * 3600 + 1 },
		{ 19, 30, 10, 0x26, 19 * 3600 + 1811 }, { 0x25, 0xff, 0xff, 0x22, 0 },
		{ 0xff, 0x60, 0xff, 0x22, 0 }, { 0xff, 0xff, 0x0a, 0x22, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t wait = cases[i].after ? cases[i].after : 2 * 86400;

		out(1, cases[i].seconds);
		out(3, cases[i].minutes);
		out(5, cases[i].hours);
		in(0xc);
		out(0xb, cases[i].mode);
		run(wait * CLOCK_NS_PER_S - 1);
		if (line.level)
			fail_msg("alarm %zu is early", i);
		run(1);
		if (line.level != !!cases[i].after)
			fail_msg("alarm %zu: %d", i, line.level);
		teardown(state);
		setup(state);
	}
}

static void test_nmi_and_ram(void **state)
{
	struct rtc_kept kept;

	(void)state;
	rtc_set_cmos(rtc, 0x34, 0x12);
	rtc_set_cmos(rtc, 0x0b, 0xff);
	rtc_set_cmos(rtc, 0x80, 1);
	assert_int_equal(in(0xb4), 0x12);
	out(0x7f, 0x77);
	out(7, 0x01);
	rtc_keep(rtc, &kept);
	rtc_destroy(rtc);
	rtc = create(&kept);
	assert_int_equal(in(0x7f), 0x77);
	assert_int_equal(in(7), 0x01);
	assert_int_equal(in(0xb), 0x02);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_formats), TEST(test_set), TEST(test_uip), TEST(test_periodic),
		TEST(test_update_and_alarm), TEST(test_alarms), TEST(test_nmi_and_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
