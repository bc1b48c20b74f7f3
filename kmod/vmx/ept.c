// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended page-table entries (SDM vol. 3, "The Extended Page Table Mechanism").
 * Also built in userland for tests.
 *
 * An entry is present if any of read, write, execute is set; ours always have
 * read. Memory type write-back, whatever the guest's PAT says: the monitor maps
 * the same pages write-back, and no device of the guest does DMA past the caches.
 */
#include "pte_format.h"

#define EPT_READ	(1ull << 0)
#define EPT_WRITE	(1ull << 1)
#define EPT_EXEC	(1ull << 2)
#define EPT_WRITE_BACK	(6ull << 3)
#define EPT_IGNORE_PAT	(1ull << 6)
#define EPT_LARGE	(1ull << 7)
#define EPT_ACCESSED	(1ull << 8)
#define EPT_DIRTY	(1ull << 9)

const struct baton_pte_format baton_ept_format = {
	.table = EPT_READ | EPT_WRITE | EPT_EXEC,
	.leaf = EPT_READ | EPT_WRITE_BACK | EPT_IGNORE_PAT,
	.large = EPT_LARGE,
	.write = EPT_WRITE,
	.exec = EPT_EXEC,
	.accessed = EPT_ACCESSED,
	.dirty = EPT_DIRTY,
};
