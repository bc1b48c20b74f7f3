// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ACPI fixed registers as a guest uses them, the reset ports and the debug port.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "dev/ich9_pm.h"
#include "dev/reset_ports.h"
#include "fake_clock.h"

static struct fake_clock time_;
static struct fake_line sci;
static struct ich9_pm *pm;
static enum machine_end end;

static void take_request(void *ctx, enum machine_end how)
{
	(void)ctx;
	end = how;
}

static void on_timer(void *dev)
{
	ich9_pm_expired(dev);
}

static int setup(void **state)
{
	struct ich9_pm_config config;

	(void)state;
	time_ = (struct fake_clock){ .now = 77 };
	sci = (struct fake_line){};
	end = MACHINE_RUNNING;
	config = (struct ich9_pm_config){ fake_clock_source(&time_), fake_timer(&time_),
					  fake_irq_line(&sci), take_request, NULL };
	pm = ich9_pm_create(&config);
	time_.dev = pm;
	time_.expired = on_timer;
	return pm ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ich9_pm_destroy(pm);
	return 0;
}

static void out(unsigned int reg, unsigned int size, uint32_t value)
{
	ich9_pm_bus_ops.write(pm, reg, size, value);
}

static uint32_t in(unsigned int reg, unsigned int size)
{
	return (uint32_t)ich9_pm_bus_ops.read(pm, reg, size);
}

static void test_timer_counts(void **state)
{
	(void)state;
	assert_int_equal(in(8, 4), 0);
	time_.now += CLOCK_NS_PER_S;
	assert_in_range(in(8, 4), 3579544, 3579545);
	time_.now += 4 * CLOCK_NS_PER_S;
	assert_in_range(in(8, 4), 17897723, 17897725);	/* 32 bits, more than 24 */
}

/* Bit 31 changes every 2^31 ticks, 600 s. */
static void test_timer_overflow(void **state)
{
	(void)state;
	ich9_apm_bus_ops.write(pm, 0, 1, ICH9_APM_ACPI_ENABLE);
	assert_int_equal(in(4, 2), 1);
	assert_false(time_.armed);
	out(2, 2, 1);
	fake_clock_run(&time_, time_.now + 599 * CLOCK_NS_PER_S, 100);
	assert_false(sci.level);
	fake_clock_run(&time_, time_.now + 2 * CLOCK_NS_PER_S, 100);
	assert_true(sci.level);
	out(0, 2, 1);
	assert_false(sci.level);
	fake_clock_run(&time_, time_.now + 601 * CLOCK_NS_PER_S, 100);
	assert_int_equal(sci.rises, 2);
}

static void test_power_button(void **state)
{
	(void)state;
	assert_false(ich9_pm_power_button(pm));
	assert_int_equal(in(0, 2), 0x100);
	assert_false(sci.level);
	out(2, 2, 0x100);
	assert_false(sci.level);	/* ACPI is not enabled yet */
	ich9_apm_bus_ops.write(pm, 0, 1, ICH9_APM_ACPI_ENABLE);
	assert_true(sci.level);
	out(1, 1, 1);			/* a byte of the status clears it, too */
	assert_false(sci.level);
	ich9_apm_bus_ops.write(pm, 0, 1, ICH9_APM_ACPI_DISABLE);
	ich9_pm_power_button(pm);
	assert_false(sci.level);
}

static void test_sleep(void **state)
{
	(void)state;
	out(4, 2, 0x2000 | 5 << 10);
	assert_int_equal(end, MACHINE_RUNNING);
	out(4, 2, 7 << 10);
	assert_int_equal(end, MACHINE_RUNNING);
	out(4, 2, 0x2000 | 7 << 10);
	assert_int_equal(end, MACHINE_POWEROFF);
	assert_int_equal(in(4, 2), 7 << 10);	/* SLP_EN reads as zero */
}

static void test_smi_en_and_apm(void **state)
{
	(void)state;
	out(0x30, 4, 0x12345678);
	assert_int_equal(in(0x30, 4), 0x12345678 | 0x20);	/* APMC_EN stays */
	ich9_apm_bus_ops.write(pm, 1, 1, 0x5a);
	assert_int_equal(ich9_apm_bus_ops.read(pm, 1, 1), 0x5a);
}

static void test_reset_ports(void **state)
{
	struct reset_ports ports = { .request = take_request };

	(void)state;
	end = MACHINE_RUNNING;
	reset_control_bus_ops.write(&ports, 0, 1, 2);
	reset_port92_bus_ops.write(&ports, 0, 1, 0);
	assert_int_equal(reset_port92_bus_ops.read(&ports, 0, 1), 2);
	assert_int_equal(end, MACHINE_RUNNING);
	reset_control_bus_ops.write(&ports, 0, 1, 6);
	assert_int_equal(end, MACHINE_RESET);
	end = MACHINE_RUNNING;
	reset_port92_bus_ops.write(&ports, 0, 1, 3);
	assert_int_equal(end, MACHINE_RESET);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_timer_counts), TEST(test_timer_overflow), TEST(test_power_button),
		TEST(test_sleep), TEST(test_smi_en_and_apm),
		cmocka_unit_test(test_reset_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
