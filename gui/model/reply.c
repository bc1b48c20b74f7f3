// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines of JSON from and for sockets. See reply.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "lib/json_write.h"
#include "model/reply.h"

#define NODES_MAX (1u << 20)
#define REQUEST_MAX (1u << 16)

/* Each value but the first stands behind one of these. */
static gsize count_values(const char *line, gsize length)
{
	gsize count = 1;

	for (gsize i = 0; i < length; i++)
		count += line[i] == ',' || line[i] == '{' || line[i] == '[';
	return count;
}

struct reply *reply_new(char *line, gsize length, int fd)
{
	struct reply *reply = g_new0(struct reply, 1);
	gsize count = count_values(line, length);

	reply->text = line;
	reply->fd = fd;
	if (count <= NODES_MAX) {
		reply->node = g_try_new0(struct json_node, count);
		if (reply->node && !json_read(line, length, reply->node, count, NULL) &&
		    reply->node->type == JSON_OBJECT)
			return reply;
	}
	reply_free(reply);
	return NULL;
}

void reply_free(struct reply *reply)
{
	if (!reply)
		return;
	if (reply->fd >= 0)
		close(reply->fd);
	g_free(reply->node);
	g_free(reply->text);
	g_free(reply);
}

int reply_steal_fd(struct reply *reply)
{
	int fd = reply->fd;

	reply->fd = -1;
	return fd;
}

char *request_text(const char *op, ...)
{
	g_autofree char *text = g_malloc(REQUEST_MAX);
	const char *name;
	struct json_out out;
	gint64 length;
	va_list args;

	json_put_start(&out, text, REQUEST_MAX);
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", op);
	va_start(args, op);
	while ((name = va_arg(args, const char *))) {
		const char *value = va_arg(args, const char *);

		if (value)
			json_put_string(&out, name, value);
	}
	va_end(args);
	json_put_close(&out, '}');
	length = json_put_end(&out);
	return length < 0 ? NULL : g_strndup(text, (gsize)length);
}

const char *node_text(const struct json_node *object, const char *name)
{
	const char *text;

	return json_get_string(object, name, &text) ? text : NULL;
}

gint64 node_number(const struct json_node *object, const char *name, gint64 otherwise)
{
	int64_t number;

	return json_get_int(object, name, INT64_MIN, INT64_MAX, &number) ? number : otherwise;
}

gboolean node_flag(const struct json_node *object, const char *name)
{
	bool flag;

	return json_get_bool(object, name, &flag) && flag;
}
