/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Storage pools: "default", the folder disks/ of the data folder, where clients make disks
 * if they name no place; "images", the store of images, to look at alone; and folders that
 * clients have defined (file libvirt-pools.conf of the data folder).
 */
#ifndef BATON_DAEMON_LIBVIRT_POOL_H
#define BATON_DAEMON_LIBVIRT_POOL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"

#define POOL_DISKS "default"
#define POOL_IMAGES "images"
#define POOLS_MAX 64u

struct pool {
	char *name, *path;
	uint8_t uuid[16];
	bool images;		/* the store: nothing in it is changed from here */
	bool fixed;		/* always there: the store, and "default" */
	bool active, autostart;
};

struct volume {
	char *name, *path;
	bool raw;
	uint64_t size, allocated;	/* bytes: as a VM sees it, on the host's disk */
	char *backing;			/* the file that a qcow2 starts as; NULL: none */
	char backing_format[16];	/* of that; "": the header does not say */
};

/* Reads what has been defined. */
void pools_start(void);
void pools_stop(void);
const struct pool *pool_find(const char *name);
const struct pool *pool_find_uuid(const uint8_t uuid[16]);
const struct pool *pool_find_path(const char *path);
/* All of them; "default" first. */
const struct pool *pool_next(const struct pool *previous);

/*
 * A new one, which is not active; NULL: *e. The same name and path again: that one.
 * uuid NULL: one that follows from both. The folder may be missing: pool_build().
 */
const struct pool *pool_define(const char *name, const char *path, const uint8_t uuid[16],
			       struct btn_error *e);
bool pool_build(const struct pool *pool, struct btn_error *e);
/* Not of those that are always there. False: *e, and it stays. */
bool pool_undefine(const struct pool *pool, struct btn_error *e);
void pool_set_active(const struct pool *pool, bool active);
bool pool_set_autostart(const struct pool *pool, bool autostart, struct btn_error *e);

/* Of struct volume, by name, without sizes; g_ptr_array_unref(). NULL: *e. */
GPtrArray *pool_volumes(const struct pool *pool, struct btn_error *e);
/* Why no volume can have this name; NULL: it can. */
const char *pool_volume_name_fault(const char *name);
/* With sizes; NULL: there is none. volume_free(). */
struct volume *pool_volume(const struct pool *pool, const char *name);
struct volume *pool_volume_by_path(const char *path, const struct pool **ret_pool);
void volume_free(struct volume *volume);

#endif
