// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Three ways to say which key is meant: see keymap.h. Used by send-key, type
 * and the VNC server. A viewer sends the modifiers itself, so a keysym gives
 * its key alone; a character to be typed brings its shift along.
 */
#include <ctype.h>
#include <errno.h>
#include <linux/input-event-codes.h>
#include <string.h>
#include <strings.h>

#include "keymap.h"
#include "lib/key_names.h"

#define KEY_CODES 256	/* what a PS/2 keyboard has is below */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Characters of a key without and with shift. */
static const struct {
	char plain, shifted;
	uint8_t key;
} characters[] = {
	{ '`', '~', KEY_GRAVE }, { '1', '!', KEY_1 }, { '2', '@', KEY_2 }, { '3', '#', KEY_3 },
	{ '4', '$', KEY_4 }, { '5', '%', KEY_5 }, { '6', '^', KEY_6 }, { '7', '&', KEY_7 },
	{ '8', '*', KEY_8 }, { '9', '(', KEY_9 }, { '0', ')', KEY_0 }, { '-', '_', KEY_MINUS },
	{ '=', '+', KEY_EQUAL }, { 'q', 'Q', KEY_Q }, { 'w', 'W', KEY_W }, { 'e', 'E', KEY_E },
	{ 'r', 'R', KEY_R }, { 't', 'T', KEY_T }, { 'y', 'Y', KEY_Y }, { 'u', 'U', KEY_U },
	{ 'i', 'I', KEY_I }, { 'o', 'O', KEY_O }, { 'p', 'P', KEY_P },
	{ '[', '{', KEY_LEFTBRACE }, { ']', '}', KEY_RIGHTBRACE },
	{ '\\', '|', KEY_BACKSLASH }, { 'a', 'A', KEY_A }, { 's', 'S', KEY_S },
	{ 'd', 'D', KEY_D }, { 'f', 'F', KEY_F }, { 'g', 'G', KEY_G }, { 'h', 'H', KEY_H },
	{ 'j', 'J', KEY_J }, { 'k', 'K', KEY_K }, { 'l', 'L', KEY_L },
	{ ';', ':', KEY_SEMICOLON }, { '\'', '"', KEY_APOSTROPHE }, { 'z', 'Z', KEY_Z },
	{ 'x', 'X', KEY_X }, { 'c', 'C', KEY_C }, { 'v', 'V', KEY_V }, { 'b', 'B', KEY_B },
	{ 'n', 'N', KEY_N }, { 'm', 'M', KEY_M }, { ',', '<', KEY_COMMA },
	{ '.', '>', KEY_DOT }, { '/', '?', KEY_SLASH }, { ' ', ' ', KEY_SPACE },
	{ '\n', '\n', KEY_ENTER },
	{ '\r', '\r', KEY_ENTER },
	{ '\t', '\t', KEY_TAB }, { '\b', '\b', KEY_BACKSPACE },
	{ 0x1b, 0x1b, KEY_ESC },
};

/*
 * Names that lib/key_names.h does not have, or that have a keysym (X11 protocol, "KEYSYM
 * Encoding") which is not Latin-1.
 */
static const struct {
	const char *name;
	uint16_t keysym, key;
} named[] = {
	{ "backspace", 0xff08, KEY_BACKSPACE }, { "tab", 0xff09, KEY_TAB },
	{ "enter", 0xff0d, KEY_ENTER }, { "return", 0, KEY_ENTER },
	{ "esc", 0xff1b, KEY_ESC }, { "escape", 0, KEY_ESC }, { "space", 0, KEY_SPACE },
	{ "minus", 0, KEY_MINUS }, { "pause", 0xff13, KEY_PAUSE },
	{ "scrolllock", 0xff14, KEY_SCROLLLOCK }, { "sysrq", 0xff15, KEY_SYSRQ },
	{ "print", 0xff61, KEY_SYSRQ }, { "delete", 0xffff, KEY_DELETE },
	{ "del", 0, KEY_DELETE }, { "insert", 0xff63, KEY_INSERT }, { "ins", 0, KEY_INSERT },
	{ "home", 0xff50, KEY_HOME }, { "left", 0xff51, KEY_LEFT }, { "up", 0xff52, KEY_UP },
	{ "right", 0xff53, KEY_RIGHT }, { "down", 0xff54, KEY_DOWN },
	{ "pageup", 0xff55, KEY_PAGEUP }, { "pgup", 0, KEY_PAGEUP },
	{ "pagedown", 0xff56, KEY_PAGEDOWN }, { "pgdn", 0, KEY_PAGEDOWN },
	{ "end", 0xff57, KEY_END }, { "menu", 0xff67, KEY_COMPOSE },
	{ "break", 0xff6b, KEY_PAUSE }, { "numlock", 0xff7f, KEY_NUMLOCK },
	{ "shift", 0xffe1, KEY_LEFTSHIFT }, { "rightshift", 0xffe2, KEY_RIGHTSHIFT },
	{ "ctrl", 0xffe3, KEY_LEFTCTRL }, { "control", 0, KEY_LEFTCTRL },
	{ "rightctrl", 0xffe4, KEY_RIGHTCTRL }, { "capslock", 0xffe5, KEY_CAPSLOCK },
	{ "alt", 0xffe9, KEY_LEFTALT }, { "rightalt", 0xffea, KEY_RIGHTALT },
	{ "altgr", 0xfe03, KEY_RIGHTALT }, { "meta", 0xffe7, KEY_LEFTMETA },
	{ "super", 0xffeb, KEY_LEFTMETA }, { "win", 0, KEY_LEFTMETA },
	{ "rightmeta", 0xffec, KEY_RIGHTMETA }, { NULL, 0xffe8, KEY_RIGHTMETA },
	{ NULL, 0xfe20, KEY_TAB }, /* ISO_Left_Tab: shift and tab */
	{ "f1", 0xffbe, KEY_F1 }, { "f2", 0xffbf, KEY_F2 }, { "f3", 0xffc0, KEY_F3 },
	{ "f4", 0xffc1, KEY_F4 }, { "f5", 0xffc2, KEY_F5 }, { "f6", 0xffc3, KEY_F6 },
	{ "f7", 0xffc4, KEY_F7 }, { "f8", 0xffc5, KEY_F8 }, { "f9", 0xffc6, KEY_F9 },
	{ "f10", 0xffc7, KEY_F10 }, { "f11", 0xffc8, KEY_F11 }, { "f12", 0xffc9, KEY_F12 },
	{ "kpenter", 0xff8d, KEY_KPENTER }, { "kpmultiply", 0xffaa, KEY_KPASTERISK },
	{ "kpplus", 0xffab, KEY_KPPLUS }, { "kpminus", 0xffad, KEY_KPMINUS },
	{ "kpdot", 0xffae, KEY_KPDOT }, { "kpdivide", 0xffaf, KEY_KPSLASH },
	{ "kp0", 0xffb0, KEY_KP0 }, { "kp1", 0xffb1, KEY_KP1 }, { "kp2", 0xffb2, KEY_KP2 },
	{ "kp3", 0xffb3, KEY_KP3 }, { "kp4", 0xffb4, KEY_KP4 }, { "kp5", 0xffb5, KEY_KP5 },
	{ "kp6", 0xffb6, KEY_KP6 }, { "kp7", 0xffb7, KEY_KP7 }, { "kp8", 0xffb8, KEY_KP8 },
	{ "kp9", 0xffb9, KEY_KP9 }, { NULL, 0xff95, KEY_KP7 }, { NULL, 0xff96, KEY_KP4 },
	{ NULL, 0xff97, KEY_KP8 }, { NULL, 0xff98, KEY_KP6 }, { NULL, 0xff99, KEY_KP2 },
	{ NULL, 0xff9a, KEY_KP9 }, { NULL, 0xff9b, KEY_KP3 }, { NULL, 0xff9c, KEY_KP1 },
	{ NULL, 0xff9d, KEY_KP5 }, { NULL, 0xff9e, KEY_KP0 }, { NULL, 0xff9f, KEY_KPDOT },
};

static int append(struct key_chord *chord, uint16_t key)
{
	for (unsigned int i = 0; i < chord->count; i++)
		if (chord->key[i] == key)
			return 0;
	if (chord->count == KEY_CHORD_MAX)
		return -EINVAL;
	chord->key[chord->count++] = key;
	return 0;
}

int keymap_character(uint32_t character, struct key_chord *ret_chord)
{
	for (size_t i = 0; i < COUNT(characters); i++) {
		struct key_chord plain = { 1, { characters[i].key } };
		struct key_chord shifted = { 2, { KEY_LEFTSHIFT, characters[i].key } };

		if (character == (uint8_t)characters[i].plain) {
			*ret_chord = plain;
			return 0;
		}
		if (character == (uint8_t)characters[i].shifted) {
			*ret_chord = shifted;
			return 0;
		}
	}
	return -ENOENT;
}

int keymap_keysym(uint32_t keysym, uint16_t *ret_key)
{
	struct key_chord chord;

	if (keysym >= 0x20 && keysym < 0x7f) {
		keymap_character(keysym, &chord);
		*ret_key = chord.key[chord.count - 1];
		return 0;
	}
	for (size_t i = 0; keysym && i < COUNT(named); i++) {
		if (named[i].keysym == keysym) {
			*ret_key = named[i].key;
			return 0;
		}
	}
	return -ENOENT;
}

/* A letter is its key, whatever its case; a symbol brings its shift. */
static int append_character(struct key_chord *chord, char c)
{
	struct key_chord one;

	if (c < 0x20 || keymap_character((uint32_t)tolower((unsigned char)c), &one))
		return -EINVAL;
	for (unsigned int i = 0; i < one.count; i++)
		if (append(chord, one.key[i]))
			return -EINVAL;
	return 0;
}

static int append_name(struct key_chord *chord, const char *name, size_t length)
{
	if (length == 1)
		return append_character(chord, name[0]);
	for (size_t i = 0; i < COUNT(named); i++)
		if (named[i].name && strlen(named[i].name) == length &&
		    !strncasecmp(named[i].name, name, length))
			return append(chord, named[i].key);
	for (uint16_t key = 0; key < KEY_CODES; key++)
		if (key_name(key) && strlen(key_name(key)) == length &&
		    !strncasecmp(key_name(key), name, length))
			return append(chord, key);
	return -EINVAL;
}

int keymap_parse(const char *text, struct key_chord *ret_chord)
{
	struct key_chord chord = { 0 };

	for (;;) {
		/* A "-" at the place of a name is the key. */
		size_t length = *text == '-' ? 1 : strcspn(text, "-");

		if (append_name(&chord, text, length))
			return -EINVAL;
		text += length;
		if (!*text)
			break;
		if (*text++ != '-')
			return -EINVAL;
	}
	*ret_chord = chord;
	return 0;
}
