// SPDX-License-Identifier: GPL-2.0-only
/*
 * Architectural state between the cache (struct baton_vcpu) and the VMCS.
 *
 * The VMCS can be read in a window only, and each field costs an instruction, so
 * state is brought out late and piecemeal: RIP, RSP and RFLAGS one by one when a
 * handler asks (vmx->have), SREGS and EVENTS as a class. Debug registers, MSRs,
 * CPUID and TSC offset change in the cache first, since guests' accesses to them
 * exit.
 *
 * Some of SREGS is true in the cache all the time: EFER, XCR0, CR2, and those bits
 * of CR0 and CR4 that the guest cannot change without an exit (CR*_OWNABLE
 * are the others). The core relies on it for PE, PG, PAE and OSXSAVE.
 */
#include <linux/delay.h>
#include <asm/processor-flags.h>

#include "vmx.h"

/*
 * Bits that no one but hardware needs to know of. Not here: what switches
 * paging modes, what CPUID mirrors, what VMX operation fixes, and MCE, which
 * has to be the host's lest a machine check shut the processor down.
 */
#define CR0_OWNABLE	(X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_WP | X86_CR0_AM)
#define CR4_OWNABLE	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PGE | \
			 X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_FSGSBASE)
#define CR0_TRANSLATION	(X86_CR0_PG | X86_CR0_PE | X86_CR0_WP)
/* Unrestricted guest: these two are free, whatever the fixed bits say. */
#define CR0_FREE	(X86_CR0_PG | X86_CR0_PE)

/* ---- general registers ---------------------------------------------- */

u64 vmx_gpr_read(struct vmx_vcpu *vmx, unsigned int gpr)
{
	if (gpr == BATON_RSP && !(vmx->have & VMX_HAVE_RSP)) {
		vmx->base.regs.gpr[BATON_RSP] = vmcs_read(GUEST_RSP);
		vmx->have |= VMX_HAVE_RSP;
	}
	return vmx->base.regs.gpr[gpr];
}

void vmx_gpr_write(struct vmx_vcpu *vmx, unsigned int gpr, u64 value)
{
	vmx->base.regs.gpr[gpr] = value;
	if (gpr == BATON_RSP) {
		vmcs_write(GUEST_RSP, value);
		vmx->have |= VMX_HAVE_RSP;
	}
}

void vmx_regs_save(struct vmx_vcpu *vmx)
{
	vmx_rip(vmx);
	vmx_rflags(vmx);
	vmx_gpr_read(vmx, BATON_RSP);
	vmx->base.valid |= BATON_ST_REGS;
}

static inline void clear_shadow(void)
{
	u32 blocking = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);

	if (unlikely(blocking & VMX_SHADOW))
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, blocking & ~VMX_SHADOW);
}

/*
 * To elsewhere: the instruction in a shadow is done, or left behind. With another IF or
 * TF the entry would be refused in it.
 */
static void load_regs(struct vmx_vcpu *vmx)
{
	const struct baton_regs *regs = &vmx->base.regs;
	u64 changed = vmcs_read(GUEST_RFLAGS) ^ regs->rflags;

	if (vmcs_read(GUEST_RIP) != regs->rip || changed & (X86_EFLAGS_IF | X86_EFLAGS_TF))
		clear_shadow();
	/* Nor is a step due any more that was asked for by the old TF. */
	if (unlikely(changed & ~regs->rflags & X86_EFLAGS_TF))
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS,
			   vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS) & ~DR_STEP);
	vmcs_write(GUEST_RIP, regs->rip);
	vmcs_write(GUEST_RSP, regs->gpr[BATON_RSP]);
	if (unlikely(changed))
		vmcs_write(GUEST_RFLAGS, regs->rflags);
	vmx->have = VMX_HAVE_RIP | VMX_HAVE_RSP | VMX_HAVE_RFLAGS;
}

/* ---- past an instruction -------------------------------------------- */

void vmx_step_over(struct vmx_vcpu *vmx)
{
	u64 old = vmx_rip(vmx), rip = old + vmcs_read32(VM_EXIT_INSTRUCTION_LEN);

	/* The mode costs a read, and matters only where bit 31 carried into 32. */
	if (unlikely((rip ^ old) >> 31 == 3) && !vmx_long64(vmx))
		rip = (u32)rip;
	vmx->base.regs.rip = rip;
	vmcs_write(GUEST_RIP, rip);
	clear_shadow();
}

/* Completing an instruction ends shadows and RF, and is a step if TF is set. */
void vmx_skip(struct vmx_vcpu *vmx)
{
	u64 rflags = vmx_rflags(vmx);

	vmx_step_over(vmx);
	if (likely(!(rflags & (X86_EFLAGS_RF | X86_EFLAGS_TF))))
		return;
	vmx->base.regs.rflags = rflags & ~X86_EFLAGS_RF;
	vmcs_write(GUEST_RFLAGS, vmx->base.regs.rflags);
	if (rflags & X86_EFLAGS_TF)
		baton_exit_db(&vmx->base, DR_STEP);
}

/* ---- segments ------------------------------------------------------- */

/* SS.DPL is the CPL, in all modes. */
u8 vmx_cpl(void)
{
	u32 rights = vmcs_read32(GUEST_ES_AR_BYTES + 2 * BATON_SS);

	return (rights & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT;
}

bool vmx_long64(struct vmx_vcpu *vmx)
{
	return vmx->base.sregs.efer & EFER_LMA &&
	       vmcs_read32(GUEST_ES_AR_BYTES + 2 * BATON_CS) & BATON_SEG_L;
}

static void save_segment(struct baton_segment *seg, enum baton_seg index)
{
	u32 rights = vmcs_read32(GUEST_ES_AR_BYTES + 2 * index);

	seg->base = vmcs_read(GUEST_ES_BASE + 2 * index);
	seg->limit = vmcs_read32(GUEST_ES_LIMIT + 2 * index);
	seg->selector = vmcs_read16(GUEST_ES_SELECTOR + 2 * index);
	seg->attr = rights & BATON_SEG_ATTR_MASK & ~BATON_SEG_UNUSABLE;
	/* AMD has no such bit but a segment without P: one form for both. */
	if (rights & VMX_AR_UNUSABLE_MASK)
		seg->attr = (seg->attr | BATON_SEG_UNUSABLE) & ~BATON_SEG_P;
}

/* What VM entry insists on and AMD does not: accessed, busy; no P is unusable. */
static u32 rights_of(const struct baton_segment *seg, enum baton_seg index)
{
	u32 rights = seg->attr & ~BATON_SEG_UNUSABLE;

	if (index == BATON_TR)
		return rights | 2;
	if (seg->attr & BATON_SEG_UNUSABLE || !(seg->attr & BATON_SEG_P))
		return rights | VMX_AR_UNUSABLE_MASK;
	if (index <= BATON_GS)
		rights |= 1;
	return rights;
}

static void load_segment(const struct baton_segment *seg, enum baton_seg index)
{
	vmcs_write32(GUEST_ES_AR_BYTES + 2 * index, rights_of(seg, index));
	vmcs_write(GUEST_ES_BASE + 2 * index, seg->base);
	vmcs_write32(GUEST_ES_LIMIT + 2 * index, seg->limit);
	vmcs_write16(GUEST_ES_SELECTOR + 2 * index, seg->selector);
}

static void load_segments(const struct baton_sregs *sregs)
{
	int i;

	for (i = BATON_ES; i < BATON_SEG_COUNT; i++)
		load_segment(&sregs->seg[i], i);
	vmcs_write(GUEST_GDTR_BASE, sregs->gdt.base);
	vmcs_write32(GUEST_GDTR_LIMIT, sregs->gdt.limit);
	vmcs_write(GUEST_IDTR_BASE, sregs->idt.base);
	vmcs_write32(GUEST_IDTR_LIMIT, sregs->idt.limit);
}

static void save_segments(struct baton_sregs *sregs)
{
	int i;

	for (i = BATON_ES; i < BATON_SEG_COUNT; i++)
		save_segment(&sregs->seg[i], i);
	sregs->gdt.base = vmcs_read(GUEST_GDTR_BASE);
	sregs->gdt.limit = vmcs_read32(GUEST_GDTR_LIMIT);
	sregs->idt.base = vmcs_read(GUEST_IDTR_BASE);
	sregs->idt.limit = vmcs_read32(GUEST_IDTR_LIMIT);
}

/* ---- control registers ---------------------------------------------- */

/* Hardware's CR0 never has CD or NW: entries ignore them, exits do not save them. */
static u64 hardware_cr0(u64 cr0)
{
	return (cr0 | (vmx_caps.cr0_fixed0 & ~(u64)CR0_FREE)) & ~(u64)(X86_CR0_CD | X86_CR0_NW);
}

static u64 hardware_cr4(const struct vmx_vcpu *vmx, u64 cr4)
{
	return (cr4 & ~(u64)X86_CR4_MCE) | vmx_caps.cr4_fixed0 | (vmx->host.cr4 & X86_CR4_MCE);
}

/* Does the change invalidate translations, as the guest's own MOV would? */
static bool paging_changes(struct vmx_vcpu *vmx, const struct baton_sregs *sregs)
{
	return (vmcs_read(GUEST_CR0) ^ sregs->cr0) & CR0_TRANSLATION ||
	       vmcs_read(GUEST_CR4) != hardware_cr4(vmx, sregs->cr4) ||
	       vmcs_read(GUEST_CR3) != sregs->cr3 ||
	       vmcs_read64(GUEST_IA32_EFER) != sregs->efer;
}

static void load_pdptes(const struct baton_sregs *sregs)
{
	for (int i = 0; i < 4; i++)
		vmcs_write64(GUEST_PDPTR0 + 2 * i, sregs->pdpte[i]);
}

static void save_pdptes(struct baton_sregs *sregs)
{
	bool pae = baton_uses_pdptes(sregs);

	for (int i = 0; i < 4; i++)
		sregs->pdpte[i] = pae ? vmcs_read64(GUEST_PDPTR0 + 2 * i) : 0;
}

static void load_control_registers(struct vmx_vcpu *vmx, const struct baton_sregs *sregs)
{
	vmx->cr0_owned = CR0_OWNABLE & ~vmx_caps.cr0_fixed0;
	vmx->cr4_owned = CR4_OWNABLE & vmx->base.cpuid.cr4_allowed & ~vmx_caps.cr4_fixed0;
	vmcs_write(CR0_GUEST_HOST_MASK, ~vmx->cr0_owned);
	vmcs_write(CR4_GUEST_HOST_MASK, ~vmx->cr4_owned);
	vmcs_write(CR0_READ_SHADOW, sregs->cr0);
	vmcs_write(CR4_READ_SHADOW, sregs->cr4);
	vmcs_write(GUEST_CR0, hardware_cr0(sregs->cr0));
	vmcs_write(GUEST_CR3, sregs->cr3);
	vmcs_write(GUEST_CR4, hardware_cr4(vmx, sregs->cr4));
	if (baton_uses_pdptes(sregs))
		load_pdptes(sregs);
}

static void load_efer(u64 efer)
{
	vmcs_write64(GUEST_IA32_EFER, efer);
	vmcs_write32(VM_ENTRY_CONTROLS,
		     vmx_caps.entry | (efer & EFER_LMA ? VM_ENTRY_IA32E_MODE : 0));
}

static void load_sregs(struct vmx_vcpu *vmx)
{
	const struct baton_sregs *sregs = &vmx->base.sregs;

	if (paging_changes(vmx, sregs))
		vmx->flush_vpid = true;
	load_segments(sregs);
	load_control_registers(vmx, sregs);
	load_efer(sregs->efer);
}

static void save_sregs(struct vmx_vcpu *vmx)
{
	struct baton_sregs *sregs = &vmx->base.sregs;
	u64 cr0 = vmcs_read(GUEST_CR0), cr4 = vmcs_read(GUEST_CR4);

	save_segments(sregs);
	sregs->cr0 = (sregs->cr0 & ~vmx->cr0_owned) | (cr0 & vmx->cr0_owned);
	sregs->cr4 = (sregs->cr4 & ~vmx->cr4_owned) | (cr4 & vmx->cr4_owned);
	sregs->cr3 = vmcs_read(GUEST_CR3);
	save_pdptes(sregs);
}

/* For an exit of 64-bit code that can do without SREGS. Else those are saved. */
static void save_mode(struct vmx_vcpu *vmx)
{
	struct baton_exit_emulate *out = &vmx->base.run->emulate;

	if (!vmx_long64(vmx)) {
		vmx_state_save(vmx, BATON_ST_SREGS);
		return;
	}
	out->mode = (struct baton_code_mode) {
		.cr0 = vmcs_read(GUEST_CR0), .cr3 = vmcs_read(GUEST_CR3),
		.cr4 = vmcs_read(GUEST_CR4), .efer = vmx->base.sregs.efer,
		.cpl = vmx_cpl(),
	};
	out->access |= BATON_ACCESS_LONG64;
}

/* ---- MSRs, CPUID ---------------------------------------------------- */

/* KERNEL_GS_BASE is in its register since the window's start and never stale. */
static void load_msrs(struct vmx_vcpu *vmx)
{
	const struct baton_msr_file *msr = &vmx->base.msr;

	vmcs_write32(GUEST_SYSENTER_CS, msr->sysenter_cs);
	vmcs_write(GUEST_SYSENTER_ESP, msr->sysenter_esp);
	vmcs_write(GUEST_SYSENTER_EIP, msr->sysenter_eip);
	vmcs_write64(GUEST_IA32_PAT, msr->pat);
	vmx_host_spec_ctrl(vmx);
}

/* Which bits of CR4 the guest owns follows from it: SREGS are loaded anew. */
static void load_cpuid(struct vmx_vcpu *vmx)
{
	vmx_controls_by_cpuid(vmx);
	vmx_need_sregs(vmx);
}

/* ---- classes -------------------------------------------------------- */

void vmx_state_load(struct vmx_vcpu *vmx)
{
	struct baton_vcpu *vcpu = &vmx->base;
	u32 dirty = vcpu->dirty;

	vcpu->dirty = 0;
	if (dirty & BATON_ST_REGS)
		load_regs(vmx);
	if (dirty & BATON_ST_CPUID)
		load_cpuid(vmx);
	if (dirty & (BATON_ST_SREGS | BATON_ST_CPUID))
		load_sregs(vmx);
	if (dirty & BATON_ST_DEBUG) {
		vmcs_write(GUEST_DR7, baton_dr7(vcpu));
		vmx_controls_debug(vmx);
	}
	if (dirty & BATON_ST_MSRS)
		load_msrs(vmx);
	if (dirty & (BATON_ST_SREGS | BATON_ST_MSRS | BATON_ST_CPUID))
		vmx_msr_load(vmx);
	if (dirty & BATON_ST_TSC)
		vmcs_write64(TSC_OFFSET, vcpu->tsc_offset);
	if (dirty & BATON_ST_EVENTS)
		vmx_event_shadows_load(vmx);
	if (dirty & BATON_ST_TLB)
		vmx->flush_vpid = true;
}

void vmx_state_save(struct vmx_vcpu *vmx, u32 classes)
{
	if (classes & BATON_ST_REGS)
		vmx_regs_save(vmx);
	if (classes & BATON_ST_SREGS)
		save_sregs(vmx);
	if (classes & BATON_ST_EVENTS)
		vmx_event_shadows_save(vmx);
	if (classes & BATON_ST_MODE)
		save_mode(vmx);
	vmx->base.valid |= classes & BATON_ST_ALL;
}

/* A window for reading only: the guest's registers are not touched. */
int vmx_state_fetch(struct baton_vcpu *vcpu, u32 classes)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	int r, tries = VMX_BUSY_MS;
	unsigned long flags;

	do {
		local_irq_save(flags);
		r = vmx_window_open(vmx);
		if (!r) {
			vmx_state_save(vmx, classes);
			vmx_window_close(vmx);
			if (this_cpu_read(vmx_cpu.failed)) {
				/* Zeros were read: nothing to go on with, or to hand out. */
				vcpu->valid &= ~classes;
				baton_vm_bug(vcpu->vm, "a guest's state cannot be read");
				r = -EIO;
			}
		}
		local_irq_restore(flags);
	} while (r == -EBUSY && tries-- && !msleep_interruptible(1));
	return r;
}
