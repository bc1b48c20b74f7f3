// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page-modification logging (SDM vol. 3, "Page-Modification Logging"): for each leaf
 * that becomes dirty the processor writes the page's address to a buffer of the
 * vCPU's, so that the dirty log learns of a first write without a fault.
 *
 * Leaves that no log cares for are made dirty by npt.c, and never come here. The
 * buffer is filled from its end, and emptied whenever it is full and at the end of
 * each window: out of windows it is empty, and who waits for the windows to end
 * (baton_windows_wait()) has all of it in the logs.
 */
#include "../slots.h"
#include "vmx.h"

#define LAST 511u

int vmx_pml_alloc(struct vmx_vcpu *vmx)
{
	if (!(vmx_caps.cpu2 & SECONDARY_EXEC_ENABLE_PML))
		return 0;
	vmx->pml = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vmx->pml ? 0 : -ENOMEM;
}

void vmx_pml_free(struct vmx_vcpu *vmx)
{
	free_page((unsigned long)vmx->pml);
	vmx->pml = NULL;
}

void vmx_pml_fields_init(struct vmx_vcpu *vmx)
{
	if (!vmx->pml)
		return;
	vmcs_write64(PML_ADDRESS, __pa(vmx->pml));
	vmcs_write16(GUEST_PML_INDEX, LAST);
}

/* The index is that of the next entry; below 0 the buffer is full. */
void vmx_pml_drain(struct vmx_vcpu *vmx)
{
	unsigned int at = (u16)(vmcs_read16(GUEST_PML_INDEX) + 1);

	if (likely(at > LAST))
		return;
	for (; at <= LAST; at++)
		baton_dirty_note(vmx->base.vm, vmx->pml[at]);
	vmcs_write16(GUEST_PML_INDEX, LAST);
}
