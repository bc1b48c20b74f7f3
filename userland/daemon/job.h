/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs: what takes longer than an answer, with progress, cancel, result and error.
 * Main thread only, but for job_progress(). A job that has ended is kept for a while
 * (JOBS_KEPT of them) so that whoever asks late still learns how it ended.
 */
#ifndef BATON_DAEMON_JOB_H
#define BATON_DAEMON_JOB_H

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"

#define JOBS_KEPT 256

enum job_state { JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

struct job {
	uint64_t id;		/* from 1, never again in this daemon's life */
	char *kind;		/* "start", "create", ...: the operation's word */
	char *subject;		/* name of the VM, image or network */
	char uuid[37];		/* of the VM; "" */
	enum job_state state;
	unsigned int percent;	/* 0 .. 100 */
	char *step;		/* what it does now, for people; never NULL */
	char *note;		/* of a job that has ended well: "it is running already"; NULL */
	struct btn_error error;	/* of JOB_FAILED and JOB_CANCELLED */
	GCancellable *cancellable;	/* look at it; cancelled by job_cancel() */
	int64_t started_us, ended_us;	/* g_get_real_time(); ended_us 0: not yet */
	/*< private >*/
	unsigned int refs;
	GSList *waiters;
	bool waiters_called;	/* just now */
	/* Under a lock: what job_progress() has said last, and the source that takes it. */
	unsigned int progress_source, next_percent;
	char *next_step;
};

typedef void (*job_done_fn)(struct job *job, void *ctx);

/*
 * Starts a job. The caller ends it exactly once, which takes the reference that this
 * returns; so whoever also gives the job to others gives them one of their own.
 */
struct job *job_new(const char *kind, const char *subject, const char *uuid);
struct job *job_ref(struct job *job);
void job_unref(struct job *job);
/* Any thread. step NULL: the same as before. */
void job_progress(struct job *job, unsigned int percent, const char *step);
/* e NULL or BTN_OK: done. BTN_JOB_CANCELLED: cancelled. Calls who waits, then events. */
void job_end(struct job *job, const struct btn_error *e);
/* A job that ends at once, as job_end(); note may be NULL. The caller has a reference. */
struct job *job_ended(const char *kind, const char *subject, const char *uuid,
		      const char *note);
/* Calls fn once when the job ends: from the main loop, also if it has ended already. */
void job_when_done(struct job *job, job_done_fn fn, void *ctx);
/* Takes that back: fn is not called any more. */
void job_forget(struct job *job, job_done_fn fn, void *ctx);
/* Asks it to end early; it may be too late for that. */
void job_cancel(struct job *job);

struct job *job_find(uint64_t id);	/* NULL: unknown, or too long ago */
/* In order of their start. */
void job_each(void (*fn)(struct job *job, void *ctx), void *ctx);
const char *job_state_word(enum job_state state);

#endif
