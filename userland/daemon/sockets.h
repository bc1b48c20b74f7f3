/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listening sockets: those that systemd has opened for us (LISTEN_FDS, told apart by
 * their paths), and those that we open.
 */
#ifndef BATON_DAEMON_SOCKETS_H
#define BATON_DAEMON_SOCKETS_H

#include "lib/errors.h"

/* The one that systemd has opened at path, non-blocking and close-on-exec; -1: none. */
int sockets_passed(const char *path);
/* A non-blocking, close-on-exec descriptor that listens at path; -1: *e. */
int sockets_listen(const char *path, struct btn_error *e);

#endif
