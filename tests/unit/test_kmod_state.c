// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/state_check.c: what a monitor sets. Each field is walked through all that
 * it can hold, or all combinations with what it depends on, against the
 * manuals' rules written down a second time. What a guest does by itself:
 * test_kmod_control.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "kmod_env.h"

#define CODE64 (BATON_SEG_P | BATON_SEG_S | 0xb | BATON_SEG_L | BATON_SEG_G)
#define CODE32 (BATON_SEG_P | BATON_SEG_S | 0xb | BATON_SEG_DB | BATON_SEG_G)
#define HIGH_48 0xffff800000000000ull

static struct baton_vm *vm;
static struct baton_vcpu *v;

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(1);
	v = vm->vcpus[0];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	return 0;
}

static bool takes(const struct baton_sregs *s)
{
	int r = baton_check_sregs(v, s);

	assert_true(r == 0 || r == -EINVAL);
	return !r;
}

static void set_mode(struct baton_sregs *s, u64 cr0, u64 cr4, u64 efer, u16 code)
{
	*s = v->sregs;
	s->cr0 = cr0;
	s->cr4 = cr4;
	s->efer = efer;
	s->seg[BATON_CS].attr = code;
	s->seg[BATON_CS].base = 0;
	s->seg[BATON_CS].limit = code & BATON_SEG_G ? 0xffffffff : 0xffff;
}

static struct baton_sregs long_mode(void)
{
	struct baton_sregs s;

	set_mode(&s, X86_CR0_PG | X86_CR0_PE | X86_CR0_NE, X86_CR4_PAE,
		 EFER_LME | EFER_LMA | EFER_SCE | EFER_NX, CODE64);
	return s;
}

static void test_usual_modes(void **state)
{
	struct baton_sregs s = v->sregs;

	(void)state;
	assert_true(takes(&s)); /* after reset */
	set_mode(&s, X86_CR0_PE, 0, 0, CODE32);
	assert_true(takes(&s));
	set_mode(&s, X86_CR0_PE | X86_CR0_PG, 0, 0, CODE32);
	assert_true(takes(&s));
	set_mode(&s, X86_CR0_PE | X86_CR0_PG, X86_CR4_PAE, 0, CODE32);
	assert_true(takes(&s));
	s = long_mode();
	assert_true(takes(&s));
	s.cr4 = v->cpuid.cr4_allowed;
	assert_true(takes(&s));
	/* Compatibility mode; long mode prepared but not on. */
	s.seg[BATON_CS].attr = CODE32;
	assert_true(takes(&s));
	set_mode(&s, X86_CR0_PE, X86_CR4_PAE, EFER_LME, CODE32);
	assert_true(takes(&s));
}

static bool cr0_legal(u64 cr0)
{
	const u64 known = 0xe005003f;

	if (cr0 & ~known || (cr0 & X86_CR0_PG && !(cr0 & X86_CR0_PE)))
		return false;
	return !(cr0 & X86_CR0_NW) || cr0 & X86_CR0_CD;
}

static void test_cr0(void **state)
{
	struct baton_sregs s = v->sregs;
	unsigned int bits, bit;

	(void)state;
	for (bits = 0; bits < 1 << 9; bits++) {
		s.cr0 = (bits & 0x3f) | (u64)(bits >> 6) << 29;
		assert_int_equal(takes(&s), cr0_legal(s.cr0));
	}
	for (bit = 0; bit < 64; bit++) {
		s.cr0 = X86_CR0_PE | X86_CR0_CD | 1ull << bit;
		if (takes(&s) != cr0_legal(s.cr0))
			fail_msg("CR0 bit %u", bit);
	}
}

static void test_cr4(void **state)
{
	struct baton_sregs s = long_mode();
	unsigned int bit;
	u64 all;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		s.cr4 = X86_CR4_PAE | 1ull << bit;
		if (takes(&s) != (v->cpuid.cr4_allowed >> bit & 1))
			fail_msg("CR4 bit %u", bit);
	}
	assert_false(v->cpuid.cr4_allowed & (X86_CR4_VMXE | X86_CR4_SMXE));
	/* Each of them goes with the guest's CPUID. */
	for (bit = 0; bit < 64; bit++) {
		all = v->cpuid.cr4_allowed;
		if (!(all >> bit & 1) || 1ull << bit == X86_CR4_PAE)
			continue;
		v->cpuid.cr4_allowed &= ~(1ull << bit);
		s.cr4 = X86_CR4_PAE | 1ull << bit;
		assert_false(takes(&s));
		v->cpuid.cr4_allowed = all;
	}
}

/* Paging, PAE, PCID, LME and LMA in all combinations. */
static void test_mode_bits(void **state)
{
	struct baton_sregs s;
	unsigned int i;

	(void)state;
	for (i = 0; i < 32; i++) {
		bool pg = i & 1, pae = i & 2, pcid = i & 4, lme = i & 8, lma = i & 16;
		bool legal = lma == (lme && pg) && (!lma || pae) && (!pcid || lma);

		set_mode(&s, X86_CR0_PE | (pg ? X86_CR0_PG : 0),
			 (pae ? X86_CR4_PAE : 0) | (pcid ? X86_CR4_PCIDE : 0),
			 (lme ? EFER_LME : 0) | (lma ? EFER_LMA : 0), CODE32);
		if (takes(&s) != legal)
			fail_msg("PG %d PAE %d PCID %d LME %d LMA %d", pg, pae, pcid, lme, lma);
	}
}

static void test_efer(void **state)
{
	static const u32 needs[64] = {
		[11] = BATON_GF_NX, [14] = BATON_GF_FFXSR,
	};
	struct baton_sregs s = long_mode();
	u64 base = s.efer;
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		bool known = bit == 0 || bit == 8 || bit == 10 || bit == 11 || bit == 14;

		s.efer = base | 1ull << bit;
		if (takes(&s) != known)
			fail_msg("EFER bit %u", bit);
		if (!needs[bit])
			continue;
		v->cpuid.features = ~needs[bit];
		s.efer = EFER_LME | EFER_LMA | 1ull << bit;
		assert_false(takes(&s));
		v->cpuid.features = ~0u;
	}
	v->cpuid.features = ~BATON_GF_LONG_MODE;
	s.efer = base;
	assert_false(takes(&s));
}

static void test_cr3(void **state)
{
	struct baton_sregs s = long_mode();
	unsigned int bit, pcid;

	(void)state;
	for (pcid = 0; pcid < 2; pcid++) {
		s.cr4 = X86_CR4_PAE | (pcid ? X86_CR4_PCIDE : 0);
		for (bit = 0; bit < 64; bit++) {
			s.cr3 = 1ull << bit;
			assert_int_equal(takes(&s), bit < KMOD_PHYS_BITS);
		}
	}
}

static void test_cr8(void **state)
{
	struct baton_sregs s = v->sregs;
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		s.cr8 = 1ull << bit;
		assert_int_equal(takes(&s), bit < 4);
	}
}

/* SDM "XCR0": x87 always; AVX needs SSE; AVX-512 is three bits and needs AVX. */
static bool xcr0_legal(u64 xcr0)
{
	u64 avx512 = xcr0 & 0xe0;

	return xcr0 & 1 && !(xcr0 & ~0xe7ull) && (!(xcr0 & 4) || xcr0 & 2) &&
	       (!avx512 || (avx512 == 0xe0 && xcr0 & 4));
}

static void test_xcr0(void **state)
{
	struct baton_sregs s = v->sregs;
	unsigned int bit;

	(void)state;
	v->cpuid.xcr0_allowed = 0xe7;
	for (s.xcr0 = 0; s.xcr0 < 0x400; s.xcr0++)
		assert_int_equal(takes(&s), xcr0_legal(s.xcr0));
	for (bit = 8; bit < 64; bit++) {
		s.xcr0 = 7 | 1ull << bit;
		assert_false(takes(&s));
	}
	v->cpuid.xcr0_allowed = 3;
	s.xcr0 = 7;
	assert_false(takes(&s));
	s.xcr0 = 3;
	assert_true(takes(&s));
	v->cpuid.xcr0_allowed = 1;
	assert_false(takes(&s));
}

static bool attr_legal(u16 attr, u32 limit)
{
	if (attr & 0x0e00)
		return false;
	if (attr & BATON_SEG_UNUSABLE)
		return true;
	return attr & BATON_SEG_G ? (limit & 0xfff) == 0xfff : limit <= 0xfffff;
}

static void test_segment_attributes(void **state)
{
	static const u32 limits[] = { 0, 0xfff, 0xffff, 0xfffff, 0x100000, 0xfffffffe, ~0u };
	struct baton_sregs s = v->sregs;
	unsigned int seg, attr, i;

	(void)state;
	for (seg = 0; seg < BATON_SEG_COUNT; seg++) {
		if (seg == BATON_CS)
			continue;
		for (attr = 0; attr < 0x10000; attr += seg ? 0x101 : 1) {
			for (i = 0; i < ARRAY_SIZE(limits); i++) {
				s.seg[seg].attr = attr;
				s.seg[seg].limit = limits[i];
				if (takes(&s) != attr_legal(attr, limits[i]))
					fail_msg("segment %u: 0x%x, 0x%x", seg, attr, limits[i]);
			}
		}
		s.seg[seg] = v->sregs.seg[seg];
	}
}

static void test_code_segment(void **state)
{
	struct baton_sregs s;
	unsigned int attr, lma;

	(void)state;
	for (lma = 0; lma < 2; lma++) {
		for (attr = 0; attr < 0x10000; attr++) {
			bool legal = attr_legal(attr, 0xfff) && !(attr & BATON_SEG_UNUSABLE) &&
				     attr & BATON_SEG_P;

			if (lma && attr & BATON_SEG_L && attr & BATON_SEG_DB)
				legal = false;
			s = v->sregs;
			if (lma)
				s = long_mode();
			s.seg[BATON_CS].attr = attr;
			s.seg[BATON_CS].limit = 0xfff;
			if (takes(&s) != legal)
				fail_msg("LMA %u, attributes 0x%x", lma, attr);
		}
	}
}

static void test_bases(void **state)
{
	static const u8 canonical[] = { BATON_FS, BATON_GS, BATON_LDTR, BATON_TR };
	static const u8 low[] = { BATON_ES, BATON_CS, BATON_SS, BATON_DS };
	static const struct {
		u64 base;
		bool legal48, legal57;
	} cases[] = {
		{ 0, true, true }, { 0x7fffffffffff, true, true }, { 1ull << 47, false, true },
		{ HIGH_48, true, true }, { HIGH_48 - 1, false, true }, { ~0ull, true, true },
		{ 1ull << 56, false, false }, { 1ull << 63, false, false },
		{ 0xff00000000000000, false, true },
	};
	unsigned int i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (j = 0; j < ARRAY_SIZE(canonical); j++) {
			struct baton_sregs s = long_mode();

			s.seg[canonical[j]].base = cases[i].base;
			assert_int_equal(takes(&s), cases[i].legal48);
			/* How wide addresses can be decides, neither CR4 nor CPUID. */
			boot_cpu_data.x86_virt_bits = 57;
			assert_int_equal(takes(&s), cases[i].legal57);
			s.cr4 |= X86_CR4_LA57;
			assert_int_equal(takes(&s), cases[i].legal57);
			boot_cpu_data.x86_virt_bits = 48;
		}
	}
	for (j = 0; j < ARRAY_SIZE(low); j++) {
		struct baton_sregs s = long_mode();

		s.seg[low[j]].base = 0xffffffff;
		assert_true(takes(&s));
		s.seg[low[j]].base = 0x100000000;
		if (takes(&s))
			fail_msg("segment %u: base above 4 GiB", low[j]);
	}
}

static void check_table(size_t offset)
{
	struct baton_sregs s = long_mode();
	struct baton_dtable *table = (void *)((char *)&s + offset);

	table->limit = 0xffff;
	table->base = HIGH_48;
	assert_true(takes(&s));
	table->limit = 0x10000;
	assert_false(takes(&s));
	table->limit = 0xffff;
	table->base = HIGH_48 - 1;
	assert_false(takes(&s));
	table->base = 0;
	table->reserved = 1;
	assert_false(takes(&s));
}

static void test_descriptor_tables(void **state)
{
	(void)state;
	check_table(offsetof(struct baton_sregs, gdt));
	check_table(offsetof(struct baton_sregs, idt));
}

static void test_regs(void **state)
{
	struct baton_regs regs = v->regs;
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		bool known = bit < 22 && bit != 3 && bit != 5 && bit != 15;

		regs.rflags = X86_EFLAGS_FIXED | 1ull << bit;
		if (baton_regs_ok(regs.rip, regs.rflags) != known)
			fail_msg("RFLAGS bit %u", bit);
	}
	regs.rflags = X86_EFLAGS_IF;
	assert_false(baton_regs_ok(regs.rip, regs.rflags));
	regs.rflags = X86_EFLAGS_FIXED;
	regs.rip = 0x00ffffffffffffff;
	assert_true(baton_regs_ok(regs.rip, regs.rflags));
	regs.rip = 0x0100000000000000;
	assert_false(baton_regs_ok(regs.rip, regs.rflags));
	regs.rip = ~0ull;
	assert_true(baton_regs_ok(regs.rip, regs.rflags));
}

static void test_debugregs(void **state)
{
	struct baton_debugregs dbg = { .dr = { ~0ull, 1ull << 63, 0, 5 } };
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		dbg.dr6 = 1ull << bit;
		dbg.dr7 = 0;
		assert_int_equal(baton_check_debugregs(&dbg), bit < 32 ? 0 : -EINVAL);
		dbg.dr6 = 0;
		dbg.dr7 = 1ull << bit;
		assert_int_equal(baton_check_debugregs(&dbg), bit < 32 ? 0 : -EINVAL);
	}
}

static bool events_legal(const struct baton_events *ev)
{
	bool exception = ev->flags & BATON_EV_EXCEPTION;

	if (ev->flags & ~0x7fu || ev->mp_state > 2)
		return false;
	if (ev->flags & BATON_EV_ERROR_CODE && !exception)
		return false;
	if (exception && (ev->exception > 31 || ev->exception == 2))
		return false;
	return true;
}

static void test_events(void **state)
{
	struct baton_events ev = {};
	unsigned int i, vector;

	(void)state;
	for (i = 0; i < 0x400; i++) {
		ev.flags = i & 0xff;
		ev.mp_state = i >> 8;
		for (vector = 0; vector < 256; vector++) {
			ev.exception = ev.interrupt = vector;
			if (!baton_check_events(&ev) != events_legal(&ev))
				fail_msg("flags 0x%x, vector %u", ev.flags, vector);
		}
	}
	ev = (struct baton_events) { .flags = 1u << 31 };
	assert_int_equal(baton_check_events(&ev), -EINVAL);
	ev = (struct baton_events) { .reserved0 = 1 };
	assert_int_equal(baton_check_events(&ev), -EINVAL);
	ev = (struct baton_events) { .reserved1 = 1ull << 40 };
	assert_int_equal(baton_check_events(&ev), -EINVAL);
	ev = (struct baton_events) { .mp_state = ~0u };
	assert_int_equal(baton_check_events(&ev), -EINVAL);
}

/* The calls that use the checks change nothing if one of them says no. */
static void test_refused_as_a_whole(void **state)
{
	struct baton_sregs s = long_mode(), before = v->sregs;
	u64 base = v->apic.base;

	(void)state;
	s.apic_base = MSR_IA32_APICBASE_ENABLE | 1; /* bit 0 is reserved */
	s.cr8 = 7;
	assert_int_equal(baton_set_sregs(v, &s), -EINVAL);
	assert_memory_equal(&before, &v->sregs, sizeof(before));
	assert_int_equal(baton_lapic_cr8(v), 0);
	s.apic_base = base;
	s.xcr0 = 0;
	assert_int_equal(baton_set_sregs(v, &s), -EINVAL);
	s.xcr0 = 1;
	assert_int_equal(baton_set_sregs(v, &s), 0);
	assert_int_equal(baton_get_sregs(v, &before), 0);
	assert_memory_equal(&before, &s, sizeof(s));
}

/* Of PAE paging: what an entry would refuse. Without it nothing is looked at. */
static void test_pdptes(void **state)
{
	struct baton_sregs s = long_mode();

	(void)state;
	s.efer &= ~(EFER_LME | EFER_LMA);
	s.seg[BATON_CS].attr &= ~BATON_SEG_L;
	s.apic_base = v->apic.base;
	s.pdpte[2] = 0x5001;
	assert_int_equal(baton_check_sregs(v, &s), 0);
	s.pdpte[2] = 0x5003;
	assert_int_equal(baton_check_sregs(v, &s), -EINVAL);
	s.pdpte[2] = 1 | 1ull << v->cpuid.phys_bits;
	assert_int_equal(baton_check_sregs(v, &s), -EINVAL);
	s.pdpte[2] &= ~1ull;
	assert_int_equal(baton_check_sregs(v, &s), 0);
}

static void test_events_round_trip(void **state)
{
	struct baton_events in = {
		.flags = BATON_EV_EXCEPTION | BATON_EV_ERROR_CODE | BATON_EV_NMI_PENDING |
			 BATON_EV_NMI_BLOCKED | BATON_EV_STI_SHADOW,
		.mp_state = BATON_MP_RUNNABLE, .exception = 14, .error_code = 5,
	}, out;

	(void)state;
	assert_int_equal(baton_set_events(v, &in), 0);
	assert_int_equal(baton_get_events(v, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	in = (struct baton_events) {
		.flags = BATON_EV_INTERRUPT | BATON_EV_MOVSS_SHADOW, .interrupt = 0x31,
		.mp_state = BATON_MP_HALTED,
	};
	assert_int_equal(baton_set_events(v, &in), 0);
	assert_int_equal(baton_get_events(v, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
}

/* Another vCPU's kick of one that halts, in the same place; and one that was told. */
static void test_kick_between(void **state)
{
	struct baton_events events = { .mp_state = BATON_MP_HALTED };

	(void)state;
	assert_int_equal(baton_set_events(v, &events), 0);
	assert_int_equal(baton_get_events(v, &events), 0);
	assert_int_equal(events.mp_state, BATON_MP_HALTED);
	v->pv.unhalt = true;
	assert_int_equal(baton_set_events(v, &events), 0);
	assert_int_equal(baton_get_events(v, &events), 0);
	assert_int_equal(events.mp_state, BATON_MP_RUNNABLE);
	assert_false(v->pv.unhalt);
}

/* Another thread's NMI, between what the monitor reads and what it writes back. */
static void test_nmi_between(void **state)
{
	struct baton_events events;

	(void)state;
	WRITE_ONCE(v->nmi_posted, true);
	assert_int_equal(baton_get_events(v, &events), 0);
	assert_int_equal(events.flags, BATON_EV_NMI_PENDING);
	assert_false(v->nmi_posted);
	events.flags = 0;	/* it makes something else of that one */
	WRITE_ONCE(v->nmi_posted, true);
	assert_int_equal(baton_set_events(v, &events), 0);
	assert_int_equal(baton_get_events(v, &events), 0);
	assert_int_equal(events.flags, BATON_EV_NMI_PENDING);
}

/* An interrupt whose delivery ran into a fault that exits, as all do while one steps. */
static void test_events_behind_each_other(void **state)
{
	struct baton_events both = {
		.flags = BATON_EV_EXCEPTION | BATON_EV_ERROR_CODE | BATON_EV_INTERRUPT,
		.exception = 14, .error_code = 2, .interrupt = 0x41,
	}, out;

	(void)state;
	v->ev = (struct baton_pending) { .reinject = true, .reinject_vector = 0x41 };
	baton_queue_exception(v, 14, true, 2);
	assert_int_equal(baton_get_events(v, &out), 0);
	assert_memory_equal(&both, &out, sizeof(out));
	v->ev = (struct baton_pending) {};
	assert_int_equal(baton_set_events(v, &both), 0);
	assert_true(v->ev.exception && v->ev.reinject);
	assert_int_equal(v->ev.vector, 14);
	assert_int_equal(v->ev.reinject_vector, 0x41);
	assert_int_equal(v->ev.reinject_type, 0);
	assert_int_equal(baton_get_events(v, &out), 0);
	assert_memory_equal(&both, &out, sizeof(out));
}

/* What XRSTOR takes: the bits that this very processor's FXSAVE tells of. */
static void test_mxcsr(void **state)
{
	static _Alignas(16) u8 image[512];
	struct baton_xsave *in = calloc(1, sizeof(*in));
	u32 mask, *mxcsr = (u32 *)(in->image + 24);
	unsigned int bit;

	(void)state;
	__asm__ volatile("fxsave64 %0" : "+m" (image));
	memcpy(&mask, image + 28, sizeof(mask));
	for (bit = 0; bit < 32; bit++) {
		*mxcsr = 1u << bit;
		assert_int_equal(baton_set_xsave(v, in), mask >> bit & 1 ? 0 : -EINVAL);
	}
	free(in);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_usual_modes), T(test_cr0), T(test_cr4), T(test_mode_bits), T(test_efer),
		T(test_cr3), T(test_cr8), T(test_xcr0), T(test_segment_attributes),
		T(test_code_segment), T(test_bases), T(test_descriptor_tables), T(test_regs),
		T(test_debugregs), T(test_events), T(test_refused_as_a_whole),
		T(test_events_round_trip), T(test_mxcsr),
		T(test_nmi_between), T(test_kick_between), T(test_pdptes),
		T(test_events_behind_each_other),
		T(test_mxcsr),
	};

	return cmocka_run_group_tests_name("kmod state", tests, NULL, NULL);
}
