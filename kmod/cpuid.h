/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUID as a table: what the host may offer (allow-list by leaf and bit), and
 * the guest's own leaves, looked up at each exit.
 */
#ifndef BATON_CPUID_H
#define BATON_CPUID_H

#include "baton_ioctl.h"

struct baton_vcpu;

/* Guest features that the module itself asks about, gathered when leaves are set. */
#define BATON_GF_XSAVE		(1u << 0)
#define BATON_GF_X2APIC		(1u << 1)
#define BATON_GF_TSC_DEADLINE	(1u << 2)
#define BATON_GF_LONG_MODE	(1u << 3)
#define BATON_GF_NX		(1u << 4)
#define BATON_GF_RDTSCP		(1u << 5) /* RDTSCP or RDPID: TSC_AUX is there */
#define BATON_GF_SPEC_CTRL	(1u << 6)
#define BATON_GF_PRED_CMD	(1u << 7)
#define BATON_GF_ARCH_CAP	(1u << 8)
#define BATON_GF_TSC_ADJUST	(1u << 9)
#define BATON_GF_PVCLOCK	(1u << 10)
#define BATON_GF_FFXSR		(1u << 11)
#define BATON_GF_MTRR		(1u << 12)
#define BATON_GF_PV_EOI		(1u << 13)
#define BATON_GF_PV_STEAL	(1u << 14)
#define BATON_GF_PV_UNHALT	(1u << 15)
#define BATON_GF_PV_SEND_IPI	(1u << 16)
#define BATON_GF_PV_POLL	(1u << 17)
#define BATON_GF_PV_YIELD	(1u << 18)

struct baton_cpuid_table {
	struct baton_cpuid_entry *entries; /* sorted by leaf, subleaf; NULL: none */
	u32 count;
	u32 max_basic;
	u32 features;		/* BATON_GF_* */
	u64 cr4_allowed;	/* CR4 bits by these leaves */
	u64 xcr0_allowed;
	u8 phys_bits;
};

/* At load, before the others. */
void baton_cpuid_init(void);
/* Fills in (struct baton_cpuid_entry[]) what this host offers; -E2BIG with *count needed. */
int baton_cpuid_supported(void *entries, u32 *count);
/* Takes over entries (kvmalloc'ed) after checking them against what is offered. */
int baton_cpuid_set(struct baton_vcpu *vcpu, struct baton_cpuid_entry *entries, u32 count);
void baton_cpuid_free(struct baton_cpuid_table *table);
/* The guest's answer, incl. OSXSAVE and XSAVE sizes, which follow its state. */
void baton_cpuid_query(struct baton_vcpu *vcpu, u32 leaf, u32 subleaf, u32 out[4]);

static inline bool baton_guest_has(const struct baton_cpuid_table *table, u32 gf)
{
	return table->features & gf;
}

#endif
