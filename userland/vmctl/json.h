/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes JSON. A writer this small costs no library, which counts twice: the
 * start of vmctl stays fast, and test hosts with a tiny root stay small.
 */
#ifndef BATON_VMCTL_JSON_H
#define BATON_VMCTL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/json_read.h"

#define JSON_DEPTH_MAX 24 /* more than a reader's nodes have, and some around them */

struct json {
	FILE *to;
	unsigned int depth;
	bool compact;		/* all on one line */
	bool filled[JSON_DEPTH_MAX]; /* something stands before, on this level */
};

void json_init(struct json *j, FILE *to);
/* key is NULL inside arrays and for the outermost value. */
void json_open(struct json *j, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *j, char bracket);			/* '}' or ']' */
void json_string(struct json *j, const char *key, const char *text); /* NULL: null */
void json_number(struct json *j, const char *key, uint64_t number);
void json_decimal(struct json *j, const char *key, double number); /* with one decimal */
void json_bool(struct json *j, const char *key, bool value);
/* A value that was read; NULL: null. */
void json_node(struct json *j, const char *key, const struct json_node *node);

#endif
