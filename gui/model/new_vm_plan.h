/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the New VM assistant has been told: a plan that can be checked, said as a command
 * of vmctl's, and carried out by the API. No widgets.
 */
#ifndef BATON_GUI_NEW_VM_PLAN_H
#define BATON_GUI_NEW_VM_PLAN_H

#include "model/api.h"

enum plan_source {
	PLAN_IMAGE,	/* of the store: `image` */
	PLAN_IMAGE_FILE,	/* to be put into the store first: `file` */
	PLAN_ISO,	/* an empty disk, and a CD: `file` */
	PLAN_DISK,	/* a disk that is there: `file` */
	PLAN_EMPTY,
};

struct plan {
	enum plan_source source;
	char *image, *file;
	char *name, *user, *ssh_key;	/* ssh_key: the line; NULL or "": none */
	char *ssh_key_file;	/* where it was found */
	guint cpus;
	guint64 memory, disk_size;	/* bytes; disk_size 0: the image's own */
	char *network;		/* NULL: none */
	guint ssh_port;		/* of this host, forwarded to the guest's ssh; 0: none */
	gboolean start;
};

struct plan *plan_new(void);
void plan_free(struct plan *plan);	/* NULL is fine */
/* A seed that makes user and key goes with it. */
gboolean plan_has_seed(const struct plan *plan);
/* A disk of its own is made, of disk_size. */
gboolean plan_makes_disk(const struct plan *plan);
/* What is wrong, for people; NULL: nothing. Of the source, of the rest. g_free(). */
char *plan_source_fault(const struct plan *plan);
char *plan_name_fault(const char *name);
char *plan_user_fault(const char *user);
/* "debian-12-genericcloud.qcow2" -> "debian-12-genericcloud"; g_free(). */
char *plan_image_name(const char *file);
/* A free name made of it: `taken` says which are not. g_free(). */
char *plan_suggest_name(const char *base, gboolean (*taken)(const char *name, gpointer data),
			gpointer data);
/* A free TCP port of this host from 2222 on; not one that `taken` knows. 0: none. */
guint plan_free_port(gboolean (*taken)(guint port, gpointer data), gpointer data);
/* Lines of vmctl that do the same; g_free(). */
char *plan_commands(const struct plan *plan);
/* The request "vm-create"; g_free(). */
char *plan_request(const struct plan *plan);
/* Does it, images and all; copies the plan. Done when the VM is there (and started). */
void plan_carry_out(const struct plan *plan, BatonApi *api, GAsyncReadyCallback callback,
		    gpointer data);
gboolean plan_carry_out_finish(GAsyncResult *result, GError **error);

#endif
