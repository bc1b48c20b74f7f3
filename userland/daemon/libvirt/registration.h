/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What clients want to be told of, and telling them: the daemon's events as messages of
 * libvirt's protocol.
 */
#ifndef BATON_DAEMON_LIBVIRT_REGISTRATION_H
#define BATON_DAEMON_LIBVIRT_REGISTRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "libvirt/connection.h"
#include "vm.h"

enum registration_kind {
	ON_DOMAIN, ON_NETWORK, ON_POOL, ON_NODEDEV, ON_SECRET,
};

/* uuid NULL: of all. The number that stands for it, or -1: too many, or no such event. */
int registration_add(struct connection *conn, enum registration_kind kind, int event,
		     const uint8_t *uuid);
bool registration_remove(struct connection *conn, enum registration_kind kind, int callback);
void registrations_release(struct connection *conn);

/* The daemon's events, from now on, until the end. */
void registrations_start(void);
void registrations_stop(void);

/* Events that the face causes itself. */
enum lifecycle_event { LC_DEFINED, LC_UNDEFINED, LC_STARTED, LC_SUSPENDED, LC_RESUMED, LC_STOPPED,
		       LC_SHUTDOWN };
void tell_lifecycle(const struct vm *vm, enum lifecycle_event event, int detail);
void tell_metadata(const struct vm *vm, int type, const char *uri);
struct network;
void tell_network_state(const struct network *network, bool active);
struct pool;
enum pool_event { POOL_DEFINED, POOL_UNDEFINED, POOL_STARTED, POOL_STOPPED, POOL_CREATED,
		  POOL_DELETED };
void tell_pool(const struct pool *pool, enum pool_event event);
/* Of what is in it; by its name, because it may have gone meanwhile. */
void tell_pool_refreshed(const char *name);

#endif
