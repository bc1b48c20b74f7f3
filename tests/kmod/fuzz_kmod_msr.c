// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSRs by guest and monitor, any index and value, under any guest features.
 * What is refused changes nothing; the host's own are not touched.
 */
#include "lapic_guest.h"
#include "fuzz.h"

#define RAM 0x4000u
#define PRED_CMD 0x49u

static struct baton_vcpu *v;
static u64 barriers;

/* Indices where something is, and any. */
static u32 some_index(struct fuzz *f)
{
	static const u32 bases[] = {
		0, 0x100, 0x200, 0x6e0, 0x800, 0xc0000080, 0xc0000100, 0xc0010000, 0xc0011000,
		0x4b564d00, 0x40000000,
	};
	u8 where = fuzz_u8(f);

	if (where >= 0xc0)
		return fuzz_u32(f);
	return bases[where % ARRAY_SIZE(bases)] + fuzz_u8(f);
}

static u64 some_value(struct fuzz *f, u64 now)
{
	u8 kind = fuzz_u8(f);

	if (kind & 0x80)
		return fuzz_u64(f);
	if (kind & 0x40)
		return fuzz_u8(f);
	return now ^ 1ull << (kind & 63);
}

static void check_values(void)
{
	const struct baton_msr_file *msr = &v->msr;

	FUZZ_CHECK(!(msr->sfmask >> 32) && !(msr->tsc_aux >> 32));
	FUZZ_CHECK((u64)((s64)(msr->lstar << 16) >> 16) == msr->lstar);
	FUZZ_CHECK((u64)((s64)(msr->kernel_gs_base << 16) >> 16) == msr->kernel_gs_base);
	FUZZ_CHECK(!(msr->pat & 0xf8f8f8f8f8f8f8f8) && !(msr->spec_ctrl & ~7ull));
	FUZZ_CHECK(!(v->sregs.efer & ~0x4d01ull));
	FUZZ_CHECK(kshim_wrmsr_count == barriers);
}

static void write_one(struct fuzz *f)
{
	u32 index = some_index(f);
	bool host = fuzz_bool(f), there, taken;
	struct baton_msr_file before;
	u64 now = 0, value;

	there = baton_msr_read(v, index, host, &now);
	before = v->msr;
	value = some_value(f, now);
	taken = baton_msr_write(v, index, host, value);
	if (index == PRED_CMD && taken && value)
		barriers++;
	if (!taken)
		FUZZ_CHECK(!memcmp(&before, &v->msr, sizeof(before)));
	/* Only commands can be written and not read. */
	if (taken && !there)
		FUZZ_CHECK(index == PRED_CMD || index == X2_MSR(APIC_REG_EOI) ||
			   index == X2_MSR(APIC_REG_SELF_IPI) || index == 0x1b);
	check_values();
}

static void save_and_restore(void)
{
	struct baton_msr list[BATON_MAX_MSRS];
	u32 count = BATON_MAX_MSRS, i;
	u64 value;

	FUZZ_CHECK(!baton_msr_list(list, &count));
	for (i = 0; i < count; i++)
		if (baton_msr_read(v, list[i].index, true, &value))
			FUZZ_CHECK(baton_msr_write(v, list[i].index, true, value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baton_vm *vm = kmod_vm_create(1);
	struct fuzz f = { data, size };

	v = vm->vcpus[0];
	kmod_ram_add(vm, 0, 0, RAM);
	kshim_wrmsr_count = barriers = 0;
	if (fuzz_bool(&f))
		v->cpuid.features = fuzz_u32(&f);
	while (f.left) {
		u8 what = fuzz_u8(&f);

		if (what < 0xc0)
			write_one(&f);
		else if (what < 0xe0)
			kshim_advance(fuzz_u32(&f));
		else if (what < 0xf0)
			baton_pvclock_update(v);
		else if (what < 0xf8)
			save_and_restore();
		else
			baton_msr_reset(v, what & 1);
	}
	kmod_vm_destroy(vm);
	return 0;
}
