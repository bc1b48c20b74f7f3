// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What there is to make a VM of. See host_offer.h.
 */
#include <string.h>

#include "lib/ssh_key.h"
#include "model/error.h"
#include "model/host_offer.h"

#define KEYS_MAX 32
#define KEY_FILE_BYTES 16384
/* What the daemon keeps free for the host itself. */
#define MEMORY_RESERVE (256ull << 20)

static void image_free(gpointer data)
{
	struct offered_image *image = data;

	g_free(image->name);
	g_free(image->user);
	g_free(image);
}

static void key_free(gpointer data)
{
	struct offered_key *key = data;

	g_free(key->path);
	g_free(key->line);
	g_free(key->label);
	g_free(key);
}

void host_offer_free(struct host_offer *offer)
{
	if (!offer)
		return;
	g_ptr_array_unref(offer->images);
	g_ptr_array_unref(offer->keys);
	g_strfreev(offer->networks);
	g_free(offer);
}

/* ---- keys ---- */

/* "TYPE BASE64 [COMMENT]" */
static struct offered_key *read_key(const char *path)
{
	g_autofree char *text = NULL;
	gsize length;
	struct offered_key *key;
	g_autofree char *base = g_path_get_basename(path);
	g_auto(GStrv) word = NULL;

	if (!g_file_get_contents(path, &text, &length, NULL) || length > KEY_FILE_BYTES ||
	    !g_utf8_validate(text, (gssize)length, NULL))
		return NULL;
	g_strdelimit(text, "\r\n", 0);
	word = g_strsplit(g_strstrip(text), " ", 3);
	if (g_strv_length(word) < 2 || !ssh_key_has_type(text))
		return NULL;
	key = g_new0(struct offered_key, 1);
	key->path = g_strdup(path);
	key->line = g_strdup(text);
	key->label = word[2] && *word[2] ? g_strdup_printf("%s (%s)", base, word[2]) :
					   g_steal_pointer(&base);
	return key;
}

static int compare_keys(gconstpointer a, gconstpointer b)
{
	const struct offered_key *const *one = a, *const *other = b;

	return strcmp((*one)->path, (*other)->path);
}

GPtrArray *host_offer_keys(const char *folder)
{
	GPtrArray *keys = g_ptr_array_new_with_free_func(key_free);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && keys->len < KEYS_MAX && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		struct offered_key *key = g_str_has_suffix(name, ".pub") ? read_key(path) : NULL;

		if (key)
			g_ptr_array_add(keys, key);
	}
	g_ptr_array_sort(keys, compare_keys);
	return keys;
}

static void keys_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
	g_autofree char *folder = g_build_filename(g_get_home_dir(), ".ssh", NULL);

	(void)source;
	(void)data;
	(void)cancellable;
	g_task_return_pointer(task, host_offer_keys(folder), (GDestroyNotify)g_ptr_array_unref);
}

/* ---- the API, one question behind the other ---- */

static void take_images(struct host_offer *offer, const struct json_node *images)
{
	const struct json_node *one = NULL;

	while (images && (one = json_next(images, one))) {
		struct offered_image *image = g_new0(struct offered_image, 1);

		image->name = g_strdup(node_text(one, "name"));
		image->user = g_strdup(node_text(one, "user"));
		image->size = (guint64)node_number(one, "size", 0);
		if (image->name)
			g_ptr_array_add(offer->images, image);
		else
			image_free(image);
	}
}

static void take_networks(struct host_offer *offer, const struct json_node *networks)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	const struct json_node *one = NULL;

	while (networks && (one = json_next(networks, one))) {
		const char *name = node_text(one, "name");

		if (name)
			g_ptr_array_insert(names, strcmp(name, "default") ? -1 : 0, g_strdup(name));
	}
	g_ptr_array_add(names, NULL);
	g_strfreev(offer->networks);
	offer->networks = (char **)g_ptr_array_steal(names, NULL);
}

static void finish(GTask *task)
{
	struct host_offer *offer = g_task_get_task_data(task);

	g_task_return_pointer(task, offer, (GDestroyNotify)host_offer_free);
	g_object_unref(task);
}

static void on_keys(GObject *source, GAsyncResult *result, gpointer data)
{
	struct host_offer *offer = g_task_get_task_data(data);

	(void)source;
	g_ptr_array_unref(offer->keys);
	offer->keys = g_task_propagate_pointer(G_TASK(result), NULL);
	finish(data);
}

static void on_networks(GObject *source, GAsyncResult *result, gpointer data)
{
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, NULL);
	GTask *inner;

	if (reply)
		take_networks(g_task_get_task_data(data), json_member(reply->node, "networks"));
	inner = g_task_new(NULL, NULL, on_keys, data);
	g_task_run_in_thread(inner, keys_in_thread);
	g_object_unref(inner);
}

static void on_images(GObject *source, GAsyncResult *result, gpointer data)
{
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, NULL);

	if (reply)
		take_images(g_task_get_task_data(data), json_member(reply->node, "images"));
	baton_api_call(BATON_API(source), request_text("net-list", NULL), NULL, on_networks, data);
}

static void on_status(GObject *source, GAsyncResult *result, gpointer data)
{
	GTask *task = data;
	struct host_offer *offer = g_task_get_task_data(task);
	GError *error = NULL;
	AUTO_REPLY reply = baton_api_call_finish(BATON_API(source), result, &error);
	guint64 available;

	if (!reply) {
		host_offer_free(offer);
		g_task_return_error(task, error);
		g_object_unref(task);
		return;
	}
	available = (guint64)node_number(reply->node, "memory_available", 0);
	offer->memory_total = (guint64)node_number(reply->node, "memory_total", 0);
	offer->memory_spare = available > MEMORY_RESERVE ? available - MEMORY_RESERVE : 0;
	offer->disk_free = (guint64)node_number(reply->node, "disk_free", 0);
	offer->cpus = (guint)node_number(reply->node, "cpus", 0);
	baton_api_call(BATON_API(source), request_text("image-list", NULL), NULL, on_images, task);
}

void host_offer_ask(BatonApi *api, GAsyncReadyCallback callback, gpointer data)
{
	GTask *task = g_task_new(NULL, NULL, callback, data);
	struct host_offer *offer = g_new0(struct host_offer, 1);

	offer->images = g_ptr_array_new_with_free_func(image_free);
	offer->keys = g_ptr_array_new_with_free_func(key_free);
	offer->networks = g_new0(char *, 1);
	g_task_set_task_data(task, offer, NULL); /* finish() hands it on */
	baton_api_call(api, request_text("status", NULL), NULL, on_status, task);
}

struct host_offer *host_offer_ask_finish(GAsyncResult *result, GError **error)
{
	return g_task_propagate_pointer(G_TASK(result), error);
}
