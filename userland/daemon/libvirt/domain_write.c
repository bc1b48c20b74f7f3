// SPDX-License-Identifier: GPL-2.0-or-later
/* A definition, and what is kept beside it, as a domain's XML: domain_read() takes it. */
#include <string.h>

#include "libvirt/domain_xml.h"

void domain_disk_target(bool cdrom, unsigned int index, char target[8])
{
	g_snprintf(target, 8, "%s%c", cdrom ? "sd" : "vd", 'a' + (char)index);
}

char *domain_disk_path(const char *folder, const char *file)
{
	return g_path_is_absolute(file) || !folder ? g_strdup(file) :
		g_build_filename(folder, file, NULL);
}

static void put_kept(GString *to, const struct kept *kept, const char *where, const char *indent)
{
	unsigned int i;

	for (i = 0; kept && i < kept->pieces->len; i++) {
		const struct kept_piece *piece = kept->pieces->pdata[i];

		if (!strcmp(piece->where, where))
			g_string_append_printf(to, "%s%s\n", indent, piece->text);
	}
}

/* Devices that run have names. */
static void put_alias(GString *to, const struct domain_write *d, const char *name, unsigned int n)
{
	if (d->id > 0)
		xml_put(to, "      <alias name='%s%u'/>\n", name, n);
}

static void put_identity(GString *to, const struct domain_write *d)
{
	const struct config *config = d->config;
	const struct config *texts = d->texts ? d->texts : config;
	uint64_t now = d->memory_now ? d->memory_now : config->memory_min;
	unsigned int i;

	g_string_append(to, "<domain type='kvm'");
	if (d->id > 0)
		g_string_append_printf(to, " id='%d'", d->id);
	for (i = 0; d->kept && i < d->kept->pieces->len; i++) {
		const struct kept_piece *piece = d->kept->pieces->pdata[i];

		if (!strcmp(piece->where, "attributes"))
			g_string_append_printf(to, " %s", piece->text);
	}
	xml_put(to, ">\n  <name>%s</name>\n  <uuid>%s</uuid>\n", config->name, config->uuid);
	if (texts->title[0])
		xml_put(to, "  <title>%s</title>\n", texts->title);
	if (texts->description[0])
		xml_put(to, "  <description>%s</description>\n", texts->description);
	g_string_append_printf(to, "  <memory unit='KiB'>%" G_GUINT64_FORMAT "</memory>\n"
			       "  <currentMemory unit='KiB'>%" G_GUINT64_FORMAT
			       "</currentMemory>\n  <vcpu placement='static'>%u</vcpu>\n",
			       config->memory / 1024, now / 1024, config->cpus);
}

static void put_os(GString *to, const struct domain_write *d)
{
	const struct config *config = d->config;
	const struct { const char *name, *file; } files[] = {
		{ "kernel", config->kernel }, { "initrd", config->initrd },
	};
	unsigned int i;

	xml_put(to, "  <os>\n    <type arch='x86_64' machine='%s'>hvm</type>\n",
		config->board == CONFIG_MICRO ? DOMAIN_MACHINE_MICRO : DOMAIN_MACHINE_PC);
	for (i = 0; i < G_N_ELEMENTS(files); i++) {
		char *path = files[i].file ? domain_disk_path(d->folder, files[i].file) : NULL;

		if (path)
			xml_put(to, "    <%s>%s</%s>\n", files[i].name, path, files[i].name);
		g_free(path);
	}
	if (config->append)
		xml_put(to, "    <cmdline>%s</cmdline>\n", config->append);
	put_kept(to, d->kept, "os", "    ");
	g_string_append(to, "  </os>\n");
}

static void put_disk(GString *to, const struct domain_write *d, unsigned int n)
{
	static const char *const types[] = {
		[CONFIG_FORMAT_AUTO] = "", [CONFIG_FORMAT_RAW] = " type='raw'",
		[CONFIG_FORMAT_QCOW2] = " type='qcow2'",
	};
	const struct config_disk *disk = &d->config->disk[n];
	char *path = domain_disk_path(d->folder, disk->file), target[8], where[16];

	domain_disk_target(false, n, target);
	g_snprintf(where, sizeof(where), "disk:%s", target);
	g_string_append_printf(to, "    <disk type='file' device='disk'>\n"
			       "      <driver name='baton'%s/>\n", types[disk->format]);
	xml_put(to, "      <source file='%s'/>\n      <target dev='%s' bus='virtio'/>\n", path,
		target);
	if (disk->readonly)
		g_string_append(to, "      <readonly/>\n");
	put_alias(to, d, "virtio-disk", n);
	put_kept(to, d->kept, where, "      ");
	g_string_append(to, "    </disk>\n");
	g_free(path);
}

static void put_cdrom(GString *to, const struct domain_write *d, unsigned int n)
{
	char *path = domain_disk_path(d->folder, d->config->cdrom[n]), target[8], where[16];

	domain_disk_target(true, n, target);
	g_snprintf(where, sizeof(where), "disk:%s", target);
	xml_put(to, "    <disk type='file' device='cdrom'>\n"
		"      <driver name='baton' type='raw'/>\n      <source file='%s'/>\n"
		"      <target dev='%s' bus='sata'/>\n      <readonly/>\n", path, target);
	put_alias(to, d, "sata0-0-", n);
	put_kept(to, d->kept, where, "      ");
	g_string_append(to, "    </disk>\n");
	g_free(path);
}

static void put_interface(GString *to, const struct domain_write *d, unsigned int n)
{
	const struct config_net *net = &d->config->net[n];
	char where[40];

	g_snprintf(where, sizeof(where), "interface:%s", net->mac);
	xml_put(to, "    <interface type='network'>\n      <mac address='%s'/>\n"
		"      <source network='%s'/>\n", net->mac, net->network);
	if (d->id > 0)
		xml_put(to, "      <target dev='" DOMAIN_NET_TARGET "'/>\n", d->id, n);
	g_string_append(to, "      <model type='virtio'/>\n");
	put_alias(to, d, "net", n);
	put_kept(to, d->kept, where, "      ");
	g_string_append(to, "    </interface>\n");
}

static void put_console(GString *to, const struct domain_write *d)
{
	g_string_append(to, "    <serial type='pty'>\n"
			"      <target type='isa-serial' port='0'/>\n");
	put_alias(to, d, "serial", 0);
	g_string_append(to, "    </serial>\n    <console type='pty'>\n"
			"      <target type='serial' port='0'/>\n");
	put_alias(to, d, "serial", 0);
	g_string_append(to, "    </console>\n");
}

static void put_password(GString *to, const struct domain_write *d)
{
	if (d->vnc_password)
		xml_put(to, " passwd='%s'", d->vnc_password);
}

static void put_vnc(GString *to, const struct domain_write *d)
{
	const char *vnc = d->config->vnc, *port = vnc ? strrchr(vnc, ':') + 1 : "-1";
	bool is_auto = d->kept && d->kept->graphics == GRAPHICS_AUTO;

	/* Nobody listens, and yet the screen can be had over a descriptor. */
	if (!vnc) {
		g_string_append(to, "    <graphics type='vnc'>\n      <listen type='none'/>\n"
				"    </graphics>\n");
		return;
	}
	g_string_append(to, "    <graphics type='vnc'");
	if (g_str_has_prefix(vnc, "unix:")) {
		xml_put(to, " socket='%s'", vnc + 5);
		put_password(to, d);
		xml_put(to, ">\n      <listen type='socket' socket='%s'/>\n", vnc + 5);
	} else {
		xml_put(to, " port='%s' autoport='%s' listen='127.0.0.1'",
			is_auto && d->id < 1 ? "-1" : port, is_auto ? "yes" : "no");
		put_password(to, d);
		g_string_append(to, ">\n      <listen type='address' address='127.0.0.1'/>\n");
	}
	g_string_append(to, "    </graphics>\n");
}

static void put_fixed(GString *to, const struct domain_write *d)
{
	if (d->config->board == CONFIG_PC) {
		put_vnc(to, d);
		g_string_append(to, "    <video>\n      <model type='vga' vram='16384' heads='1' "
				"primary='yes'/>\n    </video>\n");
	}
	g_string_append(to, "    <memballoon model='virtio'/>\n    <rng model='virtio'>\n"
			"      <backend model='random'>/dev/urandom</backend>\n    </rng>\n");
}

char *domain_write(const struct domain_write *d)
{
	GString *to = g_string_new(NULL);
	unsigned int i;

	put_identity(to, d);
	put_os(to, d);
	put_kept(to, d->kept, "domain", "  ");
	g_string_append(to, "  <devices>\n");
	for (i = 0; i < d->config->disk_count; i++)
		put_disk(to, d, i);
	for (i = 0; i < d->config->cdrom_count; i++)
		put_cdrom(to, d, i);
	for (i = 0; i < d->config->net_count; i++)
		put_interface(to, d, i);
	put_console(to, d);
	put_fixed(to, d);
	put_kept(to, d->kept, "devices", "    ");
	g_string_append(to, "  </devices>\n</domain>\n");
	return g_string_free(to, FALSE);
}
