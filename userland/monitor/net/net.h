/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a network card is plugged into: a port of baton-net (lib/net_port.h).
 * Used by one thread at a time.
 */
#ifndef BATON_NET_NET_H
#define BATON_NET_NET_H

#include <stdint.h>

#include "lib/net_port.h"

struct mmsghdr;
struct net_backend;

/* Connects to the socket at path, or duplicates fd if path is NULL. */
int net_backend_open(const char *path, int fd, struct net_backend **ret);
void net_backend_close(struct net_backend *b);
/* For poll(): readable, writable. */
int net_backend_fd(const struct net_backend *b);

/* Says hello; the answer comes as a message. hello's marker and version are filled in. */
int net_backend_hello(struct net_backend *b, struct net_port_hello *hello);
/* The same, and waits for the answer, which is copied into *hello. Frames are lost. */
int net_backend_greet(struct net_backend *b, struct net_port_hello *hello);

/* As sendmmsg() and recvmmsg(), without waiting. 0: not now; -errno: the port is gone. */
int net_backend_send(struct net_backend *b, struct mmsghdr *messages, unsigned int count);
int net_backend_receive(struct net_backend *b, struct mmsghdr *messages, unsigned int count);

#endif
