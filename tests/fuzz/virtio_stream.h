/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile driver of one virtio device, by the fuzzer's bytes: chains of any
 * shape, rings overwritten, registers in any order, resets at any moment. The
 * device is served by its real threads, so runs are slow and not quite the same
 * each time; what has been taken is waited for, to be nearly so.
 */
#ifndef BATON_TESTS_VIRTIO_STREAM_H
#define BATON_TESTS_VIRTIO_STREAM_H

#include "fuzz.h"

#include "virtio_driver.h"

#define STREAM_DATA 0x100000u	/* what buffers are made of */
#define STREAM_DATA_SIZE 0x10000u
#define STREAM_STEPS 64

struct stream {
	struct test_machine *t;
	struct driver d;
	struct fuzz f;
	uint16_t type;
	unsigned int queues;
	/* Header of a request in the device's own format; returns its size. */
	uint32_t (*header)(struct fuzz *f, void *to);
};

static inline bool stream_is_idle(struct stream *s)
{
	for (unsigned int i = 0; i < s->queues; i++) {
		struct vring_used *used = s->d.q[i].used ? ram(&s->d, s->d.q[i].used) : NULL;

		if (used && __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) != s->d.q[i].avail_idx)
			return false;
	}
	return true;
}

/* A device may keep chains for good (a console without input): 2 ms at most. */
static inline void stream_settle(struct stream *s)
{
	for (unsigned int i = 0; i < 10 && !stream_is_idle(s); i++)
		nap();
}

static inline void stream_start(struct stream *s)
{
	uint64_t wanted = fuzz_u8(&s->f) & 1 ? ~0ull : fuzz_u64(&s->f);

	driver_attach(&s->d, s->t, s->type);
	wanted = (driver_offered(&s->d) & wanted) | DRIVER_FEATURES;
	driver_negotiate(&s->d, wanted);
	for (unsigned int i = 0; i < s->queues; i++)
		driver_setup_queue(&s->d, i, 16);
	driver_set_status(&s->d, VIRTIO_CONFIG_S_DRIVER_OK);
}

static inline void stream_add(struct stream *s)
{
	struct driver_buffer buffers[6];
	unsigned int count = 1 + fuzz_u8(&s->f) % 6, index = fuzz_u8(&s->f) % s->queues;
	uint8_t shape = fuzz_u8(&s->f);

	for (unsigned int i = 0; i < count; i++) {
		buffers[i].gpa = STREAM_DATA + fuzz_u16(&s->f) % (STREAM_DATA_SIZE - 0x800);
		buffers[i].len = fuzz_u16(&s->f) % 0x801;
		buffers[i].writable = i >= (shape & 7);
	}
	if (shape & 8)
		buffers[0].len = s->header(&s->f, ram(&s->d, buffers[0].gpa));
	if (shape & 16)
		buffers[count - 1].len = 1;
	/* In sectors, as most disks' buffers are. */
	for (unsigned int i = 1; shape & 32 && i + 1 < count; i++)
		buffers[i].len = 512 * (1 + buffers[i].len % 4);
	driver_add(&s->d, index, buffers, count);
	if (shape & 64)
		driver_kick(&s->d, index);
}

static inline void stream_scribble(struct stream *s)
{
	unsigned int index = fuzz_u8(&s->f) % s->queues, size = fuzz_u8(&s->f) % 64;
	uint8_t bytes[64];

	fuzz_bytes(&s->f, bytes, sizeof(bytes) < size ? sizeof(bytes) : size);
	memcpy(ram(&s->d, s->d.q[index].desc + fuzz_u16(&s->f) % 0xc000), bytes, size);
}

static inline void stream_register(struct stream *s)
{
	const uint64_t areas[] = { s->d.common, s->d.isr, s->d.device, s->d.notify };
	uint8_t what = fuzz_u8(&s->f);
	uint64_t at = areas[what & 3] + fuzz_u8(&s->f) % 64;
	struct bus *bus = (what & 3) == 3 ? s->t->m.pio : s->t->m.mmio;
	unsigned int size = 1u << (what >> 2 & 3);

	if (bus == s->t->m.pio && size > 4)
		size = 4;
	if (what & 0x80)
		bus_write(bus, at, size, fuzz_u64(&s->f));
	else
		bus_read(bus, at, size);
}

static inline void stream_step(struct stream *s)
{
	switch (fuzz_u8(&s->f) & 7) {
	case 0:
	case 1:
	case 2:
		stream_add(s);
		break;
	case 3:
		driver_kick(&s->d, fuzz_u8(&s->f) % s->queues);
		stream_settle(s);
		break;
	case 4:
		stream_scribble(s);
		break;
	case 5:
		stream_register(s);
		break;
	case 6:
		cfg_write(s->t, s->d.slot, fuzz_u8(&s->f) % 64, 2, fuzz_u16(&s->f));
		break;
	default:
		stream_start(s);
	}
}

/* The device has been made on t; it is destroyed by the caller. */
static inline void stream_run(struct stream *s)
{
	memset(&s->d, 0, sizeof(s->d));
	test_loop_start(s->t);
	stream_start(s);
	for (unsigned int i = 0; i < STREAM_STEPS && s->f.left; i++)
		stream_step(s);
	for (unsigned int i = 0; i < s->queues; i++)
		driver_kick(&s->d, i);
	stream_settle(s);
	test_loop_stop(s->t);
}

#endif
