// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX operation for the length of one window.
 *
 * The problem: VMX operation needs CR4.VMXE, but the kernel writes CR4 from a
 * shadow of its own that a module cannot update, and the first such write
 * (PR_SET_TSC, an rdpmc mapping, EFI) without VMXE inside VMX operation is #GP.
 * KVM, on the other hand, may have VMX operation on already, and to take it
 * away kills the host.
 *
 * So VMX operation is never ours outside a section with interrupts off, in
 * which nobody else on this CPU writes CR4:
 *
 *   transient	CR4.VMXE was clear: set it, VMXON with a page of ours; at the end
 *		VMXOFF and the old CR4.
 *   borrowed	CR4.VMXE was set: someone has VMX operation on. Note his current
 *		VMCS (VMPTRST), run ours, load his again.
 *
 * Which of the two is found out anew each time, so an owner may come and go
 * between windows. The VMCS is clear (in memory, active nowhere) outside of a
 * window: a vCPU changes its CPU without an IPI, and CPU hotplug, suspend,
 * reboot, kexec and unloading find nothing of VMX.
 *
 * An oops inside the window never gets to its end. The die notifier does what
 * matters then: syscall MSRs of the guest must not stay in a CPU that goes on,
 * and kexec writes CR4 without VMXE. The same at a panic that comes without an
 * oops (an NMI in the window): the reset that follows is an INIT, which VMX
 * operation blocks. Other CPUs' windows are out of reach then: the kernel halts
 * those CPUs in an NMI handler of its own. A kdump kernel is started before the
 * panic notifiers (up to Linux 7.0) unless crash_kexec_post_notifiers is given:
 * without it, a panic by an NMI in a window ends in a reset, not in a dump.
 */
#include <linux/kdebug.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/topology.h>
#include <asm/hypervisor.h>
#include <asm/special_insns.h>

#include "vmx.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpu);

/*
 * The first failure is the one that tells something. The window goes on to its
 * end with zeros read, without another entry, and the VM is stopped there
 * (vmx_vcpu.c).
 */
noinline void vmx_insn_failed(const char *insn, unsigned long operand)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);

	if (cpu->failed)
		return;
	cpu->failed = insn;
	cpu->failed_operand = operand;
}

static __always_inline void write_cr4(unsigned long cr4)
{
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
}

/* VMXON would end a trace silently on processors that cannot have both. */
static __always_inline bool pt_is_tracing(void)
{
	return vmx_caps.pt_check && baton_rdmsr(MSR_IA32_RTIT_CTL) & RTIT_CTL_TRACEEN;
}

/* Not of KVM under Hyper-V: VMLAUNCH may enter the VMCS that KVM told Hyper-V of, not ours. */
static bool can_borrow(u64 *ret_vmcs)
{
	return !hypervisor_is_type(X86_HYPER_MS_HYPERV) && vmx_vmptrst(ret_vmcs);
}

static int operation_begin(struct vmx_cpu *cpu)
{
	unsigned long cr4 = native_read_cr4();

	if (unlikely(pt_is_tracing()))
		return -EBUSY;
	if (cr4 & X86_CR4_VMXE) {
		if (!can_borrow(&cpu->prev))
			return -EBUSY;
		cpu->owner = VMX_OWNER_OTHER;
		cpu->beside_guests |= cpu->prev != ~0ull;
		/* Its guests have threads of their own: one may have been here since. */
		if (cpu->stamp != vmx_thread_stamp())
			this_cpu_write(baton_last_guest, 0);
		return 0;
	}
	write_cr4(cr4 | X86_CR4_VMXE);
	if (!vmx_vmxon(&cpu->vmxon_pa)) {
		write_cr4(cr4);
		return -EIO;
	}
	cpu->cr4 = cr4;
	cpu->owner = VMX_OWNER_US;
	return 0;
}

/* A failure leaves nothing to try; what was ours is given back all the same. */
static void operation_end(struct vmx_cpu *cpu)
{
	enum vmx_owner owner = cpu->owner;

	cpu->owner = VMX_OWNER_NONE;
	if (owner == VMX_OWNER_US) {
		if (!vmx_vmxoff())
			vmx_insn_failed("VMXOFF", 0);
		else
			write_cr4(cpu->cr4);
	} else if (owner == VMX_OWNER_OTHER) {
		if (cpu->prev != ~0ull && !vmx_vmptrld(&cpu->prev))
			vmx_insn_failed("VMPTRLD of the owner's VMCS", cpu->prev);
		/* KVM has none of its own where it knows of no other guest than its last. */
		if (cpu->beside_guests)
			baton_predictor_barrier();
		cpu->stamp = vmx_thread_stamp();
	}
}

int vmx_window_open(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);
	int r;

	cpu->failed = NULL;
	r = operation_begin(cpu);
	if (unlikely(r))
		return r;
	cpu->vcpu = vmx;
	/* A VMCS that has never been current is in no defined launch state. */
	if (likely(vmx->vmcs_ready || vmx_vmclear(&vmx->vmcs_pa)) &&
	    likely(vmx_vmptrld(&vmx->vmcs_pa)))
		return 0;
	cpu->vcpu = NULL;
	operation_end(cpu);
	return -EIO;
}

void vmx_window_close(struct vmx_vcpu *vmx)
{
	struct vmx_cpu *cpu = this_cpu_ptr(&vmx_cpu);

	if (unlikely(!vmx_vmclear(&vmx->vmcs_pa)))
		vmx_insn_failed("VMCLEAR", vmx->vmcs_pa);
	operation_end(cpu);
	cpu->vcpu = NULL;
}

enum baton_refusal vmx_window_refusal(void)
{
	enum baton_refusal refusal = BATON_REFUSED_NOT;
	unsigned long flags;
	u64 prev;

	local_irq_save(flags);
	if (pt_is_tracing())
		refusal = BATON_REFUSED_PT;
	else if (native_read_cr4() & X86_CR4_VMXE && !can_borrow(&prev))
		refusal = BATON_REFUSED_OWNER;
	local_irq_restore(flags);
	return refusal;
}

/* This CPU is in trouble. If that is in a window, the window ends here. */
static void window_abandon(void)
{
	struct vmx_cpu *cpu = raw_cpu_ptr(&vmx_cpu);
	struct vmx_vcpu *vmx = cpu->vcpu;

	if (!vmx)
		return;
	vmx_guest_leave(vmx);
	vmx_window_close(vmx);
	WRITE_ONCE(vmx->base.vm->dead, true);
}

/* A panic's event is 0. After an oops there is nothing left to do. */
static int window_trouble(struct notifier_block *nb, unsigned long event, void *data)
{
	if (event == DIE_OOPS || !event)
		window_abandon();
	return NOTIFY_DONE;
}

static struct notifier_block window_die_notifier = { .notifier_call = window_trouble };
static struct notifier_block window_panic_notifier = { .notifier_call = window_trouble };

/* Beyond the revision, in the first word, what is in it is the processor's. */
u32 *vmx_region_alloc(int node, gfp_t gfp)
{
	struct page *page = alloc_pages_node(node, gfp | __GFP_ZERO, 0);
	u32 *region;

	if (!page)
		return NULL;
	region = page_address(page);
	*region = vmx_caps.revision;
	return region;
}

/* Every possible CPU: no hotplug callback has to allocate. */
int vmx_window_init(void)
{
	u32 *region;
	int i;

	for_each_possible_cpu(i) {
		region = vmx_region_alloc(cpu_to_node(i), GFP_KERNEL);
		if (!region)
			return -ENOMEM;
		per_cpu(vmx_cpu, i).vmxon = region;
		per_cpu(vmx_cpu, i).vmxon_pa = __pa(region);
	}
	/* These fail if they are registered already: they are not. */
	register_die_notifier(&window_die_notifier);
	atomic_notifier_chain_register(&panic_notifier_list, &window_panic_notifier);
	return 0;
}

void vmx_window_exit(void)
{
	int i;

	atomic_notifier_chain_unregister(&panic_notifier_list, &window_panic_notifier);
	unregister_die_notifier(&window_die_notifier);
	for_each_possible_cpu(i) {
		free_page((unsigned long)per_cpu(vmx_cpu, i).vmxon);
		per_cpu(vmx_cpu, i).vmxon = NULL;
	}
}
