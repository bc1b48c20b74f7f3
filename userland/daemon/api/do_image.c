// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations on the store of images: worker threads do them, jobs tell of them.
 */
#include <string.h>

#include "api/api_private.h"
#include "daemon.h"
#include "events.h"
#include "file_uses.h"
#include "lifecycle.h"

struct image_work {
	struct job *job;
	char *name, *path, *sha256, *user;
	GPtrArray *users;	/* names of VMs, for remove */
	GPtrArray *uses;	/* files that may be based on it, likewise */
	bool (*work)(struct image_work *work, const struct images_job *job);
	enum event_type event;	/* when it has worked; EVENT_JOB_ENDED: none */
	bool ok;
	struct btn_error e;
};

static void free_work(struct image_work *work)
{
	g_free(work->name);
	g_free(work->path);
	g_free(work->sha256);
	g_free(work->user);
	if (work->users)
		g_ptr_array_unref(work->users);
	if (work->uses)
		g_ptr_array_unref(work->uses);
	g_free(work);
}

static void on_progress(void *data, const char *step, uint64_t done, uint64_t total)
{
	job_progress(data, total ? (unsigned int)(done * 100 / total) : 0, step);
}

static void run_work(GTask *task, void *source, void *data, GCancellable *cancellable)
{
	struct image_work *work = data;
	struct images_job job = { .cancel = work->job->cancellable, .progress = on_progress,
				  .data = work->job };

	(void)source, (void)cancellable;
	work->ok = work->work(work, &job);
	g_task_return_boolean(task, work->ok);
}

static void on_worked(GObject *source, GAsyncResult *result, void *ctx)
{
	struct image_work *work = ctx;

	(void)source, (void)result;
	if (!work->ok && g_cancellable_is_cancelled(work->job->cancellable))
		btn_set(&work->e, BTN_JOB_CANCELLED, "the job on the image \"%s\" was cancelled",
			work->name);
	if (work->ok && work->event != EVENT_JOB_ENDED)
		events_post_name(work->event, work->name);
	job_end(work->job, work->ok ? NULL : &work->e);
	free_work(work);
}

static bool start(struct rpc_request *r, const char *kind, enum event_type event,
		  bool (*fn)(struct image_work *work, const struct images_job *job),
		  struct image_work **ret_work)
{
	const char *name = api_text(r, "image");
	struct image_work *work;

	if (!images_check_name(name, r->e))
		return false;
	work = g_new0(struct image_work, 1);
	*work = (struct image_work){
		.job = job_new(kind, name, NULL), .name = g_strdup(name), .work = fn,
		.path = g_strdup(api_text(r, "path")), .sha256 = g_strdup(api_text(r, "sha256")),
		.user = g_strdup(api_text(r, "user")), .event = event,
	};
	*ret_work = work;
	json_put_int(r->out, "job", (int64_t)work->job->id);
	return true;
}

static bool run(struct image_work *work)
{
	GTask *task = g_task_new(NULL, NULL, on_worked, work);

	g_task_set_task_data(task, work, NULL);
	g_task_run_in_thread(task, run_work);
	g_object_unref(task);
	return true;
}

/* ---- add, import, verify ---- */

static bool take(struct image_work *work, const struct images_job *job,
		 struct base_image *(*fn)(struct images *images, const struct images_add *what,
					  const struct images_job *job, struct btn_error *e))
{
	struct images_add what = { .name = work->name, .path = work->path,
				   .sha256 = work->sha256, .user = work->user };
	struct base_image *image = fn(image_store, &what, job, &work->e);

	base_image_free(image);
	return image;
}

static bool work_add(struct image_work *work, const struct images_job *job)
{
	return take(work, job, images_add);
}

static bool work_import(struct image_work *work, const struct images_job *job)
{
	return take(work, job, images_import);
}

static bool check_path(struct rpc_request *r)
{
	if (g_path_is_absolute(api_text(r, "path")))
		return true;
	btn_set(r->e, BTN_BAD_VALUE, "the path \"%.200s\" is not absolute", api_text(r, "path"));
	btn_set_cause(r->e, "The daemon does not know the folder that it is relative to.");
	return false;
}

bool api_do_image_add(struct rpc_request *r)
{
	struct image_work *work;

	return check_path(r) && start(r, "image-add", EVENT_IMAGE_ADDED, work_add, &work) &&
	       run(work);
}

bool api_do_image_import(struct rpc_request *r)
{
	struct image_work *work;

	return check_path(r) && start(r, "image-import", EVENT_IMAGE_ADDED, work_import, &work) &&
	       run(work);
}

static bool work_verify(struct image_work *work, const struct images_job *job)
{
	return images_verify(image_store, work->name, job, &work->e);
}

bool api_do_image_verify(struct rpc_request *r)
{
	struct image_work *work;

	return start(r, "image-verify", EVENT_JOB_ENDED, work_verify, &work) && run(work);
}

/* ---- remove ---- */

struct users {
	const char *image;
	GPtrArray *names;
};

static void find_user(struct vm *vm, void *ctx)
{
	struct users *users = ctx;

	if (!g_strcmp0(vm->config->image, users->image))
		g_ptr_array_add(users->names, g_strdup(vm_name(vm)));
}

/* Names of the VMs whose disk is on top of it, also of those in the trash: `items`. */
static GPtrArray *users_of(const char *image, GPtrArray *items)
{
	struct users users = { .image = image, .names = g_ptr_array_new_with_free_func(g_free) };
	const char *coming = lifecycle_image_user(image);

	registry_each(find_user, &users);
	if (coming)
		g_ptr_array_add(users.names, g_strdup(coming));
	for (unsigned int i = 0; i < items->len; i++) {
		const struct trash_item *item = items->pdata[i];

		if (!g_strcmp0(item->image, image))
			g_ptr_array_add(users.names, g_strdup(item->id));
	}
	return users.names;
}

static const char *first_user(void *data, const char *path)
{
	struct image_work *work = data;

	return work->users->len ? work->users->pdata[0] : file_uses_based_on(work->uses, path);
}

static bool work_remove(struct image_work *work, const struct images_job *job)
{
	(void)job;
	file_uses_add_trash(work->uses, NULL, NULL);
	return images_remove(image_store, work->name, first_user, work, &work->e);
}

bool api_do_image_remove(struct rpc_request *r)
{
	struct image_work *work;
	GPtrArray *items;

	if (!start(r, "image-remove", EVENT_IMAGE_REMOVED, work_remove, &work))
		return false;
	items = trash_list(false);
	work->users = users_of(work->name, items);
	g_ptr_array_unref(items);
	/* Disks that nobody made from the image by name: volumes, clones, edited definitions. */
	work->uses = file_uses_of_vms(NULL);
	file_uses_add_volumes(work->uses);
	return run(work);
}

/* ---- list ---- */

static void put_users(struct json_out *out, const char *image, GPtrArray *items)
{
	GPtrArray *names = users_of(image, items);

	json_put_open(out, "users", '[');
	for (unsigned int i = 0; i < names->len; i++)
		json_put_string(out, NULL, names->pdata[i]);
	json_put_close(out, ']');
	g_ptr_array_unref(names);
}

static void put_image(struct json_out *out, const struct base_image *image, GPtrArray *items)
{
	json_put_open(out, NULL, '{');
	json_put_string(out, "name", image->name);
	json_put_string(out, "problem", image->problem);
	if (!image->problem) {
		json_put_string(out, "format", image->raw ? "raw" : "qcow2");
		json_put_int(out, "size", (int64_t)image->virtual_size);
		json_put_int(out, "on_disk", (int64_t)image->size);
		json_put_string(out, "sha256", image->sha256);
		json_put_string(out, "source", image->source);
		json_put_string(out, "added", image->added);
		json_put_string(out, "user", image->user);
	}
	put_users(out, image->name, items);
	json_put_close(out, '}');
}

bool api_do_image_list(struct rpc_request *r)
{
	GPtrArray *images = images_list(image_store, r->e), *items;

	if (!images)
		return false;
	items = trash_list(false);
	json_put_open(r->out, "images", '[');
	for (unsigned int i = 0; i < images->len; i++)
		put_image(r->out, images->pdata[i], items);
	json_put_close(r->out, ']');
	g_ptr_array_unref(items);
	g_ptr_array_unref(images);
	return true;
}
