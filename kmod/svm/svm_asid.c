// SPDX-License-Identifier: GPL-2.0-only
/*
 * ASIDs: what keeps a vCPU from using TLB entries that are not, or no more, its.
 *
 * Problem. TLB entries translate guest-linear to host-physical addresses and
 * are tagged by ASID only. A CPU has a handful of ASIDs (16 to 32768) for any
 * number of vCPUs, and other vCPUs' entries, or our own from before a mapping was
 * taken away, must never be hit.
 *
 * Design. Each CPU hands out its ASIDs in rising order, within a generation. When
 * they run out, the generation goes up, the whole TLB is flushed, and counting
 * starts again. An ASID is valid if it is of this CPU and of its present
 * generation; then no other vCPU has had it since the last full flush. A vCPU
 * that comes from another CPU gets a new one, so first use here finds nothing
 * stale. Turning SVM on starts a generation too: whoever had SVM before us had
 * ASIDs as well.
 *
 * Invalidations. A mapping that got weaker raises vm->tlb_gen, after which the
 * sender sends an interrupt to CPUs in a window. We compare before each entry,
 * interrupts off: either we see the new number, or the interrupt is pending and
 * ends the entry before the first instruction. With FlushByAsid a flush is a
 * command in the VMCB; without, a new ASID does the same more cheaply than
 * flushing everybody's.
 */
#include <linux/atomic.h>
#include <linux/smp.h>

#include "svm.h"

void svm_asid_cpu_on(struct svm_cpu *cpu)
{
	/* None left: the first vCPU starts a generation, and that flushes. */
	cpu->asid_gen++;
	cpu->asid_next = svm_caps.asid_count;
}

/* A flush that tlb_control asks for already stays: another ASID does not replace it. */
static void asid_assign(struct svm_vcpu *svm, struct svm_cpu *cpu)
{
	if (cpu->asid_next >= svm_caps.asid_count) {
		cpu->asid_gen++;
		cpu->asid_next = 1;
		svm->vmcb->tlb_control = TLB_CONTROL_FLUSH_ALL_ASID;
	}
	svm->vmcb->asid = cpu->asid_next++;
	vmcb_touch(svm->vmcb, SVM_CLEAN_ASID);
	svm->asid_gen = cpu->asid_gen;
}

/* At a window's start: the ASID is another CPU's, or of a generation that is over. */
void svm_asid_renew(struct svm_vcpu *svm, struct svm_cpu *cpu)
{
	int id = smp_processor_id();

	/* The VMCB cache is per CPU: elsewhere it knows nothing of our changes. */
	if (svm->cpu != id)
		vmcb_touch(svm->vmcb, SVM_CLEAN_ALL);
	svm->cpu = id;
	/* Number first: an invalidation between the two costs a flush too many. */
	svm->tlb_gen = atomic64_read(&svm->vcpu.vm->tlb_gen);
	asid_assign(svm, cpu);
}

/* In a window: tlb_gen moved, or the guest's paging changed behind the TLB. */
void svm_asid_flush(struct svm_vcpu *svm)
{
	svm->tlb_gen = atomic64_read(&svm->vcpu.vm->tlb_gen);
	if (svm_caps.flush_by_asid) {
		if (svm->vmcb->tlb_control == TLB_CONTROL_DO_NOTHING)
			svm->vmcb->tlb_control = TLB_CONTROL_FLUSH_ASID;
	} else {
		asid_assign(svm, this_cpu_ptr(&svm_cpus));
	}
	baton_count(&svm->vcpu, BATON_STAT_TLB_FLUSHES);
}

/*
 * In a window: VMRUN was refused, and nobody says whether it had flushed what
 * tlb_control told it to, be it our ASID or the first flush of a generation. So
 * the next entry on this CPU starts another generation, and we take part in it.
 */
void svm_asid_lost(struct svm_vcpu *svm)
{
	this_cpu_ptr(&svm_cpus)->asid_next = svm_caps.asid_count;
	svm->cpu = -1;
}

/* In a window that ends without VMRUN: others rely on the flush that it was to do. */
void svm_asid_not_entered(struct svm_vcpu *svm)
{
	if (svm->vmcb->tlb_control != TLB_CONTROL_DO_NOTHING)
		svm_asid_lost(svm);
}
