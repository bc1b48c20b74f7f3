/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paravirtual clock of a VM: KVM's ABI, so that a stock Linux keeps time with no
 * timer chip. Guest time is a straight line over the host's TSC.
 */
#ifndef BATON_PVCLOCK_H
#define BATON_PVCLOCK_H

#include <linux/seqlock.h>
#include <linux/types.h>

struct baton_vcpu;
struct baton_vm;

/* Guest time was `ns` when the host's TSC was `tsc`. */
struct baton_clock_line {
	seqlock_t lock;
	u64 tsc, ns;		/* lock */
	u32 mul;		/* immutable: ns = (tsc << shift) * mul >> 32 */
	s8 shift;		/* immutable; negative: to the right */
};

/* The line begins here and now, at 0. */
void baton_clock_init(struct baton_vm *vm);
/* Guest time, ns. Any context. */
u64 baton_vm_clock_ns(struct baton_vm *vm);
/* Process context; vCPUs show the new time from their next entry on. */
void baton_vm_clock_set(struct baton_vm *vm, u64 ns);
/* The host's TSC went back by `ticks` (resume): guest time goes on. Tasks are frozen. */
void baton_clock_tsc_jumped(struct baton_vm *vm, u64 ticks);

/* BATON_REQ_CLOCK: writes what the guest asked for. Process context, sleeps. */
void baton_pvclock_update(struct baton_vcpu *vcpu);
/* The vCPU came to another CPU, in its window: is its clock still right? */
void baton_pvclock_moved(struct baton_vcpu *vcpu);

#endif
