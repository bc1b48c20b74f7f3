/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys by name, by character (US layout) and by X keysym, as Linux key codes
 * (linux/input-event-codes.h). Pure functions.
 */
#ifndef BATON_DISPLAY_KEYMAP_H
#define BATON_DISPLAY_KEYMAP_H

#include <stdint.h>

#define KEY_CHORD_MAX 8u

/* Pressed in this order, released in the other. */
struct key_chord {
	unsigned int count;
	uint16_t key[KEY_CHORD_MAX];
};

/* "ctrl-alt-f1", "enter", "a", "ctrl--". -EINVAL: no such key, or too many. */
int keymap_parse(const char *text, struct key_chord *ret_chord);
/* How to type a character. -ENOENT: the US layout does not have it. */
int keymap_character(uint32_t character, struct key_chord *ret_chord);
/* The key that has this symbol, without its modifiers. -ENOENT. */
int keymap_keysym(uint32_t keysym, uint16_t *ret_key);

#endif
