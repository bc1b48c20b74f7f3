/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that read a domain's XML. */
#ifndef BATON_DAEMON_LIBVIRT_DOMAIN_PRIVATE_H
#define BATON_DAEMON_LIBVIRT_DOMAIN_PRIVATE_H

#include "libvirt/domain_xml.h"

struct domain_reader {
	struct domain_read *d;
	const char *text;
	const struct xml_node *root;
	struct xml_error *e;
	bool graphics, serial;	/* there was one */
};

/* What becomes of an element: a table for each parent. */
struct element_rule {
	const char *name;
	/* NULL: kept as it is, or refused; false: *r->e */
	bool (*read)(struct domain_reader *r, const struct xml_node *node);
	bool refuse;
};

/* Goes through a parent's children: by the table, and kept if they are not in it. */
bool domain_read_children(struct domain_reader *r, const struct xml_node *parent,
			  const struct element_rule *rules, unsigned int count,
			  const char *where);
bool domain_read_devices(struct domain_reader *r, const struct xml_node *node);

/* 67, naming the element. False. */
bool domain_refuse(struct domain_reader *r, const struct xml_node *node, const char *why);
void domain_keep(struct domain_reader *r, const char *where, const struct xml_node *node);
void domain_note(struct domain_reader *r, const char *fmt, ...) XML_PRINTF(2, 3);
/* config_set(), its error as ours. */
bool domain_set(struct domain_reader *r, const char *value, const char *key_format, ...)
	XML_PRINTF(3, 4);

#endif
