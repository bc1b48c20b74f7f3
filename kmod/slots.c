// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory slots. The monitor adds and removes them (vm->lock); faults,
 * the MMU notifier and instruction fetches look them up, some of them with
 * interrupts off: so lookups take no lock. They read a sorted array under RCU;
 * a change publishes a new array and frees the old one after a grace period.
 *
 * Removal: once the call returns, no CPU reaches the slot's pages any more. The
 * new array is published, the range zapped and flushed, and vm->inv_seq counted
 * up in one section of mmu_lock (baton_slots_publish()). So the MMU notifier finds
 * the slot, or nothing of it is left. A fault that still saw the old array took
 * its inv_seq before, so it notices and starts over (fault.c). A slot that moves, or
 * whose log goes on or off, is replaced in the same way.
 */
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor.h>

#include "slots.h"
#include "vm.h"

u32 baton_phys_bits(void)
{
	return min_t(u32, boot_cpu_data.x86_phys_bits, BATON_NPT_BITS);
}

/* Number of slots that begin at or below gpa: where a new one would go. */
static u32 slots_up_to(const struct baton_slots *slots, u64 gpa)
{
	u32 low = 0, high = slots->count;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (slots->slot[mid].gpa <= gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct baton_memslot *baton_slot_find(const struct baton_slots *slots, u64 gpa)
{
	const struct baton_memslot *slot;
	u32 above;

	if (!slots)
		return NULL;
	above = slots_up_to(slots, gpa);
	if (!above)
		return NULL;
	slot = &slots->slot[array_index_nospec(above - 1, slots->count)];
	return gpa - slot->gpa < slot->size ? slot : NULL;
}

unsigned long baton_gpa_to_hva(struct baton_vm *vm, u64 gpa, u64 size, bool write)
{
	const struct baton_memslot *slot;
	unsigned long hva = 0;

	rcu_read_lock();
	slot = baton_slot_find(rcu_dereference(vm->slots), gpa);
	if (slot && size <= slot->size - (gpa - slot->gpa) &&
	    !(write && slot->flags & BATON_SLOT_READONLY))
		hva = baton_slot_hva(slot, gpa);
	rcu_read_unlock();
	return hva;
}

/* --- changes ---------------------------------------------------------------- */

const struct baton_memslot *baton_slot_by_id(const struct baton_slots *slots, u32 id)
{
	u32 i;

	for (i = 0; i < slots->count; i++)
		if (slots->slot[i].id == id)
			return &slots->slot[i];
	return NULL;
}

/* Everything that can be said about a new slot without looking at the others. */
static int check_new(const struct baton_slot *arg)
{
	u64 gpa_end, hva_end;

	if ((arg->gpa | arg->size | arg->hva) & (BATON_PAGE_SIZE - 1))
		return -EINVAL;
	if (arg->size > BATON_SLOT_MAX_SIZE || !arg->hva)
		return -EINVAL;
	if (check_add_overflow(arg->gpa, arg->size, &gpa_end) ||
	    check_add_overflow(arg->hva, arg->size, &hva_end))
		return -EINVAL;
	if (gpa_end > 1ull << baton_phys_bits())
		return -EINVAL;
	if (!access_ok((void __user *)(unsigned long)arg->hva, arg->size))
		return -EINVAL;
	return 0;
}

static bool overlaps(const struct baton_slots *slots, u64 gpa, u64 size)
{
	u32 at = slots_up_to(slots, gpa);

	if (at && gpa - slots->slot[at - 1].gpa < slots->slot[at - 1].size)
		return true;
	return at < slots->count && slots->slot[at].gpa - gpa < size;
}

/* A copy of `old` with `skip` entries left out and `extra` left free, at `at`. */
static struct baton_slots *copy_slots(const struct baton_slots *old, u32 at, u32 skip, u32 extra)
{
	u32 count = old->count - skip + extra;
	u32 tail = old->count - at - skip;
	struct baton_slots *slots;

	slots = kmalloc(struct_size(slots, slot, count), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!slots)
		return NULL;
	slots->generation = old->generation + 1;
	slots->count = count;
	memcpy(slots->slot, old->slot, at * sizeof(*old->slot));
	memcpy(&slots->slot[at + extra], &old->slot[at + skip], tail * sizeof(*old->slot));
	return slots;
}

static int slot_add(struct baton_vm *vm, struct baton_slots *old, const struct baton_slot *arg)
{
	struct baton_slots *slots;
	int r = check_new(arg);
	u32 at;

	if (r)
		return r;
	if (baton_slot_by_id(old, arg->id) || overlaps(old, arg->gpa, arg->size))
		return -EEXIST;
	if (old->count >= BATON_MAX_SLOTS)
		return -ENOSPC;
	at = slots_up_to(old, arg->gpa);
	slots = copy_slots(old, at, 0, 1);
	if (!slots)
		return -ENOMEM;
	slots->slot[at] = (struct baton_memslot) {
		.gpa = arg->gpa, .size = arg->size, .hva = arg->hva,
		.id = arg->id, .flags = arg->flags,
	};
	r = baton_dirty_alloc(slots, at);
	if (r) {
		kfree(slots);
		return r;
	}
	rcu_assign_pointer(vm->slots, slots);
	kfree_rcu(old, rcu);
	return 0;
}

/* Instead of `old`, which has `slot` as it was: that one's log ends. */
static void replace(struct baton_vm *vm, struct baton_slots *old, struct baton_slots *slots,
		    const struct baton_memslot *slot)
{
	u64 *dirty = slot->dirty;

	baton_slots_publish(vm, slots, slot->gpa, slot->size);
	kfree_rcu(old, rcu);
	if (dirty && baton_npt_logs(&vm->npt))
		synchronize_rcu(); /* windows note writes without mmu_lock */
	kvfree(dirty);
}

static int slot_remove(struct baton_vm *vm, struct baton_slots *old, u32 id)
{
	const struct baton_memslot *gone = baton_slot_by_id(old, id);
	struct baton_slots *slots;

	if (!gone)
		return -ENOENT;
	slots = copy_slots(old, gone - old->slot, 1, 0);
	if (!slots)
		return -ENOMEM;
	replace(vm, old, slots, gone);
	return 0;
}

/*
 * To another gpa, with its log: that is of the same pages. What of the new range is not
 * in the old one has been nobody's, so nothing is mapped there.
 */
static int slot_move(struct baton_vm *vm, struct baton_slots *old,
		     const struct baton_memslot *slot, const struct baton_slot *arg)
{
	struct baton_memslot moved = *slot, *at;
	struct baton_slots *slots;
	int r = check_new(arg);

	if (r)
		return r;
	slots = copy_slots(old, old->count, 0, 0);
	if (!slots)
		return -ENOMEM;
	slots->count--;
	at = &slots->slot[slot - old->slot];
	memmove(at, at + 1, (char *)&slots->slot[slots->count] - (char *)at);
	if (overlaps(slots, arg->gpa, arg->size)) {
		kfree(slots);
		return -EEXIST;
	}
	at = &slots->slot[slots_up_to(slots, arg->gpa)];
	memmove(at + 1, at, (char *)&slots->slot[slots->count] - (char *)at);
	slots->count++;
	moved.gpa = arg->gpa;
	*at = moved;
	baton_slots_publish(vm, slots, slot->gpa, slot->size);
	kfree_rcu(old, rcu);
	return 0;
}

/* The same memory again: to another place, with the log switched on or off, or as it is. */
static bool is_same(const struct baton_memslot *slot, const struct baton_slot *arg)
{
	u32 change = slot ? slot->flags ^ arg->flags : 0;

	return slot && slot->size == arg->size && slot->hva == arg->hva &&
	       !(slot->gpa == arg->gpa ? change & ~BATON_SLOT_LOG_DIRTY : change);
}

static int slot_set_log(struct baton_vm *vm, struct baton_slots *old,
			const struct baton_memslot *slot, u32 flags)
{
	u32 at = slot - old->slot;
	struct baton_slots *slots;
	int r;

	if (slot->flags == flags)
		return 0;
	slots = copy_slots(old, at, 0, 0);
	if (!slots)
		return -ENOMEM;
	slots->slot[at].flags = flags;
	r = baton_dirty_alloc(slots, at);
	if (r) {
		kfree(slots);
		return r;
	}
	/* All of it is unmapped: comes back in pages to log, or in large ones. */
	replace(vm, old, slots, slot);
	return 0;
}

int baton_slot_set(struct baton_vm *vm, const struct baton_slot *arg)
{
	const struct baton_memslot *slot;
	struct baton_slots *old;

	lockdep_assert_held(&vm->lock);
	old = rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->lock));
	if (vm->mm != current->mm)
		return -EPERM;
	if (arg->id >= BATON_MAX_SLOTS || arg->flags & ~BATON_SLOT_FLAGS)
		return -EINVAL;
	if (!arg->size)
		return slot_remove(vm, old, arg->id);
	slot = baton_slot_by_id(old, arg->id);
	if (!is_same(slot, arg))
		return slot_add(vm, old, arg);
	if (slot->gpa != arg->gpa)
		return slot_move(vm, old, slot, arg);
	return slot_set_log(vm, old, slot, arg->flags);
}

void baton_slots_free(struct baton_slots *slots)
{
	u32 i;

	for (i = 0; i < slots->count; i++)
		kvfree(slots->slot[i].dirty);
	kfree(slots);
}
