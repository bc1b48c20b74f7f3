// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/msi.c: which vCPUs a message or an IPI reaches, in both modes, and what
 * arrives there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "lapic_guest.h"

#define VCPUS 4
#define MSI(dest) (0xfee00000ull | (u64)(dest) << 12)
#define MSI_LOGICAL 4u
#define MSI_HINT 8u
#define LEVEL 0x8000u
#define ASSERT 0x4000u

#define TO_SELF (1u << 18)
#define TO_ALL (2u << 18)
#define TO_OTHERS (3u << 18)
#define LOGICAL 0x800u
#define MODE(m) ((u32)(m) << 8)

static struct baton_vm *vm;

static int set_up(void **state)
{
	u32 i;

	(void)state;
	vm = kmod_vm_create(VCPUS);
	for (i = 0; i < VCPUS; i++)
		apic_on(vm->vcpus[i]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	return 0;
}

/* Which of the VM's vCPUs have exactly this vector to take; bits by id. */
static u64 takers(u8 vector)
{
	u64 found = 0;
	u32 id;

	for (id = 0; id < BATON_MAX_VCPUS; id++) {
		int taken = vm->vcpus[id] ? take_and_eoi(vm->vcpus[id]) : -1;

		if (taken < 0)
			continue;
		assert_int_equal(taken, vector);
		found |= 1ull << id;
	}
	return found;
}

static u64 msi(u64 address, u32 data)
{
	assert_int_equal(baton_msi_deliver(vm, address, data), 0);
	return takers(data);
}

/* By an xAPIC guest. */
static u64 ipi(u32 from, u32 icr, u8 dest)
{
	wr(vm->vcpus[from], APIC_REG_ICR2, (u32)dest << 24);
	wr(vm->vcpus[from], APIC_REG_ICR, icr);
	return takers(icr);
}

static u64 x2_ipi(u32 from, u32 icr, u32 dest)
{
	assert_true(x2_wr(vm->vcpus[from], APIC_REG_ICR, (u64)dest << 32 | icr));
	return takers(icr);
}

static void all_x2(void)
{
	u32 id;

	for (id = 0; id < BATON_MAX_VCPUS; id++)
		if (vm->vcpus[id])
			x2_on(vm->vcpus[id]);
}

/* --- messages --------------------------------------------------------------------- */

static void test_not_messages(void **state)
{
	static const struct baton_msi cases[] = {
		{ 0, 0x40, 0 }, { 0xfed00000, 0x40, 0 }, { 0xfef00000, 0x40, 0 },
		{ 0x1fee00000, 0x40, 0 }, { ~0ull, 0x40, 0 },
		{ 0xfee00000, 0x0f, 0 }, { 0xfee00000, 0x00, 0 },
		{ 0xfee00000, MODE(1) | 0x0f, 0 }, { 0xfee00000, MODE(3) | 0x40, 0 },
		{ 0xfee00000, MODE(APIC_DELIVER_SIPI) | 0x40, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_false(baton_msi_valid(cases[i].address, cases[i].data));
		assert_int_equal(baton_msi_deliver(vm, cases[i].address, cases[i].data), -EINVAL);
	}
	for (i = 0; i < VCPUS; i++)
		assert_int_equal(take(vm->vcpus[i]), -1);
	assert_true(baton_msi_valid(0xfee00000, 0x10));
	assert_true(baton_msi_valid(0xfeefffff, 0xffff04ff));
	/* No vector is needed where it says nothing. */
	assert_true(baton_msi_valid(0xfee00000, MODE(APIC_DELIVER_NMI)));
}

static void test_physical(void **state)
{
	u32 id;

	(void)state;
	for (id = 0; id < VCPUS; id++)
		assert_int_equal(msi(MSI(id), 0x40), 1ull << id);
	for (id = VCPUS; id < 0xff; id++)
		assert_int_equal(msi(MSI(id), 0x40), 0);
	assert_int_equal(msi(MSI(0xff), 0x40), 0xf);
	/* Modes of the receivers make no difference. */
	x2_on(vm->vcpus[2]);
	assert_int_equal(msi(MSI(2), 0x40), 4);
	assert_int_equal(msi(MSI(0xff), 0x40), 0xf);
}

static void test_holes(void **state)
{
	struct baton_vcpu *last = kmod_vcpu_add(vm, BATON_MAX_VCPUS - 1);

	(void)state;
	apic_on(last);
	assert_int_equal(msi(MSI(BATON_MAX_VCPUS - 1), 0x40), 1ull << 63);
	assert_int_equal(msi(MSI(30), 0x40), 0);
	assert_int_equal(msi(MSI(0xff), 0x40), 1ull << 63 | 0xf);
}

static void test_flat(void **state)
{
	u32 id, mask;

	(void)state;
	assert_int_equal(msi(MSI(1) | MSI_LOGICAL, 0x40), 0); /* LDRs are 0 */
	for (id = 0; id < VCPUS; id++)
		wr(vm->vcpus[id], APIC_REG_LDR, 1u << (24 + id));
	for (mask = 0; mask < 16; mask++)
		assert_int_equal(msi(MSI(mask) | MSI_LOGICAL, 0x40), mask);
	assert_int_equal(msi(MSI(0xff) | MSI_LOGICAL, 0x40), 0xf);
	assert_int_equal(msi(MSI(0xf0) | MSI_LOGICAL, 0x40), 0);
}

static void test_cluster(void **state)
{
	u32 id;

	(void)state;
	for (id = 0; id < VCPUS; id++) {
		wr(vm->vcpus[id], APIC_REG_DFR, 0);
		/* Two clusters, 2 and 5, of two each. */
		wr(vm->vcpus[id], APIC_REG_LDR, ((id < 2 ? 2u : 5u) << 4 | 1u << (id & 1)) << 24);
	}
	assert_int_equal(msi(MSI(0x21) | MSI_LOGICAL, 0x40), 1);
	assert_int_equal(msi(MSI(0x23) | MSI_LOGICAL, 0x40), 3);
	assert_int_equal(msi(MSI(0x52) | MSI_LOGICAL, 0x40), 8);
	assert_int_equal(msi(MSI(0x5c) | MSI_LOGICAL, 0x40), 0);
	assert_int_equal(msi(MSI(0x31) | MSI_LOGICAL, 0x40), 0);
	assert_int_equal(msi(MSI(0xf1) | MSI_LOGICAL, 0x40), 5);
}

static void test_lowest_priority(void **state)
{
	u32 vector, seen = 0;
	u64 first, one;

	(void)state;
	for (vector = 0x40; vector < 0x60; vector++) {
		one = msi(MSI(0xff), MODE(APIC_DELIVER_LOWEST) | vector);
		assert_int_equal(hweight64(one), 1);
		/* The redirection hint says the same; it is the same one each time. */
		first = msi(MSI(0xff) | MSI_HINT, vector);
		assert_int_equal(first, one);
		seen |= one;
	}
	assert_int_equal(seen, 0xf);
	/* Only those that take interrupts are asked. */
	wr(vm->vcpus[0], APIC_REG_SVR, 0xff);
	wr(vm->vcpus[1], APIC_REG_SVR, 0xff);
	wr(vm->vcpus[3], APIC_REG_SVR, 0xff);
	for (vector = 0x40; vector < 0x60; vector++)
		assert_int_equal(msi(MSI(0xff), MODE(APIC_DELIVER_LOWEST) | vector), 4);
	wr(vm->vcpus[2], APIC_REG_SVR, 0xff);
	assert_int_equal(msi(MSI(0xff), MODE(APIC_DELIVER_LOWEST) | 0x40), 0);
}

static void test_level(void **state)
{
	struct baton_vcpu *v = vm->vcpus[1];

	(void)state;
	assert_int_equal(msi(MSI(1), LEVEL | 0x50), 0);	/* de-assertion */
	assert_int_equal(msi(MSI(1), LEVEL | ASSERT | 0x50), 2);
	assert_true(kmod_take_request(v, BATON_REQ_EOI));
	assert_int_equal(v->apic.eoi_vector, 0x50);
	assert_int_equal(msi(MSI(1), ASSERT | 0x50), 2);
	assert_false(kmod_take_request(v, BATON_REQ_EOI));
}

static void test_special_modes(void **state)
{
	struct baton_vcpu *v = vm->vcpus[1];

	(void)state;
	assert_int_equal(msi(MSI(1), MODE(APIC_DELIVER_NMI)), 0);
	assert_true(v->nmi_posted);
	assert_false(vm->vcpus[0]->nmi_posted);
	assert_true(kmod_take_request(v, BATON_REQ_EVENT));
	assert_int_equal(msi(MSI(1), MODE(APIC_DELIVER_INIT)), 0);
	assert_true(kmod_take_request(v, BATON_REQ_INIT));
	/* Neither SMM nor an 8259 is behind a message. */
	assert_int_equal(msi(MSI(1), MODE(APIC_DELIVER_SMI)), 0);
	assert_int_equal(msi(MSI(1), MODE(APIC_DELIVER_EXTINT)), 0);
	assert_int_equal(v->requests, 0);
}

static void test_hardware_disabled(void **state)
{
	(void)state;
	assert_true(baton_lapic_set_base(vm->vcpus[1], APIC_DEFAULT_PHYS_BASE));
	assert_int_equal(msi(MSI(0xff), 0x40), 0xd);
	assert_int_equal(msi(MSI(1), MODE(APIC_DELIVER_NMI)), 0);
	assert_false(vm->vcpus[1]->nmi_posted);
}

/* --- IPIs ------------------------------------------------------------------------- */

static void test_ipi_destinations(void **state)
{
	(void)state;
	assert_int_equal(ipi(0, 0x40, 2), 1 << 2);
	assert_int_equal(ipi(0, 0x40, 0), 1);
	assert_int_equal(ipi(0, 0x40, 9), 0);
	assert_int_equal(ipi(0, 0x40, 0xff), 0xf);
	assert_int_equal(ipi(2, 0x40 | TO_SELF, 0), 4);
	assert_int_equal(ipi(2, 0x40 | TO_ALL, 0), 0xf);
	assert_int_equal(ipi(2, 0x40 | TO_OTHERS, 0), 0xb);
	wr(vm->vcpus[3], APIC_REG_LDR, 0x40000000);
	assert_int_equal(ipi(0, 0x40 | LOGICAL, 0x40), 8);
	assert_int_equal(hweight64(ipi(0, MODE(APIC_DELIVER_LOWEST) | 0x40, 0xff)), 1);
	assert_int_equal(hweight64(ipi(0, MODE(APIC_DELIVER_LOWEST) | TO_OTHERS | 0x41, 0)), 1);
}

/* To oneself there is no request: the sender looks before it goes on anyway. */
static void test_ipi_to_self(void **state)
{
	struct baton_vcpu *v = vm->vcpus[0];

	(void)state;
	v->requests = 0;
	wr(v, APIC_REG_ICR, 0x40 | TO_SELF);
	assert_int_equal(v->requests, 0);
	assert_int_equal(take(v), 0x40);
}

static void test_ipi_illegal(void **state)
{
	static const u32 silent[] = {
		MODE(APIC_DELIVER_SMI), MODE(3) | 0x40, MODE(APIC_DELIVER_EXTINT),
		MODE(APIC_DELIVER_LOWEST) | TO_SELF | 0x40,
		MODE(APIC_DELIVER_LOWEST) | TO_ALL | 0x40,
		MODE(APIC_DELIVER_NMI) | TO_SELF, MODE(APIC_DELIVER_NMI) | TO_ALL,
		MODE(APIC_DELIVER_INIT) | TO_SELF | ASSERT,
		MODE(APIC_DELIVER_INIT) | TO_ALL | ASSERT,
		MODE(APIC_DELIVER_SIPI) | TO_ALL | 0x40,
	};
	u32 id;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(silent); i++) {
		wr(vm->vcpus[0], APIC_REG_ICR2, 0xff000000);
		wr(vm->vcpus[0], APIC_REG_ICR, silent[i]);
		for (id = 0; id < VCPUS; id++) {
			assert_int_equal(take(vm->vcpus[id]), -1);
			assert_int_equal(vm->vcpus[id]->requests, 0);
			assert_false(vm->vcpus[id]->nmi_posted);
		}
	}
	wr(vm->vcpus[0], APIC_REG_ESR, 0);
	assert_int_equal(rd(vm->vcpus[0], APIC_REG_ESR), 0);
	assert_int_equal(ipi(0, 0x0f, 1), 0);
	wr(vm->vcpus[0], APIC_REG_ESR, 0);
	assert_int_equal(rd(vm->vcpus[0], APIC_REG_ESR), APIC_ESR_SEND_ILLEGAL);
}

static void test_start_up(void **state)
{
	struct baton_vcpu *ap = vm->vcpus[2];

	(void)state;
	wr(vm->vcpus[0], APIC_REG_ICR2, 2 << 24);
	wr(vm->vcpus[0], APIC_REG_ICR, MODE(APIC_DELIVER_INIT) | LEVEL | ASSERT);
	assert_true(kmod_take_request(ap, BATON_REQ_INIT));
	wr(vm->vcpus[0], APIC_REG_ICR, MODE(APIC_DELIVER_INIT) | LEVEL);
	assert_false(kmod_take_request(ap, BATON_REQ_INIT));
	wr(vm->vcpus[0], APIC_REG_ICR, MODE(APIC_DELIVER_SIPI) | 0x9a);
	assert_true(kmod_take_request(ap, BATON_REQ_SIPI));
	assert_int_equal(ap->apic.sipi_vector, 0x9a);
	assert_int_equal(vm->vcpus[1]->requests | vm->vcpus[3]->requests, 0);
	/* All others at once, as firmware does. A start-up page may be any. */
	wr(vm->vcpus[0], APIC_REG_ICR, MODE(APIC_DELIVER_SIPI) | TO_OTHERS | 0x00);
	assert_true(kmod_take_request(vm->vcpus[1], BATON_REQ_SIPI));
	assert_true(kmod_take_request(vm->vcpus[3], BATON_REQ_SIPI));
	assert_false(kmod_take_request(vm->vcpus[0], BATON_REQ_SIPI));
	wr(vm->vcpus[0], APIC_REG_ICR, MODE(APIC_DELIVER_NMI) | TO_OTHERS);
	assert_true(vm->vcpus[1]->nmi_posted && vm->vcpus[2]->nmi_posted);
	assert_false(vm->vcpus[0]->nmi_posted);
}

static void test_x2_destinations(void **state)
{
	(void)state;
	kmod_vcpu_add(vm, 17);
	kmod_vcpu_add(vm, 63);
	all_x2();
	assert_int_equal(x2_ipi(0, 0x40, 63), 1ull << 63);
	assert_int_equal(x2_ipi(0, 0x40, 0xff), 0);
	assert_int_equal(x2_ipi(0, 0x40, 0x10001), 0);
	assert_int_equal(x2_ipi(0, 0x40, 64), 0);
	assert_int_equal(x2_ipi(0, 0x40, 0xffffffff), 1ull << 63 | 1 << 17 | 0xf);
	assert_int_equal(x2_ipi(0, 0x40 | TO_OTHERS, 0), 1ull << 63 | 1 << 17 | 0xe);
	/* Logical: cluster in the upper half, 16 of them each. */
	assert_int_equal(x2_ipi(0, 0x40 | LOGICAL, 0x0000000a), 0xa);
	assert_int_equal(x2_ipi(0, 0x40 | LOGICAL, 0x00010002), 1 << 17);
	assert_int_equal(x2_ipi(0, 0x40 | LOGICAL, 0x0001fffd), 0);
	assert_int_equal(x2_ipi(0, 0x40 | LOGICAL, 0x00038000), 1ull << 63);
	assert_int_equal(x2_ipi(0, 0x40 | LOGICAL, 0x0004ffff), 0);
	assert_int_equal(x2_ipi(0, 0x40 | LOGICAL, 0xfffe0001), 0);
	assert_int_equal(x2_ipi(0, 0x40 | LOGICAL, 0xffffffff), 1ull << 63 | 1 << 17 | 0xf);
	/* A message has 8 bits of it: cluster 0, half of its members. */
	assert_int_equal(msi(MSI(0x0a) | MSI_LOGICAL, 0x40), 0xa);
}

/* One guest with both modes at once: a logical destination means each by its own. */
static void test_mixed_modes(void **state)
{
	(void)state;
	x2_on(vm->vcpus[1]);
	wr(vm->vcpus[2], APIC_REG_LDR, 0x02000000);
	assert_int_equal(msi(MSI(2) | MSI_LOGICAL, 0x40), 1 << 1 | 1 << 2);
	assert_int_equal(ipi(0, 0x40 | LOGICAL, 2), 1 << 1 | 1 << 2);
	assert_int_equal(x2_ipi(1, 0x40, 3), 1 << 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_not_messages), T(test_physical), T(test_holes), T(test_flat),
		T(test_cluster), T(test_lowest_priority), T(test_level), T(test_special_modes),
		T(test_hardware_disabled), T(test_ipi_destinations), T(test_ipi_to_self),
		T(test_ipi_illegal), T(test_start_up), T(test_x2_destinations),
		T(test_mixed_modes),
	};

	return cmocka_run_group_tests_name("kmod msi", tests, NULL, NULL);
}
