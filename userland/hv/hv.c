/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chooses the engine and hands each call to it. No state of its own.
 */
#include "hv.h"
#include "hv_private.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

int hv_ioctl(int fd, unsigned long request, void *argument)
{
	int result = ioctl(fd, request, argument);

	return result < 0 ? -errno : result;
}

static int open_baton(struct hv **ret_hv, struct hv_failure *why)
{
	why->engine = HV_ENGINE_BATON;
	return hv_baton_open(ret_hv, why);
}

static int open_kvm(struct hv **ret_hv, struct hv_failure *why)
{
	why->engine = HV_ENGINE_KVM;
	return hv_kvm_open(ret_hv, why);
}

int hv_open(enum hv_engine engine, struct hv **ret_hv, struct hv_failure why[2])
{
	int error = -EINVAL;

	memset(why, 0, 2 * sizeof(*why));
	if (engine != HV_ENGINE_KVM) {
		error = open_baton(ret_hv, &why[0]);
		if (!error || engine == HV_ENGINE_BATON)
			return error;
	}
	return open_kvm(ret_hv, &why[1]);
}

void hv_close(struct hv *hv)
{
	if (hv)
		hv->ops->close(hv);
}

const struct hv_info *hv_get_info(const struct hv *hv)
{
	return &hv->info;
}

int hv_supported_cpuid(struct hv *hv, struct baton_cpuid_entry *entries, uint32_t *count)
{
	return hv->ops->supported_cpuid(hv, entries, count);
}

/* ---- VM ---- */

void hv_set_halt_poll(struct hv *hv, bool on)
{
	hv->no_halt_poll = !on;
}

int hv_vm_create(struct hv *hv, struct hv_vm **ret_vm)
{
	return hv->ops->vm_create(hv, ret_vm);
}

void hv_vm_destroy(struct hv_vm *vm)
{
	if (vm)
		vm->ops->vm_destroy(vm);
}

int hv_vm_set_slot(struct hv_vm *vm, const struct hv_slot *slot)
{
	if (slot->log_dirty && !vm->hv->info.dirty_log)
		return -EOPNOTSUPP;
	return vm->ops->set_slot(vm, slot);
}

/* What both engines want; where the slot ends they know themselves. */
static int check_range(const struct hv_vm *vm, uint64_t first, uint64_t count)
{
	if (!vm->hv->info.dirty_log)
		return -EOPNOTSUPP;
	return first % 64 || !count ? -EINVAL : 0;
}

int hv_vm_get_dirty(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		    uint64_t *bitmap)
{
	int error = check_range(vm, first, count);

	return error ? error : vm->ops->get_dirty(vm, slot, first, count, bitmap);
}

int hv_vm_clear_dirty(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		      const uint64_t *bitmap)
{
	int error = check_range(vm, first, count);

	return error ? error : vm->ops->clear_dirty(vm, slot, first, count, bitmap);
}

int hv_vm_get_accessed(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		       uint64_t *bitmap)
{
	if (!vm->hv->info.accessed)
		return -EOPNOTSUPP;
	return vm->ops->get_accessed(vm, slot, first, count, bitmap);
}

int hv_vm_send_msi(struct hv_vm *vm, uint64_t address, uint32_t data)
{
	return vm->ops->send_msi(vm, address, data);
}

int hv_vm_irqfd(struct hv_vm *vm, int fd, uint64_t address, uint32_t data, bool on)
{
	return vm->ops->irqfd(vm, fd, address, data, on);
}

int hv_vm_resamplefd(struct hv_vm *vm, int fd, int resample_fd, bool on)
{
	if (!vm->hv->info.resamplefd)
		return -EOPNOTSUPP;
	return vm->ops->resamplefd(vm, fd, resample_fd, on);
}

int hv_vm_ioeventfd(struct hv_vm *vm, int fd, uint16_t port, uint32_t size, bool on)
{
	return vm->ops->ioeventfd(vm, fd, port, true, size, on);
}

int hv_vm_ioeventfd_mmio(struct hv_vm *vm, int fd, uint64_t gpa, uint32_t size, bool on)
{
	if (!vm->hv->info.ioeventfd_mmio)
		return -EOPNOTSUPP;
	return vm->ops->ioeventfd(vm, fd, gpa, false, size, on);
}

int hv_vm_set_ioapic_route(struct hv_vm *vm, unsigned int pin, uint64_t address,
			   uint32_t data, bool level)
{
	return vm->ops->ioapic_route(vm, pin, address, data, level);
}

int hv_vm_get_clock(struct hv_vm *vm, uint64_t *ret_ns)
{
	return vm->ops->get_clock(vm, ret_ns);
}

int hv_vm_set_clock(struct hv_vm *vm, uint64_t ns)
{
	return vm->ops->set_clock(vm, ns);
}

int hv_vcpu_note_stopped(struct hv_vcpu *vcpu)
{
	return vcpu->ops->note_stopped(vcpu);
}

int hv_vm_set_tsc_khz(struct hv_vm *vm, uint32_t khz)
{
	return vm->ops->set_tsc_khz(vm, khz);
}

/* ---- vCPU ---- */

int hv_vcpu_create(struct hv_vm *vm, uint32_t id, struct hv_vcpu **ret_vcpu)
{
	return vm->ops->vcpu_create(vm, id, ret_vcpu);
}

void hv_vcpu_destroy(struct hv_vcpu *vcpu)
{
	if (vcpu)
		vcpu->ops->vcpu_destroy(vcpu);
}

int hv_vcpu_set_cpuid(struct hv_vcpu *vcpu, const struct baton_cpuid_entry *entries,
		      uint32_t count)
{
	return vcpu->ops->set_cpuid(vcpu, entries, count);
}

int hv_vcpu_run(struct hv_vcpu *vcpu, struct hv_exit *exit)
{
	return vcpu->ops->run(vcpu, exit);
}

void hv_vcpu_kick(struct hv_vcpu *vcpu)
{
	vcpu->ops->kick(vcpu);
}

int hv_vcpu_nmi(struct hv_vcpu *vcpu)
{
	return vcpu->ops->nmi(vcpu);
}

int hv_vcpu_get_stats(struct hv_vcpu *vcpu, struct hv_stats *ret_stats)
{
	*ret_stats = (struct hv_stats){ 0 };
	return vcpu->ops->vcpu_stats(vcpu, ret_stats);
}

int hv_vm_get_stats(struct hv_vm *vm, struct hv_stats *ret_stats)
{
	*ret_stats = (struct hv_stats){ 0 };
	return vm->ops->vm_stats(vm, ret_stats);
}

int hv_vcpu_set_intr(struct hv_vcpu *vcpu, bool level)
{
	return vcpu->ops->set_intr(vcpu, level);
}

int hv_vcpu_set_debug(struct hv_vcpu *vcpu, const struct hv_debug *debug)
{
	return vcpu->vm->hv->info.guest_debug ? vcpu->ops->set_debug(vcpu, debug) : -EOPNOTSUPP;
}

struct baton_regs *hv_vcpu_regs(struct hv_vcpu *vcpu)
{
	return vcpu->regs;
}

struct baton_sregs *hv_vcpu_sregs(struct hv_vcpu *vcpu)
{
	return vcpu->sregs;
}

int hv_vcpu_need_sregs(struct hv_vcpu *vcpu)
{
	return vcpu->ops->need_sregs ? vcpu->ops->need_sregs(vcpu) : 0;
}

int hv_vcpu_apic_access(struct hv_vcpu *vcpu, uint32_t offset, bool write, uint32_t *value)
{
	return vcpu->ops->apic_access ? vcpu->ops->apic_access(vcpu, offset, write, value) :
					-EOPNOTSUPP;
}

void hv_vcpu_commit(struct hv_vcpu *vcpu, uint32_t classes)
{
	vcpu->ops->commit(vcpu, classes);
}

/* ---- whole state ---- */

static int get(struct hv_vcpu *vcpu, enum hv_state what, void *state)
{
	return vcpu->ops->state(vcpu, what, false, state);
}

/* The engine does not write through the pointer when it sets. */
static int set(struct hv_vcpu *vcpu, enum hv_state what, const void *state)
{
	return vcpu->ops->state(vcpu, what, true, (void *)(uintptr_t)state);
}

int hv_vcpu_get_regs(struct hv_vcpu *vcpu, struct baton_regs *regs)
{
	return get(vcpu, HV_STATE_REGS, regs);
}

int hv_vcpu_set_regs(struct hv_vcpu *vcpu, const struct baton_regs *regs)
{
	return set(vcpu, HV_STATE_REGS, regs);
}

int hv_vcpu_get_sregs(struct hv_vcpu *vcpu, struct baton_sregs *sregs)
{
	return get(vcpu, HV_STATE_SREGS, sregs);
}

int hv_vcpu_set_sregs(struct hv_vcpu *vcpu, const struct baton_sregs *sregs)
{
	return set(vcpu, HV_STATE_SREGS, sregs);
}

int hv_vcpu_get_debugregs(struct hv_vcpu *vcpu, struct baton_debugregs *regs)
{
	return get(vcpu, HV_STATE_DEBUGREGS, regs);
}

int hv_vcpu_set_debugregs(struct hv_vcpu *vcpu, const struct baton_debugregs *regs)
{
	return set(vcpu, HV_STATE_DEBUGREGS, regs);
}

int hv_vcpu_get_events(struct hv_vcpu *vcpu, struct baton_events *events)
{
	return get(vcpu, HV_STATE_EVENTS, events);
}

int hv_vcpu_set_events(struct hv_vcpu *vcpu, const struct baton_events *events)
{
	return set(vcpu, HV_STATE_EVENTS, events);
}

int hv_vcpu_get_xsave(struct hv_vcpu *vcpu, struct baton_xsave *xsave)
{
	return get(vcpu, HV_STATE_XSAVE, xsave);
}

int hv_vcpu_set_xsave(struct hv_vcpu *vcpu, const struct baton_xsave *xsave)
{
	return set(vcpu, HV_STATE_XSAVE, xsave);
}

int hv_vcpu_get_lapic(struct hv_vcpu *vcpu, struct baton_lapic_state *lapic)
{
	return get(vcpu, HV_STATE_LAPIC, lapic);
}

int hv_vcpu_set_lapic(struct hv_vcpu *vcpu, const struct baton_lapic_state *lapic)
{
	return set(vcpu, HV_STATE_LAPIC, lapic);
}

int hv_vcpu_get_msrs(struct hv_vcpu *vcpu, struct baton_msr *msrs, uint32_t count)
{
	return vcpu->ops->msrs(vcpu, false, msrs, count);
}

int hv_vcpu_set_msrs(struct hv_vcpu *vcpu, const struct baton_msr *msrs, uint32_t count)
{
	return vcpu->ops->msrs(vcpu, true, (struct baton_msr *)(uintptr_t)msrs, count);
}
