/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What procedures about volumes have in common. */
#ifndef BATON_DAEMON_LIBVIRT_VOLUME_H
#define BATON_DAEMON_LIBVIRT_VOLUME_H

#include "libvirt/dispatch.h"
#include "libvirt/pool.h"

/* False: answered. */
bool pool_is_usable(struct call *call, const struct pool *pool);
/* The same of a pool in which something is to be made, changed or removed. */
bool pool_may_change(struct call *call, const struct pool *pool);
/* The volume that is a call's first argument; volume_free(). NULL: answered. */
struct volume *volume_of(struct call *call);
struct volume *volume_in(struct call *call, const struct xdr_value *vol);
struct volume *volume_to_change(struct call *call);
void put_volume(GByteArray *to, const char *pool, const char *name, const char *path);

#endif
