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
#include <asm/processor-flags.h>

#include "vmx.h"

static u64 mov_operand(struct vmx_vcpu *vmx, unsigned int gpr)
{
	u64 value = vmx_gpr_read(vmx, gpr);

	return vmx_long64(vmx) ? value : (u32)value;
}

/* ---- control registers ---------------------------------------------- */

static bool set_cr(struct vmx_vcpu *vmx, unsigned int cr, u64 value)
{
	struct baton_vcpu *vcpu = &vmx->base;

	if (cr == 8)
		return baton_set_cr8(vcpu, value);
	vmx_need_sregs(vmx);
	return cr == 0 ? baton_set_cr0(vcpu, value) : baton_set_cr4(vcpu, value);
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
		vmx_need_sregs(vmx);
		return baton_set_cr0(&vmx->base, vmx->base.sregs.cr0 & ~X86_CR0_TS);
	case VMX_CR_LMSW:
		vmx_need_sregs(vmx);
		return baton_set_msw(&vmx->base, VMX_QUAL_LMSW_SOURCE(qual));
	}
	return false;
}

enum baton_next vmx_exit_cr(struct vmx_vcpu *vmx)
{
	unsigned long qual = vmcs_read(EXIT_QUALIFICATION);

	baton_count(&vmx->base, BATON_STAT_EXIT_CR);
	if (!access_cr(vmx, qual))
		return baton_exit_gp(&vmx->base);
	vmx_skip(vmx);
	return BATON_ENTER;
}

/* ---- debug registers ------------------------------------------------ */

/* info: the exit's interruption information. */
enum baton_next vmx_exit_db(struct vmx_vcpu *vmx, u32 info)
{
	u64 causes = vmcs_read(EXIT_QUALIFICATION) & DR6_WRITABLE;
	bool ours = causes & DR_STEP && baton_steps(&vmx->base) && !vmx->step_tf;

	/* INT1 exits before it is executed, but is a trap. */
	if ((info & INTR_INFO_INTR_TYPE_MASK) >> VMX_INTR_TYPE_SHIFT == VMX_TYPE_PRIVILEGED_SOFT)
		vmx_step_over(vmx);
	else
		vmx_event_keep_step(vmx);
	vmx_rip(vmx);
	if (ours)
		causes &= ~(u64)DR_STEP;
	return baton_exit_trap(&vmx->base, causes, ours);
}

enum baton_next vmx_exit_dr(struct vmx_vcpu *vmx)
{
	unsigned long qual = vmcs_read(EXIT_QUALIFICATION);
	unsigned int gpr = VMX_QUAL_GPR(qual);
	struct baton_dr_access access = {
		.dr = VMX_QUAL_DR_NUMBER(qual), .write = !(qual & VMX_QUAL_DR_STORE),
		.cpl = vmx_cpl(), .cr4 = vmcs_read(GUEST_CR4),
		.value = mov_operand(vmx, gpr),
	};

	if (!baton_exit_dr(&vmx->base, &access))
		return BATON_ENTER;
	if (!access.write)
		vmx_gpr_write(vmx, gpr, access.value);
	vmx_skip(vmx);
	return BATON_ENTER;
}
