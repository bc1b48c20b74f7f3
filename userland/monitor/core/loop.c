/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop. A source that is removed within a callback may still be in
 * the batch that epoll returned: it is marked dead, skipped and freed after
 * the batch.
 */
#include "loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BATCH 16

struct loop_source {
	struct loop_source *next;
	loop_fd_fn fn;		/* NULL: dead */
	void *ctx;
	int fd;
};

struct loop {
	int epoll_fd, quit_fd;
	struct loop_source *sources;	/* loop's thread */
	_Atomic int status;		/* NOT_QUIT or what loop_quit() said */
};

struct loop_timer {
	struct loop *loop;
	loop_timer_fn fn;
	void *ctx;
	int fd;
};

#define NOT_QUIT (-1)

struct loop *loop_create(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	struct epoll_event event = { .events = EPOLLIN };

	if (!loop)
		return NULL;
	loop->status = NOT_QUIT;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->quit_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->quit_fd, &event)) {
		loop_destroy(loop);
		return NULL;
	}
	return loop;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->sources) {
		struct loop_source *source = loop->sources;

		loop->sources = source->next;
		free(source);
	}
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->quit_fd >= 0)
		close(loop->quit_fd);
	free(loop);
}

/* ---- descriptors ---- */

static struct loop_source *find_source(struct loop *loop, int fd)
{
	struct loop_source *source = loop->sources;

	while (source && (source->fd != fd || !source->fn))
		source = source->next;
	return source;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t epoll_events, loop_fd_fn fn, void *ctx)
{
	struct loop_source *source = calloc(1, sizeof(*source));
	struct epoll_event event = { .events = epoll_events, .data.ptr = source };

	if (!source)
		return -ENOMEM;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		free(source);
		return -errno;
	}
	source->fd = fd;
	source->fn = fn;
	source->ctx = ctx;
	source->next = loop->sources;
	loop->sources = source;
	return 0;
}

int loop_modify_fd(struct loop *loop, int fd, uint32_t epoll_events)
{
	struct loop_source *source = find_source(loop, fd);
	struct epoll_event event = { .events = epoll_events, .data.ptr = source };

	if (!source)
		return -ENOENT;
	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) ? -errno : 0;
}

void loop_remove_fd(struct loop *loop, int fd)
{
	struct loop_source *source = find_source(loop, fd);

	if (!source)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	source->fn = NULL;
}

static void free_dead(struct loop *loop)
{
	struct loop_source **link = &loop->sources;

	while (*link) {
		struct loop_source *source = *link;

		if (source->fn) {
			link = &source->next;
			continue;
		}
		*link = source->next;
		free(source);
	}
}

/* ---- timers ---- */

static void on_timer(void *ctx, int fd, uint32_t events)
{
	struct loop_timer *timer = ctx;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		timer->fn(timer->ctx);
}

struct loop_timer *loop_timer_create(struct loop *loop, loop_timer_fn fn, void *ctx)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	timer->loop = loop;
	timer->fn = fn;
	timer->ctx = ctx;
	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer->fd < 0 || loop_add_fd(loop, timer->fd, EPOLLIN, on_timer, timer)) {
		if (timer->fd >= 0)
			close(timer->fd);
		free(timer);
		return NULL;
	}
	return timer;
}

void loop_timer_destroy(struct loop_timer *timer)
{
	if (!timer)
		return;
	loop_remove_fd(timer->loop, timer->fd);
	close(timer->fd);
	free(timer);
}

void loop_timer_arm(struct loop_timer *timer, uint64_t after_ns)
{
	struct itimerspec when = {
		.it_value = {
			.tv_sec = (time_t)(after_ns / 1000000000u),
			.tv_nsec = (long)(after_ns % 1000000000u),
		},
	};

	if (!after_ns)
		when.it_value.tv_nsec = 1; /* all zero would disarm */
	timerfd_settime(timer->fd, 0, &when, NULL);
}

/* ---- run ---- */

static void run_batch(struct loop *loop, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		struct loop_source *source = events[i].data.ptr;

		if (source && source->fn)
			source->fn(source->ctx, source->fd, events[i].events);
	}
	free_dead(loop);
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[BATCH];

	do {
		int count = epoll_wait(loop->epoll_fd, events, BATCH, -1);

		if (count < 0 && errno != EINTR)
			return -errno;
		run_batch(loop, events, count);
	} while (atomic_load(&loop->status) == NOT_QUIT);
	return atomic_load(&loop->status);
}

void loop_rearm(struct loop *loop)
{
	uint64_t count;

	if (read(loop->quit_fd, &count, sizeof(count)) != sizeof(count))
		return; /* nobody has quit */
	atomic_store(&loop->status, NOT_QUIT);
}

void loop_quit(struct loop *loop, int status)
{
	int not_quit = NOT_QUIT;
	uint64_t one = 1;

	if (!atomic_compare_exchange_strong(&loop->status, &not_quit, status))
		return;
	if (write(loop->quit_fd, &one, sizeof(one)) != sizeof(one))
		return; /* cannot happen: the counter is far from its limit */
}
