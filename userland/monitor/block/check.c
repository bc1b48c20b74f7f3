// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks a qcow2 image: what every table refers to is counted, and the counts
 * are compared with the image's own. A cluster that is used more often than it
 * is counted is a corruption, one that is counted more often a leak.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file.h"
#include "image.h"
#include "qcow2.h"

#define CLUSTERS_MAX (1ull << 28)

struct checking {
	struct qcow2 *q;
	uint16_t *uses;		/* of each cluster of the file */
	uint64_t clusters;
	struct image_check found;
};

/* Counts a use of each cluster in the range. */
static void use(struct checking *c, uint64_t offset, uint64_t size)
{
	uint64_t bits = c->q->cluster_bits;

	if (!size)
		return;
	if (offset >= c->q->file_size || size > c->q->file_size + c->q->cluster_size - offset) {
		c->found.corruptions++;
		return;
	}
	for (uint64_t i = offset >> bits; i <= (offset + size - 1) >> bits; i++)
		if (i < c->clusters && c->uses[i] < UINT16_MAX)
			c->uses[i]++;
}

static int refcount_of(struct checking *c, uint64_t cluster, uint64_t *ret)
{
	uint64_t per = qcow2_block_entries(c->q);
	struct qcow2_table *block;
	int error = qcow2_block_get(c->q, cluster / per, false, &block);

	if (!error)
		*ret = block ? qcow2_refcount(c->q, block, (uint32_t)(cluster % per)) : 0;
	return error;
}

/* The flag COPIED says that the refcount is 1, neither more nor less. */
static int check_copied(struct checking *c, uint64_t entry)
{
	uint64_t offset = entry & QCOW2_OFFSET, count;
	int error;

	if (offset & (c->q->cluster_size - 1)) {
		c->found.corruptions++;
		return 0;
	}
	error = refcount_of(c, offset >> c->q->cluster_bits, &count);
	if (!error && !(entry & QCOW2_COPIED) != (count != 1))
		c->found.corruptions++;
	return error;
}

static int check_l2_entry(struct checking *c, uint64_t entry)
{
	uint64_t offset, size;

	if (entry & QCOW2_COMPRESSED) {
		qcow2_compressed_range(c->q, entry, &offset, &size);
		if (offset < c->q->file_size && offset + size > c->q->file_size)
			size = c->q->file_size - offset; /* its sectors are rounded up */
		use(c, offset, size);
		c->found.corruptions += !!(entry & QCOW2_COPIED);
		return 0;
	}
	if (!(entry & QCOW2_OFFSET))
		return 0;
	use(c, entry & QCOW2_OFFSET, c->q->cluster_size);
	return check_copied(c, entry);
}

static int check_l2(struct checking *c, uint64_t l1_entry, uint64_t *table)
{
	uint64_t offset = l1_entry & QCOW2_OFFSET;
	int error;

	if (!offset)
		return 0;
	if (c->uses[offset >> c->q->cluster_bits]) { /* else a loop of tables takes for ever */
		c->found.corruptions++;
		return 0;
	}
	use(c, offset, c->q->cluster_size);
	error = check_copied(c, l1_entry);
	if (!error)
		error = file_read(c->q->fd, table, c->q->cluster_size, offset);
	for (uint64_t i = 0; i < c->q->cluster_size / 8 && !error; i++)
		error = check_l2_entry(c, be64toh(table[i]));
	return error;
}

static int check_l1(struct checking *c, uint64_t *table)
{
	struct qcow2 *q = c->q;
	int error = 0;

	use(c, q->l1_offset, (uint64_t)q->l1_size * 8);
	for (uint32_t i = 0; i < q->l1_size && !error; i++)
		error = check_l2(c, q->l1[i], table);
	return error;
}

static int check_tables(struct checking *c)
{
	struct qcow2 *q = c->q;
	void *table = mmap(NULL, q->cluster_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error;

	if (table == MAP_FAILED)
		return -ENOMEM;
	use(c, 0, q->cluster_size);
	use(c, q->rt_offset, (uint64_t)q->rt_clusters << q->cluster_bits);
	for (uint32_t i = 0; i < q->rt_size; i++)
		if (q->rt[i] & QCOW2_OFFSET)
			use(c, q->rt[i] & QCOW2_OFFSET, q->cluster_size);
	error = check_l1(c, table);
	munmap(table, q->cluster_size);
	return error;
}

/* The last step is qcow2_unref()'s, which gives back what nobody uses any more. */
static int repair_leak(struct checking *c, uint64_t cluster, uint64_t count, uint64_t uses)
{
	uint64_t per = qcow2_block_entries(c->q);
	struct qcow2_table *block;
	int error = 0;

	if (count > uses + 1) {
		error = qcow2_block_get(c->q, cluster / per, false, &block);
		if (error)
			return error;
		qcow2_set_refcount(c->q, block, (uint32_t)(cluster % per), uses + 1);
		qcow2_dirty(&c->q->blocks, block);
	}
	error = qcow2_unref(c->q, cluster, true);
	c->found.repaired += !error;
	/*
	 * No commit before the end of the walk: it moves blocks to clusters that were not in
	 * use when they were counted, and would be taken for leaks themselves.
	 */
	return error;
}

/* Blocks may count clusters that the file does not even have. */
static uint64_t counted_clusters(const struct qcow2 *q)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < q->rt_size; i++)
		if (q->rt[i] & QCOW2_OFFSET)
			last = i + 1;
	return last * qcow2_block_entries(q);
}

/* Repairs only if nothing is corrupt: else what seems to leak may be in use. */
static int compare(struct checking *c, bool repair)
{
	uint64_t end = counted_clusters(c->q), count;
	int error = 0;

	if (end > CLUSTERS_MAX)
		end = CLUSTERS_MAX;
	for (uint64_t i = 0; i < (end > c->clusters ? end : c->clusters) && !error; i++) {
		uint64_t uses = i < c->clusters ? c->uses[i] : 0;

		error = refcount_of(c, i, &count);
		if (error)
			break;
		c->found.clusters += uses != 0 && !repair;
		c->found.leaks += count > uses && !repair;
		/* More uses than can be counted here: which of the two is wrong nobody knows. */
		c->found.corruptions += (count < uses || uses == UINT16_MAX) && !repair;
		if (repair && count > uses)
			error = repair_leak(c, i, count, uses);
	}
	return error;
}

static int run(struct checking *c, bool repair)
{
	size_t bytes = c->clusters * sizeof(*c->uses);
	int error;

	c->uses = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->uses == MAP_FAILED)
		return -ENOMEM;
	error = check_tables(c);
	if (!error)
		error = compare(c, false);
	if (!error && repair && c->found.leaks && !c->found.corruptions)
		error = compare(c, true);
	munmap(c->uses, bytes);
	return error;
}

static bool check_opened(const char *path, struct qcow2 *q, bool repair,
			 struct image_check *ret, struct btn_error *e)
{
	struct checking c = { .q = q };
	int error;

	c.clusters = (q->file_size + q->cluster_size - 1) >> q->cluster_bits;
	if (q->snapshot_count || q->bitmaps)
		error = -ENOTSUP;
	else
		error = c.clusters > CLUSTERS_MAX ? -EFBIG : run(&c, repair);
	if (!error && q->mode & QCOW2_WRITE)
		error = qcow2_commit(q);
	*ret = c.found;
	if (!error)
		return true;
	btn_set(e, error == -ENOTSUP ? BTN_DISK_FORMAT : BTN_DISK_FAILED,
		"the disk \"%s\" cannot be checked", path);
	if (error == -ENOTSUP) {
		btn_set_cause(e, "It has %s, whose clusters Baton does not know.",
			      q->snapshot_count ? "internal snapshots" : "persistent bitmaps");
		btn_set_fix(e, "Use: qemu-img check %s", path);
	} else if (error == -EFBIG) {
		btn_set_cause(e, "It has more than 2^28 clusters, which is all that Baton checks.");
		btn_set_fix(e, "Use: qemu-img check %s", path);
	} else {
		btn_set_cause(e, "The host says: %s.", strerror(-error));
	}
	return false;
}

bool image_check(const char *path, bool repair, struct image_check *ret, struct btn_error *e)
{
	unsigned int mode = QCOW2_ALONE | (repair ? QCOW2_WRITE : QCOW2_READ);
	struct qcow2 *q;
	uint64_t size;
	bool ok;
	int fd;

	if (!image_file_open(path, -1, !repair, &fd, &size, e))
		return false;
	ok = qcow2_open(path, fd, mode, &q, e);
	if (ok) {
		ok = check_opened(path, q, repair, ret, e);
		qcow2_close(q);
	}
	image_file_close(fd);
	return ok;
}
