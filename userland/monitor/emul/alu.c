/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See alu.h. Flags go in and out through AH (SAHF, LAHF) and SETO: no stack, so
 * the red zone of the function around is safe. OF needs a way in only where an
 * instruction may leave it as it was: a rotation by a multiple of its width. An
 * addition to AL that overflows or not makes it.
 */
#include "alu.h"

#define FLAG_CF	(1ull << 0)
#define FLAG_PF	(1ull << 2)
#define FLAG_ZF	(1ull << 6)
#define FLAG_SF	(1ull << 7)
#define FLAG_OF	(1ull << 11)
#define FLAGS_LOW 0xd5ull	/* SF ZF AF PF CF: what AH carries */

static inline uint32_t flags_to_ax(uint64_t rflags)
{
	return (uint32_t)(rflags & FLAGS_LOW) << 8;
}

static inline uint32_t flags_to_ax_with_of(uint64_t rflags)
{
	return flags_to_ax(rflags) | (rflags & FLAG_OF ? 1 : 0);
}

static inline void flags_from_ax(uint32_t ax, uint64_t *rflags)
{
	*rflags = (*rflags & ~(FLAGS_LOW | FLAG_OF)) | (ax >> 8 & FLAGS_LOW) |
		  (ax & 1 ? FLAG_OF : 0);
}

/* type, instruction with %[s] and %[d] */
#define RUN2(type, text, constraint)                                               \
	do {                                                                       \
		type d = (type)dst, s = (type)src;                                 \
		asm("sahf\n\t" text "\n\tlahf\n\tseto %%al"                        \
		    : [d] "+r"(d), "+a"(ax) : [s] constraint(s) : "cc");           \
		dst = d;                                                           \
	} while (0)

#define RUN1(type, text)                                                           \
	do {                                                                       \
		type d = (type)dst;                                                \
		asm("sahf\n\t" text "\n\tlahf\n\tseto %%al"                        \
		    : [d] "+r"(d), "+a"(ax) : : "cc");                             \
		dst = d;                                                           \
	} while (0)

#define BINARY(name, text)                                                         \
	static uint64_t name(unsigned int size, uint64_t dst, uint64_t src,        \
			     uint64_t *rflags)                                     \
	{                                                                          \
		uint32_t ax = flags_to_ax(*rflags);                                \
                                                                                   \
		switch (size) {                                                    \
		case 1: RUN2(uint8_t, text " %[s], %[d]", "r"); break;             \
		case 2: RUN2(uint16_t, text " %[s], %[d]", "r"); break;            \
		case 4: RUN2(uint32_t, text " %[s], %[d]", "r"); break;            \
		default: RUN2(uint64_t, text " %[s], %[d]", "r"); break;           \
		}                                                                  \
		flags_from_ax(ax, rflags);                                         \
		return dst;                                                        \
	}

#define UNARY(name, text)                                                          \
	static uint64_t name(unsigned int size, uint64_t dst, uint64_t *rflags)    \
	{                                                                          \
		uint32_t ax = flags_to_ax(*rflags);                                \
                                                                                   \
		switch (size) {                                                    \
		case 1: RUN1(uint8_t, text " %[d]"); break;                        \
		case 2: RUN1(uint16_t, text " %[d]"); break;                       \
		case 4: RUN1(uint32_t, text " %[d]"); break;                       \
		default: RUN1(uint64_t, text " %[d]"); break;                      \
		}                                                                  \
		flags_from_ax(ax, rflags);                                         \
		return dst;                                                        \
	}

#define SHIFT(name, text)                                                          \
	static uint64_t name(unsigned int size, uint64_t dst, uint8_t src,         \
			     uint64_t *rflags)                                     \
	{                                                                          \
		uint32_t ax = flags_to_ax_with_of(*rflags);                        \
                                                                                   \
		switch (size) {                                                    \
		case 1: RUN_SHIFT(uint8_t, text " %%cl, %[d]"); break;             \
		case 2: RUN_SHIFT(uint16_t, text " %%cl, %[d]"); break;            \
		case 4: RUN_SHIFT(uint32_t, text " %%cl, %[d]"); break;            \
		default: RUN_SHIFT(uint64_t, text " %%cl, %[d]"); break;           \
		}                                                                  \
		flags_from_ax(ax, rflags);                                         \
		return dst;                                                        \
	}

#define RUN_SHIFT(type, text)                                                      \
	do {                                                                       \
		type d = (type)dst;                                                \
		asm("addb $0x7f, %%al\n\tsahf\n\t" text "\n\tlahf\n\tseto %%al"     \
		    : [d] "+r"(d), "+a"(ax) : "c"(src) : "cc");                    \
		dst = d;                                                           \
	} while (0)

#define SHIFT_DOUBLE(name, text)                                                   \
	static uint64_t name(unsigned int size, uint64_t dst, uint64_t src,        \
			     uint8_t count, uint64_t *rflags)                      \
	{                                                                          \
		uint32_t ax = flags_to_ax_with_of(*rflags);                        \
                                                                                   \
		switch (size) {                                                    \
		case 2: RUN_DOUBLE(uint16_t, text " %%cl, %[s], %[d]"); break;     \
		case 4: RUN_DOUBLE(uint32_t, text " %%cl, %[s], %[d]"); break;     \
		default: RUN_DOUBLE(uint64_t, text " %%cl, %[s], %[d]"); break;    \
		}                                                                  \
		flags_from_ax(ax, rflags);                                         \
		return dst;                                                        \
	}

#define RUN_DOUBLE(type, text)                                                     \
	do {                                                                       \
		type d = (type)dst, s = (type)src;                                 \
		asm("addb $0x7f, %%al\n\tsahf\n\t" text "\n\tlahf\n\tseto %%al"     \
		    : [d] "+r"(d), "+a"(ax) : [s] "r"(s), "c"(count) : "cc");      \
		dst = d;                                                           \
	} while (0)

#define BIT(name, text)                                                            \
	static uint64_t name(unsigned int size, uint64_t dst, uint64_t src,        \
			     uint64_t *rflags)                                     \
	{                                                                          \
		uint32_t ax = flags_to_ax(*rflags);                                \
                                                                                   \
		switch (size) {                                                    \
		case 2: RUN2(uint16_t, text " %[s], %[d]", "r"); break;            \
		case 4: RUN2(uint32_t, text " %[s], %[d]", "r"); break;            \
		default: RUN2(uint64_t, text " %[s], %[d]", "r"); break;           \
		}                                                                  \
		*rflags = (*rflags & ~FLAG_CF) | (ax >> 8 & FLAG_CF);              \
		return dst;                                                        \
	}

BINARY(do_add, "add")
BINARY(do_or, "or")
BINARY(do_adc, "adc")
BINARY(do_sbb, "sbb")
BINARY(do_and, "and")
BINARY(do_sub, "sub")
BINARY(do_xor, "xor")
UNARY(do_inc, "inc")
UNARY(do_dec, "dec")
UNARY(do_neg, "neg")
SHIFT(do_rol, "rol")
SHIFT(do_ror, "ror")
SHIFT(do_rcl, "rcl")
SHIFT(do_rcr, "rcr")
SHIFT(do_shl, "shl")
SHIFT(do_shr, "shr")
SHIFT(do_sar, "sar")
SHIFT_DOUBLE(do_shld, "shld")
SHIFT_DOUBLE(do_shrd, "shrd")
BIT(do_bt, "bt")
BIT(do_bts, "bts")
BIT(do_btr, "btr")
BIT(do_btc, "btc")

uint64_t alu_binary(enum alu_op op, unsigned int size, uint64_t dst, uint64_t src,
		    uint64_t *rflags)
{
	static uint64_t (*const table[])(unsigned int, uint64_t, uint64_t, uint64_t *) = {
		do_add, do_or, do_adc, do_sbb, do_and, do_sub, do_xor,
	};

	return table[op](size, dst, src, rflags);
}

static uint64_t truncate(uint64_t value, unsigned int size)
{
	return size == 8 ? value : value & ((1ull << 8 * size) - 1);
}

uint64_t alu_unary(enum alu_unary op, unsigned int size, uint64_t dst, uint64_t *rflags)
{
	switch (op) {
	case ALU_INC: return do_inc(size, dst, rflags);
	case ALU_DEC: return do_dec(size, dst, rflags);
	case ALU_NEG: return do_neg(size, dst, rflags);
	default: return truncate(~dst, size); /* NOT has no flags */
	}
}

/*
 * OF is defined for shifts by one only, for rotations CF by the bits moved.
 * Rotations leave the other flags alone, as the instruction here does.
 */
uint64_t alu_shift(enum alu_shift op, unsigned int size, uint64_t dst, uint8_t count,
		   uint64_t *rflags)
{
	static uint64_t (*const table[])(unsigned int, uint64_t, uint8_t, uint64_t *) = {
		do_rol, do_ror, do_rcl, do_rcr, do_shl, do_shr, do_sar,
	};

	count &= size == 8 ? 63 : 31;
	return count ? table[op](size, dst, count, rflags) : truncate(dst, size);
}

uint64_t alu_shift_double(enum alu_shift_double op, unsigned int size, uint64_t dst, uint64_t src,
			  uint8_t count, uint64_t *rflags)
{
	count &= size == 8 ? 63 : 31;
	if (!count)
		return truncate(dst, size);
	return (op == ALU_SHLD ? do_shld : do_shrd)(size, dst, src, count, rflags);
}

uint64_t alu_bit(enum alu_bit op, unsigned int size, uint64_t dst, uint64_t bit,
		 uint64_t *rflags)
{
	static uint64_t (*const table[])(unsigned int, uint64_t, uint64_t, uint64_t *) = {
		do_bt, do_bts, do_btr, do_btc,
	};

	return table[op](size, dst, bit, rflags);
}

bool alu_condition(unsigned int code, uint64_t rflags)
{
	bool less = !(rflags & FLAG_SF) != !(rflags & FLAG_OF);
	bool holds;

	switch (code >> 1 & 7) {
	case 0: holds = rflags & FLAG_OF; break;
	case 1: holds = rflags & FLAG_CF; break;
	case 2: holds = rflags & FLAG_ZF; break;
	case 3: holds = rflags & (FLAG_CF | FLAG_ZF); break;
	case 4: holds = rflags & FLAG_SF; break;
	case 5: holds = rflags & FLAG_PF; break;
	case 6: holds = less; break;
	default: holds = less || rflags & FLAG_ZF; break;
	}
	return holds != (code & 1);
}
