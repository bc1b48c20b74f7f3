/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine without vCPUs, and a driver that works a virtio device through the
 * buses and guest memory as a guest would. For unit tests and fuzz targets; the
 * including file may use what it needs of it.
 */
#ifndef BATON_TESTS_VIRTIO_DRIVER_H
#define BATON_TESTS_VIRTIO_DRIVER_H

#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/machine.h"
#include "core/pci.h"
#include "virtio/virtio.h"

#define TEST_RAM (4u << 20)
#define TEST_ECAM 0xe0000000ull
#define TEST_MMIO32 0xd0000000ull
#define TEST_PIO 0x1000u
#define MSI_ADDRESS 0xfee00000u
#define TEST_VQ_MAX 5

struct test_machine {
	struct machine m;
	_Atomic(uint32_t) msi_count[16]; /* by data */
	atomic_bool intx[PCI_MAX_DEVICES]; /* by slot */
	pthread_t loop_thread;
	bool loop_running;
};

struct driver_queue {
	uint16_t size, next_desc, avail_idx, used_idx;
	uint64_t desc, avail, used, notify;
};

struct driver {
	struct test_machine *t;
	unsigned int slot;
	uint64_t common, isr, device, notify, msix;
	uint8_t pci_cfg;	/* offset of the PCI_CFG capability */
	uint32_t notify_multiplier;
	uint64_t features;
	struct driver_queue q[TEST_VQ_MAX];
};

/* ---- machine ---- */

static inline void test_msi(void *ctx, uint64_t address, uint32_t data)
{
	struct test_machine *t = ctx;

	if (address == MSI_ADDRESS && data < 16)
		atomic_fetch_add(&t->msi_count[data], 1);
}

static inline void test_intx(void *ctx, unsigned int slot, bool level)
{
	struct test_machine *t = ctx;

	if (atomic_exchange(&t->intx[slot], level) == level)
		abort(); /* it is told of changes */
}

static inline struct test_machine *test_machine_create(void)
{
	struct test_machine *t = calloc(1, sizeof(*t));
	struct pci_host_config config = {
		.ecam_base = TEST_ECAM,
		.mmio32_base = TEST_MMIO32, .mmio32_size = 16u << 20,
		.pio_base = TEST_PIO, .pio_size = 0x1000,
		.intx = test_intx, .intx_ctx = t,
	};

	if (!t || guest_memory_create(NULL, TEST_RAM, &t->m.memory))
		abort();
	t->m.pio = bus_create();
	t->m.mmio = bus_create();
	t->m.loop = loop_create();
	t->m.msi = (struct msi_sink){ test_msi, t };
	config.pio = t->m.pio;
	config.mmio = t->m.mmio;
	config.msi = t->m.msi;
	if (!t->m.pio || !t->m.mmio || !t->m.loop || pci_host_create(&config, &t->m.pci))
		abort();
	return t;
}

static inline void *test_loop_thread(void *ctx)
{
	struct test_machine *t = ctx;

	loop_run(t->m.loop);
	return NULL;
}

/* From here on until test_loop_stop() the loop's devices are served. */
static inline void test_loop_start(struct test_machine *t)
{
	if (pthread_create(&t->loop_thread, NULL, test_loop_thread, t))
		abort();
	t->loop_running = true;
}

static inline void test_loop_stop(struct test_machine *t)
{
	if (!t->loop_running)
		return;
	loop_quit(t->m.loop, 0);
	pthread_join(t->loop_thread, NULL);
	t->loop_running = false;
}

static inline void test_machine_destroy(struct test_machine *t)
{
	test_loop_stop(t);
	pci_host_destroy(t->m.pci);
	loop_destroy(t->m.loop);
	bus_destroy(t->m.mmio);
	bus_destroy(t->m.pio);
	guest_memory_destroy(t->m.memory);
	free(t);
}

/* ---- configuration space ---- */

static inline uint32_t cfg_read(struct test_machine *t, unsigned int slot, unsigned int offset,
				unsigned int size)
{
	return (uint32_t)bus_read(t->m.mmio, TEST_ECAM + (slot << 15) + offset, size);
}

static inline void cfg_write(struct test_machine *t, unsigned int slot, unsigned int offset,
			     unsigned int size, uint32_t value)
{
	bus_write(t->m.mmio, TEST_ECAM + (slot << 15) + offset, size, value);
}

static inline uint64_t cfg_bar(struct test_machine *t, unsigned int slot, unsigned int bar)
{
	uint32_t low = cfg_read(t, slot, PCI_BASE_ADDRESS_0 + 4 * bar, 4);

	return low & 1 ? low & ~3u : low & ~15u;
}

/* Slot of the first function with that device id; 0 (the bridge) if none. */
static inline unsigned int cfg_find(struct test_machine *t, uint16_t device_id)
{
	for (unsigned int slot = 1; slot < 32; slot++)
		if (cfg_read(t, slot, PCI_DEVICE_ID, 2) == device_id)
			return slot;
	return 0;
}

/* ---- the driver ---- */

static inline uint64_t common_read(struct driver *d, unsigned int offset, unsigned int size)
{
	return bus_read(d->t->m.mmio, d->common + offset, size);
}

static inline void common_write(struct driver *d, unsigned int offset, unsigned int size,
				uint64_t value)
{
	bus_write(d->t->m.mmio, d->common + offset, size, value);
}

static inline uint8_t driver_status(struct driver *d)
{
	return (uint8_t)common_read(d, VIRTIO_PCI_COMMON_STATUS, 1);
}

static inline void driver_set_status(struct driver *d, uint8_t bits)
{
	common_write(d, VIRTIO_PCI_COMMON_STATUS, 1, driver_status(d) | bits);
}

static inline void driver_take_capability(struct driver *d, unsigned int offset)
{
	uint8_t kind = (uint8_t)cfg_read(d->t, d->slot, offset + VIRTIO_PCI_CAP_CFG_TYPE, 1);
	uint8_t bar = (uint8_t)cfg_read(d->t, d->slot, offset + VIRTIO_PCI_CAP_BAR, 1);
	uint64_t at = cfg_bar(d->t, d->slot, bar < 6 ? bar : 0) +
		      cfg_read(d->t, d->slot, offset + VIRTIO_PCI_CAP_OFFSET, 4);

	switch (kind) {
	case VIRTIO_PCI_CAP_COMMON_CFG: d->common = at; break;
	case VIRTIO_PCI_CAP_ISR_CFG: d->isr = at; break;
	case VIRTIO_PCI_CAP_DEVICE_CFG: d->device = at; break;
	case VIRTIO_PCI_CAP_PCI_CFG: d->pci_cfg = (uint8_t)offset; break;
	case VIRTIO_PCI_CAP_NOTIFY_CFG:
		d->notify = at;
		d->notify_multiplier = cfg_read(d->t, d->slot, offset + 16, 4);
		break;
	}
}

/* Finds the device, enables it, and has MSI-X vector n send data n + 1. */
static inline void driver_attach(struct driver *d, struct test_machine *t, uint16_t type)
{
	memset(d, 0, sizeof(*d));
	d->t = t;
	d->slot = cfg_find(t, (uint16_t)(0x1040 + type));
	for (unsigned int at = cfg_read(t, d->slot, PCI_CAPABILITY_LIST, 1); at;
	     at = cfg_read(t, d->slot, at + 1, 1)) {
		uint8_t id = (uint8_t)cfg_read(t, d->slot, at, 1);

		if (id == PCI_CAP_ID_VNDR)
			driver_take_capability(d, at);
		if (id == PCI_CAP_ID_MSIX) {
			d->msix = cfg_bar(t, d->slot, cfg_read(t, d->slot, at + 4, 4) & 7);
			cfg_write(t, d->slot, at + 2, 2, PCI_MSIX_FLAGS_ENABLE);
		}
	}
	cfg_write(t, d->slot, PCI_COMMAND, 2, 7);
	for (unsigned int i = 0; i <= TEST_VQ_MAX; i++) {
		bus_write(t->m.mmio, d->msix + 16 * i, 8, MSI_ADDRESS);
		bus_write(t->m.mmio, d->msix + 16 * i + 8, 8, i + 1);
	}
}

static inline uint64_t driver_offered(struct driver *d)
{
	uint64_t features;

	common_write(d, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	features = common_read(d, VIRTIO_PCI_COMMON_DF, 4);
	common_write(d, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	return features | common_read(d, VIRTIO_PCI_COMMON_DF, 4) << 32;
}

/* Reset, acknowledge, features. True if the device takes them. */
static inline bool driver_negotiate(struct driver *d, uint64_t features)
{
	d->features = features;
	common_write(d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	driver_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	driver_set_status(d, VIRTIO_CONFIG_S_DRIVER);
	common_write(d, VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	common_write(d, VIRTIO_PCI_COMMON_GF, 4, features & UINT32_MAX);
	common_write(d, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	common_write(d, VIRTIO_PCI_COMMON_GF, 4, features >> 32);
	driver_set_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	return driver_status(d) & VIRTIO_CONFIG_S_FEATURES_OK;
}

/* Queue `index` with its rings at 64 KiB * (index + 1), and vector index + 1. */
static inline void driver_setup_queue(struct driver *d, unsigned int index, uint16_t size)
{
	struct driver_queue *q = &d->q[index];

	*q = (struct driver_queue){ .size = size };
	q->desc = 0x10000ull * (index + 1);
	q->avail = q->desc + 0x8000;
	q->used = q->desc + 0xa000;
	memset(guest_memory_at(d->t->m.memory, q->desc, 0x10000), 0, 0x10000);
	common_write(d, VIRTIO_PCI_COMMON_Q_SELECT, 2, index);
	q->notify = d->notify + common_read(d, VIRTIO_PCI_COMMON_Q_NOFF, 2) *
					d->notify_multiplier;
	common_write(d, VIRTIO_PCI_COMMON_Q_SIZE, 2, size);
	common_write(d, VIRTIO_PCI_COMMON_Q_DESCLO, 8, q->desc);
	common_write(d, VIRTIO_PCI_COMMON_Q_AVAILLO, 8, q->avail);
	common_write(d, VIRTIO_PCI_COMMON_Q_USEDLO, 8, q->used);
	common_write(d, VIRTIO_PCI_COMMON_Q_MSIX, 2, index + 1);
	common_write(d, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

#define DRIVER_FEATURES (1ull << VIRTIO_F_VERSION_1)

/* All of the above up to DRIVER_OK, for a device with `queues` queues. */
static inline void driver_start(struct driver *d, struct test_machine *t, uint16_t type,
				uint64_t features, unsigned int queues)
{
	driver_attach(d, t, type);
	if (!driver_negotiate(d, features | DRIVER_FEATURES))
		abort();
	for (unsigned int i = 0; i < queues; i++)
		driver_setup_queue(d, i, 16);
	common_write(d, VIRTIO_PCI_COMMON_MSIX, 2, 0);
	driver_set_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
}

/* ---- chains ---- */

static inline void *ram(struct driver *d, uint64_t gpa)
{
	return guest_memory_at(d->t->m.memory, gpa, 1);
}

static inline void put_desc(struct driver *d, uint64_t table, unsigned int index, uint64_t addr,
			    uint32_t len, uint16_t flags, uint16_t next)
{
	struct vring_desc desc = { addr, len, flags, next };

	memcpy(ram(d, table + index * sizeof(desc)), &desc, sizeof(desc));
}

struct driver_buffer {
	uint64_t gpa;
	uint32_t len;
	bool writable;
};

/* Makes a chain available, descriptors used in turn; its head. */
static inline uint16_t driver_add(struct driver *d, unsigned int index,
				  const struct driver_buffer *buffers, unsigned int count)
{
	struct driver_queue *q = &d->q[index];
	struct vring_avail *avail = ram(d, q->avail);
	uint16_t head = q->next_desc;

	for (unsigned int i = 0; i < count; i++) {
		uint16_t at = q->next_desc;

		q->next_desc = (uint16_t)((at + 1) % q->size);
		put_desc(d, q->desc, at, buffers[i].gpa, buffers[i].len,
			 (uint16_t)((buffers[i].writable ? VRING_DESC_F_WRITE : 0) |
				    (i + 1 < count ? VRING_DESC_F_NEXT : 0)),
			 q->next_desc);
	}
	avail->ring[q->avail_idx % q->size] = head;
	__atomic_store_n(&avail->idx, ++q->avail_idx, __ATOMIC_RELEASE);
	return head;
}

static inline void driver_kick(struct driver *d, unsigned int index)
{
	bus_write(d->t->m.pio, d->q[index].notify, 2, index);
}

static inline void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

/* Waits for a used element, five seconds at most. Its length, or -1. */
static inline int64_t driver_wait(struct driver *d, unsigned int index, uint16_t *ret_head)
{
	struct driver_queue *q = &d->q[index];
	struct vring_used *used = ram(d, q->used);

	for (unsigned int i = 0; i < 25000; i++) {
		if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) != q->used_idx) {
			const struct vring_used_elem *e = &used->ring[q->used_idx++ % q->size];

			if (ret_head)
				*ret_head = (uint16_t)e->id;
			return e->len;
		}
		nap();
	}
	return -1;
}

/* Waits until the device asks for a reset, five seconds at most. */
static inline bool driver_wait_broken(struct driver *d)
{
	for (unsigned int i = 0; i < 25000; i++) {
		if (driver_status(d) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
		nap();
	}
	return false;
}

static inline uint32_t msi_wait(struct test_machine *t, unsigned int data, uint32_t at_least)
{
	for (unsigned int i = 0; i < 25000 && atomic_load(&t->msi_count[data]) < at_least; i++)
		nap();
	return atomic_load(&t->msi_count[data]);
}

#endif
