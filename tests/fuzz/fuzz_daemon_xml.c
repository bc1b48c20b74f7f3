// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A domain's XML: any bytes. What is taken as a definition can be written, is taken again,
 * and says the same.
 */
#include "fuzz.h"

#include "libvirt/domain_xml.h"
#include "libvirt/metadata.h"

static bool read_it(struct domain_read *d, const char *text, size_t length)
{
	struct xml_error e = { 0 };
	bool ok;

	*d = (struct domain_read){ .folder = "/vms/a", .vnc_socket = "/a.vnc" };
	ok = domain_read(d, text, length, &e);
	FUZZ_CHECK(ok || (e.code && e.text[0]));
	return ok;
}

static char *write_it(const struct domain_read *d)
{
	const struct domain_write w = { .config = d->config, .kept = d->kept,
					.folder = "/vms/a", .id = -1 };

	return domain_write(&w);
}

static void check_kept(const struct kept *kept)
{
	char *text = kept_to_text(kept), *element;
	struct xml_error e;
	struct kept *again = kept_parse(text, strlen(text), &e);

	FUZZ_CHECK(again && again->pieces->len == kept->pieces->len);
	element = metadata_get(again, "urn:a");
	g_free(element);
	FUZZ_CHECK(metadata_set(again, "<x/>", "k", "urn:a", &e));
	kept_free(again);
	g_free(text);
}

/* Amounts, as volumes and memory have them: whatever is read is below the limit. */
static void check_amounts(const struct xml_node *node)
{
	uint64_t bytes = 0;

	for (; node; node = node->next) {
		FUZZ_CHECK(!xml_amount(node, "bytes", &bytes) || bytes <= 1ull << 60);
		FUZZ_CHECK(!xml_amount(node, "KiB", &bytes) || bytes <= 1ull << 60);
		check_amounts(node->first);
	}
}

static void parse_it(const char *text, size_t length)
{
	struct xml_error e;
	struct xml_node *root = xml_parse(text, length, &e);

	check_amounts(root);
	xml_free(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = g_strndup((const char *)data, size), *once, *twice;
	struct domain_read d, again;

	parse_it((const char *)data, size);
	/* As a string of the protocol is: UTF-8 without NUL. */
	if (g_utf8_validate(text, -1, NULL) && read_it(&d, text, strlen(text))) {
		once = write_it(&d);
		FUZZ_CHECK(read_it(&again, once, strlen(once)));
		twice = write_it(&again);
		FUZZ_CHECK(!strcmp(once, twice));
		check_kept(d.kept);
		domain_read_free(&again);
		domain_read_free(&d);
		g_free(once);
		g_free(twice);
	}
	g_free(text);
	return 0;
}
