/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's own API: connects, starts the daemon if it does not run, follows its
 * events, and turns jobs into calls that end when the job ends.
 *
 * Signals: "state" when baton_api_state() has changed; "event" (const char *name, const
 * struct json_node *line); "job" (const struct json_node *job) at each step of a job.
 */
#ifndef BATON_GUI_API_H
#define BATON_GUI_API_H

#include "model/link.h"

#define BATON_TYPE_API (baton_api_get_type())
G_DECLARE_FINAL_TYPE(BatonApi, baton_api, BATON, API, GObject)

enum api_state {
	API_OFF,	/* not tried yet */
	API_CONNECTING,	/* the daemon is being started */
	API_UP,
	API_DOWN,	/* baton_api_error() says why; comes up by itself if the daemon does */
};

/* socket NULL: the user's daemon. */
BatonApi *baton_api_new(const char *socket);
enum api_state baton_api_state(BatonApi *api);
const GError *baton_api_error(BatonApi *api);
/* Path of a socket in the daemon's runtime folder; g_free(). */
char *baton_api_socket_path(const char *name);
/* Connects; the daemon is started if nobody answers and `start` says so. */
void baton_api_connect(BatonApi *api, gboolean start);

/* Takes the request; as baton_link_call(). */
void baton_api_call(BatonApi *api, char *request, GCancellable *cancellable,
		    GAsyncReadyCallback callback, gpointer data);
struct reply *baton_api_call_finish(BatonApi *api, GAsyncResult *result, GError **error);
/* A request that is answered with a job: done when the job is. Its note, or ""; g_free(). */
void baton_api_run(BatonApi *api, char *request, GCancellable *cancellable,
		   GAsyncReadyCallback callback, gpointer data);
char *baton_api_run_finish(BatonApi *api, GAsyncResult *result, GError **error);
/* Asks a job to end early. */
void baton_api_cancel_job(BatonApi *api, gint64 job);

#endif
