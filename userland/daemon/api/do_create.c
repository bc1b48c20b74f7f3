// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations that make VMs, and those on the trash.
 */
#include <string.h>

#include "api/api_private.h"
#include "lifecycle.h"
#include "seed.h"

static bool apply_settings(struct config *config, const struct json_node *list,
			   struct btn_error *e)
{
	const struct json_node *text = NULL;

	while (list && (text = json_next(list, text))) {
		const char *equals = strchr(text->string, '=');
		char *key = equals ? g_strndup(text->string, (size_t)(equals - text->string)) :
				     NULL;
		bool ok = key && config_set(config, key, equals + 1, e);

		if (!key)
			btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is not of the form KEY=VALUE",
				text->string);
		g_free(key);
		if (!ok)
			return false;
	}
	return true;
}

/* NULL: not asked for. keys: g_free(). */
static const struct seed *read_seed(const struct rpc_request *r, struct seed *seed,
				    const char ***ret_keys)
{
	const struct json_node *list = json_member(r->object, "ssh_keys"), *text = NULL;
	const struct json_node *wanted = json_member(r->object, "seed");
	const char **keys = g_new0(const char *, (list ? list->count : 0) + 1);
	size_t count = 0;

	*ret_keys = keys;
	while (list && (text = json_next(list, text)))
		keys[count++] = text->string;
	*seed = (struct seed){
		.user = api_text(r, "user"), .password = api_text(r, "password"),
		.user_data = api_text(r, "user_data"), .ssh_keys = keys, .ssh_key_count = count,
	};
	if (wanted ? wanted->boolean : api_text(r, "image") || count || seed->user ||
				       seed->password || seed->user_data)
		return seed;
	return NULL;
}

bool api_do_vm_create(struct rpc_request *r)
{
	struct create_request request = {
		.image = api_text(r, "image"), .start = api_flag(r, "start"),
		.disk_size = (uint64_t)api_number(r, "disk_size", 0),
	};
	const char **keys, *name = api_text(r, "name");
	struct seed seed;
	struct job *job;

	if (!config_check_name(name, r->e))
		return false;
	request.config = config_new(name);
	if (!apply_settings(request.config, json_member(r->object, "settings"), r->e)) {
		config_free(request.config);
		return false;
	}
	request.seed = read_seed(r, &seed, &keys);
	job = vm_create(&request, r->e);
	g_free(keys);
	return api_put_started(r, job);
}

/* ---- the trash ---- */

static void put_items(struct json_out *out, const GPtrArray *items)
{
	json_put_open(out, "items", '[');
	for (unsigned int i = 0; i < items->len; i++) {
		const struct trash_item *item = items->pdata[i];

		json_put_open(out, NULL, '{');
		json_put_string(out, "id", item->id);
		json_put_string(out, "name", item->name);
		json_put_string(out, "uuid", item->uuid);
		api_put_time(out, "deleted", item->deleted_us);
		json_put_int(out, "bytes", (int64_t)item->bytes);
		json_put_close(out, '}');
	}
	json_put_close(out, ']');
}

/* A worker: all files of all deleted VMs are looked at. */
static void read_trash(GTask *task, void *source, void *data, GCancellable *cancellable)
{
	(void)source, (void)data, (void)cancellable;
	g_task_return_pointer(task, trash_list(true), (GDestroyNotify)g_ptr_array_unref);
}

static void on_trash(GObject *source, GAsyncResult *result, void *ctx)
{
	GPtrArray *items = g_task_propagate_pointer(G_TASK(result), NULL);
	int client = GPOINTER_TO_INT(ctx);
	struct json_out out;
	size_t size = 65536 + 1024 * (size_t)items->len;
	char *text = g_malloc(size);

	(void)source;
	json_put_start(&out, text, size);
	json_put_open(&out, NULL, '{');
	json_put_bool(&out, "ok", true);
	put_items(&out, items);
	json_put_close(&out, '}');
	api_send_later(client, &out);
	g_free(text);
	g_ptr_array_unref(items);
}

bool api_do_trash_list(struct rpc_request *r)
{
	GTask *task = g_task_new(NULL, NULL, on_trash, GINT_TO_POINTER(r->client));

	r->later = true;
	api_hold(r->client);
	g_task_run_in_thread(task, read_trash);
	g_object_unref(task);
	return true;
}

bool api_do_trash_restore(struct rpc_request *r)
{
	return api_put_started(r, trash_restore(api_text(r, "item"), api_text(r, "new_name"),
						r->e));
}

bool api_do_trash_purge(struct rpc_request *r)
{
	return api_put_started(r, trash_purge(api_text(r, "item"), r->e));
}
