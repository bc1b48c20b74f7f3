/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands in for the decompressor in a bzImage whose kernel is not
 * compressed (see make_raw_bzimage in host-vmx.sh): the boot loader has put this
 * code at 1 MiB with the flat kernel behind it. Move the kernel to the address
 * it is linked for, enter long mode on an identity map, jump to startup_64, which
 * is the ELF entry.
 * That is what the 64-bit boot protocol asks of a boot loader, no more.
 *
 * On entry: 32-bit protected mode, flat segments, paging off, %esi points to
 * struct boot_params. KERNEL_SIZE (a multiple of 8) and KERNEL_ENTRY come from the build.
 */
#define KERNEL_START	0x1000000

#define CR4_PAE		0x20
#define CR0_PG_PE	0x80000001
#define MSR_EFER	0xc0000080
#define EFER_LME	0x100

#define PTE_TABLE	0x7	/* present, writable, user */
#define PTE_2MIB	0x83	/* present, writable, page size */

	.code32
	.globl	_start
_start:
	cli
	cld

	/* 4 GiB, in 2 MiB pages: one PML4, one PDPT, four directories. */
	movl	$page_tables, %edi
	xorl	%eax, %eax
	movl	$(6 * 4096 / 4), %ecx
	rep stosl
	movl	$(page_tables + 0x1000 + PTE_TABLE), page_tables
	movl	$(page_tables + 0x1000), %edi
	movl	$(page_tables + 0x2000 + PTE_TABLE), %eax
	movl	$4, %ecx
1:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$0x1000, %eax
	loop	1b
	movl	$(page_tables + 0x2000), %edi
	movl	$PTE_2MIB, %eax
	movl	$2048, %ecx
1:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$0x200000, %eax
	loop	1b

	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$page_tables, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	lgdt	gdt_pointer
	movl	$CR0_PG_PE, %eax
	movl	%eax, %cr0
	ljmp	$0x10, $long_mode

	.code64
long_mode:
	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss

	/* The two places overlap, and the target is the higher: go down. */
	movq	%rsi, %rbx
	movl	$(kernel + KERNEL_SIZE - 8), %esi
	movl	$(KERNEL_START + KERNEL_SIZE - 8), %edi
	movl	$(KERNEL_SIZE / 8), %ecx
	std
	rep movsq
	cld

	movq	%rbx, %rsi
	movl	$KERNEL_ENTRY, %eax
	jmp	*%rax

	.balign	8
gdt:
	.quad	0, 0
	.quad	0x00af9a000000ffff	/* 0x10: 64-bit code */
	.quad	0x00cf92000000ffff	/* 0x18: data */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.balign	4096
page_tables:
	.fill	6 * 4096, 1, 0
kernel:
