/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arithmetic with flags, done by the processor's own instructions, so that
 * undefined flags come out as on the hardware. Values are zero-extended; the
 * functions look at `size` bytes (1, 2, 4, 8) and give as many back.
 */
#ifndef BATON_EMUL_ALU_H
#define BATON_EMUL_ALU_H

#include <stdbool.h>
#include <stdint.h>

/* Binary and unary in the order of their encodings. */
enum alu_op { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR };
enum alu_unary { ALU_INC, ALU_DEC, ALU_NOT, ALU_NEG };
enum alu_shift { ALU_ROL, ALU_ROR, ALU_RCL, ALU_RCR, ALU_SHL, ALU_SHR, ALU_SAR };
enum alu_shift_double { ALU_SHLD, ALU_SHRD };
enum alu_bit { ALU_BT, ALU_BTS, ALU_BTR, ALU_BTC };

uint64_t alu_binary(enum alu_op op, unsigned int size, uint64_t dst, uint64_t src,
		    uint64_t *rflags);
uint64_t alu_unary(enum alu_unary op, unsigned int size, uint64_t dst, uint64_t *rflags);
uint64_t alu_shift(enum alu_shift op, unsigned int size, uint64_t dst, uint8_t count,
		   uint64_t *rflags);
/* Size 2, 4, 8; src supplies the bits that come in. */
uint64_t alu_shift_double(enum alu_shift_double op, unsigned int size, uint64_t dst, uint64_t src,
			  uint8_t count, uint64_t *rflags);
/* bit is taken modulo the operand's width; size 2, 4, 8. */
uint64_t alu_bit(enum alu_bit op, unsigned int size, uint64_t dst, uint64_t bit,
		 uint64_t *rflags);
/* Does condition `code` (low 4 bits of Jcc's opcode) hold? */
bool alu_condition(unsigned int code, uint64_t rflags);

#endif
