// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All VMs of the user, sorted by name: reading their folders at the start, finding them,
 * and what changes in the list. See vm.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "events.h"
#include "files.h"
#include "lib/suggest.h"
#include "paths.h"
#include "vm.h"

#define ATTACH_MS 10000

static GPtrArray *vms; /* of struct vm, by name */

static int by_name(const void *a, const void *b)
{
	const struct vm *left = *(const struct vm *const *)a, *right = *(const struct vm *const *)b;

	return g_ascii_strcasecmp(vm_name(left), vm_name(right));
}

/* Remembers which vm.conf it is that the VM was read from, or written to. */
static void stamp(struct vm *vm)
{
	char *path = vm_file(vm, "vm.conf");

	if (lstat(path, &vm->conf))
		memset(&vm->conf, 0, sizeof(vm->conf));
	g_free(path);
}

static struct vm *new_vm(struct config *config, const char *folder)
{
	struct vm *vm = g_new0(struct vm, 1);

	vm->config = config;
	vm->folder = g_strdup(folder);
	vm->id = -1;
	vm->refs = 1;
	vm->since_us = g_get_real_time();
	stamp(vm);
	g_ptr_array_add(vms, vm);
	g_ptr_array_sort(vms, by_name);
	return vm;
}

struct vm *registry_add(struct config *config, const char *folder)
{
	struct vm *vm = new_vm(config, folder);

	events_post_vm(EVENT_VM_ADDED, vm);
	return vm;
}

void registry_remove(struct vm *vm)
{
	events_post_vm(EVENT_VM_REMOVED, vm);
	g_ptr_array_remove(vms, vm); /* and its reference */
}

void registry_renamed(struct vm *vm, struct config *config, const char *folder)
{
	struct event event = { .type = EVENT_VM_RENAMED, .id = vm->id, .state = vm->state,
			       .old_state = vm->state, .reason = vm->reason };

	g_strlcpy(event.old_name, vm_name(vm), sizeof(event.old_name));
	config_free(vm->config);
	vm->config = config;
	g_free(vm->folder);
	vm->folder = g_strdup(folder);
	stamp(vm);
	g_ptr_array_sort(vms, by_name);
	g_strlcpy(event.name, vm_name(vm), sizeof(event.name));
	g_strlcpy(event.uuid, vm_uuid(vm), sizeof(event.uuid));
	events_post(&event);
}

/* A worker moves the folder, and with a new name writes vm.conf, too. */
static bool check_not_moved(const struct vm *vm, struct btn_error *e)
{
	if (!vm->job || (strcmp(vm->job->kind, "delete") && strcmp(vm->job->kind, "rename")))
		return true;
	btn_set(e, BTN_VM_BUSY, "the VM \"%s\" is busy", vm_name(vm));
	btn_set_cause(e, "Job %" G_GUINT64_FORMAT " (%s) changes it at this moment.", vm->job->id,
		      vm->job->kind);
	return false;
}

static bool is_edited(const struct vm *vm)
{
	char *path = vm_file(vm, "vm.conf");
	struct stat st;

	if (lstat(path, &st))
		memset(&st, 0, sizeof(st));
	g_free(path);
	return st.st_ino != vm->conf.st_ino || st.st_size != vm->conf.st_size ||
	       st.st_mtim.tv_sec != vm->conf.st_mtim.tv_sec ||
	       st.st_mtim.tv_nsec != vm->conf.st_mtim.tv_nsec;
}

/* What its owner has written there, and is not known here, is not written over. */
static bool check_not_edited(const struct vm *vm, struct btn_error *e)
{
	if (vm->state == VM_BROKEN) {
		*e = vm->problem;
		return false;
	}
	/* Edits while it is on are lost, as the README says. */
	if (vm_is_on(vm) || !is_edited(vm))
		return true;
	btn_set(e, BTN_VM_BUSY, "the definition of \"%s\" has just been edited", vm_name(vm));
	btn_set_cause(e, "Its vm.conf is not the one that the change was made from.");
	btn_set_fix(e, "Try again: it is read anew then.");
	return false;
}

static void take_config(struct vm *vm, struct config *config)
{
	config_free(vm->config);
	vm->config = config;
	if (vm->state == VM_BROKEN) {
		vm->problem.code = BTN_OK;
		vm_set_state(vm, VM_STOPPED, VM_REASON_NONE);
	}
	events_post_vm(EVENT_VM_CHANGED, vm);
}

bool vm_set_config(struct vm *vm, struct config *config, struct btn_error *e)
{
	if (!check_not_moved(vm, e) || !check_not_edited(vm, e) ||
	    !config_save(config, vm->folder, e)) {
		config_free(config);
		return false;
	}
	stamp(vm);
	take_config(vm, config);
	return true;
}

/* ---- finding ---- */

struct vm *registry_find_uuid(const char *uuid)
{
	for (unsigned int i = 0; i < vms->len; i++)
		if (!g_ascii_strcasecmp(vm_uuid(vms->pdata[i]), uuid))
			return vms->pdata[i];
	return NULL;
}

struct vm *registry_find_id(int id)
{
	for (unsigned int i = 0; i < vms->len; i++)
		if (id > 0 && ((struct vm *)vms->pdata[i])->id == id)
			return vms->pdata[i];
	return NULL;
}

static void set_not_found(const char *name, struct btn_error *e)
{
	const char **names = g_new(const char *, vms->len + 1), *near;

	for (unsigned int i = 0; i < vms->len; i++)
		names[i] = vm_name(vms->pdata[i]);
	near = suggest(name, names, vms->len);
	btn_set(e, BTN_NO_SUCH_VM, "there is no VM \"%.64s\"", name);
	if (near)
		btn_set_fix(e, "Did you mean \"%s\"? \"vmctl list\" shows all.", near);
	g_free(names);
}

struct vm *registry_find(const char *name, struct btn_error *e)
{
	struct vm *vm;

	for (unsigned int i = 0; i < vms->len; i++)
		if (!g_ascii_strcasecmp(vm_name(vms->pdata[i]), name))
			return vms->pdata[i];
	vm = registry_find_uuid(name);
	if (!vm && e)
		set_not_found(name, e);
	return vm;
}

unsigned int registry_count(void)
{
	return vms->len;
}

void registry_each(void (*fn)(struct vm *vm, void *ctx), void *ctx)
{
	GPtrArray *now = g_ptr_array_new_with_free_func((GDestroyNotify)vm_unref);

	for (unsigned int i = 0; i < vms->len; i++)
		g_ptr_array_add(now, vm_ref(vms->pdata[i]));
	for (unsigned int i = 0; i < now->len; i++)
		fn(now->pdata[i], ctx);
	g_ptr_array_unref(now);
}

/* ---- the start ---- */

/* What the run began with; NULL: lost. */
static struct config *load_live(const char *folder)
{
	char *path = g_build_filename(folder, "live.conf", NULL);
	struct btn_error ignored;
	struct config *live;
	size_t length;
	char *text = files_read("definition", path, CONFIG_FILE_MAX, &length, &ignored);

	live = text ? config_parse(text, length, &ignored) : NULL;
	g_free(text);
	g_free(path);
	return live;
}

/* Its monitor lives: it was started with live.conf, unless that is lost. */
static void attach_running(struct vm *vm)
{
	char *log = vm_file(vm, "monitor.log");
	struct config *live = load_live(vm->folder);
	struct stat st;

	vm_begin_run(vm);
	/* It has not ended, so that errors that are there are of other runs. */
	vm->log_start = lstat(log, &st) ? 0 : st.st_size;
	g_free(log);
	if (live) {
		config_free(vm->live);
		vm->live = live;
	}
	vm_attach(vm, ATTACH_MS);
}

static bool is_running(const char *folder)
{
	struct btn_error e = { .code = BTN_OK };
	int fd = bundle_lock(folder, &e);

	if (fd >= 0)
		close(fd);
	return fd < 0 && e.code == BTN_VM_ON;
}

/*
 * A folder whose vm.conf cannot be read is shown, so that it can be mended or deleted. If
 * it runs, it is what it was started as; vm_refresh() finds the file out when it has ended.
 */
static void load_broken(const char *name, const char *folder, const struct btn_error *e)
{
	struct config *live = is_running(folder) ? load_live(folder) : NULL;
	bool runs = live && !strcmp(live->name, name) && !registry_find_uuid(live->uuid);
	struct vm *vm = new_vm(runs ? live : config_new(name), folder);

	if (runs) {
		memset(&vm->conf, 0, sizeof(vm->conf));
		attach_running(vm);
		return;
	}
	config_free(live);
	vm->state = VM_BROKEN;
	vm->problem = *e;
}

/* The folder's vm.conf, of a VM of this name; `self` (or NULL) is the one it is now. */
static struct config *load(const char *folder, const char *name, const struct vm *self,
			   struct btn_error *e)
{
	struct config *config = config_load(folder, e);
	const struct vm *other;
	char *uuid;

	if (config && strcmp(config->name, name)) {
		/* Copied or moved by hand: the folder's name is what people see. */
		g_free(config->name);
		config->name = g_strdup(name);
	}
	other = config ? registry_find_uuid(config->uuid) : NULL;
	if (!other || other == self)
		return config;
	btn_set(e, BTN_VM_CONFIG, "the VM \"%s\" has the UUID of another one", name);
	btn_set_cause(e, "Its folder is a copy: both say uuid = %s.", config->uuid);
	uuid = g_uuid_string_random();
	btn_set_fix(e, "Change that line of %.300s/vm.conf: uuid = %s", folder, uuid);
	g_free(uuid);
	config_free(config);
	return NULL;
}

void vm_refresh(struct vm *vm)
{
	struct btn_error e;
	struct config *config;

	if (vm_is_on(vm) || vm->job || !is_edited(vm))
		return;
	stamp(vm);
	config = load(vm->folder, vm_name(vm), vm, &e);
	if (config) {
		take_config(vm, config);
		return;
	}
	vm->problem = e;
	vm_set_state(vm, VM_BROKEN, VM_REASON_NONE);
}

static void load_folder(const char *name)
{
	char *folder = g_build_filename(paths.vms, name, NULL);
	char *conf = g_build_filename(folder, "vm.conf", NULL);
	struct btn_error e = { .code = BTN_OK };
	struct config *config;
	struct stat st;
	struct vm *vm;

	if (name[0] == '.' || lstat(folder, &st) || !S_ISDIR(st.st_mode) || lstat(conf, &st) ||
	    !config_check_name(name, &e))
		goto out;
	config = load(folder, name, NULL, &e);
	if (!config) {
		load_broken(name, folder, &e);
		goto out;
	}
	vm = new_vm(config, folder);
	if (is_running(folder))
		attach_running(vm);
out:
	g_free(folder);
	g_free(conf);
}

bool registry_load(struct btn_error *e)
{
	GDir *dir = g_dir_open(paths.vms, 0, NULL);
	const char *name;

	vms = g_ptr_array_new_with_free_func((GDestroyNotify)vm_unref);
	if (!dir) {
		btn_set(e, BTN_DAEMON_FAILED, "the folder \"%.200s\" cannot be read", paths.vms);
		return false;
	}
	while ((name = g_dir_read_name(dir)))
		load_folder(name);
	g_dir_close(dir);
	return true;
}

void registry_free(void)
{
	g_ptr_array_unref(vms);
	vms = NULL;
}
