/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MOVs to the local APIC's page and to ioeventfds, the only instructions the module
 * decodes.
 */
#ifndef BATON_APIC_PAGE_H
#define BATON_APIC_PAGE_H

#include "hvops.h"

/* In the window; regs and sregs of the cache are current. */
enum baton_next baton_apic_page(struct baton_vcpu *vcpu, u64 gpa, u32 access);
/* A write to gpa, where ioeventfds are: signals one of them, or it is the monitor's. */
enum baton_next baton_ioeventfd_page(struct baton_vcpu *vcpu, u64 gpa);

#endif
