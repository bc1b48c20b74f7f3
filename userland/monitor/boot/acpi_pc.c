/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See acpi_pc.h. Order in the blob: FACS, DSDT, FADT, MADT, MCFG, RSDT, XSDT.
 *
 * Interrupts of PCI: the guest says by \_PIC whether it uses the IOAPIC. With it, PIRQs
 * are wired to pins of their own; without, the 8259 gets them where the firmware has
 * routed them, which is taken as fixed.
 * ACPI specification 6.4: "Fixed ACPI Description Table", "_PRT (PCI Routing Table)".
 */
#include "acpi_pc.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define PC "PC      "

#define FACS_SIZE	64u
#define FADT_SIZE	244u
#define FADT_REVISION	3
#define FADT_FACS	36u
#define FADT_DSDT	40u
#define FADT_X_DSDT	140u
#define FADT_WBINVD	(1u << 0)
#define FADT_PROC_C1	(1u << 2)
#define FADT_NO_SLEEP_BUTTON (1u << 5)
#define FADT_TIMER_32	(1u << 8)
#define FADT_RESET	(1u << 10)
#define ARCH_LEGACY	(1u << 0)
#define ARCH_8042	(1u << 1)
#define PM1_EVENT	0x00
#define PM1_CONTROL	0x04
#define PM_TIMER	0x08
#define GPE0		0x20
#define NO_C2		101	/* latencies that say: not there */
#define NO_C3		1001

#define LEVEL_HIGH	0x0d	/* MPS INTI flags */
#define CONFORMS	0x00
#define PCI_SLOTS	32u

#define LOADER_ALLOCATE 1u
#define LOADER_POINTER	2u
#define LOADER_CHECKSUM 3u
#define LOADER_FILE	56u
#define ZONE_HIGH	1u
#define ZONE_FSEG	2u

struct builder {
	struct aml out;
	const struct acpi_pc_config *config;
	struct acpi_pc *acpi;
	bool overflow;		/* of the script */
};

/* ---- the loader's script ---- */

struct entry {
	uint8_t bytes[ACPI_PC_LOADER_ENTRY];
	size_t size;
};

static void entry_number(struct entry *entry, uint32_t value, size_t size)
{
	memcpy(entry->bytes + entry->size, &value, size); /* little-endian */
	entry->size += size;
}

static void entry_file(struct entry *entry, const char *name)
{
	memcpy(entry->bytes + entry->size, name, strlen(name));
	entry->size += LOADER_FILE;
}

static void script(struct builder *b, const struct entry *entry)
{
	if (b->acpi->loader_count == ACPI_PC_LOADER_MAX)
		b->overflow = true;
	else
		memcpy(b->acpi->loader[b->acpi->loader_count++], entry->bytes,
		       sizeof(entry->bytes));
}

static void script_allocate(struct builder *b, const char *file, uint32_t alignment, uint8_t zone)
{
	struct entry entry = {};

	entry_number(&entry, LOADER_ALLOCATE, 4);
	entry_file(&entry, file);
	entry_number(&entry, alignment, 4);
	entry_number(&entry, zone, 1);
	script(b, &entry);
}

/* The offset of a table that stands at `offset` of the file becomes its address. */
static void script_pointer(struct builder *b, const char *file, size_t offset, uint8_t size)
{
	struct entry entry = {};

	entry_number(&entry, LOADER_POINTER, 4);
	entry_file(&entry, file);
	entry_file(&entry, ACPI_PC_FILE_TABLES);
	entry_number(&entry, (uint32_t)offset, 4);
	entry_number(&entry, size, 1);
	script(b, &entry);
}

static void script_checksum(struct builder *b, const char *file, size_t offset, size_t start,
			    size_t length)
{
	struct entry entry = {};

	entry_number(&entry, LOADER_CHECKSUM, 4);
	entry_file(&entry, file);
	entry_number(&entry, (uint32_t)offset, 4);
	entry_number(&entry, (uint32_t)start, 4);
	entry_number(&entry, (uint32_t)length, 4);
	script(b, &entry);
}

/* A table whose pointers the script has changed: the sum is made over a zero. */
static void end_relocated(struct builder *b, size_t start)
{
	acpi_end(&b->out, start);
	if (b->out.overflow)
		return;
	b->out.data[start + ACPI_HEADER_CHECKSUM] = 0;
	script_checksum(b, ACPI_PC_FILE_TABLES, start + ACPI_HEADER_CHECKSUM, start,
			b->out.size - start);
}

/* ---- DSDT ---- */

static void sleep_states(struct aml *out, const struct acpi_pc_config *config)
{
	size_t package;

	aml_name(out, "\\_S5_");
	package = aml_begin_package(out, 4);
	aml_integer(out, config->s5_type);
	aml_integer(out, config->s5_type);
	aml_integer(out, 0);
	aml_integer(out, 0);
	aml_end(out, package);
}

/* Name (PICF, 0)  Method (\_PIC, 1) { Store (Arg0, PICF) } */
static void interrupt_model(struct aml *out)
{
	size_t method;

	aml_name_integer(out, "\\PICF", 0);
	method = aml_begin_method(out, "\\_PIC", 1);
	aml_store_argument(out, "PICF");
	aml_end(out, method);
}

static void pci_resources(struct aml *out, const struct acpi_pc_config *config)
{
	struct aml_resources resources = aml_begin_resources(out);

	aml_bus_range(out, 0, 255);
	aml_io_ports(out, 0xcf8, 8);
	aml_io_window(out, 0, 0xcf8);
	aml_io_window(out, 0xd00, 0xf300);
	aml_memory_window(out, 0xa0000, 0x20000);
	aml_memory_window(out, config->mmio32_base, config->mmio32_size);
	aml_end_resources(out, resources);
}

static void route(struct aml *out, unsigned int slot, unsigned int pin, unsigned int interrupt)
{
	size_t package = aml_begin_package(out, 4);

	aml_integer(out, slot << 16 | 0xffff);
	aml_integer(out, pin);
	aml_integer(out, 0);
	aml_integer(out, interrupt);
	aml_end(out, package);
}

/* INTA# … INTD# of a slot are consecutive PIRQs within its group of four. */
static unsigned int pirq_of(const struct acpi_pc_config *config, unsigned int slot,
			    unsigned int pin)
{
	unsigned int first = config->pirq(slot);

	return (first & ~3u) + (first + pin) % 4;
}

static void routes(struct aml *out, const struct acpi_pc_config *config, const char *name,
		   bool ioapic)
{
	size_t package;

	aml_name(out, name);
	package = aml_begin_package(out, (PCI_SLOTS - 1) * 4);
	for (unsigned int i = 4; i < PCI_SLOTS * 4; i++) {
		unsigned int pirq = pirq_of(config, i / 4, i % 4);

		route(out, i / 4, i % 4,
		      ioapic ? config->first_pci_gsi + pirq : config->pic_irq[pirq]);
	}
	aml_end(out, package);
}

static void pci_routing(struct aml *out, const struct acpi_pc_config *config)
{
	size_t method, branch;

	routes(out, config, "PRTA", true);
	routes(out, config, "PRTP", false);
	method = aml_begin_method(out, "_PRT", 0);
	branch = aml_begin_if(out, "PICF");
	aml_return(out, "PRTA");
	aml_end(out, branch);
	aml_return(out, "PRTP");
	aml_end(out, method);
}

struct isa_device {
	const char *name, *hid;
	uint16_t port[2];
	uint8_t ports[2];	/* how many; 0: none */
	uint8_t irq;
};

static void isa_device(struct aml *out, const struct isa_device *d)
{
	size_t device = aml_begin_device(out, d->name);
	struct aml_resources resources;

	aml_name_eisa(out, "_HID", d->hid);
	resources = aml_begin_resources(out);
	for (unsigned int i = 0; i < 2; i++)
		if (d->ports[i])
			aml_io_ports(out, d->port[i], d->ports[i]);
	aml_interrupt(out, d->irq);
	aml_end_resources(out, resources);
	aml_end(out, device);
}

static void isa_bridge(struct aml *out)
{
	static const struct isa_device devices[] = {
		{ "KBD_", "PNP0303", { 0x60, 0x64 }, { 1, 1 }, 1 },
		{ "MOU_", "PNP0F13", { 0 }, { 0 }, 12 },	/* at the keyboard's ports */
		{ "COM1", "PNP0501", { 0x3f8 }, { 8 }, 4 },
		{ "RTC_", "PNP0B00", { 0x70 }, { 8 }, 8 },
	};
	size_t device = aml_begin_device(out, "ISA_");

	aml_name_integer(out, "_ADR", 0x1f0000);
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		isa_device(out, &devices[i]);
	aml_end(out, device);
}

static void pci_host(struct aml *out, const struct acpi_pc_config *config)
{
	size_t device = acpi_begin_pci_root(out);

	pci_resources(out, config);
	pci_routing(out, config);
	isa_bridge(out);
	aml_end(out, device);
}

/* Space that is taken: the ECAM, which Linux uses only if it is claimed, and PM ports. */
static void board_resources(struct aml *out, const struct acpi_pc_config *config)
{
	size_t device = aml_begin_device(out, "MBRD");
	struct aml_resources resources;

	aml_name_eisa(out, "_HID", "PNP0C02");
	aml_name_integer(out, "_UID", 1);
	resources = aml_begin_resources(out);
	aml_fixed_memory(out, (uint32_t)config->ecam_base, 256u << 20);
	aml_io_ports(out, config->pm_base, 0x80);
	aml_end_resources(out, resources);
	aml_end(out, device);
}

static size_t write_dsdt(struct builder *b)
{
	struct aml *out = &b->out;
	size_t start = acpi_begin(out, PC, "DSDT", 2), scope;

	sleep_states(out, b->config);
	interrupt_model(out);
	scope = aml_begin_scope(out, "\\_SB_");
	pci_host(out, b->config);
	board_resources(out, b->config);
	aml_end(out, scope);
	acpi_end(out, start);
	return start;
}

/* ---- FACS, FADT ---- */

static size_t write_facs(struct aml *out)
{
	size_t start = out->size; /* the blob's start: aligned to 64 */

	aml_bytes(out, "FACS", 4);
	acpi_put(out, FACS_SIZE, 4);
	acpi_pad(out, start, 32);
	acpi_put(out, 1, 1);	/* version */
	acpi_pad(out, start, FACS_SIZE);
	return start;
}

static void fadt_ports(struct aml *out, const struct acpi_pc_config *config)
{
	acpi_put(out, config->pm_base + PM1_EVENT, 4);
	acpi_put(out, 0, 4);
	acpi_put(out, config->pm_base + PM1_CONTROL, 4);
	acpi_put(out, 0, 4);
	acpi_put(out, 0, 4);
	acpi_put(out, config->pm_base + PM_TIMER, 4);
	acpi_put(out, config->pm_base + GPE0, 4);
	acpi_put(out, 0, 4);
	acpi_put(out, 4, 1);	/* their lengths */
	acpi_put(out, 2, 1);
	acpi_put(out, 0, 1);
	acpi_put(out, 4, 1);
	acpi_put(out, 16, 1);
	acpi_put(out, 0, 3);
}

static size_t write_fadt(struct builder *b, size_t facs, size_t dsdt)
{
	const struct acpi_pc_config *config = b->config;
	struct aml *out = &b->out;
	size_t start = acpi_begin(out, PC, "FACP", FADT_REVISION);

	acpi_put(out, facs, 4);
	acpi_put(out, dsdt, 4);
	acpi_pad(out, start, 46);
	acpi_put(out, config->sci, 2);
	acpi_put(out, config->smi_port, 4);
	acpi_put(out, config->acpi_enable, 1);
	acpi_put(out, config->acpi_disable, 1);
	acpi_pad(out, start, 56);
	fadt_ports(out, config);
	acpi_put(out, NO_C2, 2);
	acpi_put(out, NO_C3, 2);
	acpi_pad(out, start, 108);
	acpi_put(out, config->century, 1);
	acpi_put(out, ARCH_LEGACY | ARCH_8042, 2);
	acpi_pad(out, start, 112);
	acpi_put(out, FADT_WBINVD | FADT_PROC_C1 | FADT_NO_SLEEP_BUTTON | FADT_TIMER_32 |
		      FADT_RESET, 4);
	acpi_io_register(out, config->reset);
	acpi_put(out, config->reset_value, 1);
	acpi_pad(out, start, FADT_X_DSDT);
	acpi_put(out, dsdt, 8);
	acpi_pad(out, start, FADT_SIZE);
	script_pointer(b, ACPI_PC_FILE_TABLES, start + FADT_FACS, 4);
	script_pointer(b, ACPI_PC_FILE_TABLES, start + FADT_DSDT, 4);
	script_pointer(b, ACPI_PC_FILE_TABLES, start + FADT_X_DSDT, 8);
	end_relocated(b, start);
	return start;
}

/* ---- MADT ---- */

static void source_override(struct aml *out, uint8_t irq, uint32_t gsi, uint16_t flags)
{
	acpi_put(out, 2, 1);
	acpi_put(out, 10, 1);
	acpi_put(out, 0, 1);	/* ISA */
	acpi_put(out, irq, 1);
	acpi_put(out, gsi, 4);
	acpi_put(out, flags, 2);
}

/* LINT1 of all processors is NMI. */
static void local_nmi(struct aml *out)
{
	acpi_put(out, 4, 1);
	acpi_put(out, 6, 1);
	acpi_put(out, 0xff, 1);
	acpi_put(out, 0, 2);
	acpi_put(out, 1, 1);
}

static size_t write_madt(struct builder *b)
{
	const struct acpi_pc_config *config = b->config;
	struct aml *out = &b->out;
	size_t start = acpi_begin(out, PC, "APIC", 3);

	acpi_put(out, ACPI_LAPIC_BASE, 4);
	acpi_put(out, 1, 4);	/* 8259 pair, too */
	for (unsigned int i = 0; i < config->cpu_count; i++)
		acpi_local_apic(out, i);
	acpi_io_apic(out, config->ioapic_id, config->ioapic_base);
	source_override(out, 0, 2, CONFORMS);
	source_override(out, config->sci, config->sci, LEVEL_HIGH);
	local_nmi(out);
	acpi_end(out, start);
	return start;
}

/* ---- roots ---- */

static size_t write_root(struct builder *b, const char *signature, const size_t *tables,
			 size_t count, uint8_t width)
{
	struct aml *out = &b->out;
	size_t start = acpi_begin(out, PC, signature, 1);

	for (size_t i = 0; i < count; i++) {
		script_pointer(b, ACPI_PC_FILE_TABLES, out->size, width);
		acpi_put(out, tables[i], width);
	}
	end_relocated(b, start);
	return start;
}

static void write_rsdp(struct builder *b, size_t rsdt, size_t xsdt)
{
	acpi_rsdp(b->acpi->rsdp, (uint32_t)rsdt, xsdt);
	script_pointer(b, ACPI_PC_FILE_RSDP, ACPI_RSDP_RSDT, 4);
	script_pointer(b, ACPI_PC_FILE_RSDP, ACPI_RSDP_XSDT, 8);
	script_checksum(b, ACPI_PC_FILE_RSDP, ACPI_RSDP_CHECKSUM, 0, ACPI_RSDP_V1_SIZE);
	script_checksum(b, ACPI_PC_FILE_RSDP, ACPI_RSDP_CHECKSUM_ALL, 0, ACPI_RSDP_SIZE);
}

int acpi_pc_make(const struct acpi_pc_config *config, struct acpi_pc *ret_acpi)
{
	struct builder b = {
		.out = { .data = ret_acpi->tables, .room = sizeof(ret_acpi->tables) },
		.config = config, .acpi = ret_acpi,
	};
	size_t facs, dsdt, rsdt, xsdt, tables[3];

	ret_acpi->loader_count = 0;
	script_allocate(&b, ACPI_PC_FILE_RSDP, 16, ZONE_FSEG);
	script_allocate(&b, ACPI_PC_FILE_TABLES, 64, ZONE_HIGH);
	facs = write_facs(&b.out);
	dsdt = write_dsdt(&b);
	tables[0] = write_fadt(&b, facs, dsdt);
	tables[1] = write_madt(&b);
	tables[2] = acpi_mcfg(&b.out, PC, config->ecam_base, 255);
	rsdt = write_root(&b, "RSDT", tables, 3, 4);
	xsdt = write_root(&b, "XSDT", tables, 3, 8);
	write_rsdp(&b, rsdt, xsdt);
	ret_acpi->tables_size = b.out.size;
	return b.out.overflow || b.overflow ? -ENOSPC : 0;
}
