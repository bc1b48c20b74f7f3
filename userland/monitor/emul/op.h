/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instruction as the emulator does it: what Zydis says of it, boiled down
 * to what execution needs. Small, so that many fit into the decode cache.
 */
#ifndef BATON_EMUL_OP_H
#define BATON_EMUL_OP_H

#include <stdbool.h>
#include <stdint.h>

enum emul_kind {
	EMUL_OP_MOV,	/* also MOVZX: the source is zero-extended */
	EMUL_OP_MOVSX,
	EMUL_OP_ALU,	/* sub: enum alu_op; dst = dst op src */
	EMUL_OP_ALU_TEST, /* the same without the write: CMP, TEST */
	EMUL_OP_UNARY,	/* sub: enum alu_unary */
	EMUL_OP_SHIFT,	/* sub: enum alu_shift */
	EMUL_OP_SHIFT_DOUBLE, /* sub: enum alu_shift_double; third: the count */
	EMUL_OP_BIT,	/* sub: enum alu_bit */
	EMUL_OP_XCHG,
	EMUL_OP_XADD,
	EMUL_OP_CMPXCHG,
	EMUL_OP_CMPXCHG_PAIR, /* CMPXCHG8B, CMPXCHG16B */
	EMUL_OP_MOVBE,
	EMUL_OP_BIT_SCAN, /* sub: from the top */
	EMUL_OP_SMSW,
	EMUL_OP_TOUCH,	/* of a cache's line: CLFLUSH, CLFLUSHOPT, CLWB */
	EMUL_OP_MOV_TO_SREG, /* dst: which */
	EMUL_OP_LTR,
	EMUL_OP_JMP,	/* through memory */
	EMUL_OP_CALL,	/* near, as RET; dst: a distance if it is an immediate */
	EMUL_OP_RET,	/* dst: what else leaves the stack */
	EMUL_OP_ENTER,	/* dst: room; no nesting */
	EMUL_OP_LEAVE,
	EMUL_OP_JMP_FAR, /* size: of the offset */
	EMUL_OP_MUL,	/* sub: signed; rDX:rAX = rAX * dst */
	EMUL_OP_IMUL,	/* dst = (third or dst) * src */
	EMUL_OP_DIV,	/* sub: signed; by dst */
	EMUL_OP_VECTOR,	/* sub: enum emul_vector */
	EMUL_OP_SETCC,	/* sub: condition */
	EMUL_OP_CMOV,	/* sub: condition */
	EMUL_OP_PUSH,
	EMUL_OP_POP,
	EMUL_OP_MOVS, EMUL_OP_STOS, EMUL_OP_LODS, EMUL_OP_CMPS, EMUL_OP_SCAS,
	EMUL_OP_INS, EMUL_OP_OUTS,
};

/* A move between an XMM register, or an MMX one, and memory; bits. */
enum emul_vector {
	EMUL_VECTOR_ALIGNED = 1,	/* or #GP */
	EMUL_VECTOR_KEEP = 2,		/* a load leaves the rest of the register */
	EMUL_VECTOR_HIGH = 4,		/* the register's upper half */
};

enum emul_operand_kind {
	EMUL_NONE, EMUL_REG, EMUL_REG_HIGH8, EMUL_SREG, EMUL_MEM, EMUL_IMM, EMUL_XMM, EMUL_MMX,
};

#define EMUL_NO_REG 0xff
#define EMUL_RIP 0xfe	/* as base: the next instruction's address */

struct emul_operand {
	uint8_t kind;		/* enum emul_operand_kind */
	uint8_t size;		/* bytes */
	uint8_t reg;		/* REG: enum baton_gpr; SREG: enum baton_seg; XMM; MMX */
	uint8_t base, index;	/* MEM: enum baton_gpr, EMUL_NO_REG, EMUL_RIP */
	uint8_t scale, seg;
	int64_t value;		/* MEM: displacement; IMM: the value */
};

enum emul_repeat { EMUL_ONCE, EMUL_REP, EMUL_REPNE };	/* REP is also REPE */

struct emul_op {
	uint8_t kind;		/* enum emul_kind */
	uint8_t sub;
	uint8_t length;
	uint8_t size;		/* of the operation, bytes */
	uint8_t address_size;	/* bytes */
	uint8_t repeat;		/* enum emul_repeat */
	uint8_t seg;		/* string: segment of the source */
	bool many;		/* accesses memory at more than one place */
	struct emul_operand dst, src, third;
};

enum emul_mode { EMUL_REAL16, EMUL_PROTECTED16, EMUL_PROTECTED32, EMUL_LONG64 };

/* 0; -ENODATA: more bytes are needed; -ENOTSUP: not an instruction done here. */
int emul_decode(enum emul_mode mode, const uint8_t *bytes, unsigned int count,
		struct emul_op *op);

#endif
