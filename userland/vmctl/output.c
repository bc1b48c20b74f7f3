// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What verbs print. See output.h.
 */
#define _GNU_SOURCE /* qsort_r */
#include "output.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "json.h"
#include "lib/printable.h"
#include "node.h"
#include "size.h"
#include "suggest.h"

#define CELL_MAX 4096

static const char *const format_words[] = { "table", "json", "jsonl", "csv" };

/* ---- options ---- */

bool output_take_format(const struct args *args, enum output_format *ret, struct btn_error *e)
{
	const char *word = args_get(args, "format");

	*ret = FORMAT_TABLE;
	if (!word)
		return true;
	if (!check_word("format", BTN_BAD_VALUE, word, format_words, 4, e)) {
		btn_set_cause(e, "The formats are table, json, jsonl and csv.");
		return false;
	}
	while (strcmp(format_words[*ret], word))
		(*ret)++;
	return true;
}

bool output_colour(void)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term &&
	       strcmp(term, "dumb");
}

static const struct output_column *find_column(const struct output *o, const char *name,
					       size_t length, struct btn_error *e)
{
	const char *names[OUTPUT_COLUMNS_MAX], *meant;
	char all[400], wrong[64];
	size_t count = 0, used = 0;

	for (const struct output_column *c = o->columns; c->name; c++) {
		if (strlen(c->name) == length && !memcmp(c->name, name, length))
			return c;
		names[count++] = c->name;
		if (used < sizeof(all))
			used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
						 used ? ", " : "", c->name);
	}
	snprintf(wrong, sizeof(wrong), "%.*s", (int)length, name);
	meant = suggest(wrong, names, count);
	btn_set(e, BTN_BAD_VALUE, "there is no field \"%s\"", wrong);
	btn_set_cause(e, "The fields are: %s.", all);
	btn_set_fix(e, "%s%s%s", meant ? "Did you mean \"" : "Choose one of them.",
		    meant ? meant : "", meant ? "\"?" : "");
	return NULL;
}

static bool take_fields(struct output *o, const char *fields, struct btn_error *e)
{
	while (*fields) {
		size_t length = strcspn(fields, ",");
		const struct output_column *c = find_column(o, fields, length, e);

		if (!c)
			return false;
		if (o->shown_count < OUTPUT_COLUMNS_MAX)
			o->shown[o->shown_count++] = c;
		fields += length + (fields[length] == ',');
	}
	if (o->shown_count)
		return true;
	btn_set(e, BTN_BAD_VALUE, "--fields names no field");
	return false;
}

static void take_default_fields(struct output *o)
{
	for (const struct output_column *c = o->columns; c->name; c++)
		if (c->heading || o->format != FORMAT_TABLE)
			o->shown[o->shown_count++] = c;
}

/* --filter FIELD=VALUE or FIELD!=VALUE; *ret_value points behind the "=". */
static const struct output_column *take_filter(const struct output *o, const char *text,
					       const char **ret_value, bool *ret_not,
					       struct btn_error *e)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text) {
		btn_set(e, BTN_BAD_VALUE, "the filter \"%.64s\" is not of the form FIELD=VALUE",
			text);
		btn_set_fix(e, "For example: --filter %s='web-*'", o->columns->name);
		return NULL;
	}
	*ret_not = equals[-1] == '!';
	*ret_value = equals + 1;
	return find_column(o, text, (size_t)(equals - *ret_not - text), e);
}

static bool check_filters(const struct output *o, struct btn_error *e)
{
	const char *text, *value;
	size_t pos = 0;
	bool not;

	while ((text = args_next(o->args, "filter", &pos)))
		if (!take_filter(o, text, &value, &not, e))
			return false;
	text = args_get(o->args, "sort");
	if (!text)
		return true;
	text += *text == '-';
	return find_column(o, text, strlen(text), e);
}

bool output_start(struct output *o, const struct args *args,
		  const struct output_column *columns, const char *list, struct btn_error *e)
{
	const char *fields = args_get(args, "fields");

	*o = (struct output){ .args = args, .columns = columns, .list = list };
	o->quiet = args_has(args, "quiet");
	o->headers = !o->quiet && !args_has(args, "no-headers");
	o->colour = output_colour();
	if (!output_take_format(args, &o->format, e))
		return false;
	if (fields && !take_fields(o, fields, e))
		return false;
	if (!fields)
		take_default_fields(o);
	if (o->quiet)
		o->shown_count = 1;
	return check_filters(o, e);
}

/* ---- rows ---- */

bool output_add(struct output *o, const struct json_node *object, const struct json_node *more,
		struct btn_error *e)
{
	if (o->row_count == o->row_size) {
		size_t size = o->row_size ? 2 * o->row_size : 64;
		struct output_row *row = reallocarray(o->row, size, sizeof(*row));

		if (!row) {
			btn_set_default(e, BTN_NO_MEMORY);
			return false;
		}
		o->row = row;
		o->row_size = size;
	}
	o->row[o->row_count++] = (struct output_row){ object, more };
	return true;
}

bool output_add_list(struct output *o, const struct json_node *object, const char *list,
		     struct btn_error *e)
{
	const struct json_node *all = json_member(object, list), *child = NULL;

	if (!all || all->type != JSON_ARRAY)
		return true;
	while ((child = json_next(all, child)))
		if (!output_add(o, child, NULL, e))
			return false;
	return true;
}

const struct json_node *output_value(const struct output_row *row,
				     const struct output_column *c)
{
	const char *path = c->path ? c->path : c->name;
	const struct json_node *value = node_at(row->object, path);

	return value || !row->more ? value : node_at(row->more, path);
}

static bool passes(const struct output *o, const struct output_row *row)
{
	const char *text, *value;
	char cell[CELL_MAX];
	size_t pos = 0;
	bool not;

	while ((text = args_next(o->args, "filter", &pos))) {
		struct btn_error ignored;
		const struct output_column *c = take_filter(o, text, &value, &not, &ignored);

		node_text(output_value(row, c), cell, sizeof(cell));
		if (!fnmatch(value, cell, 0) == not)
			return false;
	}
	return true;
}

struct sort_by {
	const struct output_column *column;
	int sign;
};

static bool is_number(const struct json_node *value)
{
	return value && (value->type == JSON_INT || value->type == JSON_DOUBLE);
}

static int compare_rows(const void *a, const void *b, void *ctx)
{
	const struct sort_by *by = ctx;
	const struct json_node *x = output_value(a, by->column), *y = output_value(b, by->column);
	char x_text[CELL_MAX], y_text[CELL_MAX];

	if (x && y && x->type == JSON_INT && y->type == JSON_INT)
		return by->sign * ((x->integer > y->integer) - (x->integer < y->integer));
	if (is_number(x) && is_number(y))
		return by->sign * ((x->number > y->number) - (x->number < y->number));
	return by->sign * strcmp(node_text(x, x_text, sizeof(x_text)),
				 node_text(y, y_text, sizeof(y_text)));
}

static void filter_and_sort(struct output *o)
{
	const char *sort = args_get(o->args, "sort");
	struct btn_error ignored;
	size_t kept = 0;

	for (size_t i = 0; i < o->row_count; i++)
		if (passes(o, &o->row[i]))
			o->row[kept++] = o->row[i];
	o->row_count = kept;
	if (sort) {
		bool down = *sort == '-';
		struct sort_by by = {
			find_column(o, sort + down, strlen(sort + down), &ignored),
			down ? -1 : 1,
		};

		qsort_r(o->row, o->row_count, sizeof(*o->row), compare_rows, &by);
	}
}

/* ---- for people ---- */

static void human_age(time_t then, char *buf, size_t size)
{
	long long s = (long long)(time(NULL) - then);

	if (s < 0)
		s = 0;
	if (s < 120)
		snprintf(buf, size, "%lld s", s);
	else if (s < 7200)
		snprintf(buf, size, "%lld min", s / 60);
	else if (s < 172800)
		snprintf(buf, size, "%lld h", s / 3600);
	else
		snprintf(buf, size, "%lld d", s / 86400);
}

const char *output_human(const struct json_node *value, enum output_kind kind, char *buf,
			 size_t size)
{
	struct tm tm;
	time_t when;

	if (!value || value->type == JSON_NULL ||
	    ((value->type == JSON_ARRAY || value->type == JSON_OBJECT) && !value->count)) {
		snprintf(buf, size, "-");
	} else if (kind == OUT_BYTES && value->type == JSON_INT && value->integer >= 0) {
		size_format((uint64_t)value->integer, buf, size);
	} else if (kind == OUT_AGE && node_time(value, &when)) {
		human_age(when, buf, size);
	} else if (kind == OUT_TIME && node_time(value, &when)) {
		strftime(buf, size, "%Y-%m-%d %H:%M", localtime_r(&when, &tm));
	} else {
		node_text(value, buf, size);
		make_printable(buf);
	}
	return buf;
}

static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static const char *colour_of(const char *state)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {
		{ "running", "\033[32m" }, { "done", "\033[32m" },
		{ "paused", "\033[33m" }, { "starting", "\033[33m" },
		{ "stopping", "\033[33m" }, { "broken", "\033[31m" },
		{ "failed", "\033[31m" },
	};

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (!strcmp(colours[i].state, state))
			return colours[i].colour;
	return NULL;
}

static void print_cell(const struct output *o, size_t index, const char *text, size_t width)
{
	const char *colour = o->colour && o->shown[index]->kind == OUT_STATE ?
			     colour_of(text) : NULL;
	size_t own = width_of(text);

	printf("%s%s%s", colour ? colour : "", text, colour ? "\033[0m" : "");
	if (index + 1 < o->shown_count)
		printf("%*s", (int)(own < width ? width - own + 2 : 2), "");
}

static const char *heading_of(const struct output_column *c, char *buf, size_t size)
{
	if (c->heading)
		return c->heading;
	snprintf(buf, size, "%s", c->name);
	for (char *p = buf; *p; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p == '_' ? ' ' : *p;
	return buf;
}

static void print_table_row(const struct output *o, const struct output_row *row,
			    const size_t *width)
{
	char cell[CELL_MAX];

	for (size_t i = 0; i < o->shown_count; i++)
		print_cell(o, i, output_human(output_value(row, o->shown[i]), o->shown[i]->kind,
					      cell, sizeof(cell)), width[i]);
	putchar('\n');
}

static void print_table(const struct output *o)
{
	size_t width[OUTPUT_COLUMNS_MAX] = { 0 };
	char cell[CELL_MAX];

	for (size_t i = 0; i < o->shown_count; i++) {
		if (o->headers)
			width[i] = width_of(heading_of(o->shown[i], cell, sizeof(cell)));
		for (size_t r = 0; r < o->row_count; r++) {
			size_t own = width_of(output_human(output_value(&o->row[r], o->shown[i]),
							   o->shown[i]->kind, cell,
							   sizeof(cell)));

			width[i] = own > width[i] ? own : width[i];
		}
	}
	for (size_t i = 0; o->headers && i < o->shown_count; i++)
		print_cell(o, i, heading_of(o->shown[i], cell, sizeof(cell)), width[i]);
	if (o->headers)
		putchar('\n');
	for (size_t r = 0; r < o->row_count; r++)
		print_table_row(o, &o->row[r], width);
}

/* ---- for programs ---- */

static void write_json_row(const struct output *o, struct json *j, const struct output_row *row)
{
	json_open(j, NULL, '{');
	for (size_t i = 0; i < o->shown_count; i++)
		json_node(j, o->shown[i]->name, output_value(row, o->shown[i]));
	json_close(j, '}');
}

static void print_json(const struct output *o)
{
	struct json j;

	json_init(&j, stdout);
	json_open(&j, NULL, '{');
	json_number(&j, "schema", 1);
	json_open(&j, o->list, '[');
	for (size_t r = 0; r < o->row_count; r++)
		write_json_row(o, &j, &o->row[r]);
	json_close(&j, ']');
	json_close(&j, '}');
}

static void print_jsonl_row(const struct output *o, const struct output_row *row)
{
	struct json j;

	json_init(&j, stdout);
	j.compact = true;
	write_json_row(o, &j, row);
}

/* RFC 4180, with the line ends of this system. */
static void print_csv_cell(const char *text, bool last)
{
	bool quoted = text[strcspn(text, ",\"\r\n")];

	if (quoted)
		putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	if (quoted)
		putchar('"');
	putchar(last ? '\n' : ',');
}

static void print_csv_row(const struct output *o, const struct output_row *row)
{
	char cell[CELL_MAX];

	for (size_t i = 0; i < o->shown_count; i++)
		print_csv_cell(row ? node_text(output_value(row, o->shown[i]), cell, sizeof(cell)) :
			       o->shown[i]->name, i + 1 == o->shown_count);
}

/* A list or an object has a line for each of its parts. */
static void print_lines(const struct output_column *c, const struct json_node *value)
{
	const struct json_node *child = NULL;
	char cell[CELL_MAX], label[64];

	snprintf(label, sizeof(label), "%s:", c->name);
	if (!value || value->type == JSON_NULL || (value->type == JSON_STRING && !value->length))
		return;
	if ((value->type != JSON_ARRAY && value->type != JSON_OBJECT) || !value->count) {
		printf("%-13s %s\n", label, output_human(value, c->kind, cell, sizeof(cell)));
		return;
	}
	while ((child = json_next(value, child))) {
		printf("%-13s %s%s%s\n", label, child->name ? child->name : "",
		       child->name ? "=" : "", output_human(child, c->kind, cell, sizeof(cell)));
		label[0] = '\0';
	}
}

void output_end_lines(struct output *o)
{
	if (o->format != FORMAT_TABLE || o->quiet) {
		output_end(o);
		return;
	}
	filter_and_sort(o);
	for (size_t r = 0; r < o->row_count; r++) {
		if (r)
			putchar('\n');
		for (size_t i = 0; i < o->shown_count; i++)
			print_lines(o->shown[i], output_value(&o->row[r], o->shown[i]));
	}
	free(o->row);
	o->row = NULL;
	o->row_count = o->row_size = 0;
}

void output_end(struct output *o)
{
	filter_and_sort(o);
	switch (o->format) {
	case FORMAT_TABLE:
		print_table(o);
		break;
	case FORMAT_JSON:
		print_json(o);
		break;
	case FORMAT_JSONL:
		for (size_t r = 0; r < o->row_count; r++)
			print_jsonl_row(o, &o->row[r]);
		break;
	case FORMAT_CSV:
		if (o->headers)
			print_csv_row(o, NULL);
		for (size_t r = 0; r < o->row_count; r++)
			print_csv_row(o, &o->row[r]);
		break;
	}
	free(o->row);
	o->row = NULL;
	o->row_count = o->row_size = 0;
}

bool output_stream(struct output *o, const struct json_node *object)
{
	static const size_t no_width[OUTPUT_COLUMNS_MAX];
	struct output_row row = { object, NULL };

	if (!passes(o, &row))
		return false;
	if (o->format == FORMAT_TABLE) {
		print_table_row(o, &row, no_width);
	} else if (o->format == FORMAT_CSV) {
		if (o->headers)
			print_csv_row(o, NULL);
		o->headers = false;
		print_csv_row(o, &row);
	} else {
		print_jsonl_row(o, &row);
	}
	fflush(stdout);
	return true;
}
