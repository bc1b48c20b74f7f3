/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See emul.h. One run: get the bytes, find them in the cache or decode them,
 * execute, and say what is to happen next.
 *
 * The cache is looked up by RIP, because one place in a driver is what comes
 * back all the time, but an entry counts only if mode and bytes are those of
 * this run: what an instruction means depends on nothing else.
 */
#include "emul.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exec.h"

#define CR0_PE		(1ull << 0)
#define EFER_LMA	(1ull << 10)

#define CACHE_SIZE 64

/* Room for two words, to be compared as such. */
#define BYTES_ROOM 16

struct emul_entry {
	uint8_t bytes[BYTES_ROOM];
	uint8_t mode;			/* enum emul_mode */
	struct emul_op op;		/* length 0: the entry is empty */
};

/* Belongs to the vCPU's thread: no lock. */
struct emul {
	struct emul_config config;
	struct emul_code code;
	uint8_t bytes[BYTES_ROOM];
	unsigned int count;		/* of bytes */
	struct emul_entry cache[CACHE_SIZE];
};

struct emul *emul_create(const struct emul_config *config)
{
	struct emul *emul = calloc(1, sizeof(*emul));

	if (emul)
		emul->config = *config;
	return emul;
}

void emul_destroy(struct emul *emul)
{
	free(emul);
}

unsigned int emul_bytes(const struct emul *emul, uint8_t bytes[EMUL_INSN_MAX])
{
	memcpy(bytes, emul->bytes, emul->count);
	return emul->count;
}

/* ---- from RIP to operation ---- */

static uint64_t word_at(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* The first `length` bytes, 1 to 15: shorter than a call of memcmp(). */
static bool same_bytes(const uint8_t *a, const uint8_t *b, unsigned int length)
{
	uint64_t low = word_at(a) ^ word_at(b), high = word_at(a + 8) ^ word_at(b + 8);

	if (length <= 8)
		return !(low << (64 - 8 * length));
	return !low && !(high << (128 - 8 * length));
}

static int decode(struct emul *emul, const struct emul_cpu *cpu, const struct emul_op **ret_op)
{
	uint64_t rip = cpu->regs->rip;
	struct emul_entry *entry = &emul->cache[(rip ^ rip >> 6) % CACHE_SIZE];
	struct emul_op op;
	int error;

	if (!entry->op.length || entry->op.length > emul->count || entry->mode != cpu->mode ||
	    !same_bytes(entry->bytes, emul->bytes, entry->op.length)) {
		error = emul_decode(cpu->mode, emul->bytes, emul->count, &op);
		if (error)
			return error;
		entry->mode = (uint8_t)cpu->mode;
		memcpy(entry->bytes, emul->bytes, sizeof(entry->bytes));
		entry->op = op;
	}
	emul->count = entry->op.length;
	*ret_op = &entry->op;
	return 0;
}

/* The processor's bytes if they are enough, else those in guest memory. */
static int find_op(struct emul *emul, struct emul_cpu *cpu, const struct emul_op **ret_op)
{
	const struct baton_exit_emulate *exit = cpu->exit;
	int error = -ENODATA, short_of;

	if (exit->insn_len) {
		emul->count = exit->insn_len < EMUL_INSN_MAX ? exit->insn_len : EMUL_INSN_MAX;
		memcpy(emul->bytes, exit->insn, sizeof(exit->insn));
		error = decode(emul, cpu, ret_op);
	} else if (access_fetch_again(cpu, emul->bytes)) {
		emul->count = EMUL_INSN_MAX;
		error = decode(emul, cpu, ret_op);
	}
	if (error != -ENODATA)
		return error;
	short_of = access_fetch(cpu, emul->bytes, &emul->count);
	if (emul->count)
		error = decode(emul, cpu, ret_op);
	if (error != -ENODATA)
		return error;
	return short_of ? short_of : -ENOTSUP;
}

/* ---- one run ---- */

static enum emul_mode find_mode(const struct baton_sregs *sregs, bool protected_mode)
{
	uint16_t attr = sregs->seg[BATON_CS].attr;

	if (sregs->efer & EFER_LMA && attr & BATON_SEG_L)
		return EMUL_LONG64;
	if (attr & BATON_SEG_DB)
		return EMUL_PROTECTED32;
	return protected_mode ? EMUL_PROTECTED16 : EMUL_REAL16;
}

/* The rest of *cpu has no meaning yet. */
static void init_cpu(struct emul_cpu *cpu, struct emul *emul, struct baton_regs *regs,
		     struct baton_sregs *sregs, const struct baton_exit_emulate *exit)
{
	cpu->config = &emul->config;
	cpu->code = &emul->code;
	cpu->exit = exit;
	cpu->sregs = sregs;
	cpu->regs = regs;
	cpu->protected_mode = sregs->cr0 & CR0_PE && !(regs->rflags & RFLAGS_VM);
	cpu->mode = find_mode(sregs, cpu->protected_mode);
	cpu->trust_gpa = false;
	cpu->sregs_changed = false;
	cpu->walk_ready = false;
	cpu->page[0].valid = cpu->page[1].valid = false;
}

/*
 * Whether code at this privilege may use the port is what the processor checked
 * before the exit. So only that exit is followed by port I/O; if the code is
 * another one by now, the processor has to look at it again.
 */
static bool fits_exit(const struct emul_cpu *cpu, const struct emul_op *op)
{
	bool port_io = op->kind == EMUL_OP_INS || op->kind == EMUL_OP_OUTS;

	return port_io == (cpu->exit->kind == BATON_EMULATE_STRING_IO);
}

static int run(struct emul *emul, struct emul_cpu *cpu)
{
	const struct emul_op *op;
	int error = find_op(emul, cpu, &op);

	if (error)
		return error;
	if (!fits_exit(cpu, op))
		return -EAGAIN;
	cpu->trust_gpa = !op->many;
	error = exec_op(cpu, op);
	if (!error) {
		cpu->regs->rip += op->length;
		if (cpu->mode != EMUL_LONG64)
			cpu->regs->rip &= 0xffffffff;
		cpu->regs->rflags &= ~RFLAGS_RF;
	}
	return error;
}

static enum emul_result give_fault(struct emul_cpu *cpu, struct baton_sregs *sregs,
				   struct emul_fault *fault)
{
	*fault = cpu->fault;
	if (fault->vector == VECTOR_PF)
		sregs->cr2 = cpu->cr2;
	/* a breakpoint on the instruction was reported before it got this far */
	cpu->regs->rflags |= RFLAGS_RF;
	return EMUL_FAULT;
}

/* A program must not be able to end the VM by what it executes. */
static enum emul_result give_up(struct emul_cpu *cpu, struct baton_sregs *sregs,
				struct emul_fault *fault, enum emul_result result)
{
	if ((sregs->seg[BATON_SS].attr & BATON_SEG_DPL) != BATON_SEG_DPL)
		return result;
	access_fault(cpu, VECTOR_UD);
	return give_fault(cpu, sregs, fault);
}

static enum emul_result done(const struct emul_cpu *cpu, struct emul_fault *fault)
{
	if (!(cpu->regs->rflags & RFLAGS_TF))
		return cpu->sregs_changed ? EMUL_DONE_SREGS : EMUL_DONE;
	*fault = (struct emul_fault){ .vector = VECTOR_DB };
	return EMUL_FAULT;
}

enum emul_result emul_run(struct emul *emul, struct baton_regs *regs,
			  struct baton_sregs *sregs, const struct baton_exit_emulate *exit,
			  struct emul_fault *fault)
{
	struct emul_cpu cpu;

	init_cpu(&cpu, emul, regs, sregs, exit);
	switch (run(emul, &cpu)) {
	case 0:
	case -EINTR:
		return done(&cpu, fault);
	case -EAGAIN:
		return EMUL_DONE;
	case -EFAULT:
		return give_fault(&cpu, sregs, fault);
	case -ENXIO:
		return give_up(&cpu, sregs, fault, EMUL_NO_CODE);
	default:
		return give_up(&cpu, sregs, fault, EMUL_UNSUPPORTED);
	}
}
