// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writes JSON. See json.h.
 */
#include "json.h"

#include <inttypes.h>

void json_init(struct json *j, FILE *to)
{
	*j = (struct json){ .to = to };
}

/* Bytes above 0x7f go through: what we print is UTF-8 wherever the host's is. */
static void write_string(struct json *j, const char *text)
{
	fputc('"', j->to);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(j->to, "\\%c", *p);
		else if (*p == '\n')
			fputs("\\n", j->to);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(j->to, "\\u%04x", *p);
		else
			fputc(*p, j->to);
	}
	fputc('"', j->to);
}

static void new_line(struct json *j)
{
	fputc('\n', j->to);
	for (unsigned int i = 0; i < j->depth; i++)
		fputs("  ", j->to);
}

static void start_value(struct json *j, const char *key)
{
	if (j->depth) {
		if (j->filled[j->depth - 1])
			fputc(',', j->to);
		j->filled[j->depth - 1] = true;
		new_line(j);
	}
	if (key) {
		write_string(j, key);
		fputs(": ", j->to);
	}
}

void json_open(struct json *j, const char *key, char bracket)
{
	start_value(j, key);
	fputc(bracket, j->to);
	if (j->depth < JSON_DEPTH_MAX)
		j->filled[j->depth++] = false;
}

void json_close(struct json *j, char bracket)
{
	if (j->depth && j->filled[--j->depth])
		new_line(j);
	fputc(bracket, j->to);
	if (!j->depth)
		fputc('\n', j->to);
}

void json_string(struct json *j, const char *key, const char *text)
{
	start_value(j, key);
	if (text)
		write_string(j, text);
	else
		fputs("null", j->to);
}

void json_number(struct json *j, const char *key, uint64_t number)
{
	start_value(j, key);
	fprintf(j->to, "%" PRIu64, number);
}

void json_bool(struct json *j, const char *key, bool value)
{
	start_value(j, key);
	fputs(value ? "true" : "false", j->to);
}
