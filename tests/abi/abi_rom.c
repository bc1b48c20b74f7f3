// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Safety test A2: a read-only slot over memory that the monitor itself cannot
 * write to. The guest executes from there, also what the module or the monitor
 * has to decode; what it writes there comes to the monitor.
 */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

#define ROM		0x200000u
#define ROM_SIZE	0x10000u
#define DEVICE		0x300000u	/* no slot */
#define APIC		0xfee00000u

static const unsigned char rom_code[] = {
	0x0f, 0xa2,				/* cpuid */
	0x64, 0x66, 0xa1, 0x30, 0x00,		/* mov eax,fs:[0x30] */
	0x66, 0xe7, 0x10,			/* out 0x10,eax */
	0xa2, 0x23, 0x01,			/* mov [0x123],al */
	0x26, 0xa2, 0x40, 0x00,			/* mov es:[0x40],al */
	0x26, 0xa0, 0x40, 0x00,			/* mov al,es:[0x40] */
	0xe6, 0x11,				/* out 0x11,al */
};
#define AT_DEVICE	10
#define AT_WRITE	13

static void *add_rom(int vm)
{
	unsigned char *rom = mmap(NULL, ROM_SIZE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct baton_slot slot = {
		.id = 1, .flags = BATON_SLOT_READONLY, .gpa = ROM, .size = ROM_SIZE,
		.hva = (uintptr_t)rom,
	};

	EXPECT(rom != MAP_FAILED);
	memcpy(rom, rom_code, sizeof(rom_code));
	rom[0x40] = 0xc3;
	EXPECT(!mprotect(rom, ROM_SIZE, PROT_READ));
	EXPECT(!ioctl(vm, BATON_SET_SLOT, &slot));
	return rom;
}

/* Real mode, with segments beyond the first MiB. */
static void enter_rom(struct abi_guest *g)
{
	struct baton_regs regs = { .rflags = 2 };
	struct baton_sregs sregs;

	EXPECT(!ioctl(g->vcpu, BATON_GET_SREGS, &sregs));
	sregs.seg[BATON_CS].base = ROM;
	sregs.seg[BATON_ES].base = ROM;
	sregs.seg[BATON_DS].base = DEVICE;
	sregs.seg[BATON_FS].base = APIC;
	EXPECT(!ioctl(g->vcpu, BATON_SET_SREGS, &sregs));
	EXPECT(!ioctl(g->vcpu, BATON_SET_REGS, &regs));
}

/* The exit is on the instruction at `at`, and its bytes are the right ones if any. */
static void expect_emulate(const struct abi_guest *g, uint32_t kind, uint64_t gpa,
			   unsigned int at, unsigned int length)
{
	const struct baton_exit_emulate *e = &g->run->emulate;

	ABI_RUN(*g, BATON_EXIT_EMULATE);
	EXPECT(e->kind == kind && e->gpa == gpa && e->access & BATON_ACCESS_WRITE);
	EXPECT(!(e->access & BATON_ACCESS_FETCH));
	EXPECT(g->run->regs.rip == at);
	if (e->insn_len >= length)
		EXPECT(!memcmp(e->insn, rom_code + at, length));
	g->run->regs.rip += length;
	g->run->commit = BATON_CLASS_REGS;
}

static void test_rom(void)
{
	struct abi_guest g = abi_guest_start("", 0);
	unsigned char *rom = add_rom(g.vm);

	enter_rom(&g);
	ABI_RUN(g, BATON_EXIT_PIO);
	/* The local APIC's version: the module decoded a MOV that is in ROM. */
	EXPECT(g.run->pio.port == 0x10 && (g.run->pio.data & 0xff) == 0x14);
	expect_emulate(&g, BATON_EMULATE_MMIO, DEVICE + 0x123, AT_DEVICE, 3);
	expect_emulate(&g, BATON_EMULATE_ROM, ROM + 0x40, AT_WRITE, 4);
	ABI_RUN(g, BATON_EXIT_PIO);
	EXPECT(g.run->pio.port == 0x11 && g.run->pio.data == 0xc3);
	EXPECT(rom[0x40] == 0xc3);
	munmap(rom, ROM_SIZE);
	abi_guest_end(&g);
}

/* Its memory goes away under the guest that executes there. */
static void test_rom_gone(void)
{
	struct abi_guest g = abi_guest_start("", 0);
	unsigned char *rom = add_rom(g.vm);

	enter_rom(&g);
	ABI_RUN(g, BATON_EXIT_PIO);
	munmap(rom, ROM_SIZE);
	ABI_RUN(g, BATON_EXIT_MEMORY);
	EXPECT(g.run->memory.gpa >> 12 == ROM >> 12 && g.run->memory.error == -EFAULT);
	EXPECT(!(g.run->memory.access & BATON_ACCESS_WRITE));
	abi_guest_end(&g);
}

ABI_CODE(out_strings, "	mov $0x2f8, %edx\n	outsb\n	outsw\n	outsl\n");

/* Port and width are what the processor has checked. */
static void test_string_io(void)
{
	struct abi_guest g = ABI_LONG_GUEST(out_strings);
	const struct baton_exit_emulate *e = &g.run->emulate;
	unsigned int size;

	for (size = 1; size <= 4; size *= 2) {
		ABI_RUN(g, BATON_EXIT_EMULATE);
		EXPECT(e->kind == BATON_EMULATE_STRING_IO && e->gpa == 0x2f8 && e->gva == size);
		EXPECT(e->access & BATON_ACCESS_WRITE && !(e->access & BATON_ACCESS_GVA));
		g.run->regs.rip += size == 2 ? 2 : 1;
		g.run->commit = BATON_CLASS_REGS;
	}
	abi_guest_end(&g);
}

#define ROM_TABLES 0x200000u

ABI_CODE(any, "	out %al, $0x10\n");

/*
 * Page tables in ROM: the processor wants to mark them, and what it is refused is not an
 * operand of whatever instruction it was about to do.
 */
static void test_tables_in_rom(void)
{
	struct abi_guest g = ABI_LONG_GUEST(any);
	uint64_t *tables = mmap(NULL, 0x3000, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				-1, 0);
	struct baton_slot slot = {
		.id = 1, .flags = BATON_SLOT_READONLY, .gpa = ROM_TABLES, .size = 0x3000,
		.hva = (uintptr_t)tables,
	};
	const struct baton_exit_emulate *e = &g.run->emulate;
	struct baton_sregs sregs;
	struct baton_info info;

	EXPECT(!ioctl(g.sys, BATON_GET_INFO, &info));
	EXPECT(info.features & BATON_FEAT_ACCESS_WALK);
	tables[0] = ROM_TABLES + 0x1007;
	tables[512] = ROM_TABLES + 0x2007;
	tables[1024] = 0x87;
	EXPECT(!ioctl(g.vm, BATON_SET_SLOT, &slot));
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	sregs.cr3 = ROM_TABLES;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	ABI_RUN(g, BATON_EXIT_EMULATE);
	EXPECT(e->kind == BATON_EMULATE_ROM && e->gpa >> 12 == ROM_TABLES >> 12);
	EXPECT(e->access & BATON_ACCESS_WALK && !(e->access & BATON_ACCESS_GVA));
	EXPECT(tables[0] == ROM_TABLES + 0x1007);
	munmap(tables, 0x3000);
	abi_guest_end(&g);
}

const struct abi_test abi_rom_tests[] = {
	{ "A2: code in ROM, writes to it", test_rom },
	{ "A2: ROM gone", test_rom_gone },
	{ "A2: page tables in ROM", test_tables_in_rom },
	{ "A2: strings to ports", test_string_io },
	{ NULL, NULL },
};
