// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID policy (see cpuid.h). SDM vol. 2 "CPUID", APM vol. 3 appendix E.
 *
 * Offered is what the allow-list below and the host's processor have in common,
 * plus what the module makes by itself (x2APIC, TSC deadline, …). A guest's
 * leaves may have fewer features, never more: each bit of a feature register is
 * checked when the leaves are set. Registers that only describe (brand, caches,
 * topology) are the monitor's to fill in as it likes.
 */
#include <linux/bits.h>
#include <linux/kvm_para.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <asm/cpufeature.h>

#include "compat.h"
#include "slots.h"
#include "vcpu.h"

enum { EAX, EBX, ECX, EDX };

#define MAX_BASIC	0xdu
#define MAX_EXTENDED	0x80000021u
#define FIRST_EXTENDED	0x80000000u
#define XSTATE_LEAF	0xdu
#define XSTATE_LAST	8u	/* the highest component on offer is 7 */
#define LINEAR_BITS	48u
#define LEAF1_OSXSAVE	BIT(27)
#define LEAF1_APIC	BIT(9)
#define INTEL_EBX	0x756e6547u	/* "Genu" of GenuineIntel */

/* --- the allow-list ------------------------------------------------------------- */

/*
 * host: these bits are offered if the processor has them. made: always. free:
 * the monitor may set them as it likes.
 *
 * word: the kernel's copy of the register, which lacks what it has switched off: by
 * the command line, for errata, to mitigate a leak; but not `model`, which are the
 * model's and not the host's.
 */
struct feature_reg {
	u32 leaf, subleaf;
	u8 reg;
	u32 host, made, free;
	u8 word;
	u32 model;
};

#define NO_WORD 0xff
/* Identification or sizes; what is offered there is filled in by offer_fixed() or amend(). */
#define FREE(leaf, subleaf, reg) { leaf, subleaf, reg, 0, 0, ~0u, NO_WORD, 0 }

static const struct feature_reg feature_regs[] = {
	/* family and model; CLFLUSH line size, APIC id and count */
	FREE(1, 0, EAX), FREE(1, 0, EBX),
	/* FPU … PSE36 CLFLUSH MMX FXSR SSE SSE2; HTT is topology; MCE APIC MTRR MCA PAT */
	{ 1, 0, EDX, 0x078bfbff, 0, BIT(28), CPUID_1_EDX, 0x00015280 },
	/*
	 * SSE3 PCLMUL SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE
	 * AVX F16C RDRAND; ours: x2APIC, TSC deadline, hypervisor
	 */
	{ 1, 0, ECX, 0x76da3203 & ~LEAF1_OSXSAVE & ~0x01200000u, BIT(21) | BIT(24) | BIT(31),
	  LEAF1_OSXSAVE, CPUID_1_ECX, 0 },
	/* ARAT: the APIC timer never stops */
	{ 6, 0, EAX, 0, BIT(2), 0, NO_WORD, 0 },
	FREE(7, 0, EAX), /* the last subleaf */
	/*
	 * FSGSBASE BMI1 AVX2 FDP_EXCPTN SMEP BMI2 ERMS INVPCID FCS AVX512F DQ RDSEED
	 * ADX SMAP IFMA CLFLUSHOPT CLWB CD SHA BW VL; ours: TSC_ADJUST. No TSX.
	 */
	{ 7, 0, EBX, 0xf1bf27e9, BIT(1), 0, CPUID_7_0_EBX, 0 },
	/* VBMI UMIP VBMI2 GFNI VAES VPCLMUL VNNI BITALG VPOPCNT RDPID CLDEMOTE MOVDIR* */
	{ 7, 0, ECX, 0x1a405f46, 0, 0, CPUID_7_ECX, 0 },
	/* 4VNNIW 4FMAPS FSRM VP2INTERSECT MD_CLEAR SERIALIZE FP16 SPEC_CTRL STIBP ARCH_CAP SSBD */
	{ 7, 0, EDX, 0xac80451c, 0, 0, CPUID_7_EDX, 0 },
	/* XSAVEOPT XSAVEC XGETBV1; no XSAVES */
	{ XSTATE_LEAF, 1, EAX, 0x7, 0, 0, CPUID_D_1_EAX, 0 }, FREE(XSTATE_LEAF, 1, EBX),
	/*
	 * NOP_IO_DELAY CLOCKSOURCE2 STEAL_TIME PV_EOI PV_UNHALT PV_TLB_FLUSH PV_SEND_IPI
	 * POLL_CONTROL PV_SCHED_YIELD CLOCKSOURCE_STABLE
	 */
	{ KVM_CPUID_FEATURES, 0, EAX, 0, 0x01003aea, 0, NO_WORD, 0 },
	FREE(0x80000001, 0, EAX), FREE(0x80000001, 0, EBX),
	/* LAHF CR8_LEGACY ABM SSE4A MISALIGNSSE 3DNOWPREFETCH XOP FMA4 TBM TOPOEXT */
	{ 0x80000001, 0, ECX, 0x006109f1 & ~BIT(1), 0, BIT(1), CPUID_8000_0001_ECX, 0 },
	/* as leaf 1, SYSCALL NX MMXEXT FXSR_OPT GBPAGES RDTSCP LM */
	{ 0x80000001, 0, EDX, 0x2fd3fbff, 0, 0, CPUID_8000_0001_EDX, 0 },
	/* invariant TSC */
	{ 0x80000007, 0, EDX, BIT(8), 0, 0, NO_WORD, 0 },
	FREE(0x80000008, 0, EAX), FREE(0x80000008, 0, ECX),
	/* CLZERO XSAVEERPTR IBPB IBRS STIBP SSBD BTC_NO IBPB_RET */
	{ 0x80000008, 0, EBX, 0x6100d005, 0, 0, CPUID_8000_0008_EBX, 0 },
	/* LFENCE_RDTSC VERW_CLEAR NULL_SEL_CLEARS_BASE */
	{ 0x80000021, 0, EAX, BIT(2) | BIT(5) | BIT(6), 0, 0, NO_WORD, 0 },
};

/* Leaves that describe: the host's answer is offered, any is accepted. */
static const struct {
	u32 leaf;
	u8 subleaves;	/* 0: the leaf has none */
	bool host;	/* offer what the host says */
} descriptive[] = {
	{ 0x0, 0, true }, { 0x2, 0, true }, { 0x4, 5, true }, { 0xb, 3, false },
	{ 0x15, 0, false }, { 0x16, 0, false }, { 0x1f, 4, false },
	{ KVM_CPUID_SIGNATURE, 0, false }, { 0x40000010, 0, false },
	{ FIRST_EXTENDED, 0, true }, { 0x80000002, 0, true }, { 0x80000003, 0, true },
	{ 0x80000004, 0, true }, { 0x80000005, 0, true }, { 0x80000006, 0, true },
	{ 0x8000001d, 5, true }, { 0x8000001e, 0, true },
};

static u32 *reg_of(struct baton_cpuid_entry *entry, u8 reg)
{
	return &entry->eax + reg;
}

/* The host's answer; zero for leaves it does not have. */
static struct baton_cpuid_entry host_entry(u32 leaf, u32 subleaf, bool indexed)
{
	struct baton_cpuid_entry entry = {
		.leaf = leaf, .subleaf = subleaf,
		.flags = indexed ? BATON_CPUID_SUBLEAF_MATTERS : 0,
	};

	if ((leaf & 0xffff0000) != KVM_CPUID_SIGNATURE && leaf <= cpuid_eax(leaf & FIRST_EXTENDED))
		cpuid_count(leaf, subleaf, &entry.eax, &entry.ebx, &entry.ecx, &entry.edx);
	return entry;
}

static u32 host_reg(u32 leaf, u32 subleaf, u8 reg)
{
	struct baton_cpuid_entry entry = host_entry(leaf, subleaf, true);

	return *reg_of(&entry, reg);
}

static u32 switched_off(const struct feature_reg *feature)
{
	if (feature->word == NO_WORD)
		return 0;
	return ~(boot_cpu_data.x86_capability[feature->word] | feature->model);
}

/* Features that live in XSAVE's state, or encode with VEX, where there is none. */
static u32 without_xsave(const struct feature_reg *feature)
{
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		return 0;
	if (feature->leaf == 1 && feature->reg == ECX)
		return BIT(26) | BIT(28) | BIT(12) | BIT(29);
	if (feature->leaf == 7 && feature->reg == EBX)
		return BIT(3) | BIT(5) | BIT(8) | 0xd0230000;
	if (feature->leaf == 7)
		return feature->reg == ECX ? 0x5e42 : BIT(2) | BIT(3) | BIT(8) | BIT(23);
	if (feature->leaf == XSTATE_LEAF)
		return ~0u;
	return feature->leaf == 0x80000001 && feature->reg == ECX ? BIT(11) | BIT(16) : 0;
}

/* Of feature_regs, found out at load: each vCPU's leaves are held against them. */
static u32 offered_bits[ARRAY_SIZE(feature_regs)];

void baton_cpuid_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(feature_regs); i++) {
		const struct feature_reg *feature = &feature_regs[i];
		u32 host = host_reg(feature->leaf, feature->subleaf, feature->reg);

#ifdef X86_FEATURE_VERW_CLEAR
		/* TSA: the kernel knows of microcode whose VERW does it, CPUID need not. */
		if (feature->leaf == 0x80000021 && boot_cpu_has(X86_FEATURE_VERW_CLEAR))
			host |= BIT(5);
#endif
		/* Not what the host's kernel has switched off, or what we cannot do. */
		host &= feature->host & ~switched_off(feature) & ~without_xsave(feature);
		offered_bits[i] = host | feature->made;
	}
}

/* --- what the host offers ---------------------------------------------------------- */

struct list {
	struct baton_cpuid_entry *entries;
	u32 room, used;
	struct baton_cpuid_entry lost;	/* stands in for those that have no room */
};

static struct baton_cpuid_entry *append(struct list *list, u32 leaf, u32 subleaf, bool indexed)
{
	struct baton_cpuid_entry *entry = &list->lost;

	if (list->used < list->room)
		entry = &list->entries[list->used];
	list->used++;
	*entry = (struct baton_cpuid_entry) {
		.leaf = leaf, .subleaf = subleaf,
		.flags = indexed ? BATON_CPUID_SUBLEAF_MATTERS : 0,
	};
	return entry;
}

static struct baton_cpuid_entry *find_in_list(struct list *list, u32 leaf, u32 subleaf)
{
	u32 i, n = min(list->used, list->room);

	for (i = 0; i < n; i++)
		if (list->entries[i].leaf == leaf && list->entries[i].subleaf == subleaf)
			return &list->entries[i];
	return append(list, leaf, subleaf, leaf == 7 || leaf == XSTATE_LEAF);
}

static void offer_descriptive(struct list *list)
{
	size_t i;
	u32 sub;

	for (i = 0; i < ARRAY_SIZE(descriptive); i++) {
		u32 leaf = descriptive[i].leaf, last = max_t(u32, descriptive[i].subleaves, 1);

		if (!descriptive[i].host || leaf > cpuid_eax(leaf & FIRST_EXTENDED))
			continue;
		for (sub = 0; sub < last; sub++) {
			bool indexed = descriptive[i].subleaves;

			*append(list, leaf, sub, indexed) = host_entry(leaf, sub, indexed);
		}
	}
}

static void offer_features(struct list *list)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(feature_regs); i++) {
		const struct feature_reg *feature = &feature_regs[i];
		u32 bits = offered_bits[i];

		if (bits || !feature->subleaf)
			*reg_of(find_in_list(list, feature->leaf, feature->subleaf),
				feature->reg) = bits;
	}
}

/* Levels of the topology: one thread, the cores. The monitor fills them in. */
static void offer_topology(struct list *list)
{
	u32 sub;

	for (sub = 0; sub < 3; sub++)
		append(list, 0xb, sub, true)->ecx = sub;
}

static void offer_xstate(struct list *list)
{
	u64 mask = baton_xcr0_supported();
	struct baton_cpuid_entry *entry;
	u32 i;

	if (!boot_cpu_has(X86_FEATURE_OSXSAVE))
		return;
	entry = find_in_list(list, XSTATE_LEAF, 0);
	entry->eax = mask;
	entry->edx = mask >> 32;
	entry->ecx = baton_xsave_size(mask);
	entry->ebx = baton_xsave_size(1);
	for (i = 2; i < XSTATE_LAST; i++)
		if (mask & BIT_ULL(i))
			*append(list, XSTATE_LEAF, i, true) = host_entry(XSTATE_LEAF, i, true);
}

static void offer_fixed(struct list *list)
{
	struct baton_cpuid_entry *entry;

	find_in_list(list, 0, 0)->eax = MAX_BASIC;
	entry = find_in_list(list, FIRST_EXTENDED, 0);
	entry->eax = min_t(u32, MAX_EXTENDED, max(entry->eax, 0x80000008u));
	/* Family, model; CLFLUSH line size. APIC id and count are topology. */
	entry = find_in_list(list, 1, 0);
	entry->eax = host_reg(1, 0, EAX);
	entry->ebx = host_reg(1, 0, EBX) & 0xff00;
	entry = find_in_list(list, 0x80000008, 0);
	entry->eax = baton_phys_bits() | LINEAR_BITS << 8;
	/* "KVMKVMKVM": the clock's ABI is KVM's, and so is the name it goes by. */
	entry = append(list, KVM_CPUID_SIGNATURE, 0, false);
	entry->eax = KVM_CPUID_FEATURES;
	entry->ebx = 0x4b4d564b;
	entry->ecx = 0x564b4d56;
	entry->edx = 0x4d;
}

static int compare_entries(const void *a, const void *b)
{
	const struct baton_cpuid_entry *x = a, *y = b;
	u64 first = (u64)x->leaf << 32 | x->subleaf, second = (u64)y->leaf << 32 | y->subleaf;

	return first < second ? -1 : first > second;
}

/* Lists made from ours are in order, and sort() would not notice. */
static void sort_entries(struct baton_cpuid_entry *entries, u32 count)
{
	u32 i = 1;

	while (i < count && compare_entries(&entries[i - 1], &entries[i]) <= 0)
		i++;
	if (i < count)
		sort(entries, count, sizeof(*entries), compare_entries, NULL);
}

int baton_cpuid_supported(void *entries, u32 *count)
{
	struct list list = { .entries = entries, .room = *count };

	offer_descriptive(&list);
	offer_features(&list);
	offer_topology(&list);
	offer_xstate(&list);
	offer_fixed(&list);
	/* In order, so that a guest's list made from it needs no sorting. */
	sort_entries(entries, min(list.used, list.room));
	*count = list.used;
	return list.used > list.room ? -E2BIG : 0;
}

/* --- a guest's leaves: checks ------------------------------------------------------- */

/* Where the check of a list has got to in the two tables, which ascend as it does. */
struct check {
	size_t feature, descriptive;
};

static bool is_descriptive(struct check *check, u32 leaf)
{
	size_t *i = &check->descriptive;

	while (*i < ARRAY_SIZE(descriptive) && descriptive[*i].leaf < leaf)
		++*i;
	return *i < ARRAY_SIZE(descriptive) && descriptive[*i].leaf == leaf;
}

/* Sizes and masks of XSAVE's state; subleaf 1 has features. */
static bool xstate_ok(const struct baton_cpuid_entry *entry)
{
	u64 mask = baton_xcr0_supported();

	if (!entry->subleaf)
		return !(entry->eax & ~(u32)mask) && !(entry->edx & ~(u32)(mask >> 32));
	/* Sizes and offsets are the processor's: no choice. */
	return entry->eax == host_reg(XSTATE_LEAF, entry->subleaf, EAX) &&
	       entry->ebx == host_reg(XSTATE_LEAF, entry->subleaf, EBX);
}

static bool entry_ok(const struct baton_cpuid_entry *entry, struct check *check)
{
	const u32 *regs = &entry->eax;
	u32 allowed[4] = {};
	size_t i;

	if (entry->flags & ~BATON_CPUID_SUBLEAF_MATTERS || entry->reserved)
		return false;
	/* Else subleaf 0's registers would be read as another one's features. */
	if ((entry->leaf == 7 || entry->leaf == XSTATE_LEAF) && !entry->flags)
		return false;
	if (is_descriptive(check, entry->leaf))
		return true;
	if (entry->leaf == XSTATE_LEAF && entry->subleaf != 1)
		return xstate_ok(entry);
	for (; check->feature < ARRAY_SIZE(feature_regs); check->feature++) {
		const struct feature_reg *row = &feature_regs[check->feature];

		if (row->leaf > entry->leaf ||
		    (row->leaf == entry->leaf && row->subleaf > entry->subleaf))
			break;
		if (row->leaf == entry->leaf && row->subleaf == entry->subleaf)
			allowed[row->reg] = offered_bits[check->feature] | row->free;
	}
	for (i = 0; i < ARRAY_SIZE(allowed); i++)
		if (regs[i] & ~allowed[i])
			return false;
	return true;
}

/* Sorted, so that the same leaf twice stands side by side. */
static bool has_twins(const struct baton_cpuid_entry *entries, u32 count)
{
	u32 i;

	for (i = 1; i < count; i++) {
		if (entries[i - 1].leaf == entries[i].leaf &&
		    (entries[i - 1].subleaf == entries[i].subleaf ||
		     !(entries[i - 1].flags & entries[i].flags & BATON_CPUID_SUBLEAF_MATTERS)))
			return true;
	}
	return false;
}

/* --- a guest's leaves: what follows from them ----------------------------------------- */

static const struct baton_cpuid_entry *find(const struct baton_cpuid_table *table, u32 leaf,
					    u32 subleaf)
{
	const struct baton_cpuid_entry *entry;
	u32 low = 0, high = table->count;

	while (low < high) {
		u32 middle = (low + high) / 2;

		entry = &table->entries[middle];
		if (entry->leaf < leaf || (entry->leaf == leaf && entry->subleaf < subleaf &&
					   entry->flags & BATON_CPUID_SUBLEAF_MATTERS))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == table->count)
		return NULL;
	entry = &table->entries[low];
	if (entry->leaf != leaf ||
	    (entry->flags & BATON_CPUID_SUBLEAF_MATTERS && entry->subleaf != subleaf))
		return NULL;
	return entry;
}

static u32 bits_of(const struct baton_cpuid_table *table, u32 leaf, u32 subleaf, u8 reg)
{
	const struct baton_cpuid_entry *entry = find(table, leaf, subleaf);

	return entry ? *reg_of((struct baton_cpuid_entry *)entry, reg) : 0;
}

/* Feature bit of the guest's to flag and CR4 bits of ours. */
static const struct {
	u32 leaf;
	u8 reg, bit;
	u32 flag;
	u64 cr4;
} consequences[] = {
	{ 1, EDX, 1, 0, X86_CR4_VME | X86_CR4_PVI },
	{ 1, EDX, 2, 0, X86_CR4_DE },
	{ 1, EDX, 3, 0, X86_CR4_PSE },
	{ 1, EDX, 4, 0, X86_CR4_TSD },
	{ 1, EDX, 6, 0, X86_CR4_PAE },
	{ 1, EDX, 7, 0, X86_CR4_MCE },
	{ 1, EDX, 12, BATON_GF_MTRR, 0 },
	{ 1, EDX, 13, 0, X86_CR4_PGE },
	{ 1, EDX, 24, 0, X86_CR4_OSFXSR },
	{ 1, EDX, 25, 0, X86_CR4_OSXMMEXCPT },
	{ 1, ECX, 17, 0, X86_CR4_PCIDE },
	{ 1, ECX, 21, BATON_GF_X2APIC, 0 },
	{ 1, ECX, 24, BATON_GF_TSC_DEADLINE, 0 },
	{ 1, ECX, 26, BATON_GF_XSAVE, X86_CR4_OSXSAVE },
	{ 7, EBX, 0, 0, X86_CR4_FSGSBASE },
	{ 7, EBX, 1, BATON_GF_TSC_ADJUST, 0 },
	{ 7, EBX, 7, 0, X86_CR4_SMEP },
	{ 7, EBX, 20, 0, X86_CR4_SMAP },
	{ 7, ECX, 2, 0, X86_CR4_UMIP },
	{ 7, ECX, 22, BATON_GF_RDTSCP, 0 },
	{ 7, EDX, 26, BATON_GF_SPEC_CTRL | BATON_GF_PRED_CMD, 0 },
	{ 7, EDX, 29, BATON_GF_ARCH_CAP, 0 },
	{ 0x80000001, EDX, 20, BATON_GF_NX, 0 },
	{ 0x80000001, EDX, 25, BATON_GF_FFXSR, 0 },
	{ 0x80000001, EDX, 27, BATON_GF_RDTSCP, 0 },
	{ 0x80000001, EDX, 29, BATON_GF_LONG_MODE, 0 },
	{ 0x80000008, EBX, 12, BATON_GF_PRED_CMD, 0 },
	{ 0x80000008, EBX, 14, BATON_GF_SPEC_CTRL, 0 },
	{ 0x80000008, EBX, 15, BATON_GF_SPEC_CTRL, 0 },
	{ 0x80000008, EBX, 24, BATON_GF_SPEC_CTRL, 0 },
	{ KVM_CPUID_FEATURES, EAX, 3, BATON_GF_PVCLOCK, 0 },
	{ KVM_CPUID_FEATURES, EAX, 5, BATON_GF_PV_STEAL, 0 },
	{ KVM_CPUID_FEATURES, EAX, 6, BATON_GF_PV_EOI, 0 },
	{ KVM_CPUID_FEATURES, EAX, 7, BATON_GF_PV_UNHALT, 0 },
	{ KVM_CPUID_FEATURES, EAX, 11, BATON_GF_PV_SEND_IPI, 0 },
	{ KVM_CPUID_FEATURES, EAX, 12, BATON_GF_PV_POLL, 0 },
	{ KVM_CPUID_FEATURES, EAX, 13, BATON_GF_PV_YIELD, 0 },
};

static void gather(struct baton_cpuid_table *table)
{
	const struct baton_cpuid_entry *entry = NULL;
	u8 phys_bits = bits_of(table, 0x80000008, 0, EAX);
	size_t i;

	table->max_basic = bits_of(table, 0, 0, EAX);
	/* RDPMC exits and is refused, with the bit or without. */
	table->cr4_allowed = X86_CR4_PCE;
	for (i = 0; i < ARRAY_SIZE(consequences); i++) {
		if (!i || consequences[i].leaf != consequences[i - 1].leaf)
			entry = find(table, consequences[i].leaf, 0);
		if (!entry || !((&entry->eax)[consequences[i].reg] & BIT(consequences[i].bit)))
			continue;
		table->features |= consequences[i].flag;
		table->cr4_allowed |= consequences[i].cr4;
	}
	table->xcr0_allowed = 1;
	if (baton_guest_has(table, BATON_GF_XSAVE))
		table->xcr0_allowed |= (bits_of(table, XSTATE_LEAF, 0, EAX) |
					(u64)bits_of(table, XSTATE_LEAF, 0, EDX) << 32) &
				       baton_xcr0_supported();
	table->phys_bits = clamp_t(u32, phys_bits ? phys_bits : 36, 32, baton_phys_bits());
}

int baton_cpuid_set(struct baton_vcpu *vcpu, struct baton_cpuid_entry *entries, u32 count)
{
	struct baton_cpuid_table table = { .entries = entries, .count = count };
	struct check check = { };
	u32 i;

	sort_entries(entries, count);
	if (has_twins(entries, count))
		return -EINVAL;
	for (i = 0; i < count; i++)
		if (!entry_ok(&entries[i], &check))
			return -EINVAL;
	gather(&table);
	baton_cpuid_free(&vcpu->cpuid);
	vcpu->cpuid = table;
	vcpu->dirty |= BATON_ST_CPUID;
	return 0;
}

void baton_cpuid_free(struct baton_cpuid_table *table)
{
	kvfree(table->entries);
}

/* --- the guest asks ------------------------------------------------------------------ */

/*
 * A leaf beyond the last one: Intel answers with the highest basic leaf, AMD with
 * zeros (SDM vol. 2 "CPUID", "Information Returned").
 */
static const struct baton_cpuid_entry *beyond(const struct baton_cpuid_table *table, u32 leaf,
					      u32 subleaf)
{
	u32 first = leaf >> 30 == 1 ? leaf & 0xffffff00 : leaf & FIRST_EXTENDED;

	if (bits_of(table, 0, 0, EBX) != INTEL_EBX)
		return NULL;
	if (leaf <= bits_of(table, first, 0, EAX))
		return NULL;
	return find(table, table->max_basic, subleaf);
}

/* Bytes of an XSAVE image. Compacted: SDM vol. 1 "Compacted Format". */
static u32 xsave_size(const struct baton_cpuid_table *table, u64 xcr0, bool compacted)
{
	u32 i, size = 576;

	for (i = 2; i < XSTATE_LAST; i++) {
		const struct baton_cpuid_entry *entry = find(table, XSTATE_LEAF, i);

		if (!(xcr0 & BIT_ULL(i)) || !entry)
			continue;
		if (compacted)
			size = ALIGN(size, entry->ecx & 2 ? 64 : 1) + entry->eax;
		else
			size = max(size, entry->eax + entry->ebx);
	}
	return size;
}

/* What follows the guest's state. CR4.OSXSAVE changes by exits only: the cache is right. */
static void amend(const struct baton_vcpu *vcpu, u32 leaf, u32 subleaf, u32 out[4])
{
	const struct baton_sregs *sregs = &vcpu->sregs;

	if (leaf == 1) {
		out[ECX] &= ~LEAF1_OSXSAVE;
		if (sregs->cr4 & X86_CR4_OSXSAVE)
			out[ECX] |= LEAF1_OSXSAVE;
		if (!(vcpu->apic.base & MSR_IA32_APICBASE_ENABLE))
			out[EDX] &= ~LEAF1_APIC;
	} else if (leaf == XSTATE_LEAF && subleaf == 0) {
		out[EBX] = xsave_size(&vcpu->cpuid, sregs->xcr0, false);
	} else if (leaf == XSTATE_LEAF && subleaf == 1) {
		out[EBX] = out[EAX] & BIT(1) ? xsave_size(&vcpu->cpuid, sregs->xcr0, true) : 0;
	}
}

void baton_cpuid_query(struct baton_vcpu *vcpu, u32 leaf, u32 subleaf, u32 out[4])
{
	const struct baton_cpuid_table *table = &vcpu->cpuid;
	const struct baton_cpuid_entry *entry = find(table, leaf, subleaf);

	if (!entry)
		entry = beyond(table, leaf, subleaf);
	if (!entry) {
		memset(out, 0, 4 * sizeof(*out));
		/* Past the last level, a topology leaf still names level and CPU. */
		if (leaf == 0xb || leaf == 0x1f) {
			out[ECX] = subleaf & 0xff;
			out[EDX] = find(table, leaf, 0) ? vcpu->id : 0;
		}
		return;
	}
	out[EAX] = entry->eax;
	out[EBX] = entry->ebx;
	out[ECX] = entry->ecx;
	out[EDX] = entry->edx;
	amend(vcpu, leaf, subleaf, out);
}
