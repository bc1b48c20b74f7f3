/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VT-x as the SDM (volume 3, "Virtual-Machine Extensions") lays it out: control
 * bits, exit reasons and qualifications. Own names, because the kernel renames
 * some of its own from release to release; those of the VMCS's fields, in
 * <asm/vmx.h>, have stayed. The first part is for vmx_entry.S too.
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

/* A VMXON region or VMCS; its contents beyond the header are the processor's. */
struct vmx_region {
	u32 revision;
	u32 abort;
	u8 data[4088];
};
static_assert(sizeof(struct vmx_region) == 4096);

/* Memory operand of INVEPT and INVVPID. */
struct vmx_inv_desc {
	u64 context;		/* EPTP, or VPID in bits 0-15 */
	u64 address;		/* 0 but for single-address INVVPID */
};
static_assert(sizeof(struct vmx_inv_desc) == 16);

#define VMX_INVEPT_SINGLE	1ul
#define VMX_INVVPID_SINGLE	1ul

/* Pin-based controls. */
#define VMX_PIN_EXTERNAL_INTERRUPT	BIT(0)
#define VMX_PIN_NMI			BIT(3)
#define VMX_PIN_VIRTUAL_NMIS		BIT(5)
#define VMX_PIN_PREEMPTION_TIMER	BIT(6)

/* Primary processor-based controls. */
#define VMX_CPU_INTERRUPT_WINDOW	BIT(2)
#define VMX_CPU_TSC_OFFSET		BIT(3)
#define VMX_CPU_HLT			BIT(7)
#define VMX_CPU_INVLPG			BIT(9)
#define VMX_CPU_MWAIT			BIT(10)
#define VMX_CPU_RDPMC			BIT(11)
#define VMX_CPU_CR3_LOAD		BIT(15)
#define VMX_CPU_CR3_STORE		BIT(16)
#define VMX_CPU_CR8_LOAD		BIT(19)
#define VMX_CPU_CR8_STORE		BIT(20)
#define VMX_CPU_NMI_WINDOW		BIT(22)
#define VMX_CPU_MOV_DR			BIT(23)
#define VMX_CPU_ALL_IO			BIT(24)
#define VMX_CPU_MSR_BITMAP		BIT(28)
#define VMX_CPU_MONITOR			BIT(29)
#define VMX_CPU_SECONDARY		BIT(31)

/* Secondary processor-based controls. */
#define VMX_CPU2_EPT			BIT(1)
#define VMX_CPU2_RDTSCP			BIT(3)
#define VMX_CPU2_VPID			BIT(5)
#define VMX_CPU2_WBINVD			BIT(6)
#define VMX_CPU2_UNRESTRICTED		BIT(7)
#define VMX_CPU2_PAUSE_LOOP		BIT(10)
#define VMX_CPU2_INVPCID		BIT(12)
#define VMX_CPU2_ENCLS			BIT(15)
#define VMX_CPU2_PML			BIT(17)
#define VMX_CPU2_PT_CONCEAL		BIT(19)
#define VMX_CPU2_TSC_SCALING		BIT(25)
#define VMX_CPU2_ENCLV			BIT(28)

/* VM-exit controls. */
#define VMX_EXIT_SAVE_DEBUG		BIT(2)
#define VMX_EXIT_HOST_64		BIT(9)
#define VMX_EXIT_LOAD_PERF_GLOBAL	BIT(12)
#define VMX_EXIT_LOAD_PAT		BIT(19)
#define VMX_EXIT_LOAD_EFER		BIT(21)
#define VMX_EXIT_PT_CONCEAL		BIT(24)

/* VM-entry controls. */
#define VMX_ENTRY_LOAD_DEBUG		BIT(2)
#define VMX_ENTRY_IA32E			BIT(9)
#define VMX_ENTRY_LOAD_PERF_GLOBAL	BIT(13)
#define VMX_ENTRY_LOAD_PAT		BIT(14)
#define VMX_ENTRY_LOAD_EFER		BIT(15)
#define VMX_ENTRY_PT_CONCEAL		BIT(17)

/* Capability MSRs (the kernel has the indices): IA32_VMX_BASIC, _EPT_VPID_CAP. */
#define VMX_BASIC_REVISION		0x7fffffffull
#define VMX_BASIC_32BIT_PA		BIT_ULL(48)
#define VMX_BASIC_MEMTYPE(basic)	(((basic) >> 50) & 0xf)
#define VMX_BASIC_TRUE_CONTROLS		BIT_ULL(55)
#define VMX_MEMTYPE_WB			6

#define VMX_CAP_EPT_WALK_4		BIT_ULL(6)
#define VMX_CAP_EPT_WB			BIT_ULL(14)
#define VMX_CAP_EPT_2M			BIT_ULL(16)
#define VMX_CAP_INVEPT			BIT_ULL(20)
#define VMX_CAP_EPT_ACCESSED		BIT_ULL(21)
#define VMX_CAP_INVEPT_SINGLE		BIT_ULL(25)
#define VMX_CAP_INVVPID			BIT_ULL(32)
#define VMX_CAP_INVVPID_SINGLE		BIT_ULL(41)

#define VMX_CAP_MISC_TIMER_SHIFT	0x1full
#define VMX_CAP_MISC_PT			BIT_ULL(14)

/* EPT pointer. */
#define VMX_EPTP_WB			6ull
#define VMX_EPTP_WALK_4			(3ull << 3)
#define VMX_EPTP_ACCESSED		BIT_ULL(6)

/* Access rights: the low bits are as in the descriptor. */
#define VMX_AR_UNUSABLE			BIT(16)

/* Interruption information: of entries, exits and IDT vectoring alike. */
#define VMX_INTR_VECTOR			0xffu
#define VMX_INTR_TYPE_SHIFT		8
#define VMX_INTR_TYPE			(7u << VMX_INTR_TYPE_SHIFT)
#define VMX_INTR_ERROR_CODE		BIT(11)
#define VMX_INTR_NMI_UNBLOCKED		BIT(12) /* by IRET; exits only */
#define VMX_INTR_VALID			BIT(31)

enum vmx_intr_type {
	VMX_TYPE_EXTERNAL = 0,
	VMX_TYPE_NMI = 2,
	VMX_TYPE_EXCEPTION = 3,
	VMX_TYPE_PRIVILEGED_SOFT = 5,	/* INT1 */
};

/* Guest interruptibility state. */
#define VMX_BLOCK_STI			BIT(0)
#define VMX_BLOCK_MOVSS			BIT(1)
#define VMX_BLOCK_NMI			BIT(3)

/* VM-instruction error numbers of an entry. */
#define VMX_FAIL_CONTROLS		7
#define VMX_FAIL_HOST_STATE		8

/* Exit reason: bits 0-15 basic reason, bit 31: the entry failed. */
#define VMX_REASON_BASIC		0xffffu
#define VMX_REASON_ENTRY_FAILED		BIT(31)

enum vmx_reason {
	VMX_REASON_EXCEPTION_NMI = 0,
	VMX_REASON_EXTERNAL_INTERRUPT = 1,
	VMX_REASON_TRIPLE_FAULT = 2,
	VMX_REASON_INIT = 3,
	VMX_REASON_IO_SMI = 5,
	VMX_REASON_OTHER_SMI = 6,
	VMX_REASON_INTERRUPT_WINDOW = 7,
	VMX_REASON_NMI_WINDOW = 8,
	VMX_REASON_TASK_SWITCH = 9,
	VMX_REASON_CPUID = 10,
	VMX_REASON_GETSEC = 11,
	VMX_REASON_HLT = 12,
	VMX_REASON_INVD = 13,
	VMX_REASON_RDPMC = 15,
	VMX_REASON_RSM = 17,
	VMX_REASON_VMCALL = 18,
	VMX_REASON_VMCLEAR = 19,	/* the first of the VMX instructions … */
	VMX_REASON_VMXON = 27,		/* … and the last */
	VMX_REASON_CR = 28,
	VMX_REASON_DR = 29,
	VMX_REASON_IO = 30,
	VMX_REASON_RDMSR = 31,
	VMX_REASON_WRMSR = 32,
	VMX_REASON_MWAIT = 36,
	VMX_REASON_MONITOR = 39,
	VMX_REASON_PAUSE = 40,
	VMX_REASON_MACHINE_CHECK = 41,	/* with ENTRY_FAILED */
	VMX_REASON_EPT_VIOLATION = 48,
	VMX_REASON_INVEPT = 50,
	VMX_REASON_PREEMPTION_TIMER = 52,
	VMX_REASON_INVVPID = 53,
	VMX_REASON_WBINVD = 54,
	VMX_REASON_XSETBV = 55,
	VMX_REASON_VMFUNC = 59,
	VMX_REASON_ENCLS = 60,
	VMX_REASON_PML_FULL = 62,
	VMX_REASON_XSAVES = 63,
	VMX_REASON_XRSTORS = 64,
	VMX_REASON_ENCLV = 70,
	VMX_REASON_COUNT = 76
};

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

#define VMX_QUAL_EPT_WRITE		BIT(1)
#define VMX_QUAL_EPT_FETCH		BIT(2)
#define VMX_QUAL_EPT_GVA		BIT(7)	/* guest-linear address is valid … */
#define VMX_QUAL_EPT_FINAL		BIT(8)	/* … and is what gpa translates */
#define VMX_QUAL_EPT_NMI_UNBLOCKED	BIT(12)

#endif /* !__ASSEMBLER__ */
#endif
