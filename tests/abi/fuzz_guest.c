// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guests of the fuzzer: code of instructions that exit, or of random bytes; state of
 * a guest in real, protected or long mode, or near it.
 */
#include <string.h>

#include "fuzz.h"

#define CODE 0x1000
#define TABLES 0x2000

/* Valid in every mode, so that a guest gets past the first. 0xff: a random byte. */
static const struct {
	unsigned char size, bytes[18];
} snippets[] = {
	/* In real mode: x2APIC registers: enable it, EOI, an IPI to oneself. */
	{ 18, { 0x66, 0xb9, 0x0f, 0x08, 0, 0, 0x66, 0xb8, 0xff, 0x01, 0, 0, 0x31, 0xd2,
		0x0f, 0x30, 0x90, 0xfb } },
	{ 12, { 0x66, 0xb9, 0x0b, 0x08, 0, 0, 0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x30 } },
	{ 14, { 0x66, 0xb9, 0x3f, 0x08, 0, 0, 0x31, 0xc0, 0xb0, 0xff, 0x31, 0xd2, 0x0f, 0x30 } },
	{ 1, { 0xf4 } }, { 2, { 0x0f, 0xa2 } }, { 2, { 0x0f, 0x32 } }, { 2, { 0x0f, 0x30 } },
	{ 2, { 0x0f, 0x31 } }, { 2, { 0x0f, 0x33 } }, { 2, { 0xe4, 0xff } }, { 2, { 0xe5, 0xff } },
	{ 2, { 0xe6, 0xff } }, { 2, { 0xe7, 0xff } }, { 1, { 0xec } }, { 1, { 0xed } },
	{ 1, { 0xee } }, { 1, { 0xef } }, { 1, { 0x6c } }, { 2, { 0xf3, 0x6e } },
	{ 2, { 0xf3, 0x6d } }, { 2, { 0xcd, 0xff } }, { 1, { 0xcc } }, { 1, { 0xf1 } },
	{ 1, { 0xcf } }, { 1, { 0xfb } }, { 1, { 0xfa } }, { 1, { 0x9d } }, { 1, { 0x9c } },
	{ 3, { 0x0f, 0x20, 0xc0 } }, { 3, { 0x0f, 0x22, 0xc0 } }, { 3, { 0x0f, 0x22, 0xd8 } },
	{ 3, { 0x0f, 0x22, 0xe0 } }, { 4, { 0x44, 0x0f, 0x22, 0xc0 } }, { 3, { 0x0f, 0x20, 0xff } },
	{ 3, { 0x0f, 0x23, 0xf8 } }, { 3, { 0x0f, 0x21, 0xf0 } }, { 3, { 0x0f, 0x23, 0xc0 } },
	{ 3, { 0x0f, 0x01, 0xff } }, { 3, { 0x0f, 0x00, 0xff } }, { 3, { 0x0f, 0xae, 0xff } },
	{ 3, { 0x0f, 0xc7, 0xff } }, { 3, { 0x0f, 0x01, 0xd9 } }, { 3, { 0x0f, 0x01, 0xc1 } },
	{ 3, { 0x0f, 0x01, 0xd8 } }, { 3, { 0x0f, 0x01, 0xda } }, { 3, { 0x0f, 0x01, 0xdb } },
	{ 3, { 0x0f, 0x01, 0xdc } }, { 3, { 0x0f, 0x01, 0xdd } }, { 3, { 0x0f, 0x01, 0xd1 } },
	{ 3, { 0x0f, 0x01, 0xf9 } }, { 3, { 0x0f, 0x01, 0xc8 } }, { 3, { 0x0f, 0x01, 0xc9 } },
	{ 2, { 0x0f, 0x08 } }, { 2, { 0x0f, 0x09 } }, { 2, { 0xf3, 0x90 } }, { 2, { 0x0f, 0x0b } },
	{ 2, { 0x0f, 0xaa } }, { 2, { 0x0f, 0x34 } }, { 2, { 0x0f, 0x05 } }, { 2, { 0x0f, 0x07 } },
	{ 2, { 0x0f, 0x06 } }, { 2, { 0xeb, 0xff } }, { 2, { 0xeb, 0xfe } }, { 2, { 0x8e, 0xff } },
	{ 5, { 0xb9, 0xff, 0xff, 0x00, 0x00 } }, { 5, { 0xb9, 0xff, 0x08, 0x00, 0x00 } },
	{ 5, { 0xb9, 0xff, 0x00, 0x00, 0xc0 } }, { 5, { 0xb9, 0xff, 0xff, 0x01, 0xc0 } },
	{ 5, { 0xb9, 0xff, 0x4b, 0x56, 0x4d } }, { 5, { 0xb8, 0xff, 0xff, 0xff, 0xff } },
	{ 5, { 0xba, 0xff, 0x03, 0x00, 0x00 } }, { 5, { 0xbf, 0xff, 0xff, 0xff, 0x00 } },
	{ 3, { 0x66, 0x0f, 0x38 } }, { 2, { 0xf3, 0xaa } }, { 2, { 0xf3, 0xa4 } },
	{ 2, { 0x88, 0xff } }, { 2, { 0x8b, 0xff } }, { 3, { 0xf0, 0x0f, 0xb1 } },
	{ 1, { 0x66 } }, { 1, { 0x67 } }, { 1, { 0x2e } }, { 1, { 0xf2 } }, { 1, { 0x48 } },
};

static void write_code(struct rng *rng, unsigned char *to, unsigned int size)
{
	unsigned char *end = to + size;
	unsigned int i, j;

	while (to < end) {
		i = below(rng, sizeof(snippets) / sizeof(snippets[0]));
		for (j = 0; j < snippets[i].size && to < end; j++)
			*to++ = snippets[i].bytes[j] == 0xff ? rnd(rng) : snippets[i].bytes[j];
	}
}

/*
 * QEMU's AMD-V ends with an assertion of its own ("qemu_mutex_iothread_locked") when a
 * guest writes CR8 while its hypervisor waits for an interrupt window: REX.R 0F 22 and
 * LOCK 0F 22 are left to other hosts.
 */
static void leave_cr8(unsigned char *code, unsigned int size)
{
	unsigned int i;

	for (i = 0; i + 2 < size; i++)
		if (((code[i] & 0xf4) == 0x44 || code[i] == 0xf0) && code[i + 1] == 0x0f &&
		    code[i + 2] == 0x22)
			code[i + 1] = 0x90;
}

/* Two MiB mapped one to one, of 4 KiB pages the first and of 2 MiB ones the others. */
static void write_tables(unsigned char *memory)
{
	uint64_t *level4 = (uint64_t *)(memory + TABLES), *level3 = level4 + 512;
	uint64_t *level2 = level3 + 512, *level1 = level2 + 512;
	unsigned int i;

	level4[0] = TABLES + 0x1007;
	level3[0] = TABLES + 0x2007;
	level2[0] = TABLES + 0x3007;
	for (i = 0; i < 512; i++) {
		level1[i] = i * 4096ull | 7;
		if (i)
			level2[i] = i << 21 | 0x87;
	}
}

void fuzz_guest_memory(struct actor *a)
{
	unsigned char *memory = a->world->alias;
	struct rng *rng = &a->rng;
	unsigned int i, at;

	switch (below(rng, 4)) {
	case 0:
		write_tables(memory);
		break;
	case 1:
		for (i = 0; i < 64; i += 8)
			*(uint64_t *)(memory + CODE + i) = rnd(rng);
		break;
	case 2:
		/* A spoiled page table, vector table or descriptor. */
		at = (one_in(rng, 2) ? TABLES + below(rng, 4) * 4096 : 0) + 8 * below(rng, 64);
		*(uint64_t *)(memory + at) = fuzz_value(rng);
		break;
	}
	write_code(rng, memory + CODE, 16 + below(rng, 48));
	if (a->world->qemu)
		leave_cr8(memory + CODE - 8, 80);
}

static void flat_segments(struct baton_sregs *sregs, unsigned int code_attr)
{
	unsigned int i;

	for (i = BATON_ES; i <= BATON_GS; i++)
		sregs->seg[i] = (struct baton_segment) {
			.limit = ~0u, .selector = 8, .attr = i == BATON_CS ? code_attr : 0xc093,
		};
	sregs->seg[BATON_TR] = (struct baton_segment) { 0, 0x67, 16, 0x8b };
	sregs->seg[BATON_LDTR] = (struct baton_segment) { 0, 0xffff, 0, 0x82 };
}

static void base_state(struct rng *rng, struct baton_sregs *sregs)
{
	unsigned int i;

	memset(sregs, 0, sizeof(*sregs));
	for (i = BATON_ES; i <= BATON_GS; i++)
		sregs->seg[i] = (struct baton_segment) {
			.limit = 0xffff, .attr = i == BATON_CS ? 0x9b : 0x93,
		};
	sregs->seg[BATON_LDTR] = (struct baton_segment) { 0, 0xffff, 0, 0x82 };
	sregs->seg[BATON_TR] = (struct baton_segment) { 0, 0xffff, 0, 0x8b };
	sregs->gdt.limit = sregs->idt.limit = 0xffff;
	sregs->cr0 = 0x60000010;
	sregs->xcr0 = 1;
	sregs->apic_base = 0xfee00100 | (one_in(rng, 4) ? 0 : one_in(rng, 3) ? 0x800 : 0xc00);
	switch (below(rng, 4)) {
	case 0:
		break;
	case 1:
		flat_segments(sregs, 0xc09b);
		sregs->cr0 = 0x11;
		break;
	case 2:
		/* 32-bit paging by the page directory of the tables: 4 MiB pages */
		flat_segments(sregs, 0xc09b);
		sregs->cr0 = 0x80000011;
		sregs->cr4 = 0x10;
		sregs->cr3 = TABLES + 0x2000;
		break;
	case 3:
		flat_segments(sregs, 0xa09b);
		sregs->cr0 = 0x80000011 | (one_in(rng, 2) ? 0x10000 : 0);
		sregs->cr4 = 0x20;
		sregs->cr3 = TABLES;
		sregs->efer = 0x500;
		break;
	}
}

/* State in the run page and in `commit`; a third of it is a little wrong. */
void fuzz_guest_state(struct actor *a, struct baton_run *run)
{
	struct rng *rng = &a->rng;
	struct baton_regs regs = { .rip = CODE, .rflags = 2 | (one_in(rng, 2) ? 0x200 : 0) };
	struct baton_sregs sregs;
	unsigned int i;

	base_state(rng, &sregs);
	for (i = 0; i < BATON_GPR_COUNT; i++)
		regs.gpr[i] = fuzz_value(rng);
	regs.gpr[BATON_RSP] = 0x8000;
	if (one_in(rng, 3))
		fuzz_mutate(rng, &sregs, sizeof(sregs));
	if (one_in(rng, 6))
		fuzz_mutate(rng, &regs, sizeof(regs));
	run->regs = regs;
	run->sregs = sregs;
	run->commit = one_in(rng, 8) ? (uint32_t)fuzz_value(rng) : BATON_CLASS_ALL;
}
