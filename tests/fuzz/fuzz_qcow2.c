// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile qcow2 image: opened, read, written, flushed, checked. The input is
 * a list of operations behind the image's own bytes. What was written reads
 * back, the file stays in bounds, and an image that checked clean still does.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <signal.h>
#include <unistd.h>

#include "block/block.h"
#include "block/image.h"

#define STEPS 12
#define OPS_SIZE (STEPS * 8)
#define LENGTH_MAX 0x20000u

static char path[32];
static uint8_t data[LENGTH_MAX], got[LENGTH_MAX];

static int do_op(struct block_queue *queue, enum block_op op, unsigned int flags, uint64_t offset,
		 uint64_t length, void *buffer)
{
	struct iovec iov = { buffer, length };
	struct block_request r = {
		.op = op, .flags = flags, .offset = offset, .length = length,
		.iov = &iov, .iov_count = 1,
	};

	return block_sync(queue, &r);
}

static bool is_clean(void)
{
	struct image_check found;
	struct btn_error e;

	return image_check(path, false, &found, &e) && !found.leaks && !found.corruptions;
}

static void step(struct block *block, struct block_queue *queue, struct fuzz *f, bool clean)
{
	uint8_t what = fuzz_u8(f), flags = what >> 4 & 3;
	uint64_t sectors = block_size(block) / BLOCK_SECTOR;
	uint64_t length = (1 + fuzz_u8(f)) * (uint64_t)BLOCK_SECTOR;
	uint64_t offset = fuzz_u32(f) % sectors * BLOCK_SECTOR;

	if (what & 0x40)
		offset %= 64 * BLOCK_SECTOR;
	if (length > block_size(block) - offset)
		length = block_size(block) - offset;
	switch (what & 7) {
	case 0:
	case 1:
		do_op(queue, BLOCK_READ, 0, offset, length, got);
		break;
	case 2:
	case 3:
		memset(data, what, length);
		if (do_op(queue, BLOCK_WRITE, flags & BLOCK_FUA, offset, length, data) || !clean)
			break;
		FUZZ_CHECK(!do_op(queue, BLOCK_READ, 0, offset, length, got));
		FUZZ_CHECK(!memcmp(data, got, length));
		break;
	case 4:
		do_op(queue, BLOCK_DISCARD, 0, offset, length, NULL);
		break;
	case 5:
		do_op(queue, BLOCK_ZERO, flags, offset, length, NULL);
		break;
	default:
		do_op(queue, BLOCK_FLUSH, 0, 0, 0, NULL);
	}
}

static void run(struct fuzz *f, bool clean)
{
	struct block_options options = { .path = path, .format = BLOCK_QCOW2,
					 .readonly = fuzz_u8(f) & 1 };
	struct block_queue *queue;
	struct block *block;
	struct btn_error e;

	if (!block_open(&options, &block, &e)) {
		FUZZ_CHECK(e.code != BTN_OK && e.message[0] && e.cause[0] && e.fix[0]);
		FUZZ_CHECK(!clean || e.code != BTN_INTERNAL);
		return;
	}
	FUZZ_CHECK(!block_queue_create(block, 16, &queue));
	for (unsigned int i = 0; i < STEPS; i++)
		step(block, queue, f, clean);
	block_queue_destroy(queue);
	block_close(block);
	if (clean)
		FUZZ_CHECK(is_clean());
}

/* Hostile sizes would fill the host's memory: the file has 64 MiB at most. */
static void limit_files(void)
{
	struct rlimit limit = { 64u << 20, 64u << 20 };

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* The name of a backing file would lead to the host's files: there is none. */
static void cut_backing(int fd)
{
	static const uint8_t none[12];

	FUZZ_CHECK(pwrite(fd, none, sizeof(none), 8) == sizeof(none));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct fuzz f = { input, size < OPS_SIZE ? size : OPS_SIZE };
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct image_check found;
	struct btn_error e;
	bool clean;

	limit_files();
	FUZZ_CHECK(fd >= 0);
	if (size > OPS_SIZE)
		FUZZ_CHECK(write(fd, input + OPS_SIZE, size - OPS_SIZE) > 0);
	cut_backing(fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	clean = is_clean();
	run(&f, clean);
	image_check(path, true, &found, &e);
	close(fd);
	return 0;
}
