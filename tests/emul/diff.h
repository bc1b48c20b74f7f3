/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * baton-emul-test: the emulator against the processor that runs guests. One VM;
 * a case is one instruction in one mode, run by the processor on operands in
 * RAM, and by the emulator on operands where no RAM is.
 */
#ifndef BATON_TESTS_EMUL_DIFF_H
#define BATON_TESTS_EMUL_DIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/emul.h"
#include "hv.h"

/* As the guest's code sees it, in all modes. */
#define CODE	0x1000u
#define BUFFER	0x4000u
#define PAGES	4u

#define MEMORY	0x40000u
#define OPERANDS 0x20000u	/* what is at BUFFER, in RAM … */
#define DEVICE	0x80000u	/* … and where the device is */
#define TABLES	0x10000u	/* two sets of page tables */

enum diff_mode { DIFF_REAL16, DIFF_PROTECTED16, DIFF_PROTECTED32, DIFF_LONG64, DIFF_MODES };

/* What an instruction starts from and what it leaves. */
struct diff_state {
	struct baton_regs regs;
	uint64_t xmm[16][2];
	bool has_xmm;		/* transfer them: they cost two system calls */
	uint8_t buffer[PAGES * 0x1000];
};

struct diff_vm {
	struct hv *hv;
	struct hv_vm *vm;
	struct hv_vcpu *vcpu;
	struct guest_memory *memory;
	struct bus *pio, *mmio;
	struct emul *emul;
	bool has_movbe;			/* the guest has: not all do */
	struct baton_sregs reset;	/* of the new vCPU */
	struct baton_xsave image;	/* engine kvm: what the emulator works on */
	uint8_t device[PAGES * 0x1000];
	const char *what;		/* after a failure */
};

int diff_vm_create(enum hv_engine engine, struct diff_vm *vm);
void diff_vm_destroy(struct diff_vm *vm);
/*
 * 0, or negative with vm->what (-ENOTSUP: the engine cannot run it): *state is
 * what the instruction left, RIP is behind it.
 */
int diff_run_native(struct diff_vm *vm, enum diff_mode mode, const uint8_t *code,
		    unsigned int length, struct diff_state *state);
int diff_run_emulated(struct diff_vm *vm, enum diff_mode mode, const uint8_t *code,
		      unsigned int length, struct diff_state *state);

#endif
