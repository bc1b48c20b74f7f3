// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control words: what is intercepted and why, and what this processor must
 * be able to do for that.
 *
 * A control word is what we want, fitted to a capability MSR that says which
 * bits must be one (low half) and may be one (high half): SDM vol. 3, "VMX
 * Capability Reporting Facility". With "true" controls (all processors that
 * have unrestricted guest) none of the bits that must be one hurts us.
 */
#include <asm/trapnr.h>
#include <asm/tsc.h>

#include "vmx.h"

struct vmx_caps vmx_caps __read_mostly;

#define TSC_MULTIPLIER_FRAC 48

/* TSC ticks: PAUSEs closer than the gap are one loop, and one this long exits. */
#define PAUSE_GAP 128
#define PAUSE_WINDOW 16384

/* Bound of the time in the guest per entry, see PIN_BASED_VMX_PREEMPTION_TIMER below. */
#define TIMER_US 1000

/*
 * Pin-based. Interrupts and NMIs belong to the host. Virtual NMIs give the guest
 * NMI blocking of its own. The preemption timer bounds a stay in the guest: it
 * takes no interrupt to get the CPU back, which matters where the entry with
 * guest IF=0 leaves the host's interrupts masked (an emulator's defect), and
 * costs nothing where it works.
 */
#define PIN_NEED (PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING | PIN_BASED_VIRTUAL_NMIS | \
		  PIN_BASED_VMX_PREEMPTION_TIMER)

/*
 * Processor-based.
 *	HLT		the core blocks the thread
 *	MWAIT, MONITOR	hidden in CPUID; a real MWAIT would hold the CPU
 *	RDPMC		counters are the host's
 *	CR8		the APIC is a model, there is no hardware TPR
 *	MOV DR		DRs of the guest are in hardware only if armed (fpu.h)
 *	I/O		all ports: no device is passed through, so no bitmaps
 *	MSRs		all but three, by the bitmap (vmx_msr.c)
 * Not intercepted: INVLPG and CR3 (EPT and VPID), RDTSC (offset), PAUSE but in loops.
 */
#define CPU_NEED (CPU_BASED_USE_TSC_OFFSETTING | CPU_BASED_HLT_EXITING | \
		  CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING | \
		  CPU_BASED_RDPMC_EXITING | CPU_BASED_CR8_LOAD_EXITING | \
		  CPU_BASED_CR8_STORE_EXITING | CPU_BASED_MOV_DR_EXITING | \
		  CPU_BASED_UNCOND_IO_EXITING | CPU_BASED_USE_MSR_BITMAPS | \
		  CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)
#define CPU_REFUSE (CPU_BASED_INVLPG_EXITING | CPU_BASED_CR3_LOAD_EXITING | \
		    CPU_BASED_CR3_STORE_EXITING)
#define CPU_WINDOWS (CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING)

/*
 * Secondary. WBINVD would empty the host's caches. ENCLS, ENCLV: SGX of the host
 * is not the guest's; where they can be intercepted they have to be. Intel PT
 * of the host need not know of the guest. What the guest gets to see of RDTSCP
 * and INVPCID follows its CPUID; with the bit clear they are #UD. PML: vmx_pml.c.
 */
#define CPU2_NEED (SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID | \
		   SECONDARY_EXEC_WBINVD_EXITING | SECONDARY_EXEC_UNRESTRICTED_GUEST)
#define CPU2_WANT (SECONDARY_EXEC_ENCLS_EXITING | VMCS_CONTROL_BIT(ENCLV_EXITING) | \
		   SECONDARY_EXEC_PT_CONCEAL_VMX | SECONDARY_EXEC_ENABLE_PML | \
		   SECONDARY_EXEC_PAUSE_LOOP_EXITING)
#define CPU2_BY_CPUID (SECONDARY_EXEC_ENABLE_RDTSCP | SECONDARY_EXEC_ENABLE_INVPCID)

/* PAT and EFER of the guest live in vcpu->msr and sregs: loaded, never saved. */
#define EXIT_NEED (VM_EXIT_SAVE_DEBUG_CONTROLS | VM_EXIT_HOST_ADDR_SPACE_SIZE | \
		   VM_EXIT_LOAD_IA32_PAT | VM_EXIT_LOAD_IA32_EFER)
#define EXIT_WANT (VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL | VM_EXIT_PT_CONCEAL_PIP)
#define ENTRY_NEED (VM_ENTRY_LOAD_DEBUG_CONTROLS | VM_ENTRY_LOAD_IA32_PAT | \
		    VM_ENTRY_LOAD_IA32_EFER)
#define ENTRY_WANT (VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL | VM_ENTRY_PT_CONCEAL_PIP)

/*
 * Exceptions that exit. #DB and #AC: their delivery can loop forever in
 * microcode (CVE-2015-8104, CVE-2015-5307). #MC is the host's.
 */
#define EXCEPTIONS (BIT(X86_TRAP_DB) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC))

struct control_word {
	u32 msr;
	u32 need, want;		/* refuse without; take if there */
	u32 refuse;		/* must not be forced on */
	u32 *ret;
};

static bool control_fit(const struct control_word *word)
{
	u64 cap;

	if (rdmsrq_safe(word->msr, &cap))
		return false;
	*word->ret = ((word->need | word->want) & (u32)(cap >> 32)) | (u32)cap;
	return !(word->need & ~*word->ret) && !(word->refuse & *word->ret);
}

static enum baton_refusal second_level_setup(void)
{
	const u64 ept_need = VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT | VMX_EPT_2MB_PAGE_BIT;
	/* The kernel's bits of INVVPID are those of the upper half. */
	const u64 inv_need = VMX_EPT_INVEPT_BIT | VMX_EPT_EXTENT_CONTEXT_BIT |
			     (VMX_VPID_INVVPID_BIT | VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT) << 32;
	u64 cpu2, cap;

	if (rdmsrq_safe(MSR_IA32_VMX_PROCBASED_CTLS2, &cpu2) ||
	    !(cpu2 >> 32 & SECONDARY_EXEC_ENABLE_EPT) ||
	    rdmsrq_safe(MSR_IA32_VMX_EPT_VPID_CAP, &cap) || ept_need & ~cap)
		return BATON_REFUSED_NO_NESTED_PAGING;
	if (!(cpu2 >> 32 & SECONDARY_EXEC_UNRESTRICTED_GUEST))
		return BATON_REFUSED_NO_UNRESTRICTED;
	if (inv_need & ~cap)
		return BATON_REFUSED_CPU_FEATURE;
	/*
	 * With accessed bits, walks of the guest's page tables are writes to them: also
	 * where these are in a read-only slot, which is the monitor's to emulate then.
	 */
	vmx_caps.eptp_bits = VMX_EPTP_MT_WB | VMX_EPTP_PWL_4 |
			     (cap & VMX_EPT_AD_BIT ? VMX_EPTP_AD_ENABLE_BIT : 0);
	vmx_caps.cpu2_optional = cpu2 >> 32 & CPU2_BY_CPUID;
	baton_tsc_frac = cpu2 >> 32 & SECONDARY_EXEC_TSC_SCALING ? TSC_MULTIPLIER_FRAC : 0;
	return BATON_REFUSED_NOT;
}

static bool controls_fit(void)
{
	const struct control_word words[] = {
		{ MSR_IA32_VMX_TRUE_PINBASED_CTLS, PIN_NEED, 0, 0, &vmx_caps.pin },
		{ MSR_IA32_VMX_TRUE_PROCBASED_CTLS, CPU_NEED | CPU_WINDOWS, 0, CPU_REFUSE,
		  &vmx_caps.cpu },
		{ MSR_IA32_VMX_PROCBASED_CTLS2, CPU2_NEED, CPU2_WANT, 0, &vmx_caps.cpu2 },
		{ MSR_IA32_VMX_TRUE_EXIT_CTLS, EXIT_NEED, EXIT_WANT, 0, &vmx_caps.exit },
		{ MSR_IA32_VMX_TRUE_ENTRY_CTLS, ENTRY_NEED, ENTRY_WANT, VM_ENTRY_IA32E_MODE,
		  &vmx_caps.entry },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!control_fit(&words[i]))
			return false;
	/* These two are wanted at times, not from the start. */
	vmx_caps.cpu &= ~CPU_WINDOWS;
	if (!(vmx_caps.eptp_bits & VMX_EPTP_AD_ENABLE_BIT))
		vmx_caps.cpu2 &= ~SECONDARY_EXEC_ENABLE_PML;
	return true;
}

/* Counters of the host stop in the guest if entry and exit can do it. */
static void counters_setup(void)
{
	const u32 exit = VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;
	const u32 entry = VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;

	/* Exits of Westmere and Nehalem-EX may leave the host's fixed counters off. */
	u8 model = boot_cpu_data.x86_model;
	bool erratum = boot_cpu_data.x86 == 6 && (model == 37 || model == 44 || model == 46);

	vmx_caps.perf_global = !erratum && vmx_caps.exit & exit && vmx_caps.entry & entry &&
			       boot_cpu_has(X86_FEATURE_ARCH_PERFMON) &&
			       (cpuid_eax(10) & 0xff) >= 2;
	if (!vmx_caps.perf_global) {
		vmx_caps.exit &= ~exit;
		vmx_caps.entry &= ~entry;
	}
	vmx_caps.pebs = boot_cpu_has(X86_FEATURE_PEBS);
}

/* SDM vol. 3, "VMX-Fixed Bits in CR0" and "in CR4": what VMXON checks. */
static bool fixed_bits_setup(void)
{
	u64 cr0 = read_cr0(), cr4 = __read_cr4() | X86_CR4_VMXE, cr0_fixed1, cr4_fixed1;

	return !rdmsrq_safe(MSR_IA32_VMX_CR0_FIXED0, &vmx_caps.cr0_fixed0) &&
	       !rdmsrq_safe(MSR_IA32_VMX_CR0_FIXED1, &cr0_fixed1) &&
	       !rdmsrq_safe(MSR_IA32_VMX_CR4_FIXED0, &vmx_caps.cr4_fixed0) &&
	       !rdmsrq_safe(MSR_IA32_VMX_CR4_FIXED1, &cr4_fixed1) &&
	       !(vmx_caps.cr0_fixed0 & ~cr0) && !(cr0 & ~cr0_fixed1) &&
	       !(vmx_caps.cr4_fixed0 & ~cr4) && !(cr4 & ~cr4_fixed1);
}

/* Some of 2010 to 2012 do not count at the rate that they tell. */
static bool timer_erratum(void)
{
	u32 signature = cpuid_eax(1) & 0xfff3fff;

	return signature == 0x20652 || signature == 0x20655 || signature == 0x206e6 ||
	       signature == 0x306a8;
}

static bool misc_setup(void)
{
	u64 misc;

	if (rdmsrq_safe(MSR_IA32_VMX_MISC, &misc))
		return false;
	vmx_caps.timer_shift = misc & VMX_CAP_MISC_TIMER_SHIFT;
	vmx_caps.timer = max(1u, (tsc_khz / 1000 * TIMER_US) >>
				 (misc & VMX_CAP_MISC_TIMER_SHIFT));
	baton_deadlines = !timer_erratum();
	vmx_caps.pt_check = boot_cpu_has(X86_FEATURE_INTEL_PT) && !(misc & VMX_CAP_MISC_PT);
	return true;
}

enum baton_refusal vmx_controls_setup(void)
{
	enum baton_refusal refusal;
	u64 basic;

	if (rdmsrq_safe(MSR_IA32_VMX_BASIC, &basic))
		return BATON_REFUSED_NO_VIRT;
	vmx_caps.revision = basic & VMX_BASIC_REVISION;
	refusal = second_level_setup();
	if (refusal != BATON_REFUSED_NOT)
		return refusal;
	if (!(basic & VMX_BASIC_TRUE_CONTROLS) || basic & VMX_BASIC_32BIT_PA ||
	    VMX_BASIC_MEMTYPE(basic) != VMX_MEMTYPE_WB)
		return BATON_REFUSED_CPU_FEATURE;
	if (!controls_fit() || !fixed_bits_setup() || !misc_setup())
		return BATON_REFUSED_CPU_FEATURE;
	counters_setup();
	return BATON_REFUSED_NOT;
}

/* ---- Into the VMCS ---- */

void vmx_controls_debug(struct vmx_vcpu *vmx)
{
	vmcs_write32(EXCEPTION_BITMAP, EXCEPTIONS | baton_debug_exceptions(&vmx->base));
}

static u32 cpu2_base(const struct baton_vm *vm)
{
	return vmx_caps.cpu2 | (vm->tsc_ratio ? SECONDARY_EXEC_TSC_SCALING : 0);
}

void vmx_controls_fields_init(struct vmx_vcpu *vmx)
{
	struct baton_vm *vm = vmx->base.vm;

	vmx->cpu_controls = vmx_caps.cpu;
	vmx->cpu2_controls = cpu2_base(vm);
	vmcs_write32(PIN_BASED_VM_EXEC_CONTROL, vmx_caps.pin);
	vmcs_write32(CPU_BASED_VM_EXEC_CONTROL, vmx->cpu_controls);
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, vmx->cpu2_controls);
	vmcs_write32(VM_EXIT_CONTROLS, vmx_caps.exit);
	vmcs_write32(EXCEPTION_BITMAP, EXCEPTIONS);
	/* Page faults exit by bit 14 of the bitmap alone: never. */
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write32(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write32(CR3_TARGET_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_STORE_COUNT, 0);
	vmcs_write32(VM_EXIT_MSR_LOAD_COUNT, 0);
	vmcs_write32(VM_ENTRY_MSR_LOAD_COUNT, 0);
	vmcs_write64(EPT_POINTER, vm->npt.root_pa | vmx_caps.eptp_bits);
	vmcs_write16(VIRTUAL_PROCESSOR_ID, vmx_vpid(vmx));
	vmx_pml_fields_init(vmx);
	vmx->timer = vmx_caps.timer;
	vmcs_write32(VMX_PREEMPTION_TIMER_VALUE, vmx->timer);
	if (vm->tsc_ratio)
		vmcs_write64(TSC_MULTIPLIER, vm->tsc_ratio);
	if (vmx_caps.cpu2 & SECONDARY_EXEC_PAUSE_LOOP_EXITING) {
		vmcs_write32(PLE_GAP, PAUSE_GAP);
		vmcs_write32(PLE_WINDOW, PAUSE_WINDOW);
	}
	if (vmx_caps.cpu2 & SECONDARY_EXEC_ENCLS_EXITING)
		vmcs_write64(ENCLS_EXITING_BITMAP, ~0ull);
	if (vmx_caps.cpu2 & VMCS_CONTROL_BIT(ENCLV_EXITING))
		vmcs_write64(VMCS_ENCLV_EXITING_BITMAP, ~0ull);
	if (vmx_caps.perf_global)
		vmcs_write64(GUEST_IA32_PERF_GLOBAL_CTRL, 0);
}

/* CPUID leaf 7, EBX bit 10. */
static bool guest_has_invpcid(struct baton_vcpu *vcpu)
{
	u32 out[4];

	baton_cpuid_query(vcpu, 7, 0, out);
	return out[1] & BIT(10);
}

/* The guest's CPUID changed: what is #UD for it? */
void vmx_controls_by_cpuid(struct vmx_vcpu *vmx)
{
	struct baton_vcpu *vcpu = &vmx->base;
	u32 controls = cpu2_base(vcpu->vm);

	if (baton_guest_has(&vcpu->cpuid, BATON_GF_RDTSCP))
		controls |= vmx_caps.cpu2_optional & SECONDARY_EXEC_ENABLE_RDTSCP;
	if (guest_has_invpcid(vcpu))
		controls |= vmx_caps.cpu2_optional & SECONDARY_EXEC_ENABLE_INVPCID;
	vmcs_update32(SECONDARY_VM_EXEC_CONTROL, &vmx->cpu2_controls, controls);
}

/* bits: those of interrupt window and NMI window that are wanted now. */
void vmx_controls_window(struct vmx_vcpu *vmx, u32 bits)
{
	vmcs_update32(CPU_BASED_VM_EXEC_CONTROL, &vmx->cpu_controls, vmx_caps.cpu | bits);
}
