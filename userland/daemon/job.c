// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See job.h. The table holds a reference to each job in it. Who waits for a job's end is
 * called from an idle source, so never from within the call that ended it.
 */
#include "job.h"

#include <string.h>

#include "events.h"

struct waiter {
	job_done_fn fn;
	void *ctx;
};

/* What job_progress() leaves for the main thread, until that has taken it over. */
static GMutex progress_mutex;

static GQueue jobs = G_QUEUE_INIT; /* of struct job, in order of id */
static uint64_t last_id;

const char *job_state_word(enum job_state state)
{
	static const char *const words[] = {
		[JOB_RUNNING] = "running", [JOB_DONE] = "done",
		[JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled",
	};

	return words[state];
}

struct job *job_ref(struct job *job)
{
	g_atomic_int_inc(&job->refs);
	return job;
}

void job_unref(struct job *job)
{
	if (!job || !g_atomic_int_dec_and_test(&job->refs))
		return;
	g_object_unref(job->cancellable);
	g_slist_free_full(job->waiters, g_free);
	g_free(job->kind);
	g_free(job->subject);
	g_free(job->step);
	g_free(job->note);
	g_free(job->next_step);
	g_free(job);
}

static void post(enum event_type type, struct job *job)
{
	struct event event = { .type = type, .job = job, .id = -1 };

	g_strlcpy(event.name, job->subject, sizeof(event.name));
	g_strlcpy(event.uuid, job->uuid, sizeof(event.uuid));
	events_post(&event);
}

/* Jobs that run are never forgotten, ended ones when there are many. */
static void forget_old(void)
{
	GList *at = jobs.head;

	while (jobs.length > JOBS_KEPT && at) {
		GList *next = at->next;
		struct job *job = at->data;

		if (job->state != JOB_RUNNING) {
			g_queue_delete_link(&jobs, at);
			job_unref(job);
		}
		at = next;
	}
}

struct job *job_new(const char *kind, const char *subject, const char *uuid)
{
	struct job *job = g_new0(struct job, 1);

	job->id = ++last_id;
	job->kind = g_strdup(kind);
	job->subject = g_strdup(subject ? subject : "");
	g_strlcpy(job->uuid, uuid ? uuid : "", sizeof(job->uuid));
	job->step = g_strdup("");
	job->cancellable = g_cancellable_new();
	job->started_us = g_get_real_time();
	job->refs = 1;
	g_queue_push_tail(&jobs, job_ref(job));
	forget_old();
	post(EVENT_JOB_STARTED, job);
	return job;
}

/* ---- progress ---- */

static gboolean take_progress(gpointer data)
{
	struct job *job = data;

	g_mutex_lock(&progress_mutex);
	job->progress_source = 0;
	if (job->state == JOB_RUNNING)
		job->percent = MIN(job->next_percent, 100);
	if (job->next_step) {
		g_free(job->step);
		job->step = g_steal_pointer(&job->next_step);
	}
	g_mutex_unlock(&progress_mutex);
	if (job->state == JOB_RUNNING)
		post(EVENT_JOB_PROGRESS, job);
	return G_SOURCE_REMOVE;
}

void job_progress(struct job *job, unsigned int percent, const char *step)
{
	g_mutex_lock(&progress_mutex);
	job->next_percent = percent;
	if (step) {
		g_free(job->next_step);
		job->next_step = g_strdup(step);
	}
	if (!job->progress_source)
		job->progress_source = g_idle_add_full(G_PRIORITY_DEFAULT, take_progress,
						       job_ref(job), (GDestroyNotify)job_unref);
	g_mutex_unlock(&progress_mutex);
}

/* ---- the end ---- */

static gboolean call_waiters(gpointer data)
{
	struct job *job = data;

	job->waiters_called = true;
	while (job->waiters) {
		struct waiter *waiter = job->waiters->data;

		job->waiters = g_slist_delete_link(job->waiters, job->waiters);
		waiter->fn(job, waiter->ctx);
		g_free(waiter);
	}
	job->waiters_called = false;
	return G_SOURCE_REMOVE;
}

static void schedule_waiters(struct job *job)
{
	g_idle_add_full(G_PRIORITY_DEFAULT, call_waiters, job_ref(job),
			(GDestroyNotify)job_unref);
}

void job_end(struct job *job, const struct btn_error *e)
{
	g_return_if_fail(job->state == JOB_RUNNING);
	job->ended_us = g_get_real_time();
	if (!e || e->code == BTN_OK) {
		job->state = JOB_DONE;
		job->percent = 100;
	} else {
		job->state = e->code == BTN_JOB_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
		job->error = *e;
	}
	schedule_waiters(job);
	post(EVENT_JOB_ENDED, job);
	job_unref(job); /* the one that job_new() returned */
}

struct job *job_ended(const char *kind, const char *subject, const char *uuid,
		      const char *note)
{
	struct job *job = job_ref(job_new(kind, subject, uuid));

	job->note = g_strdup(note);
	job_end(job, NULL);
	return job;
}

void job_when_done(struct job *job, job_done_fn fn, void *ctx)
{
	struct waiter *waiter = g_new(struct waiter, 1);

	*waiter = (struct waiter){ .fn = fn, .ctx = ctx };
	job->waiters = g_slist_append(job->waiters, waiter);
	if (job->state != JOB_RUNNING && !job->waiters_called)
		schedule_waiters(job);
}

void job_forget(struct job *job, job_done_fn fn, void *ctx)
{
	GSList *at = job->waiters;

	while (at) {
		GSList *next = at->next;
		struct waiter *waiter = at->data;

		if (waiter->fn == fn && waiter->ctx == ctx) {
			job->waiters = g_slist_delete_link(job->waiters, at);
			g_free(waiter);
		}
		at = next;
	}
}

void job_cancel(struct job *job)
{
	if (job->state == JOB_RUNNING)
		g_cancellable_cancel(job->cancellable);
}

/* ---- the table ---- */

struct job *job_find(uint64_t id)
{
	for (GList *at = jobs.head; at; at = at->next)
		if (((struct job *)at->data)->id == id)
			return at->data;
	return NULL;
}

void job_each(void (*fn)(struct job *job, void *ctx), void *ctx)
{
	g_queue_foreach(&jobs, (GFunc)(void (*)(void))fn, ctx);
}
