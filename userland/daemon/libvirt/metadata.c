// SPDX-License-Identifier: GPL-2.0-or-later
#include "libvirt/metadata.h"

#include <string.h>

/* The prefix of a name, "" if it has none; g_free(). */
static char *prefix_of(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? g_strndup(name, (size_t)(colon - name)) : g_strdup("");
}

static const char *local_name(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

/* The attribute that declares the name space of this element's prefix; g_free(). */
static char *declaration_of(const struct xml_node *node)
{
	char *prefix = prefix_of(node->name);
	char *name = prefix[0] ? g_strdup_printf("xmlns:%s", prefix) : g_strdup("xmlns");

	g_free(prefix);
	return name;
}

static bool has_uri(const struct xml_node *node, const char *uri)
{
	char *name = declaration_of(node);
	bool has = xml_attribute_is(node, name, uri);

	g_free(name);
	return has;
}

static bool uses_prefix(const struct xml_node *node, const char *prefix)
{
	const struct xml_node *child;

	for (child = node->first; child; child = child->next) {
		char *its = prefix_of(child->name);
		bool uses = !strcmp(its, prefix) || uses_prefix(child, prefix);

		g_free(its);
		if (uses)
			return true;
	}
	return false;
}

/* The element with another prefix and declaration (NULL: none) and what was inside. */
static char *rename_element(const char *document, const struct xml_node *node, const char *key,
			    const char *uri)
{
	char *old = declaration_of(node), *name;
	GString *to = g_string_new(NULL);
	unsigned int i;

	name = key ? g_strdup_printf("%s:%s", key, local_name(node->name)) :
		g_strdup(local_name(node->name));
	xml_put(to, "<%s", name);
	if (key) {
		g_string_append_printf(to, " xmlns:%s", key);
		xml_put_attribute(to, "", uri);
	}
	for (i = 0; i < node->attribute_count; i++) {
		if (strcmp(node->attribute[i].name, old)) {
			g_string_append_c(to, ' ');
			xml_put_attribute(to, node->attribute[i].name, node->attribute[i].value);
		}
	}
	if (node->inner_end > node->inner_start) {
		g_string_append_c(to, '>');
		g_string_append_len(to, document + node->inner_start,
				    (gssize)(node->inner_end - node->inner_start));
		xml_put(to, "</%s>", name);
	} else
		g_string_append(to, "/>");
	g_free(name);
	g_free(old);
	return g_string_free(to, FALSE);
}

static const struct xml_node *find(const struct xml_node *root, const char *uri)
{
	const struct xml_node *child;

	for (child = root ? root->first : NULL; child; child = child->next)
		if (has_uri(child, uri))
			return child;
	return NULL;
}

char *metadata_get(const struct kept *kept, const char *uri)
{
	const char *text = kept_metadata(kept);
	struct xml_error e;
	struct xml_node *root = text ? xml_parse(text, strlen(text), &e) : NULL;
	const struct xml_node *node = find(root, uri);
	char *prefix, *ret = NULL;

	if (node) {
		prefix = prefix_of(node->name);
		ret = uses_prefix(node, prefix) ? xml_raw(text, node) :
			rename_element(text, node, NULL, NULL);
		g_free(prefix);
	}
	xml_free(root);
	return ret;
}

static bool is_key(const char *key)
{
	const char *at;

	if (!key || !g_ascii_isalpha(key[0]) || strlen(key) > 64)
		return false;
	for (at = key; *at; at++)
		if (!g_ascii_isalnum(*at) && !strchr("_-.", *at))
			return false;
	return true;
}

/* What the new element looks like, in a name space of its own; NULL: *e. */
static char *new_element(const char *text, const char *key, const char *uri, struct xml_error *e)
{
	struct xml_node *node;
	char *ret;

	if (!is_key(key)) {
		xml_fail(e, LV_ERR_INVALID_ARG, "invalid argument: the element has no key");
		return NULL;
	}
	node = xml_parse(text, strlen(text), e);
	if (!node)
		return NULL;
	ret = rename_element(text, node, key, uri);
	xml_free(node);
	return ret;
}

bool metadata_set(struct kept *kept, const char *text, const char *key, const char *uri,
		  struct xml_error *e)
{
	const char *old = kept_metadata(kept);
	struct xml_node *root = old ? xml_parse(old, strlen(old), e) : NULL;
	const struct xml_node *child, *gone = find(root, uri);
	char *element = text ? new_element(text, key, uri, e) : NULL;
	GString *to;

	if (text && !element) {
		xml_free(root);
		return false;
	}
	to = g_string_new("<metadata>");
	for (child = root ? root->first : NULL; child; child = child->next)
		if (child != gone)
			g_string_append_len(to, old + child->start,
					    (gssize)(child->end - child->start));
	if (element)
		g_string_append(to, element);
	g_string_append(to, "</metadata>");
	kept_set_metadata(kept, strcmp(to->str, "<metadata></metadata>") ? to->str : NULL);
	g_string_free(to, TRUE);
	g_free(element);
	xml_free(root);
	return true;
}
