/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other end of a serial port that belongs to the monitor: keeps the last output, logs
 * it, shows it to all who are attached, and hands their input on. It outlives the machine,
 * so a guest that resets keeps it. The guest never waits for a client; clients wait for
 * the guest. All on the loop's thread.
 */
#ifndef BATON_DEV_CONSOLE_HUB_H
#define BATON_DEV_CONSOLE_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "core/loop.h"

#define CONSOLE_HUB_CLIENTS_MAX 8u
#define CONSOLE_HUB_KEPT 65536u		/* bytes of output */

struct console_hub;

struct console_hub_config {
	struct loop *loop;
	const char *log;	/* path (console_log.h); NULL: none */
};

struct console_hub_attach {
	bool history;		/* what is kept comes first */
	bool exclusive;		/* not if somebody is attached */
	bool force;		/* all others are detached first */
};

/* *ret_log_failed: it is the log that could not be opened. -errno. */
int console_hub_create(const struct console_hub_config *config, struct console_hub **ret_hub,
		       bool *ret_log_failed);
/* Takes what the port still has, and ends all clients. NULL is fine. */
void console_hub_destroy(struct console_hub *hub);
/* What the serial port reads and writes; non-blocking, the hub's. */
int console_hub_uart_fd(const struct console_hub *hub);
/*
 * A stream socket that is the caller's: reads are output, writes are input, closing it
 * detaches. -EBUSY: somebody is attached, -EUSERS: too many are; else -errno. Nobody is
 * detached unless it succeeds.
 */
int console_hub_attach(struct console_hub *hub, const struct console_hub_attach *how);
/* Who is attached and has not closed its end. */
unsigned int console_hub_clients(const struct console_hub *hub);

#endif
