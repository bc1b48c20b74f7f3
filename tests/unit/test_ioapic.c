// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * I/O APIC: edges, masked and not, and levels with their EOI.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "dev/ioapic.h"

#define PIN 14u
#define VECTOR 0x81u
#define REMOTE_IRR (1u << 14)
#define LEVEL (1u << 15)
#define MASKED (1u << 16)

static struct ioapic *ioapic;
static unsigned int sent;
static bool routed;

static void take_message(void *ctx, uint64_t address, uint32_t data)
{
	(void)ctx;
	assert_int_equal(address, 0xfee00000);
	assert_int_equal(data & 0xff, VECTOR);
	sent++;
}

static void take_route(void *ctx, unsigned int pin, uint64_t address, uint32_t data, bool level)
{
	(void)ctx, (void)address, (void)data;
	assert_int_equal(pin, PIN);
	routed = level;
}

static int setup(void **state)
{
	const struct ioapic_config config = { .msi = { take_message, NULL }, .route = take_route };

	(void)state;
	sent = 0;
	ioapic = ioapic_create(&config);
	return ioapic ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ioapic_destroy(ioapic);
	return 0;
}

static void set_entry(uint32_t low)
{
	ioapic_bus_ops.write(ioapic, 0, 4, 0x10 + 2 * PIN);
	ioapic_bus_ops.write(ioapic, 0x10, 4, low);
}

static uint32_t get_entry(void)
{
	ioapic_bus_ops.write(ioapic, 0, 4, 0x10 + 2 * PIN);
	return (uint32_t)ioapic_bus_ops.read(ioapic, 0x10, 4);
}

static void pulse(void)
{
	ioapic_set(ioapic, PIN, true);
	ioapic_set(ioapic, PIN, false);
}

/* 82093AA data sheet, "Interrupt Mask": edges are neither delivered nor held pending. */
static void test_masked_edge(void **state)
{
	(void)state;
	set_entry(VECTOR | MASKED);
	pulse();
	set_entry(VECTOR);
	assert_int_equal(sent, 0);
	pulse();
	assert_int_equal(sent, 1);
	set_entry(VECTOR | MASKED);
	ioapic_set(ioapic, PIN, true);
	set_entry(VECTOR);
	assert_int_equal(sent, 1);
}

static void test_edge(void **state)
{
	(void)state;
	set_entry(VECTOR);
	pulse();
	pulse();
	assert_int_equal(sent, 2);
	ioapic_set(ioapic, PIN, true);
	ioapic_set(ioapic, PIN, true);
	assert_int_equal(sent, 3);
	assert_int_equal(get_entry(), VECTOR);
}

static void test_level(void **state)
{
	(void)state;
	set_entry(VECTOR | LEVEL | MASKED);
	ioapic_set(ioapic, PIN, true);
	assert_int_equal(sent, 0);
	set_entry(VECTOR | LEVEL);
	assert_int_equal(sent, 1);
	assert_int_equal(get_entry(), VECTOR | LEVEL | REMOTE_IRR);
	ioapic_eoi(ioapic, VECTOR);
	assert_int_equal(sent, 2);
	ioapic_set(ioapic, PIN, false);
	ioapic_eoi(ioapic, VECTOR);
	assert_int_equal(sent, 2);
	assert_int_equal(get_entry(), VECTOR | LEVEL);
}

/* Masked while its interrupt is being handled: the engine still has to tell of the EOI. */
static void test_route(void **state)
{
	(void)state;
	set_entry(VECTOR | LEVEL);
	assert_true(routed);
	ioapic_set(ioapic, PIN, true);
	set_entry(VECTOR | LEVEL | MASKED);
	assert_true(routed);
	ioapic_eoi(ioapic, VECTOR);
	set_entry(VECTOR | LEVEL | MASKED);
	assert_false(routed);
	set_entry(VECTOR | LEVEL);
	assert_true(routed);
	assert_int_equal(sent, 2);
	ioapic_set(ioapic, PIN, false);
	set_entry(VECTOR);
	assert_false(routed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_masked_edge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_level, setup, teardown),
		cmocka_unit_test_setup_teardown(test_route, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
