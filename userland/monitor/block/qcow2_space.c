// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Refcounts of a qcow2 image, and which clusters of its file can be taken.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "qcow2.h"

uint32_t qcow2_block_entries(const struct qcow2 *q)
{
	return (uint32_t)(q->cluster_size * 8 / q->refcount_bits);
}

uint64_t qcow2_refcount(const struct qcow2 *q, const struct qcow2_table *block, uint32_t at)
{
	uint32_t bits = q->refcount_bits, bytes = bits / 8;
	uint64_t count = 0;

	if (bits < 8) { /* low bits first */
		uint32_t per = 8 / bits;

		return block->data[at / per] >> (at % per * bits) & ((1u << bits) - 1);
	}
	for (uint32_t i = 0; i < bytes; i++)
		count = count << 8 | block->data[at * bytes + i];
	return count;
}

void qcow2_set_refcount(const struct qcow2 *q, struct qcow2_table *block, uint32_t at,
			uint64_t count)
{
	uint32_t bits = q->refcount_bits, bytes = bits / 8;

	if (bits < 8) {
		uint32_t per = 8 / bits, shift = at % per * bits;
		uint32_t mask = ((1u << bits) - 1) << shift;

		block->data[at / per] = (uint8_t)((block->data[at / per] & ~mask) |
						  (count << shift & mask));
		return;
	}
	for (uint32_t i = bytes; i-- > 0; count >>= 8)
		block->data[at * bytes + i] = (uint8_t)count;
}

/* The header's cluster stays what it is, whatever its refcount says. */
static bool is_free(const struct qcow2 *q, const struct qcow2_table *block, uint64_t cluster)
{
	uint32_t at = (uint32_t)(cluster % qcow2_block_entries(q));

	return cluster && !block->marks[at] && !qcow2_refcount(q, block, at);
}

/* The first of `count` free clusters in a row, from the hint on. */
static int find_free(struct qcow2 *q, uint64_t count, uint64_t *ret)
{
	uint64_t end = (QCOW2_OFFSET >> q->cluster_bits) - count, per = qcow2_block_entries(q);
	struct qcow2_table *block = NULL;
	uint64_t run = 0;

	for (uint64_t cluster = q->hint; cluster < end; cluster++) {
		if (cluster == q->hint || cluster % per == 0) {
			int error = qcow2_block_get(q, cluster / per, true, &block);

			if (error)
				return error;
		}
		run = is_free(q, block, cluster) ? run + 1 : 0;
		if (run == count) {
			*ret = cluster + 1 - count;
			return 0;
		}
		if (!run && count == 1)
			q->hint = cluster + 1;
	}
	return -EFBIG;
}

static int take(struct qcow2 *q, uint64_t cluster, unsigned int mark)
{
	uint64_t per = qcow2_block_entries(q);
	uint32_t at = (uint32_t)(cluster % per);
	struct qcow2_table *block;
	int error = qcow2_block_get(q, cluster / per, true, &block);

	if (error)
		return error;
	block->marks[at] = (uint8_t)mark;
	if (mark == MARK_RESERVED) {
		block->reserved++;
		return 0;
	}
	qcow2_set_refcount(q, block, at, 1);
	qcow2_dirty(&q->blocks, block);
	return 0;
}

static void untake(struct qcow2 *q, uint64_t cluster, unsigned int mark)
{
	if (mark == MARK_RESERVED)
		qcow2_reserved_drop(q, cluster);
	else
		qcow2_unref(q, cluster, false);
}

int qcow2_alloc(struct qcow2 *q, uint64_t count, unsigned int mark, uint64_t *ret_cluster)
{
	uint64_t first;
	int error = find_free(q, count, &first);

	for (uint64_t i = 0; i < count && !error; i++) {
		error = take(q, first + i, mark);
		for (uint64_t j = 0; j < i && error; j++)
			untake(q, first + j, mark);
	}
	if (error)
		return error;
	if (first == q->hint)
		q->hint = first + count;
	*ret_cluster = first;
	return 0;
}

/* A reserved cluster's block is in memory. */
static struct qcow2_table *reserved_block(struct qcow2 *q, uint64_t cluster)
{
	struct qcow2_table *block = NULL;

	qcow2_block_get(q, cluster / qcow2_block_entries(q), false, &block);
	return block;
}

int qcow2_reserved_use(struct qcow2 *q, uint64_t cluster)
{
	struct qcow2_table *block = reserved_block(q, cluster);
	uint32_t at = (uint32_t)(cluster % qcow2_block_entries(q));

	if (!block)
		return -EUCLEAN;
	block->reserved--;
	block->marks[at] = MARK_FRESH;
	qcow2_set_refcount(q, block, at, 1);
	qcow2_dirty(&q->blocks, block);
	return 0;
}

static void became_free(struct qcow2 *q, uint64_t cluster)
{
	if (cluster < q->hint)
		q->hint = cluster;
}

void qcow2_reserved_drop(struct qcow2 *q, uint64_t cluster)
{
	struct qcow2_table *block = reserved_block(q, cluster);

	if (!block)
		return;
	block->reserved--;
	block->marks[cluster % qcow2_block_entries(q)] = 0;
	became_free(q, cluster);
}

int qcow2_unref(struct qcow2 *q, uint64_t cluster, bool punch)
{
	uint64_t per = qcow2_block_entries(q), count;
	uint32_t at = (uint32_t)(cluster % per);
	struct qcow2_table *block;
	int error = qcow2_block_get(q, cluster / per, false, &block);

	if (error)
		return error;
	count = block ? qcow2_refcount(q, block, at) : 0;
	if (!count || !cluster) /* the image was corrupt before */
		return -EUCLEAN;
	qcow2_set_refcount(q, block, at, count - 1);
	qcow2_dirty(&q->blocks, block);
	if (count > 1)
		return 0;
	if (block->marks[at] & MARK_FRESH) {
		block->marks[at] = 0;
		became_free(q, cluster);
	} else {
		block->marks[at] = (uint8_t)(MARK_FREED | (punch ? MARK_PUNCH : 0));
	}
	return 0;
}
