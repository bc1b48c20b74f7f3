// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's own page tables, walked in software: SDM vol. 3, "Paging". Pure:
 * entries come through a callback, each is read once. Whatever the guest's
 * tables hold, the walk ends after at most five reads. It is for what the processor
 * has just executed, which has checked rights and reserved bits: a guest that changes
 * its tables since then misleads itself. Whether a user may read there is told for the
 * page behind, at which the processor may not have looked.
 */
#include <linux/errno.h>
#include <asm/msr-index.h>
#include <asm/pgtable_types.h>
#include <asm/processor-flags.h>

#include "fetch.h"

#define ADDRESS_52 0x000ffffffffff000ull

/* One of the five kinds of paging: which address bits pick an entry at each level. */
struct format {
	u8 levels;
	u8 index_bits;
	u8 entry_size;
	u8 large_from, large_to;	/* levels at which PS makes a leaf */
};

static const struct format format_32 = { 2, 10, 4, 2, 1 };	/* no CR4.PSE: PS ignored */
static const struct format format_pse = { 2, 10, 4, 2, 2 };
static const struct format format_pae = { 3, 9, 8, 2, 2 };
static const struct format format_4 = { 4, 9, 8, 2, 3 };
static const struct format format_5 = { 5, 9, 8, 2, 3 };

static const struct format *format_of(const struct baton_walk *walk)
{
	if (!(walk->cr4 & X86_CR4_PAE))
		return walk->cr4 & X86_CR4_PSE ? &format_pse : &format_32;
	if (!(walk->efer & EFER_LMA))
		return &format_pae;
	return walk->cr4 & X86_CR4_LA57 ? &format_5 : &format_4;
}

/* Lowest bit of the linear address that entries of this level map. */
static unsigned int level_shift(const struct format *f, unsigned int level)
{
	return 12 + f->index_bits * (level - 1);
}

/* Long mode: the bits above the walk's reach are copies of its top bit. */
static bool is_canonical(const struct format *f, u64 gva)
{
	unsigned int unused = 64 - level_shift(f, f->levels + 1);

	return (u64)((s64)(gva << unused) >> unused) == gva;
}

static bool is_large(const struct format *f, u64 pte, unsigned int level)
{
	return pte & _PAGE_PSE && level >= f->large_from && level <= f->large_to;
}

static u64 leaf_address(const struct format *f, u64 pte, unsigned int level, u64 gva)
{
	u64 offset = (1ull << level_shift(f, level)) - 1;
	u64 base = pte & ADDRESS_52;

	if (f->entry_size == 4) {
		base = pte & 0xfffff000;
		if (level == 2)
			base |= (pte >> 13 & 0xff) << 32;
	}
	return (base & ~offset) | (gva & offset);
}

static u64 root_of(const struct baton_walk *walk, const struct format *f)
{
	if (f == &format_pae)
		return walk->cr3 & 0xffffffe0;
	return walk->cr3 & (f->entry_size == 4 ? 0xfffff000 : ADDRESS_52);
}

int baton_gwalk(const struct baton_walk *walk, u64 gva, baton_walk_read read, void *ctx,
		u64 *ret_gpa, bool *ret_user)
{
	const struct format *f = format_of(walk);
	unsigned int level;
	u64 table, index;

	*ret_user = true;
	if (!(walk->cr0 & X86_CR0_PG)) {
		*ret_gpa = (u32)gva;
		return 0;
	}
	if (f->levels >= 4 ? !is_canonical(f, gva) : gva >> 32 != 0)
		return -EFAULT;
	table = root_of(walk, f);
	for (level = f->levels; level; level--) {
		u64 pte = 0;
		int r;

		index = gva >> level_shift(f, level) & ((1u << f->index_bits) - 1);
		r = read(ctx, table + index * f->entry_size, &pte, f->entry_size);
		if (r)
			return r;
		if (!(pte & _PAGE_PRESENT))
			return -EFAULT;
		/* A page-directory pointer of PAE has no rights. */
		if (f != &format_pae || level < 3)
			*ret_user &= !!(pte & _PAGE_USER);
		if (level == 1 || is_large(f, pte, level)) {
			*ret_gpa = leaf_address(f, pte, level, gva);
			return 0;
		}
		table = pte & (f->entry_size == 4 ? 0xfffff000 : ADDRESS_52);
	}
	return -EFAULT;
}
