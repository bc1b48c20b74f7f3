// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See rpc.h.
 */
#include "lib/rpc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- checking a request ---- */

static const char *type_words(enum rpc_type type)
{
	static const char *const words[] = {
		[RPC_STRING] = "a text", [RPC_INT] = "a whole number",
		[RPC_BOOL] = "true or false", [RPC_STRINGS] = "a list of texts",
	};

	return words[type];
}

/* A NUL inside would cut it short unnoticed. */
static bool text_fits(const struct json_node *text, int64_t min, int64_t max)
{
	return text->type == JSON_STRING && (int64_t)text->length >= min &&
	       (int64_t)text->length <= max && !memchr(text->string, 0, text->length);
}

static bool list_fits(const struct json_node *list, const struct rpc_param *p)
{
	const struct json_node *text = NULL;

	if (list->type != JSON_ARRAY || list->count > p->min)
		return false;
	while ((text = json_next(list, text)))
		if (!text_fits(text, 0, p->max))
			return false;
	return true;
}

static bool bad_member(struct rpc_request *r, const struct rpc_param *p)
{
	btn_set(r->e, BTN_BAD_VALUE, "\"%s\" %s", p->name,
		json_member(r->object, p->name) ? "cannot be this" : "is missing");
	if (p->type == RPC_INT)
		btn_set_cause(r->e, "It has to be a whole number from %lld to %lld: %s.",
			      (long long)p->min, (long long)p->max, p->help);
	else
		btn_set_cause(r->e, "It has to be %s: %s.", type_words(p->type), p->help);
	return false;
}

static bool check_param(struct rpc_request *r, const struct rpc_param *p)
{
	const struct json_node *member = json_member(r->object, p->name);

	if (!member)
		return !p->required || bad_member(r, p);
	switch (p->type) {
	case RPC_STRING:
		if (text_fits(member, p->min, p->max))
			return true;
		break;
	case RPC_STRINGS:
		if (list_fits(member, p))
			return true;
		break;
	case RPC_INT:
		if (member->type == JSON_INT && member->integer >= p->min &&
		    member->integer <= p->max)
			return true;
		break;
	case RPC_BOOL:
		if (member->type == JSON_BOOL)
			return true;
		break;
	}
	return bad_member(r, p);
}

/* A member that nobody reads is a mistake of whoever wrote it. */
static bool check_name(struct rpc_request *r, const struct rpc_operation *o, const char *name)
{
	if (!strcmp(name, "op"))
		return true;
	for (const struct rpc_param *p = o->params; p->name; p++)
		if (!strcmp(p->name, name))
			return true;
	btn_set(r->e, BTN_BAD_VALUE, "the operation \"%s\" has no member \"%.64s\"", o->op, name);
	return false;
}

static bool check_params(struct rpc_request *r, const struct rpc_operation *o)
{
	const struct json_node *member = NULL;

	if (!o->params)
		return true;
	while ((member = json_next(r->object, member)))
		if (!check_name(r, o, member->name))
			return false;
	for (const struct rpc_param *p = o->params; p->name; p++)
		if (!check_param(r, p))
			return false;
	return true;
}

/* ---- answering ---- */

static bool run_operation(const struct rpc_service *service, struct rpc_request *r)
{
	const char *op;

	if (!json_get_string(r->object, "op", &op)) {
		btn_set(r->e, BTN_BAD_VALUE, "\"op\" is missing");
		btn_set_cause(r->e, "It has to be the name of an operation.");
		return false;
	}
	for (size_t i = 0; i < service->count; i++)
		if (!strcmp(service->operation[i].op, op))
			return check_params(r, &service->operation[i]) &&
			       service->operation[i].run(r);
	btn_set(r->e, BTN_UNKNOWN_VERB, "there is no operation \"%.64s\"", op);
	btn_set_cause(r->e, "The member \"op\" is not the name of one.");
	btn_set_fix(r->e, "The operations are described in %s.", service->document);
	return false;
}

/* A character takes six bytes at most, "\\u0001"; the rest of the line less than 128. */
static_assert(6 * (sizeof(((struct btn_error *)0)->message) +
		   sizeof(((struct btn_error *)0)->cause) +
		   sizeof(((struct btn_error *)0)->fix)) + 128 <= RPC_REPLY_MIN,
	      "the longest error does not fit");

size_t rpc_write_error(char *reply, size_t size, const struct btn_error *e)
{
	struct json_out out;
	char code[16];

	snprintf(code, sizeof(code), "BTN-%04d", (int)e->code);
	json_put_start(&out, reply, size);
	json_put_open(&out, NULL, '{');
	json_put_bool(&out, "ok", false);
	json_put_string(&out, "code", code);
	json_put_string(&out, "message", e->message);
	json_put_string(&out, "cause", e->cause);
	json_put_string(&out, "fix", e->fix);
	json_put_close(&out, '}');
	return (size_t)json_put_end(&out); /* always fits: the texts are bounded */
}

static size_t no_object(const struct rpc_service *service, char *reply, size_t size)
{
	struct btn_error e;

	btn_set(&e, BTN_BAD_VALUE, "the request is no JSON object");
	btn_set_cause(&e, "Each request is one JSON object (RFC 8259) on a line.");
	btn_set_fix(&e, "See %s.", service->document);
	return rpc_write_error(reply, size, &e);
}

size_t rpc_answer(const struct rpc_service *service, void *ctx, int client, char *text,
		  size_t length, char *reply, size_t size, int *ret_fd)
{
	struct json_node node[RPC_NODES_MAX];
	struct json_out out;
	struct btn_error e;
	struct rpc_request r = {
		.ctx = ctx, .client = client, .object = node, .out = &out, .e = &e, .fd = -1,
	};
	int64_t written;

	*ret_fd = -1;
	if (json_read(text, length, node, RPC_NODES_MAX, NULL) || node[0].type != JSON_OBJECT)
		return no_object(service, reply, size);
	json_put_start(&out, reply, size);
	json_put_open(&out, NULL, '{');
	json_put_bool(&out, "ok", true);
	if (!run_operation(service, &r))
		return rpc_write_error(reply, size, &e);
	*ret_fd = r.fd;
	if (r.later)
		return 0;
	json_put_close(&out, '}');
	written = json_put_end(&out);
	if (written > 0)
		return (size_t)written;
	btn_set(&e, BTN_INTERNAL, "the answer is too long");
	return rpc_write_error(reply, size, &e);
}

/* ---- the schema ---- */

static void put_param_schema(struct json_out *out, const struct rpc_param *p)
{
	static const char *const types[] = { "string", "integer", "boolean", "array" };

	json_put_open(out, p->name, '{');
	json_put_string(out, "type", types[p->type]);
	json_put_string(out, "description", p->help);
	if (p->type == RPC_INT) {
		json_put_int(out, "minimum", p->min);
		json_put_int(out, "maximum", p->max);
	} else if (p->type == RPC_STRING) {
		json_put_int(out, "minLength", p->min > 0);
		json_put_int(out, "maxLength", p->max);
	} else if (p->type == RPC_STRINGS) {
		json_put_int(out, "maxItems", p->min);
		json_put_open(out, "items", '{');
		json_put_string(out, "type", "string");
		json_put_int(out, "maxLength", p->max);
		json_put_close(out, '}');
	}
	json_put_close(out, '}');
}

static void put_required(struct json_out *out, const struct rpc_operation *o)
{
	json_put_open(out, "required", '[');
	json_put_string(out, NULL, "op");
	for (const struct rpc_param *p = o->params; p && p->name; p++)
		if (p->required)
			json_put_string(out, NULL, p->name);
	json_put_close(out, ']');
}

static void put_operation_schema(struct json_out *out, const struct rpc_operation *o)
{
	json_put_open(out, NULL, '{');
	json_put_string(out, "type", "object");
	json_put_string(out, "description", o->help);
	json_put_open(out, "properties", '{');
	json_put_open(out, "op", '{');
	json_put_string(out, "const", o->op);
	json_put_close(out, '}');
	for (const struct rpc_param *p = o->params; p && p->name; p++)
		put_param_schema(out, p);
	json_put_close(out, '}');
	put_required(out, o);
	json_put_bool(out, "additionalProperties", !o->params);
	json_put_close(out, '}');
}

int64_t rpc_write_schema(const struct rpc_service *service, char *text, size_t size)
{
	struct json_out out;

	json_put_start(&out, text, size);
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_put_string(&out, "title", "Requests on a control socket, one on a line");
	json_put_open(&out, "oneOf", '[');
	for (size_t i = 0; i < service->count; i++)
		put_operation_schema(&out, &service->operation[i]);
	json_put_close(&out, ']');
	json_put_close(&out, '}');
	return json_put_end(&out);
}

/* ---- the reference ---- */

static void print_param(const struct rpc_param *p, FILE *to)
{
	fprintf(to, "- `%s` %s", p->name, type_words(p->type));
	if (p->type == RPC_INT)
		fprintf(to, " from %lld to %lld", (long long)p->min, (long long)p->max);
	else if (p->type == RPC_STRING)
		fprintf(to, " of at most %lld bytes", (long long)p->max);
	else if (p->type == RPC_STRINGS)
		fprintf(to, ", at most %lld of %lld bytes each", (long long)p->min,
			(long long)p->max);
	fprintf(to, "%s: %s\n", p->required ? "" : ", optional", p->help);
}

void rpc_print_reference(const struct rpc_service *service, FILE *to)
{
	for (size_t i = 0; i < service->count; i++) {
		const struct rpc_operation *o = &service->operation[i];

		const char *answers = strchr(o->help, '\n');
		int length = answers ? (int)(answers - o->help) : (int)strlen(o->help);

		fprintf(to, "\n## %s\n\n%.*s\n", o->op, length, o->help);
		if (o->params && o->params->name)
			fputs("\nTakes:\n\n", to);
		for (const struct rpc_param *p = o->params; p && p->name; p++)
			print_param(p, to);
		if (answers)
			fprintf(to, "\nAnswers: %s.\n", answers + 1);
	}
}
