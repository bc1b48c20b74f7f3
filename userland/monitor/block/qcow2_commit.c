// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The commit: what has changed in memory becomes the image on the file. See
 * qcow2.h for the why.
 *
 * First every changed table gets a place. Taking and giving up clusters changes
 * refcount blocks in turn, which then need a place too; this ends since there
 * are only so many blocks and each gets one place. Then all of it is written, a
 * sync, the header, a sync. If a step fails before the header, nothing has
 * happened on the file, memory is as valid as before, and the next commit tries
 * again.
 */
#define _GNU_SOURCE /* fallocate() */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "qcow2.h"

/* Of the header, in bytes. */
#define HEADER_SIZE 24
#define HEADER_L1_SIZE 36
#define HEADER_L1 40
#define HEADER_RT 48
#define HEADER_RT_CLUSTERS 56
#define HEADER_AUTOCLEAR 88
#define HEADER_V2_END 72
#define HEADER_V3_END 96

bool qcow2_is_dirty(const struct qcow2 *q)
{
	return q->l2.dirty_count || q->blocks.dirty_count || q->l1_dirty || q->rt_dirty ||
	       q->header_dirty;
}

/* Gives up `clusters` at offset (0: nothing). */
static int drop(struct qcow2 *q, uint64_t offset, uint64_t clusters)
{
	int error = 0;

	for (uint64_t i = 0; offset && i < clusters && !error; i++)
		error = qcow2_unref(q, (offset >> q->cluster_bits) + i, false);
	/* A table that the refcounts do not know of is leaked to nobody. */
	return error == -EUCLEAN ? 0 : error;
}

/* A new place for one table; *at is the L1's or refcount table's entry. */
static int move(struct qcow2 *q, struct qcow2_table *table, uint64_t *at, uint64_t flags)
{
	uint64_t cluster, old = *at & QCOW2_OFFSET;
	int error = qcow2_alloc(q, 1, MARK_FRESH, &cluster);

	if (error)
		return error;
	*at = cluster << q->cluster_bits | flags;
	table->fresh = true;
	return drop(q, old, 1);
}

static int place_l2(struct qcow2 *q)
{
	int error = 0;

	for (unsigned int i = 0; i < q->l2.count && !error; i++) {
		struct qcow2_table *table = q->l2.slot[i];

		if (!table->dirty || table->fresh)
			continue;
		error = move(q, table, &q->l1[table->index], QCOW2_COPIED);
		q->l1_dirty = true;
	}
	return error;
}

static uint64_t clusters_of(const struct qcow2 *q, uint64_t bytes)
{
	return (bytes + q->cluster_size - 1) >> q->cluster_bits;
}

static int place_l1(struct qcow2 *q)
{
	uint64_t clusters = clusters_of(q, (uint64_t)q->l1_size * 8), first, old = q->l1_offset;
	int error;

	if (!q->l1_dirty || q->l1_fresh || !clusters)
		return 0;
	error = qcow2_alloc(q, clusters, MARK_FRESH, &first);
	if (error)
		return error;
	q->l1_offset = first << q->cluster_bits;
	q->l1_fresh = true;
	return drop(q, old, clusters_of(q, (uint64_t)be32toh(*(uint32_t *)(q->header +
						HEADER_L1_SIZE)) * 8));
}

/* One round over the refcount blocks; the entries may move while it runs. */
static int place_blocks(struct qcow2 *q, bool *ret_changed)
{
	int error = 0;

	for (unsigned int i = 0; i < q->blocks.count && !error; i++) {
		struct qcow2_table *table = q->blocks.slot[i];
		uint64_t cluster, old;

		if (!table->dirty || table->fresh)
			continue;
		*ret_changed = true;
		q->rt_dirty = true;
		table->fresh = true; /* the allocation may change this very block */
		error = qcow2_alloc(q, 1, MARK_FRESH, &cluster);
		if (error) {
			table->fresh = false;
			return error;
		}
		old = q->rt[table->index] & QCOW2_OFFSET;
		q->rt[table->index] = cluster << q->cluster_bits;
		error = drop(q, old, 1);
	}
	return error;
}

/* The refcount table; if taking room for it made it grow, once more. */
static int place_rt(struct qcow2 *q, bool *ret_changed)
{
	uint64_t first, old = q->rt_offset, old_clusters = q->rt_clusters;
	uint64_t clusters = q->rt_size / (q->cluster_size / 8);
	int error;

	if (!q->rt_dirty || (q->rt_fresh && q->rt_clusters == clusters))
		return 0;
	*ret_changed = true;
	error = qcow2_alloc(q, clusters, MARK_FRESH, &first);
	if (error)
		return error;
	q->rt_offset = first << q->cluster_bits;
	q->rt_clusters = (uint32_t)clusters;
	q->rt_fresh = true;
	return drop(q, old, old_clusters);
}

static int place_all(struct qcow2 *q)
{
	bool changed = true;
	int error = place_l2(q);

	if (!error)
		error = place_l1(q);
	while (!error && changed) {
		changed = false;
		error = place_blocks(q, &changed);
		if (!error)
			error = place_rt(q, &changed);
	}
	return error;
}

/* ---- writing ---- */

static int write_tables(struct qcow2 *q, struct qcow2_cache *cache, const uint64_t *offsets)
{
	int error = 0;

	for (unsigned int i = 0; i < cache->count && !error; i++) {
		const struct qcow2_table *table = cache->slot[i];

		if (table->dirty)
			error = file_write(q->fd, table->data, q->cluster_size,
					   offsets[table->index] & QCOW2_OFFSET);
	}
	return error;
}

/* In whole clusters, so that nothing of what lay there before is left. */
static int write_index(struct qcow2 *q, const uint64_t *entries, uint64_t count, uint64_t offset)
{
	uint64_t bytes = clusters_of(q, count * 8) << q->cluster_bits;
	uint64_t *copy = calloc(1, bytes);
	int error;

	if (!copy)
		return -ENOMEM;
	for (uint64_t i = 0; i < count; i++)
		copy[i] = htobe64(entries[i]);
	error = file_write(q->fd, copy, bytes, offset);
	free(copy);
	return error;
}

static int sync_file(struct qcow2 *q)
{
	if (q->mode & QCOW2_UNSYNCED || !fdatasync(q->fd))
		return 0;
	q->failed = -errno; /* what the kernel has dropped, it will not say again */
	return q->failed;
}

static void put32(uint8_t *at, uint64_t value)
{
	*(uint32_t *)at = htobe32((uint32_t)value);
}

static void put64(uint8_t *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

/* Within the first sector and one write: it is there, or it is not. */
static int write_header(struct qcow2 *q)
{
	unsigned int end = q->version >= 3 ? HEADER_V3_END : HEADER_V2_END;
	uint8_t copy[sizeof(q->header)];
	int error;

	memcpy(copy, q->header, sizeof(copy));
	put64(copy + HEADER_SIZE, q->size);
	put32(copy + HEADER_L1_SIZE, q->l1_size);
	put64(copy + HEADER_L1, q->l1_offset);
	put64(copy + HEADER_RT, q->rt_offset);
	put32(copy + HEADER_RT_CLUSTERS, q->rt_clusters);
	if (q->version >= 3)
		put64(copy + HEADER_AUTOCLEAR, 0); /* we know none of those features */
	error = file_write(q->fd, copy + HEADER_SIZE, end - HEADER_SIZE, HEADER_SIZE);
	if (!error)
		memcpy(q->header, copy, sizeof(copy));
	return error;
}

static int write_all(struct qcow2 *q)
{
	int error = write_tables(q, &q->l2, q->l1);

	if (!error)
		error = write_tables(q, &q->blocks, q->rt);
	if (!error && q->l1_dirty)
		error = write_index(q, q->l1, q->l1_size, q->l1_offset);
	if (!error && q->rt_dirty)
		error = write_index(q, q->rt, q->rt_size, q->rt_offset);
	if (!error)
		error = sync_file(q);
	if (!error)
		error = write_header(q);
	return error ? error : sync_file(q);
}

/* ---- afterwards ---- */

/* Space of discarded data goes back to the host; if it cannot, no harm is done. */
static void punch(struct qcow2 *q, uint64_t first, uint64_t count)
{
	if (count)
		(void)!fallocate(q->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 (off_t)(first << q->cluster_bits),
				 (off_t)(count << q->cluster_bits));
}

/* What was given up can be used again, what was taken is part of the image. */
static void settle_block(struct qcow2 *q, struct qcow2_table *block)
{
	uint32_t entries = qcow2_block_entries(q);
	uint64_t first = block->index * entries, run = 0;

	for (uint32_t i = 0; i < entries; i++) {
		uint8_t mark = block->marks[i];

		if (mark & MARK_PUNCH) {
			run++;
		} else if (run) {
			punch(q, first + i - run, run);
			run = 0;
		}
		if (!mark || mark == MARK_RESERVED || mark == MARK_IN_USE)
			continue;
		if (mark & MARK_FREED && first + i < q->hint)
			q->hint = first + i;
		block->marks[i] = 0;
	}
	punch(q, first + entries - run, run);
}

static void settle(struct qcow2 *q)
{
	for (unsigned int i = 0; i < q->blocks.count; i++) {
		struct qcow2_table *block = q->blocks.slot[i];

		if (block->dirty)
			settle_block(q, block);
		block->dirty = block->fresh = false;
	}
	for (unsigned int i = 0; i < q->l2.count; i++)
		q->l2.slot[i]->dirty = q->l2.slot[i]->fresh = false;
	q->l2.dirty_count = q->blocks.dirty_count = 0;
	q->l1_dirty = q->l1_fresh = q->rt_dirty = q->rt_fresh = q->header_dirty = false;
}

int qcow2_commit(struct qcow2 *q)
{
	int error;

	if (q->failed || !qcow2_is_dirty(q))
		return q->failed;
	error = place_all(q);
	if (!error)
		error = write_all(q);
	if (!error)
		settle(q);
	return error;
}

int qcow2_commit_if_full(struct qcow2 *q)
{
	if (q->l2.dirty_count <= q->l2.max / 2 && q->blocks.dirty_count <= q->blocks.max / 2)
		return 0;
	return qcow2_commit(q);
}

bool qcow2_is_metadata(const struct qcow2 *q, uint64_t offset, uint64_t length)
{
	uint64_t end = offset + length;
	uint64_t l1_end = q->l1_offset + (uint64_t)q->l1_size * 8;
	uint64_t rt_end = q->rt_offset + ((uint64_t)q->rt_clusters << q->cluster_bits);

	return offset < q->cluster_size || (offset < l1_end && end > q->l1_offset) ||
	       (offset < rt_end && end > q->rt_offset);
}
