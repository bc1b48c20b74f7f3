/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What verbs print: rows, as a table for people or as JSON or CSV for programs. One
 * place for --format, --fields, --no-headers, --quiet, --sort and --filter.
 */
#ifndef BATON_VMCTL_OUTPUT_H
#define BATON_VMCTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "errors.h"
#include "lib/json_read.h"
#include "options.h"

/* How people see a value; programs get it raw. */
enum output_kind { OUT_TEXT, OUT_BYTES, OUT_TIME, OUT_AGE, OUT_STATE };

struct output_column {
	const char *name;	/* of the field, for --fields and programs */
	const char *path;	/* where it is in a row: "networks.0.address"; NULL: name */
	const char *heading;	/* in tables; NULL: only with --fields, and for programs */
	enum output_kind kind;
};

enum output_format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV };

/* A row is an object; what is not in it is looked for in `more` (may be NULL). */
struct output_row {
	const struct json_node *object, *more;
};

#define OUTPUT_COLUMNS_MAX 40

struct output {
	const struct args *args;
	const struct output_column *columns;	/* ends with a NULL name */
	const char *list;			/* name of the list in JSON */
	enum output_format format;
	bool headers, quiet, colour;
	const struct output_column *shown[OUTPUT_COLUMNS_MAX];
	size_t shown_count;
	struct output_row *row;
	size_t row_count, row_size;
};

/* Rows for a verb's table of options. */
#define FORMAT_OPTION \
	{ "format", "table|json|jsonl|csv", "For people (table, the default) or programs." }
#define OUTPUT_OPTIONS								\
	FORMAT_OPTION,								\
	{ "fields", "NAME,...", "Which columns, in this order; programs get all of them "	\
		"otherwise. A wrong name lists those that there are." },	\
	{ "no-headers", NULL, "No line of headings." },				\
	{ "quiet", NULL, "Only the first column, without headings. Short: -q." },	\
	{ "sort", "FIELD", "Sort by this field; -FIELD: downwards." },		\
	{ "filter", "FIELD=VALUE", "Only rows whose field is VALUE, which may have * and ?; "	\
		"FIELD!=VALUE: only others. Repeat it: all have to fit." }

/* Checks the options. False: *e says which is wrong. */
bool output_start(struct output *o, const struct args *args,
		  const struct output_column *columns, const char *list, struct btn_error *e);
/* What it points to has to stay until output_end(). */
bool output_add(struct output *o, const struct json_node *object, const struct json_node *more,
		struct btn_error *e);
/* All members of an object's list; another or no list adds nothing. */
bool output_add_list(struct output *o, const struct json_node *object, const char *list,
		     struct btn_error *e);
/* The value of a row's column; NULL: it has none. */
const struct json_node *output_value(const struct output_row *row,
				     const struct output_column *column);
/* As output_end(), but a table has a line for each value, and a blank one between rows. */
void output_end_lines(struct output *o);
/* Filters, sorts, prints; frees. */
void output_end(struct output *o);
/*
 * A row of a stream, at once: table and CSV without padding, JSON on a line. False: it does
 * not pass the filters.
 */
bool output_stream(struct output *o, const struct json_node *object);

/* --format alone. */
bool output_take_format(const struct args *args, enum output_format *ret, struct btn_error *e);
/* Whether standard output gets colours. */
bool output_colour(void);
/* The cell of a table as people see it; buf is used if need be. */
const char *output_human(const struct json_node *value, enum output_kind kind, char *buf,
			 size_t size);

#endif
