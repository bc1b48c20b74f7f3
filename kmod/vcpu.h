/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vCPU object and what backends need of the core. Backends embed struct
 * baton_vcpu as first member of their own struct (hvops.vcpu_size).
 *
 * Field legend: I immutable; V vcpu->lock (the running thread holds it all
 * the time, so plain access inside run()); a atomic / READ_ONCE.
 */
#ifndef BATON_VCPU_H
#define BATON_VCPU_H

#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>

#include "baton_ioctl.h"
#include "cpuid.h"
#include "fpu.h"
#include "hvops.h"
#include "lapic.h"
#include "msr.h"
#include "pv.h"
#include "vm.h"

/* vcpu->mode: where the thread is, for kicks. Pairs with vcpu->requests. */
enum baton_mode {
	BATON_MODE_OUT,		/* will look at requests before it enters */
	BATON_MODE_GUEST,	/* in a window: needs an IPI */
	BATON_MODE_BLOCKED,	/* in HLT: needs a wake-up */
};

/* Bits of vcpu->requests; set by anyone with baton_request(). */
enum baton_req {
	BATON_REQ_KICK,		/* return to the monitor */
	BATON_REQ_EVENT,	/* interrupt, NMI or timer posted: evaluate again */
	BATON_REQ_CLOCK,	/* write the paravirtual clock page */
	BATON_REQ_TOUCH,	/* fault in vcpu->touch_hva, then go on */
	BATON_REQ_INIT,		/* INIT came by IPI */
	BATON_REQ_SIPI,		/* start-up IPI, vector in lapic.sipi_vector */
	BATON_REQ_SHUTDOWN,	/* #DF could not be delivered: triple fault */
	BATON_REQ_EOI,		/* tell the monitor of apic.eoi_vector */
	BATON_REQ_YIELD,	/* give the CPU to vcpu->pv.yield_to */
};

/* Both vendors' numbers. */
enum baton_event_type { BATON_EVENT_INTR = 0, BATON_EVENT_NMI = 2, BATON_EVENT_EXCEPTION = 3 };

/* Events on their way into the guest; the backend delivers in this order. */
struct baton_pending {
	bool reinject;		/* delivery was cut short by an exit: do it again */
	u8 reinject_type;	/* BATON_EVENT_INTR or _NMI */
	u8 reinject_vector;

	bool exception;		/* also one that was cut short: others may wait behind it */
	u8 vector;
	bool has_error;
	u32 error;

	bool nmi;		/* V; set from vcpu->nmi_posted at entry */
	bool nmi_blocked;	/* valid with BATON_ST_EVENTS */
	bool sti_shadow, movss_shadow;
};

struct baton_fault {
	u64 gpa;
	u64 gva;		/* valid with BATON_ACCESS_GVA */
	u32 access;		/* BATON_ACCESS_* */
	u8 insn_len;		/* bytes in insn: AMD decode assist */
	u8 insn[15];
};

#define BATON_ANSWER_INTA	0xff	/* baton_vcpu.answer_due: the exit was INTA */

struct baton_vcpu {
	struct baton_regs regs;		/* V: first, the entry code indexes it */
	struct baton_vm *vm;		/* I: reference held */
	struct baton_run *run;		/* I: kernel address of the run page */
	unsigned long requests;		/* a */
	u32 mode;			/* a: enum baton_mode */
	int cpu;			/* a: CPU of the current or last window */
	u32 id;				/* I: APIC id */
	u64 serial;			/* I: unlike any other's since module load, never 0 */

	u32 valid;			/* V: classes whose cache is current */
	u32 dirty;			/* V: classes whose cache is newer than hardware's */
	u32 save;			/* V: classes to save at the end of this window */
	u32 budget;			/* V: fast exits left in this window */

	struct baton_sregs sregs;	/* V */
	struct baton_debugregs dbg;	/* V */
	struct baton_guest_debug debug;	/* V: what the monitor debugs the guest with */
	u64 step_rip;			/* V: where the step began; elsewhere: it is over */
	struct baton_host_debug host_debug; /* V: in a window */
	struct baton_msr_file msr;	/* V: truth for intercepted MSRs */
	struct baton_pending ev;	/* V */
	u32 mp_state;			/* V: enum baton_mp_state */
	bool nmi_posted;		/* a */
	bool intr;			/* a: level of INTR, which is wired to LINT0 */
	u64 tsc_offset;			/* V: guest TSC = host TSC, scaled, + this */

	struct baton_fault fault;	/* V: with BATON_FAULT */
	u8 answer_due;			/* V: size of an IN, or BATON_ANSWER_INTA */
	bool secrets_seen;		/* V: host data was handled outside windows */
	bool clock_is_line;		/* V: the clock page shows the VM's line, of stable TSCs */
	s64 stops_told;			/* V: vm->stops that the guest has been told of */
	unsigned long touch_hva;	/* V: with BATON_REQ_TOUCH */
	u64 touch_gpa;			/* V: … and what it is to the guest */

	struct baton_lapic apic;
	struct baton_fpu fpu;		/* V */
	struct baton_cpuid_table cpuid;	/* V */
	struct baton_fetch_cache {	/* V: last code page, see fetch.c */
		u64 gva_page, cr3;
		unsigned long hva;
		u64 gpa;
		u64 gen;
		bool user;
	} fetch;

	struct baton_pv pv;
	u64 poll_ticks;			/* V: how long HLT stays awake (run.c) */
	unsigned long lock;		/* a: bit 0: somebody is in a call; nobody waits for it */
	struct rcuwait wait;
	u64 stats[BATON_STAT_COUNT];	/* owner writes, others READ_ONCE: stats.c */
};

int baton_vcpu_create(struct baton_vm *vm, u32 id, struct baton_vcpu **ret_vcpu);
void baton_vcpu_destroy(struct baton_vcpu *vcpu);
/* Power-on (init = false) or INIT state; SDM "Processor State After Reset". */
void baton_vcpu_reset(struct baton_vcpu *vcpu, bool init);
/* BATON_RUN. Returns 0, -EINTR, -EIO (VM is dead). */
int baton_vcpu_run(struct baton_vcpu *vcpu);

/* Sets the request and gets the vCPU to look at it. Any context, any thread. */
void baton_request(struct baton_vcpu *vcpu, enum baton_req req);
/* The same for all of a VM's vCPUs. */
void baton_request_all(struct baton_vm *vm, enum baton_req req);
/* stats.c: as BATON_GET_STATS and BATON_GET_VM_STATS have them. Any context. */
int baton_vcpu_stats(struct baton_vcpu *vcpu, struct baton_stats *out);
int baton_vm_stats(struct baton_vm *vm, struct baton_vm_stats *out);

static inline void baton_count(struct baton_vcpu *vcpu, enum baton_stat stat)
{
	WRITE_ONCE(vcpu->stats[stat], vcpu->stats[stat] + 1);
}

static inline void baton_count_time(struct baton_vcpu *vcpu, enum baton_stat stat, u64 time)
{
	WRITE_ONCE(vcpu->stats[stat], vcpu->stats[stat] + time);
}

/* For the entry path: an NMI, or INTR, which LINT0 may be deaf to. */
static inline bool baton_pins(const struct baton_vcpu *vcpu)
{
	unsigned int nmi = READ_ONCE(vcpu->nmi_posted);

	/* One test for both. */
	return nmi | READ_ONCE(vcpu->intr);
}

/* Is there an interrupt of the 8259's, as far as the local APIC is concerned? */
static inline bool baton_extint_due(const struct baton_vcpu *vcpu)
{
	return READ_ONCE(vcpu->intr) && baton_apic_takes_extint(&vcpu->apic);
}

static inline u8 baton_lapic_cr8(const struct baton_vcpu *vcpu)
{
	return vcpu->apic.regs[APIC_REG_TPR] >> 4;
}

static inline u64 baton_guest_tsc(const struct baton_vcpu *vcpu)
{
	return baton_tsc_scale(vcpu->vm, rdtsc()) + vcpu->tsc_offset;
}

/* In a window, after a fast exit: may the guest be entered again at once? */
static inline bool baton_may_stay(struct baton_vcpu *vcpu)
{
	return !READ_ONCE(vcpu->requests) && --vcpu->budget &&
	       !(READ_ONCE(current_thread_info()->flags) &
		 (_TIF_SIGPENDING | _TIF_NEED_RESCHED | _TIF_NOTIFY_SIGNAL));
}

/*
 * exits.c: the vendor-neutral half of exit handlers. In the window. The
 * backend has put RIP past the instruction where it says "skipped".
 */
/* IN/OUT of one item, skipped. ioeventfd, or exit to the monitor. */
enum baton_next baton_exit_pio(struct baton_vcpu *vcpu, u16 port, u8 size, bool in);
/* INS/OUTS: not skipped; sregs must be saved (sets vcpu->save). */
enum baton_next baton_exit_string_io(struct baton_vcpu *vcpu, u16 port, u8 size, bool in);
/* Hands the instruction of vcpu->fault to the monitor's emulator. */
enum baton_next baton_exit_emulate(struct baton_vcpu *vcpu, u32 kind);
/* Instead of an entry that would inject nothing: asks for the 8259's vector. */
enum baton_next baton_exit_inta(struct baton_vcpu *vcpu);
/* PAUSE, too often: not skipped. Lets a vCPU run that has no CPU. */
enum baton_next baton_exit_pause(struct baton_vcpu *vcpu);
/* HLT, skipped. */
enum baton_next baton_exit_hlt(struct baton_vcpu *vcpu);
/*
 * Second-level fault. Local APIC page, ioeventfd, or BATON_FAULT with vcpu->fault filled.
 * decodes: baton_exit_decodes() (apic_page.h); if so, REGS and SREGS must be saved by then.
 */
enum baton_next baton_exit_fault(struct baton_vcpu *vcpu, u64 gpa, u64 gva, u32 access,
				 bool decodes);
/* Guest asked for CPUID, by regs; skipped. */
void baton_exit_cpuid(struct baton_vcpu *vcpu);
/* RDMSR/WRMSR by regs. True: done, skip it. False: inject #GP(0). */
bool baton_exit_rdmsr(struct baton_vcpu *vcpu);
bool baton_exit_wrmsr(struct baton_vcpu *vcpu);
/* XSETBV by regs; cpl given. True: done, skip it. False: #GP(0). */
bool baton_exit_xsetbv(struct baton_vcpu *vcpu, u8 cpl);
/* VMCALL/VMMCALL by regs, skipped: KVM ABI number in RAX, answer to RAX. */
void baton_exit_hypercall(struct baton_vcpu *vcpu, bool long64, u8 cpl);
/*
 * MOV to (write) or from a debug register. True: done, skip it; access->value is what
 * was read. False: an exception is queued.
 */
struct baton_dr_access {
	u8 dr, cpl;
	bool write;
	u64 cr4, value;
};
bool baton_exit_dr(struct baton_vcpu *vcpu, struct baton_dr_access *access);
/* #DB that exited, or is due: queues it with these causes, as DR6 names them. */
void baton_exit_db(struct baton_vcpu *vcpu, u64 causes);
/* An instruction that is refused with #GP(0), unless baton_must_rerun(). */
enum baton_next baton_exit_gp(struct baton_vcpu *vcpu);
/* run.c: the host's handler, for a machine check that came as an exit. */
void baton_machine_check(void);
enum baton_next baton_exit_shutdown(struct baton_vcpu *vcpu);
/* A backend's handler that is one of the core's. */
#define BATON_CORE_EXIT(name, backend, base)				\
	static enum baton_next exit_##name(struct backend *self)		\
	{								\
		return baton_exit_##name(&self->base);			\
	}
/* Processor refused the state, or an exit that must not happen. */
enum baton_next baton_exit_failed(struct baton_vcpu *vcpu, enum baton_exit_reason why,
				  u64 reason, u64 info0, u64 info1, u64 info2);

/*
 * Does the processor push an error code with this exception, in a mode that has
 * them? An event to inject must have one just then, else the entry is refused
 * (VT-x) or the handler's frame is off (AMD-V); the monitor may ask for any mix.
 */
static inline bool baton_has_error_code(u8 vector, u64 cr0)
{
	return cr0 & X86_CR0_PE && vector < 32 && BIT(vector) & 0x27d00;
}
/* Bits that an error code can have: VM entry insists on it. */
#define BATON_ERROR_CODE_BITS 0x7fffu

/* A second exception becomes #DF or shutdown by the SDM's table. BATON_ENTER. */
enum baton_next baton_queue_exception(struct baton_vcpu *vcpu, u8 vector, bool has_error,
				      u32 error);
static inline enum baton_next baton_exit_ud(struct baton_vcpu *vcpu)
{
	return baton_queue_exception(vcpu, 6, false, 0);
}
/* An exit came while this was delivered: once more, with the next entry. */
void baton_note_cut_short(struct baton_vcpu *vcpu, enum baton_event_type type, u8 vector,
			  bool has_error, u32 error);
static inline enum baton_next baton_inject_gp(struct baton_vcpu *vcpu)
{
	return baton_queue_exception(vcpu, 13, true, 0);
}

/*
 * Control registers: validates by SDM "Control Registers" and guest CPUID,
 * updates vcpu->sregs (also EFER.LMA when paging goes on or off) and marks
 * SREGS dirty. sregs.{cr0,cr3,cr4,efer} must be current. False: #GP(0), unless
 * baton_must_rerun(): memory was not there, the instruction is to be run again.
 */
static inline bool baton_must_rerun(const struct baton_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) & BIT(BATON_REQ_TOUCH);
}
bool baton_set_cr0(struct baton_vcpu *vcpu, u64 value);
bool baton_set_cr4(struct baton_vcpu *vcpu, u64 value);
bool baton_set_cr8(struct baton_vcpu *vcpu, u64 value);
bool baton_set_msw(struct baton_vcpu *vcpu, u16 value); /* LMSW */
bool baton_set_efer(struct baton_vcpu *vcpu, u64 value);
/* Reads the PAE page-directory pointers at CR3 to sregs.pdpte. False: as above. */
bool baton_load_pdptes(struct baton_vcpu *vcpu);

/* state_check.c, pure: are these values ones a processor accepts? 0 or -EINVAL. */
bool baton_regs_ok(u64 rip, u64 rflags);	/* all of REGS that can be wrong */
/* Bases, also in MSRs, are as wide as the processor's addresses, whatever CR4.LA57 is. */
bool baton_base_ok(u64 base);
bool baton_uses_pdptes(const struct baton_sregs *sregs);	/* PAE paging */
bool baton_pdptes_ok(const struct baton_vcpu *vcpu, const u64 *pdpte);	/* 4 */
int baton_check_sregs(const struct baton_vcpu *vcpu, const struct baton_sregs *sregs);
int baton_check_debugregs(const struct baton_debugregs *regs);
int baton_check_events(const struct baton_events *events);

#endif
