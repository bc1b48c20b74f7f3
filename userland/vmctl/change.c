// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl set and rename.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "jobs.h"
#include "lists.h"
#include "node.h"
#include "report.h"
#include "targets.h"
#include "verb.h"

/* ---- set ---- */

/* NAME... KEY=VALUE...: names have no "=". */
static size_t count_names(const struct args *args)
{
	size_t count = 0;

	while (count < args->positional_count && !strchr(args->positional[count], '='))
		count++;
	return count;
}

static bool check_settings(const struct args *args, size_t names, struct btn_error *e)
{
	for (size_t i = names; i < args->positional_count; i++) {
		if (strchr(args->positional[i], '='))
			continue;
		btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is not of the form KEY=VALUE",
			args->positional[i]);
		btn_set_fix(e, "Names come first. \"vmctl settings\" lists the keys.");
		return false;
	}
	if (names < args->positional_count)
		return true;
	btn_set(e, BTN_MISSING_ARGUMENT, "what to set is missing");
	btn_set_cause(e, "The command is used as: vmctl set NAME KEY=VALUE...");
	btn_set_fix(e, "For example: vmctl set %.64s memory=2G. \"vmctl settings\" lists the keys.",
		    names ? args->positional[0] : "NAME");
	return false;
}

static void tell(const struct json_node *answer, const char *name, bool check)
{
	char text[1024];
	const struct json_node *next = json_member(answer, "next_start");

	if (check)
		printf("%s: can be set\n", name);
	else
		printf("%s: set\n", name);
	if (next && next->count)
		printf("%s: acts at its next start: %s\n", name,
		       node_text(next, text, sizeof(text)));
}

static bool set_one(struct daemon *d, const struct args *args, size_t names, const char *name,
		    const char *uuid, struct btn_error *e)
{
	bool check = args_has(args, "dry-run");
	struct reply reply;

	daemon_begin(d, "vm-set");
	json_put_string(&d->out, "name", uuid);
	json_put_open(&d->out, "settings", '[');
	for (size_t i = names; i < args->positional_count; i++)
		json_put_string(&d->out, NULL, args->positional[i]);
	json_put_close(&d->out, ']');
	if (check)
		json_put_bool(&d->out, "check", true);
	if (!daemon_ask(d, &reply, e))
		return false;
	if (!args_has(args, "quiet"))
		tell(reply.node, name, check);
	reply_free(&reply);
	return true;
}

static int set_all(struct daemon *d, const struct args *args, size_t names,
		   const struct targets *t, struct btn_error *e)
{
	size_t failed = 0;
	int status = BTN_EXIT_DONE;

	for (size_t i = 0; i < t->count; i++) {
		const char *name = node_string(t->node[i], "name");

		if (set_one(d, args, names, name, node_string(t->node[i], "uuid"), e))
			continue;
		report_error(args, name, e);
		status = failed++ && status != btn_exit_status(e) ? BTN_EXIT_SOME_FAILED :
			 btn_exit_status(e);
		e->code = BTN_OK;
	}
	return failed && failed < t->count ? BTN_EXIT_SOME_FAILED : status;
}

int set_run(const struct args *args, struct btn_error *e)
{
	struct args names = *args;
	struct targets t;
	struct daemon d;
	int status = BTN_EXIT_FAILED;

	names.positional_count = count_names(args);
	if (!check_settings(args, names.positional_count, e) || !daemon_open(&d, e))
		return status;
	if (targets_find(&d, &target_vms, &names, 0, &t, e)) {
		status = set_all(&d, args, names.positional_count, &t, e);
		targets_free(&t);
	}
	daemon_close(&d);
	return status;
}

/* ---- rename ---- */

static bool rename_one(struct daemon *d, const struct args *args, const struct json_node *vm,
		       struct btn_error *e)
{
	const char *name = node_string(vm, "name"), *new_name = args->positional[1];

	if (args_has(args, "dry-run")) {
		/* It may be written differently. */
		if (strcasecmp(name, new_name) && !lists_check(d, &named_vms, new_name, false, e))
			return false;
		printf("%s: would be called %s\n", name, new_name);
		return true;
	}
	if (!daemon_subscribe(d, e))
		return false;
	daemon_begin(d, "vm-rename");
	json_put_string(&d->out, "name", node_string(vm, "uuid"));
	json_put_string(&d->out, "new_name", new_name);
	if (!job_run(d, args, name, e))
		return false;
	if (!args_has(args, "quiet") && !args_has(args, "no-wait"))
		printf("%s: is called %s now\n", name, new_name);
	return true;
}

int rename_run(const struct args *args, struct btn_error *e)
{
	struct targets t;
	struct daemon d;
	bool ok;

	if (!daemon_open(&d, e))
		return BTN_EXIT_FAILED;
	ok = targets_find_one(&d, &target_vms, args->positional[0], &t, e);
	if (ok) {
		ok = rename_one(&d, args, t.node[0], e);
		targets_free(&t);
	}
	daemon_close(&d);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
