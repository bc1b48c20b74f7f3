// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPU objects: creation, reset states, requests and kicks.
 *
 * Requests: a sender sets a bit, then looks at vcpu->mode; the vCPU's thread
 * sets its mode, then looks at the bits (run.c). Both have a full barrier
 * between, so one of the two sees the other and no kick is lost.
 */
#include <linux/atomic.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <asm/debugreg.h>

#include "compat.h"
#include "trace.h"
#include "vcpu.h"

static void set_segment(struct baton_segment *seg, u16 selector, u64 base, u16 attr)
{
	*seg = (struct baton_segment) {
		.base = base, .limit = 0xffff, .selector = selector, .attr = attr,
	};
}

static void reset_sregs(struct baton_sregs *sregs, bool init)
{
	u64 cr0_kept = init ? sregs->cr0 & (X86_CR0_CD | X86_CR0_NW) : X86_CR0_CD | X86_CR0_NW;
	u64 xcr0 = init ? sregs->xcr0 : 1;
	const u16 data = BATON_SEG_P | BATON_SEG_S | 3;
	int i;

	memset(sregs, 0, sizeof(*sregs));
	for (i = BATON_ES; i <= BATON_GS; i++)
		set_segment(&sregs->seg[i], 0, 0, data);
	set_segment(&sregs->seg[BATON_CS], 0xf000, 0xffff0000, BATON_SEG_P | BATON_SEG_S | 0xb);
	set_segment(&sregs->seg[BATON_LDTR], 0, 0, BATON_SEG_P | 2);
	set_segment(&sregs->seg[BATON_TR], 0, 0, BATON_SEG_P | 0xb);
	sregs->gdt.limit = 0xffff;
	sregs->idt.limit = 0xffff;
	sregs->cr0 = cr0_kept | X86_CR0_ET;
	sregs->xcr0 = xcr0;
}

void baton_vcpu_reset(struct baton_vcpu *vcpu, bool init)
{
	memset(&vcpu->regs, 0, sizeof(vcpu->regs));
	vcpu->regs.rip = 0xfff0;
	vcpu->regs.rflags = X86_EFLAGS_FIXED;
	vcpu->regs.gpr[BATON_RDX] = 0x600;
	reset_sregs(&vcpu->sregs, init);
	vcpu->dbg = (struct baton_debugregs) { .dr6 = DR6_RESERVED, .dr7 = 0x400 };
	memset(&vcpu->ev, 0, sizeof(vcpu->ev));
	WRITE_ONCE(vcpu->nmi_posted, false);
	WRITE_ONCE(vcpu->pv.unhalt, false);
	vcpu->answer_due = 0;
	vcpu->mp_state = vcpu->id ? BATON_MP_WAIT_SIPI : BATON_MP_RUNNABLE;
	if (!init)
		baton_fpu_reset(vcpu);
	baton_msr_reset(vcpu, init);
	baton_lapic_reset(vcpu, init);
	vcpu->valid = BATON_ST_ALL;
	vcpu->dirty |= BATON_ST_ALL;
}

static struct baton_vcpu *vcpu_alloc(struct baton_vm *vm, u32 id)
{
	static atomic64_t serial;
	struct baton_vcpu *vcpu;

	vcpu = kzalloc(baton_hv->vcpu_size, GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return NULL;
	vcpu->vm = vm;
	vcpu->id = id;
	/* All of a VM's TSCs begin at the same moment: its creation. */
	vcpu->tsc_offset = READ_ONCE(vm->tsc_offset);
	/* Not the address: a new vCPU may get a dead one's. */
	vcpu->serial = atomic64_inc_return(&serial);
	vcpu->cpu = -1;
	vcpu->pv.yield_to = BATON_YIELD_ANY;
	vcpu->cpuid.phys_bits = 36; /* until BATON_SET_CPUID says otherwise */
	rcuwait_init(&vcpu->wait);
	spin_lock_init(&vcpu->pv.runner_lock);
	baton_timer_init(vcpu);
	return vcpu;
}

int baton_vcpu_create(struct baton_vm *vm, u32 id, struct baton_vcpu **ret_vcpu)
{
	struct baton_vcpu *vcpu;
	int r;

	vcpu = vcpu_alloc(vm, id);
	if (!vcpu)
		return -ENOMEM;
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	r = vcpu->run ? baton_fpu_init(vcpu) : -ENOMEM;
	if (!r) {
		baton_vcpu_reset(vcpu, false);
		r = baton_hv->vcpu_init(vcpu);
	}
	if (r)
		baton_vcpu_destroy(vcpu);
	else
		*ret_vcpu = vcpu;
	return r;
}

/* Also of one that is half made. */
void baton_vcpu_destroy(struct baton_vcpu *vcpu)
{
	if (!vcpu)
		return;
	hrtimer_cancel(&vcpu->apic.timer);
	baton_hv->vcpu_fini(vcpu);
	baton_cpuid_free(&vcpu->cpuid);
	kfree(vcpu->fpu.area);
	put_pid(vcpu->pv.runner);
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
}

/* Out of guest or HLT; nothing if it is in neither. */
static void kick(struct baton_vcpu *vcpu)
{
	u32 mode;
	int cpu;

	smp_mb(); /* the request before the mode; pairs with run.c */
	mode = READ_ONCE(vcpu->mode);
	trace_baton_kick(vcpu->id, mode, vcpu->requests);
	if (mode == BATON_MODE_BLOCKED) {
		rcuwait_wake_up(&vcpu->wait);
	} else if (mode == BATON_MODE_GUEST) {
		preempt_disable();
		cpu = READ_ONCE(vcpu->cpu);
		/*
		 * In its own window (a fast exit) the thread sees the request itself. A CPU
		 * that goes offline meanwhile has no window open any more.
		 */
		if (cpu != smp_processor_id() && cpu_online(cpu))
			arch_smp_send_reschedule(cpu);
		preempt_enable();
	}
}

void baton_request(struct baton_vcpu *vcpu, enum baton_req req)
{
	set_bit(req, &vcpu->requests);
	kick(vcpu);
}

void baton_request_all(struct baton_vm *vm, enum baton_req req)
{
	struct baton_vcpu *vcpu;
	u32 i;

	baton_for_each_vcpu(vm, i, vcpu)
		baton_request(vcpu, req);
}
