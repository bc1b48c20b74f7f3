/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions of the integer unit that work on pairs of registers or do not
 * fit "dst = dst op src": products, quotients, CMPXCHG8B and 16B, MOVBE.
 */
#include <errno.h>

#include "alu.h"
#include "exec.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

static s128 sign_extend128(uint64_t value, unsigned int size)
{
	return (int64_t)sign_extend(value, size);
}

int exec_movbe(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t value;
	int error = operand_read(cpu, op, &op->src, &value);

	if (error)
		return error;
	return operand_write(cpu, op, &op->dst, __builtin_bswap64(value) >> (64 - 8 * op->size));
}

/* ---- products ---- */

/* CF and OF: half the room would not do. The others are undefined: left alone. */
static void flag_overflow(struct emul_cpu *cpu, bool overflow)
{
	cpu->regs->rflags &= ~(RFLAGS_CF | RFLAGS_OF);
	if (overflow)
		cpu->regs->rflags |= RFLAGS_CF | RFLAGS_OF;
}

/* Into rDX:rAX; of bytes, into AX. */
static void write_pair(struct emul_cpu *cpu, unsigned int size, uint64_t low, uint64_t high)
{
	if (size == 1) {
		gpr_write(cpu, BATON_RAX, 2, (low & 0xff) | (high & 0xff) << 8);
		return;
	}
	gpr_write(cpu, BATON_RAX, size, low);
	gpr_write(cpu, BATON_RDX, size, high);
}

int exec_mul(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t value, accumulator = gpr_read(cpu, BATON_RAX, op->size), low, high;
	int error = operand_read(cpu, op, &op->dst, &value);
	u128 product;

	if (error)
		return error;
	product = op->sub ? (u128)(sign_extend128(value, op->size) *
				   sign_extend128(accumulator, op->size)) :
			    (u128)value * accumulator;
	low = (uint64_t)product & size_mask(op->size);
	high = (uint64_t)(product >> 8 * op->size) & size_mask(op->size);
	write_pair(cpu, op->size, low, high);
	flag_overflow(cpu, op->sub ? (s128)product != sign_extend128(low, op->size) : high);
	return 0;
}

int exec_imul(struct emul_cpu *cpu, const struct emul_op *op)
{
	const struct emul_operand *factor = op->third.kind == EMUL_NONE ? &op->dst : &op->third;
	uint64_t value, low;
	int error = operand_read(cpu, op, &op->src, &value);
	s128 product;

	if (error)
		return error;
	product = sign_extend128(value, op->size) *
		  sign_extend128(operand_direct(cpu, factor), op->size);
	low = (uint64_t)product & size_mask(op->size);
	operand_set(cpu, &op->dst, low);
	flag_overflow(cpu, product != sign_extend128(low, op->size));
	return 0;
}

/* ---- quotients ---- */

static u128 read_pair(const struct emul_cpu *cpu, unsigned int size)
{
	if (size == 1)
		return gpr_read(cpu, BATON_RAX, 2);
	return (u128)gpr_read(cpu, BATON_RDX, size) << 8 * size | gpr_read(cpu, BATON_RAX, size);
}

static int divide_unsigned(struct emul_cpu *cpu, unsigned int size, uint64_t divisor)
{
	u128 dividend = read_pair(cpu, size);

	if (!divisor || dividend / divisor > size_mask(size))
		return access_fault(cpu, VECTOR_DE);
	write_pair(cpu, size, (uint64_t)(dividend / divisor), (uint64_t)(dividend % divisor));
	return 0;
}

/* Of magnitudes: the quotient of the smallest number by -1 has no room in C. */
static int divide_signed(struct emul_cpu *cpu, unsigned int size, uint64_t raw)
{
	unsigned int unused = 128 - 16 * size;
	s128 dividend = (s128)(read_pair(cpu, size) << unused) >> unused;
	s128 divisor = sign_extend128(raw, size);
	u128 top = dividend < 0 ? -(u128)dividend : (u128)dividend;
	u128 bottom = divisor < 0 ? -(u128)divisor : (u128)divisor;
	bool negative = (dividend < 0) != (divisor < 0);
	uint64_t quotient, rest;

	if (!bottom || top / bottom > (size_mask(size) >> 1) + negative)
		return access_fault(cpu, VECTOR_DE);
	quotient = (uint64_t)(top / bottom);
	rest = (uint64_t)(top % bottom);
	write_pair(cpu, size, negative ? -quotient : quotient, dividend < 0 ? -rest : rest);
	return 0;
}

/* All flags are undefined: left alone. */
int exec_div(struct emul_cpu *cpu, const struct emul_op *op)
{
	uint64_t divisor;
	int error = operand_read(cpu, op, &op->dst, &divisor);

	if (error)
		return error;
	return op->sub ? divide_signed(cpu, op->size, divisor) :
			 divide_unsigned(cpu, op->size, divisor);
}

/* ---- pairs that are exchanged ---- */

static void read_both(struct emul_cpu *cpu, const struct emul_place *place, uint64_t value[2])
{
	struct emul_place low, high;

	if (place->size == 8) {
		uint64_t both = access_read(cpu, place);

		value[0] = both & 0xffffffff;
		value[1] = both >> 32;
		return;
	}
	low = access_part(place, 0);
	high = access_part(place, 8);
	value[0] = access_read(cpu, &low);
	value[1] = access_read(cpu, &high);
}

static bool exchange_both(struct emul_cpu *cpu, const struct emul_place *place,
			  const uint64_t old[2], const uint64_t value[2])
{
	if (place->size == 8)
		return access_exchange(cpu, place, old[0] | old[1] << 32,
				       value[0] | value[1] << 32);
	return access_exchange_pair(cpu, place, old, value);
}

/* As the processor does, what was there is written back if it is not equal. */
static bool try_pair(struct emul_cpu *cpu, const struct emul_place *place)
{
	unsigned int half = place->size / 2;
	const uint64_t value[2] = {
		gpr_read(cpu, BATON_RBX, half), gpr_read(cpu, BATON_RCX, half),
	};
	uint64_t old[2];
	bool equal;

	read_both(cpu, place, old);
	equal = old[0] == gpr_read(cpu, BATON_RAX, half) &&
		old[1] == gpr_read(cpu, BATON_RDX, half);
	if (!exchange_both(cpu, place, old, equal ? value : old))
		return false;
	if (!equal) {
		gpr_write(cpu, BATON_RAX, half, old[0]);
		gpr_write(cpu, BATON_RDX, half, old[1]);
	}
	cpu->regs->rflags = (cpu->regs->rflags & ~RFLAGS_ZF) | (equal ? RFLAGS_ZF : 0);
	return true;
}

int exec_cmpxchg_pair(struct emul_cpu *cpu, const struct emul_op *op)
{
	struct emul_place place;
	int error = operand_resolve(cpu, op, &op->dst, WALK_WRITE, &place);

	if (error)
		return error;
	if (op->size == 16 && place.gpa[0] & 15)
		return access_fault(cpu, VECTOR_GP);
	for (unsigned int i = 0; i < EXCHANGE_TRIES; i++)
		if (try_pair(cpu, &place))
			return 0;
	return -EAGAIN;
}
