// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module load and unload. The device node comes last, when everything behind it
 * works, and goes first.
 *
 * The module also loads where it cannot run VMs, so that user space can ask
 * why (BATON_GET_INFO.refusal).
 */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/static_call.h>
#include <asm/processor.h>

#include "chardev.h"
#include "cpuid.h"
#include "hwcpu.h"

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Baton hypervisor: VT-x and AMD-V world switch");
MODULE_VERSION(BATON_VERSION);

const struct baton_hvops *baton_hv;

static void __init select_backend(void)
{
	u8 vendor = boot_cpu_data.x86_vendor;

	if (vendor == X86_VENDOR_INTEL || vendor == X86_VENDOR_CENTAUR ||
	    vendor == X86_VENDOR_ZHAOXIN)
		baton_hv = &baton_vmx_ops;
	else if (vendor == X86_VENDOR_AMD || vendor == X86_VENDOR_HYGON)
		baton_hv = &baton_svm_ops;
	if (baton_hv)
		static_call_update(baton_hv_run, baton_hv->run);
}

static int __init baton_init(void)
{
	int r;

	select_backend();
	baton_cpuid_init();
	r = baton_hwcpu_init();
	if (r)
		return r;
	r = misc_register(&baton_device);
	if (r)
		baton_hwcpu_exit();
	return r;
}

static void __exit baton_exit(void)
{
	misc_deregister(&baton_device);
	rcu_barrier(); /* what RCU has yet to free, it does by our code */
	baton_hwcpu_exit();
}

module_init(baton_init);
module_exit(baton_exit);
