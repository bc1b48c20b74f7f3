// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mouse by itself: commands, the knock, packets, motion and buttons of a guest that
 * is slow to fetch them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include "dev/ps2_mouse.h"

static struct ps2_mouse m;

static int set_up(void **state)
{
	(void)state;
	memset(&m, 0x55, sizeof(m));
	ps2_mouse_reset(&m);
	return 0;
}

/* What it sends until it has nothing more, which must be these bytes. */
static void expect_bytes(const char *bytes, size_t size)
{
	uint8_t byte;

	for (size_t i = 0; i < size; i++) {
		assert_true(ps2_mouse_read(&m, &byte));
		assert_int_equal(byte, (uint8_t)bytes[i]);
	}
	assert_false(ps2_mouse_read(&m, &byte));
}
#define expect(s) expect_bytes(s, sizeof(s) - 1)

static void say(uint8_t value)
{
	ps2_mouse_write(&m, value);
	expect("\xfa");
}

static void set_rate(uint8_t rate)
{
	say(0xf3);
	say(rate);
}

static void knock(uint8_t second)
{
	set_rate(200);
	set_rate(second);
	set_rate(80);
}

static void test_commands(void **state)
{
	(void)state;
	ps2_mouse_write(&m, 0xff);
	expect("\xfa\xaa\x00");
	ps2_mouse_write(&m, 0xf2);
	expect("\xfa\x00");
	ps2_mouse_write(&m, 0xe9);
	expect("\xfa\x00\x02\x64");
	say(0xe8);
	say(3);
	set_rate(40);
	say(0xe7);
	say(0xf4);
	ps2_mouse_move(&m, 0, 0, 0, PS2_MOUSE_LEFT);
	expect("\x09\x00\x00");
	ps2_mouse_write(&m, 0xe9);
	expect("\xfa\x34\x03\x28");
	ps2_mouse_move(&m, 0, 0, 0, PS2_MOUSE_RIGHT | PS2_MOUSE_MIDDLE);
	expect("\x0e\x00\x00");
	say(0xf0);
	ps2_mouse_write(&m, 0xe9);
	expect("\xfa\x73\x03\x28");
	say(0xf6);
	ps2_mouse_write(&m, 0xe9);
	expect("\xfa\x03\x02\x64");
}

/* Refused once with "resend", twice in a row with "error". */
static void test_refusals(void **state)
{
	static const uint8_t bad_rates[] = { 0, 11, 101, 0xe6, 0xf4, 0xff };

	(void)state;
	ps2_mouse_write(&m, 0x12);
	expect("\xfe");
	ps2_mouse_write(&m, 0xe1);
	expect("\xfc");
	ps2_mouse_write(&m, 0xef);
	expect("\xfe");
	say(0xe6);
	ps2_mouse_write(&m, 0xf1);
	expect("\xfe");
	for (unsigned int i = 0; i < sizeof(bad_rates); i++) {
		say(0xf3);
		ps2_mouse_write(&m, bad_rates[i]);
		expect("\xfe");
		say(0xe6);	/* and the command is over */
	}
	say(0xe8);
	ps2_mouse_write(&m, 4);
	expect("\xfe");
	ps2_mouse_write(&m, 0xe9);
	expect("\xfa\x00\x02\x64");
}

static void test_resend(void **state)
{
	(void)state;
	ps2_mouse_write(&m, 0xe9);
	expect("\xfa\x00\x02\x64");
	ps2_mouse_write(&m, 0xfe);
	expect("\xfa\x00\x02\x64");
	ps2_mouse_write(&m, 0xfe);
	expect("\xfa\x00\x02\x64");
	say(0xf4);
	ps2_mouse_move(&m, 5, 0, 0, 0);
	expect("\x08\x05\x00");
	ps2_mouse_write(&m, 0xfe);
	expect("\x08\x05\x00");
}

static void test_knock(void **state)
{
	(void)state;
	knock(100);
	ps2_mouse_write(&m, 0xf2);
	expect("\xfa\x03");
	knock(200);
	ps2_mouse_write(&m, 0xf2);
	expect("\xfa\x04");
	say(0xf6);
	ps2_mouse_write(&m, 0xf2);
	expect("\xfa\x04");
	ps2_mouse_write(&m, 0xff);
	expect("\xfa\xaa\x00");
	set_rate(100);
	set_rate(200);
	set_rate(80);
	ps2_mouse_write(&m, 0xf2);
	expect("\xfa\x00");
}

static void test_wheel(void **state)
{
	(void)state;
	say(0xf4);
	ps2_mouse_move(&m, 0, 0, 3, 0);
	expect("\x08\x00\x00");		/* it has none */
	knock(100);
	ps2_mouse_move(&m, 1, 0, -3, PS2_MOUSE_SIDE);
	expect("\x08\x01\x00\xfd");
	ps2_mouse_move(&m, 0, 0, 200, PS2_MOUSE_SIDE);
	expect("\x08\x00\x00\x7f\x08\x00\x00\x49");
	knock(200);
	ps2_mouse_move(&m, 0, 0, -9, PS2_MOUSE_SIDE);
	expect("\x08\x00\x00\x19\x08\x00\x00\x1e");
	ps2_mouse_move(&m, 0, 0, 0, PS2_MOUSE_EXTRA);
	expect("\x08\x00\x00\x20");
	ps2_mouse_move(&m, 0, 0, 0, 0xe0);
	expect("\x08\x00\x00\x00");
}

/* As far as it goes: packets without overflow, on one line, that add up. */
static void test_far(void **state)
{
	int x = 0, y = 0, packets = 0;
	uint8_t head, dx, dy;

	(void)state;
	say(0xf4);
	ps2_mouse_move(&m, 255, -255, 0, 0);
	expect("\x08\xff\xff");
	ps2_mouse_move(&m, -255, 255, 0, 0);
	expect("\x38\x01\x01");
	ps2_mouse_move(&m, 1000, -30, 0, 0);
	while (ps2_mouse_read(&m, &head)) {
		assert_true(ps2_mouse_read(&m, &dx) && ps2_mouse_read(&m, &dy));
		assert_int_equal(head & 0xc8, 0x08);
		x += dx - (head & 0x10 ? 256 : 0);
		y += dy - (head & 0x20 ? 256 : 0);
		packets++;
		assert_true(y >= packets * 7);
	}
	assert_int_equal(x, 1000);
	assert_int_equal(y, 30);
	assert_int_equal(packets, 4);
	for (int i = 0; i < 100; i++)
		ps2_mouse_move(&m, INT32_MAX, INT32_MIN, INT32_MAX, 0);
	for (packets = 0; ps2_mouse_read(&m, &head); packets++)
		assert_true(ps2_mouse_read(&m, &dx) && ps2_mouse_read(&m, &dy));
	assert_int_equal(packets, 257);
}

static void test_scaling(void **state)
{
	static const struct {
		int step;
		uint8_t sent;
	} cases[] = {
		{ 1, 1 }, { 2, 1 }, { 3, 3 }, { 4, 6 }, { 5, 9 }, { 6, 12 }, { 127, 254 },
	};

	(void)state;
	say(0xe7);
	say(0xf4);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ps2_mouse_move(&m, cases[i].step, 0, 0, 0);
		expect_bytes((const char[]){ 8, (char)cases[i].sent, 0 }, 3);
		ps2_mouse_move(&m, 0, cases[i].step, 0, 0);
		expect_bytes((const char[]){ 0x28, 0, (char)-cases[i].sent }, 3);
	}
	ps2_mouse_write(&m, 0xf0);
	expect("\xfa");
	ps2_mouse_move(&m, 4, 0, 0, 0);
	ps2_mouse_write(&m, 0xeb);	/* not scaled there */
	expect("\xfa\x08\x04\x00");
}

/* The guest looks away: motion adds up, and clicks come in order where they were made. */
static void test_slow_guest(void **state)
{
	uint8_t byte;

	(void)state;
	say(0xf4);
	ps2_mouse_move(&m, 3, 0, 0, 0);
	ps2_mouse_move(&m, 4, 0, 0, 0);
	ps2_mouse_move(&m, 0, 0, 0, PS2_MOUSE_LEFT);
	ps2_mouse_move(&m, 0, 0, 0, 0);
	ps2_mouse_move(&m, 2, 0, 0, 0);
	ps2_mouse_move(&m, 2, 0, 0, 0);
	ps2_mouse_move(&m, 0, 0, 0, PS2_MOUSE_RIGHT);
	expect("\x08\x07\x00\x09\x00\x00\x08\x04\x00\x0a\x00\x00");
	ps2_mouse_move(&m, 0, 0, 0, 0);
	assert_true(ps2_mouse_read(&m, &byte));
	ps2_mouse_move(&m, 0, 0, 0, PS2_MOUSE_RIGHT);	/* as before that packet */
	expect("\x00\x00\x0a\x00\x00");
	for (unsigned int i = 0; i < 1000; i++)
		ps2_mouse_move(&m, 1, 0, 0, i & 1 ? PS2_MOUSE_RIGHT : 0);
	ps2_mouse_move(&m, 1, 0, 0, PS2_MOUSE_MIDDLE);
	for (unsigned int i = 0; i < 31; i++) {
		uint8_t packet[3];

		for (unsigned int k = 0; k < 3; k++)
			assert_true(ps2_mouse_read(&m, &packet[k]));
		assert_int_equal(packet[0], i & 1 ? 0x0a : 0x08);
		assert_int_equal(packet[1], 1);
	}
	expect("\x0c\xf2\x00\x0c\xf2\x00\x0c\xf3\x00\x0c\xf3\x00");
}

static void test_modes(void **state)
{
	(void)state;
	ps2_mouse_move(&m, 3, 3, 0, 0);		/* not enabled */
	expect("");
	say(0xf0);
	ps2_mouse_move(&m, 3, 3, 0, PS2_MOUSE_LEFT);
	expect("");
	ps2_mouse_write(&m, 0xeb);
	expect("\xfa\x29\x03\xfd");
	ps2_mouse_write(&m, 0xeb);
	expect("\xfa\x09\x00\x00");
	ps2_mouse_move(&m, 3, 3, 0, PS2_MOUSE_LEFT);
	say(0xea);
	say(0xf4);
	expect("");
	say(0xee);
	ps2_mouse_move(&m, 3, 3, 0, PS2_MOUSE_LEFT);
	expect("");
	ps2_mouse_write(&m, 0xf4);
	expect("\xf4");
	ps2_mouse_write(&m, 0xee);
	expect("\xee");
	say(0xec);
	expect("");
	say(0xee);
	ps2_mouse_write(&m, 0xff);
	expect("\xfa\xaa\x00");
}

/* A command in the middle of a packet: the answer, then whole packets again. */
static void test_command_in_packet(void **state)
{
	uint8_t byte;

	(void)state;
	say(0xf4);
	ps2_mouse_move(&m, 9, 9, 0, PS2_MOUSE_LEFT);
	ps2_mouse_move(&m, 1, 0, 0, 0);
	assert_true(ps2_mouse_read(&m, &byte));
	assert_int_equal(byte, 0x29);
	ps2_mouse_write(&m, 0xf2);
	expect("\xfa\x00\x09\x00\x00\x08\x01\x00");
	/* cut off by "disable": the button shows with the next event */
	ps2_mouse_move(&m, 0, 0, 0, PS2_MOUSE_LEFT);
	assert_true(ps2_mouse_read(&m, &byte));
	say(0xf5);
	say(0xf4);
	expect("");
	ps2_mouse_move(&m, 0, 0, 0, PS2_MOUSE_LEFT);
	expect("\x09\x00\x00");
	ps2_mouse_move(&m, 0, 0, 0, 0);
	expect("\x08\x00\x00");
	/* a command that waits for its argument holds packets back */
	say(0xe8);
	ps2_mouse_move(&m, 1, 0, 0, 0);
	expect("");
	ps2_mouse_write(&m, 1);
	expect("\xfa\x08\x01\x00");
}

/* What was pressed or released while it was off shows with the next event. */
static void test_buttons_while_off(void **state)
{
	(void)state;
	say(0xf4);
	ps2_mouse_move(&m, 0, 0, 0, PS2_MOUSE_LEFT);
	expect("\x09\x00\x00");
	say(0xf5);
	ps2_mouse_move(&m, 0, 0, 0, 0);
	expect("");
	say(0xf4);
	expect("");
	ps2_mouse_move(&m, 0, 0, 0, 0);
	expect("\x08\x00\x00");
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commands), TEST(test_refusals), TEST(test_resend), TEST(test_knock),
		TEST(test_wheel), TEST(test_far), TEST(test_scaling), TEST(test_slow_guest),
		TEST(test_modes), TEST(test_command_in_packet), TEST(test_buttons_while_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
