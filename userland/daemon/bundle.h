/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VMs as folders: making, moving and removing them so that a crash at any point leaves
 * either the old or the new state after bundle_recover(), and never half of one.
 * Blocking file operations: called from worker threads (but bundle_recover()).
 */
#ifndef BATON_DAEMON_BUNDLE_H
#define BATON_DAEMON_BUNDLE_H

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "lib/errors.h"

/*
 * Fills the new folder: disks, seed. It has another name until all is there, so paths in
 * `config` have to be relative to it. False: *e; the folder is removed.
 */
typedef bool (*bundle_fill_fn)(const char *folder, struct config *config, void *ctx,
			       struct btn_error *e);
/*
 * Makes vms/NAME with vm.conf and what `fill` puts there. Returns the folder's path
 * (g_free()) or NULL. A folder of that name is BTN_VM_EXISTS, and is not touched.
 */
char *bundle_create(struct config *config, bundle_fill_fn fill, void *ctx, struct btn_error *e);
/* Renames the folder and writes `config`, which has the new name. The new path or NULL. */
char *bundle_rename(const char *folder, const struct config *config, struct btn_error *e);
/* Into the trash. Its id there, "NAME.MICROSECONDS" since 1970 (g_free()), or NULL. */
char *bundle_trash(const char *folder, const char *name, struct btn_error *e);
/* Back out of it, with `config` (perhaps of another name). The new path or NULL. */
char *bundle_restore(const char *id, const struct config *config, struct btn_error *e);
/* For good. Once it has begun it cannot be cancelled. */
bool bundle_purge(const char *id, GCancellable *cancellable, struct btn_error *e);
/* Bytes that a folder takes on disk. */
uint64_t bundle_bytes(const char *folder);
/*
 * Takes (or only tries: without waiting) the lock that a monitor holds while it lives.
 * A descriptor with the lock; -1 with BTN_VM_ON: a monitor has it.
 */
int bundle_lock(const char *folder, struct btn_error *e);
/* The process that has it, as far as this user may see; 0: none. */
int bundle_lock_holder(const char *folder);
/* At the start, before folders are read: rolls what a crash has left forward or back. */
void bundle_recover(void);

#endif
