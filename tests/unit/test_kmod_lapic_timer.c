// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/lapic_timer.c: one-shot, periodic and TSC deadline, on a clock that the
 * test moves. The bus clock is 1 GHz: a count is a number of ns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "lapic_guest.h"

#define VECTOR 0x71
#define MS 1000000ull

static struct baton_vm *vm;
static struct baton_vcpu *v;

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(1);
	v = vm->vcpus[0];
	apic_on(v);
	wr(v, APIC_REG_DIVIDE, DIVIDE_BY_1);
	wr(v, APIC_REG_LVT_TIMER, VECTOR);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	return 0;
}

/* Interrupts taken when the guest looks once, after `ns` more. */
static int after(u64 ns)
{
	kshim_advance(ns);
	return take_and_eoi(v);
}

static u64 guest_tsc(void)
{
	return rdtsc() + v->tsc_offset;
}

static void test_one_shot(void **state)
{
	(void)state;
	wr(v, APIC_REG_INITIAL_COUNT, 5 * MS);
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), 5 * MS);
	assert_int_equal(after(2 * MS), -1);
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), 3 * MS);
	assert_int_equal(after(3 * MS - 1), -1);
	kmod_take_request(v, BATON_REQ_EVENT);
	kshim_advance(1);
	assert_true(kmod_take_request(v, BATON_REQ_EVENT));
	assert_true(baton_apic_has_work(&v->apic));
	assert_int_equal(take_and_eoi(v), VECTOR);
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), 0);
	assert_int_equal(rd(v, APIC_REG_INITIAL_COUNT), 5 * MS);
	assert_int_equal(after(100 * MS), -1);
	/* Read-only. */
	wr(v, APIC_REG_CURRENT_COUNT, 7);
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), 0);
}

static void test_stop_and_restart(void **state)
{
	(void)state;
	wr(v, APIC_REG_INITIAL_COUNT, 5 * MS);
	kshim_advance(MS);
	wr(v, APIC_REG_INITIAL_COUNT, 0);
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), 0);
	assert_int_equal(after(10 * MS), -1);
	wr(v, APIC_REG_INITIAL_COUNT, 5 * MS);
	kshim_advance(4 * MS);
	wr(v, APIC_REG_INITIAL_COUNT, 5 * MS);
	assert_int_equal(after(4 * MS), -1);
	assert_int_equal(after(MS), VECTOR);
}

static void test_divide(void **state)
{
	static const u8 shift[] = { 1, 2, 3, 4, 5, 6, 7, 0 };
	u32 i;

	(void)state;
	for (i = 0; i < 8; i++) {
		wr(v, APIC_REG_DIVIDE, (i & 3) | (i & 4) << 1);
		wr(v, APIC_REG_INITIAL_COUNT, MS);
		assert_int_equal(after((MS << shift[i]) / 2), -1);
		assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), MS / 2);
		assert_int_equal(after((MS << shift[i]) / 2 - 1), -1);
		assert_int_equal(after(1), VECTOR);
	}
}

static void test_divide_while_running(void **state)
{
	(void)state;
	wr(v, APIC_REG_INITIAL_COUNT, 4 * MS);
	kshim_advance(MS);
	wr(v, APIC_REG_DIVIDE, 0);	/* by 2: the other 3 take 6 */
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), 3 * MS);
	assert_int_equal(after(6 * MS - 1), -1);
	assert_int_equal(after(1), VECTOR);
	/* Nothing runs: a new divisor starts nothing. */
	wr(v, APIC_REG_DIVIDE, DIVIDE_BY_1);
	assert_int_equal(after(100 * MS), -1);
}

static void test_masked(void **state)
{
	(void)state;
	wr(v, APIC_REG_LVT_TIMER, VECTOR | APIC_LVT_IS_MASKED);
	wr(v, APIC_REG_INITIAL_COUNT, MS);
	assert_int_equal(after(MS / 2), -1);
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), MS / 2);
	assert_int_equal(after(MS), -1);
	/* Not delivered later either. */
	wr(v, APIC_REG_LVT_TIMER, VECTOR);
	assert_int_equal(take(v), -1);
}

static void test_periodic(void **state)
{
	int i;

	(void)state;
	wr(v, APIC_REG_LVT_TIMER, VECTOR | LVT_PERIODIC);
	wr(v, APIC_REG_INITIAL_COUNT, 3 * MS);
	for (i = 0; i < 5; i++) {
		assert_int_equal(after(3 * MS - 1), -1);
		assert_int_equal(after(1), VECTOR);
	}
	/* Ticks missed are one tick, and the rhythm stays. */
	assert_int_equal(after(10 * MS), VECTOR);
	assert_int_equal(take(v), -1);
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), 2 * MS);
	assert_int_equal(after(2 * MS), VECTOR);
	/* To one-shot while it runs: one more. */
	wr(v, APIC_REG_LVT_TIMER, VECTOR);
	assert_int_equal(after(3 * MS), VECTOR);
	assert_int_equal(after(30 * MS), -1);
}

static void test_periodic_unwatched(void **state)
{
	(void)state;
	wr(v, APIC_REG_LVT_TIMER, VECTOR | LVT_PERIODIC);
	wr(v, APIC_REG_INITIAL_COUNT, 3 * MS);
	/* The count wraps by itself, though nobody has looked at the interrupt. */
	kshim_advance(7 * MS);
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), 2 * MS);
}

static void test_shortest_period(void **state)
{
	int i;

	(void)state;
	wr(v, APIC_REG_LVT_TIMER, VECTOR | LVT_PERIODIC);
	wr(v, APIC_REG_INITIAL_COUNT, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(after(99999), -1);
		assert_int_equal(after(1), VECTOR);
	}
	assert_true(rd(v, APIC_REG_CURRENT_COUNT) <= 1);
	/* One-shot has no such limit. */
	wr(v, APIC_REG_LVT_TIMER, VECTOR);
	wr(v, APIC_REG_INITIAL_COUNT, 10);
	assert_int_equal(after(10), VECTOR);
}

static void test_longest(void **state)
{
	(void)state;
	wr(v, APIC_REG_DIVIDE, 0xa);	/* by 128 */
	wr(v, APIC_REG_INITIAL_COUNT, ~0u);
	assert_int_equal(after(0xffffffffull * 128 - 1), -1);
	assert_int_equal(after(1), VECTOR);
}

/* --- TSC deadline: 2 ticks are 1 ns ------------------------------------------------ */

static void deadline_mode(void)
{
	wr(v, APIC_REG_LVT_TIMER, VECTOR | LVT_DEADLINE);
}

static void test_deadline(void **state)
{
	u64 deadline = guest_tsc() + 2 * MS;

	(void)state;
	deadline_mode();
	baton_lapic_set_tsc_deadline(v, deadline);
	assert_int_equal(baton_lapic_get_tsc_deadline(v), deadline);
	assert_int_equal(after(MS - 1), -1);
	/* At most a few ns late, never early. */
	assert_int_equal(after(3), VECTOR);
	assert_true(guest_tsc() >= deadline);
	assert_int_equal(baton_lapic_get_tsc_deadline(v), 0);
	assert_int_equal(after(100 * MS), -1);
	/* One that is over. */
	baton_lapic_set_tsc_deadline(v, 1);
	assert_int_equal(take_and_eoi(v), VECTOR);
	assert_int_equal(baton_lapic_get_tsc_deadline(v), 0);
}

static void test_deadline_moves(void **state)
{
	u64 now = guest_tsc();

	(void)state;
	deadline_mode();
	baton_lapic_set_tsc_deadline(v, now + 2 * MS);
	/* Later: not at the old time. */
	baton_lapic_set_tsc_deadline(v, now + 6 * MS);
	assert_int_equal(after(2 * MS), -1);
	assert_int_equal(after(MS + 3), VECTOR);
	/* Sooner. */
	now = guest_tsc();
	baton_lapic_set_tsc_deadline(v, now + 20 * MS);
	baton_lapic_set_tsc_deadline(v, now + 2 * MS);
	assert_int_equal(after(MS + 3), VECTOR);
	assert_int_equal(after(100 * MS), -1);
	/* Away. */
	baton_lapic_set_tsc_deadline(v, guest_tsc() + 2 * MS);
	baton_lapic_set_tsc_deadline(v, 0);
	assert_int_equal(after(100 * MS), -1);
}

static void test_deadline_far(void **state)
{
	(void)state;
	deadline_mode();
	baton_lapic_set_tsc_deadline(v, ~0ull);
	assert_int_equal(after(1ull << 50), -1);
	assert_int_equal(baton_lapic_get_tsc_deadline(v), ~0ull);
	/* And from there to a near one. */
	baton_lapic_set_tsc_deadline(v, guest_tsc() + 2 * MS);
	assert_int_equal(after(MS + 3), VECTOR);
}

/* A long count still has its hrtimer, which is no good for the deadline that follows it. */
static void test_deadline_behind_count(void **state)
{
	(void)state;
	wr(v, APIC_REG_INITIAL_COUNT, 0xffffffff);
	deadline_mode();
	baton_lapic_set_tsc_deadline(v, guest_tsc() + 2 * MS);
	assert_int_equal(after(MS + 3), VECTOR);
	assert_int_equal(after(5000 * MS), -1);
}

/* As "never": a vCPU that halts sleeps, and is not told that its timer has fired. */
static void test_deadline_never(void **state)
{
	(void)state;
	deadline_mode();
	baton_lapic_set_tsc_deadline(v, ~0ull);
	baton_timer_block(v);
	assert_false(v->apic.timer_fired);
	assert_true(v->apic.timer_sleep);
	/* Over: it is told. */
	v->apic.tsc_deadline = 1;
	baton_timer_block(v);
	assert_true(v->apic.timer_fired);
}

static void test_deadline_other_modes(void **state)
{
	(void)state;
	baton_lapic_set_tsc_deadline(v, guest_tsc() + MS);
	assert_int_equal(baton_lapic_get_tsc_deadline(v), 0);
	assert_int_equal(after(100 * MS), -1);
	/* The count is not there in deadline mode. */
	deadline_mode();
	wr(v, APIC_REG_INITIAL_COUNT, MS);
	assert_int_equal(rd(v, APIC_REG_INITIAL_COUNT), 0);
	assert_int_equal(rd(v, APIC_REG_CURRENT_COUNT), 0);
	assert_int_equal(after(100 * MS), -1);
	/* A change of mode disarms, both ways. */
	baton_lapic_set_tsc_deadline(v, guest_tsc() + 2 * MS);
	wr(v, APIC_REG_LVT_TIMER, VECTOR);
	assert_int_equal(after(100 * MS), -1);
	wr(v, APIC_REG_INITIAL_COUNT, MS);
	deadline_mode();
	assert_int_equal(baton_lapic_get_tsc_deadline(v), 0);
	assert_int_equal(after(100 * MS), -1);
}

static void test_no_deadline_mode(void **state)
{
	(void)state;
	v->cpuid.features &= ~BATON_GF_TSC_DEADLINE;
	deadline_mode();
	assert_int_equal(rd(v, APIC_REG_LVT_TIMER), VECTOR);
	v->cpuid.features |= BATON_GF_TSC_DEADLINE;
	wr(v, APIC_REG_LVT_TIMER, 0x60000 | 0x99);	/* reserved: ignored */
	assert_int_equal(rd(v, APIC_REG_LVT_TIMER), VECTOR);
}

static void test_tsc_changes(void **state)
{
	u64 deadline = guest_tsc() + 20 * MS;

	(void)state;
	deadline_mode();
	baton_lapic_set_tsc_deadline(v, deadline);
	/* Guest time jumps ahead: the deadline is nearer. */
	v->tsc_offset += 18 * MS;
	baton_lapic_tsc_changed(v);
	assert_int_equal(after(MS + 3), VECTOR);
	/* Back: further away. */
	baton_lapic_set_tsc_deadline(v, guest_tsc() + 2 * MS);
	v->tsc_offset -= 2 * MS;
	baton_lapic_tsc_changed(v);
	assert_int_equal(after(MS + 3), -1);
	assert_int_equal(after(MS), VECTOR);
	/* Over it. */
	baton_lapic_set_tsc_deadline(v, guest_tsc() + 2 * MS);
	v->tsc_offset += 2 * MS;
	baton_lapic_tsc_changed(v);
	assert_int_equal(take_and_eoi(v), VECTOR);
}

static void test_reset_stops(void **state)
{
	(void)state;
	wr(v, APIC_REG_INITIAL_COUNT, MS);
	baton_lapic_reset(v, true);
	apic_on(v);
	wr(v, APIC_REG_LVT_TIMER, VECTOR);
	assert_int_equal(after(100 * MS), -1);
	deadline_mode();
	baton_lapic_set_tsc_deadline(v, guest_tsc() + MS);
	baton_lapic_reset(v, true);
	apic_on(v);
	deadline_mode();
	assert_int_equal(after(100 * MS), -1);
}

/* Software-disabled while it counts: it counts on, and has its interrupt masked. */
static void test_disabled(void **state)
{
	(void)state;
	wr(v, APIC_REG_LVT_TIMER, VECTOR | LVT_PERIODIC);
	wr(v, APIC_REG_INITIAL_COUNT, MS);
	wr(v, APIC_REG_SVR, 0xff);
	assert_int_equal(after(MS), -1);
	apic_on(v);
	assert_int_equal(after(MS), -1);
	wr(v, APIC_REG_LVT_TIMER, VECTOR | LVT_PERIODIC);
	assert_int_equal(after(MS), VECTOR);
}

#define US 1000ull

/* Sleeps in HLT before a deadline 2 ms away, and is awake `late` after the hrtimer. */
static void sleep_until_deadline(u64 late)
{
	baton_lapic_set_tsc_deadline(v, guest_tsc() + 4 * MS);
	baton_timer_block(v);
	while (!baton_apic_has_news(&v->apic))
		kshim_advance(1);
	kshim_advance(late);
}

static void test_sleep_is_short(void **state)
{
	int i;

	(void)state;
	deadline_mode();
	for (i = 0; i < 40; i++) {
		sleep_until_deadline(10 * US);
		baton_timer_wake(v);
		/* Reached in any case, at last not by more than one look at the clock. */
		assert_int_equal(baton_lapic_get_tsc_deadline(v), 0);
		assert_int_equal(take_and_eoi(v), VECTOR);
	}
	sleep_until_deadline(0);
	assert_true(v->apic.tsc_deadline - guest_tsc() > 2 * 9 * US);
	assert_true(v->apic.tsc_deadline - guest_tsc() < 2 * 11 * US);
	baton_timer_wake(v);
	assert_int_equal(take_and_eoi(v), VECTOR);
	/* What takes longer than the limit is not waited for. */
	for (i = 0; i < 40; i++) {
		sleep_until_deadline(MS);
		assert_int_equal(take_and_eoi(v), VECTOR);
		baton_timer_wake(v);
	}
	sleep_until_deadline(0);
	assert_true(v->apic.tsc_deadline - guest_tsc() <= 2 * 30 * US);
}

/* Whatever else there is to do ends the wait before the deadline. */
static void test_wait_ends(void **state)
{
	int what;

	(void)state;
	deadline_mode();
	v->apic.wake_ticks = 2 * 20 * US;
	for (what = 0; what < 5; what++) {
		ktime_t began;

		sleep_until_deadline(0);
		began = kshim_now;
		if (what == 0)
			set_bit(BATON_REQ_KICK, &v->requests);
		else if (what == 1)
			baton_lapic_post(v, 0x99, false);
		else if (what == 2)
			v->nmi_posted = true;
		else
			kshim_thread_info.flags = what == 3 ? _TIF_SIGPENDING : _TIF_NEED_RESCHED;
		baton_timer_wake(v);
		assert_true(kshim_now - began <= 200);
		kmod_take_request(v, BATON_REQ_KICK);
		v->nmi_posted = false;
		kshim_thread_info.flags = 0;
		/* And the deadline is met all the same. */
		assert_int_equal(take_and_eoi(v), what == 1 ? 0x99 : -1);
		assert_int_equal(after(MS), VECTOR);
		v->apic.wake_ticks = 2 * 20 * US;
	}
}

/* A backend that ends the guest at its deadline: the hrtimer is for sleeps alone. */
static void test_backend_deadlines(void **state)
{
	(void)state;
	baton_deadlines = true;
	deadline_mode();
	baton_lapic_set_tsc_deadline(v, guest_tsc() + 2 * MS);
	kshim_advance(2 * MS);
	assert_false(baton_apic_has_news(&v->apic));
	/* Over when it goes to sleep: it does not, and there is nothing to learn. */
	baton_timer_block(v);
	assert_true(baton_apic_has_news(&v->apic));
	baton_timer_wake(v);
	assert_int_equal(v->apic.wake_ticks, 0);
	assert_int_equal(take_and_eoi(v), VECTOR);
	baton_lapic_set_tsc_deadline(v, guest_tsc() + 4 * MS);
	baton_timer_block(v);
	assert_int_equal(after(MS), -1);
	/* The sleep was cut short, and time changed before the next one. */
	v->tsc_offset += MS;
	baton_lapic_tsc_changed(v);
	baton_timer_block(v);
	assert_int_equal(after(MS / 2 - 1), -1);
	assert_int_equal(after(3), VECTOR);
	baton_deadlines = false;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_one_shot), T(test_stop_and_restart), T(test_divide),
		T(test_divide_while_running), T(test_masked), T(test_periodic),
		T(test_periodic_unwatched), T(test_shortest_period), T(test_longest),
		T(test_deadline), T(test_deadline_moves), T(test_deadline_far),
		T(test_deadline_behind_count), T(test_deadline_never),
		T(test_deadline_other_modes), T(test_no_deadline_mode), T(test_tsc_changes),
		T(test_reset_stops), T(test_disabled), T(test_sleep_is_short), T(test_wait_ends),
		T(test_backend_deadlines),
	};

	return cmocka_run_group_tests_name("kmod lapic timer", tests, NULL, NULL);
}
