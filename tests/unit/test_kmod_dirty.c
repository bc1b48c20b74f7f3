// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod/dirty.c and its part of slots.c: a slot's log on and off, asking for ranges
 * and clearing them, what is refused, what is flushed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "kmod_env.h"
#include "npt_formats.h"

#define PAGE 4096ull
#define HVA 0x7f0000000000ull
#define GPA 0x3f0000ull		/* the 17th page is in another table */
#define PAGES 200u

static struct baton_vm *vm;
static u64 bits[4];

/* The module has written there, wherever it could begin to. */
static void mark(u64 gpa, u64 size)
{
	spin_lock(&vm->mmu_lock);
	baton_write_end(vm, gpa, size);
}

static int set(u32 flags)
{
	const struct baton_slot slot = {
		.id = 3, .flags = flags, .gpa = GPA, .size = PAGES * PAGE, .hva = HVA,
	};

	return baton_slot_set(vm, &slot);
}

static int set_up(void **state)
{
	(void)state;
	vm = kmod_vm_create(1);
	assert_int_equal(baton_npt_init(&vm->npt, &plain_format, false), 0);
	assert_int_equal(set(BATON_SLOT_LOG_DIRTY), 0);
	memset(bits, 0x5a, sizeof(bits));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kshim_user_fault = NULL;
	baton_npt_fini(&vm->npt);
	kmod_vm_destroy(vm);
	return 0;
}

static struct baton_dirty_log all(void)
{
	return (struct baton_dirty_log) { .slot = 3, .count = PAGES, .bitmap = (uintptr_t)bits };
}

static const struct baton_memslot *slot(void)
{
	return baton_slot_by_id(vm->slots, 3);
}

static void map(unsigned int page, enum baton_npt_access access)
{
	u64 gpa = GPA + page * PAGE, pa = 0x100000 + page * PAGE;
	bool flush = false;

	assert_int_equal(baton_npt_topup(vm), 0);
	spin_lock(&vm->mmu_lock);
	assert_int_equal(baton_npt_map_small(&vm->npt, gpa, &pa, 1, access, &flush), 0);
	spin_unlock(&vm->mmu_lock);
}

static u64 *leaf_of(unsigned int page)
{
	u64 gpa = GPA + page * PAGE, *table = vm->npt.root;
	int level;

	for (level = 4; level > 1; level--)
		table = __va(table[gpa >> (12 + 9 * (level - 1)) & 511] & 0x000ffffffffff000ull);
	return &table[gpa >> 12 & 511];
}

/* As a write fault does it: the page is mapped, marked, let through. */
static void guest_writes(unsigned int page)
{
	map(page, BATON_NPT_CLEAN);
	spin_lock(&vm->mmu_lock);
	assert_true(baton_dirty_write(vm, slot(), GPA + page * PAGE));
	spin_unlock(&vm->mmu_lock);
}

static bool is_writable(unsigned int page)
{
	return baton_npt_look(&vm->npt, GPA + page * PAGE, true, true).fine;
}

static void test_bad_arguments(void **state)
{
	static const struct {
		const char *what;
		struct baton_dirty_log log;
		int want;
	} cases[] = {
		{ "no such slot", { 4, 0, 0, PAGES, 0 }, -ENOENT },
		{ "slot number", { BATON_MAX_SLOTS, 0, 0, PAGES, 0 }, -EINVAL },
		{ "huge slot number", { ~0u, 0, 0, PAGES, 0 }, -EINVAL },
		{ "reserved", { 3, 1, 0, PAGES, 0 }, -EINVAL },
		{ "nothing", { 3, 0, 0, 0, 0 }, -EINVAL },
		{ "first misaligned", { 3, 0, 1, 64, 0 }, -EINVAL },
		{ "first misaligned, to the end", { 3, 0, 8, PAGES - 8, 0 }, -EINVAL },
		{ "count misaligned", { 3, 0, 0, 65, 0 }, -EINVAL },
		{ "too many", { 3, 0, 0, 256, 0 }, -EINVAL },
		{ "one too many", { 3, 0, 192, 9, 0 }, -EINVAL },
		{ "beyond", { 3, 0, 256, 64, 0 }, -EINVAL },
		{ "wraps", { 3, 0, 64, 0 - 64ull, 0 }, -EINVAL },
		{ "all ones", { 3, 0, 0 - 64ull, 64, 0 }, -EINVAL },
		{ "bitmap misaligned", { 3, 0, 0, PAGES, 4 }, -EINVAL },
	};
	struct baton_dirty_log log;
	size_t i;

	(void)state;
	guest_writes(0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		log = cases[i].log;
		log.bitmap += (uintptr_t)bits;
		if (baton_dirty_get(vm, &log) != cases[i].want ||
		    baton_dirty_clear(vm, &log) != cases[i].want)
			fail_msg("%s", cases[i].what);
	}
	assert_int_equal(bits[0], 0x5a5a5a5a5a5a5a5aull);
	assert_int_equal(slot()->dirty[0], 1);
	assert_true(is_writable(0));
}

static void test_get_and_clear(void **state)
{
	struct baton_dirty_log log = all();
	s64 flushes;

	(void)state;
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_true(!(bits[0] | bits[1] | bits[2] | bits[3]));
	guest_writes(2);
	guest_writes(63);
	guest_writes(64);
	guest_writes(199);
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_int_equal(bits[0], 1ull << 63 | 4);
	assert_int_equal(bits[1], 1);
	assert_int_equal(bits[3], 1 << 7);
	/* To look changes nothing. */
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_int_equal(bits[1], 1);
	/* Of the range only, and of the bitmap only; clean pages do not matter. */
	flushes = atomic64_read(&vm->tlb_gen);
	log.first = 64;
	log.count = 64;
	bits[0] = ~0ull;
	assert_int_equal(baton_dirty_clear(vm, &log), 0);
	assert_int_equal(atomic64_read(&vm->tlb_gen), flushes + 1);
	assert_true(is_writable(2) && is_writable(63) && !is_writable(64) && is_writable(199));
	log = all();
	memset(bits, 0, sizeof(bits));
	bits[0] = 4;
	bits[3] = ~0ull;
	assert_int_equal(baton_dirty_clear(vm, &log), 0);
	assert_true(!is_writable(2) && is_writable(63) && !is_writable(199));
	assert_int_equal(atomic64_read(&vm->tlb_gen), flushes + 2);
	/* Nothing to take away: nothing to flush. */
	assert_int_equal(baton_dirty_clear(vm, &log), 0);
	assert_int_equal(atomic64_read(&vm->tlb_gen), flushes + 2);
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_true(bits[0] == 1ull << 63 && !(bits[1] | bits[2] | bits[3]));
	guest_writes(64);
	assert_int_equal(slot()->dirty[1], 1);
}

/* The window's way: with no lock to be had it leaves all as it is, for the fault. */
static void test_window(void **state)
{
	(void)state;
	map(7, BATON_NPT_CLEAN);
	spin_lock(&vm->mmu_lock);
	assert_false(baton_dirty_try(vm, GPA + 7 * PAGE));
	spin_unlock(&vm->mmu_lock);
	assert_false(is_writable(7));
	assert_int_equal(slot()->dirty[0], 0);
	assert_true(baton_dirty_try(vm, GPA + 7 * PAGE + 8));
	assert_int_equal(vm->mmu_lock.held, 0);
	assert_true(is_writable(7));
	assert_int_equal(slot()->dirty[0], 1 << 7);
	/* Another vCPU was first; nothing mapped; mapped, but not to be written. */
	assert_false(baton_dirty_try(vm, GPA + 7 * PAGE));
	assert_false(baton_dirty_try(vm, GPA + 8 * PAGE));
	map(9, BATON_NPT_READ);
	assert_false(baton_dirty_try(vm, GPA + 9 * PAGE));
	assert_false(is_writable(9));
	/* No slot, no log: the slot may have gone since the window saw it. */
	assert_false(baton_dirty_try(vm, GPA - PAGE));
	assert_int_equal(set(0), 0);
	map(7, BATON_NPT_CLEAN);
	assert_false(baton_dirty_try(vm, GPA + 7 * PAGE));
	assert_int_equal(vm->mmu_lock.held, 0);
}

/* A word of the log that two tables share, and one whose first table is not there. */
static void test_two_tables(void **state)
{
	struct baton_dirty_log log = all();
	s64 flushes;

	(void)state;
	guest_writes(16);
	memset(bits, 0xff, sizeof(bits));
	assert_int_equal(baton_dirty_clear(vm, &log), 0);
	assert_false(is_writable(16));
	guest_writes(15);
	guest_writes(16);
	guest_writes(17);
	guest_writes(63);
	bits[0] = 1ull << 15 | 1ull << 16 | 1ull << 63;
	flushes = atomic64_read(&vm->tlb_gen);
	assert_int_equal(baton_dirty_clear(vm, &log), 0);
	assert_int_equal(atomic64_read(&vm->tlb_gen), flushes + 1);
	assert_false(is_writable(15) || is_writable(16) || is_writable(63));
	assert_true(is_writable(17));
	assert_int_equal(slot()->dirty[0], 1ull << 17);
}

/* Dirty, but its mapping has gone meanwhile: the bit is all there is. */
static void test_unmapped(void **state)
{
	struct baton_dirty_log log = all();
	s64 flushes;

	(void)state;
	guest_writes(5);
	spin_lock(&vm->mmu_lock);
	assert_true(baton_npt_zap(vm, GPA, PAGES * PAGE));
	spin_unlock(&vm->mmu_lock);
	flushes = atomic64_read(&vm->tlb_gen);
	memset(bits, 0xff, sizeof(bits));
	assert_int_equal(baton_dirty_clear(vm, &log), 0);
	assert_int_equal(slot()->dirty[0], 0);
	assert_int_equal(atomic64_read(&vm->tlb_gen), flushes);
}

/* The lock is wanted by others: what was protected is flushed before they get it. */
static void test_lock_break(void **state)
{
	struct baton_dirty_log log = all();
	s64 flushes = atomic64_read(&vm->tlb_gen);
	unsigned int breaks = kshim_lock_breaks;

	(void)state;
	guest_writes(1);
	guest_writes(70);
	memset(bits, 0xff, sizeof(bits));
	kshim_thread_info.flags |= _TIF_NEED_RESCHED;
	assert_int_equal(baton_dirty_clear(vm, &log), 0);
	assert_int_equal(kshim_lock_breaks, breaks + 1);
	assert_false(is_writable(1) || is_writable(70));
	assert_int_equal(atomic64_read(&vm->tlb_gen), flushes + 1);
}

static bool faults(unsigned long address, size_t size)
{
	return address == (uintptr_t)bits && size;
}

static void test_failures_change_nothing(void **state)
{
	struct baton_dirty_log log = all();

	(void)state;
	guest_writes(9);
	memset(bits, 0xff, sizeof(bits));
	kshim_user_fault = faults;
	assert_int_equal(baton_dirty_get(vm, &log), -EFAULT);
	assert_int_equal(baton_dirty_clear(vm, &log), -EFAULT);
	kshim_user_fault = NULL;
	kshim_fail_alloc = 0;
	assert_int_equal(baton_dirty_clear(vm, &log), -ENOMEM);
	kshim_fail_alloc = -1;
	assert_int_equal(slot()->dirty[0], 1 << 9);
	assert_true(is_writable(9));
}

static void test_on_and_off(void **state)
{
	struct baton_dirty_log log = all();
	u64 generation = vm->slots->generation;

	(void)state;
	guest_writes(0);
	/* As it is: nothing happens, also to the log. */
	assert_int_equal(set(BATON_SLOT_LOG_DIRTY), 0);
	assert_int_equal(vm->slots->generation, generation);
	assert_int_equal(slot()->dirty[0], 1);
	assert_int_equal(kmod_calls.unmaps, 0);
	assert_int_equal(set(0), 0);
	assert_int_equal(kmod_calls.unmaps, 1);
	assert_int_equal(kmod_calls.unmap_gpa, GPA);
	assert_int_equal(kmod_calls.unmap_size, PAGES * PAGE);
	assert_null(slot()->dirty);
	assert_int_equal(baton_dirty_get(vm, &log), -ENOENT);
	assert_int_equal(baton_dirty_clear(vm, &log), -ENOENT);
	assert_int_equal(set(0), 0);
	assert_int_equal(kmod_calls.unmaps, 1);
	/* A log that begins is empty, and begins without mappings. */
	assert_int_equal(set(BATON_SLOT_LOG_DIRTY), 0);
	assert_int_equal(kmod_calls.unmaps, 2);
	assert_int_equal(baton_dirty_get(vm, &log), 0);
	assert_int_equal(bits[0], 0);
}

/* The flag alone may change, or the place: anything else is another slot. */
static void test_other_changes(void **state)
{
	struct baton_slot other = {
		.id = 3, .flags = BATON_SLOT_LOG_DIRTY, .gpa = GPA, .size = PAGES * PAGE,
		.hva = HVA,
	};
	struct baton_slots *before = vm->slots;

	(void)state;
	assert_int_equal(set(BATON_SLOT_READONLY | BATON_SLOT_LOG_DIRTY), -EEXIST);
	other.gpa += PAGE;
	other.flags = 0;
	assert_int_equal(baton_slot_set(vm, &other), -EEXIST);
	other.flags = BATON_SLOT_LOG_DIRTY;
	other.gpa = GPA;
	other.hva += PAGE;
	assert_int_equal(baton_slot_set(vm, &other), -EEXIST);
	other.hva = HVA;
	other.size -= PAGE;
	assert_int_equal(baton_slot_set(vm, &other), -EEXIST);
	other.size += PAGE;
	other.id = 4;
	assert_int_equal(baton_slot_set(vm, &other), -EEXIST);
	assert_ptr_equal(vm->slots, before);
	/* The bits are of the pages, wherever these are. */
	mark(GPA + 5 * PAGE, 1);
	other.id = 3;
	other.gpa += PAGE;
	assert_int_equal(baton_slot_set(vm, &other), 0);
	assert_int_equal(slot()->gpa, GPA + PAGE);
	assert_int_equal(slot()->dirty[0], 1 << 5);
	mark(GPA + 5 * PAGE, 1);
	assert_int_equal(slot()->dirty[0], 1 << 5 | 1 << 4);
}

/* Pages that the guest has used; any slot, with a log or without. */
static void test_accessed(void **state)
{
	struct baton_dirty_log log = all();
	unsigned long flushes;

	(void)state;
	assert_int_equal(set(0), 0);
	map(3, BATON_NPT_WRITE);
	map(70, BATON_NPT_WRITE);
	assert_int_equal(baton_accessed_get(vm, &log), 0);
	assert_int_equal(bits[0] | bits[1] | bits[2] | bits[3], 0);
	flushes = atomic64_read(&vm->tlb_gen);
	*leaf_of(3) |= PLAIN_A;
	*leaf_of(70) |= PLAIN_A;
	log.count = 64;
	assert_int_equal(baton_accessed_get(vm, &log), 0);
	assert_int_equal(bits[0], 1 << 3);
	/* One flush for all, and it is gone; page 70 is not asked for yet. */
	assert_int_equal(atomic64_read(&vm->tlb_gen), flushes + 1);
	assert_int_equal(baton_accessed_get(vm, &log), 0);
	assert_int_equal(bits[0], 0);
	assert_int_equal(atomic64_read(&vm->tlb_gen), flushes + 1);
	log.first = 64;
	log.count = PAGES - 64;
	assert_int_equal(baton_accessed_get(vm, &log), 0);
	assert_int_equal(bits[0], 1 << 6);
	log.slot = 4;
	assert_int_equal(baton_accessed_get(vm, &log), -ENOENT);
}

/* What a processor has on record; slots that are gone or do not log do not mind. */
static void test_noted(void **state)
{
	(void)state;
	baton_dirty_note(vm, GPA + 5 * PAGE);
	assert_int_equal(slot()->dirty[0], 1 << 5);
	baton_dirty_note(vm, GPA - PAGE);
	baton_dirty_note(vm, ~0ull << 12);
	assert_int_equal(set(0), 0);
	baton_dirty_note(vm, GPA + 5 * PAGE);
}

static void test_no_memory(void **state)
{
	struct baton_slots *before;
	int after;

	(void)state;
	assert_int_equal(set(0), 0);
	before = vm->slots;
	/* The array, then the bits. */
	for (after = 0; after < 2; after++) {
		kshim_fail_alloc = after;
		assert_int_equal(set(BATON_SLOT_LOG_DIRTY), -ENOMEM);
		assert_ptr_equal(vm->slots, before);
	}
	kshim_fail_alloc = -1;
	assert_int_equal(set(BATON_SLOT_LOG_DIRTY), 0);
}

/* Four times what the host has, all slots together. */
static void test_quota(void **state)
{
	struct baton_slot big = {
		.id = 5, .flags = BATON_SLOT_LOG_DIRTY, .gpa = 1ull << 32, .hva = HVA,
		.size = (4 * 256 - PAGES) * PAGE,
	};

	(void)state;
	kshim_totalram = 256;
	big.size += 4 * PAGE;
	assert_int_equal(baton_slot_set(vm, &big), -ENOSPC);
	assert_null(baton_slot_by_id(vm->slots, 5));
	big.size -= 4 * PAGE;
	assert_int_equal(baton_slot_set(vm, &big), 0);
	/* What does not log is not counted. */
	big.id = 6;
	big.gpa <<= 1;
	big.flags = 0;
	assert_int_equal(baton_slot_set(vm, &big), 0);
	big.flags = BATON_SLOT_LOG_DIRTY;
	assert_int_equal(baton_slot_set(vm, &big), -ENOSPC);
	assert_null(baton_slot_by_id(vm->slots, 6)->dirty);
}

/* Other slots come and go: the log of this one stays. */
static void test_other_slots(void **state)
{
	struct baton_slot other = { .id = 1, .gpa = 0, .size = PAGE, .hva = HVA };

	(void)state;
	guest_writes(7);
	assert_int_equal(baton_slot_set(vm, &other), 0);
	assert_int_equal(slot()->dirty[0], 1 << 7);
	other.size = 0;
	assert_int_equal(baton_slot_set(vm, &other), 0);
	assert_int_equal(slot()->dirty[0], 1 << 7);
	other.id = 3;
	assert_int_equal(baton_slot_set(vm, &other), 0);
	assert_null(slot());
}

/* The module's own writes: over two pages, up to the slot's end, next to it. */
static void test_mark(void **state)
{
	(void)state;
	mark(GPA + 2 * PAGE - 4, 8);
	assert_int_equal(slot()->dirty[0], 6);
	mark(GPA + 64 * PAGE, PAGE);
	assert_int_equal(slot()->dirty[1], 1);
	mark(GPA + PAGES * PAGE - 4, 64);
	assert_int_equal(slot()->dirty[3], 1 << 7);
	mark(GPA - 4, 8);
	mark(GPA + PAGES * PAGE, 8);
	assert_int_equal(slot()->dirty[0], 6);
	assert_int_equal(set(0), 0);
	mark(GPA, 8);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_bad_arguments), T(test_get_and_clear), T(test_unmapped), T(test_lock_break),
		T(test_window), T(test_two_tables),
		T(test_failures_change_nothing), T(test_on_and_off), T(test_other_changes),
		T(test_accessed), T(test_noted), T(test_no_memory), T(test_quota),
		T(test_other_slots), T(test_mark),
	};

	return cmocka_run_group_tests_name("kmod dirty log", tests, NULL, NULL);
}
