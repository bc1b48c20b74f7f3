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
	if (j->compact)
		return;
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

void json_decimal(struct json *j, const char *key, double number)
{
	start_value(j, key);
	fprintf(j->to, "%.1f", number);
}

void json_bool(struct json *j, const char *key, bool value)
{
	start_value(j, key);
	fputs(value ? "true" : "false", j->to);
}

static void write_nested(struct json *j, const char *key, const struct json_node *node)
{
	const struct json_node *child = NULL;
	bool object = node->type == JSON_OBJECT;

	json_open(j, key, object ? '{' : '[');
	while ((child = json_next(node, child)))
		json_node(j, object ? child->name : NULL, child);
	json_close(j, object ? '}' : ']');
}

/* Recursion ends: a reader's nodes have at most JSON_READ_DEPTH_MAX levels. */
void json_node(struct json *j, const char *key, const struct json_node *node)
{
	switch (node ? node->type : JSON_NULL) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		write_nested(j, key, node);
		break;
	case JSON_STRING:
		json_string(j, key, node->string);
		break;
	case JSON_BOOL:
		json_bool(j, key, node->boolean);
		break;
	case JSON_INT:
		start_value(j, key);
		fprintf(j->to, "%" PRId64, node->integer);
		break;
	case JSON_DOUBLE:
		start_value(j, key);
		fprintf(j->to, "%.17g", node->number);
		break;
	case JSON_NULL:
		json_string(j, key, NULL);
		break;
	}
}
