// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A queue: one thread's io_uring with the image as registered file 0. Each
 * completion is a pointer to what waits for it, so that the image's I/O, the
 * device's kicks and calls from other queues come out of the same sleep.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "private.h"

struct io_uring_sqe *block_queue_sqe(struct block_queue *queue)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&queue->ring);

	if (!sqe) { /* full: the kernel takes over what is there */
		io_uring_submit(&queue->ring);
		sqe = io_uring_get_sqe(&queue->ring);
	}
	return sqe;
}

static void poll_fd(struct block_queue *queue, int fd, struct block_completion *c)
{
	struct io_uring_sqe *sqe = block_queue_sqe(queue);

	if (!sqe)
		return;
	io_uring_prep_poll_multishot(sqe, fd, POLLIN);
	io_uring_sqe_set_data(sqe, c);
}

int block_queue_watch(struct block_queue *queue, int fd)
{
	queue->watch_fd = fd;
	poll_fd(queue, fd, &queue->watch);
	return 0;
}

void block_queue_resume(struct block_queue *queue, struct block_request *request)
{
	pthread_mutex_lock(&queue->lock);
	request->next = queue->ready;
	queue->ready = request;
	pthread_mutex_unlock(&queue->lock);
	(void)!eventfd_write(queue->wake_fd, 1);
}

static void resume_ready(struct block_queue *queue)
{
	struct block_request *request, *next;
	eventfd_t count;

	(void)!eventfd_read(queue->wake_fd, &count);
	pthread_mutex_lock(&queue->lock);
	request = queue->ready;
	queue->ready = NULL;
	pthread_mutex_unlock(&queue->lock);
	for (; request; request = next) {
		next = request->next;
		queue->block->driver->resume(request);
	}
}

static void reap(struct block_queue *queue)
{
	struct io_uring_cqe *cqe;
	unsigned int head, count = 0;
	bool wake = false, watch = false;

	io_uring_for_each_cqe(&queue->ring, head, cqe) {
		struct block_completion *c = io_uring_cqe_get_data(cqe);

		count++;
		if (c == &queue->wake) {
			resume_ready(queue);
			wake |= !(cqe->flags & IORING_CQE_F_MORE);
		} else if (c == &queue->watch) {
			watch |= !(cqe->flags & IORING_CQE_F_MORE);
		} else {
			c->done(c, cqe->res);
		}
	}
	io_uring_cq_advance(&queue->ring, count);
	if (wake)
		poll_fd(queue, queue->wake_fd, &queue->wake);
	if (watch)
		poll_fd(queue, queue->watch_fd, &queue->watch);
}

void block_queue_run(struct block_queue *queue, bool wait)
{
	if (wait)
		io_uring_submit_and_wait(&queue->ring, 1);
	else
		io_uring_submit(&queue->ring);
	reap(queue);
}

/* SINGLE_ISSUER and DEFER_TASKRUN save locks and interrupts; from Linux 6.1 on. */
static int ring_init(struct block_queue *queue, unsigned int entries)
{
	static const unsigned int flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
	int error = io_uring_queue_init(entries, &queue->ring, flags);

	if (error == -EINVAL)
		error = io_uring_queue_init(entries, &queue->ring, 0);
	if (error)
		return error;
	error = io_uring_register_files(&queue->ring, &queue->block->ring_fd, 1);
	if (error) {
		io_uring_queue_exit(&queue->ring);
		return error;
	}
	io_uring_register_ring_fd(&queue->ring); /* saves a little; fine without */
	return 0;
}

int block_queue_create(struct block *block, unsigned int entries, struct block_queue **ret)
{
	struct block_queue *queue = calloc(1, sizeof(*queue));
	int error;

	if (!queue)
		return -ENOMEM;
	queue->block = block;
	queue->watch_fd = -1;
	queue->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = queue->wake_fd < 0 ? -errno : ring_init(queue, entries);
	if (error) {
		if (queue->wake_fd >= 0)
			close(queue->wake_fd);
		free(queue);
		return error;
	}
	pthread_mutex_init(&queue->lock, NULL);
	if (block->driver->resume)
		poll_fd(queue, queue->wake_fd, &queue->wake);
	*ret = queue;
	return 0;
}

void block_queue_destroy(struct block_queue *queue)
{
	if (!queue)
		return;
	io_uring_queue_exit(&queue->ring);
	close(queue->wake_fd);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

/* ---- one request, waited for ---- */

static void sync_done(struct block_request *request, int error)
{
	request->flags |= 1u << 31;
	request->length = (uint64_t)(int64_t)error;
}

int block_sync(struct block_queue *queue, struct block_request *request)
{
	request->done = sync_done;
	block_submit(queue, request);
	while (!(request->flags & 1u << 31))
		block_queue_run(queue, true);
	return (int)(int64_t)request->length;
}
