// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters, as they are read while the guest runs; and the module's tracepoints.
 *
 * A vCPU's own thread alone writes its counters, so counting is one addition without
 * a lock. What a reader can work out is not counted: the exits of no other reason, ns
 * from TSC ticks, whether it is blocked.
 *
 * HALTED_NS while it is blocked: the time up to then, less the clock at the beginning.
 * No vCPU has been blocked for longer than the host is up, so that is below zero; and a
 * reader can add the clock to it, with no second word to go with the first.
 */
#include <linux/ktime.h>
#include <asm/tsc.h>

#include "vcpu.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static const u8 reasons[] = {
	BATON_STAT_EXIT_INTR, BATON_STAT_EXIT_NMI, BATON_STAT_EXIT_PIO, BATON_STAT_EXIT_FAULT,
	BATON_STAT_EXIT_CPUID, BATON_STAT_EXIT_MSR, BATON_STAT_EXIT_HLT, BATON_STAT_EXIT_CR,
	BATON_STAT_EXIT_WINDOW, BATON_STAT_EXIT_HYPERCALL,
};

/* In two steps: one division of 128 bits traps if its result is too long. */
static u64 ticks_to_ns(u64 ticks)
{
	u64 khz = tsc_khz ? tsc_khz : 1000000;

	return ticks / khz * 1000000 + ticks % khz * 1000000 / khz;
}

int baton_vcpu_stats(struct baton_vcpu *vcpu, struct baton_stats *out)
{
	u64 *value = out->value, other;
	int i;

	/* Downwards: an exit is counted before its reason, so there are not too few of them. */
	for (i = BATON_STAT_COUNT - 1; i >= 0; i--)
		value[i] = READ_ONCE(vcpu->stats[i]);
	other = value[BATON_STAT_EXITS];
	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		other -= value[reasons[i]];
	value[BATON_STAT_EXIT_OTHER] = other;
	value[BATON_STAT_GUEST_NS] = ticks_to_ns(value[BATON_STAT_GUEST_NS]);
	value[BATON_STAT_HALTED] = (s64)value[BATON_STAT_HALTED_NS] < 0;
	if (value[BATON_STAT_HALTED])
		value[BATON_STAT_HALTED_NS] += ktime_get_ns();
	return 0;
}

int baton_vm_stats(struct baton_vm *vm, struct baton_vm_stats *out)
{
	struct baton_stats one;
	struct baton_vcpu *vcpu;
	u32 i, stat;

	baton_for_each_vcpu(vm, i, vcpu) {
		baton_vcpu_stats(vcpu, &one);
		for (stat = 0; stat < BATON_STAT_COUNT; stat++)
			out->sum[stat] += one.value[stat];
	}
	out->value[BATON_VM_STAT_PAGES_4K] = READ_ONCE(vm->npt.leaves[0]);
	out->value[BATON_VM_STAT_PAGES_2M] = READ_ONCE(vm->npt.leaves[1]);
	out->value[BATON_VM_STAT_TABLES] = READ_ONCE(vm->npt.pages);
	out->value[BATON_VM_STAT_INVALIDATIONS] = READ_ONCE(vm->inv_seq);
	out->value[BATON_VM_STAT_FLUSHES] = atomic64_read(&vm->tlb_gen);
	out->value[BATON_VM_STAT_IRQFDS] = atomic64_read(&vm->irqfds_sent);
	out->value[BATON_VM_STAT_MSIS] = atomic64_read(&vm->msis_sent);
	return 0;
}
