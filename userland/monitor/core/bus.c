/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address decoding. Ranges are a sorted array that is changed in place under a
 * lock; readers take a copy of the range they find and look at a sequence
 * number before and after (a seqlock): they never wait for one another and
 * write nothing that others read, except for the hint.
 *
 * A range that is taken away may still be entered by a vCPU that found it just
 * before: as on hardware, such an access counts as earlier than the change.
 * The device behind it lives until the vCPUs have stopped.
 */
#include "bus.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Fields are read while they may change: atomic, checked by the sequence. */
struct bus_range {
	_Atomic(uint64_t) base, last;	/* last byte, inclusive */
	const struct bus_ops *_Atomic ops;
	void *_Atomic dev;
	const char *name;		/* under the lock */
};

struct bus_hit {
	uint64_t base, last;
	const struct bus_ops *ops;
	void *dev;
};

struct bus {
	pthread_mutex_t lock;		/* writers */
	_Atomic(uint32_t) sequence;	/* odd: a change is under way */
	_Atomic(uint32_t) count;
	_Atomic(uint32_t) hint;		/* index of the last hit; only a guess */
	struct bus_range range[BUS_MAX_RANGES];
};

struct bus *bus_create(void)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	if (bus)
		pthread_mutex_init(&bus->lock, NULL);
	return bus;
}

void bus_destroy(struct bus *bus)
{
	if (!bus)
		return;
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}

/* ---- change ---- */

static void copy_range(struct bus_range *to, const struct bus_range *from)
{
	atomic_store_explicit(&to->base, from->base, memory_order_relaxed);
	atomic_store_explicit(&to->last, from->last, memory_order_relaxed);
	atomic_store_explicit(&to->ops, from->ops, memory_order_relaxed);
	atomic_store_explicit(&to->dev, from->dev, memory_order_relaxed);
	to->name = from->name;
}

static void begin_change_locked(struct bus *bus)
{
	atomic_fetch_add_explicit(&bus->sequence, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst); /* pairs with find() */
}

static void end_change_locked(struct bus *bus)
{
	atomic_fetch_add_explicit(&bus->sequence, 1, memory_order_release);
}

/* First range whose end is not below addr; count if there is none. */
static uint32_t lower_bound(const struct bus *bus, uint64_t addr)
{
	uint32_t low = 0, high = atomic_load_explicit(&bus->count, memory_order_relaxed);

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (atomic_load_explicit(&bus->range[middle].last, memory_order_relaxed) < addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert_locked(struct bus *bus, const struct bus_range *range)
{
	uint32_t at = lower_bound(bus, range->base);

	if (at < bus->count && bus->range[at].base <= range->last)
		return -EEXIST;
	if (bus->count == BUS_MAX_RANGES)
		return -ENOSPC;
	begin_change_locked(bus);
	for (uint32_t i = bus->count; i > at; i--)
		copy_range(&bus->range[i], &bus->range[i - 1]);
	copy_range(&bus->range[at], range);
	atomic_fetch_add_explicit(&bus->count, 1, memory_order_relaxed);
	end_change_locked(bus);
	return 0;
}

int bus_add(struct bus *bus, uint64_t base, uint64_t size,
	    const struct bus_ops *ops, void *dev, const char *name)
{
	struct bus_range range = {
		.base = base, .last = base + size - 1, .ops = ops, .dev = dev, .name = name,
	};
	int error;

	if (!size || base + size - 1 < base)
		return -EINVAL;
	pthread_mutex_lock(&bus->lock);
	error = insert_locked(bus, &range);
	pthread_mutex_unlock(&bus->lock);
	return error;
}

void bus_remove(struct bus *bus, uint64_t base, uint64_t size)
{
	uint32_t at;

	pthread_mutex_lock(&bus->lock);
	at = lower_bound(bus, base);
	if (at < bus->count && bus->range[at].base == base &&
	    bus->range[at].last == base + size - 1) {
		begin_change_locked(bus);
		for (uint32_t i = at; i + 1 < bus->count; i++)
			copy_range(&bus->range[i], &bus->range[i + 1]);
		atomic_fetch_sub_explicit(&bus->count, 1, memory_order_relaxed);
		end_change_locked(bus);
	}
	pthread_mutex_unlock(&bus->lock);
}

/* ---- lookup ---- */

static bool load_hit(const struct bus_range *range, uint64_t addr, struct bus_hit *hit)
{
	hit->base = atomic_load_explicit(&range->base, memory_order_relaxed);
	hit->last = atomic_load_explicit(&range->last, memory_order_relaxed);
	hit->ops = atomic_load_explicit(&range->ops, memory_order_relaxed);
	hit->dev = atomic_load_explicit(&range->dev, memory_order_relaxed);
	return hit->base <= addr && addr <= hit->last;
}

static bool try_find(struct bus *bus, uint64_t addr, struct bus_hit *hit)
{
	uint32_t count = atomic_load_explicit(&bus->count, memory_order_relaxed);
	uint32_t at = atomic_load_explicit(&bus->hint, memory_order_relaxed);

	if (at < count && load_hit(&bus->range[at], addr, hit))
		return true;
	at = lower_bound(bus, addr);
	if (at >= count || at >= BUS_MAX_RANGES || !load_hit(&bus->range[at], addr, hit))
		return false;
	atomic_store_explicit(&bus->hint, at, memory_order_relaxed);
	return true;
}

static bool find(struct bus *bus, uint64_t addr, struct bus_hit *hit)
{
	uint32_t before;
	bool found;

	do {
		before = atomic_load_explicit(&bus->sequence, memory_order_acquire);
		found = try_find(bus, addr, hit);
		atomic_thread_fence(memory_order_acquire); /* pairs with begin_change_locked() */
	} while ((before & 1) ||
		 before != atomic_load_explicit(&bus->sequence, memory_order_relaxed));
	return found;
}

/* ---- access ---- */

/* Not `addr + size - 1 <= last`: that may wrap. */
static bool fits(const struct bus_hit *hit, uint64_t addr, unsigned int size)
{
	return hit->last - addr >= size - 1;
}

static uint64_t read_bytes(struct bus *bus, uint64_t addr, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (bus_read(bus, addr + i, 1) & 0xff) << (8 * i);
	return value;
}

static uint64_t all_ones(unsigned int size)
{
	return size >= 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

/* Is there a range within the bytes after addr, where none covers addr? */
static bool tail_hits(struct bus *bus, uint64_t addr, unsigned int size)
{
	struct bus_hit hit;

	while (--size)
		if (find(bus, addr + size, &hit))
			return true;
	return false;
}

uint64_t bus_read(struct bus *bus, uint64_t addr, unsigned int size)
{
	struct bus_hit hit;

	if (find(bus, addr, &hit)) {
		if (fits(&hit, addr, size))
			return hit.ops->read(hit.dev, addr - hit.base, size) & all_ones(size);
		return read_bytes(bus, addr, size);
	}
	return tail_hits(bus, addr, size) ? read_bytes(bus, addr, size) : all_ones(size);
}

static void write_bytes(struct bus *bus, uint64_t addr, unsigned int size, uint64_t value)
{
	for (unsigned int i = 0; i < size; i++)
		bus_write(bus, addr + i, 1, value >> (8 * i) & 0xff);
}

void bus_write(struct bus *bus, uint64_t addr, unsigned int size, uint64_t value)
{
	struct bus_hit hit;

	if (find(bus, addr, &hit)) {
		if (fits(&hit, addr, size))
			hit.ops->write(hit.dev, addr - hit.base, size, value & all_ones(size));
		else
			write_bytes(bus, addr, size, value);
	} else if (tail_hits(bus, addr, size)) {
		write_bytes(bus, addr, size, value);
	}
}
