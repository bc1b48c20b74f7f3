// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Split virtqueues, device side. How hostile drivers are met:
 *
 *  - The rings are looked up in guest RAM once, at virtq_start(), with their
 *    full length; every index into them is masked or checked against the size.
 *  - Each value in guest memory is loaded once and the copy is checked, since
 *    another vCPU may change it in between.
 *  - A descriptor costs one element of the caller's iovec, so loops and
 *    over-long chains end when that is full. A driver that keeps to the
 *    queue size (2.7.5.3.1) or the device's own limit never gets there.
 *  - An available index that runs away by more than the queue size is an error,
 *    not work.
 *
 * The guest is an x86 as we are: little-endian fields need no conversion.
 */
#include "virtio/ring.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include "core/memory.h"

/* Where the chain being walked takes its descriptors from. */
struct table {
	const struct vring_desc *desc;
	uint32_t count;
	bool indirect;
};

static size_t avail_bytes(uint16_t size)
{
	return sizeof(struct vring_avail) + (size + 1u) * sizeof(uint16_t);
}

static size_t used_bytes(uint16_t size)
{
	return sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) +
	       sizeof(uint16_t);
}

/* avail->ring[size]: the used index at which the driver wants an interrupt */
static const uint16_t *used_event(const struct virtq *q)
{
	return &q->avail->ring[q->size];
}

/* after used->ring: the available index at which we want a kick */
static uint16_t *avail_event(const struct virtq *q)
{
	return (uint16_t *)&q->used->ring[q->size];
}

static uint16_t load_avail_idx(const struct virtq *q)
{
	return __atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE);
}

static bool aligned(const struct virtq *q)
{
	return q->desc_gpa % VRING_DESC_ALIGN_SIZE == 0 &&
	       q->avail_gpa % VRING_AVAIL_ALIGN_SIZE == 0 &&
	       q->used_gpa % VRING_USED_ALIGN_SIZE == 0;
}

int virtq_start(struct virtq *q, const struct guest_memory *memory, uint64_t features)
{
	if (!q->size || q->size > VIRTQ_SIZE_MAX || q->size & (q->size - 1) || !aligned(q))
		return -EINVAL;
	q->desc = guest_memory_at(memory, q->desc_gpa, q->size * sizeof(*q->desc));
	q->avail = guest_memory_at(memory, q->avail_gpa, avail_bytes(q->size));
	q->used = guest_memory_at(memory, q->used_gpa, used_bytes(q->size));
	if (!q->desc || !q->avail || !q->used)
		return -EFAULT;
	q->memory = memory;
	q->event_idx = features & 1ull << VIRTIO_RING_F_EVENT_IDX;
	q->indirect = features & 1ull << VIRTIO_RING_F_INDIRECT_DESC;
	q->used_published = q->next_used;
	return 0;
}

void virtq_stop(struct virtq *q)
{
	q->memory = NULL;
	q->desc = NULL;
	q->avail = NULL;
	q->used = NULL;
	q->outside = NULL;
}

void virtq_reset(struct virtq *q, uint16_t size)
{
	*q = (struct virtq){ .size = size };
}

/* The copy that is checked is the copy that is used. */
static struct vring_desc load_desc(const struct table *table, uint32_t index)
{
	struct vring_desc copy;

	memcpy(&copy, (const char *)table->desc + index * sizeof(copy), sizeof(copy));
	__asm__ volatile("" ::: "memory"); /* no second look by the compiler */
	return copy;
}

/* 2.7.5.3: a table of descriptors, named by the last descriptor in the ring. */
static int enter_indirect(const struct virtq *q, struct table *table,
			  const struct vring_desc *desc)
{
	if (!q->indirect || table->indirect || desc->flags & VRING_DESC_F_NEXT)
		return -EPROTO;
	if (!desc->len || desc->len % sizeof(*desc))
		return -EPROTO;
	table->desc = guest_memory_at(q->memory, desc->addr, desc->len);
	table->count = desc->len / sizeof(*desc);
	table->indirect = true;
	return table->desc ? 0 : -EPROTO;
}

static int add_buffer(const struct virtq *q, struct virtq_chain *chain,
		      const struct vring_desc *desc)
{
	bool writable = desc->flags & VRING_DESC_F_WRITE;
	unsigned int count = chain->readable + chain->writable;
	void *at;

	if (count == chain->iov_max || !desc->len || (chain->writable && !writable))
		return -EPROTO;
	at = guest_memory_at(q->memory, desc->addr, desc->len);
	if (!at && q->outside)
		at = q->outside(q->outside_ctx, desc->addr, desc->len, writable);
	if (!at)
		return -EPROTO;
	chain->iov[count] = (struct iovec){ at, desc->len };
	if (writable)
		chain->writable++;
	else
		chain->readable++;
	return 0;
}

static int walk_chain(const struct virtq *q, struct virtq_chain *chain)
{
	struct table table = { q->desc, q->size, false };
	uint32_t index = chain->head;

	for (;;) {
		struct vring_desc desc;
		int error;

		if (index >= table.count)
			return -EPROTO;
		desc = load_desc(&table, index);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			error = enter_indirect(q, &table, &desc);
			if (error)
				return error;
			index = 0;
			continue;
		}
		error = add_buffer(q, chain, &desc);
		if (error || !(desc.flags & VRING_DESC_F_NEXT))
			return error;
		index = desc.next;
	}
}

int virtq_pop(struct virtq *q, struct virtq_chain *chain)
{
	uint16_t pending;

	if (!q->memory)
		return 0;
	if (q->broken)
		return -EPROTO;
	pending = (uint16_t)(load_avail_idx(q) - q->next_avail);
	if (!pending)
		return 0;
	if (pending > q->size)
		goto broken;
	chain->head = __atomic_load_n(&q->avail->ring[q->next_avail & (q->size - 1)],
				      __ATOMIC_RELAXED);
	chain->readable = chain->writable = 0;
	if (walk_chain(q, chain))
		goto broken;
	q->next_avail++;
	return 1;

broken:
	q->broken = true;
	return -EPROTO;
}

void virtq_unpop(struct virtq *q)
{
	q->next_avail--;
}

void virtq_push(struct virtq *q, uint16_t head, uint32_t written)
{
	struct vring_used_elem *elem = &q->used->ring[q->next_used & (q->size - 1)];

	elem->id = head;
	elem->len = written;
	q->next_used++;
}

/* 2.7.7.2: the index first, then, not reordered, the driver's wish. */
bool virtq_publish(struct virtq *q)
{
	uint16_t old = q->used_published;
	uint16_t new = q->next_used;
	uint16_t event;

	if (old == new)
		return false;
	__atomic_store_n(&q->used->idx, new, __ATOMIC_RELEASE);
	q->used_published = new;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!q->event_idx)
		return !(__atomic_load_n(&q->avail->flags, __ATOMIC_RELAXED) &
			 VRING_AVAIL_F_NO_INTERRUPT);
	event = __atomic_load_n(used_event(q), __ATOMIC_RELAXED);
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

void virtq_kicks_off(struct virtq *q)
{
	/* With EVENT_IDX the event index stays behind, which has the same effect. */
	if (q->memory && !q->event_idx)
		__atomic_store_n(&q->used->flags, VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
}

/* 2.7.10: the wish first, then, not reordered, a look at the driver's index. */
bool virtq_kicks_on_beyond(struct virtq *q, uint16_t have)
{
	uint16_t last = (uint16_t)(q->next_avail + have);

	if (!q->memory || q->broken)
		return false;
	if (q->event_idx)
		__atomic_store_n(avail_event(q), last, __ATOMIC_RELAXED);
	else
		__atomic_store_n(&q->used->flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return load_avail_idx(q) != last;
}

bool virtq_kicks_on(struct virtq *q)
{
	return virtq_kicks_on_beyond(q, 0);
}
