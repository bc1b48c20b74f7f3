/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paravirtual clock of a VM: KVM's ABI, so that a stock Linux keeps time with no
 * timer chip. Guest time is a straight line over the host's TSC.
 */
#ifndef BATON_PVCLOCK_H
#define BATON_PVCLOCK_H

#include <linux/seqlock.h>
#include <linux/types.h>

#include "baton_ioctl.h"

struct baton_vcpu;
struct baton_vm;

/* Guest time was `ns` when the host's TSC, scaled as the VM's, was `tsc`. */
struct baton_clock_line {
	seqlock_t lock;
	u64 tsc, ns;		/* lock */
	u32 mul;		/* immutable: ns = (tsc << shift) * mul >> 32 */
	s8 shift;		/* immutable; negative: to the right */
};

/* Of the host's TSC, or of a stretch of it: in ticks of the VM's. */
u64 baton_tsc_scale_slow(const struct baton_vm *vm, u64 ticks);
/* And back; a stretch of some days stands for all that are longer. */
u64 baton_tsc_unscale(const struct baton_vm *vm, u64 ticks);
/* BATON_SET_TSC_KHZ; vm->lock held. 0, -EINVAL, -EBUSY, -EOPNOTSUPP. */
int baton_vm_set_tsc_khz(struct baton_vm *vm, const struct baton_tsc_khz *arg);

/* The VM's TSCs and its clock begin here and now, at 0. */
void baton_clock_init(struct baton_vm *vm);
/* Guest time, ns. Any context. */
u64 baton_vm_clock_ns(struct baton_vm *vm);
/* Process context; vCPUs show the new time from their next entry on. */
void baton_vm_clock_set(struct baton_vm *vm, u64 ns);
/* Its vCPUs did not run for a while; their clocks tell the guest. Any context. */
void baton_vm_stopped(struct baton_vm *vm);
/* The TSC went back by `ticks` of the VM's (resume): guest time goes on. Tasks are frozen. */
void baton_clock_tsc_jumped(struct baton_vm *vm, u64 ticks);

/* BATON_REQ_CLOCK: writes what the guest asked for. Process context, sleeps. */
void baton_pvclock_update(struct baton_vcpu *vcpu);
/* The vCPU came to another CPU, in its window: is its clock still right? */
void baton_pvclock_moved(struct baton_vcpu *vcpu);

#endif
