// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Disks of VMs. See disk.h.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "save.h"

static int sync_disk(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), error;

	if (fd < 0)
		return -errno;
	error = fsync(fd) ? -errno : 0;
	close(fd);
	return error ? error : save_folder_of(path);
}

static bool create(const struct image_create *what, struct btn_error *e)
{
	int error;

	if (!image_create(what, e))
		return false;
	error = sync_disk(what->path);
	if (!error)
		return true;
	unlink(what->path);
	btn_set(e, error == -ENOSPC || error == -EDQUOT ? BTN_DISK_NO_SPACE : BTN_DISK_FAILED,
		"the disk \"%s\" cannot be written", what->path);
	btn_set_cause(e, "The host says: %s.", strerror(-error));
	return false;
}

bool disk_create_overlay(const char *path, const char *base, const char *base_format,
			 uint64_t size, struct btn_error *e)
{
	struct image_create what = { .path = path, .size = size, .backing = base,
				     .backing_format = base_format };
	struct image_info info;

	if (!image_info(base, base_format, &info, e))
		return false;
	if (size && size < info.size) {
		btn_set(e, BTN_DISK_SHRINK, "the disk \"%s\" would be too small", path);
		btn_set_cause(e, "It starts as \"%.200s\", which has %llu bytes; %llu were asked "
			      "for.", base, (unsigned long long)info.size,
			      (unsigned long long)size);
		btn_set_fix(e, "Ask for at least that much, or name no size.");
		return false;
	}
	return create(&what, e);
}

bool disk_create_empty(const char *path, uint64_t size, struct btn_error *e)
{
	struct image_create what = { .path = path, .size = size };

	return create(&what, e);
}

bool disk_info(const char *path, const char *format, struct image_info *ret,
	       struct btn_error *e)
{
	return image_info(path, format, ret, e);
}
