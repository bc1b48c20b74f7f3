/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Engine "kvm", the VM: slots, messages, event descriptors, clock.
 *
 * KVM knows one routing table per VM, set as a whole. GSIs 0-23 carry the
 * messages of level-triggered IOAPIC pins: nothing is ever raised on them, KVM
 * only compares their vectors to tell us of EOIs. Higher GSIs are irqfds.
 */
#include "hv_kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int enable_capability(int fd, uint32_t capability, uint64_t argument)
{
	struct kvm_enable_cap call = { .cap = capability, .args = { argument } };

	return hv_ioctl(fd, KVM_ENABLE_CAP, &call);
}

static int set_up_vm(int fd, bool dirty_log)
{
	uint64_t identity_map = 0xfeffc000;
	int error;

	/* only used on old Intel processors; must not collide with RAM */
	hv_ioctl(fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	hv_ioctl(fd, KVM_SET_TSS_ADDR, (void *)0xfeffd000ul);
	error = enable_capability(fd, KVM_CAP_SPLIT_IRQCHIP, KVM_IOAPIC_PINS);
	if (error)
		return error;
	error = enable_capability(fd, KVM_CAP_X2APIC_API,
				  KVM_X2APIC_API_USE_32BIT_IDS |
				  KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK);
	/* To look at a log must not clear it. */
	if (!error && dirty_log)
		error = enable_capability(fd, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
					  KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE);
	return error;
}

/* KVM answers EINTR when a signal comes while it creates the VM. */
static int create_vm_fd(int kvm_fd)
{
	int fd;

	do
		fd = hv_ioctl(kvm_fd, KVM_CREATE_VM, NULL);
	while (fd == -EINTR);
	return fd;
}

int hv_kvm_vm_create(struct hv *hv, struct hv_vm **ret_vm)
{
	int run_size = hv_ioctl(hv->fd, KVM_GET_VCPU_MMAP_SIZE, NULL);
	struct kvm_vm *vm;
	int error;

	if (run_size < 0)
		return run_size;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	vm->base.ops = hv->ops;
	vm->base.hv = hv;
	vm->run_size = (size_t)run_size;
	pthread_mutex_init(&vm->lock, NULL);
	vm->base.fd = create_vm_fd(hv->fd);
	error = vm->base.fd < 0 ? vm->base.fd : set_up_vm(vm->base.fd, hv->info.dirty_log);
	if (!error && hv->no_halt_poll)
		error = enable_capability(vm->base.fd, KVM_CAP_HALT_POLL, 0);
	if (error) {
		hv_kvm_vm_destroy(&vm->base);
		return error;
	}
	*ret_vm = &vm->base;
	return 0;
}

void hv_kvm_vm_destroy(struct hv_vm *base)
{
	struct kvm_vm *vm = to_kvm_vm(base);

	if (base->fd >= 0)
		close(base->fd);
	pthread_mutex_destroy(&vm->lock);
	free(vm->irqfds);
	free(vm);
}

/* ---- slots ---- */

int hv_kvm_set_slot(struct hv_vm *base, const struct hv_slot *slot)
{
	struct kvm_userspace_memory_region call = {
		.slot = slot->id,
		.flags = (slot->readonly ? KVM_MEM_READONLY : 0) |
			 (slot->log_dirty ? KVM_MEM_LOG_DIRTY_PAGES : 0),
		.guest_phys_addr = slot->gpa,
		.memory_size = slot->size,
		.userspace_addr = (uintptr_t)slot->hva,
	};
	struct kvm_vm *vm = to_kvm_vm(base);
	int error;

	if (slot->id >= BATON_MAX_SLOTS)
		return -EINVAL;
	pthread_mutex_lock(&vm->lock);
	error = hv_ioctl(base->fd, KVM_SET_USER_MEMORY_REGION, &call);
	if (!error)
		vm->slot_pages[slot->id] = slot->size / BATON_PAGE_SIZE;
	pthread_mutex_unlock(&vm->lock);
	return error;
}

/* KVM knows all of a slot's log or nothing: a part is copied out of it. */
static int get_part(struct kvm_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		    uint64_t *bitmap)
{
	struct kvm_dirty_log call = { .slot = slot };
	uint64_t pages = vm->slot_pages[slot];
	uint64_t *all;
	int error;

	if (!pages)
		return -ENOENT;
	if (first >= pages || count > pages - first || (count % 64 && count != pages - first))
		return -EINVAL;
	all = count == pages ? bitmap : calloc((pages + 63) / 64, sizeof(*all));
	if (!all)
		return -ENOMEM;
	call.dirty_bitmap = all;
	error = hv_ioctl(vm->base.fd, KVM_GET_DIRTY_LOG, &call);
	if (!error && all != bitmap)
		memcpy(bitmap, all + first / 64, (count + 63) / 64 * sizeof(*all));
	if (all != bitmap)
		free(all);
	return error;
}

int hv_kvm_get_dirty(struct hv_vm *base, uint32_t slot, uint64_t first, uint64_t count,
		     uint64_t *bitmap)
{
	struct kvm_vm *vm = to_kvm_vm(base);
	int error;

	if (slot >= BATON_MAX_SLOTS)
		return -EINVAL;
	pthread_mutex_lock(&vm->lock);
	error = get_part(vm, slot, first, count, bitmap);
	pthread_mutex_unlock(&vm->lock);
	return error;
}

int hv_kvm_clear_dirty(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		       const uint64_t *bitmap)
{
	struct kvm_clear_dirty_log call = {
		.slot = slot,
		.num_pages = (uint32_t)count,
		.first_page = first,
		.dirty_bitmap = (void *)(uintptr_t)bitmap,
	};

	if (slot >= BATON_MAX_SLOTS || count > UINT32_MAX)
		return -EINVAL;
	return hv_ioctl(vm->fd, KVM_CLEAR_DIRTY_LOG, &call);
}

int hv_kvm_send_msi(struct hv_vm *vm, uint64_t address, uint32_t data)
{
	struct kvm_msi call = {
		.address_lo = (uint32_t)address,
		.address_hi = (uint32_t)(address >> 32),
		.data = data,
	};
	int delivered = hv_ioctl(vm->fd, KVM_SIGNAL_MSI, &call);

	return delivered < 0 ? delivered : 0;
}

/* ---- routing ---- */

static void fill_route(struct kvm_irq_routing_entry *entry, uint32_t gsi,
		       uint64_t address, uint32_t data)
{
	entry->gsi = gsi;
	entry->type = KVM_IRQ_ROUTING_MSI;
	entry->u.msi.address_lo = (uint32_t)address;
	entry->u.msi.address_hi = (uint32_t)(address >> 32);
	entry->u.msi.data = data;
}

static int install_routing_locked(struct kvm_vm *vm)
{
	struct kvm_irq_routing *table;
	unsigned int room = KVM_IOAPIC_PINS + vm->irqfd_count;
	int error;

	table = calloc(1, sizeof(*table) + room * sizeof(table->entries[0]));
	if (!table)
		return -ENOMEM;
	for (unsigned int i = 0; i < KVM_IOAPIC_PINS; i++)
		if (vm->pin[i].used)
			fill_route(&table->entries[table->nr++], i, vm->pin[i].address,
				   vm->pin[i].data);
	for (unsigned int i = 0; i < vm->irqfd_count; i++)
		if (vm->irqfds[i].fd >= 0)
			fill_route(&table->entries[table->nr++], KVM_IOAPIC_PINS + i,
				   vm->irqfds[i].address, vm->irqfds[i].data);
	error = hv_ioctl(vm->base.fd, KVM_SET_GSI_ROUTING, table);
	free(table);
	return error;
}

int hv_kvm_ioapic_route(struct hv_vm *base, unsigned int pin, uint64_t address,
			uint32_t data, bool level)
{
	struct kvm_vm *vm = to_kvm_vm(base);
	int error = 0;

	if (pin >= KVM_IOAPIC_PINS)
		return -EINVAL;
	pthread_mutex_lock(&vm->lock);
	if (vm->pin[pin].used != level || (level && (vm->pin[pin].address != address ||
						     vm->pin[pin].data != data))) {
		struct kvm_pin old = vm->pin[pin];

		vm->pin[pin].used = level;
		vm->pin[pin].address = address;
		vm->pin[pin].data = data;
		error = install_routing_locked(vm);
		/* What is not there is not to be remembered: the guest may try again. */
		if (error)
			vm->pin[pin] = old;
	}
	pthread_mutex_unlock(&vm->lock);
	return error;
}

/* Index of fd's binding, of a free one for fd -1, or irqfd_count. */
static unsigned int find_binding(const struct kvm_vm *vm, int fd)
{
	unsigned int i = 0;

	while (i < vm->irqfd_count && vm->irqfds[i].fd != fd)
		i++;
	return i;
}

static int grow_bindings(struct kvm_vm *vm)
{
	unsigned int count = vm->irqfd_count + 16;
	struct kvm_irqfd_binding *grown;

	if (vm->irqfd_count >= BATON_MAX_EVENTFDS)
		return -ENOSPC;
	grown = realloc(vm->irqfds, count * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (unsigned int i = vm->irqfd_count; i < count; i++)
		grown[i].fd = -1;
	vm->irqfds = grown;
	vm->irqfd_count = count;
	return 0;
}

static int call_irqfd(struct kvm_vm *vm, int fd, unsigned int index, uint32_t flags)
{
	struct kvm_irqfd call = {
		.fd = (uint32_t)fd,
		.gsi = KVM_IOAPIC_PINS + index,
		.flags = flags,
	};

	return hv_ioctl(vm->base.fd, KVM_IRQFD, &call);
}

/* A binding that exists gets the new message; both steps undo on failure. */
static int bind_locked(struct kvm_vm *vm, int fd, uint64_t address, uint32_t data)
{
	unsigned int i = find_binding(vm, fd);
	bool known = i < vm->irqfd_count;
	struct kvm_irqfd_binding was;
	int error;

	if (!known)
		i = find_binding(vm, -1);
	if (i == vm->irqfd_count) {
		error = grow_bindings(vm);
		if (error)
			return error;
	}
	was = vm->irqfds[i];
	vm->irqfds[i] = (struct kvm_irqfd_binding){ fd, address, data };
	error = install_routing_locked(vm);
	if (!error && !known)
		error = call_irqfd(vm, fd, i, 0);
	if (error)
		vm->irqfds[i] = was;
	return error;
}

static int unbind_locked(struct kvm_vm *vm, int fd)
{
	unsigned int i = find_binding(vm, fd);
	int error;

	if (i == vm->irqfd_count)
		return -ENOENT;
	error = call_irqfd(vm, fd, i, KVM_IRQFD_FLAG_DEASSIGN);
	vm->irqfds[i].fd = -1;
	return error ? error : install_routing_locked(vm);
}

int hv_kvm_irqfd(struct hv_vm *base, int fd, uint64_t address, uint32_t data, bool on)
{
	struct kvm_vm *vm = to_kvm_vm(base);
	int error;

	if (fd < 0)
		return -EBADF;
	pthread_mutex_lock(&vm->lock);
	error = on ? bind_locked(vm, fd, address, data) : unbind_locked(vm, fd);
	pthread_mutex_unlock(&vm->lock);
	return error;
}

int hv_kvm_ioeventfd(struct hv_vm *vm, int fd, uint64_t address, bool port, uint32_t size,
		     bool on)
{
	struct kvm_ioeventfd call = {
		.addr = address,
		.len = size,
		.fd = fd,
		.flags = (port ? KVM_IOEVENTFD_FLAG_PIO : 0) |
			 (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	return hv_ioctl(vm->fd, KVM_IOEVENTFD, &call);
}

/* ---- clock ---- */

int hv_kvm_get_clock(struct hv_vm *vm, uint64_t *ret_ns)
{
	struct kvm_clock_data call = { 0 };
	int error = hv_ioctl(vm->fd, KVM_GET_CLOCK, &call);

	if (!error)
		*ret_ns = call.clock;
	return error;
}

int hv_kvm_set_clock(struct hv_vm *vm, uint64_t ns)
{
	struct kvm_clock_data call = { .clock = ns };

	return hv_ioctl(vm->fd, KVM_SET_CLOCK, &call);
}

/* EINVAL: the guest has no such clock. */
int hv_kvm_note_stopped(struct hv_vcpu *vcpu)
{
	int error = hv_ioctl(vcpu->fd, KVM_KVMCLOCK_CTRL, NULL);

	return error == -EINVAL ? 0 : error;
}

int hv_kvm_set_tsc_khz(struct hv_vm *vm, uint32_t khz)
{
	int able = hv_ioctl(vm->hv->fd, KVM_CHECK_EXTENSION, (void *)KVM_CAP_VM_TSC_CONTROL);

	if (able <= 0)
		return able < 0 ? able : -EOPNOTSUPP;
	return hv_ioctl(vm->fd, KVM_SET_TSC_KHZ, (void *)(uintptr_t)khz);
}
