/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs that test a hypervisor expect of a machine, as kvm-unit-tests defines it;
 * only with --test-devices, for a guest can end its VM with any status by them.
 *
 *   0xf4           a write of v ends the VM with status (v << 1 | 1) & 0xff
 *   0xe0 to 0xe3   keep what is written, a byte each
 *   0xe4           a 32-bit write of a guest-physical address takes the page there away
 *                  from the processor's second-level tables: it has to be found again
 *   0x2000 + n     each byte written is the level of GSI n, of 24
 *   0xff000000     64 KiB of MMIO that keep what is written
 */
#ifndef BATON_DEV_TEST_DEVICES_H
#define BATON_DEV_TEST_DEVICES_H

#include "core/bus.h"
#include "core/machine.h"
#include "core/memory.h"

#define TEST_EXIT_PORT	0xf4u
#define TEST_EXIT_PORTS	4u
#define TEST_KEEP_BASE	0xe0u	/* with TEST_FLUSH */
#define TEST_KEEP_PORTS	8u
#define TEST_GSI_BASE	0x2000u
#define TEST_GSI_PORTS	24u
#define TEST_MMIO_BASE	0xff000000ull
#define TEST_MMIO_SIZE	0x10000u

struct test_devices_config {
	struct guest_memory *memory;
	/* On a vCPU's thread, as the next one. */
	void (*end)(void *ctx, uint8_t status);
	void (*gsi)(void *ctx, unsigned int gsi, bool level);
	void *ctx;
};

struct test_devices;

struct test_devices *test_devices_create(const struct test_devices_config *config);
void test_devices_destroy(struct test_devices *test);	/* NULL is fine */

extern const struct bus_ops test_exit_ops, test_keep_ops, test_gsi_ops, test_mmio_ops;
extern const struct state_field test_devices_fields[];
extern const size_t test_devices_field_count;

#endif
