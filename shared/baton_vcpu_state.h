/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Architectural state of a vCPU as both sides and the saved-state format see
 * it. Independent of vendor and engine. All values are what the guest would
 * read; reserved fields are zero in both directions.
 */
#ifndef BATON_VCPU_STATE_H
#define BATON_VCPU_STATE_H

#include "baton_types.h"

/* State classes: bits in baton_run.want, .have and .commit. */
#define BATON_CLASS_REGS	(1u << 0) /* struct baton_regs */
#define BATON_CLASS_SREGS	(1u << 1) /* struct baton_sregs */
#define BATON_CLASS_ALL		(BATON_CLASS_REGS | BATON_CLASS_SREGS)

/* Index into baton_regs.gpr: the number that ModRM and REX encode. */
enum baton_gpr {
	BATON_RAX, BATON_RCX, BATON_RDX, BATON_RBX,
	BATON_RSP, BATON_RBP, BATON_RSI, BATON_RDI,
	BATON_R8, BATON_R9, BATON_R10, BATON_R11,
	BATON_R12, BATON_R13, BATON_R14, BATON_R15,
	BATON_GPR_COUNT
};

struct baton_regs {
	uint64_t gpr[BATON_GPR_COUNT];
	uint64_t rip;
	uint64_t rflags;
};

/*
 * attr: bits 0-7 type, S, DPL, P; 12-15 AVL, L, D/B, G (the layout of the
 * second descriptor word shifted down by 8, as in the VMCS access rights);
 * bit 8: segment is unusable. Limit in bytes, already scaled by G.
 */
#define BATON_SEG_TYPE		0x000fu
#define BATON_SEG_S		0x0010u
#define BATON_SEG_DPL_SHIFT	5
#define BATON_SEG_DPL		0x0060u
#define BATON_SEG_P		0x0080u
#define BATON_SEG_UNUSABLE	0x0100u
#define BATON_SEG_AVL		0x1000u
#define BATON_SEG_L		0x2000u
#define BATON_SEG_DB		0x4000u
#define BATON_SEG_G		0x8000u
#define BATON_SEG_ATTR_MASK	0xf1ffu

struct baton_segment {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	uint16_t attr;
};

struct baton_dtable {
	uint64_t base;
	uint32_t limit;
	uint32_t reserved;
};

/* Index into baton_sregs.seg: the number that the encoding of Sreg uses. */
enum baton_seg {
	BATON_ES, BATON_CS, BATON_SS, BATON_DS, BATON_FS, BATON_GS,
	BATON_LDTR, BATON_TR, BATON_SEG_COUNT
};

struct baton_sregs {
	struct baton_segment seg[BATON_SEG_COUNT];
	struct baton_dtable gdt, idt;
	uint64_t cr0, cr2, cr3, cr4, cr8;
	uint64_t efer;
	uint64_t apic_base;	/* IA32_APIC_BASE */
	uint64_t xcr0;
	/*
	 * PAE paging; 0: not used, or read at CR3 by each walk (SVM). All 0 with PAE paging on:
	 * SET_SREGS takes those that the guest has at CR3, if they are there and legal.
	 */
	uint64_t pdpte[4];
};

struct baton_debugregs {
	uint64_t dr[4];
	uint64_t dr6, dr7;
};

enum baton_mp_state {
	BATON_MP_RUNNABLE = 0,
	BATON_MP_HALTED = 1,
	BATON_MP_WAIT_SIPI = 2,	/* after INIT, and APs from the start */
};

#define BATON_EV_EXCEPTION	(1u << 0) /* exception fields are valid */
#define BATON_EV_ERROR_CODE	(1u << 1) /* exception pushes error_code */
#define BATON_EV_INTERRUPT	(1u << 2) /* vector was taken; behind an exception, if any */
#define BATON_EV_NMI_PENDING	(1u << 3)
#define BATON_EV_NMI_BLOCKED	(1u << 4) /* in an NMI handler, before its IRET */
#define BATON_EV_STI_SHADOW	(1u << 5)
#define BATON_EV_MOVSS_SHADOW	(1u << 6)
#define BATON_EV_MASK		0x7fu

struct baton_events {
	uint32_t flags;		/* BATON_EV_* */
	uint32_t mp_state;	/* enum baton_mp_state */
	uint8_t exception;	/* vector 0-31 */
	uint8_t interrupt;	/* vector; below 16 from an 8259 only */
	uint8_t sipi_vector;	/* of the last start-up IPI; told, not set */
	uint8_t reserved0;
	uint32_t error_code;
	uint64_t reserved1;
};

/* Non-compacted XSAVE image; components not in XCR0 are in their initial state. */
#define BATON_XSAVE_SIZE 4096u
struct baton_xsave {
	uint8_t image[BATON_XSAVE_SIZE];
};

/*
 * regs: the xAPIC register page's first KiB, one 32-bit register each 16 bytes
 * (in x2APIC mode the ID register holds the 32-bit id).
 */
#define BATON_LAPIC_SIZE 1024u
struct baton_lapic_state {
	uint8_t regs[BATON_LAPIC_SIZE];
	uint64_t tsc_deadline;	/* IA32_TSC_DEADLINE, 0: not armed */
	uint64_t timer_left_ns;	/* one-shot/periodic: time to expiry, 0: not armed */
	uint64_t reserved[6];
};

struct baton_msr {
	uint32_t index;
	uint32_t reserved;
	uint64_t data;
};

#define BATON_CPUID_SUBLEAF_MATTERS (1u << 0)
struct baton_cpuid_entry {
	uint32_t leaf, subleaf;
	uint32_t flags;		/* BATON_CPUID_* */
	uint32_t eax, ebx, ecx, edx;
	uint32_t reserved;
};

static_assert(sizeof(struct baton_regs) == 144, "baton_regs");
static_assert(sizeof(struct baton_segment) == 16, "baton_segment");
static_assert(sizeof(struct baton_sregs) == 256, "baton_sregs");
static_assert(sizeof(struct baton_debugregs) == 48, "baton_debugregs");
static_assert(sizeof(struct baton_events) == 24, "baton_events");
static_assert(sizeof(struct baton_xsave) == 4096, "baton_xsave");
static_assert(sizeof(struct baton_lapic_state) == 1088, "baton_lapic_state");
static_assert(sizeof(struct baton_msr) == 16, "baton_msr");
static_assert(sizeof(struct baton_cpuid_entry) == 32, "baton_cpuid_entry");

#endif
