/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BATON_LIB_UNIX_SOCKET_H
#define BATON_LIB_UNIX_SOCKET_H

/*
 * Sockets with a path, of 107 bytes at most (longer or none: -ENAMETOOLONG). type:
 * SOCK_STREAM or SOCK_SEQPACKET. Each returns a close-on-exec descriptor or -errno.
 */

/*
 * Listens (non-blocking) for its owner alone from the first moment on: mode 0600. A
 * socket that nobody listens on any more is replaced. -EADDRINUSE: somebody listens
 * there, or it is no socket.
 */
int unix_listen(const char *path, int type, int backlog);

int unix_connect(const char *path, int type);

#endif
