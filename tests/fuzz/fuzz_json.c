// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The reader of JSON: any bytes. Nodes nest within each other, strings lie
 * within the text and are terminated.
 */
#include "fuzz.h"

#include "lib/json_read.h"

#define NODES 64

static void check(const struct json_node *node, const char *text, size_t size)
{
	const struct json_node *child = NULL;
	uint32_t count = 0;

	if (node->type == JSON_STRING) {
		FUZZ_CHECK(node->string >= text && node->string + node->length < text + size);
		FUZZ_CHECK(!node->string[node->length]);
	}
	if (node->type != JSON_ARRAY && node->type != JSON_OBJECT) {
		FUZZ_CHECK(node->size == 1);
		return;
	}
	while ((child = json_next(node, child))) {
		FUZZ_CHECK((node->type == JSON_OBJECT) == (child->name != NULL));
		FUZZ_CHECK(child + child->size <= node + node->size);
		check(child, text, size);
		count++;
	}
	FUZZ_CHECK(count == node->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_node node[NODES];
	char *text = malloc(size ? size : 1);
	size_t at = 0;

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	if (!json_read(text, size, node, NODES, &at)) {
		FUZZ_CHECK(at == size && node[0].size <= NODES);
		check(node, text, size);
	}
	FUZZ_CHECK(at <= size);
	free(text);
	return 0;
}
