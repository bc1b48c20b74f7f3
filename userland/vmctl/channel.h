/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes on their way from one descriptor to another, with a buffer between.
 */
#ifndef BATON_VMCTL_CHANNEL_H
#define BATON_VMCTL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_SIZE 65536u
/* What a pipe that polls writable takes without blocking. */
#define CHANNEL_WRITE_MAX 4096u

struct channel {
	int from, to;		/* -1: that end is over */
	bool lost;		/* `to` refuses: nobody reads there any more */
	int error;		/* errno of that */
	uint8_t last;		/* last byte written */
	size_t start, end;	/* what waits in data */
	uint8_t data[CHANNEL_SIZE];
};

size_t channel_room(const struct channel *ch);
bool channel_is_empty(const struct channel *ch);
/* Adds what fits, returns how much that was. */
size_t channel_add(struct channel *ch, const void *data, size_t size);
/* One read() into the buffer; true if something came. `from` is -1 after the end. */
bool channel_fill(struct channel *ch);
/* One write() from the buffer; true if something went. `lost` on failure. */
bool channel_drain(struct channel *ch);

/*
 * A descriptor for non-blocking writes to where fd goes. O_NONBLOCK belongs to
 * the open file, which the shell and others share: terminals and pipes are
 * opened once more. Where that is impossible or pointless fd itself has to do.
 */
int channel_open_writer(int fd);
void channel_close_writer(int own, int fd);

#endif
