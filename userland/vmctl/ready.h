/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting until a VM is as somebody wants it: its state by the daemon's events, its
 * services by what answers through a forward.
 */
#ifndef BATON_VMCTL_READY_H
#define BATON_VMCTL_READY_H

#include "batond.h"
#include "forward.h"

enum ready_kind {
	READY_RUNNING, READY_STOPPED, READY_PAUSED, READY_PORT, READY_SSH,
	READY_BOOT,		/* its guest answers on the network, whatever it answers */
};

struct ready {
	enum ready_kind kind;
	uint16_t guest_port;	/* READY_PORT, READY_SSH */
	const char *text;	/* as it was asked for: "port:80" */
};

/* "running", "stopped" or "off", "paused", "port:N", "ssh", "boot" */
bool ready_parse(const char *text, struct ready *ret, struct btn_error *e);

/*
 * d is subscribed. timeout_ms negative: for ever. False: *e is BTN_WAIT_TIMEOUT,
 * BTN_WAIT_NEVER, or why it cannot be known.
 */
bool ready_wait(struct daemon *d, const char *name, const char *uuid, const struct ready *want,
		int timeout_ms, struct btn_error *e);
/* The same by name alone. */
bool ready_wait_named(struct daemon *d, const char *name, const struct ready *want,
		      int timeout_ms, struct btn_error *e);

#endif
