// SPDX-License-Identifier: GPL-2.0-or-later
/* What of a domain's XML is kept beside the VM's definition: file libvirt.xml. */
#include "libvirt/domain_xml.h"

#include <string.h>

static const char *const graphics_words[] = {
	[GRAPHICS_PLAIN] = "plain", [GRAPHICS_AUTO] = "auto",
};

static void piece_free(void *data)
{
	struct kept_piece *piece = data;

	g_free(piece->where);
	g_free(piece->text);
	g_free(piece);
}

struct kept *kept_new(void)
{
	struct kept *kept = g_new0(struct kept, 1);

	kept->pieces = g_ptr_array_new_with_free_func(piece_free);
	return kept;
}

void kept_free(struct kept *kept)
{
	if (!kept)
		return;
	g_ptr_array_unref(kept->pieces);
	g_free(kept);
}

void kept_add(struct kept *kept, const char *where, const char *text)
{
	struct kept_piece *piece = g_new(struct kept_piece, 1);

	piece->where = g_strdup(where);
	piece->text = g_strdup(text);
	g_ptr_array_add(kept->pieces, piece);
}

char *kept_to_text(const struct kept *kept)
{
	GString *to = g_string_new(NULL);
	unsigned int i;

	xml_put(to, "<kept graphics='%s' reboot='%s'>\n", graphics_words[kept->graphics],
		kept->destroy_on_reboot ? "destroy" : "restart");
	for (i = 0; i < kept->pieces->len; i++) {
		const struct kept_piece *piece = kept->pieces->pdata[i];

		if (!strcmp(piece->where, "attributes")) {
			g_string_append(to, "<piece where='attributes' ");
			xml_put_attribute(to, "text", piece->text);
			g_string_append(to, "/>\n");
		} else {
			xml_put(to, "<piece where='%s'>", piece->where);
			g_string_append(to, piece->text);
			g_string_append(to, "</piece>\n");
		}
	}
	g_string_append(to, "</kept>\n");
	return g_string_free(to, FALSE);
}

static void take_piece(struct kept *kept, const char *document, const struct xml_node *node)
{
	const char *where = xml_attribute(node, "where");
	char *text;

	if (!where)
		return;
	if (!strcmp(where, "attributes"))
		text = g_strdup(xml_attribute(node, "text"));
	else
		text = g_strndup(document + node->inner_start,
				 node->inner_end - node->inner_start);
	if (text)
		kept_add(kept, where, text);
	g_free(text);
}

struct kept *kept_parse(const char *text, size_t length, struct xml_error *e)
{
	struct xml_node *root = xml_parse(text, length, e), *child;
	struct kept *kept;
	unsigned int i;

	if (!root)
		return NULL;
	kept = kept_new();
	for (i = 0; i < G_N_ELEMENTS(graphics_words); i++)
		if (xml_attribute_is(root, "graphics", graphics_words[i]))
			kept->graphics = (enum graphics_mode)i;
	kept->destroy_on_reboot = xml_attribute_is(root, "reboot", "destroy");
	for (child = root->first; child; child = child->next)
		take_piece(kept, text, child);
	xml_free(root);
	return kept;
}

static bool is_metadata(const struct kept_piece *piece)
{
	return !strcmp(piece->where, "domain") && g_str_has_prefix(piece->text, "<metadata") &&
		piece->text[9] && strchr(" \t\r\n/>", piece->text[9]);
}

const char *kept_metadata(const struct kept *kept)
{
	unsigned int i;

	for (i = 0; i < kept->pieces->len; i++)
		if (is_metadata(kept->pieces->pdata[i]))
			return ((struct kept_piece *)kept->pieces->pdata[i])->text;
	return NULL;
}

void kept_set_metadata(struct kept *kept, const char *text)
{
	unsigned int i;

	for (i = 0; i < kept->pieces->len; i++) {
		struct kept_piece *piece = kept->pieces->pdata[i];

		if (!is_metadata(piece))
			continue;
		if (text) {
			g_free(piece->text);
			piece->text = g_strdup(text);
		} else
			g_ptr_array_remove_index(kept->pieces, i);
		return;
	}
	if (text)
		kept_add(kept, "domain", text);
}
