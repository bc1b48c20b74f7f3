/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See acpi.h. Tables follow each other from BOOT_ACPI on, the RSDP first; each
 * is written with the byte writer of AML and gets its length and checksum when
 * it is complete (ACPI specification 6.4, "ACPI Software Programming Model").
 */
#include "acpi.h"

#include <errno.h>
#include <string.h>

#include "aml.h"
#include "layout.h"

#define RSDP_SIZE	36u
#define RSDP_ROOM	64u	/* tables start aligned */
#define HEADER_LENGTH	4u
#define HEADER_CHECKSUM 9u

#define GAS_IO		1
#define GAS_BYTE	1

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

#define MADT_LAPIC_BASE 0xfee00000u

struct acpi_tables {
	struct aml out;
	const struct acpi_config *config;
};

static uint8_t checksum(const uint8_t *data, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum += *data++;
	return (uint8_t)-sum;
}

static void put(struct aml *out, uint64_t value, size_t size)
{
	aml_bytes(out, &value, size); /* little-endian */
}

static void pad_to(struct aml *out, size_t start, size_t offset)
{
	while (!out->overflow && out->size - start < offset)
		aml_byte(out, 0);
}

static uint64_t address_of(size_t offset)
{
	return BOOT_ACPI + offset;
}

/* ---- frame ---- */

static size_t begin_table(struct aml *out, const char *signature, uint8_t revision)
{
	size_t start;

	while (!out->overflow && out->size % 8)
		aml_byte(out, 0);
	start = out->size;
	aml_bytes(out, signature, 4);
	put(out, 0, 4);			/* length, later */
	put(out, revision, 1);
	put(out, 0, 1);			/* checksum, later */
	aml_bytes(out, "BATON ", 6);
	aml_bytes(out, "MICRO   ", 8);
	put(out, 1, 4);
	aml_bytes(out, "BTN ", 4);
	put(out, 1, 4);
	return start;
}

static void end_table(struct aml *out, size_t start)
{
	uint32_t length = (uint32_t)(out->size - start);

	if (out->overflow)
		return;
	memcpy(out->data + start + HEADER_LENGTH, &length, sizeof(length));
	out->data[start + HEADER_CHECKSUM] = checksum(out->data + start, length);
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
	size_t device = aml_begin_device(out, "PCI0");

	aml_name_eisa(out, "_HID", "PNP0A08");
	aml_name_eisa(out, "_CID", "PNP0A03");
	aml_name_integer(out, "_SEG", 0);
	aml_name_integer(out, "_BBN", 0);
	aml_name_integer(out, "_UID", 0);
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
	size_t start = begin_table(out, "DSDT", 2);
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
	end_table(out, start);
	return start;
}

/* ---- FADT ---- */

static void io_register(struct aml *out, uint16_t port)
{
	put(out, GAS_IO, 1);
	put(out, 8, 1);		/* bits */
	put(out, 0, 1);		/* offset */
	put(out, GAS_BYTE, 1);
	put(out, port, 8);
}

static size_t write_fadt(struct acpi_tables *tables, size_t dsdt)
{
	const struct acpi_config *config = tables->config;
	struct aml *out = &tables->out;
	size_t start = begin_table(out, "FACP", FADT_REVISION);

	put(out, 0, 4);				/* FACS: none */
	put(out, address_of(dsdt), 4);
	pad_to(out, start, 109);
	put(out, ARCH_NO_VGA | ARCH_NO_ASPM | ARCH_NO_CMOS, 2);
	pad_to(out, start, 112);
	put(out, FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET |
		 FADT_HW_REDUCED, 4);
	io_register(out, config->reset);
	put(out, config->reset_value, 1);
	pad_to(out, start, 131);
	put(out, FADT_MINOR, 1);
	put(out, 0, 8);				/* X_FACS */
	put(out, address_of(dsdt), 8);
	pad_to(out, start, 244);
	io_register(out, config->sleep_control);
	io_register(out, config->sleep_status);
	aml_bytes(out, "BATON\0\0", 8);		/* hypervisor vendor */
	pad_to(out, start, FADT_SIZE);
	end_table(out, start);
	return start;
}

/* ---- MADT, MCFG ---- */

static void local_apic(struct aml *out, unsigned int id)
{
	put(out, 0, 1);
	put(out, 8, 1);
	put(out, id, 1);	/* processor's UID */
	put(out, id, 1);	/* APIC id */
	put(out, 1, 4);		/* enabled */
}

static void io_apic(struct aml *out, const struct acpi_config *config)
{
	put(out, 1, 1);
	put(out, 12, 1);
	put(out, config->ioapic_id, 1);
	put(out, 0, 1);
	put(out, config->ioapic_base, 4);
	put(out, 0, 4);		/* first GSI */
}

static size_t write_madt(struct acpi_tables *tables)
{
	struct aml *out = &tables->out;
	size_t start = begin_table(out, "APIC", 5);

	put(out, MADT_LAPIC_BASE, 4);
	put(out, 0, 4);		/* no 8259 */
	for (unsigned int i = 0; i < tables->config->cpu_count; i++)
		local_apic(out, i);
	io_apic(out, tables->config);
	end_table(out, start);
	return start;
}

static size_t write_mcfg(struct acpi_tables *tables)
{
	struct aml *out = &tables->out;
	size_t start = begin_table(out, "MCFG", 1);

	put(out, 0, 8);
	put(out, tables->config->ecam_base, 8);
	put(out, 0, 2);		/* segment */
	put(out, 0, 1);		/* first bus */
	put(out, (tables->config->ecam_size >> 20) - 1, 1);
	put(out, 0, 4);
	end_table(out, start);
	return start;
}

/* ---- roots ---- */

static size_t write_xsdt(struct acpi_tables *tables, const size_t *entries, size_t count)
{
	struct aml *out = &tables->out;
	size_t start = begin_table(out, "XSDT", 1);

	for (size_t i = 0; i < count; i++)
		put(out, address_of(entries[i]), 8);
	end_table(out, start);
	return start;
}

static void write_rsdp(uint8_t *rsdp, uint64_t xsdt)
{
	uint32_t length = RSDP_SIZE;

	memset(rsdp, 0, RSDP_SIZE);
	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "BATON ", 6);
	rsdp[15] = 2;
	memcpy(rsdp + 20, &length, sizeof(length));
	memcpy(rsdp + 24, &xsdt, sizeof(xsdt));
	rsdp[8] = checksum(rsdp, 20);
	rsdp[32] = checksum(rsdp, RSDP_SIZE);
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
	write_rsdp(base, address_of(xsdt));
	*ret_rsdp = BOOT_ACPI;
	return 0;
}
