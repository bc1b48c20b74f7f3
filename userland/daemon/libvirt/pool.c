// SPDX-License-Identifier: GPL-2.0-or-later
#include "libvirt/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon.h"
#include "disk.h"
#include "files.h"
#include "images.h"
#include "libvirt/protocol.h"
#include "libvirt/xdr.h"
#include "paths.h"

#define POOLS_FILE "libvirt-pools.conf"

static GPtrArray *pools;

/* Follows from what it is: it is the same pool as long as that is there. */
static void make_uuid(const struct pool *pool, uint8_t uuid[16])
{
	GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
	uint8_t digest[32];
	gsize size = sizeof(digest);

	if (!pool->images)
		g_checksum_update(sum, (const guchar *)pool->name, (gssize)strlen(pool->name) + 1);
	g_checksum_update(sum, (const guchar *)pool->path, -1);
	g_checksum_get_digest(sum, digest, &size);
	g_checksum_free(sum);
	memcpy(uuid, digest, 16);
	uuid[6] = (uint8_t)(0x80 | (uuid[6] & 0xf));	/* RFC 9562: custom */
	uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
}

static void pool_free(void *data)
{
	struct pool *pool = data;

	g_free(pool->name);
	g_free(pool->path);
	g_free(pool);
}

static struct pool *add(const char *name, const char *path)
{
	struct pool *pool = g_new0(struct pool, 1);

	pool->name = g_strdup(name);
	pool->path = g_strdup(path);
	pool->images = !strcmp(name, POOL_IMAGES);
	pool->active = pool->autostart = pool->images;
	make_uuid(pool, pool->uuid);
	g_ptr_array_add(pools, pool);
	return pool;
}

/* ---- the file ---- */

static char *file_path(void)
{
	return g_build_filename(paths.data, POOLS_FILE, NULL);
}

static void load_group(GKeyFile *file, const char *name)
{
	char *path = g_key_file_get_string(file, name, "path", NULL);
	struct pool *pool;

	if (path && g_path_is_absolute(path) && !pool_find(name) && pools->len < POOLS_MAX) {
		pool = add(name, path);
		pool->autostart = g_key_file_get_boolean(file, name, "autostart", NULL);
		pool->active = pool->autostart;
	}
	g_free(path);
}

void pools_start(void)
{
	GKeyFile *file = g_key_file_new();
	char *path = file_path(), **groups;
	unsigned int i;

	pools = g_ptr_array_new_with_free_func(pool_free);
	add(POOL_IMAGES, paths.images);
	g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL);
	groups = g_key_file_get_groups(file, NULL);
	for (i = 0; groups[i]; i++)
		load_group(file, groups[i]);
	g_strfreev(groups);
	g_key_file_unref(file);
	g_free(path);
}

void pools_stop(void)
{
	g_clear_pointer(&pools, g_ptr_array_unref);
}

static bool save(struct btn_error *e)
{
	GKeyFile *file = g_key_file_new();
	char *path = file_path(), *text;
	gsize length;
	unsigned int i;
	bool ok;

	for (i = 1; i < pools->len; i++) {
		const struct pool *pool = pools->pdata[i];

		g_key_file_set_string(file, pool->name, "path", pool->path);
		g_key_file_set_boolean(file, pool->name, "autostart", pool->autostart);
	}
	text = g_key_file_to_data(file, &length, NULL);
	ok = files_write(path, text, length, e);
	g_free(text);
	g_free(path);
	g_key_file_unref(file);
	return ok;
}

/* ---- finding and changing them ---- */

const struct pool *pool_find(const char *name)
{
	unsigned int i;

	for (i = 0; pools && i < pools->len; i++)
		if (!strcmp(((struct pool *)pools->pdata[i])->name, name))
			return pools->pdata[i];
	return NULL;
}

const struct pool *pool_find_uuid(const uint8_t uuid[16])
{
	unsigned int i;

	for (i = 0; pools && i < pools->len; i++)
		if (!memcmp(((struct pool *)pools->pdata[i])->uuid, uuid, 16))
			return pools->pdata[i];
	return NULL;
}

const struct pool *pool_find_path(const char *path)
{
	unsigned int i;

	for (i = 0; pools && i < pools->len; i++)
		if (!strcmp(((struct pool *)pools->pdata[i])->path, path))
			return pools->pdata[i];
	return NULL;
}

const struct pool *pool_next(const struct pool *previous)
{
	guint at = 0;

	if (previous && !g_ptr_array_find(pools, previous, &at))
		return NULL;
	at += previous != NULL;
	return at < pools->len ? pools->pdata[at] : NULL;
}

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	return length && length <= 64 && g_utf8_validate(name, -1, NULL) && !strpbrk(name,
		"[]/\n\r") &&
		name[0] != ' ';
}

static bool check(const char *name, const char *path, struct btn_error *e)
{
	struct stat st;

	if (!is_name(name) || !g_path_is_absolute(path) || strpbrk(path, "\n\r")) {
		btn_set(e, BTN_BAD_VALUE, "a pool cannot have this name or path");
		btn_set_cause(e, "A name has 1 to 64 characters without [ ] /; a path is "
			"absolute.");
		return false;
	}
	if (pool_find(name) || pool_find_path(path)) {
		btn_set(e, BTN_BAD_VALUE, "there is a pool \"%.64s\" already", name);
		btn_set_cause(e, "Each pool has a name and a folder of its own.");
		return false;
	}
	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		btn_set_file(e, "the pool's folder", path, errno ? errno : ENOTDIR);
		return false;
	}
	if (pools->len < POOLS_MAX)
		return true;
	btn_set(e, BTN_BAD_VALUE, "there are %u pools already", POOLS_MAX);
	btn_set_cause(e, "That is the most.");
	return false;
}

const struct pool *pool_define(const char *name, const char *path, struct btn_error *e)
{
	const struct pool *same = pool_find(name);
	struct pool *pool;

	if (same && !strcmp(same->path, path))
		return same;
	if (!check(name, path, e))
		return NULL;
	pool = add(name, path);
	if (save(e))
		return pool;
	g_ptr_array_remove(pools, pool);
	return NULL;
}

void pool_undefine(const struct pool *pool)
{
	struct btn_error e;

	g_ptr_array_remove(pools, (struct pool *)pool);
	if (!save(&e))
		g_message("libvirt: %s (BTN-%d)", e.message, e.code);
}

void pool_set_active(const struct pool *pool, bool active)
{
	((struct pool *)pool)->active = active || pool->images;
}

bool pool_set_autostart(const struct pool *pool, bool autostart, struct btn_error *e)
{
	((struct pool *)pool)->autostart = autostart;
	return save(e);
}

/* ---- volumes ---- */

void volume_free(struct volume *volume)
{
	if (!volume)
		return;
	g_free(volume->name);
	g_free(volume->path);
	g_free(volume);
}

static struct volume *new_volume(const char *name, const char *path)
{
	struct volume *volume = g_new0(struct volume, 1);

	volume->name = g_strdup(name);
	volume->path = g_strdup(path);
	return volume;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp((*(struct volume *const *)a)->name, (*(struct volume *const *)b)->name);
}

static bool add_images(GPtrArray *to, struct btn_error *e)
{
	GPtrArray *images = images_list(image_store, e);
	unsigned int i;

	if (!images)
		return false;
	for (i = 0; i < images->len && to->len < LV_LIST_MAX; i++) {
		const struct base_image *image = images->pdata[i];

		if (!image->problem)
			g_ptr_array_add(to, new_volume(image->name, image->path));
	}
	g_ptr_array_unref(images);
	return true;
}

/* Regular files whose names a client can be told. */
static bool add_files(const char *folder, GPtrArray *to, struct btn_error *e)
{
	GDir *dir = g_dir_open(folder, 0, NULL);
	const char *name;

	if (!dir) {
		btn_set_file(e, "the pool's folder", folder, errno ? errno : ENOENT);
		return false;
	}
	while ((name = g_dir_read_name(dir)) && to->len < LV_LIST_MAX) {
		char *path = g_build_filename(folder, name, NULL);
		struct stat st;

		if (name[0] != '.' && g_utf8_validate(name, -1, NULL) && !lstat(path, &st) &&
		    S_ISREG(st.st_mode))
			g_ptr_array_add(to, new_volume(name, path));
		g_free(path);
	}
	g_dir_close(dir);
	return true;
}

GPtrArray *pool_volumes(const struct pool *pool, struct btn_error *e)
{
	GPtrArray *volumes = g_ptr_array_new_with_free_func((GDestroyNotify)volume_free);

	if (pool->images ? add_images(volumes, e) : add_files(pool->path, volumes, e)) {
		g_ptr_array_sort(volumes, by_name);
		return volumes;
	}
	g_ptr_array_unref(volumes);
	return NULL;
}

static void measure(struct volume *volume)
{
	struct image_info info;
	struct btn_error e;
	struct stat st;

	volume->raw = true;
	if (stat(volume->path, &st))
		return;
	volume->size = (uint64_t)st.st_size;
	volume->allocated = (uint64_t)st.st_blocks * 512;
	if (!disk_info(volume->path, NULL, &info, &e))
		return;
	volume->size = info.size;
	volume->raw = info.raw;
}

static struct volume *find(const struct pool *pool, const char *name, const char *path)
{
	struct btn_error e;
	GPtrArray *volumes = pool->active ? pool_volumes(pool, &e) : NULL;
	struct volume *found = NULL;
	unsigned int i;

	for (i = 0; volumes && i < volumes->len && !found; i++) {
		const struct volume *volume = volumes->pdata[i];

		if (!strcmp(name ? volume->name : volume->path, name ? name : path))
			found = g_ptr_array_steal_index(volumes, i);
	}
	if (volumes)
		g_ptr_array_unref(volumes);
	if (found)
		measure(found);
	return found;
}

struct volume *pool_volume(const struct pool *pool, const char *name)
{
	return find(pool, name, NULL);
}

struct volume *pool_volume_by_path(const char *path, const struct pool **ret_pool)
{
	const struct pool *pool = NULL;
	struct volume *volume = NULL;

	while (!volume && (pool = pool_next(pool)))
		/* Only the store has its files in folders of their own. */
		if (g_str_has_prefix(path, pool->path))
			volume = find(pool, NULL, path);
	if (volume)
		*ret_pool = pool;
	return volume;
}
