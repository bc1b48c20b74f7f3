// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See kmod_env.h. Stand-ins do the least that is correct, and count.
 */
#include "kmod_env.h"

#include "eventfds.h"

#define MAX_RAM 8

struct kmod_calls kmod_calls;
u64 kmod_ioeventfd;
u8 kmod_resampled;
static void *ram[MAX_RAM];
static unsigned int ram_count;

/* --- the impure files ---------------------------------------------------------- */

static int no_error(struct baton_vcpu *vcpu)
{
	return 0;
}

static void nothing(struct baton_vcpu *vcpu)
{
}

static int fetch_nothing(struct baton_vcpu *vcpu, u32 classes)
{
	return 0;
}

static const struct baton_hvops dummy_ops = {
	.vcpu_size = sizeof(struct baton_vcpu),
	.vcpu_init = no_error, .vcpu_fini = nothing, .state_fetch = fetch_nothing,
};
const struct baton_hvops *baton_hv = &dummy_ops;

void baton_slots_publish(struct baton_vm *vm, struct baton_slots *slots, u64 gpa, u64 size)
{
	/* Nobody may have seen the new array before: it comes with the unmapping. */
	kmod_calls.unmap_early = !baton_slot_find(vm->slots, gpa);
	rcu_assign_pointer(vm->slots, slots);
	kmod_calls.unmaps++;
	kmod_calls.unmap_gpa = gpa;
	kmod_calls.unmap_size = size;
	kmod_calls.unmap_found = baton_slot_find(vm->slots, gpa);
}

bool baton_ioeventfd_port(struct baton_vm *vm, u16 port, u8 size, u32 data)
{
	return false;
}

bool baton_ioeventfd_at(struct baton_vm *vm, u64 gpa)
{
	return kmod_ioeventfd && gpa == kmod_ioeventfd;
}

bool baton_ioeventfd_write(struct baton_vm *vm, u64 gpa, u8 size, u64 data)
{
	kmod_calls.mmio_size = size;
	kmod_calls.mmio_data = data;
	return kmod_ioeventfd && gpa == kmod_ioeventfd;
}

bool baton_irqfd_eoi(struct baton_vm *vm, u8 vector)
{
	return kmod_resampled && vector == kmod_resampled;
}

/* --- the VM ---------------------------------------------------------------------- */

void kmod_allow_all(struct baton_vcpu *vcpu)
{
	vcpu->cpuid.features = KMOD_FEATURES_ALL;
	vcpu->cpuid.phys_bits = KMOD_PHYS_BITS;
	vcpu->cpuid.xcr0_allowed = baton_xcr0_supported();
	vcpu->cpuid.cr4_allowed =
		X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | X86_CR4_PAE |
		X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT |
		X86_CR4_UMIP | X86_CR4_LA57 | X86_CR4_FSGSBASE | X86_CR4_PCIDE | X86_CR4_OSXSAVE |
		X86_CR4_SMEP | X86_CR4_SMAP;
}

struct baton_vcpu *kmod_vcpu_add(struct baton_vm *vm, u32 id)
{
	struct baton_vcpu *vcpu;

	if (baton_vcpu_create(vm, id, &vcpu))
		abort();
	kmod_allow_all(vcpu);
	vm->vcpu_top = max(vm->vcpu_top, id + 1);
	vm->vcpus[id] = vcpu;
	return vcpu;
}

struct baton_vm *kmod_vm_create(unsigned int vcpu_count)
{
	struct baton_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	struct baton_slots *slots = kzalloc(sizeof(*slots), GFP_KERNEL);
	unsigned int i;

	if (!vm || !slots)
		abort();
	kshim_reset();
	memset(&kmod_calls, 0, sizeof(kmod_calls));
	kmod_ioeventfd = 0;
	kmod_resampled = 0;
	baton_memory = BATON_MEMORY_ACCESSED;
	vm->mm = current->mm;
	vm->slots = slots;
	mutex_init(&vm->lock);
	spin_lock_init(&vm->mmu_lock);
	baton_clock_init(vm);
	vm->tsc_offset = 0;
	for (i = 0; i < vcpu_count; i++)
		kmod_vcpu_add(vm, i);
	return vm;
}

void kmod_vm_destroy(struct baton_vm *vm)
{
	unsigned int i;

	for (i = 0; i < BATON_MAX_VCPUS; i++)
		baton_vcpu_destroy(vm->vcpus[i]);
	for (i = 0; i < ram_count; i++)
		free(ram[i]);
	ram_count = 0;
	baton_slots_free(vm->slots);
	kfree(vm);
	if (kshim_locks_held || kshim_rcu_depth)
		abort();
	kshim_reset();
}

void *kmod_ram_add(struct baton_vm *vm, u32 id, u64 gpa, u64 size)
{
	void *memory = kshim_alloc(size, PAGE_SIZE);
	struct baton_slot slot = {
		.id = id, .gpa = gpa, .size = size, .hva = (uintptr_t)memory,
	};

	if (!memory || ram_count == MAX_RAM || baton_slot_set(vm, &slot))
		abort();
	ram[ram_count++] = memory;
	return memory;
}

bool kmod_take_request(struct baton_vcpu *vcpu, enum baton_req req)
{
	return test_and_clear_bit(req, &vcpu->requests);
}
