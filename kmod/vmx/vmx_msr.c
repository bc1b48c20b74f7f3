// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSRs. The guest reaches three without an exit: FS_BASE and GS_BASE, which the
 * VMCS switches, and KERNEL_GS_BASE, which SWAPGS changes anyway. All others are
 * intercepted and live in vcpu->msr.
 *
 * Some of these are used by instructions, so hardware has to hold them while the
 * guest runs: STAR, LSTAR and FMASK (SYSCALL, SYSRET) and TSC_AUX (RDTSCP,
 * RDPID). The VMCS has no fields for them. Each is read before it is written for
 * the first time in a window and gets that value back at the window's end, never
 * one noted earlier: KVM leaves its guest's values there until its own hook puts
 * them right, and must find what it left. A register is only written when it
 * holds something else, and the three of SYSCALL only if the guest has switched
 * SYSCALL on (else it is #UD whatever they hold). CSTAR is not in the list:
 * on Intel, SYSCALL in compatibility mode is #UD.
 */
#include "vmx.h"

static u8 *msr_bitmap;	/* one for all VMs */

/* SDM vol. 3, "MSR-Bitmap Address": reads low, reads high, writes low, writes high. */
#define BITMAP_READ_HIGH 1024
#define BITMAP_WRITE_HIGH 3072
#define MSR_HIGH_BASE 0xc0000000u

static const u32 swap_index[VMX_SWAP_COUNT] = {
	[VMX_SWAP_STAR] = MSR_STAR,
	[VMX_SWAP_LSTAR] = MSR_LSTAR,
	[VMX_SWAP_FMASK] = MSR_SYSCALL_MASK,
	[VMX_SWAP_TSC_AUX] = MSR_TSC_AUX,
};

static void pass_through(u32 msr)
{
	u32 bit = msr - MSR_HIGH_BASE;

	msr_bitmap[BITMAP_READ_HIGH + bit / 8] &= ~BIT(bit % 8);
	msr_bitmap[BITMAP_WRITE_HIGH + bit / 8] &= ~BIT(bit % 8);
}

int vmx_msr_init(void)
{
	msr_bitmap = (u8 *)__get_free_page(GFP_KERNEL);
	if (!msr_bitmap)
		return -ENOMEM;
	memset(msr_bitmap, 0xff, PAGE_SIZE);
	pass_through(MSR_FS_BASE);
	pass_through(MSR_GS_BASE);
	pass_through(MSR_KERNEL_GS_BASE);
	return 0;
}

void vmx_msr_exit(void)
{
	free_page((unsigned long)msr_bitmap);
	msr_bitmap = NULL;
}

void vmx_msr_fields_init(struct vmx_vcpu *vmx)
{
	vmcs_write64(MSR_BITMAP, __pa(msr_bitmap));
}

static __always_inline void swap_in(struct vmx_vcpu *vmx, enum vmx_swap_msr msr, u64 value)
{
	struct vmx_swap *swap = &vmx->swap[msr];

	if (!(vmx->swapped & BIT(msr))) {
		swap->host = baton_rdmsr(swap_index[msr]);
		swap->now = swap->host;
		vmx->swapped |= BIT(msr);
	}
	if (swap->now != value) {
		baton_wrmsr(swap_index[msr], value);
		swap->now = value;
	}
}

/* At the window's start, and after the guest wrote to one of them or to EFER. */
void vmx_msr_load(struct vmx_vcpu *vmx)
{
	const struct baton_vcpu *vcpu = &vmx->base;

	if (vcpu->sregs.efer & EFER_SCE) {
		swap_in(vmx, VMX_SWAP_STAR, vcpu->msr.star);
		swap_in(vmx, VMX_SWAP_LSTAR, vcpu->msr.lstar);
		swap_in(vmx, VMX_SWAP_FMASK, vcpu->msr.sfmask);
	}
	if (vmx->cpu2_controls & SECONDARY_EXEC_ENABLE_RDTSCP)
		swap_in(vmx, VMX_SWAP_TSC_AUX, vcpu->msr.tsc_aux);
}

void vmx_msr_enter(struct vmx_vcpu *vmx)
{
	u64 guest = vmx->base.msr.kernel_gs_base;

	vmx->swapped = 0;
	vmx_msr_load(vmx);
	vmx->host_kernel_gs_base = baton_rdmsr(MSR_KERNEL_GS_BASE);
	if (guest != vmx->host_kernel_gs_base)
		baton_wrmsr(MSR_KERNEL_GS_BASE, guest);
}

void vmx_msr_leave(struct vmx_vcpu *vmx)
{
	u32 left;

	for (left = vmx->swapped; left; left &= left - 1) {
		unsigned int i = __ffs(left);

		if (vmx->swap[i].now != vmx->swap[i].host)
			baton_wrmsr(swap_index[i], vmx->swap[i].host);
	}
	vmx->swapped = 0;
	if (baton_rdmsr(MSR_KERNEL_GS_BASE) != vmx->host_kernel_gs_base)
		baton_wrmsr(MSR_KERNEL_GS_BASE, vmx->host_kernel_gs_base);
}
