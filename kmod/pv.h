/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paravirtual services in the ABI that KVM has published: lazy EOI, steal time,
 * hypercalls. The clock is in pvclock.h.
 */
#ifndef BATON_PV_H
#define BATON_PV_H

#include <linux/types.h>

struct baton_vcpu;
struct pid;

#define BATON_STEAL_LOOK	(~0ull)	/* baton_pv.steal_seen: look in any case */
#define BATON_YIELD_ANY		(~0u)

/* Legend: vcpu.h. */
struct baton_pv {
	bool unhalt;			/* a: ends HLT, or the next one, whatever IF is */
	bool away;			/* a: the thread is off the CPU */
	u32 yield_to;			/* V: with BATON_REQ_YIELD: an APIC id, BATON_YIELD_ANY */
	u64 steal_seen;			/* V: the thread's time of waiting as of its last turn */
	u64 steal_base;			/* V: … that the guest has been told; of `runner` */
	spinlock_t runner_lock;
	struct pid *runner;	/* V and runner_lock to write: of the thread that ran it last */
};

/*
 * Lazy EOI. offer: sets the flag in guest memory by which the guest may end its
 * interrupt; false: it has to write EOI. take: the flag is to be clear again; true: the
 * guest has ended that interrupt. Owner thread, in a window or out of it.
 */
bool baton_pv_eoi_offer(struct baton_vcpu *vcpu);
bool baton_pv_eoi_take(struct baton_vcpu *vcpu);

/*
 * Steal time. away: the thread is about to give the CPU away. back: it has it again, and
 * the guest is about to run. Both are the vCPU's thread's, out of a window, and may sleep.
 */
void baton_pv_away(struct baton_vcpu *vcpu);
void baton_pv_back(struct baton_vcpu *vcpu);

/* VMCALL, in the window: KVM_HC_*; a negative KVM_E* on failure. */
long baton_pv_hypercall(struct baton_vcpu *vcpu, u64 nr, const u64 *args, u32 width);

/* BATON_REQ_YIELD: gives the CPU to a vCPU that waits for one. By the vCPU's thread. */
void baton_pv_yield(struct baton_vcpu *vcpu);
/* Another thread than before runs the vCPU: yields go to it from now on. May sleep. */
void baton_pv_runner(struct baton_vcpu *vcpu);

#endif
