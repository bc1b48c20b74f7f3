// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest RAM and the host: both kinds, what giving back gives back and what it
 * leaves, the figures, the range and target of a VM's memory.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/check.h"
#include "memory/memory_control.h"
#include "memory/memory_stat.h"
#include "options.h"
#include "virtio_driver.h"

#define PAGE 4096ull
#define RAM (8ull << 20)

static int create(enum guest_memory_kind kind, struct guest_memory **ret)
{
	return guest_memory_create_kind(NULL, RAM, kind, ret);
}

/* The cases for both kinds; a host without KSM has one. */
static void both(void (*check)(struct guest_memory *memory))
{
	struct guest_memory *memory;
	int error;

	assert_int_equal(create(GUEST_MEMORY_SHARED, &memory), 0);
	check(memory);
	guest_memory_destroy(memory);
	error = create(GUEST_MEMORY_MERGEABLE, &memory);
	if (error == -EOPNOTSUPP)
		return;
	assert_int_equal(error, 0);
	check(memory);
	guest_memory_destroy(memory);
}

static void touch(struct guest_memory *memory)
{
	memset(guest_memory_at(memory, 0, RAM), 1, RAM);
}

static void check_give_back(struct guest_memory *memory)
{
	char *base = guest_memory_at(memory, 0, RAM);

	assert_int_equal(guest_memory_held(memory), 0);
	touch(memory);
	assert_int_equal(guest_memory_held(memory), RAM);
	assert_int_equal(guest_memory_give_back(memory, base + PAGE, PAGE), 0);
	assert_int_equal(guest_memory_held(memory), RAM - PAGE);
	assert_int_equal(base[PAGE - 1], 1);
	assert_int_equal(base[PAGE], 0); /* it comes again, for one read only maybe */
	assert_int_equal(base[2 * PAGE], 1);
	assert_int_equal(guest_memory_give_back(memory, base, RAM), 0);
	assert_int_equal(guest_memory_held(memory), 0);
}

static void test_give_back(void **state)
{
	(void)state;
	both(check_give_back);
}

static void check_whole_pages(struct guest_memory *memory)
{
	char *base = guest_memory_at(memory, 0, RAM);

	touch(memory);
	assert_int_equal(guest_memory_give_back(memory, base + 1, PAGE), 0);
	assert_int_equal(guest_memory_give_back(memory, base + 5, 0), 0);
	assert_int_equal(guest_memory_give_back(memory, base, PAGE - 1), 0);
	assert_int_equal(guest_memory_held(memory), RAM);
	assert_int_equal(guest_memory_give_back(memory, base + 1, 2 * PAGE), 0);
	assert_int_equal(guest_memory_held(memory), RAM - PAGE);
	assert_int_equal(base[1], 1);
	assert_int_equal(base[2 * PAGE], 1);
}

static void test_whole_pages(void **state)
{
	(void)state;
	both(check_whole_pages);
}

static void check_outside(struct guest_memory *memory)
{
	char *base = guest_memory_at(memory, 0, RAM);

	touch(memory);
	assert_int_equal(guest_memory_give_back(memory, base - PAGE, PAGE), -EFAULT);
	assert_int_equal(guest_memory_give_back(memory, base - PAGE, 2 * PAGE), -EFAULT);
	assert_int_equal(guest_memory_give_back(memory, base + RAM, PAGE), -EFAULT);
	assert_int_equal(guest_memory_give_back(memory, base, RAM + PAGE), -EFAULT);
	assert_int_equal(guest_memory_give_back(memory, base + PAGE, UINT64_MAX), -EFAULT);
	assert_int_equal(guest_memory_held(memory), RAM);
}

static void test_outside(void **state)
{
	(void)state;
	both(check_outside);
}

/* Whether the mapping at `at` is one that KSM looks at: "mg" in its VmFlags. */
static bool is_mergeable(const void *at)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long start, end;
	char line[512];
	bool ours = false, mergeable = false;

	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			ours = (uintptr_t)at >= start && (uintptr_t)at < end;
		if (ours && !strncmp(line, "VmFlags:", 8))
			mergeable = strstr(line, " mg");
	}
	fclose(smaps);
	return mergeable;
}

/* KSM merges no shared mapping, whatever madvise() returns: why there are two kinds. */
static void test_kinds(void **state)
{
	struct guest_memory *memory;
	int error;

	(void)state;
	assert_int_equal(create(GUEST_MEMORY_SHARED, &memory), 0);
	assert_int_equal(guest_memory_kind(memory), GUEST_MEMORY_SHARED);
	madvise(guest_memory_at(memory, 0, RAM), RAM, MADV_MERGEABLE);
	assert_false(is_mergeable(guest_memory_at(memory, 0, RAM)));
	guest_memory_destroy(memory);
	error = create(GUEST_MEMORY_MERGEABLE, &memory);
	if (error == -EOPNOTSUPP)
		skip();
	assert_int_equal(error, 0);
	assert_int_equal(guest_memory_kind(memory), GUEST_MEMORY_MERGEABLE);
	assert_true(is_mergeable(guest_memory_at(memory, 0, RAM)));
	guest_memory_destroy(memory);
}

static void test_status_text(void **state)
{
	static const char text[] = "Name:\tRssAnon: 9 kB\nVmRSS:\t   3 kB\nRssAnon:\t  12 kB\n"
				   "RssFile:\t4096 kB\nRssShmem:";
	uint64_t bytes = 5;

	(void)state;
	assert_true(memory_stat_field(text, "RssAnon", &bytes));
	assert_int_equal(bytes, 12 << 10);
	assert_true(memory_stat_field(text, "RssFile", &bytes));
	assert_int_equal(bytes, 4 << 20);
	assert_true(memory_stat_field(text, "RssShmem", &bytes));
	assert_int_equal(bytes, 0);
	assert_false(memory_stat_field(text, "Rss", &bytes));
	assert_false(memory_stat_field(text, "VmSwap", &bytes));
	assert_false(memory_stat_field("", "VmSwap", &bytes));
}

static void check_figures(struct guest_memory *memory)
{
	struct memory_figures empty, full;
	struct memory_stat *stat;

	assert_int_equal(memory_stat_create(memory, &stat), 0);
	memory_stat_read(stat, &empty);
	assert_int_equal(empty.ram, RAM);
	assert_int_equal(empty.held, 0);
	assert_int_equal(empty.given_back, RAM);
	touch(memory);
	memory_stat_read(stat, &full);
	assert_int_equal(full.held, RAM);
	assert_int_equal(full.given_back, 0);
	/* guest RAM does not count as the monitor's own */
	assert_true(empty.own_known && full.own_known);
	assert_true(full.own > 1 << 20 && full.own < empty.own + RAM / 2);
	if (guest_memory_kind(memory) == GUEST_MEMORY_SHARED)
		assert_true(!full.merged_known && !full.merged && !full.merging);
	memory_stat_destroy(stat);
}

static void test_figures(void **state)
{
	(void)state;
	both(check_figures);
	memory_stat_destroy(NULL);
}

static void test_control(void **state)
{
	struct test_machine *t = test_machine_create();
	struct memory_control *control;
	struct memory_status status;
	struct btn_error e;

	(void)state;
	assert_int_equal(memory_control_create(&t->m, TEST_RAM + PAGE, TEST_RAM, &control),
			 -EINVAL);
	/* As a guest finds it that was told before a reset. */
	assert_int_equal(memory_control_create(&t->m, 2 << 20, 3 << 20, &control), 0);
	assert_int_equal(memory_control_target(control), 3 << 20);
	memory_control_destroy(control);
	assert_int_equal(memory_control_create(&t->m, 2 << 20, TEST_RAM, &control), 0);
	memory_control_status(control, &status);
	assert_int_equal(status.max, TEST_RAM);
	assert_int_equal(status.min, 2 << 20);
	assert_int_equal(status.target, TEST_RAM);
	assert_int_equal(status.actual, TEST_RAM);
	assert_false(status.driver);
	assert_int_equal(status.guest.known, 0);
	assert_int_equal(status.host.ram, TEST_RAM);

	assert_true(memory_control_set_target(control, 2 << 20, &e));
	memory_control_status(control, &status);
	assert_int_equal(status.target, 2 << 20);
	assert_int_equal(status.actual, TEST_RAM); /* nobody there to do it */
	assert_false(memory_control_set_target(control, (2 << 20) - 1, &e));
	assert_int_equal(e.code, BTN_MEMORY_TARGET);
	assert_non_null(strstr(e.fix, "2 MiB to 4 MiB"));
	assert_false(memory_control_set_target(control, TEST_RAM + 1, &e));
	memory_control_status(control, &status);
	assert_int_equal(status.target, 2 << 20);
	memory_control_destroy(control);
	memory_control_destroy(NULL);
	test_machine_destroy(t);
}

static void test_fixed(void **state)
{
	struct test_machine *t = test_machine_create();
	struct memory_control *control;
	struct btn_error e;

	(void)state;
	assert_int_equal(memory_control_create(&t->m, TEST_RAM, TEST_RAM, &control), 0);
	assert_true(memory_control_set_target(control, TEST_RAM, &e));
	assert_false(memory_control_set_target(control, TEST_RAM - PAGE, &e));
	assert_non_null(strstr(e.cause, "fixed at 4 MiB"));
	memory_control_destroy(control);
	test_machine_destroy(t);
}

static bool parse(const char *memory, const char *ksm, struct options *options)
{
	char name[] = "--memory", value[128], ksm_name[] = "--ksm", ksm_value[16];
	char *argv[] = { "baton-vm", "--kernel=k", name, value, ksm_name, ksm_value, NULL };
	struct btn_error e = {};
	bool ok;

	snprintf(value, sizeof(value), "%s", memory);
	snprintf(ksm_value, sizeof(ksm_value), "%s", ksm);
	ok = options_parse(options, 6, argv, &e);
	assert_true(ok || (e.code && e.message[0] && e.cause[0] && e.fix[0]));
	return ok;
}

static void test_options(void **state)
{
	struct options options;

	(void)state;
	assert_true(parse("64M..128M", "on", &options));
	assert_int_equal(options.memory_min, 64 << 20);
	assert_int_equal(options.memory, 128 << 20);
	assert_true(options.ksm);
	assert_true(parse("128M", "off", &options));
	assert_int_equal(options.memory_min, 128 << 20);
	assert_int_equal(options.memory, 128 << 20);
	assert_false(options.ksm);
	assert_true(parse("16777217..16777218", "off", &options));
	assert_int_equal(options.memory_min, (16 << 20) + PAGE);
	assert_int_equal(options.memory, (16 << 20) + PAGE);
	assert_false(parse("128M..64M", "on", &options));
	assert_false(parse("..", "on", &options));
	assert_false(parse("64M..128M..256M", "on", &options));
	assert_false(parse("0000000000000000000000000000000000000000000000000000640000009999999999"
			   "..128M", "on", &options)); /* not what its first digits are */
	assert_false(parse("64M", "On", &options));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_give_back), cmocka_unit_test(test_whole_pages),
		cmocka_unit_test(test_outside), cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_status_text), cmocka_unit_test(test_figures),
		cmocka_unit_test(test_control), cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
