// SPDX-License-Identifier: GPL-2.0-only
/*
 * VPIDs and the TLB. With EPT on, the processor caches guest-physical mappings
 * (tagged by the EPT root) and combined ones (by EPT root, VPID and PCID). They
 * are stale for us in these cases:
 *
 *   A mapping of the VM got weaker: vm->tlb_gen went on. INVEPT of the root, once
 *   on each CPU that runs a vCPU of the VM. The number of the last generation
 *   that a CPU has dropped is kept per (VM, CPU). It begins as "never", so
 *   that a root page used before by another VM is dropped on first use.
 *
 *   A vCPU comes to another CPU: combined mappings of its earlier stay there, which
 *   the guest may have changed since. INVVPID. The same when the monitor or an
 *   emulated instruction changes what paging depends on.
 *
 * VPIDs tell a VM's vCPUs apart. VMs share them, and another hypervisor beside us may
 * have the same: the roots differ. They go from 65535 downwards, out of its way.
 */
#include "vmx.h"

/* What failed is not done, and the entry is called off (vmx_vcpu.c). */
static noinline void flush(struct vmx_vcpu *vmx, u64 *seen, u64 wanted)
{
	u64 eptp = vmx->base.vm->npt.root_pa | vmx_caps.eptp_bits;

	if (*seen != wanted) {
		if (vmx_invept(VMX_EPT_EXTENT_CONTEXT, eptp))
			*seen = wanted;
		else
			vmx_insn_failed("INVEPT", eptp);
		baton_count(&vmx->base, BATON_STAT_TLB_FLUSHES);
	}
	if (vmx->flush_vpid) {
		vmx->flush_vpid = !vmx_invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vmx_vpid(vmx));
		if (vmx->flush_vpid)
			vmx_insn_failed("INVVPID", vmx_vpid(vmx));
	}
}

/*
 * vm->arch: guest-physical mappings seen invalid, per CPU; tlb_gen + 1, 0 never. By
 * way of a number, since the compiler may keep address spaces apart.
 */
static u64 __percpu *tlb_seen(const struct baton_vm *vm)
{
	return (__force u64 __percpu *)(unsigned long)vm->arch;
}

/* Before each entry. run.c published the mode before; see there. */
void vmx_tlb_sync(struct vmx_vcpu *vmx)
{
	u64 wanted = atomic64_read(&vmx->base.vm->tlb_gen) + 1;
	u64 *seen = this_cpu_ptr(tlb_seen(vmx->base.vm));

	if (unlikely(*seen != wanted || vmx->flush_vpid))
		flush(vmx, seen, wanted);
}

int vmx_vm_init(struct baton_vm *vm)
{
	u64 __percpu *seen = alloc_percpu_gfp(u64, GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	vm->arch = (void *)(__force unsigned long)seen;
	return seen ? 0 : -ENOMEM;
}

void vmx_vm_fini(struct baton_vm *vm)
{
	free_percpu(tlb_seen(vm));
	vm->arch = NULL;
}
