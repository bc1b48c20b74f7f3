/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x as the SDM (volume 3, "Virtual-Machine Extensions") lays it out: what
 * <asm/vmx.h> does not name, or names otherwise from release to release (bits of
 * the capability MSRs). The first part is for vmx_entry.S too.
 */
#ifndef BATON_VMX_DEFS_H
#define BATON_VMX_DEFS_H

/* struct vmx_switch as the entry code sees it; vmx.h asserts the layout. */
#define VMX_SW_HOST_RSP		0
#define VMX_SW_GUEST_SPEC_CTRL	8
#define VMX_SW_HOST_SPEC_CTRL	16
#define VMX_SW_FLAGS		24

#define VMX_SW_RESUME_BIT	0 /* VMRESUME, not VMLAUNCH */
#define VMX_SW_SPEC_CTRL_BIT	1 /* guest's SPEC_CTRL before, host's after */

/* Fields that vmx_entry.S writes, and that older kernels do not name. */
#define VMCS_HOST_RSP			0x6c14
#define VMCS_ENCLV_EXITING_BITMAP	0x2036

#ifndef __ASSEMBLER__

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/types.h>

/* Memory operand of INVEPT and INVVPID. */
struct vmx_inv_desc {
	u64 context;		/* EPTP, or VPID in bits 0-15 */
	u64 address;		/* 0 but for single-address INVVPID */
};
static_assert(sizeof(struct vmx_inv_desc) == 16);

/* Capability MSRs (the kernel has the indices): IA32_VMX_BASIC, IA32_VMX_MISC. */
#define VMX_BASIC_REVISION		0x7fffffffull
#define VMX_BASIC_32BIT_PA		BIT_ULL(48)
#define VMX_BASIC_MEMTYPE(basic)	(((basic) >> 50) & 0xf)
#define VMX_BASIC_TRUE_CONTROLS		BIT_ULL(55)
#define VMX_MEMTYPE_WB			6
#define VMX_CAP_MISC_TIMER_SHIFT	0x1full
#define VMX_CAP_MISC_PT			BIT_ULL(14)

/* Interruption information, of entries, exits and IDT vectoring: enum baton_event_type, … */
#define VMX_INTR_TYPE_SHIFT		8
#define VMX_TYPE_PRIVILEGED_SOFT	5	/* INT1 */

/* Guest interruptibility state: what keeps interrupts away for an instruction. */
#define VMX_SHADOW			(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

/* Exit reason: bits 0-15 basic reason, bit 31: the entry failed. */
#define VMX_REASON_BASIC		0xffffu
#define VMX_REASON_IO_SMI		5
#define VMX_REASON_OTHER_SMI		6
#define VMX_REASON_GETSEC		11
#define VMX_REASON_RSM			17
#define VMX_REASON_ENCLV		70
#define VMX_REASON_SEAMCALL		76
#define VMX_REASON_TDCALL		77
#define VMX_REASON_RDMSR_IMM		84
#define VMX_REASON_WRMSRNS_IMM		85
#define VMX_REASON_COUNT		86

/* Exit qualifications, SDM vol. 3, "Basic VM-Exit Information". */
#define VMX_QUAL_CR_NUMBER(q)		((q) & 15)
#define VMX_QUAL_CR_ACCESS(q)		(((q) >> 4) & 3)
#define VMX_QUAL_GPR(q)			(((q) >> 8) & 15)
#define VMX_QUAL_LMSW_SOURCE(q)		(((q) >> 16) & 0xffff)
enum vmx_cr_access {
	VMX_CR_LOAD,
	VMX_CR_STORE,
	VMX_CR_CLTS,
	VMX_CR_LMSW,
};

#define VMX_QUAL_DR_NUMBER(q)		((q) & 7)
#define VMX_QUAL_DR_STORE		BIT(4)	/* from DR to GPR */

#define VMX_QUAL_IO_SIZE(q)		(((q) & 7) + 1)
#define VMX_QUAL_IO_IN			BIT(3)
#define VMX_QUAL_IO_STRING		BIT(4)
#define VMX_QUAL_IO_PORT(q)		(((q) >> 16) & 0xffff)

#define VMX_QUAL_EPT_NMI_UNBLOCKED	BIT(12) /* by IRET */

#endif /* !__ASSEMBLER__ */
#endif
