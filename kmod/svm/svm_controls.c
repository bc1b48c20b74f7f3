// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is intercepted, and why (APM vol. 2, "Intercept Operation"). Each list
 * below is a reason. Not intercepted: INVLPG, INVPCID, RDTSC (offset in the
 * VMCB), PAUSE but in loops, CR2, CR3, CR8 (V_TPR), #UD, #PF, task switches: the guest's
 * own affair.
 */
#include <asm/processor-flags.h>

#include "svm.h"
#include "vmcb.h"

/* PAUSEs closer than the gap (TSC ticks) are one loop, and one of so many exits. */
#define PAUSE_GAP 128
#define PAUSE_COUNT 3000

/* The host's events: they must reach the host. INIT and SMI stay pending until STGI. */
static const u8 host_events[] = {
	SVM_EXIT_INTR, SVM_EXIT_NMI, SVM_EXIT_SMI, SVM_EXIT_INIT,
	SVM_EXIT_EXCP_BASE + 18, /* #MC: the host's hardware is broken, not the guest's */
};

/*
 * Nested virtualization is not offered: these would act on the host. VMLOAD and
 * VMSAVE unintercepted read and write host-physical memory (CVE-2021-3656).
 */
static const u8 svm_insns[] = {
	SVM_EXIT_VMRUN, SVM_EXIT_VMLOAD, SVM_EXIT_VMSAVE, SVM_EXIT_STGI, SVM_EXIT_CLGI,
	SVM_EXIT_SKINIT, SVM_EXIT_INVLPGA, SVM_EXIT_RSM,
};

/* What would harm the host: its caches, its sleep, its counters, a hang of the CPU. */
static const u8 harmful[] = {
	SVM_EXIT_INVD, SVM_EXIT_WBINVD, SVM_EXIT_MONITOR, SVM_EXIT_MWAIT, SVM_EXIT_HLT,
	SVM_EXIT_RDPMC, SVM_EXIT_RDPRU, SVM_EXIT_FERR_FREEZE, SVM_EXIT_SHUTDOWN,
	/* Delivering these can loop in microcode for ever (CVE-2015-5307, -8104). */
	SVM_EXIT_EXCP_BASE + 1, SVM_EXIT_EXCP_BASE + 17,
};

/* What the module or the monitor answers for. */
static const u8 virtualized[] = {
	SVM_EXIT_CPUID, SVM_EXIT_IOIO, SVM_EXIT_MSR, SVM_EXIT_XSETBV, SVM_EXIT_VMMCALL,
	/* All bits but TS and MP, which hardware may let the guest flip. */
	SVM_EXIT_CR0_SEL_WRITE, SVM_EXIT_WRITE_CR4,
};

/* All of the above, for each new VMCB to begin with. */
static u32 intercepts[SVM_ICPT_WORDS];

static void intercept(unsigned int icpt)
{
	intercepts[icpt / 32] |= BIT(icpt % 32);
}

static void intercept_all(const u8 *list, size_t count)
{
	while (count--)
		intercept(*list++);
}

/* Debug registers live in vcpu->dbg; hardware's are the host's until armed. */
static void intercept_debug(void)
{
	int i;

	for (i = 0; i < 16; i++) {
		intercept(SVM_EXIT_READ_DR0 + i);
		intercept(SVM_EXIT_WRITE_DR0 + i);
	}
}

void svm_controls_setup(void)
{
	intercept_all(host_events, ARRAY_SIZE(host_events));
	intercept_all(svm_insns, ARRAY_SIZE(svm_insns));
	intercept_all(harmful, ARRAY_SIZE(harmful));
	intercept_all(virtualized, ARRAY_SIZE(virtualized));
	intercept_debug();
	if (svm_caps.pause_filter)
		intercept(SVM_EXIT_PAUSE);
}

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
 * them there unseen.
 */
void svm_controls_cr0(struct svm_vcpu *svm, u64 cr0)
{
	bool hidden = cr0 & (X86_CR0_CD | X86_CR0_NW);

	vmcb_intercept(svm->vmcb, SVM_EXIT_READ_CR0, hidden);
	vmcb_intercept(svm->vmcb, SVM_EXIT_WRITE_CR0, hidden);
}

void svm_controls_init(struct svm_vcpu *svm)
{
	struct svm_vmcb *vmcb = svm->vmcb;

	memcpy(vmcb->intercept, intercepts, sizeof(intercepts));
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
