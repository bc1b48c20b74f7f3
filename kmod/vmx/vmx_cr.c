// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to control and debug registers. The exit qualification says all about
 * the instruction, so nothing is decoded.
 *
 * CR0 and CR4: the core judges the value (baton_set_cr0 and its like) on the
 * cached SREGS, so these are made current first, and loaded as a whole before
 * the next entry. Such writes are rare: the bits that change often do not exit
 * (CR0_OWNABLE, CR4_OWNABLE in vmx_state.c).
 *
 * DR: all accesses exit and vcpu->dbg is the truth. Hardware's DR0-3 are the
 * host's unless the guest has armed a breakpoint (baton_debug_enter). DR6 is
 * never the guest's: a #DB that exits leaves the register alone and gives the
 * causes in the qualification.
 */
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "vmx.h"

#define CR8_MASK 0xfull
#define LMSW_MASK 0xfull
#define DR6_WRITABLE (DR_TRAP0 | DR_TRAP1 | DR_TRAP2 | DR_TRAP3 | DR_BD | DR_STEP | DR_SWITCH)
#define DR7_WRITABLE 0xffff23ffull
#define DR7_FIXED 0x400ull
#define DR7_ARMED 0xffull
#define VECTOR_DB 1

static enum baton_next reject(struct vmx_vcpu *vmx)
{
	if (baton_must_rerun(&vmx->base))
		return BATON_LEAVE;
	baton_inject_gp(&vmx->base);
	return BATON_ENTER;
}

static u64 mov_operand(struct vmx_vcpu *vmx, unsigned int gpr)
{
	u64 value = vmx_gpr_read(vmx, gpr);

	return vmx_long64(vmx) ? value : (u32)value;
}

static void need_sregs(struct vmx_vcpu *vmx)
{
	if (!(vmx->base.valid & BATON_ST_SREGS))
		vmx_state_save(vmx, BATON_ST_SREGS);
}

/* ---- control registers ---------------------------------------------- */

static bool set_cr8(struct baton_vcpu *vcpu, u64 value)
{
	if (value & ~CR8_MASK)
		return false;
	baton_lapic_set_cr8(vcpu, value);
	return true;
}

static bool set_cr(struct vmx_vcpu *vmx, unsigned int cr, u64 value)
{
	struct baton_vcpu *vcpu = &vmx->base;

	if (cr == 8)
		return set_cr8(vcpu, value);
	need_sregs(vmx);
	return cr == 0 ? baton_set_cr0(vcpu, value) : baton_set_cr4(vcpu, value);
}

static bool clear_ts(struct vmx_vcpu *vmx)
{
	need_sregs(vmx);
	return baton_set_cr0(&vmx->base, vmx->base.sregs.cr0 & ~X86_CR0_TS);
}

/* PE, MP, EM, TS; PE cannot be cleared this way. */
static bool load_status_word(struct vmx_vcpu *vmx, u64 word)
{
	u64 cr0;

	need_sregs(vmx);
	cr0 = vmx->base.sregs.cr0 & ~(LMSW_MASK & ~(u64)X86_CR0_PE);
	return baton_set_cr0(&vmx->base, cr0 | (word & LMSW_MASK));
}

/* Only CR0, CR4 and CR8 exit; of the stores only CR8's. */
static bool access_cr(struct vmx_vcpu *vmx, unsigned long qual)
{
	unsigned int gpr = VMX_QUAL_GPR(qual), cr = VMX_QUAL_CR_NUMBER(qual);

	switch ((enum vmx_cr_access)VMX_QUAL_CR_ACCESS(qual)) {
	case VMX_CR_LOAD:
		return set_cr(vmx, cr, mov_operand(vmx, gpr));
	case VMX_CR_STORE:
		vmx_gpr_write(vmx, gpr, baton_lapic_cr8(&vmx->base));
		return true;
	case VMX_CR_CLTS:
		return clear_ts(vmx);
	case VMX_CR_LMSW:
		return load_status_word(vmx, VMX_QUAL_LMSW_SOURCE(qual));
	}
	return false;
}

enum baton_next vmx_exit_cr(struct vmx_vcpu *vmx)
{
	unsigned long qual = vmcs_read(VMCS_EXIT_QUALIFICATION);

	baton_count(&vmx->base, BATON_STAT_EXIT_CR);
	if (!access_cr(vmx, qual))
		return reject(vmx);
	vmx_skip(vmx);
	return BATON_ENTER;
}

/* ---- debug registers ------------------------------------------------ */

static void queue_db(struct vmx_vcpu *vmx, u64 causes)
{
	struct baton_debugregs *dbg = &vmx->base.dbg;

	dbg->dr6 = (dbg->dr6 & ~(u64)DR_TRAP_BITS) | causes;
	dbg->dr7 &= ~(u64)DR_GENERAL_DETECT;
	vmcs_write(VMCS_GUEST_DR7, dbg->dr7);
	baton_queue_exception(&vmx->base, VECTOR_DB, false, 0);
}

void vmx_step_trap(struct vmx_vcpu *vmx)
{
	queue_db(vmx, DR_STEP);
}

/* info: the exit's interruption information. */
enum baton_next vmx_exit_db(struct vmx_vcpu *vmx, u32 info)
{
	u64 causes = vmcs_read(VMCS_EXIT_QUALIFICATION) & DR6_WRITABLE;

	/* INT1 exits before it is executed, but is a trap. */
	if ((info & VMX_INTR_TYPE) >> VMX_INTR_TYPE_SHIFT == VMX_TYPE_PRIVILEGED_SOFT)
		vmx_step_over(vmx);
	else
		vmx_event_keep_step(vmx);
	queue_db(vmx, causes);
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
static bool write_dr(struct vmx_vcpu *vmx, unsigned int dr, u64 value)
{
	struct baton_debugregs *dbg = &vmx->base.dbg;

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
static void apply_dr(struct vmx_vcpu *vmx, bool was_armed)
{
	struct baton_vcpu *vcpu = &vmx->base;

	vmcs_write(VMCS_GUEST_DR7, vcpu->dbg.dr7);
	if (!was_armed && !(vcpu->dbg.dr7 & DR7_ARMED))
		return;
	baton_debug_leave(&vmx->host.debug);
	baton_debug_enter(vcpu, &vmx->host.debug);
}

static bool access_dr(struct vmx_vcpu *vmx, unsigned int dr, bool store, unsigned int gpr)
{
	struct baton_vcpu *vcpu = &vmx->base;
	bool was_armed = vcpu->dbg.dr7 & DR7_ARMED;

	if (store) {
		vmx_gpr_write(vmx, gpr, read_dr(&vcpu->dbg, dr));
		return true;
	}
	if (!write_dr(vmx, dr, mov_operand(vmx, gpr)))
		return false;
	apply_dr(vmx, was_armed);
	return true;
}

enum baton_next vmx_exit_dr(struct vmx_vcpu *vmx)
{
	unsigned long qual = vmcs_read(VMCS_EXIT_QUALIFICATION);
	unsigned int dr = VMX_QUAL_DR_NUMBER(qual);

	if (vmx_cpl())
		return reject(vmx);
	if (dr >> 1 == 2 && vmcs_read(VMCS_GUEST_CR4) & X86_CR4_DE) {
		baton_inject_ud(&vmx->base);
		return BATON_ENTER;
	}
	/* The exit comes before the trap. */
	if (vmx->base.dbg.dr7 & DR_GENERAL_DETECT) {
		queue_db(vmx, DR_BD);
		return BATON_ENTER;
	}
	/* Without CR4.DE, DR4 and DR5 are other names of DR6 and DR7. */
	if (!access_dr(vmx, dr >> 1 == 2 ? dr + 2 : dr, qual & VMX_QUAL_DR_STORE,
		       VMX_QUAL_GPR(qual)))
		return reject(vmx);
	vmx_skip(vmx);
	return BATON_ENTER;
}
