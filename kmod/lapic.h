/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Local APIC model: xAPIC page and x2APIC MSRs, timer with one-shot, periodic
 * and TSC-deadline mode, IPIs, MSI reception. SDM vol. 3, "Advanced
 * Programmable Interrupt Controller". Works the same whether or not the host
 * has x2APIC or a TSC deadline.
 *
 * All registers belong to the vCPU's thread. Other contexts (MSI senders, IPIs,
 * the timer's interrupt) only set bits in `posted` and kick; the owner moves them
 * into the IRR before it looks for the next vector.
 */
#ifndef BATON_LAPIC_H
#define BATON_LAPIC_H

#include <linux/hrtimer.h>
#include <linux/types.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#include "baton_ioctl.h"

struct baton_vcpu;
struct baton_vm;

#define BATON_APIC_REGS 64	/* register n is at page offset n * 16 */

/* Register numbers: page offset / 16 = x2APIC MSR - 0x800. */
enum baton_apic_reg {
	APIC_REG_ID = 0x02,
	APIC_REG_VERSION = 0x03,
	APIC_REG_TPR = 0x08,
	APIC_REG_PPR = 0x0a,
	APIC_REG_EOI = 0x0b,
	APIC_REG_LDR = 0x0d,
	APIC_REG_DFR = 0x0e,
	APIC_REG_SVR = 0x0f,
	APIC_REG_ISR = 0x10,	/* 8 registers each */
	APIC_REG_TMR = 0x18,
	APIC_REG_IRR = 0x20,
	APIC_REG_ESR = 0x28,
	APIC_REG_ICR = 0x30,
	APIC_REG_ICR2 = 0x31,
	APIC_REG_LVT_TIMER = 0x32,
	APIC_REG_LVT_THERMAL = 0x33,
	APIC_REG_LVT_PERF = 0x34,
	APIC_REG_LVT_LINT0 = 0x35,
	APIC_REG_LVT_LINT1 = 0x36,
	APIC_REG_LVT_ERROR = 0x37,
	APIC_REG_INITIAL_COUNT = 0x38,
	APIC_REG_CURRENT_COUNT = 0x39,
	APIC_REG_DIVIDE = 0x3e,
	APIC_REG_SELF_IPI = 0x3f,
};

/* Delivery modes of ICR, LVT and MSI. */
enum baton_apic_mode {
	APIC_DELIVER_FIXED = 0,
	APIC_DELIVER_LOWEST = 1,
	APIC_DELIVER_SMI = 2,
	APIC_DELIVER_NMI = 4,
	APIC_DELIVER_INIT = 5,
	APIC_DELIVER_SIPI = 6,	/* ICR only */
	APIC_DELIVER_EXTINT = 7,
};

#define APIC_LVT_IS_MASKED	(1u << 16)

struct baton_lapic {
	u32 regs[BATON_APIC_REGS];	/* a: others read LDR, DFR, SVR */
	u64 base;			/* a: IA32_APIC_BASE */
	int highest_irr;		/* cache: -1 none */
	int highest_isr;		/* cache: -1 none */
	bool posted_any;		/* a: something is set in posted */
	bool timer_fired;		/* a: set in interrupt context */
	u8 sipi_vector;			/* a: with BATON_REQ_SIPI */
	u8 eoi_vector;			/* with BATON_REQ_EOI */
	u8 lazy_eoi;			/* in service, unless the guest says not (pv.h) */
	u32 esr_pending;		/* errors since the last write to ESR */
	unsigned long posted[256 / BITS_PER_LONG]; /* a: vectors from elsewhere: edge … */
	unsigned long posted_level[256 / BITS_PER_LONG]; /* a: … and level, if one is both */

	/* lapic_timer.c */
	u64 tsc_deadline;		/* IA32_TSC_DEADLINE; 0: not armed */
	u64 due_ns;			/* one-shot, periodic: ktime of expiry; 0: stopped */
	u64 period_ns;
	u64 tsc_to_ns;			/* ns per tick of the guest's TSC, 32.32 fixed point */
	bool timer_armed;		/* hrtimer will fire, or has and is not looked at */
	u64 armed_tsc;			/* … at this TSC of the guest; deadline mode only */
	bool timer_sleep;		/* asleep before a deadline: armed_tsc tells how late */
	u64 wake_ticks;			/* how long a thread takes to wake up, in TSC ticks */
	struct hrtimer timer;
};

/* Ticks from now to a deadline; 0: it is over. Months at most: it is looked at again then. */
static inline u64 baton_timer_left(u64 deadline, u64 now)
{
	return deadline > now ? min(deadline - now, 1ull << 56) : 0;
}

/* Once, before the first reset. Undone by hrtimer_cancel() of apic.timer, which sleeps. */
void baton_timer_init(struct baton_vcpu *vcpu);
void baton_lapic_reset(struct baton_vcpu *vcpu, bool init);

/*
 * Owner thread, in or out of a window. Moves posted vectors and a fired timer
 * into the IRR and returns the vector to deliver now by priority (> PPR), or -1.
 */
int baton_lapic_pending(struct baton_vcpu *vcpu);
/* The vector goes into the guest: IRR to ISR, PPR updated. */
void baton_lapic_accept(struct baton_vcpu *vcpu, u8 vector);
/* Is there something that baton_lapic_pending() has not looked at yet? */
static inline bool baton_apic_has_news(const struct baton_lapic *apic)
{
	return READ_ONCE(apic->posted_any) || READ_ONCE(apic->timer_fired);
}

/* Cheap test for the entry path: might baton_lapic_pending() find one? */
static inline bool baton_apic_has_work(const struct baton_lapic *apic)
{
	return baton_apic_has_news(apic) ||
	       apic->highest_irr >> 4 > (int)(apic->regs[APIC_REG_PPR] >> 4);
}
/*
 * Does INTR get through? By LINT0 as ExtINT, or past an APIC that IA32_APIC_BASE
 * switches off. Software disable (SVR) has its say by masking the LVTs.
 */
static inline bool baton_apic_takes_extint(const struct baton_lapic *apic)
{
	const u32 mode = APIC_DELIVER_EXTINT << 8;

	return (apic->regs[APIC_REG_LVT_LINT0] & (APIC_LVT_IS_MASKED | mode)) == mode ||
	       !(apic->base & MSR_IA32_APICBASE_ENABLE);
}
/* Is gpa in the enabled xAPIC page? */
static inline bool baton_apic_owns(const struct baton_lapic *apic, u64 gpa)
{
	const u64 mode = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;

	return (apic->base & mode) == MSR_IA32_APICBASE_ENABLE && !((apic->base ^ gpa) >> 12);
}
void baton_lapic_set_cr8(struct baton_vcpu *vcpu, u8 cr8);

/* x2APIC MSR 0x800-0x8ff. False: #GP. In a window or out of it. */
bool baton_lapic_msr_read(struct baton_vcpu *vcpu, u32 msr, u64 *ret_value);
bool baton_lapic_msr_write(struct baton_vcpu *vcpu, u32 msr, u64 value);
/* IA32_APIC_BASE: by the guest, with its rules of transition, or by the monitor. */
bool baton_lapic_set_base(struct baton_vcpu *vcpu, u64 value);
bool baton_lapic_restore_base(struct baton_vcpu *vcpu, u64 value);
void baton_lapic_set_tsc_deadline(struct baton_vcpu *vcpu, u64 value);
u64 baton_lapic_get_tsc_deadline(struct baton_vcpu *vcpu);
/* vcpu->tsc_offset has changed: a deadline is nearer or further now. */
void baton_lapic_tsc_changed(struct baton_vcpu *vcpu);
/* xAPIC page. offset 0-0xfff, 32-bit accesses at 16-byte steps; others read 0. */
u32 baton_lapic_mmio_read(struct baton_vcpu *vcpu, u32 offset);
void baton_lapic_mmio_write(struct baton_vcpu *vcpu, u32 offset, u32 value);

/*
 * msi.c, any context. deliver: 0, also if nobody is meant; -EINVAL: not a message
 * (valid says so: not 0xfee....., reserved mode, vector below 16).
 */
bool baton_msi_valid(u64 address, u32 data);
int baton_msi_deliver(struct baton_vm *vm, u64 address, u32 data);
/* Vector from another context. Any context. */
void baton_lapic_post(struct baton_vcpu *vcpu, u8 vector, bool level);

/* 0. */
int baton_get_lapic(struct baton_vcpu *vcpu, struct baton_lapic_state *state);
/* 0 or -EINVAL; nothing changes then. */
int baton_set_lapic(struct baton_vcpu *vcpu, const struct baton_lapic_state *state);

/* --- among lapic.c, lapic_state.c, lapic_timer.c and msi.c ------------------- */

#define APIC_SVR_ENABLE		(1u << 8)
#define APIC_ESR_SEND_ILLEGAL	(1u << 5)
#define APIC_ESR_RECV_ILLEGAL	(1u << 6)
#define APIC_ESR_ILLEGAL_REG	(1u << 7)
#define APIC_VECTOR_MIN		16
#define APIC_VERSION_VALUE	0x00050014u	/* six LVTs, no EOI broadcast control */

static inline bool baton_apic_x2(const struct baton_lapic *apic)
{
	return READ_ONCE(apic->base) & X2APIC_ENABLE;
}

/* x2APIC logical id of an APIC id: SDM "Deriving Logical x2APIC ID". */
static inline u32 baton_apic_x2_ldr(u32 id)
{
	return (id >> 4) << 16 | 1u << (id & 0xf);
}

/* The owner wrote ICR. wide: dest has 32 bits, as in x2APIC mode. */
void baton_apic_send_ipi(struct baton_vcpu *vcpu, u32 icr, u32 dest, bool wide);
/*
 * The same for a set of APIC ids: fixed or NMI; icr has mode and vector. Returns how many
 * of them there are, or -EINVAL.
 */
int baton_apic_send_set(struct baton_vcpu *vcpu, u64 targets, u64 icr);
/* Owner thread: an interrupt from the vCPU to itself, no request and no IPI. */
void baton_apic_raise(struct baton_vcpu *vcpu, u8 vector, bool level);
void baton_apic_error(struct baton_vcpu *vcpu, u32 esr_bit);
/* Owner thread: interrupt of a local source, by its LVT register. */
void baton_apic_local(struct baton_vcpu *vcpu, enum baton_apic_reg lvt);
/* Value that register accepts, 0-bits reserved; and its LVT rule while disabled. */
u32 baton_apic_writable(const struct baton_vcpu *vcpu, u32 reg);
/* Owner thread: what the guest may have left in its flag (pv.h) is no longer open. */
void baton_apic_settle(struct baton_vcpu *vcpu);
/* Caches from the registers, after these changed as a whole. */
void baton_apic_recompute(struct baton_vcpu *vcpu);

void baton_timer_stop(struct baton_vcpu *vcpu);
/* The hrtimer fired: raise what is due, arm for what is not. */
void baton_timer_expire(struct baton_vcpu *vcpu);
/* Around a sleep in HLT: see lapic_timer.c. */
void baton_timer_block(struct baton_vcpu *vcpu);
void baton_timer_wake(struct baton_vcpu *vcpu);
void baton_timer_set_count(struct baton_vcpu *vcpu, u32 count);
u32 baton_timer_count(const struct baton_vcpu *vcpu);
void baton_timer_set_divide(struct baton_vcpu *vcpu, u32 divide);
void baton_timer_set_lvt(struct baton_vcpu *vcpu, u32 lvt);
/* Saved timer state; see struct baton_lapic_state. check: by regs to be loaded. */
void baton_timer_get(const struct baton_vcpu *vcpu, struct baton_lapic_state *state);
bool baton_timer_check(const u32 *regs, const struct baton_lapic_state *state);
void baton_timer_set(struct baton_vcpu *vcpu, const struct baton_lapic_state *state);

#endif
