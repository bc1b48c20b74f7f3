// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a new VM is to be, and vmctl create. See create.h. The daemon checks what it is
 * told; here is what only this side knows: files, and ports that are free.
 */
#include "create.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forward.h"
#include "jobs.h"
#include "lists.h"
#include "node.h"
#include "report.h"
#include "size.h"
#include "ssh_key.h"
#include "verb.h"

#define KEY_FILE_MAX 16384u
#define PASSWORD_FILE_MAX 4096u
#define USER_DATA_MAX (1u << 20)
#define DISK_MIN (1ull << 20)	/* as the daemon's "vm-create" */
#define DISK_MAX (1ull << 46)

/* ---- files ---- */

char *creation_read_file(const char *what, const char *path, size_t max, struct btn_error *e)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *text = malloc(max + 2);
	size_t length;
	int error;

	if (!file || !text) {
		btn_set_file(e, what, path, errno);
		free(text);
		return NULL;
	}
	length = fread(text, 1, max + 1, file);
	error = ferror(file) ? errno : 0;
	if (file != stdin)
		fclose(file);
	text[length] = '\0';
	if (!error && length <= max && strlen(text) == length)
		return text;
	if (error)
		btn_set_file(e, what, path, error);
	else
		btn_set(e, BTN_BAD_VALUE, "the %s \"%.128s\" is no text, or longer than %zu bytes",
			what, path, max);
	free(text);
	return NULL;
}

bool creation_add_key(struct creation *c, const char *text, struct btn_error *e)
{
	if (c->key_count == CREATION_KEYS_MAX) {
		btn_set(e, BTN_SEED, "there are more than %d SSH keys", CREATION_KEYS_MAX);
		return false;
	}
	c->key[c->key_count] = strdup(text);
	if (c->key[c->key_count])
		c->key_count++;
	return true;
}

/* Each line that is no comment is a key; of files that were only found, those of use. */
static bool take_key_file(struct creation *c, const char *path, bool found, struct btn_error *e)
{
	char *text = creation_read_file("SSH key", path, KEY_FILE_MAX, e), *rest;
	bool ok = text;

	if (ok && strstr(text, "PRIVATE KEY")) {
		btn_set(e, BTN_SEED, "\"%.128s\" is a private key", path);
		btn_set_cause(e, "It has to stay secret; a guest gets the public one.");
		btn_set_fix(e, "Give the file beside it: %.128s.pub", path);
		ok = false;
	}
	for (char *line = ok ? strtok_r(text, "\r\n", &rest) : NULL; ok && line;
	     line = strtok_r(NULL, "\r\n", &rest)) {
		const char *word = line + strspn(line, " \t");

		if (*line != '#' && *word && (!found || ssh_key_has_type(word)))
			ok = creation_add_key(c, line, e);
	}
	free(text);
	return ok;
}

static bool take_default_keys(struct creation *c, struct btn_error *e)
{
	const char *home = getenv("HOME");
	char pattern[512];
	glob_t found;
	bool ok = true;

	if (!home || snprintf(pattern, sizeof(pattern), "%s/.ssh/id_*.pub", home) >=
		     (int)sizeof(pattern) || glob(pattern, 0, NULL, &found))
		return true;
	for (size_t i = 0; ok && i < found.gl_pathc; i++)
		ok = take_key_file(c, found.gl_pathv[i], true, e);
	globfree(&found);
	return ok;
}

static bool take_keys(struct creation *c, struct btn_error *e)
{
	const char *path;
	size_t pos = 0;

	while ((path = args_next(c->args, "ssh-key", &pos)))
		if (!take_key_file(c, path, false, e))
			return false;
	return c->key_count || c->user_data || take_default_keys(c, e);
}

static bool take_password(struct creation *c, struct btn_error *e)
{
	const char *path = args_get(c->args, "password-file");

	if (!path)
		return true;
	c->password = creation_read_file("password file", path, PASSWORD_FILE_MAX, e);
	if (!c->password)
		return false;
	c->password[strcspn(c->password, "\r\n")] = '\0';
	if (*c->password)
		return true;
	btn_set(e, BTN_SEED, "the first line of \"%.128s\" is empty", path);
	btn_set_fix(e, "Write the password into it, alone on the first line.");
	return false;
}

static bool take_seed(struct creation *c, struct btn_error *e)
{
	const char *path = args_get(c->args, "user-data");

	if (args_has(c->args, "no-seed"))
		return true;
	if (path) {
		c->user_data = creation_read_file("user-data", path, USER_DATA_MAX, e);
		if (!c->user_data)
			return false;
	}
	return take_password(c, e) && take_keys(c, e);
}

/* ---- network ---- */

static bool add_forward(struct creation *c, const char *text, struct btn_error *e)
{
	size_t used = strlen(c->forwards);
	struct forward f;

	if (!forward_parse(text, &f, e))
		return false;
	if (!c->network) {
		btn_set(e, BTN_BAD_VALUE, "a forward needs a network");
		btn_set_cause(e, "--net none gives the VM no network card.");
		btn_set_fix(e, "Leave --net none out, or the forwards.");
		return false;
	}
	if (f.guest_port == 22 && !f.udp && !c->ssh_port) {
		c->ssh_port = f.host_port;
		forward_reached_at(&f, c->ssh_address);
	}
	if (used + strlen(text) + 2 > sizeof(c->forwards)) {
		btn_set(e, BTN_NET_FULL, "there are too many forwards");
		return false;
	}
	snprintf(c->forwards + used, sizeof(c->forwards) - used, "%s%s", used ? ";" : "", text);
	return true;
}

static bool take_network(struct creation *c, struct btn_error *e)
{
	static const char *const options[] = { "forward", "port" };
	const char *network = args_get(c->args, "net"), *text;

	c->network = !network ? "default" : strcmp(network, "none") ? network : NULL;
	for (size_t i = 0; i < 2; i++) {
		size_t pos = 0;

		while ((text = args_next(c->args, options[i], &pos)))
			if (!add_forward(c, text, e))
				return false;
	}
	return true;
}

void creation_choose_ssh_port(struct creation *c, const struct json_node *vms, uint16_t from)
{
	struct btn_error ignored;
	uint16_t port;
	char text[32];

	if (!c->network || c->ssh_port)
		return;
	port = forward_free_port(vms, from);
	snprintf(text, sizeof(text), "127.0.0.1:%u:22", port);
	if (port)
		add_forward(c, text, &ignored);
}

/* ---- all of it ---- */

static bool take_disk_size(struct creation *c, struct btn_error *e)
{
	const char *text = args_get(c->args, "disk-size");

	if (!text || (!size_parse(text, &c->disk_size) && c->disk_size >= DISK_MIN &&
		      c->disk_size <= DISK_MAX))
		return true;
	btn_set(e, BTN_BAD_VALUE, "--disk-size: a disk cannot have \"%.64s\"", text);
	btn_set_cause(e, "A size is a number with a unit, from 1M to 64T.");
	btn_set_fix(e, "For example: --disk-size 20G");
	return false;
}

bool creation_take(struct creation *c, const struct args *args, struct btn_error *e)
{
	*c = (struct creation){ .args = args };
	return take_disk_size(c, e) && take_network(c, e) && take_seed(c, e);
}

void creation_free(struct creation *c)
{
	while (c->key_count)
		free(c->key[--c->key_count]);
	if (c->password)
		explicit_bzero(c->password, strlen(c->password));
	free(c->password);
	free(c->user_data);
	c->password = c->user_data = NULL;
}

static void put_setting(struct json_out *out, const char *key, const char *value)
{
	char text[2048];

	if (!value || !*value)
		return;
	snprintf(text, sizeof(text), "%s=%s", key, value);
	json_put_string(out, NULL, text);
}

static void put_settings(const struct creation *c, struct json_out *out)
{
	const char *text;
	size_t pos = 0;

	json_put_open(out, "settings", '[');
	put_setting(out, "cpus", args_get(c->args, "cpus"));
	put_setting(out, "memory", args_get(c->args, "memory"));
	put_setting(out, "engine", args_get(c->args, "engine"));
	put_setting(out, "net.0.network", c->network);
	put_setting(out, "net.0.forward", c->forwards);
	while ((text = args_next(c->args, "set", &pos)))
		json_put_string(out, NULL, text);
	json_put_close(out, ']');
}

static void put_seed(const struct creation *c, struct json_out *out)
{
	if (args_has(c->args, "no-seed")) {
		json_put_bool(out, "seed", false);
		return;
	}
	/* Without an image nobody would read keys that were only found lying there. */
	if (!*c->image && !args_has(c->args, "ssh-key") && !args_has(c->args, "user") &&
	    !c->password && !c->user_data)
		return;
	if (args_has(c->args, "user"))
		json_put_string(out, "user", args_get(c->args, "user"));
	if (c->password)
		json_put_string(out, "password", c->password);
	if (c->user_data)
		json_put_string(out, "user_data", c->user_data);
	if (c->user_data || !c->key_count)
		return;
	json_put_open(out, "ssh_keys", '[');
	for (size_t i = 0; i < c->key_count; i++)
		json_put_string(out, NULL, c->key[i]);
	json_put_close(out, ']');
}

void creation_begin(const struct creation *c, struct daemon *d)
{
	daemon_begin(d, "vm-create");
	json_put_string(&d->out, "name", c->name);
	if (*c->image)
		json_put_string(&d->out, "image", c->image);
	if (c->disk_size)
		json_put_int(&d->out, "disk_size", (int64_t)c->disk_size);
	put_settings(c, &d->out);
	put_seed(c, &d->out);
	if (c->start)
		json_put_bool(&d->out, "start", true);
}

/* ---- vmctl create ---- */

static bool is_there(struct daemon *d, const char *name)
{
	struct btn_error ignored;
	struct reply reply;

	if (!daemon_get_of(d, "vm-show", "name", name, &reply, &ignored))
		return false;
	reply_free(&reply);
	return true;
}

static bool create(struct daemon *d, const struct creation *c, struct btn_error *e)
{
	const struct args *args = c->args;

	if (args_has(args, "if-absent") && is_there(d, c->name)) {
		if (!args_has(args, "quiet"))
			printf("%s: is there already\n", c->name);
		return true;
	}
	if (args_has(args, "dry-run")) {
		if (!lists_check(d, &named_vms, c->name, false, e) ||
		    (*c->image && !lists_check(d, &named_images, c->image, true, e)))
			return false;
		printf("%s: would be made%s%s\n", c->name, *c->image ? " from the image " : "",
		       c->image);
		return true;
	}
	if (!daemon_subscribe(d, e))
		return false;
	creation_begin(c, d);
	if (!job_run(d, args, c->name, e))
		return false;
	if (!args_has(args, "quiet") && !args_has(args, "no-wait"))
		printf("%s: made; start it with: vmctl start %s\n", c->name, c->name);
	return true;
}

int create_run(const struct args *args, struct btn_error *e)
{
	const char *image = args_get(args, "image");
	struct creation c;
	struct daemon d;
	bool ok = creation_take(&c, args, e);

	snprintf(c.name, sizeof(c.name), "%s", args->positional[0]);
	snprintf(c.image, sizeof(c.image), "%s", image ? image : "");
	if (ok && strlen(args->positional[0]) >= sizeof(c.name)) {
		btn_set(e, BTN_VM_NAME, "a VM cannot be called \"%.128s\"", args->positional[0]);
		ok = false;
	}
	ok = ok && daemon_open(&d, e);
	if (ok) {
		ok = create(&d, &c, e);
		daemon_close(&d);
	}
	creation_free(&c);
	return ok ? BTN_EXIT_DONE : BTN_EXIT_FAILED;
}
