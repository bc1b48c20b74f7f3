/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Feature bits, limits and refusal reasons that BATON_GET_INFO reports.
 */
#ifndef BATON_FEAT_H
#define BATON_FEAT_H

#include "baton_types.h"

/* baton_info.features: what the module offers on this host. */
#define BATON_FEAT_XSAVE	(1ull << 0) /* guest XCR0 beyond x87 */
#define BATON_FEAT_X2APIC	(1ull << 1)
#define BATON_FEAT_TSC_DEADLINE (1ull << 2)
#define BATON_FEAT_PVCLOCK	(1ull << 3) /* KVM clock ABI */
#define BATON_FEAT_IRQFD	(1ull << 4) /* eventfd to MSI */
#define BATON_FEAT_IOEVENTFD	(1ull << 5) /* port write to eventfd */
#define BATON_FEAT_LARGE_PAGES	(1ull << 6) /* 2 MiB second-level mappings */
#define BATON_FEAT_EXTINT	(1ull << 7) /* BATON_SET_INTR, BATON_EXIT_INTA */
#define BATON_FEAT_DIRTY_LOG	(1ull << 8) /* BATON_SLOT_LOG_DIRTY */
#define BATON_FEAT_ACCESSED	(1ull << 9) /* BATON_GET_ACCESSED */
#define BATON_FEAT_RESAMPLEFD	(1ull << 10) /* BATON_SET_RESAMPLEFD */
#define BATON_FEAT_IOEVENTFD_MMIO (1ull << 11) /* memory write to eventfd */
#define BATON_FEAT_SLOT_MOVE	(1ull << 12) /* BATON_SET_SLOT at another gpa */
#define BATON_FEAT_TSC_SCALING	(1ull << 13) /* BATON_SET_TSC_KHZ takes any frequency */
#define BATON_FEAT_GUEST_DEBUG	(1ull << 14) /* BATON_SET_GUEST_DEBUG, BATON_EXIT_DEBUG */
#define BATON_FEAT_VM_STATS	(1ull << 15) /* BATON_GET_VM_STATS, and all of enum baton_stat */
#define BATON_FEAT_PV_EOI	(1ull << 16) /* KVM ABI: lazy EOI. CPUID offers it, too */
#define BATON_FEAT_PV_STEAL	(1ull << 17) /* … steal time, flush of preempted vCPUs' TLBs */
#define BATON_FEAT_PV_CALLS	(1ull << 18) /* … hypercalls: kick, IPIs, yield */
#define BATON_FEAT_HALT_POLL	(1ull << 19) /* BATON_VM_NO_HALT_POLL */
#define BATON_FEAT_TASK_SWITCH	(1ull << 20) /* BATON_EXIT_TASK_SWITCH, where VT-x is */
#define BATON_FEAT_ACCESS_WALK	(1ull << 21) /* BATON_ACCESS_WALK */
#define BATON_FEAT_APIC_ACCESS	(1ull << 22) /* BATON_APIC_ACCESS, BATON_ACCESS_APIC */
#define BATON_FEAT_ACCESS_EVENT	(1ull << 23) /* BATON_ACCESS_EVENT */

/* Limits. */
#define BATON_MAX_VCPUS		64u
#define BATON_MAX_SLOTS		512u
#define BATON_MAX_EVENTFDS	1024u /* irqfds and ioeventfds of one VM, each */
#define BATON_MAX_CPUID		256u
#define BATON_MAX_MSRS		256u
#define BATON_MAX_VMS_PER_UID	256u

enum baton_vendor {
	BATON_VENDOR_NONE = 0,
	BATON_VENDOR_INTEL = 1,
	BATON_VENDOR_AMD = 2,
};

/*
 * Why this host cannot run VMs under the module just now. Stable numbers:
 * `vmctl doctor` turns each into a sentence and a fix.
 */
enum baton_refusal {
	BATON_REFUSED_NOT = 0,
	BATON_REFUSED_NO_VIRT = 1,	/* CPU has neither VT-x nor AMD-V */
	BATON_REFUSED_FIRMWARE = 2,	/* FEAT_CTL lock or VM_CR.SVMDIS */
	BATON_REFUSED_NO_NESTED_PAGING = 3, /* no EPT or no NPT */
	BATON_REFUSED_NO_UNRESTRICTED = 4, /* EPT without unrestricted guest */
	BATON_REFUSED_CPU_FEATURE = 5,	/* another needed control is missing */
	BATON_REFUSED_OWNER = 6,	/* VMX or SVM belongs to another hypervisor */
	BATON_REFUSED_FRED = 7,		/* FRED event delivery is on */
	BATON_REFUSED_PT = 8,		/* Intel PT traces and cannot go on in VMX */
	BATON_REFUSED_SUSPENDED = 9,	/* host is going to sleep or rebooting */
};

#endif
