/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A strict reader of JSON (RFC 8259) for requests from strangers: one value in,
 * an array of nodes out. Nothing is allocated: nodes are the caller's, strings
 * are decoded in place in the caller's text. Depth, nodes and so time are
 * bounded; text that is not UTF-8, a member name given twice in one object and
 * numbers outside int64 and double are errors.
 */
#ifndef BATON_LIB_JSON_READ_H
#define BATON_LIB_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_READ_DEPTH_MAX 16

enum json_type {
	JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT,
};

struct json_node {
	enum json_type type;
	bool boolean;
	int64_t integer;
	double number;			/* of JSON_INT, too */
	const char *string;		/* JSON_STRING: ends with NUL … */
	size_t length;			/* … and may have others inside */
	const char *name;		/* of an object's member, else NULL */
	size_t name_length;
	uint32_t count;			/* array, object: its children, which follow … */
	uint32_t size;			/* … in this many nodes, itself included */
};

/*
 * Takes text[0 .. length) apart, which is changed; text[length] is not touched.
 * node[0] becomes the value. -EINVAL: no JSON; -E2BIG: too deep or too many
 * nodes. *ret_at (may be NULL) says at which byte.
 */
int json_read(char *text, size_t length, struct json_node *node, size_t node_max,
	      size_t *ret_at);

/* The member of that name; NULL if there is none, or `object` is NULL or no object. */
const struct json_node *json_member(const struct json_node *object, const char *name);
/* Children in order: the first one for prev NULL; NULL after the last. */
const struct json_node *json_next(const struct json_node *parent, const struct json_node *prev);

/* The member's value; false if it is missing, of another type or out of range. */
bool json_get_string(const struct json_node *object, const char *name, const char **ret);
bool json_get_int(const struct json_node *object, const char *name, int64_t min, int64_t max,
		  int64_t *ret);
bool json_get_bool(const struct json_node *object, const char *name, bool *ret);

#endif
