// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPU create and destroy, and the inner run: one window.
 *
 * A window costs once what must be switched by hand (FPU, TSC_AUX, host VMSAVE,
 * …); an entry inside it costs a handful of comparisons, because the VMCB keeps
 * the guest's state and nearly all of it is left where it is. Order: safety
 * note, "World switch: exact order".
 */
#include <linux/gfp.h>
#include <asm/msr.h>

#include "compat.h"
#include "svm.h"
#include "trace.h"

/* ---- create and destroy --------------------------------------------- */

int svm_vcpu_init(struct baton_vcpu *vcpu)
{
	unsigned long page = get_zeroed_page(GFP_KERNEL_ACCOUNT), other;
	struct svm_vcpu *svm = to_svm(vcpu);

	/* Not at the start of 2 MiB: see struct svm_cpu. */
	for (; page && !(page & ~PMD_MASK); page = other) {
		other = get_zeroed_page(GFP_KERNEL_ACCOUNT);
		free_page(page);
	}
	if (!page)
		return -ENOMEM;
	svm->vmcb = (void *)page;
	svm->sw.vmcb_pa = __pa(svm->vmcb);
	svm->cpu = -1;
	svm->cpl_seen = SVM_CPL_NONE;
	svm_controls_init(svm);
	return 0;
}

void svm_vcpu_fini(struct baton_vcpu *vcpu)
{
	free_page((unsigned long)to_svm(vcpu)->vmcb);
}

/* ---- opening and closing a window ----------------------------------- */

/* Our copy of what VMRUN leaves and VMLOAD brings back. False: SVM is off. */
static bool save_host(u64 pa)
{
	asm goto("1: vmsave %%rax\n\t"
		 _ASM_EXTABLE(1b, %l[off])
		 : : "a" (pa) : "memory" : off);
	return true;
off:
	return false;
}

/* Values are read, not remembered: others change them between windows. */
static void save_msrs(struct svm_vcpu *svm)
{
	struct svm_host *host = &svm->host;

	if (svm_caps.tsc_aux) {
		host->tsc_aux = baton_rdmsr(MSR_TSC_AUX);
		baton_wrmsr(MSR_TSC_AUX, svm->vcpu.msr.tsc_aux);
	}
	/* Only guests see it. Others than ours expect to find it at one. */
	if (unlikely(svm->vcpu.vm->tsc_ratio))
		baton_wrmsr(MSR_AMD64_TSC_RATIO, svm->vcpu.vm->tsc_ratio);
	host->away = baton_put_away(svm_caps.xss, MSR_IA32_XSS, &host->xss) |
		     baton_put_away(svm_caps.debugctl, MSR_IA32_DEBUGCTLMSR, &host->debugctl) |
		     baton_put_away(svm_caps.perf_ctl, MSR_AMD64_PERF_CNTR_GLOBAL_CTL,
				    &host->perf_ctl);
}

static void restore_msrs(struct svm_vcpu *svm)
{
	struct svm_host *host = &svm->host;

	if (svm_caps.tsc_aux)
		baton_wrmsr(MSR_TSC_AUX, host->tsc_aux);
	if (unlikely(svm->vcpu.vm->tsc_ratio))
		wrmsr(MSR_AMD64_TSC_RATIO, 0, SVM_TSC_RATIO_ONE_HIGH);
	if (likely(!host->away))
		return;
	baton_bring_back(MSR_IA32_XSS, &host->xss);
	baton_bring_back(MSR_IA32_DEBUGCTLMSR, &host->debugctl);
	baton_bring_back(MSR_AMD64_PERF_CNTR_GLOBAL_CTL, &host->perf_ctl);
}

static bool window_open(struct svm_vcpu *svm)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);

	if (unlikely(!cpu->on || !save_host(cpu->host_pa)))
		return false;
	svm->sw.host_pa = cpu->host_pa;
	baton_fpu_enter(&svm->vcpu);
	if (unlikely(svm->cpu != smp_processor_id() || svm->asid_gen != cpu->asid_gen))
		svm_asid_renew(svm, cpu);
	baton_guest_barrier(&svm->vcpu);
	svm_load_spec_ctrl(svm);
	save_msrs(svm);
	baton_debug_enter(&svm->vcpu);
	return true;
}

static void window_close(struct svm_vcpu *svm)
{
	svm_event_settle(svm);
	svm->vcpu.msr.kernel_gs_base = svm->vmcb->kernel_gs_base;
	if (svm->vcpu.save)
		svm_state_save(svm);
	baton_debug_leave(&svm->vcpu);
	restore_msrs(svm);
	baton_fpu_leave(&svm->vcpu);
}

/* ---- one entry ------------------------------------------------------ */

/*
 * Also of a vector that its priority holds back: the guest lowers CR8 without an exit,
 * unless svm_event_inject() has asked for one.
 */
static bool event_due(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;
	const struct baton_pending *ev = &vcpu->ev;

	return ev->reinject || ev->exception || ev->nmi || svm->watch ||
	       baton_pins(vcpu) || baton_apic_has_news(&vcpu->apic) ||
	       vcpu->apic.highest_irr >= 0 || baton_steps(vcpu);
}

/* The guest's CR8 is the local APIC's task priority. */
static void cr8_to_guest(struct svm_vcpu *svm)
{
	struct svm_vmcb *vmcb = svm->vmcb;

	vmcb_set_int_ctl(vmcb, (vmcb->int_ctl & ~V_TPR_MASK) | baton_lapic_cr8(&svm->vcpu));
}

static void cr8_from_guest(struct svm_vcpu *svm)
{
	u8 cr8 = svm->vmcb->int_ctl & V_TPR_MASK;

	if (unlikely(cr8 != baton_lapic_cr8(&svm->vcpu)))
		baton_lapic_set_cr8(&svm->vcpu, cr8);
}

/* False: no entry, INTA is due. */
static bool prepare(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;
	struct svm_vmcb *vmcb = svm->vmcb;

	if (unlikely(vcpu->dirty))
		svm_state_load(svm);
	if (unlikely(event_due(svm)) && !svm_event_inject(svm))
		return false;
	cr8_to_guest(svm);
	/* After mode GUEST was published; pairs with baton_tlb_flush(). */
	if (unlikely(svm->tlb_gen != atomic64_read(&vcpu->vm->tlb_gen)))
		svm_asid_flush(svm);
	vcpu->valid &= ~BATON_ST_SREGS;
	vmcb->rax = vcpu->regs.gpr[BATON_RAX];
	vmcb->rsp = vcpu->regs.gpr[BATON_RSP];
	vmcb->rip = vcpu->regs.rip;
	vmcb->rflags = vcpu->regs.rflags;
	return true;
}

static void take_back(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;
	struct svm_vmcb *vmcb = svm->vmcb;

	vcpu->regs.gpr[BATON_RAX] = vmcb->rax;
	vcpu->regs.gpr[BATON_RSP] = vmcb->rsp;
	vcpu->regs.rip = vmcb->rip;
	vcpu->regs.rflags = vmcb->rflags;
	vmcb->clean = svm_caps.clean;
	vmcb->tlb_control = TLB_CONTROL_DO_NOTHING;
	if (likely((u32)vmcb->exit_code != SVM_EXIT_INVALID))
		vmcb->event_inj = 0;
	if (unlikely(vmcb->exit_int_info & SVM_EVTINJ_VALID))
		svm_event_cut_short(svm);
	if (unlikely(svm->watch))
		svm_event_exit(svm);
	cr8_from_guest(svm);
}

static enum baton_next enter_once(struct svm_vcpu *svm)
{
	if (!prepare(svm)) {
		svm_asid_not_entered(svm);
		return baton_exit_inta(&svm->vcpu);
	}
	trace_baton_entry(svm->vcpu.id, svm->vcpu.regs.rip);
	/* Zen 1: the last quotient must not be seen by the guest. */
	if (static_cpu_has_bug(X86_BUG_DIV0))
		asm volatile("div %2" : : "a" (0), "d" (0), "r" (1) : "cc");
	if (unlikely(svm_enter(&svm->vcpu.regs, &svm->sw))) {
		baton_vm_bug(svm->vcpu.vm, "SVM was switched off under a running VM");
		return BATON_LEAVE;
	}
	take_back(svm);
	return svm_exit(svm);
}

enum baton_next svm_run(struct baton_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	enum baton_next next;

	if (unlikely(!window_open(svm))) {
		baton_vm_bug(vcpu->vm, "SVM is off on this CPU");
		return BATON_LEAVE;
	}
	do
		next = enter_once(svm);
	while (next == BATON_ENTER && baton_may_stay(vcpu));
	window_close(svm);
	return next == BATON_ENTER ? BATON_LEAVE : next;
}
