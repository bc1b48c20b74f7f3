// SPDX-License-Identifier: GPL-2.0-or-later
#include "libvirt/xml_tree.h"

#include <expat.h>
#include <stdarg.h>
#include <string.h>

struct builder {
	XML_Parser parser;
	struct xml_node *root, *at;
	unsigned int depth, nodes;
	const char *refused;
};

bool xml_fail(struct xml_error *e, enum lv_code code, const char *fmt, ...)
{
	va_list args;

	e->code = code;
	va_start(args, fmt);
	g_vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);
	return false;
}

static void refuse(struct builder *b, const char *why)
{
	if (!b->refused)
		b->refused = why;
	XML_StopParser(b->parser, XML_FALSE);
}

static size_t here(const struct builder *b)
{
	return (size_t)XML_GetCurrentByteIndex(b->parser);
}

static size_t behind(const struct builder *b)
{
	return here(b) + (size_t)XML_GetCurrentByteCount(b->parser);
}

static void set_attributes(struct xml_node *node, const char **attributes)
{
	unsigned int i, count = 0;

	while (attributes[2 * count])
		count++;
	node->attribute_count = count;
	node->attribute = g_new(struct xml_attribute, count);
	for (i = 0; i < count; i++)
		node->attribute[i] = (struct xml_attribute){
			g_strdup(attributes[2 * i]), g_strdup(attributes[2 * i + 1]) };
}

static void on_start(void *ctx, const char *name, const char **attributes)
{
	struct builder *b = ctx;
	struct xml_node *node;

	if (b->refused)
		return;
	if (b->depth >= XML_DEPTH_MAX || b->nodes >= XML_NODES_MAX) {
		refuse(b, "too many elements, or too deep ones");
		return;
	}
	node = g_new0(struct xml_node, 1);
	node->name = g_strdup(name);
	node->text = g_string_new(NULL);
	node->start = here(b);
	node->inner_start = behind(b);
	node->parent = b->at;
	set_attributes(node, attributes);
	if (!b->at)
		b->root = node;
	else if (b->at->last)
		b->at->last->next = node;
	else
		b->at->first = node;
	if (b->at)
		b->at->last = node;
	b->at = node;
	b->depth++;
	b->nodes++;
}

static void on_end(void *ctx, G_GNUC_UNUSED const char *name)
{
	struct builder *b = ctx;

	if (b->refused || !b->at)
		return;
	/* Of an element without a tag that ends it, both are behind its only one. */
	b->at->inner_end = here(b);
	b->at->end = behind(b);
	b->at = b->at->parent;
	b->depth--;
}

static void on_text(void *ctx, const char *text, int length)
{
	struct builder *b = ctx;

	if (b->at && !b->refused)
		g_string_append_len(b->at->text, text, length);
}

static void on_doctype(void *ctx, G_GNUC_UNUSED const char *name,
		       G_GNUC_UNUSED const char *system, G_GNUC_UNUSED const char *public,
		       G_GNUC_UNUSED int internal)
{
	refuse(ctx, "a DTD is not allowed");
}

struct xml_node *xml_parse(const char *text, size_t length, struct xml_error *e)
{
	struct builder b = { .parser = NULL };
	enum XML_Status status;

	if (length > XML_SIZE_MAX) {
		xml_fail(e, LV_ERR_XML, "XML error: the text has more than %u bytes",
			 XML_SIZE_MAX);
		return NULL;
	}
	/* The protocol's strings are UTF-8, whatever the text says. */
	b.parser = XML_ParserCreate("UTF-8");
	if (!b.parser) {
		xml_fail(e, LV_ERR_INTERNAL, "no memory for an XML parser");
		return NULL;
	}
	XML_SetUserData(b.parser, &b);
	XML_SetElementHandler(b.parser, on_start, on_end);
	XML_SetCharacterDataHandler(b.parser, on_text);
	XML_SetStartDoctypeDeclHandler(b.parser, on_doctype);
	status = XML_Parse(b.parser, text, (int)length, XML_TRUE);
	if (status != XML_STATUS_OK) {
		xml_fail(e, LV_ERR_XML, "XML error: line %lu: %s",
			 (unsigned long)XML_GetCurrentLineNumber(b.parser),
			 b.refused ? b.refused : XML_ErrorString(XML_GetErrorCode(b.parser)));
		xml_free(b.root);
		b.root = NULL;
	}
	XML_ParserFree(b.parser);
	return b.root;
}

void xml_free(struct xml_node *node)
{
	struct xml_node *child, *next;
	unsigned int i;

	if (!node)
		return;
	for (child = node->first; child; child = next) {
		next = child->next;
		xml_free(child);
	}
	for (i = 0; i < node->attribute_count; i++) {
		g_free(node->attribute[i].name);
		g_free(node->attribute[i].value);
	}
	g_free(node->attribute);
	g_free(node->name);
	g_string_free(node->text, TRUE);
	g_free(node);
}

const char *xml_attribute(const struct xml_node *node, const char *name)
{
	unsigned int i;

	for (i = 0; node && i < node->attribute_count; i++)
		if (!strcmp(node->attribute[i].name, name))
			return node->attribute[i].value;
	return NULL;
}

bool xml_attribute_is(const struct xml_node *node, const char *name, const char *value)
{
	return !g_strcmp0(xml_attribute(node, name), value);
}

const struct xml_node *xml_child(const struct xml_node *node, const char *name)
{
	const struct xml_node *child;

	for (child = node ? node->first : NULL; child; child = child->next)
		if (!strcmp(child->name, name))
			return child;
	return NULL;
}

char *xml_text(const struct xml_node *node)
{
	return g_strstrip(g_strdup(node->text->str));
}

static const struct { const char *unit; uint64_t bytes; } units[] = {
	{ "b", 1 }, { "bytes", 1 }, { "KB", 1000 }, { "k", 1024 }, { "KiB", 1024 },
	{ "MB", 1000000 }, { "M", 1 << 20 }, { "MiB", 1 << 20 }, { "GB", 1000000000 },
	{ "G", 1 << 30 }, { "GiB", 1 << 30 }, { "TB", 1000000000000 }, { "T", 1ull << 40 },
	{ "TiB", 1ull << 40 },
};

bool xml_amount(const struct xml_node *node, const char *default_unit, uint64_t *ret)
{
	const char *unit = xml_attribute(node, "unit");
	char *text = xml_text(node);
	bool ok = text[0] && strspn(text, "0123456789") == strlen(text) && strlen(text) < 20;
	uint64_t number = ok ? g_ascii_strtoull(text, NULL, 10) : 0, factor = 0;
	unsigned int i;

	g_free(text);
	for (i = 0; i < G_N_ELEMENTS(units); i++)
		if (!g_ascii_strcasecmp(units[i].unit, unit ? unit : default_unit))
			factor = units[i].bytes;
	if (!ok || !factor || number > (1ull << 60) / factor)
		return false;
	*ret = number * factor;
	return true;
}

char *xml_raw(const char *document, const struct xml_node *node)
{
	return g_strndup(document + node->start, node->end - node->start);
}

void xml_put(GString *to, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = g_markup_vprintf_escaped(fmt, args);
	va_end(args);
	g_string_append(to, text);
	g_free(text);
}

void xml_put_attribute(GString *to, const char *name, const char *value)
{
	char *escaped = g_markup_escape_text(value, -1);
	const char *at;

	g_string_append_printf(to, "%s='", name);
	for (at = escaped; *at; at++)
		if (strchr("\t\n\r", *at))
			g_string_append_printf(to, "&#%d;", *at);
		else
			g_string_append_c(to, *at);
	g_string_append_c(to, '\'');
	g_free(escaped);
}
