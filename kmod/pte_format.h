/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page-table format as bits, and how entries are made of them and read. npt.c
 * knows no bit of any format.
 *
 * Levels: 1 = 4 KiB leaf, 2 = 2 MiB, 3, 4 = root. A zero entry is not present.
 * What no format differs in is said here: where the address is, a bit of our own.
 */
#ifndef BATON_PTE_FORMAT_H
#define BATON_PTE_FORMAT_H

#include <linux/types.h>

struct baton_pte_format {
	u64 table;	/* all of a table's entry but the address */
	u64 leaf;	/* what every leaf has */
	u64 large;	/* … above level 1, where tables do not have it */
	u64 write;
	u64 exec, no_exec;	/* one of the two, the other is 0 */
	u64 accessed;		/* of leaves: set by hardware, where it does that */
	u64 dirty;		/* … and this one, of leaves that are written */
};

/* vmx/ept.c, svm/npt_pte.c: without the kernel's headers, so that tests have them, too. */
extern const struct baton_pte_format baton_ept_format, baton_npt_format;

#define BATON_PTE_ADDRESS 0x000ffffffffff000ull
/*
 * Of a small leaf without write access: the host's page could be written, it is the
 * dirty log that wants to know of the first write (but see baton_npt.clean). Hardware
 * ignores the bit in all formats (SDM vol. 3, "Format of an EPT Page-Table Entry"; APM
 * vol. 2, "Page-Translation-Table Entry Fields", AVL).
 */
#define BATON_PTE_CLEAN (1ull << 52)

static inline u64 baton_pte_table(const struct baton_pte_format *format, u64 pa)
{
	return (pa & BATON_PTE_ADDRESS) | format->table;
}

/* Without write access. */
static inline u64 baton_pte_leaf(const struct baton_pte_format *format, u64 pa,
				 unsigned int level, bool exec)
{
	return (pa & BATON_PTE_ADDRESS) | format->leaf | (level > 1 ? format->large : 0) |
	       (exec ? format->exec : format->no_exec);
}

/* Of a present entry. */
static inline bool baton_pte_is_leaf(const struct baton_pte_format *format, u64 pte,
				     unsigned int level)
{
	return level == 1 || pte & format->large;
}

/* The frame's, of a leaf, or the table's: bits below a large leaf's frame are no address. */
static inline u64 baton_pte_address(const struct baton_pte_format *format, u64 pte,
				    unsigned int level)
{
	u64 offset = baton_pte_is_leaf(format, pte, level) ? (1ull << (3 + 9 * level)) - 1 : 0;

	return pte & BATON_PTE_ADDRESS & ~offset;
}

#endif
