/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MOVs to the local APIC's page and to ioeventfds, the only instructions the module
 * decodes; and the monitor's way to that page, for all others.
 */
#ifndef BATON_APIC_PAGE_H
#define BATON_APIC_PAGE_H

#include "eventfds.h"
#include "vcpu.h"

/* In the window; regs and sregs of the cache are current, and vcpu->fault is filled. */
enum baton_next baton_apic_page(struct baton_vcpu *vcpu, u64 gpa);
/* A write to gpa, where ioeventfds are: signals one of them, or it is the monitor's. */
enum baton_next baton_ioeventfd_page(struct baton_vcpu *vcpu, u64 gpa);
/* Is an access for these two? Once, before baton_exit_fault(). */
static inline bool baton_exit_decodes(const struct baton_vcpu *vcpu, u64 gpa, u32 access)
{
	return baton_apic_owns(&vcpu->apic, gpa) ||
	       ((access & (BATON_ACCESS_WRITE | BATON_ACCESS_WALK)) == BATON_ACCESS_WRITE &&
		rcu_access_pointer(vcpu->vm->ioeventfds) && baton_ioeventfd_at(vcpu->vm, gpa));
}
/* BATON_APIC_ACCESS: 0, -EINVAL or -ENXIO; see ABI.md. Out of the window. */
int baton_apic_access(struct baton_vcpu *vcpu, struct baton_apic_access *io);

#endif
