/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMCB page and the accessors that keep its clean bits true: whoever
 * changes a cached field does it here or calls vmcb_touch() for its group.
 * RIP, RSP, RAX, RFLAGS, event_inj, int_state and tlb_control are not cached.
 */
#ifndef BATON_VMCB_H
#define BATON_VMCB_H

#include "svm_defs.h"

static inline void vmcb_touch(struct svm_vmcb *vmcb, u32 groups)
{
	vmcb->clean &= ~groups;
}

static inline void vmcb_intercept(struct svm_vmcb *vmcb, u32 icpt, bool on)
{
	u32 *word = &vmcb->intercept[icpt / 32];
	u32 bit = BIT(icpt % 32);

	if (!(*word & bit) == !on)
		return;
	*word ^= bit;
	vmcb_touch(vmcb, SVM_CLEAN_INTERCEPTS);
}

static inline void vmcb_set_int_ctl(struct svm_vmcb *vmcb, u32 int_ctl)
{
	if (vmcb->int_ctl == int_ctl)
		return;
	vmcb->int_ctl = int_ctl;
	vmcb_touch(vmcb, SVM_CLEAN_INTR);
}

static inline void vmcb_set_asid(struct svm_vmcb *vmcb, u32 asid)
{
	vmcb->asid = asid;
	vmcb_touch(vmcb, SVM_CLEAN_ASID);
}

static inline void vmcb_set_dr(struct svm_vmcb *vmcb, u64 dr6, u64 dr7)
{
	vmcb->dr6 = dr6;
	vmcb->dr7 = dr7;
	vmcb_touch(vmcb, SVM_CLEAN_DR);
}

static inline void vmcb_set_tsc_offset(struct svm_vmcb *vmcb, u64 offset)
{
	vmcb->tsc_offset = offset;
	vmcb_touch(vmcb, SVM_CLEAN_INTERCEPTS);
}

#endif
