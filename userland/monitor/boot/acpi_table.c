/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See acpi_table.h. */
#include "acpi_table.h"

#include <string.h>

#define HEADER_LENGTH	4u
#define GAS_IO		1
#define GAS_BYTE	1

uint8_t acpi_checksum(const uint8_t *data, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum += *data++;
	return (uint8_t)-sum;
}

void acpi_put(struct aml *out, uint64_t value, size_t size)
{
	aml_bytes(out, &value, size); /* little-endian */
}

void acpi_pad(struct aml *out, size_t start, size_t offset)
{
	while (!out->overflow && out->size - start < offset)
		aml_byte(out, 0);
}

size_t acpi_begin(struct aml *out, const char *id, const char *signature, uint8_t revision)
{
	size_t start;

	while (!out->overflow && out->size % 8)
		aml_byte(out, 0);
	start = out->size;
	aml_bytes(out, signature, 4);
	acpi_put(out, 0, 4);		/* length, later */
	acpi_put(out, revision, 1);
	acpi_put(out, 0, 1);		/* checksum, later */
	aml_bytes(out, "BATON ", 6);
	aml_bytes(out, id, 8);
	acpi_put(out, 1, 4);
	aml_bytes(out, "BTN ", 4);
	acpi_put(out, 1, 4);
	return start;
}

void acpi_end(struct aml *out, size_t start)
{
	uint32_t length = (uint32_t)(out->size - start);

	if (out->overflow)
		return;
	memcpy(out->data + start + HEADER_LENGTH, &length, sizeof(length));
	out->data[start + ACPI_HEADER_CHECKSUM] = acpi_checksum(out->data + start, length);
}

void acpi_io_register(struct aml *out, uint16_t port)
{
	acpi_put(out, GAS_IO, 1);
	acpi_put(out, 8, 1);	/* bits */
	acpi_put(out, 0, 1);	/* offset */
	acpi_put(out, GAS_BYTE, 1);
	acpi_put(out, port, 8);
}

void acpi_local_apic(struct aml *out, unsigned int id)
{
	acpi_put(out, 0, 1);
	acpi_put(out, 8, 1);
	acpi_put(out, id, 1);	/* processor's UID */
	acpi_put(out, id, 1);	/* APIC id */
	acpi_put(out, 1, 4);	/* enabled */
}

void acpi_io_apic(struct aml *out, uint8_t id, uint32_t base)
{
	acpi_put(out, 1, 1);
	acpi_put(out, 12, 1);
	acpi_put(out, id, 1);
	acpi_put(out, 0, 1);
	acpi_put(out, base, 4);
	acpi_put(out, 0, 4);	/* first GSI */
}

size_t acpi_begin_pci_root(struct aml *out)
{
	size_t device = aml_begin_device(out, "PCI0");

	aml_name_eisa(out, "_HID", "PNP0A08");
	aml_name_eisa(out, "_CID", "PNP0A03");
	aml_name_integer(out, "_SEG", 0);
	aml_name_integer(out, "_BBN", 0);
	aml_name_integer(out, "_UID", 0);
	return device;
}

size_t acpi_mcfg(struct aml *out, const char *id, uint64_t base, uint8_t last_bus)
{
	size_t start = acpi_begin(out, id, "MCFG", 1);

	acpi_put(out, 0, 8);
	acpi_put(out, base, 8);
	acpi_put(out, 0, 2);	/* segment */
	acpi_put(out, 0, 1);	/* first bus */
	acpi_put(out, last_bus, 1);
	acpi_put(out, 0, 4);
	acpi_end(out, start);
	return start;
}

void acpi_rsdp(uint8_t *rsdp, uint32_t rsdt, uint64_t xsdt)
{
	uint32_t length = ACPI_RSDP_SIZE;

	memset(rsdp, 0, ACPI_RSDP_SIZE);
	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "BATON ", 6);
	rsdp[15] = 2;
	memcpy(rsdp + ACPI_RSDP_RSDT, &rsdt, sizeof(rsdt));
	memcpy(rsdp + 20, &length, sizeof(length));
	memcpy(rsdp + ACPI_RSDP_XSDT, &xsdt, sizeof(xsdt));
}

void acpi_rsdp_checksum(uint8_t *rsdp)
{
	rsdp[ACPI_RSDP_CHECKSUM] = acpi_checksum(rsdp, ACPI_RSDP_V1_SIZE);
	rsdp[ACPI_RSDP_CHECKSUM_ALL] = acpi_checksum(rsdp, ACPI_RSDP_SIZE);
}
