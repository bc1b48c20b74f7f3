// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store of base images and the disks made of them: what goes in comes out, what
 * is refused leaves nothing behind, and nothing leads out of the store.
 */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "daemon_tool.h"

#include <sys/file.h>

#include "disk.h"
#include "images.h"
#include "images_conf.h"
#include "images_private.h"

static struct images *store;

#define MIB (1u << 20)
#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Data, a hole, zeroes that are written, data up to the last sector. */
static void make_raw(const char *path, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	g_autofree char *zeroes = g_malloc0(5 * MIB);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "begin", 5, 0), 5);
	assert_int_equal(pwrite(fd, zeroes, 5 * MIB, 16 * MIB), 5 * MIB);
	assert_int_equal(pwrite(fd, "middle", 6, 17 * MIB), 6);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, "end", 3, (off_t)size - 3), 3);
	close(fd);
}

static char *sha256_of(const char *path)
{
	g_autofree char *text = NULL;

	assert_int_equal(run_shell("sha256sum %s", path), 0);
	text = shell_output();
	return g_strndup(text, 64);
}

/* What is in the store beside images: leftovers. */
static unsigned int hidden_count(void)
{
	GDir *dir = g_dir_open(in_folder("store"), 0, NULL);
	unsigned int count = 0;
	const char *name;

	while ((name = g_dir_read_name(dir)))
		count += name[0] == '.';
	g_dir_close(dir);
	return count;
}

static void assert_no_image(const char *name)
{
	struct btn_error e;

	assert_null(images_find(store, name, &e));
	assert_error(&e, BTN_NO_SUCH_IMAGE, name);
	assert_int_equal(hidden_count(), 0);
}

struct watch {
	unsigned int calls, after;
	uint64_t last;
	GCancellable *cancel;	/* after that many calls */
	bool copied, converted, checked;
};

static void on_progress(void *data, const char *step, uint64_t done, uint64_t total)
{
	struct watch *watch = data;

	assert_true(done <= total && total);
	watch->last = done == total ? 1 : 0;
	watch->copied |= !strcmp(step, "copy");
	watch->converted |= !strcmp(step, "convert");
	watch->checked |= !strcmp(step, "check");
	if (++watch->calls >= watch->after && watch->cancel)
		g_cancellable_cancel(watch->cancel);
}

/* ---- add, find, list ---- */

static void test_add_raw(void **state)
{
	const char *path = in_folder("a.img");
	struct watch watch = { 0 };
	struct images_job job = { .progress = on_progress, .data = &watch };
	struct images_add what = { .name = "debian-12", .path = path, .os = "Debian 12",
				   .user = "debian" };
	g_autofree char *sum = NULL;
	struct base_image *image, *found;
	struct btn_error e;
	struct stat from, to;

	(void)state;
	make_raw(path, 24 * MIB);
	sum = sha256_of(path);
	what.sha256 = sum;
	image = images_add(store, &what, &job, &e);
	assert_done(image, &e);
	assert_true(watch.copied && watch.last && watch.calls > 3);
	assert_true(image->raw && image->size == 24 * MIB && image->virtual_size == 24 * MIB);
	assert_string_equal(image->sha256, sum);
	assert_int_equal(run_shell("cmp %s %s", path, image->path), 0);
	assert_int_equal(stat(path, &from), 0);
	assert_int_equal(stat(image->path, &to), 0);
	assert_true(to.st_blocks <= from.st_blocks + 64); /* holes stay holes */
	assert_int_equal(to.st_mode & 07777, 0444);

	found = images_find(store, "debian-12", &e);
	assert_done(found, &e);
	assert_string_equal(found->path, image->path);
	assert_string_equal(found->sha256, sum);
	assert_string_equal(found->source, path);
	assert_string_equal(found->added, image->added);
	assert_string_equal(found->os, "Debian 12");
	assert_string_equal(found->user, "debian");
	assert_true(found->raw && found->size == image->size && !found->problem);
	assert_int_equal(hidden_count(), 0);
	base_image_free(found);
	base_image_free(image);

	/* The name is taken, and what was there is not touched. */
	assert_null(images_add(store, &what, NULL, &e));
	assert_error(&e, BTN_IMAGE_EXISTS, "debian-12");
	assert_true(images_verify(store, "debian-12", NULL, &e));
}

static void test_add_qcow2(void **state)
{
	const char *path = in_folder("a.qcow2");
	struct images_add what = { .name = "b", .path = path, .source = "http://example.org/a" };
	struct base_image *image;
	struct btn_error e;

	(void)state;
	assert_int_equal(run_shell("qemu-img convert -c -f raw -O qcow2 %s %s", in_folder("a.img"),
				   path), 0);
	image = images_add(store, &what, NULL, &e);
	assert_done(image, &e);
	assert_true(!image->raw && image->virtual_size == 24 * MIB && image->size < 24 * MIB);
	assert_string_equal(image->source, "http://example.org/a");
	assert_null(image->os);
	assert_int_equal(run_shell("cmp %s %s", path, image->path), 0);
	assert_int_equal(run_shell("qemu-img compare -f raw -F qcow2 %s %s", in_folder("a.img"),
				   image->path), 0);
	base_image_free(image);
}

static void test_list(void **state)
{
	g_autoptr(GPtrArray) list = NULL;
	struct base_image *image;
	struct btn_error e;

	(void)state;
	/* What is no image's name, or no folder, is no image. */
	put_file(in_folder("store/a-file"), "x", 1);
	assert_int_equal(g_mkdir(in_folder("store/bad name"), 0700), 0);
	assert_int_equal(symlink("/etc", in_folder("store/link")), 0);
	list = images_list(store, &e);
	assert_non_null(list);
	assert_int_equal(list->len, 2);
	image = list->pdata[0];
	assert_string_equal(image->name, "b");
	image = list->pdata[1];
	assert_string_equal(image->name, "debian-12");
	assert_null(image->problem);
	assert_null(images_find(store, "link", &e));
	assert_error(&e, BTN_NO_SUCH_IMAGE, "link");
	assert_null(images_find(store, "debian-21", &e));
	assert_error(&e, BTN_NO_SUCH_IMAGE, "\"debian-12\"");
	assert_int_equal(g_rmdir(in_folder("store/bad name")), 0);
}

/* ---- what is refused ---- */

static void test_names(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", ".a", "-a", "_a", "a/b", "../a", "a b", "a\n", "\xc3\xa9", "a:b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct images_add what = { .path = in_folder("a.img") };
	struct btn_error e;

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		what.name = bad[i];
		if (images_add(store, &what, NULL, &e) || images_find(store, bad[i], &e) ||
		    images_remove(store, bad[i], NULL, NULL, &e))
			fail_msg("\"%s\" is a name", bad[i]);
		assert_error(&e, BTN_BAD_VALUE, "no name");
	}
	assert_true(images_check_name("a._-9", &e));
	assert_int_equal(hidden_count(), 0);
}

static void test_refused_values(void **state)
{
	const struct {
		struct images_add what;
		const char *says;
		enum btn_code code;
	} rows[] = {
		{ { .sha256 = "abc" }, "64", BTN_BAD_VALUE },
		{ { .os = "a\nb" }, "os", BTN_BAD_VALUE }, { { .os = "" }, "os", BTN_BAD_VALUE },
		{ { .source = "\xff" }, "source", BTN_BAD_VALUE },
		{ { .user = "Root" }, "user", BTN_SEED },
		{ { .sha256 = "g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" },
		  "64", BTN_BAD_VALUE },
	};
	struct btn_error e;

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct images_add what = rows[i].what;

		what.name = "c";
		what.path = in_folder("a.img");
		if (images_add(store, &what, NULL, &e))
			fail_msg("row %zu", i);
		assert_error(&e, rows[i].code, rows[i].says);
		assert_no_image("c");
	}
}

static void test_wrong_sum(void **state)
{
	static const char sum[] = SUM;
	struct images_add what = { .name = "c", .path = in_folder("a.img"), .sha256 = sum };
	g_autofree char *is = sha256_of(what.path);
	struct btn_error e;

	(void)state;
	assert_null(images_add(store, &what, NULL, &e));
	assert_error(&e, BTN_IMAGE_CHANGED, sum);
	assert_error(&e, BTN_IMAGE_CHANGED, is);
	assert_no_image("c");
}

static void refused_file(const char *file, enum btn_code code, const char *says)
{
	struct images_add what = { .name = "c", .path = in_folder(file) };
	struct btn_error e = { 0 };

	if (images_add(store, &what, NULL, &e))
		fail_msg("%s was added", file);
	assert_error(&e, code, says);
	/* Neither by the other door. */
	if (code != BTN_DISK_FORMAT || !strstr(e.fix, "import")) {
		if (images_import(store, &what, NULL, &e))
			fail_msg("%s was imported", file);
		assert_error(&e, code, says);
	}
	assert_no_image("c");
}

static void test_refused_files(void **state)
{
	(void)state;
	refused_file("none", BTN_FILE_MISSING, "none");
	assert_int_equal(g_mkdir(in_folder("dir"), 0700), 0);
	refused_file("dir", BTN_FILE_NOT_REGULAR, "dir");
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	refused_file("fifo", BTN_FILE_NOT_REGULAR, "fifo");
	put_file(in_folder("empty"), "", 0);
	refused_file("empty", BTN_DISK_SIZE, "512");
	put_file(in_folder("odd"), "abc", 3);
	refused_file("odd", BTN_DISK_SIZE, "512");
	put_file(in_folder("gz"), "\x1f\x8b\x08\0", 4);
	refused_file("gz", BTN_DISK_FORMAT, "gzip -d");
	put_file(in_folder("desc.vmdk"), "# Disk DescriptorFile\nversion=1\n", 32);
	refused_file("desc.vmdk", BTN_DISK_FORMAT, "VMDK");
	assert_int_equal(run_shell("cd %s && qemu-img create -f qcow2 -b a.img -F raw over.qcow2",
				   folder), 0);
	refused_file("over.qcow2", BTN_DISK_FORMAT, "a.img");
	assert_int_equal(run_shell("cd %s && qemu-img create -f qcow2 -o extended_l2=on "
				   "ext.qcow2 1M", folder), 0);
	refused_file("ext.qcow2", BTN_DISK_FORMAT, "ext.qcow2");
	assert_int_equal(run_shell("cd %s && qemu-img create -f qcow2 -o data_file=d.raw,"
				   "data_file_raw=on data.qcow2 1M", folder), 0);
	refused_file("data.qcow2", BTN_DISK_FORMAT, "data.qcow2");
}

/* Somebody writes to the file. */
static void test_busy(void **state)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(in_folder("a.img"), O_RDWR);

	(void)state;
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	refused_file("a.img", BTN_DISK_BUSY, "in use");
	close(fd);
}

static void test_cancel(void **state)
{
	struct images_add what = { .name = "c", .path = in_folder("a.img") };
	struct watch watch = { .after = 2, .cancel = g_cancellable_new() };
	struct images_job job = { .cancel = watch.cancel, .progress = on_progress,
				  .data = &watch };
	struct btn_error e;

	(void)state;
	assert_null(images_add(store, &what, &job, &e));
	assert_error(&e, BTN_HOST_CALL_FAILED, "cancelled");
	assert_int_equal(watch.calls, 2);
	assert_no_image("c");
	/* And before anything is read. */
	assert_false(images_verify(store, "b", &job, &e));
	assert_error(&e, BTN_HOST_CALL_FAILED, "cancelled");
	assert_int_equal(watch.calls, 2);
	g_object_unref(watch.cancel);
}

/* ---- import ---- */

static void import_one(const char *format, const char *options)
{
	g_autofree char *file = g_strdup_printf("a.%s", format);
	g_autofree char *sum = NULL;
	struct watch watch = { 0 };
	struct images_job job = { .progress = on_progress, .data = &watch };
	struct images_add what = { .name = "imported", .path = in_folder(file) };
	struct base_image *image;
	struct btn_error e;

	assert_int_equal(run_shell("qemu-img convert -f raw -O %s %s %s %s", format, options,
				   in_folder("a.img"), what.path), 0);
	assert_null(images_add(store, &what, NULL, &e));
	assert_error(&e, BTN_DISK_FORMAT, "vmctl image import");
	/* The expected hash is the given file's. */
	sum = sha256_of(what.path);
	what.sha256 = sum;
	image = images_import(store, &what, &job, &e);
	if (!image)
		fail_msg("%s: BTN-%d %s: %s", format, e.code, e.message, e.cause);
	assert_true(!image->raw && watch.converted && watch.checked && watch.last);
	assert_int_equal(run_shell("qemu-img compare -f raw -F qcow2 %s %s", in_folder("a.img"),
				   image->path), 0);
	g_free(sum);
	sum = sha256_of(image->path);
	assert_string_equal(sum, image->sha256);
	assert_true(images_verify(store, "imported", NULL, &e));
	base_image_free(image);
	assert_true(images_remove(store, "imported", NULL, NULL, &e));
	what.sha256 = SUM;
	assert_null(images_import(store, &what, NULL, &e));
	assert_error(&e, BTN_IMAGE_CHANGED, what.sha256);
	assert_no_image("imported");
}

static void test_import(void **state)
{
	struct images_add what = { .name = "native", .path = in_folder("a.img") };
	struct base_image *image;
	struct btn_error e;

	(void)state;
	import_one("vmdk", "");
	import_one("vmdk", "-o subformat=streamOptimized");
	import_one("vdi", "");
	import_one("vhdx", "");
	import_one("vpc", "-o force_size=on");
	import_one("vpc", "-o force_size=on,subformat=fixed");
	/* What needs no conversion is added as it is. */
	image = images_import(store, &what, NULL, &e);
	assert_done(image, &e);
	assert_true(image->raw);
	base_image_free(image);
	assert_true(images_remove(store, "native", NULL, NULL, &e));
}

static void refused_import(const char *file, const char *says)
{
	struct images_add what = { .name = "c", .path = in_folder(file) };
	struct btn_error e = { 0 };

	if (images_import(store, &what, NULL, &e))
		fail_msg("%s was imported", file);
	assert_error(&e, BTN_DISK_FORMAT, says);
	assert_no_image("c");
}

/* Nothing but the file itself is read. */
static void test_import_hostile(void **state)
{
	static const char descriptor[] = "# Disk DescriptorFile\nversion=1\nCID=fffffffe\n"
		"parentCID=ffffffff\ncreateType=\"monolithicFlat\"\nRW 49152 FLAT \"a.img\" 0\n";
	char flat[1024] = "KDMV\1\0\0\0\3";
	g_autofree char *vdi = NULL;
	gsize size;

	(void)state;
	assert_int_equal(run_shell("cd %s && qemu-img create -f vmdk -b a.vmdk -F vmdk over.vmdk",
				   folder), 0);
	refused_import("over.vmdk", "stand for itself");
	/* A header without a capacity, and a text that names another file. */
	flat[28] = 1;
	flat[36] = 1;
	memcpy(flat + 512, descriptor, sizeof(descriptor));
	put_file(in_folder("flat.vmdk"), flat, sizeof(flat));
	refused_import("flat.vmdk", "names other files");
	/* Damaged: qemu-img's own words. */
	assert_true(g_file_get_contents(in_folder("a.vdi"), &vdi, &size, NULL));
	vdi[68] = 99;
	put_file(in_folder("bad.vdi"), vdi, 1024);
	refused_import("bad.vdi", "qemu-img says: ");
}

static void test_import_cancel(void **state)
{
	struct images_add what = { .name = "c", .path = in_folder("a.vmdk") };
	struct watch watch = { .after = 1, .cancel = g_cancellable_new() };
	struct images_job job = { .cancel = watch.cancel, .progress = on_progress,
				  .data = &watch };
	struct btn_error e;

	(void)state;
	assert_null(images_import(store, &what, &job, &e));
	assert_error(&e, BTN_HOST_CALL_FAILED, "cancelled");
	assert_true(watch.converted && !watch.checked);
	assert_no_image("c");
	g_object_unref(watch.cancel);
}

static void test_import_no_tool(void **state)
{
	g_autofree char *path = g_strdup(g_getenv("PATH"));
	struct images_add what = { .name = "c", .path = in_folder("a.vdi") };
	struct btn_error e;

	(void)state;
	g_setenv("PATH", in_folder("dir"), TRUE);
	assert_null(images_import(store, &what, NULL, &e));
	g_setenv("PATH", path, TRUE);
	assert_error(&e, BTN_IMAGE_CONVERT, "apt install qemu-utils");
	assert_no_image("c");
}

/* ---- verify, damage, remove, clean ---- */

static void test_damage(void **state)
{
	const char *disk = in_folder("store/b/disk.qcow2"), *conf = in_folder("store/b/image.conf");
	g_autofree char *old = contents(conf);
	g_autoptr(GPtrArray) list = NULL;
	struct base_image *image;
	struct btn_error e;
	struct stat st;
	int fd;

	(void)state;
	assert_true(images_verify(store, "b", NULL, &e));
	assert_int_equal(chmod(disk, 0644), 0);
	assert_int_equal(stat(disk, &st), 0);
	fd = open(disk, O_RDWR);
	assert_int_equal(pwrite(fd, "?", 1, st.st_size - 1), 1);
	assert_false(images_verify(store, "b", NULL, &e));
	assert_error(&e, BTN_IMAGE_CHANGED, "sha256 was");
	assert_int_equal(ftruncate(fd, st.st_size - 1), 0);
	close(fd);
	assert_null(images_find(store, "b", &e));
	assert_error(&e, BTN_DISK_DAMAGED, "bytes");
	/* It stays on the list, with what is wrong. */
	list = images_list(store, &e);
	image = list->pdata[0];
	assert_string_equal(image->name, "b");
	assert_non_null(strstr(image->problem, "bytes"));
	/* A link in the disk's place is not followed, whatever it leads to. */
	assert_int_equal(unlink(disk), 0);
	assert_int_equal(symlink(in_folder("a.qcow2"), disk), 0);
	assert_null(images_find(store, "b", &e));
	assert_error(&e, BTN_DISK_DAMAGED, "no file");
	put_file(conf, "[image]\n", 8);
	assert_null(images_find(store, "b", &e));
	assert_error(&e, BTN_DISK_DAMAGED, "format");
	assert_int_equal(unlink(conf), 0);
	assert_int_equal(mkfifo(conf, 0600), 0);
	assert_null(images_find(store, "b", &e));
	assert_error(&e, BTN_DISK_DAMAGED, "image.conf");
}

static const char *in_use(void *data, const char *path)
{
	unsigned int *calls = data;

	++*calls;
	return g_str_has_suffix(path, "/store/debian-12/disk.raw") ? "web1" : NULL;
}

static void test_remove(void **state)
{
	unsigned int calls = 0;
	struct btn_error e;

	(void)state;
	assert_false(images_remove(store, "debian-12", in_use, &calls, &e));
	assert_error(&e, BTN_IMAGE_IN_USE, "web1");
	assert_true(calls && images_verify(store, "debian-12", NULL, &e));
	/* A broken one can be removed, too. */
	assert_done(images_remove(store, "b", in_use, &calls, &e), &e);
	assert_int_equal(access(in_folder("store/b"), F_OK), -1);
	assert_int_equal(access(in_folder("a.qcow2"), F_OK), 0); /* what the link led to */
	assert_no_image("b");
	assert_false(images_remove(store, "b", in_use, &calls, &e));
	assert_error(&e, BTN_NO_SUCH_IMAGE, "\"b\"");
	assert_false(images_remove(store, "link", in_use, &calls, &e));
	assert_false(images_remove(store, "a-file", in_use, &calls, &e));
}

static void test_clean(void **state)
{
	struct staging staging;
	struct btn_error e;

	(void)state;
	assert_int_equal(g_mkdir(in_folder("store/.new-1"), 0700), 0);
	put_file(in_folder("store/.new-1/disk.raw"), "x", 1);
	assert_int_equal(symlink(in_folder("a.img"), in_folder("store/.new-1/link")), 0);
	assert_int_equal(g_mkdir(in_folder("store/.gone-2"), 0700), 0);
	assert_int_equal(g_mkdir(in_folder("store/.mine"), 0700), 0);
	assert_int_equal(symlink(in_folder("dir"), in_folder("store/.new-link")), 0);
	/* One that somebody is at work on. */
	assert_done(images_stage(store, &staging, &e), &e);
	assert_int_equal(images_clean(store), 2);
	assert_int_equal(access(in_folder("store/.new-1"), F_OK), -1);
	assert_int_equal(access(in_folder("store/.gone-2"), F_OK), -1);
	assert_int_equal(access(in_folder("store/.mine"), F_OK), 0);
	assert_int_equal(access(in_folder("dir"), F_OK), 0);
	assert_int_equal(access(in_folder("a.img"), F_OK), 0);
	assert_int_equal(faccessat(store->fd, staging.name, F_OK, 0), 0);
	images_unstage(&staging);
	assert_int_equal(faccessat(store->fd, staging.name, F_OK, 0), -1);
	assert_int_equal(g_rmdir(in_folder("store/.mine")), 0);
	assert_int_equal(unlink(in_folder("store/.new-link")), 0);
	assert_int_equal(images_clean(store), 0);
}

/* Two at once with one name: one image, one error. */
static gpointer add_thread(gpointer data)
{
	struct images_add what = { .name = "twice", .path = in_folder("a.img") };

	return images_add(store, &what, NULL, data);
}

static void test_twice(void **state)
{
	struct btn_error e[2];
	GThread *threads[2];
	struct base_image *images[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		threads[i] = g_thread_new("add", add_thread, &e[i]);
	for (int i = 0; i < 2; i++)
		images[i] = g_thread_join(threads[i]);
	assert_true(!images[0] != !images[1]);
	assert_error(images[0] ? &e[1] : &e[0], BTN_IMAGE_EXISTS, "twice");
	assert_true(images_verify(store, "twice", NULL, &e[0]));
	assert_int_equal(hidden_count(), 0);
	base_image_free(images[0] ? images[0] : images[1]);
}

/* Another one takes the name at the last moment: it is not replaced. */
static void take_name(void *data, const char *step, uint64_t done, uint64_t total)
{
	struct images_add what = { .name = data, .path = in_folder("a.img") };
	struct btn_error e;

	(void)step;
	if (done == total)
		base_image_free(images_add(store, &what, NULL, &e));
}

static void test_overtaken(void **state)
{
	struct images_job job = { .progress = take_name, .data = (void *)"late" };
	struct images_add what = { .name = "late", .path = in_folder("empty.qcow2") };
	struct base_image *image;
	struct btn_error e;

	(void)state;
	assert_null(images_add(store, &what, &job, &e));
	assert_error(&e, BTN_IMAGE_EXISTS, "late");
	image = images_find(store, "late", &e);
	assert_done(image, &e);
	assert_true(image->raw); /* the other's */
	assert_int_equal(hidden_count(), 0);
	base_image_free(image);
}

/* The file changes while it is copied: not its old and not its new content. */
static void change_file(void *data, const char *step, uint64_t done, uint64_t total)
{
	int fd = open(data, O_WRONLY);

	(void)step;
	if (done == total)
		assert_int_equal(pwrite(fd, "new", 3, 0), 3);
	close(fd);
}

static void test_changed(void **state)
{
	const char *path = in_folder("changing.img");
	struct images_job job = { .progress = change_file, .data = (void *)path };
	struct images_add what = { .name = "c", .path = path };
	struct btn_error e;

	(void)state;
	make_raw(path, 24 * MIB);
	assert_null(images_add(store, &what, &job, &e));
	assert_error(&e, BTN_DISK_FAILED, "changed");
	assert_no_image("c");
}

static void test_open(void **state)
{
	struct images *again = images_open(in_folder("x/y/z"), NULL);
	struct btn_error e;

	(void)state;
	assert_non_null(again);
	images_close(again);
	images_close(NULL);
	assert_null(images_open(in_folder("a.img"), &e));
	assert_error(&e, BTN_HOST_CALL_FAILED, "a.img");
}

/* ---- image.conf ---- */

#define HEAD "[image]\nformat=raw\nsize=512\nvirtual-size=512\nsha256=" SUM "\n"
#define TIME "added=2026-05-04T03:02:01Z\n"

static const struct {
	const char *text, *says;
} confs[] = {
	{ HEAD TIME, NULL }, { HEAD TIME "later=1\n[more]\na=b\n", NULL },
	{ HEAD TIME "source=a\\sb\nos=x y\nuser=a\n", NULL },
	{ "", "key file" }, { "format=raw\n", "key file" }, { "[other]\n", "format" },
	{ HEAD, "added" }, { HEAD "added=yesterday\n", "added" },
	{ HEAD TIME "format=vmdk\n", "format" }, { HEAD TIME "size=0\n", "size" },
	{ HEAD TIME "size=-1\n", "size" }, { HEAD TIME "size=0x10\n", "size" },
	{ HEAD TIME "size=99999999999999999999\n", "size" },
	{ HEAD TIME "virtual-size=\n", "virtual-size" }, { HEAD TIME "sha256=abc\n", "sha256" },
	{ HEAD TIME "source=a\\nb\n", "source" }, { HEAD TIME "os=\n", "os" },
	{ HEAD TIME "os=\xff\n", "os" }, { HEAD TIME "user=A\n", "user" },
	{ HEAD TIME "user=../a\n", "user" },
};

static void test_conf(void **state)
{
	g_autofree char *large = g_strnfill(IMAGES_CONF_MAX + 1, '#');
	struct base_image image = { 0 };
	const char *why;

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(confs); i++) {
		bool good = images_conf_read(confs[i].text, strlen(confs[i].text), &image, &why);

		if (good != !confs[i].says || (!good && !strstr(why, confs[i].says)))
			fail_msg("row %zu: %s", i, good ? "read" : why);
		if (good) {
			g_free(image.added);
			g_free(image.source);
			g_free(image.os);
			g_free(image.user);
			image = (struct base_image){ 0 };
		}
	}
	assert_false(images_conf_read(large, IMAGES_CONF_MAX + 1, &image, &why));
	assert_false(images_conf_read(HEAD TIME "\0", sizeof(HEAD TIME), &image, &why));
}

/* ---- disks ---- */

static void test_disk(void **state)
{
	const char *base = in_folder("store/debian-12/disk.raw"), *path = in_folder("vm.qcow2");
	struct image_info info;
	struct btn_error e;

	(void)state;
	assert_done(disk_create_overlay(path, base, "raw", 0, &e), &e);
	assert_true(image_info(path, "qcow2", &info, &e));
	assert_true(!info.raw && info.size == 24 * MIB);
	assert_string_equal(info.backing, base);
	assert_string_equal(info.backing_format, "raw");
	assert_int_equal(run_shell("qemu-img compare -U -f raw -F qcow2 %s %s", base, path), 0);
	assert_false(disk_create_overlay(path, base, "raw", 0, &e));
	assert_error(&e, BTN_DISK_EXISTS, "vm.qcow2");
	assert_done(disk_create_overlay(in_folder("large.qcow2"), base, "raw", 1u << 30, &e), &e);
	assert_true(image_info(in_folder("large.qcow2"), NULL, &info, &e));
	assert_int_equal(info.size, 1u << 30);
	assert_false(disk_create_overlay(in_folder("none.qcow2"), base, "raw", MIB, &e));
	assert_error(&e, BTN_DISK_SHRINK, "none.qcow2");
	assert_false(disk_create_overlay(in_folder("none.qcow2"), in_folder("none"), "raw", 0, &e));
	assert_error(&e, BTN_FILE_MISSING, "none");
	assert_done(disk_create_empty(in_folder("empty.qcow2"), 10u << 20, &e), &e);
	assert_true(image_info(in_folder("empty.qcow2"), NULL, &info, &e));
	assert_true(info.size == 10u << 20 && !info.backing[0] && !info.raw);
	assert_false(disk_create_empty(in_folder("none.qcow2"), 100, &e));
	assert_error(&e, BTN_DISK_SIZE, "none.qcow2");
	assert_int_equal(access(in_folder("none.qcow2"), F_OK), -1);
}

static int up(void **state)
{
	struct btn_error e;

	if (folder_make(state))
		return -1;
	store = images_open(in_folder("store"), &e);
	return store ? 0 : -1;
}

static int down(void **state)
{
	images_close(store);
	return folder_remove(state);
}

int main(void)
{
	/* Each goes on where the one before has ended. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_raw),
		cmocka_unit_test(test_add_qcow2),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refused_values),
		cmocka_unit_test(test_wrong_sum),
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_import_hostile),
		cmocka_unit_test(test_import_cancel),
		cmocka_unit_test(test_import_no_tool),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_conf),
	};

	return cmocka_run_group_tests_name("images", tests, up, down);
}
