// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is intercepted, and why (APM vol. 2, "Intercept Operation"). Not
 * intercepted: INVLPG, INVPCID, RDTSC (offset in the VMCB), PAUSE but in loops,
 * CR2, CR3, CR8 (V_TPR), #PF, task switches: the guest's own affair.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "svm.h"

/* PAUSEs closer than the gap (TSC ticks) are one loop, and one of so many exits. */
#define PAUSE_GAP 128
#define PAUSE_COUNT 3000

/* In word n of the VMCB's intercepts; what is of another word does not fit. */
#define ICPT(word, name) BIT(SVM_EXIT_##name - 32 * (word))

/* For each new VMCB to begin with. */
static const u32 intercepts[SVM_ICPT_WORDS] = {
	[0] = ICPT(0, WRITE_CR4),
	/* Debug registers live in vcpu->dbg; hardware's are the host's until armed. */
	[1] = ~0u,
	/*
	 * Delivery of #DB and #AC can loop in microcode for ever (CVE-2015-8104,
	 * CVE-2015-5307). #MC: the host's hardware is broken, not the guest's. #UD goes in
	 * by injection: what it saves has RF then, which QEMU's processor leaves out.
	 */
	[2] = BIT(X86_TRAP_DB) | BIT(X86_TRAP_UD) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC),
	[3] =
		/* The host's events must reach it. INIT and SMI stay pending until STGI. */
		ICPT(3, INTR) | ICPT(3, NMI) | ICPT(3, SMI) | ICPT(3, INIT) |
		/* What would harm the host: its counters, its caches, a hang of the CPU. */
		ICPT(3, RDPMC) | ICPT(3, INVD) | ICPT(3, HLT) | ICPT(3, FERR_FREEZE) |
		ICPT(3, SHUTDOWN) |
		/* What the module or the monitor answers for; of CR0 all but TS and MP. */
		ICPT(3, CPUID) | ICPT(3, IOIO) | ICPT(3, MSR) | ICPT(3, CR0_SEL_WRITE) |
		/* Nested virtualization is not offered: these would act on the host. */
		ICPT(3, RSM) | ICPT(3, INVLPGA),
	[4] =
		/*
		 * The same. VMLOAD and VMSAVE unintercepted read and write host-physical
		 * memory (CVE-2021-3656).
		 */
		ICPT(4, VMRUN) | ICPT(4, VMLOAD) | ICPT(4, VMSAVE) | ICPT(4, STGI) |
		ICPT(4, CLGI) | ICPT(4, SKINIT) |
		/* Harmful, as above; its sleep, too. */
		ICPT(4, WBINVD) | ICPT(4, MONITOR) | ICPT(4, MWAIT) | ICPT(4, RDPRU) |
		ICPT(4, VMMCALL) | ICPT(4, XSETBV),
};

/* An instruction that CPUID does not offer is to be #UD. */
void svm_controls_cpuid(struct svm_vcpu *svm)
{
	bool has = baton_guest_has(&svm->vcpu.cpuid, BATON_GF_RDTSCP);

	vmcb_intercept(svm->vmcb, SVM_EXIT_RDTSCP, !has);
}

void svm_controls_debug(struct svm_vcpu *svm)
{
	const unsigned int word = SVM_EXIT_EXCP_BASE / 32;

	svm->vmcb->intercept[word] = intercepts[word] | baton_debug_exceptions(&svm->vcpu);
	vmcb_touch(svm->vmcb, SVM_CLEAN_INTERCEPTS);
}

/*
 * CR0.CD would make the guest crawl, so hardware's copy never has CD or NW. As
 * long as the guest thinks they are set it must not see that copy, nor clear
 * them there unseen. The same of CR4.MCE, which hardware's copy has always.
 */
void svm_controls_cr(struct svm_vcpu *svm, const struct baton_sregs *sregs)
{
	bool hidden = sregs->cr0 & (X86_CR0_CD | X86_CR0_NW);

	vmcb_intercept(svm->vmcb, SVM_EXIT_READ_CR0, hidden);
	vmcb_intercept(svm->vmcb, SVM_EXIT_WRITE_CR0, hidden);
	vmcb_intercept(svm->vmcb, SVM_EXIT_READ_CR4, !(sregs->cr4 & X86_CR4_MCE));
}

void svm_controls_init(struct svm_vcpu *svm)
{
	struct svm_vmcb *vmcb = svm->vmcb;

	memcpy(vmcb->intercept, intercepts, sizeof(intercepts));
	if (svm_caps.pause_filter)
		vmcb->intercept[SVM_EXIT_PAUSE / 32] |= BIT(SVM_EXIT_PAUSE % 32);
	vmcb->iopm_pa = __pa(svm_iopm);
	vmcb->msrpm_pa = __pa(svm_msrpm);
	/* The guest's IF and TPR hold back its own interrupts only. */
	vmcb->int_ctl = V_INTR_MASKING_MASK;
	vmcb->nested_ctl = SVM_NESTED_NP_ENABLE;
	vmcb->nested_cr3 = svm_nested_cr3(svm->vcpu.vm);
	vmcb->pause_count = PAUSE_COUNT;
	vmcb->pause_threshold = PAUSE_GAP;
	vmcb->clean = 0;
}
