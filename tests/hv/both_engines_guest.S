/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest of baton-both-engines: 64-bit, R14 is DATA, R15 the mark that it is known by,
 * RSP a stack. Runs until nobody runs it any more.
 */
#include "both_engines.h"

/* RAX has to be like `wanted`, or the guest ends there, and says at the how-manieth macro. */
.macro same wanted
	mov	$\@, %esi
	cmp	\wanted, %rax
	mov	\wanted, %rdi
	jne	bad
.endm

.macro write_msr index
	mov	\index, %ecx
	wrmsr
.endm

	.section .rodata
	.globl	both_guest, both_guest_end, both_guest_timer, both_guest_bad
both_guest:
	xor	%edx, %edx
	mov	$0x1ff, %eax
	write_msr $0x80f		/* APIC on */
	mov	$0xb, %eax
	write_msr $0x83e		/* timer: not divided */
	mov	$VECTOR, %eax
	write_msr $0x832		/* one shot */

	/* The mark, wherever the other guest's could come to be. */
	mov	%r15, %rdx
	shr	$32, %rdx
	and	$0x7fff, %edx
	mov	%r15d, %eax
	write_msr $0xc0000100		/* FS, GS, kernel's GS */
	write_msr $0xc0000101
	write_msr $0xc0000102
	write_msr $0xc0000081		/* STAR, LSTAR, mask */
	write_msr $0xc0000082
	xor	%edx, %edx
	write_msr $0xc0000084
	write_msr $0x175		/* SYSENTER */
	mov	%r15, %cr2
	mov	%eax, %eax
	mov	%rax, %db0
	mov	%rax, %db3
	movq	%r15, %xmm0
	movq	%r15, %xmm7
	movq	%r15, %xmm15
	mov	%r15, %r8
	mov	%r15, %r9
	mov	%r15, %r10
	mov	%r15, %r11
	mov	%r15, %r12
	mov	%r15, %rbp
	xor	%r13d, %r13d		/* rounds done */
	sti

round:	/* The timer: in even rounds it comes while the guest works, else while it waits. */
	mov	$50000, %eax
	test	$1, %r13d
	jz	1f
	mov	$1000000, %eax
1:	xor	%edx, %edx
	incl	ARMED(%r14)
	write_msr $0x838

	mov	$AREA, %ebx
2:	mov	%rbx, %rdi
	xor	%r15, %rdi
	xor	%r13, %rdi
	mov	(%rbx), %rax
	same	%rdi
	xor	%r13, %rdi
	lea	1(%r13), %rax
	xor	%rax, %rdi
	mov	%rdi, (%rbx)
	add	$STRIDE, %ebx
	cmp	$AREA_END, %ebx
	jb	2b

	mov	%r15, %rax
	same	%r8
	same	%r9
	same	%r10
	same	%r11
	same	%r12
	same	%rbp
	movq	%xmm0, %rax
	same	%r15
	movq	%xmm7, %rax
	same	%r15
	movq	%xmm15, %rax
	same	%r15
	mov	%cr2, %rax
	same	%r15
	mov	%r15d, %ebx
	mov	%db0, %rax
	same	%rbx
	mov	%db3, %rax
	same	%rbx
	mov	$0x175, %ecx
	call	read_msr
	same	%rbx
	mov	$0xc0000084, %ecx
	call	read_msr
	same	%rbx
	mov	%r15, %rbx
	mov	$0x7fffffffffff, %rax
	and	%rax, %rbx
	mov	$0xc0000100, %ecx
	call	read_msr
	same	%rbx
	mov	$0xc0000101, %ecx
	call	read_msr
	same	%rbx
	mov	$0xc0000102, %ecx
	call	read_msr
	same	%rbx
	mov	$0xc0000081, %ecx
	call	read_msr
	same	%rbx
	mov	$0xc0000082, %ecx
	call	read_msr
	same	%rbx

	/* Exits that the module answers, and the monitor. */
	xor	%eax, %eax
	cpuid
	mov	%r13, ROUND(%r14)
	in	$PORT_QUESTION, %eax
	not	%eax
	mov	%r13d, %ebx
	same	%rbx

	/* The timer came, and once. */
3:	cli
	mov	TICKS(%r14), %eax
	mov	ARMED(%r14), %ebx
	cmp	%ebx, %eax
	jae	4f
	sti
	hlt
	jmp	3b
4:	sti
	same	%rbx
	inc	%r13
	out	%eax, $PORT_ROUND
	jmp	round

read_msr:
	rdmsr
	shl	$32, %rdx
	or	%rdx, %rax
	ret

bad:
both_guest_bad:				/* where each vector leads that nobody expects */
	mov	%esi, REASON(%r14)
	mov	%rax, FOUND(%r14)
	mov	%rdi, WANTED(%r14)
	out	%eax, $PORT_BAD
	jmp	bad

both_guest_timer:
	push	%rax
	push	%rcx
	push	%rdx
	incl	TICKS(%r14)
	xor	%eax, %eax
	xor	%edx, %edx
	write_msr $0x80b		/* EOI */
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
both_guest_end:

	.section .note.GNU-stack, "", @progbits
