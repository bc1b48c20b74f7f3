/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection that speaks JSON lines: to the daemon, or to a VM's monitor. Requests may be
 * sent before earlier ones are answered; answers come in order. Nothing blocks.
 *
 * Signals: "event" (const struct reply *), for lines that answer nothing; "closed", once.
 */
#ifndef BATON_GUI_LINK_H
#define BATON_GUI_LINK_H

#include <gio/gio.h>

#include "model/reply.h"

#define BATON_TYPE_LINK (baton_link_get_type())
G_DECLARE_FINAL_TYPE(BatonLink, baton_link, BATON, LINK, GObject)

/* Takes a connected stream socket. */
BatonLink *baton_link_new(int fd);
/* Connects to a socket in the file system: an errno in ret_errno, or a link. Does not wait. */
BatonLink *baton_link_connect(const char *path, int *ret_errno);
gboolean baton_link_is_open(BatonLink *link);
/* All requests that wait fail. */
void baton_link_close(BatonLink *link);

/* Takes `request` (request_text()). */
void baton_link_call(BatonLink *link, char *request, GCancellable *cancellable,
		     GAsyncReadyCallback callback, gpointer data);
/* An answer with "ok":true, for reply_free(); else the error that it says. */
struct reply *baton_link_call_finish(BatonLink *link, GAsyncResult *result, GError **error);
/* Sends it, and nobody wants to know. */
void baton_link_tell(BatonLink *link, char *request);

#endif
