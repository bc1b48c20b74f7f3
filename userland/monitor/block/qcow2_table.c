// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tables of a qcow2 image in memory: L2 tables and refcount blocks. Clean
 * ones are let go of by a clock; changed ones stay until the next commit.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "qcow2.h"

static void cache_init(struct qcow2_cache *cache, uint64_t cluster_size)
{
	uint64_t max = QCOW2_CACHE_BYTES / cluster_size;

	cache->max = max < QCOW2_CACHE_MIN ? QCOW2_CACHE_MIN :
		     max > QCOW2_CACHE_MAX ? QCOW2_CACHE_MAX : (unsigned int)max;
}

void qcow2_caches_init(struct qcow2 *q)
{
	cache_init(&q->l2, q->cluster_size);
	cache_init(&q->blocks, q->cluster_size);
}

static void table_free(struct qcow2_table *table)
{
	if (!table)
		return;
	free(table->data);
	free(table->marks);
	free(table);
}

static void cache_fini(struct qcow2_cache *cache)
{
	for (unsigned int i = 0; i < cache->count; i++)
		table_free(cache->slot[i]);
	free(cache->slot);
}

void qcow2_caches_fini(struct qcow2 *q)
{
	cache_fini(&q->l2);
	cache_fini(&q->blocks);
}

static struct qcow2_table *cache_find(struct qcow2_cache *cache, uint64_t index)
{
	struct qcow2_table *table = cache->bucket[index % QCOW2_BUCKETS];

	while (table && table->index != index)
		table = table->next;
	if (table)
		table->used = true;
	return table;
}

static void cache_unhash(struct qcow2_cache *cache, struct qcow2_table *table)
{
	struct qcow2_table **at = &cache->bucket[table->index % QCOW2_BUCKETS];

	while (*at != table)
		at = &(*at)->next;
	*at = table->next;
}

/* A slot to be filled: one whose table is not used any more, or a new one. */
static int cache_slot(struct qcow2_cache *cache, struct qcow2_table ***ret)
{
	struct qcow2_table **grown;

	for (unsigned int i = 0; cache->count >= cache->max && i < 2 * cache->count; i++) {
		struct qcow2_table **slot = &cache->slot[cache->hand++ % cache->count];

		if ((*slot)->dirty || (*slot)->reserved)
			continue;
		if (!(*slot)->used) {
			cache_unhash(cache, *slot);
			table_free(*slot);
			*ret = slot;
			return 0;
		}
		(*slot)->used = false;
	}
	if (cache->count == cache->room) {
		grown = realloc(cache->slot, (cache->room + 64) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		cache->slot = grown;
		cache->room += 64;
	}
	*ret = &cache->slot[cache->count++];
	**ret = NULL;
	return 0;
}

static struct qcow2_table *table_alloc(const struct qcow2 *q, bool marks)
{
	struct qcow2_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->data = calloc(1, q->cluster_size);
	table->marks = marks ? calloc(1, qcow2_block_entries(q)) : NULL;
	if (table->data && (table->marks || !marks))
		return table;
	table_free(table);
	return NULL;
}

static int cache_add(struct qcow2_cache *cache, struct qcow2_table *table)
{
	struct qcow2_table **slot;
	int error = cache_slot(cache, &slot);

	if (error)
		return error;
	*slot = table;
	table->used = true;
	table->next = cache->bucket[table->index % QCOW2_BUCKETS];
	cache->bucket[table->index % QCOW2_BUCKETS] = table;
	return 0;
}

void qcow2_dirty(struct qcow2_cache *cache, struct qcow2_table *table)
{
	cache->dirty_count += !table->dirty;
	table->dirty = true;
}

/* ---- metadata that is not counted ---- */

static void mark_range(struct qcow2 *q, struct qcow2_table *block, uint64_t offset, uint64_t size)
{
	uint64_t entries = qcow2_block_entries(q), first = block->index * entries;
	uint64_t at = offset >> q->cluster_bits, end = (offset + size - 1) >> q->cluster_bits;

	for (at = at < first ? first : at; size && at <= end && at < first + entries; at++)
		if (!qcow2_refcount(q, block, (uint32_t)(at - first)))
			block->marks[at - first] = MARK_IN_USE;
}

static void mark_tables(struct qcow2 *q, struct qcow2_table *block, const uint64_t *index,
			uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		if (index[i] & QCOW2_OFFSET)
			mark_range(q, block, index[i] & QCOW2_OFFSET, q->cluster_size);
}

/*
 * A damaged image may count a table of its own as free. It must not be given out as
 * space: what it leads to would be lost for good, while now a check finds it all.
 */
static void mark_uncounted(struct qcow2 *q, struct qcow2_table *block)
{
	mark_range(q, block, q->l1_offset, (uint64_t)q->l1_size * 8);
	mark_range(q, block, q->rt_offset, (uint64_t)q->rt_clusters << q->cluster_bits);
	mark_tables(q, block, q->l1, q->l1_size);
	mark_tables(q, block, q->rt, q->rt_size);
}

/* ---- loading ---- */

/* Loads the table from `offset`; 0: a new one, empty and dirty. */
static int table_load(struct qcow2 *q, struct qcow2_cache *cache, uint64_t index,
		      uint64_t offset, struct qcow2_table **ret)
{
	struct qcow2_table *table = table_alloc(q, cache == &q->blocks);
	int error = 0;

	if (!table)
		return -ENOMEM;
	table->index = index;
	if (offset)
		error = offset % q->cluster_size ? -EUCLEAN :
			file_read(q->fd, table->data, q->cluster_size, offset);
	if (!error && table->marks && q->mode & QCOW2_WRITE)
		mark_uncounted(q, table);
	if (!error)
		error = cache_add(cache, table);
	if (error) {
		table_free(table);
		return error;
	}
	if (!offset)
		qcow2_dirty(cache, table);
	*ret = table;
	return 0;
}

int qcow2_l2_get(struct qcow2 *q, uint64_t index, bool create, struct qcow2_table **ret)
{
	uint64_t offset;

	*ret = cache_find(&q->l2, index);
	if (*ret)
		return 0;
	if (index >= q->l1_size)
		return -EUCLEAN;
	offset = q->l1[index] & QCOW2_OFFSET;
	if (!offset && !create)
		return 0;
	return table_load(q, &q->l2, index, offset, ret);
}

/* The refcount table gets half as much again, in whole clusters. */
static int grow_rt(struct qcow2 *q, uint64_t index)
{
	uint64_t per = q->cluster_size / 8, clusters = (index + index / 2) / per + 1;
	uint64_t *rt;

	if (clusters * q->cluster_size > QCOW2_RT_BYTES_MAX)
		clusters = QCOW2_RT_BYTES_MAX / q->cluster_size;
	if (index >= clusters * per)
		return -EFBIG;
	rt = realloc(q->rt, clusters * q->cluster_size);
	if (!rt)
		return -ENOMEM;
	memset(rt + q->rt_size, 0, (clusters * per - q->rt_size) * sizeof(*rt));
	q->rt = rt;
	q->rt_size = (uint32_t)(clusters * per);
	q->rt_dirty = true;
	return 0;
}

int qcow2_block_get(struct qcow2 *q, uint64_t index, bool create, struct qcow2_table **ret)
{
	uint64_t offset;

	*ret = cache_find(&q->blocks, index);
	if (*ret)
		return 0;
	if (index >= q->rt_size) {
		int error = create ? grow_rt(q, index) : 0;

		if (error || !create)
			return error;
	}
	offset = q->rt[index] & QCOW2_OFFSET;
	if (!offset && !create)
		return 0;
	return table_load(q, &q->blocks, index, offset, ret);
}

/* ---- L2 entries ---- */

static uint64_t *entry_at(const struct qcow2 *q, struct qcow2_table *table, uint64_t cluster)
{
	return (uint64_t *)table->data + cluster % (q->cluster_size / 8);
}

int qcow2_entry_get(struct qcow2 *q, uint64_t cluster, uint64_t *ret)
{
	struct qcow2_table *table;
	int error = qcow2_l2_get(q, cluster / (q->cluster_size / 8), false, &table);

	if (!error)
		*ret = table ? be64toh(*entry_at(q, table, cluster)) : 0;
	return error;
}

void qcow2_compressed_range(const struct qcow2 *q, uint64_t entry, uint64_t *ret_offset,
			    uint64_t *ret_size)
{
	unsigned int shift = 62 - (q->cluster_bits - 8);
	uint64_t sectors = (entry & ~(QCOW2_COPIED | QCOW2_COMPRESSED)) >> shift;

	*ret_offset = entry & ((1ull << shift) - 1) & (QCOW2_OFFSET | 511);
	*ret_size = (sectors + 1) * 512 - (*ret_offset & 511);
}

static int give_up(struct qcow2 *q, uint64_t entry, bool punch)
{
	uint64_t offset, size;
	int error = 0;

	if (!(entry & QCOW2_COMPRESSED)) {
		offset = entry & QCOW2_OFFSET;
		return offset ? qcow2_unref(q, offset >> q->cluster_bits, punch) : 0;
	}
	q->unpacked_entry = 0;
	qcow2_compressed_range(q, entry, &offset, &size);
	for (uint64_t i = offset >> q->cluster_bits;
	     i <= (offset + size - 1) >> q->cluster_bits && !error; i++)
		error = qcow2_unref(q, i, punch);
	return error;
}

int qcow2_entry_set(struct qcow2 *q, uint64_t cluster, uint64_t entry, bool punch)
{
	struct qcow2_table *table;
	uint64_t old, *at;
	int error = qcow2_l2_get(q, cluster / (q->cluster_size / 8), true, &table);

	if (error)
		return error;
	at = entry_at(q, table, cluster);
	old = be64toh(*at);
	if (old == entry)
		return 0;
	*at = htobe64(entry);
	qcow2_dirty(&q->l2, table);
	if (!(old & QCOW2_COMPRESSED) && !((old ^ entry) & QCOW2_OFFSET))
		return 0;
	/* It is set: what cannot be given back for want of its block is a leak, no failure. */
	return give_up(q, old, punch) == -EUCLEAN ? -EUCLEAN : 0;
}
