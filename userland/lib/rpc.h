/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests on a control socket: each is a JSON object on a line with a member
 * "op", each gets one answer, a line too: {"ok":true, ...} or {"ok":false,
 * "code":"BTN-nnnn", "message":, "cause":, "fix":}. A program's operations are a
 * table; what a request has to look like is in it, is checked before the
 * operation's function sees the request, and can be printed as a JSON schema.
 * No I/O and no allocation here: whoever has the socket does that.
 */
#ifndef BATON_LIB_RPC_H
#define BATON_LIB_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/errors.h"
#include "lib/json_read.h"
#include "lib/json_write.h"

enum rpc_type { RPC_STRING, RPC_INT, RPC_BOOL, RPC_STRINGS };

/* A member of a request. Tables end with a NULL name. */
struct rpc_param {
	const char *name;
	enum rpc_type type;
	bool required;
	/* RPC_INT: of the value; RPC_STRING: of the length in bytes; RPC_STRINGS: how many
	 * at most, and of each one's length at most. */
	int64_t min, max;
	const char *help;
};

struct rpc_request {
	void *ctx;		/* the program's */
	int client;		/* whose request this is, a number of the program's */
	const struct json_node *object;
	struct json_out *out;	/* the answer, in which "ok" stands already */
	struct btn_error *e;
	int fd;			/* set by the operation: goes with the answer; -1: none */
	bool later;		/* set by the operation: the answer comes another time */
};

/* Writes members into the answer and returns true; or fills *e: nothing was done. */
typedef bool (*rpc_run_fn)(struct rpc_request *r);

struct rpc_operation {
	const char *op;
	rpc_run_fn run;
	const struct rpc_param *params;	/* NULL: the operation looks for itself */
	const char *help;	/* what it does; on a second line what it answers, if told here */
};

struct rpc_service {
	const struct rpc_operation *operation;
	size_t count;
	const char *document;	/* where the operations are described */
};

#define RPC_NODES_MAX 256
#define RPC_REPLY_MIN 8192u	/* an error whose texts are full and all of it is escaped */

/*
 * Answers the request text[0 .. length), which is changed, into reply[0 .. size),
 * size at least RPC_REPLY_MIN. Returns the answer's length with its line feed; 0 if it comes
 * later. *ret_fd: to be sent with it and closed, or -1.
 */
size_t rpc_answer(const struct rpc_service *service, void *ctx, int client, char *text,
		  size_t length, char *reply, size_t size, int *ret_fd);
/* The line that says *e, as above; size at least RPC_REPLY_MIN. */
size_t rpc_write_error(char *reply, size_t size, const struct btn_error *e);
/* A page for people, in Markdown, of what each operation takes and answers. */
void rpc_print_reference(const struct rpc_service *service, FILE *to);
/* A JSON schema (draft 2020-12) of the requests, on one line; as json_put_end(). */
int64_t rpc_write_schema(const struct rpc_service *service, char *text, size_t size);

#endif
