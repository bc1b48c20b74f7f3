/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The balloon (virtio 1.2, 5.5): the guest's memory that the host has back.
 * Pages that the guest puts into the balloon, and free pages that it reports by
 * itself, are given back at once. All functions but create: any thread.
 */
#ifndef BATON_VIRTIO_BALLOON_H
#define BATON_VIRTIO_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

#include "core/machine.h"
#include "virtio/virtio.h"

/* Tags of the statistics, VIRTIO_BALLOON_S_*: the standard's 10 and Linux' later ones. */
#define VIRTIO_BALLOON_STATS 16

/* What the guest said of its memory last. Amounts are in bytes. */
struct virtio_balloon_stats {
	uint64_t value[VIRTIO_BALLOON_STATS];	/* by tag */
	uint32_t known;		/* bit per tag: the guest told it; 0: never told anything */
	uint64_t age_ns;	/* since then */
};

/* Frees with virtio_device_destroy(), as all of them. The target is all of RAM. */
int virtio_balloon_create(struct machine *m, struct virtio_device **ret);

/*
 * How much of its RAM the guest shall have; more than all of it means all of it.
 * A wish: the guest works towards it as long as it has a driver and can.
 */
void virtio_balloon_set_target(struct virtio_device *dev, uint64_t bytes);
uint64_t virtio_balloon_target(struct virtio_device *dev);
/* RAM less what is in the balloon. */
uint64_t virtio_balloon_actual(struct virtio_device *dev);
/* Whether a driver serves the device now. */
bool virtio_balloon_has_driver(struct virtio_device *dev);
/* Sum over all reports of free pages since the VM's start; pages come again and again. */
uint64_t virtio_balloon_reported(struct virtio_device *dev);

void virtio_balloon_get_stats(struct virtio_device *dev, struct virtio_balloon_stats *ret);
/* Asks for them now and each time after that interval; 0: no more. At the start: never. */
void virtio_balloon_set_stats_interval(struct virtio_device *dev, uint32_t milliseconds);

extern const struct state_field virtio_balloon_state[];
extern const unsigned int virtio_balloon_state_count;

#endif
