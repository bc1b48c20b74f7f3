// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM objects: creation, reference counts, teardown, and the list of them all.
 *
 * vCPU objects live as long as their VM (senders of interrupts look them up
 * without a lock); their descriptors only hold a reference on the VM.
 */
#include <linux/cred.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "eventfds.h"
#include "hwcpu.h"
#include "slots.h"
#include "vcpu.h"
#include "vm.h"

static DEFINE_SPINLOCK(list_lock);
static LIST_HEAD(vm_list);	/* list_lock */
static u32 vm_total;		/* list_lock to write */

u32 baton_vm_count(void)
{
	return READ_ONCE(vm_total);
}

unsigned long baton_vm_tables(kuid_t owner)
{
	const struct baton_vm *vm;
	unsigned long tables = 0;

	spin_lock_irq(&list_lock);
	list_for_each_entry(vm, &vm_list, list)
		tables += uid_eq(vm->owner, owner) ? READ_ONCE(vm->npt.pages) : 0;
	spin_unlock_irq(&list_lock);
	return tables;
}

/* Quota and list entry in one step, so that two creators cannot both slip in. */
static int list_insert(struct baton_vm *vm)
{
	struct baton_vm *other;
	u32 mine = 0;
	int r = 0;

	spin_lock_irq(&list_lock);
	list_for_each_entry(other, &vm_list, list)
		mine += uid_eq(other->owner, vm->owner);
	if (mine >= BATON_MAX_VMS_PER_UID) {
		r = -EDQUOT;
	} else {
		list_add_tail(&vm->list, &vm_list);
		WRITE_ONCE(vm_total, vm_total + 1);
	}
	spin_unlock_irq(&list_lock);
	return r;
}

static void list_remove(struct baton_vm *vm)
{
	spin_lock_irq(&list_lock);
	list_del(&vm->list);
	WRITE_ONCE(vm_total, vm_total - 1);
	spin_unlock_irq(&list_lock);
}

/* What vm_init() has made, however far it got. */
static void memory_fini(struct baton_vm *vm)
{
	baton_hv->vm_fini(vm);
	baton_npt_fini(&vm->npt);
	baton_slots_free(rcu_dereference_protected(vm->slots, true));
}

static int vm_init(struct baton_vm *vm)
{
	struct baton_slots *slots = kzalloc(sizeof(*slots), GFP_KERNEL_ACCOUNT);
	int r;

	if (!slots)
		return -ENOMEM;
	RCU_INIT_POINTER(vm->slots, slots);
	vm->notifier.ops = &baton_notifier_ops;
	r = baton_npt_init(&vm->npt, baton_hv->pte, baton_memory & BATON_MEMORY_LOGS);
	if (!r)
		r = baton_hv->vm_init(vm);
	if (!r)
		r = mmu_notifier_register(&vm->notifier, vm->mm);
	if (r)
		memory_fini(vm);
	return r;
}

static void vm_fini(struct baton_vm *vm)
{
	u32 i;

	baton_irqfd_release_all(vm);
	mmu_notifier_unregister(&vm->notifier, vm->mm);
	for (i = 0; i < BATON_MAX_VCPUS; i++)
		baton_vcpu_destroy(vm->vcpus[i]);
	baton_ioeventfd_release_all(vm);
	memory_fini(vm);
}

int baton_vm_create(kuid_t owner, struct baton_vm **ret_vm)
{
	struct baton_vm *vm;
	int r;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	kref_init(&vm->refs);
	mutex_init(&vm->lock);
	spin_lock_init(&vm->mmu_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	vm->owner = owner;
	vm->mm = current->mm;
	baton_clock_init(vm);

	r = list_insert(vm);
	if (r)
		goto err_free;
	r = baton_hwcpu_get();
	if (r)
		goto err_list;
	r = vm_init(vm);
	if (r)
		goto err_hwcpu;
	mmgrab(vm->mm);
	*ret_vm = vm;
	return 0;

err_hwcpu:
	baton_hwcpu_put();
err_list:
	list_remove(vm);
err_free:
	kfree(vm);
	return r;
}

static void vm_release(struct kref *refs)
{
	struct baton_vm *vm = container_of(refs, struct baton_vm, refs);
	struct mm_struct *mm = vm->mm;

	list_remove(vm);
	vm_fini(vm);
	baton_hwcpu_put();
	mmdrop(mm);
	kfree(vm);
}

void baton_vm_put(struct baton_vm *vm)
{
	kref_put(&vm->refs, vm_release);
}

void baton_vm_kill(struct baton_vm *vm)
{
	WRITE_ONCE(vm->dead, true);
	baton_request_all(vm, BATON_REQ_KICK);
}

void baton_vm_bug(struct baton_vm *vm, const char *what)
{
	if (!READ_ONCE(vm->dead)) {
		WARN_ONCE(1, "baton: %s; this VM is stopped\n", what);
		pr_err_ratelimited("%s; a VM of user %u is stopped\n", what,
				   from_kuid(&init_user_ns, vm->owner));
	}
	baton_vm_kill(vm);
}

void baton_vms_kick_all(void)
{
	struct baton_vcpu *vcpu;
	struct baton_vm *vm;
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&list_lock, flags);
	list_for_each_entry(vm, &vm_list, list) {
		baton_vm_stopped(vm);
		baton_for_each_vcpu(vm, i, vcpu)
			WRITE_ONCE(vcpu->apic.timer_fired, true);
		baton_request_all(vm, BATON_REQ_KICK);
	}
	spin_unlock_irqrestore(&list_lock, flags);
}

/*
 * The TSC may have gone on while the hrtimers' clock stood still: each vCPU looks at
 * its timer again, also one whose thread sleeps in HLT. Or the TSC started over.
 */
static void vm_resumed(struct baton_vm *vm, u64 lost_ticks)
{
	struct baton_vcpu *vcpu;
	u32 i;

	lost_ticks = baton_tsc_scale(vm, lost_ticks);
	if (lost_ticks)
		baton_clock_tsc_jumped(vm, lost_ticks);
	vm->tsc_offset += lost_ticks;
	atomic64_inc(&vm->tlb_gen);
	baton_for_each_vcpu(vm, i, vcpu) {
		vcpu->tsc_offset += lost_ticks;
		vcpu->dirty |= BATON_ST_TSC;
		WRITE_ONCE(vcpu->apic.timer_fired, true);
	}
	baton_request_all(vm, BATON_REQ_EVENT);
}

/* No lock: tasks are frozen and one CPU is up. */
void baton_vms_resumed(u64 lost_ticks)
{
	struct baton_vm *vm;

	list_for_each_entry(vm, &vm_list, list)
		vm_resumed(vm, lost_ticks);
}
