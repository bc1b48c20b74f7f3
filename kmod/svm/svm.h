/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private state of the AMD-V backend and what its files need of each other.
 *
 * svm_main.c probes and owns the CPUs, svm_vcpu.c runs, svm_exit.c (with
 * svm_cr.c and svm_insn.c) reacts, svm_state.c and svm_event.c move state and
 * events in and out, svm_asid.c keeps the TLB honest.
 *
 * Everything here is used by the vCPU's thread in its window (vcpu.h) unless a
 * function says otherwise, so nothing needs a lock.
 */
#ifndef BATON_SVM_H
#define BATON_SVM_H

#include <linux/percpu.h>

#include "debug.h"
#include "fetch.h"
#include "svm_defs.h"
#include "vcpu.h"
#include "window.h"

/* What this processor has; set once by probe(). */
struct svm_caps {
	bool nrips;		/* VMCB tells where the next instruction is */
	bool decode;		/* … which register a MOV to CR/DR uses, insn bytes */
	bool flush_by_asid;
	bool v_spec_ctrl;	/* hardware switches SPEC_CTRL */
	bool tsc_ratio;
	bool pause_filter;	/* loops of PAUSE can be told from others */
	bool tsc_aux;		/* MSR exists: RDTSCP or RDPID */
	bool xss;
	bool debugctl;
	bool perf_ctl;		/* PerfCntrGlobalCtl exists */
	u32 clean;		/* SVM_CLEAN_ALL or 0 */
	u32 asid_count;		/* 0 is the host's, 1 .. count - 1 are for guests */
};
extern struct svm_caps svm_caps;

/* One per CPU; used with interrupts off there. */
struct svm_cpu {
	/*
	 * Two: our VMSAVE of what VMRUN does not switch, and hardware's save area
	 * (VM_HSAVE_PA), which is never at the start of 2 MiB so; nor is a VMCB. Under
	 * SNP, writes to the pages behind one that is would fault (an erratum).
	 */
	unsigned long pages;
	u64 host_pa;		/* of the first */
	bool on;		/* SVME is set, by us */
	u32 asid_next;
	u64 asid_gen;		/* never 0 once on, never repeats */
};
DECLARE_PER_CPU(struct svm_cpu, svm_cpus);

/* What the entry code reads; offsets in svm_defs.h. */
struct svm_switch {
	u64 vmcb_pa;
	u64 host_pa;
	u32 guest_spec_ctrl;	/* equal to host_spec_ctrl: no MSR write */
	u32 host_spec_ctrl;
};

/* Host state that the window puts away (kernel-api note, "State to switch"). */
struct svm_host {
	u64 tsc_aux;
	bool away;		/* any of these, which else are 0 */
	u64 xss, debugctl, perf_ctl;
};

/* svm_vcpu.watch: what svm_event.c waits for; any of them needs a look per entry. */
#define SVM_WATCH_IRQ	BIT(0)	/* V_IRQ armed: exits when interrupts can be taken */
#define SVM_WATCH_IRET	BIT(1)	/* IRET was reached, may not have been executed */
#define SVM_WATCH_STEP	BIT(2)	/* RFLAGS.TF set by us, for one instruction */
#define SVM_WATCH_TRAP	BIT(3)	/* #BP, #OF or #DB went in by this entry */

#define SVM_CPL_NONE	0xff

struct svm_vcpu {
	struct baton_vcpu vcpu;	/* first */
	struct svm_vmcb *vmcb;
	struct svm_switch sw;
	struct svm_host host;

	int cpu;		/* CPU that VMCB cache and ASID belong to, or -1 */
	u64 asid_gen;		/* svm_cpu.asid_gen that our ASID is of */
	s64 tlb_gen;		/* vm->tlb_gen as of our last flush; -1: flush */

	u64 segs_seen[SVM_SEG_WORDS]; /* VMCB's that vcpu.sregs was made from */
	u8 cpl_seen;		/* … with this CPL; SVM_CPL_NONE: it was not */

	u32 watch;		/* SVM_WATCH_* */
	u64 iret_rip;		/* with SVM_WATCH_IRET: where */
	u64 trap_rip;		/* with SVM_WATCH_TRAP: the same */
	bool step_tf;		/* with SVM_WATCH_STEP: guest's own RFLAGS.TF */
};

/*
 * Accessors that keep the VMCB's clean bits true: whoever changes a cached field does
 * it here or calls vmcb_touch() for its group. RIP, RSP, RAX, RFLAGS, event_inj,
 * int_state and tlb_control are not cached.
 */
static inline void vmcb_touch(struct svm_vmcb *vmcb, u32 groups)
{
	vmcb->clean &= ~groups;
}

static inline void vmcb_intercept(struct svm_vmcb *vmcb, u32 icpt, bool on)
{
	u32 *word = &vmcb->intercept[icpt / 32];
	u32 bit = BIT(icpt % 32);

	if (!(*word & bit) == !on)
		return;
	*word ^= bit;
	vmcb_touch(vmcb, SVM_CLEAN_INTERCEPTS);
}

static inline void vmcb_set_int_ctl(struct svm_vmcb *vmcb, u32 int_ctl)
{
	if (vmcb->int_ctl == int_ctl)
		return;
	vmcb->int_ctl = int_ctl;
	vmcb_touch(vmcb, SVM_CLEAN_INTR);
}

static inline struct svm_vcpu *to_svm(struct baton_vcpu *vcpu)
{
	return container_of(vcpu, struct svm_vcpu, vcpu);
}

/* svm_main.c. The VM's nested CR3: four levels of ours, under the host's depth. */
u64 svm_nested_cr3(struct baton_vm *vm);

/* svm_msr.c. Permission maps, the same for all vCPUs. teardown also of one alone. */
int svm_maps_setup(void);
void svm_maps_teardown(void);
extern u8 *svm_iopm, *svm_msrpm;

/* svm_controls.c. init: process context. */
void svm_controls_init(struct svm_vcpu *svm);
void svm_controls_cpuid(struct svm_vcpu *svm);
void svm_controls_debug(struct svm_vcpu *svm);
void svm_controls_cr(struct svm_vcpu *svm, const struct baton_sregs *sregs);

/* svm_vcpu.c */
int svm_vcpu_init(struct baton_vcpu *vcpu);
void svm_vcpu_fini(struct baton_vcpu *vcpu);
enum baton_next svm_run(struct baton_vcpu *vcpu);

/* In a window: hardware switches it by the VMCB, or the entry code by sw, or it is not there. */
static __always_inline void svm_load_spec_ctrl(struct svm_vcpu *svm)
{
	struct svm_switch *sw = &svm->sw;

	if (svm_caps.v_spec_ctrl) {
		svm->vmcb->spec_ctrl = svm->vcpu.msr.spec_ctrl;
	} else if (static_cpu_has(X86_FEATURE_MSR_SPEC_CTRL)) {
		sw->host_spec_ctrl = this_cpu_read(x86_spec_ctrl_current);
		sw->guest_spec_ctrl = svm->vcpu.msr.spec_ctrl;
	}
}

/* svm_entry.S: one trip through the guest. 0, or -EIO if SVM is off. */
int svm_enter(struct baton_regs *regs, const struct svm_switch *sw);

/* svm_exit.c */
enum baton_next svm_exit(struct svm_vcpu *svm);
enum baton_next svm_exit_unexpected(struct svm_vcpu *svm);

/* svm_cr.c: exits of MOV to and from CR and DR, LMSW, SMSW, CLTS; #DB. */
enum baton_next svm_exit_cr_read(struct svm_vcpu *svm);
enum baton_next svm_exit_cr_write(struct svm_vcpu *svm);
enum baton_next svm_exit_dr(struct svm_vcpu *svm);
enum baton_next svm_exit_db(struct svm_vcpu *svm);

/* svm_insn.c. What accesses control and debug registers. */
enum svm_insn_kind {
	SVM_INSN_OTHER,		/* operand in memory, or none of these */
	SVM_INSN_MOV,
	SVM_INSN_CLTS,
	SVM_INSN_LMSW,
	SVM_INSN_SMSW,
};

struct svm_insn {
	enum svm_insn_kind kind;
	u8 gpr;			/* MOV, LMSW, SMSW */
	bool word;		/* SMSW: 16-bit operand */
};

/* Its length, or 0: run it again (BATON_LEAVE). */
unsigned int svm_insn_decode(struct svm_vcpu *svm, struct svm_insn *insn);
/*
 * Length of the instruction at RIP, which is `opcode` (as in
 * baton_insn_length()); or 0, as above.
 */
unsigned int svm_insn_length(struct svm_vcpu *svm, u32 opcode);
/* Is the guest in 64-bit mode? */
bool svm_long64(const struct svm_vcpu *svm);
/* RIP past the instruction, with all that completing it means. */
void svm_skip(struct svm_vcpu *svm, unsigned int length);
void svm_skip_to(struct svm_vcpu *svm, u64 rip);

/* svm_state.c */
void svm_state_load(struct svm_vcpu *svm);
/* Brings SREGS into the cache if they are not there. Also out of a window. */
void svm_need_sregs(struct svm_vcpu *svm);
int svm_state_fetch(struct baton_vcpu *vcpu, u32 classes);
void svm_state_save(struct svm_vcpu *svm);

/* svm_event.c */
/* False: no entry, the monitor is to give a vector first. */
bool svm_event_inject(struct svm_vcpu *svm);
void svm_event_cut_short(struct svm_vcpu *svm);
void svm_event_load(struct svm_vcpu *svm);
void svm_event_settle(struct svm_vcpu *svm);
void svm_event_exit(struct svm_vcpu *svm);
void svm_event_window(struct svm_vcpu *svm);
void svm_event_iret(struct svm_vcpu *svm);
/* True: this single step was ours, and is over. */
bool svm_event_stepped(struct svm_vcpu *svm);

/* svm_asid.c */
void svm_asid_cpu_on(struct svm_cpu *cpu);
void svm_asid_renew(struct svm_vcpu *svm, struct svm_cpu *cpu);
void svm_asid_flush(struct svm_vcpu *svm);
void svm_asid_lost(struct svm_vcpu *svm);
void svm_asid_not_entered(struct svm_vcpu *svm);

#endif
