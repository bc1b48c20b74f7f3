// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instruction emulator: task switches, between segments of 16 and of 32 bits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include "emul_checks.h"

#define TS_VECTOR 10
#define NP_VECTOR 11
#define DF_VECTOR 8

#define GDT 0x6000u
#define CODE32 0x08u
#define DATA 0x10u
#define OLD_TSS 0x18u
#define NEW_TSS 0x20u
#define USER_CODE 0x28u
#define USER_DATA 0x30u
#define NEW_TSS16 0x38u
#define ABSENT 0x40u
#define CONFORMING 0x48u
#define LDT 0x50u
#define LIMIT 0x57u

#define OLD_AT 0x2000u
#define NEW_AT 0x3000u

#define BUSY (2ull << 40)
#define NT 0x4000u
#define VM 0x20000u
#define ERROR_EVENT (1u << 31 | BATON_TASK_EXCEPTION | BATON_TASK_ERROR_CODE)
#define CR0_TS 8u

static void put64(struct guest *g, uint64_t gpa, uint64_t value)
{
	memcpy(guest_at(g, gpa), &value, sizeof(value));
}

static void put32(struct guest *g, uint64_t gpa, uint32_t value)
{
	memcpy(guest_at(g, gpa), &value, sizeof(value));
}

static void put16(struct guest *g, uint64_t gpa, uint16_t value)
{
	memcpy(guest_at(g, gpa), &value, sizeof(value));
}

static uint32_t get32(struct guest *g, uint64_t gpa)
{
	uint32_t value;

	memcpy(&value, guest_at(g, gpa), sizeof(value));
	return value;
}

static uint16_t get16(struct guest *g, uint64_t gpa)
{
	return (uint16_t)get32(g, gpa);
}

static uint64_t tss_descriptor(uint32_t base, uint32_t limit, unsigned int type)
{
	return (base & 0xffffffull) << 16 | (uint64_t)(base & 0xff000000) << 32 | limit |
	       (uint64_t)(0x80 | type) << 40;
}

static void put_segs32(struct guest *g, uint16_t code, uint16_t data)
{
	for (unsigned int i = 0; i < 6; i++)
		put32(g, NEW_AT + 0x48 + 4 * i, i == BATON_CS ? code : data);
}

/* A task in 32-bit code that is about to switch, and one to switch to. */
static int set_up(void **state)
{
	struct guest *g = guest_create(P32);

	*state = g;
	g->sregs.gdt = (struct baton_dtable){ .base = GDT, .limit = LIMIT };
	put64(g, GDT + CODE32, 0x00cf9a000000ffff);
	put64(g, GDT + DATA, 0x00cf92000000ffff);
	put64(g, GDT + OLD_TSS, tss_descriptor(OLD_AT, 0x67, 0xb));
	put64(g, GDT + NEW_TSS, tss_descriptor(NEW_AT, 0x67, 0x9));
	put64(g, GDT + USER_CODE, 0x00cffa000000ffff);
	put64(g, GDT + USER_DATA, 0x00cff2000000ffff);
	put64(g, GDT + NEW_TSS16, tss_descriptor(NEW_AT, 0x2b, 0x1));
	put64(g, GDT + ABSENT, 0x00cf12000000ffff);
	put64(g, GDT + CONFORMING, 0x00cf9e000000ffff);
	put64(g, GDT + LDT, 0x0000820070000007);
	g->sregs.seg[BATON_TR] = (struct baton_segment){
		.base = OLD_AT, .limit = 0x67, .selector = OLD_TSS, .attr = 0x8b,
	};
	g->sregs.seg[BATON_LDTR].attr = BATON_SEG_UNUSABLE;
	for (unsigned int i = 0; i < 8; i++) {
		g->regs.gpr[i] = 0x11110000 + i;
		put32(g, NEW_AT + 0x28 + 4 * i, 0x22220000 + i);
	}
	put32(g, NEW_AT + 0x20, 0x5678);
	put32(g, NEW_AT + 0x24, 0x246);
	put32(g, NEW_AT + 0x38, G_STACK);
	put_segs32(g, CODE32, DATA);
	g->regs.rflags = 0x202;
	g->regs.rip = G_CODE;
	return 0;
}

static struct baton_exit_task call = {
	.selector = NEW_TSS, .source = BATON_TASK_CALL, .insn_len = 7,
};

static bool switched;

static enum emul_result run(struct guest *g, const struct baton_exit_task *task)
{
	return emul_task_switch(g->emul, &g->regs, &g->sregs, task, &g->fault, &switched);
}

static enum emul_result run_event(struct guest *g, uint32_t event, uint32_t error_code)
{
	const struct baton_exit_task task = {
		.selector = NEW_TSS, .source = BATON_TASK_GATE, .insn_len = 2,
		.event = 1u << 31 | event, .error_code = error_code,
	};

	return run(g, &task);
}

/* The old task's: nothing is changed. */
static void expect_old_fault(struct guest *g, const struct baton_exit_task *task, uint8_t vector,
			     uint32_t code)
{
	uint8_t memory[0x4000];
	struct baton_sregs sregs = g->sregs;
	struct baton_regs regs = g->regs;

	memcpy(memory, guest_at(g, OLD_AT), sizeof(memory));
	assert_int_equal(run(g, task), EMUL_FAULT);
	assert_false(switched);
	assert_int_equal(g->fault.vector, vector);
	assert_int_equal(g->fault.error_code, code);
	assert_true(g->fault.has_error_code);
	assert_memory_equal(memory, guest_at(g, OLD_AT), sizeof(memory));
	assert_memory_equal(&sregs, &g->sregs, sizeof(sregs));
	regs.rflags |= RF;
	assert_memory_equal(&regs, &g->regs, sizeof(regs));
	g->regs.rflags &= ~(uint64_t)RF;
}

/* The new task's: all that can be loaded is. */
static void expect_new_fault(struct guest *g, uint8_t vector, uint32_t code)
{
	assert_int_equal(run(g, &call), EMUL_FAULT);
	assert_true(switched);
	assert_int_equal(g->fault.vector, vector);
	assert_int_equal(g->fault.error_code, code);
	assert_int_equal(g->regs.rip, 0x5678);
	assert_int_equal(g->sregs.seg[BATON_TR].selector, NEW_TSS);
	assert_int_equal(get32(g, OLD_AT + 0x20), G_CODE + 7);
}

static void expect_new_task(struct guest *g)
{
	assert_true(switched);
	assert_int_equal(g->regs.rip, 0x5678);
	assert_int_equal(g->regs.gpr[BATON_RDI], 0x22220007);
	assert_int_equal(g->sregs.seg[BATON_TR].selector, NEW_TSS);
	assert_int_equal(g->sregs.seg[BATON_TR].base, NEW_AT);
	assert_int_equal(g->sregs.seg[BATON_TR].attr, 0x8b);
	assert_int_equal(g->sregs.seg[BATON_CS].selector, CODE32);
	assert_int_equal(g->sregs.seg[BATON_CS].attr, 0xc09b);
	assert_int_equal(g->sregs.seg[BATON_GS].attr, 0xc093);
	assert_true(g->sregs.cr0 & CR0_TS);
	assert_int_equal(ram64(g, GDT + NEW_TSS), tss_descriptor(NEW_AT, 0x67, 0xb));
}

static void expect_saved(struct guest *g, uint32_t eip, uint32_t eflags)
{
	assert_int_equal(get32(g, OLD_AT + 0x20), eip);
	assert_int_equal(get32(g, OLD_AT + 0x24), eflags);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(get32(g, OLD_AT + 0x28 + 4 * i), 0x11110000 + i);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(get32(g, OLD_AT + 0x48 + 4 * i), 8 * i + 8);
	/* Neither what is before nor what is behind. */
	assert_int_equal(get32(g, OLD_AT + 0x1c), 0);
	assert_int_equal(get32(g, OLD_AT + 0x60), 0);
}

static void test_call(void **state)
{
	struct guest *g = *state;

	assert_int_equal(run(g, &call), EMUL_DONE_SREGS);
	expect_new_task(g);
	expect_saved(g, G_CODE + 7, 0x202);
	assert_int_equal(g->regs.rflags, 0x246 | NT);
	assert_int_equal(get16(g, NEW_AT), OLD_TSS);
	assert_int_equal(ram64(g, GDT + OLD_TSS), tss_descriptor(OLD_AT, 0x67, 0xb));
}

static void test_jmp(void **state)
{
	const struct baton_exit_task jmp = {
		.selector = NEW_TSS | 3, .source = BATON_TASK_JMP, .insn_len = 5,
	};
	struct guest *g = *state;

	put16(g, NEW_AT, 0x1234);
	g->regs.rflags |= NT;
	assert_int_equal(run(g, &jmp), EMUL_DONE_SREGS);
	assert_int_equal(g->sregs.seg[BATON_TR].selector, NEW_TSS | 3);
	expect_saved(g, G_CODE + 5, 0x202 | NT);
	assert_int_equal(g->regs.rflags, 0x246);
	assert_int_equal(get16(g, NEW_AT), 0x1234);
	assert_int_equal(ram64(g, GDT + OLD_TSS), tss_descriptor(OLD_AT, 0x67, 0x9));
}

static void test_iret(void **state)
{
	const struct baton_exit_task iret = {
		.selector = NEW_TSS, .source = BATON_TASK_IRET, .insn_len = 1,
	};
	struct guest *g = *state;

	g->regs.rflags |= NT;
	/* A task that waits for one is busy. */
	expect_old_fault(g, &iret, TS_VECTOR, NEW_TSS);
	put64(g, GDT + NEW_TSS, tss_descriptor(NEW_AT, 0x67, 0xb));
	put32(g, NEW_AT + 0x24, 0x246 | NT);
	assert_int_equal(run(g, &iret), EMUL_DONE_SREGS);
	expect_new_task(g);
	expect_saved(g, G_CODE + 1, 0x202);
	/* It may be nested itself. */
	assert_int_equal(g->regs.rflags, 0x246 | NT);
	assert_int_equal(ram64(g, GDT + OLD_TSS), tss_descriptor(OLD_AT, 0x67, 0x9));
}

static void test_gate(void **state)
{
	struct guest *g = *state;

	/* #PF: a fault, whose error code the new task finds on its stack. */
	assert_int_equal(run_event(g, ERROR_EVENT | PF_VECTOR, 6), EMUL_DONE_SREGS);
	expect_new_task(g);
	expect_saved(g, G_CODE, 0x202 | RF);
	assert_int_equal(g->regs.gpr[BATON_RSP], G_STACK - 4);
	assert_int_equal(get32(g, G_STACK - 4), 6);
	assert_int_equal(get16(g, NEW_AT), OLD_TSS);
	assert_true(g->regs.rflags & NT);
}

static void test_gate_events(void **state)
{
	static const struct {
		uint32_t event;
		uint32_t eip, eflags;
	} rows[] = {
		{ BATON_TASK_INTERRUPT | 0x40, G_CODE, 0x202 },
		{ BATON_TASK_NMI | 2, G_CODE, 0x202 },
		{ BATON_TASK_EXCEPTION | 1, G_CODE, 0x202 },
		{ BATON_TASK_EXCEPTION | DE_VECTOR, G_CODE, 0x202 | RF },
		{ BATON_TASK_EXCEPTION | DF_VECTOR, G_CODE, 0x202 },
		{ 0x400 | 0x80, G_CODE + 2, 0x202 },	/* INT 0x80 */
		{ 0x500 | 1, G_CODE + 2, 0x202 },	/* INT1 */
		{ 0x600 | 3, G_CODE + 2, 0x202 },	/* INT3 */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guest *g = *state;

		assert_int_equal(run_event(g, rows[i].event, 0), EMUL_DONE_SREGS);
		expect_saved(g, rows[i].eip, rows[i].eflags);
		assert_int_equal(g->regs.gpr[BATON_RSP], G_STACK);
		guest_destroy(g);
		set_up(state);
	}
}

/* What is not a task at all; in error codes EXT is set if no instruction asked for it. */
static void test_old_faults(void **state)
{
	struct guest *g = *state;
	struct baton_exit_task task = call, interrupt = {
		.selector = ABSENT, .source = BATON_TASK_GATE, .event = 1u << 31 | 0x40,
	};

	task.selector = 0;
	expect_old_fault(g, &task, GP_VECTOR, 0);
	task.selector = LIMIT + 1;
	expect_old_fault(g, &task, GP_VECTOR, LIMIT + 1);
	task.selector = NEW_TSS | 4;
	expect_old_fault(g, &task, GP_VECTOR, NEW_TSS | 4);
	task.selector = DATA;
	expect_old_fault(g, &task, GP_VECTOR, DATA);
	task.selector = OLD_TSS; /* busy */
	expect_old_fault(g, &task, GP_VECTOR, OLD_TSS);
	expect_old_fault(g, &interrupt, GP_VECTOR, ABSENT | 1);
	put64(g, GDT + NEW_TSS, tss_descriptor(NEW_AT, 0x67, 0x9) & ~(0x80ull << 40));
	expect_old_fault(g, &call, NP_VECTOR, NEW_TSS);
	put64(g, GDT + NEW_TSS, tss_descriptor(NEW_AT, 0x66, 0x9));
	expect_old_fault(g, &call, TS_VECTOR, NEW_TSS);
	put64(g, GDT + NEW_TSS, tss_descriptor(NEW_AT, 0x67, 0x9));
	g->sregs.seg[BATON_TR].limit = 0x5f;
	expect_old_fault(g, &call, TS_VECTOR, OLD_TSS);
}

static void test_double_fault(void **state)
{
	struct guest *g = *state;

	put64(g, GDT + NEW_TSS, tss_descriptor(NEW_AT, 0x66, 0x9));
	assert_int_equal(run_event(g, BATON_TASK_EXCEPTION | DE_VECTOR, 0), EMUL_FAULT);
	assert_int_equal(g->fault.vector, DF_VECTOR);
	assert_int_equal(g->fault.error_code, 0);
	assert_int_equal(run_event(g, ERROR_EVENT | PF_VECTOR, 0), EMUL_FAULT);
	assert_int_equal(g->fault.vector, DF_VECTOR);
	assert_int_equal(run_event(g, BATON_TASK_EXCEPTION | UD_VECTOR, 0), EMUL_FAULT);
	assert_int_equal(g->fault.vector, TS_VECTOR);
	assert_int_equal(run_event(g, 0x400 | 13, 0), EMUL_FAULT); /* INT 13 */
	assert_int_equal(g->fault.vector, TS_VECTOR);
	assert_int_equal(run_event(g, ERROR_EVENT | DF_VECTOR, 0), EMUL_SHUTDOWN);
	assert_false(switched);
}

static void test_new_faults(void **state)
{
	static const struct {
		uint32_t offset;
		uint16_t selector;
		uint8_t vector;
		uint32_t code;
	} rows[] = {
		{ 0x4c, 0, TS_VECTOR, 0 }, { 0x4c, DATA, TS_VECTOR, DATA },
		{ 0x4c, CODE32 | 3, TS_VECTOR, CODE32 }, { 0x4c, 0x1000, TS_VECTOR, 0x1000 },
		{ 0x4c, USER_CODE, TS_VECTOR, USER_CODE },
		{ 0x50, 0, TS_VECTOR, 0 }, { 0x50, CODE32, TS_VECTOR, CODE32 },
		{ 0x50, USER_DATA, TS_VECTOR, USER_DATA }, { 0x50, ABSENT, SS_VECTOR, ABSENT },
		{ 0x48, ABSENT, NP_VECTOR, ABSENT }, { 0x48, OLD_TSS, TS_VECTOR, OLD_TSS },
		{ 0x54, DATA | 3, TS_VECTOR, DATA }, { 0x5c, DATA | 4, TS_VECTOR, DATA | 4 },
		{ 0x60, DATA, TS_VECTOR, DATA }, { 0x60, LDT | 4, TS_VECTOR, LDT | 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guest *g = *state;

		put32(g, NEW_AT + rows[i].offset, rows[i].selector);
		expect_new_fault(g, rows[i].vector, rows[i].code);
		/* Its selector is there all the same, and CS and SS are of one level. */
		if (rows[i].offset < 0x60)
			assert_int_equal(g->sregs.seg[(rows[i].offset - 0x48) / 4].selector,
					 rows[i].selector);
		assert_int_equal(g->sregs.seg[BATON_CS].attr & 0xff, 0x9b);
		assert_int_equal(g->sregs.seg[BATON_SS].attr, 0xc093);
		guest_destroy(g);
		set_up(state);
	}
}

static void test_new_faults_later(void **state)
{
	struct guest *g = *state;

	/* Nobody is at home where it would go on. */
	put64(g, GDT + CODE32, 0x00409a000000ffff);
	put32(g, NEW_AT + 0x20, 0x10000);
	assert_int_equal(run(g, &call), EMUL_FAULT);
	assert_true(switched);
	assert_int_equal(g->fault.vector, GP_VECTOR);
	assert_int_equal(g->fault.error_code, 0);
	guest_destroy(g);
	/* No room for its error code. */
	set_up(state);
	g = *state;
	put64(g, GDT + DATA, 0x00cf96000000ffff); /* grows down, to above 4 GiB */
	assert_int_equal(run_event(g, ERROR_EVENT | GP_VECTOR, 0x18), EMUL_FAULT);
	assert_true(switched);
	assert_int_equal(g->fault.vector, SS_VECTOR);
	assert_int_equal(g->regs.gpr[BATON_RSP], G_STACK);
	guest_destroy(g);
	/* It wants to be told. */
	set_up(state);
	g = *state;
	put32(g, NEW_AT + 0x64, 1);
	assert_int_equal(run(g, &call), EMUL_FAULT);
	assert_int_equal(g->fault.vector, DB_VECTOR);
	assert_int_equal(g->fault.dr6, 0x8000);
	expect_new_task(g);
	assert_false(g->regs.rflags & RF);
}

static void test_user(void **state)
{
	struct guest *g = *state;

	put_segs32(g, USER_CODE | 3, USER_DATA | 3);
	put32(g, NEW_AT + 0x60, LDT);
	assert_int_equal(run(g, &call), EMUL_DONE_SREGS);
	assert_int_equal(g->sregs.seg[BATON_CS].attr, 0xc0fb);
	assert_int_equal(g->sregs.seg[BATON_SS].attr, 0xc0f3);
	assert_int_equal(g->sregs.seg[BATON_LDTR].base, 0x7000);
	assert_int_equal(g->sregs.seg[BATON_LDTR].attr, 0x82);
	/* And back, by a gate, from a task whose tables it cannot write itself. */
	put64(g, GDT + OLD_TSS, tss_descriptor(OLD_AT, 0x67, 0x9));
	{
		const struct baton_exit_task task = {
			.selector = OLD_TSS, .source = BATON_TASK_GATE, .event = 1u << 31 | 0x40,
		};

		put32(g, OLD_AT + 0x48 + 4 * BATON_SS, DATA);
		for (unsigned int i = 0; i < 6; i++)
			put32(g, OLD_AT + 0x48 + 4 * i, i == BATON_CS ? CONFORMING : DATA);
		assert_int_equal(run(g, &task), EMUL_DONE_SREGS);
	}
	assert_int_equal(g->sregs.seg[BATON_CS].attr, 0xc09f);
	assert_int_equal(g->sregs.seg[BATON_SS].attr, 0xc093);
	assert_true(g->sregs.seg[BATON_LDTR].attr & BATON_SEG_UNUSABLE);
}

static void test_v86(void **state)
{
	struct guest *g = *state;

	put_segs32(g, 0x1200, 0x2345);
	put32(g, NEW_AT + 0x24, VM | 0x202);
	assert_int_equal(run(g, &call), EMUL_DONE_SREGS);
	assert_true(g->regs.rflags & VM);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(g->sregs.seg[i].attr, 0xf3);
		assert_int_equal(g->sregs.seg[i].limit, 0xffff);
		assert_int_equal(g->sregs.seg[i].base, i == BATON_CS ? 0x12000 : 0x23450);
	}
	/* And back, to where nothing fits: what is left is none of virtual-8086 mode's. */
	put64(g, GDT + OLD_TSS, tss_descriptor(OLD_AT, 0x67, 0x9));
	{
		const struct baton_exit_task task = {
			.selector = OLD_TSS, .source = BATON_TASK_JMP, .insn_len = 5,
		};

		put32(g, OLD_AT + 0x4c, DATA);
		assert_int_equal(run(g, &task), EMUL_FAULT);
	}
	assert_int_equal(g->sregs.seg[BATON_CS].attr, 0xfb);
	assert_int_equal(g->sregs.seg[BATON_SS].attr, 0xc0f3);
	assert_true(g->sregs.seg[BATON_DS].attr & BATON_SEG_UNUSABLE);
}

static void test_16_bits(void **state)
{
	struct baton_exit_task task = call;
	struct guest *g = *state;

	task.selector = NEW_TSS16;
	memset(guest_at(g, NEW_AT), 0, 0x68);
	put16(g, NEW_AT + 0x0e, 0x5678);
	put16(g, NEW_AT + 0x10, 0x246);
	for (unsigned int i = 0; i < 8; i++)
		put16(g, NEW_AT + 0x12 + 2 * i, (uint16_t)(0x3000 + i));
	for (unsigned int i = 0; i < 4; i++)
		put16(g, NEW_AT + 0x22 + 2 * i, i == BATON_CS ? CODE32 : DATA);
	put16(g, NEW_AT + 0x2a, LDT);
	put16(g, NEW_AT + 0x2c, 0xffff); /* nobody's */
	assert_int_equal(run(g, &task), EMUL_DONE_SREGS);
	expect_saved(g, G_CODE + 7, 0x202);
	assert_int_equal(g->regs.rip, 0x5678);
	assert_int_equal(g->regs.gpr[BATON_RDI], 0x3007);
	assert_int_equal(g->sregs.seg[BATON_DS].selector, DATA);
	assert_true(g->sregs.seg[BATON_FS].attr & BATON_SEG_UNUSABLE);
	assert_int_equal(g->sregs.seg[BATON_LDTR].base, 0x7000);
	assert_int_equal(g->sregs.seg[BATON_TR].attr, 0x83);
	assert_int_equal(get16(g, NEW_AT), OLD_TSS);
	/* And back by its own way. */
	task = (struct baton_exit_task){
		.selector = OLD_TSS, .source = BATON_TASK_IRET, .insn_len = 1,
	};
	for (unsigned int i = 0; i < 6; i++)
		put32(g, OLD_AT + 0x48 + 4 * i, i == BATON_CS ? CODE32 : DATA);
	assert_int_equal(run(g, &task), EMUL_DONE_SREGS);
	assert_int_equal(g->regs.gpr[BATON_RDI], 0x11110007);
	assert_int_equal(get16(g, NEW_AT + 0x0e), 0x5679);
	assert_int_equal(get16(g, NEW_AT + 0x20), 0x3007);
	assert_int_equal(get16(g, NEW_AT + 0x28), DATA);
	assert_int_equal(get16(g, NEW_AT + 0x2a), LDT);
	assert_int_equal(get16(g, NEW_AT + 0x10) & NT, 0);
}

/* 32-bit paging: the tables of the old task for both TSSs, of the new one for the rest. */
/* A fault on the way into virtual-8086 mode is that mode's. */
static void test_v86_fault(void **state)
{
	struct guest *g = *state;

	put_segs32(g, 0x1200, 0x2345);
	put32(g, NEW_AT + 0x24, VM | 0x202);
	put32(g, NEW_AT + 0x60, DATA);
	expect_new_fault(g, TS_VECTOR, DATA);
	assert_true(g->regs.rflags & VM);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(g->sregs.seg[i].attr, 0xf3);
		assert_int_equal(g->sregs.seg[i].limit, 0xffff);
		assert_int_equal(g->sregs.seg[i].base, i == BATON_CS ? 0x12000 : 0x23450);
	}
}

/* PAE: what an entry would refuse is a #GP of the new task; a CR3 that stays is not loaded. */
static void test_pdptes(void **state)
{
	struct guest *g = *state;
	const uint32_t old = G_TABLES, new = G_TABLES + 0x1000, directory = G_TABLES + 0x2000;

	put64(g, old, directory | 1);
	put64(g, new, directory | 1);
	put64(g, new + 8, 1ull << 50 | 1);
	put64(g, directory, 0x83);
	g->sregs.cr0 |= 1ull << 31;
	g->sregs.cr4 |= 1ull << 5;
	g->sregs.cr3 = old;
	g->sregs.pdpte[0] = directory | 1;
	put32(g, NEW_AT + 0x1c, new);
	expect_new_fault(g, GP_VECTOR, 0);
	assert_int_equal(g->sregs.cr3, old);
	guest_destroy(g);
	set_up(state);
	g = *state;
	put64(g, directory, 0x83);
	g->sregs.cr0 |= 1ull << 31;
	g->sregs.cr4 |= 1ull << 5;
	g->sregs.cr3 = old;
	g->sregs.pdpte[0] = directory | 1;
	put64(g, old + 8, 0x1e7);	/* nobody has loaded that */
	put32(g, NEW_AT + 0x1c, old);
	assert_int_equal(run(g, &call), EMUL_DONE_SREGS);
	assert_int_equal(g->sregs.pdpte[1], 0);
}

static void test_paging(void **state)
{
	struct guest *g = *state;

	for (unsigned int t = 0; t < 2; t++) {
		put32(g, G_TABLES + 0x2000 * t, (G_TABLES + 0x2000 * t + 0x1000) | 7);
		for (uint32_t page = 0; page < 0x40; page++)
			put32(g, G_TABLES + 0x2000 * t + 0x1000 + 4 * page, page << 12 | 3);
	}
	g->sregs.cr0 |= 1ull << 31 | 1ull << 16;
	g->sregs.cr3 = G_TABLES;
	put32(g, NEW_AT + 0x1c, G_TABLES + 0x2000);
	/* The old one's TSS cannot be written. */
	put32(g, G_TABLES + 0x1000 + 4 * (OLD_AT >> 12), OLD_AT | 1);
	assert_int_equal(run(g, &call), EMUL_FAULT);
	assert_false(switched);
	assert_int_equal(g->fault.vector, PF_VECTOR);
	assert_int_equal(g->fault.error_code, 3);
	assert_int_equal(g->sregs.cr2, OLD_AT + 0x20);
	assert_int_equal(g->regs.rip, G_CODE);
	g->regs.rflags &= ~(uint64_t)RF;
	put32(g, G_TABLES + 0x1000 + 4 * (OLD_AT >> 12), OLD_AT | 3);
	/* In the new one's tables the GDT is not there. */
	put32(g, G_TABLES + 0x3000 + 4 * (GDT >> 12), 0);
	assert_int_equal(run(g, &call), EMUL_FAULT);
	assert_true(switched);
	assert_int_equal(g->fault.vector, PF_VECTOR);
	assert_int_equal(g->fault.error_code, 0);
	assert_int_equal(g->sregs.cr2, GDT + CODE32);
	assert_int_equal(g->sregs.cr3, G_TABLES + 0x2000);
}

/* A TSS on two pages, at odd addresses. */
static void test_across_pages(void **state)
{
	struct guest *g = *state;
	uint8_t copy[0x68];

	memcpy(copy, guest_at(g, NEW_AT), sizeof(copy));
	memcpy(guest_at(g, NEW_AT - 0x2b), copy, sizeof(copy));
	put64(g, GDT + NEW_TSS, tss_descriptor(NEW_AT - 0x2b, 0x67, 0x9));
	assert_int_equal(run(g, &call), EMUL_DONE_SREGS);
	assert_int_equal(g->regs.gpr[BATON_RDI], 0x22220007);
	assert_int_equal(g->sregs.seg[BATON_CS].selector, CODE32);
}

static void test_unsupported(void **state)
{
	struct guest *g = *state;
	struct baton_exit_task task = call;

	task.source = BATON_TASK_GATE; /* without an event */
	assert_int_equal(run(g, &task), EMUL_UNSUPPORTED);
	task.source = 7;
	assert_int_equal(run(g, &task), EMUL_UNSUPPORTED);
	g->sregs.efer = 1ull << 8 | 1ull << 10;
	assert_int_equal(run(g, &call), EMUL_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_call, set_up), T(test_jmp, set_up), T(test_iret, set_up),
		T(test_gate, set_up), T(test_gate_events, set_up), T(test_old_faults, set_up),
		T(test_double_fault, set_up), T(test_new_faults, set_up),
		T(test_new_faults_later, set_up), T(test_user, set_up), T(test_v86, set_up),
		T(test_v86_fault, set_up), T(test_pdptes, set_up),
		T(test_16_bits, set_up), T(test_paging, set_up), T(test_across_pages, set_up),
		T(test_unsupported, set_up),
	};

	return cmocka_run_group_tests_name("emul_task", tests, NULL, NULL);
}
