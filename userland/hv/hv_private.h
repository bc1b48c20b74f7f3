/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between hv.c and the two engines: the table of operations and the common
 * heads of their objects. Each engine embeds these as the first member.
 */
#ifndef BATON_HV_PRIVATE_H
#define BATON_HV_PRIVATE_H

#include "hv.h"

/* The classes of whole-state transfer, each with its struct from shared/. */
enum hv_state {
	HV_STATE_REGS,
	HV_STATE_SREGS,
	HV_STATE_DEBUGREGS,
	HV_STATE_EVENTS,
	HV_STATE_XSAVE,
	HV_STATE_LAPIC,
	HV_STATE_COUNT
};

struct hv_ops {
	void (*close)(struct hv *hv);
	int (*supported_cpuid)(struct hv *hv, struct baton_cpuid_entry *entries,
			       uint32_t *count);

	int (*vm_create)(struct hv *hv, struct hv_vm **ret_vm);
	void (*vm_destroy)(struct hv_vm *vm);
	int (*set_slot)(struct hv_vm *vm, const struct hv_slot *slot);
	int (*get_dirty)(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
			 uint64_t *bitmap);
	int (*clear_dirty)(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
			   const uint64_t *bitmap);
	int (*get_accessed)(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
			    uint64_t *bitmap); /* or NULL */
	int (*send_msi)(struct hv_vm *vm, uint64_t address, uint32_t data);
	int (*irqfd)(struct hv_vm *vm, int fd, uint64_t address, uint32_t data, bool on);
	int (*resamplefd)(struct hv_vm *vm, int fd, int resample_fd, bool on); /* or NULL */
	int (*ioeventfd)(struct hv_vm *vm, int fd, uint64_t address, bool port, uint32_t size,
			 bool on);
	int (*ioapic_route)(struct hv_vm *vm, unsigned int pin, uint64_t address,
			    uint32_t data, bool level);
	int (*get_clock)(struct hv_vm *vm, uint64_t *ret_ns);
	int (*set_clock)(struct hv_vm *vm, uint64_t ns);
	int (*note_stopped)(struct hv_vcpu *vcpu);
	int (*set_tsc_khz)(struct hv_vm *vm, uint32_t khz);

	int (*vcpu_create)(struct hv_vm *vm, uint32_t id, struct hv_vcpu **ret_vcpu);
	void (*vcpu_destroy)(struct hv_vcpu *vcpu);
	int (*set_cpuid)(struct hv_vcpu *vcpu, const struct baton_cpuid_entry *entries,
			 uint32_t count);
	int (*run)(struct hv_vcpu *vcpu, struct hv_exit *exit);
	void (*kick)(struct hv_vcpu *vcpu);
	int (*nmi)(struct hv_vcpu *vcpu);
	/* *stats is all zero before. */
	int (*vcpu_stats)(struct hv_vcpu *vcpu, struct hv_stats *stats);
	int (*vm_stats)(struct hv_vm *vm, struct hv_stats *stats);
	int (*set_intr)(struct hv_vcpu *vcpu, bool level);
	int (*need_sregs)(struct hv_vcpu *vcpu); /* NULL: they always come along */
	int (*set_debug)(struct hv_vcpu *vcpu, const struct hv_debug *debug);
	/* NULL: the engine does all accesses to the local APIC's page itself */
	int (*apic_access)(struct hv_vcpu *vcpu, uint32_t offset, bool write, uint32_t *value);
	void (*commit)(struct hv_vcpu *vcpu, uint32_t classes);
	int (*state)(struct hv_vcpu *vcpu, enum hv_state what, bool set, void *state);
	int (*msrs)(struct hv_vcpu *vcpu, bool set, struct baton_msr *msrs, uint32_t count);
};

struct hv {
	const struct hv_ops *ops;
	struct hv_info info;
	int fd;
	bool no_halt_poll;
};

struct hv_vm {
	const struct hv_ops *ops;
	struct hv *hv;
	int fd;
};

struct hv_vcpu {
	const struct hv_ops *ops;
	struct hv_vm *vm;
	int fd;
	uint32_t id;
	/* where hv_vcpu_regs() and hv_vcpu_sregs() point */
	struct baton_regs *regs;
	struct baton_sregs *sregs;
};

int hv_baton_open(struct hv **ret_hv, struct hv_failure *why);
int hv_kvm_open(struct hv **ret_hv, struct hv_failure *why);

/* ioctl() with the negative errno as result; EINTR is passed on. */
int hv_ioctl(int fd, unsigned long request, void *argument);

#endif
