// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon's own API. See api.h.
 *
 * Two connections: one for requests, one for events. That the daemon has come (back) is
 * seen by its socket, which appears in a folder that is watched: nothing asks again and
 * again.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "lib/json_write.h"
#include "model/api.h"
#include "model/daemon_start.h"
#include "model/error.h"
#include "text.h"

#define START_SECONDS 10
/* A socket is there a moment before it is listened on. */
#define RETRY_MS 50
#define RETRIES_MAX 20

struct _BatonApi {
	GObject parent;
	char *socket;
	enum api_state state;
	GError *error;
	BatonLink *requests, *events;
	GFileMonitor *watch;
	guint timeout;		/* of the daemon's start */
	guint retry, retries;	/* after its socket has appeared */
	GHashTable *jobs;	/* number -> GPtrArray of GTask that wait for it */
};

enum { SIGNAL_STATE, SIGNAL_EVENT, SIGNAL_JOB, SIGNAL_COUNT };
static guint signals[SIGNAL_COUNT];

G_DEFINE_TYPE(BatonApi, baton_api, G_TYPE_OBJECT)

char *baton_api_socket_path(const char *name)
{
	return g_build_filename(g_get_user_runtime_dir(), "baton", name, NULL);
}

enum api_state baton_api_state(BatonApi *api)
{
	return api->state;
}

const GError *baton_api_error(BatonApi *api)
{
	return api->error;
}

static void set_state(BatonApi *api, enum api_state state, GError *error)
{
	g_clear_error(&api->error);
	api->error = error;
	api->state = state;
	if (state != API_CONNECTING)
		g_clear_handle_id(&api->timeout, g_source_remove);
	g_signal_emit(api, signals[SIGNAL_STATE], 0);
}

/* ---- jobs ---- */

static void fail_jobs(BatonApi *api)
{
	GHashTableIter iter;
	gpointer tasks;
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_object_unref);

	g_hash_table_iter_init(&iter, api->jobs);
	while (g_hash_table_iter_next(&iter, NULL, &tasks))
		g_ptr_array_extend(all, tasks, (GCopyFunc)(void *)g_object_ref, NULL);
	g_hash_table_remove_all(api->jobs);
	for (guint i = 0; i < all->len; i++)
		g_task_return_error(all->pdata[i], baton_error_new(BTN_NO_DAEMON, NULL,
			_("The daemon went away; what it was doing goes on or is undone when it is "
			  "back."), NULL));
}

static void finish_task(GTask *task, const struct json_node *job)
{
	const struct json_node *error = json_member(job, "error");
	const char *state = node_text(job, "state");
	const char *note = node_text(job, "note");

	if (error && error->type == JSON_OBJECT)
		g_task_return_error(task, baton_error_from_node(error));
	else if (g_strcmp0(state, "done"))
		g_task_return_error(task, baton_error_new(BTN_JOB_CANCELLED, NULL, NULL, NULL));
	else
		g_task_return_pointer(task, g_strdup(note ? note : ""), g_free);
}

static void take_job(BatonApi *api, const struct json_node *job)
{
	gint64 id = node_number(job, "id", 0);
	gpointer key, tasks;

	g_signal_emit(api, signals[SIGNAL_JOB], 0, job);
	if (!g_strcmp0(node_text(job, "state"), "running"))
		return;
	if (!g_hash_table_steal_extended(api->jobs, &id, &key, &tasks))
		return;
	for (guint i = 0; i < ((GPtrArray *)tasks)->len; i++)
		finish_task(((GPtrArray *)tasks)->pdata[i], job);
	g_free(key);
	g_ptr_array_unref(tasks);
}

static void on_job_shown(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonApi) api = data;
	g_autoptr(GError) error = NULL;
	AUTO_REPLY reply = baton_link_call_finish(BATON_LINK(source), result, &error);
	const struct json_node *job = reply ? json_member(reply->node, "job") : NULL;

	if (job && job->type == JSON_OBJECT)
		take_job(api, job);
}

static char *job_request(const char *op, gint64 job)
{
	char text[96];
	struct json_out out;

	json_put_start(&out, text, sizeof(text));
	json_put_open(&out, NULL, '{');
	json_put_string(&out, "op", op);
	json_put_int(&out, "job", job);
	json_put_close(&out, '}');
	return json_put_end(&out) < 0 ? NULL : g_strndup(text, out.length);
}

/* It may have ended before we knew its number: its event has gone by then. So ask, too. */
static void wait_for_job(BatonApi *api, GTask *task, gint64 job)
{
	GPtrArray *tasks = g_hash_table_lookup(api->jobs, &job);

	if (!tasks) {
		tasks = g_ptr_array_new_with_free_func(g_object_unref);
		g_hash_table_insert(api->jobs, g_memdup2(&job, sizeof(job)), tasks);
	}
	g_ptr_array_add(tasks, g_object_ref(task));
	baton_link_call(api->requests, job_request("job-show", job), NULL, on_job_shown,
			g_object_ref(api));
}

static void on_run_answered(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	BatonApi *api = g_task_get_source_object(task);
	GError *error = NULL;
	AUTO_REPLY reply = baton_link_call_finish(BATON_LINK(source), result, &error);
	gint64 job = reply ? node_number(reply->node, "job", 0) : 0;

	if (error)
		g_task_return_error(task, error);
	else if (job > 0 && api->requests)
		wait_for_job(api, task, job);
	else
		g_task_return_pointer(task, g_strdup(""), g_free);
}

static GError *not_up(BatonApi *api)
{
	return api->error ? g_error_copy(api->error) :
			    baton_error_new(BTN_NO_DAEMON, NULL, NULL, NULL);
}

void baton_api_run(BatonApi *api, char *request, GCancellable *cancellable,
		   GAsyncReadyCallback callback, gpointer data)
{
	GTask *task = g_task_new(api, cancellable, callback, data);

	if (api->requests) {
		baton_link_call(api->requests, request, NULL, on_run_answered, task);
		return;
	}
	g_free(request);
	g_task_return_error(task, not_up(api));
	g_object_unref(task);
}

char *baton_api_run_finish(BatonApi *api, GAsyncResult *result, GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, api), NULL);
	return g_task_propagate_pointer(G_TASK(result), error);
}

void baton_api_cancel_job(BatonApi *api, gint64 job)
{
	if (api->requests)
		baton_link_tell(api->requests, job_request("job-cancel", job));
}

/* ---- single requests ---- */

static void on_answered(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	GError *error = NULL;
	struct reply *reply = baton_link_call_finish(BATON_LINK(source), result, &error);

	if (reply)
		g_task_return_pointer(task, reply, (GDestroyNotify)reply_free);
	else
		g_task_return_error(task, error);
}

void baton_api_call(BatonApi *api, char *request, GCancellable *cancellable,
		    GAsyncReadyCallback callback, gpointer data)
{
	GTask *task = g_task_new(api, cancellable, callback, data);

	if (api->requests) {
		baton_link_call(api->requests, request, NULL, on_answered, task);
		return;
	}
	g_free(request);
	g_task_return_error(task, not_up(api));
	g_object_unref(task);
}

struct reply *baton_api_call_finish(BatonApi *api, GAsyncResult *result, GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, api), NULL);
	return g_task_propagate_pointer(G_TASK(result), error);
}

/* ---- the connection ---- */

static void drop_links(BatonApi *api)
{
	BatonLink *links[2] = { g_steal_pointer(&api->requests), g_steal_pointer(&api->events) };

	for (int i = 0; i < 2; i++) {
		if (!links[i])
			continue;
		g_signal_handlers_disconnect_by_data(links[i], api);
		baton_link_close(links[i]);
		g_object_unref(links[i]);
	}
}

static void on_closed(BatonLink *link, gpointer data)
{
	BatonApi *api = data;

	(void)link;
	drop_links(api);
	set_state(api, API_DOWN, baton_error_new(BTN_NO_DAEMON,
		_("Baton's daemon has gone away"),
		_("It ended or was stopped. Virtual machines that run go on running."),
		_("Connect again: that starts it.")));
	fail_jobs(api);
}

static void on_event(BatonLink *link, const struct reply *line, gpointer data)
{
	BatonApi *api = data;
	const char *name = node_text(line->node, "event");
	const struct json_node *job = json_member(line->node, "job");

	(void)link;
	if (!name)
		return;
	if (job && job->type == JSON_OBJECT)
		take_job(api, job);
	g_signal_emit(api, signals[SIGNAL_EVENT], 0, name, line->node);
}

static int try_connect(BatonApi *api)
{
	int error;

	api->requests = baton_link_connect(api->socket, &error);
	if (!api->requests)
		return error;
	api->events = baton_link_connect(api->socket, &error);
	if (!api->events) {
		drop_links(api);
		return error;
	}
	g_signal_connect(api->requests, "closed", G_CALLBACK(on_closed), api);
	g_signal_connect(api->events, "closed", G_CALLBACK(on_closed), api);
	g_signal_connect(api->events, "event", G_CALLBACK(on_event), api);
	baton_link_tell(api->events, request_text("events", NULL));
	set_state(api, API_UP, NULL);
	return 0;
}

static gboolean on_retry(gpointer data)
{
	BatonApi *api = data;

	if (!api->requests && try_connect(api) && api->retries++ < RETRIES_MAX)
		return G_SOURCE_CONTINUE;
	api->retry = 0;
	return G_SOURCE_REMOVE;
}

static void on_watch(GFileMonitor *watch, GFile *file, GFile *other, GFileMonitorEvent event,
		     gpointer data)
{
	BatonApi *api = data;

	(void)watch;
	(void)file;
	(void)other;
	(void)event;
	api->retries = 0;
	if (!api->requests && try_connect(api) == ECONNREFUSED && !api->retry)
		api->retry = g_timeout_add(RETRY_MS, on_retry, api);
}

/* The folder has to be there: GIO looks again every few seconds for one that is not. */
static void watch_socket(BatonApi *api)
{
	g_autofree char *folder = g_path_get_dirname(api->socket);
	g_autoptr(GFile) file = g_file_new_for_path(folder);

	if (api->watch || g_mkdir_with_parents(folder, 0700))
		return;
	api->watch = g_file_monitor_directory(file, G_FILE_MONITOR_NONE, NULL, NULL);
	if (api->watch)
		g_signal_connect(api->watch, "changed", G_CALLBACK(on_watch), api);
}

static gboolean on_start_timeout(gpointer data)
{
	BatonApi *api = data;

	api->timeout = 0;
	if (try_connect(api))
		set_state(api, API_DOWN, baton_error_new(BTN_NO_DAEMON, NULL,
			_("It was started, but does not answer."),
			_("Look at what it says: \"batond\".")));
	return G_SOURCE_REMOVE;
}

static void on_daemon_ended(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(BatonApi) api = data;
	g_autoptr(GError) error = NULL;

	(void)source;
	/* It goes into the background, or it has failed; what counts is whether it answers. */
	if (daemon_start_finish(result, &error) || api->state != API_CONNECTING)
		return;
	if (try_connect(api))
		set_state(api, API_DOWN, g_steal_pointer(&error));
}

void baton_api_connect(BatonApi *api, gboolean start)
{
	if (api->state == API_UP || api->state == API_CONNECTING)
		return;
	watch_socket(api);
	if (!try_connect(api))
		return;
	if (!start) {
		set_state(api, API_DOWN, baton_error_new(BTN_NO_DAEMON, NULL, NULL, NULL));
		return;
	}
	api->timeout = g_timeout_add_seconds(START_SECONDS, on_start_timeout, api);
	set_state(api, API_CONNECTING, NULL);
	daemon_start(on_daemon_ended, g_object_ref(api));
}

/* ---- life ---- */

BatonApi *baton_api_new(const char *socket)
{
	BatonApi *api = g_object_new(BATON_TYPE_API, NULL);

	api->socket = socket ? g_strdup(socket) : baton_api_socket_path("batond.sock");
	return api;
}

static void baton_api_init(BatonApi *api)
{
	api->jobs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
					  (GDestroyNotify)g_ptr_array_unref);
}

static void baton_api_finalize(GObject *object)
{
	BatonApi *api = BATON_API(object);

	drop_links(api);
	if (api->watch)
		g_signal_handlers_disconnect_by_data(api->watch, api);
	g_clear_object(&api->watch);
	g_clear_handle_id(&api->timeout, g_source_remove);
	g_clear_handle_id(&api->retry, g_source_remove);
	g_hash_table_unref(api->jobs);
	g_clear_error(&api->error);
	g_free(api->socket);
	G_OBJECT_CLASS(baton_api_parent_class)->finalize(object);
}

static void baton_api_class_init(BatonApiClass *class)
{
	G_OBJECT_CLASS(class)->finalize = baton_api_finalize;
	signals[SIGNAL_STATE] = g_signal_new("state", BATON_TYPE_API, G_SIGNAL_RUN_LAST, 0, NULL,
					     NULL, NULL, G_TYPE_NONE, 0);
	signals[SIGNAL_EVENT] = g_signal_new("event", BATON_TYPE_API, G_SIGNAL_RUN_LAST, 0, NULL,
					     NULL, NULL, G_TYPE_NONE, 2, G_TYPE_STRING,
					     G_TYPE_POINTER);
	signals[SIGNAL_JOB] = g_signal_new("job", BATON_TYPE_API, G_SIGNAL_RUN_LAST, 0, NULL,
					   NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}
