/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The baton-net processes: starting one so that it outlives the daemon, and knowing which
 * networks have one, whoever started it. Main thread only.
 */
#ifndef BATON_DAEMON_NETWORK_PROCESS_H
#define BATON_DAEMON_NETWORK_PROCESS_H

#include <stdbool.h>

#include "lib/errors.h"
#include "network.h"

#define NETWORK_ANSWER_MS 5000u

/* Of its sockets and what belongs to them: suffix "ctl", "sock", "log". g_free() */
char *network_socket_path(const char *name, const char *suffix);

struct network_start;
/* e NULL: a process serves the network now, or did until a moment ago. Called once. */
typedef void (*network_started_fn)(const struct btn_error *e, void *ctx);

/* NULL: *e; fn is not called. */
struct network_start *network_start(const struct network *network, network_started_fn fn,
				    void *ctx, struct btn_error *e);
/* fn is not called any more; the process runs on. NULL is fine. */
void network_start_cancel(struct network_start *start);

/* Somebody is connected to the process pid: the network is active until that ends. */
void network_process_seen(const char *name, int pid);
bool network_process_runs(const char *name);
/* Looks which networks have a process already, and from then on for new ones. */
void network_process_watch(void);
/* Asks the process to end if no VM is connected to it. */
void network_process_retire(const char *name);

#endif
