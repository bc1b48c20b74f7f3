/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same change of several VMs: all at once, each with its own result.
 */
#ifndef BATON_VMCTL_BATCH_H
#define BATON_VMCTL_BATCH_H

#include "jobs.h"
#include "output.h"
#include "targets.h"

struct batch {
	const struct target_kind *kind;
	const char *op, *member;	/* the request, and its member that names the VM */
	const char *doing, *done;	/* "start", "started" */
	const char *already;		/* "is running already"; NULL: never said */
	enum btn_code already_code;	/* this error says so, too; BTN_OK: none */
	bool (*is_so)(const struct json_node *object);	/* NULL: never */
	/* For --dry-run: what is known to be in the way. NULL: nothing. */
	bool (*can)(const struct args *args, const struct json_node *object, struct btn_error *e);
	/* More members of the request, from the options. NULL: none. */
	bool (*put)(const struct args *args, struct json_out *out, struct btn_error *e);
	const char *question;		/* what cannot be undone: asked before. NULL: nothing */
	bool guest_timeout;		/* --timeout is the daemon's: it ends the job */
	bool is_now;			/* the answer is the end: there is no job */
};

#define BATCH_OPTIONS									\
	WAIT_OPTIONS, DRY_RUN_OPTION, FORMAT_OPTION,					\
	{ "quiet", NULL, "Say nothing but errors. Short: -q." }

/* The exit status, or *e filled if nothing was begun. */
int batch_run(const struct args *args, const struct batch *b, struct btn_error *e);

/* Asks on a terminal; with --yes: true. *e: nobody could be asked, or the answer is no. */
bool batch_confirm(const struct args *args, const char *question, struct btn_error *e);

#endif
