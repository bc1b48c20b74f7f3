// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/msr.c: which MSRs there are, which bits they take, and that nothing of
 * the host's shows through.
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
#define PV_EOI 0x4b564d04u
#define SPEC_CTRL 0x48u
#define PRED_CMD 0x49u

static struct baton_vm *vm;
static struct baton_vcpu *v;
static unsigned int host_reads;

static bool host_rdmsr(u32 index, u64 *value)
{
	host_reads++;
	*value = ~0ull;
	assert_int_equal(index, MSR_IA32_ARCH_CAPABILITIES);
	return true;
}

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(1);
	v = vm->vcpus[0];
	kshim_host_rdmsr = host_rdmsr;
	host_reads = 0;
	kshim_wrmsr_count = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kshim_host_rdmsr = NULL;
	kmod_vm_destroy(vm);
	return 0;
}

static u64 rdmsr(u32 index)
{
	u64 value;

	if (!baton_msr_read(v, index, false, &value))
		fail_msg("MSR 0x%x is not there", index);
	return value;
}

static bool wrmsr(u32 index, u64 value)
{
	return baton_msr_write(v, index, false, value);
}

static bool wrmsr_host(u32 index, u64 value)
{
	return baton_msr_write(v, index, true, value);
}

/* Every MSR a guest with all features can read, and the feature it comes with. */
static const struct {
	u32 first, last, feature;
} readable[] = {
	{ 0x10, 0x10, 0 }, { 0x17, 0x17, 0 }, { 0x1b, 0x1b, 0 }, { 0x3a, 0x3a, 0 },
	{ 0x3b, 0x3b, BATON_GF_TSC_ADJUST }, { 0x48, 0x48, BATON_GF_SPEC_CTRL },
	{ 0x8b, 0x8b, 0 }, { 0xfe, 0xfe, BATON_GF_MTRR }, { 0x10a, 0x10a, BATON_GF_ARCH_CAP },
	{ 0x174, 0x176, 0 }, { 0x179, 0x17a, 0 }, { 0x1a0, 0x1a0, 0 }, { 0x1d9, 0x1d9, 0 },
	{ 0x200, 0x20f, BATON_GF_MTRR }, { 0x250, 0x250, BATON_GF_MTRR },
	{ 0x258, 0x259, BATON_GF_MTRR }, { 0x268, 0x26f, BATON_GF_MTRR }, { 0x277, 0x277, 0 },
	{ 0x2ff, 0x2ff, BATON_GF_MTRR }, { 0x6e0, 0x6e0, BATON_GF_TSC_DEADLINE },
	{ WALL_CLOCK, SYSTEM_TIME, BATON_GF_PVCLOCK },
	{ 0x4b564d03, 0x4b564d03, BATON_GF_PV_STEAL },
	{ PV_EOI, PV_EOI, BATON_GF_PV_EOI }, { 0x4b564d05, 0x4b564d05, BATON_GF_PV_POLL },
	{ 0xc0000080, 0xc0000080, 0 },
	{ 0xc0000081, 0xc0000084, BATON_GF_LONG_MODE },
	{ 0xc0000100, 0xc0000102, BATON_GF_LONG_MODE },
	{ 0xc0000103, 0xc0000103, BATON_GF_RDTSCP }, { 0xc0010000, 0xc0010007, 0 },
	{ 0xc0010010, 0xc0010010, 0 },
	{ 0xc0010015, 0xc0010015, 0 }, { 0xc001001f, 0xc001001f, 0 },
	{ 0xc0010055, 0xc0010055, 0 }, { 0xc0010064, 0xc0010064, 0 },
	{ 0xc0011029, 0xc0011029, 0 },
};

static bool is_readable(u32 index)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(readable); i++)
		if (index >= readable[i].first && index <= readable[i].last)
			return true;
	return false;
}

static void check_range(u32 first, u32 last)
{
	u64 value;
	u32 i;

	for (i = first; i <= last; i++) {
		if (baton_msr_read(v, i, false, &value) != is_readable(i))
			fail_msg("MSR 0x%x", i);
		if (!is_readable(i) && i != PRED_CMD)
			assert_false(wrmsr(i, 0) || wrmsr(i, 1) || wrmsr_host(i, 0));
	}
}

static void test_which(void **state)
{
	(void)state;
	check_range(0, 0x1fff);
	check_range(0x40000000, 0x400001ff);
	check_range(WALL_CLOCK - 16, WALL_CLOCK + 16);
	check_range(0xc0000000, 0xc0001fff);
	check_range(0xc0010000, 0xc0011fff);
	check_range(0xfffffff0, 0xfffffffe);
	/* One MSR of the host may be looked at, none written. */
	assert_true(host_reads <= 1);
	assert_int_equal(kshim_wrmsr_count, 0);
}

static void test_features(void **state)
{
	u64 value;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(readable); i++) {
		v->cpuid.features = ~readable[i].feature;
		assert_int_equal(baton_msr_read(v, readable[i].first, false, &value),
				 !readable[i].feature);
		if (readable[i].feature)
			assert_false(wrmsr(readable[i].first, 0));
		v->cpuid.features = readable[i].feature;
		assert_true(baton_msr_read(v, readable[i].last, false, &value));
	}
	v->cpuid.features = ~BATON_GF_PRED_CMD;
	assert_false(wrmsr(PRED_CMD, 0));
}

/* Those that are plain values: the bits that a guest can set one by one. */
static void test_writable_bits(void **state)
{
	static const struct {
		u32 index;
		u64 bits;
	} cases[] = {
		{ 0x3a, 0 }, { 0xfe, 0 }, { 0x10a, 0 }, { 0x17, 0 }, { 0x179, 0 },
		{ 0x174, 0xffffffff }, { 0x175, 0x00007fffffffffff }, { 0x176, 0x00007fffffffffff },
		{ 0x17a, 7 }, { 0x1a0, 0x400c51809 }, { 0x1d9, 3 }, { 0x277, 0x0505050505050505 },
		{ 0x2ff, 0xc05 }, { 0x200, 0xfffffff005 }, { 0x201, 0xfffffff800 },
		{ 0x20e, 0xfffffff005 }, { 0x20f, 0xfffffff800 },
		{ 0x250, 0x0505050505050505 }, { 0x26f, 0x0505050505050505 },
		{ SPEC_CTRL, 7 }, { PRED_CMD, 1 }, { 0xc0000081, ~0ull },
		{ 0xc0000082, 0x00007fffffffffff }, { 0xc0000083, 0x00007fffffffffff },
		{ 0xc0000084, 0xffffffff }, { 0xc0000100, 0x00007fffffffffff },
		{ 0xc0000101, 0x00007fffffffffff }, { 0xc0000102, 0x00007fffffffffff },
		{ 0xc0000103, 0xffffffff },
		{ WALL_CLOCK, 0xfffffffffc }, { SYSTEM_TIME, 0xfffffffffd },
	};
	unsigned int bit;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (bit = 0; bit < 64; bit++)
			if (wrmsr(cases[i].index, 1ull << bit) != (cases[i].bits >> bit & 1))
				fail_msg("MSR 0x%x, bit %u", cases[i].index, bit);
	}
}

static void test_values(void **state)
{
	static const struct {
		u32 index;
		u64 value;
		bool hardware;
	} cases[] = {
		{ 0x174, 0x10, true }, { 0x175, 0xffff800000001000, true },
		{ 0x176, 0xffffffffffffffff, true }, { 0x277, 0x0007060500070106, true },
		{ SPEC_CTRL, 4, true }, { 0xc0000081, 0x0023001000000000, true },
		{ 0xc0000082, 0xffffffff81000000, true }, { 0xc0000083, 1, true },
		{ 0xc0000084, 0x47700, true }, { 0xc0000102, 0xffff888000000000, true },
		{ 0xc0000103, 3, true }, { 0x200, 0x80000006, false },
		{ 0x201, 0xff80000800, false },
		{ 0x2ff, 0xc06, false }, { 0x250, 0x0606060606060606, false }, { 0x17a, 0, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		v->dirty = 0;
		assert_true(wrmsr(cases[i].index, cases[i].value));
		assert_int_equal(rdmsr(cases[i].index), cases[i].value);
		if (!!(v->dirty & BATON_ST_MSRS) != cases[i].hardware)
			fail_msg("MSR 0x%x: dirty 0x%x", cases[i].index, v->dirty);
	}
	assert_int_equal(kshim_wrmsr_count, 0);
}

/* A refused write is without effect. */
/* SSBD by another MSR (AMD's LS_CFG, VIRT_SPEC_CTRL) is none of this one. */
static void test_ssbd(void **state)
{
	const u64 others = ~(1ull << X86_FEATURE_SPEC_CTRL_SSBD | 1ull << X86_FEATURE_AMD_SSBD);

	(void)state;
	kshim_cpu_features = others;
	assert_false(wrmsr(SPEC_CTRL, 4));
	assert_true(wrmsr(SPEC_CTRL, 3));
	kshim_cpu_features = others | 1ull << X86_FEATURE_AMD_SSBD;
	assert_true(wrmsr(SPEC_CTRL, 4));
	kshim_cpu_features = others | 1ull << X86_FEATURE_SPEC_CTRL_SSBD;
	assert_true(wrmsr(SPEC_CTRL, 4));
	kshim_cpu_features = ~0ull;
}

static void test_no_effect(void **state)
{
	static const struct {
		u32 index;
		u64 good, bad;
	} cases[] = {
		{ 0xc0000082, 0xffffffff81000000, 0x0000800000000000 },
		{ 0xc0000084, 0x47700, 0x100000000 }, { 0x277, 6, 2 },
		{ 0x2ff, 0xc06, 0x1c06 }, { 0xc0000080, 1, 2 }, { SYSTEM_TIME, 0x1001, 0x1003 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(wrmsr(cases[i].index, cases[i].good));
		v->dirty = 0;
		v->requests = 0;
		assert_false(wrmsr(cases[i].index, cases[i].bad));
		assert_false(wrmsr_host(cases[i].index, cases[i].bad));
		assert_int_equal(rdmsr(cases[i].index), cases[i].good);
		assert_int_equal(v->dirty, 0);
		assert_int_equal(v->requests, 0);
	}
}

/* PAT and MTRR types: every byte in every place. */
/* Counters that any AMD processor has, and a system switches off without asking. */
static void test_idle_counters(void **state)
{
	u32 index;

	(void)state;
	for (index = 0xc0010000; index <= 0xc0010007; index++) {
		v->dirty = 0;
		assert_true(wrmsr(index, 0) && wrmsr(index, ~0ull));
		assert_int_equal(rdmsr(index), 0);
		assert_int_equal(v->dirty, 0);
	}
}

static void test_memory_types(void **state)
{
	unsigned int type, place;

	(void)state;
	for (type = 0; type < 256; type++) {
		bool mtrr = type == 0 || type == 1 || (type >= 4 && type <= 6);
		bool pat = mtrr || type == 7;

		for (place = 0; place < 64; place += 8) {
			assert_int_equal(wrmsr(0x277, (u64)type << place), pat);
			assert_int_equal(wrmsr(0x258, (u64)type << place), mtrr);
		}
		assert_int_equal(wrmsr(0x202, type), mtrr);
		assert_int_equal(wrmsr(0x2ff, type), mtrr);
	}
}

static void test_reset_values(void **state)
{
	(void)state;
	assert_int_equal(rdmsr(0x277), 0x0007040600070406);
	assert_int_equal(rdmsr(0x3a), 1);
	assert_int_equal(rdmsr(0x1b), 0xfee00900);
	assert_int_equal(rdmsr(0xfe) & 0xff, BATON_MTRR_VAR);
	assert_int_equal(rdmsr(0x179), 0);
	/* INIT: SDM "Processor State After Reset". */
	assert_true(wrmsr(0x277, 0) && wrmsr(0xc0000082, 0x1000) && wrmsr(0x2ff, 0xc06));
	assert_true(wrmsr(SPEC_CTRL, 1) && wrmsr(0x175, 0x2000) && wrmsr(0xc0000103, 7));
	baton_msr_reset(v, true);
	assert_int_equal(rdmsr(0x277), 0);
	assert_int_equal(rdmsr(0xc0000082), 0x1000);
	assert_int_equal(rdmsr(0x2ff), 0xc06);
	assert_int_equal(rdmsr(0xc0000103), 7);
	assert_int_equal(rdmsr(SPEC_CTRL), 0);
	assert_int_equal(rdmsr(0x175), 0);
	baton_msr_reset(v, false);
	assert_int_equal(rdmsr(0x277), 0x0007040600070406);
	assert_int_equal(rdmsr(0xc0000082), 0);
	assert_int_equal(rdmsr(0xc0000103), 0);
}

static void test_tsc(void **state)
{
	u64 now = rdmsr(0x10);

	(void)state;
	kshim_advance(1000);
	assert_int_equal(rdmsr(0x10), now + 2000);
	/* What the guest does to the counter, it does to the adjustment. */
	assert_true(wrmsr(0x10, 0));
	assert_int_equal(rdmsr(0x10), 0);
	assert_int_equal(rdmsr(0x3b), 0 - now - 2000);
	assert_true(v->dirty & BATON_ST_TSC);
	assert_true(wrmsr(0x3b, 500 - now - 2000));
	assert_int_equal(rdmsr(0x10), 500);
	/* The monitor restores the two apart from each other. */
	assert_true(wrmsr_host(0x3b, 9));
	assert_int_equal(rdmsr(0x10), 500);
	assert_true(wrmsr_host(0x10, 1000));
	assert_int_equal(rdmsr(0x10), 1000);
	assert_int_equal(rdmsr(0x3b), 9);
}

static void test_prediction_barrier(void **state)
{
	u64 value;

	(void)state;
	assert_false(baton_msr_read(v, PRED_CMD, false, &value));
	assert_true(wrmsr(PRED_CMD, 0));
	assert_int_equal(kshim_wrmsr_count, 0);
	assert_true(wrmsr(PRED_CMD, 1));
	assert_int_equal(kshim_wrmsr_count, 1);
	/* The monitor is not in the guest's place. */
	assert_false(wrmsr_host(PRED_CMD, 1));
	assert_int_equal(kshim_wrmsr_count, 1);
}

static void test_read_only(void **state)
{
	(void)state;
	assert_false(wrmsr(0x3a, 1));
	assert_false(wrmsr(0x3a, 0));
	assert_true(wrmsr_host(0x3a, 1));
	assert_false(wrmsr_host(0x3a, 5));
	/* A microcode revision that only the monitor chooses. */
	assert_true(wrmsr(0x8b, 0x1234));
	assert_int_equal(rdmsr(0x8b), 0);
	assert_true(wrmsr_host(0x8b, 0x1234));
	assert_int_equal(rdmsr(0x8b), 0x1234);
	/* DEBUGCTL takes LBR and BTF, and forgets them. */
	assert_true(wrmsr(0x1d9, 3));
	assert_int_equal(rdmsr(0x1d9), 0);
}

/* Saved and restored one after the other, the vCPUs' counters are one again. */
static void test_tsc_restored(void **state)
{
	const u64 ms = 2000000, saved = 1ull << 50;
	struct baton_vcpu *w = kmod_vcpu_add(vm, 1);

	(void)state;
	/* The first one stands, near the VM's own beginning as it may be. */
	assert_true(wrmsr_host(0x10, rdmsr(0x10) + ms));
	assert_int_equal(v->tsc_offset, ms);
	assert_true(wrmsr_host(0x10, saved));
	kshim_advance(1000000);
	assert_true(baton_msr_write(w, 0x10, true, saved + 3 * ms));
	assert_int_equal(baton_guest_tsc(v), saved + ms);
	assert_int_equal(baton_guest_tsc(w), saved + ms);
	/* One that is made later begins with them. */
	assert_int_equal(baton_guest_tsc(kmod_vcpu_add(vm, 2)), saved + ms);
	/* Seconds apart it is another one's, which the guest has set so. */
	assert_true(baton_msr_write(w, 0x10, true, saved / 2));
	assert_int_equal(baton_guest_tsc(w), saved / 2);
	assert_int_equal(baton_guest_tsc(v), saved + ms);
}

static void test_arch_capabilities(void **state)
{
	u64 value = rdmsr(0x10a);

	(void)state;
	/* Of a host that says yes to everything: none that asks for more MSRs. */
	assert_true(value & 1);
	assert_false(value & (1 << 3 | 1 << 7 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 18));
	assert_int_equal(value >> 32, 1 << 30);
	kshim_host_rdmsr = NULL;
	assert_int_equal(rdmsr(0x10a), 0);
}

static void test_elsewhere(void **state)
{
	u64 value;

	(void)state;
	/* Registers that live in other places: the local APIC, segments, EFER. */
	assert_true(wrmsr(0xc0000100, 0x1234000));
	assert_int_equal(v->sregs.seg[BATON_FS].base, 0x1234000);
	v->sregs.seg[BATON_GS].base = 0x77000;
	assert_int_equal(rdmsr(0xc0000101), 0x77000);
	assert_true(wrmsr(0xc0000080, 1));
	assert_int_equal(v->sregs.efer, 1);
	assert_false(baton_msr_read(v, 0x802, false, &value));
	assert_true(wrmsr(0x1b, rdmsr(0x1b) | X2APIC_ENABLE));
	assert_true(baton_msr_read(v, 0x802, false, &value));
	assert_int_equal(value, 0);
	assert_false(wrmsr(0x1b, 0xfee00900)); /* not straight back */
	assert_true(wrmsr_host(0x1b, 0xfee00900));
	/* TSC deadline: only in its mode. */
	assert_true(wrmsr(0x6e0, 5));
	assert_int_equal(rdmsr(0x6e0), 0);
}

static void test_clock_requests(void **state)
{
	struct baton_vcpu *w = kmod_vcpu_add(vm, 1);

	(void)state;
	v->requests = 0;
	w->requests = 0;
	assert_true(wrmsr(SYSTEM_TIME, 0x1001));
	assert_true(kmod_take_request(v, BATON_REQ_CLOCK));
	assert_true(wrmsr(WALL_CLOCK, 0x2000));
	assert_true(kmod_take_request(v, BATON_REQ_CLOCK));
	/* The page shows guest time by the TSC: a TSC that jumps changes it. */
	assert_true(wrmsr(0x10, 12345));
	assert_true(kmod_take_request(v, BATON_REQ_CLOCK));
	/* And what the other's says of theirs being the same. */
	assert_true(kmod_take_request(w, BATON_REQ_CLOCK));
}

static void test_list(void **state)
{
	struct baton_msr list[BATON_MAX_MSRS];
	u32 count = 0, i, room;
	u64 value;

	(void)state;
	assert_int_equal(baton_msr_list(list, &count), -E2BIG);
	assert_true(count > 20 && count <= BATON_MAX_MSRS);
	room = count;
	assert_int_equal(baton_msr_list(list, &count), 0);
	assert_int_equal(count, room);
	/* What is saved can be restored, in the order of the list. */
	for (i = 0; i < count; i++) {
		assert_true(!i || list[i].index > list[i - 1].index);
		assert_int_equal(list[i].reserved, 0);
		assert_true(baton_msr_read(v, list[i].index, true, &value));
		assert_true(wrmsr_host(list[i].index, value));
	}
	room--;
	assert_int_equal(baton_msr_list(list, &room), -E2BIG);
	assert_int_equal(room, count);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_which), T(test_features), T(test_writable_bits), T(test_values),
		T(test_ssbd), T(test_no_effect), T(test_idle_counters), T(test_memory_types),
		T(test_reset_values), T(test_tsc),
		T(test_prediction_barrier), T(test_read_only), T(test_arch_capabilities),
		T(test_tsc_restored),
		T(test_elsewhere), T(test_clock_requests), T(test_list),
	};

	return cmocka_run_group_tests_name("kmod msr", tests, NULL, NULL);
}
