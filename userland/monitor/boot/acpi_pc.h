/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of board pc, as firmware wants them: blobs whose pointers are offsets
 * into blobs, and a script that says which are to be relocated and summed up anew.
 * QEMU, "ACPI BIOS linker/loader interface".
 */
#ifndef BATON_BOOT_ACPI_PC_H
#define BATON_BOOT_ACPI_PC_H

#include <stddef.h>
#include <stdint.h>

#include "acpi_table.h"

#define ACPI_PC_TABLES_MAX 0x10000u
#define ACPI_PC_LOADER_ENTRY 128u
#define ACPI_PC_LOADER_MAX 48u	/* entries */

#define ACPI_PC_FILE_TABLES "etc/acpi/tables"
#define ACPI_PC_FILE_RSDP "etc/acpi/rsdp"
#define ACPI_PC_FILE_LOADER "etc/table-loader"

struct acpi_pc_config {
	unsigned int cpu_count;		/* APIC ids 0 … cpu_count - 1 */
	uint32_t ioapic_base;
	uint8_t ioapic_id;
	uint64_t ecam_base;		/* 256 buses */
	uint64_t mmio32_base, mmio32_size;
	uint16_t pm_base;		/* of the ICH9's power-management ports */
	uint8_t sci;			/* ISA interrupt and GSI */
	uint16_t smi_port;		/* where to ask for ACPI mode … */
	uint8_t acpi_enable, acpi_disable;	/* … and with what */
	uint16_t reset;			/* port */
	uint8_t reset_value, s5_type;
	uint8_t century;		/* CMOS index */
	unsigned int first_pci_gsi;	/* of PIRQA */
	unsigned int (*pirq)(unsigned int slot);	/* of INTA# */
	uint8_t pic_irq[8];		/* what firmware routes PIRQA … PIRQH to */
};

struct acpi_pc {
	uint8_t tables[ACPI_PC_TABLES_MAX];
	size_t tables_size;
	uint8_t rsdp[ACPI_RSDP_SIZE];
	uint8_t loader[ACPI_PC_LOADER_MAX][ACPI_PC_LOADER_ENTRY];
	size_t loader_count;
};

/* 0 or -ENOSPC. */
int acpi_pc_make(const struct acpi_pc_config *config, struct acpi_pc *ret_acpi);

#endif
