/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both backends do to the processor in a window: bare MSR accesses, and
 * barriers between guests.
 */
#ifndef BATON_WINDOW_H
#define BATON_WINDOW_H

#include <linux/percpu.h>
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

#include "vcpu.h"

/* run.c: vcpu->serial of the guest that ran last on a CPU. */
DECLARE_PER_CPU(u64, baton_last_guest);

/*
 * MSRs that are known to exist, by the bare instruction: the kernel's accessors go
 * through a table of paravirtual calls and a test for tracing. A fault all the
 * same is one kernel warning, no oops.
 */
static __always_inline u64 baton_rdmsr(u32 msr)
{
	u32 low, high;

	asm volatile("1: rdmsr\n2:\n" _ASM_EXTABLE_TYPE(1b, 2b, EX_TYPE_RDMSR)
		     : "=a" (low), "=d" (high) : "c" (msr));
	return low | (u64)high << 32;
}

static __always_inline void baton_wrmsr(u32 msr, u64 value)
{
	asm volatile("1: wrmsr\n2:\n" _ASM_EXTABLE_TYPE(1b, 2b, EX_TYPE_WRMSR)
		     : : "c" (msr), "a" ((u32)value), "d" ((u32)(value >> 32)) : "memory");
}

/* An MSR, if it is there, that is 0 in guests. True: the host has *value in it. */
static __always_inline bool baton_put_away(bool there, u32 msr, u64 *value)
{
	u64 now = there ? baton_rdmsr(msr) : 0;

	if (likely(!now))
		return false;
	*value = now;
	baton_wrmsr(msr, 0);
	return true;
}

/* *value is 0 if nothing was put away, and so it is after. */
static __always_inline void baton_bring_back(u32 msr, u64 *value)
{
	if (*value)
		baton_wrmsr(msr, *value);
	*value = 0;
}

static __always_inline void baton_predictor_barrier(void)
{
	if (static_cpu_has(X86_FEATURE_IBPB))
		baton_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

/*
 * Once a window. Where IBPB leaves return predictions (X86_BUG_IBPB_NO_RET), the
 * entry code's fill after each exit is what takes them away.
 */
static __always_inline void baton_guest_barrier(const struct baton_vcpu *vcpu)
{
	/* Another guest ran here last: it must not steer this one's predictions. */
	if (unlikely(this_cpu_read(baton_last_guest) != vcpu->serial)) {
		this_cpu_write(baton_last_guest, vcpu->serial);
		baton_predictor_barrier();
	}
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	/* VMSCAPE: predictions trained by the guest must not reach the monitor. */
	if (static_cpu_has(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
#endif
}

#endif
