/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files the VMs' definitions name, and the pools hold: before an image or a VM's folder
 * goes, those are looked through whose data would go with it.
 */
#ifndef BATON_DAEMON_FILE_USES_H
#define BATON_DAEMON_FILE_USES_H

#include <glib.h>
#include <stdbool.h>

struct file_use {
	char *owner;	/* the VM's name, its id in the trash, or the path of a volume */
	char *path;	/* absolute */
	bool disk;	/* may be a qcow2 that is based on another file */
};

/* Of the registry's VMs but one (or NULL): at its next start, and in this run. Main thread. */
GPtrArray *file_uses_of_vms(const char *except_uuid);
/* Volumes of all pools that clients may write to. Main thread. */
void file_uses_add_volumes(GPtrArray *uses);
/*
 * Of the VMs in the trash but one (or NULL), as far as their definitions have that text
 * (NULL: all): of many, few are parsed then. Any thread.
 */
void file_uses_add_trash(GPtrArray *uses, const char *except_id, const char *text);

/* The owner of a disk that is based on that file, at any remove; NULL: none. Any thread. */
const char *file_uses_based_on(const GPtrArray *uses, const char *path);
/* The owner of a file below the folder, and that file; NULL: none. */
const struct file_use *file_uses_below(const GPtrArray *uses, const char *folder);
/* The same of the folder that was moved from `was` to `now`: files that are missing there. */
const struct file_use *file_uses_moved(const GPtrArray *uses, const char *was, const char *now);

#endif
