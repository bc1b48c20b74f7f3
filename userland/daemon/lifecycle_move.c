// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Deleting (into the trash), restoring, purging and renaming VMs: folders are moved by a
 * worker thread, each move survives a crash (bundle.h), then the registry follows.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "file_uses.h"
#include "lifecycle_private.h"
#include "paths.h"

/* A move on its way; `vm` is NULL for what comes out of the trash, or goes from it. */
struct move {
	struct vm *vm;
	struct job *job;
	struct reservation *reservation;	/* of its new name; NULL: none */
	struct config *config;	/* what is to be written there; NULL: nothing */
	GPtrArray *uses;	/* files of VMs, which must not go with it; NULL: looked at */
	char *name;		/* of the VM that goes to the trash */
	char *folder;		/* from where; in the trash: the id */
	char *result;		/* NULL: e */
	struct btn_error e;
	void (*work)(struct move *move);
	void (*finish)(struct move *move);	/* it has worked: the registry follows */
};

static void end_move(struct move *move, const struct btn_error *e)
{
	if (move->vm) {
		lifecycle_end(move->vm, move->job, e);
		vm_unref(move->vm);
	} else {
		job_end(move->job, e);
	}
	lifecycle_release(move->reservation);
	if (move->uses)
		g_ptr_array_unref(move->uses);
	config_free(move->config);
	g_free(move->name);
	g_free(move->folder);
	g_free(move->result);
	g_free(move);
}

static void run_work(GTask *task, void *source, void *data, GCancellable *cancellable)
{
	struct move *move = data;

	(void)source, (void)cancellable;
	move->work(move);
	g_task_return_boolean(task, true);
}

static void on_worked(GObject *source, GAsyncResult *result, void *ctx)
{
	struct move *move = ctx;

	(void)source, (void)result;
	if (move->result)
		move->finish(move);
	end_move(move, move->result ? NULL : &move->e);
}

static void run(struct move *move)
{
	GTask *task = g_task_new(NULL, NULL, on_worked, move);

	g_task_set_task_data(task, move, NULL);
	g_task_run_in_thread(task, run_work);
	g_object_unref(task);
}

static bool check_off(const struct vm *vm, struct btn_error *e)
{
	if (!vm_is_on(vm))
		return true;
	btn_set(e, BTN_VM_ON, "the VM \"%s\" is %s", vm_name(vm), vm_state_word(vm->state));
	btn_set_fix(e, "Shut it down first: vmctl stop %s. To cut its power: vmctl kill %s",
		    vm_name(vm), vm_name(vm));
	return false;
}

static void set_used(struct btn_error *e, const char *name, const struct file_use *use)
{
	bool trashed = strchr(use->owner, '.') != NULL;

	btn_set(e, BTN_DISK_BUSY, "the folder of \"%s\" has a file of \"%s\" in it", name,
		use->owner);
	btn_set_cause(e, "\"%.300s\" is a disk, or another file, of that VM%s.", use->path,
		      trashed ? " in the trash" : "");
	btn_set_fix(e, "Move that file elsewhere and tell the VM, or do without the VM: "
		    "vmctl %s %s", trashed ? "purge" : "delete", use->owner);
}

/* Clones have their disks where those that they were made from have theirs. */
static bool check_unshared(const struct vm *vm, struct btn_error *e)
{
	GPtrArray *uses = file_uses_of_vms(vm_uuid(vm));
	const struct file_use *use = file_uses_below(uses, vm->folder);

	if (use)
		set_used(e, vm_name(vm), use);
	g_ptr_array_unref(uses);
	return !use;
}

/* ---- delete ---- */

static void work_trash(struct move *move)
{
	int fd = bundle_lock(move->folder, &move->e);

	if (fd < 0)
		return;
	move->result = bundle_trash(move->folder, move->name, &move->e);
	close(fd);
}

static void finish_trash(struct move *move)
{
	move->job->note = g_strdup_printf("\"vmctl restore %s\" brings it back",
					  vm_name(move->vm));
	registry_remove(move->vm);
}

static void on_killed(struct job *child, void *ctx)
{
	struct move *move = ctx;

	if (child->error.code == BTN_OK && !vm_is_on(move->vm))
		run(move);
	else
		end_move(move, &child->error);
}

struct job *vm_delete(struct vm *vm, bool force, struct btn_error *e)
{
	struct move *move;
	struct job *ret, *killing;

	if (!lifecycle_check_free(vm, e) || (!force && !check_off(vm, e)) ||
	    !check_unshared(vm, e))
		return NULL;
	move = g_new0(struct move, 1);
	*move = (struct move){ .vm = vm_ref(vm), .job = lifecycle_begin(vm, "delete"),
			       .folder = g_strdup(vm->folder), .work = work_trash,
			       .name = g_strdup(vm_name(vm)), .finish = finish_trash };
	ret = job_ref(move->job);
	if (!vm_is_on(vm)) {
		run(move);
		return ret;
	}
	killing = vm_kill(vm, e);
	job_when_done(killing, on_killed, move);
	job_unref(killing);
	return ret;
}

/* ---- rename ---- */

static void work_rename(struct move *move)
{
	int fd = bundle_lock(move->folder, &move->e);

	if (fd < 0)
		return;
	move->result = bundle_rename(move->folder, move->config, &move->e);
	close(fd);
}

static void finish_rename(struct move *move)
{
	registry_renamed(move->vm, g_steal_pointer(&move->config), move->result);
}

/* `self` (or NULL) may have it, in letters of another case. */
static bool check_new_name(const char *name, const struct vm *self, struct btn_error *e)
{
	const struct vm *other;

	if (!config_check_name(name, e))
		return false;
	other = registry_find(name, NULL);
	if (!other || other == self)
		return true;
	btn_set(e, BTN_VM_EXISTS, "there is a VM \"%s\" already", name);
	return false;
}

struct job *vm_rename(struct vm *vm, const char *name, struct btn_error *e)
{
	struct reservation *reservation;
	struct move *move;
	struct job *ret;

	if (!strcmp(vm_name(vm), name))
		return job_ended("rename", name, vm_uuid(vm), "it has that name already");
	if (!lifecycle_check_sound(vm, e) || !check_off(vm, e) || !lifecycle_check_free(vm, e) ||
	    !check_new_name(name, vm, e) || !check_unshared(vm, e))
		return NULL;
	reservation = lifecycle_reserve(name, NULL, NULL, e);
	if (!reservation)
		return NULL;
	move = g_new0(struct move, 1);
	*move = (struct move){ .vm = vm_ref(vm), .job = lifecycle_begin(vm, "rename"),
			       .config = config_copy(vm->config), .work = work_rename,
			       .folder = g_strdup(vm->folder), .finish = finish_rename,
			       .reservation = reservation };
	g_free(move->config->name);
	move->config->name = g_strdup(name);
	ret = job_ref(move->job);
	run(move);
	return ret;
}

/* ---- the trash ---- */

static void free_item(void *data)
{
	struct trash_item *item = data;

	g_free(item->id);
	g_free(item->name);
	g_free(item->uuid);
	g_free(item->image);
	g_free(item);
}

/* NAME.MICROSECONDS: its name and when it was put there. NULL: the folder is something else. */
static char *parse_id(const char *id, int64_t *ret_us)
{
	const char *dot = strrchr(id, '.');
	struct btn_error e;
	char *end, *name;

	*ret_us = dot ? strtoll(dot + 1, &end, 10) : 0;
	if (!dot || dot == id || id[0] == '.' || *end || *ret_us <= 0)
		return NULL;
	name = g_strndup(id, (size_t)(dot - id));
	if (config_check_name(name, &e))
		return name;
	g_free(name);
	return NULL;
}

static struct trash_item *read_item(const char *id, bool with_bytes)
{
	struct trash_item *item;
	struct config *config;
	struct btn_error e;
	int64_t time_us;
	char *folder, *name = parse_id(id, &time_us);

	if (!name)
		return NULL;
	folder = g_build_filename(paths.trash, id, NULL);
	config = config_load(folder, &e);
	item = g_new0(struct trash_item, 1);
	*item = (struct trash_item){ .id = g_strdup(id), .name = name,
				     .uuid = g_strdup(config ? config->uuid : ""),
				     .image = g_strdup(config ? config->image : NULL),
				     .deleted_us = time_us,
				     .bytes = with_bytes ? bundle_bytes(folder) : 0 };
	config_free(config);
	g_free(folder);
	return item;
}

static int newest_first(const void *a, const void *b)
{
	const struct trash_item *left = *(const struct trash_item *const *)a;
	const struct trash_item *right = *(const struct trash_item *const *)b;

	return left->deleted_us < right->deleted_us ? 1 : left->deleted_us > right->deleted_us ?
									   -1 : 0;
}

GPtrArray *trash_list(bool with_bytes)
{
	GPtrArray *items = g_ptr_array_new_with_free_func(free_item);
	GDir *dir = g_dir_open(paths.trash, 0, NULL);
	struct trash_item *item;
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		if ((item = read_item(name, with_bytes)))
			g_ptr_array_add(items, item);
	if (dir)
		g_dir_close(dir);
	g_ptr_array_sort(items, newest_first);
	return items;
}

/* By names of folders alone: of many VMs in the trash, each asks for itself. */
static char *find_item(const char *what, struct btn_error *e)
{
	GDir *dir = g_dir_open(paths.trash, 0, NULL);
	char *found = NULL, *name;
	int64_t time_us, newest = 0;
	const char *id;

	while (dir && (id = g_dir_read_name(dir))) {
		name = parse_id(id, &time_us);
		if (name && !strcmp(id, what))
			time_us = INT64_MAX;
		if (name && time_us > newest &&
		    (time_us == INT64_MAX || !g_ascii_strcasecmp(name, what))) {
			g_free(found);
			found = g_strdup(id);
			newest = time_us;
		}
		g_free(name);
	}
	if (dir)
		g_dir_close(dir);
	if (!found)
		btn_set(e, BTN_NO_SUCH_TRASH, "the trash has no VM \"%.64s\"", what);
	return found;
}

static void work_restore(struct move *move)
{
	move->result = bundle_restore(move->folder, move->config, &move->e);
}

static void finish_restore(struct move *move)
{
	registry_add(g_steal_pointer(&move->config), move->result);
}

static struct config *config_of_item(const char *id, const char *new_name, struct btn_error *e)
{
	char *folder = g_build_filename(paths.trash, id, NULL);
	struct config *config = config_load(folder, e);

	g_free(folder);
	if (config && new_name) {
		g_free(config->name);
		config->name = g_strdup(new_name);
	}
	if (config && (!check_new_name(config->name, NULL, e) ||
		       registry_find_uuid(config->uuid))) {
		if (registry_find_uuid(config->uuid))
			btn_set(e, BTN_VM_EXISTS, "the VM \"%s\" is there already", config->name);
		else
			btn_set_fix(e, "Restore it under another name: "
				    "vmctl restore %.64s NEW-NAME", id);
		config_free(config);
		config = NULL;
	}
	return config;
}

struct job *trash_restore(const char *what, const char *new_name, struct btn_error *e)
{
	char *id = find_item(what, e);
	struct config *config = id ? config_of_item(id, new_name, e) : NULL;
	struct reservation *reservation = NULL;
	struct move *move;
	struct job *ret;

	if (config)
		reservation = lifecycle_reserve(config->name, config->uuid, config->image, e);
	if (!reservation) {
		config_free(config);
		g_free(id);
		return NULL;
	}
	move = g_new0(struct move, 1);
	*move = (struct move){ .job = job_new("restore", config->name, config->uuid),
			       .config = config, .folder = id, .work = work_restore,
			       .finish = finish_restore, .reservation = reservation };
	ret = job_ref(move->job);
	run(move);
	return ret;
}

/* By now its folder has another name than in the definitions that name files in it. */
static bool check_item_unshared(struct move *move)
{
	char *name = g_strndup(move->folder, (gsize)(strrchr(move->folder, '.') - move->folder));
	char *was = g_build_filename(paths.vms, name, NULL);
	char *now = g_build_filename(paths.trash, move->folder, NULL);
	const struct file_use *use;

	file_uses_add_trash(move->uses, move->folder, was);
	use = file_uses_below(move->uses, now);
	if (!use)
		use = file_uses_moved(move->uses, was, now);
	if (use)
		set_used(&move->e, move->folder, use);
	g_free(name);
	g_free(was);
	g_free(now);
	return !use;
}

static void work_purge(struct move *move)
{
	if (check_item_unshared(move) &&
	    bundle_purge(move->folder, move->job->cancellable, &move->e))
		move->result = g_strdup(move->folder);
}

static void finish_purge(struct move *move)
{
	(void)move;
}

struct job *trash_purge(const char *what, struct btn_error *e)
{
	char *id = find_item(what, e);
	struct move *move;
	struct job *ret;

	if (!id)
		return NULL;
	move = g_new0(struct move, 1);
	*move = (struct move){ .job = job_new("purge", id, NULL), .folder = id,
			       .uses = file_uses_of_vms(NULL),
			       .work = work_purge, .finish = finish_purge };
	ret = job_ref(move->job);
	run(move);
	return ret;
}
