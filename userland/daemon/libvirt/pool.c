// SPDX-License-Identifier: GPL-2.0-or-later
#include "libvirt/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "disk.h"
#include "files.h"
#include "images.h"
#include "libvirt/protocol.h"
#include "libvirt/xdr.h"
#include "paths.h"

#define POOLS_FILE "libvirt-pools.conf"
#define DISKS_FOLDER "disks"
#define POOLS_FILE_MAX (1u << 20)

static GPtrArray *pools;
static bool file_is_bad;	/* it stays as it is, for its owner to correct */

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
	make_uuid(pool, pool->uuid);
	g_ptr_array_add(pools, pool);
	return pool;
}

static void add_fixed(const char *name, const char *path)
{
	struct pool *pool = add(name, path);

	pool->fixed = pool->active = pool->autostart = true;
}

/* ---- the file ---- */

static char *file_path(void)
{
	return g_build_filename(paths.data, POOLS_FILE, NULL);
}

static void load_group(GKeyFile *file, const char *name)
{
	char *path = g_key_file_get_string(file, name, "path", NULL);
	char *uuid = g_key_file_get_string(file, name, "uuid", NULL);
	struct pool *pool;

	if (path && g_path_is_absolute(path) && !pool_find(name) && pools->len < POOLS_MAX) {
		pool = add(name, path);
		pool->autostart = g_key_file_get_boolean(file, name, "autostart", NULL);
		pool->active = pool->autostart;
		if (uuid)
			xdr_uuid_parse(uuid, pool->uuid);
	}
	g_free(path);
	g_free(uuid);
}

/* Copies that were not whole when the daemon ended. */
static void clean(const char *folder)
{
	GDir *dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		char *path = g_build_filename(folder, name, NULL);

		if (g_str_has_prefix(name, DISK_COPY_PREFIX))
			unlink(path);
		g_free(path);
	}
	if (dir)
		g_dir_close(dir);
}

static void add_disks(void)
{
	char *path = g_build_filename(paths.data, DISKS_FOLDER, NULL);

	/* That it cannot be made is said by those who look into it. */
	if (mkdir(path, 0700) && errno != EEXIST)
		g_message("libvirt: %s: %s", path, g_strerror(errno));
	clean(path);
	add_fixed(POOL_DISKS, path);
	g_free(path);
}

/* False: there is one, and it cannot be used. */
static bool load_file(GKeyFile *file)
{
	char *path = file_path(), *text = NULL;
	struct btn_error e;
	size_t length;
	bool ok = access(path, F_OK) && errno == ENOENT;

	if (!ok) {
		text = files_read("list of pools", path, POOLS_FILE_MAX, &length, &e);
		ok = text && g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, NULL);
		if (!ok)
			g_message("libvirt: %s: %s", path, text ? "it is no key-file" : e.message);
	}
	g_free(text);
	g_free(path);
	return ok;
}

void pools_start(void)
{
	GKeyFile *file = g_key_file_new();
	char **groups;
	unsigned int i;

	pools = g_ptr_array_new_with_free_func(pool_free);
	add_disks();
	add_fixed(POOL_IMAGES, paths.images);
	file_is_bad = !load_file(file);
	groups = g_key_file_get_groups(file, NULL);
	for (i = 0; groups[i]; i++)
		load_group(file, groups[i]);
	g_strfreev(groups);
	g_key_file_unref(file);
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
	bool ok = !file_is_bad;

	for (i = 0; i < pools->len; i++) {
		const struct pool *pool = pools->pdata[i];
		char uuid[37];

		if (pool->fixed)
			continue;
		xdr_uuid_text(pool->uuid, uuid);
		g_key_file_set_string(file, pool->name, "uuid", uuid);
		g_key_file_set_string(file, pool->name, "path", pool->path);
		g_key_file_set_boolean(file, pool->name, "autostart", pool->autostart);
	}
	text = g_key_file_to_data(file, &length, NULL);
	if (ok) {
		ok = files_write(path, text, length, e);
	} else {
		btn_set(e, BTN_BAD_VALUE, "pools cannot be changed: their list cannot be used");
		btn_set_cause(e, "\"%.300s\" is no key-file.", path);
		btn_set_fix(e, "Correct or remove it, then restart the daemon.");
	}
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

	/* Nobody serves libvirt's clients. */
	if (!pools)
		return NULL;
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
	bool is_there;

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
	is_there = !stat(path, &st);
	if (is_there ? !S_ISDIR(st.st_mode) : errno != ENOENT) {
		if (is_there) {
			btn_set(e, BTN_FILE_NOT_REGULAR, "the pool's folder "
				"\"%.200s\" is no folder", path);
			btn_set_cause(e, "There is something else of this name.");
			btn_set_fix(e, "Name a folder, or a path where there is nothing yet.");
		} else {
			btn_set_file(e, "pool's folder", path, errno);
		}
		return false;
	}
	if (pools->len < POOLS_MAX)
		return true;
	btn_set(e, BTN_BAD_VALUE, "there are %u pools already", POOLS_MAX);
	btn_set_cause(e, "That is the most.");
	return false;
}

/* The one that has this name, this path and, if one is asked for, this UUID. */
static bool is_same(const struct pool *pool, const char *path, const uint8_t uuid[16])
{
	return pool && !strcmp(pool->path, path) &&
		(!uuid || !memcmp(pool->uuid, uuid, sizeof(pool->uuid)));
}

const struct pool *pool_define(const char *name, const char *path, const uint8_t uuid[16],
			       struct btn_error *e)
{
	const struct pool *there = pool_find(name);
	struct pool *pool;

	if (is_same(there, path, uuid))
		return there;
	if (!there && uuid)
		there = pool_find_uuid(uuid);
	if (there) {
		btn_set(e, BTN_BAD_VALUE, "there is a pool \"%.64s\" already", there->name);
		btn_set_cause(e, "Each pool has a name, a UUID and a folder of its own.");
		return NULL;
	}
	if (!check(name, path, e))
		return NULL;
	pool = add(name, path);
	if (uuid)
		memcpy(pool->uuid, uuid, sizeof(pool->uuid));
	if (save(e))
		return pool;
	g_ptr_array_remove(pools, pool);
	return NULL;
}

bool pool_build(const struct pool *pool, struct btn_error *e)
{
	if (!g_mkdir_with_parents(pool->path, 0700))
		return true;
	btn_set_file(e, "pool's folder", pool->path, errno);
	return false;
}

bool pool_undefine(const struct pool *pool, struct btn_error *e)
{
	guint at;
	bool ok;

	if (!g_ptr_array_find(pools, pool, &at))
		return true;
	pool = g_ptr_array_steal_index(pools, at);
	ok = save(e);
	if (ok)
		pool_free((struct pool *)pool);
	else
		g_ptr_array_insert(pools, (gint)at, (struct pool *)pool);
	return ok;
}

void pool_set_active(const struct pool *pool, bool active)
{
	((struct pool *)pool)->active = active || pool->fixed;
}

bool pool_set_autostart(const struct pool *pool, bool autostart, struct btn_error *e)
{
	struct pool *changed = (struct pool *)pool;
	bool old = pool->autostart;

	changed->autostart = autostart;
	if (save(e))
		return true;
	changed->autostart = old;
	return false;
}

/* ---- volumes ---- */

void volume_free(struct volume *volume)
{
	if (!volume)
		return;
	g_free(volume->name);
	g_free(volume->path);
	g_free(volume->backing);
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

const char *pool_volume_name_fault(const char *name)
{
	const char *at;

	if (!name[0] || strlen(name) > 250 || !g_utf8_validate(name, -1, NULL))
		return "it has 1 to 250 bytes of UTF-8";
	if (name[0] == '.' || strchr(name, '/'))
		return "it does not begin with a dot, and has no slash";
	for (at = name; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			return "it has no control characters";
	return NULL;
}

static void measure(struct volume *volume)
{
	struct disk_head head;

	disk_read_head(volume->path, &head);
	volume->raw = head.raw;
	volume->size = head.size;
	volume->allocated = head.allocated;
	volume->backing = head.backing;
	memcpy(volume->backing_format, head.backing_format, sizeof(volume->backing_format));
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
