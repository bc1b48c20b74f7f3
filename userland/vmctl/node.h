/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values out of the daemon's answers.
 */
#ifndef BATON_VMCTL_NODE_H
#define BATON_VMCTL_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "lib/json_read.h"

/* "networks.0.address": names and positions; NULL: it is not there. */
const struct json_node *node_at(const struct json_node *object, const char *path);
/* A member that is a string, else "". */
const char *node_string(const struct json_node *object, const char *name);
bool node_is(const struct json_node *object, const char *name, const char *value);
/* An integer member, else 0. */
int64_t node_int(const struct json_node *object, const char *name);
/* As text, raw; lists joined by ";"; null and NULL: "". Cut to size. Returns buf. */
char *node_text(const struct json_node *node, char *buf, size_t size);
/* RFC 3339 to seconds since 1970. */
bool node_time(const struct json_node *node, time_t *ret);

#endif
