/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PAE paging with two sets of tables, which have another page at 1 GiB: what a string
 * instruction with a port reads there is of the set that CR3 was loaded with last.
 */
#include "pvh.inc"
	.macro	say_page
	movl	$0x40000000, %esi
	movw	$0x3f8, %dx
	movl	$text_size, %ecx
	rep outsb
	.endm
start:
	movl	$0x20, %eax		/* CR4.PAE */
	movl	%eax, %cr4
	movl	$first, %eax
	movl	%eax, %cr3
	movl	%cr0, %eax
	orl	$0x80000000, %eax	/* CR0.PG */
	movl	%eax, %cr0
	say_page
	movl	$second, %eax
	movl	%eax, %cr3
	say_page
	movw	$0x600, %dx
	movb	$0x34, %al
	outb	%al, %dx
	hlt

	.data
	.macro	table label, entries:vararg
	.balign	4096
\label:	.long	\entries
	.endm
	.balign	4096
first:	.long	low + 1, 0, first_1g + 1, 0, 0, 0, 0, 0
second:	.long	low + 1, 0, second_1g + 1, 0, 0, 0, 0, 0
	table	low, 0x83, 0		/* 2 MiB as they are */
	table	first_1g, first_pages + 7, 0
	table	second_1g, second_pages + 7, 0
	table	first_pages, first_text + 7, 0
	table	second_pages, second_text + 7, 0
	.balign	4096
first_text:
	.ascii	"guest: by the first tables \n"
text_size = . - first_text
	.balign	4096
second_text:
	.ascii	"guest: by the second tables\n"
	.balign	4096
