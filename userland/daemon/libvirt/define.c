// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that make VMs from XML, or change what they are. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libvirt/definition_private.h"
#include "libvirt/handlers.h"
#include "libvirt/registration.h"
#include "lifecycle.h"
#include "network.h"

#define VNC_PORT_FIRST 5900u
#define VNC_PORT_COUNT 10000u

static GSList *ports_coming;	/* of VMs in the making, which the registry does not have yet */

/* ---- a port for the screen ---- */

struct port_search {
	const struct vm *vm;	/* may keep its own, unless another one has it, too */
	unsigned int own;
	bool own_is_taken;
	bool taken[VNC_PORT_COUNT];
};

static unsigned int port_of(const struct config *config)
{
	const char *vnc = config->vnc;

	return vnc && g_str_has_prefix(vnc, "127.0.0.1:") ? (unsigned int)atoi(vnc + 10) : 0;
}

static void take_port(struct port_search *search, unsigned int port)
{
	search->own_is_taken |= port && port == search->own;
	if (port - VNC_PORT_FIRST < VNC_PORT_COUNT)
		search->taken[port - VNC_PORT_FIRST] = true;
}

static void find_ports(struct vm *vm, void *ctx)
{
	struct port_search *search = ctx;

	if (vm != search->vm)
		take_port(search, port_of(vm->config));
}

/* Nobody listens there now. Somebody may by the time that the VM starts. */
static bool port_is_free(unsigned int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	bool is_free;

	if (fd < 0)
		return false;
	/* Connections that have ended do not count. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	is_free = !bind(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return is_free;
}

/* The one that it has, unless somebody else is there; 0: none is free. */
static unsigned int find_port(const struct vm *vm)
{
	struct port_search search = { .vm = vm, .own = vm ? port_of(vm->config) : 0 };
	unsigned int n;
	GSList *at;

	registry_each(find_ports, &search);
	for (at = ports_coming; at; at = at->next)
		take_port(&search, GPOINTER_TO_UINT(at->data));
	if (search.own && !search.own_is_taken && (vm_is_on(vm) || port_is_free(search.own)))
		return search.own;
	for (n = 0; n < VNC_PORT_COUNT; n++)
		if (!search.taken[n] && port_is_free(VNC_PORT_FIRST + n))
			return VNC_PORT_FIRST + n;
	return 0;
}

bool definition_choose_port(struct domain_read *d, const struct vm *vm, struct xml_error *e)
{
	unsigned int port = find_port(vm);

	if (!port) {
		domain_read_free(d);
		return xml_fail(e, LV_ERR_FAILED, "operation failed: no port of %u to %u is free "
				"for the VM's screen", VNC_PORT_FIRST,
				VNC_PORT_FIRST + VNC_PORT_COUNT - 1);
	}
	g_free(d->config->vnc);
	d->config->vnc = g_strdup_printf("127.0.0.1:%u", port);
	if (!d->config->vnc_password)
		d->config->vnc_password = g_strdup(DOMAIN_PASSWORD_FILE);
	return true;
}

bool definition_refresh_port(struct vm *vm, struct btn_error *e)
{
	struct kept *kept = definition_load_kept(vm, false);
	unsigned int old = port_of(vm->config), port = old;
	struct config *config;

	if (old && kept->graphics == GRAPHICS_AUTO)
		port = find_port(vm);
	kept_free(kept);
	/* None is free: the start says so. */
	if (port == old || !port)
		return true;
	config = config_copy(vm->config);
	g_free(config->vnc);
	config->vnc = g_strdup_printf("127.0.0.1:%u", port);
	return vm_set_config(vm, config, e);
}

/* ---- a VM in the making ---- */

struct making {
	struct domain_read d;
	char uuid[37];
	unsigned int port;	/* in ports_coming; 0: none */
	bool create, paused, autodestroy, done;
	/* What a defined VM is again when it has started as something else; or NULL. */
	struct config *old;
	struct kept *old_kept;
};

static void making_free(void *data)
{
	struct making *making = data;

	if (making->port)
		ports_coming = g_slist_remove(ports_coming, GUINT_TO_POINTER(making->port));
	if (making->create && !making->done)
		definition_note_transient(making->uuid, false);
	domain_read_free(&making->d);
	config_free(making->old);
	kept_free(making->old_kept);
	g_free(making);
}

static struct vm *made_vm(struct call *call, const struct making *making)
{
	struct vm *vm = registry_find_uuid(making->uuid);

	if (!vm)
		call_fail(call, LV_ERR_NO_DOMAIN, "Domain not found: it has been deleted again");
	return vm;
}

static void answer(struct call *call)
{
	struct making *making = call->data;
	struct vm *vm = made_vm(call, making);

	if (!vm)
		return;
	making->done = true;
	if (making->autodestroy)
		autodestroy_with(call->conn, vm);
	put_dom(call->out, vm);
	call_return(call);
}

static void fail_and_delete(struct call *call, struct vm *vm, const struct btn_error *error)
{
	struct btn_error e;
	struct job *job = vm_delete(vm, false, &e);

	if (job)
		job_unref(job);
	call_fail_btn(call, error);
}

static void on_started(struct job *job, void *ctx)
{
	struct call *call = ctx;
	struct vm *vm;

	if (job->state == JOB_DONE) {
		answer(call);
		return;
	}
	vm = made_vm(call, call->data);
	if (vm)
		fail_and_delete(call, vm, &job->error);
}

/* The folder is there: what is kept goes into it; then it starts, if it shall. */
static void on_made(struct call *call)
{
	struct making *making = call->data;
	struct vm *vm = made_vm(call, making);
	struct btn_error e;
	struct job *job;

	if (!vm)
		return;
	if (!definition_finish(vm, &making->d, &e) ||
	    (making->create && !definition_set_transient(vm, true, &e))) {
		fail_and_delete(call, vm, &e);
		return;
	}
	if (!making->create) {
		answer(call);
		return;
	}
	job = vm_start(vm, making->paused, &e);
	if (!job) {
		fail_and_delete(call, vm, &e);
		return;
	}
	job_when_done(job, on_started, call);
	job_unref(job);
}

static void make_vm(struct call *call, struct making *making)
{
	struct create_request request = { .config = g_steal_pointer(&making->d.config) };
	struct btn_error e;

	making->port = port_of(request.config);
	if (making->port)
		ports_coming = g_slist_prepend(ports_coming, GUINT_TO_POINTER(making->port));
	call->data = making;
	call->free_data = making_free;
	if (making->create)
		definition_note_transient(making->uuid, true);
	call_after_job(call, vm_create(&request, &e), &e, on_made);
}

/* The VM that this XML is about, as far as there is one. False: answered. */
static bool read_xml(struct call *call, const char *xml, struct making *making, struct vm **ret)
{
	struct domain_read *d = &making->d;
	struct xml_error e;
	struct vm *vm, *other;

	if (!definition_read(d, NULL, xml, &e)) {
		call_fail(call, e.code, "%s", e.text);
		return false;
	}
	g_strlcpy(making->uuid, d->config->uuid, sizeof(making->uuid));
	other = registry_find(d->config->name, NULL);
	if (other)
		vm_refresh(other);
	vm = registry_find_uuid(making->uuid);
	if (vm)
		vm_refresh(vm);
	*ret = vm;
	if (other && other != vm) {
		call_fail(call, LV_ERR_FAILED, "operation failed: domain '%s' already exists with "
			  "uuid %s", vm_name(other), vm_uuid(other));
		return false;
	}
	if (!vm)
		return true;
	domain_read_free(d);
	if (definition_read(d, vm, xml, &e))
		return true;
	call_fail(call, e.code, "%s", e.text);
	return false;
}

/* A VM that is there gets another definition. False: answered. */
static bool change(struct call *call, struct vm *vm, struct making *making)
{
	bool was_transient = definition_is_transient(vm_uuid(vm));
	struct btn_error e;
	unsigned int i;

	for (i = 0; i < making->d.config->net_count; i++) {
		if (network_find(making->d.config->net[i].network, &e))
			continue;
		call_fail_btn(call, &e);
		return false;
	}
	if (!definition_apply(vm, &making->d, &e)) {
		call_fail_btn(call, &e);
		return false;
	}
	if (was_transient)
		tell_lifecycle(vm, LC_DEFINED, 0);
	return true;
}

void definition_define(struct call *call, const char *xml)
{
	struct making *making = g_new0(struct making, 1);
	struct vm *vm;

	if (!read_xml(call, xml, making, &vm)) {
		making_free(making);
	} else if (!vm) {
		make_vm(call, making);
	} else {
		if (change(call, vm, making)) {
			put_dom(call->out, vm);
			call_return(call);
		}
		making_free(making);
	}
}

/* ---- a run of a VM that is defined as something else ---- */

static void restore(struct vm *vm, struct making *making)
{
	struct btn_error e;

	if (!definition_save_kept(vm, making->old_kept, &e) ||
	    !vm_set_config(vm, g_steal_pointer(&making->old), &e))
		g_message("libvirt: %s: %s (BTN-%d)", vm_name(vm), e.message, e.code);
}

static void on_run_begun(struct job *job, void *ctx)
{
	struct call *call = ctx;
	struct making *making = call->data;
	struct vm *vm = registry_find_uuid(making->uuid);

	if (vm)
		restore(vm, making);
	if (job->state == JOB_DONE)
		answer(call);
	else
		call_fail_btn(call, &job->error);
}

/* What the run is, it keeps of its own when the old definition is back in its place. */
static void run_once(struct call *call, struct vm *vm, struct making *making)
{
	struct btn_error e;
	struct job *job;

	call->data = making;
	call->free_data = making_free;
	making->old = config_copy(vm->config);
	making->old_kept = definition_load_kept(vm, false);
	if (!change(call, vm, making))
		return;
	job = vm_start(vm, making->paused, &e);
	if (!job) {
		restore(vm, making);
		call_fail_btn(call, &e);
		return;
	}
	job_when_done(job, on_run_begun, call);
	job_unref(job);
}

void definition_create(struct call *call, const char *xml, bool paused, bool autodestroy)
{
	struct making *making = g_new0(struct making, 1);
	struct vm *vm;

	making->paused = paused;
	making->autodestroy = autodestroy;
	if (!read_xml(call, xml, making, &vm)) {
		making_free(making);
	} else if (!vm) {
		making->create = true;
		make_vm(call, making);
	} else if (vm_is_on(vm)) {
		call_fail(call, LV_ERR_INVALID_STATE, "Requested operation is not valid: domain is "
			  "already active as '%s'", vm_name(vm));
		making_free(making);
	} else {
		run_once(call, vm, making);
	}
}
