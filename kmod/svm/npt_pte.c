// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page-table entries: the long-mode format (APM vol. 2, "Nested Paging").
 * Pure functions; also built in userland for tests.
 *
 * The processor walks nested tables as a user-mode access, so every entry has U
 * set. Memory type 0 (write-back) leaves the choice to the guest's PAT.
 */
#include "pte_ops.h"
#include "svm_pte.h"

#define NPT_PRESENT	(1ull << 0)
#define NPT_WRITE	(1ull << 1)
#define NPT_USER	(1ull << 2)
#define NPT_ACCESSED	(1ull << 5)
#define NPT_DIRTY	(1ull << 6)
#define NPT_LARGE	(1ull << 7)
#define NPT_NO_EXEC	(1ull << 63)
#define NPT_ADDRESS	0x000ffffffffff000ull

static u64 npt_make_table(u64 pa)
{
	return (pa & NPT_ADDRESS) | NPT_PRESENT | NPT_WRITE | NPT_USER;
}

static u64 npt_make_leaf(u64 pa, unsigned int level, bool write, bool exec)
{
	u64 pte = (pa & NPT_ADDRESS) | NPT_PRESENT | NPT_USER;

	if (write)
		pte |= NPT_WRITE;
	if (!exec)
		pte |= NPT_NO_EXEC;
	if (level > 1)
		pte |= NPT_LARGE;
	return pte;
}

static bool npt_is_present(u64 pte)
{
	return pte & NPT_PRESENT;
}

static bool npt_is_leaf(u64 pte, unsigned int level)
{
	return level == 1 || pte & NPT_LARGE;
}

static bool npt_is_writable(u64 pte)
{
	return pte & NPT_WRITE;
}

static bool npt_is_dirty(u64 pte)
{
	return pte & NPT_DIRTY;
}

static bool npt_is_accessed(u64 pte)
{
	return pte & NPT_ACCESSED;
}

static u64 npt_address(u64 pte, unsigned int level)
{
	u64 offset = npt_is_leaf(pte, level) ? (1ull << (3 + 9 * level)) - 1 : 0;

	return pte & NPT_ADDRESS & ~offset;
}

static u64 npt_write_protect(u64 pte)
{
	return pte & ~NPT_WRITE;
}

const struct baton_pte_ops baton_npt_pte_ops = {
	.make_table = npt_make_table,
	.make_leaf = npt_make_leaf,
	.is_present = npt_is_present,
	.is_leaf = npt_is_leaf,
	.is_writable = npt_is_writable,
	.is_dirty = npt_is_dirty,
	.is_accessed = npt_is_accessed,
	.address = npt_address,
	.write_protect = npt_write_protect,
};
