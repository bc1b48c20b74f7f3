// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-balloon: virtio 1.2, 5.5. Queues for pages going into the balloon and
 * out of it, for the guest's statistics, and for free pages that the guest
 * reports without being asked. Free page hinting is not offered, it would help
 * migration only.
 *
 * Served on the main loop. A driver can list as many pages as it likes; so a
 * round has a budget, and what is over the limit for one chain stays with the
 * guest, which costs nobody anything.
 *
 * Reported pages read as zero afterwards. That is wrong for a guest that fills
 * free pages with a pattern and relies on it; such a guest says so (PAGE_POISON)
 * and its reports are then answered, but its pages stay.
 *
 * Lock order: dev->lock, balloon.lock. The configuration is under dev->lock; who
 * serves the queues must not take that one, and needs only poison_val of it.
 */
#include "virtio/virtio_balloon.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "baton_types.h"
#include "virtio/balloon_pages.h"
#include "virtio/transport.h"

/*
 * Where queues are, 5.5.2. A queue whose feature the driver did not take does not
 * exist, and drivers differ in what that means for the numbers behind it: as
 * the standard says, nothing (REPORTING), or, as Linux did before 6.11, they move
 * up. All places but the first two are therefore decided by role_of().
 */
enum { INFLATE, DEFLATE, STATS, HINTS, REPORTING, QUEUES };

#define QUEUE_SIZE 128u		/* Linux reports 32 ranges at a time, and insists on that */
#define PCI_CLASS_OTHER 0x00ff00
#define PIECE_PFNS 1024u	/* sorted and merged together */
#define CHAIN_PFNS_MAX 16384u
#define ROUND_BUDGET 16384	/* pages listed; or buffers and bytes reported, see report() */
#define NS_PER_MS 1000000ull

#define FEATURES \
	(1ull << VIRTIO_BALLOON_F_MUST_TELL_HOST | 1ull << VIRTIO_BALLOON_F_STATS_VQ | \
	 1ull << VIRTIO_BALLOON_F_DEFLATE_ON_OOM | 1ull << VIRTIO_BALLOON_F_PAGE_POISON | \
	 1ull << VIRTIO_BALLOON_F_REPORTING)

struct virtio_balloon {
	struct virtio_device dev;
	struct virtio_balloon_config config; /* dev->lock */
	_Atomic(uint32_t) poison;	/* config.poison_val, for who serves the queues */
	_Atomic(uint32_t) interval_ms;	/* of statistics; 0: do not ask */
	_Atomic(uint64_t) reported;	/* bytes */
	_Atomic(uint32_t) failures;	/* of the host to take memory back, for the log */
	struct loop_timer *poll;
	pthread_mutex_t lock;		/* the rest, and the queues while they are served */
	bool running;
	struct balloon_pages pages;
	struct virtio_balloon_stats stats; /* age_ns is not used */
	uint64_t stats_time;		/* when they came, CLOCK_MONOTONIC */
	bool stats_held;		/* we have the driver's buffer … */
	uint16_t stats_head;		/* … which it fills anew when it gets it back */
	struct iovec iov[QUEUE_SIZE];
	uint32_t pfn[PIECE_PFNS];
};

const struct state_field virtio_balloon_state[] = {
	STATE_FIELD(struct virtio_balloon, config.num_pages),
	STATE_FIELD(struct virtio_balloon, config.actual),
	STATE_FIELD(struct virtio_balloon, config.poison_val),
	STATE_FIELD(struct virtio_balloon, stats_held),
	STATE_FIELD(struct virtio_balloon, stats_head),
};
const unsigned int virtio_balloon_state_count =
	sizeof(virtio_balloon_state) / sizeof(virtio_balloon_state[0]);

static struct virtio_balloon *balloon_of(struct virtio_device *dev)
{
	return (struct virtio_balloon *)((char *)dev - offsetof(struct virtio_balloon, dev));
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- what a chain holds: all with balloon.lock held ---- */

/* Reads a list of buffers as one stream of bytes. */
struct stream {
	const struct iovec *iov;
	unsigned int count;
	size_t offset;		/* in *iov */
};

/* Bytes read: fewer than asked for at the end. */
static size_t stream_read(struct stream *s, void *to, size_t size)
{
	size_t done = 0;

	while (done < size && s->count) {
		size_t part = s->iov->iov_len - s->offset;

		if (part > size - done)
			part = size - done;
		memcpy((char *)to + done, (const char *)s->iov->iov_base + s->offset, part);
		done += part;
		s->offset += part;
		if (s->offset < s->iov->iov_len)
			continue;
		s->iov++;
		s->count--;
		s->offset = 0;
	}
	return done;
}

/* All return what the chain costs of a round's budget; none is for free. */
static int take_pfns(struct virtio_balloon *b, const struct virtq_chain *chain, bool in)
{
	struct stream s = { chain->iov, chain->readable, 0 };
	uint32_t done = 0;

	while (done < CHAIN_PFNS_MAX) {
		uint32_t count = (uint32_t)(stream_read(&s, b->pfn, sizeof(b->pfn)) /
					    sizeof(*b->pfn));

		if (!count)
			break;
		if (in)
			balloon_pages_put_in(&b->pages, b->pfn, count);
		else
			balloon_pages_take_out(&b->pages, b->pfn, count);
		done += count;
	}
	/* What is left of the list is not known to have come out. */
	if (!in && s.count)
		b->pages.told = false;
	return (int)done + 16;
}

static int report(struct virtio_balloon *b, const struct virtq_chain *chain)
{
	const struct iovec *iov = chain->iov + chain->readable;
	uint64_t bytes = 0;

	if (atomic_load(&b->poison) && virtio_has_feature(&b->dev, VIRTIO_BALLOON_F_PAGE_POISON))
		return 16;
	for (unsigned int i = 0; i < chain->writable; i++) {
		if (guest_memory_give_back(b->dev.machine->memory, iov[i].iov_base,
					   iov[i].iov_len))
			b->pages.failures++;
		else
			bytes += iov[i].iov_len;
	}
	atomic_fetch_add(&b->reported, bytes);
	/* A round is 1 GiB at most, or one chain. */
	return 16 + 16 * chain->writable + (int)(bytes / (64 << 10));
}

static int take_stats(struct virtio_balloon *b, const struct virtq_chain *chain)
{
	struct stream s = { chain->iov, chain->readable, 0 };
	struct virtio_balloon_stats stats = {};
	struct virtio_balloon_stat stat;

	/* As many as there are tags, twice over: a driver may tell more than we know. */
	for (unsigned int i = 0; i < 2 * VIRTIO_BALLOON_STATS; i++) {
		if (stream_read(&s, &stat, sizeof(stat)) < sizeof(stat))
			break;
		if (stat.tag >= VIRTIO_BALLOON_STATS)
			continue;
		stats.value[stat.tag] = stat.val;
		stats.known |= 1u << stat.tag;
	}
	b->stats = stats;
	b->stats_time = now_ns();
	return 16;
}

/* ---- queues: with balloon.lock held, loop's thread ---- */

static unsigned int role_of(struct virtio_balloon *b, unsigned int index)
{
	if (index < STATS)
		return index;
	if (index == STATS && virtio_has_feature(&b->dev, VIRTIO_BALLOON_F_STATS_VQ))
		return STATS;
	return virtio_has_feature(&b->dev, VIRTIO_BALLOON_F_REPORTING) ? REPORTING : HINTS;
}

/* The driver has the buffer back and fills it anew. */
static void return_stats_buffer(struct virtio_balloon *b)
{
	if (!b->stats_held)
		return;
	b->stats_held = false;
	virtq_push(&b->dev.queue[STATS].ring, b->stats_head, 0);
	virtio_queue_flush(&b->dev.queue[STATS]);
}

static int handle(struct virtio_balloon *b, unsigned int role, const struct virtq_chain *chain)
{
	struct virtio_queue *queue = &b->dev.queue[role];

	switch (role) {
	case INFLATE:
	case DEFLATE: return take_pfns(b, chain, role == INFLATE);
	case REPORTING: return report(b, chain);
	case STATS:
		/* One buffer is enough; a driver that gives a second gets the first back. */
		if (b->stats_held)
			virtq_push(&queue->ring, b->stats_head, 0);
		b->stats_held = true;
		b->stats_head = chain->head;
		return take_stats(b, chain);
	default: return 16;
	}
}

static void serve_locked(struct virtio_balloon *b, struct virtio_queue *queue)
{
	unsigned int role = role_of(b, (unsigned int)(queue - b->dev.queue));
	struct virtq_chain chain = { .iov = b->iov, .iov_max = QUEUE_SIZE };
	uint64_t failures = b->pages.failures;
	int budget = ROUND_BUDGET;

	do {
		while (budget > 0 && virtio_queue_pop(queue, &chain) > 0) {
			budget -= handle(b, role, &chain);
			if (role != STATS)
				virtq_push(&queue->ring, chain.head, 0);
		}
		virtio_queue_flush(queue);
	} while (budget > 0 && virtq_kicks_on(&queue->ring));
	if (budget <= 0) /* others have their turn first */
		(void)!eventfd_write(queue->kick_fd, 1);
	if (failures != b->pages.failures && virtio_log_worthy(&b->failures))
		fprintf(stderr, "baton-vm: %s: the host did not take memory back\n",
			b->dev.class->name);
}

static void on_kick(void *ctx, int fd, uint32_t events)
{
	struct virtio_queue *queue = ctx;
	struct virtio_balloon *b = balloon_of(queue->dev);
	eventfd_t count;

	(void)events;
	(void)!eventfd_read(fd, &count);
	pthread_mutex_lock(&b->lock);
	if (b->running)
		serve_locked(b, queue);
	pthread_mutex_unlock(&b->lock);
}

static void on_poll(void *ctx)
{
	struct virtio_balloon *b = ctx;
	uint32_t interval = atomic_load(&b->interval_ms);

	if (!interval)
		return;
	pthread_mutex_lock(&b->lock);
	if (b->running)
		return_stats_buffer(b);
	pthread_mutex_unlock(&b->lock);
	loop_timer_arm(b->poll, interval * NS_PER_MS);
}

/* ---- target and figures: any thread ---- */

void virtio_balloon_set_target(struct virtio_device *dev, uint64_t bytes)
{
	uint64_t ram = guest_memory_size(dev->machine->memory);
	uint64_t pages = bytes < ram ? (ram - bytes) / BATON_PAGE_SIZE : 0;
	struct virtio_balloon *b = balloon_of(dev);

	pthread_mutex_lock(&dev->lock);
	b->config.num_pages = pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX;
	pthread_mutex_unlock(&dev->lock);
	virtio_device_config_changed(dev);
}

uint64_t virtio_balloon_target(struct virtio_device *dev)
{
	uint64_t pages;

	pthread_mutex_lock(&dev->lock);
	pages = balloon_of(dev)->config.num_pages;
	pthread_mutex_unlock(&dev->lock);
	return guest_memory_size(dev->machine->memory) - pages * BATON_PAGE_SIZE;
}

uint64_t virtio_balloon_actual(struct virtio_device *dev)
{
	return guest_memory_size(dev->machine->memory) -
	       atomic_load(&balloon_of(dev)->pages.count) * BATON_PAGE_SIZE;
}

bool virtio_balloon_has_driver(struct virtio_device *dev)
{
	return atomic_load(&dev->status) & VIRTIO_CONFIG_S_DRIVER_OK;
}

uint64_t virtio_balloon_reported(struct virtio_device *dev)
{
	return atomic_load(&balloon_of(dev)->reported);
}

void virtio_balloon_get_stats(struct virtio_device *dev, struct virtio_balloon_stats *ret)
{
	struct virtio_balloon *b = balloon_of(dev);

	pthread_mutex_lock(&b->lock);
	*ret = b->stats;
	ret->age_ns = b->stats.known ? now_ns() - b->stats_time : 0;
	pthread_mutex_unlock(&b->lock);
}

void virtio_balloon_set_stats_interval(struct virtio_device *dev, uint32_t milliseconds)
{
	struct virtio_balloon *b = balloon_of(dev);

	atomic_store(&b->interval_ms, milliseconds);
	loop_timer_arm(b->poll, 0);
}

/* ---- the device ---- */

/* What the driver may write, 5.5.4: "actual" is its own idea, ours is the count. */
static void balloon_config_write(struct virtio_device *dev, uint32_t offset, unsigned int size,
				 uint64_t value)
{
	struct virtio_balloon *b = balloon_of(dev);

	if (size != sizeof(uint32_t))
		return;
	if (offset == offsetof(struct virtio_balloon_config, actual))
		b->config.actual = (uint32_t)value;
	if (offset == offsetof(struct virtio_balloon_config, poison_val)) {
		b->config.poison_val = (uint32_t)value;
		atomic_store(&b->poison, (uint32_t)value);
	}
}

/* A guest that resets the device has its pages again, or has itself started over. */
static void balloon_reset(struct virtio_device *dev)
{
	struct virtio_balloon *b = balloon_of(dev);

	b->config.actual = b->config.poison_val = 0;
	atomic_store(&b->poison, 0);
	pthread_mutex_lock(&b->lock);
	balloon_pages_clear(&b->pages);
	b->stats = (struct virtio_balloon_stats){};
	pthread_mutex_unlock(&b->lock);
}

static int balloon_start(struct virtio_device *dev)
{
	struct virtio_balloon *b = balloon_of(dev);

	pthread_mutex_lock(&b->lock);
	b->running = true;
	b->pages.told = virtio_has_feature(dev, VIRTIO_BALLOON_F_MUST_TELL_HOST);
	pthread_mutex_unlock(&b->lock);
	for (unsigned int i = 0; i < QUEUES; i++)
		if (eventfd_write(dev->queue[i].kick_fd, 1))
			return -errno;
	return 0;
}

static void balloon_stop(struct virtio_device *dev)
{
	struct virtio_balloon *b = balloon_of(dev);

	pthread_mutex_lock(&b->lock);
	return_stats_buffer(b);
	b->running = false;
	pthread_mutex_unlock(&b->lock);
}

static void balloon_destroy(struct virtio_device *dev)
{
	struct virtio_balloon *b = balloon_of(dev);

	for (unsigned int i = 0; i < QUEUES; i++)
		loop_remove_fd(dev->machine->loop, dev->queue[i].kick_fd);
	loop_timer_destroy(b->poll);
	virtio_device_fini(dev);
	balloon_pages_fini(&b->pages);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static const struct virtio_class balloon_class = {
	.name = "virtio-balloon",
	.type = VIRTIO_ID_BALLOON,
	.pci_class = PCI_CLASS_OTHER,
	.queue_count = QUEUES,
	.queue_size = QUEUE_SIZE,
	.start = balloon_start,
	.stop = balloon_stop,
	.destroy = balloon_destroy,
	.config_write = balloon_config_write,
	.reset = balloon_reset,
};

static int balloon_connect(struct virtio_balloon *b)
{
	struct loop *loop = b->dev.machine->loop;
	int error = 0;

	b->poll = loop_timer_create(loop, on_poll, b);
	if (!b->poll)
		return -ENOMEM;
	for (unsigned int i = 0; i < QUEUES && !error; i++)
		error = loop_add_fd(loop, b->dev.queue[i].kick_fd, EPOLLIN, on_kick,
				    &b->dev.queue[i]);
	return error;
}

int virtio_balloon_create(struct machine *m, struct virtio_device **ret)
{
	struct virtio_balloon *b = calloc(1, sizeof(*b));
	int error;

	if (!b)
		return -ENOMEM;
	pthread_mutex_init(&b->lock, NULL);
	error = balloon_pages_init(&b->pages, m->memory);
	if (!error)
		error = virtio_device_init(&b->dev, m, &balloon_class, FEATURES, &b->config,
					   sizeof(b->config));
	if (error) {
		balloon_pages_fini(&b->pages);
		pthread_mutex_destroy(&b->lock);
		free(b);
		return error;
	}
	error = balloon_connect(b);
	if (error) {
		virtio_device_destroy(&b->dev);
		return error;
	}
	*ret = &b->dev;
	return 0;
}
