/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of lifecycle.h share. */
#ifndef BATON_DAEMON_LIFECYCLE_PRIVATE_H
#define BATON_DAEMON_LIFECYCLE_PRIVATE_H

#include "lifecycle.h"

/* The VM is free for a job that changes it; else *e: BTN_VM_BUSY. */
bool lifecycle_check_free(const struct vm *vm, struct btn_error *e);
/* Its vm.conf can be used; else *e is its problem. */
bool lifecycle_check_sound(const struct vm *vm, struct btn_error *e);
/* A new job that has the VM for itself until lifecycle_end(). */
struct job *lifecycle_begin(struct vm *vm, const char *kind);
/* Ends the job and frees the VM for others. */
void lifecycle_end(struct vm *vm, struct job *job, const struct btn_error *e);

/*
 * The name, UUID and image (NULL: none) of a VM that is on its way to the registry; NULL:
 * another one has one of the first two (*e). lifecycle_release() takes NULL, too.
 */
struct reservation;
struct reservation *lifecycle_reserve(const char *name, const char *uuid, const char *image,
				      struct btn_error *e);
void lifecycle_release(struct reservation *mine);

/* The monitor's arguments for vm->live. fds: of each card, its connection and control. */
GPtrArray *lifecycle_monitor_arguments(const struct vm *vm, bool paused, int lock_fd,
				       int (*fds)[2], struct btn_error *e);

#endif
