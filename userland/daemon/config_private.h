/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of config.h share: kinds of values, families of devices.
 */
#ifndef BATON_DAEMON_CONFIG_PRIVATE_H
#define BATON_DAEMON_CONFIG_PRIVATE_H

#include "config.h"

/* Devices that a definition has several of: [disk.0], [disk.1], ... */
enum { CONFIG_SINGLE, CONFIG_DISK, CONFIG_CDROM, CONFIG_NET, CONFIG_FAMILIES };

struct config_family {
	const char *word;	/* "disk" */
	const char *first;	/* the key that makes one: "disk.N.file" */
	unsigned int max;
	size_t count_at, at, size;
};
extern const struct config_family config_families[CONFIG_FAMILIES];

static inline unsigned int *config_count(const struct config *config, unsigned int family)
{
	return (unsigned int *)((char *)config + config_families[family].count_at);
}

/*
 * How values of a key become fields and back. `field` is the field's place, `key` its
 * name with the device's number, for errors.
 */
struct config_kind {
	/* On failure the field is as it was. */
	bool (*parse)(void *field, const char *key, const char *text, struct btn_error *e);
	char *(*format)(const void *field);	/* NULL: not set. g_free() */
	void (*clear)(void *field);		/* NULL: it has to be set */
	bool empty;				/* in a file, "" is a value like others */
};
/* config_values.c */
extern const struct config_kind config_kind_name, config_kind_uuid, config_kind_title,
	config_kind_description, config_kind_board, config_kind_engine, config_kind_cpus,
	config_kind_memory, config_kind_switch, config_kind_file, config_kind_disk_file,
	config_kind_append, config_kind_format, config_kind_network, config_kind_mac,
	config_kind_forward, config_kind_vnc, config_kind_word, config_kind_cdrom_file;

/* The field of device number n; n is 0 for what is there once. */
static inline void *config_field(const struct config *config, const struct config_key *key,
				 unsigned int n)
{
	size_t at = key->at;

	if (key->family)
		at += config_families[key->family].at + n * config_families[key->family].size;
	return (char *)config + at;
}

/* "disk.1.file" of "disk.N.file" and 1. */
void config_key_name(const struct config_key *key, unsigned int n, char *name, size_t size);
#define CONFIG_KEY_MAX 64

/* By its name with a number; NULL: there is no such key. */
const struct config_key *config_find_key(const char *name, unsigned int *ret_n);
/* config_set() for a key that is known, also a fixed one. NULL or, mostly, "": unset. */
bool config_take(struct config *config, const struct config_key *key, unsigned int n,
		 const char *text, struct btn_error *e);
/* The text if it is set to something else than the fallback, or always written. */
char *config_written(const struct config *config, const struct config_key *key,
		     unsigned int n);
/* How many of the devices that this key belongs to there are; 1 for single keys. */
unsigned int config_instances(const struct config *config, const struct config_key *key);

/* config_file.c: device n goes from the file, those behind it move up. */
void config_file_remove(GKeyFile *file, const char *word, unsigned int n, unsigned int count);
GKeyFile *config_file_copy(GKeyFile *file);	/* of NULL: a new one */
/* The known key next to a wrong one; g_free(), NULL: none. */
char *config_meant(const char *wrong);

/* "KEY cannot be VALUE", with unprintable characters shown as "?". */
void config_refuse(struct btn_error *e, const char *key, const char *value, const char *fmt, ...)
	BTN_PRINTF(4, 5);
/* A definition with nothing in it: not even a name. */
struct config *config_blank(void);
void config_mac_fill(struct config *config);	/* cards without a MAC get their default */

#endif
