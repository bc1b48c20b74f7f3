// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instruction emulator: what test_emul_native.c cannot compare with a processor,
 * of vector moves and of quotients. Their faults, and the XSAVE image.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include "emul_checks.h"

/* What the processor would check before it looks at the operand, or after. */
static void test_vector_checks(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = G_DEVICE + 8;
	CODE(g, "\x0f\x29\x03"); /* movaps [rbx], xmm0 */
	expect_fault(g, GP_VECTOR, true, 0);
	g->sregs.cr0 |= 1u << 3;
	expect_fault(g, NM_VECTOR, false, 0);
	g->sregs.cr0 |= 1u << 2;
	expect_fault(g, UD_VECTOR, false, 0);
	g->sregs.cr0 &= ~0xcull;
	g->sregs.cr4 &= ~0x200ull;
	expect_fault(g, UD_VECTOR, false, 0);
}

/* A register in its initial state is zero whatever the image has in its place. */
static void test_vector_initial(void **state)
{
	struct guest *g = *state;

	memset(g->xsave.image, 0x55, 512);
	g->regs.gpr[BATON_RBX] = G_DEVICE;
	CODE(g, "\x0f\x11\x0b"); /* movups [rbx], xmm1 */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->log_count, 2);
	expect_log(g, 0, true, 0, 8, 0);
	expect_log(g, 1, true, 8, 8, 0);
	g->device[0] = 0x12;
	CODE(g, "\x0f\x10\x13"); /* movups xmm2, [rbx] */
	assert_int_equal(guest_run(g), EMUL_DONE);
	assert_int_equal(g->xsave.image[512], 2);
	assert_int_equal(g->xsave.image[160 + 32], 0x12);
	assert_int_equal(g->xsave.image[160 + 16], 0);
}

static void test_quotients(void **state)
{
	struct guest *g = *state;

	g->regs.gpr[BATON_RBX] = G_DEVICE;
	CODE(g, "\x48\xf7\x33"); /* div qword [rbx]: by zero */
	assert_int_equal(guest_run(g), EMUL_FAULT);
	assert_int_equal(g->fault.vector, DE_VECTOR);
	memset(g->device, 0xff, 8);
	g->regs.gpr[BATON_RAX] = 0;
	g->regs.gpr[BATON_RDX] = 1ull << 63;
	CODE(g, "\x48\xf7\x3b"); /* idiv: the smallest number by -1 */
	assert_int_equal(guest_run(g), EMUL_FAULT);
	assert_int_equal(g->fault.vector, DE_VECTOR);
	g->regs.gpr[BATON_RAX] = 1ull << 63;
	g->regs.gpr[BATON_RDX] = ~0ull;
	CODE(g, "\x48\xf7\x3b");
	assert_int_equal(guest_run(g), EMUL_FAULT);
	assert_false(g->fault.has_error_code);
	g->device[0] = 1; /* - 255 */
	CODE(g, "\x48\xf7\x3b");
	assert_int_equal(guest_run(g), EMUL_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_vector_checks, setup64), T(test_vector_initial, setup64),
		T(test_quotients, setup64),
	};

	int failed = cmocka_run_group_tests_name("emul_wide", tests, NULL, NULL);

	guest_brief = true;
	return failed + cmocka_run_group_tests_name("emul_wide, brief exits", tests, NULL, NULL);
}
