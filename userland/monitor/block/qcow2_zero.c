// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clusters of a qcow2 image that are zero, or of no interest any more.
 */
#include <errno.h>

#include "qcow2.h"

/* The L2 entry that makes the cluster zero; -ENOTSUP: version 2 has none. */
static int zero_entry(const struct qcow2 *q, uint64_t old, bool unmap, uint64_t *ret)
{
	bool keep = !unmap && !(old & QCOW2_COMPRESSED) && old & QCOW2_COPIED &&
		    old & QCOW2_OFFSET;

	if (q->version >= 3)
		*ret = QCOW2_ZERO | (keep ? old & (QCOW2_OFFSET | QCOW2_COPIED) : 0);
	else if (q->backing_fd < 0 && !keep)
		*ret = 0;
	else
		return -ENOTSUP;
	return 0;
}

static int zero_cluster(struct qcow2 *q, uint64_t cluster, bool discard, bool unmap)
{
	uint64_t old, entry;
	int error = qcow2_entry_get(q, cluster, &old);

	if (error)
		return error;
	if (!old && q->backing_fd < 0)
		return 0; /* zero as it is */
	error = zero_entry(q, old, unmap, &entry);
	if (error)
		return error == -ENOTSUP && discard ? 0 : error;
	if (discard && q->backing_fd < 0)
		entry = 0;
	return qcow2_entry_set(q, cluster, entry, true);
}

int qcow2_zero_clusters(struct qcow2 *q, uint64_t cluster, uint64_t count, bool discard,
			bool unmap)
{
	int error = 0;

	for (uint64_t i = 0; i < count && !error; i++) {
		error = zero_cluster(q, cluster + i, discard, unmap || discard);
		if (!error)
			error = qcow2_commit_if_full(q);
	}
	return error;
}
