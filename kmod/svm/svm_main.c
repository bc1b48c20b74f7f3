// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: what the processor must have, whose it is, and the ops table.
 *
 * EFER.SVME stays set on all CPUs from the first VM to the last one, and each
 * CPU has a host save area of its own. SVM cannot be shared: another hypervisor
 * would lose its save area and, worse, run on our TLB entries, which carry
 * nothing but an ASID. Who finds SVME set stays away; KVM does the same.
 */
#include <linux/cc_platform.h>
#include <linux/gfp.h>
#include <linux/topology.h>
#include <asm/cpufeature.h>

#include "compat.h"
#include "svm.h"

struct svm_caps svm_caps __ro_after_init;
DEFINE_PER_CPU(struct svm_cpu, svm_cpus);

/* ---- probe ---------------------------------------------------------- */

/* Not boot_cpu_has(): some kernels hide the bit if firmware disabled SVM. */
static bool probe_svm(void)
{
	return cpuid_eax(0x80000000) >= SVM_CPUID_LEAF && cpuid_ecx(0x80000001) & BIT(2);
}

static bool probe_disabled(void)
{
	u64 vm_cr;

	return !rdmsrq_safe(MSR_VM_CR, &vm_cr) && vm_cr & SVM_VM_CR_SVMDIS;
}

/* By the kernel's flags, as svm_entry.S, and as clearcpuid= wants it. */
static void probe_caps(u32 asid_count)
{
	u64 value;

	svm_caps = (struct svm_caps) {
		.nrips = boot_cpu_has(X86_FEATURE_NRIPS),
		.decode = boot_cpu_has(X86_FEATURE_DECODEASSISTS),
		.flush_by_asid = boot_cpu_has(X86_FEATURE_FLUSHBYASID),
		.v_spec_ctrl = boot_cpu_has(X86_FEATURE_V_SPEC_CTRL),
		.pause_filter = boot_cpu_has(X86_FEATURE_PAUSEFILTER) &&
				boot_cpu_has(X86_FEATURE_PFTHRESHOLD),
		.tsc_ratio = boot_cpu_has(X86_FEATURE_TSCRATEMSR),
		.tsc_aux = boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID),
		.xss = boot_cpu_has(X86_FEATURE_XSAVES),
		.debugctl = !rdmsrq_safe(MSR_IA32_DEBUGCTLMSR, &value),
		.perf_ctl = boot_cpu_has(X86_FEATURE_PERFMON_V2),
		.clean = boot_cpu_has(X86_FEATURE_VMCBCLEAN) ? SVM_CLEAN_ALL : 0,
		.asid_count = asid_count,
	};
}

static enum baton_refusal svm_probe(void)
{
	u32 asid_count;

	if (!probe_svm())
		return BATON_REFUSED_NO_VIRT;
	if (probe_disabled())
		return BATON_REFUSED_FIRMWARE;
	if (!boot_cpu_has(X86_FEATURE_NPT))
		return BATON_REFUSED_NO_NESTED_PAGING;
	asid_count = cpuid_ebx(SVM_CPUID_LEAF);
	/*
	 * One ASID for each of some vCPUs; with memory encryption, PTEs need its bit; on
	 * family 10h guests can cause machine checks (erratum 383).
	 */
	if (asid_count < 4 || cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT) ||
	    boot_cpu_has_bug(X86_BUG_AMD_TLB_MMATCH))
		return BATON_REFUSED_CPU_FEATURE;
	probe_caps(asid_count);
	return BATON_REFUSED_NOT;
}

static enum baton_refusal svm_refusal(void)
{
	u64 efer;
	bool ours;

	preempt_disable();
	ours = this_cpu_read(svm_cpus.on);
	rdmsrq(MSR_EFER, efer);
	preempt_enable();
	return !ours && efer & EFER_SVME ? BATON_REFUSED_OWNER : BATON_REFUSED_NOT;
}

/* ---- per-CPU pages -------------------------------------------------- */

static void svm_teardown(void)
{
	int i;

	for_each_possible_cpu(i)
		free_pages(per_cpu_ptr(&svm_cpus, i)->pages, 1);
	svm_maps_teardown();
}

static int setup_cpu(struct svm_cpu *cpu, int id)
{
	struct page *pages = alloc_pages_node(cpu_to_node(id), GFP_KERNEL | __GFP_ZERO, 1);

	if (!pages)
		return -ENOMEM;
	cpu->pages = (unsigned long)page_address(pages);
	cpu->host_pa = __pa(cpu->pages);
	return 0;
}

static int svm_setup(void)
{
	int i, r = svm_maps_setup();

	baton_tsc_frac = svm_caps.tsc_ratio ? SVM_TSC_RATIO_FRAC : 0;
	/* Nested tables are page tables: all processors set their bits. */
	baton_memory = BATON_MEMORY_ACCESSED;
	for_each_possible_cpu(i)
		if (!r)
			r = setup_cpu(per_cpu_ptr(&svm_cpus, i), i);
	if (r)
		svm_teardown();
	return r;
}

/* ---- on and off, per CPU -------------------------------------------- */

/* SRSO: processors whose answer is to predict less while guests exist. */
static void set_bp_spec_reduce(bool on)
{
#ifdef X86_FEATURE_SRSO_BP_SPEC_REDUCE
	u64 value;

	if (!boot_cpu_has(X86_FEATURE_SRSO_BP_SPEC_REDUCE) ||
	    rdmsrq_safe(MSR_ZEN4_BP_CFG, &value))
		return;
	if (on)
		value |= SVM_BP_CFG_SPEC_REDUCE;
	else
		value &= ~SVM_BP_CFG_SPEC_REDUCE;
	wrmsrq_safe(MSR_ZEN4_BP_CFG, value);
#endif
}

static int svm_cpu_on(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	if (efer & EFER_SVME)
		return -EBUSY;
	wrmsrq(MSR_EFER, efer | EFER_SVME);
	wrmsrq(MSR_VM_HSAVE_PA, cpu->host_pa + PAGE_SIZE);
	if (svm_caps.tsc_ratio)
		wrmsr(MSR_AMD64_TSC_RATIO, 0, SVM_TSC_RATIO_ONE_HIGH);
	set_bp_spec_reduce(true);
	svm_asid_cpu_on(cpu);
	cpu->on = true;
	return 0;
}

static void svm_cpu_off(void)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpus);
	u64 efer;

	if (!cpu->on)
		return;
	cpu->on = false;
	set_bp_spec_reduce(false);
	wrmsrq(MSR_VM_HSAVE_PA, 0);
	rdmsrq(MSR_EFER, efer);
	wrmsrq(MSR_EFER, efer & ~EFER_SVME);
}

/* ---- VMs ------------------------------------------------------------ */

/*
 * Nested tables have as many levels as the host's own (CR4.LA57). Under five
 * levels, vm->arch is a top table whose first entry is the VM's four-level
 * tree; otherwise it is NULL.
 */
static int svm_vm_init(struct baton_vm *vm)
{
	u64 *top;

	if (!(__read_cr4() & X86_CR4_LA57))
		return 0;
	top = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!top)
		return -ENOMEM;
	top[0] = baton_pte_table(&baton_npt_format, vm->npt.root_pa);
	vm->arch = top;
	return 0;
}

static void svm_vm_fini(struct baton_vm *vm)
{
	free_page((unsigned long)vm->arch);
	vm->arch = NULL;
}

u64 svm_nested_cr3(struct baton_vm *vm)
{
	return vm->arch ? __pa(vm->arch) : vm->npt.root_pa;
}

const struct baton_hvops baton_svm_ops = {
	.vendor = BATON_VENDOR_AMD,
	.vcpu_size = sizeof(struct svm_vcpu),
	.pte = &baton_npt_format,
	.probe = svm_probe,
	.setup = svm_setup,
	.teardown = svm_teardown,
	.refusal = svm_refusal,
	.cpu_on = svm_cpu_on,
	.cpu_off = svm_cpu_off,
	.vm_init = svm_vm_init,
	.vm_fini = svm_vm_fini,
	.vcpu_init = svm_vcpu_init,
	.vcpu_fini = svm_vcpu_fini,
	.run = svm_run,
	.state_fetch = svm_state_fetch,
};
