// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Defining a VM: everything is checked first; its folder is filled by a worker thread and
 * appears in one step (bundle.h). See lifecycle.h.
 */
#include <string.h>

#include "admission.h"
#include "bundle.h"
#include "daemon.h"
#include "disk.h"
#include "lifecycle_private.h"
#include "network.h"
#include "seed.h"

struct create {
	struct job *job;
	struct job *child;	/* its start; NULL: none yet */
	gulong on_cancel;
	struct reservation *reservation;
	struct config *config;	/* the worker's until it is done */
	char *image;
	uint64_t disk_size;
	bool has_seed, start;
	struct seed seed;	/* deep copies below */
	char *user, *password, *user_data, **keys;
	char *folder;		/* the result; NULL: e */
	struct btn_error e;
};

static void free_create(struct create *create)
{
	lifecycle_release(create->reservation);
	job_unref(create->child);
	config_free(create->config);
	g_free(create->image);
	g_free(create->user);
	if (create->password)
		memset(create->password, 0, strlen(create->password));
	g_free(create->password);
	g_free(create->user_data);
	g_strfreev(create->keys);
	g_free(create->folder);
	g_free(create);
}

static void copy_seed(struct create *create, const struct seed *seed)
{
	create->has_seed = true;
	create->user = g_strdup(seed->user);
	create->password = g_strdup(seed->password);
	create->user_data = g_strdup(seed->user_data);
	create->keys = g_new0(char *, seed->ssh_key_count + 1);
	for (size_t i = 0; i < seed->ssh_key_count; i++)
		create->keys[i] = g_strdup(seed->ssh_keys[i]);
	create->seed = (struct seed){
		.hostname = create->config->name, .instance_id = create->config->uuid,
		.user = create->user, .password = create->password,
		.ssh_keys = (const char *const *)create->keys,
		.ssh_key_count = seed->ssh_key_count, .user_data = create->user_data,
	};
}

/* ---- in the worker ---- */

/* The first place is for the disk that the VM starts from. */
static bool add_disk(struct config *config, unsigned int at, const char *file,
		     enum config_format format, bool readonly, struct btn_error *e)
{
	if (config->disk_count == CONFIG_DISKS_MAX) {
		btn_set_default(e, BTN_TOO_MANY_DEVICES);
		return false;
	}
	memmove(&config->disk[at + 1], &config->disk[at],
		(config->disk_count - at) * sizeof(config->disk[0]));
	config->disk[at] = (struct config_disk){ .file = g_strdup(file), .format = format,
						 .readonly = readonly };
	config->disk_count++;
	return true;
}

static bool make_overlay(struct create *create, const char *path, struct btn_error *e)
{
	struct base_image *image = images_find(image_store, create->image, e);
	bool ok;

	if (!image)
		return false;
	ok = disk_create_overlay(path, image->path, image->raw ? "raw" : "qcow2",
				 create->disk_size, e);
	g_free(create->config->image);
	create->config->image = g_strdup(image->name);
	if (ok && create->has_seed && !create->user && image->user && !create->user_data) {
		create->user = g_strdup(image->user);
		create->seed.user = create->user;
	}
	base_image_free(image);
	return ok;
}

static bool make_disk(struct create *create, const char *folder, struct btn_error *e)
{
	char *path = g_build_filename(folder, "disk0.qcow2", NULL);
	bool ok = create->image ? make_overlay(create, path, e) :
				  disk_create_empty(path, create->disk_size, e);

	g_free(path);
	return ok && add_disk(create->config, 0, "disk0.qcow2", CONFIG_FORMAT_QCOW2, false, e);
}

static bool make_seed(struct create *create, const char *folder, struct btn_error *e)
{
	struct config *config = create->config;
	char *path = g_build_filename(folder, "seed.img", NULL);
	bool ok = seed_write(path, &create->seed, e);

	g_free(path);
	if (!ok || !add_disk(config, config->disk_count, "seed.img", CONFIG_FORMAT_RAW, true, e))
		return false;
	g_free(config->user);
	config->user = g_strdup(create->user);
	return true;
}

static bool fill(const char *folder, struct config *config, void *ctx, struct btn_error *e)
{
	struct create *create = ctx;

	(void)config; /* is create's own */
	if (create->image || create->disk_size) {
		job_progress(create->job, 20, "making its disk");
		if (!make_disk(create, folder, e))
			return false;
	}
	return !create->has_seed || make_seed(create, folder, e);
}

/* What is to be started is not made if it cannot be. */
static bool check_host(const struct create *create, struct btn_error *e)
{
	struct admission_host host;

	if (!admission_read_host(&host, e) ||
	    (create->start && !admission_check_new(create->config, &host, e)))
		return false;
	if (host.disk_free >= ADMISSION_DISK_RESERVE)
		return true;
	btn_set_default(e, BTN_NOT_ENOUGH_DISK);
	return false;
}

static void work(GTask *task, void *source, void *data, GCancellable *cancellable)
{
	struct create *create = data;

	(void)source, (void)cancellable;
	if (check_host(create, &create->e))
		create->folder = bundle_create(create->config, fill, create, &create->e);
	g_task_return_boolean(task, create->folder != NULL);
}

/* ---- in the main loop ---- */

static void on_cancelled(GCancellable *cancellable, void *ctx)
{
	struct create *create = ctx;

	(void)cancellable;
	job_cancel(create->child);
}

static void on_started(struct job *child, void *ctx)
{
	struct create *create = ctx;

	g_cancellable_disconnect(create->job->cancellable, create->on_cancel);
	job_end(create->job, &child->error);
	free_create(create);
}

static void start_it(struct create *create, struct vm *vm)
{
	struct btn_error e;
	struct job *child;

	job_progress(create->job, 60, "starting it");
	child = vm_start(vm, false, &e);
	if (!child) {
		job_end(create->job, &e);
		free_create(create);
		return;
	}
	create->child = child;
	job_when_done(child, on_started, create);
	create->on_cancel = g_cancellable_connect(create->job->cancellable,
						  G_CALLBACK(on_cancelled), create, NULL);
}

static void on_worked(GObject *source, GAsyncResult *result, void *ctx)
{
	struct create *create = ctx;
	struct vm *vm;

	(void)source, (void)result;
	if (!create->folder) {
		job_end(create->job, &create->e);
		free_create(create);
		return;
	}
	vm = registry_add(g_steal_pointer(&create->config), create->folder);
	lifecycle_release(g_steal_pointer(&create->reservation));
	if (create->start) {
		start_it(create, vm);
		return;
	}
	job_end(create->job, NULL);
	free_create(create);
}

static bool check(const struct create_request *request, struct btn_error *e)
{
	const struct config *config = request->config;
	struct seed seed;

	if (!config_check_name(config->name, e))
		return false;
	if (registry_find(config->name, NULL) || registry_find_uuid(config->uuid)) {
		btn_set(e, BTN_VM_EXISTS, "there is a VM \"%s\" already", config->name);
		btn_set_fix(e, "Choose another name, or delete the other VM: vmctl delete %s",
			    config->name);
		return false;
	}
	for (unsigned int i = 0; i < config->net_count; i++)
		if (!network_find(config->net[i].network, e))
			return false;
	if (request->seed) {
		seed = *request->seed;
		seed.hostname = config->name;
		seed.instance_id = config->uuid;
		if (!seed_check(&seed, e))
			return false;
	}
	return config_check(config, e);
}

struct removal {
	const char *image;
	bool found;
};

static void find_removal(struct job *job, void *ctx)
{
	struct removal *removal = ctx;

	removal->found |= job->state == JOB_RUNNING && !strcmp(job->kind, "image-remove") &&
			  !strcmp(job->subject, removal->image);
}

static bool check_image_stays(const char *image, struct btn_error *e)
{
	struct removal removal = { .image = image };

	if (image)
		job_each(find_removal, &removal);
	if (!removal.found)
		return true;
	btn_set(e, BTN_NO_SUCH_IMAGE, "the image \"%.64s\" is being removed", image);
	return false;
}

struct job *vm_create(const struct create_request *request, struct btn_error *e)
{
	struct reservation *reservation = NULL;
	struct create *create;
	struct job *ret;
	GTask *task;

	if (check(request, e) && check_image_stays(request->image, e))
		reservation = lifecycle_reserve(request->config->name, request->config->uuid,
						request->image, e);
	if (!reservation) {
		config_free(request->config);
		return NULL;
	}
	create = g_new0(struct create, 1);
	create->reservation = reservation;
	create->config = request->config;
	create->image = g_strdup(request->image);
	create->disk_size = request->disk_size;
	create->start = request->start;
	create->job = job_new("create", create->config->name, create->config->uuid);
	if (request->seed)
		copy_seed(create, request->seed);
	ret = job_ref(create->job);
	job_progress(create->job, 5, "making its folder");
	task = g_task_new(NULL, NULL, on_worked, create);
	g_task_set_task_data(task, create, NULL);
	g_task_run_in_thread(task, work);
	g_object_unref(task);
	return ret;
}
