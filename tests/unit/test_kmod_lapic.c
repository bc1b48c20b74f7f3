// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/lapic.c: registers in both modes, priorities, EOI, errors, changes of
 * mode. The timer and saved states: test_kmod_lapic_timer.c, _state.c; who gets
 * an IPI: test_kmod_msi.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "lapic_guest.h"

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

static void test_reset(void **state)
{
	u32 lvt;

	(void)state;
	assert_int_equal(vm->vcpus[0]->apic.base, BASE_XAPIC | MSR_IA32_APICBASE_BSP);
	assert_int_equal(v->apic.base, BASE_XAPIC);
	wr(v, APIC_REG_TPR, 0x20);
	baton_lapic_post(v, 0x40, true);
	baton_lapic_reset(v, false);
	assert_int_equal(rd(v, APIC_REG_ID), 1 << 24);
	assert_int_equal(rd(v, APIC_REG_VERSION) & 0xff, 0x14);
	assert_int_equal(rd(v, APIC_REG_VERSION) >> 16 & 0xff, 5);
	assert_int_equal(rd(v, APIC_REG_TPR), 0);
	assert_int_equal(rd(v, APIC_REG_LDR), 0);
	assert_int_equal(rd(v, APIC_REG_DFR), ~0u);
	assert_int_equal(rd(v, APIC_REG_SVR), 0xff);
	for (lvt = APIC_REG_LVT_TIMER; lvt <= APIC_REG_LVT_ERROR; lvt++)
		assert_int_equal(rd(v, lvt), APIC_LVT_IS_MASKED);
	/* What was under way is gone. */
	apic_on(v);
	assert_int_equal(take(v), -1);
}

static void test_writable_bits(void **state)
{
	static const struct {
		u32 reg, ones;	/* what all ones read back as */
	} cases[] = {
		{ APIC_REG_ID, 1 << 24 }, { APIC_REG_VERSION, APIC_VERSION_VALUE },
		{ APIC_REG_TPR, 0xff }, { 0x09, 0 }, { 0x0c, 0 },
		{ APIC_REG_LDR, 0xff000000 }, { APIC_REG_DFR, ~0u }, { APIC_REG_SVR, 0x3ff },
		{ APIC_REG_ISR + 3, 0 }, { APIC_REG_TMR, 0 }, { APIC_REG_IRR + 7, 0 },
		{ APIC_REG_ICR2, 0xff000000 }, { APIC_REG_LVT_THERMAL, 0x107ff },
		{ APIC_REG_LVT_PERF, 0x107ff }, { APIC_REG_LVT_LINT0, 0x1a7ff },
		{ APIC_REG_LVT_LINT1, 0x1a7ff }, { APIC_REG_LVT_ERROR, 0x100ff },
		{ APIC_REG_DIVIDE, 0xb },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		wr(v, cases[i].reg, ~0u);
		if (rd(v, cases[i].reg) != cases[i].ones)
			fail_msg("register 0x%x: 0x%x", cases[i].reg, rd(v, cases[i].reg));
	}
	wr(v, APIC_REG_DFR, 0);
	assert_int_equal(rd(v, APIC_REG_DFR), 0x0fffffff);
	/* Delivery status is never set. */
	wr(v, APIC_REG_ICR, 0x1000 | 0x40 | 1 << 18);
	assert_int_equal(rd(v, APIC_REG_ICR), 0x40 | 1 << 18);
}

static u32 errors(void)
{
	wr(v, APIC_REG_ESR, 0);
	return rd(v, APIC_REG_ESR);
}

static void test_page_accesses(void **state)
{
	u32 reg;

	(void)state;
	/* Between the registers is nothing. */
	wr(v, APIC_REG_TPR, 0x30);
	baton_lapic_mmio_write(v, (APIC_REG_TPR << 4) + 4, 0x55);
	assert_int_equal(rd(v, APIC_REG_TPR), 0x30);
	assert_int_equal(baton_lapic_mmio_read(v, (APIC_REG_TPR << 4) + 4), 0);
	assert_int_equal(errors(), 0);
	/* Registers that there are not: an error, each time and nothing else. */
	for (reg = 0; reg < 0x100; reg++) {
		bool there = (reg >= 0x02 && reg <= 0x03) || (reg >= 0x08 && reg <= 0x0a) ||
			     (reg >= 0x0c && reg <= 0x28) || (reg >= 0x30 && reg <= 0x39) ||
			     reg == 0x3e;
		u32 value = rd(v, reg);

		assert_int_equal(errors(), there ? 0 : APIC_ESR_ILLEGAL_REG);
		assert_true(there || !value);
		if (!there && reg != APIC_REG_EOI) {
			wr(v, reg, ~0u);
			assert_int_equal(errors(), APIC_ESR_ILLEGAL_REG);
		}
	}
}

static void test_owns(void **state)
{
	(void)state;
	assert_true(baton_apic_owns(&v->apic, 0xfee00000));
	assert_true(baton_apic_owns(&v->apic, 0xfee00fff));
	assert_false(baton_apic_owns(&v->apic, 0xfee01000));
	assert_false(baton_apic_owns(&v->apic, 0x1fee00000));
	assert_true(baton_lapic_set_base(v, 0xabc000 | MSR_IA32_APICBASE_ENABLE));
	assert_false(baton_apic_owns(&v->apic, 0xfee00000));
	assert_true(baton_apic_owns(&v->apic, 0xabc123));
	assert_true(baton_lapic_set_base(v, 0xabc000 | MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE));
	assert_false(baton_apic_owns(&v->apic, 0xabc123));
	assert_true(baton_lapic_set_base(v, 0xabc000));
	assert_false(baton_apic_owns(&v->apic, 0xabc123));
}

static void test_priorities(void **state)
{
	(void)state;
	baton_lapic_post(v, 0x31, false);
	baton_lapic_post(v, 0x45, false);
	assert_true(baton_apic_has_work(&v->apic));
	assert_int_equal(take(v), 0x45);
	assert_int_equal(rd(v, APIC_REG_PPR), 0x40);
	assert_int_equal(rd(v, APIC_REG_ISR + 2), 1 << 5);
	assert_int_equal(rd(v, APIC_REG_IRR + 1), 1 << 17);
	/* Same class: waits. Higher class: interrupts. */
	baton_lapic_post(v, 0x4f, false);
	assert_int_equal(take(v), -1);
	assert_false(baton_apic_has_work(&v->apic));
	baton_lapic_post(v, 0x50, false);
	assert_int_equal(take(v), 0x50);
	assert_int_equal(rd(v, APIC_REG_PPR), 0x50);
	wr(v, APIC_REG_EOI, 0);
	assert_int_equal(rd(v, APIC_REG_PPR), 0x40);
	assert_int_equal(take(v), -1);
	wr(v, APIC_REG_EOI, 0);
	assert_int_equal(rd(v, APIC_REG_PPR), 0);
	assert_int_equal(take_and_eoi(v), 0x4f);
	assert_int_equal(take_and_eoi(v), 0x31);
	assert_int_equal(take(v), -1);
}

static void test_all_vectors(void **state)
{
	int vector;

	(void)state;
	for (vector = 16; vector < 256; vector++)
		baton_lapic_post(v, vector, false);
	for (vector = 255; vector >= 16; vector--)
		assert_int_equal(take_and_eoi(v), vector);
	/* One that is pending already is not counted twice. */
	baton_lapic_post(v, 0xff, false);
	baton_lapic_post(v, 0xff, false);
	assert_int_equal(take_and_eoi(v), 0xff);
	assert_int_equal(take_and_eoi(v), -1);
	/* But pends once more while it is in service. */
	baton_lapic_post(v, 0x80, false);
	assert_int_equal(take(v), 0x80);
	baton_lapic_post(v, 0x80, false);
	assert_int_equal(take(v), -1);
	wr(v, APIC_REG_EOI, 0);
	assert_int_equal(take(v), 0x80);
}

static void test_requests(void **state)
{
	(void)state;
	kmod_take_request(v, BATON_REQ_EVENT);
	baton_lapic_post(v, 0x40, false);
	assert_true(kmod_take_request(v, BATON_REQ_EVENT));
	/* Only the first since the owner looked makes a request. */
	baton_lapic_post(v, 0x41, false);
	assert_false(kmod_take_request(v, BATON_REQ_EVENT));
	assert_int_equal(take(v), 0x41);
	baton_lapic_post(v, 0x42, false);
	assert_true(kmod_take_request(v, BATON_REQ_EVENT));
}

static void test_tpr(void **state)
{
	u32 tpr;

	(void)state;
	baton_lapic_post(v, 0x45, false);
	for (tpr = 0; tpr < 0x100; tpr++) {
		wr(v, APIC_REG_TPR, tpr);
		assert_int_equal(rd(v, APIC_REG_PPR), tpr);
		assert_int_equal(baton_lapic_cr8(v), tpr >> 4);
		assert_int_equal(baton_lapic_pending(v), tpr >> 4 < 4 ? 0x45 : -1);
	}
	baton_lapic_set_cr8(v, 3);
	assert_int_equal(rd(v, APIC_REG_TPR), 0x30);
	assert_int_equal(take(v), 0x45);
	/* The service level counts where TPR's class is lower. */
	assert_int_equal(rd(v, APIC_REG_PPR), 0x40);
	wr(v, APIC_REG_TPR, 0x47);
	assert_int_equal(rd(v, APIC_REG_PPR), 0x47);
	/* What is below the four bits survives a CR8 that says the same. */
	baton_lapic_set_cr8(v, 4);
	assert_int_equal(rd(v, APIC_REG_TPR), 0x47);
}

static void test_eoi(void **state)
{
	(void)state;
	wr(v, APIC_REG_EOI, 0);
	assert_false(kmod_take_request(v, BATON_REQ_EOI));
	baton_lapic_post(v, 0x60, true);
	baton_lapic_post(v, 0x70, false);
	assert_int_equal(take(v), 0x70);
	assert_int_equal(rd(v, APIC_REG_TMR + 3), 1);
	wr(v, APIC_REG_EOI, 0);
	assert_false(kmod_take_request(v, BATON_REQ_EOI));
	assert_int_equal(take(v), 0x60);
	wr(v, APIC_REG_EOI, 0);
	assert_true(kmod_take_request(v, BATON_REQ_EOI));
	assert_int_equal(v->apic.eoi_vector, 0x60);
	/* Its resampler is told instead. */
	kmod_resampled = 0x60;
	baton_lapic_post(v, 0x60, true);
	assert_int_equal(take_and_eoi(v), 0x60);
	assert_false(kmod_take_request(v, BATON_REQ_EOI));
	/* The same vector as an edge: nobody waits for its EOI. */
	baton_lapic_post(v, 0x60, false);
	assert_int_equal(take_and_eoi(v), 0x60);
	assert_int_equal(rd(v, APIC_REG_TMR + 3), 0);
	assert_false(kmod_take_request(v, BATON_REQ_EOI));
}

static void test_disabled(void **state)
{
	(void)state;
	wr(v, APIC_REG_LVT_ERROR, 0x41);
	assert_int_equal(rd(v, APIC_REG_LVT_ERROR), 0x41);
	wr(v, APIC_REG_SVR, 0xff);
	assert_int_equal(rd(v, APIC_REG_LVT_ERROR), 0x41 | APIC_LVT_IS_MASKED);
	wr(v, APIC_REG_LVT_ERROR, 0x41);
	assert_int_equal(rd(v, APIC_REG_LVT_ERROR), 0x41 | APIC_LVT_IS_MASKED);
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), -1);
	/* Not kept for later either. */
	apic_on(v);
	assert_int_equal(take(v), -1);
	/* What was pending before is. */
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(baton_lapic_pending(v), 0x40);
	wr(v, APIC_REG_SVR, 0xff);
	apic_on(v);
	assert_int_equal(take(v), 0x40);
}

static void test_errors(void **state)
{
	(void)state;
	wr(v, APIC_REG_LVT_ERROR, 0xe1);
	wr(v, APIC_REG_ICR, 5 | 1 << 18);
	assert_int_equal(take_and_eoi(v), 0xe1);
	/* Once for an error that is not looked at yet. */
	wr(v, APIC_REG_ICR, 6 | 1 << 18);
	assert_int_equal(take_and_eoi(v), -1);
	baton_lapic_post(v, 15, false);
	assert_int_equal(take_and_eoi(v), 0xe1);
	assert_int_equal(rd(v, APIC_REG_ESR), 0);
	assert_int_equal(errors(), APIC_ESR_SEND_ILLEGAL | APIC_ESR_RECV_ILLEGAL);
	assert_int_equal(errors(), 0);
	/* An illegal vector in the error LVT itself ends there. */
	wr(v, APIC_REG_LVT_ERROR, 3);
	wr(v, APIC_REG_ICR, 5 | 1 << 18);
	assert_int_equal(take(v), -1);
	assert_int_equal(errors(), APIC_ESR_SEND_ILLEGAL);
	/* Masked: noted, not told. */
	wr(v, APIC_REG_LVT_ERROR, 0xe1 | APIC_LVT_IS_MASKED);
	rd(v, 0x3f);
	assert_int_equal(take(v), -1);
	assert_int_equal(errors(), APIC_ESR_ILLEGAL_REG);
}

/* --- x2APIC ---------------------------------------------------------------------- */

static bool x2_readable(u32 reg)
{
	return reg == 0x02 || reg == 0x03 || reg == 0x08 || reg == 0x0a || reg == 0x0d ||
	       reg == 0x0f || (reg >= 0x10 && reg <= 0x28) || reg == 0x30 ||
	       (reg >= 0x32 && reg <= 0x39) || reg == 0x3e;
}

/* Bits of a legal write; 0: none is. EOI, ESR, ICR and SELF_IPI apart. */
static u64 x2_writable(u32 reg)
{
	switch (reg) {
	case APIC_REG_TPR: return 0xff;
	case APIC_REG_SVR: return 0x3ff;
	case APIC_REG_LVT_TIMER: return 0x710ff;
	case APIC_REG_LVT_THERMAL: return 0x117ff;
	case APIC_REG_LVT_PERF: return 0x117ff;
	case APIC_REG_LVT_LINT0: return 0x1f7ff;
	case APIC_REG_LVT_LINT1: return 0x1f7ff;
	case APIC_REG_LVT_ERROR: return 0x110ff;
	case APIC_REG_INITIAL_COUNT: return 0xffffffff;
	case APIC_REG_DIVIDE: return 0xb;
	default: return 0;
	}
}

static void test_x2_accesses(void **state)
{
	u32 reg, bit;
	u64 value;

	(void)state;
	assert_false(baton_lapic_msr_read(v, X2_MSR(APIC_REG_ID), &value));
	assert_false(x2_wr(v, APIC_REG_TPR, 0));
	x2_on(v);
	for (reg = 0; reg < 0x100; reg++) {
		assert_int_equal(baton_lapic_msr_read(v, X2_MSR(reg), &value), x2_readable(reg));
		if (reg == APIC_REG_EOI || reg == APIC_REG_ESR || reg == APIC_REG_ICR ||
		    reg == APIC_REG_SELF_IPI)
			continue;
		for (bit = 0; bit < 64; bit++)
			if (x2_wr(v, reg, 1ull << bit) != (x2_writable(reg) >> bit & 1))
				fail_msg("register 0x%x, bit %u", reg, bit);
		assert_int_equal(x2_wr(v, reg, 0), !!x2_writable(reg));
	}
	/* Periodic and deadline at once. */
	assert_false(x2_wr(v, APIC_REG_LVT_TIMER, 0x60000));
}

static void test_x2_commands(void **state)
{
	u32 bit;

	(void)state;
	x2_on(v);
	assert_true(x2_wr(v, APIC_REG_EOI, 0));
	assert_false(x2_wr(v, APIC_REG_EOI, 1));
	assert_true(x2_wr(v, APIC_REG_ESR, 0));
	assert_false(x2_wr(v, APIC_REG_ESR, 1));
	assert_true(x2_wr(v, APIC_REG_SELF_IPI, 0x44));
	assert_int_equal(take_and_eoi(v), 0x44);
	assert_false(x2_wr(v, APIC_REG_SELF_IPI, 0x144));
	assert_true(x2_wr(v, APIC_REG_SELF_IPI, 0x0f));
	assert_true(x2_wr(v, APIC_REG_ESR, 0));
	assert_int_equal(x2_rd(v, APIC_REG_ESR), APIC_ESR_SEND_ILLEGAL);
	/* One register of 64 bits; a bit that is reserved in it refuses the write. */
	assert_true(x2_wr(v, APIC_REG_ICR, 0x1700000051 | 1 << 14));
	assert_int_equal(x2_rd(v, APIC_REG_ICR), 0x1700000051 | 1 << 14);
	for (bit = 0; bit < 32; bit++)
		if (0xfff32000u >> bit & 1)
			assert_false(x2_wr(v, APIC_REG_ICR, 0x40ull | 1ull << bit));
	assert_int_equal(x2_rd(v, APIC_REG_ICR), 0x1700000051 | 1 << 14);
	assert_int_equal(take(v), -1);
}

static void test_x2_identity(void **state)
{
	struct baton_vcpu *far = kmod_vcpu_add(vm, 37);

	(void)state;
	x2_on(far);
	assert_int_equal(x2_rd(far, APIC_REG_ID), 37);
	assert_int_equal(x2_rd(far, APIC_REG_LDR), 2 << 16 | 1 << 5);
	assert_true(baton_lapic_set_base(far, APIC_DEFAULT_PHYS_BASE));
	assert_true(baton_lapic_set_base(far, BASE_XAPIC));
	assert_int_equal(rd(far, APIC_REG_ID), 37 << 24);
	assert_int_equal(rd(far, APIC_REG_LDR), 0);
}

/* SDM "x2APIC State Transitions" */
static void test_transitions(void **state)
{
	static const u64 modes[] = {
		0, MSR_IA32_APICBASE_ENABLE, X2APIC_ENABLE,
		MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE,
	};
	/* Row: from. From "only EXTD" there is no way, since none leads there. */
	static const bool legal[4][4] = {
		{ true, true, false, false },
		{ true, true, false, true },
		{ false, false, false, false },
		{ true, false, false, true },
	};
	size_t from, to;

	(void)state;
	for (from = 0; from < 4; from++) {
		for (to = 0; to < 4 && from != 2; to++) {
			u64 base = APIC_DEFAULT_PHYS_BASE | modes[from];

			assert_true(baton_lapic_restore_base(v, base));
			if (baton_lapic_set_base(v, APIC_DEFAULT_PHYS_BASE | modes[to]) !=
			    legal[from][to])
				fail_msg("%zu to %zu", from, to);
			assert_int_equal(v->apic.base, legal[from][to] ?
					 APIC_DEFAULT_PHYS_BASE | modes[to] : base);
		}
	}
}

static void test_base_bits(void **state)
{
	u32 bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		bool known = bit == 8 || bit == 10 || bit == 11 ||
			     (bit >= 12 && bit < KMOD_PHYS_BITS);
		u64 value = MSR_IA32_APICBASE_ENABLE | 1ull << bit;

		assert_int_equal(baton_lapic_restore_base(v, value), known);
	}
	assert_true(baton_lapic_restore_base(v, BASE_XAPIC));
	v->cpuid.features &= ~BATON_GF_X2APIC;
	assert_false(baton_lapic_restore_base(v, BASE_X2APIC));
	assert_false(baton_lapic_set_base(v, BASE_X2APIC));
	assert_int_equal(v->apic.base, BASE_XAPIC);
}

static void test_hardware_disable(void **state)
{
	(void)state;
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(baton_lapic_pending(v), 0x40);
	assert_true(baton_lapic_set_base(v, APIC_DEFAULT_PHYS_BASE));
	assert_int_equal(baton_lapic_pending(v), -1);
	baton_lapic_post(v, 0x41, false);
	assert_int_equal(baton_lapic_pending(v), -1);
	assert_true(baton_lapic_set_base(v, BASE_XAPIC));
	assert_int_equal(rd(v, APIC_REG_SVR), 0xff);
	apic_on(v);
	assert_int_equal(take(v), -1);
}

static void test_init(void **state)
{
	(void)state;
	x2_on(v);
	assert_true(x2_wr(v, APIC_REG_TPR, 0x50));
	baton_lapic_post(v, 0x90, true);
	assert_int_equal(take(v), 0x90);
	baton_lapic_reset(v, true);
	assert_int_equal(v->apic.base, BASE_X2APIC);
	assert_int_equal(x2_rd(v, APIC_REG_ID), 1);
	assert_int_equal(x2_rd(v, APIC_REG_LDR), 2);
	assert_int_equal(x2_rd(v, APIC_REG_SVR), 0xff);
	assert_int_equal(x2_rd(v, APIC_REG_TPR), 0);
	assert_int_equal(x2_rd(v, APIC_REG_PPR), 0);
}

/* Does LINT0 let the 8259 through, and who decides over it. */
static void test_extint(void **state)
{
	static const struct {
		u32 lint0;
		bool takes;
	} cases[] = {
		{ 0x700, true }, { 0x8700, true }, { 0xa7ff, true }, { 0x740, true },
		{ 0x10700, false }, { 0x18700, false }, { 0x0, false }, { 0x40, false },
		{ 0x400, false }, { 0x500, false }, { 0x300, false }, { 0x600, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		wr(v, APIC_REG_LVT_LINT0, cases[i].lint0);
		if (baton_apic_takes_extint(&v->apic) != cases[i].takes)
			fail_msg("LINT0 0x%x", cases[i].lint0);
	}
	/* LINT1 has no part in it, nor has the priority. */
	wr(v, APIC_REG_LVT_LINT1, 0x700);
	assert_false(baton_apic_takes_extint(&v->apic));
	wr(v, APIC_REG_LVT_LINT0, 0x700);
	wr(v, APIC_REG_TPR, 0xff);
	assert_true(baton_apic_takes_extint(&v->apic));
	/* Software disable masks it, and the guest cannot unmask it then. */
	wr(v, APIC_REG_SVR, 0xff);
	assert_false(baton_apic_takes_extint(&v->apic));
	wr(v, APIC_REG_LVT_LINT0, 0x700);
	assert_false(baton_apic_takes_extint(&v->apic));
	/* Switched off as a whole: as if there was none. */
	assert_true(baton_lapic_set_base(v, APIC_DEFAULT_PHYS_BASE));
	assert_true(baton_apic_takes_extint(&v->apic));
	assert_true(baton_lapic_set_base(v, BASE_XAPIC));
	assert_false(baton_apic_takes_extint(&v->apic));
	/* The line alone is nothing, and it outlives a reset. */
	apic_on(v);
	wr(v, APIC_REG_LVT_LINT0, 0x700);
	assert_false(baton_pins(v) || baton_extint_due(v));
	v->intr = true;
	assert_true(baton_pins(v) && baton_extint_due(v));
	baton_vcpu_reset(v, true);
	assert_true(baton_pins(v) && !baton_extint_due(v));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_reset), T(test_writable_bits), T(test_page_accesses), T(test_owns),
		T(test_priorities), T(test_all_vectors), T(test_requests), T(test_tpr),
		T(test_eoi), T(test_disabled), T(test_errors), T(test_x2_accesses),
		T(test_x2_commands), T(test_x2_identity), T(test_transitions),
		T(test_base_bits), T(test_hardware_disable), T(test_extint), T(test_init),
	};

	return cmocka_run_group_tests_name("kmod lapic", tests, NULL, NULL);
}
