/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where board micro's boot data lies in guest-physical memory. All of it is
 * below 640 KiB, in RAM that the kernel may take over once it has read it, but
 * for the ACPI tables, which lie where a PC has its BIOS.
 */
#ifndef BATON_BOOT_LAYOUT_H
#define BATON_BOOT_LAYOUT_H

#define BOOT_PVH_INFO	  0x6000u	/* hvm_start_info, modules, memory map */
#define BOOT_ZERO_PAGE	  0x7000u	/* Linux' boot_params */
#define BOOT_GDT	  0x8000u
#define BOOT_PML4	  0x9000u	/* three pages: identity map of 1 GiB */
#define BOOT_STACK_TOP	  0xd000u
/* Instead of these, multiboot kernels may have segments of theirs here, up to their info. */
#define BOOT_MULTIBOOT_MIN  0x1000u
#define BOOT_MULTIBOOT_INFO 0x1f000u
#define BOOT_CMDLINE	  0x20000u
#define BOOT_CMDLINE_MAX  0x10000u	/* with the final zero */
#define BOOT_LOW_END	  0x9fc00u	/* end of RAM below 640 KiB */
#define BOOT_ACPI	  0xe0000u
#define BOOT_ACPI_MAX	  0x1f000u
#define BOOT_RESET_VECTOR 0xffff0u	/* see boot_reset_vector() */
#define BOOT_KERNEL_MIN	  0x100000u	/* kernels start here or above */

#endif
