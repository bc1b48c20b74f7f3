// SPDX-License-Identifier: GPL-2.0-only
/*
 * BATON_RUN: the loop around windows.
 *
 * Each turn looks at what other contexts asked for (requests, signals), opens a
 * window, and does outside of it what a window must not do: sleep in HLT, fault
 * in a host page, return to the monitor. What needs none of these never comes
 * here: the backend handles it and enters again.
 *
 * Kicks: the mode is published with a full barrier before requests are looked
 * at for the last time; senders set a request, then look at the mode. So either
 * we see the request or they see GUEST and send an interrupt, which stays
 * pending (interrupts are off) and ends the first entry at once. The same order
 * makes TLB flushes safe: the backend compares vm->tlb_gen after that barrier.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <linux/static_call.h>
#include <linux/task_work.h>
#include <linux/uaccess.h>
#include <asm/mce.h>
#include <asm/ptrace.h>
#include <asm/tsc.h>

#include "compat.h"
#include "debug.h"
#include "hwcpu.h"
#include "slots.h"
#include "trace.h"
#include "vcpu_state.h"
#include "window.h"

DEFINE_PER_CPU(u64, baton_last_guest);
DEFINE_STATIC_CALL_NULL(baton_hv_run, *baton_hv->run);

/* Fast exits in one window: a bound on how long interrupts stay off. */
#define WINDOW_BUDGET 256

static unsigned int halt_poll_ns = 50000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "at most how long a vCPU in HLT stays awake; 0: not at all");

/* Internal to this file: what a step of the loop says. */
enum step {
	STEP_AGAIN,
	STEP_RETURN,	/* run page is filled in */
};

/* The vector goes on as an interrupt does whose delivery was cut short. */
static int finish_inta(struct baton_vcpu *vcpu)
{
	s32 vector = READ_ONCE(vcpu->run->inta.vector);

	if (vector < BATON_INTA_NONE || vector > 255)
		return -EINVAL;
	vcpu->answer_due = 0;
	if (vector == BATON_INTA_NONE)
		return 0;
	/* Nothing waits there: INTA was asked for because nothing was in its way. */
	vcpu->ev.reinject = true;
	vcpu->ev.reinject_type = BATON_EVENT_INTR;
	vcpu->ev.reinject_vector = vector;
	baton_count(vcpu, BATON_STAT_IRQ_INJECTED);
	return 0;
}

/* What the monitor was asked for. 0, or -EINVAL: it is still to be answered. */
static int take_answer(struct baton_vcpu *vcpu)
{
	u64 *rax = &vcpu->regs.gpr[BATON_RAX];
	u32 size = vcpu->answer_due, mask;

	if (size == BATON_ANSWER_INTA)
		return finish_inta(vcpu);
	mask = ~0u >> (32 - 8 * size);
	/* 32 bits clear the upper half. */
	*rax = (size < 4 ? *rax & ~(u64)mask : 0) | (READ_ONCE(vcpu->run->pio.data) & mask);
	vcpu->answer_due = 0;
	return 0;
}

static enum step return_with(struct baton_vcpu *vcpu, enum baton_exit_reason reason)
{
	WRITE_ONCE(vcpu->run->exit_reason, reason);
	return STEP_RETURN;
}

/* CS is one of many registers that are loaded at once, so all have to be in the cache. */
static int start_up(struct baton_vcpu *vcpu)
{
	u8 vector = READ_ONCE(vcpu->apic.sipi_vector);
	struct baton_segment *cs = &vcpu->sregs.seg[BATON_CS];
	int r;

	if (vcpu->mp_state != BATON_MP_WAIT_SIPI)
		return 0;
	r = baton_state_need(vcpu, BATON_ST_SREGS);
	if (r)
		return r;
	cs->selector = vector << 8;
	cs->base = vector << 12;
	vcpu->regs.rip = 0;
	vcpu->dirty |= BATON_ST_REGS | BATON_ST_SREGS;
	vcpu->mp_state = BATON_MP_RUNNABLE;
	return 0;
}

/* INIT resets from the whole current state, so that has to be in the cache. */
static int take_init(struct baton_vcpu *vcpu)
{
	int r = baton_state_need(vcpu, BATON_ST_ALL);

	if (r)
		return r;
	baton_vcpu_reset(vcpu, true);
	vcpu->mp_state = vcpu->apic.base & MSR_IA32_APICBASE_BSP ? BATON_MP_RUNNABLE :
								   BATON_MP_WAIT_SIPI;
	return 0;
}

static enum step memory_exit(struct baton_vcpu *vcpu, unsigned long hva, int error)
{
	vcpu->run->memory = (struct baton_exit_memory) {
		.gpa = vcpu->fault.gpa, .hva = hva, .error = error,
		.access = vcpu->fault.access,
	};
	return return_with(vcpu, BATON_EXIT_MEMORY);
}

/* The page of guest code that a window could not read: have it in memory. */
static enum step touch(struct baton_vcpu *vcpu)
{
	u8 byte __maybe_unused;

	vcpu->secrets_seen = true;
	/* A slot that has gone meanwhile took its memory along. */
	if (!get_user(byte, (u8 __user *)vcpu->touch_hva) ||
	    baton_gpa_to_hva(vcpu->vm, vcpu->touch_gpa, 1, false) != vcpu->touch_hva)
		return STEP_AGAIN;
	vcpu->fault = (struct baton_fault) { .gpa = vcpu->touch_gpa };
	return memory_exit(vcpu, vcpu->touch_hva, -EFAULT);
}

static bool take_request(struct baton_vcpu *vcpu, enum baton_req req)
{
	return test_bit(req, &vcpu->requests) && test_and_clear_bit(req, &vcpu->requests);
}

/* If the state cannot be had just now: once more at the next call. */
static int take_or_keep(struct baton_vcpu *vcpu, int req, int (*take)(struct baton_vcpu *vcpu))
{
	int r = take_request(vcpu, req) ? take(vcpu) : 0;

	if (r)
		set_bit(req, &vcpu->requests);
	return r;
}

static int take_start_up(struct baton_vcpu *vcpu)
{
	/* First: then the INIT that was sent before it is seen, too. */
	bool sipi = test_bit(BATON_REQ_SIPI, &vcpu->requests);
	int r = take_or_keep(vcpu, BATON_REQ_INIT, take_init);

	return r || !sipi ? r : take_or_keep(vcpu, BATON_REQ_SIPI, start_up);
}

static enum step tell_eoi(struct baton_vcpu *vcpu)
{
	baton_count(vcpu, BATON_STAT_EOI);
	vcpu->run->eoi.vector = vcpu->apic.eoi_vector;
	return return_with(vcpu, BATON_EXIT_EOI);
}

static enum step handle_requests(struct baton_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->vm->dead))
		return return_with(vcpu, BATON_EXIT_NONE);
	take_request(vcpu, BATON_REQ_EVENT);
	/* Nearly always it is nothing but that. */
	if (likely(!READ_ONCE(vcpu->requests)))
		return STEP_AGAIN;
	/* First: whoever saves the vCPU after this call knows of it by this exit only. */
	if (take_request(vcpu, BATON_REQ_EOI))
		return tell_eoi(vcpu);
	if (take_request(vcpu, BATON_REQ_TOUCH) && touch(vcpu) == STEP_RETURN)
		return STEP_RETURN;
	if (take_request(vcpu, BATON_REQ_CLOCK))
		baton_pvclock_update(vcpu);
	if (take_start_up(vcpu))
		return return_with(vcpu, BATON_EXIT_NONE);
	if (take_request(vcpu, BATON_REQ_YIELD))
		baton_pv_yield(vcpu);
	if (take_request(vcpu, BATON_REQ_SHUTDOWN))
		return return_with(vcpu, BATON_EXIT_SHUTDOWN);
	if (take_request(vcpu, BATON_REQ_KICK))
		return return_with(vcpu, BATON_EXIT_NONE);
	return STEP_AGAIN;
}

/*
 * Something new since may_go_on() looked. A vector that waits for the guest's IF
 * is not new: a guest that halts for good sleeps for good.
 */
static bool wakes(struct baton_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) || signal_pending(current) ||
	       (vcpu->mp_state == BATON_MP_HALTED &&
		(READ_ONCE(vcpu->nmi_posted) || baton_apic_has_news(&vcpu->apic)));
}

/*
 * An event that ends HLT: NMI, or an interrupt if IF lets it in; or one that is under way,
 * such as HLT's own single step.
 */
static bool may_go_on(struct baton_vcpu *vcpu)
{
	const struct baton_pending *ev = &vcpu->ev;
	bool interruptible = vcpu->regs.rflags & X86_EFLAGS_IF;

	if (vcpu->mp_state != BATON_MP_HALTED)
		return false;
	if (ev->exception || (ev->reinject && (ev->reinject_type || interruptible)))
		return true;
	/* Taken over here, so that what is left in nmi_posted is new to wakes(). */
	if (READ_ONCE(vcpu->nmi_posted) && xchg(&vcpu->nmi_posted, false))
		vcpu->ev.nmi = true;
	if (vcpu->ev.nmi && !vcpu->ev.nmi_blocked)
		return true;
	if (READ_ONCE(vcpu->pv.unhalt))
		return true;
	return (baton_lapic_pending(vcpu) >= 0 || baton_extint_due(vcpu)) && interruptible;
}

/*
 * A short sleep costs more than it gives. So the thread stays awake for as long as it
 * takes, if that has been short of late, and nobody else wants the CPU.
 */
static bool poll(struct baton_vcpu *vcpu)
{
	u64 begin = rdtsc();

	while (rdtsc() - begin < vcpu->poll_ticks) {
		if (wakes(vcpu))
			return true;
		if (need_resched() || !single_task_running())
			break;
		cpu_relax();
	}
	return false;
}

/* What the sleep that is over says about the next one. */
static void poll_learn(struct baton_vcpu *vcpu, u64 slept)
{
	u64 most = (u64)READ_ONCE(halt_poll_ns) * tsc_khz / 1000000;

	if (slept > most || vcpu->vm->no_halt_poll || !vcpu->msr.pv_poll)
		vcpu->poll_ticks = 0;
	else
		vcpu->poll_ticks = min(max(2 * vcpu->poll_ticks, most / 16), most);
}

static void sleep(struct baton_vcpu *vcpu)
{
	u64 begin = rdtsc();

	baton_pv_away(vcpu);
	baton_count_time(vcpu, BATON_STAT_HALTED_NS, -ktime_get_ns());
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		/* Pairs with kick() of vcpu.c, as in run_window(). */
		smp_store_mb(vcpu->mode, BATON_MODE_BLOCKED);
		if (wakes(vcpu))
			break;
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	baton_count_time(vcpu, BATON_STAT_HALTED_NS, ktime_get_ns());
	WRITE_ONCE(vcpu->mode, BATON_MODE_OUT);
	/* All this before a deadline, if there is one. */
	poll_learn(vcpu, rdtsc() - begin);
	baton_pv_back(vcpu);
	baton_timer_wake(vcpu);
}

static enum step block(struct baton_vcpu *vcpu)
{
	if (may_go_on(vcpu)) {
		vcpu->mp_state = BATON_MP_RUNNABLE;
		WRITE_ONCE(vcpu->pv.unhalt, false);
		return STEP_AGAIN;
	}
	baton_timer_block(vcpu);
	if (!vcpu->poll_ticks || !poll(vcpu))
		sleep(vcpu);
	return STEP_AGAIN;
}

/* As if from user mode: what can be recovered kills the monitor at most. */
void baton_machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

/* Interrupts that waited for the window to close count as the guest's time. */
static void take_interrupts(void)
{
	current->flags |= PF_VCPU;
	local_irq_enable();
	/* STI's shadow is one instruction: it must not be the one that ends it. */
	asm volatile("nop");
	current->flags &= ~PF_VCPU;
}

static enum baton_next run_window(struct baton_vcpu *vcpu)
{
	enum baton_next next = BATON_LEAVE;
	u64 start;

	preempt_disable();
	local_irq_disable();
	if (unlikely(vcpu->cpu != smp_processor_id())) {
		WRITE_ONCE(vcpu->cpu, smp_processor_id());
		baton_pvclock_moved(vcpu);
	}
	smp_store_mb(vcpu->mode, BATON_MODE_GUEST);
	vcpu->budget = WINDOW_BUDGET;
	if (unlikely(baton_steps(vcpu)))
		vcpu->budget = 2; /* one entry */
	if (likely(baton_may_stay(vcpu))) {
		start = rdtsc();
		/* An exit that was made outside of a window left its own there. */
		vcpu->save = READ_ONCE(vcpu->run->want) & BATON_ST_SREGS;
		baton_count(vcpu, BATON_STAT_WINDOWS);
		next = static_call(baton_hv_run)(vcpu);
		baton_count_time(vcpu, BATON_STAT_GUEST_NS, rdtsc() - start);
	}
	/* The last use of a translation before the flush sender's look at mode. */
	smp_store_release(&vcpu->mode, BATON_MODE_OUT);
	/*
	 * The tick of a guest that never halts comes here only, where it takes this thread
	 * for a reader: grace periods would wait long, and RCU tasks (tracers) for ever.
	 */
	if (next == BATON_LEAVE) {
		rcu_note_context_switch(false);
		if (unlikely(vcpu->clock_is_line && check_tsc_unstable())) {
			/* All of them: guests may read the page of one that halts. */
			vcpu->clock_is_line = false;
			baton_request_all(vcpu->vm, BATON_REQ_CLOCK);
		}
	}
	take_interrupts();
	/* Else a preemptible kernel takes the CPU from here, and no one hears of it. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT) && unlikely(need_resched()))
		baton_pv_away(vcpu);
	preempt_enable();
	return next;
}

/* Apart, so that windows without a fault do not pay for this one's frame. */
static noinline enum step resolve_fault(struct baton_vcpu *vcpu)
{
	unsigned long hva = 0;
	u32 kind = BATON_EMULATE_MMIO;
	int r;

	vcpu->secrets_seen = true;
	baton_count(vcpu, BATON_STAT_FAULTS);
	r = baton_fault_resolve(vcpu, &kind, &hva);
	trace_baton_fault(vcpu->id, vcpu->fault.gpa, vcpu->fault.access, r);
	if (!r || r == -EINTR || r == -EAGAIN)
		return STEP_AGAIN; /* a signal is seen at the loop's top */
	if (r < 0)
		return memory_exit(vcpu, hva, r);
	/* The slot went away between the exit and here. */
	baton_exit_emulate(vcpu, kind);
	return STEP_RETURN;
}

static enum step run_step(struct baton_vcpu *vcpu)
{
	enum baton_next next;

	if (unlikely(vcpu->pv.steal_seen != baton_run_delay()))
		baton_pv_back(vcpu);
	next = run_window(vcpu);
	if (next == BATON_FAULT)
		return resolve_fault(vcpu);
	return next == BATON_TO_USER ? STEP_RETURN : STEP_AGAIN;
}

/* One turn: requests first, then sleep or run. */
static enum step turn(struct baton_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->requests) && handle_requests(vcpu) == STEP_RETURN)
		return STEP_RETURN;
	/* Whoever did the instruction, or took the guest to a handler. */
	if (unlikely(baton_steps(vcpu)) && vcpu->regs.rip != vcpu->step_rip) {
		baton_exit_debug(vcpu, X86_TRAP_DB, DR_STEP);
		return STEP_RETURN;
	}
	if (unlikely(vcpu->mp_state != BATON_MP_RUNNABLE))
		return block(vcpu);
	return run_step(vcpu);
}

/* Work that is done on the way to user space, and that wants to be done soon. */
static bool user_mode_work(void)
{
	if (likely(!test_thread_flag(TIF_NOTIFY_RESUME)))
		return false;
	/* The flag alone (restartable sequences set it at each preemption) can wait. */
#ifdef CONFIG_MEMCG
	if (current->memcg_nr_pages_over_high)
		return true;
#endif
	return task_work_pending(current);
}

/*
 * What the host wants of this thread. 0: go on; 1: return to user space; -EINTR: a
 * signal. The kernel's own helper for this takes a struct kvm_vcpu, and follows it.
 */
static noinline int host_work_slow(struct baton_vcpu *vcpu)
{
	if (signal_pending(current))
		return -EINTR;
	if (user_mode_work())
		return 1;
	if (READ_ONCE(current_thread_info()->flags) &
	    (_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)) {
		baton_pv_away(vcpu);
		schedule();
	}
	return 0;
}

/* Most of the time there is none: one look at all the flags says so. */
static int host_work(struct baton_vcpu *vcpu)
{
	const unsigned long any = _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME |
				  _TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY;

	if (likely(!(READ_ONCE(current_thread_info()->flags) & any)))
		return 0;
	return host_work_slow(vcpu);
}

static int export(struct baton_vcpu *vcpu)
{
	u32 classes = READ_ONCE(vcpu->run->want) & BATON_CLASS_ALL;
	u32 reason = READ_ONCE(vcpu->run->exit_reason);

	if (reason == BATON_EXIT_EMULATE)
		classes |= READ_ONCE(vcpu->run->emulate.access) & BATON_ACCESS_LONG64 ?
				   BATON_CLASS_REGS : BATON_CLASS_ALL;
	if (unlikely(reason == BATON_EXIT_TASK_SWITCH))
		classes = BATON_CLASS_ALL;
	/* `have` is 0 already. */
	if (!classes)
		return 0;
	/*
	 * An exit that has happened must reach the monitor. Without the registers (and
	 * `have` says so) it can do that with all but EMULATE; there the guest runs
	 * into the same once more.
	 */
	if (baton_run_export(vcpu, classes) && reason == BATON_EXIT_EMULATE)
		WRITE_ONCE(vcpu->run->exit_reason, BATON_EXIT_NONE);
	return 0;
}

int baton_vcpu_run(struct baton_vcpu *vcpu)
{
	struct baton_run *run = vcpu->run;
	int r;

	vcpu->secrets_seen = true;
	if (READ_ONCE(vcpu->vm->dead))
		return -EIO;
	if (unlikely(READ_ONCE(vcpu->pv.runner) != task_pid(current)))
		baton_pv_runner(vcpu);
	r = vcpu->answer_due ? take_answer(vcpu) : 0;
	if (!r && READ_ONCE(run->commit))
		r = baton_run_commit(vcpu);
	if (r)
		return r;
	WRITE_ONCE(run->exit_reason, BATON_EXIT_NONE);
	WRITE_ONCE(run->have, 0);
	if (READ_ONCE(run->immediate_exit)) {
		/* For whoever saves the vCPU: what waits for it becomes state, or an exit. */
		take_start_up(vcpu);
		if (take_request(vcpu, BATON_REQ_EOI))
			tell_eoi(vcpu);
		return 0;
	}
	do {
		r = host_work(vcpu);
		if (unlikely(r) && !test_bit(BATON_REQ_EOI, &vcpu->requests))
			return r < 0 ? r : export(vcpu);
		if (READ_ONCE(baton_hw_stopped))
			return -EAGAIN;
	} while (turn(vcpu) == STEP_AGAIN);
	if (READ_ONCE(vcpu->vm->dead))
		return -EIO;
	baton_count(vcpu, BATON_STAT_TO_MONITOR);
	return export(vcpu);
}
