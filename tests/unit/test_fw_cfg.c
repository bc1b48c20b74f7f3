// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fw_cfg: items by ports and by DMA, the directory, and keys that name nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <endian.h>
#include <string.h>

#include "dev/fw_cfg.h"

#define RAM (1u << 20)
#define REQUEST 0x1000u
#define BUFFER 0x2000u

static struct guest_memory *memory;
static struct fw_cfg *fw;

static int setup(void **state)
{
	(void)state;
	if (guest_memory_create(NULL, RAM, &memory))
		return -1;
	fw = fw_cfg_create(memory);
	return fw && !fw_cfg_add(fw, FW_CFG_RAM_SIZE, "12345678", 8) &&
	       !fw_cfg_add_file(fw, "etc/b", "bbbb", 4) && !fw_cfg_add_file(fw, "etc/a", "aa", 2) ?
	       0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fw_cfg_destroy(fw);
	guest_memory_destroy(memory);
	return 0;
}

static void read_item(uint16_t key, void *to, size_t size)
{
	uint8_t *at = to;

	fw_cfg_bus_ops.write(fw, 0, 2, key);
	while (size--)
		*at++ = (uint8_t)fw_cfg_bus_ops.read(fw, 1, 1);
}

/* The request's control word when it is done. */
static uint32_t dma(uint32_t control, uint32_t length, uint64_t address)
{
	uint32_t request[4] = { htobe32(control), htobe32(length), htobe32(address >> 32),
				htobe32((uint32_t)address) };

	assert_int_equal(guest_memory_write(memory, REQUEST, request, sizeof(request)), 0);
	fw_cfg_bus_ops.write(fw, 4, 4, 0);
	fw_cfg_bus_ops.write(fw, 8, 4, htobe32(REQUEST));
	assert_int_equal(guest_memory_read(memory, REQUEST, request, sizeof(request)), 0);
	return be32toh(request[0]);
}

static void test_ports(void **state)
{
	uint8_t bytes[12];

	(void)state;
	read_item(FW_CFG_SIGNATURE, bytes, 4);
	assert_memory_equal(bytes, "QEMU", 4);
	read_item(FW_CFG_RAM_SIZE, bytes, 12);
	assert_memory_equal(bytes, "12345678\0\0\0\0", 12);
	/* A key that asks for writing names the same item. */
	read_item(FW_CFG_RAM_SIZE | 0x4000, bytes, 4);
	assert_memory_equal(bytes, "1234", 4);
}

/* 0x8000 and 0x8001 are how many ACPI tables and SMBIOS entries there are. */
static void test_no_item(void **state)
{
	static const uint16_t keys[] = { 0x02, 0x1f, 0x22, 0x5f, 0x60, 0x3fff, 0x8000, 0x8001,
					 0x8003, 0x8019, 0x8020, 0xc000, 0xffff };
	uint8_t bytes[4];

	(void)state;
	for (unsigned int i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		memset(bytes, 0xff, 4);
		read_item(keys[i], bytes, 4);
		assert_memory_equal(bytes, "\0\0\0\0", 4);
		assert_int_equal(guest_memory_write(memory, BUFFER, "\xff\xff\xff\xff", 4), 0);
		assert_int_equal(dma((uint32_t)keys[i] << 16 | 0x0a, 4, BUFFER), 0);
		assert_int_equal(guest_memory_read(memory, BUFFER, bytes, 4), 0);
		assert_memory_equal(bytes, "\0\0\0\0", 4);
	}
}

static void test_directory(void **state)
{
	uint8_t bytes[4 + 2 * 64], content[4];

	(void)state;
	read_item(FW_CFG_FILE_DIR, bytes, sizeof(bytes));
	assert_memory_equal(bytes, "\0\0\0\2" "\0\0\0\2" "\0\x20", 10);
	assert_string_equal((char *)bytes + 12, "etc/a");
	assert_memory_equal(bytes + 68, "\0\0\0\4" "\0\x21", 6);
	assert_string_equal((char *)bytes + 76, "etc/b");
	read_item(0x21, content, 4);
	assert_memory_equal(content, "bbbb", 4);
}

static void test_dma(void **state)
{
	uint8_t bytes[8];

	(void)state;
	assert_int_equal(fw_cfg_bus_ops.read(fw, 4, 4), htobe32(0x51454d55)); /* "QEMU" */
	assert_int_equal(fw_cfg_bus_ops.read(fw, 8, 4), htobe32(0x20434647)); /* " CFG" */
	/* select and skip, then read on, past the end */
	assert_int_equal(dma(FW_CFG_RAM_SIZE << 16 | 0x0c, 6, 0), 0);
	assert_int_equal(guest_memory_write(memory, BUFFER, "xxxxxxxx", 8), 0);
	assert_int_equal(dma(0x02, 4, BUFFER), 0);
	assert_int_equal(guest_memory_read(memory, BUFFER, bytes, 8), 0);
	assert_memory_equal(bytes, "78\0\0xxxx", 8);
	/* no memory there; writing */
	assert_int_equal(dma(FW_CFG_RAM_SIZE << 16 | 0x0a, 4, RAM), 1);
	assert_int_equal(dma(FW_CFG_RAM_SIZE << 16 | 0x18, 4, BUFFER), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_item, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dma, setup, teardown),
	};

	return cmocka_run_group_tests_name("fw_cfg", tests, NULL, NULL);
}
