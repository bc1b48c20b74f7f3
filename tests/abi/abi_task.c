// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Task switches: what of them comes to the monitor. AMD's processors do them themselves, so
 * there the same guests only have to get to where the new task begins.
 */
#include <stdint.h>
#include <unistd.h>

#include "abi.h"

#define AT		0x1000u
#define NEW_AT		0x3000u		/* where the new task begins: out 0x77,al */
#define IDT		0x4000u
#define GDT		0x5000u
#define CODE		0x08u
#define DATA		0x10u
#define OLD_TSS		0x18u
#define NEW_TSS		0x20u
#define OLD_TSS_AT	0x6000u
#define NEW_TSS_AT	0x7000u
#define STACK		0x9000u

static void put(struct abi_guest *g, uint32_t at, uint64_t value, size_t size)
{
	memcpy(g->memory + at, &value, size);
}

static uint64_t tss(uint32_t base, unsigned int type)
{
	return (uint64_t)(0x80 | type) << 40 | (uint64_t)base << 16 | 0x67;
}

static void set_segment(struct baton_segment *seg, uint16_t selector, uint16_t attr)
{
	*seg = (struct baton_segment){ .limit = ~0u, .selector = selector, .attr = attr };
}

/* Protected mode of 32 bits, with a task to switch to, in the IDT for all vectors. */
static struct abi_guest start(const void *code, size_t size)
{
	static const unsigned char new_code[] = { 0xe6, 0x77 };
	struct abi_guest g = abi_guest_start(code, size);
	struct baton_regs regs = { .rip = AT, .rflags = 2 };
	struct baton_sregs sregs;

	memcpy(g.memory + NEW_AT, new_code, sizeof(new_code));
	put(&g, GDT + CODE, 0x00cf9b000000ffff, 8);
	put(&g, GDT + DATA, 0x00cf93000000ffff, 8);
	put(&g, GDT + OLD_TSS, tss(OLD_TSS_AT, 0xb), 8);
	put(&g, GDT + NEW_TSS, tss(NEW_TSS_AT, 0x9), 8);
	for (uint32_t i = 0; i < 256; i++)
		put(&g, IDT + 8 * i, 0x850000000000 | NEW_TSS << 16, 8);
	put(&g, NEW_TSS_AT + 0x20, NEW_AT, 4);
	put(&g, NEW_TSS_AT + 0x24, 2, 4);
	put(&g, NEW_TSS_AT + 0x38, STACK, 4);
	for (uint32_t i = 0; i < 6; i++)
		put(&g, NEW_TSS_AT + 0x48 + 4 * i, i == BATON_CS ? CODE : DATA, 4);
	EXPECT(!ioctl(g.vcpu, BATON_GET_SREGS, &sregs));
	for (int i = BATON_ES; i <= BATON_GS; i++)
		set_segment(&sregs.seg[i], DATA, 0xc093);
	set_segment(&sregs.seg[BATON_CS], CODE, 0xc09b);
	sregs.seg[BATON_TR] = (struct baton_segment){
		.base = OLD_TSS_AT, .limit = 0x67, .selector = OLD_TSS, .attr = 0x8b,
	};
	sregs.gdt = (struct baton_dtable){ .base = GDT, .limit = 0x27 };
	sregs.idt = (struct baton_dtable){ .base = IDT, .limit = 0x7ff };
	sregs.cr0 |= 1;
	EXPECT(!ioctl(g.vcpu, BATON_SET_SREGS, &sregs));
	regs.gpr[BATON_RSP] = STACK;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	return g;
}

static bool comes_to_us(const struct abi_guest *g)
{
	struct baton_info info;

	EXPECT(!ioctl(g->sys, BATON_GET_INFO, &info));
	EXPECT(info.features & BATON_FEAT_TASK_SWITCH);
	return info.vendor == BATON_VENDOR_INTEL;
}

/* As far as a test has use for it. */
static void do_switch(const struct abi_guest *g)
{
	struct baton_run *run = g->run;

	EXPECT(run->have == BATON_CLASS_ALL);
	EXPECT(run->sregs.seg[BATON_TR].selector == OLD_TSS);
	EXPECT(run->sregs.gdt.base == GDT && run->sregs.cr0 & 1);
	run->regs.rip = NEW_AT;
	run->sregs.seg[BATON_TR].selector = NEW_TSS;
	run->sregs.seg[BATON_TR].base = NEW_TSS_AT;
	run->commit = BATON_CLASS_ALL;
}

static void expect_task(struct abi_guest *g, enum baton_task_source source, uint32_t rip,
			unsigned int length, uint32_t event)
{
	struct baton_events events;
	struct baton_exit_task task;

	if (comes_to_us(g)) {
		ABI_RUN(*g, BATON_EXIT_TASK_SWITCH);
		task = g->run->task;
		EXPECT(task.selector == NEW_TSS && task.source == source && !task.reserved);
		EXPECT(g->run->regs.rip == rip && (!length || task.insn_len == length));
		if (event)
			EXPECT((task.event & (1u << 31 | 0x7ff)) == (1u << 31 | event));
		/* The event is the new task's now: it does not come once more. */
		EXPECT(!ioctl(g->vcpu, BATON_GET_EVENTS, &events));
		EXPECT(!(events.flags & (BATON_EV_EXCEPTION | BATON_EV_INTERRUPT |
					 BATON_EV_NMI_PENDING)));
		do_switch(g);
	}
	ABI_RUN(*g, BATON_EXIT_PIO);
	EXPECT(g->run->pio.port == 0x77);
	abi_guest_end(g);
}

static void test_instructions(void)
{
	static const unsigned char jmp[] = { 0xea, 0xf4, 0xf4, 0xf4, 0xf4, NEW_TSS, 0 };
	static const unsigned char call[] = { 0x9a, 0xf4, 0xf4, 0xf4, 0xf4, NEW_TSS, 0 };
	struct abi_guest g = start(jmp, sizeof(jmp));

	expect_task(&g, BATON_TASK_JMP, AT, sizeof(jmp), 0);
	g = start(call, sizeof(call));
	expect_task(&g, BATON_TASK_CALL, AT, sizeof(call), 0);
}

static void test_iret(void)
{
	/* push 0x4002; popf; iret */
	static const unsigned char iret[] = { 0x68, 0x02, 0x40, 0, 0, 0x9d, 0xcf };
	struct abi_guest g = start(iret, sizeof(iret));

	put(&g, GDT + NEW_TSS, tss(NEW_TSS_AT, 0xb), 8);
	put(&g, OLD_TSS_AT, NEW_TSS, 2);
	expect_task(&g, BATON_TASK_IRET, AT + 6, 1, 0);
}

static void test_events(void)
{
	static const unsigned char ud2[] = { 0x0f, 0x0b }, int40[] = { 0xcd, 0x40 },
				   spin[] = { 0xeb, 0xfe };
	struct baton_events events = { .flags = BATON_EV_INTERRUPT, .interrupt = 0x41 };
	struct abi_guest g = start(ud2, sizeof(ud2));
	struct baton_regs regs;

	expect_task(&g, BATON_TASK_GATE, AT, 0, BATON_TASK_EXCEPTION | 6);
	g = start(int40, sizeof(int40));
	expect_task(&g, BATON_TASK_GATE, AT, 2, 0x440);
	g = start(spin, sizeof(spin));
	EXPECT(!ioctl(g.vcpu, BATON_NMI));
	expect_task(&g, BATON_TASK_GATE, AT, 0, BATON_TASK_NMI | 2);
	g = start(spin, sizeof(spin));
	EXPECT(!ioctl(g.vcpu, BATON_GET_REGS, &regs));
	regs.rflags |= 0x200;
	EXPECT(!ioctl(g.vcpu, BATON_SET_REGS, &regs));
	EXPECT(!ioctl(g.vcpu, BATON_SET_EVENTS, &events));
	expect_task(&g, BATON_TASK_GATE, AT, 0, BATON_TASK_INTERRUPT | 0x41);
}

const struct abi_test abi_task_tests[] = {
	{ "task switch by JMP and CALL", test_instructions },
	{ "task switch by IRET", test_iret },
	{ "task switch by gate", test_events },
	{ NULL, NULL },
};
