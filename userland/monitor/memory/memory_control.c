// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The memory of a running VM: limits and figures around the balloon. No lock of
 * its own: min and max are constant, all else has its owner.
 */
#include "memory/memory_control.h"

#include <errno.h>
#include <stdlib.h>

#include "core/machine.h"
#include "lib/size.h"

/* Rare enough not to keep a sleeping guest's CPU awake. */
#define STATS_INTERVAL_MS 10000u

struct memory_control {
	uint64_t min, max;
	struct virtio_device *balloon;
	struct memory_stat *stat;
};

int memory_control_create(struct machine *m, uint64_t min, uint64_t target,
			  struct memory_control **ret)
{
	struct memory_control *control;
	int error;

	if (min > guest_memory_size(m->memory))
		return -EINVAL;
	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->min = min;
	control->max = guest_memory_size(m->memory);
	error = memory_stat_create(m->memory, &control->stat);
	if (!error)
		error = virtio_balloon_create(m, &control->balloon);
	if (error) {
		memory_control_destroy(control);
		return error;
	}
	virtio_balloon_set_stats_interval(control->balloon, STATS_INTERVAL_MS);
	virtio_balloon_set_target(control->balloon, target);
	*ret = control;
	return 0;
}

void memory_control_destroy(struct memory_control *control)
{
	if (!control)
		return;
	virtio_device_destroy(control->balloon);
	memory_stat_destroy(control->stat);
	free(control);
}

static void set_range_error(const struct memory_control *control, uint64_t bytes,
			    struct btn_error *e)
{
	char asked[SIZE_FORMAT_MAX], min[SIZE_FORMAT_MAX], max[SIZE_FORMAT_MAX];

	size_format(bytes, asked, sizeof(asked));
	size_format(control->min, min, sizeof(min));
	size_format(control->max, max, sizeof(max));
	btn_set(e, BTN_MEMORY_TARGET, "the VM cannot be told to live on %s of memory", asked);
	if (control->min == control->max) {
		btn_set_cause(e, "Its memory is fixed at %s.", max);
		btn_set_fix(e, "Start it with a range, such as --memory 512M..2G.");
		return;
	}
	btn_set_cause(e, "It was started with --memory %s..%s, and that is how far it goes.", min,
		      max);
	btn_set_fix(e, "Ask for %s to %s, or start it with another range.", min, max);
}

bool memory_control_set_target(struct memory_control *control, uint64_t bytes,
			       struct btn_error *e)
{
	if (bytes < control->min || bytes > control->max) {
		set_range_error(control, bytes, e);
		return false;
	}
	virtio_balloon_set_target(control->balloon, bytes);
	return true;
}

uint64_t memory_control_target(const struct memory_control *control)
{
	return virtio_balloon_target(control->balloon);
}

void memory_control_status(struct memory_control *control, struct memory_status *ret)
{
	*ret = (struct memory_status){
		.max = control->max,
		.min = control->min,
		.target = virtio_balloon_target(control->balloon),
		.actual = virtio_balloon_actual(control->balloon),
		.driver = virtio_balloon_has_driver(control->balloon),
		.reported = virtio_balloon_reported(control->balloon),
	};
	virtio_balloon_get_stats(control->balloon, &ret->guest);
	memory_stat_read(control->stat, &ret->host);
}

void memory_control_set_interval(struct memory_control *control, uint32_t milliseconds)
{
	virtio_balloon_set_stats_interval(control->balloon, milliseconds);
}
