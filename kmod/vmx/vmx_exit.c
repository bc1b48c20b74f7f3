// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits: a table by basic exit reason, one small handler per reason, and a short
 * way for the few that make up nearly all exits of a running guest.
 *
 * A handler returns what the core is to do next (enum baton_next). Faults that
 * the guest earned are queued, and the guest is entered again. Fields of the VMCS
 * are read where they are needed, not before.
 */
#include <linux/nospec.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "apic_page.h"
#include "trace.h"
#include "vmx.h"

/* ---- failures ------------------------------------------------------- */

static enum baton_next exit_unexpected(struct vmx_vcpu *vmx)
{
	return baton_exit_failed(&vmx->base, BATON_EXIT_INTERNAL,
				 vmcs_read32(VM_EXIT_REASON),
				 vmcs_read(EXIT_QUALIFICATION),
				 vmcs_read32(VM_EXIT_INTR_INFO), 0);
}

/* The entry found the guest's state inconsistent, or a machine check came in it. */
static enum baton_next exit_entry_failed(struct vmx_vcpu *vmx, u32 reason)
{
	u32 event;

	if ((reason & VMX_REASON_BASIC) == EXIT_REASON_MCE_DURING_VMENTRY) {
		vmx_event_not_entered(vmx);
		vmx->after = VMX_AFTER_MACHINE_CHECK;
		return BATON_LEAVE;
	}
	event = vmcs_read32(VM_ENTRY_INTR_INFO_FIELD);
	/* Only an entry that succeeds clears it. */
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	return baton_exit_failed(&vmx->base, BATON_EXIT_ENTRY_FAILED, reason,
				 vmcs_read(EXIT_QUALIFICATION), event, 0);
}

BATON_CORE_EXIT(shutdown, vmx_vcpu, base)

/* By memory, so for the monitor. An event that began it is part of it, and over. */
static enum baton_next exit_task_switch(struct vmx_vcpu *vmx)
{
	unsigned long qual = vmcs_read(EXIT_QUALIFICATION);
	struct baton_vcpu *vcpu = &vmx->base;

	vcpu->save |= BATON_ST_SREGS;
	vcpu->run->exit_reason = BATON_EXIT_TASK_SWITCH;
	vcpu->run->task = (struct baton_exit_task) {
		.selector = qual, .source = qual >> 30 & 3,
		.insn_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN),
		.event = vmcs_read32(IDT_VECTORING_INFO_FIELD),
		.error_code = vmcs_read32(IDT_VECTORING_ERROR_CODE),
	};
	return BATON_TO_USER;
}

/* ---- the hot ones --------------------------------------------------- */

/* Not acknowledged: the host takes it as soon as interrupts are on. */
static enum baton_next exit_intr(struct vmx_vcpu *vmx)
{
	baton_count(&vmx->base, BATON_STAT_EXIT_INTR);
	return BATON_LEAVE;
}

static enum baton_next exit_io(struct vmx_vcpu *vmx)
{
	unsigned long qual = vmcs_read(EXIT_QUALIFICATION);
	u16 port = VMX_QUAL_IO_PORT(qual);
	bool in = qual & VMX_QUAL_IO_IN;

	if (unlikely(qual & VMX_QUAL_IO_STRING))
		return baton_exit_string_io(&vmx->base, port, VMX_QUAL_IO_SIZE(qual), in);
	vmx_skip(vmx);
	return baton_exit_pio(&vmx->base, port, VMX_QUAL_IO_SIZE(qual), in);
}

static enum baton_next finish_msr(struct vmx_vcpu *vmx, bool done)
{
	if (unlikely(!done))
		return baton_inject_gp(&vmx->base);
	vmx_skip(vmx);
	return BATON_ENTER;
}

static enum baton_next exit_rdmsr(struct vmx_vcpu *vmx)
{
	return finish_msr(vmx, baton_exit_rdmsr(&vmx->base));
}

static enum baton_next exit_wrmsr(struct vmx_vcpu *vmx)
{
	struct baton_vcpu *vcpu = &vmx->base;

	/* EFER is part of SREGS, which are loaded as a whole then. */
	if ((u32)vcpu->regs.gpr[BATON_RCX] == MSR_EFER)
		vmx_need_sregs(vmx);
	return finish_msr(vmx, baton_exit_wrmsr(vcpu));
}

static enum baton_next exit_cpuid(struct vmx_vcpu *vmx)
{
	baton_exit_cpuid(&vmx->base);
	vmx_skip(vmx);
	return BATON_ENTER;
}

static enum baton_next exit_hlt(struct vmx_vcpu *vmx)
{
	vmx_skip(vmx);
	return baton_exit_hlt(&vmx->base);
}

static enum baton_next exit_ept_violation(struct vmx_vcpu *vmx)
{
	struct baton_vcpu *vcpu = &vmx->base;
	unsigned long qual = vmcs_read(EXIT_QUALIFICATION);
	u64 gpa = vmcs_read64(GUEST_PHYSICAL_ADDRESS);
	u64 gva = 0;
	u32 access = vmx_event_cut_short(vmx, qual & VMX_QUAL_EPT_NMI_UNBLOCKED);
	bool decodes;

	if (qual & EPT_VIOLATION_ACC_WRITE)
		access |= BATON_ACCESS_WRITE;
	if (qual & EPT_VIOLATION_ACC_INSTR)
		access |= BATON_ACCESS_FETCH;
	if (qual & EPT_VIOLATION_GVA_IS_VALID) {
		gva = vmcs_read(GUEST_LINEAR_ADDRESS);
		access |= qual & EPT_VIOLATION_GVA_TRANSLATED ? BATON_ACCESS_GVA :
								BATON_ACCESS_WALK;
	}
	vcpu->fault.insn_len = 0;
	/* MOVs to the APIC's page and to eventfds are decoded here and now. */
	decodes = baton_exit_decodes(vcpu, gpa, access);
	if (unlikely(decodes))
		vmx_state_save(vmx, BATON_ST_REGS | BATON_ST_SREGS);
	return baton_exit_fault(vcpu, gpa, gva, access, decodes);
}

/* No more room for what the guest writes. As an EPT violation it may cut an event short. */
static enum baton_next exit_pml_full(struct vmx_vcpu *vmx)
{
	vmx_event_cut_short(vmx, vmcs_read(EXIT_QUALIFICATION) &
			    VMX_QUAL_EPT_NMI_UNBLOCKED);
	vmx_pml_drain(vmx);
	return BATON_ENTER;
}

/* ---- the host's events ---------------------------------------------- */

static enum baton_next exit_nmi(struct vmx_vcpu *vmx)
{
	baton_count(&vmx->base, BATON_STAT_EXIT_NMI);
	vmx->after = VMX_AFTER_NMI;
	return BATON_LEAVE;
}

static enum baton_next exit_machine_check(struct vmx_vcpu *vmx)
{
	vmx->after = VMX_AFTER_MACHINE_CHECK;
	return BATON_LEAVE;
}

/* A deadline of the guest's is met at the next entry; else the time is the host's. */
static enum baton_next exit_timer(struct vmx_vcpu *vmx)
{
	const struct baton_vcpu *vcpu = &vmx->base;
	u64 deadline = vcpu->apic.tsc_deadline;

	if (deadline && deadline <= baton_guest_tsc(vcpu))
		return BATON_ENTER;
	return BATON_LEAVE;
}

/* The time in the guest is over; what waits for the CPU gets it. */
static enum baton_next exit_host_event(struct vmx_vcpu *vmx)
{
	return BATON_LEAVE;
}

/* ---- events of the guest -------------------------------------------- */

/* What waited is due now: the next entry injects it. */
static enum baton_next exit_window(struct vmx_vcpu *vmx)
{
	baton_count(&vmx->base, BATON_STAT_EXIT_WINDOW);
	return BATON_ENTER;
}

/* The guest's own alignment check, not the host's trap for split locks? */
static bool is_alignment_check(struct vmx_vcpu *vmx)
{
	return !boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT) ||
	       (vmx_cpl() == 3 && vmcs_read(GUEST_CR0) & X86_CR0_AM &&
		vmx_rflags(vmx) & X86_EFLAGS_AC);
}

static enum baton_next exit_ac(struct vmx_vcpu *vmx)
{
	if (likely(is_alignment_check(vmx)))
		return baton_queue_exception(&vmx->base, X86_TRAP_AC, true, 0);
	vmx_host_split_lock(vmx);
	return BATON_ENTER;
}

/* What else exits while the monitor debugs: baton_debug_exceptions(). */
static enum baton_next exit_debugged(struct vmx_vcpu *vmx, u8 vector, bool has_error)
{
	if (vector == X86_TRAP_BP) {
		vmx_rip(vmx);
		return baton_exit_debug(&vmx->base, X86_TRAP_BP, 0);
	}
	if (vector == X86_TRAP_PF)
		vmx->base.sregs.cr2 = vmcs_read(EXIT_QUALIFICATION);
	return baton_queue_exception(&vmx->base, vector, has_error,
				     has_error ? vmcs_read32(VM_EXIT_INTR_ERROR_CODE) : 0);
}

static enum baton_next exit_exception_nmi(struct vmx_vcpu *vmx)
{
	u32 info = vmcs_read32(VM_EXIT_INTR_INFO);
	u8 vector = info & INTR_INFO_VECTOR_MASK;

	vmx_event_cut_short(vmx, info & INTR_INFO_UNBLOCK_NMI && vector != X86_TRAP_DF);
	if ((info & INTR_INFO_INTR_TYPE_MASK) >> VMX_INTR_TYPE_SHIFT == BATON_EVENT_NMI)
		return exit_nmi(vmx);
	switch (vector) {
	case X86_TRAP_DB:
		return vmx_exit_db(vmx, info);
	case X86_TRAP_AC:
		return exit_ac(vmx);
	case X86_TRAP_MC:
		return exit_machine_check(vmx);
	}
	if (BIT(vector) & baton_debug_exceptions(&vmx->base))
		return exit_debugged(vmx, vector, info & INTR_INFO_DELIVER_CODE_MASK);
	return exit_unexpected(vmx);
}

/* ---- instructions --------------------------------------------------- */

BATON_CORE_EXIT(ud, vmx_vcpu, base)

BATON_CORE_EXIT(gp, vmx_vcpu, base)

BATON_CORE_EXIT(pause, vmx_vcpu, base)

/* Guest memory is coherent with all there is: nothing to write back or drop. */
static enum baton_next exit_cache(struct vmx_vcpu *vmx)
{
	vmx_skip(vmx);
	return BATON_ENTER;
}

static enum baton_next exit_vmcall(struct vmx_vcpu *vmx)
{
	vmx_skip(vmx);
	baton_exit_hypercall(&vmx->base, vmx_long64(vmx), vmx_cpl());
	return BATON_ENTER;
}

/* CR4.OSXSAVE was checked by hardware before the exit. */
static enum baton_next exit_xsetbv(struct vmx_vcpu *vmx)
{
	if (!baton_exit_xsetbv(&vmx->base, vmx_cpl()))
		return exit_gp(vmx);
	vmx_skip(vmx);
	return BATON_ENTER;
}

/* ---- dispatch ------------------------------------------------------- */

typedef enum baton_next (*vmx_exit_handler)(struct vmx_vcpu *vmx);

static const vmx_exit_handler handlers[VMX_REASON_COUNT] = {
	[EXIT_REASON_EXCEPTION_NMI]		= exit_exception_nmi,
	[EXIT_REASON_EXTERNAL_INTERRUPT]	= exit_intr,
	[EXIT_REASON_TRIPLE_FAULT]		= exit_shutdown,
	[EXIT_REASON_INIT_SIGNAL]		= exit_host_event,
	[VMX_REASON_IO_SMI ... VMX_REASON_OTHER_SMI] = exit_host_event,
	[EXIT_REASON_INTERRUPT_WINDOW ... EXIT_REASON_NMI_WINDOW] = exit_window,
	[EXIT_REASON_TASK_SWITCH]		= exit_task_switch,
	[EXIT_REASON_CPUID]			= exit_cpuid,
	[VMX_REASON_GETSEC]			= exit_ud,
	[EXIT_REASON_HLT]			= exit_hlt,
	[EXIT_REASON_INVD]			= exit_cache,
	[EXIT_REASON_RDPMC]			= exit_gp,
	[VMX_REASON_RSM]			= exit_ud,
	[EXIT_REASON_VMCALL]			= exit_vmcall,
	[EXIT_REASON_VMCLEAR ... EXIT_REASON_VMON] = exit_ud,
	[EXIT_REASON_CR_ACCESS]			= vmx_exit_cr,
	[EXIT_REASON_DR_ACCESS]			= vmx_exit_dr,
	[EXIT_REASON_IO_INSTRUCTION]		= exit_io,
	[EXIT_REASON_MSR_READ]			= exit_rdmsr,
	[EXIT_REASON_MSR_WRITE]			= exit_wrmsr,
	[EXIT_REASON_MWAIT_INSTRUCTION]		= exit_ud,
	[EXIT_REASON_MONITOR_INSTRUCTION]	= exit_ud,
	[EXIT_REASON_PAUSE_INSTRUCTION]		= exit_pause,
	[EXIT_REASON_EPT_VIOLATION]		= exit_ept_violation,
	[EXIT_REASON_INVEPT]			= exit_ud,
	[EXIT_REASON_PREEMPTION_TIMER]		= exit_timer,
	[EXIT_REASON_INVVPID]			= exit_ud,
	[EXIT_REASON_WBINVD]			= exit_cache,
	[EXIT_REASON_XSETBV]			= exit_xsetbv,
	[EXIT_REASON_VMFUNC ... EXIT_REASON_ENCLS] = exit_ud,
	[EXIT_REASON_PML_FULL]			= exit_pml_full,
	[EXIT_REASON_XSAVES ... EXIT_REASON_XRSTORS] = exit_ud,
	[VMX_REASON_ENCLV]			= exit_ud,
	[VMX_REASON_SEAMCALL ... VMX_REASON_TDCALL] = exit_ud,
	[VMX_REASON_RDMSR_IMM ... VMX_REASON_WRMSRNS_IMM] = exit_ud,
};

static enum baton_next exit_by_table(struct vmx_vcpu *vmx, u32 reason)
{
	if (reason & VMX_EXIT_REASONS_FAILED_VMENTRY)
		return exit_entry_failed(vmx, reason);
	reason &= VMX_REASON_BASIC;
	if (reason >= ARRAY_SIZE(handlers))
		return exit_unexpected(vmx);
	reason = array_index_nospec(reason, ARRAY_SIZE(handlers));
	if (!handlers[reason])
		return exit_unexpected(vmx);
	return handlers[reason](vmx);
}

enum baton_next vmx_exit_handle(struct vmx_vcpu *vmx)
{
	u32 reason = vmcs_read32(VM_EXIT_REASON);

	baton_count(&vmx->base, BATON_STAT_EXITS);
	if (trace_baton_exit_enabled())
		trace_baton_exit(vmx->base.id, reason, vmcs_read(GUEST_RIP),
				 vmcs_read(EXIT_QUALIFICATION),
				 vmcs_read32(VM_EXIT_INTR_INFO));
	/* Compares and direct calls: an indirect one costs a retpoline. */
	if (reason == EXIT_REASON_MSR_WRITE)
		return exit_wrmsr(vmx);
	if (reason == EXIT_REASON_EXTERNAL_INTERRUPT)
		return exit_intr(vmx);
	if (reason == EXIT_REASON_IO_INSTRUCTION)
		return exit_io(vmx);
	if (reason == EXIT_REASON_EPT_VIOLATION)
		return exit_ept_violation(vmx);
	if (reason == EXIT_REASON_HLT)
		return exit_hlt(vmx);
	if (reason == EXIT_REASON_MSR_READ)
		return exit_rdmsr(vmx);
	if (reason == EXIT_REASON_CPUID)
		return exit_cpuid(vmx);
	if (reason == EXIT_REASON_INTERRUPT_WINDOW)
		return exit_window(vmx);
	return exit_by_table(vmx, reason);
}
