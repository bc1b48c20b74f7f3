/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The run page: one page per vCPU, shared by the kernel and the thread that
 * calls BATON_RUN (mmap of the vCPU descriptor, offset 0, one page, shared).
 *
 * Registers travel lazily. `want` names the classes that the kernel writes at
 * every exit; `have` says which it did write (an exit whose handling always
 * needs registers writes them unasked); `commit` names those that the monitor
 * changed in the page and the kernel must load at the next BATON_RUN (it
 * clears the bits). The kernel reads each field once per call and trusts none.
 */
#ifndef BATON_RUN_H
#define BATON_RUN_H

#include "baton_types.h"
#include "baton_vcpu_state.h"

enum baton_exit_reason {
	BATON_EXIT_NONE = 0,	  /* nothing to do: kick, host work, immediate_exit */
	BATON_EXIT_PIO = 1,	  /* IN or OUT of one item; RIP is past it */
	BATON_EXIT_EMULATE = 2,	  /* do one instruction for the guest; RIP is on it */
	BATON_EXIT_EOI = 3,	  /* EOI of a level-triggered vector */
	BATON_EXIT_SHUTDOWN = 4,  /* triple fault */
	BATON_EXIT_ENTRY_FAILED = 5, /* processor refused the guest state */
	BATON_EXIT_MEMORY = 6,	  /* slot there, its host page is not to be had */
	BATON_EXIT_INTERNAL = 7,  /* unexpected exit: VM is stopped, module is well */
	BATON_EXIT_INTA = 8,	  /* interrupt acknowledge: INTR is up and can be taken */
	BATON_EXIT_DEBUG = 9,	  /* a step is over, or a breakpoint was met */
	BATON_EXIT_TASK_SWITCH = 10, /* VT-x: switch to another task for the guest */
};

/* baton_exit_pio.flags */
#define BATON_PIO_IN		(1u << 0)

/*
 * IN: put the answer into data before the next BATON_RUN; the kernel merges
 * `size` bytes of it into RAX. Takes effect also with immediate_exit set.
 */
struct baton_exit_pio {
	uint16_t port;
	uint8_t size;		/* 1, 2, 4 */
	uint8_t flags;
	uint32_t data;
};

/* baton_exit_emulate.kind */
enum baton_emulate_kind {
	BATON_EMULATE_MMIO = 1,	  /* access to gpa, where no slot is */
	BATON_EMULATE_ROM = 2,	  /* write to a read-only slot */
	/* INS or OUTS; gpa: the port; gva: bytes of an item (0 before ABI 1.6), as checked */
	BATON_EMULATE_STRING_IO = 3,
};
#define BATON_ACCESS_WRITE	(1u << 0)
#define BATON_ACCESS_FETCH	(1u << 1)
#define BATON_ACCESS_GVA	(1u << 2) /* gva is valid */
#define BATON_ACCESS_LONG64	(1u << 3) /* 64-bit code: mode is valid */
#define BATON_ACCESS_WALK	(1u << 4) /* gpa is in the guest's page tables */

#define BATON_ACCESS_APIC	(1u << 5) /* gpa is in the local APIC's page */
#define BATON_ACCESS_EVENT	(1u << 6) /* by an event's delivery, not by the instruction */

/* All that addresses of 64-bit code depend on, but for the bases of FS and GS. */
struct baton_code_mode {
	uint64_t cr0, cr3, cr4, efer;
	uint32_t cpl;
	uint32_t reserved;
};

/*
 * want: an EMULATE exit of 64-bit code may come with `mode` instead of SREGS, which is
 * cheaper. Which of the two it was, `have` says.
 */
#define BATON_WANT_MODE		(1u << 8)

/* REGS, and SREGS or mode, are in the page. insn_len 0: fetch it yourself. */
struct baton_exit_emulate {
	uint64_t gpa;
	uint64_t gva;
	uint32_t kind;
	uint32_t access;	/* BATON_ACCESS_* */
	uint8_t insn_len;	/* bytes valid in insn, 0-15 */
	uint8_t insn[15];
	struct baton_code_mode mode; /* with BATON_ACCESS_LONG64 */
};

struct baton_exit_eoi {
	uint32_t vector;
	uint32_t reserved;
};

/*
 * Put the 8259's answer into vector before the next BATON_RUN; the guest takes
 * that interrupt first. Takes effect also with immediate_exit set.
 */
#define BATON_INTA_NONE		(-1)	/* preset: INTR was withdrawn */
struct baton_exit_inta {
	int32_t vector;		/* 0-255, BATON_INTA_NONE */
	uint32_t reserved;
};

/* ENTRY_FAILED, INTERNAL: hardware's words, for the log and the bug report. */
struct baton_exit_fail {
	uint64_t hw_reason;	/* exit reason or exit code, 64 bit */
	uint64_t hw_info[3];	/* qualification / EXITINFO1, 2, instruction error */
};

struct baton_exit_memory {
	uint64_t gpa;
	uint64_t hva;
	int32_t error;		/* negative errno */
	uint32_t access;
};

/* What BATON_SET_GUEST_DEBUG asked for. The guest has seen nothing of it. */
struct baton_exit_debug {
	uint32_t exception;	/* 1: see dr6; 3: INT3, and RIP is on it */
	uint32_t reserved;
	uint64_t rip;
	uint64_t dr6;		/* BS: the step; B0-B3: breakpoints. No other bits */
	uint64_t dr7;		/* as it was in force */
};

/* baton_exit_task.source, as the processor has it */
enum baton_task_source {
	BATON_TASK_CALL = 0,
	BATON_TASK_IRET = 1,
	BATON_TASK_JMP = 2,
	BATON_TASK_GATE = 3,	/* in the IDT: event is what the new task is to handle */
};
#define BATON_TASK_VECTOR	0xffu
#define BATON_TASK_TYPE		0x700u
#define BATON_TASK_INTERRUPT	0x000u	/* of the types these three are by no instruction */
#define BATON_TASK_NMI		0x200u
#define BATON_TASK_EXCEPTION	0x300u
#define BATON_TASK_ERROR_CODE	(1u << 11) /* error_code is valid */

/* REGS and SREGS are in the page, and RIP is on the instruction, if it is one. */
struct baton_exit_task {
	uint16_t selector;	/* of the new task's TSS */
	uint8_t source;		/* enum baton_task_source */
	uint8_t insn_len;	/* of CALL, JMP, IRET, INT n, INT3, INTO, INT1 */
	uint32_t event;		/* BATON_TASK_*; counts with bit 31 only */
	uint32_t error_code;
	uint32_t reserved;
};

struct baton_run {
	/* monitor to kernel */
	uint32_t want;		/* BATON_CLASS_*, BATON_WANT_MODE */
	uint32_t commit;	/* BATON_CLASS_* */
	uint8_t immediate_exit;	/* not 0: take a pending answer over, then return */
	uint8_t reserved0[7];

	/* kernel to monitor */
	uint32_t exit_reason;	/* enum baton_exit_reason */
	uint32_t have;		/* BATON_CLASS_* */
	union {
		struct baton_exit_pio pio;
		struct baton_exit_emulate emulate;
		struct baton_exit_eoi eoi;
		struct baton_exit_fail fail;
		struct baton_exit_memory memory;
		struct baton_exit_inta inta;
		struct baton_exit_debug debug;
		struct baton_exit_task task;
		uint8_t pad[96];
	};

	struct baton_regs regs;
	struct baton_sregs sregs;
	uint8_t reserved1[4096 - 24 - 96 - 144 - 256];
};

static_assert(sizeof(struct baton_exit_emulate) == 80, "baton_exit_emulate");
static_assert(sizeof(struct baton_exit_debug) == 32, "baton_exit_debug");
static_assert(sizeof(struct baton_exit_task) == 16, "baton_exit_task");
static_assert(offsetof(struct baton_run, regs) == 120, "baton_run.regs");
static_assert(sizeof(struct baton_run) == BATON_PAGE_SIZE, "baton_run");

#endif
