// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/npt.c: single steps by hand, then long random runs against a flat model,
 * in each page-table format.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "npt_model.h"

static u64 seed;

static u8 random_byte(void *ctx)
{
	(void)ctx;
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 56;
}

static void test_init_fails(void **state)
{
	struct baton_npt npt;

	(void)state;
	kshim_fail_alloc = 0;
	assert_int_equal(baton_npt_init(&npt, &plain_format, false), -ENOMEM);
	kshim_fail_alloc = -1;
	baton_npt_fini(&npt);
}

static struct model m;

static int set_up(void **state)
{
	(void)state;
	model_init(&m, &plain_format, false, random_byte, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	baton_npt_fini(&m.vm.npt);
	assert_int_equal(m.vm.npt.spares, 0);
	return 0;
}

static int map_0x1000(void)
{
	bool flush = false;
	u64 pa = 0x5000;
	int r = baton_npt_map_small(&m.vm.npt, 0x1000, &pa, 1, BATON_NPT_WRITE, &flush);

	assert_false(flush);
	return r;
}

static void test_topup(void **state)
{
	(void)state;
	assert_int_equal(map_0x1000(), -EAGAIN);
	kshim_fail_alloc = 1;
	assert_int_equal(baton_npt_topup(&m.vm), -ENOMEM);
	kshim_fail_alloc = -1;
	assert_int_equal(m.vm.npt.spares, 1);
	/* What one spare buys stays; the rest comes with the next try. */
	assert_int_equal(map_0x1000(), -EAGAIN);
	assert_int_equal(m.vm.npt.pages, 2);
	assert_int_equal(baton_npt_topup(&m.vm), 0);
	assert_int_equal(m.vm.npt.spares, BATON_NPT_SPARES);
	assert_int_equal(map_0x1000(), 0);
	assert_int_equal(m.vm.npt.pages, 4);
	assert_int_equal(model_walk(&m, 0x1000).pa, 0x5000);
}

static void map_large(u64 gpa, u64 pa, bool write, bool exec, int want, bool want_flush)
{
	u64 *retired = NULL;
	bool flush = false;

	assert_int_equal(baton_npt_topup(&m.vm), 0);
	assert_int_equal(baton_npt_map_large(&m.vm.npt, gpa, pa, write, exec, &retired, &flush),
			 want);
	assert_int_equal(flush, want_flush);
	assert_int_equal(!!retired, want_flush && !want);
	baton_npt_free_retired(retired);
}

static void map_one(u64 gpa, u64 pa, bool write)
{
	bool flush = false;

	assert_int_equal(baton_npt_topup(&m.vm), 0);
	assert_int_equal(baton_npt_map_small(&m.vm.npt, gpa, &pa, 1,
					     write ? BATON_NPT_WRITE : BATON_NPT_READ, &flush), 0);
}

static void test_split_and_join(void **state)
{
	struct model_page p;

	(void)state;
	map_large(0x40000000, 0x80000000, false, false, 0, false);
	assert_int_equal(m.vm.npt.pages, 3);
	map_one(0x40003000, 0x80003000, true);
	assert_int_equal(m.vm.npt.pages, 4);
	p = model_walk(&m, 0x40003000);
	assert_true(p.write && p.exec && p.pa == 0x80003000);
	p = model_walk(&m, 0x401ff000);
	assert_true(!p.write && p.exec && p.pa == 0x801ff000);
	/* Not executable: small pages that are in use stay. */
	map_large(0x40000000, 0x80000000, true, false, -EEXIST, false);
	map_large(0x40000000, 0x80000000, true, true, 0, true);
	assert_int_equal(m.vm.npt.pages, 3);
	/* A weaker leaf does not replace a stronger one. */
	map_large(0x40000000, 0x80000000, false, true, 0, false);
	assert_true(model_walk(&m, 0x40003000).write);
}

static void test_empty_table_gives_way(void **state)
{
	u64 *retired = NULL;

	(void)state;
	map_one(0x200000, 0x600000, true);
	assert_true(baton_npt_zap(&m.vm, 0x200000, 0x1000));
	assert_false(baton_npt_zap(&m.vm, 0x200000, 0x1000));
	assert_int_equal(m.vm.npt.pages, 4);
	map_large(0x200000, 0x600000, true, false, 0, true);
	assert_int_equal(m.vm.npt.pages, 3);
	/* Part of a large page takes all of it. */
	assert_true(baton_npt_zap(&m.vm, 0x201000, 0x1000));
	assert_false(model_walk(&m, 0x200000).present);
	assert_true(baton_npt_detach(&m.vm, 0, 1ull << 48, &retired));
	baton_npt_free_retired(retired);
	assert_int_equal(m.vm.npt.pages, 1);
}

static void test_look(void **state)
{
	struct baton_npt_look look;
	unsigned int i;

	(void)state;
	look = baton_npt_look(&m.vm.npt, 0x5000, false, true);
	assert_true(!look.fine && look.before == 5 && look.after == 26 && !look.run);
	for (i = 0; i < 50; i++)
		map_one(0x200000 + i * 4096, 0x600000 + i * 4096, false);
	look = baton_npt_look(&m.vm.npt, 0x200000 + 50 * 4096, false, true);
	assert_true(!look.fine && !look.before && look.after == 13 && look.run == 32);
	look = baton_npt_look(&m.vm.npt, 0x200000 + 52 * 4096, false, true);
	assert_true(!look.fine && look.before == 2 && look.after == 11 && !look.run);
	look = baton_npt_look(&m.vm.npt, 0x200000 + 49 * 4096, false, false);
	assert_true(look.fine);
	look = baton_npt_look(&m.vm.npt, 0x200000 + 49 * 4096, true, false);
	assert_true(!look.fine && !look.before && look.after == 14 && look.run == 32);
	map_large(0x40000000, 0x80000000, true, false, 0, false);
	assert_true(baton_npt_look(&m.vm.npt, 0x40001000, true, true).fine);
	assert_false(baton_npt_look(&m.vm.npt, 0x40001000, false, false).fine);
}

static void test_protect(void **state)
{
	bool flush = false;
	u64 pa = 0x5000;

	(void)state;
	assert_int_equal(baton_npt_topup(&m.vm), 0);
	assert_int_equal(baton_npt_map_small(&m.vm.npt, 0x3ff000, &pa, 1, BATON_NPT_CLEAN, &flush),
			 0);
	assert_false(model_walk(&m, 0x3ff000).write);
	assert_false(baton_npt_look(&m.vm.npt, 0x3ff000, true, true).fine);
	assert_true(baton_npt_look(&m.vm.npt, 0x3ff000, false, true).fine);
	assert_true(baton_npt_unprotect(&m.vm.npt, 0x3ff000));
	assert_false(baton_npt_unprotect(&m.vm.npt, 0x3ff000));
	assert_true(model_walk(&m, 0x3ff000).write);
	/* A page without the promise never gets write access by it. */
	map_one(0x400000, 0x6000, false);
	assert_false(baton_npt_unprotect(&m.vm.npt, 0x400000));
	assert_false(baton_npt_unprotect(&m.vm.npt, 0x800000));
	/* Two tables in one mask; what is read-only, or not there, is left alone. */
	map_one(0x401000, 0x7000, true);
	assert_true(baton_npt_protect(&m.vm, 0x3ff000, 0xf));
	assert_false(baton_npt_protect(&m.vm, 0x3ff000, 0xf));
	assert_true(baton_npt_unprotect(&m.vm.npt, 0x3ff000));
	assert_false(baton_npt_unprotect(&m.vm.npt, 0x400000));
	assert_true(baton_npt_unprotect(&m.vm.npt, 0x401000));
	/* Mapped again weaker or the same: what is there stays. */
	pa = 0x7000;
	assert_int_equal(baton_npt_map_small(&m.vm.npt, 0x401000, &pa, 1, BATON_NPT_CLEAN, &flush),
			 0);
	assert_true(model_walk(&m, 0x401000).write);
	assert_false(flush);
}

/* What a processor that logs finds: clean is "writable, and not dirty". */
static void test_logs(void **state)
{
	u64 pa = 0x5000;
	bool flush = false;

	(void)state;
	baton_npt_fini(&m.vm.npt);
	model_init(&m, &plain_format, true, random_byte, NULL);
	assert_true(baton_npt_logs(&m.vm.npt));
	assert_int_equal(baton_npt_topup(&m.vm), 0);
	assert_int_equal(baton_npt_map_small(&m.vm.npt, 0x3000, &pa, 1, BATON_NPT_CLEAN, &flush),
			 0);
	assert_int_equal(*model_leaf(&m, 0x3000) & (PLAIN_W | PLAIN_D), PLAIN_W);
	/* The log's first write is the guest's; it can be told before, too. */
	*model_leaf(&m, 0x3000) |= PLAIN_D;
	assert_false(baton_npt_unprotect(&m.vm.npt, 0x3000));
	spin_lock(&m.vm.mmu_lock);
	assert_true(baton_npt_protect(&m.vm, 0x3000, 1));
	assert_false(baton_npt_protect(&m.vm, 0x3000, 1));
	spin_unlock(&m.vm.mmu_lock);
	assert_int_equal(*model_leaf(&m, 0x3000) & (PLAIN_W | PLAIN_D), PLAIN_W);
	assert_true(baton_npt_unprotect(&m.vm.npt, 0x3000));
	assert_int_equal(*model_leaf(&m, 0x3000) & (PLAIN_W | PLAIN_D), PLAIN_W | PLAIN_D);
	/* Nobody logs: dirty from the start. */
	assert_int_equal(baton_npt_map_small(&m.vm.npt, 0x4000, &pa, 1, BATON_NPT_WRITE, &flush),
			 0);
	assert_int_equal(*model_leaf(&m, 0x4000) & (PLAIN_W | PLAIN_D), PLAIN_W | PLAIN_D);
	assert_false(flush);
}

static void random_run(const struct baton_pte_format *format, u64 exec_bit, bool exec_when)
{
	unsigned int round, step;

	format_exec_bit = exec_bit;
	format_exec_when = exec_when;
	for (round = 0; round < 12; round++) {
		seed = round + 1;
		model_init(&m, format, round & 1, random_byte, NULL);
		for (step = 0; step < 400; step++) {
			/* Memory runs out now and then. */
			kshim_fail_alloc = step % 16 == 7 ? 0 : -1;
			model_step(&m);
			kshim_fail_alloc = -1;
		}
		baton_npt_fini(&m.vm.npt);
	}
	format_exec_bit = PLAIN_X;
	format_exec_when = true;
}

static void test_random_plain(void **state)
{
	(void)state;
	random_run(&plain_format, PLAIN_X, true);
}

static void test_random_npt(void **state)
{
	(void)state;
	random_run(&baton_npt_format, 1ull << 63, false);
}

static void test_random_ept(void **state)
{
	(void)state;
	random_run(&baton_ept_format, 1ull << 2, true);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_fails),
		T(test_topup), T(test_split_and_join), T(test_empty_table_gives_way),
		T(test_look), T(test_protect), T(test_logs),
		cmocka_unit_test(test_random_plain), cmocka_unit_test(test_random_npt),
		cmocka_unit_test(test_random_ept),
	};

	return cmocka_run_group_tests_name("kmod npt", tests, NULL, NULL);
}
