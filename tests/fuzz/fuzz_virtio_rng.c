// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-rng under a hostile driver.
 */
#include <linux/virtio_ids.h>

#include "virtio_stream.h"

static uint32_t no_header(struct fuzz *f, void *to)
{
	(void)to;
	return 1 + fuzz_u8(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream s = {
		.f = { data, size }, .type = VIRTIO_ID_RNG, .queues = 1, .header = no_header,
	};
	struct virtio_device *dev;

	s.t = test_machine_create();
	if (virtio_rng_create(&s.t->m, &dev))
		abort();
	stream_run(&s);
	virtio_device_destroy(dev);
	test_machine_destroy(s.t);
	return 0;
}
