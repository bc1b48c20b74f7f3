/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single elements of a domain's <metadata>, told apart by the URI of their name space. */
#ifndef BATON_DAEMON_LIBVIRT_METADATA_H
#define BATON_DAEMON_LIBVIRT_METADATA_H

#include "libvirt/domain_xml.h"

/* The element without its prefix; NULL: there is none. g_free(). */
char *metadata_get(const struct kept *kept, const char *uri);
/* Replaces it; text NULL removes it. key is the prefix that it gets. False: *e. */
bool metadata_set(struct kept *kept, const char *text, const char *key, const char *uri,
		  struct xml_error *e);

#endif
