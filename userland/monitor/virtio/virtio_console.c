// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-console with one port: virtio 1.2, 5.3. Queue 0 takes input to the
 * guest, queue 1 output from it; each has a descriptor on the host's side.
 *
 * Served on the main loop, which must not block: output is written only while
 * poll() says that there is room, in pieces that a pipe then takes whole, and
 * otherwise the loop calls back when there is. A descriptor that epoll refuses
 * (a regular file, /dev/null) is always ready for output and has no input.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio/transport.h"

enum { RX, TX, QUEUES };

#define QUEUE_SIZE 64u
#define ROUND_BYTES (64 * 1024) /* output in one callback, so that others get their turn */
#define PIECE 256u /* what POLLOUT promises, also of a terminal */
#define PCI_CLASS_OTHER_COMMUNICATION 0x078000

struct console_end {
	int fd;			/* ours; -1: closed, or never there */
	bool watched;		/* loop's thread: the loop calls back */
};

struct virtio_console {
	struct virtio_device dev;
	pthread_mutex_t lock;	/* running, and the queues while they are served */
	bool running;
	struct console_end in, out;
	/* the chain being written out; lock */
	struct virtq_chain tx;
	bool tx_busy;
	unsigned int tx_index;	/* element of iov that is next … */
	size_t tx_offset;	/* … and how much of it is done */
	struct iovec tx_iov[QUEUE_SIZE], rx_iov[QUEUE_SIZE];
};

static struct virtio_console *console_of(struct virtio_device *dev)
{
	return (struct virtio_console *)((char *)dev - offsetof(struct virtio_console, dev));
}

static bool ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) == 1;
}

/* ---- watching the host's descriptors: loop's thread ---- */

static void watch(struct virtio_console *con, struct console_end *end, uint32_t events,
		  loop_fd_fn fn)
{
	if (!end->watched && end->fd >= 0)
		end->watched = !loop_add_fd(con->dev.machine->loop, end->fd, events, fn, con);
}

/* Not loop_modify_fd(.., 0): a hang-up would be reported again and again. */
static void unwatch(struct virtio_console *con, struct console_end *end)
{
	if (end->watched)
		loop_remove_fd(con->dev.machine->loop, end->fd);
	end->watched = false;
}

static void shut(struct virtio_console *con, struct console_end *end)
{
	unwatch(con, end);
	if (end->fd >= 0)
		close(end->fd);
	end->fd = -1;
}

/* ---- output ---- */

static void on_out_ready(void *ctx, int fd, uint32_t events);

static void tx_finish(struct virtio_console *con)
{
	virtq_push(&con->dev.queue[TX].ring, con->tx.head, 0);
	con->tx_busy = false;
}

static bool tx_take(struct virtio_console *con)
{
	con->tx.iov = con->tx_iov;
	con->tx.iov_max = QUEUE_SIZE;
	con->tx_index = 0;
	con->tx_offset = 0;
	con->tx_busy = virtio_queue_pop(&con->dev.queue[TX], &con->tx) > 0;
	return con->tx_busy;
}

/*
 * Writes a piece of the chain. Bytes written; 0: no room now; an output that
 * nobody reads any more swallows everything.
 */
static size_t tx_piece(struct virtio_console *con)
{
	const struct iovec *iov = &con->tx_iov[con->tx_index];
	size_t left = iov->iov_len - con->tx_offset;
	ssize_t done;

	if (con->out.fd < 0)
		return left;
	if (!ready(con->out.fd, POLLOUT))
		return 0;
	if (left > PIECE)
		left = PIECE;
	done = write(con->out.fd, (const char *)iov->iov_base + con->tx_offset, left);
	if (done >= 0)
		return (size_t)done;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	shut(con, &con->out);
	return left;
}

static void tx_advance(struct virtio_console *con, size_t done)
{
	con->tx_offset += done;
	if (con->tx_offset < con->tx_iov[con->tx_index].iov_len)
		return;
	con->tx_index++;
	con->tx_offset = 0;
	if (con->tx_index == con->tx.readable)
		tx_finish(con);
}

/*
 * True when the queue is empty, false when the output is full or the budget
 * spent. A chain with nothing to write costs one byte, so that none is for free.
 */
static bool tx_write_out(struct virtio_console *con, size_t *budget)
{
	while (*budget && (con->tx_busy || tx_take(con))) {
		size_t done = 1;

		if (!con->tx.readable) {
			tx_finish(con);
		} else {
			done = tx_piece(con);
			if (!done)
				return false;
			tx_advance(con, done);
		}
		*budget -= done < *budget ? done : *budget;
	}
	return *budget != 0;
}

static void serve_tx_locked(struct virtio_console *con)
{
	struct virtio_queue *queue = &con->dev.queue[TX];
	size_t budget = ROUND_BYTES;
	bool empty;

	virtq_kicks_off(&queue->ring);
	do
		empty = tx_write_out(con, &budget);
	while (empty && virtq_kicks_on(&queue->ring));
	virtio_queue_flush(queue);
	if (empty)
		unwatch(con, &con->out);
	else
		watch(con, &con->out, EPOLLOUT, on_out_ready);
	if (!empty && !con->out.watched) /* always ready, or gone: go on next time round */
		(void)!eventfd_write(queue->kick_fd, 1);
}

static void serve_tx(struct virtio_console *con)
{
	pthread_mutex_lock(&con->lock);
	if (con->running)
		serve_tx_locked(con);
	else
		unwatch(con, &con->out);
	pthread_mutex_unlock(&con->lock);
}

static void on_out_ready(void *ctx, int fd, uint32_t events)
{
	(void)fd, (void)events;
	serve_tx(ctx);
}

static void on_tx_kick(void *ctx, int fd, uint32_t events)
{
	eventfd_t count;

	(void)events;
	(void)!eventfd_read(fd, &count);
	serve_tx(ctx);
}

/* ---- input ---- */

/* Reads once into the chain's writable part. Bytes; 0: nothing there now, or never again. */
static size_t rx_fill(struct virtio_console *con, const struct virtq_chain *chain)
{
	ssize_t got;

	if (con->in.fd < 0 || !ready(con->in.fd, POLLIN))
		return 0;
	got = readv(con->in.fd, chain->iov + chain->readable, chain->writable);
	if (got > 0)
		return (size_t)got;
	if (!got || (errno != EAGAIN && errno != EINTR))
		shut(con, &con->in);
	return 0;
}

/*
 * Takes one buffer per call: the loop calls again while there is input. True
 * unless the guest has no buffer for more.
 */
static bool serve_rx_locked(struct virtio_console *con)
{
	struct virtio_queue *queue = &con->dev.queue[RX];
	struct virtq_chain chain = { .iov = con->rx_iov, .iov_max = QUEUE_SIZE };
	size_t got;

	if (virtio_queue_pop(queue, &chain) <= 0)
		return virtq_kicks_on(&queue->ring);
	got = chain.writable ? rx_fill(con, &chain) : 0;
	if (!got && chain.writable) {
		virtq_unpop(&queue->ring);
		return true;
	}
	virtq_push(&queue->ring, chain.head, (uint32_t)got);
	virtio_queue_flush(queue);
	return true;
}

static void serve_rx(struct virtio_console *con);

static void on_in_ready(void *ctx, int fd, uint32_t events)
{
	(void)fd, (void)events;
	serve_rx(ctx);
}

/* Input is watched only while the guest has room for it. */
static void serve_rx(struct virtio_console *con)
{
	bool room;

	pthread_mutex_lock(&con->lock);
	room = con->running && ready(con->in.fd, POLLIN) ? serve_rx_locked(con) : con->running;
	if (room)
		watch(con, &con->in, EPOLLIN, on_in_ready);
	else
		unwatch(con, &con->in);
	if (room && !con->in.watched)
		shut(con, &con->in);
	pthread_mutex_unlock(&con->lock);
}

static void on_rx_kick(void *ctx, int fd, uint32_t events)
{
	eventfd_t count;

	(void)events;
	(void)!eventfd_read(fd, &count);
	serve_rx(ctx);
}

/* ---- the device ---- */

static int console_start(struct virtio_device *dev)
{
	struct virtio_console *con = console_of(dev);

	pthread_mutex_lock(&con->lock);
	con->running = true;
	pthread_mutex_unlock(&con->lock);
	for (unsigned int i = 0; i < QUEUES; i++)
		if (eventfd_write(dev->queue[i].kick_fd, 1))
			return -errno;
	return 0;
}

/* What of a half-written chain is still to come is lost, as with a UART's FIFO. */
static void console_stop(struct virtio_device *dev)
{
	struct virtio_console *con = console_of(dev);

	pthread_mutex_lock(&con->lock);
	con->running = false;
	if (con->tx_busy)
		tx_finish(con);
	virtio_queue_flush(&dev->queue[TX]);
	pthread_mutex_unlock(&con->lock);
}

static void console_destroy(struct virtio_device *dev)
{
	struct virtio_console *con = console_of(dev);

	for (unsigned int i = 0; i < QUEUES; i++)
		loop_remove_fd(dev->machine->loop, dev->queue[i].kick_fd);
	shut(con, &con->in);
	shut(con, &con->out);
	virtio_device_fini(dev);
	pthread_mutex_destroy(&con->lock);
	free(con);
}

static const struct virtio_class console_class = {
	.name = "virtio-console",
	.type = VIRTIO_ID_CONSOLE,
	.pci_class = PCI_CLASS_OTHER_COMMUNICATION,
	.queue_count = QUEUES,
	.queue_size = QUEUE_SIZE,
	.start = console_start,
	.stop = console_stop,
	.destroy = console_destroy,
};

static int duplicate(int fd, struct console_end *end)
{
	end->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd >= 0 && end->fd < 0 ? -errno : 0;
}

static int console_connect(struct virtio_console *con, int in_fd, int out_fd)
{
	struct loop *loop = con->dev.machine->loop;
	int error = duplicate(in_fd, &con->in);

	if (!error)
		error = duplicate(out_fd, &con->out);
	if (!error)
		error = loop_add_fd(loop, con->dev.queue[RX].kick_fd, EPOLLIN, on_rx_kick, con);
	if (!error)
		error = loop_add_fd(loop, con->dev.queue[TX].kick_fd, EPOLLIN, on_tx_kick, con);
	return error;
}

int virtio_console_create(struct machine *m, int in_fd, int out_fd,
			  struct virtio_device **ret)
{
	struct virtio_console *con = calloc(1, sizeof(*con));
	int error;

	if (!con)
		return -ENOMEM;
	pthread_mutex_init(&con->lock, NULL);
	con->in.fd = con->out.fd = -1;
	error = virtio_device_init(&con->dev, m, &console_class, 0, NULL, 0);
	if (error) {
		pthread_mutex_destroy(&con->lock);
		free(con);
		return error;
	}
	error = console_connect(con, in_fd, out_fd);
	if (error) {
		virtio_device_destroy(&con->dev);
		return error;
	}
	*ret = &con->dev;
	return 0;
}
