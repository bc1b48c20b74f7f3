// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-blk on a disk image of any format (block/block.h): virtio 1.2, 5.2.
 *
 * Each queue has one thread and one io_uring. The thread sleeps in the ring
 * only: the queue's eventfd is watched by a multishot poll, so a kick is one
 * more completion. It takes every request that is there, submits them with one
 * system call, hands back what has completed, and raises one interrupt for the
 * batch. Data goes straight between the image and guest RAM, which is not
 * pinned (no registered buffers), as guest RAM has to stay swappable.
 *
 * The driver's kicks stay off from the moment the thread wakes until it has
 * found the queue empty.
 *
 * The queues run, idle and end by command: the commanding thread waits until
 * the queue's thread has taken it up, which it does with nothing in flight
 * unless it runs. So stop(), reset and destroy leave no I/O behind.
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "virtio/virtio_blk_private.h"

#define PCI_CLASS_SCSI 0x010000 /* as every virtio-blk says */

/* ---- a queue's thread ---- */

static void set_state(struct virtio_blk_queue *q, enum blk_state state)
{
	pthread_mutex_lock(&q->lock);
	q->state = state;
	pthread_cond_signal(&q->obeyed);
	pthread_mutex_unlock(&q->lock);
}

/* Lets the block layer work, and shows the driver what came of it. */
static void run_io(struct virtio_blk_queue *q, bool wait)
{
	block_queue_run(q->io, wait);
	if (q->state == BLK_RUNNING)
		virtio_queue_flush(q->vq);
}

/* Takes up a command, if there is one. */
static void obey(struct virtio_blk_queue *q)
{
	int command = atomic_load(&q->command);

	if (command == (int)q->state)
		return;
	while (q->in_flight)
		run_io(q, true);
	q->flush_offered = virtio_has_feature(&q->blk->dev, VIRTIO_BLK_F_FLUSH);
	set_state(q, (enum blk_state)command);
}

/* One batch. True if the queue is known to be empty, so that the thread may sleep. */
static bool serve(struct virtio_blk_queue *q)
{
	virtq_kicks_off(&q->vq->ring);
	virtio_blk_take_requests(q);
	run_io(q, false);
	/* Without a free request a completion has to come first; it wakes us. */
	return !q->free_count || !virtq_kicks_on(&q->vq->ring);
}

/* Its io_uring with the queue's eventfd under watch. */
static int io_init(struct virtio_blk_queue *q)
{
	int error = block_queue_create(q->blk->block, BLK_QUEUE_SIZE, &q->io);

	return error ? error : block_queue_watch(q->io, q->vq->kick_fd);
}

static void *queue_thread(void *ctx)
{
	struct virtio_blk_queue *q = ctx;

	q->setup_error = io_init(q);
	if (q->setup_error) {
		set_state(q, BLK_GONE);
		return NULL;
	}
	while (obey(q), q->state != BLK_GONE) {
		if (q->state == BLK_RUNNING && !serve(q))
			continue;
		run_io(q, true);
	}
	block_queue_destroy(q->io);
	return NULL;
}

/* Returns once the thread is in that state. */
static void command(struct virtio_blk_queue *q, enum blk_state state)
{
	pthread_mutex_lock(&q->lock);
	atomic_store(&q->command, state);
	(void)!eventfd_write(q->vq->kick_fd, 1);
	while (q->state != state && q->state != BLK_GONE)
		pthread_cond_wait(&q->obeyed, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

/* Signals are the main thread's affair. Returns when the io_uring is there. */
static int start_thread(struct virtio_blk_queue *q)
{
	sigset_t all, old;
	int error;

	atomic_store(&q->command, BLK_IDLE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = -pthread_create(&q->thread, NULL, queue_thread, q);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		return error;
	q->thread_started = true;
	command(q, BLK_IDLE);
	return q->setup_error;
}

static int start_threads(struct virtio_blk *blk)
{
	int error = 0;

	for (unsigned int i = 0; i < blk->queue_count && !error; i++)
		error = start_thread(&blk->queue[i]);
	return error;
}

/* ---- the device ---- */

static struct virtio_blk *blk_of(struct virtio_device *dev)
{
	return (struct virtio_blk *)((char *)dev - offsetof(struct virtio_blk, dev));
}

static int blk_start(struct virtio_device *dev)
{
	struct virtio_blk *blk = blk_of(dev);

	for (unsigned int i = 0; i < blk->queue_count; i++) {
		blk->queue[i].vq->ring.outside = virtio_blk_bounce;
		blk->queue[i].vq->ring.outside_ctx = &blk->queue[i];
		command(&blk->queue[i], BLK_RUNNING);
	}
	return 0;
}

static void blk_stop(struct virtio_device *dev)
{
	struct virtio_blk *blk = blk_of(dev);

	for (unsigned int i = 0; i < blk->queue_count; i++)
		command(&blk->queue[i], BLK_IDLE);
}

static void blk_free(struct virtio_blk *blk)
{
	for (unsigned int i = 0; i < blk->queue_count; i++) {
		pthread_cond_destroy(&blk->queue[i].obeyed);
		pthread_mutex_destroy(&blk->queue[i].lock);
	}
	free(blk);
}

static void blk_destroy(struct virtio_device *dev)
{
	struct virtio_blk *blk = blk_of(dev);

	for (unsigned int i = 0; i < blk->queue_count; i++) {
		if (!blk->queue[i].thread_started)
			continue;
		command(&blk->queue[i], BLK_GONE);
		pthread_join(blk->queue[i].thread, NULL);
	}
	virtio_device_fini(dev);
	blk_free(blk);
}

static const struct virtio_class blk_class = {
	.name = "virtio-blk",
	.type = VIRTIO_ID_BLOCK,
	.pci_class = PCI_CLASS_SCSI,
	.queue_size = BLK_QUEUE_SIZE,
	.start = blk_start,
	.stop = blk_stop,
	.destroy = blk_destroy,
};

static uint64_t blk_features(const struct virtio_blk *blk)
{
	uint64_t features = 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |
			    1ull << VIRTIO_BLK_F_FLUSH;

	if (blk->queue_count > 1)
		features |= 1ull << VIRTIO_BLK_F_MQ;
	if (blk->readonly)
		return features | 1ull << VIRTIO_BLK_F_RO;
	return features | 1ull << VIRTIO_BLK_F_DISCARD | 1ull << VIRTIO_BLK_F_WRITE_ZEROES;
}

/* Up to and without what F_SECURE_ERASE would add. */
#define BLK_CONFIG_SIZE offsetof(struct virtio_blk_config, max_secure_erase_sectors)

static void fill_config(struct virtio_blk *blk)
{
	blk->config = (struct virtio_blk_config){
		.capacity = blk->sectors,
		.seg_max = BLK_SEGMENTS_MAX,
		.blk_size = BLK_SECTOR_SIZE,
		.num_queues = (uint16_t)blk->queue_count,
		.max_discard_sectors = BLK_DISCARD_SECTORS_MAX,
		.max_discard_seg = 1,
		.discard_sector_alignment = block_cluster_size(blk->block) / BLK_SECTOR_SIZE,
		.max_write_zeroes_sectors = BLK_DISCARD_SECTORS_MAX,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = 1,
	};
}

static void queue_init(struct virtio_blk *blk, struct virtio_blk_queue *q)
{
	q->blk = blk;
	q->vq = &blk->dev.queue[q - blk->queue];
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->obeyed, NULL);
	for (unsigned int i = 0; i < BLK_QUEUE_SIZE; i++) /* low ones on top: few pages touched */
		q->free_index[q->free_count++] = (uint16_t)(BLK_QUEUE_SIZE - 1 - i);
}

static struct virtio_blk *blk_alloc(const struct virtio_blk_options *options)
{
	struct virtio_blk *blk = calloc(1, sizeof(*blk));
	unsigned int queues = options->queues ? options->queues : 1;

	if (!blk)
		return NULL;
	blk->queue_count = queues < VIRTIO_BLK_QUEUES_MAX ? queues : VIRTIO_BLK_QUEUES_MAX;
	blk->block = options->block;
	blk->readonly = block_readonly(blk->block);
	blk->sectors = block_size(blk->block) >> BLK_SECTOR_SHIFT;
	snprintf(blk->name, sizeof(blk->name), "%s", options->name);
	blk->class = blk_class;
	blk->class.queue_count = (uint16_t)blk->queue_count;
	if (options->serial)
		memcpy(blk->serial, options->serial,
		       strnlen(options->serial, sizeof(blk->serial)));
	for (unsigned int i = 0; i < blk->queue_count; i++)
		queue_init(blk, &blk->queue[i]);
	return blk;
}

int virtio_blk_create(struct machine *m, const struct virtio_blk_options *options,
		      struct virtio_device **ret)
{
	struct virtio_blk *blk = blk_alloc(options);
	int error;

	if (!blk)
		return -ENOMEM;
	fill_config(blk);
	error = virtio_device_init(&blk->dev, m, &blk->class, blk_features(blk), &blk->config,
				   BLK_CONFIG_SIZE);
	if (error)
		goto err_free;
	error = start_threads(blk);
	if (error) {
		virtio_device_destroy(&blk->dev);
		return error;
	}
	*ret = &blk->dev;
	return 0;

err_free:
	blk_free(blk);
	return error;
}

void virtio_blk_get_stats(struct virtio_device *dev, struct virtio_blk_stats *ret)
{
	struct virtio_blk *blk = blk_of(dev);

	*ret = (struct virtio_blk_stats){ .errors = atomic_load(&blk->errors) };
	for (unsigned int i = 0; i < blk->queue_count; i++) {
		struct virtio_blk_queue *q = &blk->queue[i];

		ret->reads += atomic_load(&q->reads);
		ret->read_bytes += atomic_load(&q->read_bytes);
		ret->writes += atomic_load(&q->writes);
		ret->written_bytes += atomic_load(&q->written_bytes);
		ret->flushes += atomic_load(&q->flushes);
		ret->discards += atomic_load(&q->discards);
	}
}
