// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/apic_page.c and fetch.c: the MOVs that reach the local APIC's page, read
 * from the guest's memory in each mode; everything else is the monitor's, which has
 * BATON_APIC_ACCESS for that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "lapic_guest.h"
#include "apic_page.h"
#include "fetch.h"

#define RAM 0x10000u
#define PML4 0x1000u
#define PDPT 0x2000u
#define CODE 0x8000u
#define TPR (0xfee00000u + APIC_REG_TPR * 16)

enum mode { BITS16, BITS32, BITS64 };

static struct baton_vm *vm;
static struct baton_vcpu *v;
static u8 *memory;

static int set_up(void **state)
{
	u64 entry = PDPT | 3;

	(void)state;
	vm = kmod_vm_create(1);
	v = vm->vcpus[0];
	apic_on(v);
	memory = kmod_ram_add(vm, 0, 0, RAM);
	memcpy(memory + PML4, &entry, sizeof(entry));
	entry = 0x83; /* 1 GiB at its own address */
	memcpy(memory + PDPT, &entry, sizeof(entry));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kshim_user_fault = NULL;
	kmod_vm_destroy(vm);
	return 0;
}

static void set_mode(enum mode mode)
{
	struct baton_sregs *s = &v->sregs;
	u16 code = BATON_SEG_P | BATON_SEG_S | 0xb;

	s->cr0 = mode == BITS64 ? X86_CR0_PE | X86_CR0_PG : mode == BITS32 ? X86_CR0_PE : 0;
	s->cr3 = PML4;
	s->cr4 = mode == BITS64 ? X86_CR4_PAE : 0;
	s->efer = mode == BITS64 ? EFER_LME | EFER_LMA : 0;
	s->seg[BATON_CS].attr = code | (mode == BITS64 ? BATON_SEG_L :
					mode == BITS32 ? BATON_SEG_DB : 0);
	s->seg[BATON_CS].base = 0;
	v->regs.rip = CODE;
}

static enum baton_next at_page(u64 gpa, u32 access)
{
	v->run->exit_reason = 0;
	v->fault = (struct baton_fault){ .gpa = gpa, .access = access };
	return baton_apic_page(v, gpa);
}

static enum baton_next run(const char *code, size_t size, u32 access)
{
	memcpy(memory + CODE, code, size);
	v->dirty = 0;
	return at_page(TPR, access);
}

static bool is_monitors(enum baton_next next, u64 gpa)
{
	const struct baton_exit_emulate *out = &v->run->emulate;

	return next == BATON_TO_USER && v->run->exit_reason == BATON_EXIT_EMULATE &&
	       out->kind == BATON_EMULATE_MMIO && out->gpa == gpa &&
	       out->access & BATON_ACCESS_APIC;
}

struct insn {
	const char *what;
	enum mode mode;
	u8 size;
	char code[15];
	bool store;
	u8 reg;			/* load: where to; store: where from */
	u32 immediate;		/* store: what is written if not 0 */
};

static const struct insn taken[] = {
	{ "mov [eax], ecx", BITS32, 2, "\x89\x08", true, BATON_RCX, 0 },
	{ "mov ecx, [eax]", BITS32, 2, "\x8b\x08", false, BATON_RCX, 0 },
	{ "mov [disp32], edx", BITS32, 6, "\x89\x15\x80\x00\xe0\xfe", true, BATON_RDX, 0 },
	{ "mov eax, moffs", BITS32, 5, "\xa1\x80\x00\xe0\xfe", false, BATON_RAX, 0 },
	{ "mov moffs, eax", BITS32, 5, "\xa3\x80\x00\xe0\xfe", true, BATON_RAX, 0 },
	{ "mov [eax+8], imm", BITS32, 7, "\xc7\x40\x08\x77\0\0\0", true, 0, 0x77 },
	{ "mov [eax+disp32], imm", BITS32, 10, "\xc7\x80\1\2\3\4\x66\0\0\0", true, 0, 0x66 },
	{ "mov [eax+ecx*4+8], esi", BITS32, 4, "\x89\x74\x88\x08", true, BATON_RSI, 0 },
	{ "mov [disp32+ecx*4], esi", BITS32, 7, "\x89\x34\x8d\1\2\3\4", true, BATON_RSI, 0 },
	{ "fs: mov [eax], ecx", BITS32, 3, "\x64\x89\x08", true, BATON_RCX, 0 },
	{ "mov [bx+si], ecx (a16)", BITS32, 3, "\x67\x89\x08", true, BATON_RCX, 0 },
	{ "mov [disp16], ecx (a16)", BITS32, 5, "\x67\x89\x0e\1\2", true, BATON_RCX, 0 },
	{ "mov [bx+disp16], ecx (a16)", BITS32, 5, "\x67\x89\x8f\1\2", true, BATON_RCX, 0 },
	{ "mov eax, moffs16", BITS32, 4, "\x67\xa1\1\2", false, BATON_RAX, 0 },
	{ "o32 mov [bx], ecx", BITS16, 3, "\x66\x89\x0f", true, BATON_RCX, 0 },
	{ "o32 a32 mov [eax], ecx", BITS16, 4, "\x66\x67\x89\x08", true, BATON_RCX, 0 },
	{ "o32 a32 mov ecx, [eax]", BITS16, 4, "\x67\x66\x8b\x08", false, BATON_RCX, 0 },
	{ "mov eax, moffs32", BITS64, 6, "\x67\xa1\1\2\3\4", false, BATON_RAX, 0 },
	{ "mov [rax], ecx", BITS64, 2, "\x89\x08", true, BATON_RCX, 0 },
	{ "mov [rax], r9d", BITS64, 3, "\x44\x89\x08", true, BATON_R9, 0 },
	{ "mov r15d, [r8]", BITS64, 3, "\x45\x8b\x38", false, BATON_R15, 0 },
	{ "mov [rip+disp], esp", BITS64, 6, "\x89\x25\1\2\3\4", true, BATON_RSP, 0 },
	{ "mov eax, moffs64", BITS64, 9, "\xa1\1\2\3\4\5\6\7\x08", false, BATON_RAX, 0 },
	{ "mov [r12+rax], imm", BITS64, 8, "\x41\xc7\x04\x04\x44\0\0\0", true, 0, 0x44 },
	/* A REX counts only right before the opcode. */
	{ "rex fs: mov [rax], ecx", BITS64, 4, "\x44\x64\x89\x08", true, BATON_RCX, 0 },
	{ "rex rex: mov [rax], ecx", BITS64, 4, "\x44\x40\x89\x08", true, BATON_RCX, 0 },
};

static void check_taken(const struct insn *insn)
{
	u64 *reg = &v->regs.gpr[insn->reg];
	unsigned int i;

	set_mode(insn->mode);
	wr(v, APIC_REG_TPR, 0x31);
	for (i = 0; i < BATON_GPR_COUNT; i++)
		v->regs.gpr[i] = 0x80 + i;
	*reg = 0x1122334400000055;
	if (run(insn->code, insn->size, insn->store ? BATON_ACCESS_WRITE : 0) != BATON_ENTER ||
	    v->regs.rip != CODE + insn->size)
		fail_msg("%s: RIP 0x%llx", insn->what, (unsigned long long)v->regs.rip);
	assert_true(v->dirty & BATON_ST_REGS);
	if (insn->store)
		assert_int_equal(rd(v, APIC_REG_TPR), insn->immediate ? insn->immediate : 0x55);
	else
		assert_int_equal(*reg, 0x31);	/* and the upper half is zero */
}

static void test_taken(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(taken); i++)
		check_taken(&taken[i]);
}

static const struct insn refused[] = {
	{ "mov [eax], cl", BITS32, 2, "\x88\x08", true, 0, 0 },
	{ "o16 mov [eax], cx", BITS32, 3, "\x66\x89\x08", true, 0, 0 },
	{ "mov [bx], cx", BITS16, 2, "\x89\x0f", true, 0, 0 },
	{ "mov [rax], rcx", BITS64, 3, "\x48\x89\x08", true, 0, 0 },
	{ "lock mov [eax], ecx", BITS32, 3, "\xf0\x89\x08", true, 0, 0 },
	{ "mov eax, ecx", BITS32, 2, "\x89\xc8", true, 0, 0 },
	{ "group 11 /1", BITS32, 6, "\xc7\x08\1\2\3\4", true, 0, 0 },
	{ "add [eax], ecx", BITS32, 2, "\x01\x08", true, 0, 0 },
	{ "xchg [eax], ecx", BITS32, 2, "\x87\x08", true, 0, 0 },
	{ "movs", BITS32, 1, "\xa5", true, 0, 0 },
	{ "push [eax]", BITS32, 2, "\xff\x30", false, 0, 0 },
	{ "a load that is a store", BITS32, 2, "\x8b\x08", true, 0, 0 },
	{ "a store that is a load", BITS32, 2, "\x89\x08", false, 0, 0 },
	{ "rex outside of 64-bit mode", BITS32, 3, "\x44\x89\x08", true, 0, 0 },
	{ "15 prefixes", BITS32, 15, "\x64\x64\x64\x64\x64\x64\x64\x64\x64\x64\x64\x64\x64\x64\x64",
	  true, 0, 0 },
	{ "16 bytes", BITS32, 15, "\x64\x64\x64\x64\x64\x64\x64\x64\x64\xc7\x80\1\2\3\4",
	  true, 0, 0 },
};

static void test_refused(void **state)
{
	struct baton_regs before;
	size_t i;

	(void)state;
	wr(v, APIC_REG_TPR, 0x31);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		const struct insn *insn = &refused[i];

		set_mode(insn->mode);
		before = v->regs;
		if (!is_monitors(run(insn->code, insn->size,
				     insn->store ? BATON_ACCESS_WRITE : 0), TPR))
			fail_msg("%s was taken", insn->what);
		assert_memory_equal(&before, &v->regs, sizeof(before));
		assert_int_equal(rd(v, APIC_REG_TPR), 0x31);
	}
	/* Neither a fetch from the page, nor a walk, nor what is no whole register. */
	set_mode(BITS32);
	assert_true(is_monitors(run("\x8b\x08", 2, BATON_ACCESS_FETCH), TPR));
	assert_true(is_monitors(run("\x8b\x08", 2, BATON_ACCESS_WALK), TPR));
	assert_true(is_monitors(at_page(0xfee00ffd, 0), 0xfee00ffd));
	assert_true(is_monitors(at_page(TPR + 2, 0), TPR + 2));
	/* Nor what is more than its MOV. */
	v->regs.rflags |= X86_EFLAGS_TF;
	assert_true(is_monitors(at_page(TPR, 0), TPR));
	v->regs.rflags &= ~X86_EFLAGS_TF;
	v->ev.reinject = true;
	assert_true(is_monitors(at_page(TPR, 0), TPR));
	v->ev.reinject = false;
	assert_int_equal(at_page(TPR, 0), BATON_ENTER);
}

static int access_page(u32 offset, u32 flags, u32 *value)
{
	struct baton_apic_access io = { .offset = offset, .flags = flags, .value = *value };
	int r = baton_apic_access(v, &io);

	*value = io.value;
	return r;
}

static void test_access(void **state)
{
	struct baton_apic_access reserved = { .offset = 0x80, .reserved = 1 };
	u32 value = 0x42;

	(void)state;
	assert_int_equal(access_page(0x80, BATON_APIC_WRITE, &value), 0);
	assert_int_equal(rd(v, APIC_REG_TPR), 0x42);
	value = 0;
	assert_int_equal(access_page(0x80, 0, &value), 0);
	assert_int_equal(value, 0x42);
	value = 0;
	assert_int_equal(access_page(0x84, 0, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(access_page(0xffc, 0, &value), 0);
	assert_int_equal(access_page(0x1000, 0, &value), -EINVAL);
	assert_int_equal(access_page(0x82, 0, &value), -EINVAL);
	assert_int_equal(access_page(0x80, 2, &value), -EINVAL);
	value = 1;
	assert_int_equal(access_page(0x80, 0, &value), -EINVAL);
	assert_int_equal(baton_apic_access(v, &reserved), -EINVAL);
	v->apic.base = BASE_X2APIC;
	assert_int_equal(access_page(0x80, BATON_APIC_WRITE, &value), -ENXIO);
	v->apic.base = APIC_DEFAULT_PHYS_BASE;
	assert_int_equal(access_page(0x80, BATON_APIC_WRITE, &value), -ENXIO);
	v->apic.base = BASE_XAPIC;
	assert_int_equal(rd(v, APIC_REG_TPR), 0x42);
}

/* An instruction that ends with its page, where the next one is not mapped. */
static void test_end_of_memory(void **state)
{
	(void)state;
	set_mode(BITS32);
	v->regs.rip = RAM - 2;
	memcpy(memory + RAM - 2, "\x8b\x08", 2);
	assert_int_equal(at_page(TPR, 0), BATON_ENTER);
	assert_int_equal(v->regs.rip, RAM);
	/* The half of one: what is not there counts as missing, not as zero. */
	v->regs.rip = RAM - 2;
	memcpy(memory + RAM - 2, "\x89\x15", 2);
	assert_int_equal(at_page(TPR, BATON_ACCESS_WRITE), BATON_TO_USER);
	/* All of it beyond: the guest runs again and takes its own fault. */
	v->regs.rip = RAM;
	assert_int_equal(at_page(TPR, 0), BATON_ENTER);
	assert_int_equal(v->regs.rip, RAM);
}

static void test_wraps_at_4g(void **state)
{
	(void)state;
	set_mode(BITS32);
	v->sregs.seg[BATON_CS].base = 0xffff0000;
	v->regs.rip = 0x10000 + CODE;	/* CS base + RIP beyond 4 GiB: from 0 again */
	memcpy(memory + CODE, "\x8b\x08", 2);
	assert_int_equal(at_page(TPR, 0), BATON_ENTER);
	assert_int_equal(v->regs.rip, 0x10000 + CODE + 2);
	v->sregs.seg[BATON_CS].base = CODE + 1;
	v->regs.rip = 0xffffffff;
	assert_int_equal(at_page(TPR, 0), BATON_ENTER);
	assert_int_equal(v->regs.rip, 1);
}

/* The same in the middle of an instruction, with paging. */
static void test_wraps_within(void **state)
{
	const u32 directory[] = { 0x83 /* 4 MiB from 0 on */, 0x5003 }, page = CODE | 3;

	(void)state;
	set_mode(BITS32);
	memcpy(memory + 0x4000, &directory[0], 4);
	memcpy(memory + 0x4000 + 1023 * 4, &directory[1], 4);
	memcpy(memory + 0x5000 + 1023 * 4, &page, 4);
	v->sregs.cr0 |= X86_CR0_PG;
	v->sregs.cr4 = X86_CR4_PSE;
	v->sregs.cr3 = 0x4000;
	v->regs.rip = 0xfffffffe;
	memcpy(memory + CODE + 0xffe, "\x8b\x15", 2);
	memcpy(memory, "\x80\0\xe0\xfe", 4);
	assert_int_equal(at_page(TPR, 0), BATON_ENTER);
	assert_int_equal(v->regs.rip, 4);
}

/* An instruction whose end is on a page of the kernel is not a user's. */
static void test_kernel_page_behind(void **state)
{
	const u32 directory = 0x5007, user = CODE | 7;

	(void)state;
	set_mode(BITS32);
	memcpy(memory + 0x4000, &directory, 4);
	memcpy(memory + 0x5000 + 4 * (CODE >> 12), &user, 4);
	v->sregs.cr0 |= X86_CR0_PG;
	v->sregs.cr3 = 0x4000;
	memcpy(memory + CODE + 0xffe, "\x89\x15\x80\0\xe0\xfe", 6);
	for (u32 rights = 3; rights <= 7; rights += 4) {
		u32 behind = (CODE + 0x1000) | rights;

		memcpy(memory + 0x5000 + 4 * (CODE >> 12) + 4, &behind, 4);
		v->regs.rip = CODE + 0xffe;
		assert_int_equal(at_page(TPR, BATON_ACCESS_WRITE),
				 rights == 3 ? BATON_TO_USER : BATON_ENTER);
	}
	assert_int_equal(v->regs.rip, CODE + 0x1004);
}

static unsigned long missing;

static bool page_faults(unsigned long address, size_t size)
{
	(void)size;
	return address >> 12 == missing >> 12;
}

static void test_paged_out(void **state)
{
	static const u32 pages[] = { CODE, PML4, PDPT };
	size_t i;

	(void)state;
	set_mode(BITS64);
	kshim_user_fault = page_faults;
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		missing = (unsigned long)memory + pages[i];
		assert_int_equal(run("\x8b\x08", 2, 0), BATON_LEAVE);
		assert_true(kmod_take_request(v, BATON_REQ_TOUCH));
		assert_int_equal(v->touch_hva >> 12, missing >> 12);
		assert_int_equal(v->regs.rip, CODE);
	}
	missing = 0;
	assert_int_equal(run("\x8b\x08", 2, 0), BATON_ENTER);
}

/* The bytes are read anew each time: a length may be cached, a value must not. */
static void test_no_stale_bytes(void **state)
{
	u64 entry = 0x83 | 0x40000000;

	(void)state;
	set_mode(BITS64);
	assert_int_equal(run("\x8b\x08", 2, 0), BATON_ENTER);
	/* The page of code is another one now, which is nowhere. */
	memcpy(memory + PDPT, &entry, sizeof(entry));
	set_mode(BITS64);
	assert_int_equal(at_page(TPR, 0), BATON_ENTER);
	assert_int_equal(v->regs.rip, CODE);
}

static void test_insn_length(void **state)
{
	static const struct {
		const char *code;
		unsigned int have;
		u32 opcode;
		bool long64;
		unsigned int length;
	} cases[] = {
		{ "\x0f\xa2", 2, 0x0fa2, true, 2 }, { "\x0f\xa2", 1, 0x0fa2, true, 0 },
		{ "\x66\xf3\x0f\xa2", 4, 0x0fa2, false, 4 }, { "\x48\x0f\xa2", 3, 0x0fa2, true, 3 },
		{ "\x48\x0f\xa2", 3, 0x0fa2, false, 0 }, { "\x0f\x01\xd1", 3, 0x0f01d1, true, 3 },
		{ "\x0f\x01\xd0", 3, 0x0f01d1, true, 0 }, { "\xf4", 1, 0xf4, false, 1 },
		{ "\x0f\x30", 2, 0x0f32, true, 0 }, { "", 0, 0xf4, true, 0 },
		{ "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2", 15, 0x0fa2, true,
		  15 },
		{ "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2", 16, 0x0fa2,
		  true, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned int length = baton_insn_length((const u8 *)cases[i].code, cases[i].have,
							cases[i].opcode, cases[i].long64);

		if (length != cases[i].length)
			fail_msg("case %zu: %u", i, length);
	}
}

/* --- writes to eventfds -------------------------------------------------------- */

#define DOORBELL 0xd0000010u

struct store {
	const char *what;
	enum mode mode;
	u8 length;
	char code[15];
	u8 size;		/* 0: the monitor's */
	u64 data;
};

/* RAX is 0x8877665544332211, each other register 0x100 more than the one before. */
static const struct store stores[] = {
	{ "mov [rbx], al", BITS64, 2, "\x88\x03", 1, 0x11 },
	{ "mov [rbx], ah", BITS64, 2, "\x88\x23", 1, 0x22 },
	{ "mov [rbx], spl", BITS64, 3, "\x40\x88\x23", 1, 0x11 },
	{ "mov [rbx], r12b", BITS64, 3, "\x44\x88\x23", 1, 0x11 },
	{ "mov [rbx], ax", BITS64, 3, "\x66\x89\x03", 2, 0x2211 },
	{ "mov [rbx], eax", BITS64, 2, "\x89\x03", 4, 0x44332211 },
	{ "mov [rbx], rax", BITS64, 3, "\x48\x89\x03", 8, 0x8877665544332211 },
	{ "mov byte [rbx], 0x90", BITS64, 3, "\xc6\x03\x90", 1, 0x90 },
	{ "mov word [rbx], 0x9080", BITS64, 5, "\x66\xc7\x03\x80\x90", 2, 0x9080 },
	{ "mov dword [rbx], imm", BITS64, 6, "\xc7\x03\x80\x90\xa0\xb0", 4, 0xb0a09080 },
	{ "mov qword [rbx], imm", BITS64, 7, "\x48\xc7\x03\x80\x90\xa0\xb0", 8,
	  0xffffffffb0a09080 },
	{ "mov moffs, al", BITS32, 5, "\xa2\x10\x00\x00\xd0", 1, 0x11 },
	{ "mov moffs, ax", BITS32, 6, "\x66\xa3\x10\x00\x00\xd0", 2, 0x2211 },
	{ "mov [ebx], bh", BITS32, 2, "\x88\x3b", 1, 0x25 },
	{ "mov [bx], ax", BITS16, 2, "\x89\x07", 2, 0x2211 },
	{ "o32 mov [bx], eax", BITS16, 3, "\x66\x89\x07", 4, 0x44332211 },
	{ "xchg", BITS64, 2, "\x87\x03", 0, 0 },
	{ "lock mov", BITS64, 3, "\xf0\x89\x03", 0, 0 },
	{ "or", BITS64, 2, "\x09\x03", 0, 0 },
	{ "stosd", BITS64, 1, "\xab", 0, 0 },
	{ "a load", BITS64, 2, "\x8b\x03", 0, 0 },
	{ "c7 /1", BITS64, 6, "\xc7\x0b\x80\x90\xa0\xb0", 0, 0 },
	{ "to a register", BITS64, 2, "\x89\xc3", 0, 0 },
	{ "movnti", BITS64, 3, "\x0f\xc3\x03", 0, 0 },
	{ "movups", BITS64, 3, "\x0f\x11\x03", 0, 0 },
};

static u64 doorbell_base;	/* RSI, R14; 0: as the others */

static enum baton_next write_doorbell(const struct store *store, u64 gpa)
{
	unsigned int i;

	for (i = 0; i < BATON_GPR_COUNT; i++)
		v->regs.gpr[i] = 0x8877665544332211 + i * 0x100;
	if (doorbell_base)
		v->regs.gpr[BATON_RSI] = v->regs.gpr[BATON_R14] = doorbell_base;
	memcpy(memory + CODE, store->code, store->length);
	set_mode(store->mode);
	v->dirty = 0;
	v->fault.gpa = gpa;
	kmod_calls.mmio_size = 0;
	return baton_ioeventfd_page(v, gpa);
}

static void expect_monitor(const char *what, enum baton_next next)
{
	if (next != BATON_TO_USER || v->run->exit_reason != BATON_EXIT_EMULATE ||
	    v->run->emulate.kind != BATON_EMULATE_MMIO || v->regs.rip != CODE)
		fail_msg("%s: not the monitor's", what);
}

static void test_doorbell(void **state)
{
	enum baton_next next;
	size_t i;

	(void)state;
	kmod_ioeventfd = DOORBELL;
	for (i = 0; i < ARRAY_SIZE(stores); i++) {
		const struct store *store = &stores[i];

		next = write_doorbell(store, DOORBELL);
		if (kmod_calls.mmio_size != store->size ||
		    (store->size && kmod_calls.mmio_data != store->data))
			fail_msg("%s: %u bytes, 0x%llx", store->what, kmod_calls.mmio_size,
				 (unsigned long long)kmod_calls.mmio_data);
		if (!store->size)
			expect_monitor(store->what, next);
		else if (next != BATON_ENTER || v->regs.rip != CODE + store->length ||
			 !(v->dirty & BATON_ST_REGS))
			fail_msg("%s: RIP 0x%llx", store->what, (unsigned long long)v->regs.rip);
	}
}

static void test_doorbell_left_alone(void **state)
{
	const struct store *store = &stores[5];

	(void)state;
	/* No binding fits. */
	expect_monitor("no binding", write_doorbell(store, DOORBELL));
	kmod_ioeventfd = 0xd0000ffe;
	expect_monitor("over the page's end", write_doorbell(store, 0xd0000ffe));
	kmod_ioeventfd = DOORBELL;
	v->regs.rflags |= X86_EFLAGS_TF;
	expect_monitor("single step", write_doorbell(store, DOORBELL));
	v->regs.rflags &= ~(u64)X86_EFLAGS_TF;
	v->ev.reinject = true;
	expect_monitor("event delivery", write_doorbell(store, DOORBELL));
	v->ev.reinject = false;
	assert_int_equal(write_doorbell(store, DOORBELL), BATON_ENTER);
}

/* A write that crosses into the page is reported at its first byte, too. */
static void test_doorbell_at_page_start(void **state)
{
	static const struct store plain = { "mov [rsi], eax", BITS64, 2, "\x89\x06", 4, 0 },
		high = { "mov [r14], eax", BITS64, 3, "\x41\x89\x06", 4, 0 },
		based = { "gs: mov [rsi], eax", BITS64, 3, "\x65\x89\x06", 0, 0 },
		far = { "mov [rsi+1], eax", BITS64, 3, "\x89\x46\x01", 0, 0 },
		byte = { "mov [rsi+1], al", BITS64, 3, "\x88\x46\x01", 1, 0 },
		old = { "mov [esi], eax", BITS32, 2, "\x89\x06", 0, 0 },
		moffs = { "mov moffs, eax", BITS64, 9, "\xa3\0\0\0\0\0\0\0\0", 0, 0 };
	const struct store *all[] = { &plain, &high, &based, &far, &byte, &old, &moffs };
	u64 start = 0xd0000000;
	enum baton_next next;

	(void)state;
	kmod_ioeventfd = start;
	for (unsigned int crosses = 0; crosses < 2; crosses++)
		for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
			doorbell_base = crosses ? 0x7ffffffd : 0x80000000;
			next = write_doorbell(all[i], start);
			if (all[i]->size == 4 && crosses)
				expect_monitor(all[i]->what, next);
			else if (all[i]->size)
				assert_int_equal(next, BATON_ENTER);
			else
				expect_monitor(all[i]->what, next);
		}
	doorbell_base = 0;
}

/* As backends do it: what decodes is asked once, before anything is saved. */
static enum baton_next fault_at(u64 gpa, u32 access)
{
	return baton_exit_fault(v, gpa, 0, access, baton_exit_decodes(v, gpa, access));
}

/* Who has not saved the registers (there was no binding then) does not decode. */
static void test_doorbell_late(void **state)
{
	(void)state;
	set_mode(BITS64);
	assert_false(baton_exit_decodes(v, DOORBELL, BATON_ACCESS_WRITE));
	kmod_ioeventfd = DOORBELL;
	vm->ioeventfds = (void *)1;
	assert_true(baton_exit_decodes(v, DOORBELL, BATON_ACCESS_WRITE));
	assert_false(baton_exit_decodes(v, DOORBELL, 0));
	/* The guest's page tables are there: what the processor writes is no instruction's. */
	assert_false(baton_exit_decodes(v, DOORBELL, BATON_ACCESS_WRITE | BATON_ACCESS_WALK));
	assert_false(baton_exit_decodes(v, DOORBELL + 4, BATON_ACCESS_WRITE));
	memcpy(memory + CODE, "\x89\x03", 2);
	expect_monitor("late", baton_exit_fault(v, DOORBELL, 0, BATON_ACCESS_WRITE, false));
	expect_monitor("read", fault_at(DOORBELL, 0));
	assert_int_equal(fault_at(DOORBELL, BATON_ACCESS_WRITE), BATON_ENTER);
	vm->ioeventfds = NULL;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_taken), T(test_refused), T(test_access), T(test_end_of_memory),
		T(test_wraps_at_4g), T(test_wraps_within), T(test_kernel_page_behind),
		T(test_paged_out), T(test_no_stale_bytes),
		T(test_insn_length), T(test_doorbell), T(test_doorbell_left_alone),
		T(test_insn_length), T(test_doorbell), T(test_doorbell_at_page_start),
		T(test_doorbell_late),
	};

	return cmocka_run_group_tests_name("kmod apic page", tests, NULL, NULL);
}
