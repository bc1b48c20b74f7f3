// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-rng: virtio 1.2, 5.4. One queue of buffers, filled from getrandom().
 *
 * Served on the main loop. The rate is limited so that a guest that asks
 * without end does not keep the loop, and so the other devices on it, busy: a
 * buffer gets at most BUFFER_MAX bytes, which the standard allows (5.4.6.1),
 * and when a period's budget is spent the rest of the queue waits for the next.
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include "virtio/transport.h"

#define QUEUE_SIZE 64u
#define BUFFER_MAX 4096u
#define PERIOD_NS 10000000u	  /* 10 ms … */
#define PERIOD_BUDGET (16 * 1024) /* … so 1.6 MB/s */
#define PCI_CLASS_OTHER 0x00ff00

struct virtio_rng {
	struct virtio_device dev;
	struct loop_timer *period;
	pthread_mutex_t lock;	/* running, and the queue while it is served */
	bool running;
	/* loop's thread */
	int budget;		/* bytes left in this period */
	bool period_on;		/* the timer is armed */
	struct iovec iov[QUEUE_SIZE];
};

static struct virtio_rng *rng_of(struct virtio_device *dev)
{
	return (struct virtio_rng *)((char *)dev - offsetof(struct virtio_rng, dev));
}

/* Fills the writable buffers, up to BUFFER_MAX bytes. */
static uint32_t fill(const struct virtq_chain *chain)
{
	const struct iovec *iov = chain->iov + chain->readable;
	uint32_t done = 0;

	for (unsigned int i = 0; i < chain->writable && done < BUFFER_MAX; i++) {
		size_t part = BUFFER_MAX - done;
		ssize_t got;

		if (part > iov[i].iov_len)
			part = iov[i].iov_len;
		got = getrandom(iov[i].iov_base, part, 0);
		if (got > 0)
			done += (uint32_t)got;
		if (got != (ssize_t)part)
			break;
	}
	return done;
}

static void start_period(struct virtio_rng *rng)
{
	if (rng->period_on)
		return;
	rng->period_on = true;
	loop_timer_arm(rng->period, PERIOD_NS);
}

/* Every chain costs a little even if it is empty, so that none is for free. */
static void serve_locked(struct virtio_rng *rng)
{
	struct virtio_queue *queue = &rng->dev.queue[0];
	struct virtq_chain chain = { .iov = rng->iov, .iov_max = QUEUE_SIZE };

	do {
		while (rng->budget > 0 && virtio_queue_pop(queue, &chain) > 0) {
			uint32_t written = fill(&chain);

			rng->budget -= (int)written + 16;
			virtq_push(&queue->ring, chain.head, written);
		}
		virtio_queue_flush(queue);
	} while (rng->budget > 0 && virtq_kicks_on(&queue->ring));
	if (rng->budget < PERIOD_BUDGET)
		start_period(rng);
}

static void serve(struct virtio_rng *rng)
{
	pthread_mutex_lock(&rng->lock);
	if (rng->running)
		serve_locked(rng);
	pthread_mutex_unlock(&rng->lock);
}

static void on_kick(void *ctx, int fd, uint32_t events)
{
	eventfd_t count;

	(void)events;
	(void)!eventfd_read(fd, &count);
	serve(ctx);
}

static void on_period(void *ctx)
{
	struct virtio_rng *rng = ctx;

	rng->period_on = false;
	rng->budget = PERIOD_BUDGET;
	serve(rng);
}

static int rng_start(struct virtio_device *dev)
{
	struct virtio_rng *rng = rng_of(dev);

	pthread_mutex_lock(&rng->lock);
	rng->running = true;
	pthread_mutex_unlock(&rng->lock);
	return eventfd_write(dev->queue[0].kick_fd, 1) ? -errno : 0;
}

static void rng_stop(struct virtio_device *dev)
{
	struct virtio_rng *rng = rng_of(dev);

	pthread_mutex_lock(&rng->lock);
	rng->running = false;
	pthread_mutex_unlock(&rng->lock);
}

static void rng_destroy(struct virtio_device *dev)
{
	struct virtio_rng *rng = rng_of(dev);

	loop_remove_fd(dev->machine->loop, dev->queue[0].kick_fd);
	loop_timer_destroy(rng->period);
	virtio_device_fini(dev);
	pthread_mutex_destroy(&rng->lock);
	free(rng);
}

static const struct virtio_class rng_class = {
	.name = "virtio-rng",
	.type = VIRTIO_ID_RNG,
	.pci_class = PCI_CLASS_OTHER,
	.queue_count = 1,
	.queue_size = QUEUE_SIZE,
	.start = rng_start,
	.stop = rng_stop,
	.destroy = rng_destroy,
};

/* The guest does not run yet, so nothing is served before all is there. */
int virtio_rng_create(struct machine *m, struct virtio_device **ret)
{
	struct virtio_rng *rng = calloc(1, sizeof(*rng));
	int error;

	if (!rng)
		return -ENOMEM;
	pthread_mutex_init(&rng->lock, NULL);
	rng->budget = PERIOD_BUDGET;
	error = virtio_device_init(&rng->dev, m, &rng_class, 0, NULL, 0);
	if (error) {
		pthread_mutex_destroy(&rng->lock);
		free(rng);
		return error;
	}
	rng->period = loop_timer_create(m->loop, on_period, rng);
	error = rng->period ? loop_add_fd(m->loop, rng->dev.queue[0].kick_fd, EPOLLIN, on_kick,
					  rng) : -ENOMEM;
	if (error) {
		virtio_device_destroy(&rng->dev);
		return error;
	}
	*ret = &rng->dev;
	return 0;
}
