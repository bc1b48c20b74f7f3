// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log of a slot (BATON_SLOT_LOG_DIRTY): a bit per page that says "was
 * written since the bit was cleared last". Who reads it: display, migration.
 *
 * While a slot logs, its pages are mapped by 4 KiB entries, and without write
 * access until they are written. The first write faults; that sets the bit and lets
 * the page be written, which takes no look at the host's tables: an entry that only
 * the log keeps from being written says so (BATON_PTE_CLEAN). So the window does it
 * (exits.c), if it gets mmu_lock without waiting: who holds it may wait for this CPU to
 * take an interrupt. What it cannot do, fault.c does.
 *
 * Rule, under mmu_lock: an entry of such a slot that can be written has its bit set.
 * The bit is set before the entry, and taken away together with it. Processors may
 * hold the stronger entry on until the flush, which CLEAR waits for: what is written
 * up to then is in memory when CLEAR returns, where its caller looks next; what is
 * written later faults. So no write is lost between two CLEARs.
 *
 * Processors that log what becomes dirty (baton_npt_logs()) need no fault: there such
 * an entry can be written and is not dirty, and "can be written" above means "is dirty,
 * or will be noted as soon as it is". GET waits for what they have on record and windows
 * have not noted yet. That may come after a CLEAR: a bit too many.
 *
 * The bits belong to the slot as long as it logs. Slots are copied with the array
 * they stand in; a log that ends (slots.c) is freed after a section of mmu_lock that
 * has published an array without it, has unmapped the slot, and has made faults
 * under way start over. Whoever sets bits has found the slot in the same section of
 * mmu_lock, or has seen there that his copy is not stale: so the log still exists. But
 * windows (baton_dirty_note()) do so under RCU; so a log that ends waits for them.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hvops.h"
#include "slots.h"
#include "vm.h"

u32 baton_memory __read_mostly;

#define WORD 64u	/* pages that one word speaks of */
/*
 * Pages that a VM may log, per page of the host: so its bits take 1/8192 of the
 * host's memory at most, and a user's (BATON_MAX_VMS_PER_UID) a 32nd part.
 */
#define LOG_MAX_SHARE 4u

int baton_dirty_alloc(const struct baton_slots *slots, struct baton_memslot *slot)
{
	u64 pages = 0;
	u32 i;

	if (slot->dirty || !(slot->flags & BATON_SLOT_LOG_DIRTY))
		return 0;
	for (i = 0; i < slots->count; i++)
		if (slots->slot[i].flags & BATON_SLOT_LOG_DIRTY)
			pages += slots->slot[i].size / BATON_PAGE_SIZE;
	if (pages / LOG_MAX_SHARE > totalram_pages())
		return -ENOSPC;
	slot->dirty = kvcalloc(DIV_ROUND_UP(slot->size / BATON_PAGE_SIZE, WORD), sizeof(u64),
			       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return slot->dirty ? 0 : -ENOMEM;
}

static void set(const struct baton_memslot *slot, u64 gpa)
{
	/* The guest's number: see baton_slot_hva(). */
	u64 page = array_index_nospec(gpa - slot->gpa, slot->size) / BATON_PAGE_SIZE;

	set_bit(page % WORD, (unsigned long *)&slot->dirty[page / WORD]);
	/* Before the page can be written: a look at the log after that write sees it. */
	smp_wmb();
}

void baton_dirty_note(struct baton_vm *vm, u64 gpa)
{
	const struct baton_memslot *slot = baton_slot_find(rcu_dereference_sched(vm->slots), gpa);

	if (slot && slot->dirty)
		set(slot, gpa);
}

bool baton_dirty_write(struct baton_vm *vm, const struct baton_memslot *slot, u64 gpa)
{
	if (!slot || !slot->dirty)
		return false;
	set(slot, gpa);
	return baton_npt_unprotect(&vm->npt, gpa);
}

bool baton_dirty_try(struct baton_vm *vm, u64 gpa)
{
	bool done;

	/* Real-time kernels sleep for it. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT) || !spin_trylock(&vm->mmu_lock))
		return false;
	done = baton_dirty_write(vm, baton_slot_find(rcu_dereference_sched(vm->slots), gpa), gpa);
	spin_unlock(&vm->mmu_lock);
	return done;
}

void __user *baton_write_begin(struct baton_vm *vm, u64 gpa, u64 size)
	__acquires(&vm->mmu_lock)
{
	/* Slots that go or move are published under it. */
	spin_lock(&vm->mmu_lock);
	pagefault_disable();
	return (void __user *)baton_gpa_to_hva(vm, gpa, size, true);
}

void baton_write_end(struct baton_vm *vm, u64 gpa, u64 size)
	__releases(&vm->mmu_lock)
{
	const struct baton_memslot *slot;
	u64 end = gpa + size;

	rcu_read_lock();
	slot = baton_slot_find(rcu_dereference(vm->slots), gpa);
	if (slot && slot->dirty)
		for (; gpa < end && gpa - slot->gpa < slot->size;
		     gpa = (gpa | (BATON_PAGE_SIZE - 1)) + 1)
			set(slot, gpa);
	rcu_read_unlock();
	pagefault_enable();
	spin_unlock(&vm->mmu_lock);
}

/* --- the monitor's side ----------------------------------------------------- */

/* A checked range: words of the bitmap, and where they begin in the slot's. */
struct log_range {
	const struct baton_memslot *slot;
	u64 word, words;
};

static int find_range(struct baton_vm *vm, const struct baton_dirty_log *arg,
		      struct log_range *ret_range, bool log)
{
	const struct baton_memslot *slot;
	u64 pages;

	lockdep_assert_held(&vm->lock);
	if (arg->slot >= BATON_MAX_SLOTS || arg->reserved || !arg->count ||
	    arg->first % WORD || arg->bitmap % sizeof(u64))
		return -EINVAL;
	slot = baton_slot_by_id(rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->lock)),
				arg->slot);
	if (!slot || (log && !slot->dirty))
		return -ENOENT;
	pages = slot->size / BATON_PAGE_SIZE;
	if (arg->first >= pages || arg->count > pages - arg->first ||
	    (arg->count % WORD && arg->count != pages - arg->first))
		return -EINVAL;
	*ret_range = (struct log_range) {
		.slot = slot, .word = array_index_nospec(arg->first, pages) / WORD,
		.words = DIV_ROUND_UP(arg->count, WORD),
	};
	return 0;
}

/* Faults may set bits meanwhile: each is seen, or is there for the next look. */
int baton_dirty_get(struct baton_vm *vm, const struct baton_dirty_log *arg)
{
	struct log_range range;
	int r = find_range(vm, arg, &range, true);

	if (r)
		return r;
	if (baton_npt_logs(&vm->npt))
		baton_windows_wait(vm); /* with what processors have on record */
	return copy_to_user(u64_to_user_ptr(arg->bitmap), range.slot->dirty + range.word,
			    range.words * sizeof(u64)) ? -EFAULT : 0;
}

/* Each section of mmu_lock ends with its flush, as everywhere. */
static void clear(struct baton_vm *vm, const struct log_range *range, const u64 *bits)
{
	const struct baton_memslot *slot = range->slot;
	bool flush = false;
	u64 i;

	spin_lock(&vm->mmu_lock);
	for (i = 0; i < range->words; i++) {
		u64 word = range->word + i, mask;

		if (need_resched() || spin_needbreak(&vm->mmu_lock)) {
			if (flush)
				baton_tlb_flush(vm);
			flush = false;
			cond_resched_lock(&vm->mmu_lock);
		}
		mask = bits[i] & READ_ONCE(slot->dirty[word]);
		atomic64_andnot(mask, (atomic64_t *)&slot->dirty[word]);
		flush |= baton_npt_protect(vm, slot->gpa + word * WORD * BATON_PAGE_SIZE, mask);
	}
	if (flush)
		baton_tlb_flush(vm);
	spin_unlock(&vm->mmu_lock);
}

/* All of the caller's bits first: a call that fails has changed nothing. */
int baton_dirty_clear(struct baton_vm *vm, const struct baton_dirty_log *arg)
{
	struct log_range range;
	int r = find_range(vm, arg, &range, true);
	u64 *bits;

	if (r)
		return r;
	bits = kvmalloc(range.words * sizeof(u64), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!bits)
		return -ENOMEM;
	if (copy_from_user(bits, u64_to_user_ptr(arg->bitmap), range.words * sizeof(u64)))
		r = -EFAULT;
	else
		clear(vm, &range, bits);
	kvfree(bits);
	return r;
}

/* --- what the guest uses ---------------------------------------------------- */

#define CHUNK 64u	/* words that are dealt with at a time */

/* Bits of `count` pages from gpa on. True: there are any. */
static bool take_used(struct baton_vm *vm, u64 gpa, u64 count, u64 *bits)
{
	u64 any = 0, i;

	spin_lock(&vm->mmu_lock);
	for (i = 0; i < count; i += WORD) {
		bits[i / WORD] = baton_npt_used(vm, gpa + i * BATON_PAGE_SIZE,
						min(count - i, (u64)WORD), true);
		any |= bits[i / WORD];
	}
	spin_unlock(&vm->mmu_lock);
	return any;
}

/* One flush for all of it: from then on processors set the bits anew. */
int baton_accessed_get(struct baton_vm *vm, const struct baton_dirty_log *arg)
{
	u64 bits[CHUNK], at, count, __user *to = u64_to_user_ptr(arg->bitmap);
	struct log_range range;
	bool flush = false;
	int r = find_range(vm, arg, &range, false);

	if (!r && !(baton_memory & BATON_MEMORY_ACCESSED))
		r = -EOPNOTSUPP;
	for (at = 0; !r && at < arg->count; at += count, to += CHUNK) {
		count = min(arg->count - at, (u64)CHUNK * WORD);
		flush |= take_used(vm, range.slot->gpa + (range.word * WORD + at) * BATON_PAGE_SIZE,
				   count, bits);
		if (copy_to_user(to, bits, DIV_ROUND_UP(count, WORD) * sizeof(u64)))
			r = -EFAULT;
		else if (fatal_signal_pending(current))
			r = -EINTR;
		cond_resched();
	}
	if (flush)
		baton_tlb_flush(vm);
	return r;
}
