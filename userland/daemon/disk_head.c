// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the header of a disk says, without the image's lock. See disk.h. Nothing of it is
 * believed further than that: whoever wrote the file may be a guest.
 */
#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"

static uint64_t number_at(const uint8_t *bytes, unsigned int count)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* The path that a qcow2's header names, as it is from its own folder; NULL: none. */
static char *read_backing(int fd, const char *path, const uint8_t head[32])
{
	uint64_t at = number_at(head + 8, 8), length = number_at(head + 16, 4);
	char name[1024], *folder, *full;

	if (!at || at > G_MAXINT64 / 2 || !length || length >= sizeof(name) ||
	    pread(fd, name, length, (off_t)at) != (ssize_t)length || memchr(name, 0, length))
		return NULL;
	name[length] = 0;
	if (!g_utf8_validate(name, -1, NULL))
		return NULL;
	folder = g_path_get_dirname(path);
	full = g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(folder, name, NULL);
	g_free(folder);
	return full;
}

static void take_word(const uint8_t *bytes, size_t length, char ret[16])
{
	size_t i;

	for (i = 0; i < length && i < 15 && g_ascii_isalnum(bytes[i]); i++)
		ret[i] = (char)bytes[i];
	ret[i == length ? i : 0] = 0;
}

/* The format in the extension of the header, as far as there is one. */
static void read_backing_format(int fd, const uint8_t head[32], char ret[16])
{
	uint8_t bytes[4096];
	ssize_t got = pread(fd, bytes, sizeof(bytes), 0);
	size_t size = got > 0 ? (size_t)got : 0, at = 72;

	if (number_at(head + 4, 4) == 3)
		at = size < 104 ? size : (size_t)number_at(bytes + 100, 4);
	while (at + 8 <= size) {
		size_t type = (size_t)number_at(bytes + at, 4);
		size_t length = (size_t)number_at(bytes + at + 4, 4);

		at += 8;
		if (!type || length > size - at)
			return;
		if (type == 0xe2792aca) {
			take_word(bytes + at, length, ret);
			return;
		}
		at += (length + 7) & ~(size_t)7;
	}
}

bool disk_read_head(const char *path, struct disk_head *ret)
{
	uint8_t head[32];
	struct stat st;
	off_t end;
	int fd;

	*ret = (struct disk_head){ .raw = true };
	/* The path may be out of another header: devices are not opened for that. */
	if (stat(path, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return false;
	end = lseek(fd, 0, SEEK_END);
	ret->size = end < 0 ? 0 : (uint64_t)end;
	ret->allocated = (uint64_t)st.st_blocks * 512;
	if (pread(fd, head, sizeof(head), 0) != sizeof(head) ||
	    number_at(head, 4) != 0x514649fb || number_at(head + 4, 4) - 2 > 1)
		goto out;
	ret->raw = false;
	ret->size = number_at(head + 24, 8);
	ret->backing = read_backing(fd, path, head);
	if (ret->backing)
		read_backing_format(fd, head, ret->backing_format);
out:
	close(fd);
	return true;
}
