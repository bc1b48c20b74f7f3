// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/gwalk.c: every kind of paging, and tables that no honest guest writes. Rights and
 * reserved bits do not matter, for the processor has looked at them, but for "user".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "kmod_env.h"
#include "fetch.h"

#define P 1ull
#define RW 2ull
#define US 4ull
#define PS 0x80ull
#define NX (1ull << 63)
#define ALL (P | RW | US)

/* Guest memory: the tables. One page each, the root first. */
static u8 memory[0x8000];
static unsigned int reads;
static u64 failing;	/* reads at this address say -EAGAIN */

static int read_memory(void *ctx, u64 gpa, void *to, unsigned int size)
{
	assert_ptr_equal(ctx, memory);
	assert_true(gpa % size == 0);
	reads++;
	if (gpa == failing)
		return -EAGAIN;
	if (gpa >= sizeof(memory))
		return -EFAULT;
	memcpy(to, memory + gpa, size);
	return 0;
}

static bool user; /* what the last walk said */

static int walk(const struct baton_walk *w, u64 gva, u64 *ret_gpa)
{
	reads = 0;
	*ret_gpa = 0x5a5a;
	return baton_gwalk(w, gva, read_memory, memory, ret_gpa, &user);
}

static void put(u64 table, u64 index, u64 entry)
{
	memcpy(memory + table + index * 8, &entry, sizeof(entry));
}

static void put32(u64 table, u64 index, u32 entry)
{
	memcpy(memory + table + index * 4, &entry, sizeof(entry));
}

static int set_up(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	failing = ~0ull;
	return 0;
}

static const struct baton_walk none = {};
static const struct baton_walk bits32 = { .cr0 = X86_CR0_PG | X86_CR0_PE };
static const struct baton_walk pse = { .cr0 = X86_CR0_PG | X86_CR0_PE, .cr4 = X86_CR4_PSE };
static const struct baton_walk pae = {
	.cr0 = X86_CR0_PG | X86_CR0_PE, .cr4 = X86_CR4_PAE, .efer = EFER_NX,
};
static const struct baton_walk level4 = {
	.cr0 = X86_CR0_PG | X86_CR0_PE, .cr4 = X86_CR4_PAE, .efer = EFER_NX | EFER_LMA | EFER_LME,
};
static const struct baton_walk level5 = {
	.cr0 = X86_CR0_PG | X86_CR0_PE, .cr4 = X86_CR4_PAE | X86_CR4_LA57,
	.efer = EFER_NX | EFER_LMA | EFER_LME,
};

static void expect(const struct baton_walk *w, u64 gva, int want, u64 want_gpa, unsigned int n)
{
	u64 gpa;
	int r = walk(w, gva, &gpa);

	if (r != want || (!r && gpa != want_gpa) || reads != n)
		fail_msg("0x%llx: %d, 0x%llx, %u reads", (unsigned long long)gva, r,
			 (unsigned long long)gpa, reads);
	if (r)
		assert_int_equal(gpa, 0x5a5a);
}

static void test_no_paging(void **state)
{
	(void)state;
	expect(&none, 0x12345678, 0, 0x12345678, 0);
	expect(&none, 0x112345678, 0, 0x12345678, 0);
}

static void test_32bit(void **state)
{
	(void)state;
	put32(0, 0x48, 0x1000 | ALL);		/* 0x12000000 */
	put32(0x1000, 0x345, 0xabcde000 | ALL);
	expect(&bits32, 0x12345678, 0, 0xabcde678, 2);
	expect(&bits32, 0x12346678, -EFAULT, 0, 2);
	expect(&bits32, 0x22345678, -EFAULT, 0, 1);
	expect(&bits32, 0x112345678, -EFAULT, 0, 0);
	/* PS means nothing without CR4.PSE. */
	put32(0, 0x48, 0x1000 | ALL | PS);
	expect(&bits32, 0x12345678, 0, 0xabcde678, 2);
}

static void test_pse(void **state)
{
	(void)state;
	put32(0, 0x48, 0xc0000000 | ALL | PS);
	expect(&pse, 0x12345678, 0, 0xc0345678, 1);
	/* PSE-36: bits 13-20 are address bits 32-39. */
	put32(0, 0x48, 0xc0000000 | 0xff << 13 | ALL | PS);
	expect(&pse, 0x12345678, 0, 0xffc0345678, 1);
}

static void test_cr3(void **state)
{
	struct baton_walk w = bits32;

	(void)state;
	/* Only an address; the other bits are for caches and PCIDs. */
	put32(0x2000, 0x48, 0x1000 | ALL);
	put32(0x1000, 0x345, 0x5000 | ALL);
	w.cr3 = 0x2018;
	expect(&w, 0x12345678, 0, 0x5678, 2);
	w = pae;
	w.cr3 = 0x20e0;
	put(0x20e0, 0, 0x3000 | P);
	put(0x3000, 0x91, 0x40000000 | ALL | PS);
	expect(&w, 0x12345678, 0, 0x40145678, 2);
	w = level4;
	w.cr3 = 0x4fff | 1ull << 63;
	put(0x4000, 0, 0x5000 | ALL);
	put(0x5000, 0, 0xc0000000 | ALL | PS);
	expect(&w, 0x12345678, 0, 0xd2345678, 2);
}

static void test_pae(void **state)
{
	(void)state;
	put(0, 0, 0x1000 | P);
	put(0x1000, 0x91, 0x2000 | ALL);
	put(0x2000, 0x145, 0xfedcb000 | ALL);
	expect(&pae, 0x12345678, 0, 0xfedcb678, 3);
	/* 2 MiB */
	put(0x1000, 0x91, 0x40000000 | ALL | PS);
	expect(&pae, 0x12345678, 0, 0x40145678, 2);
	expect(&pae, 0x112345678, -EFAULT, 0, 0);
}

static void test_level4(void **state)
{
	const u64 gva = 0xffffff8012345678;	/* entry 511, 0, 0x91, 0x145 */

	(void)state;
	put(0, 511, 0x1000 | ALL);
	put(0x1000, 0, 0x2000 | ALL);
	put(0x2000, 0x91, 0x3000 | ALL);
	put(0x3000, 0x145, 0x000ffedcba987000 | ALL | 0x7ff0000000000000);
	expect(&level4, gva, 0, 0xffedcba987678, 4);
	expect(&level4, gva & ~(1ull << 63), -EFAULT, 0, 0);
	expect(&level4, 1ull << 47, -EFAULT, 0, 0);
	/* 2 MiB, 1 GiB, and no larger ones. PAT at bit 12 is no address. */
	put(0x2000, 0x91, 0x40201000 | ALL | PS);
	expect(&level4, gva, 0, 0x40345678, 3);
	put(0x1000, 0, 0xc0001000 | ALL | PS);
	expect(&level4, gva, 0, 0xd2345678, 2);
	put(0, 511, 0x1000 | ALL | PS);
	expect(&level4, gva, 0, 0xd2345678, 2);
}

static void test_level5(void **state)
{
	const u64 gva = 0x00ab000012345678;

	(void)state;
	put(0, 0xab, 0x1000 | ALL);
	put(0x1000, 0, 0x2000 | ALL);
	put(0x2000, 0, 0x3000 | ALL);
	put(0x3000, 0x91, 0x4000 | ALL);
	put(0x4000, 0x145, 0x7000 | ALL);
	expect(&level5, gva, 0, 0x7678, 5);
	expect(&level5, 1ull << 56, -EFAULT, 0, 0);
	expect(&level5, 0xff00000000000000, -EFAULT, 0, 1);
	put(0, 0xab, 0x1000 | ALL | PS);
	expect(&level5, gva, 0, 0x7678, 5);
}

/* Pages that nobody may touch, and bits that must be zero: all the same here. */
static void test_not_checked(void **state)
{
	struct baton_walk w = level4;

	(void)state;
	w.efer &= ~(u64)EFER_NX;
	put(0, 0, 0x1000 | P | PS);
	put(0x1000, 0, 0xc0000000 | P | PS | NX);
	expect(&w, 0x123, 0, 0xc0000123, 2);
	put(0x1000, 0, 0xc0002000 | P | PS);
	expect(&w, 0x2123, 0, 0xc0002123, 2);
	put(0x1000, 0, 0x000ffffffffff000 | P);
	expect(&w, 0, -EFAULT, 0, 3);
}

/* At every level; but for PAE's page-directory pointers, which have no rights. */
static void test_user(void **state)
{
	unsigned int level, kernel;

	(void)state;
	expect(&none, 0, 0, 0, 0);
	assert_true(user);
	for (kernel = 0; kernel < 5; kernel++) {
		for (level = 0; level < 4; level++)
			put(level * 0x1000, 0, (level + 1) * 0x1000 | (level == kernel ? P : ALL));
		expect(&level4, 0, 0, 0x4000, 4);
		assert_int_equal(user, kernel == 4);
	}
	put(0, 0, 0x1000 | P);
	expect(&pae, 0, 0, 0x3000, 3);
	assert_true(user);
}

static void test_not_present(void **state)
{
	unsigned int level;

	(void)state;
	for (level = 0; level < 4; level++) {
		u64 next = level < 3 ? (level + 1) * 0x1000 : 0x7000;

		/* The other bits of an entry that is not present are the guest's own. */
		put(level * 0x1000, 0, ~P);
		expect(&level4, 0, -EFAULT, 0, level + 1);
		put(level * 0x1000, 0, next | ALL);
	}
	expect(&level4, 0, 0, 0x7000, 4);
}

static void test_read_fails(void **state)
{
	unsigned int level;

	(void)state;
	for (level = 0; level < 3; level++)
		put(level * 0x1000, 0, (level + 1) * 0x1000 | ALL);
	for (level = 0; level < 4; level++) {
		failing = level * 0x1000;
		expect(&level4, 0, -EAGAIN, 0, level + 1);
	}
	failing = ~0ull;
	put(0, 0, 0x100000 | ALL);
	expect(&level4, 0, -EFAULT, 0, 2);
}

/* Tables that point to themselves: the walk takes them as often as there are levels. */
static void test_loop(void **state)
{
	(void)state;
	put(0, 0, 0 | ALL);
	expect(&level4, 0, 0, 0, 4);
	expect(&level5, 0x678, 0, 0x678, 5);
	put(0, 511, 0 | ALL);
	expect(&level5, ~0ull, 0, 0xfff, 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		T(test_no_paging), T(test_32bit), T(test_pse), T(test_cr3), T(test_pae),
		T(test_level4), T(test_level5), T(test_not_checked), T(test_user),
		T(test_not_present), T(test_read_fails), T(test_loop),
	};

	return cmocka_run_group_tests_name("kmod gwalk", tests, NULL, NULL);
}
