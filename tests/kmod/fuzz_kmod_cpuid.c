// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * BATON_SET_CPUID with any leaves on either vendor's host. Each bit of a feature
 * register that the guest then sees is one that was offered.
 */
#include "kmod_env.h"
#include "fuzz.h"

static const struct {
	u32 leaf, subleaf;
	u8 reg;
	u32 free;	/* bits that a monitor may set as it likes */
} checked[] = {
	{ 1, 0, 2, 1u << 27 }, { 1, 0, 3, 1u << 28 }, { 7, 0, 1, 0 }, { 7, 0, 2, 0 },
	{ 7, 0, 3, 0 }, { 7, 1, 0, 0 }, { 7, 1, 3, 0 }, { 0xd, 0, 0, 0 }, { 0xd, 1, 0, 0 },
	{ 0x80000001, 0, 2, 2 }, { 0x80000001, 0, 3, 0 }, { 0x80000008, 0, 1, 0 },
	{ 0x80000021, 0, 0, 0 }, { 0x8000000a, 0, 3, 0 }, { 0x8000001f, 0, 0, 0 },
};

static struct baton_cpuid_entry offer[BATON_MAX_CPUID];
static u32 offer_count;

static u32 offered(u32 leaf, u32 subleaf, u8 reg)
{
	u32 i;

	for (i = 0; i < offer_count; i++)
		if (offer[i].leaf == leaf && offer[i].subleaf == subleaf)
			return (&offer[i].eax)[reg];
	return 0;
}

/* Entries of the offer, changed a little; some made up. */
static u32 make_entries(struct fuzz *f, struct baton_cpuid_entry *entries)
{
	u32 count = 0, skip = fuzz_u8(f), changes = fuzz_u8(f) & 15, i;

	for (i = 0; i < offer_count; i++)
		if (i % 32 != skip % 64)
			entries[count++] = offer[i];
	for (i = 0; i < changes; i++) {
		u8 where = fuzz_u8(f), word = fuzz_u8(f) & 7;

		if (where >= 0xe0 && count < BATON_MAX_CPUID)
			fuzz_bytes(f, &entries[count++], sizeof(*entries));
		else
			((u32 *)&entries[where % count])[word] ^= 1u << (fuzz_u8(f) & 31);
	}
	return count;
}

/* The last leaf that the guest's own list names, basic or extended. */
static u32 last_leaf(const struct baton_cpuid_table *table, u32 first)
{
	u32 i;

	for (i = 0; i < table->count; i++)
		if (table->entries[i].leaf == first &&
		    !(table->entries[i].flags && table->entries[i].subleaf))
			return table->entries[i].eax;
	return 0;
}

static void check_guest(struct baton_vcpu *v)
{
	u32 out[4];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(checked); i++) {
		/* Beyond the last leaf, Intel's answer is another leaf's. */
		if (checked[i].leaf > last_leaf(&v->cpuid, checked[i].leaf & 0x80000000))
			continue;
		baton_cpuid_query(v, checked[i].leaf, checked[i].subleaf, out);
		FUZZ_CHECK(!(out[checked[i].reg] & ~checked[i].free &
			     ~offered(checked[i].leaf, checked[i].subleaf, checked[i].reg)));
	}
	FUZZ_CHECK(v->cpuid.phys_bits >= 32 && v->cpuid.phys_bits <= baton_phys_bits());
	FUZZ_CHECK(!(v->cpuid.xcr0_allowed & ~baton_xcr0_supported()));
	FUZZ_CHECK(!(v->cpuid.cr4_allowed & (X86_CR4_VMXE | X86_CR4_SMXE | X86_CR4_LA57)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct baton_cpuid_entry *entries;
	struct baton_vm *vm;
	struct baton_vcpu *v;
	u32 count, out[4];

	kshim_host_cpuid = fuzz_bool(&f) ? kshim_intel_cpuid : kshim_amd_cpuid;
	kshim_xcr0 = fuzz_bool(&f) ? 0xe7 : 7;
	kshim_cpu_features = fuzz_bool(&f) ? ~0ull : fuzz_u16(&f);
	vm = kmod_vm_create(1);
	v = vm->vcpus[0];
	baton_cpuid_init();
	offer_count = BATON_MAX_CPUID;
	FUZZ_CHECK(!baton_cpuid_supported(offer, &offer_count));
	entries = kvmalloc_array(BATON_MAX_CPUID, sizeof(*entries), GFP_KERNEL);
	count = make_entries(&f, entries);
	if (baton_cpuid_set(v, entries, count))
		kvfree(entries);
	else
		check_guest(v);
	v->sregs.xcr0 = fuzz_u8(&f) | 1;
	while (f.left)
		baton_cpuid_query(v, fuzz_u32(&f), fuzz_u8(&f), out);
	kmod_vm_destroy(vm);
	kshim_cpu_features = ~0ull;
	return 0;
}
