// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPU create and destroy, and the inner run: one window.
 *
 * A window costs once what must be switched by hand (VMX operation, host fields
 * of the VMCS, MSRs, FPU, …); an entry inside it costs a handful of comparisons,
 * because the VMCS keeps the guest's state and nearly all of it is left where it
 * is. Order: safety note, "World switch: exact order".
 */
#include <linux/jiffies.h>
#include <asm/special_insns.h>

#include "trace.h"
#include "vmx.h"

/* ---- create and destroy --------------------------------------------- */

int vmx_vcpu_init(struct baton_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx->vmcs = vmx_region_alloc(NUMA_NO_NODE, GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs)
		return -ENOMEM;
	vmx->vmcs_pa = __pa(vmx->vmcs);
	return vmx_pml_alloc(vmx);
}

void vmx_vcpu_fini(struct baton_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	vmx_pml_free(vmx);
	free_page((unsigned long)vmx->vmcs);
}

/* Fields that never change. VMWRITE is the only way, so in the first window. */
static void fields_init(struct vmx_vcpu *vmx)
{
	vmx_host_fields_init(vmx);
	vmx_controls_fields_init(vmx);
	vmx_msr_fields_init(vmx);
	vmcs_write64(VMCS_LINK_POINTER, ~0ull);
	vmcs_write64(GUEST_IA32_DEBUGCTL, 0);
	/* HLT exits, so the guest is active whenever it runs. */
	vmcs_write32(GUEST_ACTIVITY_STATE, 0);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmx->vmcs_ready = true;
}

/* ---- opening and closing a window ----------------------------------- */

static void guest_arrive(struct vmx_vcpu *vmx)
{
	if (unlikely(!vmx->vmcs_ready))
		fields_init(vmx);
	/* The VMCS was cleared since. */
	vmx->sw.flags &= ~BIT(VMX_SW_RESUME_BIT);
	vmx->after = VMX_AFTER_NOTHING;
	vmx_host_enter(vmx);
	vmx_msr_enter(vmx);
	baton_debug_enter(&vmx->base);
	vmx->loaded |= VMX_LOADED_MSRS;
	baton_fpu_enter(&vmx->base);
	vmx->loaded |= VMX_LOADED_FPU;
	vmx_host_protect(vmx);
}

/* Host state back. Also from the die notifier, at any point of a window. */
void vmx_guest_leave(struct vmx_vcpu *vmx)
{
	u32 loaded = vmx->loaded;

	vmx->loaded = 0;
	if (loaded & VMX_LOADED_FPU)
		baton_fpu_leave(&vmx->base);
	if (!(loaded & VMX_LOADED_MSRS))
		return;
	baton_debug_leave(&vmx->base);
	vmx_host_leave(vmx);
	vmx_msr_leave(vmx);
}

/* A window ends: the cache is to be current, but for classes nobody asked for. */
static void guest_depart(struct vmx_vcpu *vmx)
{
	struct baton_vcpu *vcpu = &vmx->base;

	/* First what the guest left, before anything on the way out can change it. */
	vcpu->msr.kernel_gs_base = baton_rdmsr(MSR_KERNEL_GS_BASE);
	if (vmx->pml)
		vmx_pml_drain(vmx);
	vmx_regs_save(vmx);
	if (vcpu->save & ~vcpu->valid)
		vmx_state_save(vmx, vcpu->save & ~vcpu->valid);
	vcpu->save = 0;
	vmx_guest_leave(vmx);
}

/*
 * -EBUSY is not ours to mend and no bug: the monitor gets to know, if it lasts.
 */
static enum baton_next not_opened(struct vmx_vcpu *vmx, int error)
{
	if (!vmx->busy_until)
		vmx->busy_until = jiffies + msecs_to_jiffies(VMX_BUSY_MS);
	if (error == -EBUSY && time_before(jiffies, vmx->busy_until))
		return BATON_LEAVE;
	vmx->busy_until = 0;
	if (error == -EBUSY)
		return baton_exit_failed(&vmx->base, BATON_EXIT_INTERNAL, error, 0, 0, 0);
	baton_vm_bug(vmx->base.vm, "VMX operation cannot be entered");
	return BATON_LEAVE;
}

/*
 * What an exit took away from the host, now that no guest or VMX state is left.
 * NMIs are blocked from the exit to the IRET of this INT.
 */
static void hand_over(struct vmx_vcpu *vmx)
{
	if (vmx->after == VMX_AFTER_NMI)
		asm volatile("int $2");
	if (vmx->after == VMX_AFTER_MACHINE_CHECK)
		baton_machine_check();
}

/* An instruction of ours failed in this window. Zeros were read: no going on. */
static void report_failure(struct vmx_vcpu *vmx, const char *insn)
{
	pr_err_ratelimited("%s failed (%#lx)\n", insn, this_cpu_read(vmx_cpu.failed_operand));
	baton_vm_bug(vmx->base.vm, "a VMX instruction failed");
}

/* ---- one entry ------------------------------------------------------ */

static bool event_due(struct vmx_vcpu *vmx)
{
	struct baton_vcpu *vcpu = &vmx->base;
	const struct baton_pending *ev = &vcpu->ev;

	return ev->reinject || ev->exception || ev->nmi || baton_pins(vcpu) ||
	       vmx->cpu_controls != vmx_caps.cpu || baton_apic_has_work(&vcpu->apic) ||
	       baton_steps(vcpu);
}

/* The guest runs to its TSC deadline at most; one that is over is an event. */
static void timer_set(struct vmx_vcpu *vmx)
{
	struct baton_vcpu *vcpu = &vmx->base;
	u32 timer = vmx_caps.timer;

	if (vcpu->apic.tsc_deadline) {
		u64 left = baton_timer_left(vcpu->apic.tsc_deadline, baton_guest_tsc(vcpu));

		if (unlikely(vcpu->vm->tsc_ratio))
			left = baton_tsc_unscale(vcpu->vm, left);
		if (!left)
			WRITE_ONCE(vcpu->apic.timer_fired, true);
		else if (left >> vmx_caps.timer_shift < timer)
			timer = (left >> vmx_caps.timer_shift) + 1;
	}
	vmcs_update32(VMX_PREEMPTION_TIMER_VALUE, &vmx->timer, timer);
}

/* False: no entry, INTA is due. */
static bool prepare(struct vmx_vcpu *vmx)
{
	struct baton_vcpu *vcpu = &vmx->base;

	if (unlikely(vcpu->dirty))
		vmx_state_load(vmx);
	timer_set(vmx);
	if (unlikely(event_due(vmx)) && !vmx_event_inject(vmx))
		return false;
	vmx_tlb_sync(vmx);
	vcpu->valid &= ~(BATON_ST_REGS | BATON_ST_SREGS | BATON_ST_EVENTS);
	return true;
}

/*
 * VMfail: by a control or a host field. The monitor gets to know and the VM goes on,
 * as with guest state that is refused: what the monitor asked for may be why.
 * Anything else is a bug; the number says which.
 */
static enum baton_next entry_refused(struct vmx_vcpu *vmx)
{
	u32 error = vmcs_read32(VM_INSTRUCTION_ERROR);
	u32 event = vmcs_read32(VM_ENTRY_INTR_INFO_FIELD);

	if (unlikely(vmx->step))
		vmx_event_step_end(vmx);
	if (error == VMXERR_ENTRY_INVALID_CONTROL_FIELD ||
	    error == VMXERR_ENTRY_INVALID_HOST_STATE_FIELD) {
		vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
		return baton_exit_failed(&vmx->base, BATON_EXIT_ENTRY_FAILED, error, 0, event,
					 error);
	}
	vmx_insn_failed("VM entry", error);
	return BATON_LEAVE;
}

static enum baton_next enter_once(struct vmx_vcpu *vmx)
{
	if (!prepare(vmx))
		return baton_exit_inta(&vmx->base);
	/* A flush that was not done, a field that is not what it should be: no entry. */
	if (unlikely(this_cpu_read(vmx_cpu.failed)))
		return BATON_LEAVE;
	if (trace_baton_entry_enabled())
		trace_baton_entry(vmx->base.id, vmcs_read(GUEST_RIP));
	/* No field of the VMCS. Page faults in a window (fetch.c, tracers) change it. */
	if (unlikely(vmx->base.sregs.cr2 != native_read_cr2()))
		native_write_cr2(vmx->base.sregs.cr2);
	if (unlikely(!vmx_enter(&vmx->base.regs, &vmx->sw)))
		return entry_refused(vmx);
	vmx->base.sregs.cr2 = native_read_cr2();
	vmx->sw.flags |= BIT(VMX_SW_RESUME_BIT);
	vmx->have = 0;
	if (unlikely(vmx->step))
		vmx_event_step_end(vmx);
	return vmx_exit_handle(vmx);
}

enum baton_next vmx_run(struct baton_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	enum baton_next next;
	const char *failed;
	int r;

	r = vmx_window_open(vmx);
	if (unlikely(r))
		return not_opened(vmx, r);
	vmx->busy_until = 0;
	guest_arrive(vmx);
	do
		next = enter_once(vmx);
	while (next == BATON_ENTER && baton_may_stay(vcpu));
	guest_depart(vmx);
	vmx_window_close(vmx);
	if (unlikely(vmx->after != VMX_AFTER_NOTHING))
		hand_over(vmx);
	failed = this_cpu_read(vmx_cpu.failed);
	if (unlikely(failed)) {
		report_failure(vmx, failed);
		return BATON_LEAVE;
	}
	return next == BATON_ENTER ? BATON_LEAVE : next;
}
