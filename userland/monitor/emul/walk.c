/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See walk.h. Tables that are not in memory read as not present. Not looked at:
 * protection keys, which no guest is offered, and reserved bits beyond the width that
 * every processor has. The exit's own access would have faulted by them; what else an
 * instruction touches, and TSS and GDT of a task switch, gets through here.
 */
#include "walk.h"

#include <errno.h>
#include <stddef.h>

#define CR0_WP		(1ull << 16)
#define CR0_PG		(1ull << 31)
#define CR4_PSE		(1ull << 4)
#define CR4_PAE		(1ull << 5)
#define CR4_LA57	(1ull << 12)
#define CR4_SMEP	(1ull << 20)
#define CR4_SMAP	(1ull << 21)
#define EFER_LMA	(1ull << 10)
#define EFER_NXE	(1ull << 11)
#define RFLAGS_AC	(1ull << 18)

#define PTE_P		(1ull << 0)
#define PTE_W		(1ull << 1)
#define PTE_U		(1ull << 2)
#define PTE_A		(1ull << 5)
#define PTE_D		(1ull << 6)
#define PTE_PS		(1ull << 7)
#define PTE_NX		(1ull << 63)
#define PTE_ADDRESS	0x000ffffffffff000ull

#define PF_PRESENT	(1u << 0)
#define PF_USER		(1u << 2)
#define PF_RESERVED	(1u << 3)

/* One walk: what the entries so far allow, and the last of them. */
struct walk_step {
	uint64_t entry;
	void *host;		/* where that entry is */
	uint64_t rights;	/* PTE_W and PTE_U of all levels, anded */
	bool no_execute;
};

static enum walk_mode paging_mode(const struct baton_sregs *sregs)
{
	if (!(sregs->cr0 & CR0_PG))
		return WALK_OFF;
	if (sregs->efer & EFER_LMA)
		return sregs->cr4 & CR4_LA57 ? WALK_5_LEVELS : WALK_4_LEVELS;
	return sregs->cr4 & CR4_PAE ? WALK_PAE : WALK_32;
}

void walk_init(struct walk *walk, struct guest_memory *memory,
	       const struct baton_sregs *sregs, uint64_t rflags)
{
	walk->memory = memory;
	walk->trail = NULL;
	walk->peek = false;
	walk->mode = paging_mode(sregs);
	walk->cr3 = sregs->cr3;
	for (int i = 0; i < 4; i++)
		walk->pdpte[i] = sregs->pdpte[i];
	walk->nx = sregs->efer & EFER_NXE && walk->mode != WALK_32;
	walk->reserved = walk->nx || walk->mode == WALK_32 ? 0 : PTE_NX;
	walk->write_protect = sregs->cr0 & CR0_WP;
	walk->pse = sregs->cr4 & CR4_PSE;
	walk->smep = sregs->cr4 & CR4_SMEP;
	walk->smap = sregs->cr4 & CR4_SMAP && !(rflags & RFLAGS_AC);
	walk->user = (sregs->seg[BATON_SS].attr & BATON_SEG_DPL) == BATON_SEG_DPL;
}

/* ---- entries ---- */

static bool is_big(const struct walk *walk)
{
	return walk->mode != WALK_32;
}

/* The entry at gpa; 0 (not present) where there is neither RAM nor ROM. */
static void load_entry(const struct walk *walk, uint64_t gpa, struct walk_step *step)
{
	unsigned int size = is_big(walk) ? 8 : 4;

	step->host = guest_memory_plain(walk->memory, gpa, size);
	step->entry = 0;
	if (!step->host) /* firmware may have its first tables in ROM */
		guest_memory_read(walk->memory, gpa, &step->entry, size);
	else if (is_big(walk))
		step->entry = __atomic_load_n((uint64_t *)step->host, __ATOMIC_RELAXED);
	else
		step->entry = __atomic_load_n((uint32_t *)step->host, __ATOMIC_RELAXED);
}

/* *seen: what is to be there; or, if it is not, what is. */
static bool exchange_entry(const struct walk *walk, void *host, uint64_t *seen, uint64_t entry)
{
	uint32_t small = (uint32_t)*seen;
	bool done;

	if (is_big(walk))
		return __atomic_compare_exchange_n((uint64_t *)host, seen, entry, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	done = __atomic_compare_exchange_n((uint32_t *)host, &small, (uint32_t)entry, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	*seen = small;
	return done;
}

/*
 * Sets bits in the entry, to which another CPU may do the same meanwhile. If it has become
 * another entry, the access counts as made before that, without the mark.
 */
static void mark_entry(const struct walk *walk, const struct walk_step *step, uint64_t bits)
{
	uint64_t seen = step->entry;

	if (walk->peek || (step->entry & bits) == bits || !step->host)
		return;
	while (!exchange_entry(walk, step->host, &seen, seen | bits))
		if ((seen ^ step->entry) & ~(PTE_A | PTE_D))
			return;
}

static int page_fault(const struct walk *walk, uint32_t access, uint32_t why,
		      uint32_t *ret_error_code)
{
	/* the fetch bit exists only where fetches can be forbidden */
	if (!walk->nx && !walk->smep)
		access &= ~WALK_FETCH;
	*ret_error_code = why | access | (walk->user ? PF_USER : 0);
	return -EFAULT;
}

/* Reads the entry and adds its rights to those of the levels above. */
static int take_entry(const struct walk *walk, uint64_t gpa, uint32_t access,
		      struct walk_step *step, uint32_t *ret_error_code)
{
	load_entry(walk, gpa, step);
	if (!(step->entry & PTE_P))
		return page_fault(walk, access, 0, ret_error_code);
	if (step->entry & walk->reserved)
		return page_fault(walk, access, PF_PRESENT | PF_RESERVED, ret_error_code);
	step->rights &= step->entry;
	step->no_execute |= walk->nx && step->entry & PTE_NX;
	return 0;
}

/* Do all levels together allow it? */
static bool is_allowed(const struct walk *walk, const struct walk_step *step, uint32_t access)
{
	bool user_page = step->rights & PTE_U;

	if (walk->user && !user_page)
		return false;
	if (access & WALK_FETCH)
		return !step->no_execute && !(walk->smep && !walk->user && user_page);
	if (walk->smap && !walk->user && user_page)
		return false;
	if (access & WALK_WRITE && !(step->rights & PTE_W))
		return !walk->user && !walk->write_protect;
	return true;
}

static int finish(const struct walk *walk, const struct walk_step *step, uint64_t gpa,
		  uint32_t access, uint64_t *ret_gpa, uint32_t *ret_error_code)
{
	if (!is_allowed(walk, step, access))
		return page_fault(walk, access, PF_PRESENT, ret_error_code);
	mark_entry(walk, step, access & WALK_WRITE ? PTE_A | PTE_D : PTE_A);
	*ret_gpa = gpa;
	return 0;
}

/* ---- levels ---- */

/* Bits 39-32 of a 4 MiB page's address are in bits 20-13 of its entry. */
static uint64_t large_32_address(uint64_t entry, uint64_t gva)
{
	return (entry & 0xffc00000u) | (entry >> 13 & 0xff) << 32 | (gva & 0x3fffff);
}

static int walk_32(const struct walk *walk, uint64_t gva, uint32_t access, uint64_t *ret_gpa,
		   uint32_t *ret_error_code)
{
	struct walk_step step = { .rights = PTE_W | PTE_U };
	int error = take_entry(walk, (walk->cr3 & 0xfffff000u) + (gva >> 22) * 4, access, &step,
			       ret_error_code);

	if (error)
		return error;
	if (walk->pse && step.entry & PTE_PS)
		return finish(walk, &step, large_32_address(step.entry, gva), access, ret_gpa,
			      ret_error_code);
	mark_entry(walk, &step, PTE_A);
	error = take_entry(walk, (step.entry & 0xfffff000u) + (gva >> 12 & 0x3ff) * 4, access,
			   &step, ret_error_code);
	if (error)
		return error;
	return finish(walk, &step, (step.entry & 0xfffff000u) | (gva & 0xfff), access, ret_gpa,
		      ret_error_code);
}

/* Marked accessed: if another CPU prevented that, it will not be found the same. */
static void note_entry(struct walk_trail *trail, const struct walk_step *step)
{
	trail->host[trail->count] = step->host;
	trail->entry[trail->count++] = step->entry | PTE_A;
}

/* Tables of 512 entries: `shift` is that of the topmost one's index. */
static int walk_big(const struct walk *walk, uint64_t table, unsigned int shift, uint64_t gva,
		    uint32_t access, uint64_t *ret_gpa, uint32_t *ret_error_code)
{
	struct walk_step step = { .rights = PTE_W | PTE_U };

	for (;; shift -= 9) {
		uint64_t offset = (gva >> shift & 0x1ff) * 8, page = (1ull << shift) - 1;
		int error = take_entry(walk, (table & PTE_ADDRESS) + offset, access, &step,
				       ret_error_code);

		if (error)
			return error;
		if (walk->trail)
			note_entry(walk->trail, &step);
		if (shift == 12 || (shift <= 30 && step.entry & PTE_PS))
			return finish(walk, &step,
				      (step.entry & PTE_ADDRESS & ~page) | (gva & page), access,
				      ret_gpa, ret_error_code);
		mark_entry(walk, &step, PTE_A);
		table = step.entry;
	}
}

/* A processor that keeps none has them read from memory by each walk. */
static uint64_t load_pdpte(const struct walk *walk, unsigned int index)
{
	const uint64_t *kept = walk->pdpte;
	struct walk_step step;

	if (kept[0] | kept[1] | kept[2] | kept[3])
		return kept[index];
	load_entry(walk, (walk->cr3 & 0xffffffe0u) + index * 8, &step);
	return step.entry;
}

static int walk_pae(const struct walk *walk, uint64_t gva, uint32_t access, uint64_t *ret_gpa,
		    uint32_t *ret_error_code)
{
	uint64_t pdpte = load_pdpte(walk, gva >> 30 & 3);

	if (!(pdpte & PTE_P))
		return page_fault(walk, access, 0, ret_error_code);
	return walk_big(walk, pdpte, 21, gva, access, ret_gpa, ret_error_code);
}

static bool is_canonical(uint64_t gva, unsigned int bits)
{
	return (uint64_t)((int64_t)(gva << (64 - bits)) >> (64 - bits)) == gva;
}

int walk_address(const struct walk *walk, uint64_t gva, uint32_t access, uint64_t *ret_gpa,
		 uint32_t *ret_error_code)
{
	switch (walk->mode) {
	case WALK_4_LEVELS:
		if (!is_canonical(gva, 48))
			return -EINVAL;
		return walk_big(walk, walk->cr3, 39, gva, access, ret_gpa, ret_error_code);
	case WALK_5_LEVELS:
		if (!is_canonical(gva, 57))
			return -EINVAL;
		return walk_big(walk, walk->cr3, 48, gva, access, ret_gpa, ret_error_code);
	case WALK_PAE:
		return walk_pae(walk, gva & 0xffffffff, access, ret_gpa, ret_error_code);
	case WALK_32:
		return walk_32(walk, gva & 0xffffffff, access, ret_gpa, ret_error_code);
	default:
		*ret_gpa = gva & 0xffffffff;
		return 0;
	}
}

int walk_peek(const struct walk *walk, uint64_t gva, uint64_t *ret_gpa)
{
	struct walk all = *walk;
	uint32_t error_code;

	all.trail = NULL;
	all.peek = true;
	all.user = all.smap = false;
	return walk_address(&all, gva, WALK_READ, ret_gpa, &error_code) ? -EFAULT : 0;
}
