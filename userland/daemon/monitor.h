/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's side of one baton-vm: starting it so that it outlives the daemon, and the
 * connection to its control socket (userland/monitor/control/README.md). All of it is
 * asynchronous and belongs to the main thread.
 */
#ifndef BATON_DAEMON_MONITOR_H
#define BATON_DAEMON_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/errors.h"
#include "lib/json_read.h"
#include "lib/json_write.h"

struct monitor;

/*
 * An answer: answer is the whole object, valid during the call; fd came with it, is the
 * callee's, or -1. On failure answer is NULL and *e says why.
 */
typedef void (*monitor_answer_fn)(const struct json_node *answer, int fd,
				  const struct btn_error *e, void *ctx);

/* For answers that have none: a monitor may send one all the same. */
void monitor_no_fd(int fd);

struct monitor_hooks {
	/* The monitor answers: status is its answer to "status". Once. */
	void (*attached)(const struct json_node *status, void *ctx);
	/*
	 * An event line of the control socket: "paused", "power-off", ... Before attached()
	 * only such that are the last: "power-off", "crashed", "failed", "killed".
	 */
	void (*event)(const char *name, const struct json_node *event, void *ctx);
	/* The connection has ended, or never came about (*e). The last call. */
	void (*gone)(const struct btn_error *e, void *ctx);
};

#define MONITOR_ANSWER_MS 10000u	/* a request that is not answered by then has failed */
#define MONITOR_ALONE_MS 60000u		/* as well; those that may take long */

/*
 * Runs argv (argv[0]: the absolute path) detached in a session of its own; standard input
 * and output are /dev/null, errors go to log_fd (-1: nowhere); keep[] stay open in it (as the
 * same numbers; none of 0 to 2). Returns its pid, or 0 with *e. The caller reaps nobody: the
 * process is watched, and its exit status told to on_exit (may be NULL) while this daemon
 * lives.
 */
typedef void (*monitor_exit_fn)(int wait_status, void *ctx);
int monitor_spawn(char *const argv[], int log_fd, const int *keep, unsigned int keep_count,
		  monitor_exit_fn on_exit, void *ctx, struct btn_error *e);

/*
 * Connects to the control socket at path, trying again until it is there or timeout_ms
 * is over, asks for status and subscribes to events on a second connection.
 */
struct monitor *monitor_attach(const char *path, unsigned int timeout_ms,
			       const struct monitor_hooks *hooks, void *ctx);
/* No hook is called any more; open requests are answered with an error first. */
void monitor_free(struct monitor *monitor);

/*
 * Sends a request. members (may be NULL): the inside of the object behind "op", such as
 * "\"keys\":\"enter\"". Answers come in order; fn may be NULL. A request that takes long
 * (type, send-key) holds later ones up, so those go over connections of their own:
 * monitor_connect().
 */
void monitor_ask(struct monitor *monitor, const char *op, const char *members,
		 monitor_answer_fn fn, void *ctx);
/* A new connection to the control socket, in blocking mode, to be handed on. -1: *e. */
int monitor_connect(struct monitor *monitor, struct btn_error *e);
/* One request on a connection of its own; fd goes with it, is taken over, or -1. */
void monitor_ask_alone(struct monitor *monitor, const char *op, const char *members, int fd,
		       monitor_answer_fn fn, void *ctx);
/* Of the process that listens there, as the host says; 0: not known yet. */
int monitor_pid(const struct monitor *monitor);

#endif
