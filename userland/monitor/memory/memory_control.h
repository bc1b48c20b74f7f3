/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's memory while it runs: what it may be told to live on, and what it and
 * the host say of it. One per machine; owns its balloon. The requests of users
 * and of the host's policy end here.
 */
#ifndef BATON_MEMORY_CONTROL_H
#define BATON_MEMORY_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"
#include "memory/memory_stat.h"
#include "virtio/virtio_balloon.h"

struct machine;
struct memory_control;

struct memory_status {
	uint64_t max;		/* guest RAM */
	uint64_t min;		/* the lowest target; equal to max: the target is fixed */
	uint64_t target;
	uint64_t actual;	/* max less the balloon */
	bool driver;		/* the guest serves its balloon: the target means something */
	uint64_t reported;	/* sum of what was free and reported since the start */
	struct virtio_balloon_stats guest;
	struct memory_figures host;
};

/*
 * Plugs the balloon in. min at most the machine's memory; target: the guest's, as
 * memory_control_set_target() takes it. Main thread, before vCPUs run. 0, or -errno with
 * nothing left to undo.
 */
int memory_control_create(struct machine *m, uint64_t min, uint64_t target,
			  struct memory_control **ret);
/* As virtio_device_destroy(). NULL is fine. */
void memory_control_destroy(struct memory_control *control);

/* min ≤ bytes ≤ max, else false and *e filled. Any thread. */
bool memory_control_set_target(struct memory_control *control, uint64_t bytes,
			       struct btn_error *e);
/* Bytes that the guest is to live on. */
uint64_t memory_control_target(const struct memory_control *control);
/* Any thread; see struct virtio_balloon_stats for how old the guest's part is. */
void memory_control_status(struct memory_control *control, struct memory_status *ret);
/* How often the guest is asked for its part; 0: never. 10 s at the start. Any thread. */
void memory_control_set_interval(struct memory_control *control, uint32_t milliseconds);

#endif
