/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * String instructions. Each iteration resolves all its addresses before it
 * touches anything and moves the registers on when it is complete: a fault in
 * a later one leaves the state of an instruction that was interrupted there.
 */
#include <errno.h>

#include "alu.h"
#include "exec.h"

/* Per emul_run(): a kick and a timer interrupt must not have to wait for long. */
#define ITERATIONS_MAX 1024

static int resolve_source(struct emul_cpu *cpu, const struct emul_op *op,
			  struct emul_place *place)
{
	return access_resolve(cpu, op->seg, gpr_read(cpu, BATON_RSI, op->address_size), op->size,
			      WALK_READ, place);
}

static int resolve_target(struct emul_cpu *cpu, const struct emul_op *op, uint32_t access,
			  struct emul_place *place)
{
	return access_resolve(cpu, BATON_ES, gpr_read(cpu, BATON_RDI, op->address_size), op->size,
			      access, place);
}

static void advance(struct emul_cpu *cpu, const struct emul_op *op, enum baton_gpr reg)
{
	uint64_t step = cpu->regs->rflags & RFLAGS_DF ? -(uint64_t)op->size : op->size;

	gpr_write(cpu, reg, op->address_size, cpu->regs->gpr[reg] + step);
}

static int step_movs(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_place from, to;
	int error = resolve_source(cpu, op, &from);

	if (!error)
		error = resolve_target(cpu, op, WALK_WRITE, &to);
	if (error)
		return error;
	access_write(cpu, &to, access_read(cpu, &from));
	advance(cpu, op, BATON_RSI);
	advance(cpu, op, BATON_RDI);
	return 0;
}

static int step_stos(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_place to;
	int error = resolve_target(cpu, op, WALK_WRITE, &to);

	if (error)
		return error;
	access_write(cpu, &to, gpr_read(cpu, BATON_RAX, op->size));
	advance(cpu, op, BATON_RDI);
	return 0;
}

static int step_lods(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_place from;
	int error = resolve_source(cpu, op, &from);

	if (error)
		return error;
	gpr_write(cpu, BATON_RAX, op->size, access_read(cpu, &from));
	advance(cpu, op, BATON_RSI);
	return 0;
}

static int step_cmps(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_place left, right;
	uint64_t value;
	int error = resolve_source(cpu, op, &left);

	if (!error)
		error = resolve_target(cpu, op, WALK_READ, &right);
	if (error)
		return error;
	value = access_read(cpu, &left);
	alu_binary(ALU_SUB, op->size, value, access_read(cpu, &right), &cpu->regs->rflags);
	advance(cpu, op, BATON_RSI);
	advance(cpu, op, BATON_RDI);
	return 0;
}

static int step_scas(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_place right;
	int error = resolve_target(cpu, op, WALK_READ, &right);

	if (error)
		return error;
	alu_binary(ALU_SUB, op->size, gpr_read(cpu, BATON_RAX, op->size),
		   access_read(cpu, &right), &cpu->regs->rflags);
	advance(cpu, op, BATON_RDI);
	return 0;
}

static int step_ins(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_place to;
	int error = resolve_target(cpu, op, WALK_WRITE, &to);

	if (error)
		return error;
	access_write(cpu, &to, bus_read(cpu->config->pio, gpr_read(cpu, BATON_RDX, 2), op->size));
	advance(cpu, op, BATON_RDI);
	return 0;
}

static int step_outs(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_place from;
	int error = resolve_source(cpu, op, &from);

	if (error)
		return error;
	bus_write(cpu->config->pio, gpr_read(cpu, BATON_RDX, 2), op->size,
		  access_read(cpu, &from));
	advance(cpu, op, BATON_RSI);
	return 0;
}

static int step(struct emul_cpu *cpu, const struct emul_op *op)
{
	switch (op->kind) {
	case EMUL_OP_MOVS: return step_movs(cpu, op);
	case EMUL_OP_STOS: return step_stos(cpu, op);
	case EMUL_OP_LODS: return step_lods(cpu, op);
	case EMUL_OP_CMPS: return step_cmps(cpu, op);
	case EMUL_OP_SCAS: return step_scas(cpu, op);
	case EMUL_OP_INS: return step_ins(cpu, op);
	default: return step_outs(cpu, op);
	}
}

/* REPE and REPNE look at ZF, and only where the instruction compares. */
static bool is_over(const struct emul_cpu *cpu, const struct emul_op *op)
{
	bool equal = cpu->regs->rflags & RFLAGS_ZF;

	if (!gpr_read(cpu, BATON_RCX, op->address_size))
		return true;
	if (op->kind != EMUL_OP_CMPS && op->kind != EMUL_OP_SCAS)
		return false;
	return equal != (op->repeat == EMUL_REP);
}

static int repeat(struct emul_cpu *cpu, const struct emul_op *op)
{
	/* a single-stepping guest gets its trap after each iteration */
	unsigned int left = cpu->regs->rflags & RFLAGS_TF ? 1 : ITERATIONS_MAX;

	if (!gpr_read(cpu, BATON_RCX, op->address_size))
		return 0;
	while (left--) {
		int error = step(cpu, op);

		if (error)
			return error;
		gpr_write(cpu, BATON_RCX, op->address_size, cpu->regs->gpr[BATON_RCX] - 1);
		if (is_over(cpu, op))
			return 0;
	}
	return -EINTR;
}

int exec_string(struct emul_cpu *cpu, const struct emul_op *op)
{
	return op->repeat == EMUL_ONCE ? step(cpu, op) : repeat(cpu, op);
}
