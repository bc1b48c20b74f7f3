// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The connections that the user has. See connections.h.
 */
#include <glib/gstdio.h>

#include "model/connections.h"

#define GROUP_PREFIX "connection "
#define CONNECTIONS_MAX 64

struct _BatonConnections {
	GObject parent;
	char *path;
	GListStore *list;
	BatonConnection *own;	/* the list holds it */
	GHashTable *kept;	/* URIs that are written to the file */
};

G_DEFINE_TYPE(BatonConnections, baton_connections, G_TYPE_OBJECT)

GListModel *baton_connections_list(BatonConnections *connections)
{
	return G_LIST_MODEL(connections->list);
}

BatonConnection *baton_connections_own(BatonConnections *connections)
{
	return connections->own;
}

static BatonConnection *find(BatonConnections *connections, const char *uri)
{
	guint count = g_list_model_get_n_items(G_LIST_MODEL(connections->list));

	for (guint i = 0; i < count; i++) {
		g_autoptr(BatonConnection) one =
			g_list_model_get_item(G_LIST_MODEL(connections->list), i);

		if (!g_strcmp0(baton_connection_uri(one), uri))
			return one; /* the list holds it */
	}
	return NULL;
}

/* ---- the file ---- */

/* What cannot be read would be lost with the next change. */
static void keep_aside(BatonConnections *connections, const GError *error)
{
	g_autofree char *aside = g_strconcat(connections->path, ".damaged", NULL);

	if (error->domain == G_FILE_ERROR)
		return; /* not there, most often */
	g_warning("%s: %s; it is kept as %s", connections->path, error->message, aside);
	g_rename(connections->path, aside);
}

static void load(BatonConnections *connections)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_auto(GStrv) groups = NULL;
	g_autoptr(GError) error = NULL;
	guint count = 0;

	if (!g_key_file_load_from_file(file, connections->path, G_KEY_FILE_NONE, &error)) {
		keep_aside(connections, error);
		return;
	}
	groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group && count < CONNECTIONS_MAX; group++) {
		g_autofree char *uri = g_key_file_get_string(file, *group, "uri", NULL);
		g_autoptr(BatonConnection) one = NULL;

		if (!g_str_has_prefix(*group, GROUP_PREFIX) || !uri || connection_uri_fault(uri) ||
		    find(connections, uri))
			continue;
		one = baton_connection_new(uri, NULL);
		g_list_store_append(connections->list, one);
		g_hash_table_add(connections->kept, g_strdup(uri));
		count++;
	}
}

static void save(BatonConnections *connections)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *folder = g_path_get_dirname(connections->path);
	g_autoptr(GError) error = NULL;
	guint count = g_list_model_get_n_items(G_LIST_MODEL(connections->list));
	guint number = 1;

	for (guint i = 0; i < count; i++) {
		g_autoptr(BatonConnection) one =
			g_list_model_get_item(G_LIST_MODEL(connections->list), i);
		g_autofree char *group = g_strdup_printf(GROUP_PREFIX "%u", number);

		if (!g_hash_table_contains(connections->kept, baton_connection_uri(one)))
			continue;
		g_key_file_set_string(file, group, "uri", baton_connection_uri(one));
		number++;
	}
	g_mkdir_with_parents(folder, 0700);
	if (!g_key_file_save_to_file(file, connections->path, &error))
		g_warning("%s: %s", connections->path, error->message);
}

/* ---- the list ---- */

BatonConnection *baton_connections_add(BatonConnections *connections, const char *uri,
				       gboolean keep)
{
	BatonConnection *one = find(connections, uri);

	if (!one) {
		one = baton_connection_new(uri, NULL);
		g_list_store_append(connections->list, one);
		g_object_unref(one); /* the list holds it */
	}
	if (keep && one != connections->own &&
	    g_hash_table_add(connections->kept, g_strdup(uri)))
		save(connections);
	baton_connection_open(one);
	return one;
}

void baton_connections_remove(BatonConnections *connections, BatonConnection *connection)
{
	guint at;

	if (connection == connections->own ||
	    !g_list_store_find(connections->list, connection, &at))
		return;
	baton_connection_close(connection);
	g_hash_table_remove(connections->kept, baton_connection_uri(connection));
	g_list_store_remove(connections->list, at);
	save(connections);
}

void baton_connections_open_all(BatonConnections *connections)
{
	guint count = g_list_model_get_n_items(G_LIST_MODEL(connections->list));

	for (guint i = 0; i < count; i++) {
		g_autoptr(BatonConnection) one =
			g_list_model_get_item(G_LIST_MODEL(connections->list), i);

		baton_connection_open(one);
	}
}

BatonConnections *baton_connections_new(const char *path, BatonApi *api)
{
	BatonConnections *connections = g_object_new(BATON_TYPE_CONNECTIONS, NULL);

	connections->path = path ? g_strdup(path) :
		g_build_filename(g_get_user_config_dir(), "baton", "connections.conf", NULL);
	if (api) {
		connections->own = baton_connection_new(BATON_DEFAULT_URI, api);
		g_list_store_append(connections->list, connections->own);
		g_object_unref(connections->own); /* the list holds it */
	}
	load(connections);
	return connections;
}

static void baton_connections_init(BatonConnections *connections)
{
	connections->list = g_list_store_new(BATON_TYPE_CONNECTION);
	connections->kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void baton_connections_finalize(GObject *object)
{
	BatonConnections *connections = BATON_CONNECTIONS(object);

	g_object_unref(connections->list);
	g_hash_table_unref(connections->kept);
	g_free(connections->path);
	G_OBJECT_CLASS(baton_connections_parent_class)->finalize(object);
}

static void baton_connections_class_init(BatonConnectionsClass *class)
{
	G_OBJECT_CLASS(class)->finalize = baton_connections_finalize;
}
