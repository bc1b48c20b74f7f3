/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What outlives a reset of the guest: event loop, signals, the screen with its viewers,
 * the keyboard's and the pointer's way in, the serial port's other end, the control
 * socket. The machine itself is built anew each time (board.h).
 */
#ifndef BATON_SESSION_H
#define BATON_SESSION_H

#include <stdbool.h>

#include "board.h"

struct session;

/* false: *e filled. Main thread, as all of it. */
bool session_create(struct hv *hv, const struct options *options, struct btn_error *e,
		    struct session **ret_session);
void session_destroy(struct session *session);	/* NULL is fine */
/* Runs the machine until something else than a reset ends it; *e as for board_run(). */
enum machine_end session_run(struct session *session, struct btn_error *e);
/* After POWEROFF: with which exit status, 0 unless a test device has another. */
int session_status(const struct session *session);

#endif
