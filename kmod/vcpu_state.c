// SPDX-License-Identifier: GPL-2.0-only
/*
 * Architectural state in and out (see vcpu_state.h). Between windows the truth
 * of a class is the cache in struct baton_vcpu if vcpu->valid says so, else the
 * backend's control block.
 */
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <asm/debugreg.h>

#include "vcpu_state.h"

int baton_state_need(struct baton_vcpu *vcpu, u32 classes)
{
	u32 missing = classes & ~vcpu->valid;
	int r;

	if (!missing)
		return 0;
	r = baton_hv->state_fetch(vcpu, missing);
	if (!r)
		vcpu->valid |= missing;
	return r;
}

int baton_get_regs(struct baton_vcpu *vcpu, struct baton_regs *out)
{
	*out = vcpu->regs;
	return 0;
}

static void regs_were_set(struct baton_vcpu *vcpu)
{
	vcpu->dirty |= BATON_ST_REGS;
	/* A jump by the monitor leaves no half-done instruction behind. */
	if (vcpu->answer_due != BATON_ANSWER_INTA)
		vcpu->answer_due = 0;
}

int baton_set_regs(struct baton_vcpu *vcpu, const struct baton_regs *in)
{
	if (!baton_regs_ok(in->rip, in->rflags))
		return -EINVAL;
	vcpu->regs = *in;
	vcpu->step_rip = in->rip;
	regs_were_set(vcpu);
	return 0;
}

int baton_get_sregs(struct baton_vcpu *vcpu, struct baton_sregs *out)
{
	int r = baton_state_need(vcpu, BATON_ST_SREGS);

	if (r)
		return r;
	*out = vcpu->sregs;
	out->cr8 = baton_lapic_cr8(vcpu);
	out->apic_base = vcpu->apic.base;
	return 0;
}

int baton_set_sregs(struct baton_vcpu *vcpu, const struct baton_sregs *in)
{
	int r = baton_check_sregs(vcpu, in);

	if (r)
		return r;
	if (in->apic_base != vcpu->apic.base && !baton_lapic_restore_base(vcpu, in->apic_base))
		return -EINVAL;
	baton_lapic_set_cr8(vcpu, in->cr8);
	vcpu->sregs = *in;
	/* Of a processor that keeps none. Not to be had: as far as the guest gets without. */
	if (baton_uses_pdptes(in) && !memchr_inv(in->pdpte, 0, sizeof(in->pdpte)))
		while (!baton_load_pdptes(vcpu) && !fatal_signal_pending(current) &&
		       test_and_clear_bit(BATON_REQ_TOUCH, &vcpu->requests) &&
		       !fault_in_readable((const char __user *)vcpu->touch_hva, 32))
			;
	vcpu->valid |= BATON_ST_SREGS;
	vcpu->dirty |= BATON_ST_SREGS;
	return 0;
}

int baton_get_debugregs(struct baton_vcpu *vcpu, struct baton_debugregs *out)
{
	*out = vcpu->dbg;
	return 0;
}

int baton_set_debugregs(struct baton_vcpu *vcpu, const struct baton_debugregs *in)
{
	int r = baton_check_debugregs(in);

	if (r)
		return r;
	vcpu->dbg = *in;
	/* As the guest's own MOV would. */
	vcpu->dbg.dr6 = (in->dr6 & DR6_WRITABLE) | DR6_RESERVED;
	vcpu->dbg.dr7 = (in->dr7 & DR7_WRITABLE) | DR7_FIXED;
	vcpu->dirty |= BATON_ST_DEBUG;
	return 0;
}

int baton_get_events(struct baton_vcpu *vcpu, struct baton_events *out)
{
	struct baton_pending *ev = &vcpu->ev;
	int r = baton_state_need(vcpu, BATON_ST_EVENTS);

	if (r)
		return r;
	/* What SET_EVENTS replaces is what was told; what comes in between stays. */
	ev->nmi |= xchg(&vcpu->nmi_posted, false);
	if (vcpu->mp_state == BATON_MP_HALTED && xchg(&vcpu->pv.unhalt, false))
		vcpu->mp_state = BATON_MP_RUNNABLE;
	memset(out, 0, sizeof(*out));
	out->mp_state = vcpu->mp_state;
	out->sipi_vector = vcpu->apic.sipi_vector;
	if (ev->exception) {
		out->flags |= BATON_EV_EXCEPTION | (ev->has_error ? BATON_EV_ERROR_CODE : 0);
		out->exception = ev->vector;
		out->error_code = ev->error;
	}
	/* It waits behind the exception, if there is one. */
	if (ev->reinject && ev->reinject_type == BATON_EVENT_INTR) {
		out->flags |= BATON_EV_INTERRUPT;
		out->interrupt = ev->reinject_vector;
	}
	if (ev->nmi || (ev->reinject && ev->reinject_type == BATON_EVENT_NMI))
		out->flags |= BATON_EV_NMI_PENDING;
	out->flags |= (ev->nmi_blocked ? BATON_EV_NMI_BLOCKED : 0) |
		      (ev->sti_shadow ? BATON_EV_STI_SHADOW : 0) |
		      (ev->movss_shadow ? BATON_EV_MOVSS_SHADOW : 0);
	return 0;
}

int baton_set_events(struct baton_vcpu *vcpu, const struct baton_events *in)
{
	struct baton_pending ev = {};
	int r = baton_check_events(in);

	if (r)
		return r;
	if (in->flags & BATON_EV_EXCEPTION) {
		ev.exception = true;
		ev.vector = in->exception;
		ev.has_error = in->flags & BATON_EV_ERROR_CODE;
		ev.error = in->error_code;
	}
	if (in->flags & BATON_EV_INTERRUPT) {
		ev.reinject = true;
		ev.reinject_vector = in->interrupt;
	}
	ev.nmi = in->flags & BATON_EV_NMI_PENDING;
	ev.nmi_blocked = in->flags & BATON_EV_NMI_BLOCKED;
	ev.sti_shadow = in->flags & BATON_EV_STI_SHADOW;
	ev.movss_shadow = in->flags & BATON_EV_MOVSS_SHADOW;
	vcpu->ev = ev;
	/* Its answer would come on top of these. */
	if (vcpu->answer_due == BATON_ANSWER_INTA)
		vcpu->answer_due = 0;
	vcpu->mp_state = in->mp_state;
	vcpu->valid |= BATON_ST_EVENTS;
	vcpu->dirty |= BATON_ST_EVENTS;
	return 0;
}

/*
 * Copied once: another thread may write to the page meanwhile. Apart, so that
 * those who commit less do not pay for this one's frame.
 */
static noinline int commit_sregs(struct baton_vcpu *vcpu)
{
	struct baton_sregs sregs = vcpu->run->sregs;

	return baton_set_sregs(vcpu, &sregs);
}

/* Of REGS what is checked is read once; the others take any value. */
int baton_run_commit(struct baton_vcpu *vcpu)
{
	const struct baton_regs *page = &vcpu->run->regs;
	u64 rip = READ_ONCE(page->rip), rflags = READ_ONCE(page->rflags);
	u32 classes = READ_ONCE(vcpu->run->commit);
	int r;

	if (classes & ~BATON_CLASS_ALL ||
	    (classes & BATON_CLASS_REGS && !baton_regs_ok(rip, rflags)))
		return -EINVAL;
	if (classes & BATON_CLASS_SREGS) {
		r = commit_sregs(vcpu);
		if (r)
			return r;
	}
	if (classes & BATON_CLASS_REGS) {
		memcpy(vcpu->regs.gpr, page->gpr, sizeof(page->gpr));
		vcpu->regs.rip = rip;
		vcpu->regs.rflags = rflags;
		regs_were_set(vcpu);
	}
	WRITE_ONCE(vcpu->run->commit, 0);
	return 0;
}

int baton_run_export(struct baton_vcpu *vcpu, u32 classes)
{
	struct baton_run *run = vcpu->run;
	int r = 0;

	if (classes & BATON_CLASS_REGS)
		r = baton_get_regs(vcpu, &run->regs);
	if (!r && classes & BATON_CLASS_SREGS)
		r = baton_get_sregs(vcpu, &run->sregs);
	WRITE_ONCE(run->have, r ? 0 : classes);
	return r;
}
