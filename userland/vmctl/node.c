// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Values out of the daemon's answers. See node.h.
 */
#define _GNU_SOURCE /* strptime, timegm */
#include "node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct json_node *child_at(const struct json_node *node, const char *word)
{
	const struct json_node *child = NULL;
	long index;

	if (node->type == JSON_OBJECT)
		return json_member(node, word);
	if (node->type != JSON_ARRAY)
		return NULL;
	index = strtol(word, NULL, 10);
	while ((child = json_next(node, child)) && index--)
		continue;
	return child;
}

const struct json_node *node_at(const struct json_node *object, const char *path)
{
	char word[64];

	while (object && *path) {
		size_t length = strcspn(path, ".");

		if (length >= sizeof(word))
			return NULL;
		memcpy(word, path, length);
		word[length] = '\0';
		object = child_at(object, word);
		path += length + (path[length] == '.');
	}
	return object;
}

const char *node_string(const struct json_node *object, const char *name)
{
	const char *text;

	return json_get_string(object, name, &text) ? text : "";
}

bool node_is(const struct json_node *object, const char *name, const char *value)
{
	return !strcmp(node_string(object, name), value);
}

int64_t node_int(const struct json_node *object, const char *name)
{
	int64_t value;

	return json_get_int(object, name, INT64_MIN, INT64_MAX, &value) ? value : 0;
}

/* An object in a list: what names it, and what belongs to that. */
static void put_object(const struct json_node *node, char *buf, size_t size)
{
	const struct json_node *child = NULL;
	size_t used = 0;

	buf[0] = '\0';
	while ((child = json_next(node, child)) && used < size) {
		char text[512];

		if (child->type == JSON_NULL)
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s=%s", used ? " " : "",
					 child->name, node_text(child, text, sizeof(text)));
	}
}

static void put_list(const struct json_node *node, char *buf, size_t size)
{
	const struct json_node *child = NULL;
	size_t used = 0;

	buf[0] = '\0';
	while ((child = json_next(node, child)) && used < size) {
		char text[512];

		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ";" : "",
					 node_text(child, text, sizeof(text)));
	}
}

char *node_text(const struct json_node *node, char *buf, size_t size)
{
	switch (node ? node->type : JSON_NULL) {
	case JSON_NULL:
		buf[0] = '\0';
		break;
	case JSON_BOOL:
		snprintf(buf, size, "%s", node->boolean ? "true" : "false");
		break;
	case JSON_INT:
		snprintf(buf, size, "%" PRId64, node->integer);
		break;
	case JSON_DOUBLE:
		snprintf(buf, size, "%g", node->number);
		break;
	case JSON_STRING:
		snprintf(buf, size, "%s", node->string);
		break;
	case JSON_ARRAY:
		put_list(node, buf, size);
		break;
	case JSON_OBJECT:
		put_object(node, buf, size);
		break;
	}
	return buf;
}

/* "Z", "+01:00" */
static bool zone_seconds(const char *text, long *ret)
{
	int hours, minutes;

	*ret = 0;
	if (*text == 'Z' || *text == 'z')
		return !text[1];
	if ((*text != '+' && *text != '-') || sscanf(text + 1, "%2d:%2d", &hours, &minutes) != 2)
		return false;
	*ret = (hours * 60 + minutes) * 60l * (*text == '-' ? -1 : 1);
	return true;
}

bool node_time(const struct json_node *node, time_t *ret)
{
	struct tm tm = { 0 };
	const char *end;
	long zone;

	if (!node || node->type != JSON_STRING)
		return false;
	end = strptime(node->string, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!end)
		return false;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (!zone_seconds(end, &zone))
		return false;
	*ret = timegm(&tm) - zone;
	return true;
}
