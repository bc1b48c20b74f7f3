// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Multiboot images: by addresses and as ELF, what the kernel is told, which are refused,
 * and that a PVH note comes first.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/boot.h"
#include "boot/layout.h"
#include "lib/errors.h"

#define RAM (8u << 20)
#define MAGIC 0x1badb002u

static struct guest_memory *memory;
static uint8_t file[16384];
static struct boot_entry entry;
static struct btn_error error;

static int setup(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	return guest_memory_create(NULL, RAM, &memory);
}

static int teardown(void **state)
{
	(void)state;
	guest_memory_destroy(memory);
	return 0;
}

static struct boot_file file_of(const char *what, const void *data, size_t size)
{
	struct boot_file f = { .what = what, .path = what, .size = size };

	f.fd = memfd_create(what, MFD_CLOEXEC);
	assert_true(f.fd >= 0);
	assert_int_equal(write(f.fd, data, size), size);
	return f;
}

static bool load(size_t size, const char *initrd)
{
	struct boot_plan plan = {
		.memory = memory, .cmdline = "test one", .kernel = file_of("kernel", file, size),
		.initrd = { .fd = -1 },
	};
	bool ok;

	if (initrd)
		plan.initrd = file_of("initrd", initrd, strlen(initrd));
	memset(&entry, 0, sizeof(entry));
	memset(&error, 0, sizeof(error));
	ok = boot_load(&plan, &entry, &error);
	close(plan.kernel.fd);
	if (initrd)
		close(plan.initrd.fd);
	assert_true(ok || (error.code != BTN_OK && *error.cause));
	return ok;
}

static void put_header(size_t at, uint32_t flags, uint32_t header, uint32_t start, uint32_t end,
		       uint32_t bss, uint32_t first)
{
	uint32_t words[] = { MAGIC, flags, -(MAGIC + flags), header, start, end, bss, first };

	memcpy(file + at, words, sizeof(words));
}

static uint32_t word(uint64_t gpa)
{
	uint32_t value;

	assert_int_equal(guest_memory_read(memory, gpa, &value, sizeof(value)), 0);
	return value;
}

static const char *text(uint64_t gpa)
{
	const char *at = guest_memory_at(memory, gpa, 64);

	assert_non_null(at);
	return at;
}

/* The specification's "Boot information format", by offsets. */
static void check_info(uint64_t info)
{
	uint64_t map = word(info + 48), end = map + word(info + 44);
	bool found = false;

	assert_int_equal(word(info) & ~8u, 0x245);
	assert_int_equal(word(info + 4), 639);
	assert_int_equal(word(info + 8), (RAM >> 10) - 1024);
	assert_string_equal(text(word(info + 16)), "test one");
	assert_string_equal(text(word(info + 64)), "baton");
	for (; map < end; map += word(map) + 4)
		found |= word(map + 4) == 0x100000 && word(map + 12) == RAM - 0x100000 &&
			 word(map + 20) == 1;
	assert_true(found && map == end);
}

static void test_addresses(void **state)
{
	uint64_t info, module;

	(void)state;
	put_header(0x40, 0x10003, 0x200040, 0x200000, 0x201000, 0x300000, 0x200010);
	memcpy(file + 0xff8, "lastword", 8);
	memcpy(file + 0x1000, "beyond", 6);
	assert_true(load(0x2000, "NR_CPUS=2\n"));
	assert_int_equal(entry.mode, BOOT_BARE32);
	assert_int_equal(entry.rip, 0x200010);
	assert_int_equal(entry.rax, 0x2badb002);
	assert_memory_equal(text(0x200ff8), "lastword\0\0", 10);
	info = entry.rbx;
	check_info(info);
	assert_int_equal(word(info) & 8, 8);
	assert_int_equal(word(info + 20), 1);
	module = word(info + 24);
	assert_int_equal(word(module + 4) - word(module), 10);
	assert_int_equal(word(module) & 0xfff, 0);
	assert_true(word(module) >= 0x300000);
	assert_memory_equal(text(word(module)), "NR_CPUS=2\n", 10);
	assert_string_equal(text(word(module + 8)), "initrd");
}

/* Without an end: all of the file. What is before the header in memory is so in the file. */
static void test_whole_file(void **state)
{
	(void)state;
	put_header(0x1000, 0x10000, 0x200800, 0x200000, 0, 0, 0x200000);
	memcpy(file + 0x800, "first", 5);
	memcpy(file + 0x2ffb, "last!", 5);
	assert_true(load(0x3000, NULL));
	assert_memory_equal(text(0x200000), "first", 5);
	assert_memory_equal(text(0x2027fb), "last!", 5);
	check_info(entry.rbx);
	assert_int_equal(word(entry.rbx) & 8, 0);
}

/* The header in one segment, which is linked elsewhere than it is loaded. */
static void put_elf(unsigned int segments)
{
	Elf32_Ehdr head = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, 1 },
		.e_machine = EM_386, .e_phoff = sizeof(head), .e_entry = 0xc0200020,
		.e_phentsize = sizeof(Elf32_Phdr), .e_phnum = (uint16_t)segments,
	};
	Elf32_Phdr segment = {
		.p_type = PT_LOAD, .p_offset = 0x1000, .p_vaddr = 0xc0200000, .p_paddr = 0x200000,
		.p_filesz = 0x100, .p_memsz = 0x5000,
	};
	static const uint32_t note[] = { 4, 4, 18, 'X' | 'e' << 8 | 'n' << 16, 0x200040 };

	memcpy(file, &head, sizeof(head));
	memcpy(file + sizeof(head), &segment, sizeof(segment));
	segment = (Elf32_Phdr){ .p_type = PT_NOTE, .p_offset = 0x800, .p_filesz = sizeof(note) };
	memcpy(file + sizeof(head) + sizeof(segment), &segment, sizeof(segment));
	memcpy(file + 0x800, note, sizeof(note));
	put_header(0x1000, 3, 0, 0, 0, 0, 0);
	memcpy(file + 0x1020, "entry", 5);
}

static void test_elf(void **state)
{
	(void)state;
	put_elf(1);
	assert_true(load(0x2000, NULL));
	assert_int_equal(entry.rip, 0x200020);
	assert_memory_equal(text(0x200020), "entry", 5);
	assert_int_equal(entry.rax, 0x2badb002);
	check_info(entry.rbx);
}

/* Below 1 MiB, where none of our own data is. */
static void test_elf_low(void **state)
{
	static const struct {
		uint32_t gpa, size;
		bool ok;
	} rows[] = {
		{ 0x8000, 0x5000, true }, { 0x1000, 0x1e000, true }, { 0xfff, 0x100, false },
		{ 0x1e000, 0x1001, false }, { 0x1f000, 0x100, false }, { 0x20000, 0x100, false },
		{ 0xe0000, 0x100, false }, { 0x1000, 0xfffff000, false },
	};
	Elf32_Phdr *segment = (Elf32_Phdr *)(file + sizeof(Elf32_Ehdr));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_elf(1);
		segment->p_paddr = rows[i].gpa;
		segment->p_memsz = rows[i].size;
		if (load(0x2000, NULL) != rows[i].ok)
			fail_msg("0x%x", rows[i].gpa);
		if (rows[i].ok)
			assert_memory_equal(text(rows[i].gpa + 0x20), "entry", 5);
		if (rows[i].ok)
			check_info(entry.rbx);
	}
}

static void test_pvh_first(void **state)
{
	(void)state;
	put_elf(2);
	assert_true(load(0x2000, NULL));
	assert_int_equal(entry.rip, 0x200040);
	assert_int_equal(entry.rax, 0);
	assert_int_equal(word(entry.rbx), 0x336ec578);
}

static void test_refused(void **state)
{
	static const struct {
		const char *what;
		uint32_t flags, header, start, end, bss, first;
		enum btn_code code;
	} rows[] = {
		{ "video", 0x10004, 0x200000, 0x200000, 0, 0, 0x200000, BTN_KERNEL_FORMAT },
		{ "unknown", 0x18000, 0x200000, 0x200000, 0, 0, 0x200000, BTN_KERNEL_FORMAT },
		{ "no ELF", 0, 0x200000, 0x200000, 0, 0, 0x200000, BTN_KERNEL_FORMAT },
		{ "low", 0x10000, 0xff000, 0xff000, 0, 0, 0x100000, BTN_KERNEL_FORMAT },
		{ "header first", 0x10000, 0x1ff000, 0x200000, 0, 0, 0x200000, BTN_KERNEL_DAMAGED },
		{ "before file", 0x10000, 0x200004, 0x200000, 0, 0, 0x200000, BTN_KERNEL_DAMAGED },
		{ "ends early", 0x10000, 0x200000, 0x200000, 0x1ffff0, 0, 0x200000,
		  BTN_KERNEL_DAMAGED },
		{ "not in file", 0x10000, 0x200000, 0x200000, 0x203000, 0, 0x200000,
		  BTN_KERNEL_DAMAGED },
		{ "entry", 0x10000, 0x200000, 0x200000, 0, 0, 0x202000, BTN_KERNEL_DAMAGED },
		{ "low entry", 0x10000, 0x200000, 0x200000, 0, 0, 0, BTN_KERNEL_DAMAGED },
		{ "bss", 0x10000, 0x200000, 0x200000, 0, 0xffffffff, 0x200000,
		  BTN_KERNEL_TOO_BIG },
		{ "high", 0x10000, 0xfffff000, 0xfffff000, 0, 0, 0xfffff000, BTN_KERNEL_TOO_BIG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_header(0, rows[i].flags, rows[i].header, rows[i].start, rows[i].end,
			   rows[i].bss, rows[i].first);
		if (load(0x2000, NULL) || error.code != rows[i].code)
			fail_msg("%s: %d", rows[i].what, (int)error.code);
	}
}

/* Only in the first 8 KiB, whole, at a multiple of 4, with its sum. */
static void test_no_header(void **state)
{
	(void)state;
	put_header(0x2000 - 16, 0x10000, 0x200000, 0x200000, 0, 0, 0x200000);
	assert_false(load(sizeof(file), NULL));
	memset(file, 0, sizeof(file));
	put_header(2, 0x10000, 0x200000, 0x200000, 0, 0, 0x200000);
	assert_false(load(sizeof(file), NULL));
	memset(file, 0, sizeof(file));
	put_header(0, 0x10000, 0x200000, 0x200000, 0, 0, 0x200000);
	file[8] ^= 1;
	assert_false(load(sizeof(file), NULL));
	assert_int_equal(error.code, BTN_KERNEL_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whole_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_elf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_elf_low, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pvh_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_header, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
