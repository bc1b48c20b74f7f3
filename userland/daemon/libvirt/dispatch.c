// SPDX-License-Identifier: GPL-2.0-or-later
#include "libvirt/dispatch.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "libvirt/handlers.h"
#include "libvirt/pool.h"
#include "libvirt/stream.h"
#include "network.h"

/* ---- errors ---- */

static const struct { enum btn_code from; enum lv_code to; } codes[] = {
	{ BTN_NO_SUCH_VM, LV_ERR_NO_DOMAIN }, { BTN_NO_SUCH_NETWORK, LV_ERR_NO_NETWORK },
	{ BTN_NO_SUCH_IMAGE, LV_ERR_NO_VOL }, { BTN_VM_OFF, LV_ERR_INVALID_STATE },
	{ BTN_VM_ON, LV_ERR_INVALID_STATE }, { BTN_VM_STATE, LV_ERR_INVALID_STATE },
	{ BTN_NOT_RUNNING, LV_ERR_INVALID_STATE }, { BTN_VM_BUSY, LV_ERR_BUSY },
	{ BTN_VM_NAME, LV_ERR_INVALID_ARG }, { BTN_BAD_VALUE, LV_ERR_INVALID_ARG },
	{ BTN_MEMORY_TARGET, LV_ERR_INVALID_ARG }, { BTN_JOB_CANCELLED, LV_ERR_ABORTED },
	{ BTN_WAIT_TIMEOUT, LV_ERR_TIMEOUT }, { BTN_VM_NOT_STOPPED, LV_ERR_TIMEOUT },
	{ BTN_HOST_CALL_FAILED, LV_ERR_SYSTEM }, { BTN_NO_FDS, LV_ERR_SYSTEM },
	{ BTN_INTERNAL, LV_ERR_INTERNAL }, { BTN_NO_SCREEN, LV_ERR_UNSUPPORTED },
	{ BTN_NO_POWER_BUTTON, LV_ERR_UNSUPPORTED }, { BTN_DISK_BUSY, LV_ERR_INVALID_STATE },
	{ BTN_DISK_SHRINK, LV_ERR_INVALID_ARG }, { BTN_DISK_SIZE, LV_ERR_INVALID_ARG },
};

enum lv_code error_code(const struct btn_error *e)
{
	unsigned int i;

	for (i = 0; i < G_N_ELEMENTS(codes); i++)
		if (codes[i].from == e->code)
			return codes[i].to;
	return LV_ERR_FAILED;
}

char *error_text(const struct btn_error *e)
{
	const char *start = "";

	/* As libvirt begins them: people and scripts look for these words. */
	if (error_code(e) == LV_ERR_NO_DOMAIN)
		start = "Domain not found: ";
	else if (error_code(e) == LV_ERR_NO_NETWORK)
		start = "Network not found: ";
	else if (error_code(e) == LV_ERR_INVALID_STATE)
		start = "Requested operation is not valid: ";
	return g_strdup_printf("%s%s (BTN-%d). %s %s", start, e->message, e->code, e->cause,
			       e->fix);
}

/* The part of libvirt that an error is said to come from. */
static int32_t error_domain(enum lv_code code)
{
	switch (code) {
	case LV_ERR_NO_SUPPORT:
	case LV_ERR_NO_CONNECT:
	case LV_ERR_DENIED:
		return 0;
	case LV_ERR_RPC:
		return 7;
	case LV_ERR_NO_NETWORK:
	case LV_ERR_NO_PORT:
		return 19;
	case LV_ERR_NO_POOL:
	case LV_ERR_NO_VOL:
	case LV_ERR_VOL_EXISTS:
		return 18;
	case LV_ERR_NO_NODEDEV:
		return 22;
	case LV_ERR_NO_INTERFACE:
		return 26;
	case LV_ERR_NO_SECRET:
		return 30;
	case LV_ERR_NO_NWFILTER:
	case LV_ERR_NO_BINDING:
		return 33;
	case LV_ERR_NO_SNAPSHOT:
		return 35;
	case LV_ERR_BAD_STREAM:
		return 38;
	case LV_ERR_NO_CHECKPOINT:
		return 69;
	default:
		return 20;
	}
}

void put_error(GByteArray *to, enum lv_code code, const char *text)
{
	xdr_put_int(to, code);
	xdr_put_int(to, error_domain(code));
	xdr_put_optional(to, text);
	xdr_put_int(to, 2);		/* level: error */
	xdr_put_uint(to, 0);		/* dom */
	xdr_put_optional(to, text);	/* str1 … */
	xdr_put_optional(to, NULL);
	xdr_put_optional(to, NULL);	/* … str3 */
	xdr_put_int(to, -1);
	xdr_put_int(to, -1);
	xdr_put_uint(to, 0);		/* net */
}

/* ---- the end of a call ---- */

static void call_free(struct call *call)
{
	struct connection *conn = call->conn;

	if (conn) {
		conn->calls = g_slist_remove(conn->calls, call);
		connection_call_done(conn);
	}
	if (call->stream)
		stream_free(call->stream);
	if (call->fd >= 0)
		close(call->fd);
	if (call->out_fd >= 0)
		close(call->out_fd);
	if (call->vm)
		vm_unref(call->vm);
	if (call->free_data)
		call->free_data(call->data);
	g_byte_array_unref(call->out);
	xdr_args_free(&call->args);
	g_free(call->message);
	g_free(call);
}

void calls_release(struct connection *conn)
{
	GSList *at;

	for (at = conn->calls; at; at = at->next)
		((struct call *)at->data)->conn = NULL;
	g_slist_free(conn->calls);
	conn->calls = NULL;
}

static GByteArray *reply_new(const struct call *call, enum lv_type type, enum lv_status status)
{
	return message_new(call->header.program, call->header.procedure, type,
			   call->header.serial, status);
}

static void fail_text(struct call *call, enum lv_code code, const char *text)
{
	GByteArray *message;

	if (call->conn) {
		g_debug("libvirt: connection %u: call %u of procedure %u: error %d: %s",
			call->conn->number, call->header.serial, call->header.procedure, code,
			text);
		message = reply_new(call, LV_REPLY, LV_ERROR);
		put_error(message, code, text);
		connection_send(call->conn, message, -1);
	}
	call_free(call);
}

void call_fail(struct call *call, enum lv_code code, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = g_strdup_vprintf(fmt, args);
	va_end(args);
	fail_text(call, code, text);
	g_free(text);
}

void call_fail_btn(struct call *call, const struct btn_error *e)
{
	char *text = error_text(e);

	fail_text(call, error_code(e), text);
	g_free(text);
}

void call_return(struct call *call)
{
	bool with_fd = call->out_fd >= 0;
	GByteArray *message;

	if (!call->conn) {
		call_free(call);
		return;
	}
	if (call->out->len > LV_MESSAGE_MAX / 2 ||
	    !xdr_check(call->proc->out, call->out->data, call->out->len)) {
		call_fail(call, LV_ERR_INTERNAL, "internal error: the result of %s is not "
			  "what it has to be", call->proc->name);
		return;
	}
	g_debug("libvirt: connection %u: call %u of procedure %u: done", call->conn->number,
		call->header.serial, call->header.procedure);
	message = reply_new(call, with_fd ? LV_REPLY_FDS : LV_REPLY, LV_OK);
	if (with_fd)
		xdr_put_uint(message, 1);
	g_byte_array_append(message, call->out->data, call->out->len);
	connection_send(call->conn, message, call->out_fd);
	call->out_fd = -1;
	if (call->stream)
		stream_start(call->stream);
	call->stream = NULL;
	call_free(call);
}

/* ---- jobs ---- */

struct after_job {
	struct call *call;
	void (*then)(struct call *call);
};

static void job_done(struct job *job, void *ctx)
{
	struct after_job *after = ctx;

	if (job->state == JOB_DONE)
		after->then(after->call);
	else
		call_fail_btn(after->call, &job->error);
	g_free(after);
}

void call_after_job(struct call *call, struct job *job, const struct btn_error *e,
		    void (*then)(struct call *call))
{
	struct after_job *after;

	if (!job) {
		call_fail_btn(call, e);
		return;
	}
	after = g_new(struct after_job, 1);
	*after = (struct after_job){ call, then };
	job_when_done(job, job_done, after);
	job_unref(job);
}

void call_return_job(struct call *call, struct job *job, const struct btn_error *e)
{
	call_after_job(call, job, e, call_return);
}

/* ---- the beginning of a call ---- */

/* For what Baton does not have any of: empty lists, zeros, all of them words of four bytes. */
static void return_empty(struct call *call)
{
	uint32_t i, count = xdr_count(call->proc->out);

	for (i = 0; i < count; i++)
		xdr_put_uint(call->out, 0);
	call_return(call);
}

static bool find_vm(struct call *call)
{
	const struct xdr_value *dom = &call->arg[0];
	char uuid[37];
	struct vm *vm;

	/* A snap names its VM, too. */
	if (!strncmp(call->proc->in, "snap", 4))
		dom = &dom->item[1];
	xdr_uuid_text(dom->item[1].bytes, uuid);
	vm = registry_find_uuid(uuid);
	if (!vm) {
		call_fail(call, LV_ERR_NO_DOMAIN,
			  "Domain not found: no domain with matching uuid '%s' (%s)", uuid,
			  dom->item[0].s);
		return false;
	}
	call->vm = vm_ref(vm);
	vm_refresh(vm);
	if (call->proc->needs & NEEDS_ON && !vm_is_on(vm)) {
		call_fail(call, LV_ERR_INVALID_STATE,
			  "Requested operation is not valid: domain is not running");
		return false;
	}
	return true;
}

static bool find_network(struct call *call)
{
	char uuid[37];

	xdr_uuid_text(call->arg[0].item[1].bytes, uuid);
	call->network = network_find_uuid(uuid);
	if (call->network)
		return true;
	call_fail(call, LV_ERR_NO_NETWORK,
		  "Network not found: no network with matching uuid '%s' (%s)", uuid,
		  call->arg[0].item[0].s);
	return false;
}

static bool find_pool(struct call *call)
{
	call->pool = pool_find_uuid(call->arg[0].item[1].bytes);
	if (call->pool)
		return true;
	call_fail(call, LV_ERR_NO_POOL, "Storage pool not found: no storage pool with matching "
		"name '%s'", call->arg[0].item[0].s);
	return false;
}

/* Flags, where a procedure has them, are its last argument. */
static bool check_flags(struct call *call)
{
	if (call->proc->flags == NO_FLAGS)
		return true;
	call->flags = call->arg[call->args.count - 1].u;
	if (!(call->flags & ~(uint64_t)call->proc->flags))
		return true;
	call_fail(call, LV_ERR_INVALID_ARG, "unsupported flags (0x%x) in function vir%s",
		  (unsigned int)(call->flags & ~(uint64_t)call->proc->flags), call->proc->name);
	return false;
}

static bool may_run(struct call *call)
{
	const struct procedure *proc = call->proc;

	if (!call->conn->opened && !(proc->needs & EARLY)) {
		call_fail(call, LV_ERR_RPC, "the connection has not been opened");
		return false;
	}
	if (call->conn->readonly && !(proc->needs & (READS | EARLY))) {
		call_fail(call, LV_ERR_DENIED,
			  "operation forbidden: read only access prevents vir%s", proc->name);
		return false;
	}
	if (!proc->run && !(proc->needs & EMPTY)) {
		call_fail(call, LV_ERR_NO_SUPPORT,
			  "this function is not supported by the connection driver: vir%s",
			  proc->name);
		return false;
	}
	return true;
}

static bool decode(struct call *call)
{
	uint8_t *payload = call->message + LV_HEADER;
	size_t length = call->header.length - LV_HEADER;

	if (call->header.type == LV_CALL_FDS) {
		payload += 4;
		length -= 4;
	}
	if (xdr_decode(call->proc->in, payload, length, &call->args)) {
		call->arg = call->args.value;
		return true;
	}
	call_fail(call, LV_ERR_RPC, "the arguments of vir%s cannot be decoded",
		  call->proc->name);
	return false;
}

void dispatch_call(struct connection *conn, const struct lv_header *header, uint8_t *message,
		   int fd)
{
	struct call *call = g_new0(struct call, 1);

	call->conn = conn;
	call->header = *header;
	call->message = message;
	call->fd = fd;
	call->out = g_byte_array_new();
	call->out_fd = -1;
	conn->calls = g_slist_prepend(conn->calls, call);
	if (header->program == LV_REMOTE && header->version == LV_VERSION)
		call->proc = procedure_find(header->procedure);
	if (header->program == LV_QEMU || header->program == LV_LXC) {
		call_fail(call, LV_ERR_NO_SUPPORT, "this function is not supported by the "
			  "connection driver: it is for %s alone",
			  header->program == LV_QEMU ? "QEMU" : "containers");
		return;
	}
	if (!call->proc) {
		call_fail(call, LV_ERR_RPC, "unknown procedure: %u of program 0x%x version %u",
			  header->procedure, header->program, header->version);
		return;
	}
	if (!may_run(call) || !decode(call) || !check_flags(call))
		return;
	if (call->proc->needs & NEEDS_VM && !find_vm(call))
		return;
	if (call->proc->needs & NEEDS_NET && !find_network(call))
		return;
	if (call->proc->needs & NEEDS_POOL && !find_pool(call))
		return;
	if (call->proc->run)
		call->proc->run(call);
	else
		return_empty(call);
}

/* ---- what many results have ---- */

void put_dom(GByteArray *to, const struct vm *vm)
{
	uint8_t uuid[16] = { 0 };

	xdr_uuid_parse(vm_uuid(vm), uuid);
	xdr_put_string(to, vm_name(vm));
	xdr_put_uuid(to, uuid);
	xdr_put_int(to, vm_is_on(vm) ? vm->id : -1);
}

void put_net(GByteArray *to, const struct network *network)
{
	uint8_t uuid[16] = { 0 };

	xdr_uuid_parse(network->uuid, uuid);
	xdr_put_string(to, network->name);
	xdr_put_uuid(to, uuid);
}

static void put_param(GByteArray *to, const char *name, enum xdr_tparam_type type)
{
	xdr_put_string(to, name);
	xdr_put_uint(to, type);
}

void put_param_int(GByteArray *to, const char *name, int32_t value)
{
	put_param(to, name, XDR_TPARAM_INT);
	xdr_put_int(to, value);
}

void put_param_uint(GByteArray *to, const char *name, uint32_t value)
{
	put_param(to, name, XDR_TPARAM_UINT);
	xdr_put_uint(to, value);
}

void put_param_long(GByteArray *to, const char *name, int64_t value)
{
	put_param(to, name, XDR_TPARAM_LLONG);
	xdr_put_long(to, value);
}

void put_param_ulong(GByteArray *to, const char *name, uint64_t value)
{
	put_param(to, name, XDR_TPARAM_ULLONG);
	xdr_put_ulong(to, value);
}

void put_param_bool(GByteArray *to, const char *name, bool value)
{
	put_param(to, name, XDR_TPARAM_BOOLEAN);
	xdr_put_int(to, value);
}

void put_param_string(GByteArray *to, const char *name, const char *value)
{
	put_param(to, name, XDR_TPARAM_STRING);
	xdr_put_string(to, value);
}
