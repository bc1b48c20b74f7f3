// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/slots.c: what a slot may be, what lookups find, what a change does; then
 * random changes against a flat model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "kmod_env.h"

#define PAGE 4096ull
#define HVA 0x7f0000000000ull

static struct baton_vm *vm;

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kmod_vm_destroy(vm);
	return 0;
}

static int set(u32 id, u64 gpa, u64 size, u64 hva, u32 flags)
{
	const struct baton_slot slot = {
		.id = id, .flags = flags, .gpa = gpa, .size = size, .hva = hva,
	};

	return baton_slot_set(vm, &slot);
}

static const struct baton_memslot *find(u64 gpa)
{
	return baton_slot_find(vm->slots, gpa);
}

static void test_bad_arguments(void **state)
{
	static const struct {
		const char *what;
		struct baton_slot slot;
	} cases[] = {
		{ "id", { BATON_MAX_SLOTS, 0, 0, PAGE, HVA } },
		{ "huge id", { ~0u, 0, 0, PAGE, HVA } },
		{ "flags", { 0, 4, 0, PAGE, HVA } },
		{ "all flags", { 0, ~0u, 0, PAGE, HVA } },
		{ "gpa misaligned", { 0, 0, 8, PAGE, HVA } },
		{ "size misaligned", { 0, 0, 0, PAGE + 1, HVA } },
		{ "hva misaligned", { 0, 0, 0, PAGE, HVA + 0x800 } },
		{ "no hva", { 0, 0, 0, PAGE, 0 } },
		{ "gpa wraps", { 0, 0, ~0ull << 12, 2 * PAGE, HVA } },
		{ "hva wraps", { 0, 0, 0, 2 * PAGE, ~0ull << 12 } },
		{ "end beyond the width", { 0, 0, (1ull << 40) - PAGE, 2 * PAGE, HVA } },
		{ "beyond the width", { 0, 0, 1ull << 40, PAGE, HVA } },
		{ "kernel address", { 0, 0, 0, PAGE, 0xffff888000000000ull } },
		{ "into the kernel", { 0, 0, 0, 2 * PAGE, TASK_SIZE_MAX - PAGE } },
		{ "tag of LAM48", { 0, 0, 0, PAGE, HVA | 1ul << 48 } },
		{ "tag of LAM57", { 0, 0, 0, PAGE, HVA | 1ul << 57 } },
	};
	struct baton_slots *before = vm->slots;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = baton_slot_set(vm, &cases[i].slot);

		if (r != -EINVAL)
			fail_msg("%s: %d", cases[i].what, r);
	}
	assert_ptr_equal(vm->slots, before);
	/* The nearest that are legal. */
	assert_int_equal(set(BATON_MAX_SLOTS - 1, (1ull << 40) - PAGE, PAGE, HVA, 1), 0);
	assert_int_equal(set(0, 0, 2 * PAGE, TASK_SIZE_MAX - 2 * PAGE, 0), 0);
}

static void test_other_process(void **state)
{
	struct mm_struct other;

	(void)state;
	vm->mm = &other;
	assert_int_equal(set(0, 0, PAGE, HVA, 0), -EPERM);
	vm->mm = current->mm;
	assert_int_equal(set(0, 0, PAGE, HVA, 0), 0);
	vm->mm = &other;
	assert_int_equal(set(0, 0, 0, 0, 0), -EPERM);
}

static void test_width(void **state)
{
	u8 host = boot_cpu_data.x86_phys_bits;

	(void)state;
	assert_int_equal(baton_phys_bits(), 40);
	boot_cpu_data.x86_phys_bits = 52;
	assert_int_equal(baton_phys_bits(), BATON_NPT_BITS);
	assert_int_equal(set(0, 1ull << 48, PAGE, HVA, 0), -EINVAL);
	assert_int_equal(set(0, (1ull << 48) - PAGE, PAGE, HVA, 0), 0);
	/* Only with so many bits is there room for a slot that is too large. */
	assert_int_equal(set(1, 0, BATON_SLOT_MAX_SIZE + PAGE, PAGE, 0), -EINVAL);
	assert_int_equal(set(1, 0, BATON_SLOT_MAX_SIZE, PAGE, 0), 0);
	boot_cpu_data.x86_phys_bits = host;
}

static void test_find(void **state)
{
	(void)state;
	assert_null(baton_slot_find(NULL, 0));
	assert_null(find(0));
	assert_int_equal(set(7, 0x10000, 0x4000, HVA, 0), 0);
	assert_int_equal(set(3, 0x14000, 0x1000, HVA + 0x100000, BATON_SLOT_READONLY), 0);
	assert_int_equal(set(5, 0x1000, 0x1000, HVA + 0x200000, 0), 0);
	assert_null(find(0xfff));
	assert_int_equal(find(0x1000)->id, 5);
	assert_int_equal(find(0x1fff)->id, 5);
	assert_null(find(0x2000));
	assert_null(find(0xffff));
	assert_int_equal(find(0x10000)->id, 7);
	assert_int_equal(find(0x13fff)->id, 7);
	assert_int_equal(find(0x14000)->id, 3);
	assert_null(find(0x15000));
	assert_null(find(~0ull));
	assert_int_equal(baton_slot_hva(find(0x12345), 0x12345), HVA + 0x2345);
}

static void test_gpa_to_hva(void **state)
{
	(void)state;
	assert_int_equal(set(0, 0x10000, 0x2000, HVA, 0), 0);
	assert_int_equal(set(1, 0x12000, 0x1000, HVA + 0x2000, BATON_SLOT_READONLY), 0);
	assert_int_equal(baton_gpa_to_hva(vm, 0x10008, 8, true), HVA + 8);
	assert_int_equal(baton_gpa_to_hva(vm, 0x11ff8, 8, true), HVA + 0x1ff8);
	/* Not over the end of a slot, even into the next one. */
	assert_int_equal(baton_gpa_to_hva(vm, 0x11ff9, 8, false), 0);
	assert_int_equal(baton_gpa_to_hva(vm, 0x11000, ~0ull, false), 0);
	assert_int_equal(baton_gpa_to_hva(vm, 0xfff8, 16, false), 0);
	assert_int_equal(baton_gpa_to_hva(vm, 0x12000, 0x1000, false), HVA + 0x2000);
	assert_int_equal(baton_gpa_to_hva(vm, 0x12000, 0x1000, true), 0);
	assert_int_equal(baton_gpa_to_hva(vm, 0x13000, 1, false), 0);
}

static void test_overlap(void **state)
{
	static const u64 overlapping[][2] = {
		{ 0x10000, 0x4000 }, { 0xf000, 0x2000 }, { 0x13000, 0x2000 }, { 0x11000, 0x1000 },
		{ 0x8000, 0x20000 }, { 0x13000, 0x1000 }, { 0x10000, 0x1000 },
	};
	struct baton_slots *before;
	size_t i;

	(void)state;
	assert_int_equal(set(1, 0x10000, 0x4000, HVA, 0), 0);
	before = vm->slots;
	for (i = 0; i < ARRAY_SIZE(overlapping); i++)
		assert_int_equal(set(2, overlapping[i][0], overlapping[i][1], HVA, 0), -EEXIST);
	assert_int_equal(set(1, 0x40000, 0x1000, HVA, 0), -EEXIST);
	assert_int_equal(set(1, 0x40000, 0x4000, HVA + PAGE, 0), -EEXIST);
	assert_int_equal(set(1, 0x40000, 0x4000, HVA, BATON_SLOT_READONLY), -EEXIST);
	assert_ptr_equal(vm->slots, before);
	/* Two slots may show the same memory, and touch. */
	assert_int_equal(set(2, 0xf000, 0x1000, HVA, 0), 0);
	assert_int_equal(set(3, 0x14000, 0x1000, HVA, 0), 0);
}

static void test_remove(void **state)
{
	u64 generation;

	(void)state;
	assert_int_equal(set(4, 0, 0, 0, 0), -ENOENT);
	assert_int_equal(set(4, 0x10000, 0x4000, HVA, 0), 0);
	assert_int_equal(set(5, 0x20000, 0x4000, HVA, 0), 0);
	assert_int_equal(kmod_calls.unmaps, 0);
	generation = vm->slots->generation;
	/* Only the id counts. */
	assert_int_equal(set(4, 0x999999, 0, 1, 0), 0);
	assert_int_equal(kmod_calls.unmaps, 1);
	assert_int_equal(kmod_calls.unmap_gpa, 0x10000);
	assert_int_equal(kmod_calls.unmap_size, 0x4000);
	/*
	 * No CPU may find the slot any more when its range is zapped, and nobody may
	 * miss it before: an invalidation would leave its pages mapped.
	 */
	assert_false(kmod_calls.unmap_early);
	assert_false(kmod_calls.unmap_found);
	assert_null(find(0x10000));
	assert_int_equal(find(0x20000)->id, 5);
	assert_true(vm->slots->generation > generation);
	assert_int_equal(set(4, 0, 0, 0, 0), -ENOENT);
	assert_int_equal(set(4, 0x10000, 0x1000, HVA, 0), 0);
}

static void test_move(void **state)
{
	struct baton_slots *before;

	(void)state;
	assert_int_equal(set(4, 0x10000, 0x4000, HVA, 0), 0);
	assert_int_equal(set(5, 0x20000, 0x4000, HVA, 0), 0);
	before = vm->slots;
	assert_int_equal(set(4, 0x1d000, 0x4000, HVA, 0), -EEXIST);
	assert_int_equal(set(4, 0x10008, 0x4000, HVA, 0), -EINVAL);
	kshim_fail_alloc = 0;
	assert_int_equal(set(4, 0x30000, 0x4000, HVA, 0), -ENOMEM);
	kshim_fail_alloc = -1;
	assert_ptr_equal(vm->slots, before);
	assert_int_equal(kmod_calls.unmaps, 0);
	/* Past a neighbour; the old range is unmapped as the new array is published. */
	assert_int_equal(set(4, 0x30000, 0x4000, HVA, 0), 0);
	assert_int_equal(kmod_calls.unmaps, 1);
	assert_int_equal(kmod_calls.unmap_gpa, 0x10000);
	assert_int_equal(kmod_calls.unmap_size, 0x4000);
	assert_false(kmod_calls.unmap_early);
	assert_false(kmod_calls.unmap_found);
	assert_null(find(0x10000));
	assert_int_equal(find(0x33fff)->id, 4);
	assert_int_equal(baton_slot_hva(find(0x31234), 0x31234), HVA + 0x1234);
	/* By less than its own size. */
	assert_int_equal(set(4, 0x2f000, 0x4000, HVA, 0), 0);
	assert_int_equal(find(0x2f000)->id, 4);
	assert_null(find(0x33000));
}

static void test_no_memory(void **state)
{
	struct baton_slots *before;

	(void)state;
	assert_int_equal(set(0, 0, PAGE, HVA, 0), 0);
	before = vm->slots;
	kshim_fail_alloc = 0;
	assert_int_equal(set(1, PAGE, PAGE, HVA, 0), -ENOMEM);
	kshim_fail_alloc = 0;
	assert_int_equal(set(0, 0, 0, 0, 0), -ENOMEM);
	kshim_fail_alloc = -1;
	assert_ptr_equal(vm->slots, before);
	assert_int_equal(kmod_calls.unmaps, 0);
}

static void test_full(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < BATON_MAX_SLOTS; i++)
		assert_int_equal(set(i, (u64)(i * 37 % BATON_MAX_SLOTS) * PAGE, PAGE, HVA, 0), 0);
	for (i = 0; i < BATON_MAX_SLOTS; i++)
		assert_int_equal(find((u64)i * PAGE)->gpa, (u64)i * PAGE);
	assert_int_equal(set(0, 0x10000000, 2 * PAGE, HVA, 0), -EEXIST);
	assert_int_equal(set(0, 0x20000000, PAGE, HVA, 0), 0);
	assert_int_equal(set(1, 0, 0, 0, 0), 0);
	assert_int_equal(set(1, 0x10000000, PAGE, HVA, 0), 0);
}

#define MODEL_PAGES 64u

/* Which slot has which page, by a list; 0xff: none. */
static void check_model(const u8 *owner)
{
	u32 page;

	for (page = 0; page < MODEL_PAGES; page++) {
		const struct baton_memslot *slot = find(page * PAGE + 0x123);

		if (owner[page] == 0xff)
			assert_null(slot);
		else
			assert_int_equal(slot->id, owner[page]);
	}
}

static bool model_free(const u8 *owner, u32 first, u32 count, u8 id)
{
	u32 i;

	for (i = 0; i < MODEL_PAGES; i++)
		if (owner[i] == id || (i >= first && i < first + count && owner[i] != 0xff))
			return false;
	return true;
}

/* Is there a slot of this id and size, and no other one in its new place? */
static bool model_moves(const u8 *owner, u32 first, u32 count, u8 id)
{
	u32 i, had = 0;

	for (i = 0; i < MODEL_PAGES; i++) {
		had += owner[i] == id;
		if (i >= first && i < first + count && owner[i] != id && owner[i] != 0xff)
			return false;
	}
	return had == count;
}

static void test_random(void **state)
{
	u8 owner[MODEL_PAGES];
	u32 i, page, seed = 1;

	(void)state;
	memset(owner, 0xff, sizeof(owner));
	for (i = 0; i < 3000; i++) {
		u32 first, count, id;
		bool fits;

		seed = seed * 1103515245 + 12345;
		first = seed >> 8 & (MODEL_PAGES - 1);
		count = (seed >> 16 & 7) + 1;
		id = seed >> 20 & 15;
		if (seed >> 28 & 1) {
			bool there = memchr(owner, id, sizeof(owner));

			assert_int_equal(set(id, 0, 0, 0, 0), there ? 0 : -ENOENT);
			for (page = 0; page < MODEL_PAGES; page++)
				owner[page] = owner[page] == id ? 0xff : owner[page];
		} else {
			count = min(count, MODEL_PAGES - first);
			fits = model_free(owner, first, count, id) ||
			       model_moves(owner, first, count, id);
			assert_int_equal(set(id, first * PAGE, count * PAGE, HVA, 0),
					 fits ? 0 : -EEXIST);
			for (page = 0; fits && page < MODEL_PAGES; page++)
				owner[page] = owner[page] == id ? 0xff : owner[page];
			if (fits)
				memset(owner + first, (int)id, count);
		}
		check_model(owner);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_bad_arguments), T(test_other_process), T(test_width), T(test_find),
		T(test_gpa_to_hva), T(test_overlap), T(test_remove), T(test_move),
		T(test_no_memory), T(test_full), T(test_random),
	};

	return cmocka_run_group_tests_name("kmod slots", tests, NULL, NULL);
}
