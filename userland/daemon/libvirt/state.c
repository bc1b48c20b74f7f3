// SPDX-License-Identifier: GPL-2.0-or-later
/* What a VM is: state, XML, texts, the job that changes it. */
#include <string.h>

#include "libvirt/definition.h"
#include "libvirt/handlers.h"
#include "libvirt/measure.h"
#include "libvirt/metadata.h"
#include "libvirt/registration.h"

enum { XML_SECURE = 1, XML_INACTIVE = 2 };

/* ---- state ---- */

enum { ST_RUNNING = 1, ST_PAUSED = 3, ST_SHUTDOWN = 4, ST_SHUTOFF = 5 };

static int32_t reason_off(enum vm_reason reason)
{
	switch (reason) {
	case VM_REASON_POWER_OFF:
		return 1;
	case VM_REASON_KILLED:
		return 2;
	case VM_REASON_CRASHED:
		return 3;
	case VM_REASON_FAILED:
		return 6;
	default:
		return 0;
	}
}

void state_of(const struct vm *vm, int32_t *ret_state, int32_t *ret_reason)
{
	switch (vm->state) {
	case VM_STARTING:
		*ret_state = ST_PAUSED;
		*ret_reason = 11;
		break;
	case VM_RUNNING:
		*ret_state = ST_RUNNING;
		*ret_reason = vm->reason == VM_REASON_BOOTED ? 1 :
			vm->reason == VM_REASON_RESUMED ? 5 : 0;
		break;
	case VM_PAUSED:
		*ret_state = ST_PAUSED;
		*ret_reason = vm->reason == VM_REASON_BOOTED ? 11 : 1;
		break;
	case VM_STOPPING:
		*ret_state = ST_SHUTDOWN;
		*ret_reason = 1;
		break;
	case VM_BROKEN:
		*ret_state = ST_SHUTOFF;
		*ret_reason = 6;
		break;
	default:
		*ret_state = ST_SHUTOFF;
		*ret_reason = reason_off(vm->reason);
	}
}

void do_get_state(struct call *call)
{
	int32_t state, reason;

	state_of(call->vm, &state, &reason);
	xdr_put_int(call->out, state);
	xdr_put_int(call->out, reason);
	call_return(call);
}

static void put_info(struct call *call, const struct measure *m, G_GNUC_UNUSED unsigned int count)
{
	const struct config *config = m->vm->live ? m->vm->live : m->vm->config;
	uint64_t now = m->memory ? m->mem.actual : m->vm->live ? config->memory :
		config->memory_min;
	int32_t state, reason;

	state_of(m->vm, &state, &reason);
	xdr_put_uint(call->out, (uint32_t)state);
	xdr_put_ulong(call->out, config->memory / 1024);
	xdr_put_ulong(call->out, now / 1024);
	xdr_put_uint(call->out, config->cpus);
	xdr_put_ulong(call->out, measure_cpu_ns(m));
	call_return(call);
}

void do_get_info(struct call *call)
{
	measure_vm(call, MEASURE_STATS | MEASURE_MEMORY, put_info);
}

void do_is_active(struct call *call)
{
	xdr_put_int(call->out, vm_is_on(call->vm));
	call_return(call);
}

void do_is_persistent(struct call *call)
{
	xdr_put_int(call->out, !definition_is_transient(vm_uuid(call->vm)));
	call_return(call);
}

void do_get_os_type(struct call *call)
{
	xdr_put_string(call->out, "hvm");
	call_return(call);
}

void do_get_autostart(struct call *call)
{
	xdr_put_int(call->out, call->vm->config->autostart);
	call_return(call);
}

void do_set_autostart(struct call *call)
{
	struct config *config;
	struct btn_error e;

	if (definition_is_transient(vm_uuid(call->vm))) {
		call_fail(call, LV_ERR_INVALID_STATE, "Requested operation is not valid: cannot "
			"set autostart for transient domain");
		return;
	}
	config = config_copy(call->vm->config);
	config->autostart = call->arg[1].i != 0;
	if (vm_set_config(call->vm, config, &e))
		call_return(call);
	else
		call_fail_btn(call, &e);
}

/* The host's clock may have been set back since. */
static uint64_t elapsed_ms(const struct job *job)
{
	return (uint64_t)MAX(g_get_real_time() - job->started_us, 0) / 1000;
}

void do_get_control_info(struct call *call)
{
	/* The monitor takes requests, or a job has it. */
	xdr_put_uint(call->out, call->vm->job ? 1 : 0);
	xdr_put_uint(call->out, 0);
	xdr_put_ulong(call->out, call->vm->job ? elapsed_ms(call->vm->job) : 0);
	call_return(call);
}

/* ---- XML ---- */

static void put_xml(struct call *call, const struct measure *m, G_GNUC_UNUSED unsigned int count)
{
	char *xml = definition_xml(m->vm, !(call->flags & XML_INACTIVE),
				   m->memory ? m->mem.actual : 0, call->flags & XML_SECURE);

	xdr_put_string(call->out, xml);
	g_free(xml);
	call_return(call);
}

void do_get_xml(struct call *call)
{
	if (call->flags & XML_SECURE && call->conn->readonly)
		call_fail(call, LV_ERR_DENIED, "operation forbidden: read only access prevents "
			  "virDomainGetXMLDesc with secure flag");
	else
		measure_vm(call, call->flags & XML_INACTIVE ? 0 : MEASURE_MEMORY, put_xml);
}

/* ---- texts ---- */

enum { META_DESCRIPTION, META_TITLE, META_ELEMENT };
enum { META_CONFIG = 2 };

static void put_metadata(struct call *call, char *text, const char *what)
{
	if (text && text[0]) {
		xdr_put_string(call->out, text);
		call_return(call);
	} else
		call_fail(call, LV_ERR_NO_METADATA, "metadata not found: Requested metadata "
			"element is not present (%s)", what);
	g_free(text);
}

void do_get_metadata(struct call *call)
{
	const char *uri = call->arg[2].s;
	struct kept *kept;

	switch (call->arg[1].i) {
	case META_DESCRIPTION:
		put_metadata(call, g_strdup(call->vm->config->description), "description");
		break;
	case META_TITLE:
		put_metadata(call, g_strdup(call->vm->config->title), "title");
		break;
	case META_ELEMENT:
		kept = definition_load_kept(call->vm, !(call->flags & META_CONFIG));
		put_metadata(call, metadata_get(kept, uri ? uri : ""), uri ? uri : "");
		kept_free(kept);
		break;
	default:
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: unknown metadata type %d",
			  call->arg[1].i);
	}
}

static bool set_text(struct vm *vm, const char *key, const char *text, struct btn_error *e)
{
	struct config *config = config_copy(vm->config);

	if (config_set(config, key, text ? text : "", e))
		return vm_set_config(vm, config, e);
	config_free(config);
	return false;
}

static void set_element(struct call *call)
{
	const char *uri = call->arg[4].s;
	struct xml_error xml;
	struct btn_error e;

	if (!uri) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: the element has no URI");
	} else if (definition_set_metadata(call->vm, call->arg[2].s, call->arg[3].s, uri, &xml,
					   &e)) {
		tell_metadata(call->vm, META_ELEMENT, uri);
		call_return(call);
	} else if (e.code) {
		call_fail_btn(call, &e);
	} else {
		call_fail(call, xml.code, "%s", xml.text);
	}
}

void do_set_metadata(struct call *call)
{
	int32_t type = call->arg[1].i;
	struct btn_error e;

	if (type == META_ELEMENT) {
		set_element(call);
	} else if (type != META_DESCRIPTION && type != META_TITLE) {
		call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: unknown metadata type %d",
			  type);
	} else if (!set_text(call->vm, type == META_TITLE ? "title" : "description",
			     call->arg[2].s, &e)) {
		call_fail_btn(call, &e);
	} else {
		tell_metadata(call->vm, type, NULL);
		call_return(call);
	}
}

/* ---- jobs ---- */

enum { JOB_TYPE_NONE, JOB_TYPE_BOUNDED };

void do_get_job_info(struct call *call)
{
	const struct job *job = call->vm->job;
	unsigned int i;

	xdr_put_int(call->out, job ? JOB_TYPE_BOUNDED : JOB_TYPE_NONE);
	xdr_put_ulong(call->out, job ? elapsed_ms(job) : 0);
	/* Time left, and amounts of data: not known of what Baton's jobs do. */
	for (i = 0; i < 10; i++)
		xdr_put_ulong(call->out, 0);
	call_return(call);
}

void do_get_job_stats(struct call *call)
{
	const struct job *job = call->vm->job;

	xdr_put_int(call->out, job ? JOB_TYPE_BOUNDED : JOB_TYPE_NONE);
	xdr_put_uint(call->out, job ? 2 : 0);
	if (job) {
		put_param_int(call->out, "operation", !strcmp(job->kind, "start") ? 1 : 0);
		put_param_ulong(call->out, "time_elapsed", elapsed_ms(job));
	}
	call_return(call);
}

void do_abort_job(struct call *call)
{
	if (!call->vm->job) {
		call_fail(call, LV_ERR_INVALID_STATE, "Requested operation is not valid: no job is "
			  "active on the domain");
		return;
	}
	job_cancel(call->vm->job);
	call_return(call);
}
