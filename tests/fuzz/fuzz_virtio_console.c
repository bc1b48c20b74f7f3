// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-console under a hostile driver, with input waiting, an output that
 * takes little, and ends that are closed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <unistd.h>

#include "virtio_stream.h"

static uint32_t text(struct fuzz *f, void *to)
{
	uint32_t size = 1 + fuzz_u8(f);

	fuzz_bytes(f, to, size);
	return size;
}

static void open_ends(int in[2], int out[2], uint8_t choice)
{
	if (pipe2(in, O_NONBLOCK | O_CLOEXEC) || pipe2(out, O_NONBLOCK | O_CLOEXEC))
		abort();
	if (choice & 1)
		FUZZ_CHECK(write(in[1], "what somebody typed\n", 20) == 20);
	if (choice & 2) {
		close(in[1]);
		in[1] = -1;
	}
	if (choice & 4) {
		close(out[0]);
		out[0] = -1;
	}
}

static void close_ends(const int ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = {
		.f = { data, size }, .type = VIRTIO_ID_CONSOLE, .queues = 2, .header = text,
	};
	uint8_t choice = fuzz_u8(&s.f);
	struct virtio_device *dev;
	int in[2], out[2];

	signal(SIGPIPE, SIG_IGN);
	open_ends(in, out, choice);
	s.t = test_machine_create();
	if (virtio_console_create(&s.t->m, choice & 8 ? -1 : in[0], choice & 16 ? -1 : out[1],
				  &dev))
		abort();
	stream_run(&s);
	virtio_device_destroy(dev);
	test_machine_destroy(s.t);
	close_ends(in);
	close_ends(out);
	return 0;
}
