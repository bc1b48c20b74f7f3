// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files that hold images. See file.h.
 *
 * Locks are those of the open file description: unlike POSIX locks they hold
 * between two disks of one process too, and go with the last descriptor. A
 * writer locks the whole file. A reader locks the three bytes by which QEMU
 * says "I read", "nobody may write" and "nobody may resize" (QEMU's
 * block/file-posix.c), and looks whether a QEMU writes.
 */
#define _GNU_SOURCE /* OFD locks */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QEMU_HAS 100	/* + permission: somebody has it */
#define QEMU_DENIES 200	/* + permission: somebody does not share it */
#define PERM_READ 0
#define PERM_WRITE 1
#define PERM_RESIZE 3

static int lock_range(int fd, short type, off_t start, off_t length)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length,
	};

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* -EBUSY if somebody holds that byte, even shared. */
static int test_byte(int fd, off_t at)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1 };

	if (fcntl(fd, F_OFD_GETLK, &lock))
		return -errno;
	return lock.l_type == F_UNLCK ? 0 : -EBUSY;
}

static int lock_image(int fd, bool readonly)
{
	int error;

	if (!readonly)
		return lock_range(fd, F_WRLCK, 0, 0);
	error = lock_range(fd, F_RDLCK, QEMU_HAS + PERM_READ, 1);
	if (!error)
		error = lock_range(fd, F_RDLCK, QEMU_DENIES + PERM_WRITE, 1);
	if (!error)
		error = lock_range(fd, F_RDLCK, QEMU_DENIES + PERM_RESIZE, 1);
	if (!error)
		error = test_byte(fd, QEMU_HAS + PERM_WRITE);
	return error ? error : test_byte(fd, QEMU_HAS + PERM_RESIZE);
}

static int image_size(int fd, uint64_t *ret)
{
	struct stat st;
	off_t end;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return -ENOTBLK;
	end = lseek(fd, 0, SEEK_END); /* block devices too */
	if (end < 0)
		return -errno;
	*ret = (uint64_t)end;
	return 0;
}

static bool failed(const char *path, bool readonly, int error, struct btn_error *e)
{
	switch (error) {
	case -EBUSY:
		btn_set(e, BTN_DISK_BUSY, "the disk \"%s\" is in use", path);
		break;
	case -EROFS:
		btn_set(e, BTN_DISK_READONLY, "the disk \"%s\" may not be written", path);
		break;
	case -ENOENT: case -ENOTDIR: case -EACCES: case -EPERM: case -EISDIR:
		btn_set_file(e, "disk", path, error);
		if (!readonly && (error == -EACCES || error == -EPERM))
			btn_set(e, BTN_DISK_READONLY, "the disk \"%s\" may not be written", path);
		break;
	case -ENOTBLK:
		btn_set(e, BTN_FILE_NOT_REGULAR, "the disk \"%s\" is a special file", path);
		break;
	default:
		btn_set(e, BTN_DISK_FAILED, "the disk \"%s\" cannot be used", path);
		btn_set_cause(e, "The host says: %s.", strerror(-error));
	}
	return false;
}

bool image_file_open(const char *path, int fd, bool readonly, int *ret_fd, uint64_t *ret_size,
		     struct btn_error *e)
{
	/* Not to hang on a FIFO that somebody put in the image's place. */
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (readonly ? O_RDONLY : O_RDWR);
	int error;

	fd = path ? open(path, flags) : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (!path)
		path = "disk";
	if (fd < 0)
		return failed(path, readonly && errno != EROFS, -errno, e);
	error = image_size(fd, ret_size);
	if (!error)
		error = lock_image(fd, readonly);
	if (error) {
		image_file_close(fd);
		return failed(path, true, error, e);
	}
	*ret_fd = fd;
	return true;
}

int image_file_again(int fd, bool readonly)
{
	char path[32];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY);
	return again < 0 ? -errno : again;
}

void image_file_close(int fd)
{
	lock_range(fd, F_UNLCK, 0, 0);
	close(fd);
}

int file_read(int fd, void *to, size_t size, uint64_t offset)
{
	char *at = to;

	while (size) {
		ssize_t got = pread(fd, at, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got) {
			memset(at, 0, size);
			return 0;
		}
		at += got;
		size -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

int file_write(int fd, const void *from, size_t size, uint64_t offset)
{
	const char *at = from;

	while (size) {
		ssize_t got = pwrite(fd, at, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		at += got;
		size -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}
