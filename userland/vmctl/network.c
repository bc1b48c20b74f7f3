// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl net list, create, delete, leases, and net forward add, remove, list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forward.h"
#include "lists.h"
#include "node.h"
#include "output.h"
#include "targets.h"
#include "verb.h"

static const struct output_column net_columns[] = {
	{ "name", NULL, "NAME", OUT_TEXT },
	{ "subnet", NULL, "SUBNET", OUT_TEXT },
	{ "active", NULL, "ACTIVE", OUT_TEXT },
	{ "vms", NULL, "VMS", OUT_TEXT },
	{ "uuid", NULL, NULL, OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

static const struct output_column lease_columns[] = {
	{ "name", NULL, "NAME", OUT_TEXT },
	{ "address", NULL, "ADDRESS", OUT_TEXT },
	{ "mac", NULL, "MAC", OUT_TEXT },
	{ "connected", NULL, "CONNECTED", OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

static const struct output_column forward_columns[] = {
	{ "forward", NULL, "FORWARD", OUT_TEXT },
	{ "proto", NULL, "PROTOCOL", OUT_TEXT },
	{ "host_address", NULL, "HOST", OUT_TEXT },
	{ "host_port", NULL, "PORT", OUT_TEXT },
	{ "guest_port", NULL, "GUEST PORT", OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

int net_list_run(const struct args *args, struct btn_error *e)
{
	return lists_print(args, "net-list", "networks", net_columns, NULL, NULL, e);
}

int net_leases_run(const struct args *args, struct btn_error *e)
{
	return lists_print(args, "net-leases", "leases", lease_columns,
			   args->positional_count ? args->positional[0] : "default", NULL, e);
}

/* ---- create, delete ---- */

static bool would_change(struct daemon *d, const char *name, bool there, const char *done,
			 struct btn_error *e)
{
	if (!lists_check(d, &named_networks, name, there, e))
		return false;
	printf("%s: would be %s\n", name, done);
	return true;
}

static bool change(const struct args *args, const char *op, const char *done, struct btn_error *e)
{
	const char *name = args->positional[0], *subnet = args_get(args, "subnet");
	struct daemon d;
	struct reply reply;
	bool ok;

	if (!daemon_open(&d, e))
		return false;
	if (args_has(args, "dry-run")) {
		ok = would_change(&d, name, strcmp(op, "net-create"), done, e);
		daemon_close(&d);
		return ok;
	}
	daemon_begin(&d, op);
	json_put_string(&d.out, "network", name);
	if (subnet)
		json_put_string(&d.out, "subnet", subnet);
	ok = daemon_ask(&d, &reply, e);
	if (ok && !args_has(args, "quiet"))
		printf("%s: %s\n", name, done);
	if (ok)
		reply_free(&reply);
	daemon_close(&d);
	return ok;
}

int net_create_run(const struct args *args, struct btn_error *e)
{
	return change(args, "net-create", "made", e) ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}

int net_delete_run(const struct args *args, struct btn_error *e)
{
	return change(args, "net-delete", "removed", e) ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}

/* ---- forwards ---- */

/* [ADDRESS:]HOSTPORT:GUESTPORT; to remove one also without GUESTPORT, which does not count. */
static bool take_forward(const char *text, bool add, struct forward *ret, struct btn_error *e)
{
	size_t length = strcspn(text, "/"), colon = strcspn(text, ":");
	/* A dot in front of the only colon: that is an address. */
	bool whole = colon < length && (memchr(text + colon + 1, ':', length - colon - 1) ||
					!memchr(text, '.', colon));
	struct btn_error ignored;
	char guessed[64];

	if (add || whole || snprintf(guessed, sizeof(guessed), "%.*s:1%s", (int)length, text,
				     text + length) >= (int)sizeof(guessed))
		return forward_parse(text, ret, e);
	return forward_parse(guessed, ret, &ignored) || forward_parse(text, ret, e);
}

static void put_forward(struct json_out *out, const struct forward *f, bool add, bool keep)
{
	json_put_int(out, "host_port", f->host_port);
	if (f->udp)
		json_put_string(out, "proto", "udp");
	if (strcmp(f->host_address, "127.0.0.1"))
		json_put_string(out, "host_address", f->host_address);
	if (add)
		json_put_int(out, "guest_port", f->guest_port);
	if (keep)
		json_put_bool(out, "keep", true);
}

static bool change_forward(struct daemon *d, const struct args *args, const struct json_node *vm,
			   const struct forward *f, bool add, struct btn_error *e)
{
	struct reply reply;

	daemon_begin(d, add ? "vm-forward-add" : "vm-forward-remove");
	json_put_string(&d->out, "name", node_string(vm, "uuid"));
	put_forward(&d->out, f, add, !args_has(args, "this-run"));
	if (!daemon_ask(d, &reply, e))
		return false;
	reply_free(&reply);
	if (args_has(args, "quiet"))
		return true;
	if (add)
		printf("%s: port %u of %s goes to its port %u\n", node_string(vm, "name"),
		       f->host_port, f->host_address, f->guest_port);
	else
		printf("%s: port %u of %s goes to it no more\n", node_string(vm, "name"),
		       f->host_port, f->host_address);
	return true;
}

static int change_forwards(const struct args *args, bool add, struct btn_error *e)
{
	struct forward f;
	struct targets t;
	struct daemon d;
	bool ok = true;

	for (size_t i = 1; i < args->positional_count; i++)
		if (!take_forward(args->positional[i], add, &f, e))
			return BTN_EXIT_USAGE;
	if (!daemon_open(&d, e))
		return BTN_EXIT_FAILED;
	ok = targets_find_one(&d, &target_vms, args->positional[0], &t, e);
	if (ok) {
		for (size_t i = 1; ok && i < args->positional_count; i++)
			ok = take_forward(args->positional[i], add, &f, e) &&
			     change_forward(&d, args, t.node[0], &f, add, e);
		targets_free(&t);
	}
	daemon_close(&d);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}

int forward_add_run(const struct args *args, struct btn_error *e)
{
	return change_forwards(args, true, e);
}

int forward_remove_run(const struct args *args, struct btn_error *e)
{
	return change_forwards(args, false, e);
}

/* ---- forward list: texts of the VM, taken apart ---- */

static void put_row(struct json_out *j, const char *text)
{
	struct btn_error ignored;
	struct forward f;

	if (!forward_parse(text, &f, &ignored))
		return;
	json_put_open(j, NULL, '{');
	json_put_string(j, "forward", text);
	json_put_string(j, "proto", f.udp ? "udp" : "tcp");
	json_put_string(j, "host_address", f.host_address);
	json_put_int(j, "host_port", f.host_port);
	json_put_int(j, "guest_port", f.guest_port);
	json_put_close(j, '}');
}

static bool print_forwards(const struct json_node *vm, struct output *o, struct btn_error *e)
{
	static char text[65536];
	static struct json_node node[2048];
	const struct json_node *list = json_member(vm, "forwards"), *child = NULL;
	struct json_out j;
	int64_t length;

	json_put_start(&j, text, sizeof(text));
	json_put_open(&j, NULL, '{');
	json_put_open(&j, "forwards", '[');
	while (list && list->type == JSON_ARRAY && (child = json_next(list, child)))
		if (child->type == JSON_STRING)
			put_row(&j, child->string);
	json_put_close(&j, ']');
	json_put_close(&j, '}');
	length = json_put_end(&j);
	if (length < 0 || json_read(text, (size_t)length, node, 2048, NULL)) {
		btn_set(e, BTN_NET_FULL, "the VM has more forwards than can be listed");
		return false;
	}
	if (!output_add_list(o, node, "forwards", e))
		return false;
	output_end(o);
	return true;
}

int forward_list_run(const struct args *args, struct btn_error *e)
{
	struct targets t;
	struct daemon d;
	struct output o;
	bool ok;

	if (!output_start(&o, args, forward_columns, "forwards", e) || !daemon_open(&d, e))
		return BTN_EXIT_FAILED;
	ok = targets_find_one(&d, &target_vms, args->positional[0], &t, e);
	if (ok) {
		ok = print_forwards(t.node[0], &o, e);
		targets_free(&t);
	}
	daemon_close(&d);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
