// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VMs as folders. How each operation survives a crash at any point:
 *
 *   create    built in vms/.create-ID, synced, then moved to its name: either it has the
 *             name and is complete, or recovery removes what there is.
 *   rename    the new vm.conf is written beside the old one (vm.conf.new), then the
 *   restore   folder is moved, then vm.conf.new takes its place. Recovery: folder not
 *             moved, vm.conf.new goes; moved, it takes its place.
 *   trash     one move.
 *   purge     moved to trash/.purge-ID, then removed. Recovery: moved, the rest goes.
 *
 * Moves never replace anything. What could fail for lack of space or permission comes
 * before the move; what fails behind it is undone, or left to recovery.
 */
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "journal.h"
#include "paths.h"

#define CONF "vm.conf"

static bool is_there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISDIR(st.st_mode);
}

static void remove_conf_new(const char *folder)
{
	char *path = g_build_filename(folder, CONF FILES_NEW, NULL);

	unlink(path);
	g_free(path);
}

/* ---- names ---- */

static bool say_exists(const char *name, struct btn_error *e)
{
	btn_set(e, BTN_VM_EXISTS, "there is a VM \"%s\" already", name);
	btn_set_cause(e, "Names are unique among the VMs of a user, whatever their case.");
	return false;
}

/* Anything in vms/ that has the name; but for `except`, a path or NULL. */
static bool check_free(const char *name, const char *except, struct btn_error *e)
{
	GDir *dir = g_dir_open(paths.vms, 0, NULL);
	const char *other;
	bool taken = false;

	while (dir && !taken && (other = g_dir_read_name(dir))) {
		char *path = g_build_filename(paths.vms, other, NULL);

		taken = !g_ascii_strcasecmp(other, name) && g_strcmp0(path, except);
		g_free(path);
	}
	if (dir)
		g_dir_close(dir);
	return !taken || say_exists(name, e);
}

static bool move(const char *from, const char *to, const char *name, struct btn_error *e)
{
	int error = files_move(from, to);

	if (!error)
		return true;
	if (error == EEXIST || error == ENOTEMPTY || error == ENOTDIR)
		return say_exists(name, e);
	files_failed(e, "moved", from, error);
	return false;
}

/* ---- create ---- */

static bool build(const char *folder, struct config *config, bundle_fill_fn fill, void *ctx,
		  struct btn_error *e)
{
	if (mkdir(folder, 0700)) {
		files_failed(e, "made", folder, errno);
		return false;
	}
	return (!fill || fill(folder, config, ctx, e)) && config_save(config, folder, e) &&
	       files_sync_tree(folder, e);
}

/* False: it has not come about, and nothing of it is left. */
static bool create(const char *staging, const char *to, struct config *config,
		   bundle_fill_fn fill, void *ctx, struct btn_error *e)
{
	struct intent *intent = journal_begin("create", staging, to, NULL, e);
	struct btn_error ignored;
	bool ok;

	if (!intent)
		return false;
	ok = build(staging, config, fill, ctx, e) && move(staging, to, config->name, e);
	if (ok && !files_sync_folder(paths.vms, e)) {
		ok = false;
		files_move(to, staging);
	}
	if (ok || files_remove_tree(staging, &ignored))
		journal_end(intent);
	else
		journal_leave(intent);
	return ok;
}

char *bundle_create(struct config *config, bundle_fill_fn fill, void *ctx, struct btn_error *e)
{
	char *id, *staging, *to;
	bool ok;

	if (!config_check_name(config->name, e) || !check_free(config->name, NULL, e))
		return NULL;
	id = g_uuid_string_random();
	staging = g_strdup_printf("%s/.create-%s", paths.vms, id);
	to = g_build_filename(paths.vms, config->name, NULL);
	ok = create(staging, to, config, fill, ctx, e);
	g_free(id);
	g_free(staging);
	if (!ok)
		g_clear_pointer(&to, g_free);
	return to;
}

/* ---- rename and restore ---- */

/* The folders that from and to are in. */
static bool sync_both(const char *from, const char *to, struct btn_error *e)
{
	char *from_folder = g_path_get_dirname(from), *to_folder = g_path_get_dirname(to);
	/* The new name first: in between there are two, not none. */
	bool ok = files_sync_folder(to_folder, e) &&
		  (!strcmp(from_folder, to_folder) || files_sync_folder(from_folder, e));

	g_free(from_folder);
	g_free(to_folder);
	return ok;
}

static bool replace_conf(const char *folder, struct btn_error *e)
{
	char *path = g_build_filename(folder, CONF, NULL);
	bool ok = files_replace(path, e);

	g_free(path);
	return ok;
}

/*
 * Behind the move; undoes it if that fails. *ret_settled: there is nothing to recover.
 * With the new vm.conf in place there is no way back, so what then fails to reach the
 * disk is left to recovery.
 */
static bool settle(const char *from, const char *to, bool *ret_settled, struct btn_error *e)
{
	struct btn_error ignored;

	if (sync_both(from, to, e) && replace_conf(to, e)) {
		*ret_settled = files_sync_folder(to, &ignored);
		return true;
	}
	*ret_settled = !files_move(to, from);
	return false;
}

static bool move_with_conf(const char *kind, const char *from, const char *to,
			   const struct config *config, struct btn_error *e)
{
	struct intent *intent = journal_begin(kind, from, to, NULL, e);
	bool ok, settled = true;

	if (!intent)
		return false;
	/* The name of vm.conf.new, too, has to last: recovery finds it in the moved folder. */
	ok = config_prepare(config, from, e) && files_sync_folder(from, e) &&
	     move(from, to, config->name, e) && settle(from, to, &settled, e);
	if (!ok && settled)
		remove_conf_new(from);
	if (settled)
		journal_end(intent);
	else
		journal_leave(intent);
	return ok;
}

static char *move_to_name(const char *kind, const char *from, const struct config *config,
			  struct btn_error *e)
{
	char *to;

	if (!config_check_name(config->name, e) || !check_free(config->name, from, e))
		return NULL;
	to = g_build_filename(paths.vms, config->name, NULL);
	if (!move_with_conf(kind, from, to, config, e))
		g_clear_pointer(&to, g_free);
	return to;
}

char *bundle_rename(const char *folder, const struct config *config, struct btn_error *e)
{
	return move_to_name("rename", folder, config, e);
}

/* ---- the trash ---- */

char *bundle_trash(const char *folder, const char *name, struct btn_error *e)
{
	struct btn_error ignored;
	int64_t now = g_get_real_time();
	char *id = NULL, *to = NULL;
	int error;

	if (!config_check_name(name, e))
		return NULL;
	do {
		g_free(id);
		g_free(to);
		id = g_strdup_printf("%s.%" G_GINT64_FORMAT, name, now++);
		to = g_build_filename(paths.trash, id, NULL);
		error = files_move(folder, to);
	} while (error == EEXIST);
	if (error) {
		files_failed(e, "moved to the trash", folder, error);
		g_clear_pointer(&id, g_free);
	} else {
		/* It is there; if this fails, a power cut may still bring it back. */
		sync_both(folder, to, &ignored);
	}
	g_free(to);
	return id;
}

/* Its folder in the trash. NULL: there is none. */
static char *find_trash(const char *id, struct btn_error *e)
{
	char *path = NULL;

	if (id[0] && id[0] != '.' && !strchr(id, '/'))
		path = g_build_filename(paths.trash, id, NULL);
	if (path && is_folder(path))
		return path;
	g_free(path);
	btn_set(e, BTN_NO_SUCH_TRASH, "the trash has no \"%.80s\"", id);
	return NULL;
}

char *bundle_restore(const char *id, const struct config *config, struct btn_error *e)
{
	char *from = find_trash(id, e), *to = NULL;

	if (from)
		to = move_to_name("restore", from, config, e);
	g_free(from);
	return to;
}

static bool purge(const char *from, const char *to, struct btn_error *e)
{
	struct intent *intent = journal_begin("purge", from, to, NULL, e);
	bool ok;
	int error;

	if (!intent)
		return false;
	error = files_move(from, to);
	if (error) {
		files_failed(e, "removed", from, error);
		journal_end(intent);
		return false;
	}
	ok = sync_both(from, to, e) && files_remove_tree(to, e) &&
	     files_sync_folder(paths.trash, e);
	/* What could not be removed is out of sight, and tried again at the next start. */
	if (ok)
		journal_end(intent);
	else
		journal_leave(intent);
	return ok;
}

bool bundle_purge(const char *id, GCancellable *cancellable, struct btn_error *e)
{
	char *from = find_trash(id, e), *to;
	bool ok;

	if (!from)
		return false;
	/* From here on it is too late to change one's mind. */
	if (g_cancellable_is_cancelled(cancellable)) {
		btn_set_default(e, BTN_JOB_CANCELLED);
		g_free(from);
		return false;
	}
	to = g_strdup_printf("%s/.purge-%s", paths.trash, id);
	ok = purge(from, to, e);
	g_free(to);
	g_free(from);
	return ok;
}

uint64_t bundle_bytes(const char *folder)
{
	return files_tree_bytes(folder);
}

/* ---- the lock ---- */

int bundle_lock(const char *folder, struct btn_error *e)
{
	char *path = g_build_filename(folder, "lock", NULL);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	/* It belongs to the open file, and so to whoever inherits the descriptor. */
	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB)) {
		g_free(path);
		return fd;
	}
	if (fd >= 0 && errno == EWOULDBLOCK)
		btn_set_default(e, BTN_VM_ON);
	else
		files_failed(e, "locked", path, errno);
	if (fd >= 0)
		close(fd);
	g_free(path);
	return -1;
}

/* The open file `fd` of a process is the one at path, and it is locked. */
static bool has_lock(const char *pid, const char *fd, const char *path)
{
	char *link = g_strdup_printf("/proc/%s/fd/%s", pid, fd);
	char *info = g_strdup_printf("/proc/%s/fdinfo/%s", pid, fd);
	char *target = g_file_read_link(link, NULL), *text = NULL;
	bool ok = !g_strcmp0(target, path) && g_file_get_contents(info, &text, NULL, NULL) &&
		  strstr(text, "FLOCK");

	g_free(link);
	g_free(info);
	g_free(target);
	g_free(text);
	return ok;
}

static bool process_has_lock(const char *pid, const char *path)
{
	char *folder = g_strdup_printf("/proc/%s/fd", pid);
	GDir *dir = g_dir_open(folder, 0, NULL);
	const char *fd;
	bool found = false;

	while (dir && !found && (fd = g_dir_read_name(dir)))
		found = has_lock(pid, fd, path);
	if (dir)
		g_dir_close(dir);
	g_free(folder);
	return found;
}

int bundle_lock_holder(const char *folder)
{
	char *path = g_build_filename(folder, "lock", NULL), *real = realpath(path, NULL);
	GDir *dir = g_dir_open("/proc", 0, NULL);
	const char *name;
	int holder = 0;

	while (dir && real && !holder && (name = g_dir_read_name(dir)))
		if (g_ascii_isdigit(name[0]) && process_has_lock(name, real))
			holder = atoi(name);
	if (dir)
		g_dir_close(dir);
	free(real);
	g_free(path);
	return holder == getpid() ? 0 : holder;
}

/* ---- recovery ---- */

static bool recover_move(const struct intent *intent)
{
	struct btn_error ignored;
	char *new = g_build_filename(intent->to, CONF FILES_NEW, NULL);
	bool ok = true;

	if (is_folder(intent->from))
		remove_conf_new(intent->from);
	else if (is_folder(intent->to))
		ok = sync_both(intent->from, intent->to, &ignored) &&
		     (!is_there(new) || replace_conf(intent->to, &ignored)) &&
		     files_sync_folder(intent->to, &ignored);
	g_free(new);
	return ok;
}

/* Only what create() and purge() make may be removed. */
static bool has_mark(const char *path, const char *folder, const char *mark)
{
	char *start = g_build_filename(folder, mark, NULL);
	bool ok = g_str_has_prefix(path, start);

	g_free(start);
	return ok;
}

static void recover(struct intent *intent)
{
	struct btn_error ignored;
	bool ok = true;

	if (intent->from && intent->to) {
		if (!strcmp(intent->kind, "rename") || !strcmp(intent->kind, "restore"))
			ok = recover_move(intent);
		else if (!strcmp(intent->kind, "create") &&
			 has_mark(intent->from, paths.vms, ".create-"))
			ok = files_remove_tree(intent->from, &ignored);
		else if (!strcmp(intent->kind, "purge") &&
			 has_mark(intent->to, paths.trash, ".purge-"))
			ok = files_remove_tree(intent->to, &ignored);
	}
	if (ok)
		journal_end(intent);
	else
		journal_leave(intent);
}

/* A definition that was being saved: the old one is still there. */
static void sweep(const char *folder)
{
	GDir *dir = g_dir_open(folder, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		char *path = g_build_filename(folder, name, NULL);

		if (name[0] != '.' && is_folder(path))
			remove_conf_new(path);
		g_free(path);
	}
	if (dir)
		g_dir_close(dir);
}

void bundle_recover(void)
{
	journal_recover(recover);
	sweep(paths.vms);
	sweep(paths.trash);
}
