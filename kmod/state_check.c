// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is this state one that a processor accepts? SDM vol. 3 "Checks on the
 * Guest-State Area" and APM vol. 2 "Canonicalization and Consistency Checks",
 * the union of both, so that what one vendor takes the other takes too. Pure:
 * no hardware, no locks; also built in userland.
 *
 * What a monitor sets is checked here, once. A combination that slips through
 * still ends as a clean BATON_EXIT_ENTRY_FAILED.
 */
#include "vcpu.h"

#define CR0_KNOWN (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
		   X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
#define RFLAGS_RESERVED (~0x3f7fd7ull)

static bool canonical(u64 address, unsigned int bits)
{
	return (u64)((s64)(address << (64 - bits)) >> (64 - bits)) == address;
}

bool baton_base_ok(u64 base)
{
	return canonical(base, boot_cpu_data.x86_virt_bits);
}

bool baton_regs_ok(u64 rip, u64 rflags)
{
	return !(rflags & RFLAGS_RESERVED) && rflags & X86_EFLAGS_FIXED && canonical(rip, 57);
}

static bool segment_ok(const struct baton_segment *seg)
{
	if (seg->attr & ~BATON_SEG_ATTR_MASK)
		return false;
	if (seg->attr & BATON_SEG_UNUSABLE)
		return true;
	/* Granularity and limit must agree, or the limit would not survive. */
	if (seg->attr & BATON_SEG_G)
		return (seg->limit & 0xfff) == 0xfff;
	return !(seg->limit & 0xfff00000);
}

static bool code_segment_ok(const struct baton_sregs *s)
{
	const struct baton_segment *cs = &s->seg[BATON_CS];

	if (cs->attr & BATON_SEG_UNUSABLE || !(cs->attr & BATON_SEG_P))
		return false;
	return !(s->efer & EFER_LMA && cs->attr & BATON_SEG_L && cs->attr & BATON_SEG_DB);
}

static bool segments_ok(const struct baton_sregs *s)
{
	int i;

	/* Only FS and GS, and the system segments, have 64-bit bases. */
	for (i = 0; i < BATON_SEG_COUNT; i++)
		if (!segment_ok(&s->seg[i]) || !baton_base_ok(s->seg[i].base) ||
		    (i <= BATON_DS && s->seg[i].base >> 32))
			return false;
	return code_segment_ok(s) && s->gdt.limit <= 0xffff && s->idt.limit <= 0xffff &&
	       !s->gdt.reserved && !s->idt.reserved && baton_base_ok(s->gdt.base) &&
	       baton_base_ok(s->idt.base);
}

static bool cr0_ok(u64 cr0)
{
	return !(cr0 & ~(u64)CR0_KNOWN) && !(cr0 & X86_CR0_PG && !(cr0 & X86_CR0_PE)) &&
	       !(cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD));
}

static bool modes_ok(const struct baton_sregs *s)
{
	bool lma = s->efer & EFER_LMA;

	if (lma != (s->efer & EFER_LME && s->cr0 & X86_CR0_PG) ||
	    (lma && !(s->cr4 & X86_CR4_PAE)))
		return false;
	/* PCIDs exist in IA-32e mode only. */
	return lma || !(s->cr4 & X86_CR4_PCIDE);
}

static u64 efer_allowed(const struct baton_vcpu *vcpu)
{
	const struct baton_cpuid_table *t = &vcpu->cpuid;

	return EFER_SCE | (baton_guest_has(t, BATON_GF_LONG_MODE) ? EFER_LME | EFER_LMA : 0) |
	       (baton_guest_has(t, BATON_GF_NX) ? EFER_NX : 0) |
	       (baton_guest_has(t, BATON_GF_FFXSR) ? EFER_FFXSR : 0);
}

bool baton_uses_pdptes(const struct baton_sregs *s)
{
	return s->cr0 & X86_CR0_PG && s->cr4 & X86_CR4_PAE && !(s->efer & EFER_LMA);
}

bool baton_pdptes_ok(const struct baton_vcpu *vcpu, const u64 *pdpte)
{
	u64 reserved = 0x1e6 | ~0ull << vcpu->cpuid.phys_bits;

	for (int i = 0; i < 4; i++)
		if (pdpte[i] & 1 && pdpte[i] & reserved)
			return false;
	return true;
}

int baton_check_sregs(const struct baton_vcpu *vcpu, const struct baton_sregs *s)
{
	/*
	 * Bit 63 of a MOV to CR3 is a command: it never is in the register. Guests load CR3
	 * without an exit, so it may be as wide as this processor's.
	 */
	return !(s->cr8 & ~0xfull) && cr0_ok(s->cr0) && modes_ok(s) && segments_ok(s) &&
	       !(s->cr4 & ~vcpu->cpuid.cr4_allowed) && !(s->efer & ~efer_allowed(vcpu)) &&
	       !(s->cr3 >> boot_cpu_data.x86_phys_bits) &&
	       (!baton_uses_pdptes(s) || baton_pdptes_ok(vcpu, s->pdpte)) &&
	       baton_xcr0_valid(s->xcr0) && !(s->xcr0 & ~vcpu->cpuid.xcr0_allowed & ~1ull) ?
		       0 : -EINVAL;
}

int baton_check_debugregs(const struct baton_debugregs *regs)
{
	/* The upper halves of DR6 and DR7 must be zero; GD and breakpoints are free. */
	return regs->dr6 >> 32 || regs->dr7 >> 32 ? -EINVAL : 0;
}

int baton_check_events(const struct baton_events *ev)
{
	bool exception = ev->flags & BATON_EV_EXCEPTION;

	if (ev->flags & ~BATON_EV_MASK || ev->reserved0 || ev->reserved1 ||
	    ev->mp_state > BATON_MP_WAIT_SIPI)
		return -EINVAL;
	return exception ? (ev->exception > 31 || ev->exception == 2 ? -EINVAL : 0) :
			   (ev->flags & BATON_EV_ERROR_CODE ? -EINVAL : 0);
}

/* Paging is being switched on or off with EFER.LME set. */
static bool switch_long_mode_ok(const struct baton_sregs *s, bool on)
{
	/* Nor with the TSS of a 286. */
	return !(s->seg[BATON_CS].attr & BATON_SEG_L) &&
	       (on ? s->cr4 & X86_CR4_PAE && (s->seg[BATON_TR].attr & 0xf) != 3 :
		     !(s->cr4 & X86_CR4_PCIDE));
}

bool baton_set_cr0(struct baton_vcpu *vcpu, u64 value)
{
	struct baton_sregs *s = &vcpu->sregs;
	u64 changed;

	if (value >> 32)
		return false;
	value = (value & CR0_KNOWN) | X86_CR0_ET;
	if (!cr0_ok(value))
		return false;
	changed = value ^ s->cr0;
	if (changed & X86_CR0_PG && s->efer & EFER_LME) {
		if (!switch_long_mode_ok(s, value & X86_CR0_PG))
			return false;
		s->efer ^= EFER_LMA;
	}
	/* SDM vol. 3, "PDPTE Registers": what reads them anew, here and in baton_set_cr4(). */
	if (changed & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW) && !(s->efer & EFER_LMA) &&
	    value & X86_CR0_PG && s->cr4 & X86_CR4_PAE && !baton_load_pdptes(vcpu))
		return false;
	s->cr0 = value;
	vcpu->dirty |= BATON_ST_SREGS;
	return true;
}

bool baton_set_cr4(struct baton_vcpu *vcpu, u64 value)
{
	struct baton_sregs *s = &vcpu->sregs;
	u64 changed = value ^ s->cr4;

	if (value & ~vcpu->cpuid.cr4_allowed)
		return false;
	if (s->efer & EFER_LMA && (!(value & X86_CR4_PAE) || changed & X86_CR4_LA57))
		return false;
	if (changed & value & X86_CR4_PCIDE && (!(s->efer & EFER_LMA) || s->cr3 & 0xfff))
		return false;
	if (!(s->efer & EFER_LMA) && s->cr0 & X86_CR0_PG && value & X86_CR4_PAE &&
	    changed & (X86_CR4_PAE | X86_CR4_PSE | X86_CR4_PGE | X86_CR4_SMEP) &&
	    !baton_load_pdptes(vcpu))
		return false;
	s->cr4 = value;
	vcpu->dirty |= BATON_ST_SREGS;
	return true;
}

bool baton_set_cr8(struct baton_vcpu *vcpu, u64 value)
{
	if (value & ~0xfull)
		return false;
	baton_lapic_set_cr8(vcpu, value);
	return true;
}

/* PE, MP, EM, TS; PE cannot be cleared this way. */
bool baton_set_msw(struct baton_vcpu *vcpu, u16 value)
{
	return baton_set_cr0(vcpu, (vcpu->sregs.cr0 & ~0xeull) | (value & 0xf));
}

bool baton_set_efer(struct baton_vcpu *vcpu, u64 value)
{
	struct baton_sregs *s = &vcpu->sregs;

	if (value & ~efer_allowed(vcpu))
		return false;
	if ((value ^ s->efer) & EFER_LME && s->cr0 & X86_CR0_PG)
		return false;
	s->efer = (value & ~EFER_LMA) | (s->efer & EFER_LMA);
	vcpu->dirty |= BATON_ST_SREGS;
	return true;
}
