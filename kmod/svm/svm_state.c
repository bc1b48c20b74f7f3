// SPDX-License-Identifier: GPL-2.0-only
/*
 * Architectural state between the cache (struct baton_vcpu) and the VMCB.
 *
 * After an exit all guest state is in the VMCB page, VMSAVE included, so saving
 * is reading memory, in a window or out of it. Only SREGS is ever out of date in
 * the cache: REGS are copied at each exit; debug registers, MSRs, CPUID and TSC
 * offset change in the cache first, since guests' accesses to them exit; the
 * two small exceptions (KERNEL_GS_BASE, interrupt shadow) are read back where a
 * window ends.
 *
 * The VMCB has no "unusable" segment: it is a segment without P (APM, "VMCB
 * Layout"; the quirks below are where processors store less than they know).
 */
#include <asm/msr.h>
#include <asm/processor-flags.h>

#include "compat.h"
#include "svm.h"

/* CR0 bits that hardware's copy never has: see svm_controls_cr(). */
#define CR0_HIDDEN	(X86_CR0_CD | X86_CR0_NW)
#define CR0_TRANSLATION	(X86_CR0_PG | X86_CR0_PE | X86_CR0_WP)

/* ---- segments ------------------------------------------------------- */

static void load_segment(struct svm_segment *to, const struct baton_segment *from)
{
	u16 attr = (from->attr & 0xff) | (from->attr >> 4 & 0xf00);

	if (from->attr & BATON_SEG_UNUSABLE)
		attr &= ~BATON_SEG_P;
	*to = (struct svm_segment) {
		.selector = from->selector, .attr = attr,
		.limit = from->limit, .base = from->base,
	};
}

static void save_segment(struct baton_segment *to, const struct svm_segment *from)
{
	u16 attr = (from->attr & 0xff) | (from->attr & 0xf00) << 4;

	if (!(attr & BATON_SEG_P))
		attr |= BATON_SEG_UNUSABLE;
	*to = (struct baton_segment) {
		.selector = from->selector, .attr = attr,
		.limit = from->limit, .base = from->base,
	};
}

static void set_granularity(struct baton_segment *seg)
{
	if (seg->limit > 0xfffff)
		seg->attr |= BATON_SEG_G;
}

/* What a segment register must look like on any processor. */
static void mend_segments(struct baton_segment *seg, u8 cpl)
{
	static const u8 data[] = { BATON_ES, BATON_SS, BATON_DS, BATON_FS, BATON_GS };
	int i;

	/* CS loses G; a loaded segment has been accessed; TR is busy. */
	set_granularity(&seg[BATON_CS]);
	for (i = 0; i < ARRAY_SIZE(data); i++)
		if (!(seg[data[i]].attr & BATON_SEG_UNUSABLE))
			seg[data[i]].attr |= 1;
	seg[BATON_TR].attr |= 2;
	/* CPL is SS.DPL, but SYSRET and null selectors leave them apart. */
	seg[BATON_SS].attr = (seg[BATON_SS].attr & ~BATON_SEG_DPL) | cpl << BATON_SEG_DPL_SHIFT;
}

static void load_segments(struct svm_vcpu *svm)
{
	const struct baton_sregs *sregs = &svm->vcpu.sregs;
	const struct baton_segment *seg = sregs->seg;
	struct svm_vmcb *vmcb = svm->vmcb;
	int i;

	svm->cpl_seen = SVM_CPL_NONE;
	for (i = BATON_ES; i <= BATON_GS; i++)
		load_segment(&vmcb->seg[i], &seg[i]);
	load_segment(&vmcb->ldtr, &seg[BATON_LDTR]);
	load_segment(&vmcb->tr, &seg[BATON_TR]);
	vmcb->cpl = (seg[BATON_SS].attr & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT;
	vmcb->gdtr.base = sregs->gdt.base;
	vmcb->gdtr.limit = sregs->gdt.limit;
	vmcb->idtr.base = sregs->idt.base;
	vmcb->idtr.limit = sregs->idt.limit;
	vmcb_touch(vmcb, SVM_CLEAN_SEG | SVM_CLEAN_DT);
}

/*
 * Guests change segments far less often than they leave for the monitor's emulator.
 * Whoever changes those in sregs has them loaded before the next entry, so until
 * then the VMCB's words tell whether they are still right.
 */
static bool segments_changed(struct svm_vcpu *svm)
{
	const u64 *now = (const u64 *)((const u8 *)svm->vmcb + offsetof(struct svm_vmcb, seg));
	u64 changed = svm->vmcb->cpl ^ svm->cpl_seen;
	int i;

	for (i = 0; i < SVM_SEG_WORDS; i += 4)
		changed |= (now[i] ^ svm->segs_seen[i]) | (now[i + 1] ^ svm->segs_seen[i + 1]) |
			   (now[i + 2] ^ svm->segs_seen[i + 2]) |
			   (now[i + 3] ^ svm->segs_seen[i + 3]);
	if (likely(!changed))
		return false;
	memcpy(svm->segs_seen, now, sizeof(svm->segs_seen));
	svm->cpl_seen = svm->vmcb->cpl;
	return true;
}

static void save_segments(struct svm_vcpu *svm)
{
	const struct svm_vmcb *vmcb = svm->vmcb;
	struct baton_sregs *sregs = &svm->vcpu.sregs;
	struct baton_segment *seg = sregs->seg;
	int i;

	if (!segments_changed(svm))
		return;
	for (i = BATON_ES; i <= BATON_GS; i++)
		save_segment(&seg[i], &vmcb->seg[i]);
	save_segment(&seg[BATON_LDTR], &vmcb->ldtr);
	save_segment(&seg[BATON_TR], &vmcb->tr);
	mend_segments(seg, vmcb->cpl);
	sregs->gdt.base = vmcb->gdtr.base;
	sregs->gdt.limit = vmcb->gdtr.limit;
	sregs->idt.base = vmcb->idtr.base;
	sregs->idt.limit = vmcb->idtr.limit;
}

/* ---- control registers ---------------------------------------------- */

/* Without MCE a machine check in the guest would be a shutdown, which nobody looks at. */
static u64 hardware_cr4(const struct baton_sregs *sregs)
{
	return sregs->cr4 | (native_read_cr4() & X86_CR4_MCE);
}

/* Does the change invalidate translations, as the guest's own MOV would? */
static bool paging_changes(const struct svm_vmcb *vmcb, const struct baton_sregs *sregs)
{
	return (vmcb->cr0 ^ sregs->cr0) & CR0_TRANSLATION || vmcb->cr3 != sregs->cr3 ||
	       vmcb->cr4 != hardware_cr4(sregs) || vmcb->efer != (sregs->efer | EFER_SVME);
}

static void load_sregs(struct svm_vcpu *svm)
{
	const struct baton_sregs *sregs = &svm->vcpu.sregs;
	struct svm_vmcb *vmcb = svm->vmcb;

	if (paging_changes(vmcb, sregs))
		svm->tlb_gen = -1;
	load_segments(svm);
	svm_controls_cr(svm, sregs);
	vmcb->cr0 = sregs->cr0 & ~CR0_HIDDEN;
	vmcb->cr2 = sregs->cr2;
	vmcb->cr3 = sregs->cr3;
	vmcb->cr4 = hardware_cr4(sregs);
	/* VMRUN wants SVME; the guest never sees it, its EFER reads exit. */
	vmcb->efer = sregs->efer | EFER_SVME;
	vmcb_touch(vmcb, SVM_CLEAN_CR | SVM_CLEAN_CR2);
}

void svm_need_sregs(struct svm_vcpu *svm)
{
	struct baton_sregs *sregs = &svm->vcpu.sregs;
	const struct svm_vmcb *vmcb = svm->vmcb;

	if (svm->vcpu.valid & BATON_ST_SREGS)
		return;
	save_segments(svm);
	sregs->cr0 = vmcb->cr0 | (sregs->cr0 & CR0_HIDDEN);
	sregs->cr2 = vmcb->cr2;
	sregs->cr3 = vmcb->cr3;
	/* CR4 is what it was: all writes exit. */
	sregs->efer = vmcb->efer & ~EFER_SVME;
	/* With nested paging the processor keeps none: those of CR3's last load would be old. */
	memset(sregs->pdpte, 0, sizeof(sregs->pdpte));
	svm->vcpu.valid |= BATON_ST_SREGS;
}

/* ---- MSRs ----------------------------------------------------------- */

static void load_msrs(struct svm_vcpu *svm)
{
	const struct baton_msr_file *msr = &svm->vcpu.msr;
	struct svm_vmcb *vmcb = svm->vmcb;

	vmcb->star = msr->star;
	vmcb->lstar = msr->lstar;
	vmcb->cstar = msr->cstar;
	vmcb->sfmask = msr->sfmask;
	vmcb->kernel_gs_base = msr->kernel_gs_base;
	vmcb->sysenter_cs = msr->sysenter_cs;
	vmcb->sysenter_esp = msr->sysenter_esp;
	vmcb->sysenter_eip = msr->sysenter_eip;
	svm_load_spec_ctrl(svm);
	/* In its MSR since the window's start; the host's value is in svm->host. */
	if (svm_caps.tsc_aux)
		wrmsrq(MSR_TSC_AUX, msr->tsc_aux);
	if (vmcb->pat != msr->pat) {
		vmcb->pat = msr->pat;
		vmcb_touch(vmcb, SVM_CLEAN_NPT);
	}
}

/* ---- classes -------------------------------------------------------- */

void svm_state_load(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;
	u32 dirty = vcpu->dirty;

	vcpu->dirty = 0;
	/* To elsewhere: the instruction in a shadow is done, or left behind. */
	if (dirty & BATON_ST_REGS && vcpu->regs.rip != svm->vmcb->rip)
		svm->vmcb->int_state &= ~SVM_INTERRUPT_SHADOW_MASK;
	if (dirty & BATON_ST_SREGS)
		load_sregs(svm);
	if (dirty & BATON_ST_DEBUG) {
		svm->vmcb->dr6 = DR6_RESERVED;
		svm->vmcb->dr7 = baton_dr7(vcpu);
		vmcb_touch(svm->vmcb, SVM_CLEAN_DR);
		svm_controls_debug(svm);
	}
	if (dirty & BATON_ST_MSRS)
		load_msrs(svm);
	if (dirty & BATON_ST_CPUID)
		svm_controls_cpuid(svm);
	if (dirty & BATON_ST_TSC) {
		svm->vmcb->tsc_offset = vcpu->tsc_offset;
		vmcb_touch(svm->vmcb, SVM_CLEAN_INTERCEPTS);
	}
	if (dirty & BATON_ST_EVENTS)
		svm_event_load(svm);
	if (dirty & BATON_ST_TLB)
		svm_asid_flush(svm);
}

int svm_state_fetch(struct baton_vcpu *vcpu, u32 classes)
{
	if (classes & BATON_ST_SREGS)
		svm_need_sregs(to_svm(vcpu));
	return 0;
}

/* For an exit of 64-bit code that can do without SREGS. Else those are saved. */
static void save_mode(struct svm_vcpu *svm)
{
	struct baton_exit_emulate *out = &svm->vcpu.run->emulate;
	const struct svm_vmcb *vmcb = svm->vmcb;

	if (!svm_long64(svm)) {
		svm_need_sregs(svm);
		return;
	}
	out->mode = (struct baton_code_mode) {
		.cr0 = vmcb->cr0, .cr3 = vmcb->cr3, .cr4 = vmcb->cr4,
		.efer = vmcb->efer & ~EFER_SVME, .cpl = vmcb->cpl,
	};
	out->access |= BATON_ACCESS_LONG64;
}

/* A window ends, and somebody wants more in the cache than what always is. */
void svm_state_save(struct svm_vcpu *svm)
{
	struct baton_vcpu *vcpu = &svm->vcpu;

	if (vcpu->save & BATON_ST_SREGS)
		svm_need_sregs(svm);
	if (vcpu->save & BATON_ST_MODE)
		save_mode(svm);
	vcpu->save = 0;
}
