/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * MOVs to the local APIC's page, the only instructions the module decodes.
 */
#ifndef BATON_APIC_PAGE_H
#define BATON_APIC_PAGE_H

#include "hvops.h"

/* In the window; regs and sregs of the cache are current. */
enum baton_next baton_apic_page(struct baton_vcpu *vcpu, u64 gpa, u32 access);

#endif
