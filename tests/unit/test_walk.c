// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page walks in every paging mode: addresses, page sizes, rights by level,
 * error codes, accessed and dirty bits, and tables that lie outside of RAM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "emul/walk.h"

#define RAM	0x20000u
#define ROOT	0x1000u		/* the tables, one page per level */
#define NOWHERE	0x80000u	/* no RAM here */

#define CR0_WP	(1ull << 16)
#define CR0_PG	(1ull << 31)
#define PSE	(1ull << 4)
#define PAE	(1ull << 5)
#define LA57	(1ull << 12)
#define SMEP	(1ull << 20)
#define SMAP	(1ull << 21)
#define LMA	(1ull << 10)
#define NXE	(1ull << 11)
#define AC	(1ull << 18)

#define P	0x01u
#define W	0x02u
#define U	0x04u
#define A	0x20u
#define D	0x40u
#define PS	0x80u
#define NX	(1ull << 63)
#define PWU	(P | W | U)

#define FETCH	WALK_FETCH
#define WRITE	WALK_WRITE
#define READ	WALK_READ

struct space {
	struct guest_memory *memory;
	struct baton_sregs sregs;
	uint64_t rflags;
	uint64_t gpa;		/* of the last walk */
	uint32_t error_code;
};

static int setup(void **state)
{
	struct space *s = test_calloc(1, sizeof(*s));

	assert_int_equal(guest_memory_create(NULL, RAM, &s->memory), 0);
	s->sregs.cr3 = ROOT;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct space *s = *state;

	guest_memory_destroy(s->memory);
	test_free(s);
	return 0;
}

static void put(struct space *s, uint64_t gpa, uint64_t entry)
{
	assert_int_equal(guest_memory_write(s->memory, gpa, &entry, 8), 0);
}

static void put32(struct space *s, uint64_t gpa, uint32_t entry)
{
	assert_int_equal(guest_memory_write(s->memory, gpa, &entry, 4), 0);
}

static uint64_t get(struct space *s, uint64_t gpa, unsigned int size)
{
	uint64_t entry = 0;

	assert_int_equal(guest_memory_read(s->memory, gpa, &entry, size), 0);
	return entry;
}

static int walk(struct space *s, uint64_t gva, uint32_t access)
{
	struct walk w;

	s->gpa = s->error_code = 0xdead;
	walk_init(&w, s->memory, &s->sregs, s->rflags);
	return walk_address(&w, gva, access, &s->gpa, &s->error_code);
}

static void expect_gpa(struct space *s, uint64_t gva, uint32_t access, uint64_t gpa)
{
	assert_int_equal(walk(s, gva, access), 0);
	assert_int_equal(s->gpa, gpa);
}

static void expect_fault(struct space *s, uint64_t gva, uint32_t access, uint32_t error_code)
{
	assert_int_equal(walk(s, gva, access), -EFAULT);
	assert_int_equal(s->error_code, error_code);
}

static void set_user(struct space *s, bool user)
{
	s->sregs.seg[BATON_SS].attr = user ? BATON_SEG_DPL : 0;
}

/* 4 levels, 5 if la57: a page at gva 0x7000, tables at ROOT and the pages behind. */
static unsigned int set_long(struct space *s, bool la57, uint64_t last)
{
	unsigned int levels = la57 ? 5 : 4;

	s->sregs.cr0 = CR0_PG | CR0_WP;
	s->sregs.cr4 = PAE | (la57 ? LA57 : 0);
	s->sregs.efer = LMA | NXE;
	for (unsigned int i = 0; i + 1 < levels; i++)
		put(s, ROOT + 0x1000 * i, (ROOT + 0x1000 * (i + 1)) | PWU);
	put(s, ROOT + 0x1000 * (levels - 1) + 7 * 8, last);
	return levels;
}

/* ---- modes ---- */

static void test_off(void **state)
{
	struct space *s = *state;

	expect_gpa(s, 0x12345, WRITE, 0x12345);
	expect_gpa(s, 0x112345678ull, FETCH, 0x12345678);
}

static void test_32(void **state)
{
	struct space *s = *state;

	s->sregs.cr0 = CR0_PG | CR0_WP;
	put32(s, ROOT + 0x3ff * 4, 0x2000 | PWU);
	put32(s, 0x2000 + 5 * 4, 0x9000 | PWU);
	expect_gpa(s, 0xffc05123, READ, 0x9123);
	assert_int_equal(get(s, ROOT + 0x3ff * 4, 4), 0x2000 | PWU | A);
	assert_int_equal(get(s, 0x2000 + 5 * 4, 4), 0x9000 | PWU | A);
	expect_gpa(s, 0xffffffffffc05123, WRITE, 0x9123);
	assert_int_equal(get(s, 0x2000 + 5 * 4, 8), 0x9000 | PWU | A | D); /* no neighbour */
	expect_fault(s, 0xffc06000, WRITE, 2);
	expect_fault(s, 0x1000, FETCH, 0); /* no NX in this mode */
	s->sregs.efer = NXE;
	expect_fault(s, 0x1000, FETCH, 0);

	put32(s, ROOT + 4, 0x00c02000 | PWU | PS);
	expect_fault(s, 0x400000, READ, 0); /* no PSE: a table that lies nowhere */
	s->sregs.cr4 = PSE;
	expect_gpa(s, 0x412345, WRITE, 0x100c12345); /* bit 32 by PSE-36 */
	assert_int_equal(get(s, ROOT + 4, 4), 0x00c02000 | PWU | PS | A | D);
}

static void test_pae(void **state)
{
	struct space *s = *state;

	s->sregs.cr0 = CR0_PG | CR0_WP;
	s->sregs.cr4 = PAE;
	s->sregs.efer = NXE;
	s->sregs.pdpte[3] = 0x2000 | P;
	put(s, 0x2000 + 8, 0x3000 | PWU);
	put(s, 0x3000 + 2 * 8, 0x123456000ull | PWU | NX);
	put(s, 0x2000 + 2 * 8, 0x7ffe00000ull | PWU | PS);
	expect_gpa(s, 0xc0202abc, WRITE, 0x123456abc);
	assert_int_equal(get(s, 0x3000 + 2 * 8, 8), (0x123456000ull | PWU | NX | A | D));
	expect_fault(s, 0xc0202abc, FETCH, 0x11);
	expect_gpa(s, 0xc0512345, FETCH, 0x7fff12345);
	expect_fault(s, 0x80000000, READ, 0);
	set_user(s, true); /* PDPTEs carry no rights */
	expect_gpa(s, 0xc0202abc, WRITE, 0x123456abc);
	s->sregs.pdpte[3] = NOWHERE | P;
	expect_fault(s, 0xc0202abc, WRITE, 6);
}

/* AMD-V with nested paging keeps no PDPTEs: they are what is at CR3 now. */
static void test_pae_unkept(void **state)
{
	struct space *s = *state;

	s->sregs.cr0 = CR0_PG | CR0_WP;
	s->sregs.cr4 = PAE;
	s->sregs.cr3 = 0x4fe0 | 0x18; /* write-through and no caching mean nothing here */
	put(s, 0x4fe0 + 3 * 8, 0x2000 | P);
	put(s, 0x2000 + 8, 0x3000 | PWU);
	put(s, 0x3000 + 2 * 8, 0x9000 | PWU);
	expect_gpa(s, 0xc0202abc, WRITE, 0x9abc);
	assert_int_equal(get(s, 0x4fe0 + 3 * 8, 8), 0x2000 | P); /* not marked */
	expect_fault(s, 0x80000000, READ, 0);
	put(s, 0x4fe0 + 2 * 8, 0x2000 | P);
	expect_gpa(s, 0x80202abc, READ, 0x9abc);
	s->sregs.cr3 = NOWHERE;
	expect_fault(s, 0xc0202abc, READ, 0);
}

static void test_4_levels(void **state)
{
	struct space *s = *state;

	set_long(s, false, 0x9000 | PWU);
	expect_gpa(s, 0x7123, READ, 0x9123);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(get(s, ROOT + 0x1000 * i, 8), (ROOT + 0x1000 * (i + 1)) | PWU | A);
	assert_int_equal(get(s, ROOT + 0x3000 + 7 * 8, 8), 0x9000 | PWU | A);
	expect_gpa(s, 0x7123, WRITE, 0x9123);
	assert_int_equal(get(s, ROOT + 0x3000 + 7 * 8, 8), 0x9000 | PWU | A | D);
	put(s, ROOT + 0x2000 + 8, 0x40000000 | PWU | PS);
	expect_gpa(s, 0x2abcde, WRITE, 0x400abcde);
	put(s, ROOT + 0x1000 + 8, 0x1c0000000 | PWU | PS);
	expect_gpa(s, 0x6abcdef0, WRITE, 0x1eabcdef0);
	assert_int_equal(walk(s, 0x800000000000, READ), -EINVAL);
	assert_int_equal(walk(s, 0xffff7fffffffffff, READ), -EINVAL);
	put(s, ROOT + 511 * 8, 0x2000 | PWU);
	expect_gpa(s, 0xffffff8000007008, READ, 0x9008);
	put(s, ROOT, 0x2000 | PWU | PS); /* reserved at the top, but never a page */
	expect_gpa(s, 0x7123, READ, 0x9123);
}

static void test_5_levels(void **state)
{
	struct space *s = *state;

	set_long(s, true, 0x9000 | PWU);
	expect_gpa(s, 0x7123, WRITE, 0x9123);
	put(s, ROOT + 8, 0x2000 | PWU);
	expect_gpa(s, 0x1000000007123, READ, 0x9123);
	assert_int_equal(walk(s, 1ull << 56, READ), -EINVAL);
	put(s, ROOT + 256 * 8, 0x2000 | PWU);
	expect_gpa(s, 0xff00000000007123, READ, 0x9123);
	put(s, ROOT, 0);
	expect_fault(s, 0x7123, FETCH, 0x10);
}

/* ---- rights ---- */

static void test_rights(void **state)
{
	static const struct {
		const char *name;
		uint64_t last;		/* the page's entry … */
		uint64_t upper;		/* … and what the level above takes away */
		bool user, wp;
		uint64_t cr4, rflags;
		uint32_t access;
		int32_t error_code;	/* -1: allowed */
	} row[] = {
		{ "user reads", PWU, 0, true, true, 0, 0, READ, -1 },
		{ "user writes", PWU, 0, true, true, 0, 0, WRITE, -1 },
		{ "user, kernel page", P | W, 0, true, true, 0, 0, READ, 5 },
		{ "user, kernel page by upper level", PWU, U, true, true, 0, 0, WRITE, 7 },
		{ "user, read-only", P | U, 0, true, true, 0, 0, WRITE, 7 },
		{ "user, read-only, no WP", P | U, 0, true, false, 0, 0, WRITE, 7 },
		{ "user, read-only by upper level", PWU, W, true, true, 0, 0, WRITE, 7 },
		{ "kernel, read-only", P, 0, false, true, 0, 0, WRITE, 3 },
		{ "kernel, read-only, no WP", P, 0, false, false, 0, 0, WRITE, -1 },
		{ "kernel, read-only by upper level", PWU, W, false, true, 0, 0, WRITE, 3 },
		{ "fetch", PWU, 0, false, true, 0, 0, FETCH, -1 },
		{ "fetch, NX", PWU | NX, 0, true, true, 0, 0, FETCH, 0x15 },
		{ "read, NX", PWU | NX, 0, true, true, 0, 0, READ, -1 },
		{ "SMEP, user page", PWU, 0, false, true, SMEP, 0, FETCH, 0x11 },
		{ "SMEP, kernel page", P | W, 0, false, true, SMEP, 0, FETCH, -1 },
		{ "SMEP, user", PWU, 0, true, true, SMEP, 0, FETCH, -1 },
		{ "SMAP, user page", PWU, 0, false, true, SMAP, 0, READ, 1 },
		{ "SMAP, write", PWU, 0, false, true, SMAP, 0, WRITE, 3 },
		{ "SMAP, AC", PWU, 0, false, true, SMAP, AC, WRITE, -1 },
		{ "SMAP, kernel page by upper level", PWU, U, false, true, SMAP, 0, READ, -1 },
		{ "SMAP, fetch", PWU, 0, false, true, SMAP, 0, FETCH, -1 },
		{ "SMAP, user", PWU, 0, true, true, SMAP, 0, READ, -1 },
		{ "not present", W | U, 0, true, true, 0, 0, WRITE, 6 },
	};
	struct space *s = *state;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint64_t at = ROOT + 0x3000 + 7 * 8;

		print_message("           %s\n", row[i].name);
		set_long(s, false, row[i].last | 0x9000);
		put(s, ROOT + 0x2000, (ROOT + 0x3000) | (PWU & ~row[i].upper));
		set_user(s, row[i].user);
		s->sregs.cr0 = CR0_PG | (row[i].wp ? CR0_WP : 0);
		s->sregs.cr4 |= row[i].cr4;
		s->rflags = row[i].rflags;
		if (row[i].error_code < 0)
			expect_gpa(s, 0x7008, row[i].access, 0x9008);
		else
			expect_fault(s, 0x7008, row[i].access, (uint32_t)row[i].error_code);
		/* who is refused leaves no trace in the page's entry */
		assert_int_equal(!!(get(s, at, 8) & A), row[i].error_code < 0);
		assert_int_equal(!!(get(s, at, 8) & D),
				 row[i].error_code < 0 && row[i].access == WRITE);
	}
}

static void test_nx_upper(void **state)
{
	struct space *s = *state;

	set_long(s, false, 0x9000 | PWU);
	put(s, ROOT + 0x1000, (ROOT + 0x2000) | PWU | NX);
	expect_fault(s, 0x7000, FETCH, 0x11);
	expect_gpa(s, 0x7000, READ, 0x9000);
	s->sregs.efer = LMA; /* then the bit is reserved */
	expect_fault(s, 0x7000, READ, 9);
	expect_fault(s, 0x7000, FETCH, 9);
	s->sregs.cr4 |= SMEP;
	expect_fault(s, 0x7000, FETCH, 0x19);
}

/* ---- hostile tables ---- */

static void test_tables_nowhere(void **state)
{
	static const uint64_t places[] = {
		NOWHERE, 0xfffffffff000, 0xffffffffff000, RAM, MEMORY_HOLE_START, MEMORY_HOLE_END,
	};
	struct space *s = *state;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		set_long(s, false, 0x9000 | PWU);
		for (unsigned int level = 0; level < 3; level++) {
			put(s, ROOT + 0x1000 * level, places[i] | PWU);
			expect_fault(s, 0x7000, WRITE, 2);
			put(s, ROOT + 0x1000 * level, (ROOT + 0x1000 * (level + 1)) | PWU);
		}
		s->sregs.cr3 = places[i];
		expect_fault(s, 0x7000, READ, 0);
		s->sregs.cr3 = ROOT;
	}
	s->sregs.efer = s->sregs.cr4 = 0; /* the 32-bit table at RAM's very end is whole */
	s->sregs.cr3 = RAM - 0x1000;
	put32(s, RAM - 4, PWU);
	put32(s, 0xffc, 0x9000 | PWU);
	expect_gpa(s, 0xfffff010, READ, 0x9010);
}

/* Low bits of CR3 are flags and PCID; a table may be its own page. */
static void test_recursive(void **state)
{
	struct space *s = *state;

	set_long(s, false, 0x9000 | PWU);
	s->sregs.cr3 = ROOT | 0xfff;
	put(s, ROOT + 0x100 * 8, ROOT | PWU);
	expect_gpa(s, 0xffff804020100800, WRITE, ROOT + 0x800);
	assert_int_equal(get(s, ROOT + 0x100 * 8, 8), ROOT | PWU | A | D);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_off), T(test_32), T(test_pae), T(test_pae_unkept), T(test_4_levels),
		T(test_5_levels), T(test_rights), T(test_nx_upper), T(test_tables_nowhere),
		T(test_recursive),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
