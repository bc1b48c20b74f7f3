// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer: one-shot, periodic, TSC deadline.
 *
 * The hrtimer's handler only sets timer_fired and asks for attention; what is
 * due is found, and the hrtimer started again, by the vCPU's thread. So a timer
 * costs nothing while its VM does not run, and no state is shared with
 * interrupt context. A deadline that moves away leaves the hrtimer as it is: it
 * fires too early once and is then set right. Guests move deadlines far more
 * often than deadlines expire, and most of those writes cost nothing but a store.
 *
 * The bus clock is 1 GHz, so that a count is a number of ns times the divisor.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <asm/tsc.h>

#include "compat.h"
#include "vcpu.h"

bool baton_deadlines __read_mostly;

/* A guest that asks for a shorter period gets this one. */
#define PERIOD_MIN_NS 100000ull
/* At most this long a thread is awake before a deadline. */
#define WAKE_MAX_NS 30000u

enum timer_mode { ONE_SHOT, PERIODIC, DEADLINE, MODE_RESERVED };

static enum timer_mode mode_of(u32 lvt)
{
	return lvt >> 17 & 3;
}

static enum timer_mode current_mode(const struct baton_vcpu *vcpu)
{
	return mode_of(vcpu->apic.regs[APIC_REG_LVT_TIMER]);
}

/* Divide register to log2 of the divisor: bits 0, 1 and 3, 7 means 1. */
static unsigned int divide_shift(u32 divide)
{
	return (((divide & 3) | (divide >> 1 & 4)) + 1) & 7;
}

static u64 count_ns(const u32 *regs, u32 count)
{
	return (u64)count << divide_shift(regs[APIC_REG_DIVIDE]);
}

static enum hrtimer_restart timer_interrupt(struct hrtimer *timer)
{
	struct baton_vcpu *vcpu = container_of(timer, struct baton_vcpu, apic.timer);

	WRITE_ONCE(vcpu->apic.timer_fired, true);
	baton_request(vcpu, BATON_REQ_EVENT);
	return HRTIMER_NORESTART;
}

void baton_timer_init(struct baton_vcpu *vcpu)
{
	u32 khz = vcpu->vm->tsc_khz;

	/* Hard: expires in interrupt context on real-time kernels too. */
	hrtimer_setup(&vcpu->apic.timer, timer_interrupt, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	vcpu->apic.tsc_to_ns = div64_u64(1000000ull << 32, khz ? khz : 1000000);
}

/* Pinned: the interrupt comes to the CPU where the vCPU most likely still is. */
static void start(struct baton_lapic *apic, u64 when_ns)
{
	apic->timer_armed = true;
	hrtimer_start(&apic->timer, ns_to_ktime(when_ns), HRTIMER_MODE_ABS_PINNED_HARD);
}

static void start_deadline(struct baton_vcpu *vcpu, u64 at)
{
	struct baton_lapic *apic = &vcpu->apic;
	/* The clock first: who is held up between the two is early, and looks again. */
	u64 now = ktime_to_ns(ktime_get()), tsc = baton_guest_tsc(vcpu);
	u64 left = baton_timer_left(at, tsc);

	apic->armed_tsc = tsc + left;
	/* +1: rounded up, not to find the deadline just not reached. */
	start(apic, now + mul_u64_u64_shr(left, apic->tsc_to_ns, 32) + 1);
}

void baton_timer_stop(struct baton_vcpu *vcpu)
{
	vcpu->apic.tsc_deadline = 0;
	vcpu->apic.due_ns = 0;
	/* The hrtimer may fire yet, but not in time for what comes next. */
	vcpu->apic.timer_armed = false;
}

/* --- TSC deadline ------------------------------------------------------------- */

/*
 * Raises the interrupt if the deadline is over, else sees to it that we are woken.
 * Where the backend ends the guest at the deadline, that is only needed in HLT
 * (baton_timer_block()): a vCPU that is neither there nor in the guest will look.
 */
static void check_deadline(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;
	u64 left = baton_timer_left(apic->tsc_deadline, baton_guest_tsc(vcpu));

	if (!apic->tsc_deadline)
		return;
	if (left) {
		if (!baton_deadlines)
			start_deadline(vcpu, apic->tsc_deadline);
		return;
	}
	apic->tsc_deadline = 0;
	baton_apic_local(vcpu, APIC_REG_LVT_TIMER);
}

void baton_lapic_set_tsc_deadline(struct baton_vcpu *vcpu, u64 value)
{
	struct baton_lapic *apic = &vcpu->apic;

	/* SDM "TSC-Deadline Mode": in other modes writes are ignored. */
	if (unlikely(current_mode(vcpu) != DEADLINE))
		return;
	apic->tsc_deadline = value;
	if (!value)
		return;
	if (apic->timer_armed && (s64)(value - apic->armed_tsc) >= 0)
		return;
	check_deadline(vcpu);
}

u64 baton_lapic_get_tsc_deadline(struct baton_vcpu *vcpu)
{
	/* One that is over but not yet seen to reads as 0, as on hardware. */
	if (vcpu->apic.tsc_deadline && vcpu->apic.tsc_deadline <= baton_guest_tsc(vcpu))
		check_deadline(vcpu);
	return vcpu->apic.tsc_deadline;
}

/* By the owner, or with vcpu->lock: no sleep in HLT goes on, the next one arms anew. */
void baton_lapic_tsc_changed(struct baton_vcpu *vcpu)
{
	vcpu->apic.timer_armed = false;
	check_deadline(vcpu);
}

/*
 * A thread that sleeps in HLT is late by the time that waking up takes. So while it
 * sleeps the hrtimer fires earlier by that time, and what is left is waited for
 * awake. How long waking up takes is learnt from the wake-ups themselves, up to
 * WAKE_MAX_NS: on a host so busy that it takes longer, spinning mends nothing.
 *
 * Where the backend meets deadlines by itself the hrtimer runs for a sleep only:
 * one that is left over from a sleep cut short costs a look, no more.
 */
void baton_timer_block(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;
	u64 left = baton_timer_left(apic->tsc_deadline, baton_guest_tsc(vcpu));
	bool early = apic->wake_ticks && left > apic->wake_ticks;

	apic->timer_sleep = false;
	/* Fired and not looked at: the sleep ends before it begins. */
	if (!apic->tsc_deadline || READ_ONCE(apic->timer_fired))
		return;
	apic->timer_sleep = left;
	if (!left)
		WRITE_ONCE(apic->timer_fired, true);
	else if (early || baton_deadlines)
		start_deadline(vcpu, apic->tsc_deadline - (early ? apic->wake_ticks : 0));
}

/* Anything better to do than to wait? The timer's own request is not. */
static bool is_wanted(const struct baton_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) & ~BIT(BATON_REQ_EVENT) ||
	       READ_ONCE(vcpu->apic.posted_any) || READ_ONCE(vcpu->nmi_posted) ||
	       signal_pending(current) || need_resched();
}

/* The deadline is `armed_tsc` + `wake_ticks` at most, so the wait is bounded. */
void baton_timer_wake(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;
	u64 most = (u64)WAKE_MAX_NS * vcpu->vm->tsc_khz / 1000000;
	u64 late = baton_guest_tsc(vcpu) - apic->armed_tsc;

	if (!apic->timer_sleep || !READ_ONCE(apic->timer_fired))
		return;
	late = (s64)late < 0 ? 0 : min(late, most);
	apic->wake_ticks += ((s64)late - (s64)apic->wake_ticks) / 4;
	while (apic->tsc_deadline > baton_guest_tsc(vcpu) &&
	       baton_guest_tsc(vcpu) - apic->armed_tsc < most && !is_wanted(vcpu))
		cpu_relax();
}

/* --- one-shot and periodic ------------------------------------------------------ */

static void start_count(struct baton_vcpu *vcpu, u64 left_ns)
{
	struct baton_lapic *apic = &vcpu->apic;

	apic->due_ns = ktime_to_ns(ktime_get()) + left_ns;
	start(apic, apic->due_ns);
}

static void set_period(struct baton_lapic *apic)
{
	apic->period_ns = max(count_ns(apic->regs, apic->regs[APIC_REG_INITIAL_COUNT]),
			      PERIOD_MIN_NS);
}

static void check_count(struct baton_vcpu *vcpu)
{
	struct baton_lapic *apic = &vcpu->apic;
	u64 now = ktime_to_ns(ktime_get());

	if (!apic->due_ns)
		return;
	if (now < apic->due_ns) {
		start(apic, apic->due_ns);
		return;
	}
	if (current_mode(vcpu) == PERIODIC) {
		/* Ticks that nobody could take are one tick, as on a slow CPU. */
		apic->due_ns += (div64_u64(now - apic->due_ns, apic->period_ns) + 1) *
				apic->period_ns;
		start(apic, apic->due_ns);
	} else {
		apic->due_ns = 0;
	}
	baton_apic_local(vcpu, APIC_REG_LVT_TIMER);
}

void baton_timer_set_count(struct baton_vcpu *vcpu, u32 count)
{
	struct baton_lapic *apic = &vcpu->apic;

	if (current_mode(vcpu) == DEADLINE)
		return;
	apic->regs[APIC_REG_INITIAL_COUNT] = count;
	set_period(apic);
	if (!count)
		apic->due_ns = 0;
	else
		start_count(vcpu, current_mode(vcpu) == PERIODIC ? apic->period_ns :
			    count_ns(apic->regs, count));
}

/* ns to the end of the count; 0: stopped or over. */
static u64 left_ns(const struct baton_vcpu *vcpu)
{
	const struct baton_lapic *apic = &vcpu->apic;
	u64 now = ktime_to_ns(ktime_get());

	if (!apic->due_ns || current_mode(vcpu) == DEADLINE)
		return 0;
	if (now < apic->due_ns)
		return apic->due_ns - now;
	if (current_mode(vcpu) != PERIODIC)
		return 0;
	return apic->period_ns - (now - apic->due_ns) % apic->period_ns;
}

u32 baton_timer_count(const struct baton_vcpu *vcpu)
{
	const u32 *regs = vcpu->apic.regs;
	u64 count = left_ns(vcpu) >> divide_shift(regs[APIC_REG_DIVIDE]);

	return min_t(u64, count, regs[APIC_REG_INITIAL_COUNT]);
}

void baton_timer_set_divide(struct baton_vcpu *vcpu, u32 divide)
{
	struct baton_lapic *apic = &vcpu->apic;
	u32 count = baton_timer_count(vcpu);

	apic->regs[APIC_REG_DIVIDE] = divide;
	set_period(apic);
	if (apic->due_ns && count)
		start_count(vcpu, count_ns(apic->regs, count));
}

/* --- both -------------------------------------------------------------------------- */

void baton_timer_set_lvt(struct baton_vcpu *vcpu, u32 lvt)
{
	enum timer_mode old = current_mode(vcpu);
	enum timer_mode new = mode_of(lvt);

	if (new == MODE_RESERVED)
		return;
	vcpu->apic.regs[APIC_REG_LVT_TIMER] = lvt;
	if ((old == DEADLINE) == (new == DEADLINE))
		return;
	/* SDM: a change to or from deadline mode disarms the timer. */
	baton_timer_stop(vcpu);
	vcpu->apic.regs[APIC_REG_INITIAL_COUNT] = 0;
}

void baton_timer_expire(struct baton_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->apic.timer_fired, false);
	vcpu->apic.timer_armed = false;
	if (current_mode(vcpu) == DEADLINE)
		check_deadline(vcpu);
	else
		check_count(vcpu);
}

void baton_timer_get(const struct baton_vcpu *vcpu, struct baton_lapic_state *state)
{
	state->tsc_deadline = vcpu->apic.tsc_deadline;
	/* One that has become due just now is not over: it begins anew with what is left. */
	state->timer_left_ns = vcpu->apic.due_ns && current_mode(vcpu) != DEADLINE ?
				       max(left_ns(vcpu), 1ull) : 0;
}

bool baton_timer_check(const u32 *regs, const struct baton_lapic_state *state)
{
	enum timer_mode mode = mode_of(regs[APIC_REG_LVT_TIMER]);
	u64 period = count_ns(regs, regs[APIC_REG_INITIAL_COUNT]);

	if (mode == MODE_RESERVED)
		return false;
	if (mode == DEADLINE)
		return !state->timer_left_ns;
	/* One-shot too: a guest can turn a period that was too short into one. */
	if (period)
		period = max(period, PERIOD_MIN_NS);
	return !state->tsc_deadline && state->timer_left_ns <= period;
}

void baton_timer_set(struct baton_vcpu *vcpu, const struct baton_lapic_state *state)
{
	struct baton_lapic *apic = &vcpu->apic;

	baton_timer_stop(vcpu);
	set_period(apic);
	apic->tsc_deadline = state->tsc_deadline;
	if (state->timer_left_ns)
		start_count(vcpu, state->timer_left_ns);
	else
		check_deadline(vcpu);
}
