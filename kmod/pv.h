/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Paravirtual services in the ABI that KVM has published: lazy EOI. The clock is
 * in pvclock.h.
 */
#ifndef BATON_PV_H
#define BATON_PV_H

#include <linux/types.h>

struct baton_vcpu;

/*
 * Lazy EOI. offer: sets the flag in guest memory by which the guest may end its
 * interrupt; false: it has to write EOI. take: the flag is to be clear again; true: the
 * guest has ended that interrupt. Owner thread, in a window or out of it.
 */
bool baton_pv_eoi_offer(struct baton_vcpu *vcpu);
bool baton_pv_eoi_take(struct baton_vcpu *vcpu);

#endif
