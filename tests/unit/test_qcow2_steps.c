// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every step of a commit: after each write of metadata the image is judged as a
 * killed process would leave it (all writes so far), and as a power cut would
 * (what was synced, and any part of the writes since). Both have to be whole,
 * with no leaks. The linker puts this file between qcow2 and its writes.
 */
#include "block_tool.h"

#include "block/file.h"

#define SIZE (2u << 20)
#define FILE_MAX (8u << 20)
#define PENDING_MAX 64u
#define IMAGE "steps.qcow2"
#define CUT "cut.qcow2"

struct pending {
	uint64_t offset;
	size_t size;
	uint8_t *data;
};

static struct {
	bool armed;
	uint64_t random;
	uint8_t durable[FILE_MAX];
	size_t durable_size;
	struct pending pending[PENDING_MAX];
	unsigned int pending_count, steps;
} s;

static uint8_t bytes[FILE_MAX];

static size_t load_file(const char *name, uint8_t *to)
{
	int fd = open(in_folder(name), O_RDONLY);
	ssize_t size = read(fd, to, FILE_MAX);

	assert_true(fd >= 0 && size > 0 && size < (ssize_t)FILE_MAX);
	close(fd);
	return (size_t)size;
}

static void store_file(const char *name, const uint8_t *from, size_t size)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, from, size), size);
	close(fd);
}

/* qemu-img judges some, since it takes its time. */
static void judge(const char *when)
{
	struct image_check found;
	struct btn_error e;

	if (!image_check(in_folder(CUT), false, &found, &e))
		fail_msg("%s, step %u: %s %s", when, s.steps, e.message, e.cause);
	if (found.leaks || found.corruptions)
		fail_msg("%s, step %u: %u leaks, %u corruptions", when, s.steps,
			 (unsigned int)found.leaks, (unsigned int)found.corruptions);
	if (s.steps % 64 == 0)
		assert_shell("qemu-img check %s", CUT);
}

static void judge_kill(void)
{
	store_file(CUT, bytes, load_file(IMAGE, bytes));
	judge("killed");
}

static void judge_power_cut(void)
{
	size_t size = s.durable_size;

	memcpy(bytes, s.durable, sizeof(bytes));
	for (unsigned int i = 0; i < s.pending_count; i++) {
		const struct pending *p = &s.pending[i];

		if (random_next(&s.random) & 1)
			continue;
		assert_true(p->offset + p->size <= FILE_MAX);
		memcpy(bytes + p->offset, p->data, p->size);
		if (p->offset + p->size > size)
			size = p->offset + p->size;
	}
	store_file(CUT, bytes, size);
	judge("power cut");
}

int __real_file_write(int fd, const void *from, size_t size, uint64_t offset);
int __wrap_file_write(int fd, const void *from, size_t size, uint64_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_file_write(int fd, const void *from, size_t size, uint64_t offset)
{
	int error = __real_file_write(fd, from, size, offset);
	struct pending *p = &s.pending[s.pending_count];

	if (!s.armed)
		return error;
	assert_true(s.pending_count < PENDING_MAX);
	*p = (struct pending){ offset, size, malloc(size) };
	memcpy(p->data, from, size);
	s.pending_count++;
	s.armed = false; /* the judges open images, too */
	s.steps++;
	judge_kill();
	for (unsigned int i = 0; i < 3; i++)
		judge_power_cut();
	s.armed = true;
	return error;
}

static void all_durable(void)
{
	memset(s.durable, 0, sizeof(s.durable));
	s.durable_size = load_file(IMAGE, s.durable);
	while (s.pending_count)
		free(s.pending[--s.pending_count].data);
}

int __wrap_fdatasync(int fd)
{
	if (s.armed)
		all_durable();
	return __real_fdatasync(fd);
}

static void one_image(uint32_t cluster, uint32_t refcount_bits, unsigned int operations)
{
	static uint8_t data[65536];
	struct disk d;

	shell("rm -f " IMAGE);
	create_image(IMAGE, SIZE, cluster, refcount_bits, NULL, NULL);
	all_durable();
	disk_open(&d, IMAGE);
	s.armed = true;
	for (unsigned int i = 0; i < operations; i++) {
		uint64_t r = random_next(&s.random), length = (1 + (r >> 8) % 64) * 512;
		uint64_t offset = (r >> 16) % ((SIZE - length) / 512) * 512;
		enum block_op op = r % 4 == 3 ? BLOCK_DISCARD : BLOCK_WRITE;

		assert_int_equal(disk_do(&d, op, 0, offset, length, data), 0);
		if (r >> 60 < 8)
			assert_int_equal(disk_do(&d, BLOCK_FLUSH, 0, 0, 0, NULL), 0);
	}
	disk_close(&d);
	s.armed = false;
	check_clean(IMAGE);
}

static void test_steps(void **state)
{
	(void)state;
	s.random = 271828;
	one_image(4096, 16, 60);
	one_image(1024, 64, 30);
	one_image(65536, 1, 40);
	print_message("%u steps\n", s.steps);
	assert_true(s.steps > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_steps) };

	return cmocka_run_group_tests_name("steps of a qcow2 commit", tests, folder_make,
					   folder_remove);
}
