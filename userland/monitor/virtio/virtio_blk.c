// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-blk on a raw image: virtio 1.2, 5.2.
 *
 * Each disk has one thread and one io_uring. The thread sleeps in the ring
 * only: the queue's eventfd is watched by a multishot poll, so a kick is one
 * more completion. It takes every request that is there, submits them with one
 * system call, hands back what has completed, and raises one interrupt for the
 * batch. Data goes straight between the image and guest RAM, which is not
 * pinned (no registered buffers), as guest RAM has to stay swappable.
 *
 * The driver's kicks stay off from the moment the thread wakes until it has
 * found the queue empty.
 *
 * The device runs, idles and ends by command: the commanding thread waits until
 * the disk's thread has taken it up, which it does with nothing in flight
 * unless it runs. So stop(), reset and destroy leave no I/O behind.
 */
#define _GNU_SOURCE /* fallocate(), OFD locks */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "virtio/virtio_blk_private.h"

#define PCI_CLASS_SCSI 0x010000 /* as every virtio-blk says */

/* ---- the disk's thread ---- */

static void set_state(struct virtio_blk *blk, enum blk_state state)
{
	pthread_mutex_lock(&blk->lock);
	blk->state = state;
	pthread_cond_signal(&blk->obeyed);
	pthread_mutex_unlock(&blk->lock);
}

/* Takes up a command, if there is one. */
static void obey(struct virtio_blk *blk)
{
	int command = atomic_load(&blk->command);

	if (command == (int)blk->state)
		return;
	while (blk->in_flight) {
		io_uring_submit_and_wait(&blk->ring, 1);
		virtio_blk_reap(blk);
	}
	blk->flush_offered = virtio_has_feature(&blk->dev, VIRTIO_BLK_F_FLUSH);
	set_state(blk, (enum blk_state)command);
}

/* One batch. True if the queue is known to be empty, so that the thread may sleep. */
static bool serve(struct virtio_blk *blk)
{
	struct virtq *q = &blk->dev.queue[0].ring;

	virtq_kicks_off(q);
	virtio_blk_take_requests(blk);
	io_uring_submit(&blk->ring);
	virtio_blk_reap(blk);
	/* Without a free request a completion has to come first; it wakes us. */
	return !blk->free_count || !virtq_kicks_on(q);
}

static void *disk_thread(void *ctx)
{
	struct virtio_blk *blk = ctx;

	blk->setup_error = virtio_blk_ring_init(blk);
	if (blk->setup_error) {
		set_state(blk, BLK_GONE);
		return NULL;
	}
	while (obey(blk), blk->state != BLK_GONE) {
		if (blk->state == BLK_RUNNING && !serve(blk))
			continue;
		io_uring_submit_and_wait(&blk->ring, 1);
		if (blk->state != BLK_RUNNING)
			virtio_blk_reap(blk);
	}
	io_uring_queue_exit(&blk->ring);
	return NULL;
}

/* Returns once the thread is in that state. */
static void command(struct virtio_blk *blk, enum blk_state state)
{
	pthread_mutex_lock(&blk->lock);
	atomic_store(&blk->command, state);
	(void)!eventfd_write(blk->dev.queue[0].kick_fd, 1);
	while (blk->state != state && blk->state != BLK_GONE)
		pthread_cond_wait(&blk->obeyed, &blk->lock);
	pthread_mutex_unlock(&blk->lock);
}

/* Signals are the main thread's affair. Returns when the io_uring is there. */
static int start_thread(struct virtio_blk *blk)
{
	sigset_t all, old;
	int error;

	atomic_store(&blk->command, BLK_IDLE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = -pthread_create(&blk->thread, NULL, disk_thread, blk);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		return error;
	blk->thread_started = true;
	command(blk, BLK_IDLE);
	return blk->setup_error;
}

/* ---- the image ---- */

/*
 * A lock of the open file description: unlike POSIX locks it holds between two
 * disks of one process too, and goes with the last descriptor. It covers the
 * whole file, so it also meets QEMU's, which take single bytes.
 */
static int lock_image(int fd, bool readonly)
{
	struct flock lock = {
		.l_type = readonly ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

static int image_sectors(int fd, uint64_t *ret)
{
	struct stat st;
	off_t end;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return -EINVAL;
	end = lseek(fd, 0, SEEK_END); /* block devices too */
	if (end < 0)
		return -errno;
	*ret = (uint64_t)end >> BLK_SECTOR_SHIFT;
	return *ret ? 0 : -EINVAL;
}

static int open_image(struct virtio_blk *blk, const struct virtio_blk_options *options)
{
	int error;

	if (options->path)
		blk->fd = open(options->path,
			       (options->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY);
	else
		blk->fd = fcntl(options->fd, F_DUPFD_CLOEXEC, 0);
	if (blk->fd < 0)
		return -errno;
	error = image_sectors(blk->fd, &blk->sectors);
	return error ? error : lock_image(blk->fd, options->readonly);
}

/* ---- the device ---- */

static struct virtio_blk *blk_of(struct virtio_device *dev)
{
	return (struct virtio_blk *)((char *)dev - offsetof(struct virtio_blk, dev));
}

static int blk_start(struct virtio_device *dev)
{
	command(blk_of(dev), BLK_RUNNING);
	return 0;
}

static void blk_stop(struct virtio_device *dev)
{
	command(blk_of(dev), BLK_IDLE);
}

static void blk_free(struct virtio_blk *blk)
{
	if (blk->fd >= 0)
		close(blk->fd);
	pthread_cond_destroy(&blk->obeyed);
	pthread_mutex_destroy(&blk->lock);
	free(blk);
}

static void blk_destroy(struct virtio_device *dev)
{
	struct virtio_blk *blk = blk_of(dev);

	if (blk->thread_started) {
		command(blk, BLK_GONE);
		pthread_join(blk->thread, NULL);
	}
	virtio_device_fini(dev);
	blk_free(blk);
}

static const struct virtio_class blk_class = {
	.name = "virtio-blk",
	.type = VIRTIO_ID_BLOCK,
	.pci_class = PCI_CLASS_SCSI,
	.queue_count = 1,
	.queue_size = BLK_QUEUE_SIZE,
	.start = blk_start,
	.stop = blk_stop,
	.destroy = blk_destroy,
};

static uint64_t blk_features(const struct virtio_blk *blk)
{
	uint64_t features = 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |
			    1ull << VIRTIO_BLK_F_FLUSH;

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
		.num_queues = 1,
		.max_discard_sectors = BLK_DISCARD_SECTORS_MAX,
		.max_discard_seg = 1,
		.discard_sector_alignment = 4096 / BLK_SECTOR_SIZE,
		.max_write_zeroes_sectors = BLK_DISCARD_SECTORS_MAX,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = 1,
	};
}

static struct virtio_blk *blk_alloc(const struct virtio_blk_options *options)
{
	struct virtio_blk *blk = calloc(1, sizeof(*blk));

	if (!blk)
		return NULL;
	blk->fd = -1;
	blk->readonly = options->readonly;
	if (options->serial)
		memcpy(blk->serial, options->serial,
		       strnlen(options->serial, sizeof(blk->serial)));
	pthread_mutex_init(&blk->lock, NULL);
	pthread_cond_init(&blk->obeyed, NULL);
	for (unsigned int i = 0; i < BLK_QUEUE_SIZE; i++) /* low ones on top: few pages touched */
		blk->free_index[blk->free_count++] = (uint16_t)(BLK_QUEUE_SIZE - 1 - i);
	return blk;
}

int virtio_blk_create(struct machine *m, const struct virtio_blk_options *options,
		      struct virtio_device **ret)
{
	struct virtio_blk *blk = blk_alloc(options);
	int error;

	if (!blk)
		return -ENOMEM;
	error = open_image(blk, options);
	if (error)
		goto err_free;
	fill_config(blk);
	error = virtio_device_init(&blk->dev, m, &blk_class, blk_features(blk), &blk->config,
				   BLK_CONFIG_SIZE);
	if (error)
		goto err_free;
	error = start_thread(blk);
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
