/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does one instruction for the guest: an access to a device in memory, a write
 * to ROM, string port I/O. Decoded by Zydis, with a cache in front.
 */
#ifndef BATON_EMUL_H
#define BATON_EMUL_H

#include <stdbool.h>
#include <stdint.h>

#include "baton_run.h"
#include "baton_vcpu_state.h"
#include "core/bus.h"
#include "core/memory.h"

struct emul; /* one per vCPU: the decode cache */

struct emul_config {
	struct guest_memory *memory;
	struct bus *pio, *mmio;
	unsigned int phys_bits;	/* of the guest's physical addresses; 0: 52 */
	/* vector registers, from and to the engine; NULL: moves of them are unsupported */
	int (*get_xsave)(void *vcpu, struct baton_xsave *image);
	int (*set_xsave)(void *vcpu, const struct baton_xsave *image);
	/*
	 * After an exit with BATON_ACCESS_LONG64: completes what `sregs` of emul_run()
	 * points to. NULL: it always is.
	 */
	int (*need_sregs)(void *vcpu);
	/*
	 * After an exit with BATON_ACCESS_APIC: 32 bits of the local APIC's page, at a
	 * multiple of 4. *value is written, or what was read. NULL: there are none such.
	 */
	int (*apic_access)(void *vcpu, uint32_t offset, bool write, uint32_t *value);
	void *vcpu;		/* for these */
};

enum emul_result {
	EMUL_DONE,		/* registers are changed, RIP is where to go on */
	EMUL_DONE_SREGS,	/* the same, and segment registers are changed, too */
	EMUL_FAULT,		/* inject fault: see below */
	EMUL_UNSUPPORTED,	/* nothing done: see emul_bytes() */
	EMUL_NO_CODE,		/* RIP leads to where no memory is */
	EMUL_SHUTDOWN,		/* emul_task_switch(): a triple fault */
};

/*
 * Of the instruction nothing is done but a string's finished iterations; CR2 and
 * RFLAGS.RF are set. But vector 1 is a trap: the instruction, or one iteration, is
 * done, and the bits in dr6 are for the caller to set.
 */
struct emul_fault {
	uint8_t vector;
	bool has_error_code;
	uint32_t error_code;
	uint32_t dr6;		/* vector 1: the cause */
};

#define EMUL_INSN_MAX 15

struct emul *emul_create(const struct emul_config *config);
void emul_destroy(struct emul *emul);	/* NULL is fine */

/*
 * A REP that takes long, or code that is another one than at the exit, ends
 * with EMUL_DONE and RIP on the instruction: the processor has another go.
 * What a program at CPL 3 executes does not end the VM: it gets #UD instead of
 * EMUL_UNSUPPORTED and EMUL_NO_CODE.
 */
enum emul_result emul_run(struct emul *emul, struct baton_regs *regs,
			  struct baton_sregs *sregs, const struct baton_exit_emulate *exit,
			  struct emul_fault *fault);
/*
 * Does a task switch (BATON_EXIT_TASK_SWITCH). EMUL_DONE_SREGS; EMUL_FAULT: then too all
 * registers are to be taken over, for the fault may be the new task's; EMUL_SHUTDOWN and
 * EMUL_UNSUPPORTED: nothing is done. *ret_switched: the new task runs. What a switch does to
 * DR7 and to what blocks events is the caller's part.
 */
enum emul_result emul_task_switch(struct emul *emul, struct baton_regs *regs,
				  struct baton_sregs *sregs, const struct baton_exit_task *task,
				  struct emul_fault *fault, bool *ret_switched);
/* The bytes of the last instruction, as far as there were any. */
unsigned int emul_bytes(const struct emul *emul, uint8_t bytes[EMUL_INSN_MAX]);

#endif
