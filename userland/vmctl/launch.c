// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl launch: from an image to a VM that somebody can log in to, in one command.
 */
#define _GNU_SOURCE /* basename that does not write */
#include "launch.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "check.h"
#include "interrupt.h"
#include "jobs.h"
#include "node.h"
#include "output.h"
#include "ready.h"
#include "report.h"
#include "targets.h"
#include "verb.h"

#define READY_S 300

static const struct output_column launched_columns[] = {
	{ "name", NULL, "NAME", OUT_TEXT },
	{ "state", NULL, "STATE", OUT_STATE },
	{ "uuid", NULL, NULL, OUT_TEXT },
	{ "user", NULL, NULL, OUT_TEXT },
	{ "image", NULL, NULL, OUT_TEXT },
	{ "address", "networks.0.address", NULL, OUT_TEXT },
	{ "forwards", NULL, NULL, OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

/* ---- the image ---- */

static bool is_file(const char *word)
{
	return strchr(word, '/') || !access(word, R_OK);
}

static const struct json_node *find_named(const struct json_node *list, const char *name)
{
	const struct json_node *child = NULL;

	while (list && list->type == JSON_ARRAY && (child = json_next(list, child)))
		if (node_is(child, "name", name))
			return child;
	return NULL;
}

/* Names of VMs that differ in their case alone are the same. */
static bool is_taken(const struct json_node *vms, const char *name)
{
	const struct json_node *child = NULL;

	while (vms && vms->type == JSON_ARRAY && (child = json_next(vms, child)))
		if (!strcasecmp(node_string(child, "name"), name))
			return true;
	return false;
}

/* "/x/Debian 12.qcow2": "Debian-12" */
static void name_of_file(const char *path, char *ret, size_t size)
{
	static const char *const ends[] = { ".qcow2", ".raw", ".img" };
	const char *base = basename(path);
	size_t length = strlen(base);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end = strlen(ends[i]);

		if (length > end && !strcasecmp(base + length - end, ends[i])) {
			length -= end;
			break;
		}
	}
	while (length && !isalnum((unsigned char)*base)) {
		base++;
		length--;
	}
	/* Of a name in other letters nothing is left. */
	snprintf(ret, size, "%.*s", length ? (int)length : (int)strlen("image"),
		 length ? base : "image");
	for (char *p = ret; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '.' && *p != '_')
			*p = '-';
}

static bool add_file(struct daemon *d, const struct creation *c, const char *path,
		     struct btn_error *e)
{
	report_note(c->args, "adding %s to the images as \"%s\"", path, c->image);
	daemon_begin(d, "image-add");
	json_put_string(&d->out, "image", c->image);
	json_put_string(&d->out, "path", path);
	return job_run_to_end(d, c->args, c->image, e);
}

/* The store may have it already: from this file, or from another, which is an error. */
static bool take_file(struct daemon *d, struct creation *c, const char *word,
		      const struct json_node *images, struct btn_error *e)
{
	const struct json_node *known;
	char path[PATH_MAX];

	if (!check_file("image", word, e))
		return false;
	if (!realpath(word, path)) {
		btn_set_file(e, "image", word, ENOENT);
		return false;
	}
	name_of_file(path, c->image, sizeof(c->image));
	known = find_named(images, c->image);
	if (!known && args_has(c->args, "dry-run"))
		printf("%s: would be added to the images as \"%s\"\n", path, c->image);
	if (!known)
		return args_has(c->args, "dry-run") || add_file(d, c, path, e);
	if (node_is(known, "source", path)) {
		report_note(c->args, "taking the image \"%s\", which was added from %s", c->image,
			    path);
		return true;
	}
	btn_set(e, BTN_IMAGE_EXISTS, "there is an image \"%s\", from another file", c->image);
	btn_set_cause(e, "It was added from %.300s.", node_string(known, "source"));
	btn_set_fix(e, "To launch that one: vmctl launch %.64s. To add this one under another "
		    "name: vmctl image add NAME %.200s", c->image, path);
	return false;
}

static bool set_no_image(const char *word, const struct json_node *images, struct btn_error *e)
{
	btn_set(e, BTN_NO_SUCH_IMAGE, "there is no image \"%.64s\"", word);
	btn_set_cause(e, "Neither the store of images has it, nor is it a file here.");
	if (images && images->count)
		btn_set_fix(e, "\"vmctl image list\" shows those that are there. A file is named "
			    "by its path: vmctl launch ./%.64s", word);
	else
		btn_set_fix(e, "Give the path of a qcow2 or raw file: vmctl launch ./debian.qcow2");
	return false;
}

bool launch_find_image(struct daemon *d, struct creation *c, const char *word,
		       struct btn_error *e)
{
	struct reply reply;
	const struct json_node *images;
	bool ok;

	if (!daemon_get(d, "image-list", &reply, e))
		return false;
	images = json_member(reply.node, "images");
	if (!strchr(word, '/') && find_named(images, word)) {
		ok = strlen(word) < sizeof(c->image);
		snprintf(c->image, sizeof(c->image), "%s", word);
	} else if (is_file(word)) {
		ok = take_file(d, c, word, images, e);
	} else {
		ok = set_no_image(word, images, e);
	}
	reply_free(&reply);
	return ok;
}

/* ---- the name ---- */

void launch_choose_name(struct creation *c, const char *stem, const struct json_node *vms)
{
	char base[48];
	size_t length;

	/* A host name has no dots, and no hyphen at its ends. */
	snprintf(base, sizeof(base), "%s", stem);
	for (char *p = base; *p; p++)
		*p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : '-';
	length = strlen(base);
	while (length && base[length - 1] == '-')
		base[--length] = '\0';
	for (unsigned int i = 1; i; i++) {
		snprintf(c->name, sizeof(c->name), "%s-%u", *base ? base : "vm", i);
		if (!is_taken(vms, c->name))
			return;
	}
}

static bool take_name(struct creation *c, const struct json_node *vms, struct btn_error *e)
{
	const char *name = args_get(c->args, "name");

	if (c->args->positional_count > 1)
		name = c->args->positional[1];
	if (!name) {
		launch_choose_name(c, c->image, vms);
		return true;
	}
	if (strlen(name) >= sizeof(c->name)) {
		btn_set(e, BTN_VM_NAME, "a VM cannot be called \"%.128s\"", name);
		return false;
	}
	snprintf(c->name, sizeof(c->name), "%s", name);
	if (!is_taken(vms, name))
		return true;
	btn_set(e, BTN_VM_EXISTS, "there is a VM called \"%s\" already", name);
	return false;
}

/* ---- telling ---- */

static void tell_people(const struct creation *c, const struct json_node *vm)
{
	const struct json_node *name = json_member(vm, "user");
	char user[128] = "";

	if (name && name->type == JSON_STRING && name->length)
		output_human(name, OUT_TEXT, user, sizeof(user));
	printf("%s is %s.\n", c->name, node_string(vm, "state"));
	if (c->ssh_port)
		printf("  log in:   ssh -p %u %s%s%s\n", c->ssh_port, user, *user ? "@" : "",
		       c->ssh_address);
	printf("  console:  vmctl console %s\n", c->name);
}

static bool tell(struct daemon *d, const struct creation *c, struct btn_error *e)
{
	struct reply reply;
	struct output o;
	const struct json_node *vm;
	bool ok;

	if (!daemon_get_of(d, "vm-show", "name", c->name, &reply, e))
		return false;
	vm = json_member(reply.node, "vm");
	ok = vm && output_start(&o, c->args, launched_columns, "vms", e);
	if (ok && o.format == FORMAT_TABLE && !o.quiet)
		tell_people(c, vm);
	else if (ok && output_add(&o, vm, NULL, e))
		output_end(&o);
	reply_free(&reply);
	return ok;
}

/* ---- launch ---- */

static bool wait_ready(struct daemon *d, const struct creation *c, struct btn_error *e)
{
	struct ready want = { .text = "running", .kind = READY_RUNNING };
	int timeout_ms;

	if (args_has(c->args, "no-wait") || !job_timeout(c->args, READY_S, &timeout_ms, e))
		return e->code == BTN_OK;
	if (c->ssh_port) {
		report_note(c->args, "%s runs; waiting until its ssh answers", c->name);
		want = (struct ready){ .text = "ssh", .kind = READY_SSH, .guest_port = 22 };
	}
	return ready_wait_named(d, c->name, &want, timeout_ms, e);
}

static bool prepare(struct daemon *d, struct creation *c, struct btn_error *e)
{
	struct reply reply;
	bool ok;

	if (!daemon_get(d, "vm-list", &reply, e))
		return false;
	/* The name first: a file need not be copied for one that is taken. */
	ok = (c->args->positional_count < 2 && !args_has(c->args, "name")) ||
	     take_name(c, json_member(reply.node, "vms"), e);
	ok = ok && launch_find_image(d, c, c->args->positional[0], e) &&
	     take_name(c, json_member(reply.node, "vms"), e);
	if (ok) {
		creation_choose_ssh_port(c, json_member(reply.node, "vms"), CREATION_SSH_PORT);
		if (!c->key_count && !c->password && !c->user_data &&
		    !args_has(c->args, "no-seed"))
			report_note(c->args, "no SSH key in ~/.ssh and no --password-file: "
				    "nobody will be able to log in unless the image has a "
				    "password");
	}
	reply_free(&reply);
	return ok;
}

/* A VM that was made and did not get as far as it should is not taken away. */
static void tell_remains(struct daemon *d, const struct creation *c)
{
	struct btn_error ignored;
	struct reply reply;
	const struct json_node *vm;

	if (!daemon_get_of(d, "vm-show", "name", c->name, &reply, &ignored))
		return;
	vm = json_member(reply.node, "vm");
	if (vm)
		report_note(c->args, "%s was made and is %s; delete it with: vmctl delete %s%s",
			    c->name, node_string(vm, "state"), c->name,
			    node_is(vm, "state", "stopped") || node_is(vm, "state", "broken") ?
			    "" : " --force");
	reply_free(&reply);
}

static bool launch(struct daemon *d, struct creation *c, struct btn_error *e)
{
	if (!daemon_subscribe(d, e) || !prepare(d, c, e))
		return false;
	if (args_has(c->args, "dry-run")) {
		printf("%s: would be made from the image %s and started\n", c->name, c->image);
		if (c->ssh_port)
			printf("%s: its ssh would be at port %u\n", c->name, c->ssh_port);
		return true;
	}
	c->start = true;
	creation_begin(c, d);
	if (job_run(d, c->args, c->name, e) && wait_ready(d, c, e))
		return args_has(c->args, "no-wait") || tell(d, c, e);
	tell_remains(d, c);
	return false;
}

int launch_run(const struct args *args, struct btn_error *e)
{
	struct args whole = *args;
	enum output_format format;
	struct creation c;
	struct daemon d;
	int timeout_ms, status = BTN_EXIT_FAILED;
	bool ok;

	if (!output_take_format(args, &format, e) || !job_timeout(args, -1, &timeout_ms, e))
		return BTN_EXIT_USAGE;
	interrupt_catch();
	job_share_timeout(&whole);
	ok = creation_take(&c, &whole, e) && daemon_open(&d, e);
	if (ok) {
		ok = launch(&d, &c, e);
		daemon_close(&d);
	}
	if (!ok && *c.name) {
		report_error(args, c.name, e);
		status = interrupt_signal() ? BTN_EXIT_SIGNAL + interrupt_signal() :
			 btn_exit_status(e);
		e->code = BTN_OK; /* it has been said */
	}
	creation_free(&c);
	return ok ? BTN_EXIT_DONE : status;
}
