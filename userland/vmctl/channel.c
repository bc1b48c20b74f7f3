// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bytes on their way from one descriptor to another. See channel.h.
 */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

size_t channel_room(const struct channel *ch)
{
	return CHANNEL_SIZE - (ch->end - ch->start);
}

bool channel_is_empty(const struct channel *ch)
{
	return ch->start == ch->end;
}

static void compact(struct channel *ch)
{
	if (!ch->start)
		return;
	memmove(ch->data, ch->data + ch->start, ch->end - ch->start);
	ch->end -= ch->start;
	ch->start = 0;
}

size_t channel_add(struct channel *ch, const void *data, size_t size)
{
	if (size > channel_room(ch))
		size = channel_room(ch);
	if (size > CHANNEL_SIZE - ch->end)
		compact(ch);
	memcpy(ch->data + ch->end, data, size);
	ch->end += size;
	return size;
}

bool channel_fill(struct channel *ch)
{
	ssize_t count;

	compact(ch);
	count = read(ch->from, ch->data + ch->end, CHANNEL_SIZE - ch->end);
	if (count > 0) {
		ch->end += count;
		return true;
	}
	if (count == 0 || (errno != EAGAIN && errno != EINTR))
		ch->from = -1;
	return false;
}

bool channel_drain(struct channel *ch)
{
	size_t size = ch->end - ch->start;
	ssize_t count = write(ch->to, ch->data + ch->start,
			      size < CHANNEL_WRITE_MAX ? size : CHANNEL_WRITE_MAX);

	if (count > 0) {
		ch->last = ch->data[ch->start + count - 1];
		ch->start += count;
		return true;
	}
	if (count < 0 && errno != EAGAIN && errno != EINTR) {
		ch->lost = true;
		ch->error = errno;
		ch->start = ch->end;
	}
	return false;
}

int channel_open_writer(int fd)
{
	char path[32];
	struct stat st;
	int own = -1;

	if (!isatty(fd) && (fstat(fd, &st) || !S_ISFIFO(st.st_mode)))
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own < 0 ? fd : own;
}

void channel_close_writer(int own, int fd)
{
	if (own >= 0 && own != fd)
		close(own);
}
