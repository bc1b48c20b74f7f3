// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stopping, killing, restarting; pause, resume and reset. See lifecycle.h.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "bundle.h"
#include "lifecycle_private.h"

#define PRESS_AGAIN_S 10
#define ENDING_MS 1000	/* between a monitor's last word and the end of its process */
#define KILL_HARD_S 5	/* a monitor that has not ended by then is ended by the kernel */

/* ---- what the files share ---- */

bool lifecycle_check_free(const struct vm *vm, struct btn_error *e)
{
	if (!vm->job)
		return true;
	btn_set(e, BTN_VM_BUSY, "the VM \"%s\" is busy", vm_name(vm));
	btn_set_cause(e, "Job %" G_GUINT64_FORMAT " (%s) changes it at this moment.", vm->job->id,
		      vm->job->kind);
	return false;
}

bool lifecycle_check_sound(const struct vm *vm, struct btn_error *e)
{
	if (vm->state != VM_BROKEN)
		return true;
	*e = vm->problem;
	return false;
}

struct job *lifecycle_begin(struct vm *vm, const char *kind)
{
	vm->job = job_new(kind, vm_name(vm), vm_uuid(vm));
	return vm->job;
}

void lifecycle_end(struct vm *vm, struct job *job, const struct btn_error *e)
{
	vm->job = NULL;
	job_end(job, e);
}

static bool check_on(const struct vm *vm, struct btn_error *e)
{
	if (vm_is_on(vm))
		return true;
	btn_set(e, BTN_VM_OFF, "the VM \"%s\" is not running", vm_name(vm));
	btn_set_fix(e, "Start it: vmctl start %s", vm_name(vm));
	return false;
}

/* ---- stop ---- */

struct stop {
	struct vm *vm;
	struct job *job;
	bool force, forced;
	unsigned int press_source, deadline_source;
	gulong on_cancel;
};

static void watch_stop(struct vm *vm, void *ctx);

static void end_stop(struct stop *stop, const struct btn_error *e)
{
	struct vm *vm = stop->vm;

	vm_unwatch(vm, watch_stop, stop);
	if (stop->press_source)
		g_source_remove(stop->press_source);
	if (stop->deadline_source)
		g_source_remove(stop->deadline_source);
	g_cancellable_disconnect(stop->job->cancellable, stop->on_cancel);
	vm->stop_asked = false;
	if (e && vm->state == VM_STOPPING && !vm->kill_asked && !vm->end_event[0])
		vm_set_state(vm, VM_RUNNING, vm->reason);
	lifecycle_end(vm, stop->job, e);
	vm_unref(vm);
	g_free(stop);
}

static void watch_stop(struct vm *vm, void *ctx)
{
	if (vm->state == VM_STOPPED)
		end_stop(ctx, NULL);
}

/* Asked to, and if that is not enough, by the kernel. */
static void force_off(struct stop *stop)
{
	struct btn_error ignored;

	if (stop->forced)
		return;
	stop->forced = true;
	job_progress(stop->job, 90, "cutting its power");
	job_unref(vm_kill(stop->vm, &ignored));
}

static gboolean on_deadline(gpointer data)
{
	struct stop *stop = data;
	struct btn_error e;

	stop->deadline_source = 0;
	if (stop->force) {
		force_off(stop);
		return G_SOURCE_REMOVE;
	}
	btn_set(&e, BTN_VM_NOT_STOPPED, "the guest of \"%s\" did not shut down in time",
		vm_name(stop->vm));
	btn_set_fix(&e, "Look at its console (vmctl console %s), or cut its power: vmctl kill %s",
		    vm_name(stop->vm), vm_name(stop->vm));
	end_stop(stop, &e);
	return G_SOURCE_REMOVE;
}

/* The VM may be gone, or the stop over, when the answer comes: they are found again. */
struct press {
	struct vm *vm;
	uint64_t job;
	struct btn_error e;	/* of one that was not answered */
};

static struct stop *stop_of_job(struct vm *vm, uint64_t job);

static void end_refused(struct stop *stop, const struct btn_error *e)
{
	if (stop->force)
		force_off(stop);
	else
		end_stop(stop, e);
}

static gboolean end_unanswered(gpointer data)
{
	struct press *press = data;
	struct stop *stop = stop_of_job(press->vm, press->job);

	if (stop)
		end_refused(stop, &press->e);
	vm_unref(press->vm);
	g_free(press);
	return G_SOURCE_REMOVE;
}

static void on_pressed(const struct json_node *answer, int fd, const struct btn_error *e,
		       void *ctx)
{
	struct press *press = ctx;
	struct stop *stop = stop_of_job(press->vm, press->job);

	(void)answer;
	if (fd >= 0)
		close(fd);
	if (stop && e && e->code == BTN_NOT_RUNNING) {
		/* It may be just ending, which is what was asked for: the next second tells. */
		press->e = *e;
		g_timeout_add(ENDING_MS, end_unanswered, press);
		return;
	}
	if (stop && e)
		end_refused(stop, e);
	vm_unref(press->vm);
	g_free(press);
}

static gboolean press_button(gpointer data)
{
	struct stop *stop = data;
	struct press *press;

	if (!stop->vm->monitor)
		return G_SOURCE_CONTINUE;
	press = g_new(struct press, 1);
	*press = (struct press){ .vm = vm_ref(stop->vm), .job = stop->job->id };
	stop->vm->button_pressed = true;
	monitor_ask(stop->vm->monitor, "power-button", NULL, on_pressed, press);
	return G_SOURCE_CONTINUE;
}

static void on_stop_cancelled(GCancellable *cancellable, void *ctx);

static struct stop *stop_of_job(struct vm *vm, uint64_t job)
{
	if (!vm->job || vm->job->id != job)
		return NULL;
	return g_object_get_data(G_OBJECT(vm->job->cancellable), "stop");
}

static gboolean end_cancelled(gpointer data)
{
	struct press *press = data;
	struct stop *stop = stop_of_job(press->vm, press->job);
	struct btn_error e;

	if (stop) {
		btn_set(&e, BTN_JOB_CANCELLED, "nobody waits for \"%s\" to stop any more",
			vm_name(press->vm));
		btn_set_cause(&e, "The job was cancelled. The guest may shut down all the same.");
		end_stop(stop, &e);
	}
	vm_unref(press->vm);
	g_free(press);
	return G_SOURCE_REMOVE;
}

/* Called with the cancellable locked: the end comes a moment later. */
static void on_stop_cancelled(GCancellable *cancellable, void *ctx)
{
	struct stop *stop = ctx;
	struct press *press = g_new(struct press, 1);

	(void)cancellable;
	*press = (struct press){ .vm = vm_ref(stop->vm), .job = stop->job->id };
	g_idle_add_full(G_PRIORITY_DEFAULT, end_cancelled, press, NULL);
}

static struct job *begin_stop(struct vm *vm, unsigned int timeout_s, bool force)
{
	struct stop *stop = g_new0(struct stop, 1);
	struct job *ret;

	*stop = (struct stop){ .vm = vm_ref(vm), .job = lifecycle_begin(vm, "stop"),
			       .force = force };
	ret = job_ref(stop->job);
	g_object_set_data(G_OBJECT(stop->job->cancellable), "stop", stop);
	stop->on_cancel = g_cancellable_connect(stop->job->cancellable,
						G_CALLBACK(on_stop_cancelled), stop, NULL);
	vm->stop_asked = true;
	vm_watch(vm, watch_stop, stop);
	stop->press_source = g_timeout_add_seconds(PRESS_AGAIN_S, press_button, stop);
	stop->deadline_source = g_timeout_add_seconds(timeout_s, on_deadline, stop);
	job_progress(stop->job, 10, "waiting for the guest to shut down");
	press_button(stop);
	if (vm->state == VM_RUNNING)
		vm_set_state(vm, VM_STOPPING, vm->reason);
	return ret;
}

/* ---- requests that are done when they are answered ---- */

struct request {
	struct vm *vm;
	struct job *job;
	enum vm_state state;	/* what it is then; VM_BROKEN: as it was */
	enum vm_reason reason;
};

static void on_answered(const struct json_node *answer, int fd, const struct btn_error *e,
			void *ctx)
{
	struct request *request = ctx;

	(void)answer;
	if (fd >= 0)
		close(fd);
	if (!e && request->state != VM_BROKEN && request->vm->monitor)
		vm_set_state(request->vm, request->state, request->reason);
	job_end(request->job, e);
	vm_unref(request->vm);
	g_free(request);
}

static struct job *begin_request(struct vm *vm, const char *kind, const char *op,
				 enum vm_state state, enum vm_reason reason)
{
	struct request *request = g_new(struct request, 1);
	struct job *ret;

	*request = (struct request){ .vm = vm_ref(vm), .state = state, .reason = reason,
				     .job = job_new(kind, vm_name(vm), vm_uuid(vm)) };
	ret = job_ref(request->job);
	monitor_ask(vm->monitor, op, NULL, on_answered, request);
	return ret;
}

static bool check_answers(const struct vm *vm, struct btn_error *e)
{
	if (!check_on(vm, e))
		return false;
	if (vm->monitor && vm->state != VM_STARTING)
		return true;
	btn_set(e, BTN_VM_BUSY, "the VM \"%s\" is %s", vm_name(vm), vm_state_word(vm->state));
	return false;
}

/* One that waits already does what it is asked for now, if that is more. */
static struct job *join_stop(struct vm *vm, unsigned int timeout_s, bool force)
{
	struct stop *stop = stop_of_job(vm, vm->job->id);

	if (stop && force && !stop->force) {
		stop->force = true;
		if (stop->deadline_source)
			g_source_remove(stop->deadline_source);
		stop->deadline_source = g_timeout_add_seconds(timeout_s, on_deadline, stop);
	}
	return job_ref(vm->job);
}

struct job *vm_stop(struct vm *vm, unsigned int timeout_s, bool force, struct btn_error *e)
{
	if (!vm_is_on(vm))
		return job_ended("stop", vm_name(vm), vm_uuid(vm), "it is off already");
	if (vm->job && !strcmp(vm->job->kind, "stop") && (timeout_s || force))
		return join_stop(vm, timeout_s, force);
	if (!check_answers(vm, e))
		return NULL;
	if (vm->state == VM_PAUSED && !force) {
		btn_set(e, BTN_VM_STATE, "the VM \"%s\" is paused", vm_name(vm));
		btn_set_cause(e, "A guest whose CPUs stand still cannot shut down.");
		btn_set_fix(e, "Let it go on first: vmctl resume %s", vm_name(vm));
		return NULL;
	}
	if (!timeout_s && !force) {
		vm->button_pressed = true;
		return begin_request(vm, "stop", "power-button", VM_BROKEN, VM_REASON_NONE);
	}
	if (!lifecycle_check_free(vm, e))
		return NULL;
	return begin_stop(vm, timeout_s, force);
}

struct job *vm_pause(struct vm *vm, struct btn_error *e)
{
	if (!check_answers(vm, e))
		return NULL;
	if (vm->state == VM_PAUSED)
		return job_ended("pause", vm_name(vm), vm_uuid(vm), "it is paused already");
	return begin_request(vm, "pause", "pause", VM_PAUSED, VM_REASON_PAUSED);
}

struct job *vm_resume(struct vm *vm, struct btn_error *e)
{
	if (!check_answers(vm, e))
		return NULL;
	if (vm->state == VM_RUNNING)
		return job_ended("resume", vm_name(vm), vm_uuid(vm), "it is running already");
	return begin_request(vm, "resume", "resume", VM_RUNNING, VM_REASON_RESUMED);
}

struct job *vm_reset(struct vm *vm, struct btn_error *e)
{
	if (!check_answers(vm, e))
		return NULL;
	return begin_request(vm, "reset", "reset", VM_BROKEN, VM_REASON_NONE);
}

/* ---- kill ---- */

struct killing {
	struct vm *vm;
	struct job *job;
	int id;			/* of the run */
	unsigned int source;
};

static void watch_kill(struct vm *vm, void *ctx)
{
	struct killing *killing = ctx;

	if (vm->state != VM_STOPPED)
		return;
	vm_unwatch(vm, watch_kill, killing);
	g_source_remove(killing->source);
	job_end(killing->job, NULL);
	vm_unref(vm);
	g_free(killing);
}

/* Only while the lock says that the monitor lives: its pid is nobody else's then. */
static gboolean kill_hard(gpointer data)
{
	struct killing *killing = data;
	struct btn_error e;
	int fd = bundle_lock(killing->vm->folder, &e), pid = killing->vm->pid;

	if (!pid && killing->vm->monitor) /* not yet attached */
		pid = monitor_pid(killing->vm->monitor);
	if (!pid && fd < 0) /* of an earlier daemon, and it does not even listen */
		pid = bundle_lock_holder(killing->vm->folder);
	if (fd >= 0)
		close(fd);
	else if (e.code == BTN_VM_ON && killing->vm->id == killing->id && pid > 1)
		kill(pid, SIGKILL);
	return G_SOURCE_CONTINUE;
}

static bool is_starting(const struct vm *vm)
{
	return vm->job && !strcmp(vm->job->kind, "start");
}

static void cut_power(struct vm *vm)
{
	vm->kill_asked = true;
	if (is_starting(vm))
		job_cancel(vm->job);
	else if (vm->monitor)
		monitor_ask_alone(vm->monitor, "quit", NULL, -1, NULL, NULL);
	vm_set_state(vm, VM_STOPPING, vm->reason);
}

struct job *vm_kill(struct vm *vm, struct btn_error *e)
{
	struct killing *killing;
	struct job *ret;

	(void)e;
	if (!vm_is_on(vm)) {
		if (is_starting(vm)) /* it has not got as far as that */
			job_cancel(vm->job);
		return job_ended("kill", vm_name(vm), vm_uuid(vm), "it is off already");
	}
	killing = g_new(struct killing, 1);
	*killing = (struct killing){ .vm = vm_ref(vm), .id = vm->id,
				     .job = job_new("kill", vm_name(vm), vm_uuid(vm)) };
	ret = job_ref(killing->job);
	killing->source = g_timeout_add_seconds(KILL_HARD_S, kill_hard, killing);
	vm_watch(vm, watch_kill, killing);
	cut_power(vm);
	return ret;
}

/* ---- restart: a stop or a kill, then a start ---- */

struct restart {
	struct vm *vm;
	struct job *job;
	struct job *child;	/* what it waits for */
	gulong on_cancel;
	bool force;
};

static void on_restart_cancelled(GCancellable *cancellable, void *ctx)
{
	struct restart *restart = ctx;

	(void)cancellable;
	job_cancel(restart->child);
}

static void wait_for(struct restart *restart, struct job *child, job_done_fn fn)
{
	job_unref(restart->child);
	restart->child = child;
	job_when_done(child, fn, restart);
}

static void end_restart(struct restart *restart, const struct btn_error *e)
{
	g_cancellable_disconnect(restart->job->cancellable, restart->on_cancel);
	job_unref(restart->child);
	job_end(restart->job, e);
	vm_unref(restart->vm);
	g_free(restart);
}

static void on_started_again(struct job *child, void *ctx)
{
	end_restart(ctx, &child->error);
}

static void on_off(struct job *child, void *ctx)
{
	struct restart *restart = ctx;
	struct btn_error e = child->error;
	struct job *next;

	if (e.code == BTN_OK && (g_cancellable_is_cancelled(restart->job->cancellable) ||
				 (restart->vm->kill_asked && !restart->force)))
		btn_set(&e, BTN_JOB_CANCELLED, "the restart of \"%s\" was cancelled",
			vm_name(restart->vm));
	if (e.code != BTN_OK || registry_find_uuid(vm_uuid(restart->vm)) != restart->vm) {
		end_restart(restart, &e);
		return;
	}
	job_progress(restart->job, 50, "starting it again");
	/* Of two restarts that waited for the same stop the first has begun it. */
	next = is_starting(restart->vm) ? job_ref(restart->vm->job) :
					  vm_start(restart->vm, false, &e);
	if (next)
		wait_for(restart, next, on_started_again);
	else
		end_restart(restart, &e);
}

struct job *vm_restart(struct vm *vm, unsigned int timeout_s, bool force, struct btn_error *e)
{
	struct restart *restart;
	struct job *first, *ret;

	if (!vm_is_on(vm))
		return vm_start(vm, false, e);
	first = force && !timeout_s ? vm_kill(vm, e) :
				      vm_stop(vm, timeout_s ? timeout_s : STOP_TIMEOUT_DEFAULT,
					      force, e);
	if (!first)
		return NULL;
	restart = g_new(struct restart, 1);
	*restart = (struct restart){ .vm = vm_ref(vm), .force = force,
				     .job = job_new("restart", vm_name(vm), vm_uuid(vm)) };
	ret = job_ref(restart->job);
	job_progress(restart->job, 10, "waiting for the guest to shut down");
	restart->on_cancel = g_cancellable_connect(restart->job->cancellable,
						   G_CALLBACK(on_restart_cancelled), restart,
						   NULL);
	wait_for(restart, first, on_off);
	return ret;
}
