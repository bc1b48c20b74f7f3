/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this folder share while they do one instruction. All that
 * may fail comes first, then the effects: a handler changes registers, memory
 * and devices only when nothing can go wrong any more, so that an instruction
 * that faults can be started again.
 */
#ifndef BATON_EMUL_EXEC_H
#define BATON_EMUL_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "emul.h"
#include "op.h"
#include "walk.h"

#define RFLAGS_CF	(1ull << 0)
#define RFLAGS_ZF	(1ull << 6)
#define RFLAGS_TF	(1ull << 8)
#define RFLAGS_DF	(1ull << 10)
#define RFLAGS_OF	(1ull << 11)
#define RFLAGS_RF	(1ull << 16)
#define RFLAGS_VM	(1ull << 17)

#define VECTOR_DE	0
#define VECTOR_DB	1
#define VECTOR_UD	6
#define VECTOR_NM	7
#define VECTOR_SS	12
#define VECTOR_GP	13
#define VECTOR_PF	14
#define VECTOR_MF	16

/* Of a guest that keeps changing what we try to exchange. */
#define EXCHANGE_TRIES 64

/* The last page that was translated, so that a string walks once per page. */
struct emul_page {
	bool valid;
	uint64_t gva, gpa;
};

/*
 * The page of 64-bit code that was read last, and all that its translation came
 * from: drivers come back with the same instruction all the time. Comparing is
 * as good as walking, and much shorter. trail.count 0: nothing is known.
 */
struct emul_code {
	uint64_t gva;		/* of the page */
	const uint8_t *host;
	struct baton_code_mode mode;
	struct walk_trail trail;
};

struct emul_cpu {
	const struct emul_config *config;
	struct emul_code *code;
	const struct baton_exit_emulate *exit;
	struct baton_sregs *sregs;
	struct baton_regs *regs;
	bool sregs_changed;
	enum emul_mode mode;
	bool protected_mode;	/* segments have types: neither real nor virtual-8086 */
	bool complete;		/* sregs: all of them are there */
	bool trust_gpa;		/* exit->gpa is that of the only memory operand */
	bool walk_ready;
	struct walk walk;
	struct emul_page page[2];	/* for reading, for writing */
	struct emul_fault fault;	/* after -EFAULT … */
	uint64_t cr2;			/* … and, if it is a page fault */
};

/* emul.c: paging, or what it depends on, has changed. */
void exec_forget_pages(struct emul_cpu *cpu);
/* emul.c: before more of cpu->sregs is used than exit->mode tells. 0, -ENOTSUP. */
int emul_need_sregs(struct emul_cpu *cpu);

/* ---- access.c: segments, pages, RAM and devices ---- */

/* An operand in memory, all of it translated: on one page or on two. */
struct emul_place {
	unsigned int size, first;	/* bytes; those of them at gpa[0] */
	bool device;			/* the processor found no RAM there */
	uint64_t gpa[2];
};

/* Makes `vector` (with error code 0 if it has one) the fault. Returns -EFAULT. */
int access_fault(struct emul_cpu *cpu, uint8_t vector);
/* access: WALK_READ or WALK_WRITE. 0 or -EFAULT. */
int access_resolve(struct emul_cpu *cpu, unsigned int seg, uint64_t offset, unsigned int size,
		   uint32_t access, struct emul_place *place);
uint64_t access_read(struct emul_cpu *cpu, const struct emul_place *place);
void access_write(struct emul_cpu *cpu, const struct emul_place *place, uint64_t value);
/* Writes if RAM still has `old`, in one step; false if not. Devices: always. */
bool access_exchange(struct emul_cpu *cpu, const struct emul_place *place, uint64_t old,
		     uint64_t value);
/* The same for 16 bytes; the place is aligned to them. */
bool access_exchange_pair(struct emul_cpu *cpu, const struct emul_place *place,
			  const uint64_t old[2], const uint64_t value[2]);
/* The 8 bytes `offset` into a place of 16. */
struct emul_place access_part(const struct emul_place *place, unsigned int offset);
/* What the processor looks at by itself, at a linear address, whatever the CPL. */
int access_resolve_system(struct emul_cpu *cpu, uint64_t linear, unsigned int size,
			  uint32_t access, struct emul_place *place);
/*
 * Copies the code at RIP, at most EMUL_INSN_MAX bytes. 0; if there are fewer,
 * why: -EFAULT or -ENXIO (no memory). *ret_count is valid in any case.
 */
int access_fetch(struct emul_cpu *cpu, uint8_t bytes[EMUL_INSN_MAX], unsigned int *ret_count);
/* The same from the page in cpu->code. False: nothing done, that is of no use here. */
bool access_fetch_again(const struct emul_cpu *cpu, uint8_t bytes[EMUL_INSN_MAX]);

/* ---- exec.c: operands ---- */

int operand_resolve(struct emul_cpu *cpu, const struct emul_op *op,
		    const struct emul_operand *operand, uint32_t access,
		    struct emul_place *place);
/* Anything but memory. */
uint64_t operand_direct(const struct emul_cpu *cpu, const struct emul_operand *operand);
void operand_set(struct emul_cpu *cpu, const struct emul_operand *operand, uint64_t value);
/* Anything. */
int operand_read(struct emul_cpu *cpu, const struct emul_op *op,
		 const struct emul_operand *operand, uint64_t *ret_value);
int operand_write(struct emul_cpu *cpu, const struct emul_op *op,
		  const struct emul_operand *operand, uint64_t value);

/* Of the stack's addresses, in bytes. */
unsigned int stack_width(const struct emul_cpu *cpu);

/* ---- exec.c, strings.c, wide.c, vector.c, system.c: instructions ---- */

/*
 * 0: done; -EFAULT; -EINTR: some iterations done, come back for the rest;
 * -EAGAIN: nothing done, let the processor try again. RIP is left alone.
 */
int exec_op(struct emul_cpu *cpu, const struct emul_op *op);
int exec_string(struct emul_cpu *cpu, const struct emul_op *op);
int exec_movbe(struct emul_cpu *cpu, const struct emul_op *op);
int exec_mul(struct emul_cpu *cpu, const struct emul_op *op);
int exec_imul(struct emul_cpu *cpu, const struct emul_op *op);
int exec_div(struct emul_cpu *cpu, const struct emul_op *op);
int exec_cmpxchg_pair(struct emul_cpu *cpu, const struct emul_op *op);
int exec_smsw(struct emul_cpu *cpu, const struct emul_op *op);
int exec_mov_to_sreg(struct emul_cpu *cpu, const struct emul_op *op);
int exec_ltr(struct emul_cpu *cpu, const struct emul_op *op);
int exec_jmp(struct emul_cpu *cpu, const struct emul_op *op);
int exec_call(struct emul_cpu *cpu, const struct emul_op *op);
int exec_ret(struct emul_cpu *cpu, const struct emul_op *op);
int exec_enter(struct emul_cpu *cpu, const struct emul_op *op);
int exec_leave(struct emul_cpu *cpu, const struct emul_op *op);
int exec_jmp_far(struct emul_cpu *cpu, const struct emul_op *op);
int exec_vector(struct emul_cpu *cpu, const struct emul_op *op);
/* task.c. Also -ENOTSUP, and -EIO: the guest's triple fault. */
int exec_task_switch(struct emul_cpu *cpu, const struct baton_exit_task *task);

/* Does what decides over fetches say the same? */
static inline bool is_same_mode(const struct baton_code_mode *a, const struct baton_code_mode *b)
{
	return !((a->cr0 ^ b->cr0) | (a->cr3 ^ b->cr3) | (a->cr4 ^ b->cr4) |
		 (a->efer ^ b->efer) | (a->cpl ^ b->cpl));
}

/* ---- registers ---- */

static inline uint64_t size_mask(unsigned int size)
{
	return size >= 8 ? ~0ull : (1ull << 8 * size) - 1;
}

static inline uint64_t sign_extend(uint64_t value, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

static inline uint64_t gpr_read(const struct emul_cpu *cpu, unsigned int reg, unsigned int size)
{
	return cpu->regs->gpr[reg] & size_mask(size);
}

/* As the processor does: 32 bits clear the upper half, fewer leave the rest. */
static inline void gpr_write(struct emul_cpu *cpu, unsigned int reg, unsigned int size,
			     uint64_t value)
{
	uint64_t keep = size >= 4 ? 0 : ~size_mask(size);

	cpu->regs->gpr[reg] = (cpu->regs->gpr[reg] & keep) | (value & size_mask(size));
}

#endif
