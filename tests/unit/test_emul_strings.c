// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * String instructions in the emulator: how far a REP goes in one run, what is
 * left of it after a fault, ports, and single steps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "emul_checks.h"

#define CF 0x1u
#define ZF 0x40u
#define TF 0x100u
#define DF 0x400u

static void set_string(struct guest *g, uint64_t rsi, uint64_t rdi, uint64_t rcx)
{
	g->regs.gpr[BATON_RSI] = rsi;
	g->regs.gpr[BATON_RDI] = rdi;
	g->regs.gpr[BATON_RCX] = rcx;
}

static void check_string(const struct guest *g, uint64_t rsi, uint64_t rdi, uint64_t rcx,
			 uint64_t rip)
{
	assert_int_equal(g->regs.gpr[BATON_RSI], rsi);
	assert_int_equal(g->regs.gpr[BATON_RDI], rdi);
	assert_int_equal(g->regs.gpr[BATON_RCX], rcx);
	assert_int_equal(g->regs.rip, G_CODE + rip);
}

static void test_rep_bounded(void **state)
{
	struct guest *g = *state;
	unsigned int runs = 0, total = 0;

	set_string(g, 0, G_DEVICE, 3000);
	CODE(g, "\xf3\xaa"); /* rep stosb */
	while (g->regs.rip == G_CODE) {
		uint64_t before = g->regs.gpr[BATON_RCX];

		assert_int_equal(guest_run(g), EMUL_DONE);
		assert_true(before - g->regs.gpr[BATON_RCX] <= 1024);
		total += g->log_count;
		runs++;
	}
	assert_int_equal(runs, 3);
	assert_int_equal(total, 3000);
	check_string(g, 0, G_DEVICE + 3000, 0, 2);
}

/* Iterations before the fault count; the one that faults has touched nothing. */
static void test_rep_fault(void **state)
{
	struct guest *g = *state;

	guest_map(g, 0x20000, G_DATA | G_PTE);
	guest_map(g, 0x21000, 0);
	set_string(g, G_DEVICE, 0x20ff8, 10);
	CODE(g, "\xf3\xa5"); /* rep movsd */
	assert_int_equal(guest_run(g), EMUL_FAULT);
	assert_int_equal(g->fault.vector, PF_VECTOR);
	assert_int_equal(g->fault.error_code, 2);
	assert_int_equal(g->sregs.cr2, 0x21000);
	assert_int_equal(g->log_count, 2);
	check_string(g, G_DEVICE + 8, 0x21000, 8, 0);
	assert_true(g->regs.rflags & RF);
	guest_map(g, 0x21000, (G_DATA + 0x1000) | G_PTE);
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->log_count, 8);
	check_string(g, G_DEVICE + 40, 0x21020, 0, 2);
	assert_false(g->regs.rflags & RF);
}

static void test_rep_compare(void **state)
{
	struct guest *g = *state;

	memcpy(g->device, "baton\0\0\0", 8);
	memcpy(guest_at(g, G_DATA), "batch", 5);
	set_string(g, G_DEVICE, G_DATA, 5);
	CODE(g, "\xf3\xa6"); /* repe cmpsb */
	assert_int_equal(guest_run(g), EMUL_DONE);
	check_string(g, G_DEVICE + 4, G_DATA + 4, 1, 2);
	assert_false(g->regs.rflags & (ZF | CF));
	g->regs.gpr[BATON_RAX] = 0;
	set_string(g, 0, G_DEVICE, ~0ull);
	CODE(g, "\xf2\xae"); /* repne scasb: strlen */
	assert_int_equal(guest_run(g), EMUL_DONE);
	check_string(g, 0, G_DEVICE + 6, ~0ull - 6, 2);
	set_string(g, G_DEVICE + 4, 0, 2);
	g->regs.rflags |= DF;
	CODE(g, "\xf2\xac"); /* rep lodsb, backwards */
	assert_int_equal(guest_run(g), EMUL_DONE);
	check_string(g, G_DEVICE + 2, 0, 0, 2);
	assert_int_equal(g->regs.gpr[BATON_RAX], 'o');
	set_string(g, 1, 2, 0);
	CODE(g, "\xf3\xa4"); /* count 0: nothing */
	assert_int_equal(guest_run(g), EMUL_DONE);
	check_string(g, 1, 2, 0, 2);
}

static void test_address_sizes(void **state)
{
	struct guest *g = *state;

	set_string(g, 0xabcd00000000ull | G_DATA, 0x123400000000ull | G_DEVICE, 0x700000001ull);
	CODE(g, "\x67\xf3\xa4"); /* 32-bit addresses in 64-bit code */
	assert_int_equal(guest_run(g), EMUL_DONE);
	check_string(g, G_DATA + 1, G_DEVICE + 1, 0, 3);
}

static void test_address_sizes16(void **state)
{
	struct guest *g = *state;

	set_string(g, 0xffff, 0x5550100, 0x770002);
	CODE(g, "\xf3\xa4"); /* rep movsb in real mode; SI wraps, upper halves stay */
	assert_int_equal(guest_run(g), EMUL_DONE);
	check_string(g, 1, 0x5550102, 0x770000, 2);
	expect_log(g, 2, false, 0, 1, 0);
	set_string(g, 0, 0x200, 1);
	CODE(g, "\x67\xf3\xaa"); /* with EDI and ECX */
	assert_int_equal(guest_run(g), EMUL_DONE);
	check_string(g, 0, 0x201, 0, 3);
}

static void test_port_strings(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RDX] = 0xffff0000 | G_PORT;
	g->port_value = 0x41424344;
	set_string(g, G_DATA, G_DATA, 3);
	CODE(g, "\xf3\x66\x6d"); /* rep insw */
	assert_int_equal(guest_run(g), EMUL_DONE); /* not what the exit was for … */
	check_string(g, G_DATA, G_DATA, 3, 0);
	assert_int_equal(g->log_count, 0);
	g->exit.kind = BATON_EMULATE_STRING_IO;
	assert_int_equal(guest_run(g), EMUL_DONE);
	check_string(g, G_DATA, G_DATA + 6, 0, 3);
	assert_int_equal(ram64(g, G_DATA), 0x434643454344);
	CODE(g, "\x6f"); /* outsd */
	g->exit.kind = BATON_EMULATE_STRING_IO;
	assert_int_equal(guest_run(g), EMUL_DONE);
	expect_log(g, 0, true, G_PORT, 4, 0x43454344);
	/* Another CPU has made a wider one of it: its other ports were not asked about. */
	CODE(g, "\x6f");
	g->exit.kind = BATON_EMULATE_STRING_IO;
	g->exit.gva = 1;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, G_CODE);
	g->exit.gva = 4;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, G_CODE + 1);
	g->exit.gva = 0;
	CODE(g, "\x89\x03"); /* … and the other way round */
	g->exit.kind = BATON_EMULATE_STRING_IO;
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->regs.rip, G_CODE);
}

static void test_port_fault(void **state)
{
	struct guest *g = *state;

	guest_map(g, 0x20000, 0);
	set_string(g, 0, 0x20000, 1);
	CODE(g, "\x6c"); /* insb to nowhere: the port is not read */
	g->exit.kind = BATON_EMULATE_STRING_IO;
	expect_page_fault(g, 2, 0x20000);
}

static void test_single_step(void **state)
{
	struct guest *g = *state;

	g->regs.rflags |= TF;
	set_string(g, 0, G_DEVICE, 2);
	CODE(g, "\xf3\xaa");
	for (unsigned int i = 1; i <= 2; i++) {
		assert_int_equal(guest_run(g), EMUL_FAULT);
		assert_int_equal(g->fault.vector, DB_VECTOR);
		assert_false(g->fault.has_error_code);
		check_string(g, 0, G_DEVICE + i, 2 - i, i == 2 ? 2 : 0);
	}
	assert_false(g->regs.rflags & RF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_rep_bounded, setup64), T(test_rep_fault, setup64),
		T(test_rep_compare, setup64), T(test_address_sizes, setup64),
		T(test_address_sizes16, setup16), T(test_port_strings, setup64),
		T(test_port_strings, setup32), T(test_port_fault, setup64),
		T(test_single_step, setup64),
	};

	int failed = cmocka_run_group_tests_name("emul_strings", tests, NULL, NULL);

	guest_brief = true;
	return failed + cmocka_run_group_tests_name("emul_strings, brief exits", tests, NULL, NULL);
}
