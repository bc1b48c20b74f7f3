// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The virtqueue core against drivers that keep the rules and drivers that do
 * not: each breach ends in a broken ring, never in a crash or a loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "virtio/ring.h"

#define RAM (1u << 20)
#define SIZE 8u
#define DESC 0x1000u
#define AVAIL 0x2000u
#define USED 0x3000u
#define TABLE 0x4000u
#define DATA 0x8000u
#define IOV 6u

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

#define F_EVENT (1ull << VIRTIO_RING_F_EVENT_IDX)
#define F_INDIRECT (1ull << VIRTIO_RING_F_INDIRECT_DESC)

struct env {
	struct guest_memory *memory;
	struct virtq q;
	struct virtq_chain chain;
	struct iovec iov[IOV];
	struct vring_avail *avail;
	struct vring_used *used;
};

static int up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	assert_int_equal(guest_memory_create(NULL, RAM, &e->memory), 0);
	virtq_reset(&e->q, SIZE);
	e->q.desc_gpa = DESC;
	e->q.avail_gpa = AVAIL;
	e->q.used_gpa = USED;
	e->chain.iov = e->iov;
	e->chain.iov_max = IOV;
	e->avail = guest_memory_at(e->memory, AVAIL, 64);
	e->used = guest_memory_at(e->memory, USED, 128);
	*state = e;
	return 0;
}

static int down(void **state)
{
	struct env *e = *state;

	guest_memory_destroy(e->memory);
	free(e);
	return 0;
}

static void start(struct env *e, uint64_t features)
{
	assert_int_equal(virtq_start(&e->q, e->memory, features), 0);
}

static void desc_at(struct env *e, uint64_t gpa, uint64_t addr, uint32_t len, uint16_t flags,
		    uint16_t next)
{
	struct vring_desc d = { addr, len, flags, next };

	assert_int_equal(guest_memory_write(e->memory, gpa, &d, sizeof(d)), 0);
}

static void desc(struct env *e, unsigned int i, uint64_t addr, uint32_t len, uint16_t flags,
		 uint16_t next)
{
	desc_at(e, DESC + 16 * i, addr, len, flags, next);
}

static void offer(struct env *e, uint16_t head)
{
	e->avail->ring[e->avail->idx % SIZE] = head;
	e->avail->idx++;
}

static void test_chain(void **state)
{
	struct env *e = *state;

	start(e, 0);
	assert_int_equal(virtq_pop(&e->q, &e->chain), 0);
	desc(e, 3, DATA, 16, NEXT, 5);
	desc(e, 5, DATA + 0x100, 512, NEXT | WRITE, 1);
	desc(e, 1, DATA + 0x400, 1, WRITE, 0);
	offer(e, 3);
	assert_int_equal(virtq_pop(&e->q, &e->chain), 1);
	assert_int_equal(e->chain.head, 3);
	assert_int_equal(e->chain.readable, 1);
	assert_int_equal(e->chain.writable, 2);
	assert_ptr_equal(e->iov[1].iov_base, guest_memory_at(e->memory, DATA + 0x100, 512));
	assert_int_equal(e->iov[1].iov_len, 512);
	assert_int_equal(virtq_pop(&e->q, &e->chain), 0);

	virtq_push(&e->q, 3, 513);
	assert_int_equal(e->used->idx, 0); /* not before publish */
	assert_true(virtq_publish(&e->q));
	assert_int_equal(e->used->idx, 1);
	assert_int_equal(e->used->ring[0].id, 3);
	assert_int_equal(e->used->ring[0].len, 513);
	assert_false(virtq_publish(&e->q)); /* nothing new */
}

static void test_wrap(void **state)
{
	struct env *e = *state;

	e->q.next_avail = e->q.next_used = 0xfffe;
	e->avail->idx = e->used->idx = 0xfffe;
	start(e, 0);
	desc(e, 0, DATA, 16, 0, 0);
	for (unsigned int i = 0; i < 3 * SIZE; i++) {
		offer(e, 0);
		assert_int_equal(virtq_pop(&e->q, &e->chain), 1);
		virtq_push(&e->q, 0, 0);
		assert_true(virtq_publish(&e->q));
	}
	assert_int_equal(e->used->idx, (uint16_t)(0xfffe + 3 * SIZE));
}

static void test_unpop(void **state)
{
	struct env *e = *state;

	start(e, 0);
	desc(e, 2, DATA, 16, 0, 0);
	offer(e, 2);
	assert_int_equal(virtq_pop(&e->q, &e->chain), 1);
	virtq_unpop(&e->q);
	assert_int_equal(virtq_pop(&e->q, &e->chain), 1);
	assert_int_equal(e->chain.head, 2);
}

static void test_indirect(void **state)
{
	struct env *e = *state;

	start(e, F_INDIRECT);
	desc(e, 0, DATA, 16, NEXT, 1); /* 2.7.5.3.2: a direct one first is fine */
	desc(e, 1, TABLE, 3 * 16, INDIRECT, 0);
	desc_at(e, TABLE, DATA, 4, NEXT, 2);
	desc_at(e, TABLE + 32, DATA, 8, NEXT | WRITE, 1);
	desc_at(e, TABLE + 16, DATA, 2, WRITE, 0);
	offer(e, 0);
	assert_int_equal(virtq_pop(&e->q, &e->chain), 1);
	assert_int_equal(e->chain.readable, 2);
	assert_int_equal(e->chain.writable, 2);
	assert_int_equal(e->iov[3].iov_len, 2);
}

/* ---- breaches ---- */

struct breach {
	const char *name;
	uint64_t features;
	struct vring_desc desc[3], table[3];
	uint16_t head, avail_idx;
};

static const struct breach breaches[] = {
	{ "head out of range", 0, { { DATA, 1, 0, 0 } }, {}, SIZE, 1 },
	{ "next out of range", 0, { { DATA, 1, NEXT, SIZE } }, {}, 0, 1 },
	{ "next far out of range", 0, { { DATA, 1, NEXT, 0xffff } }, {}, 0, 1 },
	{ "loop of one", 0, { { DATA, 1, NEXT, 0 } }, {}, 0, 1 },
	{ "loop of two", 0, { { DATA, 1, NEXT, 1 }, { DATA, 1, NEXT, 0 } }, {}, 0, 1 },
	{ "empty buffer", 0, { { DATA, 0, 0, 0 } }, {}, 0, 1 },
	{ "not in RAM", 0, { { RAM, 1, 0, 0 } }, {}, 0, 1 },
	{ "past the end of RAM", 0, { { RAM - 1, 2, 0, 0 } }, {}, 0, 1 },
	{ "address wraps", 0, { { UINT64_MAX, 0xffffffff, 0, 0 } }, {}, 0, 1 },
	{ "readable after writable", 0,
	  { { DATA, 1, NEXT | WRITE, 1 }, { DATA, 1, 0, 0 } }, {}, 0, 1 },
	{ "indirect not negotiated", 0, { { TABLE, 16, INDIRECT, 0 } },
	  { { DATA, 1, 0, 0 } }, 0, 1 },
	{ "indirect and next", F_INDIRECT, { { TABLE, 16, INDIRECT | NEXT, 1 }, { DATA, 1, 0, 0 } },
	  { { DATA, 1, 0, 0 } }, 0, 1 },
	{ "indirect in indirect", F_INDIRECT, { { TABLE, 16, INDIRECT, 0 } },
	  { { TABLE, 16, INDIRECT, 0 } }, 0, 1 },
	{ "indirect of no length", F_INDIRECT, { { TABLE, 0, INDIRECT, 0 } },
	  { { DATA, 1, 0, 0 } }, 0, 1 },
	{ "indirect of odd length", F_INDIRECT, { { TABLE, 24, INDIRECT, 0 } },
	  { { DATA, 1, 0, 0 } }, 0, 1 },
	{ "indirect not in RAM", F_INDIRECT, { { RAM - 16, 32, INDIRECT, 0 } }, {}, 0, 1 },
	{ "indirect loop", F_INDIRECT, { { TABLE, 48, INDIRECT, 0 } },
	  { { DATA, 1, NEXT, 1 }, { DATA, 1, NEXT, 0 } }, 0, 1 },
	{ "indirect next out of table", F_INDIRECT, { { TABLE, 32, INDIRECT, 0 } },
	  { { DATA, 1, NEXT, 2 }, {}, { DATA, 1, 0, 0 } }, 0, 1 },
	{ "index runs away", 0, { { DATA, 1, 0, 0 } }, {}, 0, SIZE + 1 },
	{ "index runs backwards", 0, { { DATA, 1, 0, 0 } }, {}, 0, 0xffff },
};

static void test_breaches(void **state)
{
	struct env *e = *state;

	for (unsigned int i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++) {
		const struct breach *b = &breaches[i];

		virtq_stop(&e->q);
		e->q.next_avail = e->q.next_used = 0;
		e->q.broken = false;
		guest_memory_write(e->memory, DESC, b->desc, sizeof(b->desc));
		guest_memory_write(e->memory, TABLE, b->table, sizeof(b->table));
		e->avail->ring[0] = b->head;
		e->avail->idx = b->avail_idx;
		start(e, b->features);
		if (virtq_pop(&e->q, &e->chain) != -EPROTO)
			fail_msg("%s: accepted", b->name);
		assert_true(e->q.broken);
		e->avail->idx = 0; /* no way back but a reset */
		assert_int_equal(virtq_pop(&e->q, &e->chain), -EPROTO);
		assert_false(virtq_kicks_on(&e->q));
	}
}

static void test_longest_chain(void **state)
{
	struct env *e = *state;

	start(e, 0);
	for (unsigned int i = 0; i < IOV; i++)
		desc(e, i, DATA, 1, i + 1 < IOV ? NEXT : 0, (uint16_t)(i + 1));
	offer(e, 0);
	assert_int_equal(virtq_pop(&e->q, &e->chain), 1);
	assert_int_equal(e->chain.readable, IOV);
	desc(e, IOV - 1, DATA, 1, NEXT, IOV);
	desc(e, IOV, DATA, 1, 0, 0);
	offer(e, 0);
	assert_int_equal(virtq_pop(&e->q, &e->chain), -EPROTO);
}

static void test_bad_places(void **state)
{
	struct env *e = *state;
	static const struct { uint64_t desc, avail, used; uint16_t size; int error; } row[] = {
		{ DESC + 8, AVAIL, USED, SIZE, -EINVAL },
		{ DESC, AVAIL + 1, USED, SIZE, -EINVAL },
		{ DESC, AVAIL, USED + 2, SIZE, -EINVAL },
		{ DESC, AVAIL, USED, 0, -EINVAL },
		{ DESC, AVAIL, USED, 7, -EINVAL },
		{ DESC, AVAIL, USED, 2 * VIRTQ_SIZE_MAX, -EINVAL },
		{ RAM, AVAIL, USED, SIZE, -EFAULT },
		{ DESC, RAM - 8, USED, SIZE, -EFAULT },
		{ DESC, AVAIL, UINT64_MAX & ~3ull, SIZE, -EFAULT },
		{ MEMORY_HOLE_START, AVAIL, USED, SIZE, -EFAULT },
	};

	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		virtq_reset(&e->q, row[i].size);
		e->q.desc_gpa = row[i].desc;
		e->q.avail_gpa = row[i].avail;
		e->q.used_gpa = row[i].used;
		assert_int_equal(virtq_start(&e->q, e->memory, 0), row[i].error);
		assert_int_equal(virtq_pop(&e->q, &e->chain), 0); /* stays stopped */
		virtq_kicks_off(&e->q);
		assert_false(virtq_kicks_on(&e->q));
	}
}

/* ---- notifications ---- */

static void push(struct env *e)
{
	virtq_push(&e->q, 0, 0);
}

static void test_interrupts_by_flag(void **state)
{
	struct env *e = *state;

	start(e, 0);
	push(e);
	assert_true(virtq_publish(&e->q));
	e->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	push(e);
	assert_false(virtq_publish(&e->q));
	virtq_kicks_off(&e->q);
	assert_int_equal(e->used->flags, VRING_USED_F_NO_NOTIFY);
	assert_false(virtq_kicks_on(&e->q));
	assert_int_equal(e->used->flags, 0);
	offer(e, 0);
	assert_true(virtq_kicks_on(&e->q));
}

static void test_interrupts_by_event(void **state)
{
	struct env *e = *state;
	uint16_t *used_event = &e->avail->ring[SIZE];
	uint16_t *avail_event = (uint16_t *)&e->used->ring[SIZE];

	start(e, F_EVENT);
	*used_event = 0;
	push(e);
	assert_true(virtq_publish(&e->q));
	push(e);
	assert_false(virtq_publish(&e->q)); /* event 0 is past */
	*used_event = 4;
	push(e);
	push(e);
	assert_false(virtq_publish(&e->q)); /* 4 used, the fifth is asked for */
	push(e);
	push(e);
	assert_true(virtq_publish(&e->q)); /* passed in the middle of a batch */

	desc(e, 0, DATA, 1, 0, 0);
	offer(e, 0);
	virtq_kicks_off(&e->q);
	assert_int_equal(e->used->flags, 0);
	assert_true(virtq_kicks_on(&e->q));
	assert_int_equal(virtq_pop(&e->q, &e->chain), 1);
	assert_int_equal(*avail_event, 0);
	assert_false(virtq_kicks_on(&e->q));
	assert_int_equal(*avail_event, 1);

	offer(e, 0);
	assert_true(virtq_kicks_on_beyond(&e->q, 0));
	assert_false(virtq_kicks_on_beyond(&e->q, 1)); /* one is too few, it stays */
	assert_int_equal(*avail_event, 2);
	assert_int_equal(virtq_pop(&e->q, &e->chain), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		T(test_chain), T(test_wrap), T(test_unpop), T(test_indirect), T(test_breaches),
		T(test_longest_chain), T(test_bad_places), T(test_interrupts_by_flag),
		T(test_interrupts_by_event),
	};

	return cmocka_run_group_tests_name("virtio ring", tests, NULL, NULL);
}
