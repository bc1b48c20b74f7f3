// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * BATON_SET_LAPIC with any bytes. The input changes registers of a legal state
 * one by one, or is the blob itself. What is taken is kept, and a guest can go
 * on with it.
 */
#include "lapic_guest.h"
#include "fuzz.h"

static void make_state(struct baton_vcpu *vcpu, struct fuzz *f, struct baton_lapic_state *state)
{
	unsigned int changes = fuzz_u8(f);
	u32 value;

	if (changes & 0x80) {
		fuzz_bytes(f, state, sizeof(*state));
		return;
	}
	baton_get_lapic(vcpu, state);
	while (changes--) {
		value = fuzz_u32(f);
		memcpy(&state->regs[(fuzz_u8(f) & 63) * 16], &value, sizeof(value));
	}
	state->tsc_deadline = fuzz_u64(f);
	state->timer_left_ns = fuzz_u64(f);
}

static void check_taken(struct baton_vcpu *vcpu, const struct baton_lapic_state *state)
{
	struct baton_lapic_state again;
	unsigned int i;

	FUZZ_CHECK(!state->regs[APIC_REG_IRR * 16] && !state->regs[APIC_REG_ISR * 16]);
	baton_get_lapic(vcpu, &again);
	FUZZ_CHECK(!baton_set_lapic(vcpu, &again));
	for (i = 0; i < 300; i++) {
		kshim_advance(i * 1000000);
		take_and_eoi(vcpu);
		wr(vcpu, APIC_REG_EOI, 0);
	}
	/* An EOI each: nothing can stay in service. */
	FUZZ_CHECK(vcpu->apic.highest_isr < 0);
	baton_get_lapic(vcpu, &again);
	FUZZ_CHECK(!baton_set_lapic(vcpu, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baton_vm *vm = kmod_vm_create(2);
	struct baton_vcpu *vcpu = vm->vcpus[1];
	struct fuzz f = { data, size };
	struct baton_lapic_state state;
	struct baton_lapic before;
	u8 mode = fuzz_u8(&f);

	if (mode & 1)
		x2_on(vcpu);
	if (mode & 2)
		vcpu->cpuid.features &= ~BATON_GF_TSC_DEADLINE;
	make_state(vcpu, &f, &state);
	before = vcpu->apic;
	if (baton_set_lapic(vcpu, &state))
		FUZZ_CHECK(!memcmp(&before, &vcpu->apic, sizeof(before)));
	else
		check_taken(vcpu, &state);
	kmod_vm_destroy(vm);
	return 0;
}
