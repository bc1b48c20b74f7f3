// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: what the processor must have, and the ops table.
 *
 * Nothing is switched on here: VMX operation is on for the length of a window
 * only (vmx_window.c), so there is no cpu_on and no owner to be. What exists from
 * module load to unload is memory: a VMXON page per CPU, the MSR bitmap.
 */
#include <asm/cpufeature.h>

#include "vmx.h"

/* ---- probe ---------------------------------------------------------- */

/* Not boot_cpu_has(): kernels hide the bit if firmware disabled VT-x. */
static bool probe_vmx(void)
{
	return cpuid_ecx(1) & BIT(5);
}

/* Unlocked counts as off: VMXON wants the lock, and setting it is the kernel's. */
static bool probe_disabled(void)
{
	const u64 need = FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
	u64 feat_ctl;

	return rdmsrq_safe(MSR_IA32_FEAT_CTL, &feat_ctl) || need & ~feat_ctl;
}

/* INT 2 is how an NMI exit reaches the host's handler; under FRED it is an oops. */
static bool probe_fred(void)
{
#ifdef X86_FEATURE_FRED
	return boot_cpu_has(X86_FEATURE_FRED);
#else
	return false;
#endif
}

static enum baton_refusal vmx_probe(void)
{
	if (!probe_vmx())
		return BATON_REFUSED_NO_VIRT;
	if (probe_disabled())
		return BATON_REFUSED_FIRMWARE;
	if (probe_fred())
		return BATON_REFUSED_FRED;
	return vmx_controls_setup();
}

/* ---- what lasts from load to unload --------------------------------- */

/* Each of the three accepts what its init did not get to. */
static void vmx_teardown(void)
{
	vmx_window_exit();
	vmx_host_exit();
	vmx_msr_exit();
}

static int vmx_setup(void)
{
	int r = vmx_msr_init();

	baton_memory = (vmx_caps.eptp_bits & VMX_EPTP_AD_ENABLE_BIT ? BATON_MEMORY_ACCESSED : 0) |
		       (vmx_caps.cpu2 & SECONDARY_EXEC_ENABLE_PML ? BATON_MEMORY_LOGS : 0);
	if (!r)
		r = vmx_host_init();
	if (!r)
		r = vmx_window_init();
	if (r)
		vmx_teardown();
	return r;
}

const struct baton_hvops baton_vmx_ops = {
	.vendor = BATON_VENDOR_INTEL,
	.vcpu_size = sizeof(struct vmx_vcpu),
	.pte = &baton_ept_format,
	.probe = vmx_probe,
	.setup = vmx_setup,
	.teardown = vmx_teardown,
	.refusal = vmx_window_refusal,
	.vm_init = vmx_vm_init,
	.vm_fini = vmx_vm_fini,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_fini = vmx_vcpu_fini,
	.run = vmx_run,
	.state_fetch = vmx_state_fetch,
};
