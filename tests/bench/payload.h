/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest's code (payload.S) and the program that runs it agree on:
 * numbers of the payloads, ports, and where things are in guest memory. Read by
 * the assembler, too: nothing but numbers here.
 */
#ifndef BATON_BENCH_PAYLOAD_H
#define BATON_BENCH_PAYLOAD_H

/* Index into the table of addresses that the code begins with. */
#define PAYLOAD_PIO_WRITE	0
#define PAYLOAD_PIO_READ	1
#define PAYLOAD_MMIO_WRITE	2
#define PAYLOAD_MMIO_READ	3
#define PAYLOAD_CPUID		4
#define PAYLOAD_VMCALL		5
#define PAYLOAD_VMMCALL		6
#define PAYLOAD_RDMSR		7
#define PAYLOAD_WRMSR_DEADLINE	8
#define PAYLOAD_SELF_IPI	9
#define PAYLOAD_TIMER		10
#define PAYLOAD_LATENESS	11
#define PAYLOAD_IOEVENTFD	12
#define PAYLOAD_IRQFD		13
#define PAYLOAD_TOUCH		14
#define PAYLOAD_IPI_TO_SPINNER	15
#define PAYLOAD_IPI_TO_SLEEPER	16
/* What the second vCPU does meanwhile. */
#define PAYLOAD_SPINNER		17
#define PAYLOAD_SLEEPER		18
/* Interrupt handlers, in the same table. */
#define HANDLER_PANIC		19
#define HANDLER_EOI		20
#define HANDLER_LATENESS	21
#define HANDLER_ACK		22

#define PORT_COUNT		0x60	/* in: turns of the batch that begins */
#define PORT_STOP		0x61	/* out: the batch is over */
#define PORT_PANIC		0x62	/* out: an exception */
#define PORT_OP			0x1060	/* the port that rows measure */
#define PORT_IOEVENTFD		0x1064	/* its writes signal an eventfd */
#define PORT_IRQFD		0x1068	/* the monitor answers with an interrupt */

#define VECTOR_EOI		0x40
#define VECTOR_LATENESS		0x41
#define VECTOR_ACK		0x42

/* Guest-physical; identity-mapped up to 2 GiB. */
#define GUEST_PML4		0x1000
#define GUEST_GDT		0x4000
#define GUEST_IDT		0x5000
#define GUEST_SHARED		0x6000	/* see below */
#define GUEST_PEER_STACK_TOP	0x8000	/* the second vCPU's */
#define GUEST_STACK_TOP		0x9000
#define GUEST_PD2		0xa000	/* page directory of the second GiB */
#define GUEST_CODE		0x10000
#define GUEST_RAM		0x200000
#define GUEST_REGION		0x40000000 /* a slot of its own, for what touches pages */
#define GUEST_MMIO		0x38000000 /* no slot */

/* 8-byte words of GUEST_SHARED. */
#define SHARED_DELTA		0x6000	/* in: ticks until a timer fires */
#define SHARED_INTERRUPTS	0x6008	/* out: interrupts of this batch */
#define SHARED_SPINS		0x6010	/* out: turns of the waiting loop */
#define SHARED_ANSWER		0x6018	/* out: the last answer in RAX */
#define SHARED_PEER_READY	0x6020	/* out: the second vCPU has begun */
#define SHARED_PEER_SPINS	0x6028	/* out: turns of its waiting loop since then */
#define SHARED_ACKS		0x6030	/* out: interrupts that it has taken */
#define SHARED_SAMPLES		0x6800	/* out: lateness of each timer */
#define SAMPLES_MAX		256

#define SELECTOR_CODE		0x08
#define SELECTOR_DATA		0x10
#define SELECTOR_TSS		0x18

/* PAUSEs in which a vCPU that halts comes to sleep, thread and processor, too. */
#define SETTLE			64

/* No hypercall of KVM's has this number. */
#define HYPERCALL_UNKNOWN	0x7ead

#endif
