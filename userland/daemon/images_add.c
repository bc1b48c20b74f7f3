// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * New images of the store. See images.h, images_private.h.
 *
 * An image is made in a folder with a name that no image can have, and renamed
 * when all of it is on the disk: whoever sees the name sees the whole image.
 */
#define _GNU_SOURCE
#include "images_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "images_conf.h"
#include "monitor/block/file.h"
#include "monitor/block/foreign.h"
#include "monitor/block/image.h"
#include "seed.h"

/* ---- what was asked for ---- */

bool images_check_free(struct images *images, const char *name, struct btn_error *e)
{
	struct stat st;

	if (fstatat(images->fd, name, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
		return true;
	btn_set(e, BTN_IMAGE_EXISTS, "there is an image \"%s\" already", name);
	btn_set_cause(e, "An image is never replaced while disks may be based on it.");
	btn_set_fix(e, "Choose another name, or remove it first: vmctl image remove %s", name);
	return false;
}

static bool bad_text(const char *what, struct btn_error *e)
{
	btn_set(e, BTN_BAD_VALUE, "the image's %s cannot be used", what);
	btn_set_cause(e, "It is one line of UTF-8, 1024 bytes at most, and not empty.");
	btn_set_fix(e, "Write it shorter, or leave it out.");
	return false;
}

bool images_check_add(struct images *images, const struct images_add *what,
		      struct btn_error *e)
{
	if (!images_check_name(what->name, e))
		return false;
	if (what->source && !images_is_text(what->source))
		return bad_text("source", e);
	if (what->os && !images_is_text(what->os))
		return bad_text("os", e);
	if (what->user && !seed_check_user(what->user, e))
		return false;
	if (what->sha256) {
		g_autofree char *small = g_ascii_strdown(what->sha256, -1);

		if (!images_is_sha256(small)) {
			btn_set(e, BTN_BAD_VALUE, "\"%.80s\" is no sha256", what->sha256);
			btn_set_cause(e, "It has 64 hexadecimal digits.");
			btn_set_fix(e, "Get it with: sha256sum FILE");
			return false;
		}
	}
	return images_check_free(images, what->name, e);
}

bool images_check_sum(const struct images_add *what, const char *found, struct btn_error *e)
{
	if (!what->sha256 || !g_ascii_strcasecmp(what->sha256, found))
		return true;
	btn_set(e, BTN_IMAGE_CHANGED, "the file \"%s\" is not the one that was expected",
		what->path);
	btn_set_cause(e, "Its sha256 is %s and should be %s.", found, what->sha256);
	btn_set_fix(e, "Get it again, or compare the number with its maker's once more.");
	return false;
}

/* ---- the folder of a new one ---- */

/* Locked, and still the folder of that name: images_clean() may have been quicker. */
static bool hold(struct staging *s)
{
	struct stat mine, named;

	if (flock(s->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return false;
	return !fstat(s->fd, &mine) &&
	       !fstatat(s->images->fd, s->name, &named, AT_SYMLINK_NOFOLLOW) &&
	       mine.st_ino == named.st_ino;
}

bool images_stage(struct images *images, struct staging *ret, struct btn_error *e)
{
	struct staging s = { .images = images };

	for (int tries = 0; tries < 16; tries++) {
		images_random_name(IMAGES_NEW, s.name);
		if (mkdirat(images->fd, s.name, 0700)) {
			if (errno == EEXIST)
				continue;
			return images_failed("the folder of images", images->path, errno, e);
		}
		s.fd = openat(images->fd, s.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (s.fd >= 0 && hold(&s)) {
			*ret = s;
			return true;
		}
		if (s.fd >= 0)
			close(s.fd);
	}
	return images_failed("the folder of images", images->path, EBUSY, e);
}

void images_unstage(struct staging *s)
{
	if (s->name[0])
		images_remove_folder(s->images, s->name);
	close(s->fd);
}

static int write_conf(int folder, const char *text)
{
	int fd = openat(folder, IMAGES_CONF, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int error;

	if (fd < 0)
		return -errno;
	error = file_write(fd, text, strlen(text), 0);
	if (!error && fsync(fd))
		error = -errno;
	close(fd);
	return error;
}

bool images_publish(struct staging *s, const struct base_image *image, struct btn_error *e)
{
	g_autofree char *text = images_conf_write(image);
	int error = write_conf(s->fd, text);

	if (!error && fsync(s->fd))
		error = -errno;
	if (error)
		return images_failed("the image", image->name, error, e);
	/* Over a folder that is not empty, this fails: no image is replaced. */
	if (renameat(s->images->fd, s->name, s->images->fd, image->name)) {
		if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
			return images_check_free(s->images, image->name, e);
		return images_failed("the image", image->name, errno, e);
	}
	s->name[0] = 0;
	if (fsync(s->images->fd))
		return images_failed("the folder of images", s->images->path, errno, e);
	return true;
}

/* ---- contents ---- */

/* A disk that needs no other file and that a VM can have. */
static bool check_contents(const char *path, const char *name, struct image_info *ret,
			   struct btn_error *e)
{
	if (!image_info(path, NULL, ret, e))
		return false;
	if (ret->backing[0]) {
		btn_set(e, BTN_DISK_FORMAT, "the file \"%s\" does not stand for itself", name);
		btn_set_cause(e, "It holds only what differs from \"%.256s\".", ret->backing);
		btn_set_fix(e, "Make a whole one of it: qemu-img convert -O qcow2 OLD NEW");
		return false;
	}
	if (ret->corrupt) {
		btn_set(e, BTN_DISK_DAMAGED, "the file \"%s\" is marked as corrupt", name);
		btn_set_fix(e, "See if it can be saved: qemu-img check -r all FILE");
		return false;
	}
	if (!ret->size || ret->size % 512) {
		btn_set(e, BTN_DISK_SIZE, "the file \"%s\" is no disk", name);
		btn_set_cause(e, "A disk is a multiple of 512 bytes and not empty; this one has "
			      "%llu.", (unsigned long long)ret->size);
		return false;
	}
	return true;
}

/* The path as text, whatever bytes it has. */
static char *source_text(const char *path)
{
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);
	char *text = g_filename_display_name(absolute), *end;

	for (char *at = text; *at; at = g_utf8_next_char(at))
		if (g_ascii_iscntrl(*at))
			*at = '?';
	if (strlen(text) > IMAGES_TEXT_MAX) {
		end = g_utf8_find_prev_char(text, text + IMAGES_TEXT_MAX);
		*end = 0;
	}
	if (images_is_text(text))
		return text;
	g_free(text);
	return NULL;
}

struct base_image *images_finish(struct staging *s, int disk, struct base_image *image,
				 const struct images_add *what, struct btn_error *e)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d/%s", s->fd,
						images_disk_name(image->raw));
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	struct image_info info;

	if (!check_contents(path, what->path, &info, e))
		return NULL;
	if (info.raw != image->raw) {
		btn_set(e, BTN_DISK_FAILED, "the file \"%s\" was changed while it was read",
			what->path);
		return NULL;
	}
	/* Nobody writes a base image any more. */
	if (fchmod(disk, 0444) || fsync(disk)) {
		images_failed("the image", what->name, errno, e);
		return NULL;
	}
	image->virtual_size = info.size;
	image->name = g_strdup(what->name);
	image->path = g_build_filename(s->images->path, what->name,
				       images_disk_name(image->raw), NULL);
	image->added = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
	image->source = what->source ? g_strdup(what->source) : source_text(what->path);
	image->os = g_strdup(what->os);
	image->user = g_strdup(what->user);
	return images_publish(s, image, e) ? image : NULL;
}

/* ---- add ---- */

/* A foreign format would pass as a raw disk that holds garbage. */
static bool check_native(const char *path, int fd, uint64_t size, struct btn_error *e)
{
	const struct image_foreign *foreign = image_foreign(fd, size);

	if (!foreign)
		return true;
	btn_set(e, BTN_DISK_FORMAT, "the file \"%s\" is neither raw nor qcow2", path);
	btn_set_cause(e, "It is %s.", foreign->name);
	btn_set_fix(e, "%s", foreign->format ? "Import it: vmctl image import FILE NAME" :
					      foreign->fix);
	return false;
}

/* It still is what it was when its copy was begun. */
static bool check_unchanged(int fd, const struct stat *before, const char *path,
			    struct btn_error *e)
{
	struct stat now;

	if (!fstat(fd, &now) && now.st_size == before->st_size &&
	    now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == before->st_mtim.tv_nsec)
		return true;
	btn_set(e, BTN_DISK_FAILED, "the file \"%s\" was changed while it was copied", path);
	btn_set_cause(e, "Another program writes to it.");
	btn_set_fix(e, "Wait until that one is done, and try again.");
	return false;
}

static struct base_image *add_copy(struct staging *s, int from, struct base_image *image,
				   const struct images_add *what, const struct images_job *job,
				   struct btn_error *e)
{
	int to = openat(s->fd, images_disk_name(image->raw),
			O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct base_image *result = NULL;
	struct stat before;

	if (to < 0 || fstat(from, &before)) {
		images_failed("the image", what->name, errno, e);
		if (to >= 0)
			close(to);
		return NULL;
	}
	if (images_copy(from, to, image->size, "copy", what->name, job, image->sha256, e) &&
	    check_unchanged(from, &before, what->path, e) &&
	    images_check_sum(what, image->sha256, e))
		result = images_finish(s, to, image, what, e);
	close(to);
	return result;
}

static struct base_image *add_file(struct images *images, int from, uint64_t size,
				   const struct images_add *what, const struct images_job *job,
				   struct btn_error *e)
{
	struct base_image *image, *result;
	struct image_info info;
	struct staging s;

	if (!check_native(what->path, from, size, e) ||
	    !check_contents(what->path, what->path, &info, e) || !images_stage(images, &s, e))
		return NULL;
	image = g_new0(struct base_image, 1);
	image->raw = info.raw;
	image->size = size;
	result = add_copy(&s, from, image, what, job, e);
	images_unstage(&s);
	if (!result)
		base_image_free(image);
	return result;
}

struct base_image *images_add(struct images *images, const struct images_add *what,
			      const struct images_job *job, struct btn_error *e)
{
	struct base_image *image;
	uint64_t size;
	int fd;

	if (!images_check_add(images, what, e) ||
	    !image_file_open(what->path, -1, true, &fd, &size, e))
		return NULL;
	image = add_file(images, fd, size, what, job, e);
	image_file_close(fd);
	return image;
}
