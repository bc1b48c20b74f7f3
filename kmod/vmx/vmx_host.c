// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's side of the switch: its fields of the VMCS, the state that an exit
 * does not bring back (SDM vol. 3, "Loading Host State"), and what keeps its
 * secrets from the guest.
 *
 * Host fields cost per window, so they are written only when they can have
 * changed: CR3, CR4 and the FS base by comparison with what the VMCS holds,
 * those of a CPU (TR, GS, GDT, SYSENTER, …) when the vCPU came from another,
 * constants once. Selectors of DS, ES, FS and GS are constant too: null, which
 * is what 64-bit processes have; others are put back by hand.
 *
 * PERF_GLOBAL_CTRL is read each window: perf may have changed it any time
 * before, and the exit loads what the field says.
 */
#include <linux/hardirq.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched/smt.h>
#include <asm/cpu_entry_area.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/special_insns.h>

#include "compat.h"
#include "vmx.h"

static bool l1d_flush = true;
module_param(l1d_flush, bool, 0444);
MODULE_PARM_DESC(l1d_flush, "VT-x: empty the L1 data cache before guests run, on CPUs with L1TF");

#define L1D_FLUSH_SIZE (64 * 1024)
static u8 *l1d_flush_pages;	/* for processors without IA32_FLUSH_CMD */

/* ---- Fields of the VMCS ---- */

void vmx_host_fields_init(struct vmx_vcpu *vmx)
{
	struct desc_ptr idt;

	store_idt(&idt);
	vmcs_write16(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write16(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write16(HOST_DS_SELECTOR, 0);
	vmcs_write16(HOST_ES_SELECTOR, 0);
	vmcs_write16(HOST_FS_SELECTOR, 0);
	vmcs_write16(HOST_GS_SELECTOR, 0);
	vmcs_write16(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	vmcs_write(HOST_IDTR_BASE, idt.address);
	vmcs_write(HOST_RIP, (unsigned long)vmx_exited);
	vmx->host.cpu = -1;
	vmx->sw.host_rsp = 0;
}

static void cpu_fields_write(struct vmx_vcpu *vmx, int cpu)
{
	vmcs_write(HOST_CR0, read_cr0());
	vmcs_write(HOST_GS_BASE, baton_rdmsr(MSR_GS_BASE));
	vmcs_write(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(cpu)->tss.x86_tss);
	vmcs_write(HOST_GDTR_BASE, vmx->host.gdt.address);
	vmcs_write32(HOST_IA32_SYSENTER_CS, baton_rdmsr(MSR_IA32_SYSENTER_CS));
	vmcs_write(HOST_IA32_SYSENTER_ESP, baton_rdmsr(MSR_IA32_SYSENTER_ESP));
	vmcs_write(HOST_IA32_SYSENTER_EIP, baton_rdmsr(MSR_IA32_SYSENTER_EIP));
	vmcs_write64(HOST_IA32_EFER, baton_rdmsr(MSR_EFER));
	vmcs_write64(HOST_IA32_PAT, baton_rdmsr(MSR_IA32_CR_PAT));
	/* Only what differs is written from here on: have it differ. */
	vmx->host.cr3 = ~0ul;
	vmx->host.cr4 = ~0ul;
	vmx->host.fs_base = ~0ul;
	vmx->host.perf_global = ~0ull;
	/* Stale translations of an earlier stay on this CPU. */
	vmx->flush_vpid = true;
	vmx->host.cpu = cpu;
}

static void window_fields_write(struct vmx_host *host)
{
	vmcs_update(HOST_CR3, &host->cr3, __native_read_cr3());
	vmcs_update(HOST_CR4, &host->cr4, native_read_cr4()); /* VMXE is set by now */
	vmcs_update(HOST_FS_BASE, &host->fs_base, x86_fsbase_read_cpu());
	if (vmx_caps.perf_global)
		vmcs_update64(HOST_IA32_PERF_GLOBAL_CTRL, &host->perf_global,
			      baton_rdmsr(MSR_CORE_PERF_GLOBAL_CTRL));
}

/* ---- State that an exit loses ---- */

static void selectors_note(struct vmx_host *host)
{
	savesegment(ds, host->ds);
	savesegment(es, host->es);
	savesegment(fs, host->fs);
	savesegment(gs, host->gs);
	store_ldt(host->ldt);
	native_store_gdt(&host->gdt);
}

/* Only processes with segments of their own (32-bit ones, modify_ldt) come here. */
static noinline void selectors_restore(const struct vmx_host *host)
{
	if (host->ldt)
		asm volatile("lldt %w0" : : "r" (host->ldt));
	loadsegment(ds, host->ds);
	loadsegment(es, host->es);
	if (host->fs) {
		loadsegment(fs, host->fs);
		baton_wrmsr(MSR_FS_BASE, host->fs_base);
	}
	/* Clobbers KERNEL_GS_BASE, which vmx_msr_leave() then restores. */
	if (host->gs)
		load_gs_index(host->gs);
}

void vmx_host_enter(struct vmx_vcpu *vmx)
{
	struct vmx_host *host = &vmx->host;
	int cpu = smp_processor_id();

	selectors_note(host);
	if (unlikely(host->cpu != cpu))
		cpu_fields_write(vmx, cpu);
	window_fields_write(host);
	host->debugctl = baton_rdmsr(MSR_IA32_DEBUGCTLMSR);
	/* It would write its records through the guest's page tables. */
	baton_put_away(vmx_caps.pebs && host->perf_global, MSR_IA32_PEBS_ENABLE, &host->pebs);
}

/* Before vmx_msr_leave(). */
void vmx_host_leave(struct vmx_vcpu *vmx)
{
	struct vmx_host *host = &vmx->host;

	native_load_gdt(&host->gdt);	/* its limit is 0xffff now */
	/* The way to user space mends it, for a thread that has ports. */
	this_cpu_write(__tss_limit_invalid, true);
	if (unlikely(host->ds | host->es | host->fs | host->gs | host->ldt))
		selectors_restore(host);
	if (unlikely(host->debugctl))
		baton_wrmsr(MSR_IA32_DEBUGCTLMSR, host->debugctl);
	baton_bring_back(MSR_IA32_PEBS_ENABLE, &host->pebs);
	if (unlikely(host->split_lock)) {
		baton_wrmsr(MSR_TEST_CTRL, baton_rdmsr(MSR_TEST_CTRL) |
			    MSR_TEST_CTRL_SPLIT_LOCK_DETECT);
		host->split_lock = false;
	}
}

/*
 * The guest made an access across two cache lines under a lock, on a host that
 * traps these. There is no handler to ask in the guest: let it through for
 * this window. The MSR is the core's: a sibling may change it meanwhile, so no value of
 * it is remembered. That the trap came says what it was.
 */
void vmx_host_split_lock(struct vmx_vcpu *vmx)
{
	pr_notice_ratelimited("VM of process %d (%s) uses split locks, which slow down the host\n",
			      current->tgid, current->comm);
	vmx->host.split_lock = true;
	baton_wrmsr(MSR_TEST_CTRL, baton_rdmsr(MSR_TEST_CTRL) &
		    ~(u64)MSR_TEST_CTRL_SPLIT_LOCK_DETECT);
}

/* ---- Side channels: what is due once a window (kernel-api.md section 8) ---- */

/*
 * Has the host had data of others in its hands since the cache was last emptied
 * for this vCPU? If not, what is in it is the guest's own and what a window works
 * with. It has:
 *  - when this thread came from user space, or faulted a page in (secrets_seen);
 *  - when it was switched out: others ran. It cannot change its CPU otherwise;
 *  - when this CPU took an interrupt. The kernel notes that for KVM, whose rule this
 *    is too; the note is cleared only where the cache is emptied, by both of us.
 * So windows that end for a request, the timer or their budget flush nothing.
 */
static bool l1d_flush_due(struct vmx_vcpu *vmx)
{
	u64 stamp = vmx_thread_stamp();
	bool due = vmx->base.secrets_seen || stamp != vmx->stamp || baton_l1d_noted();

	if (due)
		baton_l1d_note_clear();
	vmx->stamp = stamp;
	vmx->base.secrets_seen = false;
	return due;
}

static void l1d_read_through(void)
{
	unsigned int i;

	/* All pages into the TLB first, so that the second turn walks no tables. */
	for (i = 0; i < L1D_FLUSH_SIZE; i += PAGE_SIZE)
		READ_ONCE(l1d_flush_pages[i]);
	rmb();
	for (i = 0; i < L1D_FLUSH_SIZE; i += L1_CACHE_BYTES)
		READ_ONCE(l1d_flush_pages[i]);
	rmb();
}

/* Just before the first entry. */
void vmx_host_protect(struct vmx_vcpu *vmx)
{
	baton_guest_barrier(&vmx->base);
	vmx_host_spec_ctrl(vmx);
	if (likely(!vmx_caps.l1d_flush) || !l1d_flush_due(vmx))
		return;
	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		baton_wrmsr(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
	else
		l1d_read_through();
}

static bool l1d_flush_needed(void)
{
	u64 cap = 0;

	if (!l1d_flush || !boot_cpu_has_bug(X86_BUG_L1TF))
		return false;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		cap = baton_rdmsr(MSR_IA32_ARCH_CAPABILITIES);
	return !(cap & (ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_RDCL_NO));
}

int vmx_host_init(void)
{
	vmx_caps.l1d_flush = l1d_flush_needed();
	if (!vmx_caps.l1d_flush)
		return 0;
	if (sched_smt_active())
		pr_warn("L1TF and hyper-threading: guests may read host memory (use nosmt)\n");
	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		return 0;
	l1d_flush_pages = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO,
						 get_order(L1D_FLUSH_SIZE));
	return l1d_flush_pages ? 0 : -ENOMEM;
}

void vmx_host_exit(void)
{
	free_pages((unsigned long)l1d_flush_pages, get_order(L1D_FLUSH_SIZE));
	l1d_flush_pages = NULL;
}
