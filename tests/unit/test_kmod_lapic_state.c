// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/lapic_state.c: a local APIC that is saved and loaded goes on where it
 * was; a state that the model could not have got into is refused as a whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "lapic_guest.h"

#define TIMER 0x71
#define MS 1000000ull

static struct baton_vm *vm;
static struct baton_vcpu *v;

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(2);
	v = vm->vcpus[1];
	apic_on(v);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	return 0;
}

static u32 saved(const struct baton_lapic_state *s, u32 reg)
{
	u32 value;

	memcpy(&value, &s->regs[reg * 16], sizeof(value));
	return value;
}

static void change(struct baton_lapic_state *s, u32 reg, u32 value)
{
	memcpy(&s->regs[reg * 16], &value, sizeof(value));
}

/* Saves, resets, loads, and compares what is saved then. */
static void round_trip(void)
{
	struct baton_lapic_state first, second;

	baton_get_lapic(v, &first);
	baton_lapic_reset(v, true);
	assert_int_equal(baton_set_lapic(v, &first), 0);
	baton_get_lapic(v, &second);
	assert_memory_equal(&first, &second, sizeof(first));
}

static void test_round_trip(void **state)
{
	(void)state;
	wr(v, APIC_REG_TPR, 0x30);
	wr(v, APIC_REG_LDR, 0x02000000);
	wr(v, APIC_REG_DFR, 0);
	wr(v, APIC_REG_LVT_LINT0, 0x10700);
	wr(v, APIC_REG_LVT_ERROR, 0xfe);
	wr(v, APIC_REG_ICR2, 0x05000000);
	wr(v, APIC_REG_ICR, 0x45);
	baton_lapic_post(v, 0x91, true);
	assert_int_equal(take(v), 0x91);
	baton_lapic_post(v, 0xa2, true);
	assert_int_equal(take(v), 0xa2);
	baton_lapic_post(v, 0x82, false);
	round_trip();
	/* And what it does: the one in service first. */
	assert_int_equal(take(v), -1);
	wr(v, APIC_REG_EOI, 0);
	assert_true(kmod_take_request(v, BATON_REQ_EOI));
	assert_int_equal(v->apic.eoi_vector, 0xa2);
	assert_int_equal(take(v), -1);
	wr(v, APIC_REG_EOI, 0);
	assert_int_equal(v->apic.eoi_vector, 0x91);
	assert_int_equal(take(v), 0x82);
}

static void test_round_trip_x2(void **state)
{
	struct baton_lapic_state s;

	(void)state;
	x2_on(v);
	assert_true(x2_wr(v, APIC_REG_ICR, 0x0000123400000051));
	assert_true(x2_wr(v, APIC_REG_SELF_IPI, 0x66));
	round_trip();
	assert_int_equal(x2_rd(v, APIC_REG_ICR), 0x0000123400000051);
	assert_int_equal(take(v), 0x66);
	baton_get_lapic(v, &s);
	assert_int_equal(saved(&s, APIC_REG_ID), 1);
	assert_int_equal(saved(&s, APIC_REG_LDR), 2);
	/* The mode comes with IA32_APIC_BASE, before: the other's identity is refused. */
	assert_true(baton_lapic_restore_base(v, BASE_XAPIC));
	assert_int_equal(baton_set_lapic(v, &s), -EINVAL);
	/* Nothing of the other mode is left that could not be loaded. */
	round_trip();
}

static void test_reset_state(void **state)
{
	(void)state;
	baton_lapic_reset(v, false);
	round_trip();
	assert_true(baton_lapic_restore_base(v, APIC_DEFAULT_PHYS_BASE));
	round_trip();
}

static void start_one_shot(u32 ns)
{
	wr(v, APIC_REG_DIVIDE, DIVIDE_BY_1);
	wr(v, APIC_REG_LVT_TIMER, TIMER);
	wr(v, APIC_REG_INITIAL_COUNT, ns);
}

static void test_one_shot(void **state)
{
	struct baton_lapic_state s;

	(void)state;
	start_one_shot(5 * MS);
	kshim_advance(2 * MS);
	round_trip();
	baton_get_lapic(v, &s);
	assert_int_equal(s.timer_left_ns, 3 * MS);
	assert_int_equal(saved(&s, APIC_REG_CURRENT_COUNT), 3 * MS);
	/* Saved time stands still. */
	kshim_advance(100 * MS);
	assert_int_equal(take_and_eoi(v), TIMER);
	assert_int_equal(baton_set_lapic(v, &s), 0);
	kshim_advance(3 * MS - 1);
	assert_int_equal(take_and_eoi(v), -1);
	kshim_advance(1);
	assert_int_equal(take_and_eoi(v), TIMER);
}

static void test_expired(void **state)
{
	struct baton_lapic_state s;

	(void)state;
	start_one_shot(MS);
	kshim_advance(2 * MS);
	/* Nobody has looked yet: it must not be lost. */
	baton_get_lapic(v, &s);
	assert_int_equal(saved(&s, APIC_REG_IRR + TIMER / 32), 1u << TIMER % 32);
	assert_int_equal(s.timer_left_ns, 0);
	baton_lapic_reset(v, true);
	assert_int_equal(baton_set_lapic(v, &s), 0);
	assert_int_equal(take_and_eoi(v), TIMER);
	kshim_advance(100 * MS);
	assert_int_equal(take_and_eoi(v), -1);
}

/* The host's timer interrupt is late: what is due is due all the same. */
static void test_late_interrupt(void **state)
{
	struct baton_lapic_state s;

	(void)state;
	start_one_shot(MS);
	kshim_now += 2 * MS;
	baton_get_lapic(v, &s);
	assert_int_equal(saved(&s, APIC_REG_IRR + TIMER / 32), 1u << TIMER % 32);
	assert_int_equal(s.timer_left_ns, 0);
	assert_int_equal(take_and_eoi(v), TIMER);
	kshim_advance(MS);
	assert_int_equal(take_and_eoi(v), -1);
}

/* It becomes due while it is being saved. */
static void test_due_in_between(void **state)
{
	struct baton_lapic_state s;

	(void)state;
	start_one_shot(MS);
	kshim_advance(MS - 1);
	baton_get_lapic(v, &s);
	kshim_now += 2;
	baton_timer_get(v, &s);
	assert_int_equal(s.timer_left_ns, 1);
	baton_lapic_reset(v, true);
	assert_int_equal(baton_set_lapic(v, &s), 0);
	kshim_advance(1);
	assert_int_equal(take_and_eoi(v), TIMER);
}

static void test_periodic(void **state)
{
	(void)state;
	wr(v, APIC_REG_DIVIDE, DIVIDE_BY_1);
	wr(v, APIC_REG_LVT_TIMER, TIMER | LVT_PERIODIC);
	wr(v, APIC_REG_INITIAL_COUNT, 3 * MS);
	kshim_advance(MS);
	round_trip();
	kshim_advance(2 * MS);
	assert_int_equal(take_and_eoi(v), TIMER);
	kshim_advance(3 * MS);
	assert_int_equal(take_and_eoi(v), TIMER);
	/* Shorter than it may be: the state it leaves is a legal one. */
	wr(v, APIC_REG_INITIAL_COUNT, 1);
	round_trip();
	kshim_advance(100000);
	assert_int_equal(take_and_eoi(v), TIMER);
	/* And so is the one with its rest as a one-shot. */
	wr(v, APIC_REG_LVT_TIMER, TIMER);
	round_trip();
	kshim_advance(100000);
	assert_int_equal(take_and_eoi(v), TIMER);
}

static void test_deadline(void **state)
{
	struct baton_lapic_state s;
	u64 deadline = rdtsc() + v->tsc_offset + 20 * MS;

	(void)state;
	wr(v, APIC_REG_LVT_TIMER, TIMER | LVT_DEADLINE);
	baton_lapic_set_tsc_deadline(v, deadline);
	round_trip();
	baton_get_lapic(v, &s);
	assert_int_equal(s.tsc_deadline, deadline);
	assert_int_equal(s.timer_left_ns, 0);
	kshim_advance(10 * MS + 2);
	assert_int_equal(take_and_eoi(v), TIMER);
	/* It was over while the VM lay in a file. */
	baton_lapic_reset(v, true);
	assert_int_equal(baton_set_lapic(v, &s), 0);
	assert_int_equal(take_and_eoi(v), TIMER);
	assert_int_equal(baton_lapic_get_tsc_deadline(v), 0);
}

/* --- hostile states ------------------------------------------------------------- */

static void refuse(const struct baton_lapic_state *hostile, const char *what)
{
	struct baton_lapic before = v->apic;

	if (baton_set_lapic(v, hostile) != -EINVAL)
		fail_msg("%s was taken", what);
	assert_memory_equal(&before, &v->apic, sizeof(before));
}

static void test_every_reserved_bit(void **state)
{
	struct baton_lapic_state good, bad;
	char what[64];
	u32 reg, bit;

	(void)state;
	baton_get_lapic(v, &good);
	for (reg = 0; reg < BATON_APIC_REGS; reg++) {
		/* Any value is taken where the value follows from others. */
		bool free = reg == 0x03 || reg == 0x09 || reg == 0x0a || reg == 0x0b ||
			    reg == 0x39 || reg == APIC_REG_INITIAL_COUNT;
		bool vectors = reg >= 0x10 && reg < 0x28;

		for (bit = 0; bit < 32; bit++) {
			u32 mask = reg == APIC_REG_LVT_TIMER ? 0x700ff :
				   reg == APIC_REG_ESR ? 0xff :
				   vectors ? (reg & 7 ? ~0u : 0xffff0000) :
				   reg == APIC_REG_SELF_IPI ? 0 : baton_apic_writable(v, reg);

			if (free || mask >> bit & 1)
				continue;
			bad = good;
			change(&bad, reg, saved(&good, reg) ^ 1u << bit);
			snprintf(what, sizeof(what), "register 0x%x, bit %u", reg, bit);
			refuse(&bad, what);
		}
	}
	assert_int_equal(baton_set_lapic(v, &good), 0);
}

static void test_every_gap(void **state)
{
	struct baton_lapic_state bad;
	size_t i;

	(void)state;
	baton_get_lapic(v, &bad);
	for (i = 0; i < sizeof(bad.regs); i++) {
		if (i % 16 < 4)
			continue;
		bad.regs[i] = 1;
		refuse(&bad, "a byte between the registers");
		bad.regs[i] = 0;
	}
	for (i = 0; i < ARRAY_SIZE(bad.reserved); i++) {
		bad.reserved[i] = 1ull << 63;
		refuse(&bad, "a reserved field");
		bad.reserved[i] = 0;
	}
	assert_int_equal(baton_set_lapic(v, &bad), 0);
}

static void test_hostile_timer(void **state)
{
	struct baton_lapic_state good, bad;

	(void)state;
	wr(v, APIC_REG_DIVIDE, 0);
	wr(v, APIC_REG_LVT_TIMER, TIMER);
	wr(v, APIC_REG_INITIAL_COUNT, MS);
	baton_get_lapic(v, &good);
	bad = good;
	bad.timer_left_ns = 2 * MS + 1;	/* divided by 2 */
	refuse(&bad, "more time left than there was");
	bad.timer_left_ns = ~0ull;
	refuse(&bad, "time without end");
	bad = good;
	bad.tsc_deadline = 1;
	refuse(&bad, "a deadline outside of its mode");
	bad = good;
	change(&bad, APIC_REG_LVT_TIMER, TIMER | LVT_DEADLINE);
	refuse(&bad, "a count in deadline mode");
	change(&bad, APIC_REG_LVT_TIMER, TIMER | LVT_DEADLINE | LVT_PERIODIC);
	refuse(&bad, "a reserved mode");
	bad = good;
	change(&bad, APIC_REG_INITIAL_COUNT, 0);
	refuse(&bad, "time left of no count");
	change(&bad, APIC_REG_LVT_TIMER, TIMER | LVT_PERIODIC);
	refuse(&bad, "time left of no period");
	bad.timer_left_ns = 0;
	assert_int_equal(baton_set_lapic(v, &bad), 0);
	kshim_advance(100 * MS);
	assert_int_equal(take(v), -1);
}

static void test_hostile_lvts(void **state)
{
	struct baton_lapic_state good, bad;
	u32 lvt;

	(void)state;
	wr(v, APIC_REG_SVR, 0xff);
	baton_get_lapic(v, &good);
	for (lvt = APIC_REG_LVT_TIMER; lvt <= APIC_REG_LVT_ERROR; lvt++) {
		bad = good;
		change(&bad, lvt, 0x40);
		refuse(&bad, "an unmasked LVT of a disabled APIC");
		change(&bad, lvt, 0x700);
		if (lvt != APIC_REG_LVT_LINT0)
			refuse(&bad, "an unmasked LVT other than LINT0");
	}
}

/* LINT0 as ExtINT of an APIC that firmware has not enabled yet. */
static void test_virtual_wire(void **state)
{
	struct baton_lapic_state s;

	(void)state;
	baton_lapic_reset(v, false);
	baton_get_lapic(v, &s);
	change(&s, APIC_REG_LVT_LINT0, 0x700);
	assert_int_equal(baton_set_lapic(v, &s), 0);
	assert_true(baton_apic_takes_extint(&v->apic));
	round_trip();
	assert_true(baton_apic_takes_extint(&v->apic));
	/* Enabling leaves it open; then it is the guest's. */
	wr(v, APIC_REG_SVR, 0x1ff);
	assert_true(baton_apic_takes_extint(&v->apic));
	wr(v, APIC_REG_SVR, 0xff);
	assert_false(baton_apic_takes_extint(&v->apic));
}

/* What the vCPU had noted before is not the loaded state's. */
static void test_old_errors(void **state)
{
	struct baton_lapic_state s;

	(void)state;
	baton_get_lapic(v, &s);
	rd(v, APIC_REG_SELF_IPI);
	assert_int_equal(baton_set_lapic(v, &s), 0);
	wr(v, APIC_REG_ESR, 0);
	assert_int_equal(rd(v, APIC_REG_ESR), 0);
}

static void test_foreign_id(void **state)
{
	struct baton_lapic_state other;

	(void)state;
	baton_get_lapic(vm->vcpus[0], &other);
	refuse(&other, "another vCPU's state");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_round_trip), T(test_round_trip_x2), T(test_reset_state), T(test_one_shot),
		T(test_expired), T(test_late_interrupt), T(test_due_in_between),
		T(test_periodic), T(test_deadline),
		T(test_every_reserved_bit),
		T(test_every_gap), T(test_hostile_timer), T(test_hostile_lvts),
		T(test_virtual_wire),
		T(test_old_errors), T(test_foreign_id),
	};

	return cmocka_run_group_tests_name("kmod lapic state", tests, NULL, NULL);
}
