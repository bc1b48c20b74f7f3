// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-balloon under a hostile driver: lists of any pages, reports, and
 * statistics, with a target and an interval that change meanwhile.
 */
#include <linux/virtio_ids.h>

#include "virtio/virtio_balloon.h"
#include "virtio_stream.h"

/* A list of page frame numbers, most of them in RAM; as statistics it is as good as any. */
static uint32_t pages(struct fuzz *f, void *to)
{
	uint32_t count = 1 + fuzz_u8(f) % 64;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t pfn = fuzz_u16(f);

		memcpy((char *)to + i * sizeof(pfn), &pfn, sizeof(pfn));
	}
	return count * sizeof(uint32_t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = {
		.f = { data, size }, .type = VIRTIO_ID_BALLOON, .queues = 5, .header = pages,
	};
	uint16_t choice = fuzz_u16(&s.f);
	struct virtio_balloon_stats stats;
	struct virtio_device *dev;

	s.t = test_machine_create();
	if (virtio_balloon_create(&s.t->m, &dev))
		abort();
	virtio_balloon_set_target(dev, choice * 4096ull);
	virtio_balloon_set_stats_interval(dev, choice & 1);
	stream_run(&s);
	virtio_balloon_get_stats(dev, &stats);
	FUZZ_CHECK(virtio_balloon_actual(dev) <= TEST_RAM);
	FUZZ_CHECK(!(virtio_balloon_actual(dev) % 4096));
	FUZZ_CHECK(virtio_balloon_target(dev) ==
		   (choice * 4096ull < TEST_RAM ? choice * 4096ull : TEST_RAM));
	FUZZ_CHECK(guest_memory_held(s.t->m.memory) <= TEST_RAM);
	virtio_device_destroy(dev);
	test_machine_destroy(s.t);
	return 0;
}
