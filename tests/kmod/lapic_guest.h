/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A local APIC as its guest uses it, for tests and fuzz targets.
 */
#ifndef LAPIC_GUEST_H
#define LAPIC_GUEST_H

#include "kmod_env.h"

#define X2_MSR(reg) (0x800u + (reg))
#define SVR_ON 0x1ffu
#define BASE_XAPIC (APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE)
#define BASE_X2APIC (BASE_XAPIC | X2APIC_ENABLE)

#define LVT_PERIODIC (1u << 17)
#define LVT_DEADLINE (2u << 17)
#define DIVIDE_BY_1 0xbu

static inline u32 rd(struct baton_vcpu *vcpu, u32 reg)
{
	return baton_lapic_mmio_read(vcpu, reg << 4);
}

static inline void wr(struct baton_vcpu *vcpu, u32 reg, u32 value)
{
	baton_lapic_mmio_write(vcpu, reg << 4, value);
}

static inline void apic_on(struct baton_vcpu *vcpu)
{
	wr(vcpu, APIC_REG_SVR, SVR_ON);
}

static inline bool x2_wr(struct baton_vcpu *vcpu, u32 reg, u64 value)
{
	return baton_lapic_msr_write(vcpu, X2_MSR(reg), value);
}

/* The register's value, or a pattern that no test expects if it is #GP. */
static inline u64 x2_rd(struct baton_vcpu *vcpu, u32 reg)
{
	u64 value = 0xdeadbeefdeadbeef;

	baton_lapic_msr_read(vcpu, X2_MSR(reg), &value);
	return value;
}

static inline void x2_on(struct baton_vcpu *vcpu)
{
	if (!baton_lapic_set_base(vcpu, (vcpu->apic.base & MSR_IA32_APICBASE_BSP) | BASE_X2APIC) ||
	    !x2_wr(vcpu, APIC_REG_SVR, SVR_ON))
		abort();
}

/* The next interrupt as the guest takes it, or -1. */
static inline int take(struct baton_vcpu *vcpu)
{
	int vector = baton_lapic_pending(vcpu);

	if (vector >= 0)
		baton_lapic_accept(vcpu, vector);
	return vector;
}

/* The same, dealt with at once. */
static inline int take_and_eoi(struct baton_vcpu *vcpu)
{
	int vector = take(vcpu);

	if (vector < 0)
		return vector;
	if (baton_apic_x2(&vcpu->apic))
		x2_wr(vcpu, APIC_REG_EOI, 0);
	else
		wr(vcpu, APIC_REG_EOI, 0);
	return vector;
}

#endif
