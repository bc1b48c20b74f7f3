/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 images (QEMU's docs/interop/qcow2.txt), versions 2 and 3. For this
 * folder alone; other programs use image.h.
 *
 * On the file there is always a whole image: neither corrupt nor with leaks. No
 * metadata is changed where it lies. What has changed is kept in memory, and a
 * commit writes it to clusters that the image on the file does not use; then one
 * write into the header, within a sector, makes them the image: it points to the
 * new L1 table and the new refcount table at once. A process that is killed at
 * any moment leaves the image before or after that write. Syncs before and
 * behind it make the same true of a power cut.
 *
 * So clusters that were given up since the last commit are still part of the
 * image on the file and not used again before the next one. Guest data is
 * written in place where its cluster is the image's already, else into a cluster
 * that is reserved in memory only and mapped when the write is done.
 *
 * Everything of an image is guarded by qcow2->lock, and that of its backing
 * images, which nobody else has open for us, by that of the topmost.
 */
#ifndef BATON_BLOCK_QCOW2_H
#define BATON_BLOCK_QCOW2_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"

#define QCOW2_CHAIN_MAX 32u		/* images behind one another */
#define QCOW2_L1_BYTES_MAX (32u << 20)
#define QCOW2_RT_BYTES_MAX (8u << 20)
#define QCOW2_CACHE_BYTES (8u << 20)	/* of tables, for each of the two caches … */
#define QCOW2_CACHE_MIN 16u		/* … but this many … */
#define QCOW2_CACHE_MAX 1024u		/* … and not more */
#define QCOW2_BUCKETS 256u

/* modes of opening; none: read */
#define QCOW2_READ 0u
#define QCOW2_WRITE 1u
#define QCOW2_ALONE 2u			/* without what backs it */
#define QCOW2_UNSYNCED 4u		/* no syncs: for tests of everything else */

/* L1 and L2 entries */
#define QCOW2_OFFSET 0x00fffffffffffe00ull
#define QCOW2_COPIED (1ull << 63)	/* refcount is 1 */
#define QCOW2_COMPRESSED (1ull << 62)
#define QCOW2_ZERO 1ull

/* incompatible features */
#define QCOW2_DIRTY 1ull
#define QCOW2_CORRUPT 2ull
#define QCOW2_DATA_FILE 4ull
#define QCOW2_COMPRESSION 8ull
#define QCOW2_EXTENDED_L2 16ull

/* marks of a cluster, beside its refcount in memory */
#define MARK_FRESH 1u	 /* not used by the image on the file; counted */
#define MARK_FREED 2u	 /* used by the image on the file; refcount is 0 */
#define MARK_RESERVED 4u /* a write is under way into it; refcount is 0 */
#define MARK_PUNCH 8u	 /* with FREED: data whose space can be given back */
#define MARK_IN_USE 16u	 /* metadata that the image does not count: never to be taken */

struct qcow2_table {
	uint64_t index;		/* in L1 or refcount table */
	uint8_t *data;		/* a cluster, as on the file */
	uint8_t *marks;		/* refcount blocks: of each cluster */
	uint32_t reserved;	/* how many marks are that; keeps it cached */
	bool dirty;		/* not on the file; keeps it cached */
	bool fresh;		/* has a place that the image on the file does not use */
	bool used;		/* since the clock's hand went by */
	struct qcow2_table *next;
};

struct qcow2_cache {
	struct qcow2_table **slot;
	unsigned int count, room, max; /* max is exceeded when all of it has to stay */
	unsigned int dirty_count, hand;
	struct qcow2_table *bucket[QCOW2_BUCKETS];
};

struct qcow2_active;

struct qcow2 {
	pthread_mutex_t lock;
	int fd;			/* the owner's */
	unsigned int mode;
	uint8_t header[512];
	uint32_t version, cluster_bits, refcount_bits, compression, snapshot_count;
	uint64_t cluster_size, size, file_size;
	uint64_t incompatible, compatible, autoclear;
	bool bitmaps;		/* it has persistent ones */
	char backing_format[16];
	char *backing_name;	/* as the header has it; NULL: none */

	uint64_t *l1;		/* host byte order */
	uint32_t l1_size;
	uint64_t l1_offset;
	uint64_t *rt;
	uint32_t rt_size;	/* entries: whole clusters of them */
	uint64_t rt_offset;
	uint32_t rt_clusters;	/* at rt_offset */
	bool l1_dirty, l1_fresh, rt_dirty, rt_fresh, header_dirty;
	int failed;		/* -errno of a sync: no way back */

	struct qcow2_cache l2, blocks;
	uint64_t hint;		/* no free cluster below */

	struct qcow2 *backing;	/* … or … */
	int backing_fd;		/* … a raw file; also the former's. -1: none */
	uint64_t backing_size;

	uint8_t *unpacked;	/* the compressed cluster used last */
	uint64_t unpacked_entry;
	struct qcow2_active *active; /* requests under way */
	struct qcow2_active *waiting;
};

/* True if the file begins as a qcow2 image does. */
bool qcow2_probe(int fd);
/* path: for errors, and to find the backing file from. fd stays the caller's. */
bool qcow2_open(const char *path, int fd, unsigned int mode, struct qcow2 **ret,
		struct btn_error *e);
/* Commits. NULL is fine. -errno if that failed. */
int qcow2_close(struct qcow2 *q);
uint64_t qcow2_size(const struct qcow2 *q);
uint32_t qcow2_cluster_size(const struct qcow2 *q);

/* All below with the lock held; 0 or -errno. */

/* Tables. L2: *ret is NULL if there is none and `create` is false. */
int qcow2_l2_get(struct qcow2 *q, uint64_t index, bool create, struct qcow2_table **ret);
int qcow2_block_get(struct qcow2 *q, uint64_t index, bool create, struct qcow2_table **ret);
void qcow2_dirty(struct qcow2_cache *cache, struct qcow2_table *table);
void qcow2_caches_init(struct qcow2 *q);
void qcow2_caches_fini(struct qcow2 *q);

/* The L2 entry of a guest cluster; 0 if there is no table. */
int qcow2_entry_get(struct qcow2 *q, uint64_t cluster, uint64_t *ret);
/* Sets it, and gives up what the old one refers to and the new one does not. */
int qcow2_entry_set(struct qcow2 *q, uint64_t cluster, uint64_t entry, bool punch);
/* Host clusters of a compressed entry, and its bytes. */
void qcow2_compressed_range(const struct qcow2 *q, uint64_t entry, uint64_t *ret_offset,
			    uint64_t *ret_size);

/* Where a piece of the guest's disk is. */
struct qcow2_where {
	enum { QCOW2_IS_ZERO, QCOW2_IS_DATA, QCOW2_IS_PACKED } kind;
	struct qcow2 *image;	/* PACKED */
	uint64_t entry;		/* PACKED */
	int fd;			/* DATA */
	uint64_t offset;	/* DATA: in fd; PACKED: within the cluster */
	uint64_t length;	/* from there on, in one go */
};
int qcow2_locate(struct qcow2 *q, uint64_t offset, uint64_t length, struct qcow2_where *ret);
/* Reads from wherever it is, waiting for it. */
int qcow2_read(struct qcow2 *q, void *to, uint64_t offset, uint64_t length);
/* Unpacks a compressed cluster into image->unpacked. */
int qcow2_unpack(struct qcow2 *image, uint64_t entry);

/* Refcounts and space. */
uint64_t qcow2_refcount(const struct qcow2 *q, const struct qcow2_table *block, uint32_t at);
void qcow2_set_refcount(const struct qcow2 *q, struct qcow2_table *block, uint32_t at,
			uint64_t count);
uint32_t qcow2_block_entries(const struct qcow2 *q);
/* `count` clusters in a row, `mark`: FRESH with refcount 1, or RESERVED. */
int qcow2_alloc(struct qcow2 *q, uint64_t count, unsigned int mark, uint64_t *ret_cluster);
/* A reserved cluster becomes the image's, or free again. */
int qcow2_reserved_use(struct qcow2 *q, uint64_t cluster);
void qcow2_reserved_drop(struct qcow2 *q, uint64_t cluster);
/* One reference less. */
int qcow2_unref(struct qcow2 *q, uint64_t cluster, bool punch);

/* Makes all that was done the image on the file, durably. */
int qcow2_commit(struct qcow2 *q);
/* Commits if too much has changed to keep it in memory. */
int qcow2_commit_if_full(struct qcow2 *q);
bool qcow2_is_dirty(const struct qcow2 *q);
/* A host range that guest data must never go to, whatever a table says. */
bool qcow2_is_metadata(const struct qcow2 *q, uint64_t offset, uint64_t length);
/* Zeroes whole clusters; `discard`: what they read as later does not matter. */
int qcow2_zero_clusters(struct qcow2 *q, uint64_t cluster, uint64_t count, bool discard,
			bool unmap);

#endif
