// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The store of base images: opened, listed, searched, cleaned. See images.h.
 *
 * Folders are opened by descriptor and without following links, so a name leads
 * nowhere but into the store. A name that begins with a dot is no image's.
 */
#define _GNU_SOURCE
#include "images_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images_conf.h"
#include "lib/suggest.h"
#include "monitor/block/file.h"

#define IMAGES_MAX 4096u	/* that are listed */

bool images_failed(const char *what, const char *name, int error, struct btn_error *e)
{
	error = error < 0 ? -error : error;
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		btn_set(e, BTN_DISK_NO_SPACE, "there is no room for the image \"%s\"", name);
	else
		btn_set(e, BTN_HOST_CALL_FAILED, "%s \"%s\" cannot be used", what, name);
	btn_set_cause(e, "The host says: %s.", g_strerror(error));
	return false;
}

/* ---- open and close ---- */

struct images *images_open(const char *path, struct btn_error *e)
{
	g_autofree char *own = NULL, *absolute = NULL;
	struct images *images;
	int fd;

	if (!path)
		path = own = g_build_filename(g_get_user_data_dir(), "baton", "images", NULL);
	absolute = g_canonicalize_filename(path, NULL);
	fd = g_mkdir_with_parents(absolute, 0700) ? -1 :
	     open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		images_failed("the folder of images", absolute, errno, e);
		btn_set_fix(e, "See to it that it is a folder you may write to: ls -ld %s",
			    absolute);
		return NULL;
	}
	images = g_new0(struct images, 1);
	images->fd = fd;
	images->path = g_steal_pointer(&absolute);
	return images;
}

void images_close(struct images *images)
{
	if (!images)
		return;
	close(images->fd);
	g_free(images->path);
	g_free(images);
}

void base_image_free(struct base_image *image)
{
	if (!image)
		return;
	g_free(image->name);
	g_free(image->path);
	g_free(image->problem);
	g_free(image->added);
	g_free(image->source);
	g_free(image->os);
	g_free(image->user);
	g_free(image);
}

/* ---- names ---- */

static bool is_name(const char *name)
{
	size_t length = strlen(name);

	return length && length <= IMAGES_NAME_MAX && g_ascii_isalnum(name[0]) &&
	       strspn(name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-") ==
	       length;
}

bool images_check_name(const char *name, struct btn_error *e)
{
	if (is_name(name))
		return true;
	btn_set(e, BTN_BAD_VALUE, "\"%.64s\" is no name for an image", name);
	btn_set_cause(e, "It begins with a letter or digit and goes on with those, \".\", \"_\" "
		      "and \"-\", 64 in all at most.");
	btn_set_fix(e, "Give one like debian-12.");
	return false;
}

const char *images_disk_name(bool raw)
{
	return raw ? "disk.raw" : "disk.qcow2";
}

void images_random_name(const char *prefix, char ret[24])
{
	g_snprintf(ret, 24, "%s%08x", prefix, g_random_int());
}

/* ---- one image ---- */

/* Text of the file: bytes, or -errno. */
static ssize_t read_conf(int folder, char *text, size_t size)
{
	int fd = openat(folder, IMAGES_CONF, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		error = -errno;
	else if (!S_ISREG(st.st_mode) || (size_t)st.st_size > size)
		error = -EINVAL;
	else
		error = file_read(fd, text, (size_t)st.st_size, 0);
	close(fd);
	return error ? error : st.st_size;
}

/* NULL, or what is wrong with the image in that folder; g_free(). */
static char *load(int folder, struct base_image *image)
{
	g_autofree char *text = g_malloc(IMAGES_CONF_MAX);
	ssize_t size = read_conf(folder, text, IMAGES_CONF_MAX);
	const char *why, *disk;
	struct stat st;

	if (size < 0)
		return g_strdup_printf("Its image.conf cannot be read: %s.",
				       g_strerror((int)-size));
	if (!images_conf_read(text, (size_t)size, image, &why))
		return g_strdup_printf("Its image.conf cannot be used: %s.", why);
	disk = images_disk_name(image->raw);
	if (fstatat(folder, disk, &st, AT_SYMLINK_NOFOLLOW))
		return g_strdup_printf("Its %s cannot be found: %s.", disk, g_strerror(errno));
	if (!S_ISREG(st.st_mode))
		return g_strdup_printf("Its %s is no file.", disk);
	if ((uint64_t)st.st_size != image->size)
		return g_strdup_printf("Its %s has %" G_GUINT64_FORMAT " bytes and not the %"
				       G_GUINT64_FORMAT " it was added with.", disk,
				       (guint64)st.st_size, (guint64)image->size);
	return NULL;
}

/* NULL: there is no such folder; *ret_error. */
static struct base_image *load_name(struct images *images, const char *name, int *ret_error)
{
	int folder = openat(images->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct base_image *image;
	char *problem;

	if (folder < 0) {
		*ret_error = errno;
		return NULL;
	}
	image = g_new0(struct base_image, 1);
	image->name = g_strdup(name);
	problem = load(folder, image);
	close(folder);
	image->problem = problem;
	image->path = g_build_filename(images->path, name, images_disk_name(image->raw), NULL);
	return image;
}

static int by_name(gconstpointer a, gconstpointer b)
{
	const struct base_image *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static DIR *open_store(struct images *images)
{
	/* A descriptor of its own: its position is not shared with other threads. */
	int fd = openat(images->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

GPtrArray *images_list(struct images *images, struct btn_error *e)
{
	DIR *dir = open_store(images);
	struct dirent *entry;
	GPtrArray *list;
	int error;

	if (!dir) {
		images_failed("the folder of images", images->path, errno, e);
		return NULL;
	}
	list = g_ptr_array_new_with_free_func((GDestroyNotify)base_image_free);
	while (list->len < IMAGES_MAX && (entry = readdir(dir))) {
		struct base_image *image = is_name(entry->d_name) ?
					   load_name(images, entry->d_name, &error) : NULL;

		if (image)
			g_ptr_array_add(list, image);
	}
	closedir(dir);
	g_ptr_array_sort(list, by_name);
	return list;
}

/* "Did you mean", where another image's name is near. */
static void set_missing(struct images *images, const char *name, struct btn_error *e)
{
	struct btn_error unused;
	g_autoptr(GPtrArray) list = images_list(images, &unused);
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	const char *near;

	for (guint i = 0; list && i < list->len; i++)
		g_ptr_array_add(names, ((struct base_image *)list->pdata[i])->name);
	near = suggest(name, (const char *const *)names->pdata, names->len);
	btn_set(e, BTN_NO_SUCH_IMAGE, "there is no image \"%s\"", name);
	if (near)
		btn_set_cause(e, "There is one named \"%s\".", near);
	else
		btn_set_cause(e, "No image was added under this name.");
	btn_set_fix(e, "See which there are: vmctl image list");
}

struct base_image *images_find(struct images *images, const char *name, struct btn_error *e)
{
	struct base_image *image;
	int error;

	if (!images_check_name(name, e))
		return NULL;
	image = load_name(images, name, &error);
	if (!image && (error == ENOENT || error == ENOTDIR || error == ELOOP))
		set_missing(images, name, e);
	else if (!image)
		images_failed("the image", name, error, e);
	if (!image || !image->problem)
		return image;
	btn_set(e, BTN_DISK_DAMAGED, "the image \"%s\" cannot be used", name);
	btn_set_cause(e, "%s", image->problem);
	btn_set_fix(e, "Remove it and add it again: vmctl image remove %s", name);
	base_image_free(image);
	return NULL;
}

/* ---- verify, remove, clean ---- */

static int open_disk(struct images *images, const struct base_image *image)
{
	g_autofree char *path = g_build_filename(image->name, images_disk_name(image->raw), NULL);

	return openat(images->fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

bool images_verify(struct images *images, const char *name, const struct images_job *job,
		   struct btn_error *e)
{
	struct base_image *image = images_find(images, name, e);
	char sha256[65];
	bool good;
	int fd;

	if (!image)
		return false;
	fd = open_disk(images, image);
	if (fd < 0) {
		images_failed("the image", name, errno, e);
		base_image_free(image);
		return false;
	}
	good = images_copy(fd, -1, image->size, "check", name, job, sha256, e);
	close(fd);
	if (good && strcmp(sha256, image->sha256)) {
		btn_set(e, BTN_IMAGE_CHANGED, "the image \"%s\" is not as it was added", name);
		btn_set_cause(e, "Its sha256 was %s and is %s.", image->sha256, sha256);
		btn_set_fix(e, "Remove it and add it again: vmctl image remove %s", name);
		good = false;
	}
	base_image_free(image);
	return good;
}

bool images_remove_folder(struct images *images, const char *name)
{
	int fd = openat(images->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	/* Folders inside are not of ours, and stay. */
	while ((entry = readdir(dir)))
		unlinkat(fd, entry->d_name, 0);
	closedir(dir);
	return !unlinkat(images->fd, name, AT_REMOVEDIR);
}

/* A broken image goes, too; its disk's path is what it would be in either format. */
static const char *user_of(struct images *images, const char *name, images_in_use in_use,
			   void *data)
{
	for (int raw = 0; in_use && raw < 2; raw++) {
		g_autofree char *path = g_build_filename(images->path, name,
							 images_disk_name(raw), NULL);
		const char *user = in_use(data, path);

		if (user)
			return user;
	}
	return NULL;
}

/* By a VM that runs, in a definition of whatever program: a lock says so. */
static bool is_open(struct images *images, const char *name)
{
	bool found = false;

	for (int raw = 0; !found && raw < 2; raw++) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		g_autofree char *path = g_build_filename(name, images_disk_name(raw), NULL);
		int fd = openat(images->fd, path,
				O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

		if (fd < 0)
			continue;
		found = !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
		close(fd);
	}
	return found;
}

bool images_remove(struct images *images, const char *name, images_in_use in_use, void *data,
		   struct btn_error *e)
{
	const char *user;
	struct stat st;
	char gone[24];

	if (!images_check_name(name, e))
		return false;
	if (fstatat(images->fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode)) {
		set_missing(images, name, e);
		return false;
	}
	user = user_of(images, name, in_use, data);
	if (user) {
		btn_set(e, BTN_IMAGE_IN_USE, "the image \"%s\" is in use", name);
		btn_set_cause(e, "\"%s\" has a disk that holds only what differs from it.", user);
		if (g_path_is_absolute(user))
			btn_set_fix(e, "Delete that first.");
		else
			btn_set_fix(e, "Delete that first: vmctl delete %s", user);
		return false;
	}
	if (is_open(images, name)) {
		btn_set(e, BTN_IMAGE_IN_USE, "the image \"%s\" is in use", name);
		btn_set_cause(e, "A program has its disk open, perhaps below another one.");
		btn_set_fix(e, "End that first; who it is: fuser -v %.200s/%s/*", images->path,
			    name);
		return false;
	}
	/* Away at once; what it holds goes afterwards, and images_clean() would finish it. */
	images_random_name(IMAGES_GONE, gone);
	if (renameat(images->fd, name, images->fd, gone) || fsync(images->fd))
		return images_failed("the image", name, errno, e);
	images_remove_folder(images, gone);
	return true;
}

/* Its maker holds a lock on it for as long as he lives. */
static bool is_abandoned(struct images *images, const char *name)
{
	int fd = openat(images->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool abandoned = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);

	if (fd >= 0)
		close(fd);
	return abandoned;
}

unsigned int images_clean(struct images *images)
{
	DIR *dir = open_store(images);
	struct dirent *entry;
	unsigned int count = 0;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (!g_str_has_prefix(name, IMAGES_NEW) && !g_str_has_prefix(name, IMAGES_GONE))
			continue;
		if (is_abandoned(images, name) && images_remove_folder(images, name))
			count++;
	}
	if (dir)
		closedir(dir);
	return count;
}
