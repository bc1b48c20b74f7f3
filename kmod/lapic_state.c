// SPDX-License-Identifier: GPL-2.0-only
/*
 * The monitor's view of a local APIC: BATON_GET_LAPIC and BATON_SET_LAPIC. A
 * state from a hostile monitor either is one that the model could have got
 * into by itself, or is refused as a whole.
 */
#include <linux/string.h>

#include "vcpu.h"

int baton_get_lapic(struct baton_vcpu *vcpu, struct baton_lapic_state *state)
{
	const struct baton_lapic *apic = &vcpu->apic;
	u32 reg, value;

	/* Posted vectors and an expired timer become part of what is saved. */
	baton_timer_expire(vcpu);
	baton_lapic_pending(vcpu);
	baton_apic_settle(vcpu);
	memset(state, 0, sizeof(*state));
	for (reg = 0; reg < BATON_APIC_REGS; reg++) {
		value = reg == APIC_REG_CURRENT_COUNT ? baton_timer_count(vcpu) : apic->regs[reg];
		memcpy(&state->regs[reg * 16], &value, sizeof(value));
	}
	baton_timer_get(vcpu, state);
	return 0;
}

/* The registers as numbers; false if the bytes between them are not zero. */
static bool unpack(const struct baton_lapic_state *state, u32 *regs)
{
	u32 reg;

	for (reg = 0; reg < BATON_APIC_REGS; reg++) {
		memcpy(&regs[reg], &state->regs[reg * 16], sizeof(*regs));
		if (memchr_inv(&state->regs[reg * 16 + 4], 0, 12))
			return false;
	}
	return !memchr_inv(state->reserved, 0, sizeof(state->reserved));
}

static bool identity_valid(const struct baton_vcpu *vcpu, u32 reg, u32 value)
{
	bool x2 = baton_apic_x2(&vcpu->apic);

	if (reg == APIC_REG_ID)
		return value == (x2 ? vcpu->id : vcpu->id << 24);
	if (reg == APIC_REG_LDR)
		return x2 ? value == baton_apic_x2_ldr(vcpu->id) : !(value & 0x00ffffff);
	if (reg == APIC_REG_DFR)
		return x2 || (value & 0x0fffffff) == 0x0fffffff;
	return reg != APIC_REG_ICR2 || x2 || !(value & 0x00ffffff);
}

static bool reg_valid(const struct baton_vcpu *vcpu, u32 reg, u32 value)
{
	switch (reg) {
	case APIC_REG_ID:
	case APIC_REG_LDR:
	case APIC_REG_DFR:
	case APIC_REG_ICR2:
		return identity_valid(vcpu, reg, value);
	case APIC_REG_ISR:
	case APIC_REG_TMR:
	case APIC_REG_IRR:
		return !(value & 0xffff); /* vectors below 16 */
	case APIC_REG_ISR + 1 ... APIC_REG_ISR + 7:
	case APIC_REG_TMR + 1 ... APIC_REG_TMR + 7:
	case APIC_REG_IRR + 1 ... APIC_REG_IRR + 7:
		return true;
	/* Values that follow from others, or registers that hold none. */
	case APIC_REG_VERSION:
	case APIC_REG_PPR:
	case APIC_REG_EOI:
	case APIC_REG_CURRENT_COUNT:
	case 0x09: /* arbitration priority */
		return true;
	case APIC_REG_ESR:
		return !(value & ~0xffu);
	case APIC_REG_SELF_IPI:
		return !value;
	}
	return !(value & ~baton_apic_writable(vcpu, reg));
}

/*
 * A disabled APIC has all its LVTs masked. But LINT0 as ExtINT: firmware that has
 * not touched the APIC yet gets its interrupts from the 8259 ("virtual wire").
 */
static bool lvts_valid(const u32 *regs)
{
	const u32 lint0 = regs[APIC_REG_LVT_LINT0];
	const bool wire = (lint0 >> 8 & 7) == APIC_DELIVER_EXTINT;
	u32 lvt;

	if (regs[APIC_REG_SVR] & APIC_SVR_ENABLE)
		return true;
	for (lvt = APIC_REG_LVT_TIMER; lvt <= APIC_REG_LVT_ERROR; lvt++)
		if (!(regs[lvt] & APIC_LVT_IS_MASKED) && !(wire && lvt == APIC_REG_LVT_LINT0))
			return false;
	return true;
}

static bool state_valid(const struct baton_vcpu *vcpu, const u32 *regs)
{
	u32 reg;

	for (reg = 0; reg < BATON_APIC_REGS; reg++)
		if (!reg_valid(vcpu, reg, regs[reg]))
			return false;
	return lvts_valid(regs);
}

int baton_set_lapic(struct baton_vcpu *vcpu, const struct baton_lapic_state *state)
{
	struct baton_lapic *apic = &vcpu->apic;
	u32 regs[BATON_APIC_REGS];

	if (!unpack(state, regs) || !state_valid(vcpu, regs) || !baton_timer_check(regs, state))
		return -EINVAL;
	baton_apic_settle(vcpu);
	memcpy(apic->regs, regs, sizeof(apic->regs));
	apic->regs[APIC_REG_VERSION] = APIC_VERSION_VALUE;
	apic->regs[APIC_REG_EOI] = 0;
	apic->regs[0x09] = 0;
	apic->esr_pending = 0;
	baton_apic_recompute(vcpu);
	baton_timer_set(vcpu, state);
	return 0;
}
