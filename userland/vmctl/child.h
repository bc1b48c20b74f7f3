/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor process that vmctl runs, and the pipes to it.
 */
#ifndef BATON_VMCTL_CHILD_H
#define BATON_VMCTL_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "errors.h"

struct child {
	pid_t pid;
	int in, out, err;	/* our non-blocking ends; -1: closed */
};

/* Path of a program of ours: beside this one, or in ../libexec/baton. */
bool child_find_program(const char *name, enum btn_code code, char *ret_path, size_t size,
			struct btn_error *e);
/* The same of baton-vm. */
bool child_find_monitor(char *ret_path, size_t size, struct btn_error *e);

/*
 * Starts path with argv (argv[0] included, NULL at the end). The child has a
 * session of its own, so that keys of the terminal signal vmctl alone, and
 * dies with vmctl.
 */
bool child_start(struct child *ret_child, const char *path, char *const argv[],
		 struct btn_error *e);
void child_close(struct child *child); /* the pipes; waiting is the caller's */

#endif
