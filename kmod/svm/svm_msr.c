// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permission maps: which ports and MSRs a guest touches without an exit.
 *
 * None, but three MSRs that hardware keeps in the VMCB (VMSAVE/VMLOAD) and that
 * guests write at each task switch: FS_BASE, GS_BASE, KERNEL_GS_BASE. So one
 * constant pair of maps serves all vCPUs. What the others are worth is in the
 * table of ../msr.c. APM vol. 2, "IOIO Intercepts" and "MSR Intercepts".
 */
#include <linux/gfp.h>
#include <linux/string.h>
#include <asm/msr-index.h>

#include "svm.h"

#define IOPM_SIZE	(3 * PAGE_SIZE)	/* 64 K ports, and what lies past the last */
#define MSRPM_SIZE	(2 * PAGE_SIZE)
#define IOPM_ORDER	2
#define MSRPM_ORDER	1

u8 *svm_iopm, *svm_msrpm;

/* Two bits for each MSR, read then write; this range begins at byte 0x800. */
static void pass_through(u32 msr)
{
	u32 bit = 0x800 * 8 + (msr - 0xc0000000) * 2;

	svm_msrpm[bit / 8] &= ~(3u << bit % 8);
}

void svm_maps_teardown(void)
{
	free_pages((unsigned long)svm_iopm, IOPM_ORDER);
	free_pages((unsigned long)svm_msrpm, MSRPM_ORDER);
	svm_iopm = NULL;
	svm_msrpm = NULL;
}

int svm_maps_setup(void)
{
	svm_iopm = (u8 *)__get_free_pages(GFP_KERNEL, IOPM_ORDER);
	svm_msrpm = (u8 *)__get_free_pages(GFP_KERNEL, MSRPM_ORDER);
	if (!svm_iopm || !svm_msrpm)
		return -ENOMEM;
	memset(svm_iopm, 0xff, IOPM_SIZE);
	memset(svm_msrpm, 0xff, MSRPM_SIZE);
	pass_through(MSR_FS_BASE);
	pass_through(MSR_GS_BASE);
	pass_through(MSR_KERNEL_GS_BASE);
	return 0;
}
