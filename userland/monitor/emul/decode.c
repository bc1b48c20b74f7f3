/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zydis' view of an instruction to ours. Everything the emulator can do is in
 * the table below; what is not there is not supported.
 */
#include "op.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "alu.h"
#include "baton_vcpu_state.h"

struct decode_row {
	uint16_t mnemonic;	/* ZydisMnemonic */
	uint8_t kind, sub;
};

/* Conditions' numbers come from the opcode, strings' from their own rows. */
static const struct decode_row rows[] = {
	{ ZYDIS_MNEMONIC_MOV, EMUL_OP_MOV, 0 },
	{ ZYDIS_MNEMONIC_MOVZX, EMUL_OP_MOV, 0 },
	{ ZYDIS_MNEMONIC_MOVNTI, EMUL_OP_MOV, 0 },
	{ ZYDIS_MNEMONIC_MOVDIRI, EMUL_OP_MOV, 0 },
	{ ZYDIS_MNEMONIC_CLFLUSH, EMUL_OP_TOUCH, 0 },
	{ ZYDIS_MNEMONIC_CLFLUSHOPT, EMUL_OP_TOUCH, 0 },
	{ ZYDIS_MNEMONIC_CLWB, EMUL_OP_TOUCH, 0 },
	{ ZYDIS_MNEMONIC_MOVSX, EMUL_OP_MOVSX, 0 },
	{ ZYDIS_MNEMONIC_MOVSXD, EMUL_OP_MOVSX, 0 },
	{ ZYDIS_MNEMONIC_ADD, EMUL_OP_ALU, ALU_ADD },
	{ ZYDIS_MNEMONIC_OR, EMUL_OP_ALU, ALU_OR },
	{ ZYDIS_MNEMONIC_ADC, EMUL_OP_ALU, ALU_ADC },
	{ ZYDIS_MNEMONIC_SBB, EMUL_OP_ALU, ALU_SBB },
	{ ZYDIS_MNEMONIC_AND, EMUL_OP_ALU, ALU_AND },
	{ ZYDIS_MNEMONIC_SUB, EMUL_OP_ALU, ALU_SUB },
	{ ZYDIS_MNEMONIC_XOR, EMUL_OP_ALU, ALU_XOR },
	{ ZYDIS_MNEMONIC_CMP, EMUL_OP_ALU_TEST, ALU_SUB },
	{ ZYDIS_MNEMONIC_TEST, EMUL_OP_ALU_TEST, ALU_AND },
	{ ZYDIS_MNEMONIC_INC, EMUL_OP_UNARY, ALU_INC },
	{ ZYDIS_MNEMONIC_DEC, EMUL_OP_UNARY, ALU_DEC },
	{ ZYDIS_MNEMONIC_NOT, EMUL_OP_UNARY, ALU_NOT },
	{ ZYDIS_MNEMONIC_NEG, EMUL_OP_UNARY, ALU_NEG },
	{ ZYDIS_MNEMONIC_ROL, EMUL_OP_SHIFT, ALU_ROL },
	{ ZYDIS_MNEMONIC_ROR, EMUL_OP_SHIFT, ALU_ROR },
	{ ZYDIS_MNEMONIC_RCL, EMUL_OP_SHIFT, ALU_RCL },
	{ ZYDIS_MNEMONIC_RCR, EMUL_OP_SHIFT, ALU_RCR },
	{ ZYDIS_MNEMONIC_SHL, EMUL_OP_SHIFT, ALU_SHL },
	{ ZYDIS_MNEMONIC_SHR, EMUL_OP_SHIFT, ALU_SHR },
	{ ZYDIS_MNEMONIC_SAR, EMUL_OP_SHIFT, ALU_SAR },
	{ ZYDIS_MNEMONIC_SHLD, EMUL_OP_SHIFT_DOUBLE, ALU_SHLD },
	{ ZYDIS_MNEMONIC_SHRD, EMUL_OP_SHIFT_DOUBLE, ALU_SHRD },
	{ ZYDIS_MNEMONIC_BT, EMUL_OP_BIT, ALU_BT },
	{ ZYDIS_MNEMONIC_BTS, EMUL_OP_BIT, ALU_BTS },
	{ ZYDIS_MNEMONIC_BTR, EMUL_OP_BIT, ALU_BTR },
	{ ZYDIS_MNEMONIC_BTC, EMUL_OP_BIT, ALU_BTC },
	{ ZYDIS_MNEMONIC_BSF, EMUL_OP_BIT_SCAN, false },
	{ ZYDIS_MNEMONIC_BSR, EMUL_OP_BIT_SCAN, true },
	{ ZYDIS_MNEMONIC_SMSW, EMUL_OP_SMSW, 0 },
	{ ZYDIS_MNEMONIC_LTR, EMUL_OP_LTR, 0 },
	{ ZYDIS_MNEMONIC_JMP, EMUL_OP_JMP, 0 },
	{ ZYDIS_MNEMONIC_CALL, EMUL_OP_CALL, 0 },
	{ ZYDIS_MNEMONIC_RET, EMUL_OP_RET, 0 },
	{ ZYDIS_MNEMONIC_ENTER, EMUL_OP_ENTER, 0 },
	{ ZYDIS_MNEMONIC_LEAVE, EMUL_OP_LEAVE, 0 },
	{ ZYDIS_MNEMONIC_XCHG, EMUL_OP_XCHG, 0 },
	{ ZYDIS_MNEMONIC_XADD, EMUL_OP_XADD, 0 },
	{ ZYDIS_MNEMONIC_CMPXCHG, EMUL_OP_CMPXCHG, 0 },
	{ ZYDIS_MNEMONIC_CMPXCHG8B, EMUL_OP_CMPXCHG_PAIR, 0 },
	{ ZYDIS_MNEMONIC_CMPXCHG16B, EMUL_OP_CMPXCHG_PAIR, 0 },
	{ ZYDIS_MNEMONIC_MOVBE, EMUL_OP_MOVBE, 0 },
	{ ZYDIS_MNEMONIC_MUL, EMUL_OP_MUL, false },
	{ ZYDIS_MNEMONIC_IMUL, EMUL_OP_IMUL, true },
	{ ZYDIS_MNEMONIC_DIV, EMUL_OP_DIV, false },
	{ ZYDIS_MNEMONIC_IDIV, EMUL_OP_DIV, true },
	{ ZYDIS_MNEMONIC_MOVUPS, EMUL_OP_VECTOR, 0 },
	{ ZYDIS_MNEMONIC_MOVUPD, EMUL_OP_VECTOR, 0 },
	{ ZYDIS_MNEMONIC_MOVDQU, EMUL_OP_VECTOR, 0 },
	{ ZYDIS_MNEMONIC_LDDQU, EMUL_OP_VECTOR, 0 },
	{ ZYDIS_MNEMONIC_MOVAPS, EMUL_OP_VECTOR, EMUL_VECTOR_ALIGNED },
	{ ZYDIS_MNEMONIC_MOVAPD, EMUL_OP_VECTOR, EMUL_VECTOR_ALIGNED },
	{ ZYDIS_MNEMONIC_MOVDQA, EMUL_OP_VECTOR, EMUL_VECTOR_ALIGNED },
	{ ZYDIS_MNEMONIC_MOVNTPS, EMUL_OP_VECTOR, EMUL_VECTOR_ALIGNED },
	{ ZYDIS_MNEMONIC_MOVNTPD, EMUL_OP_VECTOR, EMUL_VECTOR_ALIGNED },
	{ ZYDIS_MNEMONIC_MOVNTDQ, EMUL_OP_VECTOR, EMUL_VECTOR_ALIGNED },
	{ ZYDIS_MNEMONIC_MOVNTDQA, EMUL_OP_VECTOR, EMUL_VECTOR_ALIGNED },
	{ ZYDIS_MNEMONIC_MOVD, EMUL_OP_VECTOR, 0 },
	{ ZYDIS_MNEMONIC_MOVQ, EMUL_OP_VECTOR, 0 },
	{ ZYDIS_MNEMONIC_MOVSS, EMUL_OP_VECTOR, 0 },
	{ ZYDIS_MNEMONIC_MOVSD, EMUL_OP_VECTOR, 0 },
	{ ZYDIS_MNEMONIC_MOVLPS, EMUL_OP_VECTOR, EMUL_VECTOR_KEEP },
	{ ZYDIS_MNEMONIC_MOVLPD, EMUL_OP_VECTOR, EMUL_VECTOR_KEEP },
	{ ZYDIS_MNEMONIC_MOVHPS, EMUL_OP_VECTOR, EMUL_VECTOR_KEEP | EMUL_VECTOR_HIGH },
	{ ZYDIS_MNEMONIC_MOVHPD, EMUL_OP_VECTOR, EMUL_VECTOR_KEEP | EMUL_VECTOR_HIGH },
	{ ZYDIS_MNEMONIC_PUSH, EMUL_OP_PUSH, 0 },
	{ ZYDIS_MNEMONIC_POP, EMUL_OP_POP, 0 },
};

static const struct decode_row string_rows[] = {
	{ ZYDIS_MNEMONIC_MOVSB, EMUL_OP_MOVS, 1 }, { ZYDIS_MNEMONIC_MOVSW, EMUL_OP_MOVS, 2 },
	{ ZYDIS_MNEMONIC_MOVSD, EMUL_OP_MOVS, 4 }, { ZYDIS_MNEMONIC_MOVSQ, EMUL_OP_MOVS, 8 },
	{ ZYDIS_MNEMONIC_STOSB, EMUL_OP_STOS, 1 }, { ZYDIS_MNEMONIC_STOSW, EMUL_OP_STOS, 2 },
	{ ZYDIS_MNEMONIC_STOSD, EMUL_OP_STOS, 4 }, { ZYDIS_MNEMONIC_STOSQ, EMUL_OP_STOS, 8 },
	{ ZYDIS_MNEMONIC_LODSB, EMUL_OP_LODS, 1 }, { ZYDIS_MNEMONIC_LODSW, EMUL_OP_LODS, 2 },
	{ ZYDIS_MNEMONIC_LODSD, EMUL_OP_LODS, 4 }, { ZYDIS_MNEMONIC_LODSQ, EMUL_OP_LODS, 8 },
	{ ZYDIS_MNEMONIC_CMPSB, EMUL_OP_CMPS, 1 }, { ZYDIS_MNEMONIC_CMPSW, EMUL_OP_CMPS, 2 },
	{ ZYDIS_MNEMONIC_CMPSD, EMUL_OP_CMPS, 4 }, { ZYDIS_MNEMONIC_CMPSQ, EMUL_OP_CMPS, 8 },
	{ ZYDIS_MNEMONIC_SCASB, EMUL_OP_SCAS, 1 }, { ZYDIS_MNEMONIC_SCASW, EMUL_OP_SCAS, 2 },
	{ ZYDIS_MNEMONIC_SCASD, EMUL_OP_SCAS, 4 }, { ZYDIS_MNEMONIC_SCASQ, EMUL_OP_SCAS, 8 },
	{ ZYDIS_MNEMONIC_INSB, EMUL_OP_INS, 1 }, { ZYDIS_MNEMONIC_INSW, EMUL_OP_INS, 2 },
	{ ZYDIS_MNEMONIC_INSD, EMUL_OP_INS, 4 },
	{ ZYDIS_MNEMONIC_OUTSB, EMUL_OP_OUTS, 1 }, { ZYDIS_MNEMONIC_OUTSW, EMUL_OP_OUTS, 2 },
	{ ZYDIS_MNEMONIC_OUTSD, EMUL_OP_OUTS, 4 },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct decode_row *find(const struct decode_row *table, size_t count,
				     ZydisMnemonic mnemonic)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].mnemonic == mnemonic)
			return &table[i];
	return NULL;
}

/* ---- operands ---- */

static uint8_t gpr_index(ZydisRegister reg)
{
	if (reg == ZYDIS_REGISTER_NONE)
		return EMUL_NO_REG;
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return EMUL_RIP;
	return (uint8_t)ZydisRegisterGetId(reg);
}

/* Zydis counts AH…BH between BL and SPL. */
static bool take_byte_register(ZydisRegister reg, struct emul_operand *operand)
{
	unsigned int number = reg - ZYDIS_REGISTER_AL;

	operand->kind = number >= 4 && number < 8 ? EMUL_REG_HIGH8 : EMUL_REG;
	operand->reg = (uint8_t)(number < 4 ? number : number - 4);
	return true;
}

static bool take_register(ZydisRegister reg, struct emul_operand *operand)
{
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
		return take_byte_register(reg, operand);
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		operand->kind = EMUL_REG;
		operand->reg = (uint8_t)ZydisRegisterGetId(reg);
		return true;
	case ZYDIS_REGCLASS_XMM:
		operand->kind = EMUL_XMM;
		operand->reg = (uint8_t)ZydisRegisterGetId(reg);
		return true;
	case ZYDIS_REGCLASS_MMX:
		operand->kind = EMUL_MMX;
		operand->reg = (uint8_t)ZydisRegisterGetId(reg);
		return true;
	case ZYDIS_REGCLASS_SEGMENT:
		operand->kind = EMUL_SREG;
		operand->reg = (uint8_t)(reg - ZYDIS_REGISTER_ES);
		return true;
	default:
		return false;
	}
}

static uint8_t segment_index(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_NONE ? BATON_DS : (uint8_t)(reg - ZYDIS_REGISTER_ES);
}

static bool take_memory(const ZydisDecodedOperand *from, struct emul_operand *operand)
{
	if (from->mem.type != ZYDIS_MEMOP_TYPE_MEM)
		return false;
	operand->kind = EMUL_MEM;
	operand->base = gpr_index(from->mem.base);
	operand->index = gpr_index(from->mem.index);
	operand->scale = from->mem.scale;
	operand->seg = segment_index(from->mem.segment);
	operand->value = from->mem.disp.has_displacement ? from->mem.disp.value : 0;
	return true;
}

static bool take_operand(const ZydisDecodedOperand *from, struct emul_operand *operand)
{
	operand->size = (uint8_t)(from->size / 8);
	if (from->size / 8 > 64) /* a cache's line, which is touched only; others have 16 */
		return false;
	switch (from->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		return take_register(from->reg.value, operand);
	case ZYDIS_OPERAND_TYPE_MEMORY:
		return take_memory(from, operand);
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		operand->kind = EMUL_IMM;
		operand->value = from->imm.value.s;
		return true;
	default:
		return false;
	}
}

/* ---- instructions ---- */

static uint8_t repeat_of(const ZydisDecodedInstruction *insn)
{
	if (insn->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE))
		return EMUL_REP;
	return insn->attributes & ZYDIS_ATTRIB_HAS_REPNE ? EMUL_REPNE : EMUL_ONCE;
}

/* The source's segment; the destination's is always ES. */
static uint8_t string_segment(const ZydisDecodedInstruction *insn)
{
	static const struct { uint64_t attribute; uint8_t seg; } overrides[] = {
		{ ZYDIS_ATTRIB_HAS_SEGMENT_CS, BATON_CS },
		{ ZYDIS_ATTRIB_HAS_SEGMENT_SS, BATON_SS },
		{ ZYDIS_ATTRIB_HAS_SEGMENT_DS, BATON_DS },
		{ ZYDIS_ATTRIB_HAS_SEGMENT_ES, BATON_ES },
		{ ZYDIS_ATTRIB_HAS_SEGMENT_FS, BATON_FS },
		{ ZYDIS_ATTRIB_HAS_SEGMENT_GS, BATON_GS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(overrides); i++)
		if (insn->attributes & overrides[i].attribute)
			return overrides[i].seg;
	return BATON_DS;
}

static int take_string(const ZydisDecodedInstruction *insn, const struct decode_row *row,
		       struct emul_op *op)
{
	op->kind = row->kind;
	op->size = row->sub;
	op->repeat = repeat_of(insn);
	op->seg = string_segment(insn);
	op->many = true;
	return 0;
}

/* SETcc is 0F 9x, CMOVcc is 0F 4x: x is the condition. */
static bool take_condition(const ZydisDecodedInstruction *insn, struct emul_op *op)
{
	if (insn->opcode_map != ZYDIS_OPCODE_MAP_0F ||
	    insn->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
		return false;
	op->sub = insn->opcode & 0xf;
	op->kind = (insn->opcode & 0xf0) == 0x90 ? EMUL_OP_SETCC : EMUL_OP_CMOV;
	return (insn->opcode & 0xf0) == 0x90 || (insn->opcode & 0xf0) == 0x40;
}

static bool take_kind(const ZydisDecodedInstruction *insn, struct emul_op *op)
{
	const struct decode_row *row = find(rows, ARRAY_SIZE(rows), insn->mnemonic);

	if (!row)
		return take_condition(insn, op);
	op->kind = row->kind;
	op->sub = row->sub;
	return true;
}

/* Forms that exist, but not with memory, or that load a descriptor. */
static bool fits_kind(const struct emul_op *op)
{
	bool to_memory = op->dst.kind == EMUL_MEM;

	switch (op->kind) {
	case EMUL_OP_VECTOR:
		return to_memory ? op->src.kind == EMUL_XMM || op->src.kind == EMUL_MMX :
				   op->src.kind == EMUL_MEM &&
				   (op->dst.kind == EMUL_XMM || op->dst.kind == EMUL_MMX);
	case EMUL_OP_CMPXCHG_PAIR:
		return to_memory;
	case EMUL_OP_ENTER:
		return !(op->src.value & 31);
	case EMUL_OP_JMP:
	case EMUL_OP_JMP_FAR:
	case EMUL_OP_LTR:
		return to_memory;
	case EMUL_OP_PUSH:
	case EMUL_OP_MOV_TO_SREG:
		return true;
	default:
		return op->dst.kind != EMUL_SREG;
	}
}

static bool is_on_stack(const struct emul_op *op)
{
	return op->kind == EMUL_OP_CALL || op->kind == EMUL_OP_RET ||
	       op->kind == EMUL_OP_ENTER || op->kind == EMUL_OP_LEAVE;
}

static int take_plain(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands,
		      struct emul_op *op)
{
	struct emul_operand *const into[] = { &op->dst, &op->src, &op->third };
	unsigned int count = insn->operand_count_visible;

	if (!take_kind(insn, op) || count > ARRAY_SIZE(into) ||
	    (!count && op->kind != EMUL_OP_RET && op->kind != EMUL_OP_LEAVE))
		return -ENOTSUP;
	for (unsigned int i = 0; i < count; i++)
		if (!take_operand(&operands[i], into[i]))
			return -ENOTSUP;
	if (op->kind == EMUL_OP_IMUL && count == 1)
		op->kind = EMUL_OP_MUL;
	if (op->kind == EMUL_OP_MOV && op->dst.kind == EMUL_SREG)
		op->kind = EMUL_OP_MOV_TO_SREG;
	op->size = op->dst.size;
	if (op->kind == EMUL_OP_JMP && insn->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) {
		op->kind = EMUL_OP_JMP_FAR;
		op->size = (uint8_t)(op->size - 2);
	}
	op->many = op->kind == EMUL_OP_MOV_TO_SREG || op->kind == EMUL_OP_LTR ||
		   op->kind == EMUL_OP_JMP_FAR;
	if (!fits_kind(op) ||
	    (is_on_stack(op) && insn->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR))
		return -ENOTSUP;
	if (op->kind == EMUL_OP_PUSH || op->kind == EMUL_OP_POP || is_on_stack(op)) {
		op->size = (uint8_t)(insn->operand_width / 8);
		op->many = true;
	}
	return 0;
}

static void init_decoder(enum emul_mode mode, ZydisDecoder *decoder)
{
	static const struct { ZydisMachineMode mode; ZydisStackWidth width; } modes[] = {
		[EMUL_REAL16] = { ZYDIS_MACHINE_MODE_REAL_16, ZYDIS_STACK_WIDTH_16 },
		[EMUL_PROTECTED16] = { ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 },
		[EMUL_PROTECTED32] = { ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
		[EMUL_LONG64] = { ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 },
	};

	ZydisDecoderInit(decoder, modes[mode].mode, modes[mode].width);
}

int emul_decode(enum emul_mode mode, const uint8_t *bytes, unsigned int count,
		struct emul_op *op)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;
	const struct decode_row *row;
	ZydisDecoder decoder;
	ZyanStatus status;

	init_decoder(mode, &decoder);
	status = ZydisDecoderDecodeFull(&decoder, bytes, count, &insn, operands);
	if (status == ZYDIS_STATUS_NO_MORE_DATA)
		return -ENODATA;
	if (!ZYAN_SUCCESS(status))
		return -ENOTSUP;
	memset(op, 0, sizeof(*op));
	op->length = insn.length;
	op->address_size = insn.address_width / 8;
	row = find(string_rows, ARRAY_SIZE(string_rows), insn.mnemonic);
	if (row && insn.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
	    insn.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
		return take_string(&insn, row, op);
	return take_plain(&insn, operands, op);
}
