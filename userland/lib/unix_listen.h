/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BATON_LIB_UNIX_LISTEN_H
#define BATON_LIB_UNIX_LISTEN_H

/*
 * Listens on a stream socket at path, for its owner alone from the first moment on
 * (mode 0600). A socket that nobody listens on any more is replaced. The descriptor
 * (non-blocking, close-on-exec), or -errno: -EADDRINUSE: somebody listens there, or it
 * is no socket; -ENAMETOOLONG: 107 bytes at most.
 */
int unix_listen(const char *path, int backlog);

#endif
