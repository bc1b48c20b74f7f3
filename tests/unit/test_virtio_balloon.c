// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-balloon as a driver and the host see it: what is in the balloon and
 * what is reported free costs the host nothing, everything else stays; lists of
 * a hostile driver; statistics; drivers that fill free pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>

#include "virtio/balloon_pages.h"
#include "virtio/transport.h"
#include "virtio/virtio_balloon.h"
#include "virtio_driver.h"

#define PAGE 4096u
#define LIST 0x100000u		/* where the driver puts lists of pages … */
#define DATA 0x200000u		/* … and the 2 MiB whose pages go and come: one block */
#define BLOCK_PAGES 512u
#define PFN(gpa) ((uint32_t)((gpa) / PAGE))

#define F(name) (1ull << VIRTIO_BALLOON_F_##name)
enum { INFLATE, DEFLATE, STATS, OLD_REPORTING, REPORTING };

struct env {
	struct test_machine *t;
	struct virtio_device *dev;
	struct driver d;
};

static int up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	e->t = test_machine_create();
	assert_int_equal(virtio_balloon_create(&e->t->m, &e->dev), 0);
	test_loop_start(e->t);
	*state = e;
	return 0;
}

static int down(void **state)
{
	struct env *e = *state;

	test_loop_stop(e->t);
	virtio_device_destroy(e->dev);
	test_machine_destroy(e->t);
	free(e);
	return 0;
}

static uint64_t held(struct env *e)
{
	return guest_memory_held(e->t->m.memory);
}

/* All of RAM is in use; what is in it says where it is. */
static void fill_ram(struct env *e)
{
	for (uint64_t gpa = LIST; gpa < TEST_RAM; gpa += PAGE)
		memset(ram(&e->d, gpa), (int)(1 + gpa / PAGE % 255), PAGE);
}

static bool is_filled_with(struct env *e, uint64_t gpa, uint64_t size, int byte)
{
	const uint8_t *at = guest_memory_at(e->t->m.memory, gpa, size);

	for (uint64_t i = 0; i < size; i++)
		if (at[i] != byte)
			return false;
	return true;
}

static bool is_as_filled(struct env *e, uint64_t gpa)
{
	return is_filled_with(e, gpa, PAGE, (int)(1 + gpa / PAGE % 255));
}

static void start(struct env *e, uint64_t features)
{
	driver_start(&e->d, e->t, VIRTIO_ID_BALLOON, features, 5);
	fill_ram(e);
}

static void send_buffer(struct env *e, unsigned int queue, uint64_t gpa, uint32_t size)
{
	struct driver_buffer buffer = { gpa, size, queue >= OLD_REPORTING };

	driver_add(&e->d, queue, &buffer, 1);
	driver_kick(&e->d, queue);
	assert_int_equal(driver_wait(&e->d, queue, NULL), 0);
}

static void send_pfns(struct env *e, unsigned int queue, const uint32_t *pfn, uint32_t count)
{
	memcpy(ram(&e->d, LIST), pfn, count * sizeof(*pfn));
	send_buffer(e, queue, LIST, count * sizeof(*pfn));
}

static uint64_t in_balloon(struct env *e)
{
	return TEST_RAM - virtio_balloon_actual(e->dev);
}

static void test_target(void **state)
{
	struct env *e = *state;
	uint64_t generation;

	assert_int_equal(virtio_balloon_target(e->dev), TEST_RAM);
	assert_false(virtio_balloon_has_driver(e->dev));
	start(e, 0);
	assert_int_equal(driver_offered(&e->d) & 0xffffff, F(MUST_TELL_HOST) | F(STATS_VQ) |
			 F(DEFLATE_ON_OOM) | F(PAGE_POISON) | F(REPORTING));
	assert_true(virtio_balloon_has_driver(e->dev));
	generation = common_read(&e->d, VIRTIO_PCI_COMMON_CFGGENERATION, 1);
	virtio_balloon_set_target(e->dev, TEST_RAM - 5 * PAGE);
	assert_int_equal(msi_wait(e->t, 1, 1), 1);
	assert_int_not_equal(common_read(&e->d, VIRTIO_PCI_COMMON_CFGGENERATION, 1), generation);
	assert_int_equal(bus_read(e->t->m.mmio, e->d.device, 4), 5);
	assert_int_equal(virtio_balloon_target(e->dev), TEST_RAM - 5 * PAGE);
	virtio_balloon_set_target(e->dev, UINT64_MAX);
	assert_int_equal(bus_read(e->t->m.mmio, e->d.device, 4), 0);
	virtio_balloon_set_target(e->dev, 0);
	assert_int_equal(bus_read(e->t->m.mmio, e->d.device, 4), TEST_RAM / PAGE);
}

static void test_config_writes(void **state)
{
	struct env *e = *state;
	struct bus *mmio = e->t->m.mmio;

	start(e, F(PAGE_POISON));
	virtio_balloon_set_target(e->dev, TEST_RAM - PAGE);
	bus_write(mmio, e->d.device + 4, 4, 77);
	assert_int_equal(bus_read(mmio, e->d.device + 4, 4), 77);
	assert_int_equal(virtio_balloon_actual(e->dev), TEST_RAM); /* what it says does not count */
	bus_write(mmio, e->d.device, 4, 99); /* the target is ours */
	bus_write(mmio, e->d.device + 4, 2, 5);
	bus_write(mmio, e->d.device, 8, ~0ull);
	bus_write(mmio, e->d.device + 12, 8, ~0ull); /* past the end */
	assert_int_equal(bus_read(mmio, e->d.device, 8), 1 | 77ull << 32);
	assert_int_equal(bus_read(mmio, e->d.device + 12, 4), 0);
	bus_write(mmio, e->d.device + 12, 4, 0xaaaaaaaa);
	assert_int_equal(bus_read(mmio, e->d.device + 12, 4), 0xaaaaaaaa);
	common_write(&e->d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(bus_read(mmio, e->d.device, 8), 1); /* the target outlives a reset */
	assert_int_equal(bus_read(mmio, e->d.device + 12, 4), 0);
}

static void test_inflate(void **state)
{
	const uint32_t pfn[] = { PFN(DATA) + 9, PFN(DATA) + 8, PFN(DATA) + 7, PFN(DATA) + 100,
				 PFN(DATA) + 8 };
	struct env *e = *state;
	uint64_t before;

	start(e, 0);
	before = held(e);
	send_pfns(e, INFLATE, pfn, 5);
	assert_int_equal(before - held(e), 4 * PAGE); /* one of them twice */
	assert_int_equal(in_balloon(e), 4 * PAGE);
	assert_true(is_filled_with(e, DATA + 7 * PAGE, 3 * PAGE, 0));
	assert_true(is_filled_with(e, DATA + 100 * PAGE, PAGE, 0));
	assert_true(is_as_filled(e, DATA + 6 * PAGE) && is_as_filled(e, DATA + 10 * PAGE));
	assert_true(is_as_filled(e, DATA + 99 * PAGE) && is_as_filled(e, DATA + 101 * PAGE));
	send_pfns(e, INFLATE, pfn, 5);
	assert_int_equal(in_balloon(e), 4 * PAGE);
	assert_int_equal(before - held(e), 4 * PAGE);
}

static void test_deflate(void **state)
{
	const uint32_t in[] = { PFN(DATA), PFN(DATA) + 1, PFN(DATA) + 2 };
	const uint32_t out[] = { PFN(DATA) + 1, PFN(DATA) + 1, PFN(DATA) + 50 };
	struct env *e = *state;

	start(e, 0);
	send_pfns(e, INFLATE, in, 3);
	send_pfns(e, DEFLATE, out, 3);
	assert_int_equal(in_balloon(e), 2 * PAGE);
	memset(ram(&e->d, DATA + PAGE), 7, PAGE);
	assert_true(is_as_filled(e, DATA + 50 * PAGE));
	send_pfns(e, DEFLATE, in, 3);
	assert_int_equal(in_balloon(e), 0);
	assert_true(is_filled_with(e, DATA + PAGE, PAGE, 7));
}

/* What is not RAM is passed over, the rest of the list counts. */
static void test_hostile_lists(void **state)
{
	const uint32_t pfn[] = { PFN(TEST_RAM), UINT32_MAX, 0x80000000u, PFN(MEMORY_HOLE_START),
				 PFN(TEST_ECAM), PFN(MEMORY_HOLE_END), PFN(DATA) + 3 };
	struct driver_buffer odd[] = { { LIST, 1, false }, { LIST + 1, 6, false },
				       { LIST + 7, 1, false }, { LIST + 8, 3, false },
				       { LIST + 64, 64, true } };
	struct env *e = *state;
	uint64_t before;

	start(e, 0);
	before = held(e);
	send_pfns(e, INFLATE, pfn, 7);
	assert_int_equal(in_balloon(e), PAGE);
	assert_int_equal(before - held(e), PAGE);
	send_pfns(e, DEFLATE, pfn, 7);
	assert_int_equal(in_balloon(e), 0);

	/* in odd pieces; a number cut off at the end is none */
	memcpy(ram(&e->d, LIST), (const uint32_t[]){ PFN(DATA), PFN(DATA) + 1, PFN(DATA) + 2 }, 12);
	driver_add(&e->d, INFLATE, odd, 5);
	driver_kick(&e->d, INFLATE);
	assert_int_equal(driver_wait(&e->d, INFLATE, NULL), 0);
	assert_int_equal(in_balloon(e), 2 * PAGE);
	assert_true(is_as_filled(e, DATA + 2 * PAGE));
	assert_false(driver_status(&e->d) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* A list longer than the limit of a chain: what is not taken stays as it is. */
static void test_endless_list(void **state)
{
	struct env *e = *state;
	uint32_t *list;

	start(e, 0);
	list = guest_memory_at(e->t->m.memory, LIST, 0x20000);
	for (unsigned int i = 0; i < 0x8000; i++)
		list[i] = PFN(DATA) + (i < 0x7000 ? i % 4 : 20);
	send_buffer(e, INFLATE, LIST, 0x20000);
	assert_int_equal(in_balloon(e), 4 * PAGE);
	assert_true(is_as_filled(e, DATA + 20 * PAGE));
}

/* All of a 2 MiB block goes in, its first page last; the eighth was written in between. */
static void put_block_in(struct env *e)
{
	uint32_t pfn[BLOCK_PAGES];
	uint64_t before = held(e);

	for (unsigned int i = 0; i < BLOCK_PAGES; i++)
		pfn[i] = PFN(DATA) + i;
	send_pfns(e, INFLATE, pfn + 1, BLOCK_PAGES - 1);
	memset(ram(&e->d, DATA + 8 * PAGE), 1, PAGE);
	assert_int_equal(before - held(e), (BLOCK_PAGES - 2) * PAGE);
	send_pfns(e, INFLATE, pfn, 1);
	assert_int_equal(in_balloon(e), BLOCK_PAGES * PAGE);
}

/* The last page of a block takes the whole block with it, if it was touched again. */
static void test_whole_block(void **state)
{
	struct env *e = *state;
	uint64_t before;

	start(e, F(MUST_TELL_HOST));
	before = held(e);
	put_block_in(e);
	assert_int_equal(before - held(e), BLOCK_PAGES * PAGE);
}

/* A driver that may use pages before it says so keeps what it wrote there. */
static void test_used_before_told(void **state)
{
	struct env *e = *state;

	start(e, 0);
	put_block_in(e);
	assert_true(is_filled_with(e, DATA + 8 * PAGE, PAGE, 1));
}

/* So does one that listed more at once than is taken. */
static void test_told_too_much(void **state)
{
	struct env *e = *state;

	start(e, F(MUST_TELL_HOST));
	memset(guest_memory_at(e->t->m.memory, LIST, 0x20000), 0xff, 0x20000);
	send_buffer(e, DEFLATE, LIST, 0x20000);
	put_block_in(e);
	assert_true(is_filled_with(e, DATA + 8 * PAGE, PAGE, 1));
}

static void test_reporting(void **state)
{
	struct driver_buffer two[] = { { DATA, 4 * PAGE, true }, { DATA + 8 * PAGE, PAGE, true } };
	struct env *e = *state;
	uint64_t before;

	start(e, F(REPORTING) | F(STATS_VQ));
	before = held(e);
	driver_add(&e->d, REPORTING, two, 2);
	driver_kick(&e->d, REPORTING);
	assert_int_equal(driver_wait(&e->d, REPORTING, NULL), 0);
	assert_int_equal(before - held(e), 5 * PAGE);
	assert_true(is_as_filled(e, DATA + 4 * PAGE));
	assert_int_equal(virtio_balloon_reported(e->dev), 5 * PAGE);
	assert_int_equal(virtio_balloon_actual(e->dev), TEST_RAM);
	/* not a whole page, and a page with parts around it */
	send_buffer(e, REPORTING, DATA + 16 * PAGE + 1, PAGE - 1);
	send_buffer(e, REPORTING, DATA + 20 * PAGE - 8, PAGE + 16);
	assert_int_equal(before - held(e), 6 * PAGE);
	assert_true(is_as_filled(e, DATA + 16 * PAGE) && is_as_filled(e, DATA + 19 * PAGE));
	assert_true(is_as_filled(e, DATA + 21 * PAGE));
	/* Linux before 6.11 has the queue here */
	send_buffer(e, OLD_REPORTING, DATA + 40 * PAGE, PAGE);
	assert_int_equal(before - held(e), 7 * PAGE);
}

/* A queue whose feature was not taken gives its buffers back, and that is all. */
static void test_reporting_not_taken(void **state)
{
	struct env *e = *state;
	uint64_t before;

	start(e, 0);
	before = held(e);
	send_buffer(e, OLD_REPORTING, DATA, PAGE);
	send_buffer(e, REPORTING, DATA, PAGE);
	assert_int_equal(held(e), before);
	assert_true(is_as_filled(e, DATA));
}

/* A readable buffer is no report; one that is not RAM breaks the ring. */
static void test_hostile_reports(void **state)
{
	struct driver_buffer readable = { DATA, PAGE, false }, outside = { TEST_ECAM, PAGE, true };
	struct env *e = *state;
	uint64_t before;

	start(e, F(REPORTING));
	before = held(e);
	driver_add(&e->d, REPORTING, &readable, 1);
	driver_kick(&e->d, REPORTING);
	assert_int_equal(driver_wait(&e->d, REPORTING, NULL), 0);
	assert_int_equal(held(e), before);
	driver_add(&e->d, REPORTING, &outside, 1);
	driver_kick(&e->d, REPORTING);
	assert_true(driver_wait_broken(&e->d));
	assert_int_equal(held(e), before);
}

static void test_poison(void **state)
{
	struct env *e = *state;

	start(e, F(REPORTING) | F(PAGE_POISON));
	bus_write(e->t->m.mmio, e->d.device + 12, 4, 0xaaaaaaaa);
	send_buffer(e, REPORTING, DATA, PAGE);
	assert_true(is_as_filled(e, DATA));
	assert_int_equal(virtio_balloon_reported(e->dev), 0);
	bus_write(e->t->m.mmio, e->d.device + 12, 4, 0);
	send_buffer(e, REPORTING, DATA, PAGE);
	assert_true(is_filled_with(e, DATA, PAGE, 0));
}

static void put_stat(struct env *e, unsigned int index, uint16_t tag, uint64_t value)
{
	struct virtio_balloon_stat stat = { tag, value };

	memcpy((char *)ram(&e->d, LIST) + index * sizeof(stat), &stat, sizeof(stat));
}

static void send_stats(struct env *e, unsigned int count, unsigned int extra)
{
	struct driver_buffer buffer = {
		LIST, (uint32_t)(count * sizeof(struct virtio_balloon_stat) + extra), false
	};

	driver_add(&e->d, STATS, &buffer, 1);
	driver_kick(&e->d, STATS);
}

static struct virtio_balloon_stats wait_stats(struct env *e, uint32_t known)
{
	struct virtio_balloon_stats stats;

	for (unsigned int i = 0; i < 25000; i++) {
		virtio_balloon_get_stats(e->dev, &stats);
		if (stats.known == known)
			break;
		nap();
	}
	return stats;
}

static void test_stats(void **state)
{
	struct env *e = *state;
	struct virtio_balloon_stats stats;

	start(e, F(STATS_VQ));
	virtio_balloon_get_stats(e->dev, &stats);
	assert_int_equal(stats.known, 0);
	put_stat(e, 0, VIRTIO_BALLOON_S_MEMFREE, 1ull << 40);
	put_stat(e, 1, 999, 5);
	put_stat(e, 2, 15, 15);
	put_stat(e, 3, VIRTIO_BALLOON_S_SWAP_IN, 3); /* cut off */
	send_stats(e, 3, 9);
	stats = wait_stats(e, 1u << VIRTIO_BALLOON_S_MEMFREE | 1u << 15);
	assert_int_equal(stats.known, 1u << VIRTIO_BALLOON_S_MEMFREE | 1u << 15);
	assert_int_equal(stats.value[VIRTIO_BALLOON_S_MEMFREE], 1ull << 40);
	assert_int_equal(stats.value[15], 15);
	assert_true(stats.age_ns < 5000000000u);

	/* The buffer comes back when new ones are wanted, not before. */
	assert_int_equal(((struct vring_used *)ram(&e->d, e->d.q[STATS].used))->idx, 0);
	virtio_balloon_set_stats_interval(e->dev, 20);
	assert_int_equal(driver_wait(&e->d, STATS, NULL), 0);
	assert_int_equal(msi_wait(e->t, STATS + 2, 1), 1);
	put_stat(e, 0, VIRTIO_BALLOON_S_MEMTOT, 1);
	send_stats(e, 1, 0);
	assert_int_equal(wait_stats(e, 1u << VIRTIO_BALLOON_S_MEMTOT).known,
			 1u << VIRTIO_BALLOON_S_MEMTOT);
	assert_int_equal(driver_wait(&e->d, STATS, NULL), 0); /* the interval */
}

static void test_stats_misused(void **state)
{
	struct env *e = *state;
	uint16_t head = 99;

	start(e, F(STATS_VQ));
	for (unsigned int i = 0; i < 100; i++)
		put_stat(e, i, (uint16_t)i, i);
	send_stats(e, 100, 0);
	assert_int_equal(wait_stats(e, 0xffff).known, 0xffff);
	/* a second buffer: the first comes back */
	send_stats(e, 1, 0);
	assert_int_equal(driver_wait(&e->d, STATS, &head), 0);
	assert_int_equal(head, 0);
	assert_int_equal(wait_stats(e, 1).known, 1);
	/* with the device reset, nothing is known any more */
	common_write(&e->d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(wait_stats(e, 0).known, 0);
	virtio_balloon_set_stats_interval(e->dev, 1);
	nap();
	start(e, F(STATS_VQ));
	send_stats(e, 1, 0);
	assert_int_equal(driver_wait(&e->d, STATS, NULL), 0);
}

/* The driver is gone, so its balloon is: its pages are the guest's again. */
static void test_reset(void **state)
{
	const uint32_t pfn[] = { PFN(DATA) };
	struct env *e = *state;

	start(e, 0);
	send_pfns(e, INFLATE, pfn, 1);
	cfg_write(e->t, e->d.slot, PCI_COMMAND, 2, 3); /* bus mastering off: a pause only */
	assert_int_equal(in_balloon(e), PAGE);
	cfg_write(e->t, e->d.slot, PCI_COMMAND, 2, 7);
	assert_int_equal(in_balloon(e), PAGE);
	common_write(&e->d, VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(in_balloon(e), 0);
	assert_false(virtio_balloon_has_driver(e->dev));
	start(e, 0);
	send_pfns(e, DEFLATE, pfn, 1);
	assert_int_equal(in_balloon(e), 0);
}

/* RAM on both sides of the hole: what is side by side in the file is not to the guest. */
static void test_above_the_hole(void **state)
{
	const uint64_t size = MEMORY_HOLE_START + (8ull << 20) + PAGE;
	uint32_t pfn[] = { PFN(MEMORY_HOLE_END), PFN(MEMORY_HOLE_START) - 1, PFN(MEMORY_HOLE_START),
			   PFN(MEMORY_HOLE_END) - 1, PFN(MEMORY_HOLE_END + (8ull << 20)),
			   PFN(MEMORY_HOLE_END + (8ull << 20)) + 1 };
	struct balloon_pages pages;
	struct guest_memory *memory;

	(void)state;
	assert_int_equal(guest_memory_create(NULL, size, &memory), 0);
	assert_int_equal(balloon_pages_init(&pages, memory), 0);
	memset(guest_memory_at(memory, MEMORY_HOLE_START - 2 * PAGE, 2 * PAGE), 1, 2 * PAGE);
	memset(guest_memory_at(memory, MEMORY_HOLE_END, 2 * PAGE), 1, 2 * PAGE);
	assert_int_equal(guest_memory_held(memory), 4 * PAGE);
	balloon_pages_put_in(&pages, pfn, 6);
	assert_int_equal(pages.count, 3);
	assert_int_equal(pages.failures, 0);
	assert_int_equal(guest_memory_held(memory), 2 * PAGE);
	assert_int_equal(*(char *)guest_memory_at(memory, MEMORY_HOLE_END + PAGE, 1), 1);
	balloon_pages_clear(&pages);
	assert_int_equal(pages.count, 0);
	balloon_pages_fini(&pages);
	guest_memory_destroy(memory);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		T(test_target), T(test_config_writes), T(test_inflate), T(test_deflate),
		T(test_hostile_lists), T(test_endless_list), T(test_whole_block),
		T(test_used_before_told), T(test_told_too_much),
		T(test_reporting), T(test_reporting_not_taken), T(test_hostile_reports),
		T(test_poison), T(test_stats), T(test_stats_misused), T(test_reset),
		cmocka_unit_test(test_above_the_hole),
	};

	return cmocka_run_group_tests_name("virtio balloon", tests, NULL, NULL);
}
