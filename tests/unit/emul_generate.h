/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes instructions of the forms in emul_forms.h, with registers and memory to
 * match, from a fixed seed. The including file says where the operands are
 * (BUFFER, PAGES) and the code (CODE).
 */
#ifndef BATON_TESTS_EMUL_GENERATE_H
#define BATON_TESTS_EMUL_GENERATE_H

#include <stdbool.h>
#include <string.h>

#include "baton_vcpu_state.h"
#include "emul_forms.h"

#define SIZE	(PAGES * 0x1000u)

#define FLAG_CF	0x001u
#define FLAG_AF	0x010u
#define FLAG_DF	0x400u
#define FLAG_OF	0x800u
#define FLAGS	0xcd5u		/* what is compared: status and direction */

static const uint8_t *put(uint8_t **at, const void *bytes, unsigned int count)
{
	memcpy(*at, bytes, count);
	*at += count;
	return *at;
}

static uint64_t random_state;

static uint64_t any(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1dull;
}

static uint64_t below(uint64_t limit)
{
	return (any() >> 11) % limit;
}

/* Values that make flags interesting come more often than chance would have it. */
static uint64_t any_value(void)
{
	static const uint64_t special[] = {
		0, 1, ~0ull, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
		1ull << 63,
	};

	return below(3) ? any() : special[below(sizeof(special) / sizeof(special[0]))];
}

struct insn {
	const struct form *form;
	unsigned int bits;		/* of the code: 16, 32, 64 */
	bool address32, lock;
	unsigned int size;		/* operand's */
	uint8_t code[15];
	unsigned int length;
	uint64_t target;		/* where the operand is */
	uint64_t gpr[BATON_GPR_COUNT], flags;
	uint64_t xmm[16][2];
	uint32_t compare;		/* flags that are defined */
};

/* Somewhere in the buffer, often across a page's end. */
static uint64_t any_target(const struct insn *in)
{
	uint64_t at = 0x200 + below(SIZE - 0x400);

	if (!below(3))
		at = 0x1000 * (1 + below(PAGES - 1)) - below(8);
	if (in->lock || in->form->flags & LOCKED)
		at &= ~7ull;
	if (in->form->flags & ALIGNED || in->size == 16)
		at &= ~15ull;
	return BUFFER + at;
}

static unsigned int choose_prefixes(struct insn *in, uint8_t **at, uint8_t *rex)
{
	const struct form *form = in->form;
	bool prefix = !(form->flags & (VECTOR | NO16)) && !below(3);
	bool small = prefix != (in->bits == 16);

	*rex = 0;
	in->lock = form->flags & LOCKABLE && below(2);
	in->address32 = in->bits == 16 ? below(2) : in->bits == 64 && !below(4);
	if (in->bits == 64)
		*rex = (uint8_t)(below(2) ? 0x40 | below(16) : 0);
	if (form->flags & STRING || form->flags & STACK)
		*rex &= 0x48;
	if (in->address32)
		*(*at)++ = 0x67;
	if (prefix)
		*(*at)++ = 0x66;
	if (in->lock)
		*(*at)++ = 0xf0;
	if (form->flags & STRING && below(3))
		*(*at)++ = below(2) ? 0xf3 : 0xf2;
	if (form->flags >> PREFIX_SHIFT)
		*(*at)++ = (uint8_t)(form->flags >> PREFIX_SHIFT);
	if (*rex)
		*(*at)++ = *rex;
	if (form->flags & BYTES)
		return 1;
	if (form->flags & PAIR)
		return *rex & 8 ? 16 : 8;
	return *rex & 8 ? 8 : small ? 2 : form->flags & STACK && in->bits == 64 ? 8 : 4;
}

static void set_address(struct insn *in, unsigned int reg, uint64_t value)
{
	unsigned int used = in->bits == 16 && !in->address32 ? 16 : in->address32 ? 32 : in->bits;
	uint64_t mask = used == 64 ? ~0ull : (1ull << used) - 1;

	in->gpr[reg] = (value & mask) | (any() & ~mask);
}

/* The same in 16 bits: [disp16], [bx + disp8], [bx + si + disp16]. */
static void choose_address16(struct insn *in, uint8_t **at, unsigned int reg)
{
	uint8_t modrm = (uint8_t)((reg & 7) << 3);
	int16_t disp = (int16_t)((int)below(0x200) - 0x100);
	uint16_t target = (uint16_t)in->target, index = (uint16_t)below(64);

	if (!below(3)) {
		*(*at)++ = modrm | 6;
		put(at, &target, 2);
	} else if (below(2)) {
		set_address(in, BATON_RBX, (uint64_t)(target - (int8_t)disp));
		*(*at)++ = modrm | 0x47;
		*(*at)++ = (uint8_t)disp;
	} else {
		set_address(in, BATON_RSI, index);
		set_address(in, BATON_RBX, (uint64_t)(target - index - disp));
		*(*at)++ = modrm | 0x80;
		put(at, &disp, 2);
	}
}

/* ModRM, SIB, displacement for in->target, with registers to match. */
static void choose_address(struct insn *in, uint8_t **at, uint8_t rex, unsigned int reg)
{
	unsigned int base = 3 | (rex & 1) << 3, index = 6 | (rex & 2) << 2;
	uint8_t modrm = (uint8_t)((reg & 7) << 3), scale = (uint8_t)below(4);
	int32_t disp = (int32_t)below(0x2000) - 0x1000;

	if (!below(4)) { /* RIP-relative; in 32-bit code an absolute address */
		*(*at)++ = modrm | 5;
		disp = 0; /* patched when the length is known */
		put(at, &disp, 4);
	} else if (below(2)) {
		set_address(in, base, in->target - (uint64_t)(int64_t)(int8_t)disp);
		*(*at)++ = modrm | 0x43;
		*(*at)++ = (uint8_t)disp;
	} else {
		uint64_t steps = below(64);

		set_address(in, index, steps);
		set_address(in, base, in->target - (steps << scale) - (uint64_t)(int64_t)disp);
		*(*at)++ = modrm | 0x84;
		*(*at)++ = (uint8_t)(scale << 6 | 6 << 3 | 3);
		put(at, &disp, 4);
	}
}

static bool clashes(unsigned int reg)
{
	return (reg & 7) == 3 || (reg & 7) == 6; /* base, index */
}

static void choose_operands(struct insn *in, uint8_t **at, uint8_t rex)
{
	unsigned int reg = (unsigned int)(in->form->reg >= 0 ? (uint64_t)in->form->reg : below(8));
	uint8_t *modrm = *at;
	uint64_t value = any();
	unsigned int immediate = in->form->flags & IMM8 ? 1 : 0;

	if (in->form->flags & BITS) {
		while (clashes(reg))
			reg = (unsigned int)below(8);
		in->gpr[reg | (rex & 4) << 1] = below(1024) - 512;
	}
	if (in->bits == 16 && !in->address32)
		choose_address16(in, at, reg);
	else
		choose_address(in, at, rex, reg);
	if (in->form->flags & IMM)
		immediate = in->size < 4 ? in->size : 4;
	put(at, &value, immediate);
	if ((*modrm & 0xc7) == 5 && (in->bits != 16 || in->address32)) {
		uint64_t next = in->bits != 64 ? 0 : CODE + (uint64_t)(*at - in->code);
		int32_t disp = (int32_t)(in->target - next);

		memcpy(modrm + 1, &disp, 4);
	}
}

static void choose_string(struct insn *in)
{
	set_address(in, BATON_RCX, 1 + below(40));
	set_address(in, BATON_RSI, in->target);
	set_address(in, BATON_RDI, any_target(in));
}

static unsigned int shift_count(const struct insn *in)
{
	unsigned int count = 1;

	if (in->form->flags & IMM8)
		count = in->code[in->length - 1];
	else if (in->form->opcode[0] >= 0xd2 || in->form->flags & DOUBLE)
		count = (unsigned int)in->gpr[BATON_RCX];
	return count & (in->size == 8 ? 63 : 31);
}

/* What processors agree on. Ours agrees with itself on the others, too. */
static uint32_t defined_flags(const struct insn *in)
{
	unsigned int count;

	if (in->form->flags & LOGIC)
		return FLAGS & ~FLAG_AF;
	if (in->form->flags & PRODUCT)
		return FLAG_CF | FLAG_OF | FLAG_DF;
	if (in->form->flags & QUOTIENT)
		return FLAG_DF;
	if (!(in->form->flags & COUNT))
		return FLAGS;
	count = shift_count(in);
	if (count == 1)
		return FLAGS & ~FLAG_AF;
	return FLAGS & ~(FLAG_AF | FLAG_OF | (count < 8 * in->size ? 0 : FLAG_CF));
}

static unsigned int moffs_size(const struct insn *in)
{
	if (in->bits == 16)
		return in->address32 ? 4 : 2;
	return in->address32 || in->bits == 32 ? 4 : 8;
}

static void generate(struct insn *in, const struct form *form, unsigned int bits)
{
	uint8_t *at = in->code, rex;

	*in = (struct insn){ .form = form, .bits = bits };
	for (unsigned int i = 0; i < BATON_GPR_COUNT; i++)
		in->gpr[i] = any_value();
	for (unsigned int i = 0; i < 16; i++)
		in->xmm[i][0] = any(), in->xmm[i][1] = any();
	in->flags = (any() & FLAGS) | 0x202;
	in->size = choose_prefixes(in, &at, &rex);
	in->target = any_target(in);
	in->gpr[BATON_RSP] = BUFFER + 0x200 + below(SIZE - 0x400);
	put(&at, form->opcode, form->opcode_size);
	if (form->flags & CONDITION)
		at[-1] |= (uint8_t)below(16);
	if (form->flags & STRING)
		choose_string(in);
	else if (form->flags & MOFFS)
		put(&at, &in->target, moffs_size(in));
	else
		choose_operands(in, &at, rex);
	in->length = (unsigned int)(at - in->code);
	if (form->flags & DOUBLE && in->size == 2) { /* more than 16 is undefined */
		in->gpr[BATON_RCX] &= ~0x10ull;
		in->code[in->length - 1] &= form->flags & IMM8 ? 0xef : 0xff;
	}
	in->compare = defined_flags(in);
}

/*
 * What a divisor that is not zero and a quotient that fits make, with a rest:
 * rDX:rAX, or AX.
 */
static void choose_dividend(uint8_t *at, struct insn *in)
{
	unsigned int bits = 8 * in->size, shift = 64 - bits;
	bool is_signed = in->form->flags & SIGNED;
	uint64_t divisor = any_value() << shift >> shift, quotient = any_value() << shift;
	unsigned __int128 dividend, rest;

	divisor = divisor ? divisor : 3;
	memcpy(at, &divisor, in->size);
	if (is_signed) {
		__int128 by = (int64_t)(divisor << shift) >> shift;
		__int128 product = by * ((int64_t)quotient >> shift);

		rest = any() % (uint64_t)(by < 0 ? -by : by);
		dividend = (unsigned __int128)product + (product < 0 ? -rest : rest);
	} else {
		rest = any() % divisor;
		dividend = (unsigned __int128)divisor * (quotient >> shift) + rest;
	}
	if (in->size == 1) {
		in->gpr[BATON_RAX] = (in->gpr[BATON_RAX] & ~0xffffull) | (uint16_t)dividend;
		return;
	}
	in->gpr[BATON_RAX] = (uint64_t)dividend;
	in->gpr[BATON_RDX] = (uint64_t)(dividend >> bits);
}

/* Neighbours' bytes, and for CMPXCHG an accumulator that is right now and then. */
static void choose_memory(uint8_t before[SIZE], struct insn *in)
{
	for (unsigned int i = 0; i < SIZE; i += 8) {
		uint64_t value = any_value();

		memcpy(before + i, &value, 8);
	}
	if (in->form->flags & STRING && below(2)) /* long runs of equal bytes */
		memset(before, in->gpr[BATON_RAX] & 0xff, SIZE);
	if (in->form->flags & QUOTIENT)
		choose_dividend(before + (in->target - BUFFER), in);
	if (in->form->flags & PAIR && below(2)) {
		memcpy(&in->gpr[BATON_RAX], before + (in->target - BUFFER), in->size / 2);
		memcpy(&in->gpr[BATON_RDX], before + (in->target - BUFFER) + in->size / 2,
		       in->size / 2);
	}
	if (in->form->flags & RELOADS && below(2))
		memcpy(&in->gpr[BATON_RAX], before + (in->target - BUFFER), in->size);
}

#endif
