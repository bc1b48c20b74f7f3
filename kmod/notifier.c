// SPDX-License-Identifier: GPL-2.0-only
/*
 * What takes mappings away: the MMU notifier on the monitor's mm, the removal of
 * a slot, the end of the mm.
 *
 * invalidate_range_start() comes before the host changes page-table entries,
 * invalidate_range_end() after. Between the two faults in the range are refused
 * (inv_count with inv_start, inv_end), and what faults looked up before the end
 * is void (inv_seq); see fault.c for the other half. Several invalidations may
 * be under way; their union is kept.
 *
 * Every zap is followed by its flush before mmu_lock is released: a second
 * invalidation of the same page must not return while a TLB still has it.
 *
 * The VM holds mm_count (by the registration), not mm_users: it keeps the struct,
 * not the address space, so a killed monitor's memory goes at once. release()
 * then comes from exit_mmap(), on whatever thread was the last; the vCPU
 * threads of that process are gone by then or will never see user space again.
 */
#include <linux/mmu_notifier.h>
#include <linux/sched.h>

#include "hvops.h"
#include "slots.h"
#include "vm.h"

/* A range is zapped in pieces of this size, to let others have the lock. */
#define ZAP_PIECE (1ull << 30)
/* Tables are taken away at once if there are so many at most, else by this range first. */
#define DETACH_TABLES 8192ul
#define DETACH_PIECE (1ull << 34)

/* mmu_lock held, and dropped now and then if `may_sleep`. */
static void zap_and_flush(struct baton_vm *vm, u64 gpa, u64 size, bool may_sleep)
{
	u64 end = gpa + size;
	bool flush = false;
	u64 next;

	for (; gpa < end; gpa = next) {
		next = min((gpa | (ZAP_PIECE - 1)) + 1, end);
		flush |= baton_npt_zap(vm, gpa, next - gpa);
		/* Not of a range that had nothing: a second look at all of them has to end. */
		if (may_sleep && (flush || next < end) &&
		    (need_resched() || spin_needbreak(&vm->mmu_lock))) {
			if (flush)
				baton_tlb_flush(vm);
			flush = false;
			cond_resched_lock(&vm->mmu_lock);
		}
	}
	if (flush)
		baton_tlb_flush(vm);
}

/* Zaps the part of the slot that the monitor's range [start, end) backs. */
static void zap_in_slot(struct baton_vm *vm, const struct baton_memslot *slot,
			unsigned long start, unsigned long end, bool may_sleep)
{
	unsigned long low = max(start, slot->hva);
	unsigned long high = min(end, slot->hva + (unsigned long)slot->size);

	if (low < high)
		zap_and_flush(vm, slot->gpa + (low - slot->hva), high - low, may_sleep);
}

/*
 * The slots by value, one at a time: zapping may sleep, which ends an RCU
 * section, and the array may be replaced meanwhile. A slot that is added then
 * has no mappings in the range (inv_count); one that is removed zaps its own in
 * the section of mmu_lock that publishes the new array (baton_slots_publish()), so
 * a slot that is not found here has no mappings any more. After a change an entry
 * may be seen twice, which is harmless; not to miss one, we start over.
 */
static bool next_slot(struct baton_vm *vm, u32 *index, u64 *generation,
		      struct baton_memslot *ret_slot)
{
	const struct baton_slots *slots;
	bool there;

	rcu_read_lock();
	slots = rcu_dereference(vm->slots);
	if (slots->generation != *generation)
		*index = 0;
	*generation = slots->generation;
	there = *index < slots->count;
	if (there)
		*ret_slot = slots->slot[(*index)++];
	rcu_read_unlock();
	return there;
}

static void zap_hva(struct baton_vm *vm, unsigned long start, unsigned long end, bool may_sleep)
{
	struct baton_memslot slot;
	u64 generation = ~0ull;
	u32 index = 0;

	while (next_slot(vm, &index, &generation, &slot))
		zap_in_slot(vm, &slot, start, end, may_sleep);
}

static struct baton_vm *to_vm(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct baton_vm, notifier);
}

static int notifier_start(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct baton_vm *vm = to_vm(notifier);

	spin_lock(&vm->mmu_lock);
	if (!vm->inv_count++) {
		vm->inv_start = ULONG_MAX;
		vm->inv_end = 0;
	}
	vm->inv_start = min(vm->inv_start, range->start);
	vm->inv_end = max(vm->inv_end, range->end);
	zap_hva(vm, range->start, range->end, mmu_notifier_range_blockable(range));
	spin_unlock(&vm->mmu_lock);
	return 0;
}

static void notifier_end(struct mmu_notifier *notifier, const struct mmu_notifier_range *range)
{
	struct baton_vm *vm = to_vm(notifier);

	spin_lock(&vm->mmu_lock);
	vm->inv_seq++;
	if (vm->inv_count)
		vm->inv_count--;
	spin_unlock(&vm->mmu_lock);
}

static u64 used_in_slot(struct baton_vm *vm, const struct baton_memslot *slot,
			unsigned long start, unsigned long end, bool clear)
{
	unsigned long low = max(start, slot->hva);
	unsigned long high = min(end, slot->hva + (unsigned long)slot->size);
	u64 used = 0;

	/*
	 * The processor does not tell what it uses (EPT of old): what is mapped counts as
	 * used, and is taken away. If it is, a fault brings it back, with its neighbours.
	 */
	if (low < high && !(baton_memory & BATON_MEMORY_ACCESSED)) {
		u64 gpa = slot->gpa + (low - slot->hva);

		return clear ? baton_npt_zap(vm, gpa, high - low) :
			       baton_npt_look(&vm->npt, gpa, false, true).fine;
	}
	for (; low < high; low += 64 * PAGE_SIZE)
		used |= baton_npt_used(vm, slot->gpa + (low - slot->hva),
				       min((high - low) / PAGE_SIZE, 64ul), clear);
	return used;
}

/*
 * Reclaim asks whether a page is used, to find one that is not. As for its own page
 * tables an estimate does, so there is no flush if it can be had without a zap.
 */
static int used_hva(struct mmu_notifier *notifier, unsigned long start, unsigned long end,
		    bool clear)
{
	struct baton_vm *vm = to_vm(notifier);
	const struct baton_slots *slots;
	u64 used = 0;
	u32 i;

	spin_lock(&vm->mmu_lock);
	rcu_read_lock();
	slots = rcu_dereference(vm->slots);
	for (i = 0; i < slots->count && (clear || !used); i++)
		used |= used_in_slot(vm, &slots->slot[i], start, end, clear);
	rcu_read_unlock();
	if (used && clear && !(baton_memory & BATON_MEMORY_ACCESSED))
		baton_tlb_flush(vm);
	spin_unlock(&vm->mmu_lock);
	return !!used;
}

/* int or bool, as the kernel has it. */
typedef typeof(((struct mmu_notifier_ops *)NULL)->test_young(NULL, NULL, 0)) baton_young;

static baton_young notifier_clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
					unsigned long start, unsigned long end)
{
	return used_hva(notifier, start, end, true);
}

static baton_young notifier_test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
				       unsigned long address)
{
	return used_hva(notifier, address, address + PAGE_SIZE, false);
}

/* The address space goes: no mapping is left when this returns, and none comes. */
static void notifier_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct baton_vm *vm = to_vm(notifier);

	baton_vm_kill(vm);
	baton_slots_publish(vm, NULL, 0, 1ull << BATON_NPT_BITS);
}

const struct mmu_notifier_ops baton_notifier_ops = {
	.release = notifier_release,
	.invalidate_range_start = notifier_start,
	.invalidate_range_end = notifier_end,
	.clear_flush_young = notifier_clear_young,
	.clear_young = notifier_clear_young,
	.test_young = notifier_test_young,
};

/* Takes it away in pieces until what is left can go at once. */
static void detach_most(struct baton_vm *vm, u64 gpa, u64 size)
{
	u64 end = gpa + size, next;

	for (; gpa < end && READ_ONCE(vm->npt.pages) > DETACH_TABLES; gpa = next) {
		u64 *retired = NULL;

		next = min((gpa | (DETACH_PIECE - 1)) + 1, end);
		spin_lock(&vm->mmu_lock);
		if (baton_npt_detach(vm, gpa, next - gpa, &retired))
			baton_tlb_flush(vm);
		spin_unlock(&vm->mmu_lock);
		baton_npt_free_retired(retired);
		cond_resched();
	}
}

/* The work is by tables, not by pages, and the pages stay where they are. */
void baton_slots_publish(struct baton_vm *vm, struct baton_slots *slots, u64 gpa, u64 size)
{
	u64 *retired = NULL;

	detach_most(vm, gpa, size);
	spin_lock(&vm->mmu_lock);
	vm->inv_seq++;
	/* First: what processors have on record (vmx_pml.c) is by the old array. */
	if (baton_npt_detach(vm, gpa, size, &retired))
		baton_tlb_flush(vm);
	if (slots) {
		rcu_assign_pointer(vm->slots, slots);
		/* For windows that know the old array and are about to write (pv.c). */
		baton_tlb_flush(vm);
	}
	spin_unlock(&vm->mmu_lock);
	baton_npt_free_retired(retired);
}
