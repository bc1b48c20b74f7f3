/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See acpi.h. Tables follow each other from BOOT_ACPI on, the RSDP first; each
 * is written with the byte writer of AML and gets its length and checksum when
 * it is complete (ACPI specification 6.4, "ACPI Software Programming Model").
 */
#include "acpi.h"

#include <errno.h>
#include <string.h>

#include "acpi_table.h"
#include "aml.h"
#include "layout.h"

#define RSDP_ROOM	64u	/* tables start aligned */

#define FADT_SIZE	276u
#define FADT_REVISION	6
#define FADT_MINOR	4
#define FADT_WBINVD	(1u << 0)
#define FADT_NO_POWER_BUTTON (1u << 4)
#define FADT_NO_SLEEP_BUTTON (1u << 5)
#define FADT_RESET	(1u << 10)
#define FADT_HW_REDUCED (1u << 20)
#define ARCH_NO_VGA	(1u << 2)
#define ARCH_NO_ASPM	(1u << 4)
#define ARCH_NO_CMOS	(1u << 5)

#define MICRO		"MICRO   "

struct acpi_tables {
	struct aml out;
	const struct acpi_config *config;
};

static uint64_t address_of(size_t offset)
{
	return BOOT_ACPI + offset;
}

/* ---- DSDT ---- */

static void pci_resources(struct aml *out, const struct acpi_config *config)
{
	struct aml_resources resources = aml_begin_resources(out);

	aml_bus_range(out, 0, 0);
	if (config->pio_size)
		aml_io_window(out, config->pio_base, config->pio_size);
	aml_memory_window(out, config->mmio32_base, config->mmio32_size);
	if (config->mmio64_size)
		aml_memory_window(out, config->mmio64_base, config->mmio64_size);
	aml_end_resources(out, resources);
}

static void pci_host(struct aml *out, const struct acpi_config *config)
{
	size_t device = acpi_begin_pci_root(out);

	/* DMA is coherent; Linux asks for it on hosts without a chipset */
	aml_name_integer(out, "_CCA", 1);
	pci_resources(out, config);
	aml_end(out, device);
}

/* Linux uses ECAM only if a device of this kind claims the space. */
static void ecam_owner(struct aml *out, const struct acpi_config *config)
{
	size_t device = aml_begin_device(out, "MBRD");
	struct aml_resources resources;

	aml_name_eisa(out, "_HID", "PNP0C02");
	aml_name_integer(out, "_UID", 1);
	resources = aml_begin_resources(out);
	aml_fixed_memory(out, (uint32_t)config->ecam_base, (uint32_t)config->ecam_size);
	aml_end_resources(out, resources);
	aml_end(out, device);
}

static void serial_port(struct aml *out, const struct acpi_config *config)
{
	size_t device = aml_begin_device(out, "COM1");
	struct aml_resources resources;

	aml_name_eisa(out, "_HID", "PNP0501");
	aml_name_integer(out, "_UID", 1);
	resources = aml_begin_resources(out);
	aml_io_ports(out, config->uart_base, 8);
	aml_interrupt(out, config->uart_gsi);
	aml_end_resources(out, resources);
	aml_end(out, device);
}

static void sleep_states(struct aml *out, const struct acpi_config *config)
{
	size_t package;

	aml_name(out, "\\_S5_");
	package = aml_begin_package(out, 4);
	aml_integer(out, config->s5_type);
	aml_integer(out, 0);
	aml_integer(out, 0);
	aml_integer(out, 0);
	aml_end(out, package);
}

static size_t write_dsdt(struct acpi_tables *tables)
{
	struct aml *out = &tables->out;
	size_t start = acpi_begin(out, MICRO, "DSDT", 2);
	size_t scope;

	sleep_states(out, tables->config);
	scope = aml_begin_scope(out, "\\_SB_");
	if (tables->config->ecam_size) {
		pci_host(out, tables->config);
		ecam_owner(out, tables->config);
	}
	if (tables->config->uart_base)
		serial_port(out, tables->config);
	aml_end(out, scope);
	acpi_end(out, start);
	return start;
}

/* ---- FADT ---- */

static size_t write_fadt(struct acpi_tables *tables, size_t dsdt)
{
	const struct acpi_config *config = tables->config;
	struct aml *out = &tables->out;
	size_t start = acpi_begin(out, MICRO, "FACP", FADT_REVISION);

	acpi_put(out, 0, 4);				/* FACS: none */
	acpi_put(out, address_of(dsdt), 4);
	acpi_pad(out, start, 109);
	acpi_put(out, ARCH_NO_VGA | ARCH_NO_ASPM | ARCH_NO_CMOS, 2);
	acpi_pad(out, start, 112);
	acpi_put(out, FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET |
		 FADT_HW_REDUCED, 4);
	acpi_io_register(out, config->reset);
	acpi_put(out, config->reset_value, 1);
	acpi_pad(out, start, 131);
	acpi_put(out, FADT_MINOR, 1);
	acpi_put(out, 0, 8);				/* X_FACS */
	acpi_put(out, address_of(dsdt), 8);
	acpi_pad(out, start, 244);
	acpi_io_register(out, config->sleep_control);
	acpi_io_register(out, config->sleep_status);
	aml_bytes(out, "BATON\0\0", 8);		/* hypervisor vendor */
	acpi_pad(out, start, FADT_SIZE);
	acpi_end(out, start);
	return start;
}

/* ---- MADT, MCFG ---- */

static size_t write_madt(struct acpi_tables *tables)
{
	struct aml *out = &tables->out;
	size_t start = acpi_begin(out, MICRO, "APIC", 5);

	acpi_put(out, ACPI_LAPIC_BASE, 4);
	acpi_put(out, 0, 4);		/* no 8259 */
	for (unsigned int i = 0; i < tables->config->cpu_count; i++)
		acpi_local_apic(out, i);
	acpi_io_apic(out, tables->config->ioapic_id, tables->config->ioapic_base);
	acpi_end(out, start);
	return start;
}

static size_t write_mcfg(struct acpi_tables *tables)
{
	return acpi_mcfg(&tables->out, MICRO, tables->config->ecam_base,
			 (uint8_t)((tables->config->ecam_size >> 20) - 1));
}

/* ---- roots ---- */

static size_t write_xsdt(struct acpi_tables *tables, const size_t *entries, size_t count)
{
	struct aml *out = &tables->out;
	size_t start = acpi_begin(out, MICRO, "XSDT", 1);

	for (size_t i = 0; i < count; i++)
		acpi_put(out, address_of(entries[i]), 8);
	acpi_end(out, start);
	return start;
}

int acpi_write(struct guest_memory *memory, const struct acpi_config *config,
	       uint64_t *ret_rsdp)
{
	uint8_t *base = guest_memory_at(memory, BOOT_ACPI, BOOT_ACPI_MAX);
	struct acpi_tables tables = {
		.out = { .data = base, .size = RSDP_ROOM, .room = BOOT_ACPI_MAX },
		.config = config,
	};
	size_t entries[3], count = 0, dsdt, xsdt;

	if (!base)
		return -EFAULT;
	dsdt = write_dsdt(&tables);
	entries[count++] = write_fadt(&tables, dsdt);
	entries[count++] = write_madt(&tables);
	if (config->ecam_size)
		entries[count++] = write_mcfg(&tables);
	xsdt = write_xsdt(&tables, entries, count);
	if (tables.out.overflow)
		return -ENOSPC;
	acpi_rsdp(base, 0, address_of(xsdt));
	acpi_rsdp_checksum(base);
	*ret_rsdp = BOOT_ACPI;
	return 0;
}
