// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VMs as folders: what each operation does, and that it can be cut off at any call of
 * the file system. A child is killed in front of its k-th call, for all k, and recovery
 * at each of its own; then all of the old state is there, or all of the new one, and
 * nothing else. For power cuts: what is moved has been synced, and so have the names.
 *
 * The calls are wrapped by the linker (daemon.mk). One file, although a long one, because the
 * wrapped calls, the states and the operations are one instrument: journal, locks and
 * refusals are looked at with it, too.
 */
#define _GNU_SOURCE /* renameat2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/bundle.h"
#include "daemon/files.h"
#include "daemon/journal.h"
#include "daemon/paths.h"

static struct btn_error error;
static char *base;	/* a folder of this test */

/* ---- the calls ---- */

static unsigned int kill_at;	/* in front of this call; 0: never */
static unsigned int calls;
static int fail_with;		/* call fail_at fails with this errno */
static unsigned int fail_at;
static GHashTable *unsynced;	/* paths; NULL: not kept */
static GPtrArray *faults;	/* moves of what is not synced */

/* 0: go on; else the call fails. */
static int step(void)
{
	calls++;
	if (calls == kill_at)
		kill(getpid(), SIGKILL);
	if (calls == fail_at) {
		errno = fail_with;
		return -1;
	}
	return 0;
}

static void mark(const char *path)
{
	if (unsynced)
		g_hash_table_add(unsynced, g_strdup(path));
}

static void mark_above(const char *path)
{
	char *folder = g_path_get_dirname(path);

	mark(folder);
	g_free(folder);
}

static char *path_of(int fd)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return g_file_read_link(link, NULL);
}

static gboolean is_below(void *key, void *value, void *ctx)
{
	const char *path = key;
	size_t length = strlen(ctx);

	(void)value;
	return !strncmp(path, ctx, length) && (!path[length] || path[length] == '/');
}

static void moved(const char *from, const char *to)
{
	if (!unsynced)
		return;
	if (g_hash_table_find(unsynced, is_below, (void *)from))
		g_ptr_array_add(faults, g_strdup_printf("%s to %s", from, to));
	mark_above(from);
	mark_above(to);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;
	int fd;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	if ((flags & O_CREAT) && step())
		return -1;
	fd = __real_open(path, flags, mode);
	if (fd >= 0 && (flags & O_CREAT)) {
		mark(path);
		mark_above(path);
	}
	return fd;
}

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	char *path = unsynced ? path_of(fd) : NULL;

	if (path)
		mark(path);
	g_free(path);
	/* This one is cut off in the middle. */
	if (calls + 1 == kill_at && __real_write(fd, data, size / 2) < 0)
		return -1;
	if (step())
		return -1;
	return __real_write(fd, data, size);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	char *path = unsynced ? path_of(fd) : NULL;

	if (step()) {
		g_free(path);
		return -1;
	}
	if (path)
		g_hash_table_remove(unsynced, path);
	g_free(path);
	return __real_fsync(fd);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
	if (step())
		return -1;
	moved(from, to);
	return __real_rename(from, to);
}

int __real_renameat2(int from_at, const char *from, int to_at, const char *to, unsigned int flags);
int __wrap_renameat2(int from_at, const char *from, int to_at, const char *to, unsigned int flags);
int __wrap_renameat2(int from_at, const char *from, int to_at, const char *to, unsigned int flags)
{
	int ret;

	if (step())
		return -1;
	ret = __real_renameat2(from_at, from, to_at, to, flags);
	if (!ret)
		moved(from, to);
	return ret;
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
	if (step())
		return -1;
	mark(path);
	mark_above(path);
	return __real_mkdir(path, mode);
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
	if (step())
		return -1;
	if (!access(path, F_OK))
		mark_above(path);
	return __real_unlink(path);
}

int __real_rmdir(const char *path);
int __wrap_rmdir(const char *path);
int __wrap_rmdir(const char *path)
{
	if (step())
		return -1;
	mark_above(path);
	return __real_rmdir(path);
}

/* ---- states ---- */

static bool try_file(const char *folder, const char *name, const char *text)
{
	char *path = g_build_filename(folder, name, NULL);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	g_free(path);
	return ok;
}

static void put_file(const char *folder, const char *name, const char *text)
{
	assert_true(try_file(folder, name, text));
}

static struct config *make_config(const char *name, const char *title)
{
	struct config *config = config_new(name);

	strcpy(config->uuid, "11111111-2222-4333-8444-555555555555");
	assert_true(config_set(config, "title", title, &error));
	return config;
}

/* A disk, and a folder with something in it. */
static bool fill(const char *folder, struct config *config, void *ctx, struct btn_error *e)
{
	char *sub = g_build_filename(folder, "nvram", NULL);
	bool ok = try_file(folder, "disk0.qcow2", "a disk") && !mkdir(sub, 0700) &&
		  try_file(sub, "vars", "variables");

	assert_null(ctx);
	g_free(sub);
	if (!ok)
		btn_set_default(e, BTN_NOT_ENOUGH_DISK);
	return ok && config_set(config, "disk.0.file", "disk0.qcow2", e);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names and contents of all there is, sorted; times in the trash are left out. */
static void take_picture(const char *folder, const char *name, GString *to)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	GDir *dir = g_dir_open(folder, 0, NULL);
	const char *entry;
	char *text;

	if (!dir) {
		assert_true(g_file_get_contents(folder, &text, NULL, NULL));
		g_string_append_printf(to, "%s = %s\n", name, text);
		g_free(text);
		g_ptr_array_unref(names);
		return;
	}
	g_string_append_printf(to, "%s/\n", name);
	while ((entry = g_dir_read_name(dir)))
		g_ptr_array_add(names, g_strdup(entry));
	g_dir_close(dir);
	g_ptr_array_sort(names, by_name);
	for (unsigned int i = 0; i < names->len; i++) {
		char *path = g_build_filename(folder, names->pdata[i], NULL);
		char *shown = g_strdup(names->pdata[i]);

		if (g_str_has_suffix(folder, "/trash") && strchr(shown, '.'))
			strchr(shown + 1, '.')[1] = '\0';
		take_picture(path, shown, to);
		g_free(shown);
		g_free(path);
	}
	g_ptr_array_unref(names);
}

static char *picture(void)
{
	GString *to = g_string_new(NULL);

	take_picture(paths.data, "data", to);
	return g_string_free(to, FALSE);
}

static char *create_vm(const char *name)
{
	struct config *config = make_config(name, "old");
	char *folder = bundle_create(config, fill, NULL, &error);

	if (!folder)
		fail_msg("%s: %s", error.message, error.cause);
	config_free(config);
	return folder;
}

static void empty_state(void)
{
	assert_true(files_remove_tree(base, &error));
	assert_int_equal(mkdir(base, 0700), 0);
	assert_true(paths_init(&error));
}

/* A VM to work on, another one, and one in the trash. */
static void make_state(void)
{
	char *folder, *id;

	empty_state();
	g_free(create_vm("other"));
	folder = create_vm("gone");
	id = bundle_trash(folder, "gone", &error);
	assert_non_null(id);
	g_free(folder);
	g_free(id);
	g_free(create_vm("web1"));
}

static char *vm_folder(const char *name)
{
	return g_build_filename(paths.vms, name, NULL);
}

/* The only one in the trash. */
static char *trash_id(void)
{
	GDir *dir = g_dir_open(paths.trash, 0, NULL);
	char *id = g_strdup(g_dir_read_name(dir));

	g_dir_close(dir);
	return id;
}

/* ---- the operations ---- */

static bool do_create(void)
{
	struct config *config = make_config("new", "new");
	char *folder = bundle_create(config, fill, NULL, &error);
	bool ok = folder;

	g_free(folder);
	config_free(config);
	return ok;
}

static bool do_rename(void)
{
	struct config *config = make_config("web2", "renamed");
	char *folder = vm_folder("web1"), *to = bundle_rename(folder, config, &error);
	bool ok = to;

	g_free(folder);
	g_free(to);
	config_free(config);
	return ok;
}

static bool do_trash(void)
{
	char *folder = vm_folder("web1"), *id = bundle_trash(folder, "web1", &error);
	bool ok = id;

	g_free(folder);
	g_free(id);
	return ok;
}

static bool do_restore(void)
{
	struct config *config = make_config("back", "restored");
	char *id = trash_id(), *to = bundle_restore(id, config, &error);
	bool ok = to;

	g_free(id);
	g_free(to);
	config_free(config);
	return ok;
}

static bool do_purge(void)
{
	char *id = trash_id();
	bool ok = bundle_purge(id, NULL, &error);

	g_free(id);
	return ok;
}

static bool do_save(void)
{
	struct config *config = make_config("web1", "saved");
	char *folder = vm_folder("web1");
	bool ok = config_save(config, folder, &error);

	g_free(folder);
	config_free(config);
	return ok;
}

static const struct operation {
	const char *name;
	bool (*run)(void);
	const char *comes, *goes;	/* parts of the picture */
	unsigned int calls;		/* at least */
} operations[] = {
	{ "create", do_create, "new/\ndisk0.qcow2 = a disk\n", NULL, 20 },
	{ "rename", do_rename, "web2/\n", "web1/\n", 12 },
	{ "trash", do_trash, "web1./\n", "web1/\n", 3 },
	{ "restore", do_restore, "back/\n", "gone./\n", 12 },
	{ "purge", do_purge, NULL, "gone./\n", 12 },
	{ "save", do_save, "title=saved\n", NULL, 5 },
};

/* Runs it in a child that is killed at call k (or recovery is, at its call). Was it? */
static bool run_killed(bool (*run)(void), unsigned int k)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		calls = 0;
		kill_at = k;
		_exit(run() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return true;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return false;
}

static bool do_recover(void)
{
	bundle_recover();
	return true;
}

static void check_picture(const struct operation *op, unsigned int k, const char *before,
			  const char *after)
{
	char *now = picture();

	if (strcmp(now, before) && strcmp(now, after))
		fail_msg("%s killed at call %u leaves:\n%sinstead of:\n%sor:\n%s", op->name, k,
			 now, before, after);
	g_free(now);
}

static void check_killed(const struct operation *op, const char *before, const char *after)
{
	unsigned int k = 1, old = 0, new = 0;

	for (;; k++) {
		char *now;

		make_state();
		if (!run_killed(op->run, k))
			break;
		/* Recovery is killed, too, at each of its calls in turn. */
		for (unsigned int r = 1; run_killed(do_recover, r); r++)
			;
		check_picture(op, k, before, after);
		now = picture();
		old += !strcmp(now, before);
		new += !strcmp(now, after);
		g_free(now);
	}
	/* It was not only about being killed in front of everything. */
	assert_true(k > op->calls);
	assert_true(old);
	assert_true(new);
}

static void pictures(const struct operation *op, char **ret_before, char **ret_after)
{
	make_state();
	*ret_before = picture();
	if (!op->run())
		fail_msg("%s: %s | %s", op->name, error.message, error.cause);
	*ret_after = picture();
	assert_string_not_equal(*ret_before, *ret_after);
	if (op->comes) {
		assert_null(strstr(*ret_before, op->comes));
		assert_non_null(strstr(*ret_after, op->comes));
	}
	if (op->goes) {
		assert_non_null(strstr(*ret_before, op->goes));
		assert_null(strstr(*ret_after, op->goes));
	}
}

static void test_killed(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(operations); i++) {
		char *before, *after;

		pictures(&operations[i], &before, &after);
		check_killed(&operations[i], before, after);
		g_free(before);
		g_free(after);
	}
}

/* Each call fails in turn: an error, and the old state at once; or it went well. */
static void test_failing(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(operations); i++) {
		const struct operation *op = &operations[i];
		char *before, *after;
		unsigned int count = 0;

		pictures(op, &before, &after);
		for (unsigned int k = 1;; k++) {
			bool ok;

			make_state();
			memset(&error, 0, sizeof(error));
			calls = 0;
			fail_at = k;
			fail_with = k % 2 ? ENOSPC : EIO;
			ok = op->run();
			fail_at = 0;
			if (calls < k)
				break;
			count += !ok;
			assert_true(ok || (error.code && error.cause[0] && error.fix[0]));
			bundle_recover();
			check_picture(op, k, before, after);
		}
		assert_true(count >= (strcmp(op->name, "trash") ? 3 : 1));
		g_free(before);
		g_free(after);
	}
}

static gboolean is_gone(void *key, void *value, void *ctx)
{
	(void)value, (void)ctx;
	return access(key, F_OK) != 0;
}

/* Nothing is moved before it is on the disk, and at the end all is. */
static void test_power_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(operations); i++) {
		make_state();
		unsynced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		faults = g_ptr_array_new_with_free_func(g_free);
		assert_true(operations[i].run());
		g_hash_table_foreach_remove(unsynced, is_gone, NULL);
		if (faults->len)
			fail_msg("%s moves what is not synced: %s", operations[i].name,
				 (char *)faults->pdata[0]);
		if (g_hash_table_size(unsynced)) {
			GList *left = g_hash_table_get_keys(unsynced);

			fail_msg("%s leaves unsynced: %s", operations[i].name, (char *)left->data);
		}
		g_hash_table_unref(unsynced);
		g_ptr_array_unref(faults);
		unsynced = NULL;
	}
}

/* ---- what is refused ---- */

static bool fill_fails(const char *folder, struct config *config, void *ctx, struct btn_error *e)
{
	bool made = fill(folder, config, ctx, e);

	assert_true(made);
	btn_set_default(e, BTN_SEED);
	return false;
}

static void test_create_refused(void **state)
{
	struct config *config = make_config("new", "new");
	char *before, *after, *path;

	(void)state;
	make_state();
	before = picture();
	assert_null(bundle_create(config, fill_fails, NULL, &error));
	assert_int_equal(error.code, BTN_SEED);
	after = picture();
	assert_string_equal(before, after);
	g_free(after);
	config_free(config);
	config = make_config("WEB1", "new");
	assert_null(bundle_create(config, fill, NULL, &error));
	assert_int_equal(error.code, BTN_VM_EXISTS);
	after = picture();
	assert_string_equal(before, after);
	config_free(config);
	g_free(before);
	g_free(after);
	/* What is no VM is not touched either. */
	put_file(paths.vms, "file", "x");
	path = vm_folder("link");
	assert_int_equal(symlink("/nowhere", path), 0);
	g_free(path);
	path = vm_folder("empty");
	assert_int_equal(mkdir(path, 0700), 0);
	for (const char *const *name = (const char *const[]){ "file", "link", "empty", NULL };
	     *name; name++) {
		config = make_config(*name, "new");
		assert_null(bundle_create(config, NULL, NULL, &error));
		assert_int_equal(error.code, BTN_VM_EXISTS);
		config_free(config);
	}
	assert_int_equal(rmdir(path), 0);
	g_free(path);
	config = make_config("new", "new");
	g_free(config->name);
	config->name = g_strdup("../x");
	assert_null(bundle_create(config, NULL, NULL, &error));
	assert_int_equal(error.code, BTN_VM_NAME);
	config_free(config);
}

/* Between the check of the name and the move somebody else takes it. */
static bool fill_and_race(const char *folder, struct config *config, void *ctx,
			  struct btn_error *e)
{
	char *path = vm_folder(config->name);
	bool ok = fill(folder, config, ctx, e);

	assert_int_equal(mkdir(path, 0700), 0);
	g_free(path);
	return ok;
}

static void test_create_race(void **state)
{
	struct config *config = make_config("new", "new");
	char *now, *path = vm_folder("new");

	(void)state;
	make_state();
	assert_null(bundle_create(config, fill_and_race, NULL, &error));
	assert_int_equal(error.code, BTN_VM_EXISTS);
	assert_int_equal(rmdir(path), 0);
	now = picture();
	assert_null(strstr(now, ".create"));
	assert_non_null(strstr(now, "images/\njournal/\nnetworks/\n"));
	g_free(now);
	g_free(path);
	config_free(config);
}

static void test_move_refused(void **state)
{
	struct config *config = make_config("other", "new");
	char *folder = vm_folder("web1"), *id, *before, *after;

	(void)state;
	make_state();
	id = trash_id();
	before = picture();
	assert_null(bundle_rename(folder, config, &error));
	assert_int_equal(error.code, BTN_VM_EXISTS);
	assert_null(bundle_restore(id, config, &error));
	assert_int_equal(error.code, BTN_VM_EXISTS);
	assert_null(bundle_restore("nothing.1", config, &error));
	assert_int_equal(error.code, BTN_NO_SUCH_TRASH);
	assert_null(bundle_restore("../vms/web1", config, &error));
	assert_int_equal(error.code, BTN_NO_SUCH_TRASH);
	assert_false(bundle_purge("..", NULL, &error));
	assert_int_equal(error.code, BTN_NO_SUCH_TRASH);
	assert_false(bundle_purge("", NULL, &error));
	after = picture();
	assert_string_equal(before, after);
	/* Only the case changes: that is no clash with itself. */
	g_free(config->name);
	config->name = g_strdup("WEB1");
	g_free(after);
	after = bundle_rename(folder, config, &error);
	assert_non_null(after);
	assert_true(g_str_has_suffix(after, "/vms/WEB1"));
	g_free(before);
	g_free(after);
	g_free(id);
	g_free(folder);
	config_free(config);
}

static void test_cancel(void **state)
{
	GCancellable *cancellable = g_cancellable_new();
	char *id, *before, *after;

	(void)state;
	make_state();
	id = trash_id();
	before = picture();
	g_cancellable_cancel(cancellable);
	assert_false(bundle_purge(id, cancellable, &error));
	assert_int_equal(error.code, BTN_JOB_CANCELLED);
	after = picture();
	assert_string_equal(before, after);
	g_free(before);
	g_free(after);
	g_free(id);
	g_object_unref(cancellable);
}

/* The same name twice in the trash, even in the same microsecond. */
static void test_trash_twice(void **state)
{
	char *ids[3], *folder;

	(void)state;
	make_state();
	for (unsigned int i = 0; i < 3; i++) {
		folder = i ? create_vm("web1") : vm_folder("web1");
		ids[i] = bundle_trash(folder, "web1", &error);
		assert_non_null(ids[i]);
		assert_true(g_str_has_prefix(ids[i], "web1."));
		assert_true(strtoll(ids[i] + 5, NULL, 10) > 1600000000000000ll);
		if (i)
			assert_string_not_equal(ids[i], ids[i - 1]);
		g_free(folder);
	}
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(bundle_purge(ids[i], NULL, &error));
		g_free(ids[i]);
	}
}

/* ---- the journal ---- */

static unsigned int recovered;

static void count_intent(struct intent *intent)
{
	recovered++;
	assert_string_equal(intent->kind, recovered == 1 ? "one" : "two");
	if (recovered == 1) {
		assert_string_equal(intent->text, "a\nb=c\\");
		assert_true(g_str_has_suffix(intent->from, "/vms/a"));
		assert_null(intent->to);
	}
	journal_end(intent);
}

static void test_journal(void **state)
{
	char *from = vm_folder("a");

	(void)state;
	empty_state();
	journal_leave(journal_begin("one", from, NULL, "a\nb=c\\", &error));
	journal_leave(journal_begin("two", NULL, NULL, NULL, &error));
	/* Damaged, half written, or about what is not ours: gone. */
	put_file(paths.journal, "1.intent", "");
	put_file(paths.journal, "2.intent", "[intent]\nfrom=vms/x\n");
	put_file(paths.journal, "3.intent", "[intent]\nkind=create\nfrom=/etc\nto=vms/x\n");
	put_file(paths.journal, "4.intent", "[intent]\nkind=create\nfrom=vms/..\nto=vms/x\n");
	put_file(paths.journal, "5.intent", "[intent]\nkind=create\nfrom=vms/a/b\nto=vms/x\n");
	put_file(paths.journal, "6.intent.new", "[intent]\nkind=one\n");
	recovered = 0;
	journal_recover(count_intent);
	assert_int_equal(recovered, 2);
	assert_int_equal(rmdir(paths.journal), 0);
	g_free(from);
}

/* An intent that names a VM where only what was half made may be removed. */
static void test_forged(void **state)
{
	char *before, *after;

	(void)state;
	make_state();
	before = picture();
	put_file(paths.journal, "1.intent", "[intent]\nkind=create\nfrom=vms/web1\nto=vms/x\n");
	put_file(paths.journal, "2.intent", "[intent]\nkind=purge\nfrom=trash/x\nto=vms/web1\n");
	put_file(paths.journal, "3.intent", "[intent]\nkind=delete\nfrom=vms/web1\nto=trash/x\n");
	put_file(paths.journal, "4.intent", "[intent]\nkind=rename\nfrom=vms/x\n");
	bundle_recover();
	after = picture();
	assert_string_equal(before, after);
	g_free(before);
	g_free(after);
}

/* ---- locks, bytes, folders ---- */

static void test_lock(void **state)
{
	char *folder = vm_folder("web1");
	int fd, other, pipe_fd[2];
	pid_t pid;

	(void)state;
	make_state();
	fd = bundle_lock(folder, &error);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(bundle_lock(folder, &error), -1);
	assert_int_equal(error.code, BTN_VM_ON);
	/* A child that has the descriptor keeps the lock when the parent closes it. */
	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		char byte;

		close(pipe_fd[1]);
		_exit(read(pipe_fd[0], &byte, 1) != 0);
	}
	close(pipe_fd[0]);
	close(fd);
	assert_int_equal(bundle_lock(folder, &error), -1);
	close(pipe_fd[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	other = bundle_lock(folder, &error);
	assert_true(other >= 0);
	close(other);
	assert_int_equal(bundle_lock("/nowhere", &error), -1);
	assert_int_equal(error.code, BTN_HOST_CALL_FAILED);
	g_free(folder);
}

static void test_bytes(void **state)
{
	char *folder = vm_folder("web1"), *text = g_strnfill(300000, 'x'), *link;
	uint64_t before;

	(void)state;
	make_state();
	before = bundle_bytes(folder);
	put_file(folder, "big", text);
	link = g_build_filename(folder, "link", NULL);
	assert_int_equal(symlink("/usr", link), 0);
	assert_true(bundle_bytes(folder) >= before + 300000);
	assert_true(bundle_bytes(folder) < before + 1000000);
	assert_int_equal(bundle_bytes("/nowhere"), 0);
	g_free(link);
	g_free(text);
	g_free(folder);
}

static void test_paths(void **state)
{
	struct stat st;
	char *run = g_strdup(g_getenv("XDG_RUNTIME_DIR")), *longer;

	(void)state;
	empty_state();
	assert_int_equal(stat(paths.vms, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(chmod(paths.data, 0755), 0);
	assert_true(paths_init(&error));
	assert_int_equal(stat(paths.data, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(g_str_has_suffix(paths.libvirt_sockets[0], "/run/libvirt/virtbatond-sock"));
	if (geteuid()) { /* root has /run then, and that is not the test's */
		g_unsetenv("XDG_RUNTIME_DIR");
		assert_false(paths_init(&error));
		assert_int_equal(error.code, BTN_DAEMON_FAILED);
	}
	longer = g_strnfill(100, 'x');
	longer[0] = '/';
	g_setenv("XDG_RUNTIME_DIR", longer, TRUE);
	assert_false(paths_init(&error));
	g_setenv("XDG_RUNTIME_DIR", run, TRUE);
	assert_int_equal(rmdir(paths.images), 0);
	put_file(paths.data, "images", "no folder");
	assert_false(paths_init(&error));
	assert_int_equal(error.code, BTN_DAEMON_FAILED);
	assert_null(paths_program("baton-nothing", &error));
	assert_int_equal(error.code, BTN_NO_MONITOR);
	g_free(longer);
	g_free(run);
}

static int set_up(void **state)
{
	char *data, *run;

	(void)state;
	/* In memory if possible: thousands of fsync(). */
	base = g_strdup_printf("%s/test_daemon_bundle.XXXXXX",
			       access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(base))
		return -1;
	data = g_build_filename(base, "data", NULL);
	run = g_build_filename(base, "run", NULL);
	g_setenv("XDG_DATA_HOME", data, TRUE);
	g_setenv("XDG_RUNTIME_DIR", run, TRUE);
	g_free(data);
	g_free(run);
	return paths_init(&error) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	files_remove_tree(base, &error);
	g_free(base);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed), cmocka_unit_test(test_failing),
		cmocka_unit_test(test_power_cut), cmocka_unit_test(test_create_refused),
		cmocka_unit_test(test_create_race), cmocka_unit_test(test_move_refused),
		cmocka_unit_test(test_cancel), cmocka_unit_test(test_trash_twice),
		cmocka_unit_test(test_journal), cmocka_unit_test(test_forged),
		cmocka_unit_test(test_lock), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests_name("daemon_bundle", tests, set_up, tear_down);
}
