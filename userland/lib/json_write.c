// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * JSON lines into a buffer. See json_write.h.
 */
#include "json_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_read.h"
#include "utf8.h"

void json_put_start(struct json_out *j, char *text, size_t size)
{
	*j = (struct json_out){ .text = text, .size = size };
}

static void put(struct json_out *j, const char *bytes, size_t length)
{
	if (j->full || j->size - j->length < length) {
		j->full = true;
		return;
	}
	memcpy(j->text + j->length, bytes, length);
	j->length += length;
}

/* One character of a string; its bytes. What is no UTF-8 becomes U+FFFD, as no reader takes it. */
static size_t put_character(struct json_out *j, const char *text)
{
	size_t length = utf8_length((const unsigned char *)text, UTF8_MAX);
	char escape[8];

	if (!length) {
		put(j, "\xef\xbf\xbd", 3);
		return 1;
	}
	if (*text == '"' || *text == '\\')
		put(j, "\\", 1);
	if ((unsigned char)*text < 0x20) {
		snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)*text);
		put(j, escape, 6);
	} else {
		put(j, text, length);
	}
	return length;
}

static void put_quoted(struct json_out *j, const char *text)
{
	put(j, "\"", 1);
	while (*text)
		text += put_character(j, text);
	put(j, "\"", 1);
}

static void put_name(struct json_out *j, const char *name)
{
	if (j->comma)
		put(j, ",", 1);
	j->comma = true;
	if (!name)
		return;
	put_quoted(j, name);
	put(j, ":", 1);
}

void json_put_open(struct json_out *j, const char *name, char bracket)
{
	put_name(j, name);
	put(j, &bracket, 1);
	j->comma = false;
}

void json_put_close(struct json_out *j, char bracket)
{
	put(j, &bracket, 1);
	j->comma = true;
}

void json_put_string(struct json_out *j, const char *name, const char *text)
{
	put_name(j, name);
	if (text)
		put_quoted(j, text);
	else
		put(j, "null", 4);
}

void json_put_int(struct json_out *j, const char *name, int64_t number)
{
	char text[32];

	put_name(j, name);
	put(j, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, number));
}

void json_put_bool(struct json_out *j, const char *name, bool value)
{
	put_name(j, name);
	put(j, value ? "true" : "false", value ? 4 : 5);
}

void json_put_raw(struct json_out *j, const char *name, const char *text)
{
	put_name(j, name);
	put(j, text, strlen(text));
}

static void put_nested(struct json_out *j, const char *name, const struct json_node *node)
{
	const struct json_node *child = NULL;
	bool object = node->type == JSON_OBJECT;

	json_put_open(j, name, object ? '{' : '[');
	while ((child = json_next(node, child)))
		json_put_node(j, object ? child->name : NULL, child);
	json_put_close(j, object ? '}' : ']');
}

/* Recursion ends: a reader's nodes have at most JSON_READ_DEPTH_MAX levels. */
void json_put_node(struct json_out *j, const char *name, const struct json_node *node)
{
	char text[32];

	switch (node->type) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		put_nested(j, name, node);
		break;
	case JSON_STRING:
		json_put_string(j, name, node->string);
		break;
	case JSON_BOOL:
		json_put_bool(j, name, node->boolean);
		break;
	case JSON_INT:
		json_put_int(j, name, node->integer);
		break;
	case JSON_DOUBLE:
		snprintf(text, sizeof(text), "%.17g", node->number);
		json_put_raw(j, name, text);
		break;
	case JSON_NULL:
		json_put_string(j, name, NULL);
		break;
	}
}

int64_t json_put_end(struct json_out *j)
{
	put(j, "\n", 1);
	return j->full ? -ENOSPC : (int64_t)j->length;
}
