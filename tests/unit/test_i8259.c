// SPDX-License-Identifier: GPL-2.0-or-later
/* The 8259A pair by its registers, in the words of its data sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <stdlib.h>

#include "dev/i8259.h"

struct fixture {
	struct i8259 *pic;
	bool intr;
	unsigned int changes;
};

static void on_intr(void *ctx, bool level)
{
	struct fixture *f = ctx;

	assert_int_not_equal(f->intr, level);
	f->intr = level;
	f->changes++;
}

static const struct bus_ops *ops(unsigned int port)
{
	return port & 0x80 ? &i8259_slave_ops : &i8259_master_ops;
}

static void out(struct fixture *f, unsigned int port, uint8_t value)
{
	ops(port)->write(f->pic, port & 1, 1, value);
}

static uint8_t in(struct fixture *f, unsigned int port)
{
	return (uint8_t)ops(port)->read(f->pic, port & 1, 1);
}

static void program(struct fixture *f, uint8_t icw4)
{
	out(f, 0x20, 0x11);
	out(f, 0x21, 0x08);
	out(f, 0x21, 0x04);
	out(f, 0x21, icw4);
	out(f, 0xa0, 0x11);
	out(f, 0xa1, 0x70);
	out(f, 0xa1, 0x02);
	out(f, 0xa1, icw4 & (uint8_t)~0x10);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct i8259_config config = { .intr = on_intr, .ctx = f };

	f->pic = i8259_create(&config);
	program(f, 0x01);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	i8259_destroy(f->pic);
	free(f);
	return 0;
}

static void pulse(struct fixture *f, unsigned int pin)
{
	i8259_set(f->pic, pin, false);
	i8259_set(f->pic, pin, true);
}

static void test_edge(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(i8259_inta(f->pic), -1);
	pulse(f, 3);
	assert_true(f->intr);
	assert_int_equal(in(f, 0x20), 0x08);	/* IRR */
	assert_int_equal(i8259_inta(f->pic), 0x0b);
	assert_false(f->intr);
	out(f, 0x20, 0x0b);
	assert_int_equal(in(f, 0x20), 0x08);	/* ISR */
	out(f, 0x20, 0x20);
	assert_int_equal(in(f, 0x20), 0);
	/* the line is still high: no second edge */
	assert_false(f->intr);
}

static void test_level(void **state)
{
	struct fixture *f = *state;

	i8259_elcr_ops.write(f->pic, 0, 2, 0xffff);
	assert_int_equal(i8259_elcr_ops.read(f->pic, 0, 2), 0xdef8);
	i8259_set(f->pic, 10, true);
	assert_int_equal(i8259_inta(f->pic), 0x72);
	out(f, 0xa0, 0x20);
	out(f, 0x20, 0x20);
	assert_true(f->intr);	/* still asked for */
	i8259_set(f->pic, 10, false);
	assert_false(f->intr);
}

static void test_priority(void **state)
{
	struct fixture *f = *state;

	pulse(f, 5);
	assert_int_equal(i8259_inta(f->pic), 0x0d);
	pulse(f, 6);
	assert_false(f->intr);	/* lower than what is in service */
	pulse(f, 1);
	assert_int_equal(i8259_inta(f->pic), 0x09);
	out(f, 0x20, 0x20);	/* ends 1 */
	assert_false(f->intr);
	out(f, 0x20, 0x65);	/* ends 5 by name */
	assert_int_equal(i8259_inta(f->pic), 0x0e);
}

static void test_mask(void **state)
{
	struct fixture *f = *state;

	out(f, 0x21, 0x10);
	assert_int_equal(in(f, 0x21), 0x10);
	pulse(f, 4);
	assert_false(f->intr);
	out(f, 0x21, 0);
	assert_true(f->intr);
	out(f, 0x21, 0x10);
	assert_false(f->intr);
	assert_int_equal(i8259_inta(f->pic), -1);
}

static void test_spurious(void **state)
{
	struct fixture *f = *state;

	/* on the slave only: the master has served its input 2 */
	pulse(f, 12);
	assert_true(f->intr);
	i8259_set(f->pic, 12, false);
	assert_false(f->intr);
	pulse(f, 3);
	i8259_set(f->pic, 3, false);
	assert_int_equal(i8259_inta(f->pic), -1);
	assert_int_equal(in(f, 0x20), 0);
}

static void test_cascade(void **state)
{
	struct fixture *f = *state;

	pulse(f, 9);
	pulse(f, 12);
	assert_int_equal(i8259_inta(f->pic), 0x71);
	assert_false(f->intr);	/* both chips hold back */
	out(f, 0xa0, 0x20);
	assert_false(f->intr);	/* the master's input 2 is in service */
	out(f, 0x20, 0x20);
	assert_int_equal(i8259_inta(f->pic), 0x74);
}

static void test_special_fully_nested(void **state)
{
	struct fixture *f = *state;

	program(f, 0x11);
	pulse(f, 12);
	assert_int_equal(i8259_inta(f->pic), 0x74);
	pulse(f, 9);		/* higher on the slave: gets through */
	assert_int_equal(i8259_inta(f->pic), 0x71);
}

static void test_auto_eoi(void **state)
{
	struct fixture *f = *state;

	program(f, 0x03);
	pulse(f, 2 + 8);
	pulse(f, 3 + 8);
	assert_int_equal(i8259_inta(f->pic), 0x72);
	assert_int_equal(i8259_inta(f->pic), 0x73);
	assert_int_equal(i8259_inta(f->pic), -1);
	out(f, 0x20, 0x80);	/* rotate in automatic EOI mode */
	pulse(f, 4);
	assert_int_equal(i8259_inta(f->pic), 0x0c);
	pulse(f, 4);
	pulse(f, 5);
	assert_int_equal(i8259_inta(f->pic), 0x0d);	/* 4 has become the lowest */
}

static void test_rotation(void **state)
{
	struct fixture *f = *state;

	out(f, 0x20, 0xc4);	/* 4 is the lowest, 5 the highest */
	pulse(f, 0);
	pulse(f, 6);
	assert_int_equal(i8259_inta(f->pic), 0x0e);
	out(f, 0x20, 0xa0);	/* ends 6, which becomes the lowest */
	pulse(f, 7);
	assert_int_equal(i8259_inta(f->pic), 0x0f);
}

static void test_special_mask(void **state)
{
	struct fixture *f = *state;

	pulse(f, 1);
	assert_int_equal(i8259_inta(f->pic), 0x09);
	pulse(f, 6);
	assert_false(f->intr);
	out(f, 0x21, 0x02);
	out(f, 0x20, 0x68);	/* special mask mode */
	assert_int_equal(i8259_inta(f->pic), 0x0e);
	out(f, 0x20, 0x48);	/* back: 1 is still in service */
	pulse(f, 7);
	assert_false(f->intr);
}

static void test_poll(void **state)
{
	struct fixture *f = *state;

	out(f, 0x20, 0x0c);
	assert_int_equal(in(f, 0x20) & 0x80, 0);
	pulse(f, 6);
	out(f, 0x20, 0x0c);
	assert_int_equal(in(f, 0x20), 0x86);
	assert_false(f->intr);
	out(f, 0x20, 0x0b);
	assert_int_equal(in(f, 0x20), 0x40);
}

static void test_initialization(void **state)
{
	struct fixture *f = *state;

	pulse(f, 5);
	out(f, 0x21, 0x55);
	out(f, 0x20, 0x11);
	assert_false(f->intr);
	out(f, 0x21, 0x20);
	out(f, 0x21, 0x04);
	pulse(f, 5);
	assert_false(f->intr);	/* not before the last word */
	out(f, 0x21, 0x01);
	assert_int_equal(in(f, 0x21), 0);
	assert_int_equal(i8259_inta(f->pic), 0x25);
}

static void test_hostile(void **state)
{
	struct fixture *f = *state;

	i8259_set(f->pic, 2, true);	/* no such wire */
	i8259_set(f->pic, 16, true);
	assert_false(f->intr);
	i8259_master_ops.write(f->pic, 0, 4, 0xffffffff);
	i8259_master_ops.read(f->pic, 1, 4);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_edge), T(test_level), T(test_priority), T(test_mask), T(test_spurious),
		T(test_cascade), T(test_special_fully_nested), T(test_auto_eoi),
		T(test_rotation), T(test_special_mask), T(test_poll), T(test_initialization),
		T(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
