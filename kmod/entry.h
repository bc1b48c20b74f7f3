/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both world switches do alike, for their assembler files: the frame on our stack,
 * the guest's general registers in and out.
 */
#ifndef BATON_ENTRY_H
#define BATON_ENTRY_H

/* Kernels that lack a name: */
/* MDS, TAA, RFDS, TSA: VERW only before guests, or for everybody. */
#ifdef X86_FEATURE_CLEAR_CPU_BUF_VM
#define FEATURE_VERW_VM		X86_FEATURE_CLEAR_CPU_BUF_VM
#else
#define FEATURE_VERW_VM		X86_FEATURE_CLEAR_CPU_BUF
#endif
/* … IBPB leaves return predictions; presumably, then. */
#ifdef X86_BUG_IBPB_NO_RET
#define FEATURE_IBPB_NO_RET	X86_BUG_IBPB_NO_RET
#else
#define FEATURE_IBPB_NO_RET	X86_FEATURE_ALWAYS
#endif

/* struct baton_regs */
#define GPR(n)	((n) * 8)
#define GPR_RAX	GPR(0)
#define GPR_RCX	GPR(1)
#define GPR_RDX	GPR(2)
#define GPR_RBX	GPR(3)
#define GPR_RBP	GPR(5)
#define GPR_RSI	GPR(6)
#define GPR_RDI	GPR(7)

/* Our frame, from RSP up. */
#define FRAME_VERW_SELECTOR	0
#define FRAME_SWITCH		8
#define FRAME_REGS		16
#define FRAME_BYTES		24

/* What the ABI has us keep, and our arguments. */
.macro ENTRY_PUSH
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdi
	push	%rsi
	push	$__KERNEL_DS
.endm

.macro ENTRY_POP_RET
	add	$FRAME_BYTES, %rsp
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET
.endm

/* All but RAX and RSP, from struct baton_regs at RDI. */
.macro GUEST_GPRS_LOAD
	mov	GPR_RCX(%rdi), %rcx
	mov	GPR_RDX(%rdi), %rdx
	mov	GPR_RBX(%rdi), %rbx
	mov	GPR_RBP(%rdi), %rbp
	mov	GPR_RSI(%rdi), %rsi
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	GPR(\n)(%rdi), %r\n
	.endr
	mov	GPR_RDI(%rdi), %rdi
.endm

/* The same, to struct baton_regs at RAX. */
.macro GUEST_GPRS_STORE
	mov	%rcx, GPR_RCX(%rax)
	mov	%rdx, GPR_RDX(%rax)
	mov	%rbx, GPR_RBX(%rax)
	mov	%rbp, GPR_RBP(%rax)
	mov	%rsi, GPR_RSI(%rax)
	mov	%rdi, GPR_RDI(%rax)
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	%r\n, GPR(\n)(%rax)
	.endr
.endm

/* No guest value stays where speculation could use it as an address. All but RAX and RBX. */
.macro GUEST_GPRS_CLEAR
	.irp	reg, ecx, edx, esi, edi, ebp, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
	xor	%\reg, %\reg
	.endr
.endm

#endif
