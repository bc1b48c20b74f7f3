/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions but strings, vectors and those in wide.c. Only one operand is in
 * memory, but for PUSH and POP, where the other one is on the stack.
 */
#include <errno.h>

#include "alu.h"
#include "exec.h"

/* ---- operands ---- */

static uint64_t address_register(const struct emul_cpu *cpu, const struct emul_op *op,
				 unsigned int reg)
{
	if (reg == EMUL_NO_REG)
		return 0;
	return reg == EMUL_RIP ? cpu->regs->rip + op->length : cpu->regs->gpr[reg];
}

/*
 * BT and its kin with the bit's number in a register reach beyond the operand:
 * the distance, in bytes.
 */
static uint64_t bit_distance(const struct emul_cpu *cpu, const struct emul_op *op)
{
	int64_t bit;

	if (op->kind != EMUL_OP_BIT || op->src.kind != EMUL_REG)
		return 0;
	bit = (int64_t)sign_extend(gpr_read(cpu, op->src.reg, op->size), op->size);
	return (uint64_t)(bit >> 3) & ~(op->size - 1ull);
}

int operand_resolve(struct emul_cpu *cpu, const struct emul_op *op,
		   const struct emul_operand *operand, uint32_t access, struct emul_place *place)
{
	uint64_t offset = address_register(cpu, op, operand->base) +
			  address_register(cpu, op, operand->index) * operand->scale +
			  (uint64_t)operand->value + bit_distance(cpu, op);

	return access_resolve(cpu, operand->seg, offset & size_mask(op->address_size),
			      operand->size, access, place);
}

/* Before operand_direct(): selectors may not have come along. */
static int operand_ready(struct emul_cpu *cpu, const struct emul_operand *operand)
{
	return operand->kind == EMUL_SREG ? emul_need_sregs(cpu) : 0;
}

uint64_t operand_direct(const struct emul_cpu *cpu, const struct emul_operand *operand)
{
	switch (operand->kind) {
	case EMUL_REG:
		return gpr_read(cpu, operand->reg, operand->size);
	case EMUL_REG_HIGH8:
		return cpu->regs->gpr[operand->reg] >> 8 & 0xff;
	case EMUL_SREG:
		return cpu->sregs->seg[operand->reg].selector;
	default:
		return (uint64_t)operand->value;
	}
}

void operand_set(struct emul_cpu *cpu, const struct emul_operand *operand, uint64_t value)
{
	if (operand->kind == EMUL_REG_HIGH8)
		cpu->regs->gpr[operand->reg] = (cpu->regs->gpr[operand->reg] & ~0xff00ull) |
					       (value & 0xff) << 8;
	else if (operand->kind == EMUL_REG)
		gpr_write(cpu, operand->reg, operand->size, value);
}

int operand_read(struct emul_cpu *cpu, const struct emul_op *op,
			const struct emul_operand *operand, uint64_t *ret_value)
{
	struct emul_place place;
	int error;

	if (operand->kind != EMUL_MEM) {
		error = operand_ready(cpu, operand);
		*ret_value = operand_direct(cpu, operand);
		return error;
	}
	error = operand_resolve(cpu, op, operand, WALK_READ, &place);
	if (!error)
		*ret_value = access_read(cpu, &place);
	return error;
}

int operand_write(struct emul_cpu *cpu, const struct emul_op *op,
			 const struct emul_operand *operand, uint64_t value)
{
	struct emul_place place;
	int error;

	if (operand->kind != EMUL_MEM) {
		operand_set(cpu, operand, value);
		return 0;
	}
	error = operand_resolve(cpu, op, operand, WALK_WRITE, &place);
	if (!error)
		access_write(cpu, &place, value);
	return error;
}

/* ---- moves ---- */

static int do_mov(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t value;
	int error = operand_read(cpu, op, &op->src, &value);

	return error ? error : operand_write(cpu, op, &op->dst, value);
}

static int do_movsx(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t value;
	int error = operand_read(cpu, op, &op->src, &value);

	return error ? error :
		       operand_write(cpu, op, &op->dst, sign_extend(value, op->src.size));
}

/* The source is read, and half a register cleared, whatever the condition. */
static int do_cmov(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t value;
	int error = operand_read(cpu, op, &op->src, &value);

	if (error)
		return error;
	if (!alu_condition(op->sub, cpu->regs->rflags))
		value = operand_direct(cpu, &op->dst);
	operand_set(cpu, &op->dst, value);
	return 0;
}

static int do_setcc(struct emul_cpu *cpu, const struct emul_op *op)
{
	return operand_write(cpu, op, &op->dst, alu_condition(op->sub, cpu->regs->rflags));
}

/* ---- arithmetic ---- */

static uint64_t compare_exchange(struct emul_cpu *cpu, const struct emul_op *op, uint64_t old,
				 uint64_t src, uint64_t *rflags)
{
	uint64_t accumulator = gpr_read(cpu, BATON_RAX, op->size);

	alu_binary(ALU_SUB, op->size, accumulator, old, rflags);
	return accumulator == old ? src : old;
}

/* What the destination becomes. Changes nothing but *rflags. */
static uint64_t compute(struct emul_cpu *cpu, const struct emul_op *op, uint64_t old,
			uint64_t src, uint64_t *rflags)
{
	switch (op->kind) {
	case EMUL_OP_UNARY:
		return alu_unary(op->sub, op->size, old, rflags);
	case EMUL_OP_SHIFT:
		return alu_shift(op->sub, op->size, old, (uint8_t)src, rflags);
	case EMUL_OP_BIT:
		return alu_bit(op->sub, op->size, old, src, rflags);
	case EMUL_OP_XADD:
		return alu_binary(ALU_ADD, op->size, old, src, rflags);
	case EMUL_OP_CMPXCHG:
		return compare_exchange(cpu, op, old, src, rflags);
	case EMUL_OP_SHIFT_DOUBLE:
		return alu_shift_double(op->sub, op->size, old, src,
					(uint8_t)operand_direct(cpu, &op->third), rflags);
	case EMUL_OP_XCHG:
		return src;
	default:
		return alu_binary(op->sub, op->size, old, src, rflags);
	}
}

/* The register that gets the old value, if there is one. */
static void give_old(struct emul_cpu *cpu, const struct emul_op *op, uint64_t old,
		     uint64_t rflags)
{
	if (op->kind == EMUL_OP_XCHG || op->kind == EMUL_OP_XADD)
		operand_set(cpu, &op->src, old);
	else if (op->kind == EMUL_OP_CMPXCHG && !(rflags & RFLAGS_ZF))
		gpr_write(cpu, BATON_RAX, op->size, old);
}

/* Writing memory comes with LOCK's promise whether it is there or not. */
static int modify_memory(struct emul_cpu *cpu, const struct emul_op *op, uint64_t src)
{
	struct emul_place place;
	int error = operand_resolve(cpu, op, &op->dst, WALK_WRITE, &place);

	for (unsigned int i = 0; !error && i < EXCHANGE_TRIES; i++) {
		uint64_t rflags = cpu->regs->rflags, old = access_read(cpu, &place);
		uint64_t value = compute(cpu, op, old, src, &rflags);

		if (!access_exchange(cpu, &place, old, value))
			continue;
		give_old(cpu, op, old, rflags);
		cpu->regs->rflags = rflags;
		return 0;
	}
	return error ? error : -EAGAIN;
}

/* dst = dst op src */
static int do_modify(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t src, old, value;
	int error = operand_read(cpu, op, &op->src, &src);

	if (error)
		return error;
	if (op->dst.kind == EMUL_MEM)
		return modify_memory(cpu, op, src);
	old = operand_direct(cpu, &op->dst);
	value = compute(cpu, op, old, src, &cpu->regs->rflags);
	give_old(cpu, op, old, cpu->regs->rflags);
	operand_set(cpu, &op->dst, value);
	return 0;
}

/* Flags only: CMP, TEST, BT. */
static int do_test(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t src, dst;
	int error = operand_read(cpu, op, &op->src, &src);

	if (!error)
		error = operand_read(cpu, op, &op->dst, &dst);
	if (!error)
		compute(cpu, op, dst, src, &cpu->regs->rflags);
	return error;
}

static int do_bit(struct emul_cpu *cpu, const struct emul_op *op)
{
	return op->sub == ALU_BT ? do_test(cpu, op) : do_modify(cpu, op);
}

/* The destination of a scan through nothing stays as it is. */
static int do_bit_scan(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t value;
	int error = operand_read(cpu, op, &op->src, &value);

	if (error)
		return error;
	cpu->regs->rflags &= ~RFLAGS_ZF;
	if (!value)
		cpu->regs->rflags |= RFLAGS_ZF;
	else
		operand_set(cpu, &op->dst, (uint64_t)(op->sub ? 63 - __builtin_clzll(value) :
							       __builtin_ctzll(value)));
	return 0;
}

/* ---- stack ---- */

unsigned int stack_width(const struct emul_cpu *cpu)
{
	if (cpu->mode == EMUL_LONG64)
		return 8;
	return cpu->sregs->seg[BATON_SS].attr & BATON_SEG_DB ? 4 : 2;
}

static int do_push(struct emul_cpu *cpu, const struct emul_op *op)
{
	unsigned int width = stack_width(cpu);
	uint64_t top = (cpu->regs->gpr[BATON_RSP] - op->size) & size_mask(width);
	struct emul_place from, to;
	int error;

	if (op->dst.kind == EMUL_MEM)
		error = operand_resolve(cpu, op, &op->dst, WALK_READ, &from);
	else
		error = operand_ready(cpu, &op->dst);
	if (!error)
		error = access_resolve(cpu, BATON_SS, top, op->size, WALK_WRITE, &to);
	if (error)
		return error;
	access_write(cpu, &to, op->dst.kind == EMUL_MEM ? access_read(cpu, &from) :
							  operand_direct(cpu, &op->dst));
	gpr_write(cpu, BATON_RSP, width, top);
	return 0;
}

/* An address made with RSP is that after the pop. */
static int do_pop(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t rsp = cpu->regs->gpr[BATON_RSP];
	unsigned int width = stack_width(cpu);
	struct emul_place from, to;
	int error = access_resolve(cpu, BATON_SS, rsp & size_mask(width), op->size, WALK_READ,
				   &from);

	if (error)
		return error;
	gpr_write(cpu, BATON_RSP, width, rsp + op->size);
	if (op->dst.kind != EMUL_MEM) {
		operand_set(cpu, &op->dst, access_read(cpu, &from));
		return 0;
	}
	error = operand_resolve(cpu, op, &op->dst, WALK_WRITE, &to);
	if (error)
		cpu->regs->gpr[BATON_RSP] = rsp;
	else
		access_write(cpu, &to, access_read(cpu, &from));
	return error;
}

/* Caches are the host's, and coherent: what is left is whether the byte may be read. */
static int do_touch(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_operand byte = op->dst;
	struct emul_place place;

	byte.size = 1;
	return operand_resolve(cpu, op, &byte, WALK_READ, &place);
}

int exec_op(struct emul_cpu *cpu, const struct emul_op *op)
{
	static int (*const handlers[])(struct emul_cpu *, const struct emul_op *) = {
		[EMUL_OP_MOV] = do_mov, [EMUL_OP_MOVSX] = do_movsx,
		[EMUL_OP_ALU] = do_modify, [EMUL_OP_ALU_TEST] = do_test,
		[EMUL_OP_UNARY] = do_modify, [EMUL_OP_SHIFT] = do_modify,
		[EMUL_OP_BIT] = do_bit, [EMUL_OP_XCHG] = do_modify,
		[EMUL_OP_XADD] = do_modify, [EMUL_OP_CMPXCHG] = do_modify,
		[EMUL_OP_SHIFT_DOUBLE] = do_modify, [EMUL_OP_MOVBE] = exec_movbe,
		[EMUL_OP_MUL] = exec_mul, [EMUL_OP_IMUL] = exec_imul,
		[EMUL_OP_DIV] = exec_div, [EMUL_OP_CMPXCHG_PAIR] = exec_cmpxchg_pair,
		[EMUL_OP_VECTOR] = exec_vector,
		[EMUL_OP_BIT_SCAN] = do_bit_scan, [EMUL_OP_SMSW] = exec_smsw,
		[EMUL_OP_TOUCH] = do_touch,
		[EMUL_OP_MOV_TO_SREG] = exec_mov_to_sreg, [EMUL_OP_LTR] = exec_ltr,
		[EMUL_OP_JMP] = exec_jmp, [EMUL_OP_JMP_FAR] = exec_jmp_far,
		[EMUL_OP_CALL] = exec_call, [EMUL_OP_RET] = exec_ret,
		[EMUL_OP_ENTER] = exec_enter, [EMUL_OP_LEAVE] = exec_leave,
		[EMUL_OP_SETCC] = do_setcc, [EMUL_OP_CMOV] = do_cmov,
		[EMUL_OP_PUSH] = do_push, [EMUL_OP_POP] = do_pop,
		[EMUL_OP_MOVS] = exec_string, [EMUL_OP_STOS] = exec_string,
		[EMUL_OP_LODS] = exec_string, [EMUL_OP_CMPS] = exec_string,
		[EMUL_OP_SCAS] = exec_string, [EMUL_OP_INS] = exec_string,
		[EMUL_OP_OUTS] = exec_string,
	};

	return handlers[op->kind](cpu, op);
}
