/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's definition: vm.conf in its folder, a key-file of GLib's that people may edit.
 * README.md describes each key. What a reader does not know is kept and written back.
 * A definition is not changed while others look at it: change a copy, save that, put
 * it in the VM's place.
 */
#ifndef BATON_DAEMON_CONFIG_H
#define BATON_DAEMON_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/errors.h"

#define CONFIG_SCHEMA 1
#define CONFIG_DISKS_MAX 16
#define CONFIG_CDROMS_MAX 2
#define CONFIG_NETS_MAX 4
#define CONFIG_FORWARDS_MAX 16
#define CONFIG_NAME_MAX 63
#define CONFIG_FILE_MAX (1u << 20)	/* bytes of a vm.conf */

enum config_board { CONFIG_PC, CONFIG_MICRO };		/* words: "pc", "micro" */
enum config_engine { CONFIG_AUTO, CONFIG_BATON, CONFIG_KVM };
enum config_format { CONFIG_FORMAT_AUTO, CONFIG_FORMAT_RAW, CONFIG_FORMAT_QCOW2 };

struct config_disk {
	char *file;		/* relative to the VM's folder, or absolute */
	enum config_format format;
	bool readonly;
};

struct config_forward {
	char host_address[16];	/* IPv4; "127.0.0.1" */
	uint16_t host_port, guest_port;
	bool udp;
};

struct config_net {
	char *network;
	char mac[18];		/* lower case; always set */
	struct config_forward forward[CONFIG_FORWARDS_MAX];
	unsigned int forward_count;
};

struct config {
	char *name;		/* config_check_name() */
	char uuid[37];		/* lower case */
	char *title, *description;	/* never NULL */
	enum config_board board;
	enum config_engine engine;
	unsigned int cpus;
	uint64_t memory_min, memory;	/* bytes, multiples of 4096; the same: no range */
	bool ksm, autostart;
	char *kernel, *initrd, *append;	/* board micro, else NULL; append may be "" */
	struct config_disk disk[CONFIG_DISKS_MAX];
	unsigned int disk_count;
	char *cdrom[CONFIG_CDROMS_MAX];
	unsigned int cdrom_count;
	struct config_net net[CONFIG_NETS_MAX];
	unsigned int net_count;
	char *vnc;		/* "unix:PATH" or "127.0.0.1:PORT"; NULL: none */
	char *vnc_password;	/* file whose first line it is; NULL: none */
	char *image;		/* name of the image that disk 0 was made from; NULL: none */
	char *user;		/* that the seed made; NULL: none or not known */
	GKeyFile *file;		/* as it was read: unknown keys and comments */
};

/* A definition with defaults: a new UUID, 1 CPU, 512 MiB, board pc, no devices. */
struct config *config_new(const char *name);
struct config *config_copy(const struct config *config);
void config_free(struct config *config);	/* NULL is fine */

/* Letters, digits, inner hyphens, 1 to 63: a host name of one label (RFC 1123). */
bool config_check_name(const char *name, struct btn_error *e);
/* The MAC that a VM's card number `index` gets if none is given: from name, as vmctl boot. */
void config_default_mac(const char *name, unsigned int index, char mac[18]);

/* Reads folder/vm.conf. NULL: *e says which key cannot be used, and why. */
struct config *config_load(const char *folder, struct btn_error *e);
/* The same of a text, for tests and journals. */
struct config *config_parse(const char *text, size_t length, struct btn_error *e);
char *config_to_text(const struct config *config);		/* g_free() */
/* Replaces folder/vm.conf in one step that survives a crash (new file, fsync, rename). */
bool config_save(const struct config *config, const char *folder, struct btn_error *e);
/* Its first half, for bundle.c: vm.conf.new, synced, with all that can fail for space. */
bool config_prepare(const struct config *config, const char *folder, struct btn_error *e);

/*
 * Keys as people set them (`vmctl set NAME KEY=VALUE`), the same words as in vm.conf with
 * the group in front where it is not [vm]: "cpus", "memory", "title", "autostart",
 * "net.0.network", "net.0.forward", "disk.1.file", "display.vnc", ... One table.
 */
struct config_key {
	const char *key;	/* with N for a device's number: "disk.N.file" */
	const char *value;	/* what the value looks like: "[MIN..]SIZE" */
	const char *help;
	const char *fallback;	/* what an unset one is; NULL: nothing, or it has to be set */
	bool live;		/* acts at once on a running VM, else at its next start */
	bool fixed;		/* not by config_set(): a job of its own changes it, if any */
	/*< private >*/
	bool always;		/* written even if it is the fallback */
	unsigned int family;
	const struct config_kind *kind;
	size_t at;
};
const struct config_key *config_keys(size_t *ret_count);
/* An empty value unsets; an unset device's remaining keys must go with it: "disk.1=". */
bool config_set(struct config *config, const char *key, const char *value, struct btn_error *e);
/* The value as text, "" if it is not set; NULL: no such key. g_free(). */
char *config_get(const struct config *config, const char *key);
/* All that are set, in order: fn is called with key and value. */
void config_each(const struct config *config,
		 void (*fn)(const char *key, const char *value, void *ctx), void *ctx);
#define CONFIG_UNKNOWN_MAX 16
/*
 * Keys of vm.conf that nobody knows (the first few): kept, and worth a word. meant: the
 * known key that is like it, or NULL.
 */
void config_each_unknown(const struct config *config,
			 void (*fn)(const char *key, const char *meant, void *ctx), void *ctx);
/* Contradictions between keys: what a board cannot have, files twice, ... */
bool config_check(const struct config *config, struct btn_error *e);

/* "[ADDRESS:]HOST:GUEST[/tcp|/udp]" and back; g_free(). */
bool config_parse_forward(const char *text, struct config_forward *ret, struct btn_error *e);
char *config_forward_text(const struct config_forward *forward);

/* Where a file of the definition lies: `file` itself, or within `folder`. g_free(). */
char *config_file_path(const char *folder, const char *file);

const char *config_board_word(enum config_board board);
const char *config_engine_word(enum config_engine engine);

#endif
