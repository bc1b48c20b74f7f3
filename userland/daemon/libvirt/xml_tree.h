/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A text of XML as a tree that knows where each element stands in the text, so that what
 * is not understood can be kept byte for byte. Documents with a DTD, and so with entities
 * of their own, are refused; size, depth and number of elements are bounded.
 */
#ifndef BATON_DAEMON_LIBVIRT_XML_TREE_H
#define BATON_DAEMON_LIBVIRT_XML_TREE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libvirt/protocol.h"

#define XML_SIZE_MAX (1u << 20)
#define XML_DEPTH_MAX 48u
#define XML_NODES_MAX 20000u

struct xml_error {
	enum lv_code code;
	char text[400];
};

#define XML_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
/* Returns false, for the caller to return. */
bool xml_fail(struct xml_error *e, enum lv_code code, const char *fmt, ...) XML_PRINTF(3, 4);

struct xml_attribute {
	char *name, *value;
};

struct xml_node {
	char *name;			/* as written, with its prefix */
	struct xml_attribute *attribute;
	unsigned int attribute_count;
	GString *text;			/* directly in it, all pieces together */
	size_t start, end;		/* of the element in the document's text … */
	size_t inner_start, inner_end;	/* … and of what is inside it */
	struct xml_node *parent, *first, *last, *next;
};

/* NULL: *e. text has to stay as long as offsets are used. */
struct xml_node *xml_parse(const char *text, size_t length, struct xml_error *e);
void xml_free(struct xml_node *node);

/* NULL: there is none. node may be NULL. */
const char *xml_attribute(const struct xml_node *node, const char *name);
bool xml_attribute_is(const struct xml_node *node, const char *name, const char *value);
const struct xml_node *xml_child(const struct xml_node *node, const char *name);
static inline bool xml_is(const struct xml_node *node, const char *name)
{
	return !g_strcmp0(node->name, name);
}
/* Its text without white space around it; g_free(). */
char *xml_text(const struct xml_node *node);
/* An amount of bytes with its attribute "unit", as libvirt writes them; false: it is none. */
bool xml_amount(const struct xml_node *node, const char *default_unit, uint64_t *ret);
/* The element as it stands in the document; g_free(). */
char *xml_raw(const char *document, const struct xml_node *node);

/* printf() of which each %s is escaped. */
void xml_put(GString *to, const char *fmt, ...) XML_PRINTF(2, 3);
/* NAME='VALUE', such that a reader gets the very same value: line breaks, too. */
void xml_put_attribute(GString *to, const char *name, const char *value);

#endif
