/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VM object. Made by BATON_CREATE_VM, lives until the VM descriptor and
 * all vCPU descriptors are closed.
 *
 * Field legend: I immutable after creation; L vm->lock; M vm->mmu_lock;
 * R read under RCU, written under L; a atomic.
 */
#ifndef BATON_VM_H
#define BATON_VM_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>

#include "baton_ioctl.h"
#include "npt.h"
#include "pvclock.h"

struct baton_vcpu;
struct baton_slots;
struct baton_ioeventfds;

struct baton_vm {
	struct list_head list;		/* vm.c: list_lock */
	struct kref refs;		/* a: VM fd and each vCPU fd */
	struct mm_struct *mm;		/* I: the creator's; mm_count held */
	kuid_t owner;			/* I: for the quota */
	struct mutex lock;
	bool no_halt_poll;		/* I: BATON_VM_NO_HALT_POLL */
	bool dead;			/* a: READ_ONCE/WRITE_ONCE, never goes back */

	struct baton_slots __rcu *slots;	/* R */
	struct baton_vcpu *vcpus[BATON_MAX_VCPUS]; /* L to write; READ_ONCE to read */
	u32 vcpu_top;			/* L to write: all ids are below, with holes */

	struct mmu_notifier notifier;	/* I */
	spinlock_t mmu_lock;
	struct baton_npt npt;		/* M */
	unsigned long inv_seq;		/* M: +1 at the end of each invalidation */
	unsigned long inv_count;	/* M: invalidations under way */
	unsigned long inv_start, inv_end; /* M: union of their hva ranges */

	atomic64_t tlb_gen;		/* a: +1 whenever a mapping got weaker */

	atomic64_t irqfds_sent, msis_sent; /* a: messages */

	struct list_head irqfds;	/* L */
	struct hlist_head resamplers;	/* R: irqfd.c */
	struct baton_ioeventfds __rcu *ioeventfds; /* R */

	struct baton_clock_line clock;	/* its own lock */
	atomic64_t stops;		/* a: times that all of it stood still: sleep, SET_CLOCK */
	s64 clock_boot;			/* a: guest ns = boottime ns + this, roughly */
	u64 tsc_offset;			/* a: vCPUs start with it */
	bool tsc_set;			/* a: … and the monitor has set it (msr.c) */
	bool tsc_moved;			/* a: a vCPU's may be another */
	u64 tsc_ratio;			/* I with a vCPU: guest's per host's tick; 0: the same */
	u32 tsc_khz;			/* I with a vCPU: the guest's */
	void *arch;			/* I: the backend's */
};

/* Under no lock: vCPUs stay until their VM ends. One that comes meanwhile may be missed. */
#define baton_for_each_vcpu(vm, i, vcpu)				\
	for ((i) = 0; (i) < READ_ONCE((vm)->vcpu_top); (i)++)		\
		if (!((vcpu) = READ_ONCE((vm)->vcpus[i]))) { } else

/* NULL: there is none, or not yet. id may be a guest's. */
static inline struct baton_vcpu *baton_vcpu_by_id(const struct baton_vm *vm, u64 id)
{
	if (id >= BATON_MAX_VCPUS)
		return NULL;
	return READ_ONCE(vm->vcpus[array_index_nospec(id, BATON_MAX_VCPUS)]);
}

static inline u64 baton_tsc_scale(const struct baton_vm *vm, u64 ticks)
{
	return likely(!vm->tsc_ratio) ? ticks : baton_tsc_scale_slow(vm, ticks);
}

/* The quota is owner's. */
int baton_vm_create(kuid_t owner, struct baton_vm **ret_vm);
void baton_vm_put(struct baton_vm *vm);
/* Marks the VM dead and gets all its vCPUs out of the guest. Any context. */
void baton_vm_kill(struct baton_vm *vm);
u32 baton_vm_count(void);
/* Second-level page tables of a user's VMs. Process context. */
unsigned long baton_vm_tables(kuid_t owner);

/*
 * All VMs of the host at once, before and after its sleep. Gets every vCPU back to its
 * monitor, and has it look at its clocks. Any context.
 */
void baton_vms_kick_all(void);
/*
 * The host has slept, and its TSC lost that many ticks. Second-level TLBs and timers may
 * be stale. Tasks are frozen, interrupts off.
 */
void baton_vms_resumed(u64 lost_ticks);

/* The module's bug, or the processor's: this VM ends. Warns once, then logs at times. */
void baton_vm_bug(struct baton_vm *vm, const char *what);

/*
 * tlb.c. Context: may hold mmu_lock; interrupts on. Bumps tlb_gen and waits
 * until no vCPU can use a translation from before.
 */
void baton_tlb_flush(struct baton_vm *vm);
/* The same without a flush: each window that is open now has ended since. */
void baton_windows_wait(struct baton_vm *vm);

extern const struct mmu_notifier_ops baton_notifier_ops; /* notifier.c */

#endif
