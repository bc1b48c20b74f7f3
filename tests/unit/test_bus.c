// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which handlers an access meets, and by how many bytes: within a range, over its ends,
 * with a range or none at either side, and around one that is narrower than the access.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/bus.h"

#define SPACE 64

/* Each range has its part of the same bytes. */
static uint8_t bytes[SPACE];
static unsigned int last_size;
static struct bus *bus;

static uint64_t read_part(void *dev, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	last_size = size;
	memcpy(&value, (uint8_t *)dev + offset, size);
	return value;
}

static void write_part(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	last_size = size;
	memcpy((uint8_t *)dev + offset, &value, size);
}

static const struct bus_ops ops = { .read = read_part, .write = write_part };

static void add(uint64_t base, uint64_t size)
{
	assert_int_equal(bus_add(bus, base, size, &ops, bytes + base, "part"), 0);
}

static bool has_range(uint64_t at)
{
	return (at >= 8 && at < 16) || (at >= 16 && at < 20) || at == 24 || (at >= 30 && at < 32);
}

static int set_up(void **state)
{
	(void)state;
	bus = bus_create();
	add(8, 8);
	add(16, 4);
	add(24, 1);
	add(30, 2);
	for (unsigned int i = 0; i < SPACE; i++)
		bytes[i] = (uint8_t)(i + 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bus_destroy(bus);
	return 0;
}

static void test_reads(void **state)
{
	(void)state;
	for (unsigned int size = 1; size <= 8; size *= 2)
		for (uint64_t at = 0; at < 40; at++) {
			uint64_t want = 0;

			for (unsigned int i = 0; i < size; i++)
				want |= (uint64_t)(has_range(at + i) ? at + i + 1 : 0xff) << 8 * i;
			assert_int_equal(bus_read(bus, at, size), want);
		}
}

static void test_writes(void **state)
{
	(void)state;
	for (unsigned int size = 1; size <= 8; size *= 2)
		for (uint64_t at = 0; at < 40; at++) {
			memset(bytes, 0, sizeof(bytes));
			bus_write(bus, at, size, 0x8877665544332211ull);
			for (unsigned int i = 0; i < SPACE; i++) {
				bool hit = i >= at && i < at + size && has_range(i);

				assert_int_equal(bytes[i], hit ? 0x11 * (i - at + 1) : 0);
			}
		}
}

/* What fits is one access; what does not is bytes. */
static void test_sizes(void **state)
{
	(void)state;
	bus_read(bus, 8, 8);
	assert_int_equal(last_size, 8);
	bus_read(bus, 18, 2);
	assert_int_equal(last_size, 2);
	bus_read(bus, 14, 4);
	assert_int_equal(last_size, 1);
	bus_write(bus, 22, 4, 0);
	assert_int_equal(last_size, 1);
}

static void test_ranges(void **state)
{
	(void)state;
	assert_int_equal(bus_add(bus, 15, 1, &ops, bytes, "again"), -EEXIST);
	assert_int_equal(bus_add(bus, 20, 5, &ops, bytes, "over"), -EEXIST);
	bus_remove(bus, 24, 1);
	assert_int_equal(bus_read(bus, 24, 1), 0xff);
	add(20, 10);
	assert_int_equal(bus_read(bus, 28, 1), 29);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ranges, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
