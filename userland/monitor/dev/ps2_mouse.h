/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PS/2 mouse with a wheel and five buttons behind the 8042: i8042.c owns it, and its lock
 * is held around all of these. It is a plain mouse with three buttons until the host
 * knocks (sample rates 200, 100, 80: wheel; 200, 200, 80: wheel and five buttons).
 *
 * A packet is made when the host is ready for its first byte; until then motion adds up,
 * and what is too far for one packet goes on in the next. Up to 32 changes of buttons wait
 * in their order, behind that the last one counts. Sample rate and resolution are kept,
 * but the host alone sets the pace, and a step of motion is what the injector says.
 */
#ifndef BATON_DEV_PS2_MOUSE_H
#define BATON_DEV_PS2_MOUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/machine.h"

#define PS2_MOUSE_LEFT 0x01u
#define PS2_MOUSE_RIGHT 0x02u
#define PS2_MOUSE_MIDDLE 0x04u
#define PS2_MOUSE_SIDE 0x08u
#define PS2_MOUSE_EXTRA 0x10u

#define PS2_MOUSE_STEPS 32u
#define PS2_MOUSE_REPLY 5u

struct ps2_mouse {
	/* A ring of motion that was not reported yet, with the buttons at its end. */
	int32_t x[PS2_MOUSE_STEPS], y[PS2_MOUSE_STEPS], wheel[PS2_MOUSE_STEPS];
	uint8_t buttons[PS2_MOUSE_STEPS];
	uint8_t first, steps;
	uint8_t pressed, reported;	/* buttons: now; in the last packet */
	uint8_t reply[PS2_MOUSE_REPLY], replies, reply_at;
	uint8_t packet[4], packet_size, packet_at;
	uint8_t resend[PS2_MOUSE_REPLY], resend_size;
	uint8_t command;	/* waits for its argument; 0: none */
	uint8_t enabled, remote, wrap, scaling, resolution, rate;
	uint8_t id, knock[2];	/* the last two rates before this one */
	uint8_t refused;	/* the last byte was: the next refusal is an error */
};

void ps2_mouse_reset(struct ps2_mouse *m);	/* power on */
void ps2_mouse_write(struct ps2_mouse *m, uint8_t value);
/* The next byte for the controller, if there is one. */
bool ps2_mouse_read(struct ps2_mouse *m, uint8_t *ret_byte);
/*
 * Motion, and PS2_MOUSE_* as they are after it. y grows downwards, as on a screen; the
 * wheel's steps are positive towards the user. Motion is limited to 65535 a call.
 */
void ps2_mouse_move(struct ps2_mouse *m, int32_t x, int32_t y, int32_t wheel, uint8_t buttons);

extern const struct state_field ps2_mouse_fields[];
extern const size_t ps2_mouse_field_count;

#endif
