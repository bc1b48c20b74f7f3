// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events into the guest (APM vol. 2, "Event Injection", "Interrupt and Local
 * APIC Support").
 *
 * One event can be injected per entry: exception, cut-short event, NMI,
 * interrupt (the 8259's, then the local APIC's), in this order. The 8259's vector
 * is asked of the monitor when it can be taken, and comes back as if cut short.
 * What cannot go in now is waited for:
 *
 *   interrupt, IF clear or shadow	V_IRQ: a made-up virtual interrupt that the
 *				VINTR intercept turns into an exit at the first
 *				moment when the guest would take it
 *   interrupt, TPR too high	intercept of CR8 writes (V_TPR does not exit)
 *   NMI during an NMI handler	intercept of IRET. It comes before the IRET is
 *				executed, so one single step follows if another
 *				NMI waits; if none does, NMIs are unblocked at
 *				the first exit that sees RIP elsewhere
 *
 * Hardware has no memory of NMI blocking: ev.nmi_blocked is it.
 *
 * Delivery cut short by an exit (a nested fault on the IDT or the stack) shows
 * in exit_int_info. Software interrupts, INT3, INTO and ICEBP are not injected again:
 * RIP is still on the instruction, and the guest executes it once more. But for #BP,
 * #OF and #DB that were injected, by us or who debugs the guest: RIP is behind it then.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "compat.h"
#include "svm.h"
#include "trace.h"

/*
 * INT3, INTO or ICEBP: executed once more if it was cut short, but not if we injected it.
 * Other #DBs than ICEBP's exit before their delivery begins.
 */
static bool is_trap(u8 type, u8 vector)
{
	return type == BATON_EVENT_EXCEPTION && vector < 5 && BIT(vector) &
	       (BIT(X86_TRAP_DB) | BIT(X86_TRAP_BP) | BIT(X86_TRAP_OF));
}

/* Its handler may have executed one of its own since the entry. */
static bool is_our_trap(const struct svm_vcpu *svm)
{
	return svm->watch & SVM_WATCH_TRAP && svm->vcpu.regs.rip == svm->trap_rip;
}

/* The error code is pushed where the processor would push one, and nowhere else. */
static void inject(struct svm_vcpu *svm, u8 vector, enum baton_event_type type, u32 error)
{
	struct svm_vmcb *vmcb = svm->vmcb;
	bool has_error = type == BATON_EVENT_EXCEPTION && baton_has_error_code(vector, vmcb->cr0);

	trace_baton_inject(svm->vcpu.id, type, vector, error);
	if (is_trap(type, vector)) {
		/* Processors that know NRIP push that, not RIP. */
		vmcb->next_rip = svm->trap_rip = svm->vcpu.regs.rip;
		svm->watch |= SVM_WATCH_TRAP;
	}
	vmcb->event_inj_error = has_error ? error : 0;
	vmcb->event_inj = SVM_EVTINJ_VALID | type << SVM_EVTINJ_TYPE_SHIFT | vector |
			  (has_error ? SVM_EVTINJ_VALID_ERR : 0);
}

static bool in_shadow(const struct svm_vcpu *svm)
{
	return svm->vmcb->int_state & SVM_INTERRUPT_SHADOW_MASK;
}

static bool takes_interrupt(const struct svm_vcpu *svm)
{
	return svm->vcpu.regs.rflags & X86_EFLAGS_IF && !in_shadow(svm) &&
	       !svm->vmcb->event_inj;
}

/* ---- waiting for a better moment ------------------------------------ */

static void open_window(struct svm_vcpu *svm)
{
	struct svm_vmcb *vmcb = svm->vmcb;

	svm->watch |= SVM_WATCH_IRQ;
	vmcb->int_vector = 0;
	vmcb_set_int_ctl(vmcb, vmcb->int_ctl | V_IRQ_MASK | V_IGN_TPR_MASK |
			 V_INTR_PRIO_MASK);
	vmcb_intercept(vmcb, SVM_EXIT_VINTR, true);
}

/* Also at the VINTR exit: the guest would take an interrupt now. */
void svm_event_window(struct svm_vcpu *svm)
{
	struct svm_vmcb *vmcb = svm->vmcb;

	svm->watch &= ~SVM_WATCH_IRQ;
	vmcb_set_int_ctl(vmcb, vmcb->int_ctl & ~(V_IRQ_MASK | V_IGN_TPR_MASK |
						 V_INTR_PRIO_MASK));
	vmcb_intercept(vmcb, SVM_EXIT_VINTR, false);
}

/* Run one instruction, then have a #DB exit. */
static void step_begin(struct svm_vcpu *svm)
{
	u64 *rflags = &svm->vcpu.regs.rflags;

	svm->watch |= SVM_WATCH_STEP;
	svm->step_tf = *rflags & X86_EFLAGS_TF;
	*rflags |= X86_EFLAGS_TF;
}

static void step_end(struct svm_vcpu *svm)
{
	svm->watch &= ~SVM_WATCH_STEP;
	if (!svm->step_tf)
		svm->vcpu.regs.rflags &= ~X86_EFLAGS_TF;
}

/* ---- NMI ------------------------------------------------------------ */

/* IRET exit: NMIs are unblocked once it has been executed. */
void svm_event_iret(struct svm_vcpu *svm)
{
	vmcb_intercept(svm->vmcb, SVM_EXIT_IRET, false);
	svm->watch |= SVM_WATCH_IRET;
	svm->iret_rip = svm->vcpu.regs.rip;
}

static void block_nmi(struct svm_vcpu *svm, bool blocked)
{
	svm->vcpu.ev.nmi_blocked = blocked;
	svm->watch &= ~SVM_WATCH_IRET;
	vmcb_intercept(svm->vmcb, SVM_EXIT_IRET, blocked);
}

/* #DB exit: if it is the step over that IRET (or out of a shadow), it is ours. */
bool svm_event_stepped(struct svm_vcpu *svm)
{
	bool guests_own = svm->step_tf;

	if (!(svm->watch & SVM_WATCH_STEP) || !(svm->vmcb->dr6 & DR_STEP))
		return false;
	if (svm->watch & SVM_WATCH_IRET) {
		block_nmi(svm, false);
		/* TF is what IRET has loaded. */
		svm->step_tf = true;
	}
	step_end(svm);
	return !guests_own;
}

/*
 * What the guest did meanwhile without an exit for it: IRET executed, shadow
 * over. Any number of times between two runs of the guest.
 */
void svm_event_settle(struct svm_vcpu *svm)
{
	/* Any exit but #DB ends the step; what it was for is asked for again. */
	if (unlikely(svm->watch & SVM_WATCH_STEP))
		step_end(svm);
	if (unlikely(svm->watch & SVM_WATCH_IRET) && svm->vcpu.regs.rip != svm->iret_rip)
		block_nmi(svm, false);
	/* Hardware has one bit for both. Without IF it is MOV SS's: VT-x refuses the other. */
	svm->vcpu.ev.movss_shadow = in_shadow(svm) && !(svm->vcpu.regs.rflags & X86_EFLAGS_IF);
	svm->vcpu.ev.sti_shadow = in_shadow(svm) && !svm->vcpu.ev.movss_shadow;
}

/* At an exit with something watched for; before the handler, which may skip. */
void svm_event_exit(struct svm_vcpu *svm)
{
	svm->watch &= ~SVM_WATCH_TRAP;
	if ((u32)svm->vmcb->exit_code != SVM_EXIT_EXCP_BASE + X86_TRAP_DB)
		svm_event_settle(svm);
}

/* Two events at once: the guest takes one, and exits before its first instruction. */
static void exit_at_once(void)
{
	arch_smp_send_reschedule(smp_processor_id());
}

static void try_nmi(struct svm_vcpu *svm)
{
	struct baton_pending *ev = &svm->vcpu.ev;

	if (svm->vmcb->event_inj) {
		exit_at_once();
		return;
	}
	if (ev->nmi_blocked) {
		if (svm->watch & SVM_WATCH_IRET)
			step_begin(svm);
		return;
	}
	if (in_shadow(svm)) {
		if (svm->vcpu.regs.rflags & X86_EFLAGS_IF)
			open_window(svm);
		else
			step_begin(svm);
		return;
	}
	ev->nmi = false;
	inject(svm, 0, BATON_EVENT_NMI, 0);
	block_nmi(svm, true);
}

/* ---- interrupts ----------------------------------------------------- */

/* Is there a vector that only the task priority holds back? */
static bool tpr_holds_back(struct baton_vcpu *vcpu)
{
	int irr = vcpu->apic.highest_irr;

	return irr >= 0 && irr >> 4 <= baton_lapic_cr8(vcpu);
}

/* False: INTA is due. */
static bool try_interrupt(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;
	bool extint = baton_extint_due(vcpu);
	int vector = baton_lapic_pending(vcpu);

	if (unlikely(extint) && takes_interrupt(svm))
		return false;
	if (vector >= 0 && takes_interrupt(svm)) {
		baton_lapic_accept(vcpu, vector);
		inject(svm, vector, BATON_EVENT_INTR, 0);
		baton_count(vcpu, BATON_STAT_IRQ_INJECTED);
		vector = baton_lapic_pending(vcpu);
	}
	if (vector >= 0 || unlikely(extint))
		open_window(svm);
	vmcb_intercept(svm->vmcb, SVM_EXIT_WRITE_CR8, vector < 0 && tpr_holds_back(vcpu));
	return true;
}

/*
 * What goes in before a step would have its TF in what it saves. With IF set the window
 * would open before the step, too.
 */
static bool wait_for_step(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;

	if (!(vcpu->regs.rflags & X86_EFLAGS_IF) &&
	    (baton_lapic_pending(vcpu) >= 0 || baton_extint_due(vcpu)))
		open_window(svm);
	return true;
}

/* ---- the slow path of an entry -------------------------------------- */

static void inject_exception(struct svm_vcpu *svm)
{
	struct baton_pending *ev = &svm->vcpu.ev;

	ev->exception = false;
	if (baton_sets_rf(ev->vector))
		svm->vcpu.regs.rflags |= X86_EFLAGS_RF;
	inject(svm, ev->vector, BATON_EVENT_EXCEPTION, ev->has_error ? ev->error : 0);
}

static void reinject(struct svm_vcpu *svm)
{
	struct baton_pending *ev = &svm->vcpu.ev;

	/* Behind an exception whose handler is to run with interrupts off. */
	if (ev->reinject_type == BATON_EVENT_INTR && !takes_interrupt(svm)) {
		open_window(svm);
		return;
	}
	if (svm->vmcb->event_inj) {
		exit_at_once();
		return;
	}
	ev->reinject = false;
	inject(svm, ev->reinject_vector, ev->reinject_type, 0);
	if (ev->reinject_type == BATON_EVENT_NMI)
		block_nmi(svm, true);
}

/*
 * The monitor's step. An event that goes in first is one of its own: TF would be in
 * what it saves.
 */
static void step(struct svm_vcpu *svm)
{
	if (svm->vmcb->event_inj)
		exit_at_once();
	else
		step_begin(svm);
}

/* Something is due or watched for. Idempotent if nothing can go in. */
bool svm_event_inject(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;
	struct baton_pending *ev = &vcpu->ev;

	svm_event_settle(svm);
	if (svm->watch & SVM_WATCH_IRQ)
		svm_event_window(svm);
	if (READ_ONCE(vcpu->nmi_posted) && xchg(&vcpu->nmi_posted, false))
		ev->nmi = true;
	if (ev->exception)
		inject_exception(svm);
	if (ev->reinject)
		reinject(svm);
	if (unlikely(baton_steps(vcpu))) {
		step(svm);
		return true;
	}
	if (ev->nmi)
		try_nmi(svm);
	return ev->reinject || (svm->watch & SVM_WATCH_STEP ? wait_for_step(svm) :
							      try_interrupt(svm));
}

/* An exit interrupted the delivery of an event: note it for the next entry. */
void svm_event_cut_short(struct svm_vcpu *svm)
{
	u32 info = svm->vmcb->exit_int_info;
	u8 type = (info & SVM_EVTINJ_TYPE_MASK) >> SVM_EVTINJ_TYPE_SHIFT;
	u8 vector = info & SVM_EVTINJ_VEC_MASK;

	if (type == SVM_EVENT_SOFT ||
	    (is_trap(type, vector) && !is_our_trap(svm)))
		return;
	/* Not delivered yet, so it blocks nothing yet. */
	if (type == BATON_EVENT_NMI)
		block_nmi(svm, false);
	baton_note_cut_short(&svm->vcpu, type, vector, info & SVM_EVTINJ_VALID_ERR,
			     svm->vmcb->exit_int_error);
}

/* BATON_ST_EVENTS is dirty: the monitor or a reset set them. */
void svm_event_load(struct svm_vcpu *svm)
{
	const struct baton_pending *ev = &svm->vcpu.ev;

	svm->vmcb->int_state = ev->sti_shadow || ev->movss_shadow ? SVM_INTERRUPT_SHADOW_MASK : 0;
	svm->watch &= ~SVM_WATCH_STEP;
	block_nmi(svm, ev->nmi_blocked);
}
