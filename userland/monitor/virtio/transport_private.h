/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What transport_pci.c (registers' places) needs of transport.c (registers).
 * All with dev->lock held.
 */
#ifndef BATON_VIRTIO_TRANSPORT_PRIVATE_H
#define BATON_VIRTIO_TRANSPORT_PRIVATE_H

#include "virtio/transport.h"

/* Common configuration; offset as in struct virtio_pci_common_cfg. */
uint32_t virtio_common_read_locked(struct virtio_device *dev, uint64_t offset);
void virtio_common_write_locked(struct virtio_device *dev, uint64_t offset, uint32_t value);

/* Reads the ISR, which clears it and lets INTA# go. Also without dev->lock. */
uint8_t virtio_isr_take(struct virtio_device *dev);

/* Takes up a change of status or bus mastering. */
void virtio_run_or_stop_locked(struct virtio_device *dev);

#endif
