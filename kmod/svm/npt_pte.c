// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nested page-table entries: the long-mode format (APM vol. 2, "Nested Paging").
 * Also built in userland for tests.
 *
 * The processor walks nested tables as a user-mode access, so every entry has U
 * set. Memory type 0 (write-back) leaves the choice to the guest's PAT.
 */
#include "pte_format.h"

#define NPT_PRESENT	(1ull << 0)
#define NPT_WRITE	(1ull << 1)
#define NPT_USER	(1ull << 2)
#define NPT_ACCESSED	(1ull << 5)
#define NPT_DIRTY	(1ull << 6)
#define NPT_LARGE	(1ull << 7)
#define NPT_NO_EXEC	(1ull << 63)

const struct baton_pte_format baton_npt_format = {
	.table = NPT_PRESENT | NPT_WRITE | NPT_USER,
	.leaf = NPT_PRESENT | NPT_USER,
	.large = NPT_LARGE,
	.write = NPT_WRITE,
	.no_exec = NPT_NO_EXEC,
	.accessed = NPT_ACCESSED,
	.dirty = NPT_DIRTY,
};
