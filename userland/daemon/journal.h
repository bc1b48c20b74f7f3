/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intents: what a job with more than one step on disk is about to do, written down and
 * synced before its first step, removed after its last. A daemon that finds some at its
 * start has been killed in between, and rolls each forward or back (bundle.c).
 */
#ifndef BATON_DAEMON_JOURNAL_H
#define BATON_DAEMON_JOURNAL_H

#include <stdbool.h>

#include "lib/errors.h"

struct intent {
	char *id;	/* file name in the journal's folder */
	char *kind;	/* "create", "rename", "restore", "purge" */
	char *from, *to;	/* folders; NULL: none */
	char *text;	/* anything else: a definition; NULL: none */
};

/* Writes and syncs it. NULL: *e; then nothing may be done. */
struct intent *journal_begin(const char *kind, const char *from, const char *to,
			     const char *text, struct btn_error *e);
void journal_end(struct intent *intent);	/* removes and frees it; NULL is fine */
/* Frees it and leaves it to recovery at the next start: neither done nor undone. */
void journal_leave(struct intent *intent);
/*
 * All that are left from an earlier daemon, oldest first; fn ends each (or leaves it).
 * Damaged ones are removed. from and to are folders right below vms/ or trash/.
 */
void journal_recover(void (*fn)(struct intent *intent));

#endif
