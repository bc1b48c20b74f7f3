// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a virtio device's registers are: virtio 1.2, 4.1.4.
 *
 * Two BARs beside MSI-X's. The MMIO one holds common configuration, ISR and
 * the device's configuration: slow path, one lock. The port one holds nothing
 * but the notification addresses, one per queue, each bound to the queue's
 * eventfd in the engine if that can: a kick is then an OUT whose exit never
 * leaves the kernel, and which needs no decoding there.
 *
 * Registers are read and written with the width of the field, as 4.1.3.1 asks
 * of drivers; of other accesses only 64-bit ones are more than "no harm done".
 */
#include "virtio/transport_private.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/pci.h"
#include "hv.h"

#define PCI_VENDOR_VIRTIO 0x1af4
#define PCI_DEVICE_MODERN 0x1040 /* + device type, 4.1.2.1 */
#define PCI_REVISION_MODERN 1
#define PCI_CAPABILITY_VENDOR 9

enum { BAR_MMIO, BAR_NOTIFY, BAR_MSIX };

/* The MMIO BAR. */
#define COMMON_OFFSET 0x000u
#define COMMON_SIZE sizeof(struct virtio_pci_common_cfg)
#define ISR_OFFSET 0x100u
#define ISR_SIZE 1u
#define DEVICE_OFFSET 0x200u
#define MMIO_SIZE 0x1000u
#define DEVICE_SIZE_MAX (MMIO_SIZE - DEVICE_OFFSET)

/* The port BAR: one address per queue, written with 16 bits (4.1.5.2). */
#define NOTIFY_STRIDE 4u
#define NOTIFY_WIDTH 2u
#define NOTIFY_SIZE (NOTIFY_STRIDE * VIRTIO_MAX_QUEUES)

#define TRANSPORT_FEATURES \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_EVENT_IDX | \
	 1ull << VIRTIO_RING_F_INDIRECT_DESC)

/* ---- the MMIO BAR ---- */

static bool in_config(const struct virtio_device *dev, uint64_t offset, unsigned int size)
{
	return offset < dev->config_size && size <= dev->config_size - offset;
}

static uint64_t config_read(struct virtio_device *dev, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	if (!in_config(dev, offset, size))
		return 0;
	pthread_mutex_lock(&dev->lock);
	memcpy(&value, (const char *)dev->config + offset, size);
	pthread_mutex_unlock(&dev->lock);
	return value;
}

static void config_write(struct virtio_device *dev, uint64_t offset, unsigned int size,
			 uint64_t value)
{
	if (!dev->class->config_write || !in_config(dev, offset, size))
		return;
	pthread_mutex_lock(&dev->lock);
	dev->class->config_write(dev, (uint32_t)offset, size, value);
	pthread_mutex_unlock(&dev->lock);
}

static uint64_t mmio_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct virtio_device *dev = ctx;
	uint64_t value = 0;

	if (offset >= DEVICE_OFFSET)
		return config_read(dev, offset - DEVICE_OFFSET, size);
	if (size == 8) /* 4.1.3.1: 64-bit fields are two of 32 */
		return mmio_read(ctx, offset, 4) | mmio_read(ctx, offset + 4, 4) << 32;
	if (offset == ISR_OFFSET)
		return virtio_isr_take(dev);
	if (offset < COMMON_OFFSET + COMMON_SIZE) {
		pthread_mutex_lock(&dev->lock);
		value = virtio_common_read_locked(dev, offset - COMMON_OFFSET);
		pthread_mutex_unlock(&dev->lock);
	}
	return value;
}

static void mmio_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct virtio_device *dev = ctx;

	if (offset >= DEVICE_OFFSET) {
		config_write(dev, offset - DEVICE_OFFSET, size, value);
		return;
	}
	if (size == 8) {
		mmio_write(ctx, offset, 4, value & UINT32_MAX);
		mmio_write(ctx, offset + 4, 4, value >> 32);
		return;
	}
	if (offset >= COMMON_OFFSET + COMMON_SIZE)
		return;
	pthread_mutex_lock(&dev->lock);
	virtio_common_write_locked(dev, offset - COMMON_OFFSET, (uint32_t)value);
	pthread_mutex_unlock(&dev->lock);
}

static const struct bus_ops mmio_ops = { mmio_read, mmio_write };

/* ---- the notify BAR, 4.1.4.4 ---- */

static uint64_t notify_read(void *ctx, uint64_t offset, unsigned int size)
{
	(void)ctx, (void)offset, (void)size;
	return 0;
}

/* Only without ioeventfd, or for odd widths. The address says it all, not the value. */
static void notify_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct virtio_device *dev = ctx;
	uint64_t queue = offset / NOTIFY_STRIDE;

	(void)size, (void)value;
	if (queue < dev->class->queue_count)
		(void)!eventfd_write(dev->queue[queue].kick_fd, 1);
}

static const struct bus_ops notify_ops = { notify_read, notify_write };

/* What the engine can do; NULL without one (tests). */
static const struct hv_info *engine(const struct virtio_device *dev)
{
	const struct machine *m = dev->machine;

	return m->hv && m->vm ? hv_get_info(m->hv) : NULL;
}

/* A refusal by the engine is fine: kicks then come through notify_write(). */
static void bar_mapped(void *ctx, unsigned int bar, uint64_t address, bool mapped)
{
	struct virtio_device *dev = ctx;
	const struct hv_info *info = engine(dev);

	if (bar != BAR_NOTIFY || !info || !info->ioeventfd)
		return;
	for (unsigned int i = 0; i < dev->class->queue_count; i++)
		hv_vm_ioeventfd(dev->machine->vm, dev->queue[i].kick_fd,
				(uint16_t)(address + i * NOTIFY_STRIDE), NOTIFY_WIDTH, mapped);
}

/* ---- configuration access through PCI configuration space, 4.1.4.9 ---- */

/* Offsets in the capability, less the 4 bytes in front of our window. */
enum {
	WINDOW_BAR = VIRTIO_PCI_CAP_BAR - 4,
	WINDOW_OFFSET = VIRTIO_PCI_CAP_OFFSET - 4,
	WINDOW_LENGTH = VIRTIO_PCI_CAP_LENGTH - 4,
	WINDOW_DATA = sizeof(struct virtio_pci_cap) - 4,
	WINDOW_SIZE = WINDOW_DATA + 4,
};
_Static_assert(WINDOW_DATA == sizeof(((struct virtio_device *)0)->window),
	       "the window's registers are kept in the device");

struct window_target {
	const struct bus_ops *ops;
	uint32_t offset, size;
};

static uint32_t window_get32(const struct virtio_device *dev, unsigned int offset)
{
	uint32_t value;

	memcpy(&value, &dev->window[offset], sizeof(value));
	return value;
}

/* Where the data register leads; false if the driver named no valid place. */
static bool window_target(struct virtio_device *dev, struct window_target *ret)
{
	uint8_t bar;

	pthread_mutex_lock(&dev->lock);
	bar = dev->window[WINDOW_BAR];
	ret->offset = window_get32(dev, WINDOW_OFFSET);
	ret->size = window_get32(dev, WINDOW_LENGTH);
	pthread_mutex_unlock(&dev->lock);
	if ((ret->size != 1 && ret->size != 2 && ret->size != 4) || ret->offset % ret->size)
		return false;
	ret->ops = bar == BAR_MMIO ? &mmio_ops : &notify_ops;
	return bar <= BAR_NOTIFY && ret->offset < (bar == BAR_MMIO ? MMIO_SIZE : NOTIFY_SIZE);
}

static uint64_t window_read(void *ctx, uint64_t offset, unsigned int size)
{
	struct virtio_device *dev = ctx;
	struct window_target to;
	uint64_t value = 0;

	if (offset == WINDOW_DATA)
		return window_target(dev, &to) ? to.ops->read(dev, to.offset, to.size) : 0;
	if (offset + size > WINDOW_DATA)
		return 0;
	pthread_mutex_lock(&dev->lock);
	memcpy(&value, &dev->window[offset], size);
	pthread_mutex_unlock(&dev->lock);
	return value;
}

static void window_write(void *ctx, uint64_t offset, unsigned int size, uint64_t value)
{
	struct virtio_device *dev = ctx;
	struct window_target to;

	if (offset == WINDOW_DATA) {
		if (window_target(dev, &to))
			to.ops->write(dev, to.offset, to.size, value);
		return;
	}
	if (offset + size > WINDOW_DATA)
		return;
	pthread_mutex_lock(&dev->lock);
	memcpy(&dev->window[offset], &value, size);
	pthread_mutex_unlock(&dev->lock);
}

static const struct bus_ops window_ops = { window_read, window_write };

/* ---- plug and unplug ---- */

static void on_bus_master(void *ctx, bool on)
{
	struct virtio_device *dev = ctx;

	pthread_mutex_lock(&dev->lock);
	dev->bus_master = on;
	virtio_run_or_stop_locked(dev);
	pthread_mutex_unlock(&dev->lock);
}

static void on_reset(void *ctx)
{
	struct virtio_device *dev = ctx;

	virtio_device_reset(dev);
	pthread_mutex_lock(&dev->lock);
	memset(dev->window, 0, sizeof(dev->window));
	pthread_mutex_unlock(&dev->lock);
}

static int bind_irqfd(void *ctx, int fd, uint64_t address, uint32_t data, bool on)
{
	struct virtio_device *dev = ctx;

	return hv_vm_irqfd(dev->machine->vm, fd, address, data, on);
}

/* A capability: struct virtio_pci_cap, and what a kind may have behind it. */
static int add_capability(struct virtio_device *dev, uint8_t kind, uint8_t bar, uint32_t offset,
			  uint32_t length, const uint32_t *extra)
{
	struct virtio_pci_notify_cap cap = {
		.cap = {
			.cap_len = (uint8_t)(sizeof(cap.cap) + (extra ? sizeof(*extra) : 0)),
			.cfg_type = kind,
			.bar = bar,
			.offset = offset,
			.length = length,
		},
		.notify_off_multiplier = extra ? *extra : 0,
	};

	return pci_add_capability(dev->pci, PCI_CAPABILITY_VENDOR, (const uint8_t *)&cap + 2,
				  cap.cap.cap_len);
}

/* They fit: 5 * 20 bytes and MSI-X's 12 into 192. */
static void add_capabilities(struct virtio_device *dev)
{
	const uint32_t stride = NOTIFY_STRIDE, data = 0;
	int window;

	add_capability(dev, VIRTIO_PCI_CAP_COMMON_CFG, BAR_MMIO, COMMON_OFFSET, COMMON_SIZE, NULL);
	add_capability(dev, VIRTIO_PCI_CAP_NOTIFY_CFG, BAR_NOTIFY, 0,
		       NOTIFY_STRIDE * dev->class->queue_count, &stride);
	add_capability(dev, VIRTIO_PCI_CAP_ISR_CFG, BAR_MMIO, ISR_OFFSET, ISR_SIZE, NULL);
	if (dev->config_size)
		add_capability(dev, VIRTIO_PCI_CAP_DEVICE_CFG, BAR_MMIO, DEVICE_OFFSET,
			       dev->config_size, NULL);
	window = add_capability(dev, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 0, &data);
	pci_set_config_window(dev->pci, (uint8_t)(window + 4), WINDOW_SIZE, &window_ops);
}

static int plug(struct virtio_device *dev)
{
	const struct virtio_class *class = dev->class;
	struct pci_function_config config = {
		.name = class->name,
		.vendor_id = PCI_VENDOR_VIRTIO,
		.device_id = (uint16_t)(PCI_DEVICE_MODERN + class->type),
		.subsystem_vendor_id = PCI_VENDOR_VIRTIO,
		.subsystem_id = (uint16_t)(PCI_DEVICE_MODERN + class->type),
		.class_code = class->pci_class,
		.revision = PCI_REVISION_MODERN,
		.intx = true,
		.msix_vectors = (uint16_t)(class->queue_count + 1),
		.msix_bar = BAR_MSIX,
		.bar = {
			[BAR_MMIO] = { .size = MMIO_SIZE, .ops = &mmio_ops },
			[BAR_NOTIFY] = { .size = NOTIFY_SIZE, .io = true, .ops = &notify_ops },
		},
		.bar_mapped = bar_mapped,
		.bus_master = on_bus_master,
		.reset = on_reset,
	};
	const struct hv_info *info = engine(dev);
	int error;

	if (info && info->irqfd)
		config.irqfd = bind_irqfd;
	error = pci_add(dev->machine->pci, &config, dev, &dev->pci);
	if (!error)
		add_capabilities(dev);
	return error;
}

static int queues_init(struct virtio_device *dev)
{
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++)
		dev->queue[i].kick_fd = -1;
	for (unsigned int i = 0; i < dev->class->queue_count; i++) {
		struct virtio_queue *queue = &dev->queue[i];

		queue->dev = dev;
		queue->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (queue->kick_fd < 0)
			return -errno;
	}
	return 0;
}

int virtio_device_init(struct virtio_device *dev, struct machine *m,
		       const struct virtio_class *class, uint64_t features,
		       const void *config, uint32_t config_size)
{
	int error;

	if (class->queue_count > VIRTIO_MAX_QUEUES || config_size > DEVICE_SIZE_MAX)
		return -EINVAL;
	dev->class = class;
	dev->machine = m;
	dev->offered = features | TRANSPORT_FEATURES;
	dev->config = config;
	dev->config_size = config_size;
	pthread_mutex_init(&dev->lock, NULL);
	pthread_mutex_init(&dev->isr_lock, NULL);
	error = queues_init(dev);
	if (error)
		goto err_fini;
	virtio_device_reset(dev);
	error = plug(dev);
	if (error)
		goto err_fini;
	return 0;

err_fini:
	virtio_device_fini(dev);
	return error;
}

static void unplug(struct virtio_device *dev)
{
	pci_remove(dev->pci); /* takes bus mastering away, which stops the device */
	dev->pci = NULL;
}

void virtio_device_fini(struct virtio_device *dev)
{
	unplug(dev);
	for (unsigned int i = 0; i < VIRTIO_MAX_QUEUES; i++)
		if (dev->queue[i].kick_fd >= 0)
			close(dev->queue[i].kick_fd);
	pthread_mutex_destroy(&dev->isr_lock);
	pthread_mutex_destroy(&dev->lock);
}

void virtio_device_destroy(struct virtio_device *dev)
{
	if (!dev)
		return;
	unplug(dev);
	dev->class->destroy(dev);
}
