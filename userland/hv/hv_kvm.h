/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of engine "kvm". */
#ifndef BATON_HV_KVM_H
#define BATON_HV_KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdatomic.h>

#include "hv_private.h"

#define KVM_IOAPIC_PINS 24

struct kvm_irqfd_binding {
	int fd;			/* -1: free */
	uint64_t address;
	uint32_t data;
};

struct kvm_vm {
	struct hv_vm base;
	size_t run_size;
	pthread_mutex_t lock;	/* all below, and KVM's copy of the routing */
	uint64_t slot_pages[BATON_MAX_SLOTS];	/* 0: no such slot */
	/* GSIs 0-23: level-triggered IOAPIC pins; from 24 on: irqfds by index */
	struct kvm_pin { bool used; uint64_t address; uint32_t data; } pin[KVM_IOAPIC_PINS];
	struct kvm_irqfd_binding *irqfds;
	unsigned int irqfd_count;
};

struct kvm_vcpu {
	struct hv_vcpu base;
	struct kvm_run *run;
	size_t run_size;
	_Atomic int stats_fd;	/* or why there is none: see hv_kvm_stats.c */
	_Atomic int tid;	/* thread to signal; 0: has not run yet */
	/* string port I/O: items of the current exit, handed out one by one */
	unsigned int pio_next, pio_count;
	uint32_t pio_data;
	_Atomic bool intr;	/* level of INTR */
	_Atomic bool nmi;	/* KVM is to be told of one */
	bool stale;		/* state was set: KVM's word on INTA is old */
	bool inta_due;		/* the exit was INTA: its answer is inta_vector */
	int32_t inta_vector;
	struct baton_regs regs;
	struct baton_sregs sregs;
};

static inline struct kvm_vcpu *to_kvm_vcpu(struct hv_vcpu *vcpu)
{
	return (struct kvm_vcpu *)vcpu;
}

static inline struct kvm_vm *to_kvm_vm(struct hv_vm *vm)
{
	return (struct kvm_vm *)vm;
}

/* hv_kvm.c: opening, CPUID, the table. hv_kvm_vm.c: */
int hv_kvm_vm_create(struct hv *hv, struct hv_vm **ret_vm);
void hv_kvm_vm_destroy(struct hv_vm *vm);
int hv_kvm_set_slot(struct hv_vm *vm, const struct hv_slot *slot);
int hv_kvm_get_dirty(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		     uint64_t *bitmap);
int hv_kvm_clear_dirty(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		       const uint64_t *bitmap);
int hv_kvm_send_msi(struct hv_vm *vm, uint64_t address, uint32_t data);
int hv_kvm_irqfd(struct hv_vm *vm, int fd, uint64_t address, uint32_t data, bool on);
int hv_kvm_ioeventfd(struct hv_vm *vm, int fd, uint64_t address, bool port, uint32_t size,
		     bool on);
int hv_kvm_ioapic_route(struct hv_vm *vm, unsigned int pin, uint64_t address,
			uint32_t data, bool level);
int hv_kvm_get_clock(struct hv_vm *vm, uint64_t *ret_ns);
int hv_kvm_set_clock(struct hv_vm *vm, uint64_t ns);
int hv_kvm_note_stopped(struct hv_vcpu *vcpu);
int hv_kvm_set_tsc_khz(struct hv_vm *vm, uint32_t khz);

/* hv_kvm_vcpu.c */
int hv_kvm_prepare_signal(void);
int hv_kvm_vcpu_create(struct hv_vm *vm, uint32_t id, struct hv_vcpu **ret_vcpu);
void hv_kvm_vcpu_destroy(struct hv_vcpu *vcpu);
int hv_kvm_set_cpuid(struct hv_vcpu *vcpu, const struct baton_cpuid_entry *entries,
		     uint32_t count);
int hv_kvm_run(struct hv_vcpu *vcpu, struct hv_exit *exit);
void hv_kvm_kick(struct hv_vcpu *vcpu);
int hv_kvm_nmi(struct hv_vcpu *vcpu);
int hv_kvm_set_intr(struct hv_vcpu *vcpu, bool level);
/* While the vCPU does not run: one that hv_vcpu_nmi() has left becomes KVM's. */
int hv_kvm_take_nmi(struct hv_vcpu *vcpu);
int hv_kvm_set_debug(struct hv_vcpu *vcpu, const struct hv_debug *debug);

/* hv_kvm_stats.c */
int hv_kvm_open_stats(int fd);
int hv_kvm_vcpu_stats(struct hv_vcpu *vcpu, struct hv_stats *stats);
int hv_kvm_vm_stats(struct hv_vm *vm, struct hv_stats *stats);

/* hv_kvm_state.c */
int hv_kvm_state(struct hv_vcpu *vcpu, enum hv_state what, bool set, void *state);
int hv_kvm_msrs(struct hv_vcpu *vcpu, bool set, struct baton_msr *msrs, uint32_t count);
void hv_kvm_commit(struct hv_vcpu *vcpu, uint32_t classes);

#endif
