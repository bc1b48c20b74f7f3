/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of board micro: hardware-reduced, so that the guest looks for
 * none of a PC's old devices.
 */
#ifndef BATON_BOOT_ACPI_H
#define BATON_BOOT_ACPI_H

#include <stdint.h>

#include "core/memory.h"

struct acpi_config {
	unsigned int cpu_count;		/* APIC ids 0 … cpu_count - 1 */
	uint32_t ioapic_base;
	uint8_t ioapic_id;
	uint64_t ecam_base, ecam_size;	/* size 0: no PCI */
	uint64_t mmio32_base, mmio32_size;
	uint64_t mmio64_base, mmio64_size;	/* size 0: none */
	uint16_t pio_base, pio_size;
	uint16_t uart_base;		/* 0: none */
	uint32_t uart_gsi;
	uint16_t sleep_control, sleep_status, reset;	/* ports */
	uint8_t reset_value, s5_type;
};

/* Writes all tables at BOOT_ACPI. 0, or -ENOSPC, -EFAULT. */
int acpi_write(struct guest_memory *memory, const struct acpi_config *config,
	       uint64_t *ret_rsdp);

#endif
