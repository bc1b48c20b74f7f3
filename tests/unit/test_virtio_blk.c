// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-blk with a driver of our own: what it offers, requests on two queues at
 * a time over raw and qcow2 images, bounds, and a guest that fills the host.
 */
#include "block_tool.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <sys/resource.h>

#include "virtio_driver.h"

#define HEADER 0x100000u	/* + 0x1000 * queue */
#define STATUS 0x110000u
#define DATA 0x120000u
#define DATA_STRIDE 0x20000u
#define MIB (1ull << 20)

struct guest {
	struct test_machine *t;
	struct driver d;
	struct virtio_device *dev;
	struct block *block;
};

/* In g->t. */
static void plug(struct guest *g, const char *name, enum block_format format, bool readonly)
{
	struct btn_error e = { .code = BTN_OK };
	struct block_options image = {
		.path = in_folder(name), .format = format, .readonly = readonly,
	};
	struct virtio_blk_options options = { .name = name, .queues = 2, .serial = "unit" };

	if (!block_open(&image, &g->block, &e))
		fail_msg("%s: %s %s", name, e.message, e.cause);
	options.block = g->block;
	assert_int_equal(virtio_blk_create(&g->t->m, &options, &g->dev), 0);
	driver_start(&g->d, g->t, VIRTIO_ID_BLOCK,
		     1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_MQ |
		     (readonly ? 0 : 1ull << VIRTIO_BLK_F_DISCARD |
				     1ull << VIRTIO_BLK_F_WRITE_ZEROES), 2);
}

static void start(struct guest *g, const char *name, enum block_format format, bool readonly)
{
	g->t = test_machine_create();
	plug(g, name, format, readonly);
}

static void stop(struct guest *g)
{
	virtio_device_destroy(g->dev);
	assert_int_equal(block_close(g->block), 0);
	test_machine_destroy(g->t);
}

static uint8_t *data_of(struct guest *g, unsigned int queue)
{
	return ram(&g->d, DATA + queue * DATA_STRIDE);
}

/* Makes a request available; not kicked. */
static void add(struct guest *g, unsigned int queue, uint32_t type, uint64_t sector, uint32_t size)
{
	struct virtio_blk_outhdr header = { .type = type, .sector = sector };
	struct driver_buffer buffers[3] = { { HEADER + 0x1000 * queue, sizeof(header), false } };
	unsigned int count = 1;

	memcpy(ram(&g->d, HEADER + 0x1000 * queue), &header, sizeof(header));
	*(uint8_t *)ram(&g->d, STATUS + queue) = 0xff;
	if (size)
		buffers[count++] = (struct driver_buffer){ DATA + queue * DATA_STRIDE, size,
							   type == VIRTIO_BLK_T_IN ||
							   type == VIRTIO_BLK_T_GET_ID };
	buffers[count++] = (struct driver_buffer){ STATUS + queue, 1, true };
	driver_add(&g->d, queue, buffers, count);
}

static uint8_t wait_for(struct guest *g, unsigned int queue)
{
	assert_true(driver_wait(&g->d, queue, NULL) >= 0);
	return *(uint8_t *)ram(&g->d, STATUS + queue);
}

static uint8_t request(struct guest *g, unsigned int queue, uint32_t type, uint64_t sector,
		       uint32_t size)
{
	add(g, queue, type, sector, size);
	driver_kick(&g->d, queue);
	return wait_for(g, queue);
}

static uint8_t range(struct guest *g, uint32_t type, uint64_t sector, uint32_t sectors,
		     uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes segment = { sector, sectors, flags };

	memcpy(data_of(g, 0), &segment, sizeof(segment));
	return request(g, 0, type, 0, sizeof(segment));
}

static void write_and_read(struct guest *g)
{
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int q = 0; q < 2; q++) {
			memset(data_of(g, q), (int)(round * 2 + q + 1), 8192);
			add(g, q, VIRTIO_BLK_T_OUT, 100 + round * 32 + q * 16, 8192);
		}
		driver_kick(&g->d, 0);
		driver_kick(&g->d, 1);
		assert_int_equal(wait_for(g, 0), VIRTIO_BLK_S_OK);
		assert_int_equal(wait_for(g, 1), VIRTIO_BLK_S_OK);
	}
	/* What one queue wrote, the other reads. */
	for (unsigned int i = 0; i < 40; i++) {
		unsigned int q = !(i % 2);

		assert_int_equal(request(g, q, VIRTIO_BLK_T_IN, 100 + i * 16, 8192),
				 VIRTIO_BLK_S_OK);
		for (unsigned int j = 0; j < 8192; j++)
			assert_int_equal(data_of(g, q)[j], i + 1);
	}
}

static void exercise(const char *name, enum block_format format)
{
	struct guest g;

	start(&g, name, format, false);
	write_and_read(&g);
	assert_int_equal(request(&g, 1, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(range(&g, VIRTIO_BLK_T_WRITE_ZEROES, 101, 2, 1), VIRTIO_BLK_S_OK);
	assert_int_equal(range(&g, VIRTIO_BLK_T_DISCARD, 0, 1024, 0), VIRTIO_BLK_S_OK);
	assert_int_equal(range(&g, VIRTIO_BLK_T_DISCARD, 0, 1024, 1), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range(&g, VIRTIO_BLK_T_DISCARD, 8 * MIB / 512, 1, 0), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&g, 0, VIRTIO_BLK_T_IN, 8 * MIB / 512 - 1, 1024),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&g, 0, VIRTIO_BLK_T_OUT, UINT64_MAX / 512, 512),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&g, 0, VIRTIO_BLK_T_IN, 0, 100), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&g, 0, 77, 0, 512), VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(request(&g, 1, VIRTIO_BLK_T_GET_ID, 0, 20), VIRTIO_BLK_S_OK);
	assert_string_equal((char *)data_of(&g, 1), "unit");
	stop(&g);
}

static void test_raw(void **state)
{
	(void)state;
	assert_shell("truncate -s 8M d.raw");
	exercise("d.raw", BLOCK_RAW);
}

static void test_qcow2(void **state)
{
	(void)state;
	create_image("d.qcow2", 8 * MIB, 0, 0, NULL, NULL);
	exercise("d.qcow2", BLOCK_AUTO);
	check_clean("d.qcow2");
	exercise("d.qcow2", BLOCK_QCOW2); /* as after a reboot of the guest */
	check_clean("d.qcow2");
}

static uint64_t config_read(struct guest *g, size_t offset, unsigned int size)
{
	return bus_read(g->t->m.mmio, g->d.device + offset, size);
}

static void test_config(void **state)
{
	struct guest g;
	uint64_t offered;

	(void)state;
	create_image("c.qcow2", 8 * MIB, 4096, 0, NULL, NULL);
	start(&g, "c.qcow2", BLOCK_AUTO, false);
	offered = driver_offered(&g.d);
	assert_true(offered >> VIRTIO_BLK_F_MQ & offered >> VIRTIO_BLK_F_FLUSH & 1);
	assert_int_equal(config_read(&g, offsetof(struct virtio_blk_config, capacity), 8),
			 8 * MIB / 512);
	assert_int_equal(config_read(&g, offsetof(struct virtio_blk_config, num_queues), 2), 2);
	assert_int_equal(config_read(&g, offsetof(struct virtio_blk_config,
						  discard_sector_alignment), 4), 8);
	assert_int_equal(common_read(&g.d, VIRTIO_PCI_COMMON_NUMQ, 2), 2);
	stop(&g);
	start(&g, "c.qcow2", BLOCK_AUTO, true);
	assert_true(driver_offered(&g.d) >> VIRTIO_BLK_F_RO & 1);
	assert_int_equal(request(&g, 0, VIRTIO_BLK_T_OUT, 0, 512), VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&g, 0, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	stop(&g);
}

static uint8_t window[0x20000];

static uint64_t window_read(void *dev, uint64_t offset, unsigned int size)
{
	(void)dev;
	assert_int_equal(size, 1);
	return window[offset];
}

static void window_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	(void)dev;
	assert_int_equal(size, 1);
	window[offset] = (uint8_t)value;
}

static void window_add(struct guest *g, uint32_t type, uint64_t sector, uint64_t gpa,
		       uint32_t size)
{
	struct virtio_blk_outhdr header = { .type = type, .sector = sector };
	struct driver_buffer buffers[] = {
		{ HEADER, sizeof(header), false }, { gpa, size, type == VIRTIO_BLK_T_IN },
		{ STATUS, 1, true },
	};

	memcpy(ram(&g->d, HEADER), &header, sizeof(header));
	*(uint8_t *)ram(&g->d, STATUS) = 0xff;
	driver_add(&g->d, 0, buffers, 3);
	driver_kick(&g->d, 0);
}

static uint8_t window_request(struct guest *g, uint32_t type, uint64_t sector, uint64_t gpa,
			      uint32_t size)
{
	window_add(g, type, sector, gpa, size);
	return wait_for(g, 0);
}

/* A PC's guest reads a picture to the screen, and writes one from there. */
static void test_vga_window(void **state)
{
	static const struct bus_ops ops = { window_read, window_write };
	struct guest g = { .t = test_machine_create() };

	(void)state;
	guest_memory_destroy(g.t->m.memory);
	assert_int_equal(guest_memory_create_pc(NULL, TEST_RAM, GUEST_MEMORY_SHARED,
						&g.t->m.memory), 0);
	assert_int_equal(bus_add(g.t->m.mmio, 0xa0000, sizeof(window), &ops, NULL, "vga"), 0);
	assert_shell("truncate -s 1M w.raw");
	plug(&g, "w.raw", BLOCK_RAW, false);
	for (unsigned int i = 0; i < sizeof(window); i++)
		window[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(window_request(&g, VIRTIO_BLK_T_OUT, 8, 0xa0000, 64000),
			 VIRTIO_BLK_S_OK);
	memset(window, 0, sizeof(window));
	assert_int_equal(window_request(&g, VIRTIO_BLK_T_IN, 8, 0xb8100, 1024),
			 VIRTIO_BLK_S_OK);
	for (unsigned int i = 0; i < sizeof(window); i++)
		assert_int_equal(window[i], i - 0x18100 < 1024 ?
				 (uint8_t)((i - 0x18100) * 7 + (i - 0x18100) / 256) : 0);
	/* beyond the image: an error, and the window stays as it is */
	assert_int_equal(window_request(&g, VIRTIO_BLK_T_IN, 2047, 0xb8100, 1024),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(window[0x18101], 7);
	/* what is partly in it is nobody's memory */
	window_add(&g, VIRTIO_BLK_T_IN, 8, 0xbff00, 512);
	assert_true(driver_wait_broken(&g.d));
	stop(&g);
}

/* The guest sees an error and goes on; later, with room again, so do writes. */
static void test_no_space(void **state)
{
	struct rlimit old, limit;
	struct guest g;
	uint8_t status = VIRTIO_BLK_S_OK;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	create_image("f.qcow2", 64 * MIB, 0, 0, NULL, NULL);
	start(&g, "f.qcow2", BLOCK_AUTO, false);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 2 * MIB;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (unsigned int i = 0; i < 64 && status == VIRTIO_BLK_S_OK; i++)
		status = request(&g, 0, VIRTIO_BLK_T_OUT, i * 128, 65536);
	assert_int_equal(status, VIRTIO_BLK_S_IOERR);
	assert_int_equal(request(&g, 1, VIRTIO_BLK_T_IN, 0, 512), VIRTIO_BLK_S_OK);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(request(&g, 0, VIRTIO_BLK_T_OUT, 60 * 128, 65536), VIRTIO_BLK_S_OK);
	assert_int_equal(request(&g, 0, VIRTIO_BLK_T_FLUSH, 0, 0), VIRTIO_BLK_S_OK);
	stop(&g);
	check_clean("f.qcow2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_qcow2),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_vga_window),
		cmocka_unit_test(test_no_space),
	};

	return cmocka_run_group_tests_name("virtio-blk", tests, folder_make, folder_remove);
}
