// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes of a definition: devices, memory, CPUs. A VM that runs takes no devices: with
 * flag live they are refused, with flag config they are there at its next start.
 */
#include <string.h>

#include "libvirt/definition.h"
#include "libvirt/handlers.h"
#include "libvirt/measure.h"
#include "monitor.h"
#include "network.h"

enum { AFFECT_LIVE = 1, AFFECT_CONFIG = 2, AFFECT_MAXIMUM = 4 };

/* Whether it is about the definition; 0: whatever the VM is now. False: answered. */
static bool about_config(struct call *call, const char *what)
{
	bool live = call->flags & AFFECT_LIVE ||
		(!(call->flags & AFFECT_CONFIG) && vm_is_on(call->vm));

	if (live && !vm_is_on(call->vm))
		call_fail(call, LV_ERR_INVALID_STATE,
			  "Requested operation is not valid: domain is not running");
	else if (live)
		call_fail(call, LV_ERR_UNSUPPORTED, "Operation not supported: %s of a VM that runs "
			  "cannot be changed; with --config they are from its next start on", what);
	return !live;
}

/* ---- devices ---- */

/* The definition's XML with another device in it. */
static char *with_device(const struct vm *vm, const char *device)
{
	char *xml = definition_xml(vm, false, 0, true), *end = g_strrstr(xml, "  </devices>");
	GString *to = g_string_new_len(xml, end - xml);

	g_string_append_printf(to, "    %s\n%s", device, end);
	g_free(xml);
	return g_string_free(to, FALSE);
}

static const struct xml_node *device_like(const struct xml_node *devices,
					  const struct xml_node *wanted)
{
	static const struct { const char *name, *child, *attribute; } keys[] = {
		{ "disk", "target", "dev" }, { "interface", "mac", "address" },
	};
	const struct xml_node *at;
	unsigned int i;

	for (at = devices->first; at; at = at->next) {
		if (!xml_is(at, wanted->name))
			continue;
		for (i = 0; i < G_N_ELEMENTS(keys) && !xml_is(at, keys[i].name); i++)
			;
		/* There is one of the others. */
		if (i == G_N_ELEMENTS(keys))
			return at;
		if (!g_ascii_strcasecmp(
			    xml_attribute(xml_child(at, keys[i].child), keys[i].attribute) ?: "",
			    xml_attribute(xml_child(wanted, keys[i].child),
			    keys[i].attribute) ?: ""))
			return at;
	}
	return NULL;
}

/* The definition's XML with `device` out of it, or replaced; NULL: it has none such. */
static char *without_device(const struct vm *vm, const struct xml_node *device,
			    const char *instead)
{
	char *xml = definition_xml(vm, false, 0, true), *ret = NULL;
	struct xml_error e;
	struct xml_node *root = xml_parse(xml, strlen(xml), &e);
	const struct xml_node *devices = xml_child(root, "devices");
	const struct xml_node *gone = devices ? device_like(devices, device) : NULL;

	if (gone)
		ret = g_strdup_printf("%.*s%s%s", (int)gone->start, xml, instead,
				      xml + gone->end);
	xml_free(root);
	g_free(xml);
	return ret;
}

static bool networks_exist(const struct config *config, struct btn_error *e)
{
	unsigned int i;

	for (i = 0; i < config->net_count; i++)
		if (!network_find(config->net[i].network, e))
			return false;
	return true;
}

static void redefine(struct call *call, const char *xml)
{
	struct domain_read d;
	struct xml_error xml_e;
	struct btn_error e;

	if (!definition_read(&d, call->vm, xml, &xml_e)) {
		call_fail(call, xml_e.code, "%s", xml_e.text);
		return;
	}
	if (networks_exist(d.config, &e) && definition_apply(call->vm, &d, &e))
		call_return(call);
	else
		call_fail_btn(call, &e);
	domain_read_free(&d);
}

/* The device of a call's XML. NULL: answered. */
static struct xml_node *parse_device(struct call *call)
{
	const char *text = call->arg[1].s;
	struct xml_error e;
	struct xml_node *node = xml_parse(text, strlen(text), &e);

	if (!node)
		call_fail(call, e.code, "%s", e.text);
	return node;
}

/* Of the others, a VM has what it has: false, and answered, rather than done to no effect. */
static bool may_be_attached(struct call *call, const struct xml_node *device)
{
	if (xml_is(device, "disk") || xml_is(device, "interface"))
		return true;
	call_fail(call, LV_ERR_CONFIG, "unsupported configuration: <%s>: only disks and network "
		  "cards can be added", device->name);
	return false;
}

static bool may_be_changed(struct call *call, const struct xml_node *device)
{
	static const char *const fixed[] = {
		"serial", "console", "video", "memballoon", "rng", "emulator", NULL,
	};

	if (!g_strv_contains(fixed, device->name))
		return true;
	call_fail(call, LV_ERR_UNSUPPORTED, "Operation not supported: every VM has one <%s>, and "
		  "as it is", device->name);
	return false;
}

void do_attach_device(struct call *call)
{
	struct xml_node *device;
	char *raw, *xml;

	if (!about_config(call, "devices"))
		return;
	device = parse_device(call);
	if (!device)
		return;
	if (may_be_attached(call, device)) {
		raw = xml_raw(call->arg[1].s, device);
		xml = with_device(call->vm, raw);
		redefine(call, xml);
		g_free(xml);
		g_free(raw);
	}
	xml_free(device);
}

static void change_device(struct call *call, bool replace)
{
	struct xml_node *device;
	char *raw, *xml;

	if (!about_config(call, "devices"))
		return;
	device = parse_device(call);
	if (!device)
		return;
	if (!may_be_changed(call, device)) {
		xml_free(device);
		return;
	}
	raw = xml_raw(call->arg[1].s, device);
	xml = without_device(call->vm, device, replace ? raw : "");
	if (xml)
		redefine(call, xml);
	else
		call_fail(call, LV_ERR_FAILED, "operation failed: the VM has no such <%s>",
			  device->name);
	g_free(xml);
	g_free(raw);
	xml_free(device);
}

void do_detach_device(struct call *call)
{
	change_device(call, false);
}

void do_update_device(struct call *call)
{
	change_device(call, true);
}

/* ---- memory ---- */

static const struct config *config_now(const struct vm *vm)
{
	return vm->live ? vm->live : vm->config;
}

static void on_target(const struct json_node *answer, int fd,
		      const struct btn_error *e, void *ctx)
{
	monitor_no_fd(fd);
	if (answer)
		call_return(ctx);
	else
		call_fail_btn(ctx, e);
}

/* min 0: as it is; max 0 likewise. */
static bool save_memory(struct call *call, uint64_t min, uint64_t max, struct btn_error *e)
{
	struct config *config = config_copy(call->vm->config);
	char value[DOMAIN_MEMORY_TEXT];

	if (!max)
		max = config->memory;
	if (!min)
		min = config->memory_min == config->memory ? max : MIN(config->memory_min, max);
	domain_memory_text(min, max, value);
	if (config_set(config, "memory", value, e))
		return vm_set_config(call->vm, config, e);
	config_free(config);
	return false;
}

/* A page at least. False: answered. */
static bool is_memory(struct call *call, uint64_t kib)
{
	if (kib >= 4 && kib <= G_MAXINT64 / 1024)
		return true;
	call_fail(call, LV_ERR_INVALID_ARG, "invalid argument: that is no amount of memory");
	return false;
}

static void set_memory(struct call *call, uint64_t kib)
{
	bool config = call->flags & AFFECT_CONFIG || !vm_is_on(call->vm);
	bool live = call->flags & AFFECT_LIVE ||
		(!(call->flags & AFFECT_CONFIG) && vm_is_on(call->vm));
	uint64_t bytes = kib * 1024 & ~(uint64_t)4095;
	char members[48];
	struct btn_error e;

	if (!is_memory(call, kib))
		return;
	if (live && !call->vm->monitor) {
		call_fail(call, LV_ERR_INVALID_STATE,
			  "Requested operation is not valid: domain is not running");
		return;
	}
	if ((live && bytes > config_now(call->vm)->memory) ||
	    (config && bytes > call->vm->config->memory)) {
		call_fail(call, LV_ERR_INVALID_ARG,
			  "invalid argument: cannot set memory higher than max memory");
		return;
	}
	if (config && !save_memory(call, bytes, 0, &e)) {
		call_fail_btn(call, &e);
		return;
	}
	if (!live) {
		call_return(call);
		return;
	}
	g_snprintf(members, sizeof(members), "\"bytes\":%" G_GUINT64_FORMAT, bytes);
	monitor_ask(call->vm->monitor, "memory-target", members, on_target, call);
}

static void set_max_memory(struct call *call, uint64_t kib)
{
	struct btn_error e;

	if (!about_config(call, "the most memory"))
		return;
	if (!is_memory(call, kib))
		return;
	if (save_memory(call, 0, kib * 1024 & ~4095ull, &e))
		call_return(call);
	else
		call_fail_btn(call, &e);
}

void do_set_memory(struct call *call)
{
	set_memory(call, call->arg[1].ul);
}

void do_set_memory_flags(struct call *call)
{
	if (call->flags & AFFECT_MAXIMUM)
		set_max_memory(call, call->arg[1].ul);
	else
		set_memory(call, call->arg[1].ul);
}

void do_set_max_memory(struct call *call)
{
	set_max_memory(call, call->arg[1].ul);
}

void do_get_max_memory(struct call *call)
{
	xdr_put_ulong(call->out, config_now(call->vm)->memory / 1024);
	call_return(call);
}

/* ---- CPUs ---- */

static void set_vcpus(struct call *call)
{
	struct config *config;
	struct btn_error e;
	char value[16];

	if (!about_config(call, "CPUs"))
		return;
	config = config_copy(call->vm->config);
	g_snprintf(value, sizeof(value), "%u", call->arg[1].u);
	if (!config_set(config, "cpus", value, &e)) {
		config_free(config);
		call_fail_btn(call, &e);
	} else if (vm_set_config(call->vm, config, &e)) {
		call_return(call);
	} else {
		call_fail_btn(call, &e);
	}
}

void do_set_vcpus(struct call *call)
{
	set_vcpus(call);
}

void do_set_vcpus_flags(struct call *call)
{
	set_vcpus(call);
}

void do_get_vcpus_flags(struct call *call)
{
	bool config = call->flags & AFFECT_CONFIG;

	if (call->flags & AFFECT_LIVE && !vm_is_on(call->vm)) {
		call_fail(call, LV_ERR_INVALID_STATE,
			  "Requested operation is not valid: domain is not running");
		return;
	}
	xdr_put_int(call->out, (int32_t)(config ? call->vm->config :
					 config_now(call->vm))->cpus);
	call_return(call);
}

void do_get_max_vcpus(struct call *call)
{
	xdr_put_int(call->out, (int32_t)config_now(call->vm)->cpus);
	call_return(call);
}

/* Nothing is pinned: each CPU may run on all of the host's. */
void do_get_vcpu_pin(struct call *call)
{
	int32_t most = CLAMP(call->arg[1].i, 0, 2048), length = CLAMP(call->arg[2].i, 0, 2048);
	int32_t count = MIN(most, (int32_t)config_now(call->vm)->cpus);
	uint8_t *maps = g_malloc((gsize)(count * length) + 1);
	int32_t i;

	for (i = 0; i < count; i++)
		put_all_cpus(maps + i * length, (uint32_t)length);
	xdr_put_bytes(call->out, maps, (uint32_t)(count * length));
	xdr_put_int(call->out, count);
	g_free(maps);
	call_return(call);
}
