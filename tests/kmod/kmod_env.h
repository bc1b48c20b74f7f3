/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM made of the module's pure parts: vCPUs that never enter a guest, guest
 * memory that is ours. For unit tests and fuzz targets. kmod_env.c also stands
 * in for the impure files that the pure ones call.
 */
#ifndef KMOD_ENV_H
#define KMOD_ENV_H

#include "slots.h"
#include "vcpu.h"
#include "vcpu_state.h"

/* All that vcpu->cpuid can say yes to; kmod_vm_create() gives it to each vCPU. */
#define KMOD_FEATURES_ALL 0xffffffffu
#define KMOD_PHYS_BITS 40u

/* What the pure parts asked of the impure ones since kmod_vm_create(). */
struct kmod_calls {
	unsigned int unmaps;
	u64 unmap_gpa, unmap_size;
	bool unmap_early;	/* the slot was gone before the call */
	bool unmap_found;	/* a slot was still there for the range */
	u8 mmio_size;		/* of the last write to an ioeventfd */
	u64 mmio_data;
};
extern struct kmod_calls kmod_calls;
/* Where the VM has an ioeventfd for memory writes; 0: nowhere. */
extern u64 kmod_ioeventfd;
/* The vector that has a resampler; 0: none. */
extern u8 kmod_resampled;

/* vCPUs 0 to vcpu_count - 1, no memory. Resets the shim: one VM at a time. */
struct baton_vm *kmod_vm_create(unsigned int vcpu_count);
/* Frees all, and aborts if a lock or an RCU section was left open. */
void kmod_vm_destroy(struct baton_vm *vm);
/* One more vCPU, with any free id below BATON_MAX_VCPUS. */
struct baton_vcpu *kmod_vcpu_add(struct baton_vm *vm, u32 id);
/* Everything that CPUID can allow. */
void kmod_allow_all(struct baton_vcpu *vcpu);
/* Page-aligned zeroed memory of ours as slot `id`; freed with the VM. */
void *kmod_ram_add(struct baton_vm *vm, u32 id, u64 gpa, u64 size);
/* Takes and clears a request bit. */
bool kmod_take_request(struct baton_vcpu *vcpu, enum baton_req req);

#endif
