// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for jobs. See jobs.h. The daemon tells by events, which were asked for before
 * the job began: none can be missed.
 */
#include "jobs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "node.h"
#include "report.h"

#define CANCEL_MS 10000 /* what a cancelled job may take to put things right */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct job_wait *find_job(struct job_wait *job, size_t count, int64_t id)
{
	for (size_t i = 0; i < count; i++)
		if (job[i].pending && job[i].job == id)
			return &job[i];
	return NULL;
}

static void clear_progress(bool *shown)
{
	if (*shown)
		fputs("\r\033[K", stderr);
	*shown = false;
}

static void show_progress(const struct job_wait *job, const struct json_node *object, bool *shown)
{
	char step[64];

	snprintf(step, sizeof(step), "%s", node_string(object, "step"));
	fprintf(stderr, "\r\033[K%.40s: %s %d %%", job->name ? job->name : "", step,
		(int)node_int(object, "percent"));
	fflush(stderr);
	*shown = true;
}

static void take_end(struct job_wait *job, const struct json_node *object)
{
	const struct json_node *error = json_member(object, "error");

	job->pending = false;
	if (error && error->type == JSON_OBJECT)
		daemon_take_error(error, &job->error);
	else if (node_is(object, "state", "cancelled"))
		btn_set_default(&job->error, BTN_JOB_CANCELLED);
	else if (!node_is(object, "state", "done"))
		btn_set(&job->error, BTN_INTERNAL, "the job ended without saying why");
}

static void end_all(struct job_wait *job, size_t count, const struct btn_error *e)
{
	for (size_t i = 0; i < count; i++) {
		if (!job[i].pending)
			continue;
		job[i].pending = false;
		job[i].error = *e;
	}
}

static void cancel_all(struct daemon *d, const struct job_wait *job, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct btn_error ignored;
		struct reply reply;

		if (!job[i].pending)
			continue;
		daemon_begin(d, "job-cancel");
		json_put_int(&d->out, "job", job[i].job);
		if (daemon_ask(d, &reply, &ignored))
			reply_free(&reply);
	}
}

static bool any_pending(const struct job_wait *job, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (job[i].pending)
			return true;
	return false;
}

static void take_event(const struct json_node *event, struct job_wait *job, size_t count,
		       bool progress, bool *shown)
{
	const struct json_node *object = json_member(event, "job");
	struct job_wait *found = object ? find_job(job, count, node_int(object, "id")) : NULL;

	if (!found)
		return;
	if (node_is(event, "event", "job-ended")) {
		clear_progress(shown);
		take_end(found, object);
	} else if (progress && node_is(event, "event", "job-progress")) {
		show_progress(found, object, shown);
	}
}

void jobs_wait(struct daemon *d, struct job_wait *job, size_t count, int timeout_ms, bool quiet)
{
	bool progress = !quiet && isatty(STDERR_FILENO), shown = false, cancelled = false;
	int64_t end = now_ms() + timeout_ms;
	struct btn_error e = { .code = BTN_OK };

	while (any_pending(job, count)) {
		int64_t left = timeout_ms < 0 ? -1 : end - now_ms();
		struct reply event = REPLY_NONE;
		enum daemon_wait got = DAEMON_TIMEOUT;

		if (timeout_ms < 0 || left >= 0)
			got = daemon_next_event(d, (int)left, &event, &e);
		if (got == DAEMON_EVENT) {
			take_event(event.node, job, count, progress, &shown);
			reply_free(&event);
		} else if (got == DAEMON_INTERRUPTED && !cancelled) {
			cancelled = true;
			interrupt_rearm();
			cancel_all(d, job, count);
			timeout_ms = CANCEL_MS;
			end = now_ms() + timeout_ms;
		} else {
			if (got != DAEMON_GONE)
				btn_set_default(&e, BTN_WAIT_TIMEOUT);
			end_all(job, count, &e);
		}
	}
	clear_progress(&shown);
}

void job_share_timeout(struct args *args)
{
	args->timeout_from = now_ms();
}

bool job_timeout(const struct args *args, long otherwise_s, int *ret_ms, struct btn_error *e)
{
	long seconds = otherwise_s;

	if (!args_seconds(args, "timeout", &seconds, e))
		return false;
	*ret_ms = seconds < 0 ? -1 : (int)(seconds * 1000);
	if (args->timeout_from && args_has(args, "timeout")) {
		int64_t left = *ret_ms - (now_ms() - args->timeout_from);

		*ret_ms = left > 0 ? (int)left : 0;
	}
	return true;
}

static bool run(struct daemon *d, const struct args *args, const char *name, bool wait,
		struct btn_error *e)
{
	struct job_wait job = { .name = name, .pending = true };
	struct reply reply;
	int timeout_ms;

	if (!job_timeout(args, -1, &timeout_ms, e) || !daemon_ask(d, &reply, e))
		return false;
	job.job = node_int(reply.node, "job");
	reply_free(&reply);
	if (!wait) {
		report_note(args, "job %lld has begun", (long long)job.job);
		return true;
	}
	jobs_wait(d, &job, 1, timeout_ms, args_has(args, "quiet"));
	if (job.error.code == BTN_OK)
		return true;
	*e = job.error;
	return false;
}

bool job_run(struct daemon *d, const struct args *args, const char *name, struct btn_error *e)
{
	return run(d, args, name, !args_has(args, "no-wait"), e);
}

bool job_run_to_end(struct daemon *d, const struct args *args, const char *name,
		    struct btn_error *e)
{
	return run(d, args, name, true, e);
}
