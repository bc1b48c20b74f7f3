/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forms of instructions that the tests of the emulator against a processor
 * generate: one operand in memory, or a string.
 */
#ifndef BATON_TESTS_EMUL_FORMS_H
#define BATON_TESTS_EMUL_FORMS_H

#include <stdint.h>

enum form_flags {
	BYTES = 1,	/* the operand is a byte whatever the prefixes */
	LOCKABLE = 2,
	LOCKED = 4,	/* as XCHG: aligned, or the host notices */
	BITS = 8,	/* the register is a bit's number */
	COUNT = 16,	/* a shift: OF and AF depend on the count */
	LOGIC = 32,	/* AF is undefined */
	ONLY64 = 64,
	STRING = 128,
	STACK = 256,
	IMM8 = 512, IMM = 1024, /* IMM: as wide as the operand, at most 4 */
	RELOADS = 2048,	/* AL … RAX as the memory is, half of the time */
	CONDITION = 4096, /* the opcode's low bits */
	MOFFS = 8192,
	DOUBLE = 1 << 14, /* two registers' shift: 16 bits at most */
	PRODUCT = 1 << 15, /* CF and OF are all that is defined */
	QUOTIENT = 1 << 16, SIGNED = 1 << 17, /* with a dividend that fits */
	PAIR = 1 << 18,	/* 8 or 16 bytes, with rDX:rAX as they are, half of the time */
	VECTOR = 1 << 19, /* XMM; no prefixes but its own */
	ALIGNED = 1 << 20, /* to 16 bytes */
	NO16 = 1 << 21,	/* no prefix for 16 bits */
};

#define PREFIX_SHIFT 24

struct form {
	const char *name;
	uint8_t opcode[3];
	uint8_t opcode_size;
	int8_t reg;		/* ModRM's, -1: any register */
	uint32_t flags;		/* and a mandatory prefix */
};

#define ALU_FORMS(name, n, more)                                                   \
	{ name " m8, r8", { (n) * 8 }, 1, -1, BYTES | (more) },                    \
	{ name " m, r", { (n) * 8 + 1 }, 1, -1, (more) },                          \
	{ name " r8, m8", { (n) * 8 + 2 }, 1, -1, BYTES | ((more) & ~LOCKABLE) },  \
	{ name " r, m", { (n) * 8 + 3 }, 1, -1, (more) & ~LOCKABLE },              \
	{ name " m8, imm8", { 0x80 }, 1, n, BYTES | IMM8 | (more) },               \
	{ name " m, imm", { 0x81 }, 1, n, IMM | (more) },                          \
	{ name " m, imm8", { 0x83 }, 1, n, IMM8 | (more) }
#define SHIFT_FORMS(name, n)                                                       \
	{ name " m8, imm8", { 0xc0 }, 1, n, BYTES | IMM8 | COUNT },                \
	{ name " m, imm8", { 0xc1 }, 1, n, IMM8 | COUNT },                         \
	{ name " m8, 1", { 0xd0 }, 1, n, BYTES | COUNT },                          \
	{ name " m, 1", { 0xd1 }, 1, n, COUNT },                                   \
	{ name " m8, cl", { 0xd2 }, 1, n, BYTES | COUNT },                         \
	{ name " m, cl", { 0xd3 }, 1, n, COUNT }
#define BIT_FORMS(name, op, n, more)                                               \
	{ name " m, r", { 0x0f, op }, 2, -1, BITS | (more) },                      \
	{ name " m, imm8", { 0x0f, 0xba }, 2, n, IMM8 | (more) }
#define FORM(name, flags, ...) \
	{ name, { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }), -1, flags }
#define FORM_OF(name, reg, flags, ...) \
	{ name, { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }), reg, flags }
#define XMM_FORM(name, prefix, opcode, flags) \
	{ name, { 0x0f, opcode }, 2, -1, VECTOR | (flags) | (uint32_t)(prefix) << PREFIX_SHIFT }

static const struct form forms[] = {
	ALU_FORMS("add", 0, LOCKABLE), ALU_FORMS("or", 1, LOCKABLE | LOGIC),
	ALU_FORMS("adc", 2, LOCKABLE), ALU_FORMS("sbb", 3, LOCKABLE),
	ALU_FORMS("and", 4, LOCKABLE | LOGIC), ALU_FORMS("sub", 5, LOCKABLE),
	ALU_FORMS("xor", 6, LOCKABLE | LOGIC), ALU_FORMS("cmp", 7, 0),
	{ "test m8, r8", { 0x84 }, 1, -1, BYTES | LOGIC },
	{ "test m, r", { 0x85 }, 1, -1, LOGIC },
	{ "test m8, imm8", { 0xf6 }, 1, 0, BYTES | IMM8 | LOGIC },
	{ "test m, imm", { 0xf7 }, 1, 0, IMM | LOGIC },
	{ "inc m8", { 0xfe }, 1, 0, BYTES | LOCKABLE }, { "inc m", { 0xff }, 1, 0, LOCKABLE },
	{ "dec m8", { 0xfe }, 1, 1, BYTES | LOCKABLE }, { "dec m", { 0xff }, 1, 1, LOCKABLE },
	{ "not m8", { 0xf6 }, 1, 2, BYTES | LOCKABLE }, { "not m", { 0xf7 }, 1, 2, LOCKABLE },
	{ "neg m8", { 0xf6 }, 1, 3, BYTES | LOCKABLE }, { "neg m", { 0xf7 }, 1, 3, LOCKABLE },
	SHIFT_FORMS("rol", 0), SHIFT_FORMS("ror", 1), SHIFT_FORMS("rcl", 2),
	SHIFT_FORMS("rcr", 3), SHIFT_FORMS("shl", 4), SHIFT_FORMS("shr", 5),
	SHIFT_FORMS("sal", 6), SHIFT_FORMS("sar", 7),
	BIT_FORMS("bt", 0xa3, 4, 0), BIT_FORMS("bts", 0xab, 5, LOCKABLE),
	BIT_FORMS("btr", 0xb3, 6, LOCKABLE), BIT_FORMS("btc", 0xbb, 7, LOCKABLE),
	{ "mov m8, r8", { 0x88 }, 1, -1, BYTES }, { "mov m, r", { 0x89 }, 1, -1, 0 },
	{ "mov r8, m8", { 0x8a }, 1, -1, BYTES }, { "mov r, m", { 0x8b }, 1, -1, 0 },
	{ "mov m8, imm8", { 0xc6 }, 1, 0, BYTES | IMM8 }, { "mov m, imm", { 0xc7 }, 1, 0, IMM },
	{ "movzx r, m8", { 0x0f, 0xb6 }, 2, -1, 0 }, { "movzx r, m16", { 0x0f, 0xb7 }, 2, -1, 0 },
	{ "movsx r, m8", { 0x0f, 0xbe }, 2, -1, 0 }, { "movsx r, m16", { 0x0f, 0xbf }, 2, -1, 0 },
	{ "movsxd r, m32", { 0x63 }, 1, -1, ONLY64 },
	{ "mov al, moffs", { 0xa0 }, 1, 0, BYTES | MOFFS },
	{ "mov rax, moffs", { 0xa1 }, 1, 0, MOFFS },
	{ "mov moffs, al", { 0xa2 }, 1, 0, BYTES | MOFFS },
	{ "mov moffs, rax", { 0xa3 }, 1, 0, MOFFS },
	{ "setcc m8", { 0x0f, 0x90 }, 2, 0, BYTES | CONDITION },
	{ "cmovcc r, m", { 0x0f, 0x40 }, 2, -1, CONDITION },
	{ "xchg m8, r8", { 0x86 }, 1, -1, BYTES | LOCKED },
	{ "xchg m, r", { 0x87 }, 1, -1, LOCKED },
	{ "xadd m8, r8", { 0x0f, 0xc0 }, 2, -1, BYTES | LOCKABLE },
	{ "xadd m, r", { 0x0f, 0xc1 }, 2, -1, LOCKABLE },
	{ "cmpxchg m8, r8", { 0x0f, 0xb0 }, 2, -1, BYTES | LOCKABLE | RELOADS },
	{ "cmpxchg m, r", { 0x0f, 0xb1 }, 2, -1, LOCKABLE | RELOADS },
	{ "push m", { 0xff }, 1, 6, STACK }, { "pop m", { 0x8f }, 1, 0, STACK },
	{ "movsb", { 0xa4 }, 1, 0, STRING | BYTES }, { "movs", { 0xa5 }, 1, 0, STRING },
	{ "cmpsb", { 0xa6 }, 1, 0, STRING | BYTES }, { "cmps", { 0xa7 }, 1, 0, STRING },
	{ "stosb", { 0xaa }, 1, 0, STRING | BYTES }, { "stos", { 0xab }, 1, 0, STRING },
	{ "lodsb", { 0xac }, 1, 0, STRING | BYTES }, { "lods", { 0xad }, 1, 0, STRING },
	{ "scasb", { 0xae }, 1, 0, STRING | BYTES }, { "scas", { 0xaf }, 1, 0, STRING },
	FORM("shld m, r, imm8", DOUBLE | COUNT | IMM8, 0x0f, 0xa4),
	FORM("shld m, r, cl", DOUBLE | COUNT, 0x0f, 0xa5),
	FORM("shrd m, r, imm8", DOUBLE | COUNT | IMM8, 0x0f, 0xac),
	FORM("shrd m, r, cl", DOUBLE | COUNT, 0x0f, 0xad),
	FORM("movbe r, m", 0, 0x0f, 0x38, 0xf0), FORM("movbe m, r", 0, 0x0f, 0x38, 0xf1),
	FORM("movnti m, r", NO16, 0x0f, 0xc3),
	FORM_OF("mul m8", 4, PRODUCT | BYTES, 0xf6), FORM_OF("mul m", 4, PRODUCT, 0xf7),
	FORM_OF("imul m8", 5, PRODUCT | BYTES, 0xf6), FORM_OF("imul m", 5, PRODUCT, 0xf7),
	FORM("imul r, m", PRODUCT, 0x0f, 0xaf), FORM("imul r, m, imm", PRODUCT | IMM, 0x69),
	FORM("imul r, m, imm8", PRODUCT | IMM8, 0x6b),
	FORM_OF("div m8", 6, QUOTIENT | BYTES, 0xf6), FORM_OF("div m", 6, QUOTIENT, 0xf7),
	FORM_OF("idiv m8", 7, QUOTIENT | SIGNED | BYTES, 0xf6),
	FORM_OF("idiv m", 7, QUOTIENT | SIGNED, 0xf7),
	FORM_OF("cmpxchg8b, 16b", 1, PAIR | LOCKABLE | NO16, 0x0f, 0xc7),
	XMM_FORM("movups xmm, m", 0, 0x10, 0), XMM_FORM("movups m, xmm", 0, 0x11, 0),
	XMM_FORM("movupd xmm, m", 0x66, 0x10, 0), XMM_FORM("movupd m, xmm", 0x66, 0x11, 0),
	XMM_FORM("movss xmm, m", 0xf3, 0x10, 0), XMM_FORM("movss m, xmm", 0xf3, 0x11, 0),
	XMM_FORM("movsd xmm, m", 0xf2, 0x10, 0), XMM_FORM("movsd m, xmm", 0xf2, 0x11, 0),
	XMM_FORM("movlps xmm, m", 0, 0x12, 0), XMM_FORM("movlps m, xmm", 0, 0x13, 0),
	XMM_FORM("movhps xmm, m", 0, 0x16, 0), XMM_FORM("movhps m, xmm", 0, 0x17, 0),
	XMM_FORM("movlpd xmm, m", 0x66, 0x12, 0), XMM_FORM("movhpd m, xmm", 0x66, 0x17, 0),
	XMM_FORM("movaps xmm, m", 0, 0x28, ALIGNED), XMM_FORM("movaps m, xmm", 0, 0x29, ALIGNED),
	XMM_FORM("movapd xmm, m", 0x66, 0x28, ALIGNED), XMM_FORM("movntps", 0, 0x2b, ALIGNED),
	XMM_FORM("movdqa xmm, m", 0x66, 0x6f, ALIGNED),
	XMM_FORM("movdqa m, xmm", 0x66, 0x7f, ALIGNED),
	XMM_FORM("movdqu xmm, m", 0xf3, 0x6f, 0), XMM_FORM("movdqu m, xmm", 0xf3, 0x7f, 0),
	XMM_FORM("movntdq", 0x66, 0xe7, ALIGNED), XMM_FORM("lddqu", 0xf2, 0xf0, 0),
	XMM_FORM("movd, movq xmm, m", 0x66, 0x6e, 0), XMM_FORM("movd, movq m, xmm", 0x66, 0x7e, 0),
	XMM_FORM("movq xmm, m", 0xf3, 0x7e, 0), XMM_FORM("movq m, xmm", 0x66, 0xd6, 0),
};

#endif
