/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ACPI tables of any board are made of: frame, checksum, and the structures that
 * they share. Writes with the byte writer of aml.h.
 * ACPI specification, "ACPI Software Programming Model".
 */
#ifndef BATON_BOOT_ACPI_TABLE_H
#define BATON_BOOT_ACPI_TABLE_H

#include "aml.h"

#define ACPI_HEADER_CHECKSUM 9u	/* offset in a table */
#define ACPI_RSDP_SIZE 36u
#define ACPI_RSDP_V1_SIZE 20u
#define ACPI_RSDP_CHECKSUM 8u
#define ACPI_RSDP_RSDT 16u
#define ACPI_RSDP_XSDT 24u
#define ACPI_RSDP_CHECKSUM_ALL 32u
#define ACPI_LAPIC_BASE 0xfee00000u

uint8_t acpi_checksum(const uint8_t *data, size_t size);
/* `size` bytes, little-endian. */
void acpi_put(struct aml *out, uint64_t value, size_t size);
/* Zeros up to `offset` in the table that began at `start`. */
void acpi_pad(struct aml *out, size_t start, size_t offset);

/* A table from its header on, at the next multiple of 8; id has 8 characters. Its offset. */
size_t acpi_begin(struct aml *out, const char *id, const char *signature, uint8_t revision);
/* Fills in length and checksum. */
void acpi_end(struct aml *out, size_t start);

/* Generic address of a byte-wide port. */
void acpi_io_register(struct aml *out, uint16_t port);
void acpi_local_apic(struct aml *out, unsigned int id);
void acpi_io_apic(struct aml *out, uint8_t id, uint32_t base);
/* Device (PCI0), a PCI Express root on bus 0: what follows is the rest of it, to aml_end(). */
size_t acpi_begin_pci_root(struct aml *out);
size_t acpi_mcfg(struct aml *out, const char *id, uint64_t base, uint8_t last_bus);
/* 36 bytes, without checksums. rsdt 0: none. */
void acpi_rsdp(uint8_t *rsdp, uint32_t rsdt, uint64_t xsdt);
void acpi_rsdp_checksum(uint8_t *rsdp);

#endif
