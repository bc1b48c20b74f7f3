// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting a VM: admission (in a worker thread), the lock on its folder, its cards'
 * connections to their networks one after the other, then the monitor; the job ends
 * when that answers, or has ended. See lifecycle.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admission.h"
#include "bundle.h"
#include "lifecycle_private.h"
#include "network.h"
#include "paths.h"

#define ATTACH_MS 20000u
#define LOG_MAX (1 << 20)

struct start {
	struct vm *vm;
	struct job *job;
	bool paused;
	int lock_fd;
	int fds[CONFIG_NETS_MAX][2];
	unsigned int plugged;	/* cards that have their connections */
	int pid;
	gulong on_cancel;
	unsigned int late_source;
	bool late;
};

static void close_fds(struct start *start)
{
	for (unsigned int i = 0; i < start->plugged; i++) {
		close(start->fds[i][0]);
		close(start->fds[i][1]);
	}
	start->plugged = 0;
	if (start->lock_fd >= 0)
		close(start->lock_fd);
	start->lock_fd = -1;
}

static void watch_state(struct vm *vm, void *ctx);

static void finish(struct start *start, const struct btn_error *e)
{
	struct vm *vm = start->vm;

	vm_unwatch(vm, watch_state, start);
	if (start->late_source)
		g_source_remove(start->late_source);
	if (start->on_cancel)
		g_cancellable_disconnect(start->job->cancellable, start->on_cancel);
	close_fds(start);
	lifecycle_end(vm, start->job, e);
	vm_unref(vm);
	g_free(start);
}

/* Before there is a process: the run ends with the job. */
static void fail(struct start *start, const struct btn_error *e)
{
	bool cancelled = e->code == BTN_JOB_CANCELLED;

	if (vm_is_on(start->vm))
		vm_end_run(start->vm, cancelled ? VM_REASON_KILLED : VM_REASON_FAILED,
			   cancelled ? NULL : e);
	else if (!cancelled)
		start->vm->problem = *e;
	finish(start, e);
}

static bool is_cancelled(struct start *start)
{
	struct btn_error e;

	if (!g_cancellable_is_cancelled(start->job->cancellable))
		return false;
	btn_set(&e, BTN_JOB_CANCELLED, "the start of \"%s\" was cancelled", vm_name(start->vm));
	fail(start, &e);
	return true;
}

/* ---- the process ---- */

/* What the run's end has said, that it was killed, is not why. */
static void say_late(struct vm *vm, struct btn_error *e)
{
	btn_set(e, BTN_NO_MONITOR, "the process of the VM \"%s\" did not answer", vm_name(vm));
	btn_set_cause(e, "It said nothing for %u seconds, and was ended.", ATTACH_MS / 1000);
	vm->problem = *e;
}

static void watch_state(struct vm *vm, void *ctx)
{
	struct start *start = ctx;
	struct btn_error e = { .code = BTN_OK };

	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED) {
		finish(start, NULL);
	} else if (vm->state == VM_STOPPED) {
		if (vm->kill_asked)
			btn_set(&e, BTN_JOB_CANCELLED, "the start of \"%s\" was cancelled",
				vm_name(vm));
		else if (start->late)
			say_late(vm, &e);
		else
			e = vm->problem;
		finish(start, &e);
	}
}

struct exit {
	struct vm *vm;
	int id;		/* of the run */
};

static void on_exit_status(int wait_status, void *ctx)
{
	struct exit *watched = ctx;

	vm_process_ended(watched->vm, watched->id, wait_status);
	vm_unref(watched->vm);
	g_free(watched);
}

static void on_cancel(GCancellable *cancellable, void *ctx)
{
	struct start *start = ctx;

	(void)cancellable;
	start->vm->kill_asked = true;
	kill(start->pid, SIGTERM);
}

/* Neither here nor gone: stopped, or stuck. It is ours and not reaped, so the pid is its. */
static gboolean on_late(gpointer data)
{
	struct start *start = data;

	start->late_source = 0;
	start->late = true;
	kill(start->pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

/* Where the monitor writes errors. It is kept small: the one before is kept, too. */
static int open_log(struct vm *vm)
{
	char *path = vm_file(vm, "monitor.log"), *old = vm_file(vm, "monitor.log.1");
	struct stat st;
	int fd;

	if (!lstat(path, &st) && st.st_size > LOG_MAX)
		rename(path, old);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	vm->log_start = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	g_free(path);
	g_free(old);
	return fd;
}

static bool spawn(struct start *start, struct btn_error *e)
{
	struct vm *vm = start->vm;
	struct exit *watched;
	int keep[2 * CONFIG_NETS_MAX + 1] = { start->lock_fd }, count = 1, log_fd;
	GPtrArray *argv = lifecycle_monitor_arguments(vm, start->paused, start->lock_fd,
						      start->fds, e);

	if (!argv)
		return false;
	for (unsigned int i = 0; i < start->plugged; i++) {
		keep[count++] = start->fds[i][0];
		keep[count++] = start->fds[i][1];
	}
	log_fd = open_log(vm);
	watched = g_new(struct exit, 1);
	*watched = (struct exit){ .vm = vm_ref(vm), .id = vm->id };
	start->pid = monitor_spawn((char **)argv->pdata, log_fd, keep, count, on_exit_status,
				   watched, e);
	if (log_fd >= 0)
		close(log_fd);
	g_ptr_array_unref(argv);
	if (!start->pid) {
		vm_unref(vm);
		g_free(watched);
	}
	return start->pid;
}

/* What it was started with, for a daemon that finds it running later. */
static bool save_live(struct vm *vm, struct btn_error *e)
{
	char *path = vm_file(vm, "live.conf"), *text = config_to_text(vm->live);
	GError *error = NULL;
	bool ok = g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
					   &error);

	if (!ok) {
		btn_set(e, BTN_HOST_CALL_FAILED, "the folder of \"%s\" cannot be written",
			vm_name(vm));
		btn_set_cause(e, "The host says: %s.", error->message);
		btn_set_fix(e, "See if the disk is full (df -h) and the folder is yours.");
		g_error_free(error);
	}
	g_free(text);
	g_free(path);
	return ok;
}

static void start_process(struct start *start)
{
	struct btn_error e;

	if (is_cancelled(start))
		return;
	job_progress(start->job, 50, "starting its process");
	if (!save_live(start->vm, &e) || !spawn(start, &e)) {
		fail(start, &e);
		return;
	}
	start->vm->pid = start->pid;
	close_fds(start);
	vm_watch(start->vm, watch_state, start);
	start->on_cancel = g_cancellable_connect(start->job->cancellable, G_CALLBACK(on_cancel),
						 start, NULL);
	start->late_source = g_timeout_add(ATTACH_MS, on_late, start);
	vm_attach(start->vm, ATTACH_MS);
}

/* ---- networks ---- */

static void plug_next(struct start *start);

static void on_plugged(const int *fds, const char *address, const struct btn_error *e, void *ctx)
{
	struct start *start = ctx;

	if (!fds) {
		fail(start, e);
		return;
	}
	g_strlcpy(start->vm->address[start->plugged], address,
		  sizeof(start->vm->address[start->plugged]));
	start->fds[start->plugged][0] = fds[0];
	start->fds[start->plugged][1] = fds[1];
	start->plugged++;
	plug_next(start);
}

static void plug_next(struct start *start)
{
	const struct config *config = start->vm->live;
	const struct config_net *card = &config->net[start->plugged];
	const struct network *network;
	struct btn_error e;

	if (is_cancelled(start))
		return;
	if (start->plugged == config->net_count) {
		start_process(start);
		return;
	}
	network = network_find(card->network, &e);
	if (!network) {
		fail(start, &e);
		return;
	}
	job_progress(start->job, 30, "connecting its network");
	network_plug(network, config->name, card, start->job->cancellable, on_plugged, start);
}

/* ---- admission ---- */

struct admission_task {
	struct config *config;
	char *folder;
	struct btn_error e;
};

static void free_admission_task(void *data)
{
	struct admission_task *task = data;

	config_free(task->config);
	g_free(task->folder);
	g_free(task);
}

static void admit(GTask *gtask, void *source, void *data, GCancellable *cancellable)
{
	struct admission_task *task = data;
	struct admission_host host;

	(void)source, (void)cancellable;
	g_task_return_boolean(gtask, admission_read_host(&host, &task->e) &&
			      admission_check(task->config, task->folder, &host, &task->e));
}

static void on_admitted(GObject *source, GAsyncResult *result, void *ctx)
{
	struct start *start = ctx;
	struct admission_task *task = g_task_get_task_data(G_TASK(result));
	struct btn_error e;

	(void)source;
	if (!g_task_propagate_boolean(G_TASK(result), NULL)) {
		fail(start, &task->e);
		return;
	}
	if (is_cancelled(start))
		return;
	start->lock_fd = bundle_lock(start->vm->folder, &e);
	if (start->lock_fd < 0) {
		fail(start, &e);
		return;
	}
	vm_begin_run(start->vm);
	plug_next(start);
}

struct job *vm_start(struct vm *vm, bool paused, struct btn_error *e)
{
	struct admission_task *task;
	struct start *start;
	struct job *ret;
	GTask *gtask;

	vm_refresh(vm);
	if (vm->state == VM_PAUSED && !paused) {
		btn_set(e, BTN_VM_STATE, "the VM \"%s\" is paused", vm_name(vm));
		btn_set_cause(e, "It has been started already, and paused later.");
		btn_set_fix(e, "Let it go on: vmctl resume %s", vm_name(vm));
		return NULL;
	}
	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED)
		return job_ended("start", vm_name(vm), vm_uuid(vm), "it is running already");
	if (!lifecycle_check_sound(vm, e) || !lifecycle_check_free(vm, e))
		return NULL;
	if (vm_is_on(vm)) {
		btn_set(e, BTN_VM_BUSY, "the VM \"%s\" is %s", vm_name(vm),
			vm_state_word(vm->state));
		return NULL;
	}
	start = g_new0(struct start, 1);
	*start = (struct start){ .vm = vm_ref(vm), .job = lifecycle_begin(vm, "start"),
				 .paused = paused, .lock_fd = -1 };
	ret = job_ref(start->job);
	job_progress(start->job, 10, "looking at what the host can spare");
	task = g_new0(struct admission_task, 1);
	task->config = config_copy(vm->config);
	task->folder = g_strdup(vm->folder);
	gtask = g_task_new(NULL, NULL, on_admitted, start);
	g_task_set_task_data(gtask, task, free_admission_task);
	g_task_run_in_thread(gtask, admit);
	g_object_unref(gtask);
	return ret;
}
