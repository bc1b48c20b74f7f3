// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Dirty logs of windows, with a made-up engine: when they are switched on, what
 * becomes of them when a window moves, and when nothing is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "hv_private.h"

#define PAGE 4096ull
#define PAGES (4096u + 64u + 3u)	/* taken in more than one go, and not in whole words */
#define WORDS ((PAGES + 63) / 64)
#define BAR 0xd0000000ull

/* ---- the engine ---- */

static struct {
	struct hv_slot slot;	/* of WINDOW_VRAM */
	uint64_t bits[WORDS];
	unsigned int sets, takes;
	bool refuse_log, fail_clear;
} engine;

static int engine_set_slot(struct hv_vm *vm, const struct hv_slot *slot)
{
	(void)vm;
	if (slot->id != 3 + WINDOW_VRAM)
		return 0;
	if (slot->log_dirty && engine.refuse_log)
		return -ENOSPC;
	/* A log begins empty; what may change of a slot is its log. */
	if (slot->size && engine.slot.size) {
		assert_int_equal(slot->gpa, engine.slot.gpa);
		assert_ptr_equal(slot->hva, engine.slot.hva);
	}
	if (!engine.slot.log_dirty || !slot->size)
		memset(engine.bits, 0, sizeof(engine.bits));
	engine.slot = *slot;
	engine.sets++;
	return 0;
}

static int engine_get(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
		      uint64_t *bitmap)
{
	(void)vm;
	assert_int_equal(slot, 3 + WINDOW_VRAM);
	assert_true(engine.slot.log_dirty);
	assert_true(first + count <= PAGES && (count % 64 == 0 || first + count == PAGES));
	memcpy(bitmap, engine.bits + first / 64, (count + 63) / 64 * 8);
	engine.takes++;
	return 0;
}

static int engine_clear(struct hv_vm *vm, uint32_t slot, uint64_t first, uint64_t count,
			const uint64_t *bitmap)
{
	(void)vm, (void)slot;
	if (engine.fail_clear)
		return -ENOMEM;
	for (uint64_t i = 0; i < (count + 63) / 64; i++)
		engine.bits[first / 64 + i] &= ~bitmap[i];
	return 0;
}

static const struct hv_ops ops = {
	.set_slot = engine_set_slot, .get_dirty = engine_get, .clear_dirty = engine_clear,
};
static struct hv hv = { .ops = &ops, .info = { .dirty_log = true } };
static struct hv_vm vm = { .ops = &ops, .hv = &hv };

static void guest_writes(unsigned int page)
{
	if (engine.slot.log_dirty)
		engine.bits[page / 64] |= 1ull << page % 64;
}

/* ---- the tests ---- */

static struct guest_memory *memory;
static void *vram;
static uint64_t bits[WORDS];

static int set_up(void **state)
{
	(void)state;
	memset(&engine, 0, sizeof(engine));
	memset(bits, 0, sizeof(bits));
	hv.info.dirty_log = true;
	vram = calloc(PAGES, PAGE);
	return guest_memory_create_pc(&vm, 8 << 20, GUEST_MEMORY_SHARED, &memory);
}

static int tear_down(void **state)
{
	(void)state;
	guest_memory_destroy(memory);
	free(vram);
	return 0;
}

static int map(uint64_t gpa)
{
	return guest_memory_map(memory, WINDOW_VRAM, gpa, PAGES * PAGE, vram, false);
}

static bool take(void)
{
	memset(bits, 0, sizeof(bits));
	return guest_memory_take_dirty(memory, WINDOW_VRAM, bits, PAGES);
}

static unsigned int count(void)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < WORDS; i++)
		sum += (unsigned int)__builtin_popcountll(bits[i]);
	return sum;
}

static void test_take(void **state)
{
	(void)state;
	assert_int_equal(map(BAR), 0);
	assert_false(engine.slot.log_dirty);
	assert_false(take());
	assert_int_equal(engine.takes, 0);
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), 0);
	assert_true(engine.slot.log_dirty);
	/* What was written before is not known. */
	assert_false(take());
	assert_true(take() && !count());
	guest_writes(0);
	guest_writes(4095);
	guest_writes(4096);
	guest_writes(PAGES - 1);
	assert_true(take());
	assert_int_equal(count(), 4);
	assert_int_equal(bits[63], 1ull << 63);
	assert_int_equal(bits[64], 1);
	assert_int_equal(bits[WORDS - 1], 1ull << (PAGES - 1) % 64);
	assert_true(take() && !count());
	/* Added to what the caller has. */
	guest_writes(1);
	bits[0] = 4;
	assert_true(guest_memory_take_dirty(memory, WINDOW_VRAM, bits, PAGES));
	assert_int_equal(bits[0], 6);
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, false), 0);
	assert_false(engine.slot.log_dirty);
	assert_false(take());
}

static void test_switched_once(void **state)
{
	unsigned int sets;

	(void)state;
	assert_int_equal(map(BAR), 0);
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), 0);
	take();
	sets = engine.sets;
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), 0);
	assert_int_equal(engine.sets, sets);
	assert_true(take());
}

/* The guest moves BAR 0: writes of the time before the last look are lost. */
static void test_moved(void **state)
{
	(void)state;
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), 0);
	assert_int_equal(map(BAR), 0);
	assert_true(engine.slot.log_dirty);
	assert_false(take());
	assert_true(take());
	guest_writes(3);
	guest_memory_unmap(memory, WINDOW_VRAM);
	assert_false(take());
	/* Not mapped: writes exit, and whoever handles them knows. */
	assert_true(take() && !count());
	assert_int_equal(map(BAR + 0x8000000), 0);
	assert_true(take() && !count());
	guest_writes(5);
	assert_true(take() && count() == 1);
	guest_memory_unmap(memory, WINDOW_VRAM);
	assert_int_equal(map(BAR), 0);
	assert_false(take());
}

/* An instruction of the guest's that was emulated wrote there. */
static void test_emulated_write(void **state)
{
	uint32_t value = 0x5a;

	(void)state;
	assert_int_equal(map(BAR), 0);
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), 0);
	take();
	assert_int_equal(guest_memory_read(memory, BAR + 8, &value, 4), 0);
	assert_true(take());
	assert_int_equal(guest_memory_write(memory, BAR + 8, &value, 4), 0);
	assert_false(take());
	assert_true(take());
}

static void test_engine_says_no(void **state)
{
	(void)state;
	hv.info.dirty_log = false;
	assert_int_equal(map(BAR), 0);
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), -EOPNOTSUPP);
	assert_false(take());
	hv.info.dirty_log = true;
	/* Its memory for logs is used up: the window comes without one. */
	guest_memory_unmap(memory, WINDOW_VRAM);
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), 0);
	engine.refuse_log = true;
	assert_int_equal(map(BAR), 0);
	assert_true(engine.slot.size && !engine.slot.log_dirty);
	assert_false(take());
	assert_false(take());
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), -ENOSPC);
	engine.refuse_log = false;
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), 0);
	take();
	assert_true(take());
	guest_writes(1);
	engine.fail_clear = true;
	assert_false(take());
	engine.fail_clear = false;
	assert_true(take() && count() == 1);
}

static void test_bad_arguments(void **state)
{
	(void)state;
	assert_int_equal(guest_memory_log(memory, WINDOW_COUNT, true), -EINVAL);
	assert_false(guest_memory_take_dirty(memory, WINDOW_COUNT, bits, PAGES));
	assert_int_equal(map(BAR), 0);
	assert_int_equal(guest_memory_log(memory, WINDOW_VRAM, true), 0);
	take();
	assert_false(guest_memory_take_dirty(memory, WINDOW_VRAM, bits, PAGES - 1));
	assert_int_equal(engine.takes, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_take), T(test_switched_once), T(test_moved), T(test_emulated_write),
		T(test_engine_says_no), T(test_bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
