// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be done with a VM. See vm_ops.h.
 *
 * libvirt-glib has no asynchronous form of most calls: they run in a thread of GTask's.
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "model/connection.h"
#include "model/error.h"
#include "model/vm_ops.h"
#include "text.h"

#define STATE(state) (1u << (state))
#define ON (STATE(VM_RUNNING) | STATE(VM_PAUSED) | STATE(VM_STOPPING))
#define OFF (STATE(VM_STOPPED) | STATE(VM_CRASHED))

typedef gboolean (*domain_fn)(GVirDomain *domain, const char *argument, GError **error);

struct op {
	const char *request;	/* of the API */
	const char *verb;	/* of vmctl */
	const char *pending;
	const char *failed;	/* with %s: its name */
	unsigned int states;	/* in which it is allowed */
	domain_fn run;
};

struct call {
	const struct op *op;
	char *argument;
	GVirDomain *domain;
};

/* ---- libvirt: in a thread ---- */

static gboolean domain_start(GVirDomain *domain, const char *argument, GError **error)
{
	(void)argument;
	return gvir_domain_start(domain, 0, error);
}

static gboolean domain_shut_down(GVirDomain *domain, const char *argument, GError **error)
{
	(void)argument;
	return gvir_domain_shutdown(domain, 0, error);
}

static gboolean domain_power_off(GVirDomain *domain, const char *argument, GError **error)
{
	(void)argument;
	return gvir_domain_stop(domain, 0, error);
}

static gboolean domain_restart(GVirDomain *domain, const char *argument, GError **error)
{
	(void)argument;
	return gvir_domain_reboot(domain, 0, error);
}

static gboolean domain_pause(GVirDomain *domain, const char *argument, GError **error)
{
	(void)argument;
	return gvir_domain_suspend(domain, error);
}

static gboolean domain_resume(GVirDomain *domain, const char *argument, GError **error)
{
	(void)argument;
	return gvir_domain_resume(domain, error);
}

static gboolean domain_delete(GVirDomain *domain, const char *argument, GError **error)
{
	(void)argument;
	return gvir_domain_delete(domain, GVIR_DOMAIN_DELETE_SAVED_STATE |
				  GVIR_DOMAIN_DELETE_SNAPSHOTS_METADATA |
				  GVIR_DOMAIN_DELETE_KEEP_NVRAM, error);
}

/* libvirt-glib knows neither of the next two: they need what is below it. */
static gboolean with_handle(GVirDomain *domain, int (*fn)(virDomainPtr, const char *),
			    const char *argument, GError **error)
{
	virDomainPtr handle = NULL;
	gboolean ok;

	g_object_get(domain, "handle", &handle, NULL);
	ok = handle && !fn(handle, argument);
	if (!ok)
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, virGetLastErrorMessage());
	if (handle)
		virDomainFree(handle);
	return ok;
}

static int handle_reset(virDomainPtr handle, const char *argument)
{
	(void)argument;
	return virDomainReset(handle, 0);
}

static int handle_rename(virDomainPtr handle, const char *argument)
{
	return virDomainRename(handle, argument, 0);
}

static gboolean domain_reset(GVirDomain *domain, const char *argument, GError **error)
{
	return with_handle(domain, handle_reset, argument, error);
}

static gboolean domain_rename(GVirDomain *domain, const char *argument, GError **error)
{
	return with_handle(domain, handle_rename, argument, error);
}

/* ---- the table ---- */

static const struct op ops[OP_COUNT] = {
	[OP_START] = { "vm-start", "start", N_("Starting…"), N_("“%s” could not be started"),
		       OFF | STATE(VM_PAUSED), domain_start },
	[OP_SHUT_DOWN] = { "vm-stop", "stop", N_("Shutting down…"),
			   N_("“%s” could not be shut down"), STATE(VM_RUNNING), domain_shut_down },
	[OP_POWER_OFF] = { "vm-kill", "kill", N_("Powering off…"),
			   N_("“%s” could not be powered off"), ON | STATE(VM_STARTING),
			   domain_power_off },
	[OP_RESTART] = { "vm-restart", "restart", N_("Restarting…"),
			 N_("“%s” could not be restarted"), STATE(VM_RUNNING), domain_restart },
	[OP_RESET] = { "vm-reset", NULL, N_("Resetting…"), N_("“%s” could not be reset"), ON,
		       domain_reset },
	[OP_PAUSE] = { "vm-pause", "pause", N_("Pausing…"), N_("“%s” could not be paused"),
		       STATE(VM_RUNNING), domain_pause },
	[OP_RESUME] = { "vm-resume", "resume", N_("Resuming…"), N_("“%s” could not be resumed"),
			STATE(VM_PAUSED), domain_resume },
	[OP_DELETE] = { "vm-delete", "delete", N_("Deleting…"), N_("“%s” could not be deleted"),
			OFF | STATE(VM_BROKEN), domain_delete },
	[OP_RENAME] = { "vm-rename", "rename", N_("Renaming…"), N_("“%s” could not be renamed"),
			OFF, domain_rename },
};

static gboolean is_pending(const struct op *op, const BatonVm *vm)
{
	return vm->pending && !strcmp(vm->pending, _(op->pending));
}

/* Power is cut whatever else is under way: a guest may ignore that it is to shut down. */
static gboolean is_free_for(enum vm_op op, const BatonVm *vm)
{
	if (op == OP_POWER_OFF)
		return !is_pending(&ops[op], vm);
	return !vm->pending && !vm->job;
}

gboolean vm_op_allowed(enum vm_op op, const BatonVm *vm)
{
	return vm->connection && (vm->native || vm->domain) && is_free_for(op, vm) &&
	       ops[op].states & STATE(vm->state);
}

gboolean vm_op_has_undo(enum vm_op op, const BatonVm *vm)
{
	return vm->native && (op == OP_DELETE || op == OP_RENAME);
}

char *vm_op_command(enum vm_op op, const BatonVm *vm, const char *argument)
{
	g_autofree char *name = text_shell_word(vm->name ? vm->name : "");
	g_autofree char *word = argument ? text_shell_word(argument) : NULL;

	if (!vm->native || !ops[op].verb)
		return NULL;
	return g_strdup_printf("vmctl %s %s%s%s", ops[op].verb, name, word ? " " : "",
			       word ? word : "");
}

/* ---- running one ---- */

static void call_free(gpointer data)
{
	struct call *call = data;

	g_free(call->argument);
	g_clear_object(&call->domain);
	g_free(call);
}

static void done(GTask *task, GError *error)
{
	BatonVm *vm = g_task_get_source_object(task);
	struct call *call = g_task_get_task_data(task);
	g_autofree char *sentence = g_strdup_printf(_(call->op->failed), vm->name);

	if (!error) {
		g_task_return_boolean(task, TRUE);
		return;
	}
	if (vm->connection)
		baton_connection_check(vm->connection, error);
	/* Not that of a power-off, which may have come in between. */
	if (is_pending(call->op, vm))
		vm->pending = NULL;
	error = baton_error_explain(error, sentence,
		_("libvirt's log on that computer says more: "
		  "“journalctl -b -t libvirtd -t virtqemud”"));
	/* What somebody has called off is no problem: a start, by a power-off. */
	baton_vm_set_problem(vm, g_error_matches(error, BATON_ERROR, BTN_JOB_CANCELLED) ? NULL :
			     g_error_copy(error));
	g_task_return_error(task, error);
}

static void on_job_ended(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	GError *error = NULL;
	g_autofree char *note = baton_api_run_finish(BATON_API(source), result, &error);

	if (note)
		baton_vm_set_pending(g_task_get_source_object(task), NULL);
	done(task, error);
}

static void on_domain_info(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonVm) vm = data;
	GVirDomainInfo *info = gvir_domain_get_info_finish(GVIR_DOMAIN(source), result, NULL);

	vm->pending = NULL;
	if (info) {
		baton_vm_take_info(vm, info);
		g_boxed_free(GVIR_TYPE_DOMAIN_INFO, info);
	} else {
		baton_vm_changed(vm);
	}
}

static void on_thread_ended(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	BatonVm *vm = BATON_VM(source);
	struct call *call = g_task_get_task_data(task);
	GError *error = NULL;

	/* Events tell of most changes, but a reset and some drivers send none. */
	if (g_task_propagate_boolean(G_TASK(result), &error) && vm->domain && call->op !=
	    &ops[OP_DELETE])
		gvir_domain_get_info_async(vm->domain, NULL, on_domain_info, g_object_ref(vm));
	done(task, error);
}

static void in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
	struct call *call = data;
	GError *error = NULL;

	(void)source;
	(void)cancellable;
	if (call->op->run(call->domain, call->argument, &error))
		g_task_return_boolean(task, TRUE);
	else
		g_task_return_error(task, error ? error : g_error_new_literal(G_IO_ERROR,
				    G_IO_ERROR_FAILED, _("libvirt gives no reason")));
}

static void run_by_libvirt(GTask *task, BatonVm *vm, struct call *call)
{
	GTask *inner = g_task_new(vm, NULL, on_thread_ended, task);
	struct call *copy = g_new0(struct call, 1);

	copy->op = call->op;
	copy->argument = g_strdup(call->argument);
	copy->domain = g_object_ref(vm->domain);
	g_task_set_task_data(inner, copy, call_free);
	g_task_run_in_thread(inner, in_thread);
	g_object_unref(inner);
}

void vm_op_run(enum vm_op op, BatonVm *vm, const char *argument, GCancellable *cancellable,
	       GAsyncReadyCallback callback, gpointer data)
{
	GTask *task = g_task_new(vm, cancellable, callback, data);
	struct call *call = g_new0(struct call, 1);
	BatonApi *api = vm->connection ? baton_connection_api(vm->connection) : NULL;

	if (op == OP_START && vm->state == VM_PAUSED)
		op = OP_RESUME;
	call->op = &ops[op];
	call->argument = g_strdup(argument);
	g_task_set_task_data(task, call, call_free);
	g_clear_error(&vm->problem);
	baton_vm_set_pending(vm, _(call->op->pending));
	if (vm->native && api) {
		baton_api_run(api, request_text(call->op->request, "name", vm->uuid,
			      argument ? "new_name" : NULL, argument, NULL),
			      cancellable, on_job_ended, task);
	} else if (vm->domain) {
		run_by_libvirt(task, vm, call);
	} else {
		done(task, baton_error_new(BTN_NO_SUCH_VM, NULL, NULL, NULL));
		g_object_unref(task);
	}
}

gboolean vm_op_run_finish(BatonVm *vm, GAsyncResult *result, GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, vm), FALSE);
	return g_task_propagate_boolean(G_TASK(result), error);
}
