// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The virtqueue core on rings that are the fuzzer's bytes, and change between
 * two looks: every buffer that comes out lies in guest memory.
 */
#include "fuzz.h"

#include "core/memory.h"
#include "virtio/ring.h"

#define RAM (16u << 12)
#define RINGS 0x1000u	/* what the input fills from address 0 on */
#define IOV_MAX_OURS 12u

static struct guest_memory *memory;

static uint64_t ring_gpa(struct fuzz *f)
{
	uint16_t where = fuzz_u16(f);

	/* Mostly in what the input fills; sometimes at the end of RAM, or beyond. */
	return where & 0x8000 ? RAM - (where & 0x3ff) : where & (RINGS - 1);
}

static void check_chain(const struct virtq_chain *chain)
{
	const uint8_t *start = guest_memory_at(memory, 0, RAM);
	unsigned int count = chain->readable + chain->writable;

	FUZZ_CHECK(count && count <= chain->iov_max);
	for (unsigned int i = 0; i < count; i++) {
		const uint8_t *at = chain->iov[i].iov_base;

		FUZZ_CHECK(chain->iov[i].iov_len);
		FUZZ_CHECK(at >= start && at < start + RAM);
		FUZZ_CHECK(chain->iov[i].iov_len <= (size_t)(start + RAM - at));
	}
}

static void step(struct virtq *q, struct fuzz *f)
{
	struct iovec iov[IOV_MAX_OURS];
	struct virtq_chain chain = { .iov = iov, .iov_max = 1 + fuzz_u8(f) % IOV_MAX_OURS };
	uint8_t what = fuzz_u8(f), *at;
	int got;

	if (what & 1) {
		at = guest_memory_at(memory, fuzz_u16(f) % RINGS, 1);
		*at = fuzz_u8(f);
	}
	if (what & 2)
		virtq_kicks_off(q);
	got = virtq_pop(q, &chain);
	FUZZ_CHECK(got == 1 || got == 0 || q->broken);
	if (got == 1) {
		check_chain(&chain);
		if (what & 4)
			virtq_unpop(q);
		else
			virtq_push(q, chain.head, fuzz_u8(f));
	}
	if (what & 8)
		virtq_publish(q);
	if (what & 16)
		virtq_kicks_on_beyond(q, what >> 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { data, size };
	struct virtq q;

	if (!memory && guest_memory_create(NULL, RAM, &memory))
		abort();
	memset(guest_memory_at(memory, 0, RAM), 0, RAM);
	virtq_reset(&q, fuzz_u8(&f) & 1 ? 4 : fuzz_u16(&f));
	q.desc_gpa = ring_gpa(&f);
	q.avail_gpa = ring_gpa(&f);
	q.used_gpa = ring_gpa(&f);
	q.next_avail = q.next_used = fuzz_bool(&f) ? 0xfffe : 0;
	if (virtq_start(&q, memory, fuzz_u64(&f)))
		return 0;
	fuzz_bytes(&f, guest_memory_at(memory, 0, RINGS), fuzz_u16(&f) % RINGS);
	while (f.left)
		step(&q, &f);
	virtq_stop(&q);
	return 0;
}
