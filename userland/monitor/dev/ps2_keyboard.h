/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PS/2 keyboard with 105 keys (and those of Japanese keyboards and the usual media keys)
 * behind the 8042: i8042.c owns it, and its lock is held around all of these.
 *
 * A key that is held repeats when the injector says "down" again, as viewers do by
 * themselves: rate and delay are accepted and kept, but there is no timer here.
 *
 * Keys wait in 14 bytes: Linux and SeaBIOS empty the keyboard before they set it up, and
 * take one that still has bytes after the 16th, or 15th, for broken. A key that finds no
 * room is dropped as a whole, without the overrun code of a real keyboard; but the release
 * of a key that the guest has seen pressed is made up for.
 */
#ifndef BATON_DEV_PS2_KEYBOARD_H
#define BATON_DEV_PS2_KEYBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/machine.h"

#define PS2_KEYBOARD_KEYS 256u		/* KEY_* from here on are not known */
#define PS2_KEYBOARD_BUFFER 14u
#define PS2_KEYBOARD_SEQUENCE 8u	/* bytes of the longest key */

struct ps2_keyboard {
	uint64_t down[PS2_KEYBOARD_KEYS / 64];	/* a bit per key: the guest was told */
	uint64_t owed[PS2_KEYBOARD_KEYS / 64];	/* of these: releases that found no room */
	uint64_t no_break[256 / 64];		/* set 3: codes that are not sent at release */
	uint8_t queue[32], head, used;		/* more than the buffer: see unread */
	uint8_t reply[4], replies, reply_at;
	uint8_t command;	/* waits for its argument; 0: none */
	uint8_t scanning, set, leds, rate;
	uint8_t sysrq;		/* which of its forms is down */
	uint8_t last;		/* byte sent */
};

enum ps2_byte { PS2_NONE, PS2_REPLY, PS2_KEY };

void ps2_keyboard_reset(struct ps2_keyboard *k);	/* power on */
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t value);
/* The next byte for the controller, if there is one. Replies come before keys. */
enum ps2_byte ps2_keyboard_read(struct ps2_keyboard *k, uint8_t *ret_byte);
/* The last `count` (0 … 2) bytes of keys were not seen by the host: they come again. */
void ps2_keyboard_unread(struct ps2_keyboard *k, unsigned int count);
/* A KEY_* of linux/input-event-codes.h; unknown ones are dropped. */
void ps2_keyboard_key(struct ps2_keyboard *k, uint16_t key, bool down);
/* So many keys, whichever, would not be dropped now. */
unsigned int ps2_keyboard_room(const struct ps2_keyboard *k);
/* What controllers make of set 2: the code of set 1. */
uint8_t ps2_translate(uint8_t code);

extern const struct state_field ps2_keyboard_fields[];
extern const size_t ps2_keyboard_field_count;

#endif
