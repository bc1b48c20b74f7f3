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
#include <asm/apicdef.h>
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

	if (!slots || gpa - slots->hole < slots->hole_size)
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

	if ((arg->gpa | arg->size | arg->hva) & (BATON_PAGE_SIZE - 1) || !arg->hva ||
	    arg->size > BATON_SLOT_MAX_SIZE ||
	    check_add_overflow(arg->gpa, arg->size, &gpa_end) ||
	    check_add_overflow(arg->hva, arg->size, &hva_end) ||
	    gpa_end > 1ull << baton_phys_bits())
		return -EINVAL;
	/*
	 * Not access_ok(): it may let tags in the upper bits through (LAM), which the kernel
	 * drops where it looks pages up, and the MMU notifier never sees.
	 */
	return hva_end > TASK_SIZE_MAX ? -EINVAL : 0;
}

static bool overlaps(const struct baton_slots *slots, u64 gpa, u64 size)
{
	u32 at = slots_up_to(slots, gpa);

	if (at && gpa - slots->slot[at - 1].gpa < slots->slot[at - 1].size)
		return true;
	return at < slots->count && slots->slot[at].gpa - gpa < size;
}

/* A copy with room for one more, without `gone`, which may be NULL. */
static struct baton_slots *copy_without(const struct baton_slots *old,
					const struct baton_memslot *gone)
{
	struct baton_slots *slots;
	u32 i;

	slots = kmalloc(struct_size(slots, slot, old->count + 1),
			GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!slots)
		return NULL;
	slots->generation = old->generation + 1;
	slots->count = 0;
	for (i = 0; i < old->count; i++)
		if (&old->slot[i] != gone)
			slots->slot[slots->count++] = old->slot[i];
	return slots;
}

/* In an array that is not published yet. It has that log, or a new one if it is to have one. */
static int insert(struct baton_slots *slots, const struct baton_slot *arg, u64 *log)
{
	u32 at = slots_up_to(slots, arg->gpa);
	struct baton_memslot *slot = &slots->slot[at];

	if (overlaps(slots, arg->gpa, arg->size))
		return -EEXIST;
	if (slots->count >= BATON_MAX_SLOTS)
		return -ENOSPC;
	memmove(slot + 1, slot, (slots->count - at) * sizeof(*slot));
	slots->count++;
	*slot = (struct baton_memslot) {
		.gpa = arg->gpa, .size = arg->size, .hva = arg->hva,
		.id = arg->id, .flags = arg->flags, .dirty = log,
	};
	return baton_dirty_alloc(slots, slot);
}

/* The one around the local APIC's page: nearly all accesses to no memory go there. */
static void note_hole(struct baton_slots *slots)
{
	u32 above = slots_up_to(slots, APIC_DEFAULT_PHYS_BASE);
	const struct baton_memslot *next = &slots->slot[above];

	slots->hole = above ? next[-1].gpa + next[-1].size : 0;
	slots->hole_size = (above < slots->count ? next->gpa : ~0ull) - slots->hole;
}

/*
 * Instead of `was`, if there is one, the slot that arg describes, if it has a size. Of the
 * place where `was` was all is unmapped: if the log is switched, memory comes back in pages
 * to log, or in large ones. What of a new place is not in the old one has been nobody's,
 * so nothing is mapped there. A log stays with its memory.
 */
static int change(struct baton_vm *vm, struct baton_slots *old, const struct baton_memslot *was,
		  const struct baton_slot *arg)
{
	bool logs = arg->size && arg->flags & BATON_SLOT_LOG_DIRTY;
	struct baton_slots *slots = copy_without(old, was);
	u64 *log = was ? was->dirty : NULL;
	int r;

	if (!slots)
		return -ENOMEM;
	r = arg->size ? insert(slots, arg, logs ? log : NULL) : 0;
	if (r) {
		kfree(slots);
		return r;
	}
	note_hole(slots);
	if (was)
		baton_slots_publish(vm, slots, was->gpa, was->size);
	else
		rcu_assign_pointer(vm->slots, slots);
	kfree_rcu(old, rcu);
	if (logs || !log)
		return 0;
	if (baton_npt_logs(&vm->npt))
		synchronize_rcu(); /* windows note writes without mmu_lock */
	kvfree(log);
	return 0;
}

/* The same memory again: to another place, with the log switched on or off, or as it is. */
static bool is_same(const struct baton_memslot *slot, const struct baton_slot *arg)
{
	u32 switched = slot->flags ^ arg->flags;

	return slot->size == arg->size && slot->hva == arg->hva &&
	       !(slot->gpa == arg->gpa ? switched & ~BATON_SLOT_LOG_DIRTY : switched);
}

int baton_slot_set(struct baton_vm *vm, const struct baton_slot *arg)
{
	const struct baton_memslot *slot;
	struct baton_slots *old;
	int r;

	lockdep_assert_held(&vm->lock);
	old = rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->lock));
	if (vm->mm != current->mm)
		return -EPERM;
	if (arg->id >= BATON_MAX_SLOTS || arg->flags & ~BATON_SLOT_FLAGS)
		return -EINVAL;
	slot = baton_slot_by_id(old, arg->id);
	if (!arg->size)
		return slot ? change(vm, old, slot, arg) : -ENOENT;
	r = check_new(arg);
	if (r)
		return r;
	if (slot && !is_same(slot, arg))
		return -EEXIST;
	if (slot && slot->gpa == arg->gpa && slot->flags == arg->flags)
		return 0;
	return change(vm, old, slot, arg);
}

void baton_slots_free(struct baton_slots *slots)
{
	u32 i;

	for (i = 0; i < slots->count; i++)
		kvfree(slots->slot[i].dirty);
	kfree(slots);
}
