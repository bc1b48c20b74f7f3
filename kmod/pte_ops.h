/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page-table format as pure functions; npt.c knows no bit of any of them.
 * Levels: 1 = 4 KiB leaf, 2 = 2 MiB, 3, 4 = root. A zero entry is not present.
 */
#ifndef BATON_PTE_OPS_H
#define BATON_PTE_OPS_H

#include <linux/types.h>

struct baton_pte_ops {
	u64 (*make_table)(u64 pa);
	u64 (*make_leaf)(u64 pa, unsigned int level, bool write, bool exec);
	bool (*is_present)(u64 pte);
	bool (*is_leaf)(u64 pte, unsigned int level);
	bool (*is_writable)(u64 pte);
	bool (*is_dirty)(u64 pte);
	bool (*is_accessed)(u64 pte);
	u64 (*address)(u64 pte, unsigned int level);
	u64 (*write_protect)(u64 pte);
};

#endif
