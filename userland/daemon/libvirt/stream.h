/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Streams: bytes that belong to a call and go on after its reply. A download of something
 * that is in memory or in a file, an upload into a file, or a descriptor both ways (a
 * console). What comes from us waits while the client does not read; a console that does
 * not read either loses the stream.
 */
#ifndef BATON_DAEMON_LIBVIRT_STREAM_H
#define BATON_DAEMON_LIBVIRT_STREAM_H

#include <glib.h>
#include <stdbool.h>

#include "libvirt/connection.h"

#define STREAM_PENDING_MAX (256u << 10)	/* towards a console */

struct call;
struct stream;

/* May the call's connection have one more? False: answered. */
bool stream_has_room(struct call *call);
/* For call->stream; call_return() starts it. bytes is referenced; fd is taken over. */
struct stream *stream_new_download(struct call *call, GBytes *bytes);
struct stream *stream_new_console(struct call *call, int fd);
/* length 0: to the end of the file. */
struct stream *stream_new_file(struct call *call, int fd, uint64_t offset, uint64_t length);
/*
 * length 0: as much as comes. stored(ctx), if all has been written and the client told so;
 * ctx is g_free()d.
 */
struct stream *stream_new_upload(struct call *call, int fd, uint64_t offset, uint64_t length,
				 void (*stored)(void *ctx), void *ctx);

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
