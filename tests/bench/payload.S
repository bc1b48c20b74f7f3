/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guests of baton-bench: 64-bit code in ring 0, one small loop for each
 * thing measured. A flat image for GUEST_CODE that begins with the addresses.
 *
 * A loop asks the monitor how many turns to do (and the clock starts), does
 * them, and says so (the clock stops). A batch of no turns therefore has the
 * cost of starting and stopping alone, to be taken off. How many instructions
 * of a turn are the guest's own stands behind each loop; rows_guest.c takes
 * them off as well.
 *
 *	EDI	turns left		R15	interrupts
 *	RSI	the page to touch	R14	turns of a waiting loop
 *	R13	ticks until a timer	RBP	the deadline
 *
 * PAUSE in a waiting loop is where the emulator of the svm host goes on to the
 * host's other processor.
 */
#include "payload.h"

#define MSR_APIC_BASE		0x1b
#define MSR_TSC_DEADLINE	0x6e0
#define MSR_X2APIC_EOI		0x80b
#define MSR_X2APIC_SVR		0x80f
#define MSR_X2APIC_ICR		0x830
#define MSR_X2APIC_LVT_TIMER	0x832
#define MSR_X2APIC_SELF_IPI	0x83f

#define APIC_BASE_VALUE		0xfee00d00	/* BSP, x2APIC, enabled */
#define APIC_BASE_PEER		0xfee00c00	/* x2APIC, enabled */
#define APIC_ID_PEER		1
#define SVR_ENABLED		0x1ff
#define LVT_TSC_DEADLINE	(1 << 18)

	.code64
	.text
	.quad	pio_write, pio_read, mmio_write, mmio_read, cpuid, vmcall, vmmcall, rdmsr
	.quad	wrmsr_deadline, self_ipi, timer, lateness, ioeventfd, irqfd, touch
	.quad	ipi_to_spinner, ipi_to_sleeper, spinner, sleeper
	.quad	handle_panic, handle_eoi, handle_lateness, handle_ack

	.macro BEGIN
1:	in	$PORT_COUNT, %eax
	mov	%eax, %edi
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	mov	SHARED_DELTA, %r13
	mov	$GUEST_REGION, %esi
	test	%edi, %edi
	jz	3f
2:
	.endm

	.macro END
	dec	%edi
	jnz	2b
3:	mov	%r15, SHARED_INTERRUPTS
	mov	%r14, SHARED_SPINS
	mov	%rax, SHARED_ANSWER
	out	%al, $PORT_STOP
	jmp	1b
	.endm

	.macro WRITE_MSR index, value
	mov	$\index, %ecx
	mov	$\value, %eax
	xor	%edx, %edx
	wrmsr
	.endm

	.macro X2APIC_ON base=APIC_BASE_VALUE
	WRITE_MSR MSR_APIC_BASE, \base
	WRITE_MSR MSR_X2APIC_SVR, SVR_ENABLED
	.endm

	/* RAX = now + R13. 4 instructions. */
	.macro DEADLINE
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	add	%r13, %rax
	.endm

	/* MSR in ECX = RAX. 3 instructions. */
	.macro WRITE_RAX
	mov	%rax, %rdx
	shr	$32, %rdx
	wrmsr
	.endm

pio_write:
	mov	$PORT_OP, %edx
	BEGIN
	out	%al, %dx
	END			/* 3 */

pio_read:
	mov	$PORT_OP, %edx
	BEGIN
	in	%dx, %al
	END			/* 3 */

mmio_write:
	mov	$GUEST_MMIO, %ebx
	BEGIN
	mov	%eax, (%rbx)
	END			/* 3 */

mmio_read:
	mov	$GUEST_MMIO, %ebx
	BEGIN
	mov	(%rbx), %eax
	END			/* 3 */

cpuid:
	BEGIN
	mov	$1, %eax
	cpuid
	END			/* 4 */

vmcall:
	BEGIN
	mov	$HYPERCALL_UNKNOWN, %eax
	vmcall
	END			/* 4 */

vmmcall:
	BEGIN
	mov	$HYPERCALL_UNKNOWN, %eax
	vmmcall
	END			/* 4 */

rdmsr:
	mov	$MSR_APIC_BASE, %ecx
	BEGIN
	rdmsr
	END			/* 3 */

/* A deadline far away, which is never reached: the next turn replaces it. */
wrmsr_deadline:
	X2APIC_ON
	WRITE_MSR MSR_X2APIC_LVT_TIMER, (LVT_TSC_DEADLINE | VECTOR_EOI)
	mov	$MSR_TSC_DEADLINE, %ecx
	BEGIN
	DEADLINE
	WRITE_RAX
	END			/* 9 */

self_ipi:
	X2APIC_ON
	sti
	BEGIN
	WRITE_MSR MSR_X2APIC_SELF_IPI, VECTOR_EOI
	END			/* 6 and the handler's 6 */

timer:
	X2APIC_ON
	WRITE_MSR MSR_X2APIC_LVT_TIMER, (LVT_TSC_DEADLINE | VECTOR_EOI)
	sti
	BEGIN
	mov	$MSR_TSC_DEADLINE, %ecx
	mov	%r15, %r12
	DEADLINE
	WRITE_RAX
4:	inc	%r14
	cmp	%r15, %r12
	je	4b
	END			/* 11, the handler's 6, and 3 for each turn of R14 */

lateness:
	X2APIC_ON
	WRITE_MSR MSR_X2APIC_LVT_TIMER, (LVT_TSC_DEADLINE | VECTOR_LATENESS)
	BEGIN
	cli
	mov	$MSR_TSC_DEADLINE, %ecx
	mov	%r15, %r12
	DEADLINE
	mov	%rax, %rbp
	WRITE_RAX
4:	sti
	hlt
	cli
	cmp	%r15, %r12
	je	4b
	END

ioeventfd:
	mov	$PORT_IOEVENTFD, %edx
	BEGIN
	out	%ax, %dx
	END			/* 3 */

irqfd:
	X2APIC_ON
	sti
	BEGIN
	mov	$PORT_IRQFD, %edx
	out	%al, %dx
	END			/* 4 and the handler's 6 */

touch:
	BEGIN
	movb	$1, (%rsi)
	add	$4096, %rsi
	END			/* 4 */

	/* To the second vCPU, until it has taken it. 6, and 4 for each turn of R14. */
	.macro IPI
	mov	SHARED_ACKS, %r12
	mov	$MSR_X2APIC_ICR, %ecx
	mov	$VECTOR_ACK, %eax
	mov	$APIC_ID_PEER, %edx
	wrmsr
4:	pause
	inc	%r14
	cmp	SHARED_ACKS, %r12
	je	4b
	inc	%r15
	.endm

ipi_to_spinner:
	X2APIC_ON
	BEGIN
	IPI
	END			/* 8 and the handler's 6 */

ipi_to_sleeper:
	X2APIC_ON
	BEGIN
	mov	$SETTLE, %ebx
5:	pause
	dec	%ebx
	jnz	5b
	IPI
	END			/* 9, 3 for each SETTLE, the handler's 6, the peer's 2 */

spinner:
	X2APIC_ON APIC_BASE_PEER
	sti
	movq	$1, SHARED_PEER_READY
4:	pause
	incq	SHARED_PEER_SPINS
	nop
	jmp	4b		/* 4 */

sleeper:
	X2APIC_ON APIC_BASE_PEER
	sti
	movq	$1, SHARED_PEER_READY
4:	hlt
	jmp	4b		/* 2 */

handle_panic:
	out	%al, $PORT_PANIC
	hlt
	jmp	handle_panic

handle_eoi:
	inc	%r15
	WRITE_MSR MSR_X2APIC_EOI, 0
	iretq			/* 6 */

handle_ack:
	WRITE_MSR MSR_X2APIC_EOI, 0
	incq	SHARED_ACKS
	iretq			/* 6 */

handle_lateness:
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	sub	%rbp, %rax
	mov	%rax, SHARED_SAMPLES(, %r15, 8)
	inc	%r15
	WRITE_MSR MSR_X2APIC_EOI, 0
	iretq
