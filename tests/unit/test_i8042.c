// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keyboard controller as firmware and drivers set it up: its commands, whose byte comes
 * first, interrupts, and the pointer that becomes motion.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <linux/input-event-codes.h>

#include "dev/i8042.h"
#include "fake_clock.h"

#define FULL 0x01
#define SYSTEM 0x04
#define LAST_WAS_COMMAND 0x08
#define AUX 0x20

static struct fake_line line, aux_line;
static enum machine_end end;
static struct i8042 *ctl;

static void take_request(void *ctx, enum machine_end how)
{
	(void)ctx;
	end = how;
}

static int set_up(void **state)
{
	struct i8042_config config = {
		fake_irq_line(&line), fake_irq_line(&aux_line), take_request, NULL
	};

	(void)state;
	line = aux_line = (struct fake_line){};
	end = MACHINE_RUNNING;
	ctl = i8042_create(&config);
	return !ctl;
}

static int tear_down(void **state)
{
	(void)state;
	i8042_destroy(ctl);
	return 0;
}

static void command(uint8_t value)
{
	i8042_command_ops.write(ctl, 0, 1, value);
}

static void data(uint8_t value)
{
	i8042_data_ops.write(ctl, 0, 1, value);
}

static void to_mouse(uint8_t value)
{
	command(0xd4);
	data(value);
}

static uint8_t status(void)
{
	return (uint8_t)i8042_command_ops.read(ctl, 0, 1);
}

static void expect(uint8_t byte)
{
	assert_int_equal(status() & (FULL | AUX), FULL);
	assert_int_equal(i8042_data_ops.read(ctl, 0, 1), byte);
}

static void expect_aux(uint8_t byte)
{
	assert_int_equal(status() & (FULL | AUX), FULL | AUX);
	assert_int_equal(i8042_data_ops.read(ctl, 0, 1), byte);
}

static void expect_nothing(void)
{
	assert_int_equal(status() & FULL, 0);
	assert_false(line.level);
	assert_false(aux_line.level);
}

static void set_mode(uint8_t mode)
{
	command(0x60);
	data(mode);
}

/* Commands and what they answer, from the state after power on. */
static void test_commands(void **state)
{
	static const struct {
		uint8_t command;
		int reply;
	} cases[] = {
		{ 0x20, 0x41 }, { 0x25, 0 }, { 0xa4, 0xf1 }, { 0xa6, -1 }, { 0xa7, -1 },
		{ 0x20, 0x61 }, { 0xa8, -1 }, { 0x20, 0x41 }, { 0xa9, 0 }, { 0xab, 0 },
		{ 0xad, -1 }, { 0x20, 0x51 }, { 0xe0, 2 }, { 0xae, -1 }, { 0xe0, 3 },
		{ 0xc0, 0x80 }, { 0xd0, 0xcf }, { 0x00, -1 }, { 0x9f, -1 }, { 0xef, -1 },
		{ 0xf1, -1 }, { 0xff, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		command(cases[i].command);
		if (cases[i].reply >= 0)
			expect((uint8_t)cases[i].reply);
		expect_nothing();
		assert_int_equal(status() & LAST_WAS_COMMAND, LAST_WAS_COMMAND);
	}
	assert_int_equal(end, MACHINE_RUNNING);
}

static void test_self_test(void **state)
{
	(void)state;
	assert_int_equal(status() & SYSTEM, 0);
	command(0xaa);
	expect(0x55);
	assert_int_equal(status() & SYSTEM, SYSTEM);
	command(0x20);
	expect(0x45);
	set_mode(0x41);
	assert_int_equal(status() & (SYSTEM | LAST_WAS_COMMAND), 0);
	set_mode(0x45);
	assert_int_equal(status() & SYSTEM, SYSTEM);
}

static void test_memory(void **state)
{
	(void)state;
	for (uint8_t i = 1; i < 0x20; i++) {
		command(0x60 + i);
		data(0xa0 + i);
	}
	for (uint8_t i = 1; i < 0x20; i++) {
		command(0x20 + i);
		expect(0xa0 + i);
	}
	command(0x20);
	expect(0x41);
}

static void test_resets(void **state)
{
	static const uint8_t pulses[] = { 0xf0, 0xf2, 0xfc, 0xfe };

	(void)state;
	for (unsigned int i = 0; i < sizeof(pulses); i++) {
		end = MACHINE_RUNNING;
		command(pulses[i]);
		assert_int_equal(end, MACHINE_RESET);
	}
	end = MACHINE_RUNNING;
	command(0xd1);
	data(0x03);
	assert_int_equal(end, MACHINE_RUNNING);
	command(0xd1);
	data(0x02);
	assert_int_equal(end, MACHINE_RESET);
	expect_nothing(); /* none of it was for the keyboard */
}

/* A password is taken up to its zero and forgotten; then bytes are the keyboard's again. */
static void test_password(void **state)
{
	(void)state;
	command(0xa5);
	data(0x1e);
	data(0xff);
	data(0);
	expect_nothing();
	command(0xa6);
	command(0xa4);
	expect(0xf1);
	data(0xee);
	expect(0xee);
}

/* Bytes that go round, on the side of the keyboard and of the mouse. */
static void test_loops(void **state)
{
	(void)state;
	set_mode(0x43);
	command(0xd2);
	data(0x1c); /* not translated */
	assert_true(line.level);
	expect(0x1c);
	command(0xd3);
	data(0xa5);
	assert_true(aux_line.level);
	assert_false(line.level);
	expect_aux(0xa5);
	assert_int_equal(aux_line.rises, 1);
	expect_nothing();
}

/* IRQ 1 for all that is not the mouse's, the controller's own included; IRQ 12 for that. */
static void test_interrupts(void **state)
{
	(void)state;
	set_mode(0x43);
	command(0x20);
	assert_int_equal(line.rises, 1);
	command(0xd0);	/* waits behind it, with the line up */
	expect(0x43);
	expect(0xdf);
	assert_int_equal(line.rises, 2);
	to_mouse(0xf2);
	assert_int_equal(aux_line.rises, 1);
	expect_aux(0xfa);
	assert_int_equal(aux_line.rises, 2);
	command(0xd0);
	expect_aux(0);
	expect(0xef);
	assert_int_equal(line.rises, 3);
	set_mode(0x40);
	command(0x20);
	to_mouse(0xf2);
	assert_false(line.level || aux_line.level);
	/* what is there already interrupts as soon as it may */
	set_mode(0x41);
	assert_true(line.level);
	assert_int_equal(i8042_data_ops.read(ctl, 0, 1), 0x40);
	assert_false(line.level || aux_line.level);
	set_mode(0x42);
	assert_true(aux_line.level);
	expect_aux(0xfa);
	expect_aux(0);
	expect_nothing();
}

static void test_keys(void **state)
{
	(void)state;
	i8042_key(ctl, KEY_A, true);
	assert_true(line.level);
	i8042_key(ctl, KEY_A, false);
	i8042_key(ctl, KEY_UP, true);
	i8042_key(ctl, KEY_UP, false);
	expect(0x1e);
	expect(0x9e);
	expect(0xe0);
	expect(0x48);
	expect(0xe0);
	expect(0xc8);
	assert_int_equal(line.rises, 6);
	set_mode(0x01);
	i8042_key(ctl, KEY_A, true);
	i8042_key(ctl, KEY_A, false);
	expect(0x1c);
	expect(0xf0);
	expect(0x1c);
	/* off: they wait; a byte for the keyboard turns it on */
	command(0xad);
	i8042_key(ctl, KEY_B, true);
	expect_nothing();
	data(0xee);
	expect(0xee);
	expect(0x32);
	for (unsigned int i = 0; i < 1000; i++)
		i8042_key(ctl, (uint16_t)i, true);
}

/* Drivers drop what comes while they wait for an answer, so no key may come then. */
static void test_keys_wait_for_answers(void **state)
{
	(void)state;
	i8042_key(ctl, KEY_R, true);	/* in the output buffer, not read */
	i8042_key(ctl, KEY_R, false);
	data(0xed);
	assert_int_equal(line.rises, 2);	/* an edge for the answer */
	expect(0xfa);
	expect_nothing();		/* the argument comes first */
	i8042_key(ctl, KEY_O, true);
	expect_nothing();
	data(2);
	expect(0xfa);
	assert_int_equal(i8042_leds(ctl), 2);
	expect(0x13);
	i8042_key(ctl, KEY_O, false);
	data(0xf2);	/* with the release in the output buffer: two bytes of the keyboard's */
	expect(0xfa);
	expect(0xab);
	expect(0x41);
	expect(0x93);
	expect(0x18);
	expect(0x98);
	expect_nothing();
}

/* As Linux does it, with a key in the way at each step: the bytes of both must be whole. */
static void test_probe_under_keys(void **state)
{
	static const struct {
		uint8_t write, answers, answer[3];
	} steps[] = {
		{ 0xf2, 3, { 0xfa, 0xab, 0x41 } }, { 0xed, 1, { 0xfa } }, { 0x00, 1, { 0xfa } },
		{ 0xf3, 1, { 0xfa } }, { 0x00, 1, { 0xfa } }, { 0xf4, 1, { 0xfa } },
	};

	(void)state;
	i8042_key(ctl, KEY_R, true);
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		data(steps[i].write);
		for (unsigned int k = 0; k < steps[i].answers; k++)
			expect(steps[i].answer[k]);
	}
	i8042_key(ctl, KEY_R, false);
	expect(0x13);
	expect(0x93);
	expect_nothing();
}

/* A driver that empties the keyboard gives up on one that has more than 15 bytes. */
static void test_can_be_emptied(void **state)
{
	unsigned int bytes = 0;

	(void)state;
	for (uint16_t key = KEY_1; key <= KEY_SPACE; key++) {
		i8042_key(ctl, key, true);
		i8042_key(ctl, key, false);
	}
	for (; status() & FULL; bytes++)
		i8042_data_ops.read(ctl, 0, 1);
	assert_in_range(bytes, 8, 15);
}

static void test_key_room(void **state)
{
	unsigned int given = 0;

	(void)state;
	set_mode(0x01);
	for (; i8042_key_room(ctl); given++)
		i8042_key(ctl, KEY_A, !(given & 1));
	assert_in_range(given, 4, 15);
	for (unsigned int i = 0; i < given; i++) {
		if (i & 1)
			expect(0xf0);
		expect(0x1c);
	}
	expect_nothing();
	assert_int_equal(i8042_key_room(ctl), 1);
	data(0xf5);
	expect(0xfa);
	assert_int_equal(i8042_key_room(ctl), 0);
	data(0xf4);
	assert_int_equal(i8042_key_room(ctl), 1);
}

static void enable_mouse(void)
{
	set_mode(0x43);
	to_mouse(0xf4);
	expect_aux(0xfa);
}

static void expect_packet(uint8_t head, uint8_t x, uint8_t y)
{
	expect_aux(head);
	expect_aux(x);
	expect_aux(y);
}

static void test_pointer(void **state)
{
	(void)state;
	enable_mouse();
	i8042_pointer(ctl, 100, 100, 640, 480, 0);
	expect_nothing();
	i8042_pointer(ctl, 110, 95, 640, 480, 0);
	assert_true(aux_line.level);
	expect_packet(0x08, 10, 5);
	i8042_pointer(ctl, 110, 95, 640, 480, 1);
	expect_packet(0x09, 0, 0);
	i8042_pointer(ctl, 110, 95, 640, 480, 2);
	expect_packet(0x0c, 0, 0);
	i8042_pointer(ctl, 108, 98, 640, 480, 4);
	expect_packet(0x3a, 0xfe, 0xfd);
	i8042_pointer(ctl, 108, 98, 640, 480, 0);
	expect_packet(0x08, 0, 0);
	expect_nothing();
	/* another size: the position is new; outside: at the edge */
	i8042_pointer(ctl, 500, 500, 800, 600, 0);
	expect_nothing();
	i8042_pointer(ctl, 900, 500, 800, 600, 0);
	expect_packet(0x08, 149, 0);
	expect_packet(0x08, 150, 0);
	i8042_pointer(ctl, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0);
	i8042_pointer(ctl, UINT32_MAX, UINT32_MAX, 0, 0, 0);
	expect_nothing();
	/* as long as the mouse is not on, it only moves */
	to_mouse(0xf5);
	expect_aux(0xfa);
	i8042_pointer(ctl, 5, 5, 0, 5, 1);
	i8042_pointer(ctl, 5, 5, 640, 480, 0);
	i8042_pointer(ctl, 9, 5, 640, 480, 0);
	expect_nothing();
}

static void test_wheel(void **state)
{
	static const uint8_t knock[] = { 0xf3, 200, 0xf3, 100, 0xf3, 80 };

	(void)state;
	set_mode(0x43);
	for (unsigned int i = 0; i < sizeof(knock); i++) {
		to_mouse(knock[i]);
		expect_aux(0xfa);
	}
	enable_mouse();
	i8042_pointer(ctl, 1, 1, 640, 480, 8);
	expect_packet(0x08, 0, 0);
	expect_aux(0xff);
	i8042_pointer(ctl, 1, 1, 640, 480, 8);	/* is still down */
	i8042_pointer(ctl, 1, 1, 640, 480, 0);
	expect_nothing();
	i8042_pointer(ctl, 1, 1, 640, 480, 16);
	expect_packet(0x08, 0, 0);
	expect_aux(1);
}

/* Both devices and the controller have something: each byte keeps its mark. */
static void test_arbitration(void **state)
{
	(void)state;
	enable_mouse();
	i8042_pointer(ctl, 1, 1, 640, 480, 0);
	i8042_pointer(ctl, 2, 1, 640, 480, 0);
	i8042_key(ctl, KEY_A, true);
	command(0xc0);
	expect_aux(0x08);
	expect(0x80);
	expect(0x1e);
	expect_aux(1);
	expect_aux(0);
	command(0xa7);
	i8042_pointer(ctl, 2, 2, 640, 480, 0);
	expect_nothing();
	command(0xa8);
	expect_packet(0x28, 0, 0xff);
	/* a command for the mouse leaves the key where it is */
	i8042_key(ctl, KEY_A, false);
	to_mouse(0xf2);
	expect(0x9e);
	expect_aux(0xfa);
	expect_aux(0);
	expect_nothing();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commands), TEST(test_self_test), TEST(test_memory), TEST(test_resets),
		TEST(test_password), TEST(test_loops), TEST(test_interrupts), TEST(test_keys),
		TEST(test_keys_wait_for_answers), TEST(test_probe_under_keys),
		TEST(test_can_be_emptied), TEST(test_key_room), TEST(test_pointer),
		TEST(test_wheel), TEST(test_arbitration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
