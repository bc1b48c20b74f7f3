/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page-table formats for tests: one of the test's own with every bit in the
 * open, and the backends' two.
 */
#ifndef NPT_FORMATS_H
#define NPT_FORMATS_H

#include "pte_ops.h"

/* kmod/svm/npt_pte.c, kmod/vmx/ept.c */
extern const struct baton_pte_ops baton_npt_pte_ops, baton_ept_pte_ops;

enum { PLAIN_P = 1, PLAIN_W = 2, PLAIN_X = 4, PLAIN_LEAF = 0x80 };

static inline u64 plain_table(u64 pa) { return pa | PLAIN_P | PLAIN_W | PLAIN_X; }
static inline u64 plain_leaf(u64 pa, unsigned int level, bool write, bool exec)
{
	(void)level;
	return pa | PLAIN_P | PLAIN_LEAF | (write ? PLAIN_W : 0) | (exec ? PLAIN_X : 0);
}
static inline bool plain_present(u64 pte) { return pte & PLAIN_P; }
static inline bool plain_is_leaf(u64 pte, unsigned int level)
{
	return level == 1 || (pte & PLAIN_LEAF);
}
static inline bool plain_writable(u64 pte) { return pte & PLAIN_W; }
static inline bool plain_false(u64 pte) { (void)pte; return false; }
static inline u64 plain_address(u64 pte, unsigned int level)
{
	(void)level;
	return pte & 0x000ffffffffff000ull;
}
static inline u64 plain_protect(u64 pte) { return pte & ~(u64)PLAIN_W; }

static const struct baton_pte_ops plain_ops = {
	.make_table = plain_table, .make_leaf = plain_leaf, .is_present = plain_present,
	.is_leaf = plain_is_leaf, .is_writable = plain_writable, .is_dirty = plain_false,
	.is_accessed = plain_false, .address = plain_address, .write_protect = plain_protect,
};

/* Which bit of the format under test says "executable", and which way round. */
static u64 format_exec_bit = PLAIN_X;
static bool format_exec_when = true;

static inline bool format_is_exec(u64 pte)
{
	return !!(pte & format_exec_bit) == format_exec_when;
}

#endif
