// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Amounts of memory as people write them. What is understood survives being
 * printed in bytes and read again; the misspelt-word finder gets the same text.
 */
#include "fuzz.h"

#include <errno.h>
#include <inttypes.h>

#include "lib/size.h"
#include "lib/suggest.h"

static void check_value(uint64_t bytes)
{
	char text[SIZE_FORMAT_MAX];
	uint64_t again;

	FUZZ_CHECK(bytes <= INT64_MAX);
	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	FUZZ_CHECK(!size_parse(text, &again) && again == bytes);
	size_format(bytes, text, sizeof(text));
	FUZZ_CHECK(strlen(text) < sizeof(text));
	/* Rounded down: never more than there is. */
	if (!size_parse(text, &again))
		FUZZ_CHECK(again <= bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const words[] = { "kernel", "memory", "cpus", "k" };
	uint64_t bytes = 0x5a5a;
	char *text = malloc(size + 1);
	int error;

	memcpy(text, data, size);
	text[size] = 0;
	error = size_parse(text, &bytes);
	if (!error)
		check_value(bytes);
	else
		FUZZ_CHECK((error == -EINVAL || error == -ERANGE) && bytes == 0x5a5a);
	suggest(text, words, 4);
	free(text);
	return 0;
}
