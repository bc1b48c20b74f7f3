/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes are jobs of the daemon: waiting until they have ended, with their progress on a
 * terminal.
 */
#ifndef BATON_VMCTL_JOBS_H
#define BATON_VMCTL_JOBS_H

#include "batond.h"
#include "options.h"

struct job_wait {
	int64_t job;
	const char *name;	/* of what it changes, for its progress */
	bool pending;		/* set by the caller; false when it has ended */
	struct btn_error error;	/* of its end; BTN_OK: it has done what it should */
};

#define WAIT_OPTIONS									\
	{ "wait", NULL, "Wait until it is done. This is the default." },		\
	{ "no-wait", NULL, "Do not wait until it is done: return when the daemon has taken it." }, \
	{ "timeout", "SECONDS", "Wait no longer than this; what was begun goes on." }
#define DRY_RUN_OPTION \
	{ "dry-run", NULL, "Look up what is named, say what would be done, and do nothing. What " \
		"only the daemon can see may still be in the way." }

/*
 * Waits for all of them, on a connection that was subscribed before they began. Those
 * that are late get BTN_WAIT_TIMEOUT; an interrupt cancels them. timeout_ms negative: for ever.
 */
void jobs_wait(struct daemon *d, struct job_wait *job, size_t count, int timeout_ms, bool quiet);

/*
 * Sends the request that was begun, whose answer is a job, and waits as --no-wait and
 * --timeout say. name: as above.
 */
bool job_run(struct daemon *d, const struct args *args, const char *name, struct btn_error *e);
/* The same for what has to be over before something else can begin: without --no-wait. */
bool job_run_to_end(struct daemon *d, const struct args *args, const char *name,
		    struct btn_error *e);
/* From now on --timeout is for all that is waited for, together. */
void job_share_timeout(struct args *args);
/* What is left of --timeout in milliseconds, or `otherwise`. */
bool job_timeout(const struct args *args, long otherwise_s, int *ret_ms, struct btn_error *e);

#endif
