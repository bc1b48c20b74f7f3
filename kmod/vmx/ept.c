// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended page-table entries (SDM vol. 3, "The Extended Page Table Mechanism").
 * Pure functions; also built in userland for tests.
 *
 * An entry is present if any of read, write, execute is set; ours always have
 * read. Memory type write-back, whatever the guest's PAT says: the monitor maps
 * the same pages write-back, and no device of the guest does DMA past the caches.
 */
#include "ept.h"
#include "pte_ops.h"

#define EPT_READ	(1ull << 0)
#define EPT_WRITE	(1ull << 1)
#define EPT_EXEC	(1ull << 2)
#define EPT_PRESENT	(EPT_READ | EPT_WRITE | EPT_EXEC)
#define EPT_WRITE_BACK	(6ull << 3)
#define EPT_IGNORE_PAT	(1ull << 6)
#define EPT_LARGE	(1ull << 7)
#define EPT_ACCESSED	(1ull << 8)
#define EPT_DIRTY	(1ull << 9)
#define EPT_ADDRESS	0x000ffffffffff000ull

static u64 ept_make_table(u64 pa)
{
	return (pa & EPT_ADDRESS) | EPT_READ | EPT_WRITE | EPT_EXEC;
}

static u64 ept_make_leaf(u64 pa, unsigned int level, bool write, bool exec)
{
	u64 pte = (pa & EPT_ADDRESS) | EPT_READ | EPT_WRITE_BACK | EPT_IGNORE_PAT;

	if (write)
		pte |= EPT_WRITE;
	if (exec)
		pte |= EPT_EXEC;
	if (level > 1)
		pte |= EPT_LARGE;
	return pte;
}

static bool ept_is_present(u64 pte)
{
	return pte & EPT_PRESENT;
}

static bool ept_is_leaf(u64 pte, unsigned int level)
{
	return level == 1 || pte & EPT_LARGE;
}

static bool ept_is_writable(u64 pte)
{
	return pte & EPT_WRITE;
}

static bool ept_is_dirty(u64 pte)
{
	return pte & EPT_DIRTY;
}

static bool ept_is_accessed(u64 pte)
{
	return pte & EPT_ACCESSED;
}

static u64 ept_address(u64 pte, unsigned int level)
{
	u64 offset = ept_is_leaf(pte, level) ? (1ull << (3 + 9 * level)) - 1 : 0;

	return pte & EPT_ADDRESS & ~offset;
}

static u64 ept_write_protect(u64 pte)
{
	return pte & ~EPT_WRITE;
}

const struct baton_pte_ops baton_ept_pte_ops = {
	.make_table = ept_make_table,
	.make_leaf = ept_make_leaf,
	.is_present = ept_is_present,
	.is_leaf = ept_is_leaf,
	.is_writable = ept_is_writable,
	.is_dirty = ept_is_dirty,
	.is_accessed = ept_is_accessed,
	.address = ept_address,
	.write_protect = ept_write_protect,
};
