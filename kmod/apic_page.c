// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place in ring 0 that decodes guest instructions: 32-bit MOVs between
 * a register or an immediate and the local APIC's page, the forms that
 * operating systems use. No address is computed (the processor told us the
 * guest-physical one), so all there is to find out is direction, value and
 * length, from a copy of at most 15 bytes. Everything else stops the VM.
 *
 * The bytes are the guest's, and it may change them under us: then it gets what
 * the changed instruction asks for, on its own APIC and its own registers.
 * Interrupt shadows and single-step traps are not looked at.
 */
#include <linux/mm.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "apic_page.h"
#include "fetch.h"
#include "vcpu.h"

struct insn {
	const u8 *bytes;
	unsigned int have;	/* valid bytes */
	unsigned int at;	/* next one; beyond `have`: ran out */
	u8 rex;
	u8 address_size;	/* 2, 4, 8 */
	bool store;
	bool immediate;		/* store of `value` */
	u8 reg;			/* else register number, 0-15 */
	u32 value;
};

static u8 next_byte(struct insn *insn)
{
	unsigned int at = insn->at++;

	return at < insn->have ? insn->bytes[at] : 0;
}

static u32 next_u32(struct insn *insn)
{
	u32 value = next_byte(insn);

	value |= (u32)next_byte(insn) << 8;
	value |= (u32)next_byte(insn) << 16;
	return value | (u32)next_byte(insn) << 24;
}

/*
 * Eats the prefixes and returns the opcode. *ret_wide: the operand is 32 bits.
 * LOCK is left in place as an opcode that is not ours: a MOV cannot have it.
 */
static u8 decode_prefixes(struct insn *insn, const struct baton_code *code, bool *ret_wide)
{
	bool operand = false, address = false;
	u8 byte;

	for (;;) {
		byte = next_byte(insn);
		if (code->long64 && (byte & 0xf0) == 0x40) {
			insn->rex = byte;
			continue;
		}
		if (byte == 0x66)
			operand = true;
		else if (byte == 0x67)
			address = true;
		else if (byte != 0x26 && byte != 0x2e && byte != 0x36 && byte != 0x3e &&
			 byte != 0x64 && byte != 0x65 && byte != 0xf2 && byte != 0xf3)
			break;
		insn->rex = 0; /* counts only right before the opcode */
	}
	*ret_wide = (code->long64 || code->big) != operand && !(insn->rex & 8);
	if (code->long64)
		insn->address_size = address ? 4 : 8;
	else
		insn->address_size = code->big != address ? 4 : 2;
	return byte;
}

/* Skips what belongs to the memory operand. False: the operand is a register. */
static bool skip_memory_operand(struct insn *insn, u8 modrm)
{
	u8 mod = modrm >> 6, rm = modrm & 7, base = rm;

	if (mod == 3)
		return false;
	if (insn->address_size == 2) {
		insn->at += mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0;
		return true;
	}
	if (rm == 4)
		base = next_byte(insn) & 7; /* SIB */
	insn->at += mod == 1 ? 1 : mod == 2 || base == 5 ? 4 : 0;
	return true;
}

static bool decode_modrm(struct insn *insn)
{
	u8 modrm = next_byte(insn);

	insn->reg = (modrm >> 3 & 7) | (insn->rex & 4) << 1;
	return skip_memory_operand(insn, modrm);
}

static bool decode_opcode(struct insn *insn, u8 opcode)
{
	switch (opcode) {
	case 0x89: /* MOV r/m32, r32 */
		insn->store = true;
		return decode_modrm(insn);
	case 0x8b: /* MOV r32, r/m32 */
		return decode_modrm(insn);
	case 0xc7: /* MOV r/m32, imm32 */
		insn->store = insn->immediate = true;
		if (!decode_modrm(insn) || insn->reg & 7)
			return false;
		insn->value = next_u32(insn);
		return true;
	case 0xa1: /* MOV EAX, moffs32 */
	case 0xa3: /* MOV moffs32, EAX */
		insn->store = opcode == 0xa3;
		insn->reg = BATON_RAX;
		insn->at += insn->address_size;
		return true;
	default:
		return false;
	}
}

static bool decode(struct insn *insn, const struct baton_code *code)
{
	bool wide;
	u8 opcode = decode_prefixes(insn, code, &wide);

	return wide && decode_opcode(insn, opcode) && insn->at <= insn->have;
}

static void describe_code(const struct baton_vcpu *vcpu, struct baton_code *code)
{
	const struct baton_sregs *sregs = &vcpu->sregs;
	const struct baton_segment *cs = &sregs->seg[BATON_CS];
	bool v86 = vcpu->regs.rflags & X86_EFLAGS_VM;
	u16 dpl = sregs->seg[BATON_SS].attr & BATON_SEG_DPL;

	*code = (struct baton_code) {
		.walk = {
			.cr0 = sregs->cr0, .cr3 = sregs->cr3, .cr4 = sregs->cr4,
			.efer = sregs->efer, .fetch = true,
			.user = sregs->cr0 & X86_CR0_PE && (v86 || dpl == BATON_SEG_DPL),
			.phys_bits = vcpu->cpuid.phys_bits,
		},
		.long64 = sregs->efer & EFER_LMA && cs->attr & BATON_SEG_L,
		.big = cs->attr & BATON_SEG_DB && !v86,
	};
	code->linear = vcpu->regs.rip + (code->long64 ? 0 : cs->base);
	if (!code->long64)
		code->linear = (u32)code->linear;
}

static void perform(struct baton_vcpu *vcpu, const struct insn *insn, u32 offset)
{
	u64 *reg = &vcpu->regs.gpr[insn->reg & (BATON_GPR_COUNT - 1)];

	if (insn->immediate)
		baton_lapic_mmio_write(vcpu, offset, insn->value);
	else if (insn->store)
		baton_lapic_mmio_write(vcpu, offset, (u32)*reg);
	else
		*reg = baton_lapic_mmio_read(vcpu, offset);
}

static enum baton_next refuse(struct baton_vcpu *vcpu, u64 gpa, u32 access, const u8 *bytes)
{
	u64 first = 0;

	memcpy(&first, bytes, sizeof(first));
	return baton_exit_failed(vcpu, BATON_EXIT_INTERNAL, gpa, access, first,
				 vcpu->regs.rip);
}

enum baton_next baton_apic_page(struct baton_vcpu *vcpu, u64 gpa, u32 access)
{
	u32 offset = offset_in_page(gpa);
	u8 bytes[BATON_INSN_MAX] = {};
	struct insn insn = { .bytes = bytes };
	struct baton_code code;
	int n;

	describe_code(vcpu, &code);
	baton_fetch_forget(vcpu); /* the bytes matter here, not only their length */
	n = baton_fetch_insn(vcpu, &code, bytes, BATON_INSN_MAX);
	if (!n)
		return BATON_LEAVE;
	if (n < 0)
		return BATON_ENTER;
	insn.have = n;
	if (access & BATON_ACCESS_FETCH || offset > PAGE_SIZE - sizeof(u32) ||
	    !decode(&insn, &code) || insn.store != !!(access & BATON_ACCESS_WRITE))
		return refuse(vcpu, gpa, access, bytes);
	perform(vcpu, &insn, offset);
	vcpu->regs.rip += insn.at;
	if (!code.long64)
		vcpu->regs.rip = (u32)vcpu->regs.rip;
	vcpu->dirty |= BATON_ST_REGS;
	return BATON_ENTER;
}
