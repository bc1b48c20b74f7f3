// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instruction emulator: segment registers, LTR and jumps through a device, SMSW, bit
 * scans, MMX.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include "emul_checks.h"

#define NP_VECTOR 11
#define MF_VECTOR 16

#define GDT 0x6000u
#define CODE64 0x08u
#define DATA 0x10u
#define TSS 0x18u	/* two places */
#define USER_DATA 0x28u
#define ABSENT 0x30u
#define CODE32 0x38u

static void put64(struct guest *g, uint64_t gpa, uint64_t value)
{
	memcpy(guest_at(g, gpa), &value, sizeof(value));
}

static void set_gdt(struct guest *g)
{
	g->sregs.gdt = (struct baton_dtable){ .base = GDT, .limit = 0x3f };
	put64(g, GDT + CODE64, 0x00af9a000000ffff);
	put64(g, GDT + DATA, 0x00cf92000000ffff);
	put64(g, GDT + TSS, 0x120089345678abcd);
	put64(g, GDT + TSS + 8, 0xffff8000);
	put64(g, GDT + USER_DATA, 0x00cff2000000ffff);
	put64(g, GDT + ABSENT, 0x00cf12000000ffff);
	put64(g, GDT + CODE32, 0x00cf9a000000ffff);
	g->regs.gpr[BATON_RBX] = G_DEVICE;
}

static void set_device(struct guest *g, uint64_t value, uint16_t selector)
{
	memcpy(g->device, &value, 8);
	memcpy(g->device + 8, &selector, 2);
}

/* A fault whose selector came from the device. */
static void expect_selector_fault(struct guest *g, uint8_t vector, uint32_t code)
{
	struct baton_sregs before = g->sregs;

	assert_int_equal(guest_run(g), EMUL_FAULT);
	assert_int_equal(g->fault.vector, vector);
	assert_true(g->fault.has_error_code);
	assert_int_equal(g->fault.error_code, code);
	assert_int_equal(g->regs.rip, G_CODE);
	assert_memory_equal(&g->sregs, &before, sizeof(before));
	g->regs.rflags &= ~(uint64_t)RF;
}

static void test_load_data(void **state)
{
	struct guest *g = *state;

	set_gdt(g);
	set_device(g, USER_DATA | 3, 0);
	CODE(g, "\x8e\x1b"); /* mov ds, [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE_SREGS);
	assert_int_equal(g->sregs.seg[BATON_DS].selector, USER_DATA | 3);
	assert_int_equal(g->sregs.seg[BATON_DS].attr, 0xc0f3);
	assert_int_equal(g->sregs.seg[BATON_DS].limit, 0xffffffff);
	assert_int_equal(ram64(g, GDT + USER_DATA), 0x00cff3000000ffff);
	assert_int_equal(g->regs.rip, G_CODE + 2);
	set_device(g, 3, 0);
	CODE(g, "\x8e\x1b");
	assert_int_equal(guest_run(g), EMUL_DONE_SREGS);
	assert_true(g->sregs.seg[BATON_DS].attr & BATON_SEG_UNUSABLE);
	set_device(g, DATA, 0);
	CODE(g, "\x8e\x13"); /* mov ss, [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE_SREGS);
	assert_int_equal(g->sregs.seg[BATON_SS].selector, DATA);
}

static void test_load_data_faults(void **state)
{
	static const struct {
		const char *code;
		uint16_t selector;
		uint8_t vector;
		uint32_t error_code;
	} rows[] = {
		{ "\x8e\x1b", ABSENT, NP_VECTOR, ABSENT },
		{ "\x8e\x13", ABSENT, SS_VECTOR, ABSENT },
		{ "\x8e\x1b", TSS, GP_VECTOR, TSS }, { "\x8e\x1b", 0x40, GP_VECTOR, 0x40 },
		{ "\x8e\x1b", DATA | 4, GP_VECTOR, DATA | 4 },
		{ "\x8e\x1b", DATA | 3, GP_VECTOR, DATA }, { "\x8e\x13", 3, GP_VECTOR, 0 },
		{ "\x8e\x13", USER_DATA | 3, GP_VECTOR, USER_DATA },
		{ "\x8e\x13", CODE64, GP_VECTOR, CODE64 },
	};
	struct guest *g = *state;

	set_gdt(g);
	g->sregs.seg[BATON_LDTR].attr = BATON_SEG_UNUSABLE;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_device(g, rows[i].selector, 0);
		guest_set_code(g, rows[i].code, 2);
		expect_selector_fault(g, rows[i].vector, rows[i].error_code);
	}
	assert_int_equal(ram64(g, GDT + DATA), 0x00cf92000000ffff);
}

/* A table that is read-only for the guest is written only if it has to be. */
static void test_read_only_table(void **state)
{
	struct guest *g = *state;

	set_gdt(g);
	put64(g, GDT + DATA, 0x00cf93000000ffff);
	guest_map(g, GDT, GDT | 1);
	set_device(g, DATA, 0);
	CODE(g, "\x8e\x1b");
	assert_int_equal(guest_run(g), EMUL_DONE_SREGS);
	set_device(g, USER_DATA, 0);
	CODE(g, "\x8e\x1b");
	assert_int_equal(guest_run(g), EMUL_FAULT);
	assert_int_equal(g->fault.vector, PF_VECTOR);
	assert_int_equal(g->fault.error_code, 3);
	assert_int_equal(g->sregs.cr2, GDT + USER_DATA);
	assert_int_equal(g->sregs.seg[BATON_DS].selector, DATA);
}

static void test_load_real(void **state)
{
	struct guest *g = *state;

	g->sregs.seg[BATON_GS].base = G_DEVICE;
	g->device[0] = 0x34;
	g->device[1] = 0x12;
	CODE(g, "\x65\x8e\x06\x00\x00"); /* mov es, gs:[0] */
	assert_int_equal(guest_run(g), EMUL_DONE_SREGS);
	assert_int_equal(g->sregs.seg[BATON_ES].base, 0x12340);
	assert_int_equal(g->sregs.seg[BATON_ES].selector, 0x1234);
}

static void test_ltr(void **state)
{
	struct guest *g = *state;

	set_gdt(g);
	set_device(g, TSS, 0);
	CODE(g, "\x0f\x00\x1b"); /* ltr [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE_SREGS);
	assert_int_equal(g->sregs.seg[BATON_TR].selector, TSS);
	assert_int_equal(g->sregs.seg[BATON_TR].base, 0xffff800012345678);
	assert_int_equal(g->sregs.seg[BATON_TR].limit, 0xabcd);
	assert_int_equal(g->sregs.seg[BATON_TR].attr, 0x8b);
	assert_int_equal(ram64(g, GDT + TSS), 0x12008b345678abcd);
	CODE(g, "\x0f\x00\x1b"); /* busy now */
	expect_selector_fault(g, GP_VECTOR, TSS);
	set_device(g, 0, 0);
	CODE(g, "\x0f\x00\x1b");
	expect_selector_fault(g, GP_VECTOR, 0);
	guest_set_user(g);
	CODE(g, "\x0f\x00\x1b");
	expect_fault(g, GP_VECTOR, true, 0);
}

static void test_jmp(void **state)
{
	struct guest *g = *state;

	set_gdt(g);
	set_device(g, 0xffffffff80001234, 0);
	CODE(g, "\xff\x23"); /* jmp [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, 0xffffffff80001234);
	set_device(g, 1ull << 63, 0);
	CODE(g, "\xff\x23");
	expect_selector_fault(g, GP_VECTOR, 0);
}

static void test_jmp_far(void **state)
{
	struct guest *g = *state;

	set_gdt(g);
	set_device(g, 0xffffffff80001234, CODE64);
	CODE(g, "\x48\xff\x2b"); /* jmp far qword [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE_SREGS);
	assert_int_equal(g->regs.rip, 0xffffffff80001234);
	assert_int_equal(g->sregs.seg[BATON_CS].selector, CODE64);
	assert_int_equal(g->sregs.seg[BATON_CS].attr, 0xa09b);
	set_device(g, 0x100000000, CODE32);
	CODE(g, "\x48\xff\x2b"); /* beyond a limit */
	expect_selector_fault(g, GP_VECTOR, 0);
	set_device(g, 0x1234, DATA);
	CODE(g, "\x48\xff\x2b");
	expect_selector_fault(g, GP_VECTOR, DATA);
	memset(g->device + 4, 0, 4);
	g->device[0] = 0x78;
	g->device[4] = CODE32;
	CODE(g, "\xff\x2b"); /* jmp far dword [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE_SREGS);
	assert_int_equal(g->regs.rip, 0x1278);
	assert_int_equal(g->sregs.seg[BATON_CS].attr, 0xc09b);
}

/* The stack is the device. */
static void test_call(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RSP] = G_DEVICE + 0x100;
	CODE(g, "\xe8\x10\x00\x00\x00"); /* call 0x10 bytes on */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, G_CODE + 0x15);
	assert_int_equal(g->regs.gpr[BATON_RSP], G_DEVICE + 0xf8);
	expect_log(g, 0, true, 0xf8, 8, G_CODE + 5);
	CODE(g, "\xc2\x10\x00"); /* ret 16 */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, G_CODE + 5);
	assert_int_equal(g->regs.gpr[BATON_RSP], G_DEVICE + 0x110);
	set_device(g, 1ull << 63, 0);
	g->regs.gpr[BATON_RSP] = G_DEVICE;
	CODE(g, "\xc3"); /* ret */
	expect_selector_fault(g, GP_VECTOR, 0);
	assert_int_equal(g->regs.gpr[BATON_RSP], G_DEVICE);
	g->regs.gpr[BATON_RSP] = G_STACK;
	g->regs.gpr[BATON_RBX] = G_DEVICE;
	CODE(g, "\xff\x13"); /* call [rbx] */
	expect_selector_fault(g, GP_VECTOR, 0);
	set_device(g, 0x4321, 0);
	CODE(g, "\xff\x13");
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, 0x4321);
	assert_int_equal(ram64(g, G_STACK - 8), G_CODE + 2);
}

static void test_leave(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBP] = OLD;
	g->regs.gpr[BATON_RSP] = G_DEVICE + 0x2000;
	CODE(g, "\xc8\x38\x12\x00"); /* enter 0x1238, 0 */
	assert_int_equal(guest_run(g), EMUL_DONE);
	expect_log(g, 0, true, 0x1ff8, 8, OLD);
	assert_int_equal(g->regs.gpr[BATON_RBP], G_DEVICE + 0x1ff8);
	assert_int_equal(g->regs.gpr[BATON_RSP], G_DEVICE + 0x1ff8 - 0x1238);
	guest_map(g, G_DEVICE, 0);
	g->regs.gpr[BATON_RSP] = G_DEVICE + 0x1008;
	CODE(g, "\xc8\x08\x00\x00"); /* its end is not there */
	expect_page_fault(g, 2, G_DEVICE + 0xff8);
	guest_map(g, G_DEVICE, G_DEVICE | G_PTE | G_PTE_USER);
	CODE(g, "\xc8\x08\x00\x01"); /* nested */
	assert_int_equal(guest_run(g), EMUL_UNSUPPORTED);

	set_device(g, OLD, 0);
	g->regs.gpr[BATON_RBP] = G_DEVICE;
	CODE(g, "\xc9"); /* leave */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.gpr[BATON_RBP], OLD);
	assert_int_equal(g->regs.gpr[BATON_RSP], G_DEVICE + 8);
	assert_int_equal(g->regs.rip, G_CODE + 1);
}

static void test_smsw(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = G_DEVICE;
	CODE(g, "\x0f\x01\x23"); /* smsw [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->log_count, 1);
	expect_log(g, 0, true, 0, 2, g->sregs.cr0 & 0xffff);
	g->sregs.cr4 |= 1u << 11;
	CODE(g, "\x0f\x01\x23");
	assert_int_equal(guest_run(g), EMUL_DONE);
	guest_set_user(g);
	CODE(g, "\x0f\x01\x23");
	expect_fault(g, GP_VECTOR, true, 0);
}

static void test_bit_scan(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = G_DEVICE;
	g->regs.gpr[BATON_RCX] = OLD;
	g->device[1] = 0x50;
	CODE(g, "\x0f\xbc\x0b"); /* bsf ecx, [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.gpr[BATON_RCX], 12);
	CODE(g, "\x48\x0f\xbd\x0b"); /* bsr rcx, [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.gpr[BATON_RCX], 14);
	assert_false(g->regs.rflags & 0x40);
	g->device[1] = 0;
	g->regs.gpr[BATON_RCX] = OLD;
	CODE(g, "\x0f\xbc\x0b");
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_true(g->regs.rflags & 0x40);
	assert_int_equal(g->regs.gpr[BATON_RCX], OLD);
}

static void test_mmx(void **state)
{
	struct guest *g = *state;
	uint8_t *image = g->xsave.image;

	memset(image, 0x55, 512);
	g->regs.gpr[BATON_RBX] = G_DEVICE;
	set_device(g, OLD, 0);
	CODE(g, "\x0f\x6f\x13"); /* movq mm2, [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_memory_equal(image + 32 + 2 * 16, g->device, 8);
	assert_memory_equal(image + 32 + 2 * 16 + 8, "\xff\xff", 2);
	assert_int_equal(image[0], 0x7f);
	assert_int_equal(image[4], 0xff);
	assert_int_equal(image[512], 1);
	assert_int_equal(image[24], 0x55);
	/* What the stack had at its third place is register 1 if it began at register 7. */
	image[3] = 7 << 3;
	CODE(g, "\x0f\x7f\x4b\x10"); /* movq [rbx + 16], mm1 */
	assert_int_equal(guest_run(g), EMUL_DONE);
	expect_log(g, 0, true, 16, 8, OLD);
	assert_int_equal(image[3], 0);
	image[2] = 0x80;
	CODE(g, "\x0f\x6f\x13");
	expect_fault(g, MF_VECTOR, false, 0);
	g->sregs.cr0 |= 1u << 3;
	expect_fault(g, NM_VECTOR, false, 0);
	g->sregs.cr0 |= 1u << 2;
	expect_fault(g, UD_VECTOR, false, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_load_data, setup64), T(test_load_data_faults, setup64),
		T(test_read_only_table, setup64), T(test_load_real, setup16),
		T(test_ltr, setup64), T(test_jmp, setup64), T(test_jmp_far, setup64),
		T(test_call, setup64), T(test_leave, setup64), T(test_smsw, setup64),
		T(test_bit_scan, setup64), T(test_mmx, setup64),
	};

	int failed = cmocka_run_group_tests_name("emul_system", tests, NULL, NULL);

	guest_brief = true;
	return failed + cmocka_run_group_tests_name("emul_system, brief exits", tests, NULL, NULL);
}
