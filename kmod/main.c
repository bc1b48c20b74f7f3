// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module load and unload: an ordered table, undone in reverse. The device node
 * comes last, when everything behind it works.
 *
 * The module also loads where it cannot run VMs, so that user space can ask
 * why (BATON_GET_INFO.refusal).
 */
#include <linux/module.h>
#include <asm/processor.h>

#include "chardev.h"
#include "cpuid.h"
#include "eventfds.h"
#include "hwcpu.h"

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Baton hypervisor: VT-x and AMD-V world switch");
MODULE_VERSION(BATON_VERSION);

const struct baton_hvops *baton_hv;

struct init_step {
	const char *name;
	int (*init)(void);
	void (*exit)(void);
};

static int select_backend(void)
{
	switch (boot_cpu_data.x86_vendor) {
	case X86_VENDOR_INTEL:
	case X86_VENDOR_CENTAUR:
	case X86_VENDOR_ZHAOXIN:
		baton_hv = &baton_vmx_ops;
		break;
	case X86_VENDOR_AMD:
	case X86_VENDOR_HYGON:
		baton_hv = &baton_svm_ops;
		break;
	}
	return 0;
}

static const struct init_step steps[] = {
	{ "backend", select_backend, NULL },
	{ "CPUID", baton_cpuid_init, NULL },
	{ "host CPUs", baton_hwcpu_init, baton_hwcpu_exit },
	{ "eventfds", NULL, rcu_barrier }, /* what RCU has yet to free, it does by our code */
	{ "device", baton_chardev_init, baton_chardev_exit },
};

static void undo(size_t count)
{
	while (count--)
		if (steps[count].exit)
			steps[count].exit();
}

static int __init baton_init(void)
{
	size_t i;
	int r;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		r = steps[i].init ? steps[i].init() : 0;
		if (r) {
			pr_err("loading failed at %s: error %d\n", steps[i].name, r);
			undo(i);
			return r;
		}
	}
	return 0;
}

static void __exit baton_exit(void)
{
	undo(ARRAY_SIZE(steps));
}

module_init(baton_init);
module_exit(baton_exit);
