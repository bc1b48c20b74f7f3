// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usage: test_qcow2_stress [OPERATIONS]
 *
 * Random operations on qcow2 images of many shapes, several under way at a time,
 * against a model in memory. Every read has to be equal, and at the end the
 * whole disk, as we and as qemu-img read it; both checks have to be clean.
 * OPERATIONS (default 20000) are all together; "make qcow2-stress" does 200000.
 */
#include "block_tool.h"

#define SECTOR 512u
#define BATCH 8u
#define SIZE_MAX_BYTES (24u << 20)
#define LENGTH_MAX (256u << 10)

struct shape {
	const char *name;
	const char *make;	/* shell; NULL: ours, by the numbers */
	uint32_t cluster, refcount_bits;
	uint64_t size;
	const char *backing, *backing_format;
};

static const struct shape shapes[] = {
	{ "plain", NULL, 65536, 16, 24 << 20, NULL, NULL },
	{ "tiny", NULL, 512, 16, 3 << 20, NULL, NULL },
	{ "one-bit", NULL, 4096, 1, (8 << 20) + 512, NULL, NULL },
	{ "wide", NULL, 1024, 64, 4 << 20, NULL, NULL },
	{ "huge", NULL, 2 << 20, 16, 24 << 20, NULL, NULL },
	{ "raw-backed", NULL, 65536, 16, 16 << 20, "base.raw", "raw" },
	{ "chain", NULL, 4096, 32, 16 << 20, "middle.qcow2", "qcow2" },
	{ "v2", "qemu-img create -f qcow2 -o compat=0.10,cluster_size=4096 $N 8M", 0, 0, 8 << 20,
	  NULL, NULL },
	{ "v2-backed", "qemu-img create -f qcow2 -o compat=0.10 -b base.raw -F raw $N 16M", 0, 0,
	  16 << 20, NULL, NULL },
	{ "zlib", "qemu-img convert -c -O qcow2 -o cluster_size=16k base.raw $N", 0, 0, 12 << 20,
	  NULL, NULL },
	{ "zstd", "qemu-img convert -c -O qcow2 -o compression_type=zstd base.raw $N", 0, 0,
	  12 << 20, NULL, NULL },
	{ "filled", "qemu-img convert -O qcow2 -o lazy_refcounts=on base.raw $N", 0, 0, 12 << 20,
	  NULL, NULL },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static unsigned int operations = 20000;
static uint8_t model[SIZE_MAX_BYTES], whole[SIZE_MAX_BYTES];

struct job {
	struct block_request request;
	struct iovec iov[4];
	uint8_t *data;
	uint64_t offset, length;
	bool busy;
};

struct stress {
	struct disk disk;
	const struct shape *shape;
	uint64_t random;
	struct job job[BATCH];
	unsigned int left;
};

static struct stress s;

/* ---- one batch of requests that do not overlap ---- */

static void job_done(struct block_request *request, int error)
{
	struct job *job = (struct job *)request;

	if (error)
		fail_msg("operation %d at %llu, %llu bytes: %s", request->op,
			 (unsigned long long)job->offset, (unsigned long long)job->length,
			 strerror(-error));
	job->busy = false;
	s.left--;
}

static bool overlaps(const struct job *job, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (job->offset < s.job[i].offset + s.job[i].length &&
		    s.job[i].offset < job->offset + job->length)
			return true;
	return false;
}

/* Mostly small, mostly in one corner, so that requests meet in clusters. */
static void choose_range(struct job *job)
{
	uint64_t r = random_next(&s.random), sectors = s.shape->size / SECTOR;
	uint64_t span = r & 1 ? sectors : sectors / 16, max = r & 6 ? 16 : LENGTH_MAX / SECTOR;

	job->offset = random_next(&s.random) % span * SECTOR;
	job->length = (1 + random_next(&s.random) % max) * SECTOR;
	if (!(r & 0x38)) { /* a whole number of pages, as file systems write */
		job->offset &= ~65535ull;
		job->length = (job->length + 65535) & ~65535ull;
	}
	if (job->length > s.shape->size - job->offset)
		job->length = s.shape->size - job->offset;
}

/* In up to four buffers of odd sizes. */
static void make_iov(struct job *job)
{
	uint64_t left = job->length;
	uint8_t *at = job->data;
	unsigned int count = 0;

	while (left) {
		uint64_t part = count == 3 ? left : 1 + random_next(&s.random) % left;

		job->iov[count++] = (struct iovec){ at, part };
		at += part;
		left -= part;
	}
	job->request.iov = job->iov;
	job->request.iov_count = count;
}

static void choose(struct job *job, unsigned int index)
{
	static const enum block_op ops[] = {
		BLOCK_READ, BLOCK_READ, BLOCK_READ, BLOCK_WRITE, BLOCK_WRITE, BLOCK_WRITE,
		BLOCK_WRITE, BLOCK_WRITE, BLOCK_DISCARD, BLOCK_ZERO, BLOCK_ZERO,
	};
	uint64_t r = random_next(&s.random);

	do {
		choose_range(job);
	} while (overlaps(job, index));
	job->request = (struct block_request){
		.op = ops[r % (sizeof(ops) / sizeof(ops[0]))], .done = job_done,
		.offset = job->offset, .length = job->length,
		.flags = (r >> 8 & 15 ? 0 : BLOCK_FUA) | (r >> 16 & 1 ? BLOCK_UNMAP : 0),
	};
	make_iov(job);
	for (uint64_t i = 0; job->request.op == BLOCK_WRITE && i < job->length; i += 8)
		memcpy(job->data + i, &(uint64_t){ random_next(&s.random) }, 8);
}

/* Discarded sectors are as they were or zero: the model learns which. */
static void learn_discard(const struct job *job)
{
	static uint8_t now[LENGTH_MAX + 65536], zero[SECTOR];

	assert_int_equal(disk_do(&s.disk, BLOCK_READ, 0, job->offset, job->length, now), 0);
	for (uint64_t i = 0; i < job->length; i += SECTOR)
		if (memcmp(now + i, zero, SECTOR))
			assert_memory_equal(now + i, model + job->offset + i, SECTOR);
	memcpy(model + job->offset, now, job->length);
}

static void settle(const struct job *job)
{
	switch (job->request.op) {
	case BLOCK_READ:
		assert_memory_equal(job->data, model + job->offset, job->length);
		break;
	case BLOCK_WRITE:
		memcpy(model + job->offset, job->data, job->length);
		break;
	case BLOCK_ZERO:
		memset(model + job->offset, 0, job->length);
		break;
	default:
		learn_discard(job);
	}
}

static void batch(void)
{
	unsigned int count = 1 + (unsigned int)(random_next(&s.random) % BATCH);

	for (unsigned int i = 0; i < count; i++)
		choose(&s.job[i], i);
	s.left = count;
	for (unsigned int i = 0; i < count; i++)
		block_submit(s.disk.queue, &s.job[i].request);
	while (s.left)
		block_queue_run(s.disk.queue, true);
	for (unsigned int i = 0; i < count; i++)
		settle(&s.job[i]);
}

/* ---- one image ---- */

static void make_image(void)
{
	char name[32];

	snprintf(name, sizeof(name), "%s.qcow2", s.shape->name);
	if (s.shape->make)
		assert_shell("N=%s; %s", name, s.shape->make);
	else
		create_image(name, s.shape->size, s.shape->cluster, s.shape->refcount_bits,
			     s.shape->backing, s.shape->backing_format);
	assert_shell("rm -f now.raw; qemu-img convert -O raw %s now.raw", name);
}

static void load(const char *name, uint8_t *to)
{
	int fd = open(in_folder(name), O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, to, s.shape->size), s.shape->size);
	close(fd);
}

static void compare_whole(const char *name)
{
	assert_int_equal(disk_do(&s.disk, BLOCK_READ, 0, 0, s.shape->size, whole), 0);
	assert_memory_equal(whole, model, s.shape->size);
	disk_close(&s.disk);
	check_clean(name);
	assert_shell("rm -f now.raw; qemu-img convert -O raw %s now.raw", name);
	load("now.raw", whole);
	assert_memory_equal(whole, model, s.shape->size);
}

static void stress_one(const struct shape *shape, unsigned int count)
{
	unsigned int batches = count / (BATCH / 2 + 1);
	char name[32];

	s.shape = shape;
	snprintf(name, sizeof(name), "%s.qcow2", shape->name);
	make_image();
	load("now.raw", model);
	disk_open(&s.disk, name);
	for (unsigned int i = 0; i < batches; i++) {
		batch();
		if (!(random_next(&s.random) & 31))
			assert_int_equal(disk_do(&s.disk, BLOCK_FLUSH, 0, 0, 0, NULL), 0);
		if (!(random_next(&s.random) & 511)) {
			disk_close(&s.disk);
			disk_open(&s.disk, name);
		}
	}
	compare_whole(name);
}

/* A base with data, holes and repetition, so that it compresses too. */
static void make_bases(void)
{
	FILE *out = fopen(in_folder("base.raw"), "w");
	uint64_t random = 7;

	assert_non_null(out);
	for (unsigned int i = 0; i < (12u << 20) / 512; i++) {
		uint64_t words[64] = { i };

		for (unsigned int j = 0; j < 64 && i / 64 % 3; j++)
			words[j] = j % 8 ? i : random_next(&random);
		assert_int_equal(fwrite(words, 512, 1, out), 1);
	}
	assert_int_equal(fclose(out), 0);
	assert_shell("qemu-img create -f qcow2 -b base.raw -F raw middle.qcow2 10M");
	assert_shell("qemu-io -c 'write -P 17 1M 3M' -c 'write -z 5M 1M' middle.qcow2");
}

static void test_stress(void **state)
{
	(void)state;
	s.random = 88172645463325252ull;
	make_bases();
	for (unsigned int i = 0; i < BATCH; i++)
		s.job[i].data = malloc(LENGTH_MAX + 65536);
	for (unsigned int i = 0; i < SHAPES; i++) {
		stress_one(&shapes[i], operations / SHAPES);
		print_message("%s: equal and clean\n", shapes[i].name);
	}
	for (unsigned int i = 0; i < BATCH; i++)
		free(s.job[i].data);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_stress) };

	if (argc > 1)
		operations = (unsigned int)strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests_name("qcow2 against a model", tests, folder_make,
					   folder_remove);
}
