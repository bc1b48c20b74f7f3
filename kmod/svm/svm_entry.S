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

#include "svm_defs.h"

/* struct baton_regs */
#define GPR(n)	((n) * 8)
#define RCX	GPR(1)
#define RDX	GPR(2)
#define RBX	GPR(3)
#define RBP	GPR(5)
#define RSI	GPR(6)
#define RDI	GPR(7)

/* Our frame, from RSP up. */
#define FRAME_VERW_SELECTOR	0
#define FRAME_SWITCH		8
#define FRAME_REGS		16
#define FRAME_SIZE		24

	.text

SYM_FUNC_START(svm_enter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi
	push	%rsi
	push	$__KERNEL_DS

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
	mov	RCX(%rdi), %rcx
	mov	RDX(%rdi), %rdx
	mov	RBX(%rdi), %rbx
	mov	RBP(%rdi), %rbp
	mov	RSI(%rdi), %rsi
	mov	GPR(8)(%rdi), %r8
	mov	GPR(9)(%rdi), %r9
	mov	GPR(10)(%rdi), %r10
	mov	GPR(11)(%rdi), %r11
	mov	GPR(12)(%rdi), %r12
	mov	GPR(13)(%rdi), %r13
	mov	GPR(14)(%rdi), %r14
	mov	GPR(15)(%rdi), %r15
	mov	RDI(%rdi), %rdi

	/* FS, GS, TR, LDTR, KERNEL_GS_BASE, syscall and SYSENTER MSRs. */
	vmload	%rax
	sti
	/* MDS, TSA: last thing before the guest. */
	ALTERNATIVE "", __stringify(verw FRAME_VERW_SELECTOR(%rsp)), X86_FEATURE_CLEAR_CPU_BUF_VM
	vmrun	%rax
	cli
	/* RAX (the VMCB) and RSP are the host's again, all else is the guest's. */
	vmsave	%rax

	mov	FRAME_REGS(%rsp), %rax
	mov	%rcx, RCX(%rax)
	mov	%rdx, RDX(%rax)
	mov	%rbx, RBX(%rax)
	mov	%rbp, RBP(%rax)
	mov	%rsi, RSI(%rax)
	mov	%rdi, RDI(%rax)
	mov	%r8, GPR(8)(%rax)
	mov	%r9, GPR(9)(%rax)
	mov	%r10, GPR(10)(%rax)
	mov	%r11, GPR(11)(%rax)
	mov	%r12, GPR(12)(%rax)
	mov	%r13, GPR(13)(%rax)
	mov	%r14, GPR(14)(%rax)
	mov	%r15, GPR(15)(%rax)

	/* No guest value stays where speculation could use it as an address. */
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

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
	FILL_RETURN_BUFFER %rax, RSB_CLEAR_LOOPS, X86_BUG_IBPB_NO_RET
.Libpb_done:

	stgi
	xor	%eax, %eax

.Lout:
	add	$FRAME_SIZE, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lno_svm:
	mov	$-EIO, %eax
	jmp	.Lout

	_ASM_EXTABLE(.Lclgi, .Lno_svm)
	/* A bit that this processor lacks: the guest goes without. */
	_ASM_EXTABLE(.Lguest_spec, .Lguest_spec_done)
SYM_FUNC_END(svm_enter)
