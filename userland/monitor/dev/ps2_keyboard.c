// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See ps2_keyboard.h. IBM PS/2 Technical Reference, "Keyboard"; Microsoft's Keyboard Scan
 * Code Specification for the keys that IBM's did not have.
 *
 * What a host says and is told comes before keys: a driver that waits for an answer drops
 * whatever else it gets, so a key must come neither before the answer nor between a
 * command and its argument. A new command ends the answer to the last one.
 */
#include "dev/ps2_keyboard.h"

#include <linux/input-event-codes.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define QUEUE sizeof(((struct ps2_keyboard *)0)->queue)

#define ECHO		0xeeu
#define ACK		0xfau
#define BAT_OK		0xaau
#define RESEND		0xfeu
#define RELEASED	0xf0u	/* sets 2 and 3: in front of a key's code */

#define SET_LEDS	0xedu
#define SELECT_SET	0xf0u
#define IDENTIFY	0xf2u
#define SET_RATE	0xf3u
#define ENABLE		0xf4u
#define DISABLE		0xf5u
#define SET_DEFAULTS	0xf6u
#define ALL_TYPEMATIC	0xf7u	/* set 3 from here on: which keys say when they are released */
#define ALL_MAKE_ONLY	0xf9u	/* 0xf8 and 0xfa: all do */
#define ONE_TYPEMATIC	0xfbu
#define ONE_BREAK	0xfcu
#define ONE_MAKE_ONLY	0xfdu
#define RESET		0xffu
#define FIRST_COMMAND	SET_LEDS

#define RATE_DEFAULT	0x2bu	/* 10.9 keys a second, after 500 ms */

const struct state_field ps2_keyboard_fields[] = {
	STATE_ARRAY(struct ps2_keyboard, down), STATE_ARRAY(struct ps2_keyboard, owed),
	STATE_ARRAY(struct ps2_keyboard, no_break), STATE_ARRAY(struct ps2_keyboard, queue),
	STATE_FIELD(struct ps2_keyboard, head), STATE_FIELD(struct ps2_keyboard, used),
	STATE_ARRAY(struct ps2_keyboard, reply), STATE_FIELD(struct ps2_keyboard, replies),
	STATE_FIELD(struct ps2_keyboard, reply_at), STATE_FIELD(struct ps2_keyboard, command),
	STATE_FIELD(struct ps2_keyboard, scanning), STATE_FIELD(struct ps2_keyboard, set),
	STATE_FIELD(struct ps2_keyboard, leds), STATE_FIELD(struct ps2_keyboard, rate),
	STATE_FIELD(struct ps2_keyboard, sysrq), STATE_FIELD(struct ps2_keyboard, last),
};
const size_t ps2_keyboard_field_count = COUNT(ps2_keyboard_fields);

/* ---- codes ---- */

/* Set 2 with its prefix, if any, and set 3. Print screen and pause: see below. */
static const struct {
	uint16_t set2;
	uint8_t set3;
} codes[PS2_KEYBOARD_KEYS] = {
	[KEY_ESC] = { 0x76, 0x08 }, [KEY_1] = { 0x16, 0x16 }, [KEY_2] = { 0x1e, 0x1e },
	[KEY_3] = { 0x26, 0x26 }, [KEY_4] = { 0x25, 0x25 }, [KEY_5] = { 0x2e, 0x2e },
	[KEY_6] = { 0x36, 0x36 }, [KEY_7] = { 0x3d, 0x3d }, [KEY_8] = { 0x3e, 0x3e },
	[KEY_9] = { 0x46, 0x46 }, [KEY_0] = { 0x45, 0x45 }, [KEY_MINUS] = { 0x4e, 0x4e },
	[KEY_EQUAL] = { 0x55, 0x55 }, [KEY_BACKSPACE] = { 0x66, 0x66 }, [KEY_TAB] = { 0x0d, 0x0d },
	[KEY_Q] = { 0x15, 0x15 }, [KEY_W] = { 0x1d, 0x1d }, [KEY_E] = { 0x24, 0x24 },
	[KEY_R] = { 0x2d, 0x2d }, [KEY_T] = { 0x2c, 0x2c }, [KEY_Y] = { 0x35, 0x35 },
	[KEY_U] = { 0x3c, 0x3c }, [KEY_I] = { 0x43, 0x43 }, [KEY_O] = { 0x44, 0x44 },
	[KEY_P] = { 0x4d, 0x4d }, [KEY_LEFTBRACE] = { 0x54, 0x54 },
	[KEY_RIGHTBRACE] = { 0x5b, 0x5b }, [KEY_ENTER] = { 0x5a, 0x5a },
	[KEY_LEFTCTRL] = { 0x14, 0x11 }, [KEY_A] = { 0x1c, 0x1c }, [KEY_S] = { 0x1b, 0x1b },
	[KEY_D] = { 0x23, 0x23 }, [KEY_F] = { 0x2b, 0x2b }, [KEY_G] = { 0x34, 0x34 },
	[KEY_H] = { 0x33, 0x33 }, [KEY_J] = { 0x3b, 0x3b }, [KEY_K] = { 0x42, 0x42 },
	[KEY_L] = { 0x4b, 0x4b }, [KEY_SEMICOLON] = { 0x4c, 0x4c },
	[KEY_APOSTROPHE] = { 0x52, 0x52 }, [KEY_GRAVE] = { 0x0e, 0x0e },
	[KEY_LEFTSHIFT] = { 0x12, 0x12 }, [KEY_BACKSLASH] = { 0x5d, 0x5c },
	[KEY_Z] = { 0x1a, 0x1a }, [KEY_X] = { 0x22, 0x22 }, [KEY_C] = { 0x21, 0x21 },
	[KEY_V] = { 0x2a, 0x2a }, [KEY_B] = { 0x32, 0x32 }, [KEY_N] = { 0x31, 0x31 },
	[KEY_M] = { 0x3a, 0x3a }, [KEY_COMMA] = { 0x41, 0x41 }, [KEY_DOT] = { 0x49, 0x49 },
	[KEY_SLASH] = { 0x4a, 0x4a }, [KEY_RIGHTSHIFT] = { 0x59, 0x59 },
	[KEY_KPASTERISK] = { 0x7c, 0x7e }, [KEY_LEFTALT] = { 0x11, 0x19 },
	[KEY_SPACE] = { 0x29, 0x29 }, [KEY_CAPSLOCK] = { 0x58, 0x14 }, [KEY_F1] = { 0x05, 0x07 },
	[KEY_F2] = { 0x06, 0x0f }, [KEY_F3] = { 0x04, 0x17 }, [KEY_F4] = { 0x0c, 0x1f },
	[KEY_F5] = { 0x03, 0x27 }, [KEY_F6] = { 0x0b, 0x2f }, [KEY_F7] = { 0x83, 0x37 },
	[KEY_F8] = { 0x0a, 0x3f }, [KEY_F9] = { 0x01, 0x47 }, [KEY_F10] = { 0x09, 0x4f },
	[KEY_NUMLOCK] = { 0x77, 0x76 }, [KEY_SCROLLLOCK] = { 0x7e, 0x5f },
	[KEY_KP7] = { 0x6c, 0x6c }, [KEY_KP8] = { 0x75, 0x75 }, [KEY_KP9] = { 0x7d, 0x7d },
	[KEY_KPMINUS] = { 0x7b, 0x84 }, [KEY_KP4] = { 0x6b, 0x6b }, [KEY_KP5] = { 0x73, 0x73 },
	[KEY_KP6] = { 0x74, 0x74 }, [KEY_KPPLUS] = { 0x79, 0x7c }, [KEY_KP1] = { 0x69, 0x69 },
	[KEY_KP2] = { 0x72, 0x72 }, [KEY_KP3] = { 0x7a, 0x7a }, [KEY_KP0] = { 0x70, 0x70 },
	[KEY_KPDOT] = { 0x71, 0x71 }, [KEY_ZENKAKUHANKAKU] = { 0x5f, 0 },
	[KEY_102ND] = { 0x61, 0x13 }, [KEY_F11] = { 0x78, 0x56 }, [KEY_F12] = { 0x07, 0x5e },
	[KEY_RO] = { 0x51, 0 }, [KEY_KATAKANA] = { 0x63, 0 }, [KEY_HIRAGANA] = { 0x62, 0 },
	[KEY_HENKAN] = { 0x64, 0 }, [KEY_KATAKANAHIRAGANA] = { 0x13, 0 },
	[KEY_MUHENKAN] = { 0x67, 0 }, [KEY_KPENTER] = { 0xe05a, 0x79 },
	[KEY_RIGHTCTRL] = { 0xe014, 0x58 }, [KEY_KPSLASH] = { 0xe04a, 0x77 },
	[KEY_SYSRQ] = { 0x00, 0x57 }, [KEY_RIGHTALT] = { 0xe011, 0x39 },
	[KEY_HOME] = { 0xe06c, 0x6e }, [KEY_UP] = { 0xe075, 0x63 },
	[KEY_PAGEUP] = { 0xe07d, 0x6f }, [KEY_LEFT] = { 0xe06b, 0x61 },
	[KEY_RIGHT] = { 0xe074, 0x6a }, [KEY_END] = { 0xe069, 0x65 },
	[KEY_DOWN] = { 0xe072, 0x60 }, [KEY_PAGEDOWN] = { 0xe07a, 0x6d },
	[KEY_INSERT] = { 0xe070, 0x67 }, [KEY_DELETE] = { 0xe071, 0x64 },
	[KEY_MUTE] = { 0xe023, 0 }, [KEY_VOLUMEDOWN] = { 0xe021, 0 },
	[KEY_VOLUMEUP] = { 0xe032, 0 }, [KEY_POWER] = { 0xe037, 0 }, [KEY_KPEQUAL] = { 0x0f, 0 },
	[KEY_PAUSE] = { 0x00, 0x62 }, [KEY_KPCOMMA] = { 0x6d, 0 }, [KEY_YEN] = { 0x6a, 0 },
	[KEY_LEFTMETA] = { 0xe01f, 0x8b }, [KEY_RIGHTMETA] = { 0xe027, 0x8c },
	[KEY_COMPOSE] = { 0xe02f, 0x8d }, [KEY_STOP] = { 0xe028, 0 }, [KEY_CALC] = { 0xe02b, 0 },
	[KEY_SLEEP] = { 0xe03f, 0 }, [KEY_WAKEUP] = { 0xe05e, 0 }, [KEY_MAIL] = { 0xe048, 0 },
	[KEY_BOOKMARKS] = { 0xe018, 0 }, [KEY_COMPUTER] = { 0xe040, 0 },
	[KEY_BACK] = { 0xe038, 0 }, [KEY_FORWARD] = { 0xe030, 0 }, [KEY_NEXTSONG] = { 0xe04d, 0 },
	[KEY_PLAYPAUSE] = { 0xe034, 0 }, [KEY_PREVIOUSSONG] = { 0xe015, 0 },
	[KEY_STOPCD] = { 0xe03b, 0 }, [KEY_HOMEPAGE] = { 0xe03a, 0 },
	[KEY_REFRESH] = { 0xe020, 0 }, [KEY_SEARCH] = { 0xe010, 0 }, [KEY_MEDIA] = { 0xe050, 0 },
};

/* Keys whose code depends on what else is down. */
struct sequence {
	uint8_t size, bytes[PS2_KEYBOARD_SEQUENCE];
};

enum sysrq { SYSRQ_PLAIN, SYSRQ_SHIFTED, SYSRQ_ALT };
static const struct sequence sysrq[][2] = {
	[SYSRQ_PLAIN] = { { 6, { 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12 } },
			  { 4, { 0xe0, 0x12, 0xe0, 0x7c } } },
	[SYSRQ_SHIFTED] = { { 3, { 0xe0, 0xf0, 0x7c } }, { 2, { 0xe0, 0x7c } } },
	[SYSRQ_ALT] = { { 2, { 0xf0, 0x84 } }, { 1, { 0x84 } } },
};
/* The whole of it when pressed, nothing when released; with control it is "break". */
static const struct sequence pause_break[] = {
	{ 8, { 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77 } },
	{ 5, { 0xe0, 0x7e, 0xe0, 0xf0, 0x7e } },
};

uint8_t ps2_translate(uint8_t code)
{
	static const uint8_t set1[0x80] = {
		0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f,
		0x29, 0x59, 0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f,
		0x1e, 0x11, 0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39,
		0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e,
		0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b,
		0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74,
		0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56,
		0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
		0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49,
		0x46, 0x54,
	};

	if (code < sizeof(set1))
		return set1[code];
	return code == 0x83 ? 0x41 : code == 0x84 ? 0x54 : code;
}

static bool test_bit(const uint64_t *bits, unsigned int bit)
{
	return bits[bit / 64] >> (bit % 64) & 1;
}

static void set_bit(uint64_t *bits, unsigned int bit, bool value)
{
	uint64_t mask = 1ull << (bit % 64);

	bits[bit / 64] = value ? bits[bit / 64] | mask : bits[bit / 64] & ~mask;
}

static bool is_down(const struct ps2_keyboard *k, uint16_t left, uint16_t right)
{
	return test_bit(k->down, left) || test_bit(k->down, right);
}

static void plain_key(struct sequence *s, uint16_t code, bool down)
{
	if (code >> 8)
		s->bytes[s->size++] = (uint8_t)(code >> 8);
	if (!down)
		s->bytes[s->size++] = RELEASED;
	s->bytes[s->size++] = (uint8_t)code;
}

static void in_set3(const struct ps2_keyboard *k, struct sequence *s, uint16_t key, bool down)
{
	uint8_t code = codes[key].set3;

	if (code && (down || !test_bit(k->no_break, code)))
		plain_key(s, code, down);
}

static void in_set2(struct ps2_keyboard *k, struct sequence *s, uint16_t key, bool down)
{
	bool control = is_down(k, KEY_LEFTCTRL, KEY_RIGHTCTRL);

	if (key == KEY_PAUSE && down) {
		*s = pause_break[control];
	} else if (key == KEY_SYSRQ) {
		if (down && !test_bit(k->down, key))
			k->sysrq = is_down(k, KEY_LEFTALT, KEY_RIGHTALT) ? SYSRQ_ALT :
				   control || is_down(k, KEY_LEFTSHIFT, KEY_RIGHTSHIFT) ?
				   SYSRQ_SHIFTED : SYSRQ_PLAIN;
		*s = sysrq[k->sysrq < COUNT(sysrq) ? k->sysrq : SYSRQ_PLAIN][down];
	} else if (codes[key].set2) {
		plain_key(s, codes[key].set2, down);
	}
}

/* Set 1 is what a controller makes of set 2. */
static void to_set1(struct sequence *s)
{
	uint8_t released = 0, size = 0;

	for (unsigned int i = 0; i < s->size; i++) {
		if (s->bytes[i] == RELEASED) {
			released = 0x80;
			continue;
		}
		s->bytes[size++] = ps2_translate(s->bytes[i]) | released;
		released = 0;
	}
	s->size = size;
}

static struct sequence encode(struct ps2_keyboard *k, uint16_t key, bool down)
{
	struct sequence s = {};

	if (k->set == 3)
		in_set3(k, &s, key, down);
	else
		in_set2(k, &s, key, down);
	if (k->set == 1)
		to_set1(&s);
	return s;
}

/* ---- keys ---- */

static bool queue_key(struct ps2_keyboard *k, uint16_t key, bool down)
{
	struct sequence s = encode(k, key, down);

	if (k->used + s.size > PS2_KEYBOARD_BUFFER)
		return false;
	for (unsigned int i = 0; i < s.size; i++)
		k->queue[(k->head + k->used++) % QUEUE] = s.bytes[i];
	set_bit(k->down, key, down);
	set_bit(k->owed, key, false);
	return true;
}

/* False: some are still owed, and nothing may overtake them. */
static bool settle(struct ps2_keyboard *k)
{
	for (unsigned int word = 0; word < COUNT(k->owed); word++)
		while (k->owed[word]) {
			unsigned int bit = (unsigned int)__builtin_ctzll(k->owed[word]);

			if (!queue_key(k, (uint16_t)(word * 64 + bit), false))
				return false;
		}
	return true;
}

void ps2_keyboard_key(struct ps2_keyboard *k, uint16_t key, bool down)
{
	if (key >= PS2_KEYBOARD_KEYS || !k->scanning || (!down && !test_bit(k->down, key)))
		return;
	if (settle(k) && queue_key(k, key, down))
		return;
	if (!down)
		set_bit(k->owed, key, true);
}

unsigned int ps2_keyboard_room(const struct ps2_keyboard *k)
{
	for (unsigned int word = 0; word < COUNT(k->owed); word++)
		if (k->owed[word])
			return 0;
	if (!k->scanning || k->used > PS2_KEYBOARD_BUFFER)
		return 0;
	return (PS2_KEYBOARD_BUFFER - k->used) / PS2_KEYBOARD_SEQUENCE;
}

/* The host starts over: it knows of no key that is down. */
static void forget_keys(struct ps2_keyboard *k)
{
	k->used = 0;
	memset(k->down, 0, sizeof(k->down));
	memset(k->owed, 0, sizeof(k->owed));
}

/* ---- to the host ---- */

static void reply(struct ps2_keyboard *k, uint8_t byte)
{
	if (k->replies < sizeof(k->reply))
		k->reply[k->replies++] = byte;
}

enum ps2_byte ps2_keyboard_read(struct ps2_keyboard *k, uint8_t *ret_byte)
{
	if (k->reply_at < k->replies) {
		*ret_byte = k->last = k->reply[k->reply_at++];
		return PS2_REPLY;
	}
	if (!k->used)
		settle(k);
	if (k->command || !k->used)
		return PS2_NONE;
	*ret_byte = k->last = k->queue[k->head];
	k->head = (uint8_t)((k->head + 1) % QUEUE);
	k->used--;
	return PS2_KEY;
}

void ps2_keyboard_unread(struct ps2_keyboard *k, unsigned int count)
{
	k->head = (uint8_t)((k->head + QUEUE - count) % QUEUE);
	k->used = (uint8_t)(k->used + count);
}

/* ---- from the host ---- */

static void set_defaults(struct ps2_keyboard *k)
{
	forget_keys(k);
	k->set = 2;
	k->rate = RATE_DEFAULT;
	memset(k->no_break, 0, sizeof(k->no_break));
}

void ps2_keyboard_reset(struct ps2_keyboard *k)
{
	memset(k, 0, sizeof(*k));
	set_defaults(k);
	k->scanning = 1;
}

static void select_set(struct ps2_keyboard *k, uint8_t set)
{
	if (set > 3) {
		reply(k, RESEND);
		return;
	}
	reply(k, ACK);
	if (!set) {
		reply(k, k->set);
		return;
	}
	forget_keys(k);
	k->set = set;
}

static void argument(struct ps2_keyboard *k, uint8_t value)
{
	uint8_t command = k->command;

	/* Those of set 3 take codes until the next command. */
	if (command < ONE_TYPEMATIC)
		k->command = 0;
	if (command == SELECT_SET) {
		select_set(k, value);
		return;
	}
	reply(k, ACK);
	if (command == SET_LEDS)
		k->leds = value & 7;
	else if (command == SET_RATE)
		k->rate = value & 0x7f;
	else
		set_bit(k->no_break, value, command != ONE_BREAK);
}

static void set_all_keys(struct ps2_keyboard *k, uint8_t command)
{
	bool no_break = command == ALL_TYPEMATIC || command == ALL_MAKE_ONLY;

	memset(k->no_break, no_break ? 0xff : 0, sizeof(k->no_break));
}

static void command(struct ps2_keyboard *k, uint8_t value)
{
	reply(k, ACK);
	switch (value) {
	case SET_LEDS:
	case SELECT_SET:
	case SET_RATE:
	case ONE_TYPEMATIC:
	case ONE_BREAK:
	case ONE_MAKE_ONLY:
		k->command = value;
		break;
	case IDENTIFY:
		reply(k, 0xab);
		reply(k, 0x83);
		break;
	case ENABLE:
		k->scanning = 1;
		break;
	case DISABLE:
		set_defaults(k);
		k->scanning = 0;
		break;
	case SET_DEFAULTS:
		set_defaults(k);
		break;
	case RESET:
		set_defaults(k);
		k->scanning = 1;
		k->leds = 0;
		reply(k, BAT_OK);
		break;
	default:
		set_all_keys(k, value);
	}
}

void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t value)
{
	uint8_t last = k->last;

	k->replies = k->reply_at = 0;
	if (k->command && value < FIRST_COMMAND) {
		argument(k, value);
		return;
	}
	k->command = 0;
	if (value == ECHO)
		reply(k, ECHO);
	else if (value == RESEND)
		reply(k, last);
	else if (value < FIRST_COMMAND || value == 0xef || value == 0xf1)
		reply(k, RESEND);
	else
		command(k, value);
}
