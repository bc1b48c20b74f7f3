// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits: a table by exit code, one small handler per reason, and a short way
 * for the few that make up nearly all exits of a running guest.
 *
 * A handler returns what the core is to do next (enum baton_next). Faults that
 * the guest earned are queued, and the guest is entered again.
 */
#include <linux/nospec.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "apic_page.h"
#include "svm.h"
#include "trace.h"

/* Opcodes for svm_insn_length(). */
#define OP_HLT		0xf4
#define OP_CPUID	0x0fa2
#define OP_RDMSR	0x0f32
#define OP_WRMSR	0x0f30
#define OP_INVD		0x0f08
#define OP_WBINVD	0x0f09
#define OP_VMMCALL	0x0f01d9
#define OP_XSETBV	0x0f01d1

/* ---- failures ------------------------------------------------------- */

enum baton_next svm_exit_unexpected(struct svm_vcpu *svm)
{
	const struct svm_vmcb *vmcb = svm->vmcb;

	return baton_exit_failed(&svm->vcpu, BATON_EXIT_INTERNAL, vmcb->exit_code,
				 vmcb->exit_info1, vmcb->exit_info2, 0);
}

/* VMRUN found the state inconsistent ("Canonicalization and Consistency Checks"). */
static enum baton_next exit_invalid(struct svm_vcpu *svm)
{
	struct svm_vmcb *vmcb = svm->vmcb;
	u64 event = vmcb->event_inj;

	/* take_back() left it, and it must not go into the next entry. */
	vmcb->event_inj = 0;
	svm_asid_lost(svm);
	return baton_exit_failed(&svm->vcpu, BATON_EXIT_ENTRY_FAILED, vmcb->exit_code,
				 vmcb->exit_info1, vmcb->exit_info2, event);
}

/*
 * Triple fault. The VMCB is undefined now; set up afresh what a reset of the
 * vCPU's state would not.
 */
static enum baton_next exit_shutdown(struct svm_vcpu *svm)
{
	memset(svm->vmcb, 0, offsetof(struct svm_vmcb, seg));
	svm_controls_init(svm);
	svm->cpu = -1;
	svm->vcpu.dirty |= BATON_ST_ALL & ~BATON_ST_SREGS;
	return baton_exit_shutdown(&svm->vcpu);
}

/* ---- the hot ones --------------------------------------------------- */

static enum baton_next exit_intr(struct svm_vcpu *svm)
{
	baton_count(&svm->vcpu, BATON_STAT_EXIT_INTR);
	return BATON_LEAVE;
}

static enum baton_next exit_ioio(struct svm_vcpu *svm)
{
	const struct svm_vmcb *vmcb = svm->vmcb;
	u32 info = vmcb->exit_info1;
	u16 port = info >> SVM_IOIO_PORT_SHIFT;
	u8 size = info >> SVM_IOIO_SIZE_SHIFT & 7;
	bool in = info & SVM_IOIO_IN;

	if (unlikely(info & SVM_IOIO_STRING))
		return baton_exit_string_io(&svm->vcpu, port, size, in);
	svm_skip_to(svm, vmcb->exit_info2);
	return baton_exit_pio(&svm->vcpu, port, size, in);
}

static enum baton_next exit_msr(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;
	bool write = svm->vmcb->exit_info1;
	unsigned int length = svm_insn_length(svm, write ? OP_WRMSR : OP_RDMSR);
	bool done;

	if (unlikely(!length))
		return BATON_LEAVE;
	if (write) {
		/* The write may reload the whole class from the cache. */
		vcpu->msr.kernel_gs_base = svm->vmcb->kernel_gs_base;
		if ((u32)vcpu->regs.gpr[BATON_RCX] == MSR_EFER)
			svm_need_sregs(svm);
		done = baton_exit_wrmsr(vcpu);
	} else {
		done = baton_exit_rdmsr(vcpu);
	}
	if (unlikely(!done))
		return baton_inject_gp(vcpu);
	svm_skip(svm, length);
	return BATON_ENTER;
}

static enum baton_next exit_cpuid(struct svm_vcpu *svm)
{
	unsigned int length = svm_insn_length(svm, OP_CPUID);

	if (unlikely(!length))
		return BATON_LEAVE;
	baton_exit_cpuid(&svm->vcpu);
	svm_skip(svm, length);
	return BATON_ENTER;
}

static enum baton_next exit_hlt(struct svm_vcpu *svm)
{
	unsigned int length = svm_insn_length(svm, OP_HLT);

	if (unlikely(!length))
		return BATON_LEAVE;
	svm_skip(svm, length);
	return baton_exit_hlt(&svm->vcpu);
}

static enum baton_next exit_npf(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;
	const struct svm_vmcb *vmcb = svm->vmcb;
	u64 gpa = vmcb->exit_info2;
	u32 access = vmcb->exit_int_info & SVM_EVTINJ_VALID ? BATON_ACCESS_EVENT : 0;
	bool decodes;

	if (vmcb->exit_info1 & SVM_NPF_WRITE)
		access |= BATON_ACCESS_WRITE;
	if (vmcb->exit_info1 & SVM_NPF_FETCH)
		access |= BATON_ACCESS_FETCH;
	if (vmcb->exit_info1 & SVM_NPF_WALK)
		access |= BATON_ACCESS_WALK;
	vcpu->fault.insn_len = 0;
	if (svm_caps.decode) {
		vcpu->fault.insn_len = min_t(u8, vmcb->insn_len & 0xf, sizeof(vmcb->insn));
		memcpy(vcpu->fault.insn, vmcb->insn, sizeof(vmcb->insn));
	}
	/* MOVs to the APIC's page and to eventfds are decoded here and now. */
	decodes = baton_exit_decodes(vcpu, gpa, access);
	if (unlikely(decodes))
		svm_need_sregs(svm);
	return baton_exit_fault(vcpu, gpa, 0, access, decodes);
}

/* ---- the host's events ---------------------------------------------- */

/* Pending while the guest ran, taken by the host at STGI: nothing left to do. */
static enum baton_next exit_nmi(struct svm_vcpu *svm)
{
	baton_count(&svm->vcpu, BATON_STAT_EXIT_NMI);
	return BATON_ENTER;
}

static enum baton_next exit_host_event(struct svm_vcpu *svm)
{
	return BATON_LEAVE;
}

/* An intercepted machine check is not pending any more: the host's handler is called. */
static enum baton_next exit_machine_check(struct svm_vcpu *svm)
{
	baton_machine_check();
	return BATON_LEAVE;
}

/* ---- events of the guest -------------------------------------------- */

static enum baton_next exit_vintr(struct svm_vcpu *svm)
{
	baton_count(&svm->vcpu, BATON_STAT_EXIT_WINDOW);
	svm_event_window(svm);
	return BATON_ENTER;
}

static enum baton_next exit_iret(struct svm_vcpu *svm)
{
	baton_count(&svm->vcpu, BATON_STAT_EXIT_WINDOW);
	svm_event_iret(svm);
	return BATON_ENTER;
}

static enum baton_next exit_ac(struct svm_vcpu *svm)
{
	return baton_queue_exception(&svm->vcpu, X86_TRAP_AC, true, 0);
}

static enum baton_next exit_bp(struct svm_vcpu *svm)
{
	return baton_exit_debug(&svm->vcpu, X86_TRAP_BP, 0);
}

/* But for #UD only during a step: baton_debug_exceptions(). */
static enum baton_next exit_fault(struct svm_vcpu *svm)
{
	struct svm_vmcb *vmcb = svm->vmcb;
	u8 vector = vmcb->exit_code - SVM_EXIT_EXCP_BASE;

	if (vector == X86_TRAP_PF) {
		vmcb->cr2 = vmcb->exit_info2;
		vmcb_touch(vmcb, SVM_CLEAN_CR2);
	}
	return baton_queue_exception(&svm->vcpu, vector, baton_has_error_code(vector, vmcb->cr0),
				     vmcb->exit_info1);
}

/* ---- instructions --------------------------------------------------- */

BATON_CORE_EXIT(ud, svm_vcpu, vcpu)

BATON_CORE_EXIT(gp, svm_vcpu, vcpu)

BATON_CORE_EXIT(pause, svm_vcpu, vcpu)

/* Guest memory is coherent with all there is: nothing to write back or drop. */
static enum baton_next exit_cache(struct svm_vcpu *svm)
{
	bool invd = (u32)svm->vmcb->exit_code == SVM_EXIT_INVD;
	unsigned int length = svm_insn_length(svm, invd ? OP_INVD : OP_WBINVD);

	if (!length)
		return BATON_LEAVE;
	svm_skip(svm, length);
	return BATON_ENTER;
}

static enum baton_next exit_vmmcall(struct svm_vcpu *svm)
{
	unsigned int length = svm_insn_length(svm, OP_VMMCALL);

	if (!length)
		return BATON_LEAVE;
	svm_skip(svm, length);
	baton_exit_hypercall(&svm->vcpu, svm_long64(svm), svm->vmcb->cpl);
	return BATON_ENTER;
}

static enum baton_next exit_xsetbv(struct svm_vcpu *svm)
{
	unsigned int length;

	if (!(svm->vmcb->cr4 & X86_CR4_OSXSAVE))
		return exit_ud(svm);
	length = svm_insn_length(svm, OP_XSETBV);
	if (!length)
		return BATON_LEAVE;
	if (!baton_exit_xsetbv(&svm->vcpu, svm->vmcb->cpl))
		return exit_gp(svm);
	svm_skip(svm, length);
	return BATON_ENTER;
}

/* CR0.NE is clear, and no line of ours leads to IRQ 13: #MF, as on VT-x, where it is set. */
static enum baton_next exit_ferr(struct svm_vcpu *svm)
{
	return baton_queue_exception(&svm->vcpu, X86_TRAP_MF, false, 0);
}

/* ---- dispatch ------------------------------------------------------- */

typedef enum baton_next (*svm_exit_handler)(struct svm_vcpu *svm);

static const svm_exit_handler handlers[SVM_EXIT_TABLE_SIZE] = {
	[SVM_EXIT_READ_CR0]		= svm_exit_cr_read,
	[SVM_EXIT_READ_CR4]		= svm_exit_cr_read,
	[SVM_EXIT_WRITE_CR0]		= svm_exit_cr_write,
	[SVM_EXIT_WRITE_CR4]		= svm_exit_cr_write,
	[SVM_EXIT_WRITE_CR8]		= svm_exit_cr_write,
	[SVM_EXIT_CR0_SEL_WRITE]	= svm_exit_cr_write,
	[SVM_EXIT_READ_DR0 ... SVM_EXIT_WRITE_DR0 + 15] = svm_exit_dr,
	[SVM_EXIT_EXCP_BASE + 0]	= exit_fault,
	[SVM_EXIT_EXCP_BASE + X86_TRAP_DB] = svm_exit_db,
	[SVM_EXIT_EXCP_BASE + X86_TRAP_BP] = exit_bp,
	[SVM_EXIT_EXCP_BASE + 5 ... SVM_EXIT_EXCP_BASE + 7] = exit_fault,
	[SVM_EXIT_EXCP_BASE + 10 ... SVM_EXIT_EXCP_BASE + 16] = exit_fault,
	[SVM_EXIT_EXCP_BASE + X86_TRAP_AC] = exit_ac,
	[SVM_EXIT_EXCP_BASE + X86_TRAP_MC] = exit_machine_check,
	[SVM_EXIT_EXCP_BASE + 19]	= exit_fault,
	[SVM_EXIT_INTR]			= exit_intr,
	[SVM_EXIT_NMI]			= exit_nmi,
	[SVM_EXIT_SMI ... SVM_EXIT_INIT] = exit_host_event,
	[SVM_EXIT_VINTR]		= exit_vintr,
	[SVM_EXIT_RDPMC]		= exit_gp,
	[SVM_EXIT_CPUID]		= exit_cpuid,
	[SVM_EXIT_PAUSE]		= exit_pause,
	[SVM_EXIT_RSM]			= exit_ud,
	[SVM_EXIT_IRET]			= exit_iret,
	[SVM_EXIT_INVD]			= exit_cache,
	[SVM_EXIT_HLT]			= exit_hlt,
	[SVM_EXIT_INVLPGA]		= exit_ud,
	[SVM_EXIT_IOIO]			= exit_ioio,
	[SVM_EXIT_MSR]			= exit_msr,
	[SVM_EXIT_FERR_FREEZE]		= exit_ferr,
	[SVM_EXIT_SHUTDOWN]		= exit_shutdown,
	[SVM_EXIT_VMRUN]		= exit_ud,
	[SVM_EXIT_VMMCALL]		= exit_vmmcall,
	/* VMSAVE, STGI, CLGI, SKINIT */
	[SVM_EXIT_VMLOAD ... SVM_EXIT_RDTSCP] = exit_ud,
	[SVM_EXIT_WBINVD]		= exit_cache,
	[SVM_EXIT_MONITOR ... SVM_EXIT_MWAIT] = exit_ud,
	[SVM_EXIT_XSETBV]		= exit_xsetbv,
	[SVM_EXIT_RDPRU]		= exit_ud,
};

static enum baton_next exit_by_table(struct svm_vcpu *svm, u32 code)
{
	if (code == SVM_EXIT_INVALID)
		return exit_invalid(svm);
	if (code >= ARRAY_SIZE(handlers))
		return svm_exit_unexpected(svm);
	code = array_index_nospec(code, ARRAY_SIZE(handlers));
	if (!handlers[code])
		return svm_exit_unexpected(svm);
	return handlers[code](svm);
}

enum baton_next svm_exit(struct svm_vcpu *svm)
{
	u32 code = svm->vmcb->exit_code;

	baton_count(&svm->vcpu, BATON_STAT_EXITS);
	trace_baton_exit(svm->vcpu.id, code, svm->vcpu.regs.rip, svm->vmcb->exit_info1,
			 svm->vmcb->exit_info2);
	/* Compares and direct calls: an indirect one costs a retpoline. */
	if (code == SVM_EXIT_MSR)
		return exit_msr(svm);
	if (code == SVM_EXIT_INTR)
		return exit_intr(svm);
	if (code == SVM_EXIT_IOIO)
		return exit_ioio(svm);
	if (code == SVM_EXIT_NPF)
		return exit_npf(svm);
	if (code == SVM_EXIT_HLT)
		return exit_hlt(svm);
	if (code == SVM_EXIT_CPUID)
		return exit_cpuid(svm);
	if (code == SVM_EXIT_VINTR)
		return exit_vintr(svm);
	return exit_by_table(svm, code);
}
