/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to a server of JSON lines (lib/rpc.h) that never blocks: requests wait in
 * a queue until they can be sent, answers come from the main loop in the same order, and
 * descriptors pass both ways. The server is not trusted: lines, their nodes and what is
 * queued are bounded, and whoever breaks the rules is hung up on. Main thread only.
 */
#ifndef BATON_DAEMON_JSON_CLIENT_H
#define BATON_DAEMON_JSON_CLIENT_H

#include "lib/errors.h"
#include "lib/json_read.h"

#define JSON_CLIENT_LINE_MAX (1u << 20)
#define JSON_CLIENT_NODES_MAX 16384u
#define JSON_CLIENT_REQUESTS_MAX 1024u
#define JSON_CLIENT_QUEUED_MAX (4u << 20)	/* bytes that wait to be sent */

struct json_client;

/* As monitor_answer_fn: of a success the whole object and a descriptor (or -1), or *e. */
typedef void (*json_client_answer_fn)(const struct json_node *answer, int fd,
				      const struct btn_error *e, void *ctx);

/* Each may be NULL. All may free the client. */
struct json_client_hooks {
	void (*connected)(void *ctx);
	/* A line that is no answer but an event. */
	void (*event)(const char *name, const struct json_node *line, void *ctx);
	/* It has ended, or never came about. Open requests have been answered with *e. */
	void (*gone)(const struct btn_error *e, void *ctx);
};

/*
 * Connects to the UNIX stream socket at path; one that is not there yet is waited for up to
 * wait_ms. Never fails at once. code and what ("the monitor of the VM"): of its errors.
 */
struct json_client *json_client_open(const char *path, unsigned int wait_ms,
				     enum btn_code code, const char *what,
				     const struct json_client_hooks *hooks, void *ctx);
/* Open requests are answered with an error, no hook is called any more. NULL is fine. */
void json_client_free(struct json_client *client);

/*
 * members (may be NULL): the inside of the object behind "op". fd goes with it, is taken
 * over, or -1. fn (may be NULL) is called exactly once, never from within this call.
 */
void json_client_ask(struct json_client *client, const char *op, const char *members, int fd,
		     json_client_answer_fn fn, void *ctx);
/* Hangs up if a request is open for longer (from now on); 0: never. */
void json_client_set_timeout(struct json_client *client, unsigned int timeout_ms);
/* Reads and handles at once what has arrived already. */
void json_client_drain(struct json_client *client);
/* Ends it with *e, as if the server had; the hook is called later. */
void json_client_hang_up(struct json_client *client, const struct btn_error *e);
bool json_client_ended(const struct json_client *client);
/* Sometime, even if it has ended since. */
bool json_client_was_connected(const struct json_client *client);
/* Process that listens there; 0: not connected. */
int json_client_peer(const struct json_client *client);
/*
 * Gives the connection away, in blocking mode: it is the caller's, and the client is as
 * one that has ended. -1: there is none, or requests are open.
 */
int json_client_take_fd(struct json_client *client);

#endif
