/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The calls of /dev/baton. Three kinds of descriptor: system (open of the
 * device), VM, vCPU; each call belongs to one kind and has one argument
 * struct. ABI.md documents every call: context, in, out, errors.
 *
 * Numbers are grouped by descriptor and lock: 0x00 system, no lock; 0x20 VM
 * lock; 0x38 VM, no lock; 0x40 vCPU lock; 0x60 vCPU, no lock (any thread).
 * Reserved fields and unknown flags must be zero (EINVAL). Only the process
 * that created the VM may use its descriptors (EPERM).
 */
#ifndef BATON_IOCTL_H
#define BATON_IOCTL_H

#include "baton_feat.h"
#include "baton_run.h"
#include "baton_types.h"
#include "baton_vcpu_state.h"
#include "baton_version.h"

#ifdef __KERNEL__
#include <linux/ioctl.h>
#else
#include <sys/ioctl.h>
#endif

#define BATON_DEVICE "/dev/baton"
#define BATON_IOCTL_MAGIC 0xBA

struct baton_info {
	uint32_t abi_major, abi_minor;
	uint64_t features;	/* BATON_FEAT_* */
	uint32_t vendor;	/* enum baton_vendor */
	uint32_t refusal;	/* enum baton_refusal, as of this call */
	uint32_t run_size;	/* bytes to map of a vCPU descriptor */
	uint32_t max_vcpus;
	uint32_t max_slots;
	uint32_t phys_bits;	/* guest-physical address width offered */
	uint32_t tsc_khz;
	uint32_t vm_count;	/* VMs alive on this host */
	uint64_t xcr0_mask;	/* XCR0 bits a guest may set */
	uint64_t reserved[9];
};

#define BATON_VM_NO_HALT_POLL	(1u << 0) /* HLT sleeps at once, see ABI.md */
struct baton_create_vm {
	uint32_t flags;		/* BATON_VM_* */
	uint32_t reserved[7];
};

struct baton_create_vcpu {
	uint32_t id;		/* 0 .. max_vcpus-1: APIC id */
	uint32_t flags;		/* none yet */
	uint32_t reserved[6];
};

#define BATON_SLOT_READONLY	(1u << 0)
#define BATON_SLOT_LOG_DIRTY	(1u << 1) /* note which pages the guest writes */
#define BATON_SLOT_FLAGS	(BATON_SLOT_READONLY | BATON_SLOT_LOG_DIRTY)
/*
 * size 0 removes the slot. A slot that exists can only be removed, or be set once
 * more with LOG_DIRTY on or off, or at another gpa.
 */
struct baton_slot {
	uint32_t id;		/* 0 .. max_slots-1 */
	uint32_t flags;		/* BATON_SLOT_* */
	uint64_t gpa;		/* page-aligned */
	uint64_t size;		/* bytes, page-aligned */
	uint64_t hva;		/* page-aligned, in the caller's mm */
};

struct baton_msi {
	uint64_t address;
	uint32_t data;
	uint32_t reserved;
};

#define BATON_EVENTFD_OFF	(1u << 0) /* take the binding away */
/* A signal of fd sends the message. */
struct baton_irqfd {
	int32_t fd;
	uint32_t flags;		/* BATON_EVENTFD_OFF */
	struct baton_msi msi;
};

/* EOI of the vector that irqfd `fd` sends as level-triggered signals resample_fd. */
struct baton_resamplefd {
	int32_t fd;
	int32_t resample_fd;
	uint32_t flags;		/* BATON_EVENTFD_OFF */
	uint32_t reserved;
};

#define BATON_IOEVENTFD_PIO	(1u << 1) /* address is a port, else a gpa */
#define BATON_IOEVENTFD_MATCH	(1u << 2) /* only writes of `match` */
struct baton_ioeventfd {
	uint64_t address;
	uint64_t match;
	int32_t fd;
	uint32_t size;		/* 1, 2, 4, 8 (not a port's); 0: any size (no match) */
	uint32_t flags;
	uint32_t reserved;
};

/*
 * Of GET_DIRTY_LOG, CLEAR_DIRTY_LOG and GET_ACCESSED.
 * bitmap: user address of uint64_t[(count + 63) / 64], 8-byte aligned; bit n % 64 of
 * word n / 64 stands for page first + n of the slot.
 */
struct baton_dirty_log {
	uint32_t slot;
	uint32_t reserved;
	uint64_t first;		/* page; a multiple of 64 */
	uint64_t count;		/* pages; a multiple of 64, or up to the slot's end */
	uint64_t bitmap;
};

/* How fast the VM's TSCs run. */
struct baton_tsc_khz {
	uint32_t khz;
	uint32_t reserved;
};

/* Guest time of the paravirtual clock: ns since the VM was made, or as set. */
struct baton_clock {
	uint64_t guest_ns;
	uint64_t flags;		/* SET: BATON_CLOCK_* */
};
/* Nothing is set: the vCPUs have stood still, and the guest is to know; guest_ns is 0. */
#define BATON_CLOCK_STOPPED	1u

/* entries: user address of struct baton_cpuid_entry[count]. */
struct baton_cpuid {
	uint32_t count;		/* in: room; out: filled (GET) */
	uint32_t reserved;
	uint64_t entries;
};

/* entries: user address of struct baton_msr[count]. */
struct baton_msrs {
	uint32_t count;
	uint32_t done;		/* out: entries dealt with before an error */
	uint64_t entries;
};

/* The INTR output of a pair of 8259s, wired to LINT0 of the local APIC. */
struct baton_intr {
	uint32_t level;		/* 0 or 1 */
	uint32_t reserved;
};

#define BATON_APIC_WRITE	(1u << 0)

/* What the guest's access to a register in the local APIC's page does. */
struct baton_apic_access {
	uint32_t offset;	/* in the page: a multiple of 4 below 4096 */
	uint32_t flags;		/* BATON_APIC_WRITE, or 0: read */
	uint32_t value;		/* to write; or out: what was read */
	uint32_t reserved;
};

#define BATON_DEBUG_ENABLE	(1u << 0) /* without it all others must be 0 */
#define BATON_DEBUG_STEP	(1u << 1) /* one instruction, then BATON_EXIT_DEBUG */
#define BATON_DEBUG_SW_BREAK	(1u << 2) /* INT3 of the guest: BATON_EXIT_DEBUG */
#define BATON_DEBUG_HW_BREAK	(1u << 3) /* dr and dr7 count, those of the guest do not */
#define BATON_DEBUG_FLAGS	0xfu
struct baton_guest_debug {
	uint32_t flags;		/* BATON_DEBUG_* */
	uint32_t reserved;
	uint64_t dr[4];		/* with HW_BREAK: as in the registers */
	uint64_t dr7;
	uint64_t reserved1;
};

/* Of a vCPU. Their names, and what is no count: baton_stats.h. */
enum baton_stat {
	BATON_STAT_EXITS,	/* all of BATON_STAT_EXIT_*, each of which is in one only */
	BATON_STAT_EXIT_INTR,
	BATON_STAT_EXIT_NMI,
	BATON_STAT_EXIT_PIO,
	BATON_STAT_EXIT_FAULT,	/* second-level faults, also those for MMIO */
	BATON_STAT_EXIT_CPUID,
	BATON_STAT_EXIT_MSR,
	BATON_STAT_EXIT_HLT,
	BATON_STAT_EXIT_CR,
	BATON_STAT_EXIT_WINDOW,
	BATON_STAT_EXIT_OTHER,	/* none of these reasons */
	BATON_STAT_TO_MONITOR,	/* returns of BATON_RUN */
	BATON_STAT_WINDOWS,	/* sections in hypervisor mode */
	BATON_STAT_IRQ_INJECTED,
	BATON_STAT_TLB_FLUSHES,
	/* since 1.3 */
	BATON_STAT_EXIT_HYPERCALL,
	BATON_STAT_APIC_PAGE,	/* accesses to the local APIC's page; EXIT_FAULT too */
	BATON_STAT_EMULATE,	/* instructions left to the monitor */
	BATON_STAT_IOEVENTFD,	/* OUTs that signalled an eventfd; EXIT_PIO too */
	BATON_STAT_EOI,		/* those that the monitor was told of */
	BATON_STAT_INTA,
	BATON_STAT_IPIS,	/* sent by ICR */
	BATON_STAT_FAULTS,	/* faults that looked for a page of the host */
	BATON_STAT_GUEST_NS,	/* time in the guest, and in exits that it goes on from at once */
	BATON_STAT_HALTED_NS,	/* time blocked: HLT, or waiting for a start-up IPI */
	BATON_STAT_READY_NS,	/* time for which its thread waited for a CPU */
	BATON_STAT_HALTED,	/* 1: blocked now */
	BATON_STAT_COUNT
};
struct baton_stats {
	uint64_t value[32];	/* by enum baton_stat, rest 0 */
};

/* Of a VM, since 1.3. */
enum baton_vm_stat {
	BATON_VM_STAT_PAGES_4K,	/* mapped now */
	BATON_VM_STAT_PAGES_2M,
	BATON_VM_STAT_TABLES,	/* pages of second-level tables now */
	BATON_VM_STAT_INVALIDATIONS, /* by the host, and changes of slots */
	BATON_VM_STAT_FLUSHES,	/* of all its vCPUs' TLBs */
	BATON_VM_STAT_IRQFDS,	/* messages sent by irqfds */
	BATON_VM_STAT_MSIS,	/* and by BATON_SEND_MSI */
	BATON_VM_STAT_COUNT
};
struct baton_vm_stats {
	uint64_t sum[32];	/* by enum baton_stat, over the vCPUs */
	uint64_t value[32];	/* by enum baton_vm_stat, rest 0 */
};

#define BATON_IO(nr)		_IO(BATON_IOCTL_MAGIC, nr)
#define BATON_IOR(nr, t)	_IOR(BATON_IOCTL_MAGIC, nr, t)
#define BATON_IOW(nr, t)	_IOW(BATON_IOCTL_MAGIC, nr, t)
#define BATON_IOWR(nr, t)	_IOWR(BATON_IOCTL_MAGIC, nr, t)

/* system */
#define BATON_GET_INFO		BATON_IOR(0x00, struct baton_info)
#define BATON_CREATE_VM		BATON_IOW(0x01, struct baton_create_vm)
#define BATON_GET_CPUID		BATON_IOWR(0x02, struct baton_cpuid)
#define BATON_GET_MSR_LIST	BATON_IOWR(0x03, struct baton_msrs)

/* VM, under the VM lock */
#define BATON_CREATE_VCPU	BATON_IOW(0x20, struct baton_create_vcpu)
#define BATON_SET_SLOT		BATON_IOW(0x21, struct baton_slot)
#define BATON_SET_IRQFD		BATON_IOW(0x22, struct baton_irqfd)
#define BATON_SET_IOEVENTFD	BATON_IOW(0x23, struct baton_ioeventfd)
#define BATON_GET_CLOCK		BATON_IOR(0x24, struct baton_clock)
#define BATON_SET_CLOCK		BATON_IOW(0x25, struct baton_clock)
#define BATON_GET_DIRTY_LOG	BATON_IOW(0x26, struct baton_dirty_log)
#define BATON_CLEAR_DIRTY_LOG	BATON_IOW(0x27, struct baton_dirty_log)
#define BATON_GET_ACCESSED	BATON_IOW(0x28, struct baton_dirty_log)
#define BATON_SET_RESAMPLEFD	BATON_IOW(0x29, struct baton_resamplefd)
#define BATON_SET_TSC_KHZ	BATON_IOW(0x2a, struct baton_tsc_khz)
/* VM, no lock */
#define BATON_SEND_MSI		BATON_IOW(0x38, struct baton_msi)
#define BATON_GET_VM_STATS	BATON_IOR(0x39, struct baton_vm_stats)

/* vCPU, under the vCPU lock: EBUSY while another thread holds it */
#define BATON_RUN		BATON_IO(0x40)
#define BATON_GET_REGS		BATON_IOR(0x41, struct baton_regs)
#define BATON_SET_REGS		BATON_IOW(0x42, struct baton_regs)
#define BATON_GET_SREGS		BATON_IOR(0x43, struct baton_sregs)
#define BATON_SET_SREGS		BATON_IOW(0x44, struct baton_sregs)
#define BATON_GET_DEBUGREGS	BATON_IOR(0x45, struct baton_debugregs)
#define BATON_SET_DEBUGREGS	BATON_IOW(0x46, struct baton_debugregs)
#define BATON_GET_EVENTS	BATON_IOR(0x47, struct baton_events)
#define BATON_SET_EVENTS	BATON_IOW(0x48, struct baton_events)
#define BATON_GET_XSAVE		BATON_IOR(0x49, struct baton_xsave)
#define BATON_SET_XSAVE		BATON_IOW(0x4a, struct baton_xsave)
#define BATON_GET_LAPIC		BATON_IOR(0x4b, struct baton_lapic_state)
#define BATON_SET_LAPIC		BATON_IOW(0x4c, struct baton_lapic_state)
#define BATON_GET_MSRS		BATON_IOWR(0x4d, struct baton_msrs)
#define BATON_SET_MSRS		BATON_IOWR(0x4e, struct baton_msrs)
#define BATON_SET_CPUID		BATON_IOW(0x4f, struct baton_cpuid)
#define BATON_SET_GUEST_DEBUG	BATON_IOW(0x50, struct baton_guest_debug)
#define BATON_APIC_ACCESS	BATON_IOWR(0x51, struct baton_apic_access)
/* vCPU, no lock: any thread of the VM's process */
#define BATON_KICK		BATON_IO(0x60)
#define BATON_NMI		BATON_IO(0x61)
#define BATON_GET_STATS		BATON_IOR(0x62, struct baton_stats)
#define BATON_SET_INTR		BATON_IOW(0x63, struct baton_intr)

static_assert(sizeof(struct baton_info) == 128, "baton_info");
static_assert(sizeof(struct baton_create_vm) == 32, "baton_create_vm");
static_assert(sizeof(struct baton_create_vcpu) == 32, "baton_create_vcpu");
static_assert(sizeof(struct baton_slot) == 32, "baton_slot");
static_assert(sizeof(struct baton_msi) == 16, "baton_msi");
static_assert(sizeof(struct baton_irqfd) == 24, "baton_irqfd");
static_assert(sizeof(struct baton_resamplefd) == 16, "baton_resamplefd");
static_assert(sizeof(struct baton_ioeventfd) == 32, "baton_ioeventfd");
static_assert(sizeof(struct baton_dirty_log) == 32, "baton_dirty_log");
static_assert(sizeof(struct baton_tsc_khz) == 8, "baton_tsc_khz");
static_assert(sizeof(struct baton_clock) == 16, "baton_clock");
static_assert(sizeof(struct baton_cpuid) == 16, "baton_cpuid");
static_assert(sizeof(struct baton_msrs) == 16, "baton_msrs");
static_assert(sizeof(struct baton_intr) == 8, "baton_intr");
static_assert(sizeof(struct baton_apic_access) == 16, "baton_apic_access");
static_assert(sizeof(struct baton_guest_debug) == 56, "baton_guest_debug");
static_assert(sizeof(struct baton_stats) == 256, "baton_stats");
static_assert(BATON_STAT_COUNT <= 32, "baton_stats.value");
static_assert(sizeof(struct baton_vm_stats) == 512, "baton_vm_stats");
static_assert(BATON_VM_STAT_COUNT <= 32, "baton_vm_stats.value");

#endif
