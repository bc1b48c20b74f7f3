// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vendor-neutral half of exit handling. All of this runs in the window:
 * interrupts off, host state mostly not restored; it must neither sleep nor use
 * the FPU. What needs more returns BATON_FAULT, BATON_LEAVE or BATON_TO_USER.
 */
#include <linux/uaccess.h>
#include <asm/fpu/xcr.h>

#include "apic_page.h"
#include "fetch.h"
#include "slots.h"
#include "vcpu.h"

#define XSTATE_LEAF 0xdu /* CPUID: its sizes follow XCR0 */

enum baton_next baton_exit_pio(struct baton_vcpu *vcpu, u16 port, u8 size, bool in)
{
	u32 data = vcpu->regs.gpr[BATON_RAX];
	struct baton_run *run = vcpu->run;

	baton_count(vcpu, BATON_STAT_EXIT_PIO);
	if (!in && rcu_access_pointer(vcpu->vm->ioeventfds) &&
	    baton_ioeventfd_port(vcpu->vm, port, size, data)) {
		baton_count(vcpu, BATON_STAT_IOEVENTFD);
		return BATON_ENTER;
	}
	run->exit_reason = BATON_EXIT_PIO;
	run->pio.port = port;
	run->pio.size = size;
	run->pio.flags = in ? BATON_PIO_IN : 0;
	run->pio.data = in ? 0 : data & (~0u >> (32 - size * 8));
	vcpu->answer_due = in ? size : 0;
	return BATON_TO_USER;
}

enum baton_next baton_exit_emulate(struct baton_vcpu *vcpu, u32 kind)
{
	struct baton_exit_emulate *out = &vcpu->run->emulate;
	const struct baton_fault *fault = &vcpu->fault;

	baton_count(vcpu, BATON_STAT_EMULATE);
	vcpu->run->exit_reason = BATON_EXIT_EMULATE;
	out->gpa = fault->gpa;
	out->gva = fault->gva;
	out->kind = kind;
	out->access = fault->access;
	out->insn_len = fault->insn_len;
	memcpy(out->insn, fault->insn, sizeof(out->insn));
	vcpu->save |= READ_ONCE(vcpu->run->want) & BATON_WANT_MODE ? BATON_ST_MODE :
								       BATON_ST_SREGS;
	return BATON_TO_USER;
}

enum baton_next baton_exit_string_io(struct baton_vcpu *vcpu, u16 port, u8 size, bool in)
{
	baton_count(vcpu, BATON_STAT_EXIT_PIO);
	vcpu->fault = (struct baton_fault) {
		.gpa = port, .gva = size, .access = in ? 0 : BATON_ACCESS_WRITE,
	};
	return baton_exit_emulate(vcpu, BATON_EMULATE_STRING_IO);
}

enum baton_next baton_exit_inta(struct baton_vcpu *vcpu)
{
	baton_count(vcpu, BATON_STAT_INTA);
	vcpu->run->exit_reason = BATON_EXIT_INTA;
	vcpu->run->inta = (struct baton_exit_inta) { .vector = BATON_INTA_NONE };
	vcpu->answer_due = BATON_ANSWER_INTA;
	return BATON_TO_USER;
}

/* The guest waits for something that a vCPU without a CPU may hold. */
enum baton_next baton_exit_pause(struct baton_vcpu *vcpu)
{
	/* For this thread, which looks before it enters. */
	set_bit(BATON_REQ_YIELD, &vcpu->requests);
	return BATON_LEAVE;
}

enum baton_next baton_exit_hlt(struct baton_vcpu *vcpu)
{
	baton_count(vcpu, BATON_STAT_EXIT_HLT);
	vcpu->mp_state = BATON_MP_HALTED;
	/* Whether NMIs are blocked decides over waking up (run.c). */
	vcpu->save |= BATON_ST_EVENTS;
	return BATON_LEAVE;
}

enum baton_next baton_exit_fault(struct baton_vcpu *vcpu, u64 gpa, u64 gva, u32 access,
				 bool decodes)
{
	bool write = access & BATON_ACCESS_WRITE;
	const struct baton_memslot *slot;

	baton_count(vcpu, BATON_STAT_EXIT_FAULT);
	vcpu->fault.gpa = gpa;
	vcpu->fault.gva = gva;
	vcpu->fault.access = access;
	if (unlikely(decodes) && baton_apic_owns(&vcpu->apic, gpa)) {
		baton_count(vcpu, BATON_STAT_APIC_PAGE);
		return baton_apic_page(vcpu, gpa);
	}
	/* Interrupts are off: that is a read section of its own. */
	slot = baton_slot_find(rcu_dereference_sched(vcpu->vm->slots), gpa);
	if (!slot)
		return unlikely(decodes) ? baton_ioeventfd_page(vcpu, gpa) :
					   baton_exit_emulate(vcpu, BATON_EMULATE_MMIO);
	if (write && slot->flags & BATON_SLOT_READONLY)
		return baton_exit_emulate(vcpu, BATON_EMULATE_ROM);
	return write && slot->dirty && baton_dirty_try(vcpu->vm, gpa) ? BATON_ENTER : BATON_FAULT;
}

void baton_exit_cpuid(struct baton_vcpu *vcpu)
{
	u64 *gpr = vcpu->regs.gpr;
	u32 out[4];

	baton_count(vcpu, BATON_STAT_EXIT_CPUID);
	if ((u32)gpr[BATON_RAX] == XSTATE_LEAF)
		baton_fpu_note_xcr0(vcpu);
	baton_cpuid_query(vcpu, gpr[BATON_RAX], gpr[BATON_RCX], out);
	gpr[BATON_RAX] = out[0];
	gpr[BATON_RBX] = out[1];
	gpr[BATON_RCX] = out[2];
	gpr[BATON_RDX] = out[3];
}

bool baton_exit_rdmsr(struct baton_vcpu *vcpu)
{
	u64 *gpr = vcpu->regs.gpr;
	u64 value;

	baton_count(vcpu, BATON_STAT_EXIT_MSR);
	if (!baton_msr_read(vcpu, gpr[BATON_RCX], false, &value))
		return false;
	gpr[BATON_RAX] = (u32)value;
	gpr[BATON_RDX] = value >> 32;
	return true;
}

bool baton_exit_wrmsr(struct baton_vcpu *vcpu)
{
	u64 *gpr = vcpu->regs.gpr;

	baton_count(vcpu, BATON_STAT_EXIT_MSR);
	return baton_msr_write(vcpu, gpr[BATON_RCX], false,
			       gpr[BATON_RDX] << 32 | (u32)gpr[BATON_RAX]);
}

bool baton_exit_xsetbv(struct baton_vcpu *vcpu, u8 cpl)
{
	u64 *gpr = vcpu->regs.gpr;
	u64 value = gpr[BATON_RDX] << 32 | (u32)gpr[BATON_RAX];

	if (cpl || (u32)gpr[BATON_RCX] || !baton_xcr0_valid(value) ||
	    value & ~vcpu->cpuid.xcr0_allowed)
		return false;
	xsetbv(XCR_XFEATURE_ENABLED_MASK, value);
	vcpu->sregs.xcr0 = value;
	return true;
}

void baton_exit_hypercall(struct baton_vcpu *vcpu, bool long64, u8 cpl)
{
	const u64 *gpr = vcpu->regs.gpr, mask = long64 ? ~0ull : ~0u;
	const u64 args[] = {
		gpr[BATON_RBX] & mask, gpr[BATON_RCX] & mask, gpr[BATON_RDX] & mask,
		gpr[BATON_RSI] & mask,
	};
	u64 answer = -EPERM;

	baton_count(vcpu, BATON_STAT_EXIT_HYPERCALL);
	if (!cpl)
		answer = baton_pv_hypercall(vcpu, gpr[BATON_RAX] & mask, args, long64 ? 64 : 32);
	vcpu->regs.gpr[BATON_RAX] = answer & mask;
}

enum baton_next baton_exit_gp(struct baton_vcpu *vcpu)
{
	return baton_must_rerun(vcpu) ? BATON_LEAVE : baton_inject_gp(vcpu);
}

enum baton_next baton_exit_shutdown(struct baton_vcpu *vcpu)
{
	vcpu->run->exit_reason = BATON_EXIT_SHUTDOWN;
	return BATON_TO_USER;
}

enum baton_next baton_exit_failed(struct baton_vcpu *vcpu, enum baton_exit_reason why,
				  u64 reason, u64 info0, u64 info1, u64 info2)
{
	vcpu->run->exit_reason = why;
	vcpu->run->fail = (struct baton_exit_fail) {
		.hw_reason = reason, .hw_info = { info0, info1, info2 },
	};
	return BATON_TO_USER;
}

/* SDM vol. 3, "Conditions for Generating a Double Fault". */
static bool contributory(u8 vector)
{
	return vector == 0 || (vector >= 10 && vector <= 13);
}

static bool makes_double_fault(u8 first, u8 second)
{
	return (contributory(first) && contributory(second)) ||
	       (first == 14 && (second == 14 || contributory(second)));
}

enum baton_next baton_queue_exception(struct baton_vcpu *vcpu, u8 vector, bool has_error,
				      u32 error)
{
	struct baton_pending *ev = &vcpu->ev;

	if (ev->exception) {
		if (ev->vector == 8) {
			baton_request(vcpu, BATON_REQ_SHUTDOWN);
			return BATON_ENTER;
		}
		if (makes_double_fault(ev->vector, vector)) {
			vector = 8;
			has_error = true;
			error = 0;
		}
	}
	ev->exception = true;
	ev->vector = vector;
	ev->has_error = has_error;
	ev->error = error;
	return BATON_ENTER;
}

void baton_note_cut_short(struct baton_vcpu *vcpu, enum baton_event_type type, u8 vector,
			  bool has_error, u32 error)
{
	struct baton_pending *ev = &vcpu->ev;

	if (type == BATON_EVENT_EXCEPTION) {
		baton_queue_exception(vcpu, vector, has_error, error);
		return;
	}
	/* An interrupt that waits there for the guest's IF is not to be lost. */
	if (ev->reinject) {
		ev->nmi = true;
		return;
	}
	ev->reinject = true;
	ev->reinject_type = type;
	ev->reinject_vector = vector;
}

bool baton_load_pdptes(struct baton_vcpu *vcpu)
{
	u64 gpa = vcpu->sregs.cr3 & 0xffffffe0ull;
	unsigned long hva = baton_gpa_to_hva(vcpu->vm, gpa, 32, false);
	u64 pdpte[4] = {};

	/* Nothing there reads as not present: the guest's next access faults. */
	if (hva && copy_from_user_nofault(pdpte, (void __user *)hva, sizeof(pdpte))) {
		baton_touch_later(vcpu, hva, gpa);
		return false;
	}
	if (!baton_pdptes_ok(vcpu, pdpte))
		return false;
	memcpy(vcpu->sregs.pdpte, pdpte, sizeof(pdpte));
	return true;
}
