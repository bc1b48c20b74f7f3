// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The one table of keys: what vm.conf has, what `vmctl set` takes, what help lists.
 * A key with N belongs to a device; the first key of a family makes the device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_private.h"
#include "lib/suggest.h"

const struct config_family config_families[CONFIG_FAMILIES] = {
	[CONFIG_DISK] = {
		"disk", "disk.N.file", CONFIG_DISKS_MAX, offsetof(struct config, disk_count),
		offsetof(struct config, disk), sizeof(struct config_disk),
	},
	[CONFIG_CDROM] = {
		"cdrom", "cdrom.N.file", CONFIG_CDROMS_MAX, offsetof(struct config, cdrom_count),
		offsetof(struct config, cdrom), sizeof(char *),
	},
	[CONFIG_NET] = {
		"net", "net.N.network", CONFIG_NETS_MAX, offsetof(struct config, net_count),
		offsetof(struct config, net), sizeof(struct config_net),
	},
};

#define AT(field, word) \
	.kind = &config_kind_##word, .at = offsetof(struct config, field)
#define DISK_AT(field, word) .family = CONFIG_DISK, \
	.kind = &config_kind_##word, .at = offsetof(struct config_disk, field)
#define NET_AT(field, word) .family = CONFIG_NET, \
	.kind = &config_kind_##word, .at = offsetof(struct config_net, field)

static const struct config_key keys[] = {
	{ "name", "NAME", "Its name, and the guest's on networks. Changed by \"vmctl rename\".",
	  .fixed = true, .always = true, AT(name, name) },
	{ "uuid", "UUID", "What it is, whatever its name.",
	  .fixed = true, .always = true, AT(uuid, uuid) },
	{ "title", "TEXT", "A longer name, for people.", "", .live = true, AT(title, title) },
	{ "description", "TEXT", "Notes, of several lines if need be.", "", .live = true,
	  AT(description, description) },
	{ "board", "pc|micro", "The machine: a PC that boots a disk or CD, or one that starts "
	  "kernel.file and has virtio devices only.", "pc", .always = true, AT(board, board) },
	{ "engine", "auto|baton|kvm", "What runs the guest's code: Baton's kernel module, KVM, or "
	  "the first of them that works.", "auto", .always = true, AT(engine, engine) },
	{ "cpus", "N", "Number of virtual CPUs.", "1", .always = true, AT(cpus, cpus) },
	{ "memory", "[MIN..]SIZE", "The guest's memory. With a range it starts with all of it and "
	  "can be told to make do with less.", "512M", .always = true, AT(memory_min, memory) },
	{ "ksm", "on|off", "Let the host merge pages that are equal in several VMs. It saves "
	  "memory, and lets guests guess at each other's.", "off", AT(ksm, switch) },
	{ "autostart", "on|off", "Start it when the daemon starts.", "off", .live = true,
	  AT(autostart, switch) },
	{ "image", "IMAGE", "The image that disk.0 was made from.", .fixed = true,
	  AT(image, word) },
	{ "user", "USER", "Who can log in to the guest, for ssh.", .live = true, AT(user, word) },
	{ "kernel.file", "FILE", "The kernel that board micro starts.", AT(kernel, file) },
	{ "kernel.initrd", "FILE", "Its initial RAM disk.", AT(initrd, file) },
	{ "kernel.append", "TEXT", "Text for its command line.", AT(append, append) },
	{ "disk.N.file", "FILE", "A disk image or block device; N from 0. \"disk.N=\" removes it.",
	  .always = true, DISK_AT(file, disk_file) },
	{ "disk.N.format", "auto|raw|qcow2", "Its format. \"auto\" believes the image's header, "
	  "which the guest of a raw disk can write.", "auto", DISK_AT(format, format) },
	{ "disk.N.readonly", "on|off", "The guest may not write to it.", "off",
	  DISK_AT(readonly, switch) },
	{ "cdrom.N.file", "FILE", "A CD drive with this image in it; N from 0. \"cdrom.N=\" "
	  "removes it.", .always = true, .family = CONFIG_CDROM,
	  .kind = &config_kind_cdrom_file },
	{ "net.N.network", "NETWORK", "A network card on this network; N from 0. \"net.N=\" "
	  "removes it.", .always = true, NET_AT(network, network) },
	{ "net.N.mac", "MAC", "The card's address. Unset: one that follows from the VM's name.",
	  .always = true, NET_AT(mac, mac) },
	{ "net.N.forward", "[ADDRESS:]HOSTPORT:GUESTPORT[/udp];...", "Ports of the host whose "
	  "connections go to ports of the guest.", "", .family = CONFIG_NET,
	  .kind = &config_kind_forward, .at = 0 },
	{ "display.vnc", "unix:PATH|127.0.0.1:PORT", "A VNC server for the screen of board pc.",
	  AT(vnc, vnc) },
	{ "display.vnc-password", "FILE", "Its first line, up to 8 bytes, is asked of viewers.",
	  AT(vnc_password, file) },
};

const struct config_key *config_keys(size_t *ret_count)
{
	*ret_count = G_N_ELEMENTS(keys);
	return keys;
}

/* ---- names with numbers ---- */

void config_key_name(const struct config_key *key, unsigned int n, char *name, size_t size)
{
	const char *number = strstr(key->key, ".N.");

	if (number)
		snprintf(name, size, "%.*s.%u.%s", (int)(number - key->key), key->key, n,
			 number + 3);
	else
		snprintf(name, size, "%s", key->key);
}

/* A number in its shortest form; *ret_end is behind it. */
static bool take_number(const char *text, unsigned int *ret, const char **ret_end)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 6 || (digits > 1 && text[0] == '0'))
		return false;
	*ret = (unsigned int)strtoul(text, NULL, 10);
	*ret_end = text + digits;
	return true;
}

const struct config_key *config_find_key(const char *name, unsigned int *ret_n)
{
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		const char *number = strstr(keys[i].key, ".N."), *end;
		size_t prefix = number ? (size_t)(number + 1 - keys[i].key) : 0;

		*ret_n = 0;
		if (!number ? !strcmp(name, keys[i].key) :
		    !strncmp(name, keys[i].key, prefix) &&
		    take_number(name + prefix, ret_n, &end) && !strcmp(end, number + 2))
			return &keys[i];
	}
	return NULL;
}

/* "disk.1": a device as a whole. Its family; CONFIG_SINGLE: no such. */
static unsigned int find_device(const char *name, unsigned int *ret_n)
{
	for (unsigned int family = 1; family < CONFIG_FAMILIES; family++) {
		const char *word = config_families[family].word, *end;
		size_t length = strlen(word);

		if (!strncmp(name, word, length) && name[length] == '.' &&
		    take_number(name + length + 1, ret_n, &end) && !*end)
			return family;
	}
	return CONFIG_SINGLE;
}

/* The number that is meant in a key that is wrong otherwise. */
static unsigned int number_in(const char *wrong)
{
	const char *dot = strchr(wrong, '.'), *end;
	unsigned int n;

	return dot && take_number(dot + 1, &n, &end) && n < CONFIG_DISKS_MAX ? n : 0;
}

char *config_meant(const char *wrong)
{
	char names[G_N_ELEMENTS(keys)][CONFIG_KEY_MAX];
	const char *words[G_N_ELEMENTS(keys)];

	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		config_key_name(&keys[i], number_in(wrong), names[i], sizeof(names[i]));
		words[i] = names[i];
	}
	return g_strdup(suggest(wrong, words, G_N_ELEMENTS(keys)));
}

static bool unknown_key(const char *name, struct btn_error *e)
{
	char *meant = config_meant(name);

	config_refuse(e, "a key", name, "There is no key of this name.");
	e->code = BTN_UNKNOWN_OPTION;
	if (meant)
		btn_set_fix(e, "Did you mean \"%s\"?", meant);
	g_free(meant);
	return false;
}

/* ---- values ---- */

unsigned int config_instances(const struct config *config, const struct config_key *key)
{
	return key->family ? *config_count(config, key->family) : 1;
}

/* NULL: unset. */
static bool take_value(void *field, const struct config_key *key, const char *name,
		       const char *text, struct btn_error *e)
{
	if (text)
		return key->kind->parse(field, name, text, e);
	if (key->fallback)
		return key->kind->parse(field, name, key->fallback, e);
	if (key->kind->clear) {
		key->kind->clear(field);
		return true;
	}
	btn_set(e, BTN_BAD_VALUE, "%s has to be set", name);
	btn_set_cause(e, "A VM%s cannot be without it.", key->family ? "'s device" : "");
	if (key->family)
		btn_set_fix(e, "To remove the device: %.*s=", (int)(strrchr(name, '.') - name),
			    name);
	else
		btn_set_fix(e, "Add the line \"%s = %s\".", name, key->value);
	return false;
}

/* Is there a device n, or may this key make it? */
static bool check_device(const struct config *config, const struct config_key *key,
			 unsigned int n, struct btn_error *e)
{
	const struct config_family *family = &config_families[key->family];
	unsigned int count = *config_count(config, key->family);

	if (n >= family->max) {
		btn_set(e, BTN_TOO_MANY_DEVICES, "there cannot be a %s.%u", family->word, n);
		btn_set_cause(e, "A VM has at most %u, from %s.0 to %s.%u.", family->max,
			      family->word, family->word, family->max - 1);
		return false;
	}
	if (n < count || (n == count && !strcmp(key->key, family->first)))
		return true;
	btn_set(e, BTN_BAD_VALUE, "there is no %s.%u", family->word, n);
	btn_set_cause(e, "Devices are counted from 0 without a gap, and %s makes one.",
		      family->first);
	btn_set_fix(e, "Set %s.%u%s first.", family->word, count, strrchr(family->first, '.'));
	return false;
}

bool config_take(struct config *config, const struct config_key *key, unsigned int n,
		 const char *text, struct btn_error *e)
{
	char name[CONFIG_KEY_MAX];
	unsigned int *count;

	config_key_name(key, n, name, sizeof(name));
	if (!key->family)
		return take_value(config_field(config, key, n), key, name, text, e);
	if (!check_device(config, key, n, e))
		return false;
	count = config_count(config, key->family);
	if (n == *count) {
		const struct config_family *family = &config_families[key->family];

		memset((char *)config + family->at + n * family->size, 0, family->size);
	}
	if (!take_value(config_field(config, key, n), key, name, text, e))
		return false;
	if (n == *count)
		++*count;
	return true;
}

static void free_device(struct config *config, unsigned int family, unsigned int n)
{
	if (family == CONFIG_DISK)
		g_free(config->disk[n].file);
	else if (family == CONFIG_CDROM)
		g_free(config->cdrom[n]);
	else
		g_free(config->net[n].network);
}

static bool remove_device(struct config *config, unsigned int family, unsigned int n,
			  struct btn_error *e)
{
	const struct config_family *f = &config_families[family];
	unsigned int *count = config_count(config, family);
	char *at = (char *)config + f->at + n * f->size;

	if (n >= *count) {
		btn_set(e, BTN_BAD_VALUE, "there is no %s.%u", f->word, n);
		btn_set_cause(e, "The VM has %u of them.", *count);
		return false;
	}
	free_device(config, family, n);
	memmove(at, at + f->size, (*count - n - 1) * f->size);
	config_file_remove(config->file, f->word, n, *count);
	--*count;
	return true;
}

bool config_set(struct config *config, const char *name, const char *value,
		struct btn_error *e)
{
	unsigned int n, family = find_device(name, &n);
	const struct config_key *key;

	if (family && !value[0])
		return remove_device(config, family, n, e);
	key = config_find_key(name, &n);
	if (!key)
		return unknown_key(name, e);
	if (key->fixed) {
		btn_set(e, BTN_BAD_VALUE, "%s cannot be set", name);
		btn_set_cause(e, "It was given to the VM when it was made.");
		if (!strcmp(name, "name"))
			btn_set_fix(e, "Rename the VM: vmctl rename %s NEW", config->name);
		else
			btn_set_fix(e, "Make another VM: vmctl create");
		return false;
	}
	if (!config_take(config, key, n, value[0] ? value : NULL, e))
		return false;
	config_mac_fill(config);
	return true;
}

char *config_get(const struct config *config, const char *name)
{
	unsigned int n;
	const struct config_key *key = config_find_key(name, &n);
	char *text;

	if (!key || n >= config_instances(config, key))
		return NULL;
	text = key->kind->format(config_field(config, key, n));
	return text ? text : g_strdup("");
}

char *config_written(const struct config *config, const struct config_key *key,
		     unsigned int n)
{
	char *text = key->kind->format(config_field(config, key, n));

	if (text && !key->always && !g_strcmp0(text, key->fallback))
		g_clear_pointer(&text, g_free);
	return text;
}

static void each_of(const struct config *config, const struct config_key *key, unsigned int n,
		    void (*fn)(const char *key, const char *value, void *ctx), void *ctx)
{
	char name[CONFIG_KEY_MAX], *text = config_written(config, key, n);

	config_key_name(key, n, name, sizeof(name));
	if (text)
		fn(name, text, ctx);
	g_free(text);
}

void config_each(const struct config *config,
		 void (*fn)(const char *key, const char *value, void *ctx), void *ctx)
{
	for (size_t i = 0, end; i < G_N_ELEMENTS(keys); i = end) {
		/* All keys of a device before those of the next one. */
		for (end = i + 1; end < G_N_ELEMENTS(keys) && keys[i].family &&
		     keys[end].family == keys[i].family;)
			end++;
		for (unsigned int n = 0; n < config_instances(config, &keys[i]); n++)
			for (size_t k = i; k < end; k++)
				each_of(config, &keys[k], n, fn, ctx);
	}
}
