// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests for the VGA's window: DOS has the BIOS read pictures from the disk right to
 * the screen's memory. That is the VGA's, with its planes and latches, and no RAM; so the
 * request works on memory of ours, and the bytes cross the bus before or after it.
 */
#include <stdlib.h>

#include "core/bus.h"
#include "core/machine.h"
#include "core/memory.h"
#include "virtio/virtio_blk_private.h"

#define BOUNCED_MAX (1u << 20)	/* of a queue, at once */

static struct bus *bus_of(const struct blk_request *r)
{
	return r->queue->blk->dev.machine->mmio;
}

void *virtio_blk_bounce(void *queue, uint64_t gpa, uint32_t size, bool writable)
{
	struct virtio_blk_queue *q = queue;
	struct blk_request *r = &q->request[q->free_index[q->free_count - 1]];
	struct blk_bounce *b;

	if (gpa < MEMORY_PC_VGA || gpa >= MEMORY_PC_SHADOW || size > MEMORY_PC_SHADOW - gpa ||
	    size > BOUNCED_MAX - q->bounced)
		return NULL;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	*b = (struct blk_bounce){ r->bounce, gpa, size, writable };
	r->bounce = b;
	q->bounced += size;
	for (uint32_t i = 0; i < size; i++)
		b->data[i] = writable ? 0 : (uint8_t)bus_read(bus_of(r), gpa + i, 1);
	return b->data;
}

void virtio_blk_unbounce(struct blk_request *r, bool done)
{
	struct blk_bounce *b;

	while ((b = r->bounce)) {
		for (uint32_t i = 0; done && b->writable && i < b->size; i++)
			bus_write(bus_of(r), b->gpa + i, 1, b->data[i]);
		r->queue->bounced -= b->size;
		r->bounce = b->next;
		free(b);
	}
}
