// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens images of any format and checks requests before a driver sees them.
 * See block.h.
 */
#include "block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "foreign.h"
#include "private.h"
#include "qcow2.h"

static bool open_raw(struct block *block, const char *name, uint64_t size, struct btn_error *e)
{
	block->driver = &raw_driver;
	block->cluster_size = 4096;
	block->size = size & ~(uint64_t)(BLOCK_SECTOR - 1);
	if (block->size)
		return true;
	btn_set(e, BTN_DISK_SIZE, "the disk \"%s\" has a size that does not work", name);
	return false;
}

static bool open_qcow2(struct block *block, const char *name, struct btn_error *e)
{
	int fd = block->fd;

	if (!qcow2_open(name, fd, block->readonly ? QCOW2_READ : QCOW2_WRITE, &block->qcow2, e))
		return false;
	block->driver = &qcow2_driver;
	block->size = qcow2_size(block->qcow2) & ~(uint64_t)(BLOCK_SECTOR - 1);
	block->cluster_size = qcow2_cluster_size(block->qcow2);
	if (block->size)
		return true;
	btn_set(e, BTN_DISK_SIZE, "the disk \"%s\" is empty", name);
	btn_set_cause(e, "Its header says that it has less than a sector.");
	return false;
}

bool block_open(const struct block_options *options, struct block **ret, struct btn_error *e)
{
	const char *name = options->path ? options->path : "disk";
	struct block *block = calloc(1, sizeof(*block));
	enum block_format format = options->format;
	uint64_t size;
	bool ok;

	if (!block) {
		btn_set_default(e, BTN_NO_MEMORY);
		return false;
	}
	block->readonly = options->readonly;
	if (!image_file_open(options->path, options->fd, options->readonly, &block->fd, &size,
			     e)) {
		free(block);
		return false;
	}
	if (format == BLOCK_AUTO && qcow2_probe(block->fd))
		format = BLOCK_QCOW2;
	block->ring_fd = image_file_again(block->fd, block->readonly);
	if (block->ring_fd < 0) /* without /proc */
		block->ring_fd = fcntl(block->fd, F_DUPFD_CLOEXEC, 0);
	if (format == BLOCK_QCOW2)
		ok = open_qcow2(block, name, e);
	else
		ok = (format == BLOCK_RAW || image_is_raw(name, block->fd, size, e)) &&
		     open_raw(block, name, size, e);
	if (!ok) {
		block_close(block);
		return false;
	}
	*ret = block;
	return true;
}

int block_close(struct block *block)
{
	int error;

	if (!block)
		return 0;
	error = qcow2_close(block->qcow2);
	if (!error && block->driver && !block->readonly && fdatasync(block->fd))
		error = -errno;
	if (block->ring_fd >= 0)
		close(block->ring_fd);
	image_file_close(block->fd);
	free(block);
	return error;
}

uint64_t block_size(const struct block *block)
{
	return block->size;
}

bool block_readonly(const struct block *block)
{
	return block->readonly;
}

uint32_t block_cluster_size(const struct block *block)
{
	return block->cluster_size;
}

static int check(const struct block *block, const struct block_request *r)
{
	if (r->op == BLOCK_FLUSH)
		return atomic_load(&block->sync_failed) ? -EIO : 0;
	if (r->op != BLOCK_READ && block->readonly)
		return -EROFS;
	if ((r->offset | r->length) % BLOCK_SECTOR || !r->length || r->offset > block->size ||
	    r->length > block->size - r->offset)
		return -EINVAL;
	return 0;
}

void block_submit(struct block_queue *queue, struct block_request *request)
{
	int error = check(queue->block, request);

	request->queue = queue;
	if (error)
		request->done(request, error);
	else if (request->op == BLOCK_FLUSH && queue->block->readonly)
		request->done(request, 0); /* nothing can be dirty */
	else
		queue->block->driver->submit(queue, request);
}
