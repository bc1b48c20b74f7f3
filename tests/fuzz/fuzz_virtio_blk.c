// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-blk under a hostile driver. The image keeps its size, and a read-only
 * one its content.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <sys/mman.h>
#include <unistd.h>

#include "virtio_stream.h"

#define IMAGE_SIZE 0x10000u
#define FILL 0xa5

static int make_image(void)
{
	static uint8_t content[IMAGE_SIZE];
	int fd = memfd_create("disk", MFD_CLOEXEC);

	memset(content, FILL, sizeof(content));
	FUZZ_CHECK(fd >= 0 && write(fd, content, sizeof(content)) == IMAGE_SIZE);
	return fd;
}

static void check_image(int fd, bool readonly)
{
	static uint8_t content[IMAGE_SIZE];

	FUZZ_CHECK(lseek(fd, 0, SEEK_END) == IMAGE_SIZE);
	FUZZ_CHECK(pread(fd, content, sizeof(content), 0) == IMAGE_SIZE);
	for (unsigned int i = 0; readonly && i < IMAGE_SIZE; i++)
		FUZZ_CHECK(content[i] == FILL);
}

static uint32_t blk_header(struct fuzz *f, void *to)
{
	static const uint32_t types[] = {
		VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_T_GET_ID,
		VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_IN,
	};
	uint8_t type = fuzz_u8(f);
	struct virtio_blk_outhdr header = {
		.type = type & 0x80 ? type : types[type % 7],
		.sector = type & 0x40 ? fuzz_u64(f) : fuzz_u8(f),
	};
	struct virtio_blk_discard_write_zeroes segment = {
		.sector = fuzz_u8(f), .num_sectors = fuzz_u8(f), .flags = type >> 4 & 3,
	};

	memcpy(to, &header, sizeof(header));
	/* A buffer that begins there is the segment of a discard. */
	memcpy((char *)to + sizeof(header), &segment, sizeof(segment));
	return sizeof(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = {
		.f = { data, size }, .type = VIRTIO_ID_BLOCK, .queues = 1, .header = blk_header,
	};
	bool readonly = fuzz_bool(&s.f);
	struct block_options image = { .fd = make_image(), .readonly = readonly };
	struct virtio_blk_options options = { .name = "disk", .serial = "fuzz" };
	struct virtio_device *dev;
	struct btn_error e;

	s.t = test_machine_create();
	if (!block_open(&image, &options.block, &e) ||
	    virtio_blk_create(&s.t->m, &options, &dev))
		abort();
	stream_run(&s);
	virtio_device_destroy(dev);
	block_close(options.block);
	check_image(image.fd, readonly);
	close(image.fd);
	test_machine_destroy(s.t);
	return 0;
}
