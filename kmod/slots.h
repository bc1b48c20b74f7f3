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
};

struct baton_slots {
	struct rcu_head rcu;
	u64 generation;
	u32 count;
	struct baton_memslot slot[];	/* by gpa, no overlaps */
};

/* The guest-physical address width that this host's VMs have. */
u32 baton_phys_bits(void);

/* The slot that holds gpa, or NULL. Caller is in an RCU read section. */
const struct baton_memslot *baton_slot_find(const struct baton_slots *slots, u64 gpa);
/*
 * BATON_SET_SLOT; vm->lock held, may sleep. -EINVAL, -EEXIST (id taken, or
 * overlap), -ENOENT, -ENOMEM, -ENOSPC, -EPERM (another process's VM).
 */
int baton_slot_set(struct baton_vm *vm, const struct baton_slot *arg);
/*
 * notifier.c: publishes `slots`, which lacks the slot at [gpa, gpa + size), and
 * unmaps that range, in one section of mmu_lock. vm->lock held, may sleep after.
 */
void baton_slots_shrink(struct baton_vm *vm, struct baton_slots *slots, u64 gpa, u64 size);
/* hva of gpa if `size` bytes from there are in one slot, else 0. Any context. */
unsigned long baton_gpa_to_hva(struct baton_vm *vm, u64 gpa, u64 size, bool write);

/*
 * gpa is the guest's: even on a path that was mispredicted, an address outside
 * the slot must not come out of here.
 */
static inline unsigned long baton_slot_hva(const struct baton_memslot *slot, u64 gpa)
{
	return slot->hva + array_index_nospec(gpa - slot->gpa, slot->size);
}

#endif
