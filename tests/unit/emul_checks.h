/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the emulator expect of a run. After the headers that cmocka
 * wants before it.
 */
#ifndef BATON_TESTS_EMUL_CHECKS_H
#define BATON_TESTS_EMUL_CHECKS_H

#include <cmocka.h>

#include "emul_guest.h"

#define R16 EMUL_REAL16
#define P16 EMUL_PROTECTED16
#define P32 EMUL_PROTECTED32
#define L64 EMUL_LONG64

#define RF 0x10000u

#define DE_VECTOR 0
#define DB_VECTOR 1
#define UD_VECTOR 6
#define NM_VECTOR 7
#define SS_VECTOR 12
#define GP_VECTOR 13
#define PF_VECTOR 14

#define OLD 0x1122334455667788ull

#define CODE(g, text) guest_set_code(g, text, sizeof(text) - 1)
#define T(name, setup) cmocka_unit_test_setup_teardown(name, setup, teardown)

static inline int setup64(void **state)
{
	*state = guest_create(L64);
	return 0;
}

static inline int setup32(void **state)
{
	*state = guest_create(P32);
	return 0;
}

static inline int setup16(void **state)
{
	*state = guest_create(R16);
	return 0;
}

static inline int teardown(void **state)
{
	guest_destroy(*state);
	return 0;
}

/* Runs into a fault that leaves everything but RF as it was. */
static inline void expect_fault(struct guest *g, uint8_t vector, bool has_code, uint32_t code)
{
	struct baton_regs before = g->regs;

	assert_int_equal(guest_run(g), EMUL_FAULT);
	assert_int_equal(g->fault.vector, vector);
	assert_int_equal(g->fault.has_error_code, has_code);
	assert_int_equal(g->fault.error_code, code);
	assert_int_equal(g->log_count, 0);
	before.rflags |= RF;
	assert_memory_equal(&g->regs, &before, sizeof(before));
	g->regs.rflags &= ~(uint64_t)RF;
}

static inline void expect_page_fault(struct guest *g, uint32_t code, uint64_t cr2)
{
	expect_fault(g, PF_VECTOR, true, code);
	assert_int_equal(g->sregs.cr2, cr2);
}

static inline void expect_log(const struct guest *g, unsigned int at, bool write,
			      uint64_t offset, unsigned int size, uint64_t value)
{
	assert_true(at < g->log_count);
	assert_int_equal(g->log[at].write, write);
	assert_int_equal(g->log[at].offset, offset);
	assert_int_equal(g->log[at].size, size);
	assert_int_equal(g->log[at].value, value);
}

static inline uint64_t ram64(struct guest *g, uint64_t gpa)
{
	uint64_t value;

	memcpy(&value, guest_at(g, gpa), 8);
	return value;
}

#endif
