/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of the block layer share: a folder, images in it, single requests,
 * and qemu-img as the independent judge.
 */
#ifndef BATON_TESTS_BLOCK_TOOL_H
#define BATON_TESTS_BLOCK_TOOL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "block/block.h"
#include "block/image.h"

static char folder[64];

static inline int folder_make(void **state)
{
	(void)state;
	strcpy(folder, access("/dev/shm", W_OK) ? "/tmp/block.XXXXXX" : "/dev/shm/block.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static inline int run_shell(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int folder_remove(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return run_shell(command);
}

/* The command runs in the folder and says nothing unless it fails. */
static inline __attribute__((format(printf, 1, 2))) int shell(const char *fmt, ...)
{
	char command[2048];
	int length = snprintf(command, sizeof(command), "exec >>%s/log 2>&1; cd %s && ", folder,
			      folder);
	va_list args;

	va_start(args, fmt);
	vsnprintf(command + length, sizeof(command) - (size_t)length, fmt, args);
	va_end(args);
	return run_shell(command);
}

static inline void show_log(void)
{
	char command[128];

	snprintf(command, sizeof(command), "tail -n 20 %s/log >&2", folder);
	run_shell(command);
}

#define assert_shell(...) do { \
	if (shell(__VA_ARGS__)) { \
		show_log(); \
		fail_msg("a command failed"); \
	} \
} while (0)

static inline const char *in_folder(const char *name)
{
	static char paths[4][128];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

struct disk {
	struct block *block;
	struct block_queue *queue;
};

static inline bool disk_try(struct disk *d, const char *name, enum block_format format,
			    bool readonly, struct btn_error *e)
{
	struct block_options options = {
		.path = in_folder(name), .format = format, .readonly = readonly,
	};

	memset(e, 0, sizeof(*e));
	if (!block_open(&options, &d->block, e))
		return false;
	assert_int_equal(block_queue_create(d->block, 64, &d->queue), 0);
	return true;
}

static inline void disk_open(struct disk *d, const char *name)
{
	struct btn_error e;

	if (!disk_try(d, name, BLOCK_AUTO, false, &e))
		fail_msg("%s: %s %s", name, e.message, e.cause);
}

static inline void disk_close(struct disk *d)
{
	block_queue_destroy(d->queue);
	block_close(d->block);
}

static inline int disk_do(struct disk *d, enum block_op op, unsigned int flags, uint64_t offset,
			  uint64_t length, void *data)
{
	struct iovec iov = { data, length };
	struct block_request r = {
		.op = op, .flags = flags, .offset = offset, .length = length,
		.iov = data ? &iov : NULL, .iov_count = data ? 1 : 0,
	};

	return block_sync(d->queue, &r);
}

/* Both judges: qemu-img's check and ours. */
static inline void check_clean(const char *name)
{
	struct image_check found;
	struct btn_error e;

	assert_shell("qemu-img check -q %s || { qemu-img check %s; exit 1; }", name, name);
	if (!image_check(in_folder(name), false, &found, &e))
		fail_msg("%s: %s %s", name, e.message, e.cause);
	if (found.leaks || found.corruptions)
		fail_msg("%s: %llu leaks, %llu corruptions", name,
			 (unsigned long long)found.leaks, (unsigned long long)found.corruptions);
}

/* xorshift64*: the same numbers everywhere. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static inline void create_image(const char *name, uint64_t size, uint32_t cluster,
				uint32_t refcount_bits, const char *backing, const char *format)
{
	struct image_create what = {
		.path = in_folder(name), .size = size, .cluster_size = cluster,
		.refcount_bits = refcount_bits, .backing = backing, .backing_format = format,
	};
	struct btn_error e;

	if (!image_create(&what, &e))
		fail_msg("%s: %s %s", name, e.message, e.cause);
}

#endif
