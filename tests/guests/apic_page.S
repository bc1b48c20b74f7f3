/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC's page by instructions other than MOV: read, changed and compared, by
 * parts of a register and by the stack; and an interrupt to itself, sent by OR. A line for
 * each that went wrong, then one that says that it is over.
 */
#include "pvh.inc"
	.set	ID, 0xfee00020
	.set	VERSION, 0xfee00030
	.set	REG, 0xfee00370		/* the LVT of errors: nine bits that are kept */
	.set	EOI, 0xfee000b0
	.set	SVR, 0xfee000f0
	.set	ISR2, 0xfee00120
	.set	IRR2, 0xfee00220
	.set	ICR, 0xfee00300
	.set	VECTOR, 0x41

	.macro	check what, unless
	j\unless	.Lwell\@
	puts	"guest: wrong: \what\n"
	incl	failures
.Lwell\@:
	.endm
	/* REG has to be this. */
	.macro	reg_is value, what
	cmpl	$\value, REG
	check	"\what", e
	.endm
start:
	movl	$stack_end, %esp
	orl	$0x100, SVR		/* the software's switch */
	testl	$0x100, SVR
	check	"or, test", nz

	movl	$0x10020, REG
	reg_is	0x10020, "cmp"
	addl	$0x35, REG
	reg_is	0x10055, "add"
	xorl	$0x0f, REG
	reg_is	0x1005a, "xor"
	incl	REG
	reg_is	0x1005b, "inc"
	andl	$0x100f0, REG
	reg_is	0x10050, "and"
	rorb	$1, REG			/* a part of it is nothing that can be written */
	reg_is	0x10050, "ror"
	btsl	$0, REG
	reg_is	0x10051, "bts"
	notl	REG
	andl	$0x100ff, REG		/* KVM keeps one that can only be read */
	reg_is	0xae, "not"
	movl	$0x10020, %eax
	xchgl	%eax, REG
	cmpl	$0xae, %eax
	check	"xchg: old value", e
	reg_is	0x10020, "xchg"
	movl	$0x10020, %eax
	movl	$0x10030, %ecx
	cmpxchgl %ecx, REG
	check	"cmpxchg: equal", e
	reg_is	0x10030, "cmpxchg"

	pushl	REG
	popl	%eax
	cmpl	$0x10030, %eax
	check	"push", e
	pushl	$0x10040
	popl	REG
	reg_is	0x10040, "pop"
	movl	$REG, %esi
	movl	$copy, %edi
	movsl
	cmpl	$0x10040, copy
	check	"movs from it", e
	movl	$0x10050, copy
	movl	$copy, %esi
	movl	$REG, %edi
	movsl
	reg_is	0x10050, "movs to it"
	movl	$REG, %edi
	movl	$0x10060, %eax
	stosl
	reg_is	0x10060, "stos"
	movl	$REG + 4, %esp		/* the stack in it */
	pushl	$0x10070
	movl	$stack_end, %esp
	reg_is	0x10070, "push to it"

	movzbl	VERSION, %eax
	movl	VERSION, %ecx
	movzbl	%cl, %ecx
	cmpl	%eax, %ecx
	check	"movzx", e

	orl	$0x44000 + VECTOR, ICR	/* fixed, to itself */
	testl	$1 << (VECTOR & 31), IRR2
	check	"or that sends an interrupt", nz
	movl	$handler, %eax
	movw	%ax, idt + 8 * VECTOR
	shrl	$16, %eax
	movw	%ax, idt + 8 * VECTOR + 6
	lidt	idt_pointer
	lgdt	gdt_pointer
	ljmp	$8, $1f
1:	movl	$16, %eax
	movl	%eax, %ss
	movl	%eax, %ds
	movl	%eax, %es
	sti
	nop
	nop
	cli
	cmpl	$1, interrupts
	check	"the interrupt", e
	testl	$1 << (VECTOR & 31), ISR2
	check	"and that ends it", z

	cmpl	$0, failures
	jne	over
	puts	"guest: apic page well\n"
over:	movw	$0x600, %dx
	movb	$0x34, %al
	outb	%al, %dx
	hlt

handler:
	incl	interrupts
	andl	$0, EOI			/* reads as 0, and any write ends it */
	iret

	.data
	.balign	8
gdt:	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
idt:	.fill	VECTOR, 8, 0
	.word	0, 8, 0x8e00, 0		/* of the handler, with its address to come */
idt_pointer:
	.word	idt_pointer - idt - 1
	.long	idt
failures:
	.long	0
interrupts:
	.long	0
copy:	.long	0
	.fill	1024, 1, 0
stack_end:
