// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Local APICs of three vCPUs: registers by page and by MSR, messages, time,
 * resets, in any order. What each remembers fits its registers at every step,
 * and whatever state it gets into can be saved and loaded.
 */
#include "lapic_guest.h"
#include "fuzz.h"

#define VCPUS 3

static int highest(const struct baton_lapic *apic, u32 first)
{
	int vector;

	for (vector = 255; vector >= 0; vector--)
		if (apic->regs[first + vector / 32] >> vector % 32 & 1)
			return vector;
	return -1;
}

static void check_apic(struct baton_vcpu *vcpu)
{
	const struct baton_lapic *apic = &vcpu->apic;
	int isr = highest(apic, APIC_REG_ISR), irr = highest(apic, APIC_REG_IRR);
	u32 tpr = apic->regs[APIC_REG_TPR], lvt;
	u32 service = isr < 0 ? 0 : isr & 0xf0;

	FUZZ_CHECK(apic->highest_isr == isr && apic->highest_irr == irr);
	FUZZ_CHECK((irr < 0 || irr >= 16) && (isr < 0 || isr >= 16));
	FUZZ_CHECK(apic->regs[APIC_REG_PPR] == ((tpr & 0xf0) >= service ? tpr : service));
	FUZZ_CHECK(!baton_apic_x2(apic) || apic->regs[APIC_REG_ID] == vcpu->id);
	for (lvt = APIC_REG_LVT_TIMER; lvt <= APIC_REG_LVT_ERROR; lvt++)
		FUZZ_CHECK(apic->regs[APIC_REG_SVR] & APIC_SVR_ENABLE ||
			   apic->regs[lvt] & APIC_LVT_IS_MASKED);
}

/* A state that there is can be loaded, and is then the same. */
static void check_state(struct baton_vcpu *vcpu)
{
	struct baton_lapic_state first, second;

	baton_get_lapic(vcpu, &first);
	FUZZ_CHECK(!baton_set_lapic(vcpu, &first));
	baton_get_lapic(vcpu, &second);
	FUZZ_CHECK(!memcmp(&first, &second, sizeof(first)));
}

static void run_guest(struct baton_vcpu *vcpu, bool eoi)
{
	u32 ppr;
	int vector = baton_lapic_pending(vcpu);

	ppr = vcpu->apic.regs[APIC_REG_PPR];
	FUZZ_CHECK(vector < 0 || vector >> 4 > (int)(ppr >> 4));
	FUZZ_CHECK(baton_apic_has_work(&vcpu->apic) == (vector >= 0));
	if (vector < 0)
		return;
	baton_lapic_accept(vcpu, vector);
	if (!eoi)
		return;
	wr(vcpu, APIC_REG_EOI, 0);
	if (kmod_take_request(vcpu, BATON_REQ_EOI))
		FUZZ_CHECK(vcpu->apic.eoi_vector >= 16);
}

static void by_monitor(struct baton_vm *vm, struct baton_vcpu *vcpu, struct fuzz *f)
{
	switch (fuzz_u8(f) & 7) {
	case 0:
		check_state(vcpu);
		break;
	case 1:
		baton_lapic_reset(vcpu, true);
		break;
	case 2:
		baton_lapic_restore_base(vcpu, fuzz_u64(f) & 0xfffffffd00ull);
		break;
	case 3:
		vcpu->tsc_offset = fuzz_u64(f);
		baton_lapic_tsc_changed(vcpu);
		break;
	case 4:
		kshim_advance(fuzz_u32(f));
		break;
	case 5:
		kshim_advance(fuzz_u64(f) & (1ull << 52) - 1);
		break;
	default:
		baton_msi_deliver(vm, fuzz_u32(f) | (fuzz_bool(f) ? 0xfee00000 : 0), fuzz_u32(f));
	}
}

static void by_guest(struct baton_vcpu *vcpu, struct fuzz *f, u8 what)
{
	u64 value;

	switch (what & 7) {
	case 0:
		baton_lapic_mmio_read(vcpu, fuzz_u16(f) & 0xfff);
		break;
	case 1:
	case 2:
		wr(vcpu, fuzz_u8(f) & 0x3f, fuzz_u32(f));
		break;
	case 3:
		baton_lapic_msr_read(vcpu, X2_MSR(fuzz_u8(f)), &value);
		break;
	case 4:
	case 5:
		x2_wr(vcpu, fuzz_u8(f) & 0x3f, fuzz_u64(f));
		break;
	case 6:
		baton_lapic_set_tsc_deadline(vcpu, rdtsc() + vcpu->tsc_offset + fuzz_u32(f));
		baton_lapic_get_tsc_deadline(vcpu);
		break;
	default:
		baton_lapic_set_cr8(vcpu, fuzz_u8(f));
		baton_lapic_set_base(vcpu, APIC_DEFAULT_PHYS_BASE | (fuzz_u8(f) & 0xd) << 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baton_vm *vm = kmod_vm_create(VCPUS);
	struct fuzz f = { data, size };
	unsigned int i;

	while (f.left) {
		u8 what = fuzz_u8(&f);
		struct baton_vcpu *vcpu = vm->vcpus[(what >> 6) % VCPUS];

		if (what & 0x20)
			by_guest(vcpu, &f, what);
		else if (what & 0x10)
			run_guest(vcpu, what & 1);
		else
			by_monitor(vm, vcpu, &f);
		for (i = 0; i < VCPUS; i++)
			check_apic(vm->vcpus[i]);
	}
	for (i = 0; i < VCPUS; i++)
		check_state(vm->vcpus[i]);
	kmod_vm_destroy(vm);
	return 0;
}
