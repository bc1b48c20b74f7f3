// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place in ring 0 that decodes guest instructions: MOVs between a register
 * or an immediate and memory, the forms that operating systems use. Those of 32 bits
 * to and from the local APIC's page, and writes of any width to where ioeventfds are;
 * everything else is the monitor's. No address is computed (the
 * processor told us the guest-physical one), so all there is to find out is direction,
 * width, value and length, from a copy of at most 15 bytes.
 *
 * The bytes are the guest's, and it may change them under us: then it gets what
 * the changed instruction asks for, on its own devices and its own registers.
 * Interrupt shadows are not looked at.
 */
#include <linux/mm.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "apic_page.h"
#include "fetch.h"

struct insn {
	const u8 *bytes;
	unsigned int have;	/* valid bytes */
	unsigned int at;	/* next one; beyond `have`: ran out */
	u8 rex;
	u8 address_size;	/* 2, 4, 8 */
	u8 size;		/* 1, 2, 4, 8 */
	bool store;
	bool immediate;		/* store of `value` */
	u8 reg;			/* else register number, 0-15 */
	bool based;		/* by FS or GS */
	u8 base;		/* 1 + register, if that is all of the address; or 0 */
	u64 value;
};

static u8 next_byte(struct insn *insn)
{
	unsigned int at = insn->at++;

	return at < insn->have ? insn->bytes[at] : 0;
}

/* Of four bytes at most; those are extended to eight. */
static u64 next_immediate(struct insn *insn)
{
	unsigned int i, size = min_t(u8, insn->size, 4);
	u64 value = 0;

	for (i = 0; i < size; i++)
		value |= (u64)next_byte(insn) << i * 8;
	return insn->size == 8 ? (u64)(s32)value : value;
}

/*
 * Eats the prefixes and returns the opcode; the size is that of odd opcodes. LOCK is
 * left in place as an opcode that is not ours: a MOV cannot have it.
 */
static u8 decode_prefixes(struct insn *insn, const struct baton_code *code)
{
	bool operand = false, address = false;
	u8 byte;

	while ((byte = next_byte(insn)) != 0xf0 && baton_is_prefix(byte, code->long64)) {
		operand |= byte == 0x66;
		address |= byte == 0x67;
		insn->based |= byte == 0x64 || byte == 0x65;
		insn->rex = (byte & 0xf0) == 0x40 ? byte : 0; /* right before the opcode only */
	}
	insn->size = insn->rex & 8 ? 8 : (code->long64 || code->big) != operand ? 4 : 2;
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
	if (!mod && rm != 4 && rm != 5)
		insn->base = 1 + (rm | (insn->rex & 1) << 3);
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
	case 0x88: /* MOV r/m8, r8 */
	case 0x89: /* MOV r/m, r */
		insn->store = true;
		return decode_modrm(insn);
	case 0x8b: /* MOV r, r/m */
		return decode_modrm(insn);
	case 0xc6: /* MOV r/m8, imm8 */
	case 0xc7: /* MOV r/m, imm */
		insn->store = insn->immediate = true;
		if (!decode_modrm(insn) || insn->reg & 7)
			return false;
		insn->value = next_immediate(insn);
		return true;
	case 0xa1: /* MOV rAX, moffs */
	case 0xa2: /* MOV moffs8, AL */
	case 0xa3: /* MOV moffs, rAX */
		insn->store = opcode != 0xa1;
		insn->reg = BATON_RAX;
		insn->at += insn->address_size;
		return true;
	default:
		return false;
	}
}

static bool decode(struct insn *insn, const struct baton_code *code)
{
	u8 opcode = decode_prefixes(insn, code);

	if (!(opcode & 1))
		insn->size = 1;
	return decode_opcode(insn, opcode) && insn->at <= insn->have;
}

static void describe_code(const struct baton_vcpu *vcpu, struct baton_code *code)
{
	const struct baton_sregs *sregs = &vcpu->sregs;
	const struct baton_segment *cs = &sregs->seg[BATON_CS];

	*code = (struct baton_code) {
		.walk = {
			.cr0 = sregs->cr0, .cr3 = sregs->cr3, .cr4 = sregs->cr4,
			.efer = sregs->efer,
		},
		.long64 = sregs->efer & EFER_LMA && cs->attr & BATON_SEG_L,
		.big = cs->attr & BATON_SEG_DB, /* never so in virtual-8086 mode */
	};
	code->linear = vcpu->regs.rip + (code->long64 ? 0 : cs->base);
	if (!code->long64)
		code->linear = (u32)code->linear;
}

static u64 stored_value(const struct baton_vcpu *vcpu, const struct insn *insn)
{
	u8 reg = insn->reg & (BATON_GPR_COUNT - 1);
	u64 value = vcpu->regs.gpr[reg];

	if (insn->immediate)
		value = insn->value;
	else if (insn->size == 1 && !insn->rex && reg >= 4)
		value = vcpu->regs.gpr[reg - 4] >> 8; /* AH, CH, DH, BH */
	return insn->size == 8 ? value : value & ((1ull << insn->size * 8) - 1);
}

static void perform(struct baton_vcpu *vcpu, const struct insn *insn, u32 offset)
{
	if (insn->store)
		baton_lapic_mmio_write(vcpu, offset, stored_value(vcpu, insn));
	else
		vcpu->regs.gpr[insn->reg & (BATON_GPR_COUNT - 1)] =
			baton_lapic_mmio_read(vcpu, offset);
}

/* The bytes at RIP go to insn->bytes. As baton_fetch_insn(). */
static int fetch(struct baton_vcpu *vcpu, struct baton_code *code, struct insn *insn, u8 *bytes)
{
	int n;

	describe_code(vcpu, code);
	baton_fetch_forget(vcpu); /* the bytes matter here, not only their length */
	n = baton_fetch_insn(vcpu, code, bytes, BATON_INSN_MAX);
	*insn = (struct insn) { .bytes = bytes, .have = max(n, 0) };
	return n;
}

static enum baton_next step_over(struct baton_vcpu *vcpu, const struct baton_code *code,
				 const struct insn *insn)
{
	vcpu->regs.rflags &= ~(u64)X86_EFLAGS_RF;
	vcpu->regs.rip += insn->at;
	if (!code->long64)
		vcpu->regs.rip = (u32)vcpu->regs.rip;
	vcpu->dirty |= BATON_ST_REGS;
	return BATON_ENTER;
}

/*
 * What an access is part of may be more than its MOV: a walk, the delivery of an event,
 * or a single step. What to do about those is the monitor's to know.
 */
static bool is_plain(const struct baton_vcpu *vcpu)
{
	return !vcpu->ev.reinject && !vcpu->ev.exception &&
	       !(vcpu->regs.rflags & X86_EFLAGS_TF) &&
	       !(vcpu->fault.access & (BATON_ACCESS_WALK | BATON_ACCESS_FETCH));
}

enum baton_next baton_apic_page(struct baton_vcpu *vcpu, u64 gpa)
{
	bool write = vcpu->fault.access & BATON_ACCESS_WRITE;
	u32 offset = offset_in_page(gpa);
	u8 bytes[BATON_INSN_MAX] = {};
	struct baton_code code;
	struct insn insn;
	int n;

	if (is_plain(vcpu)) {
		n = fetch(vcpu, &code, &insn, bytes);
		if (n <= 0)
			return n ? BATON_ENTER : BATON_LEAVE;
		if (decode(&insn, &code) && insn.size == sizeof(u32) && insn.store == write &&
		    !(offset & (sizeof(u32) - 1))) {
			perform(vcpu, &insn, offset);
			return step_over(vcpu, &code, &insn);
		}
	}
	vcpu->fault.access |= BATON_ACCESS_APIC;
	return baton_exit_emulate(vcpu, BATON_EMULATE_MMIO);
}

int baton_apic_access(struct baton_vcpu *vcpu, struct baton_apic_access *io)
{
	bool write = io->flags & BATON_APIC_WRITE;

	if (io->offset & ~(PAGE_SIZE - sizeof(u32)) || io->flags & ~BATON_APIC_WRITE ||
	    io->reserved || (!write && io->value))
		return -EINVAL;
	if (!baton_apic_owns(&vcpu->apic, vcpu->apic.base))
		return -ENXIO;
	if (write)
		baton_lapic_mmio_write(vcpu, io->offset, io->value);
	else
		io->value = baton_lapic_mmio_read(vcpu, io->offset);
	return 0;
}

/*
 * A write that crosses into a page is reported there, at the page's first byte. One that
 * begins there is told from it where that is easy: the MOV to [register] of drivers.
 */
static bool begins_at(const struct baton_vcpu *vcpu, const struct baton_code *code,
		      const struct insn *insn, u64 gpa)
{
	return offset_in_page(gpa) || insn->size == 1 ||
	       (code->long64 && insn->base && !insn->based &&
		!offset_in_page(vcpu->regs.gpr[(insn->base - 1) & (BATON_GPR_COUNT - 1)]));
}

enum baton_next baton_ioeventfd_page(struct baton_vcpu *vcpu, u64 gpa)
{
	u8 bytes[BATON_INSN_MAX] = {};
	struct baton_code code;
	struct insn insn;
	int n = is_plain(vcpu) ? fetch(vcpu, &code, &insn, bytes) : -EFAULT;

	if (!n)
		return BATON_LEAVE;
	if (n > 0 && decode(&insn, &code) && insn.store &&
	    insn.size <= PAGE_SIZE - offset_in_page(gpa) && begins_at(vcpu, &code, &insn, gpa) &&
	    baton_ioeventfd_write(vcpu->vm, gpa, insn.size, stored_value(vcpu, &insn))) {
		baton_count(vcpu, BATON_STAT_IOEVENTFD);
		return step_over(vcpu, &code, &insn);
	}
	return baton_exit_emulate(vcpu, BATON_EMULATE_MMIO);
}
