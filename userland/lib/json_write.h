/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes JSON on one line into a buffer of fixed size, for sockets that speak
 * lines. What does not fit is found out at the end: json_put_end(). Texts may be anything:
 * names of files, messages that were cut; what is no UTF-8 in them is written as U+FFFD.
 */
#ifndef BATON_LIB_JSON_WRITE_H
#define BATON_LIB_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_node;

struct json_out {
	char *text;
	size_t size, length;
	bool comma;	/* something stands before, on this level */
	bool full;
};

void json_put_start(struct json_out *j, char *text, size_t size);
/* name is NULL inside arrays and for the outermost value. */
void json_put_open(struct json_out *j, const char *name, char bracket);	/* '{' or '[' */
void json_put_close(struct json_out *j, char bracket);			/* '}' or ']' */
void json_put_string(struct json_out *j, const char *name, const char *text); /* NULL: null */
void json_put_int(struct json_out *j, const char *name, int64_t number);
void json_put_bool(struct json_out *j, const char *name, bool value);
/* What json_put_...() has written, or json_read() took apart: once more. */
void json_put_raw(struct json_out *j, const char *name, const char *text);
void json_put_node(struct json_out *j, const char *name, const struct json_node *node);
/* Ends the line. Its length with the line feed; -ENOSPC if it did not fit. */
int64_t json_put_end(struct json_out *j);

#endif
