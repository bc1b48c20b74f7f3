// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-level page-table builder. It knows how four-level radix tables
 * work; what an entry's bits mean, pte_format.h says.
 *
 * Problem. Processors walk these tables, and keep pieces of them in TLBs and
 * paging-structure caches, while the host takes pages away at any moment and
 * from any context. An entry must never outlive the host's own mapping, and a
 * table's page must not be freed while a processor may still walk it.
 *
 * Design. Every change is made under vm->mmu_lock; processors see single
 * 64-bit stores. An entry is zero or present, nothing between: a zero entry
 * holds no address for L1TF to speculate on. Only four things happen:
 *
 *   map    zero to leaf, or a leaf to a more permissive one of the same page.
 *          Needs no flush: a processor that cached the weaker entry faults
 *          once, and the fault drops it from that processor's TLB.
 *   protect a leaf to a weaker one, for the dirty log (dirty.c). Flushed as a zap.
 *   zap    leaf to zero. The tables above stay where they are, empty: guests
 *          touch the same ranges again, and nothing has to be freed while
 *          processors walk. The caller flushes before it releases mmu_lock;
 *          else a second zap of the range would find nothing, not flush, and
 *          let the host free a page that is still reachable.
 *   change of level. A 2 MiB leaf is split by filling a table with 512 equal
 *          small leaves and swapping one entry; both say the same, so no flush.
 *          The other way a table is unlinked and "retired": it goes to a chain
 *          that the caller frees after the flush.
 *
 * Tables below a range that goes for good (its slot is removed, or the whole
 * VM) are unlinked at their highest common entry and retired together.
 *
 * Hardware sets accessed and dirty bits at any time, by locked writes to entries that
 * are present. A plain store of ours may undo them: an access is not counted then; and
 * a dirty bit goes only where the flush follows, because TLBs know it, too, and write
 * without putting it on record again (vmx_pml.c). Accessed bits alone are taken away
 * with no flush, and so by locked writes.
 *
 * Memory. Nothing is allocated under the lock. The caller tops up a small chain
 * of zeroed tables first; when other vCPUs have used it up meanwhile, the map
 * calls say -EAGAIN, with what they built so far left in place. Chains are linked
 * through page_private: not through the tables' memory, which may still be
 * walked.
 *
 * Failure. No call depends on what the guest does; a fault for an address
 * above 48 bits finds no slot and never gets here.
 */
#include <linux/bitops.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "npt.h"
#include "vm.h"

#define NPT_LEVELS 4
#define NPT_ENTRIES 512u
#define FREE_BATCH 1024u	/* tables freed until others get the CPU */

static unsigned int npt_shift(unsigned int level)
{
	return 12 + 9 * (level - 1);
}

static unsigned int npt_index(u64 gpa, unsigned int level)
{
	return gpa >> npt_shift(level) & (NPT_ENTRIES - 1);
}

static u64 *table_below(const struct baton_npt *npt, u64 pte, unsigned int level)
{
	return __va(baton_pte_address(npt->format, pte, level));
}

/* --- chains of tables -------------------------------------------------------- */

static void chain_push(u64 **chain, u64 *table)
{
	set_page_private(virt_to_page(table), (unsigned long)*chain);
	*chain = table;
}

static u64 *chain_pop(u64 **chain)
{
	struct page *page;
	u64 *table = *chain;

	if (!table)
		return NULL;
	page = virt_to_page(table);
	*chain = (u64 *)page_private(page);
	set_page_private(page, 0);
	return table;
}

void baton_npt_free_retired(u64 *retired)
{
	unsigned int count = 0;
	u64 *table;

	while ((table = chain_pop(&retired))) {
		free_page((unsigned long)table);
		if (!(++count % FREE_BATCH))
			cond_resched();
	}
}

int baton_npt_topup(struct baton_vm *vm)
{
	struct baton_npt *npt = &vm->npt;
	u64 *table;

	while (READ_ONCE(npt->spares) < BATON_NPT_SPARES) {
		table = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!table)
			return -ENOMEM;
		spin_lock(&vm->mmu_lock);
		chain_push(&npt->spare, table);
		WRITE_ONCE(npt->spares, npt->spares + 1);
		spin_unlock(&vm->mmu_lock);
	}
	return 0;
}

static u64 *take_spare(struct baton_npt *npt)
{
	u64 *table = chain_pop(&npt->spare);

	if (table) {
		WRITE_ONCE(npt->spares, npt->spares - 1);
		npt->pages++;
	}
	return table;
}

/* A table in use has the number of its leaves in page_private. */
static void count_leaves(struct baton_npt *npt, u64 *entry, unsigned int level, long more)
{
	struct page *page = virt_to_page(entry);

	npt->leaves[level - 1] += more;
	set_page_private(page, page_private(page) + more);
}

/* Unlinked from the tree already. */
static void retire(struct baton_npt *npt, u64 *table, unsigned int level, u64 **retired)
{
	npt->pages--;
	if (level <= 2)
		count_leaves(npt, table, level, -(long)page_private(virt_to_page(table)));
	chain_push(retired, table);
}

/* --- looking ------------------------------------------------------------------ */

/* The entry that a walk ends at: a leaf, or none. */
static u64 *find_entry(const struct baton_npt *npt, u64 gpa, unsigned int *ret_level)
{
	u64 *table = npt->root, *entry;
	unsigned int level;

	for (level = NPT_LEVELS;; level--) {
		entry = &table[npt_index(gpa, level)];
		if (!*entry || baton_pte_is_leaf(npt->format, *entry, level))
			break;
		table = table_below(npt, *entry, level);
	}
	*ret_level = level;
	return entry;
}

/* The same, but NULL where there is no level-1 table. */
static u64 *find_small(const struct baton_npt *npt, u64 gpa)
{
	unsigned int level;
	u64 *entry = find_entry(npt, gpa, &level);

	return level == 1 ? entry : NULL;
}

/* Neighbours in an existing level-1 table. */
static void look_around(const u64 *table, unsigned int index, struct baton_npt_look *look)
{
	unsigned int low = index & ~(BATON_NPT_BLOCK - 1);
	unsigned int high = low + BATON_NPT_BLOCK;
	unsigned int i;

	for (i = index; i > low && !table[i - 1]; i--)
		look->before++;
	for (i = index + 1; i < high && !table[i]; i++)
		look->after++;
	for (i = index; i && look->run < BATON_NPT_BLOCK && table[i - 1]; i--)
		look->run++;
}

struct baton_npt_look baton_npt_look(const struct baton_npt *npt, u64 gpa, bool write,
				     bool large_ok)
{
	unsigned int level, index = npt_index(gpa, 1);
	struct baton_npt_look look = {};
	const u64 *entry = find_entry(npt, gpa, &level);
	u64 pte = *entry;

	if (pte && (!write || pte & npt->format->write) && (level == 1 || large_ok)) {
		look.fine = true;
	} else if (level == 1) {
		look_around(entry - index, index, &look);
	} else if (!pte) {
		look.before = index % BATON_NPT_BLOCK;
		look.after = BATON_NPT_BLOCK - 1 - look.before;
	}
	return look;
}

/* --- mapping ------------------------------------------------------------------ */

static void link_table(struct baton_npt *npt, u64 *entry, u64 *table)
{
	/* A processor must not see the entry before what the table holds. */
	smp_wmb();
	WRITE_ONCE(*entry, baton_pte_table(npt->format, __pa(table)));
}

/* Small leaves are executable: the erratum that forbids it concerns large ones. */
static void fill_from_large(struct baton_npt *npt, u64 *table, u64 large)
{
	u64 same = large & (npt->written | npt->format->accessed);
	u64 pa = baton_pte_address(npt->format, large, 2);
	unsigned int i;

	for (i = 0; i < NPT_ENTRIES; i++)
		table[i] = baton_pte_leaf(npt->format, pa + i * (u64)BATON_PAGE_SIZE, 1, true) |
			   same;
}

/* The entry for gpa at `level`, with all tables above it; NULL: out of spares. */
static u64 *build_entry(struct baton_npt *npt, u64 gpa, unsigned int to_level)
{
	u64 *table = npt->root;
	unsigned int level;

	for (level = NPT_LEVELS; level > to_level; level--) {
		u64 *entry = &table[npt_index(gpa, level)];
		u64 pte = *entry;

		if (pte && !baton_pte_is_leaf(npt->format, pte, level)) {
			table = table_below(npt, pte, level);
			continue;
		}
		table = take_spare(npt);
		if (!table)
			return NULL;
		if (pte) {
			fill_from_large(npt, table, pte);
			count_leaves(npt, entry, 2, -1);
			count_leaves(npt, table, 1, NPT_ENTRIES);
		}
		link_table(npt, entry, table);
	}
	return &table[npt_index(gpa, to_level)];
}

/* Of two leaves of one page, which allows more? The promise of write access counts. */
static enum baton_npt_access strength(const struct baton_npt *npt, u64 leaf)
{
	if (!(npt->written & ~leaf))
		return BATON_NPT_WRITE;
	return leaf & npt->clean ? BATON_NPT_CLEAN : BATON_NPT_READ;
}

static u64 access_bits(const struct baton_npt *npt, enum baton_npt_access access)
{
	return access == BATON_NPT_WRITE ? npt->written :
	       access == BATON_NPT_CLEAN ? npt->clean : 0;
}

static void set_leaf(struct baton_npt *npt, u64 *entry, u64 new, unsigned int level, bool *flush)
{
	const struct baton_pte_format *format = npt->format;
	u64 old = *entry;

	if (old) {
		if (baton_pte_address(format, old, level) != baton_pte_address(format, new, level))
			*flush = true;
		else if (strength(npt, old) >= strength(npt, new))
			return; /* as good as the new one, and may be dirty */
	} else {
		count_leaves(npt, entry, level, 1);
	}
	WRITE_ONCE(*entry, new);
}

int baton_npt_map_small(struct baton_npt *npt, u64 gpa, const u64 *pa, unsigned int count,
			enum baton_npt_access access, bool *flush)
{
	u64 *entry = build_entry(npt, gpa, 1), leaf;
	unsigned int i;

	if (!entry)
		return -EAGAIN;
	for (i = 0; i < count; i++) {
		leaf = baton_pte_leaf(npt->format, pa[i], 1, true) |
		       access_bits(npt, access);
		set_leaf(npt, &entry[i], leaf, 1, flush);
	}
	return 0;
}

int baton_npt_map_large(struct baton_npt *npt, u64 gpa, u64 pa, bool write, bool exec,
			u64 **retired, bool *flush)
{
	u64 new = baton_pte_leaf(npt->format, pa, 2, exec) | (write ? npt->written : 0);
	u64 *entry = build_entry(npt, gpa, 2);
	u64 *table;

	if (!entry)
		return -EAGAIN;
	if (!*entry || baton_pte_is_leaf(npt->format, *entry, 2)) {
		set_leaf(npt, entry, new, 2, flush);
		return 0;
	}
	table = table_below(npt, *entry, 2);
	/* Code that was split out would fault, be split, be joined, for ever. */
	if (!exec && memchr_inv(table, 0, BATON_PAGE_SIZE))
		return -EEXIST;
	WRITE_ONCE(*entry, new);
	count_leaves(npt, entry, 2, 1);
	retire(npt, table, 1, retired);
	*flush = true;
	return 0;
}

/* --- write access, for the dirty log ------------------------------------------- */

bool baton_npt_unprotect(struct baton_npt *npt, u64 gpa)
{
	u64 *entry = find_small(npt, gpa);

	if (!entry || !*entry || strength(npt, *entry) != BATON_NPT_CLEAN)
		return false;
	WRITE_ONCE(*entry, (*entry & ~npt->clean) | npt->written);
	return true;
}

/* Pages of one level-1 table, from gpa on. */
static bool protect(const struct baton_npt *npt, u64 gpa, u64 mask)
{
	const u64 written = npt->written, clean = npt->clean;
	u64 *entry = mask ? find_small(npt, gpa) : NULL, found = 0;

	for (; entry && mask; mask &= mask - 1) {
		u64 *page = entry + __ffs64(mask), pte = *page;

		/* BATON_NPT_WRITE is the strength that has all of these. */
		if ((pte & written) != written)
			continue;
		WRITE_ONCE(*page, (pte & ~written) | clean);
		found = 1;
	}
	return found;
}

/* A walk for each table, not for each page: that is what pages cost most. */
bool baton_npt_protect(struct baton_vm *vm, u64 gpa, u64 mask)
{
	unsigned int here = NPT_ENTRIES - npt_index(gpa, 1);
	bool found;

	lockdep_assert_held(&vm->mmu_lock);
	if (here >= 64)
		return protect(&vm->npt, gpa, mask);
	found = protect(&vm->npt, gpa, mask & ((1ull << here) - 1));
	return protect(&vm->npt, gpa + here * BATON_PAGE_SIZE, mask >> here) || found;
}

/* --- what the guest uses --------------------------------------------------------- */

static bool test_used(u64 *entry, u64 accessed, bool clear)
{
	bool used = READ_ONCE(*entry) & accessed;

	if (used && clear)
		atomic64_andnot(accessed, (atomic64_t *)entry);
	return used;
}

u64 baton_npt_used(struct baton_vm *vm, u64 gpa, unsigned int count, bool clear)
{
	u64 accessed = vm->npt.format->accessed, used = 0;
	unsigned int level, i, next;

	lockdep_assert_held(&vm->mmu_lock);
	for (i = 0; i < count; i = next) {
		u64 page = gpa + i * (u64)BATON_PAGE_SIZE;
		u64 *entry = find_entry(&vm->npt, page, &level);
		u64 end = (page | (BATON_NPT_LARGE_SIZE - 1)) + 1;

		next = min_t(u64, count, i + (end - page) / BATON_PAGE_SIZE);
		/* Of a large one, other words than this one's are still to be told. */
		if (level > 1 && test_used(entry, accessed, clear &&
					   gpa + next * (u64)BATON_PAGE_SIZE == end))
			used |= GENMASK_ULL(next - 1, i);
		for (; level == 1 && i < next; i++, entry++)
			if (test_used(entry, accessed, clear))
				used |= 1ull << i;
	}
	return used;
}

/* --- taking away ---------------------------------------------------------------- */

static void retire_tree(struct baton_npt *npt, u64 *table, unsigned int level, u64 **retired)
{
	unsigned int i;

	for (i = 0; level > 1 && i < NPT_ENTRIES; i++)
		if (table[i] && !baton_pte_is_leaf(npt->format, table[i], level))
			retire_tree(npt, table_below(npt, table[i], level), level - 1, retired);
	retire(npt, table, level, retired);
}

/*
 * Clears [gpa, end), which is within this table's reach. With `retired`, tables
 * that the range covers whole are unlinked, not emptied. True: something was there.
 */
static bool zap_table(struct baton_npt *npt, u64 *table, unsigned int level, u64 gpa, u64 end,
		      u64 **retired)
{
	u64 step = 1ull << npt_shift(level);
	bool found = false;
	u64 next;

	for (; gpa < end; gpa = next) {
		u64 *entry = &table[npt_index(gpa, level)];
		u64 pte = *entry;

		next = min((gpa | (step - 1)) + 1, end);
		if (!pte)
			continue;
		if (baton_pte_is_leaf(npt->format, pte, level)) {
			WRITE_ONCE(*entry, 0);
			count_leaves(npt, entry, level, -1);
			found = true;
		} else if (retired && next - gpa == step) {
			WRITE_ONCE(*entry, 0);
			retire_tree(npt, table_below(npt, pte, level), level - 1, retired);
			found = true;
		} else if (zap_table(npt, table_below(npt, pte, level), level - 1, gpa, next,
				     retired)) {
			found = true;
		}
	}
	return found;
}

bool baton_npt_zap(struct baton_vm *vm, u64 gpa, u64 size)
{
	lockdep_assert_held(&vm->mmu_lock);
	return zap_table(&vm->npt, vm->npt.root, NPT_LEVELS, gpa, gpa + size, NULL);
}

bool baton_npt_detach(struct baton_vm *vm, u64 gpa, u64 size, u64 **retired)
{
	lockdep_assert_held(&vm->mmu_lock);
	return zap_table(&vm->npt, vm->npt.root, NPT_LEVELS, gpa, gpa + size, retired);
}

/* --- life ------------------------------------------------------------------------ */

int baton_npt_init(struct baton_npt *npt, const struct baton_pte_format *format, bool logs)
{
	memset(npt, 0, sizeof(*npt));
	npt->format = format;
	npt->written = format->write | (logs ? format->dirty : 0);
	npt->clean = logs ? format->write : BATON_PTE_CLEAN;
	npt->root = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!npt->root)
		return -ENOMEM;
	npt->root_pa = __pa(npt->root);
	npt->pages = 1;
	return 0;
}

void baton_npt_fini(struct baton_npt *npt)
{
	u64 *retired = NULL;

	if (npt->root)
		retire_tree(npt, npt->root, NPT_LEVELS, &retired);
	npt->root = NULL;
	baton_npt_free_retired(retired);
	baton_npt_free_retired(npt->spare);
	npt->spare = NULL;
	npt->spares = 0;
}
