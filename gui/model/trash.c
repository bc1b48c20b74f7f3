// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Taking a VM out of the trash. See trash.h.
 */
#include "model/error.h"
#include "model/trash.h"

static void on_restored(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	GError *error = NULL;
	g_autofree char *note = baton_api_run_finish(BATON_API(source), result, &error);

	if (note)
		g_task_return_boolean(task, TRUE);
	else
		g_task_return_error(task, error);
}

/* The newest of that UUID; the list has the newest first. */
static const char *find_item(const struct json_node *items, const char *uuid)
{
	const struct json_node *item = NULL;

	while (items && (item = json_next(items, item))) {
		const char *one = node_text(item, "uuid");

		if (one && !g_ascii_strcasecmp(one, uuid))
			return node_text(item, "id");
	}
	return NULL;
}

static void on_listed(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	GError *error = NULL;
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, &error);
	const char *id;

	if (!reply) {
		g_task_return_error(task, error);
		return;
	}
	id = find_item(json_member(reply->node, "items"), g_task_get_task_data(task));
	if (!id) {
		g_task_return_error(task, baton_error_new(BTN_NO_SUCH_TRASH, NULL, NULL, NULL));
		return;
	}
	baton_api_run(BATON_API(source), request_text("trash-restore", "item", id, NULL), NULL,
		      on_restored, g_steal_pointer(&task));
}

void trash_restore(BatonApi *api, const char *uuid, GAsyncReadyCallback callback, gpointer data)
{
	GTask *task = g_task_new(api, NULL, callback, data);

	g_task_set_task_data(task, g_strdup(uuid), g_free);
	baton_api_call(api, request_text("trash-list", NULL), NULL, on_listed, task);
}

gboolean trash_restore_finish(BatonApi *api, GAsyncResult *result, GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, api), FALSE);
	return g_task_propagate_boolean(G_TASK(result), error);
}
