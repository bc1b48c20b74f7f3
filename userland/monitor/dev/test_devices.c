/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See test_devices.h. kvm-unit-tests, "README" and its library; QEMU has the same devices
 * as pc-testdev and isa-debug-exit.
 */
#include "test_devices.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEPT		4u	/* bytes of ports */
#define FLUSH		4u	/* offset behind them */

struct test_devices {
	struct test_devices_config config;
	pthread_mutex_t lock;	/* the rest */
	uint8_t kept[KEPT];
	uint64_t mmio[TEST_MMIO_SIZE / 8];
};

const struct state_field test_devices_fields[] = {
	STATE_ARRAY(struct test_devices, kept),
	STATE_ARRAY(struct test_devices, mmio),
};
const size_t test_devices_field_count =
	sizeof(test_devices_fields) / sizeof(test_devices_fields[0]);

/* ---- what keeps bytes ---- */

static uint64_t read_bytes(struct test_devices *test, const uint8_t *from, unsigned int size)
{
	uint64_t value = 0;

	pthread_mutex_lock(&test->lock);
	memcpy(&value, from, size);
	pthread_mutex_unlock(&test->lock);
	return value;
}

static void write_bytes(struct test_devices *test, uint8_t *to, unsigned int size, uint64_t value)
{
	pthread_mutex_lock(&test->lock);
	memcpy(to, &value, size);
	pthread_mutex_unlock(&test->lock);
}

static uint64_t keep_read(void *dev, uint64_t offset, unsigned int size)
{
	struct test_devices *test = dev;

	return offset + size <= KEPT ? read_bytes(test, test->kept + offset, size) : ~0ull;
}

static void keep_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct test_devices *test = dev;

	if (offset + size <= KEPT)
		write_bytes(test, test->kept + offset, size, value);
	else if (offset == FLUSH && size == 4)
		guest_memory_flush_page(test->config.memory, value);
}

static uint64_t mmio_read(void *dev, uint64_t offset, unsigned int size)
{
	struct test_devices *test = dev;

	return read_bytes(test, (uint8_t *)test->mmio + offset, size);
}

static void mmio_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct test_devices *test = dev;

	write_bytes(test, (uint8_t *)test->mmio + offset, size, value);
}

/* ---- the end, and interrupts ---- */

static uint64_t read_none(void *dev, uint64_t offset, unsigned int size)
{
	(void)dev, (void)offset, (void)size;
	return ~0ull;
}

static void exit_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct test_devices *test = dev;

	(void)size;
	if (!offset)
		test->config.end(test->config.ctx, (uint8_t)(value << 1 | 1));
}

static void gsi_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct test_devices *test = dev;

	for (unsigned int i = 0; i < size; i++)
		test->config.gsi(test->config.ctx, (unsigned int)offset + i,
				 value >> 8 * i & 0xff);
}

/* ---- create and destroy ---- */

struct test_devices *test_devices_create(const struct test_devices_config *config)
{
	struct test_devices *test = calloc(1, sizeof(*test));

	if (!test)
		return NULL;
	test->config = *config;
	pthread_mutex_init(&test->lock, NULL);
	return test;
}

void test_devices_destroy(struct test_devices *test)
{
	if (!test)
		return;
	pthread_mutex_destroy(&test->lock);
	free(test);
}

const struct bus_ops test_exit_ops = { .read = read_none, .write = exit_write };
const struct bus_ops test_keep_ops = { .read = keep_read, .write = keep_write };
const struct bus_ops test_gsi_ops = { .read = read_none, .write = gsi_write };
const struct bus_ops test_mmio_ops = { .read = mmio_read, .write = mmio_write };
