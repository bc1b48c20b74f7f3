// SPDX-License-Identifier: GPL-2.0-or-later
/* What changes a VM's state: the daemon's own operations behind libvirt's names. */
#include <string.h>

#include "libvirt/definition.h"
#include "libvirt/handlers.h"
#include "libvirt/registration.h"
#include "lifecycle.h"

enum { START_PAUSED = 1, START_AUTODESTROY = 2 };
enum { SHUTDOWN_ACPI = 1, SHUTDOWN_AGENT = 2 };

/* ---- definitions ---- */

void do_define(struct call *call)
{
	definition_define(call, call->arg[0].s);
}

void do_create_xml(struct call *call)
{
	definition_create(call, call->arg[0].s, call->flags & START_PAUSED,
			  call->flags & START_AUTODESTROY);
}

/* A VM that runs loses its definition, and goes when it stops; as libvirt has it. */
void do_undefine(struct call *call)
{
	struct vm *vm = call->vm;
	struct btn_error e;

	if (definition_is_transient(vm_uuid(vm))) {
		call_fail(call, LV_ERR_INVALID_STATE, "Requested operation is not valid: cannot "
			  "undefine transient domain");
		return;
	}
	if (!vm_is_on(vm)) {
		call_return_job(call, vm_delete(vm, false, &e), &e);
		return;
	}
	if (!definition_set_transient(vm, true, &e)) {
		call_fail_btn(call, &e);
		return;
	}
	tell_lifecycle(vm, LC_UNDEFINED, 0);
	call_return(call);
}

static void renamed(struct call *call)
{
	xdr_put_int(call->out, 0);
	call_return(call);
}

void do_rename(struct call *call)
{
	const char *name = call->arg[1].s;
	struct btn_error e;

	if (!name)
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: there is no new name");
	else
		call_after_job(call, vm_rename(call->vm, name, &e), &e, renamed);
}

/* ---- start ---- */

/* False: answered. */
static bool can_start(struct call *call)
{
	struct btn_error e;

	if (vm_is_on(call->vm)) {
		call_fail(call, LV_ERR_INVALID_STATE,
			  "Requested operation is not valid: domain is already running");
		return false;
	}
	if (definition_refresh_port(call->vm, &e))
		return true;
	call_fail_btn(call, &e);
	return false;
}

void do_create(struct call *call)
{
	struct btn_error e;

	if (can_start(call))
		call_return_job(call, vm_start(call->vm, false, &e), &e);
}

static void started(struct call *call)
{
	if (call->flags & START_AUTODESTROY)
		autodestroy_with(call->conn, call->vm);
	put_dom(call->out, call->vm);
	call_return(call);
}

void do_create_flags(struct call *call)
{
	struct btn_error e;

	if (can_start(call))
		call_after_job(call, vm_start(call->vm, call->flags & START_PAUSED, &e), &e,
			       started);
}

/* ---- stop ---- */

static void destroy(struct vm *vm)
{
	struct btn_error e;
	struct job *job = vm_kill(vm, &e);

	if (job)
		job_unref(job);
	else
		g_message("libvirt: %s (BTN-%d)", e.message, e.code);
}

void autodestroy_with(struct connection *conn, struct vm *vm)
{
	if (!vm_is_on(vm))
		return;
	if (conn)
		g_array_append_val(conn->autodestroy, vm->id);
	else
		destroy(vm);	/* it has gone while the VM was starting */
}

void autodestroy(struct connection *conn)
{
	unsigned int i;

	for (i = 0; i < conn->autodestroy->len; i++) {
		/* Another run, that somebody else has begun, has another id. */
		struct vm *vm = registry_find_id(g_array_index(conn->autodestroy, int, i));

		if (vm)
			destroy(vm);
	}
	g_array_set_size(conn->autodestroy, 0);
}

void do_destroy(struct call *call)
{
	struct btn_error e;

	call_return_job(call, vm_kill(call->vm, &e), &e);
}

/* False: answered. */
static bool by_button(struct call *call)
{
	if (!call->flags || call->flags & SHUTDOWN_ACPI)
		return true;
	call_fail(call, LV_ERR_ARGUMENT, "argument unsupported: guests are asked by the power "
		"button (ACPI) alone");
	return false;
}

void do_shutdown(struct call *call)
{
	struct btn_error e;

	if (by_button(call))
		call_return_job(call, vm_stop(call->vm, 0, false, &e), &e);
}

/* Answered when the guest has been asked: it takes its time, and may not want to. */
void do_reboot(struct call *call)
{
	struct btn_error e;
	struct job *job;

	if (!by_button(call))
		return;
	job = vm_restart(call->vm, STOP_TIMEOUT_DEFAULT, false, &e);
	if (job && job->state == JOB_RUNNING) {
		job_unref(job);
		call_return(call);
	} else
		call_return_job(call, job, &e);
}

void do_reset(struct call *call)
{
	struct btn_error e;

	call_return_job(call, vm_reset(call->vm, &e), &e);
}

void do_suspend(struct call *call)
{
	struct btn_error e;

	call_return_job(call, vm_pause(call->vm, &e), &e);
}

void do_resume(struct call *call)
{
	struct btn_error e;

	if (call->vm->state == VM_RUNNING)
		call_fail(call, LV_ERR_INVALID_STATE,
			  "Requested operation is not valid: domain is already running");
	else
		call_return_job(call, vm_resume(call->vm, &e), &e);
}
