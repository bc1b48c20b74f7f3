// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events into the guest (SDM vol. 3, "Event Injection", "VM Exits Induced by the
 * TPR …" excepted: CR8 exits, so the APIC model knows the priority).
 *
 * One event can be injected per entry: exception, cut-short event, NMI,
 * interrupt (the 8259's, then the local APIC's), in this order. The 8259's vector
 * is asked of the monitor when it can be taken, and comes back as if cut short.
 * What cannot go in now is waited for:
 *
 *   interrupt, IF clear or shadow	interrupt-window exiting
 *   NMI during an NMI handler	NMI-window exiting. Hardware remembers that NMIs
 *				are blocked, and that IRET unblocks them
 *   NMI behind another event	the same: the window is open at the first
 *				instruction of the other event's handler
 *
 * Both are asked for anew before each entry that finds something due, or finds
 * them on; vmx_controls_window() writes only what changed.
 *
 * Delivery cut short by an exit (EPT violation on IDT or stack, a nested fault
 * that exits) shows in the IDT-vectoring information. Software interrupts, INT1,
 * INT3 and INTO are not injected again: RIP is still on the instruction, and the
 * guest executes it once more.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "trace.h"
#include "vmx.h"

/* What the next entry is to do. */
struct plan {
	u32 info;		/* VM-entry interruption information; 0: nothing */
	u32 error;
	u32 windows;		/* CPU_BASED_*_WINDOW_EXITING */
};

static void plan_event(struct plan *plan, u8 vector, enum baton_event_type type)
{
	plan->info = INTR_INFO_VALID_MASK | type << VMX_INTR_TYPE_SHIFT | vector;
}

/*
 * Of an exception: entries are refused with an error code where there is none to
 * be, and without one where it must be (SDM vol. 3, "VM-Entry Control Fields").
 */
static void plan_error(struct vmx_vcpu *vmx, struct plan *plan, u32 error)
{
	if (!baton_has_error_code(plan->info & INTR_INFO_VECTOR_MASK, vmx->base.sregs.cr0))
		return;
	plan->info |= INTR_INFO_DELIVER_CODE_MASK;
	plan->error = error & BATON_ERROR_CODE_BITS;
}

/* ---- exceptions and cut-short events -------------------------------- */

static void plan_exception(struct vmx_vcpu *vmx, struct plan *plan)
{
	struct baton_pending *ev = &vmx->base.ev;

	ev->exception = false;
	if (baton_sets_rf(ev->vector)) {
		vmx->base.regs.rflags = vmx_rflags(vmx) | X86_EFLAGS_RF;
		vmcs_write(GUEST_RFLAGS, vmx->base.regs.rflags);
	}
	plan_event(plan, ev->vector, BATON_EVENT_EXCEPTION);
	plan_error(vmx, plan, ev->has_error ? ev->error : 0);
}

static bool takes_interrupt(struct vmx_vcpu *vmx, const struct plan *plan)
{
	return !plan->info && vmx_rflags(vmx) & X86_EFLAGS_IF &&
	       !(vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & VMX_SHADOW);
}

static bool takes_nmi(const struct plan *plan)
{
	return !plan->info && !(vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) &
				(VMX_SHADOW | GUEST_INTR_STATE_NMI));
}

/*
 * Behind STI the processor need not hold the NMI window back (SDM vol. 3, "Other Causes of
 * VM Exits"): it would exit in the shadow for ever. IF is 1 there, so the other one comes.
 * An event that goes in ends the shadow.
 */
static u32 nmi_window(const struct plan *plan)
{
	return !plan->info && vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_STI ?
	       CPU_BASED_INTR_WINDOW_EXITING : CPU_BASED_NMI_WINDOW_EXITING;
}

static void plan_again(struct vmx_vcpu *vmx, struct plan *plan)
{
	struct baton_pending *ev = &vmx->base.ev;

	/* Behind an exception whose handler is to run with interrupts off. */
	if (ev->reinject_type == BATON_EVENT_INTR && !takes_interrupt(vmx, plan)) {
		plan->windows |= CPU_BASED_INTR_WINDOW_EXITING;
		return;
	}
	if (ev->reinject_type == BATON_EVENT_NMI && !takes_nmi(plan)) {
		plan->windows |= nmi_window(plan);
		return;
	}
	ev->reinject = false;
	plan_event(plan, ev->reinject_vector, ev->reinject_type);
}

/* ---- NMI and interrupts --------------------------------------------- */

static void plan_nmi(struct vmx_vcpu *vmx, struct plan *plan)
{
	if (!takes_nmi(plan)) {
		plan->windows |= nmi_window(plan);
		return;
	}
	vmx->base.ev.nmi = false;
	plan_event(plan, X86_TRAP_NMI, BATON_EVENT_NMI);
}

/* False: INTA is due. */
static bool plan_interrupt(struct vmx_vcpu *vmx, struct plan *plan)
{
	struct baton_vcpu *vcpu = &vmx->base;
	bool extint = baton_extint_due(vcpu);
	int vector = baton_lapic_pending(vcpu);

	if (unlikely(extint) && takes_interrupt(vmx, plan))
		return false;
	if (vector >= 0 && takes_interrupt(vmx, plan)) {
		baton_lapic_accept(vcpu, vector);
		plan_event(plan, vector, BATON_EVENT_INTR);
		baton_count(vcpu, BATON_STAT_IRQ_INJECTED);
		vector = baton_lapic_pending(vcpu);
	}
	if (vector >= 0 || unlikely(extint))
		plan->windows |= CPU_BASED_INTR_WINDOW_EXITING;
	return true;
}

/* ---- the slow path of an entry -------------------------------------- */

/* Hardware clears the valid bit at the exit, so nothing planned writes nothing. */
static void carry_out(struct vmx_vcpu *vmx, const struct plan *plan)
{
	if (plan->info & INTR_INFO_DELIVER_CODE_MASK)
		vmcs_write32(VM_ENTRY_EXCEPTION_ERROR_CODE, plan->error);
	if (plan->info) {
		trace_baton_inject(vmx->base.id, plan->info >> VMX_INTR_TYPE_SHIFT & 7, plan->info,
				   plan->error);
		vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, plan->info);
	}
	vmx_controls_window(vmx, plan->windows);
}

/*
 * The monitor's step. An event that goes in first is one of its own: TF would be in what
 * it saves. Time is over at its handler's first instruction. No interrupt comes meanwhile,
 * so a shadow is not missed, with which TF would mean a #DB at once.
 */
static void step(struct vmx_vcpu *vmx, const struct plan *plan)
{
	u64 rflags = vmx_rflags(vmx);

	if (plan->info) {
		vmcs_update32(VMX_PREEMPTION_TIMER_VALUE, &vmx->timer, 0);
		return;
	}
	vmx->step = true;
	vmx->step_tf = rflags & X86_EFLAGS_TF;
	if (vmx->step_tf)
		return;
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO,
		     vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & ~VMX_SHADOW);
	vmcs_write(GUEST_RFLAGS, rflags | X86_EFLAGS_TF);
}

/* At the exit, whichever it is: what is left of the step is nobody's. */
void vmx_event_step_end(struct vmx_vcpu *vmx)
{
	vmx->step = false;
	if (vmx->step_tf)
		return;
	vmx->base.regs.rflags = vmx_rflags(vmx) & ~X86_EFLAGS_TF;
	vmcs_write(GUEST_RFLAGS, vmx->base.regs.rflags);
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS,
		   vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS) & ~DR_STEP);
}

/* Something is due or waited for. */
bool vmx_event_inject(struct vmx_vcpu *vmx)
{
	struct baton_vcpu *vcpu = &vmx->base;
	struct baton_pending *ev = &vcpu->ev;
	struct plan plan = {};

	if (READ_ONCE(vcpu->nmi_posted) && xchg(&vcpu->nmi_posted, false))
		ev->nmi = true;
	if (ev->exception)
		plan_exception(vmx, &plan);
	if (ev->reinject)
		plan_again(vmx, &plan);
	if (unlikely(baton_steps(vcpu))) {
		step(vmx, &plan);
		carry_out(vmx, &plan);
		return true;
	}
	if (ev->nmi)
		plan_nmi(vmx, &plan);
	if (!ev->reinject && !plan_interrupt(vmx, &plan))
		return false;
	carry_out(vmx, &plan);
	return true;
}

/* ---- after an exit -------------------------------------------------- */

static void set_nmi_blocking(bool blocked)
{
	u32 blocking = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & ~GUEST_INTR_STATE_NMI;

	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, blocking | (blocked ? GUEST_INTR_STATE_NMI : 0));
}

static void note_cut_short(struct vmx_vcpu *vmx, u32 info, u32 error_field)
{
	u8 type = (info & INTR_INFO_INTR_TYPE_MASK) >> VMX_INTR_TYPE_SHIFT;
	bool has_error = info & INTR_INFO_DELIVER_CODE_MASK;

	if (type > BATON_EVENT_EXCEPTION)
		return;
	/* Not delivered yet, so it blocks nothing yet. */
	if (type == BATON_EVENT_NMI)
		set_nmi_blocking(false);
	baton_note_cut_short(&vmx->base, type, info & INTR_INFO_VECTOR_MASK, has_error,
			     has_error ? vmcs_read32(error_field) : 0);
}

/*
 * An exit of those kinds that can come in the middle of something: an event's
 * delivery, which is noted for the next entry, or an IRET that has unblocked
 * NMIs already (nmi_unblocked, by the exit's own information) and will be
 * executed again. What that makes of a fault: BATON_ACCESS_EVENT or 0.
 */
u32 vmx_event_cut_short(struct vmx_vcpu *vmx, bool nmi_unblocked)
{
	u32 info = vmcs_read32(IDT_VECTORING_INFO_FIELD);

	if (unlikely(info & INTR_INFO_VALID_MASK))
		note_cut_short(vmx, info, IDT_VECTORING_ERROR_CODE);
	else if (unlikely(nmi_unblocked))
		set_nmi_blocking(true);
	return info & INTR_INFO_VALID_MASK ? BATON_ACCESS_EVENT : 0;
}

/* A machine check ended the entry before its event; nothing but the field knows of that. */
void vmx_event_not_entered(struct vmx_vcpu *vmx)
{
	u32 info = vmcs_read32(VM_ENTRY_INTR_INFO_FIELD);

	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	if (info & INTR_INFO_VALID_MASK)
		note_cut_short(vmx, info, VM_ENTRY_EXCEPTION_ERROR_CODE);
}

/*
 * #DB exit: a single step that is due while a shadow lasts must be pending at the
 * next entry (SDM vol. 3, "Checks on Guest Non-Register State"), and this kind
 * of exit does not save it.
 */
void vmx_event_keep_step(struct vmx_vcpu *vmx)
{
	if (vmx_rflags(vmx) & X86_EFLAGS_TF &&
	    vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & VMX_SHADOW)
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS,
			   vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS) | DR_STEP);
}

/* ---- BATON_ST_EVENTS ------------------------------------------------ */

/* After REGS: the monitor or a reset set both. */
void vmx_event_shadows_load(struct vmx_vcpu *vmx)
{
	const struct baton_pending *ev = &vmx->base.ev;
	u32 blocking = ev->nmi_blocked ? GUEST_INTR_STATE_NMI : 0;

	/* Entries are refused with both, and with STI's if IF is clear. */
	if (ev->movss_shadow || (ev->sti_shadow && !(vmx_rflags(vmx) & X86_EFLAGS_IF)))
		blocking |= GUEST_INTR_STATE_MOV_SS;
	else if (ev->sti_shadow)
		blocking |= GUEST_INTR_STATE_STI;
	vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, blocking);
	vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, 0);
	/* A failed entry leaves its event there; these events replace it. */
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmx_event_keep_step(vmx);
}

void vmx_event_shadows_save(struct vmx_vcpu *vmx)
{
	u32 blocking = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	struct baton_pending *ev = &vmx->base.ev;

	ev->sti_shadow = blocking & GUEST_INTR_STATE_STI;
	ev->movss_shadow = blocking & GUEST_INTR_STATE_MOV_SS;
	ev->nmi_blocked = blocking & GUEST_INTR_STATE_NMI;
}
