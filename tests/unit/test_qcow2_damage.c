// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images whose refcounts are wrong and hosts that cannot read them: nothing that
 * a table refers to may be lost. The linker puts this file between qcow2 and its
 * reads, for the one that fails.
 */
#include "block_tool.h"

#include <endian.h>

#include "block/file.h"
#include "block/qcow2.h"

#define CLUSTER 512u
#define OFFSET_MASK 0x00fffffffffffe00ull

/* Places in the header. */
#define L1_AT 40
#define RT_AT 48

/* Reads of that place fail but for the first, which fills a cache; 0: none does. */
static uint64_t fail_at;
static unsigned int reads;

int __real_file_read(int fd, void *to, size_t size, uint64_t offset);
int __wrap_file_read(int fd, void *to, size_t size, uint64_t offset);

int __wrap_file_read(int fd, void *to, size_t size, uint64_t offset)
{
	if (fail_at && offset == fail_at && reads++)
		return -EIO;
	return __real_file_read(fd, to, size, offset);
}

static uint64_t get64(int fd, uint64_t at)
{
	uint64_t value;

	assert_int_equal(pread(fd, &value, sizeof(value), (off_t)at), sizeof(value));
	return be64toh(value);
}

static void put64(int fd, uint64_t at, uint64_t value)
{
	value = htobe64(value);
	assert_int_equal(pwrite(fd, &value, sizeof(value), (off_t)at), sizeof(value));
}

static int open_file(const char *name)
{
	int fd = open(in_folder(name), O_RDWR);

	assert_true(fd >= 0);
	return fd;
}

/* Of refcounts with 64 bits: where that cluster's is. */
static uint64_t count_at(int fd, uint64_t offset)
{
	uint64_t cluster = offset / CLUSTER, per = CLUSTER / 8;

	return get64(fd, get64(fd, RT_AT) + cluster / per * 8) + cluster % per * 8;
}

static uint8_t *pattern(uint64_t first, uint64_t clusters)
{
	uint8_t *data = malloc(clusters * CLUSTER);

	assert_non_null(data);
	for (uint64_t i = 0; i < clusters * CLUSTER; i++)
		data[i] = (uint8_t)((first + i / CLUSTER) * 31 + i);
	return data;
}

static void write_clusters(struct disk *d, uint64_t first, uint64_t clusters)
{
	uint8_t *data = pattern(first, clusters);

	assert_int_equal(disk_do(d, BLOCK_WRITE, 0, first * CLUSTER, clusters * CLUSTER, data), 0);
	free(data);
}

static void assert_clusters(struct disk *d, uint64_t first, uint64_t clusters)
{
	uint8_t *want = pattern(first, clusters), *got = malloc(clusters * CLUSTER);

	assert_non_null(got);
	assert_int_equal(disk_do(d, BLOCK_READ, 0, first * CLUSTER, clusters * CLUSTER, got), 0);
	assert_memory_equal(got, want, clusters * CLUSTER);
	free(got);
	free(want);
}

static void make_image(const char *name, uint64_t clusters)
{
	struct disk d;

	create_image(name, clusters * CLUSTER, CLUSTER, 64, NULL, NULL);
	disk_open(&d, name);
	for (uint64_t i = 0; i < clusters; i += 1024)
		write_clusters(&d, i, clusters - i < 1024 ? clusters - i : 1024);
	disk_close(&d);
	check_clean(name);
}

/*
 * Leaks in more refcount blocks than may be changed before a commit. Commits in
 * the middle of the walk moved blocks to clusters that it then took for leaks.
 */
static void test_repair_many(void **state)
{
	const uint64_t tables = 600, per = CLUSTER / 8;
	struct image_check found;
	struct btn_error e;
	struct disk d;
	int fd;

	(void)state;
	make_image("many.qcow2", tables * per);
	fd = open_file("many.qcow2");
	for (uint64_t i = 0; i < tables; i++) /* the last cluster of each L2 table */
		put64(fd, (get64(fd, get64(fd, L1_AT) + i * 8) & OFFSET_MASK) + CLUSTER - 8, 0);
	close(fd);
	assert_true(image_check(in_folder("many.qcow2"), true, &found, &e));
	assert_int_equal(found.leaks, tables);
	assert_int_equal(found.repaired, tables);
	check_clean("many.qcow2");
	disk_open(&d, "many.qcow2");
	for (uint64_t i = 0; i < tables; i++)
		assert_clusters(&d, i * per, per - 1);
	disk_close(&d);
}

static void uncount(int fd, uint64_t offset)
{
	put64(fd, count_at(fd, offset), 0);
}

/* Tables that the image counts as free are not space for the guest's data. */
static void test_uncounted_tables(void **state)
{
	struct disk d;
	uint64_t l1, rt;
	int fd;

	(void)state;
	create_image("uncounted.qcow2", 256 * CLUSTER, CLUSTER, 64, NULL, NULL);
	disk_open(&d, "uncounted.qcow2");
	write_clusters(&d, 0, 1);
	write_clusters(&d, 64, 1);
	disk_close(&d);
	fd = open_file("uncounted.qcow2");
	l1 = get64(fd, L1_AT);
	rt = get64(fd, RT_AT);
	uncount(fd, l1);
	uncount(fd, rt);
	uncount(fd, get64(fd, l1) & OFFSET_MASK);
	uncount(fd, get64(fd, l1 + 8) & OFFSET_MASK);
	uncount(fd, get64(fd, rt) & OFFSET_MASK);
	close(fd);
	for (uint64_t i = 0; i < 4; i++) { /* once more from what is on the file then */
		disk_open(&d, "uncounted.qcow2");
		write_clusters(&d, 1 + 4 * i, 4);
		assert_int_equal(disk_do(&d, BLOCK_FLUSH, 0, 0, 0, NULL), 0);
		write_clusters(&d, 128 + 8 * i, 8);
		assert_clusters(&d, 0, 5 + 4 * i);
		assert_clusters(&d, 64, 1);
		disk_close(&d);
	}
	disk_open(&d, "uncounted.qcow2");
	assert_clusters(&d, 0, 17);
	assert_clusters(&d, 64, 1);
	assert_clusters(&d, 128, 32);
	disk_close(&d);
}

/*
 * Data goes to a new cluster, and the refcounts of the old one cannot be read: the
 * old one leaks, the new one stays the image's. The old one is a compressed
 * cluster in the image's first block, and there are more blocks behind it than
 * the cache keeps.
 */
static void test_old_cluster_unreadable(void **state)
{
	const uint64_t clusters = 70 * 1024;
	struct image_check found;
	struct btn_error e;
	struct disk d;
	int fd;

	(void)state;
	assert_shell("yes | head -c 4096 >mixed.raw && head -c 36700160 /dev/urandom >>mixed.raw &&"
		     " qemu-img convert -c -W -m 1 -f raw -O qcow2 "
		     "-o cluster_size=512,refcount_bits=64 mixed.raw mixed.qcow2");
	fd = open_file("mixed.qcow2");
	assert_true(get64(fd, get64(fd, get64(fd, L1_AT)) & OFFSET_MASK) & QCOW2_COMPRESSED);
	disk_open(&d, "mixed.qcow2");
	assert_true(block_size(d.block) > clusters * CLUSTER);
	reads = 0;
	fail_at = get64(fd, get64(fd, RT_AT)) & OFFSET_MASK;
	write_clusters(&d, 0, 1);
	assert_int_equal(reads, 2);
	fail_at = 0;
	write_clusters(&d, 1, 1);
	assert_clusters(&d, 0, 2);
	disk_close(&d);
	close(fd);
	assert_true(image_check(in_folder("mixed.qcow2"), true, &found, &e));
	assert_int_equal(found.corruptions, 0);
	assert_int_equal(found.repaired, found.leaks);
	check_clean("mixed.qcow2");
	disk_open(&d, "mixed.qcow2");
	assert_clusters(&d, 0, 2);
	disk_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repair_many),
		cmocka_unit_test(test_uncounted_tables),
		cmocka_unit_test(test_old_cluster_unreadable),
	};

	return cmocka_run_group_tests_name("damaged qcow2 images", tests, folder_make,
					   folder_remove);
}
