// SPDX-License-Identifier: GPL-2.0-or-later
#include "file_uses.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "libvirt/pool.h"
#include "paths.h"
#include "vm.h"

#define CHAIN_MAX 32u	/* files on top of one another that are followed */

static void free_use(void *data)
{
	struct file_use *use = data;

	g_free(use->owner);
	g_free(use->path);
	g_free(use);
}

static void add(GPtrArray *uses, const char *owner, char *path, bool disk)
{
	struct file_use *use = g_new(struct file_use, 1);

	*use = (struct file_use){ .owner = g_strdup(owner), .path = path, .disk = disk };
	g_ptr_array_add(uses, use);
}

static void add_config(GPtrArray *uses, const char *owner, const char *folder,
		       const struct config *config)
{
	const char *const others[] = {
		config->cdrom[0], config->cdrom[1], config->kernel, config->initrd,
		config->vnc_password,
	};
	unsigned int i;

	for (i = 0; i < config->disk_count; i++)
		add(uses, owner, config_file_path(folder, config->disk[i].file),
		    config->disk[i].format != CONFIG_FORMAT_RAW);
	for (i = 0; i < G_N_ELEMENTS(others); i++)
		if (others[i])
			add(uses, owner, config_file_path(folder, others[i]), false);
}

struct gathering {
	GPtrArray *uses;
	const char *except;
};

static void add_vm(struct vm *vm, void *ctx)
{
	struct gathering *g = ctx;

	if (!g_strcmp0(vm_uuid(vm), g->except))
		return;
	add_config(g->uses, vm_name(vm), vm->folder, vm->config);
	if (vm->live)
		add_config(g->uses, vm_name(vm), vm->folder, vm->live);
}

GPtrArray *file_uses_of_vms(const char *except_uuid)
{
	struct gathering g = { g_ptr_array_new_with_free_func(free_use), except_uuid };

	registry_each(add_vm, &g);
	return g.uses;
}

void file_uses_add_volumes(GPtrArray *uses)
{
	const struct pool *pool = NULL;
	struct btn_error ignored;
	unsigned int i;

	while ((pool = pool_next(pool))) {
		GPtrArray *volumes = pool->images ? NULL : pool_volumes(pool, &ignored);

		for (i = 0; volumes && i < volumes->len; i++) {
			const char *path = ((struct volume *)volumes->pdata[i])->path;

			add(uses, path, g_strdup(path), true);
		}
		if (volumes)
			g_ptr_array_unref(volumes);
	}
}

static void add_item(GPtrArray *uses, const char *id, const char *text)
{
	char *folder = g_build_filename(paths.trash, id, NULL);
	char *path = g_build_filename(folder, "vm.conf", NULL), *conf = NULL;
	struct config *config = NULL;
	struct btn_error ignored;
	struct stat st;
	gsize length;

	/* No more memory than it has bytes: there may be hundreds to look at. */
	if (!lstat(path, &st) && S_ISREG(st.st_mode) && st.st_size <= CONFIG_FILE_MAX)
		g_file_get_contents(path, &conf, &length, NULL);
	if (conf && (!text || g_strstr_len(conf, (gssize)length, text)))
		config = config_parse(conf, length, &ignored);
	if (config)
		add_config(uses, id, folder, config);
	config_free(config);
	g_free(conf);
	g_free(path);
	g_free(folder);
}

void file_uses_add_trash(GPtrArray *uses, const char *except_id, const char *text)
{
	GDir *dir = g_dir_open(paths.trash, 0, NULL);
	const char *id;

	while (dir && (id = g_dir_read_name(dir)))
		if (id[0] != '.' && g_strcmp0(id, except_id))
			add_item(uses, id, text);
	if (dir)
		g_dir_close(dir);
}

/* ---- looking through them ---- */

static bool is_same_file(const char *a, const char *b)
{
	struct stat left, right;

	if (!strcmp(a, b))
		return true;
	return !stat(a, &left) && !stat(b, &right) && left.st_dev == right.st_dev &&
	       left.st_ino == right.st_ino;
}

static bool is_based_on(const char *disk, const char *path)
{
	char *at = g_strdup(disk);
	struct disk_head head;
	bool found = false;
	unsigned int i;

	for (i = 0; at && !found && i < CHAIN_MAX; i++) {
		disk_read_head(at, &head);
		g_free(at);
		at = head.backing;
		found = at && is_same_file(at, path);
	}
	g_free(at);
	return found;
}

const char *file_uses_based_on(const GPtrArray *uses, const char *path)
{
	unsigned int i;

	for (i = 0; i < uses->len; i++) {
		const struct file_use *use = uses->pdata[i];

		/* The file itself, as a disk that is only read, is used as well. */
		if (is_same_file(use->path, path) || (use->disk && is_based_on(use->path, path)))
			return use->owner;
	}
	return NULL;
}

static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return !strncmp(path, folder, length) && path[length] == '/';
}

const struct file_use *file_uses_below(const GPtrArray *uses, const char *folder)
{
	g_autofree char *real_folder = realpath(folder, NULL);
	unsigned int i;

	for (i = 0; i < uses->len; i++) {
		const struct file_use *use = uses->pdata[i];
		g_autofree char *real = realpath(use->path, NULL);

		if (is_below(use->path, folder) ||
		    (real && real_folder && is_below(real, real_folder)))
			return use;
	}
	return NULL;
}

const struct file_use *file_uses_moved(const GPtrArray *uses, const char *was, const char *now)
{
	unsigned int i;

	for (i = 0; i < uses->len; i++) {
		const struct file_use *use = uses->pdata[i];
		g_autofree char *there = is_below(use->path, was) ?
			g_build_filename(now, use->path + strlen(was), NULL) : NULL;

		if (there && access(use->path, F_OK) && !access(there, F_OK))
			return use;
	}
	return NULL;
}
