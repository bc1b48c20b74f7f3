/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be done with VMs: the operations behind the API and the libvirt face alike.
 * Each checks first and returns NULL with *e if it cannot be; else a job, which may have
 * ended already, of which the caller owns a reference. Main thread only.
 * Asked for a state that the VM is in: a job that has ended well, with a note.
 */
#ifndef BATON_DAEMON_LIFECYCLE_H
#define BATON_DAEMON_LIFECYCLE_H

#include "job.h"
#include "vm.h"

#define STOP_TIMEOUT_DEFAULT 120	/* seconds */

struct job *vm_start(struct vm *vm, bool paused, struct btn_error *e);
/*
 * Presses the power button and waits until the guest is off, again every 10 s if it
 * does not hear. timeout_s 0: only presses it. Then fails, or kills if `force`.
 */
struct job *vm_stop(struct vm *vm, unsigned int timeout_s, bool force, struct btn_error *e);
/* Cuts its power. */
struct job *vm_kill(struct vm *vm, struct btn_error *e);
/* Stops and starts: shut down by the power button, or by cutting its power if `force`. */
struct job *vm_restart(struct vm *vm, unsigned int timeout_s, bool force, struct btn_error *e);
struct job *vm_reset(struct vm *vm, struct btn_error *e);	/* the reset button */
struct job *vm_pause(struct vm *vm, struct btn_error *e);
struct job *vm_resume(struct vm *vm, struct btn_error *e);

/*
 * Defines a VM: makes its folder, disks and seed, all or nothing. What the definition
 * names exists already (absolute paths), but for a first disk on top of `image` or, without
 * it, an empty one, if disk_size is not 0; and a last one with the seed.
 */
struct seed;
struct create_request {
	struct config *config;		/* taken over, also on failure */
	const char *image;		/* of the store; NULL: none */
	uint64_t disk_size;		/* bytes; 0: none, or the image's own */
	const struct seed *seed;	/* its user's default is the image's; NULL: no seed */
	bool start;			/* and start it */
};
struct job *vm_create(const struct create_request *request, struct btn_error *e);
/* Name of a VM that is being made or brought back on top of the image; NULL: none. */
const char *lifecycle_image_user(const char *image);

/* To the trash; a VM that is on is killed first if `force`, else refused. */
struct job *vm_delete(struct vm *vm, bool force, struct btn_error *e);
struct job *vm_rename(struct vm *vm, const char *name, struct btn_error *e);

/* ---- the trash ---- */

struct trash_item {
	char *id;		/* the folder's name in the trash: NAME.MICROSECONDS */
	char *name, *uuid;
	char *image;		/* that its disk is made on; NULL: none, or not known */
	int64_t deleted_us;
	uint64_t bytes;		/* on disk */
};
/*
 * Newest first; g_ptr_array_unref() frees the items, too. Any thread. To count the bytes takes
 * long, for a worker; they are 0 without.
 */
GPtrArray *trash_list(bool with_bytes);
/* `what`: id, or name (the newest of that name). new_name NULL: its old one. */
struct job *trash_restore(const char *what, const char *new_name, struct btn_error *e);
struct job *trash_purge(const char *what, struct btn_error *e);

#endif
