// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A domain's XML becomes a definition. Rules are tables by element: read into the
 * definition, kept as text because it changes nothing in the guest, or refused because it
 * would. What no table has is kept.
 */
#include <stdarg.h>
#include <string.h>

#include "libvirt/domain_private.h"
#include "libvirt/xdr.h"

/* For a password, a longer number: what is not known when a definition is read. */
#define WRITE_MARGIN 1024u

/* ---- for all readers ---- */

bool domain_refuse(struct domain_reader *r, const struct xml_node *node, const char *why)
{
	const struct xml_node *parent = node->parent;

	return xml_fail(r->e, LV_ERR_CONFIG, "unsupported configuration: <%s>%s%s%s: %s",
			node->name, parent && parent != r->root ? " in <" : "",
			parent && parent != r->root ? parent->name : "",
			parent && parent != r->root ? ">" : "", why);
}

void domain_keep(struct domain_reader *r, const char *where, const struct xml_node *node)
{
	char *raw = xml_raw(r->text, node);

	kept_add(r->d->kept, where, raw);
	g_free(raw);
}

void domain_note(struct domain_reader *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	g_ptr_array_add(r->d->notes, g_strdup_vprintf(fmt, args));
	va_end(args);
}

bool domain_set(struct domain_reader *r, const char *value, const char *key_format, ...)
{
	struct btn_error error;
	va_list args;
	char *key;
	bool ok;

	va_start(args, key_format);
	key = g_strdup_vprintf(key_format, args);
	va_end(args);
	ok = config_set(r->d->config, key, value, &error);
	if (!ok)
		xml_fail(r->e, LV_ERR_CONFIG, "unsupported configuration: %s (BTN-%d). %s",
			 error.message, error.code, error.cause);
	g_free(key);
	return ok;
}

bool domain_read_children(struct domain_reader *r, const struct xml_node *parent,
			  const struct element_rule *rules, unsigned int count,
			  const char *where)
{
	const struct xml_node *node;
	unsigned int i;

	for (node = parent->first; node; node = node->next) {
		for (i = 0; i < count && !xml_is(node, rules[i].name); i++)
			;
		if (i == count || (!rules[i].read && !rules[i].refuse))
			domain_keep(r, where, node);
		else if (rules[i].refuse)
			return domain_refuse(r, node, "Baton does not have this");
		else if (!rules[i].read(r, node))
			return false;
	}
	return true;
}

/* ---- what stands at the top ---- */

static bool read_text(struct domain_reader *r, const struct xml_node *node)
{
	char *text = xml_is(node, "description") ? g_strdup(node->text->str) : xml_text(node);
	bool ok = domain_set(r, text, "%s", node->name);

	g_free(text);
	return ok;
}

/* Read first, by read_identity(). */
static bool read_nothing(G_GNUC_UNUSED struct domain_reader *r,
			 G_GNUC_UNUSED const struct xml_node *node)
{
	return true;
}

static bool read_size(struct domain_reader *r, const struct xml_node *node, uint64_t *ret)
{
	if (!xml_amount(node, "KiB", ret))
		return xml_fail(r->e, LV_ERR_XML, "XML error: <%s> is no amount of memory",
				node->name);
	/* Whole pages. */
	*ret = (*ret + 4095) & ~4095ull;
	return true;
}

/* People see it in errors: of the largest unit that fits. */
static int put_size(char *to, size_t room, uint64_t bytes)
{
	static const char units[] = "GMK";
	unsigned int i = 0;

	while (i < 2 && bytes & ((1ull << (30 - 10 * i)) - 1))
		i++;
	return g_snprintf(to, room, "%" G_GUINT64_FORMAT "%c", bytes >> (30 - 10 * i), units[i]);
}

void domain_memory_text(uint64_t min, uint64_t max, char text[DOMAIN_MEMORY_TEXT])
{
	int length = min == max ? 0 : put_size(text, DOMAIN_MEMORY_TEXT, min);

	if (length)
		length += g_snprintf(text + length, DOMAIN_MEMORY_TEXT - (gsize)length, "..");
	put_size(text + length, DOMAIN_MEMORY_TEXT - (size_t)length, max);
}

/* <memory> is what the guest has at most, <currentMemory> with how much it can make do. */
static bool read_memory(struct domain_reader *r, const struct xml_node *node)
{
	const struct xml_node *current = xml_child(r->root, "currentMemory");
	uint64_t max, min;
	char value[DOMAIN_MEMORY_TEXT];

	if (!read_size(r, node, &max))
		return false;
	min = max;
	if (current && !read_size(r, current, &min))
		return false;
	if (min > max || !min)
		min = max;
	domain_memory_text(min, max, value);
	return domain_set(r, value, "memory");
}

static bool read_vcpu(struct domain_reader *r, const struct xml_node *node)
{
	const char *current = xml_attribute(node, "current");
	char *text = xml_text(node);
	bool ok;

	if (xml_attribute(node, "cpuset"))
		ok = domain_refuse(r, node, "CPUs of a VM cannot be pinned (cpuset)");
	else if (current && strcmp(current, text))
		ok = domain_refuse(r, node, "all CPUs are there from the start (current)");
	else
		ok = domain_set(r, text, "cpus");
	g_free(text);
	return ok;
}

/* ---- <os> ---- */

bool domain_machine_is_pc(const char *machine)
{
	return !strcmp(machine, DOMAIN_MACHINE_PC) || g_str_has_prefix(machine, "pc") ||
		g_str_has_prefix(machine, "q35");
}

/* Whoever names no machine and has a kernel wants the one that takes it. */
static bool is_micro(const struct xml_node *os)
{
	const char *machine = xml_attribute(xml_child(os, "type"), "machine");

	return machine ? !strcmp(machine, DOMAIN_MACHINE_MICRO) : xml_child(os, "kernel") != NULL;
}

static bool read_type(struct domain_reader *r, const struct xml_node *node)
{
	const char *arch = xml_attribute(node, "arch"), *machine = xml_attribute(node, "machine");
	char *type = xml_text(node);
	bool hvm = !strcmp(type, "hvm"), micro = is_micro(node->parent);

	g_free(type);
	if (!hvm)
		return domain_refuse(r, node, "only \"hvm\" can be run");
	if (arch && strcmp(arch, "x86_64"))
		return domain_refuse(r, node, "only arch x86_64 can be run");
	if (machine && !micro && strcmp(machine, DOMAIN_MACHINE_PC)) {
		if (!domain_machine_is_pc(machine))
			return domain_refuse(r, node, "the machine is " DOMAIN_MACHINE_PC
					     " or " DOMAIN_MACHINE_MICRO);
		domain_note(r, "machine %s became " DOMAIN_MACHINE_PC, machine);
	}
	r->d->config->board = micro ? CONFIG_MICRO : CONFIG_PC;
	return true;
}

static bool read_boot_file(struct domain_reader *r, const struct xml_node *node)
{
	static const char *const keys[][2] = {
		{ "kernel", "kernel.file" }, { "initrd", "kernel.initrd" },
		{ "cmdline", "kernel.append" },
	};
	char *text = xml_text(node);
	unsigned int i;
	bool ok = true;

	if (text[0] && !is_micro(node->parent)) {
		g_free(text);
		return domain_refuse(r, node, "the machine " DOMAIN_MACHINE_PC " boots from disks; "
				     DOMAIN_MACHINE_MICRO " takes a kernel file");
	}
	for (i = 0; ok && i < G_N_ELEMENTS(keys); i++)
		if (xml_is(node, keys[i][0]) && (text[0] || i == 2))
			ok = domain_set(r, text, "%s", keys[i][1]);
	g_free(text);
	return ok;
}

static bool read_boot(struct domain_reader *r, const struct xml_node *node)
{
	if ((xml_attribute_is(node, "dev", "network") || xml_attribute_is(node, "dev", "fd")) &&
	    xml_child(node->parent, "boot") == node)
		return domain_refuse(r, node, "Baton boots from disks and CDs only");
	domain_keep(r, "os", node);
	return true;
}

static const struct element_rule os_rules[] = {
	{ "type", read_type, false }, { "kernel", read_boot_file, false },
	{ "initrd", read_boot_file, false }, { "cmdline", read_boot_file, false },
	{ "boot", read_boot, false }, { "loader", NULL, true }, { "nvram", NULL, true },
	{ "dtb", NULL, true }, { "acpi", NULL, true }, { "init", NULL, true },
	{ "firmware", NULL, true },
};

static bool read_os(struct domain_reader *r, const struct xml_node *node)
{
	const char *firmware = xml_attribute(node, "firmware");

	if (firmware && strcmp(firmware, "bios"))
		return domain_refuse(r, node, "the firmware is a BIOS");
	if (!xml_child(node, "type"))
		return xml_fail(r->e, LV_ERR_XML, "XML error: <os> has no <type>");
	return domain_read_children(r, node, os_rules, G_N_ELEMENTS(os_rules), "os");
}

/* ---- kept if they ask for nothing special ---- */

static bool read_clock(struct domain_reader *r, const struct xml_node *node)
{
	const char *offset = xml_attribute(node, "offset");

	if (offset && strcmp(offset, "utc"))
		return domain_refuse(r, node, "the guest's clock starts with UTC");
	domain_keep(r, "domain", node);
	return true;
}

static bool read_cpu(struct domain_reader *r, const struct xml_node *node)
{
	static const char *const modes[] = { "host-passthrough", "host-model", "maximum", NULL };
	static const char *const refused[] = { "topology", "numa", "feature", "cache", NULL };
	const char *mode = xml_attribute(node, "mode");
	const struct xml_node *child;

	if (mode && !g_strv_contains(modes, mode))
		return domain_refuse(r, node, "the guest sees the host's CPU: no other model");
	for (child = node->first; child; child = child->next)
		if (g_strv_contains(refused, child->name))
			return domain_refuse(r, child, "the guest sees the host's CPU as it is");
	domain_keep(r, "domain", node);
	return true;
}

static bool read_features(struct domain_reader *r, const struct xml_node *node)
{
	static const char *const harmless[] = { "acpi", "apic", "pae", "vmport", NULL };
	const struct xml_node *child;

	for (child = node->first; child; child = child->next)
		if (!g_strv_contains(harmless, child->name))
			return domain_refuse(r, child, "Baton does not have this");
	domain_keep(r, "domain", node);
	return true;
}

static bool read_on_event(struct domain_reader *r, const struct xml_node *node)
{
	char *text = xml_text(node);
	bool destroy = !strcmp(text, "destroy"), ok = destroy;

	if (xml_is(node, "on_reboot")) {
		ok |= !strcmp(text, "restart");
		r->d->kept->destroy_on_reboot = destroy;
	}
	g_free(text);
	if (!ok)
		return domain_refuse(r, node, "it is \"destroy\" (on_reboot: or \"restart\")");
	domain_keep(r, "domain", node);
	return true;
}

static const struct element_rule top_rules[] = {
	{ "name", read_nothing, false }, { "uuid", read_nothing, false },
	{ "title", read_text, false }, { "description", read_text, false },
	{ "memory", read_memory, false }, { "currentMemory", read_nothing, false },
	{ "vcpu", read_vcpu, false }, { "os", read_os, false },
	{ "devices", domain_read_devices, false }, { "clock", read_clock, false },
	{ "cpu", read_cpu, false }, { "features", read_features, false },
	{ "on_poweroff", read_on_event, false }, { "on_reboot", read_on_event, false },
	{ "on_crash", read_on_event, false },
	{ "maxMemory", NULL, true }, { "vcpus", NULL, true }, { "cputune", NULL, true },
	{ "numatune", NULL, true }, { "memtune", NULL, true }, { "blkiotune", NULL, true },
	{ "resource", NULL, true }, { "sysinfo", NULL, true }, { "bootloader", NULL, true },
	{ "bootloader_args", NULL, true }, { "idmap", NULL, true }, { "genid", NULL, true },
	{ "launchSecurity", NULL, true }, { "keywrap", NULL, true }, { "iothreads", NULL, true },
	{ "seclabel", NULL, true },
};

/* ---- the whole ---- */

static bool read_uuid(struct domain_reader *r, struct config *config)
{
	const struct xml_node *node = xml_child(r->root, "uuid");
	uint8_t uuid[16];
	char *text;
	bool ok;

	if (!node)
		return true;
	text = xml_text(node);
	ok = xdr_uuid_parse(text, uuid);
	g_free(text);
	if (!ok)
		return xml_fail(r->e, LV_ERR_XML, "XML error: malformed uuid element");
	xdr_uuid_text(uuid, config->uuid);
	return true;
}

/* Name and UUID, which the rest of a new definition starts from. */
static bool read_identity(struct domain_reader *r)
{
	const struct xml_node *node = xml_child(r->root, "name");
	struct domain_read *d = r->d;
	struct btn_error error;
	char *name;
	bool ok;

	if (!node)
		return xml_fail(r->e, LV_ERR_XML, "XML error: there is no <name>");
	name = xml_text(node);
	ok = config_check_name(name, &error);
	if (!ok)
		xml_fail(r->e, LV_ERR_CONFIG, "unsupported configuration: <name>: %s (BTN-%d). %s",
			 error.message, error.code, error.cause);
	else if (d->base)
		d->config = config_copy(d->base);
	else
		d->config = config_new(name);
	if (ok && d->base && strcmp(name, d->base->name))
		ok = xml_fail(r->e, LV_ERR_FAILED, "operation failed: domain '%s' is already "
			      "defined with uuid %s: rename it instead", d->base->name,
			      d->base->uuid);
	g_free(name);
	return ok && read_uuid(r, d->config);
}

/* What XML says wholly is empty before it is read; the rest stays as it was. */
static void clear(struct config *config)
{
	struct btn_error e;

	while (config->disk_count)
		g_free(config->disk[--config->disk_count].file);
	while (config->cdrom_count)
		g_free(config->cdrom[--config->cdrom_count]);
	while (config->net_count)
		g_free(config->net[--config->net_count].network);
	memset(config->disk, 0, sizeof(config->disk));
	memset(config->cdrom, 0, sizeof(config->cdrom));
	memset(config->net, 0, sizeof(config->net));
	g_clear_pointer(&config->vnc, g_free);
	config_set(config, "title", "", &e);
	config_set(config, "description", "", &e);
	config_set(config, "kernel.file", "", &e);
	config_set(config, "kernel.initrd", "", &e);
	config_set(config, "kernel.append", "", &e);
	config->cpus = 1;
}

static void keep_root(struct domain_reader *r)
{
	unsigned int i;

	for (i = 0; i < r->root->attribute_count; i++) {
		const struct xml_attribute *a = &r->root->attribute[i];
		GString *text;

		if (!g_str_has_prefix(a->name, "xmlns"))
			continue;
		text = g_string_new(NULL);
		xml_put_attribute(text, a->name, a->value);
		kept_add(r->d->kept, "attributes", text->str);
		g_string_free(text, TRUE);
	}
}

static bool can_be_parsed(const char *text, size_t margin, struct xml_error *e)
{
	struct xml_node *root;

	if (strlen(text) > XML_SIZE_MAX - margin)
		return xml_fail(e, LV_ERR_XML, "XML error: the text is too large: at most %u bytes",
				XML_SIZE_MAX);
	root = xml_parse(text, strlen(text), e);
	xml_free(root);
	return root != NULL;
}

/* While the VM runs, too. */
bool domain_can_be_read(const struct config *config, const struct kept *kept,
			const char *folder, struct xml_error *e)
{
	const struct domain_write w = {
		.config = config, .kept = kept, .folder = folder, .id = 1,
	};
	char *text = domain_write(&w), *file = kept_to_text(kept);
	bool ok = can_be_parsed(text, WRITE_MARGIN, e) && can_be_parsed(file, 0, e);

	g_free(text);
	g_free(file);
	return ok;
}

static bool read_domain(struct domain_reader *r)
{
	const char *type = xml_attribute(r->root, "type");
	struct btn_error error;

	if (!xml_is(r->root, "domain"))
		return xml_fail(r->e, LV_ERR_XML, "XML error: unexpected root element <%s>, "
				"expecting <domain>", r->root->name);
	if (!type || (strcmp(type, "kvm") && strcmp(type, "baton")))
		return xml_fail(r->e, LV_ERR_CONFIG, "unsupported configuration: "
				"<domain type='%s'>: it is 'kvm' or 'baton'", type ? type : "");
	if (!xml_child(r->root, "memory") || !xml_child(r->root, "os"))
		return xml_fail(r->e, LV_ERR_XML, "XML error: there is no <%s>",
				xml_child(r->root, "os") ? "memory" : "os");
	if (!read_identity(r))
		return false;
	clear(r->d->config);
	keep_root(r);
	if (!domain_read_children(r, r->root, top_rules, G_N_ELEMENTS(top_rules), "domain"))
		return false;
	if (!config_check(r->d->config, &error))
		return xml_fail(r->e, LV_ERR_CONFIG, "unsupported configuration: %s (BTN-%d). %s",
				error.message, error.code, error.cause);
	return domain_can_be_read(r->d->config, r->d->kept, r->d->folder, r->e);
}

bool domain_read(struct domain_read *d, const char *text, size_t length, struct xml_error *e)
{
	struct xml_node *root = xml_parse(text, length, e);
	struct domain_reader r = { .d = d, .text = text, .root = root, .e = e };
	bool ok;

	if (!root)
		return false;
	d->kept = kept_new();
	d->notes = g_ptr_array_new_with_free_func(g_free);
	ok = read_domain(&r);
	xml_free(root);
	if (!ok)
		domain_read_free(d);
	return ok;
}

void domain_read_free(struct domain_read *d)
{
	config_free(d->config);
	kept_free(d->kept);
	if (d->notes)
		g_ptr_array_unref(d->notes);
	g_free(d->vnc_password);
	d->config = NULL;
	d->kept = NULL;
	d->notes = NULL;
	d->vnc_password = NULL;
}
