// SPDX-License-Identifier: GPL-2.0-only
/*
 * Paravirtual services (see pv.h; the guest's side is the kernel's
 * Documentation/virt/kvm/x86/msr.rst and hypercalls.rst).
 *
 * Lazy EOI: as long as nothing waits behind an edge-triggered interrupt, its end
 * need not be known at once. So the guest notes it by clearing a flag in its memory,
 * with no exit, and the flag is looked at when the next interrupt comes (lapic.c).
 *
 * Steal time: how long the thread has waited for a CPU is the scheduler's to know. It
 * changes whenever the thread has been away, so that comparing is all that a turn costs.
 * A vCPU whose thread is away says so in the same structure. Others then leave a flush
 * of its TLB to it by a bit there, which has to be taken and cleared in one step.
 */
#include <linux/irqflags.h>
#include <linux/kvm_para.h>
#include <linux/pagemap.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "slots.h"
#include "vcpu.h"

static bool exchange(u8 __user *flag, u8 new, u8 *ret_old)
{
	return !__get_user(*ret_old, flag) && (*ret_old == new || !__put_user(new, flag));
}

/* A window can neither wait for the lock nor mark a dirty log: it does without. */
static bool swap_in_window(struct baton_vcpu *vcpu, u64 gpa, u8 new, u8 *ret_old)
{
	const struct baton_memslot *slot;
	bool ok;

	slot = baton_slot_find(rcu_dereference_sched(vcpu->vm->slots), gpa);
	if (!slot || slot->flags & BATON_SLOT_READONLY || slot->dirty)
		return false;
	pagefault_disable();
	ok = exchange((u8 __user *)baton_slot_hva(slot, gpa), new, ret_old);
	pagefault_enable();
	return ok;
}

/* Writes the flag, and says what it was. */
static bool swap_flag(struct baton_vcpu *vcpu, u8 new, u8 *ret_old)
{
	u64 gpa = vcpu->msr.pv_eoi & ~BATON_PV_ENABLED;
	u8 __user *flag;
	bool ok;

	if (irqs_disabled())
		return swap_in_window(vcpu, gpa, new, ret_old);
	flag = baton_write_begin(vcpu->vm, gpa, sizeof(*flag));
	ok = flag && exchange(flag, new, ret_old);
	baton_write_end(vcpu->vm, gpa, sizeof(*flag));
	return ok;
}

bool baton_pv_eoi_offer(struct baton_vcpu *vcpu)
{
	u8 old;

	return swap_flag(vcpu, 1, &old);
}

/*
 * A flag that cannot be had just now counts as cleared. Should the guest not have done
 * so, it will, and not write EOI: the interrupt's end only comes too early.
 */
bool baton_pv_eoi_take(struct baton_vcpu *vcpu)
{
	u8 old;

	return !swap_flag(vcpu, 0, &old) || !(old & 1);
}

/* --- steal time ---------------------------------------------------------------- */

void baton_pv_away(struct baton_vcpu *vcpu)
{
	struct kvm_steal_time __user *area;
	u64 gpa = vcpu->msr.pv_steal & ~BATON_PV_ENABLED;

	if (vcpu->pv.away)
		return;
	WRITE_ONCE(vcpu->pv.away, true);
	vcpu->pv.steal_seen = BATON_STEAL_LOOK;
	if (!(vcpu->msr.pv_steal & BATON_PV_ENABLED))
		return;
	area = baton_write_begin(vcpu->vm, gpa, sizeof(*area));
	/* A hint: if it cannot be had, others interrupt us for nothing. */
	if (area)
		__put_user(KVM_VCPU_PREEMPTED, &area->preempted);
	baton_write_end(vcpu->vm, gpa, sizeof(*area));
}

/* From here on others send us an interrupt. What had they left to us before? */
static bool end_preempted(struct kvm_steal_time __user *area, u8 *ret_old)
{
	u8 old;

	if (__get_user(old, &area->preempted) || !user_access_begin(area, sizeof(*area)))
		return false;
	while (old && !unsafe_try_cmpxchg_user(&area->preempted, &old, (u8)0, fault))
		;
	user_access_end();
	*ret_old = old;
	return true;
fault:
	user_access_end();
	return false;
}

static void add_steal(struct kvm_steal_time __user *area, u64 ns)
{
	u32 version;
	u64 steal;

	if (__get_user(version, &area->version) || __get_user(steal, &area->steal))
		return;
	version = (version + 1) | 1;
	if (__put_user(version, &area->version))
		return;
	smp_wmb(); /* odd before, even after; the guest's readers pair with it */
	__put_user(steal + ns, &area->steal);
	smp_wmb();
	__put_user(version + 1, &area->version);
}

void baton_pv_back(struct baton_vcpu *vcpu)
{
	u64 delay = baton_run_delay(), late = delay - vcpu->pv.steal_base;
	u64 gpa = vcpu->msr.pv_steal & ~BATON_PV_ENABLED;
	struct kvm_steal_time __user *area;
	u8 old = KVM_VCPU_FLUSH_TLB;
	bool done;

	/* Also where nobody is told: what was before the guest asks is not its own. */
	vcpu->pv.steal_base = delay;
	vcpu->pv.steal_seen = delay;
	WRITE_ONCE(vcpu->stats[BATON_STAT_READY_NS], delay);
	WRITE_ONCE(vcpu->pv.away, false);
	if (!(vcpu->msr.pv_steal & BATON_PV_ENABLED))
		return;
	/* Before the guest runs: whom others take for away they do not interrupt. */
	do {
		/* There is memory that can be faulted in and not be written: shadow stacks. */
		cond_resched();
		area = baton_write_begin(vcpu->vm, gpa, sizeof(*area));
		done = !area || end_preempted(area, &old);
		if (done && area && late)
			add_steal(area, late);
		baton_write_end(vcpu->vm, gpa, sizeof(*area));
	} while (!done && !signal_pending(current) &&
		 !fault_in_safe_writeable((char __user *)area, sizeof(*area)));
	if (!area)
		return;
	if (old & KVM_VCPU_FLUSH_TLB)
		vcpu->dirty |= BATON_ST_TLB;
	if (done)
		return;
	/* Memory that is not to be had may have said so; nobody knows that we are back. */
	vcpu->pv.steal_seen = BATON_STEAL_LOOK;
	vcpu->pv.steal_base -= late;
}

/* --- yielding -------------------------------------------------------------------- */

void baton_pv_runner(struct baton_vcpu *vcpu)
{
	struct pid *old = vcpu->pv.runner;

	/* Another thread's waiting was not this vCPU's. */
	vcpu->pv.steal_base = baton_run_delay();
	/* Not RCU, whose end this thread would have to wait for before it runs the guest. */
	spin_lock(&vcpu->pv.runner_lock);
	WRITE_ONCE(vcpu->pv.runner, get_task_pid(current, PIDTYPE_PID));
	spin_unlock(&vcpu->pv.runner_lock);
	put_pid(old);
}

/* True: it ran, or will before long. Only a thread that wants a CPU and has none. */
static bool yield_to_vcpu(struct baton_vcpu *target)
{
	struct task_struct *task;
	bool done;

	if (!target || !READ_ONCE(target->pv.away) || READ_ONCE(target->mode) != BATON_MODE_OUT)
		return false;
	spin_lock(&target->pv.runner_lock);
	task = get_pid_task(target->pv.runner, PIDTYPE_PID);
	spin_unlock(&target->pv.runner_lock);
	if (!task)
		return false;
	done = task != current && yield_to(task, true) > 0;
	put_task_struct(task);
	return done;
}

void baton_pv_yield(struct baton_vcpu *vcpu)
{
	struct baton_vm *vm = vcpu->vm;
	u32 i, top = READ_ONCE(vm->vcpu_top), to = vcpu->pv.yield_to;

	vcpu->pv.yield_to = BATON_YIELD_ANY;
	if (to != BATON_YIELD_ANY) {
		yield_to_vcpu(baton_vcpu_by_id(vm, to));
		return;
	}
	/* The one that was away longest is not known: in turns, after ourselves. */
	for (i = 1; i < top; i++)
		if (yield_to_vcpu(READ_ONCE(vm->vcpus[(vcpu->id + i) % top])))
			return;
}

/* --- hypercalls -------------------------------------------------------------------- */

/* Ends the HLT that the vCPU is in, or the one that comes next, whatever its IF. */
static long kick(struct baton_vm *vm, u64 id)
{
	struct baton_vcpu *target = baton_vcpu_by_id(vm, id);

	if (target) {
		WRITE_ONCE(target->pv.unhalt, true);
		baton_request(target, BATON_REQ_EVENT);
	}
	return 0;
}

/* Bit n of `bits` stands for the vCPU with APIC id n + min. */
static u64 shift_targets(u64 bits, u64 min)
{
	return min < BATON_MAX_VCPUS ? bits << min : 0;
}

static long yield_later(struct baton_vcpu *vcpu, u64 id)
{
	struct baton_vcpu *target = baton_vcpu_by_id(vcpu->vm, id);

	/* Not out of a window: in the next turn, and only if there is a point in it. */
	if (target && READ_ONCE(target->pv.away)) {
		vcpu->pv.yield_to = id;
		set_bit(BATON_REQ_YIELD, &vcpu->requests);
	}
	return 0;
}

long baton_pv_hypercall(struct baton_vcpu *vcpu, u64 nr, const u64 *args, u32 width)
{
	const struct baton_cpuid_table *cpuid = &vcpu->cpuid;

	if (nr == KVM_HC_KICK_CPU && baton_guest_has(cpuid, BATON_GF_PV_UNHALT))
		return kick(vcpu->vm, args[1]);
	if (nr == KVM_HC_SEND_IPI && baton_guest_has(cpuid, BATON_GF_PV_SEND_IPI))
		return baton_apic_send_set(vcpu, shift_targets(args[0], args[2]) |
					   shift_targets(args[1], args[2] + width), args[3]);
	if (nr == KVM_HC_SCHED_YIELD && baton_guest_has(cpuid, BATON_GF_PV_YIELD))
		return yield_later(vcpu, args[0]);
	return -KVM_ENOSYS;
}
