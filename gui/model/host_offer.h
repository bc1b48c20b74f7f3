/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is to make a VM of: the host's memory, disk and CPUs, images, networks (of the
 * API), and the user's public ssh keys.
 */
#ifndef BATON_GUI_HOST_OFFER_H
#define BATON_GUI_HOST_OFFER_H

#include "model/api.h"

struct offered_image {
	char *name, *user;	/* user NULL: none */
	guint64 size;		/* that a disk of it has, bytes */
};

struct offered_key {
	char *path, *line;
	char *label;		/* "id_ed25519.pub (me@laptop)" */
};

struct host_offer {
	guint64 memory_total, memory_spare, disk_free;	/* bytes; 0: not known */
	guint cpus;
	GPtrArray *images;	/* struct offered_image */
	GPtrArray *keys;	/* struct offered_key */
	char **networks;	/* never NULL; "default" first, if there is one */
};

void host_offer_ask(BatonApi *api, GAsyncReadyCallback callback, gpointer data);
struct host_offer *host_offer_ask_finish(GAsyncResult *result, GError **error);
void host_offer_free(struct host_offer *offer);	/* NULL is fine */
/* Public keys in a folder, by name. */
GPtrArray *host_offer_keys(const char *folder);

#endif
