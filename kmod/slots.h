/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory slots: which guest-physical ranges are which of the monitor's
 * virtual ranges. A published array is never changed, only replaced (RCU).
 * slots.c is pure: it also builds in userland for tests and fuzzing.
 */
#ifndef BATON_SLOTS_H
#define BATON_SLOTS_H

#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "baton_ioctl.h"

struct baton_vm;

/* The second-level tables have four levels: no guest-physical address beyond. */
#define BATON_NPT_BITS 48u
/* A larger slot is a mistake of the monitor's: 16 TiB. */
#define BATON_SLOT_MAX_SIZE (1ull << 44)

struct baton_memslot {
	u64 gpa, size;
	unsigned long hva;
	u32 id;
	u32 flags;		/* BATON_SLOT_* */
	u64 *dirty;		/* vm->mmu_lock to write: a bit per page; NULL: no log */
};

struct baton_slots {
	struct rcu_head rcu;
	u64 generation;
	u64 hole, hole_size;	/* without memory: where devices are (note_hole()) */
	u32 count;
	struct baton_memslot slot[];	/* by gpa, no overlaps */
};

/* The guest-physical address width that this host's VMs have. */
u32 baton_phys_bits(void);

/* The slot of that id, or NULL. As the next one, or vm->lock held. */
const struct baton_memslot *baton_slot_by_id(const struct baton_slots *slots, u32 id);
/* The slot that holds gpa, or NULL. Caller is in an RCU read section. */
const struct baton_memslot *baton_slot_find(const struct baton_slots *slots, u64 gpa);
/*
 * BATON_SET_SLOT; vm->lock held, may sleep. -EINVAL, -EEXIST (id taken, or
 * overlap), -ENOENT, -ENOMEM, -ENOSPC, -EPERM (another process's VM).
 */
int baton_slot_set(struct baton_vm *vm, const struct baton_slot *arg);
/* With the slots' logs: the VM goes, nobody else uses them. */
void baton_slots_free(struct baton_slots *slots);
/*
 * notifier.c: publishes `slots`, whose slot at [gpa, gpa + size) is gone or another
 * than before, and unmaps that range, in one section of mmu_lock: no TLB has it then, and
 * faults under way start over. vm->lock held, may sleep after. Without slots (vm->lock is
 * not needed) it only unmaps.
 */
void baton_slots_publish(struct baton_vm *vm, struct baton_slots *slots, u64 gpa, u64 size);
/* hva of gpa if `size` bytes from there are in one slot, else 0. Any context. */
unsigned long baton_gpa_to_hva(struct baton_vm *vm, u64 gpa, u64 size, bool write);

/*
 * dirty.c. alloc: the log of a slot, whose array is not published yet, if its flags ask
 * for one and it has none; 0, -ENOMEM, -ENOSPC (too much is logged). write: mmu_lock held,
 * gpa is in slot, and is written; true: its log was all that kept the guest from it. try:
 * the same in a window, which may not wait for the lock. note: in a window, the processor
 * has seen a write. get, clear: BATON_GET_DIRTY_LOG and BATON_CLEAR_DIRTY_LOG; vm->lock
 * held, may sleep.
 */
int baton_dirty_alloc(const struct baton_slots *slots, struct baton_memslot *slot);
bool baton_dirty_write(struct baton_vm *vm, const struct baton_memslot *slot, u64 gpa);
bool baton_dirty_try(struct baton_vm *vm, u64 gpa);
void baton_dirty_note(struct baton_vm *vm, u64 gpa);
int baton_dirty_get(struct baton_vm *vm, const struct baton_dirty_log *arg);
int baton_dirty_clear(struct baton_vm *vm, const struct baton_dirty_log *arg);
/*
 * What the module itself writes: where it is, NULL if it is in no slot that can be
 * written. Until end, which is due in either case, no slot goes or moves, and user
 * accesses fail instead of sleeping (who wants it, has the page brought in after end).
 * end: notes in a log that it is written.
 */
void __user *baton_write_begin(struct baton_vm *vm, u64 gpa, u64 size)
	__acquires(&vm->mmu_lock);
void baton_write_end(struct baton_vm *vm, u64 gpa, u64 size) __releases(&vm->mmu_lock);
/* BATON_GET_ACCESSED; as these. */
int baton_accessed_get(struct baton_vm *vm, const struct baton_dirty_log *arg);

/*
 * gpa is the guest's: even on a path that was mispredicted, an address outside
 * the slot must not come out of here.
 */
static inline unsigned long baton_slot_hva(const struct baton_memslot *slot, u64 gpa)
{
	return slot->hva + array_index_nospec(gpa - slot->gpa, slot->size);
}

#endif
