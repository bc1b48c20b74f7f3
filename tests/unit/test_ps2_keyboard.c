// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keyboard by itself: codes of all sets, commands, keys that find no room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>
#include <linux/input-event-codes.h>

#include "dev/ps2_keyboard.h"
#include "lib/key_names.h"


static struct ps2_keyboard k;

static int set_up(void **state)
{
	(void)state;
	memset(&k, 0x55, sizeof(k));
	ps2_keyboard_reset(&k);
	return 0;
}

/* What it sends until it has nothing more, which must be these bytes. */
static void expect_bytes(const char *bytes, size_t size)
{
	uint8_t byte;

	for (size_t i = 0; i < size; i++) {
		assert_int_not_equal(ps2_keyboard_read(&k, &byte), PS2_NONE);
		assert_int_equal(byte, (uint8_t)bytes[i]);
	}
	assert_int_equal(ps2_keyboard_read(&k, &byte), PS2_NONE);
}
#define expect(s) expect_bytes(s, sizeof(s) - 1)

static void say(uint8_t a, uint8_t b)
{
	ps2_keyboard_write(&k, a);
	expect("\xfa");
	ps2_keyboard_write(&k, b);
	expect("\xfa");
}

static void press(uint16_t key)
{
	ps2_keyboard_key(&k, key, true);
	ps2_keyboard_key(&k, key, false);
}

/* Down and up in sets 1, 2 and 3. */
static void test_sets(void **state)
{
	static const struct {
		uint16_t key;
		const char *set[3];
	} cases[] = {
		{ KEY_A, { "\x1e\x9e", "\x1c\xf0\x1c", "\x1c\xf0\x1c" } },
		{ KEY_ESC, { "\x01\x81", "\x76\xf0\x76", "\x08\xf0\x08" } },
		{ KEY_F7, { "\x41\xc1", "\x83\xf0\x83", "\x37\xf0\x37" } },
		{ KEY_F12, { "\x58\xd8", "\x07\xf0\x07", "\x5e\xf0\x5e" } },
		{ KEY_102ND, { "\x56\xd6", "\x61\xf0\x61", "\x13\xf0\x13" } },
		{ KEY_LEFTCTRL, { "\x1d\x9d", "\x14\xf0\x14", "\x11\xf0\x11" } },
		{ KEY_RIGHTCTRL,
		  { "\xe0\x1d\xe0\x9d", "\xe0\x14\xe0\xf0\x14", "\x58\xf0\x58" } },
		{ KEY_DELETE, { "\xe0\x53\xe0\xd3", "\xe0\x71\xe0\xf0\x71", "\x64\xf0\x64" } },
		{ KEY_KPENTER, { "\xe0\x1c\xe0\x9c", "\xe0\x5a\xe0\xf0\x5a", "\x79\xf0\x79" } },
		{ KEY_KPMINUS, { "\x4a\xca", "\x7b\xf0\x7b", "\x84\xf0\x84" } },
		{ KEY_LEFTMETA, { "\xe0\x5b\xe0\xdb", "\xe0\x1f\xe0\xf0\x1f", "\x8b\xf0\x8b" } },
		{ KEY_RO, { "\x73\xf3", "\x51\xf0\x51", "" } },
		{ KEY_VOLUMEUP, { "\xe0\x30\xe0\xb0", "\xe0\x32\xe0\xf0\x32", "" } },
		{ KEY_PAUSE, { "\xe1\x1d\x45\xe1\x9d\xc5", "\xe1\x14\x77\xe1\xf0\x14\xf0\x77",
			       "\x62\xf0\x62" } },
		{ KEY_SYSRQ, { "\xe0\x2a\xe0\x37\xe0\xb7\xe0\xaa",
			       "\xe0\x12\xe0\x7c\xe0\xf0\x7c\xe0\xf0\x12", "\x57\xf0\x57" } },
		{ KEY_F24, { "", "", "" } }, { KEY_RESERVED, { "", "", "" } },
		{ BTN_LEFT, { "", "", "" } }, { KEY_MAX, { "", "", "" } },
	};

	(void)state;
	for (uint8_t set = 1; set <= 3; set++) {
		say(0xf0, set);
		ps2_keyboard_write(&k, 0xf0);
		expect("\xfa");
		ps2_keyboard_write(&k, 0);
		expect_bytes((const char[]){ (char)0xfa, (char)set }, 2);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			const char *bytes = cases[i].set[set - 1];

			press(cases[i].key);
			expect_bytes(bytes, strlen(bytes));
		}
	}
}

/* Up to F10 and keypad a key is its code of set 1, so this is set 1 written twice. */
static void test_set1_is_evdev(void **state)
{
	(void)state;
	say(0xf0, 1);
	for (uint16_t key = KEY_ESC; key <= KEY_KPDOT; key++) {
		press(key);
		expect_bytes((const char[]){ (char)key, (char)(key | 0x80) }, 2);
	}
}

/* The controller's table: each code below 0x80 has one of its own. */
static void test_translation(void **state)
{
	bool seen[256] = {};

	(void)state;
	for (unsigned int code = 1; code < 0x80; code++) {
		uint8_t set1 = ps2_translate((uint8_t)code);

		assert_in_range(set1, 1, 0x7f);
		assert_false(seen[set1]);
		seen[set1] = true;
	}
	assert_int_equal(ps2_translate(0), 0xff);
	assert_int_equal(ps2_translate(0x83), 0x41);
	assert_int_equal(ps2_translate(0x84), 0x54);
	assert_int_equal(ps2_translate(0xfa), 0xfa);
}

/* Print screen and pause depend on what is down, and are released as they were pressed. */
/* Who has a key on the desk can send it: each that has a code here has a name. */
static void test_names(void **state)
{
	(void)state;
	for (uint16_t key = 1; key < PS2_KEYBOARD_KEYS; key++) {
		ps2_keyboard_reset(&k);
		k.scanning = true;
		k.used = k.replies = 0;
		ps2_keyboard_key(&k, key, true);
		if (!k.used != !key_name(key))
			fail_msg("key %u: %u bytes, name %s", key, k.used,
				 key_name(key) ? key_name(key) : "none");
	}
}

static void test_modified_keys(void **state)
{
	(void)state;
	ps2_keyboard_key(&k, KEY_LEFTALT, true);
	expect("\x11");
	ps2_keyboard_key(&k, KEY_SYSRQ, true);
	ps2_keyboard_key(&k, KEY_LEFTALT, false);
	ps2_keyboard_key(&k, KEY_SYSRQ, true);
	ps2_keyboard_key(&k, KEY_SYSRQ, false);
	expect("\x84\xf0\x11\x84\xf0\x84");
	ps2_keyboard_key(&k, KEY_RIGHTSHIFT, true);
	press(KEY_SYSRQ);
	expect("\x59\xe0\x7c\xe0\xf0\x7c");
	ps2_keyboard_key(&k, KEY_RIGHTSHIFT, false);
	ps2_keyboard_key(&k, KEY_RIGHTCTRL, true);
	press(KEY_PAUSE);
	expect("\xf0\x59\xe0\x14\xe0\x7e\xe0\xf0\x7e");
}

static void test_commands(void **state)
{
	(void)state;
	ps2_keyboard_write(&k, 0xee);
	expect("\xee");
	ps2_keyboard_write(&k, 0xf2);
	expect("\xfa\xab\x83");
	ps2_keyboard_write(&k, 0xfe);
	expect("\x83");
	for (unsigned int value = 0; value < 0xed; value++) {
		ps2_keyboard_write(&k, (uint8_t)value);
		expect("\xfe");
	}
	ps2_keyboard_write(&k, 0xef);
	expect("\xfe");
	ps2_keyboard_write(&k, 0xf1);
	expect("\xfe");
	say(0xed, 0x4f);
	assert_int_equal(k.leds, 7);
	say(0xf3, 0x41);
	assert_int_equal(k.rate, 0x41);
	ps2_keyboard_write(&k, 0xf0);
	expect("\xfa");
	ps2_keyboard_write(&k, 4);
	expect("\xfe");
	assert_int_equal(k.set, 2);
	/* a command instead of an argument */
	ps2_keyboard_write(&k, 0xed);
	expect("\xfa");
	ps2_keyboard_write(&k, 0xee);
	expect("\xee");
	ps2_keyboard_write(&k, 2);
	expect("\xfe");
	assert_int_equal(k.leds, 7);
}

static void test_reset(void **state)
{
	(void)state;
	say(0xf0, 3);
	say(0xed, 1);
	ps2_keyboard_write(&k, 0xf9);
	expect("\xfa");
	ps2_keyboard_write(&k, 0xf5);
	expect("\xfa");
	assert_int_equal(k.set, 2);
	press(KEY_A);
	expect("");
	ps2_keyboard_write(&k, 0xf6);	/* defaults do not start it */
	expect("\xfa");
	press(KEY_A);
	expect("");
	press(KEY_B);
	ps2_keyboard_write(&k, 0xff);
	expect("\xfa\xaa");
	assert_int_equal(k.leds, 0);
	assert_int_equal(k.rate, 0x2b);
	press(KEY_A);
	expect("\x1c\xf0\x1c");
	press(KEY_A);
	ps2_keyboard_write(&k, 0xf6);
	expect("\xfa");
}

/* Set 3: which keys say that they are released. */
static void test_key_types(void **state)
{
	(void)state;
	say(0xf0, 3);
	ps2_keyboard_write(&k, 0xf9);
	expect("\xfa");
	press(KEY_A);
	expect("\x1c");
	ps2_keyboard_write(&k, 0xfc);
	expect("\xfa");
	ps2_keyboard_write(&k, 0x1c);
	expect("\xfa");
	ps2_keyboard_write(&k, 0x32);
	expect("\xfa");
	press(KEY_A);
	expect("");			/* the list goes on */
	ps2_keyboard_write(&k, 0xf4);
	expect("\xfa\x1c\xf0\x1c");
	press(KEY_B);
	press(KEY_C);
	expect("\x32\xf0\x32\x21");
	ps2_keyboard_write(&k, 0xf8);
	expect("\xfa");
	say(0xfb, 0x1c);
	ps2_keyboard_write(&k, 0xf4);
	expect("\xfa");
	press(KEY_A);
	press(KEY_C);
	expect("\x1c\x21\xf0\x21");
	say(0xf0, 2);			/* it is set 3's alone */
	press(KEY_A);
	expect("\x1c\xf0\x1c");
}

/* Whole or not at all; what was pressed is released; nothing overtakes a release. */
static void test_full(void **state)
{
	(void)state;
	ps2_keyboard_key(&k, KEY_LEFTSHIFT, true);
	expect("\x12");
	for (unsigned int i = 0; i < 13; i++)
		ps2_keyboard_key(&k, KEY_A, true);	/* it repeats */
	ps2_keyboard_key(&k, KEY_UP, true);		/* no room for both bytes */
	ps2_keyboard_key(&k, KEY_UP, false);
	ps2_keyboard_key(&k, KEY_LEFTSHIFT, false);	/* owed */
	ps2_keyboard_key(&k, KEY_A, false);		/* owed, too */
	ps2_keyboard_key(&k, KEY_B, true);		/* would fit */
	assert_int_equal(ps2_keyboard_room(&k), 0);
	expect("\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\xf0\x1c\xf0\x12");
	ps2_keyboard_key(&k, KEY_B, false);
	expect("");
	press(KEY_B);
	expect("\x32\xf0\x32");
}

static void test_unread(void **state)
{
	uint8_t byte;

	(void)state;
	press(KEY_A);
	for (unsigned int i = 0; i < 4; i++)
		press(KEY_B);
	for (unsigned int round = 0; round < 40; round++) {
		assert_int_equal(ps2_keyboard_read(&k, &byte), PS2_KEY);
		assert_int_equal(byte, 0x1c);
		ps2_keyboard_unread(&k, 1);
	}
	ps2_keyboard_read(&k, &byte);
	ps2_keyboard_read(&k, &byte);
	ps2_keyboard_read(&k, &byte);
	ps2_keyboard_unread(&k, 2);
	ps2_keyboard_write(&k, 0xf2);
	expect("\xfa\xab\x83\xf0\x1c\x32\xf0\x32\x32\xf0\x32\x32\xf0\x32\x32\xf0\x32");
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sets), TEST(test_set1_is_evdev), TEST(test_translation),
		TEST(test_modified_keys), TEST(test_commands), TEST(test_reset),
		TEST(test_key_types), TEST(test_full), TEST(test_unread), TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
