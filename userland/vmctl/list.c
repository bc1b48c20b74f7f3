// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl list, show and settings.
 */
#include <stdlib.h>
#include <string.h>

#include "lists.h"
#include "node.h"
#include "output.h"
#include "report.h"
#include "targets.h"
#include "verb.h"

static const struct output_column vm_columns[] = {
	{ "name", NULL, "NAME", OUT_TEXT },
	{ "state", NULL, "STATE", OUT_STATE },
	{ "cpus", NULL, "CPUS", OUT_TEXT },
	{ "memory", NULL, "MEMORY", OUT_BYTES },
	{ "address", "networks.0.address", "ADDRESS", OUT_TEXT },
	{ "forwards", NULL, "FORWARDS", OUT_TEXT },
	{ "since", NULL, "SINCE", OUT_AGE },
	{ "uuid", NULL, NULL, OUT_TEXT },
	{ "id", NULL, NULL, OUT_TEXT },
	{ "reason", NULL, NULL, OUT_TEXT },
	{ "pid", NULL, NULL, OUT_TEXT },
	{ "board", NULL, NULL, OUT_TEXT },
	{ "engine", NULL, NULL, OUT_TEXT },
	{ "memory_min", NULL, NULL, OUT_BYTES },
	{ "title", NULL, NULL, OUT_TEXT },
	{ "description", NULL, NULL, OUT_TEXT },
	{ "autostart", NULL, NULL, OUT_TEXT },
	{ "image", NULL, NULL, OUT_TEXT },
	{ "user", NULL, NULL, OUT_TEXT },
	{ "networks", NULL, NULL, OUT_TEXT },
	{ "folder", NULL, NULL, OUT_TEXT },
	{ "job", NULL, NULL, OUT_TEXT },
	{ "problem", NULL, NULL, OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

/* All have a heading: show shows all. */
static const struct output_column show_columns[] = {
	{ "name", NULL, "", OUT_TEXT },
	{ "state", NULL, "", OUT_STATE },
	{ "reason", NULL, "", OUT_TEXT },
	{ "since", NULL, "", OUT_TIME },
	{ "problem", NULL, "", OUT_TEXT },
	{ "job", NULL, "", OUT_TEXT },
	{ "title", NULL, "", OUT_TEXT },
	{ "description", NULL, "", OUT_TEXT },
	{ "cpus", NULL, "", OUT_TEXT },
	{ "memory", NULL, "", OUT_BYTES },
	{ "memory_min", NULL, "", OUT_BYTES },
	{ "image", NULL, "", OUT_TEXT },
	{ "user", NULL, "", OUT_TEXT },
	{ "disks", NULL, "", OUT_TEXT },
	{ "networks", NULL, "", OUT_TEXT },
	{ "forwards", NULL, "", OUT_TEXT },
	{ "engine", NULL, "", OUT_TEXT },
	{ "board", NULL, "", OUT_TEXT },
	{ "autostart", NULL, "", OUT_TEXT },
	{ "id", NULL, "", OUT_TEXT },
	{ "pid", NULL, "", OUT_TEXT },
	{ "uuid", NULL, "", OUT_TEXT },
	{ "folder", NULL, "", OUT_TEXT },
	{ "settings", NULL, "", OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

static const struct output_column trash_columns[] = {
	{ "name", NULL, "NAME", OUT_TEXT },
	{ "deleted", NULL, "DELETED", OUT_TIME },
	{ "bytes", NULL, "SIZE", OUT_BYTES },
	{ "id", NULL, "ID", OUT_TEXT },
	{ "uuid", NULL, NULL, OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

static const struct output_column setting_columns[] = {
	{ "key", NULL, "KEY", OUT_TEXT },
	{ "value", NULL, "VALUE", OUT_TEXT },
	{ "live", NULL, "LIVE", OUT_TEXT },
	{ "help", NULL, "MEANING", OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

static bool wanted(const struct args *args, const struct json_node *vm)
{
	return !args_has(args, "running") ||
	       (!node_is(vm, "state", "stopped") && !node_is(vm, "state", "broken"));
}

static int list_vms(const struct args *args, struct btn_error *e)
{
	struct daemon d;
	struct targets t;
	struct output o;
	int status = BTN_EXIT_FAILED;
	bool ok = true;

	if (!output_start(&o, args, vm_columns, "vms", e) || !daemon_open(&d, e))
		return status;
	if (targets_list(&d, &target_vms, args, &t, e)) {
		for (size_t i = 0; ok && i < t.count; i++)
			if (wanted(args, t.node[i]))
				ok = output_add(&o, t.node[i], NULL, e);
		if (ok && !t.count && o.format == FORMAT_TABLE)
			report_note(args, "there are no VMs yet; make one: vmctl launch IMAGE");
		else if (ok)
			output_end(&o);
		status = ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
		targets_free(&t);
	}
	daemon_close(&d);
	return status;
}

int list_run(const struct args *args, struct btn_error *e)
{
	if (args_has(args, "trash"))
		return lists_print(args, "trash-list", "items", trash_columns, NULL,
				  "the trash is empty", e);
	return list_vms(args, e);
}

int settings_run(const struct args *args, struct btn_error *e)
{
	return lists_print(args, "settings", "settings", setting_columns, NULL, NULL, e);
}

/* ---- show ---- */

static bool show_all(struct daemon *d, const struct targets *t, struct output *o,
		     struct reply *reply, struct btn_error *e)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct json_node *vm;

		if (!daemon_get_of(d, "vm-show", "name", node_string(t->node[i], "uuid"),
				   &reply[i], e))
			return false;
		vm = json_member(reply[i].node, "vm");
		if (!output_add(o, vm ? vm : reply[i].node, reply[i].node, e))
			return false;
	}
	output_end_lines(o);
	return true;
}

int show_run(const struct args *args, struct btn_error *e)
{
	struct daemon d;
	struct targets t;
	struct output o;
	struct reply *reply;
	bool ok;

	if (!output_start(&o, args, show_columns, "vms", e) || !daemon_open(&d, e))
		return BTN_EXIT_FAILED;
	ok = targets_find(&d, &target_vms, args, 0, &t, e);
	if (ok) {
		reply = calloc(t.count + 1, sizeof(*reply));
		for (size_t i = 0; reply && i < t.count; i++)
			reply[i].fd = -1;
		ok = reply && show_all(&d, &t, &o, reply, e);
		for (size_t i = 0; reply && i < t.count; i++)
			reply_free(&reply[i]);
		free(reply);
		targets_free(&t);
	}
	daemon_close(&d);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
