/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * poll() before each write(): the descriptor may be the user's terminal, whose
 * flags belong to the shell, so it is not switched to O_NONBLOCK. Pieces are
 * small enough for what "writable" promises of pipes and terminals.
 */
#include "uart_output.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define PIECE 256u

static bool is_writable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, 0) == 1;
}

static unsigned int piece_size(const struct uart_output *output)
{
	unsigned int size = UART_OUTPUT_SIZE - output->head;

	if (size > output->count)
		size = output->count;
	return size < PIECE ? size : PIECE;
}

static void take(struct uart_output *output, unsigned int count)
{
	output->head = (uint16_t)((output->head + count) % UART_OUTPUT_SIZE);
	output->count = (uint16_t)(output->count - count);
}

void uart_output_flush(struct uart_output *output, int fd)
{
	if (fd < 0)
		take(output, output->count);
	while (output->count && is_writable(fd)) {
		ssize_t written = write(fd, output->ring + output->head, piece_size(output));

		if (written < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (written < 0)
			written = output->count; /* nobody reads it any more */
		take(output, (unsigned int)written);
	}
}
