/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One client: framing, descriptors that come along, the queue of what is to be sent,
 * keepalive, and what is released when the client goes. It knows no procedure.
 */
#ifndef BATON_DAEMON_LIBVIRT_CONNECTION_H
#define BATON_DAEMON_LIBVIRT_CONNECTION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "libvirt/protocol.h"

/* Calls of one connection that are worked on, and that wait behind those. */
#define CONNECTION_CALLS_MAX 32u
#define CONNECTION_WAITING_MAX 256u
#define CONNECTION_WAITING_BYTES (8u << 20)
/*
 * A client that lets more than this wait unread is dropped. From the lower mark on its
 * streams pause and its calls wait, so that only events can bring it there.
 */
#define CONNECTION_QUEUE_MAX (24u << 20)
#define CONNECTION_QUEUE_PAUSE (1u << 20)
#define CONNECTIONS_MAX 128u
#define CONNECTION_REGISTRATIONS_MAX 512u
#define CONNECTION_STREAMS_MAX 64u

struct connection {
	unsigned int number;	/* for the log */
	int fd;
	unsigned int refs;
	bool readonly;		/* by its socket, or because it asked for that */
	bool opened, closing, closed;
	bool close_callback;
	char *uri;		/* that it opened */

	/* what comes */
	unsigned int in_source;	/* 0: not reading */
	uint8_t head[LV_HEADER];
	uint8_t *message;	/* after the head: the whole */
	size_t have, want, room;	/* of message; room is its size */
	int fds[LV_FDS_MAX];	/* of the message */
	unsigned int fd_count, fd_want, fd_bytes;
	GQueue waiting;		/* of struct incoming */
	size_t waiting_bytes;
	unsigned int busy;	/* calls that have not been answered */

	/* what goes */
	GQueue out;		/* of struct outgoing */
	size_t out_bytes;
	unsigned int out_source, end_source, room_source;

	GSList *calls;		/* of struct call, that have not been answered */
	GSList *streams;	/* of struct stream */
	GSList *registrations;	/* of struct registration */
	int next_callback;
	GArray *autodestroy;	/* ids of runs */
};

/* Takes fd over. */
struct connection *connection_new(int fd, bool readonly);
struct connection *connection_ref(struct connection *conn);
void connection_unref(struct connection *conn);
/* Ends it from the main loop: safe from anywhere within it. */
void connection_drop(struct connection *conn, const char *why);
/* Now, with all that belongs to it. */
void connection_end(struct connection *conn);

/* A message without its payload; its length is filled in when it is sent. */
GByteArray *message_new(uint32_t program, uint32_t procedure, enum lv_type type, uint32_t serial,
			enum lv_status status);
/*
 * Queues it; takes over message and fd (-1: none). Never fails for the caller: a client
 * that does not read is dropped.
 */
void connection_send(struct connection *conn, GByteArray *message, int fd);
/* A call has been answered: the next one may be worked on. */
void connection_call_done(struct connection *conn);
static inline bool connection_is_full(const struct connection *conn)
{
	return conn->out_bytes > CONNECTION_QUEUE_PAUSE;
}

/* All that are open, in no order. */
void connections_each(void (*fn)(struct connection *conn, void *ctx), void *ctx);
unsigned int connections_count(void);

bool header_parse(const uint8_t bytes[LV_HEADER], struct lv_header *ret);

#endif
