/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain's XML and the definition of a VM, both ways. What a definition has no place
 * for and does not change the guest is kept beside it, byte for byte (struct kept); what
 * would change the guest and cannot be had is refused. Pure: no files, no daemon state.
 */
#ifndef BATON_DAEMON_LIBVIRT_DOMAIN_XML_H
#define BATON_DAEMON_LIBVIRT_DOMAIN_XML_H

#include <glib.h>
#include <stdbool.h>

#include "config.h"
#include "libvirt/xml_tree.h"

#define DOMAIN_MACHINE_PC "baton-q35"
#define DOMAIN_MACHINE_MICRO "baton-micro"
#define DOMAIN_MEMORY_TEXT 64
/* A value of the key "memory", of whole KiB: "512M" or "256M..1G". */
void domain_memory_text(uint64_t min, uint64_t max, char text[DOMAIN_MEMORY_TEXT]);
/* Ours, or one of those that clients know and that become ours. */
bool domain_machine_is_pc(const char *machine);
#define DOMAIN_NET_TARGET "net%d-%u"	/* id of the run, number of the card */
#define DOMAIN_PASSWORD_FILE "vnc.password"	/* in the VM's folder */

/* ---- what is kept ---- */

enum graphics_mode {
	GRAPHICS_PLAIN,		/* as the definition says */
	GRAPHICS_AUTO,		/* a port that was chosen for it */
};

struct kept_piece {
	/* "domain", "os", "devices", "disk:vda", "interface:MAC", or "attributes" */
	char *where;
	char *text;	/* elements; attributes of the root element */
};

struct kept {
	GPtrArray *pieces;		/* of struct kept_piece */
	enum graphics_mode graphics;
	bool destroy_on_reboot;		/* <on_reboot>destroy, kept too */
};

struct kept *kept_new(void);
void kept_free(struct kept *kept);	/* NULL is fine */
void kept_add(struct kept *kept, const char *where, const char *text);
/* As the text of a file, and back. NULL: *e. */
char *kept_to_text(const struct kept *kept);
struct kept *kept_parse(const char *text, size_t length, struct xml_error *e);
/* The kept <metadata>, NULL if there is none. Replaced; NULL removes it. */
const char *kept_metadata(const struct kept *kept);
void kept_set_metadata(struct kept *kept, const char *text);

/* ---- reading ---- */

struct domain_read {
	/* in: */
	const struct config *base;	/* the VM's definition now; NULL: a new one */
	const char *folder;		/* of the VM; NULL: it has none yet */
	/* The file of a pool's volume, g_free(); NULL: there is none. May be NULL. */
	char *(*volume_path)(const char *pool, const char *volume);
	const char *vnc_socket;		/* where a socket without path is; may be NULL */
	/* out: */
	struct config *config;
	struct kept *kept;
	bool vnc_auto;			/* wants a port: config->vnc is not set */
	char *vnc_password;		/* that it shall have; NULL: none was given */
	GPtrArray *notes;		/* texts: what was mapped to something else */
};

bool domain_read(struct domain_read *d, const char *text, size_t length, struct xml_error *e);
void domain_read_free(struct domain_read *d);
/* Whether what is written from this can be read again, by us as well; false: *e. */
bool domain_can_be_read(const struct config *config, const struct kept *kept,
			const char *folder, struct xml_error *e);

/* ---- writing ---- */

struct domain_write {
	const struct config *config;
	const struct config *texts;	/* has title and description; NULL: config */
	const struct kept *kept;	/* NULL: nothing */
	const char *folder;
	int id;				/* -1: off, or the definition of the next start */
	uint64_t memory_now;		/* bytes; 0: not known */
	const char *vnc_password;	/* NULL: not to be told */
};

/* g_free() */
char *domain_write(const struct domain_write *d);
/* "vda": the target of a disk, "sda" of a CD-ROM. */
void domain_disk_target(bool cdrom, unsigned int index, char target[8]);
/* The absolute path of a disk; g_free(). */
char *domain_disk_path(const char *folder, const char *file);

#endif
