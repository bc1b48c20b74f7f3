/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor's event loop on epoll: descriptors and timers, run by the main
 * thread. Callbacks run on that thread, one at a time.
 */
#ifndef BATON_CORE_LOOP_H
#define BATON_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
typedef void (*loop_fd_fn)(void *ctx, int fd, uint32_t epoll_events);

struct loop *loop_create(void);
void loop_destroy(struct loop *loop);
int loop_add_fd(struct loop *loop, int fd, uint32_t epoll_events, loop_fd_fn fn, void *ctx);
int loop_modify_fd(struct loop *loop, int fd, uint32_t epoll_events);
void loop_remove_fd(struct loop *loop, int fd);
/* One-shot timers. loop_timer_arm() comes from any thread; the last call counts. */
struct loop_timer;
typedef void (*loop_timer_fn)(void *ctx);
struct loop_timer *loop_timer_create(struct loop *loop, loop_timer_fn fn, void *ctx);
void loop_timer_destroy(struct loop_timer *timer);	/* loop's thread; NULL is fine */
void loop_timer_arm(struct loop_timer *timer, uint64_t after_ns);

/*
 * Runs until loop_quit(); returns the status given there. Serves what is ready once also if
 * that came before: so a guest that resets all the time does not keep signals out.
 */
int loop_run(struct loop *loop);
/* From any thread and from signal handlers' self-pipe; the first status wins. */
void loop_quit(struct loop *loop, int status);
/* Forgets that: loop_run() can run once more. The loop's thread, outside of it. */
void loop_rearm(struct loop *loop);

#endif
