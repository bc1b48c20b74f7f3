/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engine "kvm", state: KVM's structs from and to those of shared/, so that a
 * saved state does not tell which engine wrote it.
 */
#include "hv_kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MSR_TSC_DEADLINE 0x6e0
#define APIC_TIMER_DIVIDE 0x3e0
#define APIC_TIMER_CURRENT 0x390

/* ---- general registers ---- */

#define FOR_EACH_GPR(X)                                                           \
	X(RAX, rax) X(RCX, rcx) X(RDX, rdx) X(RBX, rbx) X(RSP, rsp) X(RBP, rbp)   \
	X(RSI, rsi) X(RDI, rdi) X(R8, r8) X(R9, r9) X(R10, r10) X(R11, r11)       \
	X(R12, r12) X(R13, r13) X(R14, r14) X(R15, r15)

static int get_regs(struct hv_vcpu *vcpu, struct baton_regs *regs)
{
	struct kvm_regs kvm;
	int error = hv_ioctl(vcpu->fd, KVM_GET_REGS, &kvm);

	if (error)
		return error;
#define X(BIG, small) regs->gpr[BATON_##BIG] = kvm.small;
	FOR_EACH_GPR(X)
#undef X
	regs->rip = kvm.rip;
	regs->rflags = kvm.rflags;
	return 0;
}

static int set_regs(struct hv_vcpu *vcpu, const struct baton_regs *regs)
{
	struct kvm_regs kvm = { .rip = regs->rip, .rflags = regs->rflags };

#define X(BIG, small) kvm.small = regs->gpr[BATON_##BIG];
	FOR_EACH_GPR(X)
#undef X
	return hv_ioctl(vcpu->fd, KVM_SET_REGS, &kvm);
}

/* ---- system registers ---- */

static void segment_from_kvm(const struct kvm_segment *from, struct baton_segment *to)
{
	to->base = from->base;
	to->limit = from->limit;
	to->selector = from->selector;
	to->attr = (uint16_t)((from->type & BATON_SEG_TYPE) |
			      (from->s ? BATON_SEG_S : 0) |
			      (from->dpl & 3) << BATON_SEG_DPL_SHIFT |
			      (from->present ? BATON_SEG_P : 0) |
			      (from->unusable ? BATON_SEG_UNUSABLE : 0) |
			      (from->avl ? BATON_SEG_AVL : 0) |
			      (from->l ? BATON_SEG_L : 0) |
			      (from->db ? BATON_SEG_DB : 0) |
			      (from->g ? BATON_SEG_G : 0));
}

static void segment_to_kvm(const struct baton_segment *from, struct kvm_segment *to)
{
	*to = (struct kvm_segment){
		.base = from->base,
		.limit = from->limit,
		.selector = from->selector,
		.type = from->attr & BATON_SEG_TYPE,
		.s = !!(from->attr & BATON_SEG_S),
		.dpl = (from->attr & BATON_SEG_DPL) >> BATON_SEG_DPL_SHIFT,
		.present = !!(from->attr & BATON_SEG_P),
		.unusable = !!(from->attr & BATON_SEG_UNUSABLE),
		.avl = !!(from->attr & BATON_SEG_AVL),
		.l = !!(from->attr & BATON_SEG_L),
		.db = !!(from->attr & BATON_SEG_DB),
		.g = !!(from->attr & BATON_SEG_G),
	};
}

#define FOR_EACH_SEG(X)                                                           \
	X(ES, es) X(CS, cs) X(SS, ss) X(DS, ds) X(FS, fs) X(GS, gs)               \
	X(LDTR, ldt) X(TR, tr)

static void sregs_from_kvm(const struct kvm_sregs2 *kvm, struct baton_sregs *sregs)
{
	memset(sregs, 0, sizeof(*sregs));
#define X(BIG, small) segment_from_kvm(&kvm->small, &sregs->seg[BATON_##BIG]);
	FOR_EACH_SEG(X)
#undef X
	sregs->gdt = (struct baton_dtable){ .base = kvm->gdt.base, .limit = kvm->gdt.limit };
	sregs->idt = (struct baton_dtable){ .base = kvm->idt.base, .limit = kvm->idt.limit };
	sregs->cr0 = kvm->cr0;
	sregs->cr2 = kvm->cr2;
	sregs->cr3 = kvm->cr3;
	sregs->cr4 = kvm->cr4;
	sregs->cr8 = kvm->cr8;
	sregs->efer = kvm->efer;
	sregs->apic_base = kvm->apic_base;
	if (kvm->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID)
		memcpy(sregs->pdpte, kvm->pdptrs, sizeof(sregs->pdpte));
}

static bool uses_pae(const struct baton_sregs *sregs)
{
	return (sregs->cr0 >> 31 & 1) && (sregs->cr4 >> 5 & 1) && !(sregs->efer >> 10 & 1);
}

static void sregs_to_kvm(const struct baton_sregs *sregs, struct kvm_sregs2 *kvm)
{
	memset(kvm, 0, sizeof(*kvm));
#define X(BIG, small) segment_to_kvm(&sregs->seg[BATON_##BIG], &kvm->small);
	FOR_EACH_SEG(X)
#undef X
	kvm->gdt.base = sregs->gdt.base;
	kvm->gdt.limit = (uint16_t)sregs->gdt.limit;
	kvm->idt.base = sregs->idt.base;
	kvm->idt.limit = (uint16_t)sregs->idt.limit;
	kvm->cr0 = sregs->cr0;
	kvm->cr2 = sregs->cr2;
	kvm->cr3 = sregs->cr3;
	kvm->cr4 = sregs->cr4;
	kvm->cr8 = sregs->cr8;
	kvm->efer = sregs->efer;
	kvm->apic_base = sregs->apic_base;
	/* All 0: of a processor that keeps none; KVM reads them at CR3 then. */
	if (uses_pae(sregs) && (sregs->pdpte[0] | sregs->pdpte[1] | sregs->pdpte[2] |
				sregs->pdpte[3])) {
		kvm->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
		memcpy(kvm->pdptrs, sregs->pdpte, sizeof(kvm->pdptrs));
	}
}

/* A host without XSAVE has no XCRs: XCR0 then reads as 1 and is not set. */
static int get_xcr0(struct hv_vcpu *vcpu, uint64_t *ret_xcr0)
{
	struct kvm_xcrs xcrs = { 0 };
	int error = hv_ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs);

	*ret_xcr0 = 1;
	if (error)
		return error == -EINVAL || error == -ENOTTY ? 0 : error;
	for (uint32_t i = 0; i < xcrs.nr_xcrs && i < KVM_MAX_XCRS; i++)
		if (xcrs.xcrs[i].xcr == 0)
			*ret_xcr0 = xcrs.xcrs[i].value;
	return 0;
}

static int set_xcr0(struct hv_vcpu *vcpu, uint64_t xcr0)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = xcr0 } } };
	int error = hv_ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs);

	return xcr0 == 1 && (error == -EINVAL || error == -ENOTTY) ? 0 : error;
}

static int get_sregs(struct hv_vcpu *vcpu, struct baton_sregs *sregs)
{
	struct kvm_sregs2 kvm;
	int error = hv_ioctl(vcpu->fd, KVM_GET_SREGS2, &kvm);

	if (error)
		return error;
	sregs_from_kvm(&kvm, sregs);
	return get_xcr0(vcpu, &sregs->xcr0);
}

static int set_sregs(struct hv_vcpu *vcpu, const struct baton_sregs *sregs)
{
	struct kvm_sregs2 kvm;
	int error;

	sregs_to_kvm(sregs, &kvm);
	error = hv_ioctl(vcpu->fd, KVM_SET_SREGS2, &kvm);
	return error ? error : set_xcr0(vcpu, sregs->xcr0);
}

static int get_debugregs(struct hv_vcpu *vcpu, struct baton_debugregs *regs)
{
	struct kvm_debugregs kvm = { 0 };
	int error = hv_ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &kvm);

	if (error)
		return error;
	for (int i = 0; i < 4; i++)
		regs->dr[i] = kvm.db[i];
	regs->dr6 = kvm.dr6;
	regs->dr7 = kvm.dr7;
	return 0;
}

static int set_debugregs(struct hv_vcpu *vcpu, const struct baton_debugregs *regs)
{
	struct kvm_debugregs kvm = { .dr6 = regs->dr6, .dr7 = regs->dr7 };

	for (int i = 0; i < 4; i++)
		kvm.db[i] = regs->dr[i];
	return hv_ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &kvm);
}

/* ---- events ---- */

#define VECTOR_BP 3
#define VECTOR_OF 4

/*
 * As for the processor, to KVM these two are instructions that RIP is on: it pushes what
 * follows. One that has been cut short is executed again, and is no event.
 */
static bool is_instruction(unsigned int vector)
{
	return vector == VECTOR_BP || vector == VECTOR_OF;
}

static uint32_t mp_from_kvm(uint32_t state)
{
	if (state == KVM_MP_STATE_HALTED)
		return BATON_MP_HALTED;
	if (state == KVM_MP_STATE_RUNNABLE)
		return BATON_MP_RUNNABLE;
	return BATON_MP_WAIT_SIPI;
}

static uint32_t mp_to_kvm(uint32_t state)
{
	static const uint32_t kvm[] = {
		[BATON_MP_RUNNABLE] = KVM_MP_STATE_RUNNABLE,
		[BATON_MP_HALTED] = KVM_MP_STATE_HALTED,
		[BATON_MP_WAIT_SIPI] = KVM_MP_STATE_INIT_RECEIVED,
	};

	return kvm[state];
}

static void events_from_kvm(const struct kvm_vcpu_events *kvm, struct baton_events *events)
{
	bool exception = kvm->exception.injected && !is_instruction(kvm->exception.nr);

	memset(events, 0, sizeof(*events));
	if (exception) {
		events->flags |= BATON_EV_EXCEPTION;
		events->exception = kvm->exception.nr;
	}
	if (exception && kvm->exception.has_error_code) {
		events->flags |= BATON_EV_ERROR_CODE;
		events->error_code = kvm->exception.error_code;
	}
	if (kvm->interrupt.injected) {
		events->flags |= BATON_EV_INTERRUPT;
		events->interrupt = kvm->interrupt.nr;
	}
	if (kvm->nmi.pending || kvm->nmi.injected)
		events->flags |= BATON_EV_NMI_PENDING;
	if (kvm->nmi.masked && !kvm->nmi.injected)
		events->flags |= BATON_EV_NMI_BLOCKED;
	if (kvm->interrupt.shadow & KVM_X86_SHADOW_INT_STI)
		events->flags |= BATON_EV_STI_SHADOW;
	if (kvm->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS)
		events->flags |= BATON_EV_MOVSS_SHADOW;
	events->sipi_vector = (uint8_t)kvm->sipi_vector;
}

static void events_to_kvm(const struct baton_events *events, struct kvm_vcpu_events *kvm)
{
	memset(kvm, 0, sizeof(*kvm));
	kvm->exception.injected = !!(events->flags & BATON_EV_EXCEPTION);
	kvm->exception.nr = events->exception;
	kvm->exception.has_error_code = !!(events->flags & BATON_EV_ERROR_CODE);
	kvm->exception.error_code = events->error_code;
	kvm->interrupt.injected = !!(events->flags & BATON_EV_INTERRUPT);
	kvm->interrupt.nr = events->interrupt;
	if (events->flags & BATON_EV_STI_SHADOW)
		kvm->interrupt.shadow |= KVM_X86_SHADOW_INT_STI;
	if (events->flags & BATON_EV_MOVSS_SHADOW)
		kvm->interrupt.shadow |= KVM_X86_SHADOW_INT_MOV_SS;
	kvm->nmi.pending = !!(events->flags & BATON_EV_NMI_PENDING);
	kvm->nmi.masked = !!(events->flags & BATON_EV_NMI_BLOCKED);
	kvm->sipi_vector = events->sipi_vector;
	kvm->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
		     KVM_VCPUEVENT_VALID_SIPI_VECTOR;
}

static int get_events(struct hv_vcpu *vcpu, struct baton_events *events)
{
	struct kvm_vcpu_events kvm = { 0 };
	struct kvm_mp_state mp = { 0 };
	int error = hv_kvm_take_nmi(vcpu);

	if (!error)
		error = hv_ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &kvm);
	if (!error)
		error = hv_ioctl(vcpu->fd, KVM_GET_MP_STATE, &mp);
	if (error)
		return error;
	events_from_kvm(&kvm, events);
	events->mp_state = mp_from_kvm(mp.mp_state);
	return 0;
}

static int step_back(struct hv_vcpu *vcpu)
{
	struct kvm_regs kvm = { 0 };
	int error = hv_ioctl(vcpu->fd, KVM_GET_REGS, &kvm);

	kvm.rip--;
	return error ? error : hv_ioctl(vcpu->fd, KVM_SET_REGS, &kvm);
}

static int set_events(struct hv_vcpu *vcpu, const struct baton_events *events)
{
	struct kvm_vcpu_events kvm;
	struct kvm_mp_state mp;
	int error;

	if (events->mp_state > BATON_MP_WAIT_SIPI || events->flags & ~BATON_EV_MASK)
		return -EINVAL;
	events_to_kvm(events, &kvm);
	mp.mp_state = mp_to_kvm(events->mp_state);
	error = hv_ioctl(vcpu->fd, KVM_SET_MP_STATE, &mp);
	if (!error && kvm.exception.injected && is_instruction(kvm.exception.nr))
		error = step_back(vcpu);
	return error ? error : hv_ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &kvm);
}

/* ---- FPU ---- */

static_assert(sizeof(struct kvm_xsave) == BATON_XSAVE_SIZE, "kvm_xsave is our image");

static int get_xsave(struct hv_vcpu *vcpu, struct baton_xsave *xsave)
{
	return hv_ioctl(vcpu->fd, KVM_GET_XSAVE, xsave);
}

static int set_xsave(struct hv_vcpu *vcpu, const struct baton_xsave *xsave)
{
	return hv_ioctl(vcpu->fd, KVM_SET_XSAVE, (void *)(uintptr_t)xsave);
}

/* ---- local APIC ---- */

static_assert(sizeof(((struct kvm_lapic_state *)0)->regs) == BATON_LAPIC_SIZE, "lapic page");

/* Bits 0, 1 and 3 of the divide configuration: 2, 4, … 128, 1. */
static unsigned int timer_divisor(const uint8_t *regs)
{
	unsigned int code = (regs[APIC_TIMER_DIVIDE] & 3) | (regs[APIC_TIMER_DIVIDE] & 8) >> 1;

	return 1u << ((code + 1) & 7);
}

static uint32_t current_count(const uint8_t *regs)
{
	uint32_t count;

	memcpy(&count, regs + APIC_TIMER_CURRENT, sizeof(count));
	return count;
}

/* KVM's APIC bus runs at 1 GHz: one tick of the undivided timer is 1 ns. */
static int get_lapic(struct hv_vcpu *vcpu, struct baton_lapic_state *lapic)
{
	struct baton_msr deadline = { .index = MSR_TSC_DEADLINE };
	int error;

	memset(lapic, 0, sizeof(*lapic));
	error = hv_ioctl(vcpu->fd, KVM_GET_LAPIC, lapic->regs);
	if (error)
		return error;
	if (hv_kvm_msrs(vcpu, false, &deadline, 1) == 1)
		lapic->tsc_deadline = deadline.data;
	lapic->timer_left_ns = (uint64_t)current_count(lapic->regs) * timer_divisor(lapic->regs);
	return 0;
}

static int set_lapic(struct hv_vcpu *vcpu, const struct baton_lapic_state *lapic)
{
	struct baton_msr deadline = { .index = MSR_TSC_DEADLINE, .data = lapic->tsc_deadline };
	struct kvm_lapic_state kvm;
	uint32_t count = (uint32_t)(lapic->timer_left_ns / timer_divisor(lapic->regs));
	int error, done;

	memcpy(kvm.regs, lapic->regs, sizeof(kvm.regs));
	memcpy(kvm.regs + APIC_TIMER_CURRENT, &count, sizeof(count));
	error = hv_ioctl(vcpu->fd, KVM_SET_LAPIC, &kvm);
	if (error || !lapic->tsc_deadline)
		return error;
	done = hv_kvm_msrs(vcpu, true, &deadline, 1);
	return done == 1 ? 0 : done ? done : -EINVAL;
}

/* ---- MSRs ---- */

int hv_kvm_msrs(struct hv_vcpu *vcpu, bool set, struct baton_msr *msrs, uint32_t count)
{
	struct kvm_msrs *call;
	int done;

	call = calloc(1, sizeof(*call) + count * sizeof(call->entries[0]));
	if (!call)
		return -ENOMEM;
	call->nmsrs = count;
	/* IA32_APIC_BASE may be among them. */
	to_kvm_vcpu(vcpu)->stale |= set;
	for (uint32_t i = 0; i < count; i++) {
		call->entries[i].index = msrs[i].index;
		call->entries[i].data = msrs[i].data;
	}
	done = hv_ioctl(vcpu->fd, set ? KVM_SET_MSRS : KVM_GET_MSRS, call);
	for (int i = 0; !set && i < done; i++)
		msrs[i].data = call->entries[i].data;
	free(call);
	return done;
}

/* ---- dispatch ---- */

static int get_state(struct hv_vcpu *vcpu, enum hv_state what, void *state)
{
	switch (what) {
	case HV_STATE_REGS: return get_regs(vcpu, state);
	case HV_STATE_SREGS: return get_sregs(vcpu, state);
	case HV_STATE_DEBUGREGS: return get_debugregs(vcpu, state);
	case HV_STATE_EVENTS: return get_events(vcpu, state);
	case HV_STATE_XSAVE: return get_xsave(vcpu, state);
	case HV_STATE_LAPIC: return get_lapic(vcpu, state);
	default: return -EINVAL;
	}
}

static int set_state(struct hv_vcpu *vcpu, enum hv_state what, const void *state)
{
	switch (what) {
	case HV_STATE_REGS: return set_regs(vcpu, state);
	case HV_STATE_SREGS: return set_sregs(vcpu, state);
	case HV_STATE_DEBUGREGS: return set_debugregs(vcpu, state);
	case HV_STATE_EVENTS: return set_events(vcpu, state);
	case HV_STATE_XSAVE: return set_xsave(vcpu, state);
	case HV_STATE_LAPIC: return set_lapic(vcpu, state);
	default: return -EINVAL;
	}
}

int hv_kvm_state(struct hv_vcpu *vcpu, enum hv_state what, bool set, void *state)
{
	if (!set)
		return get_state(vcpu, what, state);
	to_kvm_vcpu(vcpu)->stale = true;
	/* Events replace an answer that KVM has not been given yet. */
	if (what == HV_STATE_EVENTS)
		to_kvm_vcpu(vcpu)->inta_due = false;
	return set_state(vcpu, what, state);
}

/* KVM reports no EMULATE exits; the copies serve those who look anyway. */
void hv_kvm_commit(struct hv_vcpu *base, uint32_t classes)
{
	if (classes & BATON_CLASS_REGS)
		set_regs(base, base->regs);
	if (classes & BATON_CLASS_SREGS)
		set_sregs(base, base->sregs);
}
