// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A VM as the app knows it. See vm.h.
 */
#include <string.h>

#include "model/error.h"
#include "model/vm.h"
#include "text.h"

enum { SIGNAL_CHANGED, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonVm, baton_vm, G_TYPE_OBJECT)

static const struct {
	const char *name, *word, *icon;
} states[] = {
	[VM_UNKNOWN] = { NULL, N_("Unknown"), "dialog-question-symbolic" },
	[VM_STOPPED] = { "stopped", N_("Off"), "media-playback-stop-symbolic" },
	[VM_STARTING] = { "starting", N_("Starting"), "content-loading-symbolic" },
	[VM_RUNNING] = { "running", N_("Running"), "media-playback-start-symbolic" },
	[VM_PAUSED] = { "paused", N_("Paused"), "media-playback-pause-symbolic" },
	[VM_STOPPING] = { "stopping", N_("Shutting down"), "content-loading-symbolic" },
	[VM_BROKEN] = { "broken", N_("Broken"), "dialog-error-symbolic" },
	[VM_CRASHED] = { "crashed", N_("Crashed"), "dialog-warning-symbolic" },
	[VM_FAILED] = { NULL, N_("Failed"), "dialog-warning-symbolic" },
};

static const struct {
	const char *name, *text;
} reasons[] = {
	{ "resumed", N_("resumed") }, { "paused", N_("paused on request") },
	{ "attached", N_("was running when the daemon came back") },
	{ "power-off", N_("the guest shut down") }, { "killed", N_("its power was cut") },
	{ "crashed", N_("the guest gave up") },
};

const char *vm_state_word(enum vm_state state)
{
	return _(states[state].word);
}

const char *vm_state_icon(enum vm_state state)
{
	return states[state].icon;
}

const char *baton_vm_reason(const BatonVm *vm)
{
	for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
		if (!g_strcmp0(vm->reason, reasons[i].name))
			return _(reasons[i].text);
	return "";
}

char *baton_vm_status(const BatonVm *vm)
{
	if (vm->job && vm->job_step && *vm->job_step && vm->job_percent)
		return g_strdup_printf("%s (%u%%)", vm->job_step, vm->job_percent);
	if (vm->pending)
		return g_strdup(vm->pending);
	return g_strdup(vm_state_word(baton_vm_shown_state(vm)));
}

enum vm_state baton_vm_shown_state(const BatonVm *vm)
{
	if (vm->pending)
		return VM_STARTING;
	if (vm->state == VM_STOPPED && !g_strcmp0(vm->reason, "crashed"))
		return VM_CRASHED;
	if (vm->state == VM_STOPPED && !g_strcmp0(vm->reason, "failed"))
		return VM_FAILED;
	return vm->state;
}

/* ---- search and order ---- */

static void update_search(BatonVm *vm)
{
	g_autofree char *text = g_strjoin(" ", vm->name ? vm->name : "", vm->title ? vm->title : "",
		vm->address ? vm->address : "", vm->image ? vm->image : "",
		vm_state_word(vm->state), vm->description ? vm->description : "", NULL);

	g_free(vm->search);
	vm->search = g_utf8_strdown(text, -1);
}

gboolean baton_vm_matches(const BatonVm *vm, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);

	for (char **word = words; *word; word++)
		if (**word && !strstr(vm->search ? vm->search : "", *word))
			return FALSE;
	return TRUE;
}

int baton_vm_compare_names(const BatonVm *a, const BatonVm *b)
{
	g_autofree char *key_a = g_utf8_collate_key_for_filename(a->name ? a->name : "", -1);
	g_autofree char *key_b = g_utf8_collate_key_for_filename(b->name ? b->name : "", -1);

	return strcmp(key_a, key_b);
}

/* ---- what the API says ---- */

/* libvirt hands on what bytes the other side has sent; GLib reads on behind bad ones. */
static void set_text(char **field, const char *text)
{
	g_free(*field);
	*field = text ? g_utf8_make_valid(text, -1) : NULL;
}

static enum vm_state state_of(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
		if (name && !g_strcmp0(states[i].name, name))
			return (enum vm_state)i;
	return VM_UNKNOWN;
}

static void take_networks(BatonVm *vm, const struct json_node *networks)
{
	const struct json_node *network = NULL;
	GString *names = g_string_new(NULL);

	g_clear_pointer(&vm->address, g_free);
	while (networks && (network = json_next(networks, network))) {
		const char *name = node_text(network, "network");
		const char *address = node_text(network, "address");

		if (name)
			g_string_append_printf(names, "%s%s", names->len ? ", " : "", name);
		if (address && !vm->address)
			vm->address = g_strdup(address);
	}
	g_free(vm->networks);
	vm->networks = g_string_free(names, !names->len);
}

static void take_forwards(BatonVm *vm, const struct json_node *forwards)
{
	const struct json_node *forward = NULL;
	g_autoptr(GPtrArray) all = g_ptr_array_new();

	while (forwards && (forward = json_next(forwards, forward)))
		if (forward->type == JSON_STRING)
			g_ptr_array_add(all, g_strdup(forward->string));
	g_ptr_array_add(all, NULL);
	g_strfreev(vm->forwards);
	vm->forwards = (char **)g_ptr_array_steal(all, NULL);
}

static void take_problem(BatonVm *vm, const struct json_node *problem)
{
	/* One that a click has shown stays until the next click; the daemon's own replaces it. */
	if (!problem || problem->type != JSON_OBJECT)
		return;
	g_clear_error(&vm->problem);
	vm->problem = baton_error_from_node(problem);
}

void baton_vm_take_node(BatonVm *vm, const struct json_node *node)
{
	enum vm_state old = vm->state;

	vm->native = TRUE;
	set_text(&vm->name, node_text(node, "name"));
	set_text(&vm->title, node_text(node, "title"));
	set_text(&vm->description, node_text(node, "description"));
	vm->state = state_of(node_text(node, "state"));
	set_text(&vm->reason, node_text(node, "reason"));
	set_text(&vm->since, node_text(node, "since"));
	vm->cpus = (guint)node_number(node, "cpus", 0);
	vm->memory = (guint64)node_number(node, "memory", 0);
	vm->memory_min = (guint64)node_number(node, "memory_min", 0);
	set_text(&vm->folder, node_text(node, "folder"));
	set_text(&vm->image, node_text(node, "image"));
	set_text(&vm->user, node_text(node, "user"));
	set_text(&vm->engine, node_text(node, "engine"));
	set_text(&vm->board, node_text(node, "board"));
	vm->pid = node_number(node, "pid", 0);
	vm->autostart = node_flag(node, "autostart");
	vm->job = node_number(node, "job", 0);
	if (!vm->job) {
		vm->job_percent = 0;
		g_clear_pointer(&vm->job_step, g_free);
	}
	take_networks(vm, json_member(node, "networks"));
	take_forwards(vm, json_member(node, "forwards"));
	if (vm->state != old) {
		vm->pending = NULL;
		if (baton_vm_is_on(vm))
			g_clear_error(&vm->problem);
	}
	take_problem(vm, json_member(node, "problem"));
	baton_vm_changed(vm);
}

void baton_vm_take_job(BatonVm *vm, const struct json_node *job)
{
	if (g_strcmp0(node_text(job, "state"), "running")) {
		vm->job = 0;
		vm->job_percent = 0;
		vm->pending = NULL;
		g_clear_pointer(&vm->job_step, g_free);
	} else {
		vm->job = node_number(job, "id", 0);
		vm->job_percent = (guint)node_number(job, "percent", 0);
		set_text(&vm->job_step, node_text(job, "step"));
	}
	baton_vm_changed(vm);
}

/* ---- what libvirt says ---- */

static enum vm_state state_of_domain(GVirDomainState state)
{
	switch (state) {
	case GVIR_DOMAIN_STATE_RUNNING:
	case GVIR_DOMAIN_STATE_BLOCKED:
		return VM_RUNNING;
	case GVIR_DOMAIN_STATE_PAUSED:
	case GVIR_DOMAIN_STATE_PMSUSPENDED:
		return VM_PAUSED;
	case GVIR_DOMAIN_STATE_SHUTDOWN:
		return VM_STOPPING;
	case GVIR_DOMAIN_STATE_SHUTOFF:
		return VM_STOPPED;
	case GVIR_DOMAIN_STATE_CRASHED:
		return VM_CRASHED;
	default:
		return VM_UNKNOWN;
	}
}

void baton_vm_take_domain(BatonVm *vm, GVirDomain *domain)
{
	g_set_object(&vm->domain, domain);
	if (domain && !vm->native)
		set_text(&vm->name, gvir_domain_get_name(domain));
	baton_vm_changed(vm);
}

void baton_vm_take_info(BatonVm *vm, const GVirDomainInfo *info)
{
	if (vm->native)
		return;
	vm->state = state_of_domain(info->state);
	vm->cpus = info->nrVirtCpu;
	vm->memory = info->maxMem * 1024;
	vm->pending = NULL;
	baton_vm_changed(vm);
}

void baton_vm_set_unknown(BatonVm *vm)
{
	vm->state = VM_UNKNOWN;
	vm->pending = NULL;
	vm->job = 0;
	g_clear_pointer(&vm->reason, g_free);
	g_clear_pointer(&vm->since, g_free);
	baton_vm_changed(vm);
}

/* ---- life ---- */

void baton_vm_set_pending(BatonVm *vm, const char *pending)
{
	vm->pending = pending;
	baton_vm_changed(vm);
}

void baton_vm_set_problem(BatonVm *vm, GError *problem)
{
	g_clear_error(&vm->problem);
	vm->problem = problem;
	baton_vm_changed(vm);
}

void baton_vm_changed(BatonVm *vm)
{
	update_search(vm);
	g_signal_emit(vm, signals[SIGNAL_CHANGED], 0);
}

BatonVm *baton_vm_new(gpointer connection, const char *uuid)
{
	BatonVm *vm = g_object_new(BATON_TYPE_VM, NULL);

	vm->connection = connection;
	vm->uuid = g_ascii_strdown(uuid, -1);
	return vm;
}

static void baton_vm_init(BatonVm *vm)
{
	vm->forwards = g_new0(char *, 1);
}

static void baton_vm_finalize(GObject *object)
{
	BatonVm *vm = BATON_VM(object);
	char *texts[] = { vm->uuid, vm->name, vm->title, vm->description, vm->reason, vm->address,
			  vm->networks, vm->folder, vm->image, vm->user, vm->engine, vm->board,
			  vm->since, vm->job_step, vm->search };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_strfreev(vm->forwards);
	g_clear_error(&vm->problem);
	g_clear_object(&vm->domain);
	G_OBJECT_CLASS(baton_vm_parent_class)->finalize(object);
}

static void baton_vm_class_init(BatonVmClass *class)
{
	G_OBJECT_CLASS(class)->finalize = baton_vm_finalize;
	signals[SIGNAL_CHANGED] = g_signal_new("changed", BATON_TYPE_VM, G_SIGNAL_RUN_LAST, 0,
					       NULL, NULL, NULL, G_TYPE_NONE, 0);
}
