// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmctl image list, add, import, verify and remove.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "check.h"
#include "interrupt.h"
#include "lists.h"
#include "node.h"
#include "report.h"
#include "verb.h"

static const struct output_column image_columns[] = {
	{ "name", NULL, "NAME", OUT_TEXT },
	{ "format", NULL, "FORMAT", OUT_TEXT },
	{ "size", NULL, "DISK SIZE", OUT_BYTES },
	{ "on_disk", NULL, "ON DISK", OUT_BYTES },
	{ "user", NULL, "USER", OUT_TEXT },
	{ "users", NULL, "VMS", OUT_TEXT },
	{ "added", NULL, "ADDED", OUT_TIME },
	{ "source", NULL, NULL, OUT_TEXT },
	{ "sha256", NULL, NULL, OUT_TEXT },
	{ NULL, NULL, NULL, OUT_TEXT },
};

static bool list(struct daemon *d, struct output *o, struct btn_error *e)
{
	struct targets t;
	bool ok = true;

	if (!targets_list(d, &target_images, o->args, &t, e))
		return false;
	for (size_t i = 0; ok && i < t.count; i++)
		ok = output_add(o, t.node[i], NULL, e);
	if (ok && !t.count && o->format == FORMAT_TABLE)
		report_note(o->args, "there are no images yet; add one: vmctl image add NAME FILE");
	else if (ok)
		output_end(o);
	targets_free(&t);
	return ok;
}

int image_list_run(const struct args *args, struct btn_error *e)
{
	struct daemon d;
	struct output o;
	bool ok;

	if (!output_start(&o, args, image_columns, "images", e) || !daemon_open(&d, e))
		return BTN_EXIT_FAILED;
	ok = list(&d, &o, e);
	daemon_close(&d);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}

/* ---- add, import ---- */

static bool add(struct daemon *d, const struct args *args, const char *op, const char *path,
		struct btn_error *e)
{
	const char *name = args->positional[0];

	if (args_has(args, "dry-run")) {
		if (!lists_check(d, &named_images, name, false, e))
			return false;
		printf("%s: would be added from %s\n", name, path);
		return true;
	}
	if (!daemon_subscribe(d, e))
		return false;
	daemon_begin(d, op);
	json_put_string(&d->out, "image", name);
	json_put_string(&d->out, "path", path);
	if (args_has(args, "sha256"))
		json_put_string(&d->out, "sha256", args_get(args, "sha256"));
	if (args_has(args, "user"))
		json_put_string(&d->out, "user", args_get(args, "user"));
	if (!job_run(d, args, name, e))
		return false;
	if (!args_has(args, "quiet") && !args_has(args, "no-wait"))
		printf("%s: added; start a VM from it: vmctl launch %s\n", name, name);
	return true;
}

static int add_with(const struct args *args, const char *op, struct btn_error *e)
{
	const char *sha256 = args_get(args, "sha256");
	char path[PATH_MAX];
	struct daemon d;
	bool ok;

	if (sha256 && (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdefABCDEF") != 64)) {
		btn_set(e, BTN_BAD_VALUE, "--sha256: \"%.70s\" is no SHA-256", sha256);
		btn_set_cause(e, "It has 64 digits of 0 to 9 and a to f.");
		btn_set_fix(e, "Copy it from where the image came from.");
		return BTN_EXIT_USAGE;
	}
	if (strchr(args->positional[0], '/')) {
		btn_set(e, BTN_BAD_VALUE, "an image cannot be called \"%.128s\"",
			args->positional[0]);
		btn_set_cause(e, "The name comes first, then the file.");
		btn_set_fix(e, "Did you mean: vmctl %s %.64s %.200s", args->verb->name,
			    args->positional[1], args->positional[0]);
		return BTN_EXIT_USAGE;
	}
	if (!check_file("image", args->positional[1], e))
		return BTN_EXIT_FAILED;
	if (!realpath(args->positional[1], path)) {
		btn_set(e, BTN_FILE_MISSING, "the image \"%.128s\" is missing",
			args->positional[1]);
		return BTN_EXIT_FAILED;
	}
	if (!daemon_open(&d, e))
		return BTN_EXIT_FAILED;
	interrupt_catch();
	ok = add(&d, args, op, path, e);
	daemon_close(&d);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}

int image_add_run(const struct args *args, struct btn_error *e)
{
	return add_with(args, "image-add", e);
}

int image_import_run(const struct args *args, struct btn_error *e)
{
	return add_with(args, "image-import", e);
}

/* ---- verify, remove ---- */

int image_verify_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_images, .op = "image-verify", .member = "image",
		.doing = "compare its hash", .done = "is as it was when it was added",
	};

	interrupt_catch();
	return batch_run(args, &batch, e);
}

static bool can_remove(const struct args *args, const struct json_node *image,
		       struct btn_error *e)
{
	const struct json_node *users = json_member(image, "users");

	(void)args;
	if (users && users->type == JSON_ARRAY && users->count)
		btn_set_default(e, BTN_IMAGE_IN_USE);
	return e->code == BTN_OK;
}

int image_remove_run(const struct args *args, struct btn_error *e)
{
	static const struct batch batch = {
		.kind = &target_images, .op = "image-remove", .member = "image",
		.doing = "remove it", .done = "removed", .can = can_remove,
		.question = "Remove %s from the store of images for good?",
	};

	return batch_run(args, &batch, e);
}
