// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to control and debug registers.
 *
 * CR0 and CR4: the core judges the value (baton_set_cr0 and its like) on the
 * cached SREGS, so these are made current first, and loaded as a whole before
 * the next entry. Such writes are rare.
 *
 * DR: all accesses exit and vcpu->dbg is the truth. Hardware's DR0-3 are the
 * host's unless the guest has armed a breakpoint (baton_debug_enter). DR6 in
 * the VMCB is always the initial value, so what an exit finds there is the new
 * cause alone.
 */
#include <asm/processor-flags.h>

#include "svm.h"

static u64 mov_operand(struct svm_vcpu *svm, const struct svm_insn *insn)
{
	u64 value = svm->vcpu.regs.gpr[insn->gpr];

	return svm_long64(svm) ? value : (u32)value;
}

/* ---- control registers ---------------------------------------------- */

static bool set_cr0(struct svm_vcpu *svm, const struct svm_insn *insn)
{
	struct baton_vcpu *vcpu = &svm->vcpu;

	if (insn->kind == SVM_INSN_LMSW)
		return baton_set_msw(vcpu, vcpu->regs.gpr[insn->gpr]);
	return baton_set_cr0(vcpu, insn->kind == SVM_INSN_CLTS ? vcpu->sregs.cr0 & ~X86_CR0_TS :
								 mov_operand(svm, insn));
}

static bool set_cr(struct svm_vcpu *svm, unsigned int cr, const struct svm_insn *insn)
{
	svm_need_sregs(svm);
	if (cr == 0)
		return set_cr0(svm, insn);
	return cr == 4 ? baton_set_cr4(&svm->vcpu, mov_operand(svm, insn)) :
			 baton_set_cr8(&svm->vcpu, mov_operand(svm, insn));
}

enum baton_next svm_exit_cr_write(struct svm_vcpu *svm)
{
	u32 code = svm->vmcb->exit_code;
	unsigned int cr = code == SVM_EXIT_CR0_SEL_WRITE ? 0 : code - SVM_EXIT_WRITE_CR0;
	struct svm_insn insn;
	unsigned int length = svm_insn_decode(svm, &insn);

	baton_count(&svm->vcpu, BATON_STAT_EXIT_CR);
	if (!length)
		return BATON_LEAVE;
	/* An operand in memory: no system that runs today does that. */
	if (insn.kind == SVM_INSN_OTHER)
		return svm_exit_unexpected(svm);
	if (svm->vmcb->cpl || !set_cr(svm, cr, &insn))
		return baton_exit_gp(&svm->vcpu);
	svm_skip(svm, length);
	return BATON_ENTER;
}

/* CR0 and CR4, and only while hardware's is not the guest's: svm_controls_cr(). */
enum baton_next svm_exit_cr_read(struct svm_vcpu *svm)
{
	u64 *gpr = svm->vcpu.regs.gpr, value;
	struct svm_insn insn;
	unsigned int length = svm_insn_decode(svm, &insn);

	baton_count(&svm->vcpu, BATON_STAT_EXIT_CR);
	if (!length)
		return BATON_LEAVE;
	if (insn.kind != SVM_INSN_MOV && insn.kind != SVM_INSN_SMSW)
		return svm_exit_unexpected(svm);
	if (insn.kind == SVM_INSN_MOV && svm->vmcb->cpl)
		return baton_exit_gp(&svm->vcpu);
	svm_need_sregs(svm);
	value = (u32)svm->vmcb->exit_code == SVM_EXIT_READ_CR4 ? svm->vcpu.sregs.cr4 :
								 svm->vcpu.sregs.cr0;
	if (insn.kind == SVM_INSN_SMSW && insn.word)
		gpr[insn.gpr] = (gpr[insn.gpr] & ~0xffffull) | (u16)value;
	else
		gpr[insn.gpr] = value;
	svm_skip(svm, length);
	return BATON_ENTER;
}

/* ---- debug registers ------------------------------------------------ */

enum baton_next svm_exit_db(struct svm_vcpu *svm)
{
	u64 causes = svm->vmcb->dr6 & DR6_WRITABLE;
	bool ours = svm_event_stepped(svm);

	/* Processors do not switch DR6 back at exits. */
	native_set_debugreg(6, DR6_RESERVED);
	svm->vcpu.dirty |= BATON_ST_DEBUG;
	if (ours)
		causes &= ~(u64)DR_STEP;
	return baton_exit_trap(&svm->vcpu, causes, ours);
}

enum baton_next svm_exit_dr(struct svm_vcpu *svm)
{
	u32 code = svm->vmcb->exit_code - SVM_EXIT_READ_DR0;
	struct svm_insn insn;
	unsigned int length = svm_insn_decode(svm, &insn);
	struct baton_dr_access access = {
		.dr = code & 0xf, .write = code >> 4,
		.cpl = svm->vmcb->cpl, .cr4 = svm->vmcb->cr4,
	};

	if (!length)
		return BATON_LEAVE;
	access.value = mov_operand(svm, &insn);
	if (!baton_exit_dr(&svm->vcpu, &access))
		return BATON_ENTER;
	if (!access.write)
		svm->vcpu.regs.gpr[insn.gpr] = access.value;
	svm_skip(svm, length);
	return BATON_ENTER;
}
