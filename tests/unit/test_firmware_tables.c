// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ACPI and SMBIOS of board pc, as firmware takes them: the loader's script is executed
 * here, then every table is reached from the RSDP and has to add up.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "boot/acpi_pc.h"
#include "boot/smbios.h"
#include "dev/ich9_lpc.h"

#define TABLES_AT 0x7ff00000ull	/* where the "firmware" puts them */
#define RSDP_AT 0xf5000ull

static struct acpi_pc acpi;

static struct acpi_pc_config config(unsigned int cpus)
{
	return (struct acpi_pc_config){
		.cpu_count = cpus, .ioapic_base = 0xfec00000, .ecam_base = 0xb0000000,
		.mmio32_base = 0xc0000000, .mmio32_size = 0x3ec00000, .pm_base = 0x600, .sci = 9,
		.smi_port = 0xb2, .acpi_enable = 2, .acpi_disable = 3, .reset = 0xcf9,
		.reset_value = 6, .s5_type = 7, .century = 0x32, .first_pci_gsi = 16,
		.pirq = ich9_lpc_pirq, .pic_irq = { 10, 10, 11, 11, 10, 10, 11, 11 },
	};
}

static uint64_t get(const uint8_t *at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return value;
}

static uint8_t *file(const uint8_t *name, uint64_t *ret_address)
{
	bool rsdp = !strcmp((const char *)name, ACPI_PC_FILE_RSDP);

	assert_true(rsdp || !strcmp((const char *)name, ACPI_PC_FILE_TABLES));
	*ret_address = rsdp ? RSDP_AT : TABLES_AT;
	return rsdp ? acpi.rsdp : acpi.tables;
}

static void execute(const uint8_t *e)
{
	uint64_t address, source;
	uint8_t *data;

	switch (get(e, 4)) {
	case 1: /* allocate */
		file(e + 4, &address);
		assert_int_equal(address % get(e + 60, 4), 0);
		break;
	case 2: /* pointer */
		data = file(e + 4, &address) + get(e + 116, 4);
		file(e + 60, &source);
		source += get(data, e[120]);
		memcpy(data, &source, e[120]);
		break;
	case 3: /* checksum */
		data = file(e + 4, &address);
		data[get(e + 60, 4)] = acpi_checksum(data + get(e + 64, 4), get(e + 68, 4));
		break;
	default:
		fail();
	}
}

static uint8_t sum(const uint8_t *data, size_t size)
{
	uint8_t total = 0;

	while (size--)
		total += *data++;
	return total;
}

static const uint8_t *table(uint64_t address, const char *signature)
{
	const uint8_t *t = acpi.tables + (address - TABLES_AT);

	assert_in_range(address, TABLES_AT, TABLES_AT + acpi.tables_size - 36);
	assert_memory_equal(t, signature, 4);
	if (strcmp(signature, "FACS"))
		assert_int_equal(sum(t, get(t + 4, 4)), 0);
	return t;
}

static void build(unsigned int cpus)
{
	struct acpi_pc_config c = config(cpus);

	memset(&acpi, 0, sizeof(acpi));
	assert_int_equal(acpi_pc_make(&c, &acpi), 0);
	for (size_t i = 0; i < acpi.loader_count; i++)
		execute(acpi.loader[i]);
}

static void test_tables(void **state)
{
	const uint8_t *xsdt, *rsdt, *fadt, *facs;

	(void)state;
	build(4);
	assert_int_equal(sum(acpi.rsdp, 20), 0);
	assert_int_equal(sum(acpi.rsdp, 36), 0);
	xsdt = table(get(acpi.rsdp + 24, 8), "XSDT");
	rsdt = table(get(acpi.rsdp + 16, 4), "RSDT");
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(get(xsdt + 36 + 8 * i, 8), get(rsdt + 36 + 4 * i, 4));
	fadt = table(get(xsdt + 36, 8), "FACP");
	table(get(fadt + 40, 4), "DSDT");
	table(get(fadt + 140, 8), "DSDT");
	facs = table(get(fadt + 36, 4), "FACS");
	assert_int_equal((TABLES_AT + (uint64_t)(facs - acpi.tables)) % 64, 0);
	assert_int_equal(get(fadt + 46, 2), 9);
	assert_int_equal(get(fadt + 56, 4), 0x600);
	assert_int_equal(get(fadt + 76, 4), 0x608);
	assert_int_equal(get(fadt + 80, 4), 0x620);
	assert_int_equal(fadt[91], 4);
	assert_int_equal(fadt[108], 0x32);
	assert_int_equal(get(fadt + 120, 8), 0xcf9);
	assert_int_equal(fadt[128], 6);
	table(get(xsdt + 52, 8), "MCFG");
}

/* The device of a compressed EISA ID, up to the bytes of its interrupt in _CRS. */
static bool has_device(const uint8_t *dsdt, const char *name, uint32_t eisa_id, uint8_t irq)
{
	const uint8_t *end = dsdt + get(dsdt + 4, 4), *d, *hid;
	const uint8_t interrupt[] = { 0x89, 6, 0, 3, 1, irq, 0, 0, 0, 0x79 };

	d = memmem(dsdt, (size_t)(end - dsdt), name, 4);
	hid = d ? memmem(d, 16, &eisa_id, 4) : NULL;
	return hid && memmem(hid, 44, interrupt, sizeof(interrupt));
}

static void test_input(void **state)
{
	const uint8_t *dsdt;

	(void)state;
	build(1);
	dsdt = table(get(table(get(table(get(acpi.rsdp + 24, 8), "XSDT") + 36, 8), "FACP") + 40, 4),
		     "DSDT");
	assert_true(has_device(dsdt, "KBD_", 0x0303d041, 1));
	assert_true(has_device(dsdt, "MOU_", 0x130fd041, 12));
}

static void test_cpus(void **state)
{
	(void)state;
	for (unsigned int cpus = 1; cpus <= 64; cpus += 21) {
		const uint8_t *madt, *at, *end;
		unsigned int found = 0;

		build(cpus);
		madt = table(get(table(get(acpi.rsdp + 24, 8), "XSDT") + 44, 8), "APIC");
		end = madt + get(madt + 4, 4);
		for (at = madt + 44; at < end; at += at[1]) {
			assert_int_not_equal(at[1], 0);
			found += at[0] == 0;
		}
		assert_ptr_equal(at, end);
		assert_int_equal(found, cpus);
	}
}

/* Each structure's strings end where the next structure begins; the anchor counts them. */
static void test_smbios(void **state)
{
	struct smbios_config c = { .cpu_count = 3, .memory = 8ull << 30, .memory_low = 2ull << 30,
				   .version = "1.2", .uuid = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad,
					0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 } };
	/* as DSP0134 has it in its example: three little-endian fields, then bytes */
	const uint8_t uuid[] = { 0x10, 0xb8, 0xa7, 0x6b, 0xad, 0x9d, 0xd1, 0x11,
				 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };
	struct smbios s;
	unsigned int structures = 0, type = 0;
	size_t at = 0;

	(void)state;
	assert_int_equal(smbios_make(&c, &s), 0);
	while (at < s.size) {
		size_t length = s.tables[at + 1];

		type = s.tables[at];
		assert_true(length >= 4);
		if (type == 1)
			assert_memory_equal(s.tables + at + 8, uuid, sizeof(uuid));
		at += length;
		while (s.tables[at] || s.tables[at + 1])
			at++;
		at += 2;
		structures++;
	}
	assert_int_equal(at, s.size);
	assert_int_equal(type, 127);
	assert_int_equal(get(s.anchor + 28, 2), structures);
	assert_int_equal(get(s.anchor + 22, 2), s.size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables), cmocka_unit_test(test_input),
		cmocka_unit_test(test_cpus), cmocka_unit_test(test_smbios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
