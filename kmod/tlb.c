// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second-level TLB flushes.
 *
 * A flush is a generation: vm->tlb_gen is counted up, and a backend that finds
 * a new number before it enters the guest invalidates what the processor holds.
 * vCPUs that are in the guest just then must come out once. Ordering, with the
 * other half in run_window() of run.c:
 *
 *   flush                                   vCPU, interrupts off
 *   -----                                   --------------------
 *   zap entries                             vcpu->cpu = this CPU
 *   tlb_gen++                               vcpu->mode = GUEST
 *   full barrier                            full barrier (smp_store_mb)
 *   look at mode, then cpu                  look at requests and tlb_gen, enter
 *
 * Either the flush sees GUEST and interrupts that CPU, or the vCPU sees the new
 * tlb_gen. The interrupt stays pending as long as the window has interrupts off
 * (it also ends the guest's run), so when smp_call_function has its answer,
 * that window is over. A vCPU that leaves and enters elsewhere meanwhile has
 * passed its own barrier after our increment.
 */
#include <linux/smp.h>

#include "vcpu.h"
#include "vm.h"

/*
 * Is one of the VM's vCPUs in a window, on `cpu` or (-1) anywhere? vcpu_top and
 * the pointer are stored before the vCPU has a descriptor, so before its thread
 * passes the barrier above: who sees its mode sees them too. A vCPU whose
 * creation is not seen yet will see the new tlb_gen. Ids have holes, and more
 * vCPUs may come while we look: a count of them would be no bound.
 */
static bool vm_in_guest(struct baton_vm *vm, int cpu)
{
	const struct baton_vcpu *vcpu;
	u32 i;

	baton_for_each_vcpu(vm, i, vcpu) {
		if (READ_ONCE(vcpu->mode) != BATON_MODE_GUEST)
			continue;
		smp_rmb(); /* mode before cpu: the vCPU writes them the other way round */
		if (cpu < 0 || READ_ONCE(vcpu->cpu) == cpu)
			return true;
	}
	return false;
}

/* For on_each_cpu_cond_mask(). */
static bool cpu_runs_vm(int cpu, void *vm)
{
	return vm_in_guest(vm, cpu);
}

static void acknowledge(void *unused)
{
	/* That this CPU took the interrupt is all that is asked for. */
}

void baton_windows_wait(struct baton_vm *vm)
{
	smp_mb(); /* pairs with smp_store_mb(mode) in run_window() */
	if (vm_in_guest(vm, -1))
		on_each_cpu_cond_mask(cpu_runs_vm, acknowledge, vm, true, cpu_online_mask);
}

void baton_tlb_flush(struct baton_vm *vm)
{
	atomic64_inc(&vm->tlb_gen);
	baton_windows_wait(vm);
}
