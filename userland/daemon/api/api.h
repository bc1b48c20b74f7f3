/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's own API: JSON lines on UNIX sockets. README.md describes it.
 */
#ifndef BATON_DAEMON_API_H
#define BATON_DAEMON_API_H

#include <stdbool.h>

#include "lib/errors.h"
#include "lib/rpc.h"

extern const struct rpc_service api_service;

/* Serves the listening socket, which becomes the API's. */
void api_start(int listen_fd);
void api_stop(void);
/* How many are connected. */
unsigned int api_client_count(void);
/* API.md, and the schema, on standard output. */
void api_print_reference(void);
bool api_print_schema(void);

#endif
