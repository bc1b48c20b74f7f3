// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSI-X of a function: the table and the pending bits in a BAR of their own,
 * and the way of a message to the engine. A vector that can be delivered is
 * bound to an eventfd in the engine if the function has an irqfd hook, so that
 * sending takes no lock; else the message goes to the host's sink.
 * PCI Local Bus 3.0, section 6.8.2 "MSI-X Capability and Table Structure".
 *
 * A vector is deliverable while MSI-X and bus mastering are on and neither the
 * function nor the vector is masked. Once a guest's write to a mask bit or to
 * an entry is done, no message goes out by the old state: the binding is taken
 * away before the write returns. A sender that still saw it leaves its signal
 * in the eventfd, and the engine picks that up when it binds the eventfd again.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pci_private.h"

#define MSIX_MAX_VECTORS 2048u
#define PAGE 4096u

struct msix_capability_body {	/* what comes after id and next */
	uint16_t control;
	uint32_t table, pba;
} __attribute__((packed));

/* Indices into an entry of the table. */
enum { ADDRESS_LOW, ADDRESS_HIGH, DATA, CONTROL };

static uint64_t message_address(const struct pci_msix_vector *v)
{
	return v->entry[ADDRESS_LOW] | (uint64_t)v->entry[ADDRESS_HIGH] << 32;
}

static bool goes_to_apic(const struct pci_msix_vector *v)
{
	return pci_is_msi_address(message_address(v));
}

static bool deliverable(struct pci_function *fn, const struct pci_msix_vector *v)
{
	struct pci_msix *msix = fn->msix;

	return atomic_load(&msix->enabled) && !msix->masked && atomic_load(&fn->bus_master) &&
	       !(v->entry[CONTROL] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static void unbind_locked(struct pci_function *fn, struct pci_msix_vector *v)
{
	atomic_store(&v->bound, false);
	fn->config.irqfd(fn->dev, v->fd, v->bound_address, v->bound_data, false);
}

static void bind_locked(struct pci_function *fn, struct pci_msix_vector *v)
{
	uint64_t address = message_address(v);

	if (fn->config.irqfd(fn->dev, v->fd, address, v->entry[DATA], true))
		return;
	v->bound_address = address;
	v->bound_data = v->entry[DATA];
	atomic_store(&v->bound, true);
}

static void deliver_locked(struct pci_function *fn, const struct pci_msix_vector *v)
{
	const struct msi_sink *sink = &fn->host->config.msi;

	if (goes_to_apic(v) && sink->send)
		sink->send(sink->ctx, message_address(v), v->entry[DATA]);
}

/* After any change of what decides about the vector. */
static void vector_update_locked(struct pci_function *fn, struct pci_msix_vector *v)
{
	bool ready = deliverable(fn, v);
	bool bound = atomic_load(&v->bound);

	if (bound && (!ready || message_address(v) != v->bound_address ||
		      v->entry[DATA] != v->bound_data)) {
		unbind_locked(fn, v);
		bound = false;
	}
	if (ready && !bound && v->fd >= 0 && goes_to_apic(v))
		bind_locked(fn, v);
	if (ready && v->pending) {
		v->pending = false;
		deliver_locked(fn, v);
	}
}

void pci_msix_send(struct pci_function *fn, unsigned int vector)
{
	struct pci_msix *msix = fn->msix;
	struct pci_msix_vector *v;

	if (!msix || vector >= msix->count)
		return;
	v = &msix->vector[vector];
	if (atomic_load(&v->bound)) {
		eventfd_write(v->fd, 1);
		return;
	}
	pthread_mutex_lock(&msix->lock);
	if (deliverable(fn, v))
		deliver_locked(fn, v);
	else if (atomic_load(&msix->enabled))
		v->pending = true;
	pthread_mutex_unlock(&msix->lock);
}

bool pci_msix_enabled(struct pci_function *fn)
{
	return fn->msix && atomic_load(&fn->msix->enabled);
}

void pci_msix_update(struct pci_function *fn)
{
	struct pci_msix *msix = fn->msix;
	uint16_t control;

	if (!msix)
		return;
	control = pci_get16(fn, msix->capability + PCI_MSIX_FLAGS);
	pthread_mutex_lock(&msix->lock);
	atomic_store(&msix->enabled, control & PCI_MSIX_FLAGS_ENABLE);
	msix->masked = control & PCI_MSIX_FLAGS_MASKALL;
	for (unsigned int i = 0; i < msix->count; i++)
		vector_update_locked(fn, &msix->vector[i]);
	pthread_mutex_unlock(&msix->lock);
}

static uint64_t table_bytes(const struct pci_msix *msix)
{
	return (uint64_t)msix->count * PCI_MSIX_ENTRY_SIZE;
}

/* The BAR's first half is the table, the second the pending bits. */
static uint64_t pba_offset(const struct pci_function *fn)
{
	return fn->config.bar[fn->config.msix_bar].size / 2;
}

static uint32_t pba_read32(const struct pci_msix *msix, uint64_t offset)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < 32 && offset * 8 + i < msix->count; i++)
		bits |= (uint32_t)msix->vector[offset * 8 + i].pending << i;
	return bits;
}

static uint32_t bar_read32(struct pci_function *fn, uint64_t offset)
{
	struct pci_msix *msix = fn->msix;

	if (offset < table_bytes(msix))
		return msix->vector[offset / PCI_MSIX_ENTRY_SIZE]
			.entry[offset % PCI_MSIX_ENTRY_SIZE / 4];
	if (offset >= pba_offset(fn))
		return pba_read32(msix, offset - pba_offset(fn));
	return 0;
}

/* Aligned dwords and qwords only; the specification leaves the rest undefined. */
static bool access_ok(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && offset % size == 0;
}

static uint64_t msix_bar_read(void *dev, uint64_t offset, unsigned int size)
{
	struct pci_function *fn = dev;
	uint64_t value;

	if (!access_ok(offset, size))
		return 0;
	pthread_mutex_lock(&fn->msix->lock);
	value = bar_read32(fn, offset);
	if (size == 8)
		value |= (uint64_t)bar_read32(fn, offset + 4) << 32;
	pthread_mutex_unlock(&fn->msix->lock);
	return value;
}

static void entry_write32(struct pci_msix_vector *v, unsigned int index, uint32_t value)
{
	if (index == ADDRESS_LOW)
		value &= ~3u;
	else if (index == CONTROL)
		value &= PCI_MSIX_ENTRY_CTRL_MASKBIT;
	v->entry[index] = value;
}

static void msix_bar_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct pci_function *fn = dev;
	struct pci_msix_vector *v;
	unsigned int index = offset % PCI_MSIX_ENTRY_SIZE / 4;

	if (!access_ok(offset, size) || offset >= table_bytes(fn->msix))
		return;
	v = &fn->msix->vector[offset / PCI_MSIX_ENTRY_SIZE];
	pthread_mutex_lock(&fn->msix->lock);
	entry_write32(v, index, (uint32_t)value);
	if (size == 8)
		entry_write32(v, index + 1, (uint32_t)(value >> 32));
	vector_update_locked(fn, v);
	pthread_mutex_unlock(&fn->msix->lock);
}

static const struct bus_ops msix_bar_ops = { msix_bar_read, msix_bar_write };

/* Room for the table in one half, of the pending bits in the other. */
static uint64_t msix_bar_size(unsigned int count)
{
	uint64_t half = PAGE / 2;

	while (half < (uint64_t)count * PCI_MSIX_ENTRY_SIZE)
		half *= 2;
	return 2 * half;
}

static int msix_add_capability(struct pci_function *fn)
{
	struct msix_capability_body body = {
		.control = (uint16_t)(fn->config.msix_vectors - 1),
		.table = fn->config.msix_bar,
		.pba = (uint32_t)pba_offset(fn) | fn->config.msix_bar,
	};
	int offset = pci_add_capability(fn, PCI_CAP_ID_MSIX, &body, sizeof(body) + 2);

	if (offset < 0)
		return offset;
	fn->msix->capability = (uint8_t)offset;
	fn->writable[offset + PCI_MSIX_FLAGS + 1] =
		(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
	return 0;
}

static int create_eventfds(struct pci_msix *msix)
{
	for (unsigned int i = 0; i < msix->count; i++) {
		msix->vector[i].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (msix->vector[i].fd < 0)
			return -errno;
	}
	return 0;
}

static struct pci_msix *msix_alloc(unsigned int count)
{
	struct pci_msix *msix = calloc(1, sizeof(*msix) + count * sizeof(msix->vector[0]));

	if (!msix)
		return NULL;
	pthread_mutex_init(&msix->lock, NULL);
	msix->count = count;
	for (unsigned int i = 0; i < count; i++) {
		msix->vector[i].fd = -1;
		msix->vector[i].entry[CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
	return msix;
}

int pci_msix_init(struct pci_function *fn)
{
	struct pci_function_config *config = &fn->config;
	struct pci_bar *bar;

	if (!config->msix_vectors)
		return 0;
	if (config->msix_vectors > MSIX_MAX_VECTORS || config->msix_bar >= PCI_BARS ||
	    config->bar[config->msix_bar].size)
		return -EINVAL;
	bar = &config->bar[config->msix_bar];
	*bar = (struct pci_bar){ .size = msix_bar_size(config->msix_vectors),
				 .ops = &msix_bar_ops };
	fn->msix = msix_alloc(config->msix_vectors);
	if (!fn->msix)
		return -ENOMEM;
	if (config->irqfd) {
		int error = create_eventfds(fn->msix);

		if (error)
			return error;
	}
	return msix_add_capability(fn);
}

void pci_msix_fini(struct pci_function *fn)
{
	struct pci_msix *msix = fn->msix;

	if (!msix)
		return;
	for (unsigned int i = 0; i < msix->count; i++) {
		struct pci_msix_vector *v = &msix->vector[i];

		if (atomic_load(&v->bound))
			unbind_locked(fn, v);
		if (v->fd >= 0)
			close(v->fd);
	}
	pthread_mutex_destroy(&msix->lock);
	free(msix);
	fn->msix = NULL;
}

/* Section 6.8.2.9: after reset every vector is masked. */
void pci_msix_reset(struct pci_function *fn)
{
	struct pci_msix *msix = fn->msix;
	uint64_t stale;

	if (!msix)
		return;
	fn->space[msix->capability + PCI_MSIX_FLAGS + 1] &=
		(uint8_t)~((PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8);
	pci_msix_update(fn);
	pthread_mutex_lock(&msix->lock);
	for (unsigned int i = 0; i < msix->count; i++) {
		struct pci_msix_vector *v = &msix->vector[i];

		memset(v->entry, 0, sizeof(v->entry));
		v->entry[CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		v->pending = false;
		if (v->fd >= 0) /* a signal of before the reset must not be sent after it */
			(void)!read(v->fd, &stale, sizeof(stale));
	}
	pthread_mutex_unlock(&msix->lock);
}
