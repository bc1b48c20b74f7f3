/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other side of rpc.h: asks on a control socket and waits for the answer.
 * One request at a time; blocks, for a bounded time.
 */
#ifndef BATON_LIB_RPC_CLIENT_H
#define BATON_LIB_RPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/errors.h"
#include "lib/json_read.h"
#include "lib/json_write.h"

#define RPC_ANSWER_MAX 131072u /* "stats" of 64 CPUs */
#define RPC_ANSWER_NODES 4096u

struct rpc_answer {
	int fd;				/* what came with it, or -1; the caller closes it */
	bool late;			/* rpc_ask() waits no longer, but it may still come */
	struct json_node node[RPC_ANSWER_NODES];	/* [0]: the object; points into text */
	const char *rest;		/* what has come behind the answer: in text, too */
	size_t rest_length;
	char text[RPC_ANSWER_MAX];
	char raw[RPC_ANSWER_MAX + 1];	/* the line as it came, without its end */
};

/* Connects to the UNIX socket at path. The descriptor, or -errno. */
int rpc_connect(const char *path);
/*
 * Sends what json_put_...() wrote into out, up to json_put_end(), which this calls,
 * and waits for the answer, up to timeout_ms (negative: for ever). False: *e is the
 * error that the server answered, or "unanswered" with that sentence as what did not work.
 * After an answer that is late the next one on this connection is not the next request's.
 */
bool rpc_ask(int fd, struct json_out *out, int timeout_ms, struct rpc_answer *answer,
	     enum btn_code unanswered, const char *sentence, struct btn_error *e);
/* What an answer that is not "ok" says; its code if it is one of the registry, or fallback. */
void rpc_read_error(const struct json_node *answer, enum btn_code fallback, struct btn_error *e);

#endif
