// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX regions (VMXON pages and VMCSs) and the note of a failed instruction.
 */
#include "vmx.h"

struct vmx_region *vmx_region_alloc(int node, gfp_t gfp)
{
	struct page *page = alloc_pages_node(node, gfp | __GFP_ZERO, 0);
	struct vmx_region *region;

	if (!page)
		return NULL;
	region = page_address(page);
	region->revision = vmx_caps.revision;
	return region;
}

void vmx_region_free(struct vmx_region *region)
{
	free_page((unsigned long)region);
}

/*
 * The first failure is the one that tells something. The window goes on to its
 * end with zeros read, without another entry, and the VM is stopped there
 * (vmx_vcpu.c).
 */
noinline void vmx_insn_failed(const char *insn, unsigned long operand)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);

	if (cpu->failed)
		return;
	cpu->failed = insn;
	cpu->failed_operand = operand;
}
