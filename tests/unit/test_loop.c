// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The event loop: how it ends, and that what is ready is served all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/loop.h"

static void on_ready(void *ctx, int fd, uint32_t events)
{
	unsigned int *count = ctx;
	eventfd_t value;

	assert_true(events & EPOLLIN);
	assert_int_equal(eventfd_read(fd, &value), 0);
	++*count;
}

/* As a guest does that resets its machine before the loop is there. */
static void test_quit_before(void **state)
{
	struct loop *loop = loop_create();
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unsigned int count = 0;

	(void)state;
	assert_non_null(loop);
	assert_int_equal(loop_add_fd(loop, fd, EPOLLIN, on_ready, &count), 0);
	for (unsigned int turn = 1; turn <= 3; turn++) {
		loop_rearm(loop);
		assert_int_equal(eventfd_write(fd, 1), 0);
		loop_quit(loop, (int)turn);
		loop_quit(loop, 77); /* the first status counts */
		assert_int_equal(loop_run(loop), turn);
		assert_int_equal(count, turn);
	}
	loop_remove_fd(loop, fd);
	close(fd);
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quit_before),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
