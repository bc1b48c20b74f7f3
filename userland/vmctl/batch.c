// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The same change of several VMs. See batch.h. Requests go out one after the other, jobs
 * run beside each other.
 */
#include "batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "node.h"
#include "report.h"

#define RESULT_TEXT_MAX 2048u

enum result { RESULT_DONE, RESULT_BEGUN, RESULT_ALREADY, RESULT_WOULD, RESULT_FAILED };
static const char *const result_words[] = { "done", "begun", "unchanged", "would", "failed" };

struct item {
	const char *name, *id;
	enum result result;
	struct job_wait job;
};

static const struct output_column result_columns[] = {
	{ "name", NULL, "NAME", OUT_TEXT },
	{ "result", NULL, "RESULT", OUT_TEXT },
	{ "job", NULL, "JOB", OUT_TEXT },
	{ "code", NULL, "CODE", OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

bool batch_confirm(const struct args *args, const char *question, struct btn_error *e)
{
	char line[16];

	if (args_has(args, "yes"))
		return true;
	btn_set_default(e, BTN_NOT_CONFIRMED);
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y')) {
		e->code = BTN_OK;
		return true;
	}
	btn_set_cause(e, "The answer was not \"y\".");
	return false;
}

static bool confirm(const struct args *args, const struct batch *b, const struct targets *t,
		    struct btn_error *e)
{
	char question[256];

	if (!b->question || args_has(args, "dry-run") || !t->count)
		return true;
	if (t->count == 1)
		snprintf(question, sizeof(question), b->question,
			 node_string(t->node[0], "name"));
	else {
		char names[32];

		snprintf(names, sizeof(names), "%zu %s", t->count, b->kind->nouns);
		snprintf(question, sizeof(question), b->question, names);
	}
	return batch_confirm(args, question, e);
}

static void begin_item(struct daemon *d, const struct args *args, const struct batch *b,
		       struct item *item)
{
	struct btn_error *e = &item->job.error;
	struct reply reply;

	daemon_begin(d, b->op);
	json_put_string(&d->out, b->member, item->id);
	if (b->put && !b->put(args, &d->out, e)) {
		item->result = RESULT_FAILED;
		return;
	}
	if (daemon_ask(d, &reply, e)) {
		item->job.job = node_int(reply.node, "job");
		item->job.pending = !b->is_now;
		item->result = b->is_now ? RESULT_DONE : RESULT_BEGUN;
		reply_free(&reply);
	} else if (b->already && b->already_code && e->code == b->already_code) {
		e->code = BTN_OK;
		item->result = RESULT_ALREADY;
	} else {
		item->result = RESULT_FAILED;
	}
}

static void take_results(const struct batch *b, struct item *item, struct job_wait *job,
			 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (item[i].result != RESULT_BEGUN)
			continue;
		item[i].job = job[i];
		item[i].result = RESULT_DONE;
		if (job[i].error.code == BTN_OK)
			continue;
		item[i].result = RESULT_FAILED;
		if (b->already_code && job[i].error.code == b->already_code)
			item[i].result = RESULT_ALREADY;
	}
}

static bool wait_for_items(struct daemon *d, const struct args *args, const struct batch *b,
			   struct item *item, size_t count, struct btn_error *e)
{
	struct job_wait *job = calloc(count + 1, sizeof(*job));
	int timeout_ms;

	if (!job) {
		btn_set_default(e, BTN_NO_MEMORY);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		job[i] = item[i].job;
	/* Checked before anything was begun. */
	job_timeout(args, -1, &timeout_ms, e);
	if (b->guest_timeout)
		timeout_ms = -1;
	jobs_wait(d, job, count, timeout_ms, args_has(args, "quiet"));
	take_results(b, item, job, count);
	free(job);
	return true;
}

/* ---- telling ---- */

static void tell_people(const struct batch *b, const struct item *item)
{
	switch (item->result) {
	case RESULT_DONE:
		printf("%s: %s\n", item->name, b->done);
		break;
	case RESULT_BEGUN:
		printf("%s: %s has begun (job %lld)\n", item->name, b->doing,
		       (long long)item->job.job);
		break;
	case RESULT_ALREADY:
		printf("%s: %s\n", item->name, b->already);
		break;
	case RESULT_WOULD:
		printf("%s: would %s\n", item->name, b->doing);
		break;
	case RESULT_FAILED:
		break;
	}
}

static void put_item(struct json_out *j, const struct item *item)
{
	char code[16];

	snprintf(code, sizeof(code), "BTN-%04d", (int)item->job.error.code);
	json_put_open(j, NULL, '{');
	json_put_string(j, "name", item->name);
	json_put_string(j, "result", result_words[item->result]);
	if (item->job.job)
		json_put_int(j, "job", item->job.job);
	json_put_string(j, "code", item->result == RESULT_FAILED ? code : NULL);
	json_put_close(j, '}');
}

/* Results are no answer of the daemon: made into one, they are printed like any. */
static void tell_programs(const struct args *args, const struct item *item, size_t count,
			  struct btn_error *e)
{
	size_t size = (count + 1) * RESULT_TEXT_MAX, nodes = 6 * count + 2;
	struct json_node *node = calloc(nodes, sizeof(*node));
	char *text = malloc(size);
	struct json_out j;
	struct output o;
	int64_t length = -1;

	if (node && text) {
		json_put_start(&j, text, size);
		json_put_open(&j, NULL, '{');
		json_put_open(&j, "results", '[');
		for (size_t i = 0; i < count; i++)
			put_item(&j, &item[i]);
		json_put_close(&j, ']');
		json_put_close(&j, '}');
		length = json_put_end(&j);
	}
	if (length > 0 && !json_read(text, (size_t)length, node, nodes, NULL) &&
	    output_start(&o, args, result_columns, "results", e) &&
	    output_add_list(&o, node, "results", e))
		output_end(&o);
	free(node);
	free(text);
}

/* 0; the one status that all have failed with; else BTN_EXIT_SOME_FAILED. */
static int total(const struct args *args, const struct item *item, size_t count)
{
	size_t failed = 0;
	int status = 0;

	for (size_t i = 0; i < count; i++) {
		int own = btn_exit_status(&item[i].job.error);

		if (item[i].result != RESULT_FAILED)
			continue;
		report_error(args, item[i].name, &item[i].job.error);
		status = failed++ && own != status ? BTN_EXIT_SOME_FAILED : own;
	}
	return failed && failed < count ? BTN_EXIT_SOME_FAILED : status;
}

/* ---- */

static struct item *make_items(const struct batch *b, const struct targets *t)
{
	struct item *item = calloc(t->count + 1, sizeof(*item));

	for (size_t i = 0; item && i < t->count; i++) {
		item[i].name = node_string(t->node[i], "name");
		item[i].id = b->kind->id ? node_string(t->node[i], b->kind->id) : item[i].name;
		item[i].job.name = item[i].name;
	}
	return item;
}

static void begin_items(struct daemon *d, const struct args *args, const struct batch *b,
			const struct targets *t, struct item *item)
{
	for (size_t i = 0; i < t->count; i++) {
		if (b->is_so && b->is_so(t->node[i]))
			item[i].result = RESULT_ALREADY;
		else if (args_has(args, "dry-run"))
			item[i].result = !b->can || b->can(args, t->node[i], &item[i].job.error) ?
					 RESULT_WOULD : RESULT_FAILED;
		else
			begin_item(d, args, b, &item[i]);
	}
}

static int run_items(struct daemon *d, const struct args *args, const struct batch *b,
		     const struct targets *t, struct btn_error *e)
{
	struct item *item = make_items(b, t);
	enum output_format format;
	int status = BTN_EXIT_FAILED;

	if (!item) {
		btn_set_default(e, BTN_NO_MEMORY);
		return status;
	}
	begin_items(d, args, b, t, item);
	if (b->is_now || args_has(args, "no-wait") || args_has(args, "dry-run") ||
	    wait_for_items(d, args, b, item, t->count, e)) {
		output_take_format(args, &format, e);
		for (size_t i = 0; format == FORMAT_TABLE && i < t->count; i++)
			if (!args_has(args, "quiet"))
				tell_people(b, &item[i]);
		if (format != FORMAT_TABLE)
			tell_programs(args, item, t->count, e);
		status = total(args, item, t->count);
	}
	free(item);
	return status;
}

static bool check_options(const struct args *args, struct btn_error *e)
{
	enum output_format format;
	int timeout_ms;

	return output_take_format(args, &format, e) && job_timeout(args, -1, &timeout_ms, e);
}

int batch_run(const struct args *args, const struct batch *b, struct btn_error *e)
{
	struct targets t;
	struct daemon d;
	int status = BTN_EXIT_FAILED;

	if (!check_options(args, e) || !daemon_open(&d, e))
		return status;
	if (targets_find(&d, b->kind, args, 0, &t, e)) {
		if (confirm(args, b, &t, e) && (b->is_now || daemon_subscribe(&d, e)))
			status = run_items(&d, args, b, &t, e);
		targets_free(&t);
	}
	daemon_close(&d);
	return status && interrupt_signal() ? BTN_EXIT_SIGNAL + interrupt_signal() : status;
}
