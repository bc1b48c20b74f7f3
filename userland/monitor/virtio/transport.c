// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a virtio device is, apart from where its registers are: status, features
 * and reset (virtio 1.2, 2.1-2.4), interrupts, and the common configuration
 * through which the driver sets all of them (4.1.4.3).
 *
 * A device runs while the driver has set DRIVER_OK and the function may master
 * the bus. Everything that ends one of the two (reset, FAILED aside) waits
 * until the device has finished the requests it had taken, so that afterwards
 * guest memory is the guest's alone.
 */
#include "virtio/transport.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "core/pci.h"
#include "virtio/transport_private.h"

#define ISR_QUEUE 1u
#define ISR_CONFIG 2u

#define STATUS_DRIVER_SETS \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK | \
	 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_FAILED)

const struct state_field virtio_device_state[] = {
	STATE_FIELD(struct virtio_device, features),
	STATE_FIELD(struct virtio_device, offered_select),
	STATE_FIELD(struct virtio_device, features_select),
	STATE_FIELD(struct virtio_device, queue_select),
	STATE_ARRAY(struct virtio_device, window),
	STATE_FIELD(struct virtio_device, status),
	STATE_FIELD(struct virtio_device, isr),
	STATE_FIELD(struct virtio_device, config_vector),
	STATE_FIELD(struct virtio_device, config_generation),
};
const unsigned int virtio_device_state_count =
	sizeof(virtio_device_state) / sizeof(virtio_device_state[0]);

const struct state_field virtio_queue_state[] = {
	STATE_FIELD(struct virtio_queue, enabled),
	STATE_FIELD(struct virtio_queue, vector),
	STATE_FIELD(struct virtio_queue, ring.desc_gpa),
	STATE_FIELD(struct virtio_queue, ring.avail_gpa),
	STATE_FIELD(struct virtio_queue, ring.used_gpa),
	STATE_FIELD(struct virtio_queue, ring.size),
	STATE_FIELD(struct virtio_queue, ring.next_avail),
	STATE_FIELD(struct virtio_queue, ring.next_used),
};
const unsigned int virtio_queue_state_count =
	sizeof(virtio_queue_state) / sizeof(virtio_queue_state[0]);

/* ---- interrupts ---- */

/* 4.1.4.5.1: for drivers without MSI-X. INTA# is up until they have read why. */
static void set_isr(struct virtio_device *dev, uint8_t bits)
{
	pthread_mutex_lock(&dev->isr_lock);
	dev->isr |= bits;
	pci_intx_set(dev->pci, true);
	pthread_mutex_unlock(&dev->isr_lock);
}

uint8_t virtio_isr_take(struct virtio_device *dev)
{
	uint8_t isr;

	pthread_mutex_lock(&dev->isr_lock);
	isr = dev->isr;
	dev->isr = 0;
	if (dev->pci)
		pci_intx_set(dev->pci, false);
	pthread_mutex_unlock(&dev->isr_lock);
	return isr;
}

static void interrupt(struct virtio_device *dev, uint16_t vector, uint8_t isr)
{
	if (!pci_msix_enabled(dev->pci))
		set_isr(dev, isr);
	else if (vector != VIRTIO_MSI_NO_VECTOR)
		pci_msix_send(dev->pci, vector);
}

void virtio_queue_flush(struct virtio_queue *queue)
{
	if (virtq_publish(&queue->ring))
		interrupt(queue->dev, atomic_load(&queue->vector), ISR_QUEUE);
}

/* Guests can cause these at will: the first, second, fourth … of them. */
bool virtio_log_worthy(_Atomic(uint32_t) *counter)
{
	uint32_t count = atomic_fetch_add(counter, 1) + 1;

	return !(count & (count - 1));
}

void virtio_device_fail(struct virtio_device *dev, const char *why)
{
	uint8_t before = atomic_fetch_or(&dev->status, VIRTIO_CONFIG_S_NEEDS_RESET);

	if (before & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	if (virtio_log_worthy(&dev->failures))
		fprintf(stderr, "baton-vm: %s: stopped until its driver resets it: %s\n",
			dev->class->name, why);
	if (before & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(dev, atomic_load(&dev->config_vector), ISR_CONFIG);
}

void virtio_device_config_changed(struct virtio_device *dev)
{
	atomic_fetch_add(&dev->config_generation, 1);
	if (atomic_load(&dev->status) & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(dev, atomic_load(&dev->config_vector), ISR_CONFIG);
}

int virtio_queue_pop(struct virtio_queue *queue, struct virtq_chain *chain)
{
	int got = virtq_pop(&queue->ring, chain);

	if (got < 0)
		virtio_device_fail(queue->dev, "its driver broke the rules of the virtqueue");
	return got;
}

/* ---- running and reset ---- */

static int rings_start_locked(struct virtio_device *dev)
{
	int error = 0;

	for (unsigned int i = 0; i < dev->class->queue_count && !error; i++)
		if (dev->queue[i].enabled)
			error = virtq_start(&dev->queue[i].ring, dev->machine->memory,
					    dev->features);
	return error;
}

static void rings_stop_locked(struct virtio_device *dev)
{
	for (unsigned int i = 0; i < dev->class->queue_count; i++)
		virtq_stop(&dev->queue[i].ring);
}

static void start_locked(struct virtio_device *dev)
{
	int error = rings_start_locked(dev);

	if (error) {
		rings_stop_locked(dev);
		virtio_device_fail(dev, "its driver put a virtqueue where none can be");
		return;
	}
	error = dev->class->start(dev);
	if (error) {
		rings_stop_locked(dev);
		virtio_device_fail(dev, strerror(-error));
		return;
	}
	dev->running = true;
}

static void stop_locked(struct virtio_device *dev)
{
	dev->class->stop(dev);
	rings_stop_locked(dev);
	dev->running = false;
}

/* After a change of status or bus mastering. */
void virtio_run_or_stop_locked(struct virtio_device *dev)
{
	uint8_t status = atomic_load(&dev->status);
	bool wanted = (status & VIRTIO_CONFIG_S_DRIVER_OK) && dev->bus_master;

	if (wanted && !dev->running && !(status & VIRTIO_CONFIG_S_NEEDS_RESET))
		start_locked(dev);
	else if (!wanted && dev->running)
		stop_locked(dev);
}

static void queue_reset_locked(struct virtio_queue *queue)
{
	eventfd_t stale;

	virtq_reset(&queue->ring, queue->dev->class->queue_size);
	queue->enabled = false;
	atomic_store(&queue->vector, VIRTIO_MSI_NO_VECTOR);
	(void)!eventfd_read(queue->kick_fd, &stale); /* kicks of before the reset */
}

static void reset_locked(struct virtio_device *dev)
{
	if (dev->running)
		stop_locked(dev);
	dev->features = 0;
	dev->offered_select = dev->features_select = 0;
	dev->queue_select = 0;
	virtio_isr_take(dev);
	atomic_store(&dev->config_vector, VIRTIO_MSI_NO_VECTOR);
	for (unsigned int i = 0; i < dev->class->queue_count; i++)
		queue_reset_locked(&dev->queue[i]);
	if (dev->class->reset)
		dev->class->reset(dev);
	atomic_store(&dev->status, 0);
}

void virtio_device_reset(struct virtio_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	reset_locked(dev);
	pthread_mutex_unlock(&dev->lock);
}

bool virtio_has_feature(const struct virtio_device *dev, unsigned int bit)
{
	return dev->features >> bit & 1;
}

/* 2.2.2, 6.2: a subset of the offer, and no legacy driver. */
static bool features_ok(const struct virtio_device *dev)
{
	return !(dev->features & ~dev->offered) && virtio_has_feature(dev, VIRTIO_F_VERSION_1);
}

/* 2.1, 3.1.1: bits are only ever added; zero is a reset. */
static void status_write_locked(struct virtio_device *dev, uint8_t value)
{
	uint8_t old = atomic_load(&dev->status);
	uint8_t added = (uint8_t)(value & ~old & STATUS_DRIVER_SETS);

	if (!value) {
		reset_locked(dev);
		return;
	}
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) && !features_ok(dev))
		added &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	if (!((old | added) & VIRTIO_CONFIG_S_FEATURES_OK))
		added &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
	atomic_fetch_or(&dev->status, added);
	virtio_run_or_stop_locked(dev);
}

/* ---- common configuration, 4.1.4.3 ---- */

/* Of the queue selected; NULL if there is no such queue. */
static struct virtio_queue *selected(struct virtio_device *dev)
{
	return dev->queue_select < dev->class->queue_count ? &dev->queue[dev->queue_select] :
							     NULL;
}

static uint32_t feature_half(uint64_t bits, uint32_t select)
{
	return select < 2 ? (uint32_t)(bits >> (32 * select)) : 0;
}

static uint32_t queue_read_locked(struct virtio_device *dev, uint64_t offset)
{
	struct virtio_queue *queue = selected(dev);

	if (!queue) /* 4.1.4.3.1: size 0 says that it is not there */
		return offset == VIRTIO_PCI_COMMON_Q_MSIX ? VIRTIO_MSI_NO_VECTOR : 0;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE: return queue->ring.size;
	case VIRTIO_PCI_COMMON_Q_MSIX: return atomic_load(&queue->vector);
	case VIRTIO_PCI_COMMON_Q_ENABLE: return queue->enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF: return dev->queue_select;
	case VIRTIO_PCI_COMMON_Q_DESCLO: return (uint32_t)queue->ring.desc_gpa;
	case VIRTIO_PCI_COMMON_Q_DESCHI: return (uint32_t)(queue->ring.desc_gpa >> 32);
	case VIRTIO_PCI_COMMON_Q_AVAILLO: return (uint32_t)queue->ring.avail_gpa;
	case VIRTIO_PCI_COMMON_Q_AVAILHI: return (uint32_t)(queue->ring.avail_gpa >> 32);
	case VIRTIO_PCI_COMMON_Q_USEDLO: return (uint32_t)queue->ring.used_gpa;
	case VIRTIO_PCI_COMMON_Q_USEDHI: return (uint32_t)(queue->ring.used_gpa >> 32);
	default: return 0;
	}
}

uint32_t virtio_common_read_locked(struct virtio_device *dev, uint64_t offset)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT: return dev->offered_select;
	case VIRTIO_PCI_COMMON_DF: return feature_half(dev->offered, dev->offered_select);
	case VIRTIO_PCI_COMMON_GFSELECT: return dev->features_select;
	case VIRTIO_PCI_COMMON_GF: return feature_half(dev->features, dev->features_select);
	case VIRTIO_PCI_COMMON_MSIX: return atomic_load(&dev->config_vector);
	case VIRTIO_PCI_COMMON_NUMQ: return dev->class->queue_count;
	case VIRTIO_PCI_COMMON_STATUS: return atomic_load(&dev->status);
	case VIRTIO_PCI_COMMON_CFGGENERATION: return atomic_load(&dev->config_generation);
	case VIRTIO_PCI_COMMON_Q_SELECT: return dev->queue_select;
	default: return queue_read_locked(dev, offset);
	}
}

/* 4.1.5.1.2: a vector that is not there reads back as NO_VECTOR. */
static uint16_t valid_vector(const struct virtio_device *dev, uint32_t value)
{
	return value <= dev->class->queue_count ? (uint16_t)value : VIRTIO_MSI_NO_VECTOR;
}

static void set_half(uint64_t *to, bool high, uint32_t value)
{
	if (high)
		*to = (*to & UINT32_MAX) | (uint64_t)value << 32;
	else
		*to = (*to & ~(uint64_t)UINT32_MAX) | value;
}

static void queue_set_size(struct virtio_queue *queue, uint32_t size)
{
	if (size && size <= queue->dev->class->queue_size && !(size & (size - 1)))
		queue->ring.size = (uint16_t)size;
}

/* 4.1.4.3.2: the driver sets a queue up, then enables it, then DRIVER_OK. */
static void queue_setup_locked(struct virtio_queue *queue, uint64_t offset, uint32_t value)
{
	struct virtq *ring = &queue->ring;

	if (queue->enabled ||
	    atomic_load(&queue->dev->status) & VIRTIO_CONFIG_S_DRIVER_OK)
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE: queue_set_size(queue, value); break;
	case VIRTIO_PCI_COMMON_Q_ENABLE: queue->enabled = value == 1; break;
	case VIRTIO_PCI_COMMON_Q_DESCLO: set_half(&ring->desc_gpa, false, value); break;
	case VIRTIO_PCI_COMMON_Q_DESCHI: set_half(&ring->desc_gpa, true, value); break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO: set_half(&ring->avail_gpa, false, value); break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI: set_half(&ring->avail_gpa, true, value); break;
	case VIRTIO_PCI_COMMON_Q_USEDLO: set_half(&ring->used_gpa, false, value); break;
	case VIRTIO_PCI_COMMON_Q_USEDHI: set_half(&ring->used_gpa, true, value); break;
	}
}

static void queue_write_locked(struct virtio_device *dev, uint64_t offset, uint32_t value)
{
	struct virtio_queue *queue = selected(dev);

	if (!queue)
		return;
	if (offset == VIRTIO_PCI_COMMON_Q_MSIX)
		atomic_store(&queue->vector, valid_vector(dev, value));
	else
		queue_setup_locked(queue, offset, value);
}

static void features_write_locked(struct virtio_device *dev, uint32_t value)
{
	bool settled = atomic_load(&dev->status) & VIRTIO_CONFIG_S_FEATURES_OK;

	if (!settled && dev->features_select < 2)
		set_half(&dev->features, dev->features_select, value);
}

void virtio_common_write_locked(struct virtio_device *dev, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT: dev->offered_select = value; break;
	case VIRTIO_PCI_COMMON_GFSELECT: dev->features_select = value; break;
	case VIRTIO_PCI_COMMON_GF: features_write_locked(dev, value); break;
	case VIRTIO_PCI_COMMON_MSIX:
		atomic_store(&dev->config_vector, valid_vector(dev, value));
		break;
	case VIRTIO_PCI_COMMON_STATUS: status_write_locked(dev, (uint8_t)value); break;
	case VIRTIO_PCI_COMMON_Q_SELECT: dev->queue_select = (uint16_t)value; break;
	default: queue_write_locked(dev, offset, value);
	}
}
