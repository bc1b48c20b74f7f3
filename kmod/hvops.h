/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the core and a vendor backend (vmx/, svm/). The core
 * never asks which backend it has; backends never include each other.
 *
 * "Window": preemption and interrupts are off from before run() is called
 * until after it returns; hypervisor mode is entered and left inside. Code
 * in a window neither sleeps nor takes a lock that is not raw, does not use the
 * FPU (fpu.c), and touches user memory only with page faults off (fetch.c, pv.c,
 * baton_load_pdptes()).
 */
#ifndef BATON_HVOPS_H
#define BATON_HVOPS_H

#include <linux/static_call_types.h>

#include "baton_ioctl.h"

struct baton_vcpu;
struct baton_vm;
struct baton_pte_format;

/* What comes after an exit. Only BATON_ENTER stays in the window. */
enum baton_next {
	BATON_ENTER,	/* handled: enter again if baton_may_stay() */
	BATON_LEAVE,	/* close the window, look at requests, come back */
	BATON_FAULT,	/* second-level fault described in vcpu->fault */
	BATON_TO_USER,	/* run page is filled in: return to the monitor */
};

/* Internal state classes for vcpu->valid, ->dirty and the state ops. */
#define BATON_ST_REGS	BATON_CLASS_REGS	/* vcpu->regs: gpr, rip, rflags */
#define BATON_ST_SREGS	BATON_CLASS_SREGS	/* vcpu->sregs, cr8 excepted */
#define BATON_ST_DEBUG	(1u << 2)		/* vcpu->dbg */
#define BATON_ST_MSRS	(1u << 3)		/* vcpu->msr */
#define BATON_ST_CPUID	(1u << 4)		/* guest CPUID: intercepts depend on it */
#define BATON_ST_TSC	(1u << 5)		/* vcpu->tsc_offset */
#define BATON_ST_EVENTS	(1u << 6)		/* shadow, NMI blocking, reinjection */
#define BATON_ST_ALL	0x7fu
#define BATON_ST_TLB	(1u << 7)		/* dirty only: guest-linear mappings are stale */
#define BATON_ST_MODE	(1u << 8)	/* in save only: run->emulate.mode, or SREGS */

/* What a processor does with second-level page tables besides walking them. */
#define BATON_MEMORY_ACCESSED	(1u << 0) /* sets accessed and dirty bits */
#define BATON_MEMORY_LOGS	(1u << 1) /* … and calls baton_dirty_note() for the latter */

struct baton_hvops {
	enum baton_vendor vendor;
	size_t vcpu_size;		/* of the struct that begins with baton_vcpu */
	const struct baton_pte_format *pte;

	/*
	 * Process context, may sleep. probe(): does this CPU have all we need;
	 * called once at module load, also when it says no the module stays
	 * loaded, so that the reason can be asked for. setup(): per-CPU pages;
	 * after a good probe. refusal(): as of now (owner, firmware, sleep).
	 */
	enum baton_refusal (*probe)(void);
	int (*setup)(void);
	void (*teardown)(void);
	enum baton_refusal (*refusal)(void);

	/*
	 * On each online CPU, interrupts off, from the first VM to the last one;
	 * both NULL where hypervisor mode is transient (VT-x).
	 * cpu_on: 0 or -EBUSY (someone else's).
	 */
	int (*cpu_on)(void);
	void (*cpu_off)(void);

	/* Process context, VM lock held, may sleep. fini accepts half-built objects. */
	int (*vm_init)(struct baton_vm *vm);
	void (*vm_fini)(struct baton_vm *vm);
	int (*vcpu_init)(struct baton_vcpu *vcpu);
	void (*vcpu_fini)(struct baton_vcpu *vcpu);

	/*
	 * One window, interrupts and preemption off. Loads dirty classes (and
	 * clears the bits), enters the guest and handles exits until one of them
	 * says leave or !baton_may_stay(). On return vcpu->regs is current
	 * (BATON_ST_REGS in valid), other classes only if in vcpu->save.
	 */
	enum baton_next (*run)(struct baton_vcpu *vcpu);

	/*
	 * vCPU lock held, vCPU not running, may disable interrupts itself: brings
	 * classes that are not in vcpu->valid from the control block to the cache.
	 */
	int (*state_fetch)(struct baton_vcpu *vcpu, u32 classes);
};

extern const struct baton_hvops baton_vmx_ops;
extern const struct baton_hvops baton_svm_ops;
/*
 * Bits after the binary point of the factor by which the processor scales a guest's
 * TSC; 0: it does not. Set by setup().
 */
extern u8 baton_tsc_frac;
extern u32 baton_memory; /* BATON_MEMORY_*; set by setup() */
extern bool baton_deadlines; /* run() ends the guest by itself at apic.tsc_deadline; the same */
/* The one in use; NULL when the CPU has neither. Set once at module load. */
extern const struct baton_hvops *baton_hv;
/* Its run(), as a direct call: an indirect one costs a retpoline. run.c. */
DECLARE_STATIC_CALL(baton_hv_run, *baton_hv->run);

#endif
