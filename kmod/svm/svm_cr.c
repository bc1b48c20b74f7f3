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
#include <linux/sched.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "svm.h"
#include "svm_insn.h"
#include "vmcb.h"

#define CR8_MASK 0xfull
#define DR6_WRITABLE (DR_TRAP0 | DR_TRAP1 | DR_TRAP2 | DR_TRAP3 | DR_BD | DR_STEP | DR_SWITCH)
#define DR7_WRITABLE 0xffff23ffull
#define DR7_FIXED 0x400ull
#define DR7_ARMED 0xffull
#define VECTOR_DB 1

static enum baton_next reject(struct svm_vcpu *svm)
{
	if (baton_must_rerun(&svm->vcpu))
		return BATON_LEAVE;
	baton_inject_gp(&svm->vcpu);
	return BATON_ENTER;
}

/* An operand in memory: no system that runs today does that. */
static enum baton_next give_up(struct svm_vcpu *svm)
{
	const struct svm_vmcb *vmcb = svm->vmcb;

	return baton_exit_failed(&svm->vcpu, BATON_EXIT_INTERNAL, vmcb->exit_code,
				 vmcb->exit_info1, vmcb->exit_info2, 0);
}

static u64 mov_operand(struct svm_vcpu *svm, const struct svm_insn *insn)
{
	u64 value = svm->vcpu.regs.gpr[insn->gpr];

	return svm_long64(svm) ? value : (u32)value;
}

/* ---- control registers ---------------------------------------------- */

static u64 new_cr0(struct svm_vcpu *svm, const struct svm_insn *insn)
{
	u64 cr0 = svm->vcpu.sregs.cr0;

	switch (insn->kind) {
	case SVM_INSN_CLTS:
		return cr0 & ~X86_CR0_TS;
	case SVM_INSN_LMSW:
		/* PE, MP, EM, TS; PE cannot be cleared this way. */
		return (cr0 & ~0xeull) | (svm->vcpu.regs.gpr[insn->gpr] & 0xf);
	default:
		return mov_operand(svm, insn);
	}
}

static bool set_cr8(struct baton_vcpu *vcpu, u64 value)
{
	if (value & ~CR8_MASK)
		return false;
	baton_lapic_set_cr8(vcpu, value);
	return true;
}

static bool set_cr(struct svm_vcpu *svm, unsigned int cr, const struct svm_insn *insn)
{
	svm_need_sregs(svm);
	switch (cr) {
	case 0:
		return baton_set_cr0(&svm->vcpu, new_cr0(svm, insn));
	case 4:
		return baton_set_cr4(&svm->vcpu, mov_operand(svm, insn));
	default:
		return set_cr8(&svm->vcpu, mov_operand(svm, insn));
	}
}

enum baton_next svm_exit_cr_write(struct svm_vcpu *svm)
{
	u32 code = svm->vmcb->exit_code;
	unsigned int cr = code == SVM_EXIT_CR0_SEL_WRITE ? 0 : code - SVM_EXIT_CR_WRITE;
	struct svm_insn insn;
	int length = svm_insn_decode(svm, &insn);

	baton_count(&svm->vcpu, BATON_STAT_EXIT_CR);
	if (length <= 0)
		return svm_insn_retry(length);
	if (insn.kind == SVM_INSN_OTHER)
		return give_up(svm);
	if (svm->vmcb->cpl || !set_cr(svm, cr, &insn))
		return reject(svm);
	svm_skip(svm, length);
	return BATON_ENTER;
}

/* CR0 only, and only while the guest's CD or NW is set: svm_controls_cr0(). */
enum baton_next svm_exit_cr_read(struct svm_vcpu *svm)
{
	u64 *gpr = svm->vcpu.regs.gpr, cr0;
	struct svm_insn insn;
	int length = svm_insn_decode(svm, &insn);

	baton_count(&svm->vcpu, BATON_STAT_EXIT_CR);
	if (length <= 0)
		return svm_insn_retry(length);
	if (insn.kind != SVM_INSN_MOV && insn.kind != SVM_INSN_SMSW)
		return give_up(svm);
	if (insn.kind == SVM_INSN_MOV && svm->vmcb->cpl)
		return reject(svm);
	svm_need_sregs(svm);
	cr0 = svm->vcpu.sregs.cr0;
	if (insn.kind == SVM_INSN_SMSW && insn.word)
		gpr[insn.gpr] = (gpr[insn.gpr] & ~0xffffull) | (u16)cr0;
	else
		gpr[insn.gpr] = cr0;
	svm_skip(svm, length);
	return BATON_ENTER;
}

/* ---- debug registers ------------------------------------------------ */

static void queue_db(struct svm_vcpu *svm, u64 causes)
{
	struct baton_debugregs *dbg = &svm->vcpu.dbg;

	dbg->dr6 = (dbg->dr6 & ~(u64)DR_TRAP_BITS) | causes;
	dbg->dr7 &= ~(u64)DR_GENERAL_DETECT;
	vmcb_set_dr(svm->vmcb, DR6_RESERVED, dbg->dr7);
	baton_queue_exception(&svm->vcpu, VECTOR_DB, false, 0);
}

void svm_step_trap(struct svm_vcpu *svm)
{
	queue_db(svm, DR_STEP);
}

enum baton_next svm_exit_db(struct svm_vcpu *svm)
{
	u64 causes = svm->vmcb->dr6 & DR6_WRITABLE;
	bool ours = svm_event_stepped(svm);

	/* Processors do not switch DR6 back at exits. */
	native_set_debugreg(6, DR6_RESERVED);
	vmcb_set_dr(svm->vmcb, DR6_RESERVED, svm->vcpu.dbg.dr7);
	if (ours)
		causes &= ~(u64)DR_STEP;
	if (!ours || causes)
		queue_db(svm, causes);
	return BATON_ENTER;
}

static u64 read_dr(const struct baton_debugregs *dbg, unsigned int dr)
{
	switch (dr) {
	case 0 ... 3:
		return dbg->dr[dr];
	case 6:
		return dbg->dr6;
	default:
		return dbg->dr7;
	}
}

/* False: #GP, bits above 31 in DR6 or DR7. */
static bool write_dr(struct svm_vcpu *svm, unsigned int dr, u64 value)
{
	struct baton_debugregs *dbg = &svm->vcpu.dbg;

	if (dr > 3 && value >> 32)
		return false;
	if (dr <= 3)
		dbg->dr[dr] = value;
	else if (dr == 6)
		dbg->dr6 = (value & DR6_WRITABLE) | DR6_RESERVED;
	else
		dbg->dr7 = (value & DR7_WRITABLE) | DR7_FIXED;
	return true;
}

/* Hardware's DR0-3 follow if breakpoints were or are armed. */
static void apply_dr(struct svm_vcpu *svm, bool was_armed)
{
	struct baton_vcpu *vcpu = &svm->vcpu;

	vmcb_set_dr(svm->vmcb, DR6_RESERVED, vcpu->dbg.dr7);
	if (!was_armed && !(vcpu->dbg.dr7 & DR7_ARMED))
		return;
	baton_debug_leave(&svm->host.debug);
	baton_debug_enter(vcpu, &svm->host.debug);
}

static bool access_dr(struct svm_vcpu *svm, unsigned int dr, bool write, unsigned int gpr)
{
	struct baton_vcpu *vcpu = &svm->vcpu;
	bool was_armed = vcpu->dbg.dr7 & DR7_ARMED;
	u64 *reg = &vcpu->regs.gpr[gpr];

	if (!write) {
		*reg = read_dr(&vcpu->dbg, dr);
		return true;
	}
	if (!write_dr(svm, dr, svm_long64(svm) ? *reg : (u32)*reg))
		return false;
	apply_dr(svm, was_armed);
	return true;
}

enum baton_next svm_exit_dr(struct svm_vcpu *svm)
{
	u32 code = svm->vmcb->exit_code - SVM_EXIT_DR_READ;
	unsigned int dr = code & 0xf;
	struct svm_insn insn;
	int length;

	if (svm->vmcb->cpl)
		return reject(svm);
	if (dr > 7 || (dr >> 1 == 2 && svm->vmcb->cr4 & X86_CR4_DE)) {
		baton_inject_ud(&svm->vcpu);
		return BATON_ENTER;
	}
	if (svm->vcpu.dbg.dr7 & DR_GENERAL_DETECT) {
		queue_db(svm, DR_BD);
		return BATON_ENTER;
	}
	length = svm_insn_decode(svm, &insn);
	if (length <= 0)
		return svm_insn_retry(length);
	/* Without CR4.DE, DR4 and DR5 are other names of DR6 and DR7. */
	if (!access_dr(svm, dr >> 1 == 2 ? dr + 2 : dr, code >> 4, insn.gpr))
		return reject(svm);
	svm_skip(svm, length);
	return BATON_ENTER;
}
