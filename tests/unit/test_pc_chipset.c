// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What firmware does to the chipset of board pc: shadow RAM through PAM, the ECAM, the
 * power-management ports, the routing of PCI's interrupt pins; and both views of memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>

#include "pc_chipset.h"

#define MCH 0
#define PAM0 0x90

static int setup(void **state)
{
	*state = chipset_create();
	return 0;
}

static int teardown(void **state)
{
	chipset_destroy(*state);
	return 0;
}

static uint8_t cpu_reads(struct chipset *c, uint64_t gpa)
{
	uint8_t byte;

	/* what no window shows exits, and ends on the bus */
	if (guest_memory_read(c->m.memory, gpa, &byte, 1))
		byte = (uint8_t)bus_read(c->m.mmio, gpa, 1);
	return byte;
}

static void cpu_writes(struct chipset *c, uint64_t gpa, uint8_t byte)
{
	if (guest_memory_write(c->m.memory, gpa, &byte, 1))
		bus_write(c->m.mmio, gpa, 1, byte);
}

static uint8_t *ram(struct chipset *c, uint64_t gpa)
{
	uint8_t *at = guest_memory_at(c->m.memory, gpa, 1);

	assert_non_null(at);
	return at;
}

static void test_identity(void **state)
{
	assert_int_equal(chipset_config_read(*state, MCH, 0, 4), 0x29c08086);
	assert_int_equal(chipset_config_read(*state, ICH9_LPC_SLOT, 0, 4), 0x29188086);
	assert_int_equal(chipset_config_read(*state, ICH9_LPC_SLOT, 8, 4) >> 8, 0x060100);
}

static void test_power_on(void **state)
{
	assert_int_equal(cpu_reads(*state, 0xffff0), 0xf1);
	assert_int_equal(cpu_reads(*state, 0xe0000), 0xf1);
	assert_int_equal(cpu_reads(*state, 0xc0000), 0xff);
	assert_int_equal(cpu_reads(*state, 0xdffff), 0xff);
	cpu_writes(*state, 0xf0000, 0x11);
	cpu_writes(*state, 0xc0000, 0x11);
	assert_int_equal(cpu_reads(*state, 0xf0000), 0xf1);
	assert_int_equal(*ram(*state, 0xf0000), 0);
	assert_int_equal(*ram(*state, 0xc0000), 0);
}

/* Each piece alone: its address, register and shift. */
static void test_pam_pieces(void **state)
{
	for (unsigned int i = 0; i < PAM_PIECES; i++) {
		bool last = i == PAM_PIECES - 1;
		unsigned int reg = last ? PAM0 : PAM0 + 1 + i / 2, shift = last || i % 2 ? 4 : 0;
		uint64_t start = 0xc0000 + 0x4000ull * i, end = last ? 0x100000 : start + 0x4000;

		chipset_config_write(*state, MCH, reg, 1, 3u << shift);
		cpu_writes(*state, start, 0x5a);
		cpu_writes(*state, end - 1, 0xa5);
		assert_int_equal(*ram(*state, start), 0x5a);
		assert_int_equal(*ram(*state, end - 1), 0xa5);
		assert_int_equal(cpu_reads(*state, start), 0x5a);
		if (!last) {
			cpu_writes(*state, end, 0x33);
			assert_int_equal(*ram(*state, end), 0);
		}
		chipset_config_write(*state, MCH, reg, 1, 0);
		assert_int_not_equal(cpu_reads(*state, start), 0x5a);
	}
}

static void test_pam_copy(void **state)
{
	/* reads from the firmware, writes to RAM: how a shadow copy is made in place */
	chipset_config_write(*state, MCH, PAM0, 1, 0x20);
	cpu_writes(*state, 0xf1234, 0x77);
	assert_int_equal(cpu_reads(*state, 0xf1234), 0xf1);
	assert_int_equal(*ram(*state, 0xf1234), 0x77);
	/* then write-protected */
	chipset_config_write(*state, MCH, PAM0, 1, 0x10);
	assert_int_equal(cpu_reads(*state, 0xf1234), 0x77);
	cpu_writes(*state, 0xf1234, 0x88);
	assert_int_equal(*ram(*state, 0xf1234), 0x77);
}

static void test_pam_reserved_bits(void **state)
{
	chipset_config_write(*state, MCH, PAM0, 1, 0xff);
	chipset_config_write(*state, MCH, PAM0 + 6, 1, 0xff);
	assert_int_equal(chipset_config_read(*state, MCH, PAM0, 1), 0x30);
	assert_int_equal(chipset_config_read(*state, MCH, PAM0 + 6, 1), 0x33);
}

/* An access that begins in one piece and ends in the next. */
static void test_pam_straddle(void **state)
{
	struct chipset *c = *state;
	uint64_t value;

	chipset_config_write(c, MCH, PAM0 + 1, 1, 0x03);
	bus_write(c->m.mmio, 0xc3ffe, 4, 0x44332211);
	assert_int_equal(*ram(c, 0xc3fff), 0x22);
	assert_int_equal(*ram(c, 0xc4000), 0);
	value = bus_read(c->m.mmio, 0xc3ffe, 4);
	assert_int_equal(value, 0xffff2211);
	assert_int_equal(guest_memory_read(c->m.memory, 0xc3ffe, &value, 4), -EFAULT);
}

static void test_ecam(void **state)
{
	struct chipset *c = *state;

	assert_int_equal(bus_read(c->m.mmio, 0xb0000000, 4), 0xffffffff);
	chipset_config_write(c, MCH, 0x60, 4, 0xb0000001);
	assert_int_equal(bus_read(c->m.mmio, 0xb0000000, 4), 0x29c08086);
	assert_int_equal(bus_read(c->m.mmio, 0xb0000000 + (31 << 15), 4), 0x29188086);
	chipset_config_write(c, MCH, 0x60, 4, 0xe0000001);
	assert_int_equal(bus_read(c->m.mmio, 0xb0000000, 4), 0xffffffff);
	assert_int_equal(bus_read(c->m.mmio, 0xe0000000, 4), 0x29c08086);
	/* the ECAM moves itself away while it is written through */
	bus_write(c->m.mmio, 0xe0000060, 4, 0);
	assert_int_equal(bus_read(c->m.mmio, 0xe0000000, 4), 0xffffffff);
	/* onto RAM: refused by nobody, harmful to nobody */
	chipset_config_write(c, MCH, 0x60, 4, 0x00000001);
	assert_int_equal(cpu_reads(c, 0), 0);
}

static void test_pm_ports(void **state)
{
	struct chipset *c = *state;

	chipset_config_write(c, ICH9_LPC_SLOT, 0x40, 4, 0x600);
	assert_int_equal(chipset_config_read(c, ICH9_LPC_SLOT, 0x40, 4), 0x601);
	assert_int_equal(bus_read(c->m.pio, 0x608, 4), 0xffffffff);
	chipset_config_write(c, ICH9_LPC_SLOT, 0x44, 1, 0x80);
	assert_int_equal(bus_read(c->m.pio, 0x608, 1), CHIPSET_PM_VALUE);
	chipset_config_write(c, ICH9_LPC_SLOT, 0x40, 4, 0xb000);
	assert_int_equal(bus_read(c->m.pio, 0x608, 1), 0xff);
	assert_int_equal(bus_read(c->m.pio, 0xb07f, 1), CHIPSET_PM_VALUE);
	chipset_config_write(c, ICH9_LPC_SLOT, 0x44, 1, 0);
	assert_int_equal(bus_read(c->m.pio, 0xb07f, 1), 0xff);
}

static void test_pirq_routing(void **state)
{
	struct chipset *c = *state;

	/* slot 2 is PIRQG, the third register from 0x68 on */
	assert_int_equal(ich9_lpc_pirq(2), 6);
	ich9_lpc_intx(c->lpc, 2, true);
	assert_int_equal(c->ioapic, 1u << (16 + 6));
	assert_int_equal(c->pic, 0);
	chipset_config_write(c, ICH9_LPC_SLOT, 0x6a, 1, 11);
	assert_int_equal(c->pic, 1u << 11);
	chipset_config_write(c, ICH9_LPC_SLOT, 0x6a, 1, 10);
	assert_int_equal(c->pic, 1u << 10);
	/* two slots on one pin, two pins on one IRQ */
	ich9_lpc_intx(c->lpc, 6, true);
	chipset_config_write(c, ICH9_LPC_SLOT, 0x6b, 1, 10);
	ich9_lpc_intx(c->lpc, 3, true);
	ich9_lpc_intx(c->lpc, 2, false);
	assert_int_equal(c->ioapic, 1u << (16 + 6) | 1u << (16 + 7));
	ich9_lpc_intx(c->lpc, 6, false);
	assert_int_equal(c->ioapic, 1u << (16 + 7));
	assert_int_equal(c->pic, 1u << 10);
	ich9_lpc_intx(c->lpc, 3, false);
	assert_int_equal(c->pic | c->ioapic, 0);
}

/* The timer's and the cascade's interrupts are not for PCI. */
static void test_pirq_refused(void **state)
{
	struct chipset *c = *state;

	ich9_lpc_intx(c->lpc, 2, true);
	for (unsigned int irq = 0; irq < 16; irq++) {
		bool allowed = irq > 2 && irq != 8 && irq != 13;

		chipset_config_write(c, ICH9_LPC_SLOT, 0x6a, 1, irq);
		assert_int_equal(c->pic, allowed ? 1u << irq : 0);
	}
}

static void test_function_pin(void **state)
{
	static const struct pci_function_config config = {
		.name = "fake", .vendor_id = 0x1234, .device_id = 1, .intx = true, .slot = 5,
	};
	struct chipset *c = *state;
	struct pci_function *fn;

	assert_int_equal(pci_add(c->m.pci, &config, NULL, &fn), 0);
	assert_int_equal(pci_slot(fn), 5);
	assert_int_equal(chipset_config_read(c, 5, 0x3d, 1), 1);
	pci_intx_set(fn, true);
	assert_int_equal(c->ioapic, 1u << (16 + 5));
	assert_int_equal(chipset_config_read(c, 5, 0x06, 2) & 8, 8);
	chipset_config_write(c, 5, 0x04, 2, 0x400);
	assert_int_equal(c->ioapic, 0);
	assert_int_equal(chipset_config_read(c, 5, 0x06, 2) & 8, 8);
	chipset_config_write(c, 5, 0x04, 2, 0);
	assert_int_equal(c->ioapic, 1u << (16 + 5));
	pci_intx_set(fn, false);
	assert_int_equal(c->ioapic, 0);
	assert_int_equal(pci_add(c->m.pci, &config, NULL, &fn), -ENOSPC);
}

/* MSI keeps the pin quiet; two functions of a slot are one wire. */
static void test_shared_pin(void **state)
{
	struct pci_function_config config = {
		.name = "fake", .vendor_id = 0x1234, .device_id = 1, .intx = true, .slot = 5,
		.msi = true,
	};
	const uint32_t pin = 1u << (16 + 5);
	struct chipset *c = *state;
	struct pci_function *fn[2];
	uint8_t msi;

	assert_int_equal(pci_add(c->m.pci, &config, NULL, &fn[0]), 0);
	config.function = 1;
	assert_int_equal(pci_add(c->m.pci, &config, NULL, &fn[1]), 0);
	pci_intx_set(fn[0], true);
	pci_intx_set(fn[1], true);
	assert_int_equal(c->ioapic, pin);
	pci_intx_set(fn[0], false);
	assert_int_equal(c->ioapic, pin);
	pci_intx_set(fn[1], false);
	assert_int_equal(c->ioapic, 0);

	msi = (uint8_t)chipset_config_read(c, 5, 0x34, 1);
	pci_intx_set(fn[0], true);
	assert_int_equal(c->ioapic, pin);
	chipset_config_write(c, 5, msi + 2, 2, 1);
	assert_int_equal(c->ioapic, 0);
	chipset_config_write(c, 5, msi + 2, 2, 0);
	assert_int_equal(c->ioapic, pin);
	chipset_config_write(c, 5, msi + 2, 2, 1);
	pci_host_reset(c->m.pci);
	assert_int_equal(c->ioapic, pin); /* the device's to lower */
	pci_intx_set(fn[0], false);
}

static void test_reset(void **state)
{
	struct chipset *c = *state;

	chipset_config_write(c, MCH, 0x60, 4, 0xb0000001);
	chipset_config_write(c, MCH, PAM0, 1, 0x30);
	chipset_config_write(c, ICH9_LPC_SLOT, 0x40, 4, 0x600);
	chipset_config_write(c, ICH9_LPC_SLOT, 0x44, 1, 0x80);
	pci_host_reset(c->m.pci);
	assert_int_equal(cpu_reads(c, 0xffff0), 0xf1);
	assert_int_equal(bus_read(c->m.mmio, 0xb0000000, 4), 0xffffffff);
	assert_int_equal(bus_read(c->m.pio, 0x608, 1), 0xff);
	assert_int_equal(chipset_config_read(c, ICH9_LPC_SLOT, 0x60, 1), 0x80);
}

static int map(struct chipset *c, unsigned int number, uint64_t gpa, void *memory)
{
	return guest_memory_map(c->m.memory, number, gpa, 4096, memory, true);
}

static void test_two_views(void **state)
{
	struct chipset *c = *state;
	uint8_t bytes[8] = "abcdefg", *window = aligned_alloc(4096, 8192), got[8];

	/* no RAM behind the VGA window, for nobody */
	assert_null(guest_memory_at(c->m.memory, 0xa0000, 1));
	assert_null(guest_memory_at(c->m.memory, 0x9ffff, 2));
	assert_null(guest_memory_at(c->m.memory, 0, 0x100000));
	assert_non_null(guest_memory_at(c->m.memory, 0xc0000, 0x40000));
	assert_int_equal(guest_memory_read(c->m.memory, 0x9ffff, got, 2), -EFAULT);
	assert_int_equal(map(c, WINDOW_VRAM, 0xfd000000, window), 0);
	assert_int_equal(map(c, WINDOW_VRAM, 0xfd000000, window), -EEXIST);
	memcpy(window, bytes, 8);
	assert_null(guest_memory_at(c->m.memory, 0xfd000000, 1));
	assert_int_equal(guest_memory_read(c->m.memory, 0xfd000000, got, 8), 0);
	assert_memory_equal(got, bytes, 8);
	assert_int_equal(guest_memory_write(c->m.memory, 0xfd000000, bytes, 8), -EFAULT);
	assert_int_equal(guest_memory_read(c->m.memory, 0xfd000ffc, got, 8), -EFAULT);
	guest_memory_unmap(c->m.memory, WINDOW_VRAM);
	assert_int_equal(guest_memory_read(c->m.memory, 0xfd000000, got, 8), -EFAULT);
	/* over RAM, unaligned, past the end of numbers: no */
	assert_int_equal(map(c, WINDOW_VRAM, 0x200000, window), -EINVAL);
	assert_int_equal(map(c, WINDOW_VRAM, 0xfd000800, window), -EINVAL);
	assert_int_equal(map(c, WINDOW_COUNT, 0xfd000000, window), -EINVAL);
	free(window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_power_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pam_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pam_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pam_reserved_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pam_straddle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ecam, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pm_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pirq_routing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pirq_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_function_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_views, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
