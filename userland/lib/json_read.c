// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A strict reader of JSON. See json_read.h.
 *
 * One pass, recursion bounded by JSON_READ_DEPTH_MAX. A decoded string is never
 * longer than its source and starts one byte before it (over the opening
 * quote), so its final NUL has room.
 */
#include "json_read.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define NUMBER_MAX 64 /* characters; more than any int64 or sensible double needs */

struct reader {
	char *text;
	size_t length, at;
	struct json_node *node;
	size_t node_max, node_count;
	unsigned int depth;
};

static int read_value(struct reader *r, size_t *ret_index);

static int peek(const struct reader *r)
{
	return r->at < r->length ? (unsigned char)r->text[r->at] : -1;
}

static void skip_space(struct reader *r)
{
	int c;

	while ((c = peek(r)) == ' ' || c == '\t' || c == '\n' || c == '\r')
		r->at++;
}

static int expect(struct reader *r, const char *word)
{
	size_t length = strlen(word);

	if (r->length - r->at < length || memcmp(r->text + r->at, word, length))
		return -EINVAL;
	r->at += length;
	return 0;
}

/* ---- strings ---- */

static int read_hex4(struct reader *r, uint32_t *ret)
{
	uint32_t value = 0;

	if (r->length - r->at < 4)
		return -EINVAL;
	for (unsigned int i = 0; i < 4; i++) {
		int c = (unsigned char)r->text[r->at++];
		int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (digit < 0)
			return -EINVAL;
		value = value << 4 | (uint32_t)digit;
	}
	*ret = value;
	return 0;
}

static size_t put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* After "\u": one UTF-16 unit, or a pair of surrogates. */
static int read_unicode(struct reader *r, uint32_t *ret)
{
	uint32_t high, low;

	if (read_hex4(r, &high))
		return -EINVAL;
	if (high < 0xd800 || high > 0xdfff) {
		*ret = high;
		return 0;
	}
	if (high > 0xdbff || expect(r, "\\u") || read_hex4(r, &low) || low < 0xdc00 ||
	    low > 0xdfff)
		return -EINVAL;
	*ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	return 0;
}

/* After a backslash. */
static int read_escape(struct reader *r, char *to, size_t *ret_length)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	int c = peek(r);
	const char *found;
	uint32_t code;

	if (c < 0)
		return -EINVAL;
	r->at++;
	if (c == 'u') {
		if (read_unicode(r, &code))
			return -EINVAL;
		*ret_length = put_utf8(to, code);
		return 0;
	}
	found = c ? strchr(from, c) : NULL;
	if (!found)
		return -EINVAL;
	*to = into[found - from];
	*ret_length = 1;
	return 0;
}

static int read_string(struct reader *r, const char **ret, size_t *ret_length)
{
	char *start = r->text + r->at, *to = start;

	if (peek(r) != '"')
		return -EINVAL;
	r->at++;
	for (;;) {
		int c = peek(r);
		size_t length;

		if (c < 0x20)
			return -EINVAL; /* the end, or a control character */
		if (c == '"')
			break;
		if (c == '\\') {
			r->at++;
			if (read_escape(r, to, &length))
				return -EINVAL;
		} else {
			length = utf8_length((unsigned char *)r->text + r->at, r->length - r->at);
			if (!length)
				return -EINVAL;
			memmove(to, r->text + r->at, length);
			r->at += length;
		}
		to += length;
	}
	r->at++;
	*to = 0;
	*ret = start;
	*ret_length = (size_t)(to - start);
	return 0;
}

/* ---- numbers ---- */

static size_t skip_digits(struct reader *r)
{
	size_t from = r->at;

	while (peek(r) >= '0' && peek(r) <= '9')
		r->at++;
	return r->at - from;
}

/* The grammar, which is narrower than strtod()'s. */
static int skip_number(struct reader *r, bool *ret_integer)
{
	*ret_integer = true;
	if (peek(r) == '-')
		r->at++;
	if (peek(r) == '0')
		r->at++;
	else if (!skip_digits(r))
		return -EINVAL;
	if (peek(r) == '.') {
		*ret_integer = false;
		r->at++;
		if (!skip_digits(r))
			return -EINVAL;
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		*ret_integer = false;
		r->at++;
		if (peek(r) == '+' || peek(r) == '-')
			r->at++;
		if (!skip_digits(r))
			return -EINVAL;
	}
	return 0;
}

/* strtod() takes the decimal point of the locale; programs here never set one. */
static int read_number(struct reader *r, struct json_node *node)
{
	char copy[NUMBER_MAX];
	size_t from = r->at;
	bool integer;

	if (skip_number(r, &integer) || r->at - from >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, r->text + from, r->at - from);
	copy[r->at - from] = 0;
	errno = 0;
	if (integer) {
		node->type = JSON_INT;
		node->integer = strtoll(copy, NULL, 10);
		node->number = (double)node->integer;
		return errno ? -EINVAL : 0;
	}
	node->type = JSON_DOUBLE;
	node->number = strtod(copy, NULL);
	return isfinite(node->number) ? 0 : -EINVAL;
}

/* ---- arrays and objects ---- */

static bool has_name(const struct reader *r, size_t object, const char *name, size_t length)
{
	const struct json_node *parent = &r->node[object], *child = NULL;
	uint32_t left = parent->count;

	for (child = parent + 1; left--; child += child->size)
		if (child->name_length == length && !memcmp(child->name, name, length))
			return true;
	return false;
}

/* `"name" :` of the next member of the object. */
static int read_name(struct reader *r, size_t object, const char **ret, size_t *ret_length)
{
	skip_space(r);
	if (read_string(r, ret, ret_length) || has_name(r, object, *ret, *ret_length))
		return -EINVAL;
	skip_space(r);
	return expect(r, ":");
}

static int read_child(struct reader *r, size_t parent)
{
	bool object = r->node[parent].type == JSON_OBJECT;
	const char *name = NULL;
	size_t name_length = 0, child;
	int error = object ? read_name(r, parent, &name, &name_length) : 0;

	if (!error)
		error = read_value(r, &child);
	if (error)
		return error;
	r->node[child].name = name;
	r->node[child].name_length = name_length;
	r->node[parent].count++;
	return 0;
}

static int read_children(struct reader *r, size_t parent, char end)
{
	r->at++;
	skip_space(r);
	if (peek(r) == end) {
		r->at++;
		return 0;
	}
	for (;;) {
		int error = read_child(r, parent);

		if (error)
			return error;
		skip_space(r);
		if (peek(r) == end) {
			r->at++;
			return 0;
		}
		if (expect(r, ","))
			return -EINVAL;
	}
}

static int read_nested(struct reader *r, size_t index, enum json_type type)
{
	int error;

	if (r->depth == JSON_READ_DEPTH_MAX)
		return -E2BIG;
	r->depth++;
	r->node[index].type = type;
	error = read_children(r, index, type == JSON_ARRAY ? ']' : '}');
	r->depth--;
	return error;
}

static int read_bool(struct reader *r, struct json_node *node, const char *word, bool value)
{
	node->type = JSON_BOOL;
	node->boolean = value;
	return expect(r, word);
}

static int read_value(struct reader *r, size_t *ret_index)
{
	size_t index = r->node_count;
	struct json_node *node = &r->node[index];
	int error;

	if (index == r->node_max)
		return -E2BIG;
	r->node_count++;
	*node = (struct json_node){ .type = JSON_NULL };
	skip_space(r);
	switch (peek(r)) {
	case '{': error = read_nested(r, index, JSON_OBJECT); break;
	case '[': error = read_nested(r, index, JSON_ARRAY); break;
	case '"':
		node->type = JSON_STRING;
		error = read_string(r, &node->string, &node->length);
		break;
	case 't': error = read_bool(r, node, "true", true); break;
	case 'f': error = read_bool(r, node, "false", false); break;
	case 'n': error = expect(r, "null"); break;
	default: error = read_number(r, node);
	}
	node->size = (uint32_t)(r->node_count - index);
	*ret_index = index;
	return error;
}

int json_read(char *text, size_t length, struct json_node *node, size_t node_max,
	      size_t *ret_at)
{
	struct reader r = { .text = text, .length = length, .node = node, .node_max = node_max };
	size_t index;
	int error = node_max > UINT32_MAX ? -E2BIG : read_value(&r, &index);

	if (!error) {
		skip_space(&r);
		if (r.at != r.length)
			error = -EINVAL;
	}
	if (ret_at)
		*ret_at = r.at;
	return error;
}

/* ---- looking things up ---- */

const struct json_node *json_next(const struct json_node *parent, const struct json_node *prev)
{
	const struct json_node *next = prev ? prev + prev->size : parent + 1;

	return next < parent + parent->size ? next : NULL;
}

const struct json_node *json_member(const struct json_node *object, const char *name)
{
	const struct json_node *child = NULL;

	if (!object || object->type != JSON_OBJECT)
		return NULL;
	while ((child = json_next(object, child)))
		if (child->name_length == strlen(name) &&
		    !memcmp(child->name, name, child->name_length))
			return child;
	return NULL;
}

/* A string with a NUL inside is none that C code should look at. */
bool json_get_string(const struct json_node *object, const char *name, const char **ret)
{
	const struct json_node *node = json_member(object, name);

	if (!node || node->type != JSON_STRING || strlen(node->string) != node->length)
		return false;
	*ret = node->string;
	return true;
}

bool json_get_int(const struct json_node *object, const char *name, int64_t min, int64_t max,
		  int64_t *ret)
{
	const struct json_node *node = json_member(object, name);

	if (!node || node->type != JSON_INT || node->integer < min || node->integer > max)
		return false;
	*ret = node->integer;
	return true;
}

bool json_get_bool(const struct json_node *object, const char *name, bool *ret)
{
	const struct json_node *node = json_member(object, name);

	if (!node || node->type != JSON_BOOL)
		return false;
	*ret = node->boolean;
	return true;
}
