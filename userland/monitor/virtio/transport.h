/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtio-pci transport (virtio 1.2, 4.1), modern only: what every virtio
 * device is made of. A device embeds struct virtio_device, describes itself in
 * a class and serves its queues on a thread of its own choice between the
 * class's start and stop.
 *
 * Letters: C constant after virtio_device_init(), T dev->lock, a atomic,
 * S T while stopped, and the serving thread's alone while running.
 * I dev->isr_lock. Lock order: PCI host, dev->lock, the device's own, dev->isr_lock, then
 * MSI-X or INTx.
 */
#ifndef BATON_VIRTIO_TRANSPORT_H
#define BATON_VIRTIO_TRANSPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/machine.h"
#include "virtio/ring.h"
#include "virtio/virtio.h"

#define VIRTIO_MAX_QUEUES 8 /* a power of two, as sizes of BARs are */

struct pci_function;

struct virtio_class {
	const char *name;
	uint16_t type;		/* virtio 1.2, chapter 5 */
	uint32_t pci_class;	/* 24 bits */
	uint16_t queue_count, queue_size;
	/*
	 * Starts to serve the queues: DRIVER_OK and bus mastering are on. Has to
	 * look at all of them once, kicks may be past. dev->lock is held; -errno
	 * makes the device ask for a reset.
	 */
	int (*start)(struct virtio_device *dev);
	/*
	 * Finishes what has been taken from the queues; no access to guest
	 * memory after return. dev->lock is held: the serving thread must not
	 * need it.
	 */
	void (*stop)(struct virtio_device *dev);
	/* Frees the device, virtio_device_fini() included. Stopped, unplugged. */
	void (*destroy)(struct virtio_device *dev);
	/*
	 * The driver writes to the device's configuration; offset and size are
	 * within it. dev->lock is held. NULL: nothing there can be written.
	 */
	void (*config_write)(struct virtio_device *dev, uint32_t offset, unsigned int size,
			     uint64_t value);
	/* Forgets what the driver set. Stopped, dev->lock is held. May be NULL. */
	void (*reset)(struct virtio_device *dev);
};

struct virtio_queue {
	struct virtio_device *dev;	/* C */
	int kick_fd;			/* C: eventfd that the driver's notification signals */
	bool enabled;			/* T */
	_Atomic(uint16_t) vector;	/* a: MSI-X, or VIRTIO_MSI_NO_VECTOR */
	struct virtq ring;		/* S */
};

struct virtio_device {
	const struct virtio_class *class; /* C */
	struct machine *machine;	/* C */
	struct pci_function *pci;	/* C: NULL once unplugged */
	uint64_t offered;		/* C: feature bits */
	const void *config;		/* C: device-specific configuration; contents: T */
	uint32_t config_size;		/* C */

	pthread_mutex_t lock;
	uint64_t features;		/* T: what the driver accepted */
	uint32_t offered_select, features_select; /* T */
	uint16_t queue_select;		/* T */
	bool bus_master, running;	/* T */
	uint8_t window[12];		/* T: bar, offset, length of the PCI_CFG capability */
	_Atomic(uint8_t) status;	/* a: NEEDS_RESET may come from any thread */
	pthread_mutex_t isr_lock;	/* from any thread */
	uint8_t isr;			/* I: INTA# is up while it is not 0 */
	_Atomic(uint16_t) config_vector; /* a */
	_Atomic(uint8_t) config_generation; /* a */
	_Atomic(uint32_t) failures;	/* a: of virtio_device_fail(), for its log */
	struct virtio_queue queue[VIRTIO_MAX_QUEUES];
};

/* The transport's part of a saved VM. Rings are saved while stopped. */
extern const struct state_field virtio_device_state[];
extern const unsigned int virtio_device_state_count;
extern const struct state_field virtio_queue_state[];
extern const unsigned int virtio_queue_state_count;

/*
 * Plugs the device into m->pci. features: the device's own, those of ring and
 * transport are added. config is kept by reference. On error nothing is left
 * to undo. Main thread, before vCPUs run.
 */
int virtio_device_init(struct virtio_device *dev, struct machine *m,
		       const struct virtio_class *class, uint64_t features,
		       const void *config, uint32_t config_size);
void virtio_device_fini(struct virtio_device *dev);

bool virtio_has_feature(const struct virtio_device *dev, unsigned int bit);

/* As virtq_pop(); a driver's breach makes the device ask for a reset. Serving thread. */
int virtio_queue_pop(struct virtio_queue *queue, struct virtq_chain *chain);
/* Publishes what was pushed and interrupts the driver if it wants that. Serving thread. */
void virtio_queue_flush(struct virtio_queue *queue);
/*
 * Tells the driver that the device's configuration has changed (2.5.1): call it
 * after the change, without dev->lock. Any thread.
 */
void virtio_device_config_changed(struct virtio_device *dev);
/* DEVICE_NEEDS_RESET (2.1.2), with one line about why on the host. Any thread. */
void virtio_device_fail(struct virtio_device *dev, const char *why);
/* Whether an event that may come without end is to be logged. Counts it. Any thread. */
bool virtio_log_worthy(_Atomic(uint32_t) *counter);

#endif
