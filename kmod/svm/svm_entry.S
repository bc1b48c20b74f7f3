/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world switch: int svm_enter(struct baton_regs *regs, struct svm_switch *sw)
 *
 *	RDI  regs: GPRs are gpr[number by ModRM encoding]. All but RAX and RSP
 *	     are switched here; these two, RIP and RFLAGS are in the VMCB.
 *	RSI  sw: physical addresses of the VMCB and of the host's VMSAVE area,
 *	     guest and host SPEC_CTRL (equal if there is nothing to write).
 *
 * Called with interrupts off. Returns 0 after an exit; -EIO, with nothing done,
 * if this CPU has SVM switched off (someone cleared SVME behind our back).
 *
 * From CLGI to STGI nothing interrupts, not even an NMI: that covers all the
 * instructions that run with a guest's GS base, SPEC_CTRL or predictor state.
 * Interrupts pending for the host are taken at STGI (NMI) or once the window is
 * closed. RFLAGS.IF must be 1 at VMRUN, it is what lets them end the guest.
 *
 * No RIP-relative operand may stand in an ALTERNATIVE (6.1 does not relocate it
 * there), hence the selector for VERW on the stack.
 */
#include <linux/linkage.h>
#include <linux/stringify.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/errno.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>

#include "entry.h"
#include "svm_defs.h"

	.section .noinstr.text, "ax"

SYM_FUNC_START(svm_enter)
	ENTRY_PUSH

.Lclgi:
	clgi

	/* Guest's SPEC_CTRL, unless it is the host's already. */
	mov	SVM_SWITCH_GUEST_SPEC(%rsi), %eax
	cmp	SVM_SWITCH_HOST_SPEC(%rsi), %eax
	je	.Lguest_spec_done
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
.Lguest_spec:
	wrmsr
.Lguest_spec_done:

	mov	SVM_SWITCH_VMCB_PA(%rsi), %rax
	GUEST_GPRS_LOAD

	/* FS, GS, TR, LDTR, KERNEL_GS_BASE, syscall and SYSENTER MSRs. */
	sti
	/* Not last: VMRUN right behind STI would give the guest its interrupt shadow. */
	vmload	%rax
	/* MDS, TSA: last thing before the guest. */
	ALTERNATIVE "", __stringify(verw FRAME_VERW_SELECTOR(%rsp)), FEATURE_VERW_VM
	vmrun	%rax
	cli
	/* RAX (the VMCB) and RSP are the host's again, all else is the guest's. */
	vmsave	%rax

	mov	FRAME_REGS(%rsp), %rax
	GUEST_GPRS_STORE

	xor	%ebx, %ebx
	GUEST_GPRS_CLEAR

	/*
	 * The host's GS first: the kernel's macros below count call depth in a
	 * per-CPU variable (from 6.2), at an address that would be the guest's choice.
	 */
	mov	FRAME_SWITCH(%rsp), %rsi
	mov	SVM_SWITCH_HOST_PA(%rsi), %rax
	vmload	%rax

	/* Spectre-RSB: the guest's return addresses out, before any RET. */
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT

	/*
	 * Host's SPEC_CTRL. The guest cannot have changed it: the MSR is
	 * intercepted. LFENCE, so that no misprediction passes by the write.
	 */
	ALTERNATIVE_2 "jmp .Lhost_spec_done", \
		"", X86_FEATURE_MSR_SPEC_CTRL, \
		"jmp .Lhost_spec_done", X86_FEATURE_V_SPEC_CTRL
	mov	SVM_SWITCH_HOST_SPEC(%rsi), %eax
	cmp	SVM_SWITCH_GUEST_SPEC(%rsi), %eax
	je	.Lhost_spec_same
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	xor	%edx, %edx
	wrmsr
.Lhost_spec_same:
	lfence
.Lhost_spec_done:

	/* Retbleed, SRSO: what the guest taught the predictor about our RETs. */
	CALL_UNTRAIN_RET
	ALTERNATIVE_2 "jmp .Libpb_done", \
		"", X86_FEATURE_ENTRY_IBPB, \
		"", X86_FEATURE_IBPB_ON_VMEXIT
	mov	$MSR_IA32_PRED_CMD, %ecx
	mov	$PRED_CMD_IBPB, %eax
	xor	%edx, %edx
	wrmsr
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, FEATURE_IBPB_NO_RET
.Libpb_done:

	stgi
	xor	%eax, %eax

.Lout:
	ENTRY_POP_RET

.Lno_svm:
	mov	$-EIO, %eax
	jmp	.Lout

	_ASM_EXTABLE(.Lclgi, .Lno_svm)
	/* A bit that this processor lacks: the guest goes without. */
	_ASM_EXTABLE(.Lguest_spec, .Lguest_spec_done)
SYM_FUNC_END(svm_enter)
