/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both world switches do alike, for their assembler files: the frame on our stack,
 * the guest's general registers in and out.
 */
#ifndef BATON_ENTRY_H
#define BATON_ENTRY_H

/* struct baton_regs */
#define GPR(n)	((n) * 8)
#define RAX	GPR(0)
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
	add	$FRAME_SIZE, %rsp
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
	mov	RCX(%rdi), %rcx
	mov	RDX(%rdi), %rdx
	mov	RBX(%rdi), %rbx
	mov	RBP(%rdi), %rbp
	mov	RSI(%rdi), %rsi
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15
	mov	GPR(\n)(%rdi), %r\n
	.endr
	mov	RDI(%rdi), %rdi
.endm

/* The same, to struct baton_regs at RAX. */
.macro GUEST_GPRS_STORE
	mov	%rcx, RCX(%rax)
	mov	%rdx, RDX(%rax)
	mov	%rbx, RBX(%rax)
	mov	%rbp, RBP(%rax)
	mov	%rsi, RSI(%rax)
	mov	%rdi, RDI(%rax)
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
