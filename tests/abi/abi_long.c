// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest in long mode for the tests that need one: the first MiB mapped one to one,
 * flat segments, and for each vector a handler that tells it: OUT to the port of its
 * number, then HLT.
 */
#include <stdint.h>

#include "abi.h"

#define GDT 0x500
#define IDT 0x2000
#define HANDLERS 0x3000
#define TABLES 0x4000
#define TSS 0x7000

struct gate {
	uint16_t low, selector, flags, middle;
	uint32_t high, zero;
};

void abi_set_gate(struct abi_guest *g, unsigned int vector, uint32_t to)
{
	((struct gate *)(g->memory + IDT))[vector] = (struct gate) {
		.low = to, .selector = 8, .flags = 0x8e00, .middle = to >> 16,
	};
}

void abi_clear_gate(struct abi_guest *g, unsigned int vector)
{
	((struct gate *)(g->memory + IDT))[vector].flags = 0;
}

static void write_tables(struct abi_guest *g)
{
	uint64_t *gdt = (uint64_t *)(g->memory + GDT), *level = (uint64_t *)(g->memory + TABLES);
	unsigned int i;

	gdt[1] = 0x00af9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	gdt[3] = 0x00af9b000000ffff;	/* SYSRET's, should one come to that */
	level[0] = TABLES + 0x1007;
	level[512] = TABLES + 0x2007;
	level[1024] = 0x87;
	for (i = 0; i < 256; i++) {
		memcpy(g->memory + HANDLERS + 4 * i, (unsigned char []) { 0xe6, i, 0xf4, 0xf4 }, 4);
		abi_set_gate(g, i, HANDLERS + 4 * i);
	}
}

static void set_state(struct abi_guest *g)
{
	struct baton_regs regs = { .rip = ABI_LONG_CODE, .rflags = 2 };
	struct baton_sregs s;
	unsigned int i;

	EXPECT(!ioctl(g->vcpu, BATON_GET_SREGS, &s));
	for (i = BATON_ES; i <= BATON_GS; i++)
		s.seg[i] = (struct baton_segment) { 0, ~0u, 16, 0xc093 };
	s.seg[BATON_CS] = (struct baton_segment) { 0, ~0u, 8, 0xa09b };
	s.seg[BATON_TR] = (struct baton_segment) { TSS, 0x67, 32, 0x8b };
	s.gdt = (struct baton_dtable) { .base = GDT, .limit = 8 * 8 - 1 };
	s.idt = (struct baton_dtable) { .base = IDT, .limit = 4095 };
	s.cr0 = 0x80010033;
	s.cr3 = TABLES;
	s.cr4 = 0x620;		/* PAE, OSFXSR, OSXMMEXCPT */
	s.efer = 0x501;		/* SCE, LME, LMA */
	s.apic_base = 0xfee00d00;	/* x2APIC */
	EXPECT(!ioctl(g->vcpu, BATON_SET_SREGS, &s));
	regs.gpr[BATON_RSP] = 0xf000;
	EXPECT(!ioctl(g->vcpu, BATON_SET_REGS, &regs));
}

struct abi_guest abi_long_guest(const void *code, size_t size)
{
	struct abi_guest g = abi_guest_start(NULL, 0);

	memcpy(g.memory + ABI_LONG_CODE, code, size);
	write_tables(&g);
	set_state(&g);
	return g;
}

int abi_set_msr(struct abi_guest *g, uint32_t index, uint64_t data)
{
	struct baton_msr msr = { .index = index, .data = data };
	struct baton_msrs list = { .count = 1, .entries = (uintptr_t)&msr };

	return ioctl(g->vcpu, BATON_SET_MSRS, &list) || list.done != 1 ? -1 : 0;
}
