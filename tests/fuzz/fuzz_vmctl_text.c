// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What vmctl writes as JSON, from any strings and any nesting: control
 * characters never come out, strings and brackets are closed. And what the
 * console's escape character lets through.
 */
#include "fuzz.h"

#include "escape.h"
#include "json.h"

static void check_json(const char *text, size_t size, bool balanced)
{
	bool string = false;
	int depth = 0;

	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		FUZZ_CHECK(string ? (unsigned char)c >= 0x20 && c != 0x7f : c != '\\');
		if (c == '\\')
			i++;
		else if (c == '"')
			string = !string;
		else if (!string && strchr("[{", c))
			depth++;
		else if (!string && strchr("]}", c))
			depth--;
	}
	FUZZ_CHECK(!string);
	FUZZ_CHECK(!balanced || !depth);
}

static char *take_text(struct fuzz *f)
{
	size_t size = fuzz_u8(f) % 32;
	char *text = malloc(size + 1);

	fuzz_bytes(f, text, size);
	text[size] = 0;
	return text;
}

static void write_some(struct json *j, struct fuzz *f)
{
	unsigned int open = 0;

	json_open(j, NULL, '{');
	while (f->left) {
		uint8_t what = fuzz_u8(f);
		char *key = what & 0x80 ? take_text(f) : NULL, *value;

		if ((what & 7) == 0 && open < JSON_DEPTH_MAX + 4) {
			json_open(j, key, '[');
			open++;
		} else if ((what & 7) == 1 && open) {
			json_close(j, ']');
			open--;
		} else if ((what & 7) == 2) {
			json_number(j, key, fuzz_u64(f));
		} else if ((what & 7) == 3) {
			json_bool(j, key, what & 8);
		} else {
			value = what & 8 ? take_text(f) : NULL;
			json_string(j, key, value);
			free(value);
		}
		free(key);
	}
	while (open--)
		json_close(j, ']');
	json_close(j, '}');
}

/* Every byte typed comes out, but for escapes and one "~" of each pair. */
static void check_escape(const uint8_t *data, size_t size)
{
	struct escape escape = {};
	size_t accounted = 0;

	for (size_t i = 0; i < size; i++) {
		bool after_tilde = escape.state == ESCAPE_TILDE;
		uint8_t out[2];
		size_t count = 3;
		enum escape_action action = escape_feed(&escape, data[i], out, &count);

		FUZZ_CHECK(count <= 2);
		if (count)
			FUZZ_CHECK(out[count - 1] == data[i]);
		if (action != ESCAPE_NONE || (after_tilde && data[i] == '~'))
			accounted += count ? 1 : 2;
		accounted += count;
	}
	FUZZ_CHECK(accounted + (escape.state == ESCAPE_TILDE) == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	struct json j;

	json_init(&j, to);
	write_some(&j, &f);
	fclose(to);
	check_json(text, length, true);
	free(text);
	check_escape(data, size);
	return 0;
}
