// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A definition in memory: making, copying, freeing it, and contradictions between its
 * keys. See config.h; config_keys.c has the keys, config_file.c vm.conf.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_private.h"

/* ---- names ---- */

bool config_check_name(const char *name, struct btn_error *e)
{
	size_t length = strlen(name);
	bool ok = length >= 1 && length <= CONFIG_NAME_MAX && name[0] != '-' &&
		  name[length - 1] != '-';

	for (size_t i = 0; ok && i < length; i++)
		ok = g_ascii_isalnum(name[i]) || name[i] == '-';
	if (ok)
		return true;
	config_refuse(e, "the name of a VM", name, "%s",
		      "It has at most 63 letters, digits and inner hyphens: guests use it as "
		      "host name.");
	e->code = BTN_VM_NAME;
	btn_set_fix(e, "Choose a name such as web-1.");
	return false;
}

/* The same name, the same MAC (and address): FNV-1a, as in vmctl boot. */
void config_default_mac(const char *name, unsigned int index, char mac[18])
{
	uint32_t hash = 2166136261u;

	for (const char *at = name; *at; at++)
		hash = (hash ^ (unsigned char)g_ascii_tolower(*at)) * 16777619u;
	if (index)
		hash = (hash ^ index) * 16777619u;
	snprintf(mac, 18, "52:54:%02x:%02x:%02x:%02x", hash >> 24, hash >> 16 & 0xff,
		 hash >> 8 & 0xff, hash & 0xff);
}

void config_mac_fill(struct config *config)
{
	for (unsigned int i = 0; i < config->net_count; i++)
		if (!config->net[i].mac[0])
			config_default_mac(config->name, i, config->net[i].mac);
}

char *config_file_path(const char *folder, const char *file)
{
	return g_path_is_absolute(file) ? g_strdup(file) : g_build_filename(folder, file, NULL);
}

/* ---- new, copied, freed ---- */

struct config *config_blank(void)
{
	struct config *config = g_new0(struct config, 1);

	config->title = g_strdup("");
	config->description = g_strdup("");
	config->board = CONFIG_PC;
	config->engine = CONFIG_AUTO;
	config->cpus = 1;
	config->memory_min = config->memory = 512ull << 20;
	return config;
}

struct config *config_new(const char *name)
{
	struct config *config = config_blank();
	char *uuid = g_uuid_string_random();

	config->name = g_strdup(name);
	g_strlcpy(config->uuid, uuid, sizeof(config->uuid));
	g_free(uuid);
	config->file = config_file_copy(NULL);
	return config;
}

/* Every string that a definition owns. */
static void each_string(struct config *config, void (*fn)(char **string))
{
	char **const strings[] = {
		&config->name, &config->title, &config->description, &config->kernel,
		&config->initrd, &config->append, &config->vnc, &config->vnc_password,
		&config->image, &config->user,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
		fn(strings[i]);
	for (unsigned int i = 0; i < config->disk_count; i++)
		fn(&config->disk[i].file);
	for (unsigned int i = 0; i < config->cdrom_count; i++)
		fn(&config->cdrom[i]);
	for (unsigned int i = 0; i < config->net_count; i++)
		fn(&config->net[i].network);
}

static void duplicate(char **string)
{
	*string = g_strdup(*string);
}

static void release(char **string)
{
	g_free(*string);
}

struct config *config_copy(const struct config *config)
{
	struct config *copy = g_memdup2(config, sizeof(*config));

	each_string(copy, duplicate);
	copy->file = config_file_copy(config->file);
	return copy;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	each_string(config, release);
	if (config->file)
		g_key_file_unref(config->file);
	g_free(config);
}

/* ---- contradictions ---- */

static bool contradiction(struct btn_error *e, const char *what, const char *fix)
{
	btn_set(e, BTN_BAD_VALUE, "%s", what);
	btn_set_cause(e, "Two keys of the VM's definition contradict each other.");
	btn_set_fix(e, "%s", fix);
	return false;
}

static bool check_board(const struct config *config, struct btn_error *e)
{
	if (config->board == CONFIG_PC) {
		if (config->kernel || config->initrd || config->append)
			return contradiction(e, "board pc boots from a disk, not from a kernel "
					     "file", "Unset kernel.file, kernel.initrd and "
					     "kernel.append, or set board=micro.");
		return true;
	}
	if (!config->kernel)
		return contradiction(e, "board micro starts a kernel file, and there is none",
				     "Set kernel.file=FILE, or board=pc.");
	if (config->cdrom_count)
		return contradiction(e, "board micro has no CD drives",
				     "Set board=pc, or attach the image as a disk: "
				     "disk.N.file=FILE disk.N.readonly=on");
	if (config->vnc)
		return contradiction(e, "board micro has no screen",
				     "Set board=pc, or unset display.vnc.");
	return true;
}

static bool check_display_keys(const struct config *config, struct btn_error *e)
{
	if (!config->vnc || config->vnc_password || !strncmp(config->vnc, "unix:", 5))
		return true;
	btn_set(e, BTN_BAD_VALUE, "a VNC server on a port needs a password");
	btn_set_cause(e, "All users of this host can reach the port.");
	btn_set_fix(e, "Set display.vnc-password=FILE, a file whose first line is the password, "
		       "or display.vnc=unix:PATH.");
	return false;
}

/* As text: whether the host has two names for a file, its lock says at the start. */
static bool same_file(const char *a, const char *b)
{
	char *a_path = g_canonicalize_filename(a, "/:");
	char *b_path = g_canonicalize_filename(b, "/:");
	bool same = !strcmp(a_path, b_path);

	g_free(a_path);
	g_free(b_path);
	return same;
}

static bool check_disks(const struct config *config, struct btn_error *e)
{
	for (unsigned int i = 0; i < config->disk_count; i++) {
		for (unsigned int j = 0; j < i; j++) {
			const struct config_disk *a = &config->disk[j], *b = &config->disk[i];

			if ((a->readonly && b->readonly) || !same_file(a->file, b->file))
				continue;
			btn_set(e, BTN_BAD_VALUE, "disk.%u and disk.%u are the same file", j, i);
			btn_set_cause(e, "Writing to a disk from two sides would destroy it.");
			btn_set_fix(e, "Remove one: disk.%u=, or set both readonly.", i);
			return false;
		}
	}
	return true;
}

static bool same_port(const struct config_forward *a, const struct config_forward *b)
{
	static const char any[] = "0.0.0.0";

	return a->udp == b->udp && a->host_port == b->host_port &&
	       (!strcmp(a->host_address, b->host_address) || !strcmp(a->host_address, any) ||
		!strcmp(b->host_address, any));
}

/* Whether a forward before number f of card i wants the same port of the host. */
static bool port_taken(const struct config *config, unsigned int i, unsigned int f)
{
	for (unsigned int n = 0; n <= i; n++) {
		const struct config_net *net = &config->net[n];
		unsigned int count = n == i ? f : net->forward_count;

		for (unsigned int other = 0; other < count; other++)
			if (same_port(&net->forward[other], &config->net[i].forward[f]))
				return true;
	}
	return false;
}

static bool check_net(const struct config *config, unsigned int i, struct btn_error *e)
{
	const struct config_net *net = &config->net[i];

	for (unsigned int j = 0; j < i; j++) {
		if (strcmp(config->net[j].mac, net->mac))
			continue;
		btn_set(e, BTN_BAD_VALUE, "net.%u and net.%u have the same MAC, %s", j, i,
			net->mac);
		btn_set_cause(e, "Each card needs one of its own.");
		btn_set_fix(e, "Unset one of them: net.%u.mac=", i);
		return false;
	}
	for (unsigned int f = 0; f < net->forward_count; f++) {
		if (!port_taken(config, i, f))
			continue;
		btn_set(e, BTN_BAD_VALUE, "net.%u.forward: port %u of the host is used twice", i,
			net->forward[f].host_port);
		btn_set_cause(e, "Connections to a port of the host can go to one place only.");
		btn_set_fix(e, "Choose another port of the host for one of them.");
		return false;
	}
	return true;
}

bool config_check(const struct config *config, struct btn_error *e)
{
	if (!config_check_name(config->name, e) || !check_board(config, e) ||
	    !check_display_keys(config, e) || !check_disks(config, e))
		return false;
	for (unsigned int i = 0; i < config->net_count; i++)
		if (!check_net(config, i, e))
			return false;
	return true;
}
