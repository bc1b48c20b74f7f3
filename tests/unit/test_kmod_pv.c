// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/pv.c: what the guest shares with the module in its own memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "lapic_guest.h"
#include "pv.h"

#define PV_EOI 0x4b564d04u
#define EOI_FLAG 0x5004u
#define RAM_SIZE 0x10000u

static struct baton_vm *vm;
static struct baton_vcpu *v;
static u8 *ram;

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(2);
	v = vm->vcpus[1];
	ram = kmod_ram_add(vm, 0, 0, RAM_SIZE);
	x2_on(v);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kshim_user_fault = NULL;
	kmod_vm_destroy(vm);
	return 0;
}

static bool wrmsr(u32 index, u64 value)
{
	return baton_msr_write(v, index, false, value);
}

/* --- lazy EOI ---------------------------------------------------------------- */

static bool in_service(u8 vector)
{
	return v->apic.regs[APIC_REG_ISR + vector / 32] >> vector % 32 & 1;
}

static void lazy_on(void)
{
	assert_true(wrmsr(PV_EOI, EOI_FLAG | 1));
}

/* As a guest ends its interrupt. True: it had to write EOI. */
static bool end(void)
{
	if (ram[EOI_FLAG] & 1) {
		ram[EOI_FLAG] &= ~1;
		return false;
	}
	assert_true(x2_wr(v, APIC_REG_EOI, 0));
	return true;
}

static void test_eoi_is_spared(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(ram[EOI_FLAG], 1);
	assert_false(end());
	/* The same priority class: only if the first one is over. */
	baton_lapic_post(v, 0x41, false);
	assert_int_equal(take(v), 0x41);
	assert_false(in_service(0x40));
	assert_false(end());
	/* By the vCPU itself, and by its timer. */
	assert_true(x2_wr(v, APIC_REG_SELF_IPI, 0x42));
	assert_true(baton_apic_has_work(&v->apic));
	assert_int_equal(take(v), 0x42);
}

static void test_eoi_off_by_default(void **state)
{
	(void)state;
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_true(end());
	lazy_on();
	assert_true(wrmsr(PV_EOI, EOI_FLAG));
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_true(end());
}

/* It comes before the handler is done: the guest has to tell. */
static void test_eoi_with_another_behind(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	baton_lapic_post(v, 0x30, false);
	assert_int_equal(take(v), -1);
	assert_true(in_service(0x40));
	assert_true(end());
	assert_int_equal(take(v), 0x30);
	assert_false(end());
	/* Two at once: likewise. */
	baton_lapic_post(v, 0x50, false);
	baton_lapic_post(v, 0x60, false);
	assert_int_equal(take(v), 0x60);
	assert_true(end());
	assert_int_equal(take(v), 0x50);
	assert_false(end());
}

static void test_eoi_nested(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	baton_lapic_post(v, 0x80, false);
	assert_int_equal(take(v), 0x80);
	/* The inner one is spared, the outer one is told. */
	assert_false(end());
	assert_true(in_service(0x80));
	assert_true(end());
	assert_false(in_service(0x80));
	assert_false(in_service(0x40));
	assert_int_equal(x2_rd(v, APIC_REG_PPR), 0);
}

static void test_eoi_of_level(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, true);
	assert_int_equal(take(v), 0x40);
	assert_true(end());
	assert_true(kmod_take_request(v, BATON_REQ_EOI));
	assert_int_equal(v->apic.eoi_vector, 0x40);
	/* The same vector as an edge, then as a level while it is served. */
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	baton_lapic_post(v, 0x40, true);
	assert_int_equal(take(v), -1);
	assert_true(end());
	assert_int_equal(take(v), 0x40);
	assert_true(end());
	assert_true(kmod_take_request(v, BATON_REQ_EOI));
}

static void test_eoi_seen_in_registers(void **state)
{
	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(x2_rd(v, APIC_REG_PPR), 0x40);
	/* Whoever looks has it told from then on. */
	assert_true(end());
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_false(end());
	assert_int_equal(x2_rd(v, APIC_REG_ISR + 2), 0);
}

static void test_eoi_saved_and_restored(void **state)
{
	struct baton_lapic_state saved;

	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(baton_get_lapic(v, &saved), 0);
	/* Saved as being served: so it must be told. */
	assert_int_equal(saved.regs[(APIC_REG_ISR + 2) * 16], 1);
	assert_int_equal(ram[EOI_FLAG], 0);
	baton_lapic_post(v, 0x50, false);
	assert_int_equal(take(v), 0x50);
	assert_int_equal(ram[EOI_FLAG], 1);
	assert_int_equal(baton_set_lapic(v, &saved), 0);
	assert_int_equal(ram[EOI_FLAG], 0);
	assert_true(end());
	assert_false(in_service(0x40));
	/* And ended before it is saved. */
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_false(end());
	assert_int_equal(baton_get_lapic(v, &saved), 0);
	assert_int_equal(saved.regs[(APIC_REG_ISR + 2) * 16], 0);
}

static void test_eoi_reset(void **state)
{
	u64 value = 1;

	(void)state;
	lazy_on();
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	baton_vcpu_reset(v, true);
	assert_true(baton_msr_read(v, PV_EOI, false, &value));
	assert_int_equal(value, 0);
	assert_int_equal(v->apic.lazy_eoi, 0);
}

static bool every_access(unsigned long address, size_t size)
{
	(void)address;
	(void)size;
	return true;
}

/* A slot that goes or moves is waited for: by mmu_lock, or by a window's end. */
static unsigned int loose_accesses;

static bool note_loose(unsigned long address, size_t size)
{
	(void)size;
	if (address - (uintptr_t)ram < RAM_SIZE && !vm->mmu_lock.held && !kshim_irqs_off)
		loose_accesses++;
	return false;
}

/* Memory that is not there: no lazy EOI; or it is taken for done. */
static void test_eoi_without_memory(void **state)
{
	(void)state;
	lazy_on();
	kshim_user_fault = every_access;
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(v->apic.lazy_eoi, 0);
	assert_true(end());
	kshim_user_fault = NULL;
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	kshim_user_fault = every_access;
	baton_lapic_post(v, 0x41, false);
	assert_int_equal(take(v), 0x41);
	/* Both end, in whatever way. */
	assert_false(end());
	assert_true(end());
	assert_int_equal(x2_rd(v, APIC_REG_PPR), 0);
	assert_true(wrmsr(PV_EOI, RAM_SIZE | 1));
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_true(end());
}

/* Outside of a window the write is logged; a window leaves logged memory alone. */
static void test_eoi_and_the_log(void **state)
{
	struct baton_slot slot = {
		.id = 0, .size = RAM_SIZE, .hva = (uintptr_t)ram, .flags = BATON_SLOT_LOG_DIRTY,
	};
	struct baton_dirty_log log = { .count = RAM_SIZE / BATON_PAGE_SIZE };
	u64 bits = 0;

	(void)state;
	lazy_on();
	log.bitmap = (uintptr_t)&bits;
	assert_int_equal(baton_slot_set(vm, &slot), 0);
	kshim_irqs_off = true;
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	kshim_irqs_off = false;
	assert_int_equal(ram[EOI_FLAG], 0);
	assert_true(end());
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_int_equal(bits, 0);
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(ram[EOI_FLAG], 1);
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_int_equal(bits, 1 << EOI_FLAG / BATON_PAGE_SIZE);
}

static void test_eoi_address(void **state)
{
	(void)state;
	assert_false(wrmsr(PV_EOI, EOI_FLAG | 3));
	assert_false(wrmsr(PV_EOI, EOI_FLAG | 2));
	assert_false(wrmsr(PV_EOI, 1ull << KMOD_PHYS_BITS | 1));
	v->cpuid.features &= ~BATON_GF_PV_EOI;
	assert_false(wrmsr(PV_EOI, EOI_FLAG | 1));
}

/* --- steal time ------------------------------------------------------------------ */

#define PV_STEAL 0x4b564d03u
#define PV_POLL 0x4b564d05u
#define STEAL_AREA 0x6040u

static struct kvm_steal_time *area(void)
{
	return (struct kvm_steal_time *)(ram + STEAL_AREA);
}

/* Due, as run.c looks at it. */
static bool back(void)
{
	if (v->pv.steal_seen == current->sched_info.run_delay)
		return false;
	baton_pv_back(v);
	return true;
}

static void steal_on(void)
{
	current->sched_info.run_delay = 1000000;
	baton_pv_runner(v);
	assert_true(wrmsr(PV_STEAL, STEAL_AREA | 1));
	assert_true(back());
}

static void test_steal_counts(void **state)
{
	(void)state;
	steal_on();
	/* What was before is not the guest's; what it had before stays. */
	assert_int_equal(area()->steal, 0);
	assert_false(back());
	area()->steal = 7;
	current->sched_info.run_delay += 500;
	assert_true(back());
	assert_int_equal(area()->steal, 507);
	assert_int_equal(area()->version & 1, 0);
	assert_true(area()->version >= 2);
	/* An odd version, whoever left it, becomes an even one. */
	area()->version = 9;
	current->sched_info.run_delay += 1;
	assert_true(back());
	assert_int_equal(area()->version, 12);
	assert_int_equal(area()->steal, 508);
	assert_true(wrmsr(PV_STEAL, STEAL_AREA));
	current->sched_info.run_delay += 500;
	assert_true(back());
	assert_int_equal(area()->steal, 508);
	/* Time between off and on is not stolen. */
	current->sched_info.run_delay += 500;
	assert_true(back());
	assert_true(wrmsr(PV_STEAL, STEAL_AREA | 1));
	assert_true(back());
	assert_int_equal(area()->steal, 508);
}

static void test_steal_of_another_thread(void **state)
{
	struct task_struct other = *current, *first = current;

	(void)state;
	steal_on();
	other.sched_info.run_delay = 90000000;
	current = &other;
	baton_pv_runner(v);
	assert_true(back());
	assert_int_equal(area()->steal, 0);
	other.sched_info.run_delay += 3;
	assert_true(back());
	/* And one that begins at its address when it is gone. */
	other.sched_info.run_delay = 20;
	baton_pv_runner(v);
	assert_true(back());
	assert_int_equal(area()->steal, 3);
	other.sched_info.run_delay += 4;
	assert_true(back());
	current = first;
	assert_int_equal(area()->steal, 7);
}

static void test_preempted(void **state)
{
	(void)state;
	steal_on();
	baton_pv_away(v);
	assert_int_equal(area()->preempted, KVM_VCPU_PREEMPTED);
	v->dirty = 0;
	/* No time has gone by, but the flag is there. */
	assert_true(back());
	assert_int_equal(area()->preempted, 0);
	assert_int_equal(v->dirty & BATON_ST_TLB, 0);
	baton_pv_away(v);
	area()->preempted |= KVM_VCPU_FLUSH_TLB;
	/* Away a second time before it has run: what it was asked for stays. */
	baton_pv_away(v);
	assert_int_equal(area()->preempted, KVM_VCPU_PREEMPTED | KVM_VCPU_FLUSH_TLB);
	assert_true(back());
	assert_int_equal(area()->preempted, 0);
	assert_int_equal(v->dirty & BATON_ST_TLB, BATON_ST_TLB);
	/* Memory that cannot be read may have asked for it. */
	baton_pv_away(v);
	v->dirty = 0;
	kshim_user_fault = every_access;
	assert_true(back());
	assert_int_equal(v->dirty & BATON_ST_TLB, BATON_ST_TLB);
	/* Others find us preempted there until it can be written. */
	v->dirty = 0;
	assert_true(back());
	assert_int_equal(v->dirty & BATON_ST_TLB, BATON_ST_TLB);
	kshim_user_fault = NULL;
	area()->preempted |= KVM_VCPU_FLUSH_TLB;
	v->dirty = 0;
	assert_true(back());
	assert_int_equal(area()->preempted, 0);
	assert_int_equal(v->dirty & BATON_ST_TLB, BATON_ST_TLB);
	assert_false(back());
}

static unsigned int missing_accesses;

static bool first_accesses(unsigned long address, size_t size)
{
	(void)address;
	(void)size;
	return missing_accesses && missing_accesses--;
}

/* Memory that is only swapped out: the guest does not run while it counts as preempted. */
static void test_steal_swapped_out(void **state)
{
	(void)state;
	steal_on();
	for (int i = 0; i < 2; i++) {
		baton_pv_away(v);
		missing_accesses = 1;
		kshim_user_fault = first_accesses;
		assert_true(back());
		kshim_user_fault = NULL;
		assert_int_equal(missing_accesses, 0);
		assert_int_equal(area()->preempted, 0);
		assert_false(back());
	}
}

static void test_steal_is_logged(void **state)
{
	struct baton_slot slot = {
		.id = 0, .size = RAM_SIZE, .hva = (uintptr_t)ram, .flags = BATON_SLOT_LOG_DIRTY,
	};
	struct baton_dirty_log log = { .count = RAM_SIZE / BATON_PAGE_SIZE };
	u64 bits = 0;

	(void)state;
	steal_on();
	log.bitmap = (uintptr_t)&bits;
	assert_int_equal(baton_slot_set(vm, &slot), 0);
	baton_pv_away(v);
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_int_equal(bits, 1 << STEAL_AREA / BATON_PAGE_SIZE);
}

static void test_steal_address(void **state)
{
	u64 bit;

	(void)state;
	for (bit = 2; bit < 64; bit <<= 1)
		assert_false(wrmsr(PV_STEAL, STEAL_AREA | bit | 1));
	assert_false(wrmsr(PV_STEAL, 1ull << KMOD_PHYS_BITS | 1));
	/* No memory there: nothing to write, nothing to fail. */
	assert_true(wrmsr(PV_STEAL, (RAM_SIZE - 64 + 0x10000) | 1));
	assert_true(back());
	baton_pv_away(v);
	assert_true(back());
	assert_int_equal(v->msr.pv_poll, 1);
	assert_false(wrmsr(PV_POLL, 2));
	assert_true(wrmsr(PV_POLL, 0));
	assert_int_equal(v->msr.pv_poll, 0);
}

#define PV_CLOCK 0x4b564d01u
#define PV_WALL 0x4b564d00u

/* All that the module writes to guest memory by itself. */
static void test_slots_stay(void **state)
{
	(void)state;
	loose_accesses = 0;
	steal_on();
	lazy_on();
	assert_true(wrmsr(PV_CLOCK, 0x7000 | 1));
	assert_true(wrmsr(PV_WALL, 0x7100));
	kshim_user_fault = note_loose;
	baton_pvclock_update(v);
	baton_pv_away(v);
	current->sched_info.run_delay += 500;
	assert_true(back());
	baton_lapic_post(v, 0x40, false);
	assert_int_equal(take(v), 0x40);
	baton_lapic_post(v, 0x41, false);
	assert_int_equal(take(v), -1);
	assert_int_equal(loose_accesses, 0);
	/* They were made. */
	assert_int_equal(area()->steal, 500);
	assert_int_not_equal(ram[0x7000], 0);
	assert_int_not_equal(ram[0x7100], 0);
}

/* Time that the guest could not be told of for want of memory it is told of later. */
static void test_steal_is_kept(void **state)
{
	(void)state;
	steal_on();
	current->sched_info.run_delay += 500;
	kshim_user_fault = every_access;
	assert_true(back());
	kshim_user_fault = NULL;
	current->sched_info.run_delay += 20;
	assert_true(back());
	assert_int_equal(area()->steal, 520);
}

/* --- hypercalls --------------------------------------------------------------------- */

static s64 hypercall(bool long64, u64 nr, u64 a0, u64 a1, u64 a2, u64 a3)
{
	u64 *gpr = v->regs.gpr;

	gpr[BATON_RAX] = nr;
	gpr[BATON_RBX] = a0;
	gpr[BATON_RCX] = a1;
	gpr[BATON_RDX] = a2;
	gpr[BATON_RSI] = a3;
	baton_exit_hypercall(v, long64, 0);
	return long64 ? (s64)gpr[BATON_RAX] : (s32)gpr[BATON_RAX];
}

static void test_hypercall_refused(void **state)
{
	static const struct {
		u64 nr;
		u32 feature;
	} calls[] = {
		{ KVM_HC_KICK_CPU, BATON_GF_PV_UNHALT }, { KVM_HC_SEND_IPI, BATON_GF_PV_SEND_IPI },
		{ KVM_HC_SCHED_YIELD, BATON_GF_PV_YIELD },
	};
	size_t i;

	(void)state;
	assert_int_equal(hypercall(true, 0, 0, 0, 0, 0), -KVM_ENOSYS);
	assert_int_equal(hypercall(true, 9, 0, 0, 0, 0), -KVM_ENOSYS);
	assert_int_equal(hypercall(false, 1ull << 32, 0, 0, 0, 0), -KVM_ENOSYS);
	v->regs.gpr[BATON_RAX] = KVM_HC_KICK_CPU;
	v->regs.gpr[BATON_RCX] = 0;
	baton_exit_hypercall(v, true, 3);
	assert_int_equal(v->regs.gpr[BATON_RAX], -EPERM);
	assert_false(vm->vcpus[0]->pv.unhalt);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		v->cpuid.features = ~calls[i].feature;
		assert_int_equal(hypercall(true, calls[i].nr, 0, 0, 0, 0x40), -KVM_ENOSYS);
		v->cpuid.features = calls[i].feature;
		assert_int_not_equal(hypercall(true, calls[i].nr, 0, 0, 0, 0x40), -KVM_ENOSYS);
	}
}

static void test_kick(void **state)
{
	struct baton_events ev;
	struct baton_vcpu *bsp = vm->vcpus[0];

	(void)state;
	assert_int_equal(hypercall(true, KVM_HC_KICK_CPU, 0, 0, 0, 0), 0);
	assert_true(bsp->pv.unhalt);
	assert_true(kmod_take_request(bsp, BATON_REQ_EVENT));
	/* Saved in HLT: it goes on where it is restored. */
	bsp->mp_state = BATON_MP_HALTED;
	assert_int_equal(baton_get_events(bsp, &ev), 0);
	assert_int_equal(ev.mp_state, BATON_MP_RUNNABLE);
	/* Nobody's id, and ids beyond all. */
	assert_int_equal(hypercall(true, KVM_HC_KICK_CPU, 0, 5, 0, 0), 0);
	assert_int_equal(hypercall(true, KVM_HC_KICK_CPU, 0, 64, 0, 0), 0);
	assert_int_equal(hypercall(true, KVM_HC_KICK_CPU, 0, ~0ull, 0, 0), 0);
}

static void test_send_ipi(void **state)
{
	struct baton_vcpu *far = kmod_vcpu_add(vm, 63);
	unsigned int i;

	(void)state;
	x2_on(vm->vcpus[0]);
	x2_on(far);
	assert_int_equal(hypercall(true, KVM_HC_SEND_IPI, 3, 1ull << 63, 0, 0x40), 2);
	assert_int_equal(take(vm->vcpus[0]), 0x40);
	assert_int_equal(take(v), 0x40);
	assert_int_equal(take(far), -1);
	assert_int_equal(hypercall(true, KVM_HC_SEND_IPI, 1, 0, 63, 0x41), 1);
	assert_int_equal(take(far), 0x41);
	/* The second word follows the first one: of 32 bits for those who have no more. */
	assert_int_equal(hypercall(false, KVM_HC_SEND_IPI, 0, 1u << 31, 0, 0x52), 1);
	assert_int_equal(take(far), 0x52);
	assert_int_equal(hypercall(true, KVM_HC_SEND_IPI, ~0ull, ~0ull, 64, 0x40), 0);
	assert_int_equal(hypercall(true, KVM_HC_SEND_IPI, ~0ull, ~0ull, ~0ull - 70, 0x40), 0);
	assert_int_equal(hypercall(true, KVM_HC_SEND_IPI, 1, 0, 0, 0x400), 1);
	assert_true(vm->vcpus[0]->nmi_posted);
	/* A vector that is none: what it is sent to has an error of it, as of other senders'. */
	assert_int_equal(hypercall(true, KVM_HC_SEND_IPI, ~0u, 0, ~0u, 0), 0);
	assert_int_equal(hypercall(true, KVM_HC_SEND_IPI, 1, 0, 0, 0xf), 1);
	assert_int_equal(take(vm->vcpus[0]), -1);
	assert_int_equal(vm->vcpus[0]->apic.esr_pending, APIC_ESR_RECV_ILLEGAL);
	/* INIT, SIPI, lowest priority; logical; shorthand; high bits. */
	static const u64 bad[] = {
		0x540, 0x640, 0x140, 0x840, 0x40040, 0x80040, 1ull << 32 | 0x40,
	};

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(hypercall(true, KVM_HC_SEND_IPI, 1, 0, 0, bad[i]), -EINVAL);
}

static void test_yield(void **state)
{
	(void)state;
	/* There is no point in it while the other one runs. */
	assert_int_equal(hypercall(true, KVM_HC_SCHED_YIELD, 0, 0, 0, 0), 0);
	assert_false(kmod_take_request(v, BATON_REQ_YIELD));
	baton_pv_away(vm->vcpus[0]);
	assert_int_equal(hypercall(true, KVM_HC_SCHED_YIELD, 0, 0, 0, 0), 0);
	assert_true(kmod_take_request(v, BATON_REQ_YIELD));
	assert_int_equal(v->pv.yield_to, 0);
	baton_pv_yield(v);
	assert_int_equal(v->pv.yield_to, BATON_YIELD_ANY);
	baton_pv_yield(v);
	assert_int_equal(hypercall(true, KVM_HC_SCHED_YIELD, 64, 0, 0, 0), 0);
	assert_false(kmod_take_request(v, BATON_REQ_YIELD));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_eoi_is_spared),
		TEST(test_eoi_off_by_default),
		TEST(test_eoi_with_another_behind),
		TEST(test_eoi_nested),
		TEST(test_eoi_of_level),
		TEST(test_eoi_seen_in_registers),
		TEST(test_eoi_saved_and_restored),
		TEST(test_eoi_reset),
		TEST(test_eoi_without_memory),
		TEST(test_eoi_and_the_log),
		TEST(test_eoi_address),
		TEST(test_steal_counts),
		TEST(test_steal_of_another_thread),
		TEST(test_preempted),
		TEST(test_steal_swapped_out),
		TEST(test_steal_is_logged),
		TEST(test_slots_stay),
		TEST(test_steal_is_kept),
		TEST(test_steal_address),
		TEST(test_hypercall_refused),
		TEST(test_kick),
		TEST(test_send_ipi),
		TEST(test_yield),
	};

	return cmocka_run_group_tests_name("kmod pv", tests, NULL, NULL);
}
