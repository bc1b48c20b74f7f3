// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on one VM, and the list of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api_private.h"
#include "lifecycle.h"

static void put_vm(struct vm *vm, void *ctx)
{
	vm_refresh(vm);
	api_put_vm(ctx, NULL, vm);
}

bool api_do_vm_list(struct rpc_request *r)
{
	json_put_open(r->out, "vms", '[');
	registry_each(put_vm, r->out);
	json_put_close(r->out, ']');
	return true;
}

static void put_setting(const char *key, const char *value, void *ctx)
{
	json_put_string(ctx, key, value);
}

static void put_disks(struct json_out *out, const struct vm *vm)
{
	json_put_open(out, "disks", '[');
	for (unsigned int i = 0; i < vm->config->disk_count; i++) {
		const char *file = vm->config->disk[i].file;
		char *path = g_path_is_absolute(file) ? g_strdup(file) : vm_file(vm, file);
		struct stat st;
		bool there = !stat(path, &st);

		json_put_open(out, NULL, '{');
		json_put_string(out, "file", path);
		json_put_bool(out, "readonly", vm->config->disk[i].readonly);
		if (there)
			json_put_int(out, "on_disk", (int64_t)st.st_blocks * 512);
		else
			json_put_string(out, "on_disk", NULL);
		json_put_close(out, '}');
		g_free(path);
	}
	json_put_close(out, ']');
}

bool api_do_vm_show(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);

	if (!vm)
		return false;
	api_put_vm(r->out, "vm", vm);
	json_put_open(r->out, "settings", '{');
	config_each(vm->config, put_setting, r->out);
	json_put_close(r->out, '}');
	put_disks(r->out, vm);
	return true;
}

/* ---- settings ---- */

static bool key_is_live(const char *key)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(keys[i].key, key))
			return keys[i].live;
	return false;
}

static bool apply(struct config *config, const struct json_node *list, struct btn_error *e)
{
	const struct json_node *text = NULL;

	while ((text = json_next(list, text))) {
		const char *equals = strchr(text->string, '=');
		char *key;
		bool ok;

		if (!equals || equals == text->string) {
			btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is not of the form KEY=VALUE",
				text->string);
			return false;
		}
		key = g_strndup(text->string, (size_t)(equals - text->string));
		ok = config_set(config, key, equals + 1, e);
		g_free(key);
		if (!ok)
			return false;
	}
	return config_check(config, e);
}

static void put_keys(struct rpc_request *r, const char *member, const struct json_node *list,
		     bool live, bool on)
{
	const struct json_node *text = NULL;

	json_put_open(r->out, member, '[');
	while ((text = json_next(list, text))) {
		char *key = g_strndup(text->string, strcspn(text->string, "="));

		if ((!on || key_is_live(key)) == live)
			json_put_string(r->out, NULL, key);
		g_free(key);
	}
	json_put_close(r->out, ']');
}

/* Else its definition would be replaced by an empty one. */
bool api_check_sound(const struct vm *vm, struct btn_error *e)
{
	if (vm->state != VM_BROKEN)
		return true;
	*e = vm->problem;
	return false;
}

bool api_do_vm_set(struct rpc_request *r)
{
	const struct json_node *list = json_member(r->object, "settings");
	struct vm *vm = api_vm(r);
	struct config *config;

	if (!vm || !api_check_sound(vm, r->e))
		return false;
	config = config_copy(vm->config);
	if (!apply(config, list, r->e)) {
		config_free(config);
		return false;
	}
	if (api_flag(r, "check"))
		config_free(config);
	else if (!vm_set_config(vm, config, r->e))
		return false;
	put_keys(r, "now", list, true, vm_is_on(vm));
	put_keys(r, "next_start", list, false, vm_is_on(vm));
	return true;
}

/* ---- what a VM can be told ---- */

bool api_do_vm_start(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);

	return vm && api_put_started(r, vm_start(vm, api_flag(r, "paused"), r->e));
}

bool api_do_vm_stop(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);
	int64_t timeout = api_number(r, "timeout_s", STOP_TIMEOUT_DEFAULT);

	return vm && api_put_started(r, vm_stop(vm, (unsigned int)timeout, api_flag(r, "force"),
						r->e));
}

bool api_do_vm_kill(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);

	return vm && api_put_started(r, vm_kill(vm, r->e));
}

bool api_do_vm_restart(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);
	int64_t timeout = api_number(r, "timeout_s", STOP_TIMEOUT_DEFAULT);

	return vm && api_put_started(r, vm_restart(vm, (unsigned int)timeout,
						   api_flag(r, "force"), r->e));
}

bool api_do_vm_reset(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);

	return vm && api_put_started(r, vm_reset(vm, r->e));
}

bool api_do_vm_pause(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);

	return vm && api_put_started(r, vm_pause(vm, r->e));
}

bool api_do_vm_resume(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);

	return vm && api_put_started(r, vm_resume(vm, r->e));
}

bool api_do_vm_delete(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);

	return vm && api_put_started(r, vm_delete(vm, api_flag(r, "force"), r->e));
}

bool api_do_vm_rename(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);

	return vm && api_put_started(r, vm_rename(vm, api_text(r, "new_name"), r->e));
}

/* ---- descriptors ---- */

bool api_do_vm_monitor(struct rpc_request *r)
{
	struct vm *vm = api_vm(r);

	if (!vm)
		return false;
	if (!vm->monitor || vm->state == VM_STARTING) {
		btn_set(r->e, BTN_VM_OFF, "the VM \"%s\" is not running", vm_name(vm));
		btn_set_fix(r->e, "Start it: vmctl start %s", vm_name(vm));
		return false;
	}
	r->fd = monitor_connect(vm->monitor, r->e);
	return r->fd >= 0;
}

bool api_do_vm_log(struct rpc_request *r)
{
	const char *which = api_text(r, "log");
	struct vm *vm = api_vm(r);
	char *path;

	if (!vm)
		return false;
	if (which && strcmp(which, "monitor") && strcmp(which, "serial")) {
		btn_set(r->e, BTN_BAD_VALUE, "a VM has no log \"%.32s\"", which);
		btn_set_cause(r->e, "Logs are \"monitor\" and \"serial\".");
		return false;
	}
	path = vm_file(vm, which && !strcmp(which, "serial") ? "serial.log" : "monitor.log");
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (r->fd < 0) {
		btn_set_file(r->e, "log", path, errno);
		if (errno == ENOENT)
			btn_set_cause(r->e, "The VM has never been started.");
	}
	json_put_string(r->out, "path", path);
	g_free(path);
	return r->fd >= 0;
}
