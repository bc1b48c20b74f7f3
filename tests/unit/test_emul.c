// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The instruction emulator: every family of instructions in 16-, 32- and 64-bit
 * code, segments, page crossing, faults, ROM, and code that changes or makes no
 * sense. Strings are in test_emul_strings.c; that results are those of a
 * processor is for test_emul_native.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "emul_checks.h"

#define CF 0x1u
#define AT 0x100u /* where the operand is in the device: what BX, EBX, RBX points to */

/* ---- results, by table ---- */

struct io {
	uint64_t rax, rcx, mem, flags;
};

struct row {
	const char *name;
	enum emul_mode mode;
	const char *code;
	unsigned int length;
	struct io in, out;
};

#define C(text) text, sizeof(text) - 1

static const struct row rows[] = {
	{ "mov [rbx], eax", L64, C("\x89\x03"), { 0xa1b2c3d4e5, 0, OLD, 0 },
	  { 0xa1b2c3d4e5, 0, 0x11223344b2c3d4e5, 0 } },
	{ "mov eax, [rbx] clears", L64, C("\x8b\x03"), { ~0ull, 0, OLD, 0 },
	  { 0x55667788, 0, OLD, 0 } },
	{ "mov ax, [rbx] keeps", L64, C("\x66\x8b\x03"), { ~0ull, 0, OLD, 0 },
	  { 0xffffffffffff7788, 0, OLD, 0 } },
	{ "mov ah, [rbx]", L64, C("\x8a\x23"), { 0, 0, OLD, 0 }, { 0x8800, 0, OLD, 0 } },
	{ "mov [rbx], ah", L64, C("\x88\x23"), { 0x4200, 0, OLD, 0 },
	  { 0x4200, 0, 0x1122334455667742, 0 } },
	{ "mov rax, [rbx+rcx*8]", L64, C("\x48\x8b\x04\xcb"), { 0, 0, OLD, 0 },
	  { OLD, 0, OLD, 0 } },
	{ "mov qword [rbx], -2", L64, C("\x48\xc7\x03\xfe\xff\xff\xff"), { 0, 0, OLD, 0 },
	  { 0, 0, ~1ull, 0 } },
	{ "mov [rbx], ss", L64, C("\x48\x8c\x13"), { 0, 0, OLD, 0 },
	  { 0, 0, 0x1122334455660018, 0 } },
	{ "movnti [rbx], rax", L64, C("\x48\x0f\xc3\x03"), { 5, 0, OLD, 0 }, { 5, 0, 5, 0 } },
	{ "movzx eax, word [rbx]", L64, C("\x0f\xb7\x03"), { ~0ull, 0, OLD, 0 },
	  { 0x7788, 0, OLD, 0 } },
	{ "movsx rax, byte [rbx]", L64, C("\x48\x0f\xbe\x03"), { 0, 0, OLD, 0 },
	  { 0xffffffffffffff88, 0, OLD, 0 } },
	{ "or [rbx], ecx", L64, C("\x09\x0b"), { 0, 0x80000000, OLD, CF },
	  { 0, 0x80000000, 0x11223344d5667788, 0x84 } },
	{ "lock xadd [rbx], al", L64, C("\xf0\x0f\xc0\x03"), { 0x78, 0, OLD, 0 },
	  { 0x88, 0, 0x1122334455667700, 0x55 } },
	{ "cmpxchg equal", L64, C("\x48\x0f\xb1\x0b"), { OLD, 7, OLD, 0 }, { OLD, 7, 7, 0x44 } },
	{ "cmpxchg unequal", L64, C("\x48\x0f\xb1\x0b"), { OLD + 1, 7, OLD, 0 },
	  { OLD, 7, OLD, 0 } },
	{ "xchg [rbx], cx", L64, C("\x66\x87\x0b"), { 0, 0x1234, OLD, 0 },
	  { 0, 0x7788, 0x1122334455661234, 0 } },
	{ "bts [rbx], 63", L64, C("\x48\x0f\xba\x2b\x3f"), { 0, 0, OLD, CF },
	  { 0, 0, OLD | 1ull << 63, 0 } },
	{ "setc, sete", L64, C("\x0f\x92\x03"), { 0, 0, OLD, CF },
	  { 0, 0, 0x1122334455667701, CF } },
	{ "cmovz false clears half", L64, C("\x0f\x44\x03"), { ~0ull, 0, OLD, 0 },
	  { 0xffffffff, 0, OLD, 0 } },
	{ "moffs", L64, C("\xa1\x00\x01\x08\x00\x00\x00\x00\x00"), { 0, 0, OLD, 0 },
	  { 0x55667788, 0, OLD, 0 } },
	{ "eip-relative", L64, C("\x67\x8b\x05\xf9\xf0\x07\x00"), { 0, 0, OLD, 0 },
	  { 0x55667788, 0, OLD, 0 } },
	{ "ds, es, ss bases do not count", L64, C("\x36\x8b\x03"), { 0, 0, OLD, 0 },
	  { 0x55667788, 0, OLD, 0 } },
	{ "mov [ebx], eax", P32, C("\x89\x03"), { 0xb2c3d4e5, 0, OLD, 0 },
	  { 0xb2c3d4e5, 0, 0x11223344b2c3d4e5, 0 } },
	{ "32: moffs", P32, C("\x66\xa3\x00\x01\x08\x00"), { 0x9999, 0, OLD, 0 },
	  { 0x9999, 0, 0x1122334455669999, 0 } },
	{ "32: inc word", P32, C("\x66\xff\x03"), { 0, 0, OLD, CF }, { 0, 0, OLD + 1, CF } },
	{ "32: opcode 82", P32, C("\x82\x03\x01"), { 0, 0, OLD, 0 }, { 0, 0, OLD + 1, 0x80 } },
	{ "32: shl dword, 1", P32, C("\xd1\x23"), { 0, 0, OLD, CF },
	  { 0, 0, 0x11223344aaccef10, 0x880 } },
	{ "p16: mov [bx], ax", P16, C("\x67\x89\x03"), { 0xb2c3, 0, OLD, 0 },
	  { 0xb2c3, 0, 0x112233445566b2c3, 0 } },
	{ "p16: mov eax", P16, C("\x67\x66\x8b\x03"), { 0, 0, OLD, 0 }, { 0x55667788, 0, OLD, 0 } },
	{ "r16: mov [bx], ax", R16, C("\x89\x07"), { 0xb2c3, 0, OLD, 0 },
	  { 0xb2c3, 0, 0x112233445566b2c3, 0 } },
	{ "r16: add [bx], al", R16, C("\x00\x07"), { 1, 0, OLD, 0 }, { 1, 0, OLD + 1, 0x80 } },
	{ "r16: moffs", R16, C("\xa0\x00\x01"), { 0, 0, OLD, 0 }, { 0x88, 0, OLD, 0 } },
	{ "r16: test dword [ebx], 8", R16, C("\x67\x66\xf7\x03\x08\x00\x00\x00"), { 0, 0, OLD, CF },
	  { 0, 0, OLD, 0 } },
	{ "r16: neg byte", R16, C("\xf6\x1f"), { 0, 0, OLD, 0 },
	  { 0, 0, 0x1122334455667778, 0x15 } },
};

static void check_row(const struct row *row)
{
	struct guest *g = guest_create(row->mode);
	struct baton_regs want;

	guest_set_code(g, row->code, row->length);
	g->regs.gpr[BATON_RBX] = row->mode == R16 ? AT : G_DEVICE + AT;
	g->regs.gpr[BATON_RAX] = row->in.rax;
	g->regs.gpr[BATON_RCX] = row->in.rcx;
	g->regs.rflags = row->in.flags | 2 | RF;
	memcpy(g->device + AT, &row->in.mem, 8);
	want = g->regs;
	want.gpr[BATON_RAX] = row->out.rax;
	want.gpr[BATON_RCX] = row->out.rcx;
	want.rflags = row->out.flags | 2;
	want.rip += row->length;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(memcmp(g->device + AT, &row->out.mem, 8), 0);
	/* undefined, for logic operations: AF */
	assert_int_equal((g->regs.rflags ^ want.rflags) & ~0x10ull, 0);
	want.rflags = g->regs.rflags;
	assert_memory_equal(&g->regs, &want, sizeof(want));
	guest_destroy(g);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("           %s\n", rows[i].name);
		check_row(&rows[i]);
	}
}

/* ---- bus accesses, pages ---- */

static void test_natural_sizes(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RAX] = 0x0807060504030201;
	g->regs.gpr[BATON_RBX] = G_DEVICE + 1;
	CODE(g, "\x48\x89\x03"); /* mov [rbx], rax */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->log_count, 4);
	expect_log(g, 0, true, 1, 1, 0x01);
	expect_log(g, 1, true, 2, 2, 0x0302);
	expect_log(g, 2, true, 4, 4, 0x07060504);
	expect_log(g, 3, true, 8, 1, 0x08);
	g->regs.gpr[BATON_RBX] = G_DEVICE + 8;
	CODE(g, "\x48\x8b\x03");
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->log_count, 1);
	expect_log(g, 0, false, 8, 8, 8);
}

/* The two pages of one operand lead to different places. */
static void test_page_crossing(void **state)
{
	struct guest *g = *state;
	uint64_t low = 0x1111111111111111;

	guest_map(g, 0x20000, G_DATA | G_PTE);
	guest_map(g, 0x21000, (G_DEVICE + 0x3000) | G_PTE);
	memcpy(guest_at(g, G_DATA + 0xff8), &low, 8);
	g->regs.gpr[BATON_RBX] = 0x20ffd;
	g->regs.gpr[BATON_RAX] = 0xa7a6a5a4a3a2a1a0;
	CODE(g, "\x48\x87\x03"); /* xchg [rbx], rax */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(ram64(g, G_DATA + 0xff8), 0xa2a1a01111111111);
	assert_int_equal(g->regs.gpr[BATON_RAX], 0x111111);
	expect_log(g, 2, true, 0x3000, 4, 0xa6a5a4a3);
	expect_log(g, 3, true, 0x3004, 1, 0xa7);
	assert_int_equal(g->log_count, 4);

}

static void test_page_faults(void **state)
{
	struct guest *g = *state;

	guest_map(g, 0x20000, (G_DEVICE) | G_PTE);
	guest_map(g, 0x21000, 0);
	g->regs.gpr[BATON_RBX] = 0x21008;
	CODE(g, "\x8b\x03"); /* mov eax, [rbx] */
	expect_page_fault(g, 0, 0x21008);
	CODE(g, "\x01\x03"); /* add [rbx], eax: asks for write access at once */
	expect_page_fault(g, 2, 0x21008);
	g->regs.gpr[BATON_RBX] = 0x20ffe; /* nothing is written to the first page */
	expect_page_fault(g, 2, 0x21000);
	guest_map(g, 0x21000, G_DEVICE | 1);
	expect_page_fault(g, 3, 0x21000);
	CODE(g, "\x0f\x44\x03"); /* cmovz: reads whatever the condition */
	guest_map(g, 0x21000, 0);
	expect_page_fault(g, 0, 0x21000);
	guest_set_user(g);
	CODE(g, "\x8b\x03");
	expect_page_fault(g, 5, 0x20ffe);
}

static void test_not_canonical(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = g->regs.gpr[BATON_RBP] = 0x800000000000;
	CODE(g, "\x8b\x03");
	expect_fault(g, GP_VECTOR, true, 0);
	CODE(g, "\x8b\x45\x00"); /* by RBP: the stack's segment */
	expect_fault(g, SS_VECTOR, true, 0);
	g->sregs.seg[BATON_GS].base = 0x8000;
	g->regs.gpr[BATON_RBX] = G_DEVICE - 0x8000;
	CODE(g, "\x65\x8b\x03");
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->log_count, 1);
}

/* ---- segments ---- */

static void test_segments(void **state)
{
	static const struct {
		const char *name;
		uint16_t attr;
		uint32_t limit;
		uint64_t offset;
		bool read, write;
	} row[] = {
		{ "flat", 0xc093, 0xffffffff, G_DEVICE, true, true },
		{ "unusable", 0x100, 0xffffffff, G_DEVICE, false, false },
		{ "not present", 0xc013, 0xffffffff, G_DEVICE, false, false },
		{ "read-only", 0xc091, 0xffffffff, G_DEVICE, true, false },
		{ "code", 0xc09b, 0xffffffff, G_DEVICE, true, false },
		{ "execute-only", 0xc099, 0xffffffff, G_DEVICE, false, false },
		{ "last bytes", 0x4093, G_DEVICE + 3, G_DEVICE, true, true },
		{ "over the end", 0x4093, G_DEVICE + 2, G_DEVICE, false, false },
		{ "expand-down", 0x4097, G_DEVICE - 1, G_DEVICE, true, true },
		{ "below expand-down", 0x4097, G_DEVICE, G_DEVICE, false, false },
		{ "expand-down, 16 bits", 0x0097, 0, G_DEVICE, false, false },
		{ "around 4 GiB", 0xc093, 0xffffffff, 0xfffffffe, false, false },
	};
	struct guest *g = *state;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		print_message("           %s\n", row[i].name);
		g->sregs.seg[BATON_DS].attr = row[i].attr;
		g->sregs.seg[BATON_DS].limit = row[i].limit;
		g->regs.gpr[BATON_RBX] = row[i].offset;
		CODE(g, "\x8b\x03");
		assert_int_equal(guest_run(g), row[i].read ? EMUL_DONE : EMUL_FAULT);
		CODE(g, "\x89\x03");
		assert_int_equal(guest_run(g), row[i].write ? EMUL_DONE : EMUL_FAULT);
		if (!row[i].write)
			assert_int_equal(g->fault.vector, GP_VECTOR);
	}
	g->sregs.seg[BATON_SS].limit = 7;
	g->regs.gpr[BATON_RBP] = 5;
	CODE(g, "\x8b\x45\x00");
	expect_fault(g, SS_VECTOR, true, 0);
}

static void test_real_mode(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = 0xffff;
	CODE(g, "\x8a\x07"); /* mov al, [bx] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	expect_log(g, 0, false, 0xffff, 1, 0);
	CODE(g, "\x8b\x07"); /* over the limit; no error code in real mode */
	expect_fault(g, GP_VECTOR, false, 0);
	g->regs.gpr[BATON_RSI] = 0xff02;
	CODE(g, "\x8b\x00"); /* [bx+si] wraps */
	assert_int_equal(guest_run(g), EMUL_DONE);
	expect_log(g, 0, false, 0xff01, 1, 0);
	g->sregs.seg[BATON_DS].attr = 0x9b; /* left over from protected mode */
	CODE(g, "\x89\x00");
	assert_int_equal(guest_run(g), EMUL_DONE);
}

/* ---- stack ---- */

static void test_stack64(void **state)
{
	struct guest *g = *state;
	uint64_t value = OLD;

	memcpy(g->device, &value, 8);
	g->regs.gpr[BATON_RBX] = G_DEVICE;
	CODE(g, "\xff\x33"); /* push [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(ram64(g, G_STACK - 8), OLD);
	assert_int_equal(g->regs.gpr[BATON_RSP], G_STACK - 8);
	g->regs.gpr[BATON_RBX] = G_DEVICE + 0x10;
	CODE(g, "\x66\x8f\x03"); /* pop word [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	expect_log(g, 0, true, 0x10, 2, 0x7788);
	assert_int_equal(g->regs.gpr[BATON_RSP], G_STACK - 6);
	guest_map(g, 0x20000, 0);
	g->regs.gpr[BATON_RBX] = 0x20000;
	CODE(g, "\x8f\x03"); /* RSP is as before */
	expect_page_fault(g, 2, 0x20000);
	g->regs.gpr[BATON_RSP] = 0x20008;
	g->regs.gpr[BATON_RBX] = G_DEVICE;
	CODE(g, "\xff\x33"); /* the device is not read for nothing */
	expect_page_fault(g, 2, 0x20000);
	g->regs.gpr[BATON_RSP] = G_DEVICE + 0x20;
	CODE(g, "\x0f\xa0"); /* push fs */
	assert_int_equal(guest_run(g), EMUL_DONE);
	expect_log(g, 0, true, 0x18, 8, 0x28);
}

/* POP to an address made with ESP: that after the pop. */
static void test_stack32(void **state)
{
	struct guest *g = *state;
	uint64_t value = OLD;

	memcpy(g->device + 0x10, &value, 8);
	g->regs.gpr[BATON_RSP] = G_DEVICE + 0x10;
	CODE(g, "\x8f\x44\x24\x08"); /* pop [esp+8] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	expect_log(g, 1, true, 0x1c, 4, 0x55667788);
	g->sregs.seg[BATON_SS].attr = 0x93; /* a 16-bit stack */
	g->regs.gpr[BATON_RSP] = 0x12340002;
	g->sregs.seg[BATON_SS].base = G_STACK;
	CODE(g, "\x66\x6a\xff"); /* push word -1 */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.gpr[BATON_RSP], 0x12340000);
	assert_int_equal(ram64(g, G_STACK) & 0xffffff, 0xffff);
}

/* ---- where there is neither RAM nor a device ---- */

static void test_rom(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = 0xf0000;
	g->regs.gpr[BATON_RAX] = 0x0f;
	CODE(g, "\x20\x03"); /* and [rbx], al */
	g->exit.kind = BATON_EMULATE_ROM;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, G_CODE + 2);
	CODE(g, "\x8b\x03");
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.gpr[BATON_RAX], 0xffffffff);
}

/* ---- the exit's address ---- */

static void expect_code_at(struct guest *g, uint64_t rip, uint64_t offset)
{
	g->regs.rip = rip;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->log_count, 1);
	assert_int_equal(g->log[0].offset, offset);
}

static void expect_at(struct guest *g, uint64_t offset)
{
	expect_code_at(g, G_CODE, offset);
}

static void test_exit_address(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = G_DEVICE + 0x5010;
	CODE(g, "\x8b\x03"); /* mov eax, [rbx] */
	g->exit.gpa = G_DEVICE + 0x2010;
	g->exit.access = 0;
	expect_at(g, 0x2010); /* the processor knows */
	g->exit.access = BATON_ACCESS_GVA;
	g->exit.gva = G_DEVICE + 0x5010;
	expect_at(g, 0x2010);
	g->exit.gva = G_DEVICE + 0x6010;
	expect_at(g, 0x5010); /* another operand: walked */
	g->exit.access = 0;
	g->exit.gpa = G_DEVICE + 0x2014;
	expect_at(g, 0x5010);
	CODE(g, "\x89\x03"); /* mov [rbx], eax: the exit was for a read */
	g->exit.gpa = G_DEVICE + 0x2010;
	g->exit.access = 0;
	expect_at(g, 0x5010);
	guest_map(g, G_DEVICE + 0x5000, G_DEVICE | 1);
	g->regs.rip = G_CODE;
	expect_page_fault(g, 3, G_DEVICE + 0x5010);
	g->exit.access = BATON_ACCESS_WRITE;
	expect_at(g, 0x2010);
	/* It was not this instruction's: a page table, which has the same place in its page. */
	guest_map(g, G_DEVICE + 0x5000, (G_DEVICE + 0x5000) | G_PTE);
	g->exit.access = BATON_ACCESS_WRITE | BATON_ACCESS_WALK;
	expect_at(g, 0x5010);
	expect_at(g, 0x5010); /* once more, from the cache */
}

/* ---- caches ---- */

/* Lines of a device's: nothing happens, but for faults. */
static void test_cache_lines(void **state)
{
	static const struct { const char *code; unsigned int length; } rows[] = {
		{ "\x0f\xae\x3b", 3 },		/* clflush [rbx] */
		{ "\x66\x0f\xae\x3b", 4 },	/* clflushopt */
		{ "\x66\x0f\xae\x33", 4 },	/* clwb */
	};
	struct guest *g = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		guest_set_code(g, rows[i].code, rows[i].length);
		g->regs.gpr[BATON_RBX] = G_DEVICE + 0x2fff;
		g->exit.access = 0;
		assert_int_equal(guest_run(g), EMUL_DONE);
		assert_int_equal(g->regs.rip, G_CODE + rows[i].length);
		assert_int_equal(g->log_count, 0);
	}
	guest_map(g, G_DEVICE + 0x2000, 0);
	guest_set_code(g, rows[0].code, rows[0].length);
	expect_page_fault(g, 0, G_DEVICE + 0x2fff);
}

static void test_direct_store(void **state)
{
	struct guest *g = *state;

	guest_set_code(g, "\x48\x0f\x38\xf9\x03", 5); /* movdiri [rbx], rax */
	g->regs.gpr[BATON_RBX] = G_DEVICE + 0x2010;
	g->regs.gpr[BATON_RAX] = 0x1122334455667788;
	assert_int_equal(guest_run(g), EMUL_DONE);
	expect_log(g, 0, true, 0x2010, 8, 0x1122334455667788);
}

/* ---- firmware ---- */

/* In place of the guest's: a PC's, with ROM over what is RAM for devices. */
static void have_rom(struct guest *g, uint8_t *rom)
{
	struct emul_config config;

	emul_destroy(g->emul);
	guest_memory_destroy(g->memory);
	assert_int_equal(guest_memory_create_pc(NULL, 2u << 20, GUEST_MEMORY_SHARED,
						&g->memory), 0);
	assert_int_equal(guest_memory_map(g->memory, 0, 0xc0000, 0x1000, rom, true), 0);
	config = guest_config(g);
	g->emul = emul_create(&config);
	guest_set_mode(g, EMUL_PROTECTED32);
}

static void test_rom_over_ram(void **state)
{
	static uint8_t rom[0x1000] __attribute__((aligned(4096)));
	struct guest *g = *state;
	uint8_t *behind;

	have_rom(g, rom);
	rom[0x10] = 0x42;
	behind = guest_memory_at(g->memory, 0xc0010, 1);
	assert_non_null(behind);
	*behind = 0x17;
	guest_set_code(g, "\x0f\xc0\x03", 3); /* xadd [ebx], al */
	g->regs.gpr[BATON_RBX] = 0xc0010;
	g->regs.gpr[BATON_RAX] = 1;
	g->exit.kind = BATON_EMULATE_ROM;
	g->exit.gpa = g->exit.gva = 0xc0010;
	assert_int_equal(guest_run(g), EMUL_DONE);
	/* What it reads is the ROM, and what it writes is nowhere. */
	assert_int_equal(g->regs.gpr[BATON_RAX], 0x42);
	assert_int_equal(rom[0x10], 0x42);
	assert_int_equal(*behind, 0x17);
}

/* ---- the local APIC's page ---- */

/* mov, or, … at [rbx], which is in that page. */
static void run_at_apic_of(struct guest *g, const char *code, unsigned int size, uint64_t gpa)
{
	guest_set_code(g, code, size);
	g->regs.gpr[BATON_RBX] = g->exit.gva = G_DEVICE + 0x2000 + (gpa & 0xfff);
	g->exit.gpa = gpa;
	g->exit.access |= BATON_ACCESS_APIC;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, G_CODE + size);
}

static void run_at_apic(struct guest *g, const char *code, unsigned int size, uint32_t offset)
{
	run_at_apic_of(g, code, size, G_APIC + offset);
}

static void test_apic_page(void **state)
{
	struct guest *g = *state;

	g->apic[0x80 / 4] = 0x51;
	run_at_apic(g, "\x83\x0b\x20", 3, 0x80); /* or dword [rbx], 0x20 */
	assert_int_equal(g->log_count, 2);
	expect_log(g, 0, false, G_APIC + 0x80, 4, 0x51);
	expect_log(g, 1, true, G_APIC + 0x80, 4, 0x71);
	run_at_apic(g, "\x8b\x03", 2, 0x80); /* mov eax, [rbx]: not by the quick way */
	assert_int_equal(g->regs.gpr[BATON_RAX], 0x71);
	g->apic[0x30 / 4] = 0x00050014;
	run_at_apic(g, "\x8a\x03", 2, 0x32); /* mov al, [rbx]: a part of the register */
	assert_int_equal(g->regs.gpr[BATON_RAX], 0x05);
	expect_log(g, 0, false, G_APIC + 0x30, 4, 0x00050014);
	run_at_apic(g, "\x48\x8b\x03", 3, 0x30); /* mov rax, [rbx] */
	assert_int_equal(g->regs.gpr[BATON_RAX], 0x00050014);
	expect_log(g, 1, false, G_APIC + 0x34, 4, 0);
	run_at_apic(g, "\x66\x89\x03", 3, 0x80); /* mov [rbx], ax: no whole register */
	assert_int_equal(g->log_count, 0);
	g->regs.gpr[BATON_RAX] = 0x1122334455667788;
	run_at_apic(g, "\x48\x89\x03", 3, 0x80); /* mov [rbx], rax */
	assert_int_equal(g->log_count, 1);
	expect_log(g, 0, true, G_APIC + 0x80, 4, 0x55667788);
	run_at_apic(g, "\x8b\x03", 2, 0x82); /* over two registers */
	assert_int_equal(g->regs.gpr[BATON_RAX], 0x5566);
}

/* A guest may lay that page over RAM, which then is not there. */
static void test_apic_page_over_ram(void **state)
{
	struct guest *g = *state;
	uint32_t *ram = guest_at(g, G_DATA + 0x80);

	*ram = 0x11;
	g->apic[0x80 / 4] = 0x51;
	run_at_apic_of(g, "\xf0\x83\x0b\x20", 4, G_DATA + 0x80); /* lock or dword [rbx], 0x20 */
	assert_int_equal(g->apic[0x80 / 4], 0x71);
	g->regs.gpr[BATON_RAX] = 0x22;
	run_at_apic_of(g, "\x87\x03", 2, G_DATA + 0x80); /* xchg [rbx], eax */
	assert_int_equal(g->regs.gpr[BATON_RAX], 0x71);
	assert_int_equal(g->apic[0x80 / 4], 0x22);
	g->regs.gpr[BATON_RAX] = 0x22;
	g->regs.gpr[BATON_RDX] = g->apic[0x84 / 4] = 0;
	g->regs.gpr[BATON_RCX] = 0x33;
	/* lock cmpxchg16b [rbx]; RBX is what it stores, too */
	run_at_apic_of(g, "\xf0\x48\x0f\xc7\x0b", 5, G_DATA + 0x80);
	assert_int_equal(g->apic[0x80 / 4], G_DEVICE + 0x2080);
	assert_int_equal(g->apic[0x88 / 4], 0x33);
	assert_int_equal(*ram, 0x11);
}

/* ---- code ---- */

static void test_code_bytes(void **state)
{
	struct guest *g = *state;
	uint8_t bytes[EMUL_INSN_MAX];

	g->regs.gpr[BATON_RBX] = G_DEVICE;
	CODE(g, "\xc7\x03\x44\x33\x22\x11"); /* mov dword [rbx], 0x11223344 */
	memcpy(g->exit.insn, "\xc7\x03\x44", 3); /* too short: fetched */
	g->exit.insn_len = 3;
	expect_at(g, 0);
	assert_int_equal(emul_bytes(g->emul, bytes), 6);
	assert_memory_equal(bytes, "\xc7\x03\x44\x33\x22\x11", 6);
	memcpy(g->exit.insn, "\xc6\x03\x99\x90", 4); /* the processor's copy counts */
	g->exit.insn_len = 4;
	expect_at(g, 0);
	assert_int_equal(g->log[0].value, 0x99);
	assert_int_equal(g->regs.rip, G_CODE + 3);
	CODE(g, "\x88\x03"); /* the cache does not keep what has changed */
	expect_at(g, 0);
	CODE(g, "\x88\x43\x04");
	expect_at(g, 4);
	CODE(g, "\x8a\x03");
	expect_at(g, 0);
	assert_false(g->log[0].write);
}

static void test_code_fetch(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = G_DEVICE;
	CODE(g, "\x90");
	memcpy(guest_at(g, G_DATA + 0xffe), "\xc6\x03\x55", 3);
	guest_map(g, 0x20000, G_DATA | G_PTE);
	guest_map(g, 0x21000, (G_DATA + 0x1000) | G_PTE);
	g->regs.rip = 0x20ffe;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, 0x21001);
	guest_map(g, 0x21000, (G_DATA + 0x1000) | G_PTE | 1ull << 63);
	g->regs.rip = 0x20ffe;
	expect_page_fault(g, 0x11, 0x21000);
	guest_map(g, 0x21000, 0xf0000 | G_PTE);
	assert_int_equal(guest_run(g), EMUL_NO_CODE);
	memcpy(guest_at(g, G_DATA + 0xffe), "\x88\x03", 2); /* needs no more */
	assert_int_equal(guest_run(g), EMUL_DONE);
	g->regs.rip = 0xf0000;
	assert_int_equal(guest_run(g), EMUL_NO_CODE);
	g->regs.rip = 0x800000000000;
	expect_fault(g, GP_VECTOR, true, 0);
	guest_set_user(g);
	g->regs.rip = 0xf0000;
	expect_fault(g, UD_VECTOR, false, 0);
}

/* The page of code that was read last is read again only as long as it is that page. */
static void test_code_page(void **state)
{
	const uint64_t at = 0x20000;
	struct guest *g = *state;
	uint64_t old;

	g->regs.gpr[BATON_RBX] = G_DEVICE;
	memcpy(guest_at(g, G_DATA), "\x88\x03\x90", 3);	/* mov [rbx], al */
	memcpy(guest_at(g, G_DATA + 0x1000), "\x88\x43\x04", 3);	/* mov [rbx + 4], al */
	guest_map(g, at, G_DATA | G_PTE);
	expect_code_at(g, at, 0);
	expect_code_at(g, at, 0);
	assert_true(*guest_pte(g, at) & 0x20);
	guest_map(g, at, (G_DATA + 0x1000) | G_PTE);
	expect_code_at(g, at, 4);
	memcpy(guest_at(g, G_DATA + 0x1000), "\x88\x43\x08", 3);
	expect_code_at(g, at, 8);
	*guest_pte(g, at) &= ~0x20ull;
	expect_code_at(g, at, 8);
	assert_true(*guest_pte(g, at) & 0x20);
	/* The other end of the page: more bytes than it has are not copied. */
	memcpy(guest_at(g, G_DATA + 0x1ff1), "\x88\x03", 2);
	expect_code_at(g, at + 0xff1, 0);
	memcpy(guest_at(g, G_DATA + 0x1ffe), "\x88\x03", 2);
	expect_code_at(g, at + 0xffe, 0);
	expect_code_at(g, at, 8);
	g->regs.rip = at;
	guest_map(g, at, *guest_pte(g, at) | 1ull << 63);
	expect_page_fault(g, 0x11, at);
	guest_map(g, at, (G_DATA + 0x1000) | G_PTE);
	expect_code_at(g, at, 8);
	/* Another world: no tables, then another privilege. */
	old = g->sregs.cr3;
	g->sregs.cr3 = g->tables;
	g->regs.rip = at;
	expect_page_fault(g, 0x10, at);
	g->sregs.cr3 = old;
	expect_code_at(g, at, 8);
	g->regs.rip = at;
	guest_set_user(g);
	expect_page_fault(g, 0x15, at);
}

/* A move that comes back: what is left out then must not be missed. */
static void expect_again(struct guest *g, uint64_t gpa, bool write, unsigned int size,
			 uint64_t value)
{
	g->regs.rip = G_CODE;
	g->exit.gpa = gpa;
	g->exit.access = write ? BATON_ACCESS_WRITE : 0;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->log_count, 1);
	expect_log(g, 0, write, gpa - G_DEVICE, size, value);
}

static void test_again(void **state)
{
	struct guest *g = *state;
	uint64_t *fs = &g->sregs.seg[BATON_FS].base;
	struct baton_sregs before;

	g->regs.gpr[BATON_RBX] = G_DEVICE + AT;
	g->regs.gpr[BATON_RCX] = 2;
	CODE(g, "\x89\x44\xcb\x08"); /* mov [rbx + rcx * 8 + 8], eax */
	for (uint64_t i = 0; i < 3; i++) {
		g->regs.gpr[BATON_RAX] = 0xff00000000 | i;
		g->regs.gpr[BATON_RBX] = G_DEVICE + AT + i * 0x1000;
		expect_again(g, G_DEVICE + AT + i * 0x1000 + 24, true, 4, i);
		assert_int_equal(g->regs.rip, G_CODE + 4);
	}
	/* Same place, another instruction: the exit was for a write all the same. */
	CODE(g, "\x88\x64\xcb\x08"); /* mov [rbx + rcx * 8 + 8], ah */
	g->regs.gpr[BATON_RAX] = 0x4200;
	expect_again(g, G_DEVICE + AT + 0x2018, true, 1, 0x42);
	expect_again(g, G_DEVICE + AT + 0x2018, true, 1, 0x42);
	CODE(g, "\x0f\xbf\x43\x02"); /* movsx eax, word [rbx + 2] */
	memcpy(g->device + AT + 0x2002, "\xfe\xff", 2);
	for (int i = 0; i < 2; i++) {
		g->regs.gpr[BATON_RAX] = ~0ull;
		expect_again(g, G_DEVICE + AT + 0x2002, false, 2, 0xfffe);
		assert_int_equal(g->regs.gpr[BATON_RAX], 0xfffffffe);
	}
	/* The base of FS, which brief exits leave out, counts each time. */
	CODE(g, "\x64\x8b\x03"); /* mov eax, fs:[rbx] */
	for (*fs = 0x100; *fs < 0x300; *fs += 0x100)
		expect_again(g, G_DEVICE + AT + 0x2000 + *fs, false, 4, 0);
	/* Across a page's end: the processor's address is that of the second half. */
	CODE(g, "\x89\x03"); /* mov [rbx], eax */
	expect_again(g, G_DEVICE + AT + 0x2000, true, 4, (uint32_t)g->regs.gpr[BATON_RAX]);
	g->regs.gpr[BATON_RBX] = G_DEVICE + 0x2ffe;
	g->regs.rip = G_CODE;
	g->exit.gpa = G_DEVICE + 0x3000;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->log_count, 2);
	expect_log(g, 0, true, 0x2ffe, 2, g->regs.gpr[BATON_RAX] & 0xffff);
	/* A step of a guest that single-steps is told. */
	g->regs.gpr[BATON_RBX] = G_DEVICE;
	expect_again(g, G_DEVICE, true, 4, (uint32_t)g->regs.gpr[BATON_RAX]);
	g->regs.rip = G_CODE;
	g->regs.rflags |= 0x100;
	g->exit.gpa = G_DEVICE;
	before = g->sregs;
	assert_int_equal(guest_run(g), EMUL_FAULT);
	assert_int_equal(g->fault.vector, DB_VECTOR);
	assert_memory_equal(&g->sregs, &before, sizeof(before)); /* they will be committed */
	assert_int_equal(g->regs.rip, G_CODE + 2);
}

/* Firmware that runs where it lies: of its code no pointer is kept. */
static void test_again_in_rom(void **state)
{
	static _Alignas(4096) uint8_t rom[4096] = { [0x100] = 0x89, 0x03 }; /* mov [rbx], eax */
	struct guest *g = *state;

	assert_int_equal(guest_memory_map(g->memory, WINDOW_FIRMWARE, G_ROM, sizeof(rom), rom,
					  true), 0);
	g->regs.gpr[BATON_RBX] = G_DEVICE + AT;
	CODE(g, "\x90");
	g->exit.gpa = G_DEVICE + AT;
	g->exit.access = BATON_ACCESS_WRITE;
	for (int i = 0; i < 3; i++)
		expect_code_at(g, G_ROM + 0x100, AT);
	guest_memory_unmap(g->memory, WINDOW_FIRMWARE);
}

static void test_code_limit(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = G_DEVICE;
	CODE(g, "\xc6\x03\x55");
	g->sregs.seg[BATON_CS].limit = G_CODE + 2;
	assert_int_equal(guest_run(g), EMUL_DONE);
	CODE(g, "\xc6\x03\x55");
	g->sregs.seg[BATON_CS].limit = G_CODE + 1;
	expect_fault(g, GP_VECTOR, true, 0);
	g->sregs.seg[BATON_CS].limit = G_CODE - 1;
	expect_fault(g, GP_VECTOR, true, 0);
}

/* The same bytes at the same place are another instruction in another mode. */
static void test_code_mode(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = G_DEVICE;
	g->regs.gpr[BATON_RBP] = G_STACK;
	CODE(g, "\x8b\x03"); /* mov eax, [ebx] */
	expect_at(g, 0);
	g->sregs.seg[BATON_CS].attr &= (uint16_t)~BATON_SEG_DB;
	g->sregs.seg[BATON_SS].base = G_DEVICE - G_STACK + 0x40;
	expect_at(g, 0x40); /* mov ax, [bp+di] */
}

static void test_unsupported(void **state)
{
	static const struct { const char *name, *code; unsigned int length; } row[] = {
		{ "movaps xmm, xmm", C("\x0f\x28\xc1") }, { "lgdt [rbx]", C("\x0f\x01\x13") },
		{ "lock mov", C("\xf0\x89\x03") }, { "mov cr0", C("\x0f\x22\xc0") },
		{ "vmovups", C("\xc5\xfc\x11\x03") }, { "fld [rbx]", C("\xd9\x03") },
		{ "call far [rbx]", C("\xff\x1b") },
		{ "ud2", C("\x0f\x0b") }, { "lea", C("\x8d\x03") },
		{ "gather", C("\xc4\xe2\xfd\x92\x0c\x03") },
		{ "prefixes only",
		  C("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66") },
	};
	struct guest *g = *state;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct baton_regs before;

		print_message("           %s\n", row[i].name);
		guest_set_code(g, row[i].code, row[i].length);
		before = g->regs;
		assert_int_equal(guest_run(g), EMUL_UNSUPPORTED);
		assert_memory_equal(&g->regs, &before, sizeof(before));
	}
	guest_set_user(g); /* a program's problem, not the VM's */
	expect_fault(g, UD_VECTOR, false, 0);
}

/* ---- LOCK on RAM ---- */

#define INCREMENTS 20000

struct other_cpu {
	uint32_t *counter, done;
	bool stop;
};

static void *other_cpu(void *arg)
{
	struct other_cpu *other = arg;

	while (!__atomic_load_n(&other->stop, __ATOMIC_RELAXED)) {
		__atomic_fetch_add(other->counter, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&other->done, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void test_atomic(void **state)
{
	struct guest *g = *state;
	struct other_cpu other = { .counter = guest_at(g, G_DATA) };
	uint32_t done = 0;
	pthread_t thread;

	g->regs.gpr[BATON_RBX] = G_DATA;
	CODE(g, "\xf0\xff\x03"); /* lock inc dword [rbx] */
	assert_int_equal(pthread_create(&thread, NULL, other_cpu, &other), 0);
	/* at the same time, however late the thread comes to run */
	while (done < INCREMENTS ||
	       __atomic_load_n(&other.done, __ATOMIC_RELAXED) < INCREMENTS) {
		g->regs.rip = G_CODE;
		assert_int_equal(guest_run(g), EMUL_DONE);
		done += g->regs.rip != G_CODE;
	}
	__atomic_store_n(&other.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(*other.counter, done + other.done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		T(test_natural_sizes, setup64), T(test_page_crossing, setup64),
		T(test_page_faults, setup64), T(test_not_canonical, setup64),
		T(test_segments, setup32), T(test_real_mode, setup16),
		T(test_stack64, setup64), T(test_stack32, setup32),
		T(test_rom, setup64), T(test_exit_address, setup64),
		T(test_cache_lines, setup64), T(test_direct_store, setup64),
		T(test_rom_over_ram, setup64), T(test_apic_page, setup64),
		T(test_apic_page_over_ram, setup64),
		T(test_code_bytes, setup64),
		T(test_code_fetch, setup64),
		T(test_code_page, setup64),
		T(test_again, setup64), T(test_again_in_rom, setup64),
		T(test_code_limit, setup32), T(test_code_mode, setup32),
		T(test_unsupported, setup64),
		T(test_atomic, setup64),
	};

	int failed = cmocka_run_group_tests_name("emul", tests, NULL, NULL);

	guest_brief = true;
	return failed + cmocka_run_group_tests_name("emul, brief exits", tests, NULL, NULL);
}
