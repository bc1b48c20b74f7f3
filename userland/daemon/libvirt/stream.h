/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Streams: bytes that belong to a call and go on after its reply. A download of something
 * that is in memory, or a descriptor both ways (a console). What comes from us waits while
 * the client does not read; a console that does not read either loses the stream.
 */
#ifndef BATON_DAEMON_LIBVIRT_STREAM_H
#define BATON_DAEMON_LIBVIRT_STREAM_H

#include <glib.h>

#include "libvirt/connection.h"

#define STREAM_PENDING_MAX (256u << 10)	/* towards a console */

struct call;
struct stream;

/* For call->stream; call_return() starts it. bytes is referenced; fd is taken over. */
struct stream *stream_new_download(struct call *call, GBytes *bytes);
struct stream *stream_new_console(struct call *call, int fd);

/* ---- for connection.c and dispatch.c ---- */

void stream_start(struct stream *stream);
void stream_free(struct stream *stream);
/* A packet from the client. */
void stream_take(struct connection *conn, const struct lv_header *header, const uint8_t *data,
		 size_t size);
/* The client reads again. */
void streams_continue(struct connection *conn);
void streams_release(struct connection *conn);

#endif
