// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl events, log, job list and job cancel.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "interrupt.h"
#include "jobs.h"
#include "json.h"
#include "node.h"
#include "output.h"
#include "plain.h"
#include "report.h"
#include "targets.h"
#include "verb.h"

#define NEXT_TRIES 50	/* for the file that follows a full one */
#define NEXT_MS 20

/* ---- events ---- */

static const struct output_column event_columns[] = {
	{ "time", NULL, "TIME", OUT_TIME },
	{ "event", NULL, "EVENT", OUT_TEXT },
	{ "name", NULL, "NAME", OUT_TEXT },
	{ "state", NULL, "STATE", OUT_STATE },
	{ "reason", NULL, "REASON", OUT_TEXT },
	{ "kind", "job.kind", "JOB", OUT_TEXT },
	{ "subject", "job.subject", "OF", OUT_TEXT },
	{ "job_state", "job.state", "RESULT", OUT_STATE },
	{ "percent", "job.percent", NULL, OUT_TEXT },
	{ "step", "job.step", NULL, OUT_TEXT },
	{ "uuid", NULL, NULL, OUT_TEXT },
	{ "old_state", NULL, NULL, OUT_TEXT },
	{ "old_name", NULL, NULL, OUT_TEXT },
	{ "vm", NULL, NULL, OUT_TEXT },
	{ "job", NULL, NULL, OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

struct event_stream {
	struct output output;
	long left;		/* events that are still to come; negative: no end */
	bool whole, progress;
};

/* Programs get the event as it is, if they do not choose fields. */
static void print_event(struct event_stream *s, const struct json_node *event)
{
	struct json j;

	if (!s->progress && node_is(event, "event", "job-progress"))
		return;
	if (s->whole) {
		json_init(&j, stdout);
		j.compact = true;
		json_node(&j, NULL, event);
		fflush(stdout);
	} else if (!output_stream(&s->output, event)) {
		return;
	}
	if (s->left > 0)
		s->left--;
}

static void put_initial(struct json *j, const struct json_node *vm)
{
	char now[64];
	time_t seconds = time(NULL);
	struct tm tm;

	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	json_open(j, NULL, '{');
	json_string(j, "event", "vm-initial");
	json_string(j, "time", now);
	json_string(j, "name", node_string(vm, "name"));
	json_string(j, "uuid", node_string(vm, "uuid"));
	json_node(j, "state", json_member(vm, "state"));
	json_node(j, "reason", json_member(vm, "reason"));
	json_node(j, "vm", vm);
	json_close(j, '}');
}

/* Like an event that says how it is now, in the words of those that come. */
static bool print_initial(struct event_stream *s, const struct json_node *vm, struct btn_error *e)
{
	char *text = NULL;
	size_t size, nodes;
	FILE *memory = open_memstream(&text, &size);
	struct json_node *node;
	struct json j;
	bool ok;

	if (!memory) {
		btn_set_default(e, BTN_NO_MEMORY);
		return false;
	}
	json_init(&j, memory);
	j.compact = true;
	put_initial(&j, vm);
	fclose(memory);
	nodes = vm->size + 16u;
	node = calloc(nodes, sizeof(*node));
	ok = text && node && !json_read(text, strlen(text), node, nodes, NULL);
	if (ok)
		print_event(s, node);
	else
		btn_set_default(e, BTN_NO_MEMORY);
	free(node);
	free(text);
	return ok;
}

static bool print_all_initial(struct daemon *d, struct event_stream *s, struct btn_error *e)
{
	const struct json_node *list, *vm = NULL;
	struct reply reply;
	bool ok = true;

	if (!daemon_get(d, "vm-list", &reply, e))
		return false;
	list = json_member(reply.node, "vms");
	while (ok && s->left && list && list->type == JSON_ARRAY && (vm = json_next(list, vm)))
		ok = print_initial(s, vm, e);
	reply_free(&reply);
	return ok;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int follow_events(struct daemon *d, struct event_stream *s, int timeout_ms,
			 struct btn_error *e)
{
	int64_t end = now_ms() + timeout_ms;

	while (s->left && !ferror(stdout)) {
		int64_t left = timeout_ms < 0 ? -1 : end - now_ms();
		struct reply event;

		if (timeout_ms >= 0 && left <= 0)
			return BTN_EXIT_DONE;
		switch (daemon_next_event(d, (int)left, &event, e)) {
		case DAEMON_EVENT:
			print_event(s, event.node);
			reply_free(&event);
			break;
		case DAEMON_TIMEOUT:
			break;
		case DAEMON_INTERRUPTED:
			return BTN_EXIT_SIGNAL + interrupt_signal();
		case DAEMON_GONE:
			return BTN_EXIT_NO_DAEMON;
		}
	}
	return BTN_EXIT_DONE;
}

static bool take_count(const struct args *args, long *ret, struct btn_error *e)
{
	const char *text = args_get(args, "count");
	char *end;

	*ret = -1;
	if (!text)
		return true;
	*ret = strtol(text, &end, 10);
	if (*text && !*end && *ret > 0)
		return true;
	btn_set(e, BTN_BAD_VALUE, "--count: \"%.64s\" is no number from 1 on", text);
	return false;
}

int events_run(const struct args *args, struct btn_error *e)
{
	struct event_stream s = { .progress = args_has(args, "progress") };
	struct daemon d;
	int timeout_ms, status = BTN_EXIT_FAILED;

	if (!output_start(&s.output, args, event_columns, "events", e) ||
	    !take_count(args, &s.left, e) || !job_timeout(args, -1, &timeout_ms, e) ||
	    !daemon_open(&d, e))
		return status;
	s.whole = s.output.format != FORMAT_TABLE && s.output.format != FORMAT_CSV &&
		  !args_has(args, "fields") && !args_has(args, "filter") && !s.output.quiet;
	if (daemon_subscribe(&d, e) &&
	    (!args_has(args, "initial-state") || print_all_initial(&d, &s, e)))
		status = follow_events(&d, &s, timeout_ms, e);
	daemon_close(&d);
	return status;
}

/* ---- log ---- */

/* Programs get all bytes; on a terminal the guest's do nothing but show. */
static bool copy_rest(int fd)
{
	static struct plain plain;
	static char text[65536], shown[PLAIN_MAX(sizeof(text))];
	bool terminal = isatty(STDOUT_FILENO);
	ssize_t got;

	while ((got = read(fd, text, sizeof(text))) > 0) {
		size_t size = (size_t)got;

		if (terminal)
			size = plain_feed(&plain, text, size, shown);
		if (fwrite(terminal ? shown : text, 1, size, stdout) != size)
			return false;
	}
	return !fflush(stdout);
}

/* The file is begun anew when it has become too long: then from its start. */
static void look_for_start(int fd)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	if (!fstat(fd, &st) && st.st_size < at)
		lseek(fd, 0, SEEK_SET);
}

struct followed {
	struct daemon *d;
	const char *uuid, *log;
	int fd, notify;
	char path[PATH_MAX];
};

/* False: *e. fd stays negative if there is no log. */
static bool open_log(struct followed *f, struct btn_error *e)
{
	struct reply reply;

	daemon_begin(f->d, "vm-log");
	json_put_string(&f->d->out, "name", f->uuid);
	json_put_string(&f->d->out, "log", f->log);
	if (!daemon_ask(f->d, &reply, e))
		return false;
	snprintf(f->path, sizeof(f->path), "%s", node_string(reply.node, "path"));
	f->fd = reply.fd;
	reply.fd = -1;
	reply_free(&reply);
	return true;
}

/* Another file has the log's name: this one was renamed when it had become too long. */
static bool was_replaced(const struct followed *f)
{
	struct stat ours, named;

	return !fstat(f->fd, &ours) && !stat(f->path, &named) &&
	       (ours.st_ino != named.st_ino || ours.st_dev != named.st_dev);
}

static bool watch_file(struct followed *f, struct btn_error *e)
{
	char path[64];

	f->notify = inotify_init1(IN_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	if (f->notify >= 0 && inotify_add_watch(f->notify, path, IN_MODIFY | IN_MOVE_SELF) >= 0)
		return true;
	btn_set(e, BTN_HOST_CALL_FAILED, "the log cannot be followed");
	btn_set_cause(e, "The host says: %s.", strerror(errno));
	return false;
}

/* Until the file is full and was renamed; false: the output takes no more. */
static bool follow_file(struct followed *f)
{
	_Alignas(struct inotify_event) char events[4096];
	bool moved = was_replaced(f);

	while (copy_rest(f->fd) && !moved) {
		ssize_t got = read(f->notify, events, sizeof(events)), at = 0;

		if (got < 0 && errno != EINTR)
			return false;
		while (at + (ssize_t)sizeof(struct inotify_event) <= got) {
			const struct inotify_event *event = (const void *)(events + at);

			moved |= event->mask & IN_MOVE_SELF;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
		look_for_start(f->fd);
	}
	return moved && !ferror(stdout);
}

/* Between the old file's new name and the new file's there may be a moment without one. */
static bool open_next(struct followed *f, struct btn_error *e)
{
	close(f->notify);
	close(f->fd);
	f->notify = f->fd = -1;
	for (int i = 0; i < NEXT_TRIES; i++) {
		e->code = BTN_OK;
		if (open_log(f, e))
			return f->fd >= 0;
		if (e->code != BTN_FILE_MISSING)
			return false;
		poll(NULL, 0, NEXT_MS);
	}
	return false;
}

static bool follow_log(struct followed *f, struct btn_error *e)
{
	while (watch_file(f, e) && follow_file(f))
		if (!open_next(f, e))
			break;
	if (f->notify >= 0)
		close(f->notify);
	return e->code == BTN_OK;
}

bool log_print(const char *name, const char *log, bool follow, struct btn_error *e)
{
	struct targets t;
	struct daemon d;
	bool ok = false;

	if (!daemon_open(&d, e))
		return false;
	if (targets_find_one(&d, &target_vms, name, &t, e)) {
		struct followed f = {
			.d = &d, .uuid = node_string(t.node[0], "uuid"), .log = log,
			.fd = -1, .notify = -1,
		};

		ok = open_log(&f, e) &&
		     (f.fd < 0 || (follow ? follow_log(&f, e) : copy_rest(f.fd)));
		if (f.fd >= 0)
			close(f.fd);
		targets_free(&t);
	}
	daemon_close(&d);
	return ok;
}

int log_run(const struct args *args, struct btn_error *e)
{
	return log_print(args->positional[0], args_has(args, "serial") ? "serial" : "monitor",
			 args_has(args, "follow"), e) ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}

/* ---- jobs ---- */

static const struct output_column job_columns[] = {
	{ "id", NULL, "JOB", OUT_TEXT },
	{ "kind", NULL, "KIND", OUT_TEXT },
	{ "subject", NULL, "OF", OUT_TEXT },
	{ "state", NULL, "STATE", OUT_STATE },
	{ "percent", NULL, "%", OUT_TEXT },
	{ "step", NULL, "STEP", OUT_TEXT },
	{ "started", NULL, "SINCE", OUT_AGE },
	{ "ended", NULL, NULL, OUT_TIME },
	{ "uuid", NULL, NULL, OUT_TEXT },
	{ "note", NULL, NULL, OUT_TEXT },
	{ "error", NULL, NULL, OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

int job_list_run(const struct args *args, struct btn_error *e)
{
	struct daemon d;
	struct reply reply;
	struct output o;
	int status = BTN_EXIT_FAILED;

	if (!output_start(&o, args, job_columns, "jobs", e) || !daemon_open(&d, e))
		return status;
	if (daemon_get(&d, "job-list", &reply, e)) {
		if (output_add_list(&o, reply.node, "jobs", e)) {
			output_end(&o);
			status = BTN_EXIT_DONE;
		}
		reply_free(&reply);
	}
	daemon_close(&d);
	return status;
}

int job_cancel_run(const struct args *args, struct btn_error *e)
{
	struct daemon d;
	struct reply reply;
	char *end;
	long long id = strtoll(args->positional[0], &end, 10);
	bool ok;

	if (*end || id < 1) {
		btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is no number of a job", args->positional[0]);
		btn_set_fix(e, "\"vmctl job list\" shows them.");
		return BTN_EXIT_USAGE;
	}
	if (!daemon_open(&d, e))
		return BTN_EXIT_FAILED;
	daemon_begin(&d, "job-cancel");
	json_put_int(&d.out, "job", id);
	ok = daemon_ask(&d, &reply, e);
	if (ok)
		reply_free(&reply);
	daemon_close(&d);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
