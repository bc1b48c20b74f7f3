/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line of JSON that came from a socket, taken apart, and the descriptor that came with
 * it; and requests, put together.
 */
#ifndef BATON_GUI_REPLY_H
#define BATON_GUI_REPLY_H

#include <glib.h>

#include "lib/json_read.h"

struct reply {
	char *text;
	struct json_node *node;	/* the object */
	int fd;			/* -1: none; reply_steal_fd() takes it */
};

/* Takes `line` (NUL at its end) and fd; NULL: no JSON object, both are gone. */
struct reply *reply_new(char *line, gsize length, int fd);
void reply_free(struct reply *reply);	/* NULL is fine */
int reply_steal_fd(struct reply *reply);
/* For variables that free what they have at the end of their block. */
static inline void reply_cleanup(struct reply **reply) { reply_free(*reply); }
#define AUTO_REPLY __attribute__((cleanup(reply_cleanup))) struct reply *

/* {"op":OP,NAME:VALUE,...}: pairs of texts, then NULL; a NULL value is left out. g_free(). */
char *request_text(const char *op, ...) G_GNUC_NULL_TERMINATED;

/* Members of objects, with what to take if they are missing. */
const char *node_text(const struct json_node *object, const char *name);	/* else NULL */
gint64 node_number(const struct json_node *object, const char *name, gint64 otherwise);
gboolean node_flag(const struct json_node *object, const char *name);

#endif
