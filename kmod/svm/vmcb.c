// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocation of VMCB pages. Owned by the vCPU, from vcpu_init to vcpu_fini.
 */
#include <linux/gfp.h>

#include "vmcb.h"

struct svm_vmcb *vmcb_create(void)
{
	return (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

void vmcb_destroy(struct svm_vmcb *vmcb)
{
	free_page((unsigned long)vmcb);
}
