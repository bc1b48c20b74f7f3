/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SVM as the AMD64 Architecture Programmer's Manual vol. 2 defines it: the
 * chapter "Secure Virtual Machine", the appendix "VMCB Layout". Bits and exit
 * codes have the kernel's names (<asm/svm.h>) but for those it has not, or has
 * renamed; of the VMCB, the kernel's struct has changed its shape.
 */
#ifndef BATON_SVM_DEFS_H
#define BATON_SVM_DEFS_H

/* MSRs */
#define SVM_VM_CR_SVMDIS	(1u << 4)
#define SVM_TSC_RATIO_ONE_HIGH	1u	/* 1.0 in 8.32 fixed point, upper half */
#define SVM_TSC_RATIO_FRAC	32
#define SVM_BP_CFG_SPEC_REDUCE	(1ull << 4)

/* "SVM Revision and Feature Identification" */
#define SVM_CPUID_LEAF		0x8000000au

/* Offsets into struct svm_switch (svm.h), for the entry code. */
#define SVM_SWITCH_VMCB_PA	0
#define SVM_SWITCH_HOST_PA	8
#define SVM_SWITCH_GUEST_SPEC	16
#define SVM_SWITCH_HOST_SPEC	20

#ifndef __ASSEMBLER__

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <asm/svm.h>

#include "baton_vcpu_state.h"

/* "VMCB State Caching": a group's bit is 0 when software changed the group. */
#define SVM_CLEAN_INTERCEPTS	BIT(0)	/* also TSC offset */
#define SVM_CLEAN_ASID		BIT(2)
#define SVM_CLEAN_INTR		BIT(3)
#define SVM_CLEAN_NPT		BIT(4)	/* nested CR3, guest PAT */
#define SVM_CLEAN_CR		BIT(5)	/* CR0, CR3, CR4, EFER */
#define SVM_CLEAN_DR		BIT(6)
#define SVM_CLEAN_DT		BIT(7)
#define SVM_CLEAN_SEG		BIT(8)	/* CS, DS, SS, ES, CPL */
#define SVM_CLEAN_CR2		BIT(9)
#define SVM_CLEAN_ALL		0x3ffu

/* svm_vmcb.exit_int_info: besides enum baton_event_type */
#define SVM_EVENT_SOFT		4

#define SVM_NESTED_NP_ENABLE	BIT(0)

/* EXITINFO1 of an IOIO exit */
#define SVM_IOIO_IN		BIT(0)
#define SVM_IOIO_STRING		BIT(2)
#define SVM_IOIO_PORT_SHIFT	16
/* EXITINFO1 of a nested page fault */
#define SVM_NPF_WRITE		BIT(1)
#define SVM_NPF_FETCH		BIT(4)
#define SVM_NPF_WALK		BIT_ULL(33)	/* of the guest's tables, as if to write */
/* EXITINFO1 of a CR or DR access, with decode assists */
#define SVM_MOV_IS_MOV		BIT_ULL(63)
#define SVM_MOV_GPR		0xfu

/*
 * Exit codes below SVM_EXIT_TABLE_SIZE are the intercepts' numbers, too: bit n % 32 of
 * svm_vmcb.intercept[n / 32] asks for exit n.
 */
#define SVM_ICPT_WORDS 6
#define SVM_EXIT_TABLE_SIZE	(SVM_EXIT_RDPRU + 1)
#define SVM_EXIT_INVALID	((u32)SVM_EXIT_ERR)	/* low half of exit_code */

struct svm_segment {
	u16 selector;
	u16 attr;	/* 0-7 as in a descriptor, 8-11 AVL, L, D/B, G */
	u32 limit;
	u64 base;
};

struct svm_vmcb {
	/* 0x000 control area */
	u32 intercept[SVM_ICPT_WORDS];
	u8 reserved_018[0x3c - 0x18];
	u16 pause_threshold, pause_count;
	u64 iopm_pa, msrpm_pa;
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control, reserved_05d[3];
	u32 int_ctl, int_vector;
	u64 int_state;
	u64 exit_code, exit_info1, exit_info2;
	u32 exit_int_info, exit_int_error;
	u64 nested_ctl;
	u64 avic_bar, ghcb_pa;
	u32 event_inj, event_inj_error;
	u64 nested_cr3;
	u64 virt_ext;
	u32 clean, reserved_0c4;
	u64 next_rip;
	u8 insn_len, insn[15];
	u8 reserved_0e0[0x400 - 0xe0];

	/* 0x400 state save area */
	struct svm_segment seg[BATON_GS + 1], gdtr, ldtr, idtr, tr; /* enum baton_seg's order */
	u8 reserved_4a0[0x4cb - 0x4a0];
	u8 cpl;
	u8 reserved_4cc[4];
	u64 efer;
	u8 reserved_4d8[0x548 - 0x4d8];
	u64 cr4, cr3, cr0;
	u64 dr7, dr6;
	u64 rflags, rip;
	u8 reserved_580[0x5d8 - 0x580];
	u64 rsp;
	u64 s_cet, ssp, isst_addr;
	u64 rax;
	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 cr2;
	u8 reserved_648[0x668 - 0x648];
	u64 pat;
	u64 debugctl;
	u8 reserved_678[0x6e0 - 0x678];
	u64 spec_ctrl;
	u8 reserved_6e8[0x1000 - 0x6e8];
};

/* Segments and descriptor tables, seg to tr, as words. */
#define SVM_SEG_WORDS 20
static_assert(offsetof(struct svm_vmcb, tr) + sizeof(struct svm_segment) ==
	      offsetof(struct svm_vmcb, seg) + 8 * SVM_SEG_WORDS, "SVM_SEG_WORDS");
static_assert(sizeof(struct svm_segment) == 16, "svm_segment");
static_assert(sizeof(struct svm_vmcb) == 4096, "svm_vmcb");
/* Behind each gap. */
static_assert(offsetof(struct svm_vmcb, iopm_pa) == 0x040, "iopm_pa");
static_assert(offsetof(struct svm_vmcb, clean) == 0x0c0, "clean");
static_assert(offsetof(struct svm_vmcb, insn_len) == 0x0d0, "insn_len");
static_assert(offsetof(struct svm_vmcb, seg[BATON_ES]) == 0x400, "es");
static_assert(offsetof(struct svm_vmcb, tr) == 0x490, "tr");
static_assert(offsetof(struct svm_vmcb, cpl) == 0x4cb, "cpl");
static_assert(offsetof(struct svm_vmcb, efer) == 0x4d0, "efer");
static_assert(offsetof(struct svm_vmcb, cr4) == 0x548, "cr4");
static_assert(offsetof(struct svm_vmcb, rsp) == 0x5d8, "rsp");
static_assert(offsetof(struct svm_vmcb, pat) == 0x668, "pat");
static_assert(offsetof(struct svm_vmcb, spec_ctrl) == 0x6e0, "spec_ctrl");

#endif /* __ASSEMBLER__ */
#endif
