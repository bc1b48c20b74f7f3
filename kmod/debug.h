/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Debug registers of guest, host and monitor, and the monitor's debugging of a guest
 * (BATON_SET_GUEST_DEBUG). fpu.c.
 */
#ifndef BATON_DEBUG_H
#define BATON_DEBUG_H

#include "vcpu.h"

/* 0 or -EINVAL. A step begins at RIP as it is now. */
int baton_set_guest_debug(struct baton_vcpu *vcpu, const struct baton_guest_debug *in);

/*
 * #DB that exited: the monitor's part of the causes goes there, the rest is queued.
 * step: it was one of ours and not the guest's, so `causes` lacks it.
 */
enum baton_next baton_exit_trap(struct baton_vcpu *vcpu, u64 causes, bool step);
/* For the monitor; vcpu->regs.rip must be current. */
enum baton_next baton_exit_debug(struct baton_vcpu *vcpu, u8 vector, u64 dr6);

/* Is the next instruction to be the only one? The guest's interrupts wait then. */
static inline bool baton_steps(const struct baton_vcpu *vcpu)
{
	return vcpu->debug.flags & BATON_DEBUG_STEP;
}

/*
 * Exceptions that exit for the monitor's sake. A step is RFLAGS.TF, which faults would
 * save where the guest sees it: they exit, and go in without it.
 */
static inline u32 baton_debug_exceptions(const struct baton_vcpu *vcpu)
{
	return (baton_steps(vcpu) ? 0x97ce1 : 0) |
	       (vcpu->debug.flags & BATON_DEBUG_SW_BREAK ? BIT(X86_TRAP_BP) : 0);
}

/* As hardware is to have it: the monitor's breakpoints, or the guest's. */
static inline u64 baton_dr7(const struct baton_vcpu *vcpu)
{
	return vcpu->debug.flags & BATON_DEBUG_HW_BREAK ? vcpu->debug.dr7 : vcpu->dbg.dr7;
}

static inline void baton_debug_enter(struct baton_vcpu *vcpu)
{
	bool guest_armed = baton_dr7(vcpu) & DR7_ARMED;

	vcpu->host_debug.saved = hw_breakpoint_active() || guest_armed;
	if (unlikely(vcpu->host_debug.saved))
		baton_debug_switch(vcpu, guest_armed);
}

static inline void baton_debug_leave(struct baton_vcpu *vcpu)
{
	if (unlikely(vcpu->host_debug.saved))
		baton_debug_restore(&vcpu->host_debug);
}

/* Is it a fault, whose saved RFLAGS have RF? Injecting one does not see to that. */
static inline bool baton_sets_rf(u8 vector)
{
	return vector < 32 && !(BIT(vector) & 0x4011e); /* traps and aborts */
}

#endif
