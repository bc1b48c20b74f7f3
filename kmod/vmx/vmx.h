/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private state of the VT-x backend and what its files need of each other.
 *
 * How a run goes, by file:
 *
 *	vmx_vcpu.c	run: the order of everything below
 *	vmx_window.c	VMX operation on (or borrowed), our VMCS current; and back
 *	vmx_host.c	host's fields of the VMCS, host state that exits lose,
 *			what side channels ask for
 *	vmx_msr.c	MSRs that the guest shares with the host
 *	vmx_state.c	dirty classes to the VMCS, saved classes to the cache
 *	vmx_event.c	what to inject
 *	vmx_vpid.c	TLB
 *	vmx_pml.c	pages that the processor saw become dirty
 *	vmx_entry.S	the switch
 *	vmx_exit.c	what to do about the exit; vmx_cr.c: CR and DR accesses, #DB
 *
 * All of it runs in the window: preemption and interrupts off.
 */
#ifndef BATON_VMX_H
#define BATON_VMX_H

#include <linux/gfp.h>
#include <linux/percpu.h>
#include <asm/desc.h>
#include <asm/msr-index.h>

#include "../compat.h"
#include "../debug.h"
#include "../vcpu.h"
#include "../window.h"
#include "vmcs.h"
#include "vmx_defs.h"

/* What this processor can do and what we make of it. Set at module load. */
struct vmx_caps {
	u32 revision;
	u32 pin, cpu, cpu2, exit, entry; /* control words, before per-guest bits */
	u32 cpu2_optional;	/* bits that may follow the guest's CPUID */
	u64 cr0_fixed0, cr4_fixed0;
	u64 eptp_bits;		/* memory type, walk length */
	u32 timer;		/* preemption timer's start value */
	u8 timer_shift;		/* … in TSC ticks, right shift */
	bool perf_global;	/* there are counters to stop in the guest */
	bool pebs;
	bool pt_check;		/* Intel PT cannot go on in VMX operation */
	bool l1d_flush;
};
extern struct vmx_caps vmx_caps;

/* An owner who comes sets CR4.VMXE first, and may lose the CPU to us before VMXON. */
#define VMX_BUSY_MS	250

/* VMX operation on one CPU. Only that CPU touches it, interrupts off. */
enum vmx_owner {
	VMX_OWNER_NONE,		/* outside of a window */
	VMX_OWNER_US,		/* transient: we did VMXON */
	VMX_OWNER_OTHER,	/* borrowed from KVM or its like */
};

struct vmx_cpu {
	u32 *vmxon;		/* set once at module load */
	u64 vmxon_pa;
	enum vmx_owner owner;
	u64 prev;		/* owner's VMCS, or all ones; if borrowed */
	u64 stamp;		/* vmx_thread_stamp() as the last borrowed window ended */
	bool beside_guests;	/* an owner's VMCS was seen here once */
	unsigned long cr4;	/* to write back; if ours */
	struct vmx_vcpu *vcpu;	/* in its window, or NULL */
	const char *failed;	/* VMX instruction that failed in this window */
	unsigned long failed_operand;
};
DECLARE_PER_CPU(struct vmx_cpu, vmx_cpu);

/* Argument of the entry code, which knows the offsets by VMX_SW_*. */
struct vmx_switch {
	u64 host_rsp;		/* what the VMCS holds */
	u64 guest_spec_ctrl;
	u64 host_spec_ctrl;
	u32 flags;		/* BIT(VMX_SW_*_BIT) */
};
static_assert(offsetof(struct vmx_switch, host_rsp) == VMX_SW_HOST_RSP);
static_assert(offsetof(struct vmx_switch, guest_spec_ctrl) == VMX_SW_GUEST_SPEC_CTRL);
static_assert(offsetof(struct vmx_switch, host_spec_ctrl) == VMX_SW_HOST_SPEC_CTRL);
static_assert(offsetof(struct vmx_switch, flags) == VMX_SW_FLAGS);
static_assert(offsetof(struct baton_vcpu, regs) == 0);

/* Host values: those in the VMCS now, and those to put back at the window's end. */
struct vmx_host {
	int cpu;		/* whose per-CPU fields the VMCS holds; -1 none */
	unsigned long cr3, cr4, fs_base;
	u64 perf_global;
	u16 ds, es, fs, gs, ldt;
	struct desc_ptr gdt;
	u64 debugctl, pebs;
	bool split_lock;	/* their detection was switched off in this window */
};

/* An MSR that guest and host share without help of the VMCS. */
enum vmx_swap_msr {
	VMX_SWAP_STAR,
	VMX_SWAP_LSTAR,
	VMX_SWAP_FMASK,
	VMX_SWAP_TSC_AUX,
	VMX_SWAP_COUNT
};
struct vmx_swap {
	u64 host;		/* read in this window */
	u64 now;		/* in the register */
};

/* What to do after the window is closed. */
enum vmx_after {
	VMX_AFTER_NOTHING,
	VMX_AFTER_NMI,
	VMX_AFTER_MACHINE_CHECK,
};

/* Registers that vcpu->regs holds as of the last exit. */
#define VMX_HAVE_RIP	BIT(0)
#define VMX_HAVE_RSP	BIT(1)
#define VMX_HAVE_RFLAGS	BIT(2)

/* What of the guest has been loaded in this window, so that leaving undoes just that. */
#define VMX_LOADED_MSRS	BIT(0)
#define VMX_LOADED_FPU	BIT(1)

struct vmx_vcpu {
	struct baton_vcpu base;	/* first: allocated by the core */
	u32 *vmcs;
	u64 vmcs_pa;
	u64 *pml;		/* vmx_pml.c; NULL where there is none */
	bool vmcs_ready;	/* constant fields are written */
	bool flush_vpid;
	u32 have;		/* VMX_HAVE_* */
	u32 loaded;		/* VMX_LOADED_* */
	u32 swapped;		/* BIT(enum vmx_swap_msr) read in this window */
	enum vmx_after after;
	unsigned long busy_until; /* jiffies; VMX operation could not be had of late */
	u64 stamp;		/* of the thread, when the L1 cache was last looked after */
	u32 timer;		/* as in the VMCS */
	bool step, step_tf;	/* RFLAGS.TF is for one instruction; the guest's own */
	u32 cpu_controls;	/* as in the VMCS */
	u32 cpu2_controls;
	unsigned long cr0_owned, cr4_owned; /* bits the guest changes without exit */
	u64 host_kernel_gs_base;
	struct vmx_swap swap[VMX_SWAP_COUNT];
	struct vmx_host host;
	struct vmx_switch sw;
};

/* The same as before: this thread has the CPU since, and none other was on it. */
static inline u64 vmx_thread_stamp(void)
{
	return (u64)current->pid << 32 | (u32)(current->nvcsw + current->nivcsw);
}

static __always_inline struct vmx_vcpu *to_vmx(struct baton_vcpu *vcpu)
{
	return container_of(vcpu, struct vmx_vcpu, base);
}

/* vmx_entry.S: false if the VM entry itself failed (VMfail or fault). */
asmlinkage bool vmx_enter(struct baton_regs *regs, struct vmx_switch *sw);
void vmx_exited(void);		/* HOST_RIP; never called */

/*
 * vmx_window.c. open: 0; -EBUSY (Intel PT, or CR4.VMXE set by someone without
 * VMX operation on); -EIO (an instruction failed). The VMCS is current then.
 */
int vmx_window_open(struct vmx_vcpu *vmx);
void vmx_window_close(struct vmx_vcpu *vmx);
enum baton_refusal vmx_window_refusal(void); /* would open say -EBUSY on this CPU? */
/* A VMXON region or VMCS; NULL: no memory. May sleep; goes with free_page(). */
u32 *vmx_region_alloc(int node, gfp_t gfp);
int vmx_window_init(void);	/* VMXON pages, die notifier */
void vmx_window_exit(void);

/* vmx_host.c */
void vmx_host_fields_init(struct vmx_vcpu *vmx);
void vmx_host_enter(struct vmx_vcpu *vmx);
void vmx_host_leave(struct vmx_vcpu *vmx);
void vmx_host_protect(struct vmx_vcpu *vmx);
void vmx_host_split_lock(struct vmx_vcpu *vmx);
int vmx_host_init(void);
void vmx_host_exit(void);

/* Once a window, since the host's value may change, and after a write by the guest. */
static __always_inline void vmx_host_spec_ctrl(struct vmx_vcpu *vmx)
{
	struct vmx_switch *sw = &vmx->sw;

	if (!static_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		return;
	sw->host_spec_ctrl = this_cpu_read(x86_spec_ctrl_current);
	sw->guest_spec_ctrl = vmx->base.msr.spec_ctrl;
	/* Hosts that rely on IBRS need the write itself after each exit. */
	if (sw->guest_spec_ctrl != sw->host_spec_ctrl || static_cpu_has(X86_FEATURE_KERNEL_IBRS))
		sw->flags |= BIT(VMX_SW_SPEC_CTRL_BIT);
	else
		sw->flags &= ~BIT(VMX_SW_SPEC_CTRL_BIT);
}

/* vmx_controls.c. setup: fills vmx_caps, or says what is missing. */
enum baton_refusal vmx_controls_setup(void);
void vmx_controls_fields_init(struct vmx_vcpu *vmx);
void vmx_controls_by_cpuid(struct vmx_vcpu *vmx);
void vmx_controls_debug(struct vmx_vcpu *vmx);
void vmx_controls_window(struct vmx_vcpu *vmx, u32 bits);

/* vmx_msr.c */
int vmx_msr_init(void);		/* the bitmap */
void vmx_msr_exit(void);
void vmx_msr_fields_init(struct vmx_vcpu *vmx);
void vmx_msr_enter(struct vmx_vcpu *vmx);
void vmx_msr_load(struct vmx_vcpu *vmx);
void vmx_msr_leave(struct vmx_vcpu *vmx);

/* vmx_state.c. load: dirty classes. save: these classes, now valid. */
void vmx_state_load(struct vmx_vcpu *vmx);
void vmx_state_save(struct vmx_vcpu *vmx, u32 classes);
int vmx_state_fetch(struct baton_vcpu *vcpu, u32 classes);
void vmx_regs_save(struct vmx_vcpu *vmx);	/* REGS alone, as each window's end does */

/* Brings SREGS into the cache if they are not there. */
static inline void vmx_need_sregs(struct vmx_vcpu *vmx)
{
	if (!(vmx->base.valid & BATON_ST_SREGS))
		vmx_state_save(vmx, BATON_ST_SREGS);
}

static inline u64 vmx_rip(struct vmx_vcpu *vmx)
{
	if (!(vmx->have & VMX_HAVE_RIP)) {
		vmx->base.regs.rip = vmcs_read(GUEST_RIP);
		vmx->have |= VMX_HAVE_RIP;
	}
	return vmx->base.regs.rip;
}

static inline u64 vmx_rflags(struct vmx_vcpu *vmx)
{
	if (!(vmx->have & VMX_HAVE_RFLAGS)) {
		vmx->base.regs.rflags = vmcs_read(GUEST_RFLAGS);
		vmx->have |= VMX_HAVE_RFLAGS;
	}
	return vmx->base.regs.rflags;
}

u8 vmx_cpl(void);
bool vmx_long64(struct vmx_vcpu *vmx);
u64 vmx_gpr_read(struct vmx_vcpu *vmx, unsigned int gpr);
void vmx_gpr_write(struct vmx_vcpu *vmx, unsigned int gpr, u64 value);
/* RIP past the exit's instruction; skip: with all that completing it means. */
void vmx_step_over(struct vmx_vcpu *vmx);
void vmx_skip(struct vmx_vcpu *vmx);

/* vmx_event.c */
/* False: no entry, the monitor is to give a vector first. */
bool vmx_event_inject(struct vmx_vcpu *vmx);
u32 vmx_event_cut_short(struct vmx_vcpu *vmx, bool nmi_unblocked);
void vmx_event_not_entered(struct vmx_vcpu *vmx);
void vmx_event_step_end(struct vmx_vcpu *vmx);
void vmx_event_keep_step(struct vmx_vcpu *vmx);
void vmx_event_shadows_load(struct vmx_vcpu *vmx);
void vmx_event_shadows_save(struct vmx_vcpu *vmx);

/* vmx_vpid.c. From the last one downwards; 0 is the host's. */
#define vmx_vpid(vmx)	((u16)(0xffff - (vmx)->base.id))
void vmx_tlb_sync(struct vmx_vcpu *vmx);
int vmx_vm_init(struct baton_vm *vm);
void vmx_vm_fini(struct baton_vm *vm);

/* vmx_pml.c. drain: what the guest wrote goes to the logs; VMCS current. */
int vmx_pml_alloc(struct vmx_vcpu *vmx); /* 0, -ENOMEM */
void vmx_pml_free(struct vmx_vcpu *vmx);
void vmx_pml_fields_init(struct vmx_vcpu *vmx);
void vmx_pml_drain(struct vmx_vcpu *vmx);

/* vmx_exit.c */
enum baton_next vmx_exit_handle(struct vmx_vcpu *vmx);

/* vmx_cr.c: exits of MOV to and from CR and DR, LMSW, CLTS; #DB. */
enum baton_next vmx_exit_cr(struct vmx_vcpu *vmx);
enum baton_next vmx_exit_dr(struct vmx_vcpu *vmx);
enum baton_next vmx_exit_db(struct vmx_vcpu *vmx, u32 info);

/* vmx_vcpu.c */
int vmx_vcpu_init(struct baton_vcpu *vcpu);
void vmx_vcpu_fini(struct baton_vcpu *vcpu);
enum baton_next vmx_run(struct baton_vcpu *vcpu);
/* The host's state back, of what the window has loaded. */
void vmx_guest_leave(struct vmx_vcpu *vmx);

#endif
