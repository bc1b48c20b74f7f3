// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/cpuid.c on two made-up hosts that say yes to everything: what is offered,
 * what a monitor may set, what follows from it, what the guest is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "kmod_env.h"

enum { EAX, EBX, ECX, EDX };

static struct baton_vm *vm;
static struct baton_vcpu *v;
static struct baton_cpuid_entry offer[BATON_MAX_CPUID];
static u32 offer_count;

static void take_offer(void)
{
	baton_cpuid_init();
	offer_count = ARRAY_SIZE(offer);
	assert_int_equal(baton_cpuid_supported(offer, &offer_count), 0);
}

static int set_up_on(const struct kshim_cpuid *host)
{
	kshim_host_cpuid = host;
	kshim_xcr0 = 0xe7;
	vm = kmod_vm_create(1);
	v = vm->vcpus[0];
	take_offer();
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	return set_up_on(kshim_intel_cpuid);
}

static int set_up_amd(void **state)
{
	(void)state;
	return set_up_on(kshim_amd_cpuid);
}

static int tear_down(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	kshim_host_cpuid = kshim_intel_cpuid;
	kshim_xcr0 = 7;
	kshim_cpu_features = ~0ull;
	return 0;
}

static u32 *reg_of(struct baton_cpuid_entry *e, unsigned int reg)
{
	u32 *regs[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

	return regs[reg];
}

static struct baton_cpuid_entry *entry_of(struct baton_cpuid_entry *list, u32 count, u32 leaf,
					  u32 subleaf)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (list[i].leaf == leaf && list[i].subleaf == subleaf)
			return &list[i];
	return NULL;
}

static u32 offered(u32 leaf, u32 subleaf, unsigned int reg)
{
	struct baton_cpuid_entry *e = entry_of(offer, offer_count, leaf, subleaf);

	return e ? *reg_of(e, reg) : 0;
}

/* Sets a copy of `count` entries; what is taken belongs to the vCPU. */
static int set(const struct baton_cpuid_entry *entries, u32 count)
{
	struct baton_cpuid_entry *copy = kvmalloc_array(count, sizeof(*copy), GFP_KERNEL);
	int r;

	memcpy(copy, entries, count * sizeof(*copy));
	r = baton_cpuid_set(v, copy, count);
	if (r)
		kvfree(copy);
	return r;
}

static int set_offer(void)
{
	return set(offer, offer_count);
}

static void query(u32 leaf, u32 subleaf, u32 out[4])
{
	memset(out, 0x5a, 4 * sizeof(*out));
	baton_cpuid_query(v, leaf, subleaf, out);
}

/* --- what is offered ---------------------------------------------------------------- */

struct bits {
	u32 leaf, subleaf;
	u8 reg;
	u32 bits;
};

/* Each of these needs something that the module does not do for a guest. */
static const struct bits hidden[] = {
	/* DTES64 MONITOR DS-CPL VMX SMX EIST TM2 CNXT-ID SDBG xTPR PDCM DCA */
	{ 1, 0, ECX, 0x0005cdfc },
	/* PSN DS ACPI SS TM IA64 PBE */
	{ 1, 0, EDX, 0xe8740400 },
	/* SGX HLE RTM PQM MPX PQE PT PF ER */
	{ 7, 0, EBX, 0x0e40d814 },
	/* PKU OSPKE WAITPKG CET_SS TME LA57 KL ENQCMD SGX_LC PKS, bus lock */
	{ 7, 0, ECX, 0xe1bf20b9 },
	/* UINTR SRBDS_CTRL TSX* HYBRID PCONFIG LBR CET_IBT AMX L1D_FLUSH CORE_CAP */
	{ 7, 0, EDX, 0x535daa23 },
	{ 7, 1, EAX, ~0u }, { 7, 1, EDX, ~0u }, { 7, 2, EDX, ~0u },
	{ 0xd, 1, EAX, ~7u },
	{ 0xa, 0, EAX, ~0u }, { 0x14, 0, EBX, ~0u },
	/* SVM EXTAPIC OSVW IBS SKINIT WDT LWP TCE NODEID PERFCTR* DBX PTSC MONITORX */
	{ 0x80000001, 0, ECX, 0x7d8ab60c },
	{ 0x8000000a, 0, EDX, ~0u }, { 0x8000001f, 0, EAX, ~0u },
	/* WBNOINVD and what concerns the host's power and errors */
	{ 0x80000007, 0, EDX, ~0x100u }, { 0x80000007, 0, EBX, ~0u },
};

static void test_hidden(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(hidden); i++) {
		u32 seen = offered(hidden[i].leaf, hidden[i].subleaf, hidden[i].reg);

		if (seen & hidden[i].bits)
			fail_msg("leaf 0x%x.%u, register %u: 0x%x", hidden[i].leaf,
				 hidden[i].subleaf, hidden[i].reg, seen & hidden[i].bits);
	}
}

static void test_offered(void **state)
{
	/* What Linux on x86-64 wants, and what the module makes by itself. */
	static const struct bits wanted[] = {
		{ 1, 0, EDX, 0x078bfbff }, { 1, 0, ECX, 1u << 31 | 1 << 24 | 1 << 21 | 1 << 26 },
		{ 6, 0, EAX, 1 << 2 }, { 7, 0, EBX, 1 << 0 | 1 << 1 | 1 << 7 | 1 << 20 },
		{ 7, 0, EDX, 1 << 26 | 1 << 29 }, { 0xd, 0, EAX, 0xe7 }, { 0xd, 1, EAX, 7 },
		{ 0x40000001, 0, EAX, 1 << 3 }, { 0x80000001, 0, EDX, 1 << 29 | 1 << 20 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		u32 seen = offered(wanted[i].leaf, wanted[i].subleaf, wanted[i].reg);

		if (~seen & wanted[i].bits)
			fail_msg("leaf 0x%x.%u, register %u: 0x%x", wanted[i].leaf,
				 wanted[i].subleaf, wanted[i].reg, seen);
	}
	assert_int_equal(offered(0x80000008, 0, EAX) & 0xff, baton_phys_bits());
	assert_int_equal(offered(0x80000008, 0, EAX) >> 8 & 0xff, 48);
	assert_int_equal(offered(0x40000000, 0, EBX), 0x4b4d564b);
}

static void test_host_has_less(void **state)
{
	static const struct kshim_cpuid poor[] = {
		{ 0, 0, 1, 0x756e6547, 0x6c65746e, 0x49656e69 },
		{ 1, 0, 0x000306c3, 0x00100800, 0x00000001, 0x07800140 },
		{ 0x80000000, 0, 0x80000001, 0, 0, 0 },
		{ 0x80000001, 0, 0, 0, 0, 0x20000000 },
		{ ~0u, 0, 0, 0, 0, 0 },
	};

	(void)state;
	kshim_host_cpuid = poor;
	kshim_cpu_features = 0;
	take_offer();
	assert_int_equal(offered(1, 0, EDX), 0x07800140);
	assert_int_equal(offered(1, 0, ECX), 1 | 1u << 31 | 1 << 24 | 1 << 21);
	assert_int_equal(offered(7, 0, EBX), 1 << 1);
	assert_int_equal(offered(0xd, 0, EAX), 0);
	assert_int_equal(offered(0x80000001, 0, EDX), 0x20000000);
	assert_int_equal(set_offer(), 0);
	assert_int_equal(v->cpuid.xcr0_allowed, 1);
	assert_false(v->cpuid.cr4_allowed & X86_CR4_OSXSAVE);
}

/* clearcpuid=, "nosmap", AVX off against GDS, RDRAND that is broken, … */
static void test_kernel_has_less(void **state)
{
	struct cpuinfo_x86 saved = boot_cpu_data;
	u32 full = offer_count;

	(void)state;
	boot_cpu_data.x86_capability[CPUID_1_ECX] = 0xafffffff;
	boot_cpu_data.x86_capability[CPUID_7_0_EBX] = 0xffefffdf;
	boot_cpu_data.x86_capability[CPUID_D_1_EAX] = 1;
	take_offer();
	assert_int_equal(offered(1, 0, ECX) & (BIT(28) | BIT(30)), 0);
	assert_int_equal(offered(7, 0, EBX) & (BIT(5) | BIT(20)), 0);
	assert_int_equal(offered(0xd, 1, EAX), 1);
	assert_int_equal(offer_count, full);
	assert_int_equal(set_offer(), 0);
	/* What the module makes stays. */
	memset(boot_cpu_data.x86_capability, 0, sizeof(boot_cpu_data.x86_capability));
	take_offer();
	assert_int_equal(offered(1, 0, ECX), 1u << 31 | 1 << 24 | 1 << 21);
	assert_int_equal(offered(1, 0, EDX), 0x15280);
	assert_int_equal(offered(7, 0, EBX), 1 << 1);
	assert_int_equal(offered(6, 0, EAX), 1 << 2);
	boot_cpu_data = saved;
}

/* Nor may the monitor give a guest what the kernel has switched off. */
static void test_kernel_has_less_set(void **state)
{
	static struct baton_cpuid_entry full[BATON_MAX_CPUID];
	struct cpuinfo_x86 saved = boot_cpu_data;

	(void)state;
	memcpy(full, offer, sizeof(full));
	boot_cpu_data.x86_capability[CPUID_1_ECX] = 0xbfffffff;
	take_offer();
	assert_int_equal(set_offer(), 0);
	memcpy(offer, full, sizeof(full));
	assert_int_equal(set_offer(), -EINVAL);
	boot_cpu_data = saved;
	boot_cpu_data.x86_capability[CPUID_D_1_EAX] = 0xfffffffe;
	take_offer();
	memcpy(offer, full, sizeof(full));
	assert_int_equal(set_offer(), -EINVAL);
	boot_cpu_data = saved;
	take_offer();
	assert_int_equal(set_offer(), 0);
}

static void test_room(void **state)
{
	struct baton_cpuid_entry few[4];
	u32 count = 0;

	(void)state;
	assert_int_equal(baton_cpuid_supported(NULL, &count), -E2BIG);
	assert_true(count >= offer_count && count <= BATON_MAX_CPUID);
	count = ARRAY_SIZE(few);
	assert_int_equal(baton_cpuid_supported(few, &count), -E2BIG);
	assert_true(count >= offer_count);
	count = offer_count;
	assert_int_equal(baton_cpuid_supported(offer, &count), 0);
	assert_int_equal(count, offer_count);
}

/* --- what may be set ------------------------------------------------------------------ */

static void test_offer_is_taken(void **state)
{
	(void)state;
	v->dirty = 0;
	assert_int_equal(set_offer(), 0);
	assert_true(v->dirty & BATON_ST_CPUID);
	/* In any order, and none at all. */
	swap(offer[0], offer[offer_count - 1]);
	swap(offer[3], offer[7]);
	assert_int_equal(set_offer(), 0);
	assert_int_equal(set(offer, 0), 0);
	assert_int_equal(v->cpuid.features, 0);
	assert_int_equal(v->cpuid.xcr0_allowed, 1);
}

static void test_feature_bits(void **state)
{
	static const struct bits regs[] = {
		{ 1, 0, ECX, 1 << 27 }, { 1, 0, EDX, 1 << 28 }, { 6, 0, EAX, 0 }, { 6, 0, EBX, 0 },
		{ 7, 0, EBX, 0 }, { 7, 0, ECX, 0 }, { 7, 0, EDX, 0 }, { 0xd, 0, EAX, 0 },
		{ 0xd, 0, EDX, 0 }, { 0xd, 1, EAX, 0 }, { 0xd, 1, ECX, 0 },
		{ 0x40000001, 0, EAX, 0 }, { 0x40000001, 0, EDX, 0 }, { 0x80000001, 0, ECX, 2 },
		{ 0x80000001, 0, EDX, 0 }, { 0x80000007, 0, EDX, 0 }, { 0x80000007, 0, EAX, 0 },
		{ 0x80000008, 0, EBX, 0 }, { 0x80000008, 0, EDX, 0 }, { 0x80000021, 0, EAX, 0 },
		/* Identification and sizes; not of a subleaf that there is not. */
		{ 1, 0, EAX, ~0u }, { 1, 0, EBX, ~0u }, { 7, 0, EAX, ~0u }, { 7, 1, EAX, 0 },
		{ 0xd, 1, EBX, ~0u }, { 0x80000001, 0, EAX, ~0u }, { 0x80000001, 0, EBX, ~0u },
		{ 0x80000008, 0, EAX, ~0u }, { 0x80000008, 0, ECX, ~0u },
		{ 1, 1, EAX, 0 }, { 1, 1, EBX, 0 }, { 0x80000001, 1, EAX, 0 },
		{ 0x80000008, 1, EAX, 0 },
	};
	unsigned int bit;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		struct baton_cpuid_entry e = {
			.leaf = regs[i].leaf, .subleaf = regs[i].subleaf,
			.flags = BATON_CPUID_SUBLEAF_MATTERS,
		};
		u32 have = offered(e.leaf, e.subleaf, regs[i].reg) | regs[i].bits;

		for (bit = 0; bit < 32; bit++) {
			*reg_of(&e, regs[i].reg) = 1u << bit;
			if (set(&e, 1) != (have >> bit & 1 ? 0 : -EINVAL))
				fail_msg("leaf 0x%x.%u, register %u, bit %u", e.leaf, e.subleaf,
					 regs[i].reg, bit);
		}
		*reg_of(&e, regs[i].reg) = 0;
		assert_int_equal(set(&e, 1), 0);
	}
}

static void test_hidden_is_refused(void **state)
{
	unsigned int bit;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(hidden); i++) {
		struct baton_cpuid_entry e = {
			.leaf = hidden[i].leaf, .subleaf = hidden[i].subleaf,
			.flags = BATON_CPUID_SUBLEAF_MATTERS,
		};

		for (bit = 0; bit < 32; bit++) {
			*reg_of(&e, hidden[i].reg) = 1u << bit;
			if (hidden[i].bits >> bit & 1 && set(&e, 1) != -EINVAL)
				fail_msg("leaf 0x%x.%u, register %u, bit %u", e.leaf, e.subleaf,
					 hidden[i].reg, bit);
		}
	}
}

static void test_bad_entries(void **state)
{
	static const struct {
		const char *what;
		struct baton_cpuid_entry e[2];
		u32 count;
	} cases[] = {
		{ "unknown flag", { { 0, 0, 2, 0, 0, 0, 0, 0 } }, 1 },
		{ "reserved", { { 0, 0, 0, 0, 0, 0, 0, 1 } }, 1 },
		{ "unknown leaf", { { 0x99, 0, 0, 0, 0, 1, 0, 0 } }, 1 },
		{ "unknown extended leaf", { { 0x80000099, 0, 0, 1, 0, 0, 0, 0 } }, 1 },
		{ "XSAVE component's size", { { 0xd, 2, 1, 0x101, 0x240, 0, 0, 0 } }, 1 },
		{ "XSAVE component's place", { { 0xd, 2, 1, 0x100, 0x241, 0, 0, 0 } }, 1 },
		{ "component that is none", { { 0xd, 40, 1, 8, 0, 0, 0, 0 } }, 1 },
		{ "leaf 7 for all subleaves", { { 7, 0, 0, 1, 1, 0, 0, 0 } }, 1 },
		{ "leaf 0xd for all subleaves", { { 0xd, 0, 0, 7, 0, 0, 0, 0 } }, 1 },
		{ "twice", { { 0, 0, 0, 1, 0, 0, 0, 0 }, { 0, 0, 0, 1, 0, 0, 0, 0 } }, 2 },
		{ "twice with subleaf", { { 4, 1, 1, 1, 0, 0, 0, 0 }, { 4, 1, 1, 1, 0, 0, 0, 0 } },
		  2 },
		{ "with and without subleaf",
		  { { 4, 0, 0, 1, 0, 0, 0, 0 }, { 4, 1, 1, 1, 0, 0, 0, 0 } }, 2 },
	};
	struct baton_cpuid_table before;
	size_t i;

	(void)state;
	assert_int_equal(set_offer(), 0);
	before = v->cpuid;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (set(cases[i].e, cases[i].count) != -EINVAL)
			fail_msg("%s was taken", cases[i].what);
		assert_memory_equal(&before, &v->cpuid, sizeof(before));
	}
}

/* --- what follows ------------------------------------------------------------------------ */

static void without(u32 leaf, unsigned int reg, u32 bits)
{
	struct baton_cpuid_entry *e = entry_of(offer, offer_count, leaf, 0);

	if (e)
		*reg_of(e, reg) &= ~bits;
	assert_int_equal(set_offer(), 0);
	take_offer();
}

static void test_consequences(void **state)
{
	static const struct {
		u32 leaf;
		u8 reg;
		u32 bit, flag;
		u64 cr4;
	} cases[] = {
		{ 1, EDX, 1, 0, X86_CR4_VME | X86_CR4_PVI }, { 1, EDX, 2, 0, X86_CR4_DE },
		{ 1, EDX, 3, 0, X86_CR4_PSE }, { 1, EDX, 4, 0, X86_CR4_TSD },
		{ 1, EDX, 6, 0, X86_CR4_PAE }, { 1, EDX, 7, 0, X86_CR4_MCE },
		{ 1, EDX, 12, BATON_GF_MTRR, 0 }, { 1, EDX, 13, 0, X86_CR4_PGE },
		{ 1, EDX, 24, 0, X86_CR4_OSFXSR }, { 1, EDX, 25, 0, X86_CR4_OSXMMEXCPT },
		{ 1, ECX, 17, 0, X86_CR4_PCIDE }, { 1, ECX, 21, BATON_GF_X2APIC, 0 },
		{ 1, ECX, 24, BATON_GF_TSC_DEADLINE, 0 },
		{ 1, ECX, 26, BATON_GF_XSAVE, X86_CR4_OSXSAVE },
		{ 7, EBX, 0, 0, X86_CR4_FSGSBASE }, { 7, EBX, 1, BATON_GF_TSC_ADJUST, 0 },
		{ 7, EBX, 7, 0, X86_CR4_SMEP }, { 7, EBX, 20, 0, X86_CR4_SMAP },
		{ 7, ECX, 2, 0, X86_CR4_UMIP }, { 7, EDX, 29, BATON_GF_ARCH_CAP, 0 },
		{ 0x80000001, EDX, 20, BATON_GF_NX, 0 },
		{ 0x80000001, EDX, 29, BATON_GF_LONG_MODE, 0 },
		{ 0x40000001, EAX, 3, BATON_GF_PVCLOCK, 0 },
		{ 0x40000001, EAX, 5, BATON_GF_PV_STEAL, 0 },
		{ 0x40000001, EAX, 6, BATON_GF_PV_EOI, 0 },
		{ 0x40000001, EAX, 7, BATON_GF_PV_UNHALT, 0 },
		{ 0x40000001, EAX, 11, BATON_GF_PV_SEND_IPI, 0 },
		{ 0x40000001, EAX, 12, BATON_GF_PV_POLL, 0 },
		{ 0x40000001, EAX, 13, BATON_GF_PV_YIELD, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(set_offer(), 0);
		assert_int_equal(v->cpuid.features & cases[i].flag, cases[i].flag);
		assert_int_equal(v->cpuid.cr4_allowed & cases[i].cr4, cases[i].cr4);
		without(cases[i].leaf, cases[i].reg, 1u << cases[i].bit);
		if (v->cpuid.features & cases[i].flag || v->cpuid.cr4_allowed & cases[i].cr4)
			fail_msg("leaf 0x%x, register %u, bit %u", cases[i].leaf, cases[i].reg,
				 cases[i].bit);
	}
	/* Never, whatever a host has. */
	assert_int_equal(set_offer(), 0);
	assert_false(v->cpuid.cr4_allowed & (X86_CR4_VMXE | X86_CR4_SMXE | X86_CR4_LA57 |
					     X86_CR4_PKE | X86_CR4_CET));
}

static void test_either_way(void **state)
{
	(void)state;
	/* RDTSCP and RDPID each bring TSC_AUX. */
	without(7, ECX, 1 << 22);
	assert_true(v->cpuid.features & BATON_GF_RDTSCP);
	without(0x80000001, EDX, 1 << 27);
	assert_true(v->cpuid.features & BATON_GF_RDTSCP);
	entry_of(offer, offer_count, 7, 0)->ecx &= ~(1u << 22);
	entry_of(offer, offer_count, 0x80000001, 0)->edx &= ~(1u << 27);
	assert_int_equal(set_offer(), 0);
	assert_false(v->cpuid.features & BATON_GF_RDTSCP);
}

static void test_limits(void **state)
{
	struct baton_cpuid_entry *width = entry_of(offer, offer_count, 0x80000008, 0);
	u32 bits;

	(void)state;
	for (bits = 0; bits < 256; bits++) {
		width->eax = bits;
		assert_int_equal(set_offer(), 0);
		assert_int_equal(v->cpuid.phys_bits,
				 !bits ? 36 : bits < 32 ? 32 : min(bits, baton_phys_bits()));
	}
	/* XCR0: what leaf 0xd says, and only with XSAVE. */
	assert_int_equal(v->cpuid.xcr0_allowed, 0xe7);
	entry_of(offer, offer_count, 0xd, 0)->eax = 3;
	assert_int_equal(set_offer(), 0);
	assert_int_equal(v->cpuid.xcr0_allowed, 3);
	entry_of(offer, offer_count, 1, 0)->ecx &= ~(1u << 26);
	assert_int_equal(set_offer(), 0);
	assert_int_equal(v->cpuid.xcr0_allowed, 1);
}

/* --- what the guest is told ----------------------------------------------------------------- */

static void test_query(void **state)
{
	u32 out[4], i;

	(void)state;
	assert_int_equal(set_offer(), 0);
	for (i = 0; i < offer_count; i++) {
		const struct baton_cpuid_entry *e = &offer[i];
		bool amended = e->leaf == 1 || e->leaf == 0xd;

		query(e->leaf, e->subleaf, out);
		assert_int_equal(out[EAX], e->eax);
		assert_int_equal(out[EDX], e->edx);
		if (!amended)
			assert_true(out[EBX] == e->ebx && out[ECX] == e->ecx);
		/* A leaf without subleaves answers for any. */
		if (!(e->flags & BATON_CPUID_SUBLEAF_MATTERS)) {
			query(e->leaf, 77, out);
			assert_int_equal(out[EAX], e->eax);
		}
	}
}

static void test_osxsave(void **state)
{
	u32 out[4];

	(void)state;
	entry_of(offer, offer_count, 1, 0)->ecx |= 1 << 27;
	assert_int_equal(set_offer(), 0);
	query(1, 0, out);
	assert_false(out[ECX] & 1 << 27);
	v->sregs.cr4 |= X86_CR4_OSXSAVE;
	query(1, 0, out);
	assert_true(out[ECX] & 1 << 27);
}

/* SDM "Enabling or Disabling the Local APIC": the feature goes with the APIC. */
static void test_apic_off(void **state)
{
	u32 out[4];

	(void)state;
	assert_int_equal(set_offer(), 0);
	v->apic.base = 0xfee00000 | MSR_IA32_APICBASE_ENABLE;
	query(1, 0, out);
	assert_true(out[EDX] & 1 << 9);
	v->apic.base = 0xfee00000;
	query(1, 0, out);
	assert_false(out[EDX] & 1 << 9);
}

static void test_xsave_sizes(void **state)
{
	static const struct {
		u64 xcr0;
		u32 standard, compacted;
	} cases[] = {
		{ 1, 576, 576 }, { 3, 576, 576 }, { 7, 832, 832 },
		{ 0xe7, 0xa80, 832 + 0x40 + 0x200 + 0x400 },
	};
	u32 out[4];
	size_t i;

	(void)state;
	assert_int_equal(set_offer(), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		v->sregs.xcr0 = cases[i].xcr0;
		query(0xd, 0, out);
		assert_int_equal(out[EBX], cases[i].standard);
		assert_int_equal(out[ECX], 0xa80);
		query(0xd, 1, out);
		assert_int_equal(out[EBX], cases[i].compacted);
	}
}

/* A component that has to be aligned, behind one of an odd size. */
static void test_xsave_alignment(void **state)
{
	static const struct kshim_cpuid odd[] = {
		{ 0, 0, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69 },
		{ 1, 0, 0x000306c3, 0x00100800, ~0u, ~0u },
		{ 0xd, 0, 0xe7, 0, 0, 0 }, { 0xd, 1, 7, 0, 0, 0 },
		{ 0xd, 2, 0x100, 0x240, 0, 0 }, { 0xd, 5, 0x48, 0x440, 0, 0 },
		{ 0xd, 6, 0x200, 0x4c0, 2, 0 }, { 0xd, 7, 0x400, 0x6c0, 0, 0 },
		{ 0x80000000, 0, 0x80000008, 0, 0, 0 },
		{ ~0u, 0, 0, 0, 0, 0 },
	};
	u32 out[4];

	(void)state;
	kshim_host_cpuid = odd;
	take_offer();
	assert_int_equal(set_offer(), 0);
	v->sregs.xcr0 = 0xe7;
	query(0xd, 1, out);
	assert_int_equal(out[EBX], 0x340 + 0x80 + 0x200 + 0x400);
}

static void test_beyond_intel(void **state)
{
	u32 out[4], last[4];

	(void)state;
	assert_int_equal(set_offer(), 0);
	query(offered(0, 0, EAX), 1, last);
	query(offered(0, 0, EAX) + 1, 1, out);
	assert_int_equal(out[EAX], last[EAX]);
	query(0x80000099, 1, out);
	assert_int_equal(out[EAX], last[EAX]);
	/* Within the limits, but empty. */
	query(3, 0, out);
	assert_int_equal(out[EAX] | out[EBX] | out[ECX] | out[EDX], 0);
}

static void test_beyond_amd(void **state)
{
	u32 out[4];

	(void)state;
	assert_int_equal(set_offer(), 0);
	query(0x99, 1, out);
	assert_int_equal(out[EAX] | out[EBX] | out[ECX] | out[EDX], 0);
	query(0x80000099, 1, out);
	assert_int_equal(out[EAX] | out[EBX] | out[ECX] | out[EDX], 0);
}

static void test_nothing_set(void **state)
{
	u32 out[4];

	(void)state;
	query(0, 0, out);
	assert_int_equal(out[EAX] | out[EBX] | out[ECX] | out[EDX], 0);
	query(1, 0, out);
	assert_int_equal(out[EAX] | out[EBX] | out[ECX] | out[EDX], 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define A(name) cmocka_unit_test_setup_teardown(name, set_up_amd, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_hidden), A(test_hidden), T(test_offered), T(test_host_has_less),
		T(test_kernel_has_less), T(test_kernel_has_less_set),
		T(test_room), T(test_offer_is_taken), A(test_offer_is_taken),
		T(test_feature_bits), A(test_feature_bits), T(test_hidden_is_refused),
		A(test_hidden_is_refused), T(test_bad_entries), T(test_consequences),
		T(test_either_way), T(test_limits), T(test_query), A(test_query),
		T(test_osxsave), T(test_apic_off), T(test_xsave_sizes), T(test_xsave_alignment),
		T(test_beyond_intel), A(test_beyond_amd), T(test_nothing_set),
	};

	return cmocka_run_group_tests_name("kmod cpuid", tests, NULL, NULL);
}
