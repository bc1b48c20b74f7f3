// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices of a domain's XML. The guest has virtio devices: what asks for the models that
 * clients choose for hypervisors that they do not know becomes those, and is noted.
 */
#include <string.h>

#include "libvirt/domain_private.h"

#define NOT_HAD "Baton does not have this"

/* ---- disks ---- */

static const struct element_rule disk_children[] = {
	{ "iotune", NULL, true }, { "encryption", NULL, true }, { "shareable", NULL, true },
	{ "serial", NULL, true }, { "wwn", NULL, true }, { "mirror", NULL, true },
	{ "transient", NULL, true }, { "geometry", NULL, true }, { "throttlefilters", NULL, true },
};

/* Elements within a device that are read, or say where it sits, and are not kept. */
static const char *const device_known[] = {
	"source", "target", "driver", "readonly", "alias", "address", "mac", "model",
	"backingStore", "virtualport", NULL,
};

static bool keep_children(struct domain_reader *r, const struct xml_node *node,
			  const char *where, const struct element_rule *rules,
			  unsigned int count)
{
	const struct xml_node *child;
	unsigned int i;

	for (child = node->first; child; child = child->next) {
		for (i = 0; i < count; i++)
			if (xml_is(child, rules[i].name))
				return domain_refuse(r, child, NOT_HAD);
		if (!g_strv_contains(device_known, child->name))
			domain_keep(r, where, child);
	}
	return true;
}

/* The file that a disk is on, absolute or in the VM's folder; NULL: none. g_free(). */
static char *disk_file(struct domain_reader *r, const struct xml_node *node)
{
	const struct xml_node *source = xml_child(node, "source");
	const char *path = xml_attribute(source, "file"), *folder = r->d->folder;
	const char *volume = xml_attribute(source, "volume"), *pool = xml_attribute(source, "pool");
	size_t length = folder ? strlen(folder) : 0;

	if (!path)
		path = xml_attribute(source, "dev");
	if (!path && volume && pool && r->d->volume_path)
		return r->d->volume_path(pool, volume);
	if (!path || !path[0])
		return NULL;
	/* What is in the folder goes with it when the VM is renamed. */
	if (folder && !strncmp(path, folder, length) && path[length] == '/' && path[length + 1])
		return g_strdup(path + length + 1);
	return g_strdup(path);
}

/*
 * As libvirt: what names no format is raw; our own "auto" has the driver's name. But
 * virt-install names none for the volumes that it makes: those tell it by theirs. What a
 * guest has written into its disk decides nothing.
 */
static const char *format_not_named(struct domain_reader *r, const struct xml_node *driver,
				    const char *file)
{
	if (xml_attribute_is(driver, "name", "baton"))
		return "auto";
	if (!g_str_has_suffix(file, ".qcow2"))
		return "raw";
	domain_note(r, "the format of %s, which is not named, became qcow2", file);
	return "qcow2";
}

static bool set_format(struct domain_reader *r, const struct xml_node *node, const char *file,
		       unsigned int n)
{
	const struct xml_node *driver = xml_child(node, "driver");
	const char *type = xml_attribute(driver, "type");

	if (!type)
		type = format_not_named(r, driver, file);
	if (strcmp(type, "raw") && strcmp(type, "qcow2") && strcmp(type, "auto"))
		return domain_refuse(r, driver, "the format is raw or qcow2");
	return domain_set(r, type, "disk.%u.format", n);
}

static bool read_hard_disk(struct domain_reader *r, const struct xml_node *node,
			   const char *file)
{
	unsigned int n = r->d->config->disk_count;
	const struct xml_node *target = xml_child(node, "target");
	const char *bus = xml_attribute(target, "bus"), *name = xml_attribute(target, "dev");
	char where[32], own[8];

	if (n == CONFIG_DISKS_MAX)
		return domain_refuse(r, node, "a VM has at most 16 disks");
	domain_disk_target(false, n, own);
	if ((bus && strcmp(bus, "virtio")) || (name && strcmp(name, own)))
		domain_note(r, "disk %s (%s) became %s (virtio)", name ? name : "", bus ? bus : "",
			    own);
	if (!domain_set(r, file, "disk.%u.file", n) || !set_format(r, node, file, n) ||
	    !domain_set(r, xml_child(node, "readonly") ? "on" : "off", "disk.%u.readonly", n))
		return false;
	g_snprintf(where, sizeof(where), "disk:%s", own);
	return keep_children(r, node, where, disk_children, G_N_ELEMENTS(disk_children));
}

static bool read_cdrom(struct domain_reader *r, const struct xml_node *node, const char *file)
{
	unsigned int n = r->d->config->cdrom_count;
	char where[32], own[8];

	if (n == CONFIG_CDROMS_MAX)
		return domain_refuse(r, node, "a VM has at most 2 CD drives");
	if (!domain_set(r, file, "cdrom.%u.file", n))
		return false;
	domain_disk_target(true, n, own);
	g_snprintf(where, sizeof(where), "disk:%s", own);
	return keep_children(r, node, where, disk_children, G_N_ELEMENTS(disk_children));
}

static bool read_disk(struct domain_reader *r, const struct xml_node *node)
{
	static const char *const types[] = { "file", "block", "volume", NULL };
	const char *device = xml_attribute(node, "device"), *type = xml_attribute(node, "type");
	bool cdrom = !g_strcmp0(device, "cdrom"), ok;
	char *file;

	if (device && !cdrom && strcmp(device, "disk"))
		return domain_refuse(r, node, "only disks and CDs can be had");
	if (type && !g_strv_contains(types, type))
		return domain_refuse(r, node, "a disk is a file or a block device");
	file = disk_file(r, node);
	if (!file && xml_attribute(xml_child(node, "source"), "volume"))
		return domain_refuse(r, node, "there is no such volume");
	if (file)
		ok = cdrom ? read_cdrom(r, node, file) : read_hard_disk(r, node, file);
	else if (cdrom) {
		/* A drive without a disc: clients leave one after an installation. */
		domain_note(r, "an empty CD drive is kept, and not in the machine");
		domain_keep(r, "devices", node);
		ok = true;
	} else
		ok = xml_fail(r->e, LV_ERR_XML, "XML error: a <disk> has no <source>");
	g_free(file);
	return ok;
}

/* ---- network cards ---- */

static const struct element_rule interface_children[] = {
	{ "bandwidth", NULL, true }, { "filterref", NULL, true }, { "vlan", NULL, true },
	{ "mtu", NULL, true }, { "ip", NULL, true }, { "route", NULL, true },
	{ "portForward", NULL, true }, { "backend", NULL, true }, { "port", NULL, true },
};

/* Forwards are ours alone: a card of the same address keeps those that it had. */
static void take_forwards(struct domain_reader *r, struct config_net *net)
{
	const struct config *base = r->d->base;
	unsigned int i;

	for (i = 0; base && i < base->net_count; i++) {
		if (strcmp(base->net[i].mac, net->mac))
			continue;
		memcpy(net->forward, base->net[i].forward, sizeof(net->forward));
		net->forward_count = base->net[i].forward_count;
	}
}

static bool read_interface(struct domain_reader *r, const struct xml_node *node)
{
	unsigned int n = r->d->config->net_count;
	const char *type = xml_attribute(node, "type"), *link;
	const char *network = xml_attribute(xml_child(node, "source"), "network");
	const char *mac = xml_attribute(xml_child(node, "mac"), "address");
	const char *model = xml_attribute(xml_child(node, "model"), "type");
	bool user = !g_strcmp0(type, "user");
	char where[40];

	if (n == CONFIG_NETS_MAX)
		return domain_refuse(r, node, "a VM has at most 4 network cards");
	if (!user && (g_strcmp0(type, "network") || !network))
		return domain_refuse(r, node, "its type is \"network\" (or \"user\")");
	link = xml_attribute(xml_child(node, "link"), "state");
	if (link && strcmp(link, "up"))
		return domain_refuse(r, node, "the cable cannot be pulled out (link)");
	if (user)
		domain_note(r, "a card of type user became one on network default");
	if (model && strcmp(model, "virtio"))
		domain_note(r, "network card %s became virtio", model);
	if (!domain_set(r, user ? "default" : network, "net.%u.network", n) ||
	    (mac && !domain_set(r, mac, "net.%u.mac", n)))
		return false;
	take_forwards(r, &r->d->config->net[n]);
	g_snprintf(where, sizeof(where), "interface:%s", r->d->config->net[n].mac);
	return keep_children(r, node, where, interface_children,
			     G_N_ELEMENTS(interface_children));
}

/* ---- serial port, screen ---- */

static bool read_serial(struct domain_reader *r, const struct xml_node *node)
{
	const struct xml_node *target = xml_child(node, "target");
	const char *type = xml_attribute(node, "type"), *port = xml_attribute(target, "port");
	const char *kind = xml_attribute(target, "type");

	if (type && strcmp(type, "pty"))
		return domain_refuse(r, node, "its type is \"pty\": it is reached by a console");
	if ((port && strcmp(port, "0")) || (xml_is(node, "serial") && r->serial))
		return domain_refuse(r, node, "there is one serial port, 0");
	if (kind && strcmp(kind, "serial") && !g_str_has_prefix(kind, "isa"))
		return domain_refuse(r, node, "the console is the serial port");
	r->serial |= xml_is(node, "serial");
	return true;
}

static bool is_loopback(const char *address)
{
	return !strcmp(address, "127.0.0.1") || !strcmp(address, "localhost");
}

static bool read_vnc_socket(struct domain_reader *r, const struct xml_node *node,
			    const char *path)
{
	char *value;
	bool ok;

	if (!path)
		path = r->d->vnc_socket;
	if (!path)
		return domain_refuse(r, node, "the socket needs a path");
	value = g_strdup_printf("unix:%s", path);
	ok = domain_set(r, value, "display.vnc");
	g_free(value);
	return ok;
}

/* A port needs a password, whose file the caller makes: config->vnc is set, too, then. */
static bool read_vnc_port(struct domain_reader *r, const struct xml_node *node)
{
	const char *port = xml_attribute(node, "port");
	struct config *config = r->d->config;
	char value[40];

	if (xml_attribute_is(node, "autoport", "yes") || !port || !strcmp(port, "-1")) {
		r->d->kept->graphics = GRAPHICS_AUTO;
		r->d->vnc_auto = true;
		return true;
	}
	g_snprintf(value, sizeof(value), "127.0.0.1:%s", port);
	if (!config->vnc_password)
		config->vnc_password = g_strdup(DOMAIN_PASSWORD_FILE);
	return domain_set(r, value, "display.vnc");
}

static bool read_graphics(struct domain_reader *r, const struct xml_node *node)
{
	const struct xml_node *listen = xml_child(node, "listen");
	const char *type = xml_attribute(listen, "type"), *socket = xml_attribute(node, "socket");
	const char *address = xml_attribute(node, "listen");
	const char *password = xml_attribute(node, "passwd");

	if (!xml_attribute_is(node, "type", "vnc"))
		return domain_refuse(r, node, "its type is \"vnc\"");
	if (r->graphics)
		return domain_refuse(r, node, "there is one screen");
	r->graphics = true;
	if (password && (!password[0] || strlen(password) > 8))
		return domain_refuse(r, node, "passwd: VNC takes 1 to 8 bytes of a password");
	r->d->vnc_password = g_strdup(password);
	if (password && !r->d->config->vnc_password)
		r->d->config->vnc_password = g_strdup(DOMAIN_PASSWORD_FILE);
	if (!g_strcmp0(type, "none"))
		return true;
	if (socket || !g_strcmp0(type, "socket"))
		return read_vnc_socket(r, node, socket ? socket : xml_attribute(listen, "socket"));
	if (!address)
		address = xml_attribute(listen, "address");
	if (type && strcmp(type, "address"))
		return domain_refuse(r, listen, "its type is \"address\", \"socket\" or \"none\"");
	if (address && !is_loopback(address))
		return domain_refuse(r, node, "it listens on 127.0.0.1 only: use ssh from afar");
	return read_vnc_port(r, node);
}

static bool read_video(struct domain_reader *r, const struct xml_node *node)
{
	const char *model = xml_attribute(xml_child(node, "model"), "type");

	if (model && strcmp(model, "vga"))
		domain_note(r, "video %s became vga", model);
	return true;
}

/* What every machine has in one way. */
static bool read_fixed(struct domain_reader *r, const struct xml_node *node)
{
	const char *model = xml_attribute(node, "model");

	if (xml_is(node, "emulator"))
		return true;
	if (model && !g_str_has_prefix(model, "virtio"))
		domain_note(r, "%s %s became virtio", node->name, model);
	return true;
}

static bool read_audio(struct domain_reader *r, const struct xml_node *node)
{
	if (!xml_attribute_is(node, "type", "none"))
		return domain_refuse(r, node, NOT_HAD);
	domain_keep(r, "devices", node);
	return true;
}

/* The guest agent's is in what clients write of themselves; the others are asked for. */
static bool read_channel(struct domain_reader *r, const struct xml_node *node)
{
	if (!xml_attribute_is(xml_child(node, "target"), "name", "org.qemu.guest_agent.0"))
		return domain_refuse(r, node, NOT_HAD);
	domain_note(r, "the channel of the guest agent is kept, and not in the machine");
	domain_keep(r, "devices", node);
	return true;
}

static const struct element_rule device_rules[] = {
	{ "disk", read_disk, false }, { "interface", read_interface, false },
	{ "serial", read_serial, false }, { "console", read_serial, false },
	{ "graphics", read_graphics, false }, { "video", read_video, false },
	{ "memballoon", read_fixed, false }, { "rng", read_fixed, false },
	{ "emulator", read_fixed, false }, { "audio", read_audio, false },
	{ "filesystem", NULL, true }, { "hostdev", NULL, true }, { "redirdev", NULL, true },
	{ "redirfilter", NULL, true }, { "tpm", NULL, true }, { "smartcard", NULL, true },
	{ "shmem", NULL, true }, { "memory", NULL, true }, { "iommu", NULL, true },
	{ "vsock", NULL, true }, { "crypto", NULL, true }, { "parallel", NULL, true },
	{ "channel", read_channel, false }, { "panic", NULL, true }, { "watchdog", NULL, true },
	{ "nvram", NULL, true }, { "sound", NULL, true }, { "lease", NULL, true },
};

bool domain_read_devices(struct domain_reader *r, const struct xml_node *node)
{
	if (!domain_read_children(r, node, device_rules, G_N_ELEMENTS(device_rules), "devices"))
		return false;
	/* Nobody listens: the file of the password is of no use either. */
	if (!r->d->config->vnc && !r->d->vnc_auto)
		g_clear_pointer(&r->d->config->vnc_password, g_free);
	return true;
}
