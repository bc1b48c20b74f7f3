// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/pvclock.c: what the guest computes from its page is the VM's clock, on
 * hosts of any TSC frequency; and memory that is not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "kmod_env.h"

#define WALL_CLOCK 0x4b564d00u
#define SYSTEM_TIME 0x4b564d01u
#define PAGE 0x3000u
#define RAM 0x10000u

static struct baton_vm *vm;
static struct baton_vcpu *v;
static u8 *memory;

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(2);
	v = vm->vcpus[0];
	memory = kmod_ram_add(vm, 0, 0, RAM);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	tsc_khz = 2000000;
	return 0;
}

static void update(struct baton_vcpu *vcpu, u32 msr, u64 value)
{
	assert_true(baton_msr_write(vcpu, msr, false, value));
	baton_pvclock_update(vcpu);
}

/* Does the page say that any vCPU may read any page? */
static bool is_stable(u64 gpa)
{
	struct pvclock_vcpu_time_info info;

	memcpy(&info, memory + gpa, sizeof(info));
	return info.flags & PVCLOCK_TSC_STABLE_BIT;
}

static bool says_stopped(u64 gpa)
{
	struct pvclock_vcpu_time_info info;

	memcpy(&info, memory + gpa, sizeof(info));
	return info.flags & PVCLOCK_GUEST_STOPPED;
}

/* Linux, pvclock_clocksource_read(): the time now by what the page says. */
static u64 guest_time(const struct baton_vcpu *vcpu, u64 gpa)
{
	struct pvclock_vcpu_time_info info;
	u64 delta;

	memcpy(&info, memory + gpa, sizeof(info));
	assert_int_equal(info.version & 1, 0);
	assert_true(info.version);
	delta = baton_guest_tsc(vcpu) - info.tsc_timestamp;
	if (info.tsc_shift < 0)
		delta >>= -info.tsc_shift;
	else
		delta <<= info.tsc_shift;
	return info.system_time + mul_u64_u32_shr(delta, info.tsc_to_system_mul, 32);
}

static void near(u64 is, u64 want, u64 tolerance)
{
	if (is + tolerance < want || is > want + tolerance)
		fail_msg("%llu, not %llu", (unsigned long long)is, (unsigned long long)want);
}

static void check_frequency(unsigned int khz)
{
	const u64 day = 86400ull * NSEC_PER_SEC;

	tsc_khz = khz;
	baton_clock_init(vm);
	v->tsc_offset = 0 - rdtsc();
	update(v, SYSTEM_TIME, PAGE | 1);
	kshim_advance(NSEC_PER_SEC);
	near(guest_time(v, PAGE), NSEC_PER_SEC, 1000);
	kshim_advance(day);
	/* Within 1 ppm for a day on the same line. */
	near(guest_time(v, PAGE), day + NSEC_PER_SEC, day / 1000000);
	assert_int_equal(guest_time(v, PAGE), baton_vm_clock_ns(vm));
}

static void test_frequencies(void **state)
{
	static const unsigned int khz[] = {
		500000, 999999, 1000000, 1000001, 1999999, 2000000, 2000001, 2893437, 3600000,
		4000000, 5800000,
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(khz); i++)
		check_frequency(khz[i]);
}

/* A VM whose TSC runs at another speed: its clock and its deadlines know. */
static void check_scaled(u8 frac, u32 khz)
{
	const u64 ms = NSEC_PER_MSEC;

	kmod_vm_destroy(vm);
	vm = kmod_vm_create(0);
	baton_tsc_frac = frac;
	kshim_advance(123456789);
	assert_int_equal(baton_vm_set_tsc_khz(vm, &(struct baton_tsc_khz) { .khz = khz }), 0);
	v = kmod_vcpu_add(vm, 0);
	memory = kmod_ram_add(vm, 0, 0, RAM);
	near(baton_guest_tsc(v), 0, 1);
	update(v, SYSTEM_TIME, PAGE | 1);
	kshim_advance(5000 * ms);
	near(baton_guest_tsc(v), 5000ull * khz, 2);
	near(guest_time(v, PAGE), 5000 * ms, 5000);
	assert_int_equal(guest_time(v, PAGE), baton_vm_clock_ns(vm));
	near(baton_tsc_unscale(vm, 1000ull * khz), 1000ull * tsc_khz, 16);
	v->apic.regs[APIC_REG_SVR] = 0x1ff;
	v->apic.regs[APIC_REG_LVT_TIMER] = 2 << 17 | 0x40;
	baton_lapic_set_tsc_deadline(v, baton_guest_tsc(v) + 10ull * khz);
	kshim_advance(10 * ms - 2000);
	assert_int_equal(baton_lapic_pending(v), -1);
	kshim_advance(4000);
	assert_int_equal(baton_lapic_pending(v), 0x40);
	baton_vm_clock_set(vm, 77);
	baton_pvclock_update(v);
	near(guest_time(v, PAGE), 77, 2);
	baton_tsc_frac = 0;
}

static void test_scaled(void **state)
{
	static const u32 khz[] = { 125000, 700001, 1999000, 2001000, 3333333, 32000000 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(khz); i++) {
		check_scaled(32, khz[i]);
		check_scaled(48, khz[i]);
	}
}

static void test_frequency_refused(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	vm = kmod_vm_create(0);
#define SET(hz, ...) baton_vm_set_tsc_khz(vm, &(struct baton_tsc_khz) { .khz = hz, __VA_ARGS__ })
	assert_int_equal(SET(tsc_khz, .reserved = 1), -EINVAL);
	assert_int_equal(SET(0), -EINVAL);
	assert_int_equal(SET(124999), -EINVAL);
	assert_int_equal(SET(32000001), -EINVAL);
	assert_int_equal(SET(U32_MAX), -EINVAL);
	assert_int_equal(SET(1000000), -EOPNOTSUPP);
	assert_int_equal(SET(2000000), 0);
	assert_int_equal(SET(2000500), 0);
	assert_int_equal(vm->tsc_ratio, 0);
	assert_int_equal(SET(2000501), -EOPNOTSUPP);
	kmod_vcpu_add(vm, 3);
	assert_int_equal(SET(2000000), -EBUSY);
#undef SET
}

static void test_two_vcpus(void **state)
{
	struct baton_vcpu *w = vm->vcpus[1];

	(void)state;
	update(v, SYSTEM_TIME, PAGE | 1);
	assert_true(is_stable(PAGE));
	w->tsc_offset = v->tsc_offset + 1234567;
	update(v, SYSTEM_TIME, PAGE | 1);
	assert_false(is_stable(PAGE));
	kshim_advance(777777);
	update(w, SYSTEM_TIME, (PAGE + 64) | 1);
	kshim_advance(1000);
	near(guest_time(w, PAGE + 64), guest_time(v, PAGE), 2);
}

static void test_tsc_moves(void **state)
{
	u64 before;

	(void)state;
	update(v, SYSTEM_TIME, PAGE | 1);
	kshim_advance(5000);
	before = guest_time(v, PAGE);
	/* The guest sets its TSC: its clock goes on as if nothing was. */
	assert_true(baton_msr_write(v, 0x10, false, 42));
	assert_true(kmod_take_request(v, BATON_REQ_CLOCK));
	baton_pvclock_update(v);
	near(guest_time(v, PAGE), before, 2);
}

static void test_clock_set(void **state)
{
	(void)state;
	update(v, SYSTEM_TIME, PAGE | 1);
	v->requests = 0;
	baton_vm_clock_set(vm, 123456789);
	assert_true(kmod_take_request(v, BATON_REQ_CLOCK));
	assert_true(kmod_take_request(vm->vcpus[1], BATON_REQ_CLOCK));
	baton_pvclock_update(v);
	near(guest_time(v, PAGE), 123456789, 2);
	near(baton_vm_clock_ns(vm), 123456789, 2);
}

/* The host has slept: told until the guest has taken the flag away. */
static void test_stopped(void **state)
{
	(void)state;
	update(v, SYSTEM_TIME, PAGE | 1);
	assert_false(says_stopped(PAGE));
	baton_vm_stopped(v->vm);
	baton_pvclock_update(v);
	assert_true(says_stopped(PAGE));
	assert_true(is_stable(PAGE));
	baton_pvclock_update(v);
	assert_true(says_stopped(PAGE));
	memory[PAGE + offsetof(struct pvclock_vcpu_time_info, flags)] = 0;
	baton_pvclock_update(v);
	assert_false(says_stopped(PAGE));
}

static void test_versions(void **state)
{
	u32 version, i;

	(void)state;
	/* A guest that left an odd number there: the next even one all the same. */
	for (i = 0; i < 5; i++) {
		memcpy(memory + PAGE, &i, sizeof(i));
		update(v, SYSTEM_TIME, PAGE | 1);
		memcpy(&version, memory + PAGE, sizeof(version));
		assert_int_equal(version & 1, 0);
		assert_true(version > i);
	}
	i = ~0u;
	memcpy(memory + PAGE, &i, sizeof(i));
	update(v, SYSTEM_TIME, PAGE | 1);
	memcpy(&version, memory + PAGE, sizeof(version));
	assert_int_equal(version & 1, 0);
}

static void test_off(void **state)
{
	(void)state;
	update(v, SYSTEM_TIME, PAGE);
	assert_null(memchr_inv(memory, 0, RAM));
}

static void test_wall_clock(void **state)
{
	struct pvclock_wall_clock wall;

	(void)state;
	kshim_advance(3 * NSEC_PER_SEC + 500);
	update(v, WALL_CLOCK, PAGE);
	memcpy(&wall, memory + PAGE, sizeof(wall));
	assert_int_equal(wall.version & 1, 0);
	/* When the VM's clock was 0: the shim's clock was 1 s then. */
	near((u64)wall.sec * NSEC_PER_SEC + wall.nsec, NSEC_PER_SEC, 2);
	/* Once for each write of the MSR. */
	memset(memory + PAGE, 0, sizeof(wall));
	baton_pvclock_update(v);
	assert_null(memchr_inv(memory, 0, RAM));
}

static void test_bad_places(void **state)
{
	static const u64 places[] = { RAM, RAM - 4, RAM - 28, 0xfffffffffc, 0x20000 };
	size_t i;

	(void)state;
	kmod_ram_add(vm, 1, 0x20000, 0x1000);
	assert_int_equal(baton_slot_set(vm, &(struct baton_slot) { .id = 1 }), 0);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		update(v, SYSTEM_TIME, places[i] | 1);
		update(v, WALL_CLOCK, places[i] < RAM ? RAM - 8 : places[i]);
		assert_null(memchr_inv(memory, 0, RAM));
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_frequencies), T(test_two_vcpus), T(test_tsc_moves), T(test_clock_set),
		T(test_stopped),
		T(test_versions), T(test_scaled), T(test_frequency_refused),
		T(test_off), T(test_wall_clock), T(test_bad_places),
	};

	return cmocka_run_group_tests_name("kmod pvclock", tests, NULL, NULL);
}
