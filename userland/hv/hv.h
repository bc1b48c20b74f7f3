/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine interface: what the monitor asks of a hypervisor in the kernel.
 * Two implementations with the same semantics: hv_baton.c (our module) and
 * hv_kvm.c (/dev/kvm). Nothing outside this folder calls ioctl() on either.
 *
 * Interrupt controllers are split: the local APICs are the engine's, IOAPIC
 * and everything else the monitor's. Interrupts go in as MSI messages, those of
 * an 8259 by its INTR line (ExtINT).
 *
 * All functions return 0 or a negative errno unless said otherwise. A vCPU
 * belongs to the thread that runs it; hv_vcpu_kick(), hv_vcpu_nmi(),
 * hv_vcpu_set_intr(), hv_vcpu_get_stats() and the hv_vm_*() calls may come from any thread.
 */
#ifndef BATON_HV_H
#define BATON_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baton_feat.h"
#include "baton_run.h"
#include "baton_vcpu_state.h"

enum hv_engine { HV_ENGINE_AUTO, HV_ENGINE_BATON, HV_ENGINE_KVM };

struct hv;	/* an open engine */
struct hv_vm;	/* one VM; not more than one per hv */
struct hv_vcpu;

struct hv_info {
	enum hv_engine engine;	/* never AUTO */
	const char *name;	/* "baton", "kvm" */
	uint32_t max_vcpus, max_slots;
	uint32_t phys_bits;	/* width of guest-physical addresses */
	uint32_t tsc_khz;	/* 0: not known */
	bool irqfd, ioeventfd, ioeventfd_mmio, extint;
	bool resamplefd;
	bool dirty_log;		/* hv_slot.log_dirty */
	bool all_stats;		/* engine baton: not only the counters of ABI 1.0 */
	bool accessed;		/* hv_vm_get_accessed() */
	bool guest_debug;	/* hv_vcpu_set_debug() */
};

/* Why an engine could not be opened: enough for a message with cause and fix. */
struct hv_failure {
	enum hv_engine engine;
	int error;		/* negative errno of the step that failed */
	const char *step;	/* "open", "version", "create" */
	enum baton_refusal refusal; /* engine baton, when the module refuses */
};

/*
 * Opens the engine. AUTO takes baton if it is there and willing, else kvm; on
 * failure why[0] tells about baton, why[1] about kvm (step NULL: not tried).
 */
int hv_open(enum hv_engine engine, struct hv **ret_hv, struct hv_failure why[2]);
void hv_close(struct hv *hv);	/* NULL is fine */
const struct hv_info *hv_get_info(const struct hv *hv);

/* CPUID leaves that the engine can offer. *count: in room, out filled; E2BIG. */
int hv_supported_cpuid(struct hv *hv, struct baton_cpuid_entry *entries,
		       uint32_t *count);

/* The VM that comes: may a vCPU that halts stay awake for a moment? Yes, if not said. */
void hv_set_halt_poll(struct hv *hv, bool on);
int hv_vm_create(struct hv *hv, struct hv_vm **ret_vm);
void hv_vm_destroy(struct hv_vm *vm); /* after all its vCPUs; NULL is fine */

struct hv_slot {
	uint32_t id;
	bool readonly;
	bool log_dirty;		/* note which pages the guest writes */
	uint64_t gpa, size;	/* page-aligned; size 0 removes the slot */
	void *hva;
};
/* A slot that is there: only to remove it, or with nothing but log_dirty or gpa changed. */
int hv_vm_set_slot(struct hv_vm *vm, const struct hv_slot *slot);

/*
 * The log of a slot's pages [first, first + count): first is a multiple of 64, count
 * too unless it reaches to the slot's end. bitmap has a word for each 64 pages, the
 * lowest bit is the first page's. What the guest and the engine write is noted, what
 * the monitor writes is not; a log begins empty when it is switched on.
 *
 * get reads it. clear clears the bits that are set in bitmap, and sees to it that the
 * next write sets them again. What is written before clear returns is in memory then:
 * so get, clear, copy the pages, and no write is lost. A bit may be set with no write
 * behind it.
 *
 * -EINVAL: range; -ENOENT: no such slot, or without a log; -EOPNOTSUPP: the engine has
 * no logs (hv_info).
 */
int hv_vm_get_dirty(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		    uint64_t *bitmap);
int hv_vm_clear_dirty(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		      const uint64_t *bitmap);

/*
 * Pages that the guest has used since this was asked for last: range and bitmap as of
 * hv_vm_get_dirty(), of any slot. An estimate (shared/ABI.md, BATON_GET_ACCESSED).
 * -EOPNOTSUPP: hv_info.
 */
int hv_vm_get_accessed(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		       uint64_t *bitmap);

/* Sends an MSI: address 0xfee..... as a device would write it. */
int hv_vm_send_msi(struct hv_vm *vm, uint64_t address, uint32_t data);

/* Each signal of eventfd `fd` sends the message; on = false takes it away. */
int hv_vm_irqfd(struct hv_vm *vm, int fd, uint64_t address, uint32_t data, bool on);

/*
 * Of a binding that sends a level-triggered message: the EOI of its vector signals
 * resample_fd, and is no HV_EXIT_EOI. -EOPNOTSUPP (hv_info): engine kvm.
 */
int hv_vm_resamplefd(struct hv_vm *vm, int fd, int resample_fd, bool on);

/* A write of `size` (1, 2, 4) bytes to the port signals fd, with no exit. */
int hv_vm_ioeventfd(struct hv_vm *vm, int fd, uint16_t port, uint32_t size, bool on);
/* The same of memory at gpa, where no slot is (hv_info); size also 8, or 0 for any. */
int hv_vm_ioeventfd_mmio(struct hv_vm *vm, int fd, uint64_t gpa, uint32_t size, bool on);

/*
 * Tells the engine which message an IOAPIC pin sends, so that it can report
 * the EOI of a level-triggered one as HV_EXIT_EOI. level = false: forget it.
 */
int hv_vm_set_ioapic_route(struct hv_vm *vm, unsigned int pin, uint64_t address,
			   uint32_t data, bool level);

/* Guest time of the paravirtual clock in ns. */
int hv_vm_get_clock(struct hv_vm *vm, uint64_t *ret_ns);
int hv_vm_set_clock(struct hv_vm *vm, uint64_t ns);
/*
 * All vCPUs have stood still, and are about to go on: the paravirtual clock tells the guest,
 * so that its watchdogs do not take them for hung. Its time has gone on, as the host's. One
 * call for each vCPU, while none runs.
 */
int hv_vcpu_note_stopped(struct hv_vcpu *vcpu);
/*
 * How fast the TSCs of the VM run, before its first vCPU: for a guest that has run on
 * another host. EOPNOTSUPP: this processor cannot, and it is not the host's own speed.
 */
int hv_vm_set_tsc_khz(struct hv_vm *vm, uint32_t khz);

int hv_vcpu_create(struct hv_vm *vm, uint32_t id, struct hv_vcpu **ret_vcpu);
void hv_vcpu_destroy(struct hv_vcpu *vcpu); /* NULL is fine */
int hv_vcpu_set_cpuid(struct hv_vcpu *vcpu, const struct baton_cpuid_entry *entries,
		      uint32_t count);

enum hv_exit_kind {
	HV_EXIT_NONE,		/* kicked, or a signal came */
	HV_EXIT_PIO,		/* one item; for IN fill in *data */
	HV_EXIT_MMIO,		/* decoded by the engine; for reads fill in *data */
	HV_EXIT_EMULATE,	/* instruction to be emulated: registers are current */
	HV_EXIT_EOI,
	HV_EXIT_SHUTDOWN,	/* triple fault */
	HV_EXIT_FAILED,		/* the VM cannot go on: see fail */
	HV_EXIT_MEMORY,		/* the host could not supply a page of guest RAM */
	HV_EXIT_INTA,		/* the 8259's vector is wanted: fill in *vector */
	HV_EXIT_DEBUG,		/* what hv_vcpu_set_debug() asked for */
	HV_EXIT_TASK_SWITCH,	/* to be emulated: registers are current */
};

/* A #DB with its causes as DR6 names them (BS: the step), or INT3, with RIP on it. */
struct hv_exit_debug {
	uint32_t exception;	/* 1 or 3 */
	uint64_t dr6;
};

struct hv_exit {
	enum hv_exit_kind kind;
	union {
		struct { uint16_t port; uint8_t size; bool in; uint32_t *data; } pio;
		struct { uint64_t gpa; uint8_t size; bool write; uint64_t *data; } mmio;
		const struct baton_exit_emulate *emulate; /* until the next run */
		const struct baton_exit_task *task;	  /* the same */
		struct { uint32_t vector; } eoi;
		struct { uint64_t reason; uint64_t info[3]; const char *what; } fail;
		struct baton_exit_memory memory;
		struct { int32_t *vector; } inta; /* 0-255; -1 as it comes: none */
		struct hv_exit_debug debug;
	};
};

/*
 * Runs the guest until something needs the monitor. The answer to an IN, an
 * MMIO read or an INTA goes through the pointer in *exit and takes effect at the next
 * call. Returns 0 with *exit filled, or a negative errno (VM is lost).
 */
int hv_vcpu_run(struct hv_vcpu *vcpu, struct hv_exit *exit);
/* Makes the current or the next hv_vcpu_run() return with HV_EXIT_NONE. Never lost. */
void hv_vcpu_kick(struct hv_vcpu *vcpu);
int hv_vcpu_nmi(struct hv_vcpu *vcpu);
/*
 * Counters, by enum baton_stat and enum baton_vm_stat; baton_stats.h has their names. Not
 * a snapshot: the guest runs on. -EOPNOTSUPP: the engine has none.
 */
struct hv_stats {
	uint64_t known;		/* bits of those that there are */
	uint64_t value[32];
};
int hv_vcpu_get_stats(struct hv_vcpu *vcpu, struct hv_stats *ret_stats); /* any thread */
int hv_vm_get_stats(struct hv_vm *vm, struct hv_stats *ret_stats);
/*
 * The 8259's INTR output, wired to LINT0 of this vCPU's local APIC. It is a level.
 * While it is up and the guest can take it, hv_vcpu_run() returns HV_EXIT_INTA; a
 * vCPU in HLT wakes up for that. LINT0 must let it through: the board sets it to
 * ExtINT (0x700) with hv_vcpu_set_lapic(), also of an APIC that is disabled by
 * software, because firmware wants its timer before it enables the APIC.
 */
int hv_vcpu_set_intr(struct hv_vcpu *vcpu, bool level);

/*
 * What ends hv_vcpu_run() with HV_EXIT_DEBUG. All zero: nothing. While the vCPU does not
 * run. A step is one instruction, whoever does it, or the way to the handler of a fault;
 * interrupts wait, if the engine can make them. Where a processor steps by RFLAGS.TF, the
 * guest sees that in what PUSHF and its like store. -EOPNOTSUPP.
 */
struct hv_debug {
	bool step;
	bool sw_break;		/* INT3 */
	bool hw_break;		/* dr and dr7 instead of the guest's */
	uint64_t dr[4], dr7;
};
int hv_vcpu_set_debug(struct hv_vcpu *vcpu, const struct hv_debug *debug);

/*
 * For the thread that handles an HV_EXIT_EMULATE or _TASK_SWITCH: registers of the instruction,
 * without a system call where the engine has them at hand. Changes made through
 * the pointers count after hv_vcpu_commit() with the classes that changed.
 */
struct baton_regs *hv_vcpu_regs(struct hv_vcpu *vcpu);
struct baton_sregs *hv_vcpu_sregs(struct hv_vcpu *vcpu);
/*
 * With BATON_ACCESS_LONG64 in the exit the engine may have left SREGS out: what is
 * there has a meaning only after this. 0, also if they were there; negative errno.
 */
int hv_vcpu_need_sregs(struct hv_vcpu *vcpu);
/*
 * After an HV_EXIT_EMULATE with BATON_ACCESS_APIC: an access of 32 bits to the local APIC's
 * page, as the guest's. offset: a multiple of 4 below 4096; *value is written, or what was
 * read. -EOPNOTSUPP: engine kvm, which has no such exits.
 */
int hv_vcpu_apic_access(struct hv_vcpu *vcpu, uint32_t offset, bool write, uint32_t *value);
void hv_vcpu_commit(struct hv_vcpu *vcpu, uint32_t classes);

/*
 * Whole state, while the vCPU does not run. With an exception of INT3 or INTO in the events
 * RIP is what the handler is to return to, past the instruction; set it first.
 */
int hv_vcpu_get_regs(struct hv_vcpu *vcpu, struct baton_regs *regs);
int hv_vcpu_set_regs(struct hv_vcpu *vcpu, const struct baton_regs *regs);
int hv_vcpu_get_sregs(struct hv_vcpu *vcpu, struct baton_sregs *sregs);
int hv_vcpu_set_sregs(struct hv_vcpu *vcpu, const struct baton_sregs *sregs);
int hv_vcpu_get_debugregs(struct hv_vcpu *vcpu, struct baton_debugregs *regs);
int hv_vcpu_set_debugregs(struct hv_vcpu *vcpu, const struct baton_debugregs *regs);
int hv_vcpu_get_events(struct hv_vcpu *vcpu, struct baton_events *events);
int hv_vcpu_set_events(struct hv_vcpu *vcpu, const struct baton_events *events);
int hv_vcpu_get_xsave(struct hv_vcpu *vcpu, struct baton_xsave *xsave);
int hv_vcpu_set_xsave(struct hv_vcpu *vcpu, const struct baton_xsave *xsave);
int hv_vcpu_get_lapic(struct hv_vcpu *vcpu, struct baton_lapic_state *lapic);
int hv_vcpu_set_lapic(struct hv_vcpu *vcpu, const struct baton_lapic_state *lapic);
/* Number of MSRs dealt with, or a negative errno if the first one failed. */
int hv_vcpu_get_msrs(struct hv_vcpu *vcpu, struct baton_msr *msrs, uint32_t count);
int hv_vcpu_set_msrs(struct hv_vcpu *vcpu, const struct baton_msr *msrs, uint32_t count);

#endif
