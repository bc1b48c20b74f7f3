// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The test devices: the end with a status, ports and memory that keep what is written,
 * interrupt levels, a page that is taken away, and accesses of other widths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "dev/test_devices.h"

#define RAM (1u << 20)

static struct guest_memory *memory;
static struct test_devices *test;
static int status, gsi, level;

static void on_end(void *ctx, uint8_t value)
{
	assert_ptr_equal(ctx, &memory);
	status = value;
}

static void on_gsi(void *ctx, unsigned int number, bool high)
{
	assert_ptr_equal(ctx, &memory);
	gsi = (int)number;
	level = high;
}

static int setup(void **state)
{
	struct test_devices_config config = { .end = on_end, .gsi = on_gsi, .ctx = &memory };

	(void)state;
	status = gsi = level = -1;
	if (guest_memory_create(NULL, RAM, &memory))
		return -1;
	config.memory = memory;
	test = test_devices_create(&config);
	return test ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	test_devices_destroy(test);
	guest_memory_destroy(memory);
	return 0;
}

static void test_exit(void **state)
{
	(void)state;
	test_exit_ops.write(test, 1, 1, 3);
	assert_int_equal(status, -1);
	test_exit_ops.write(test, 0, 1, 3);
	assert_int_equal(status, 7);
	test_exit_ops.write(test, 0, 4, 0);
	assert_int_equal(status, 1);
	test_exit_ops.write(test, 0, 4, 0x12345681);
	assert_int_equal(status, 3);
}

static void test_ports(void **state)
{
	(void)state;
	test_keep_ops.write(test, 0, 4, 0x44332211);
	assert_int_equal(test_keep_ops.read(test, 0, 1), 0x11);
	assert_int_equal(test_keep_ops.read(test, 1, 2), 0x3322);
	assert_int_equal(test_keep_ops.read(test, 0, 4), 0x44332211);
	test_keep_ops.write(test, 3, 1, 0x55);
	test_keep_ops.write(test, 3, 2, 0x6666);
	assert_int_equal(test_keep_ops.read(test, 0, 4), 0x55332211);
	assert_int_equal(test_keep_ops.read(test, 4, 4) & 0xffffffff, 0xffffffff);
}

static void test_memory(void **state)
{
	(void)state;
	test_mmio_ops.write(test, 0, 8, 0x8877665544332211);
	test_mmio_ops.write(test, TEST_MMIO_SIZE - 1, 1, 0x99);
	assert_int_equal(test_mmio_ops.read(test, 2, 4), 0x66554433);
	assert_int_equal(test_mmio_ops.read(test, 0, 8), 0x8877665544332211);
	assert_int_equal(test_mmio_ops.read(test, TEST_MMIO_SIZE - 1, 1), 0x99);
}

static void test_gsis(void **state)
{
	(void)state;
	test_gsi_ops.write(test, 23, 1, 1);
	assert_true(gsi == 23 && level == 1);
	test_gsi_ops.write(test, 9, 1, 0);
	assert_true(gsi == 9 && level == 0);
	test_gsi_ops.write(test, 4, 2, 0x100); /* two bytes */
	assert_true(gsi == 5 && level == 1);
}

static bool is_mapped(uint64_t gpa)
{
	uint64_t entry = 0, va = (uintptr_t)guest_memory_at(memory, gpa, 1);
	FILE *file = fopen("/proc/self/pagemap", "r");

	assert_non_null(file);
	assert_int_equal(fseek(file, (long)(va / 4096 * 8), SEEK_SET), 0);
	assert_int_equal(fread(&entry, sizeof(entry), 1, file), 1);
	fclose(file);
	return entry >> 63;
}

static void test_flush(void **state)
{
	char *at = guest_memory_at(memory, 0x5000, 8);

	(void)state;
	memcpy(at, "content", 8);
	memcpy(at + 4096, "content", 8);
	assert_true(is_mapped(0x5000));
	test_keep_ops.write(test, 4, 2, 0x5000);
	assert_true(is_mapped(0x5000));
	test_keep_ops.write(test, 4, 4, 0x5123);
	assert_false(is_mapped(0x5000));
	assert_true(is_mapped(0x6000));
	assert_string_equal(at, "content");
	test_keep_ops.write(test, 4, 4, RAM);
	test_keep_ops.write(test, 4, 4, 0xfffff000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gsis, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flush, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
