/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys and pointer on their way into the machine: viewers and the control socket
 * give, the board's keyboard and pointing device take. Outlives a reset of the guest:
 * what comes while there is no machine is lost, as on a PC.
 *
 * Lock: input.lock, held over the sink's functions.
 */
#ifndef BATON_DISPLAY_INPUT_H
#define BATON_DISPLAY_INPUT_H

#include <stdbool.h>
#include <stdint.h>

struct input;

/* Buttons of RFB: 1 left, 2 middle, 4 right, 8 wheel up, 16 wheel down. */
struct input_sink {
	void (*key)(void *ctx, uint16_t evdev, bool down);
	/* Absolute, within a screen of w x h. */
	void (*pointer)(void *ctx, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
			uint8_t buttons);
	/* So many keys are taken now. NULL: they never have to wait. */
	unsigned int (*room)(void *ctx);
	void *ctx;
};

struct input *input_create(void);	/* NULL: no memory */
void input_destroy(struct input *input);	/* NULL is fine */
/* NULL: none. On return no call into the sink before is under way. Any thread. */
void input_set_sink(struct input *input, const struct input_sink *sink);

/* A KEY_* of linux/input-event-codes.h. Any thread, as all below. */
void input_key(struct input *input, uint16_t evdev, bool down);
void input_pointer(struct input *input, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
		   uint8_t buttons);
unsigned int input_room(struct input *input);

#define INPUT_KEYS 768u		/* as many as Linux has codes (KEY_CNT) */
#define INPUT_WAITING_MAX 1024u
#define INPUT_TICK_MS 5u	/* between looks for room while keys wait */

/*
 * One who gives input. What was typed or pasted comes at once, and a keyboard takes few
 * keys, or none while the guest has it off to set it up: so keys wait, two seconds at most,
 * as a key that was pressed before there was a driver must not be typed at the login
 * prompt. Who leaves lets go of what he held down. Zeroed but for `input`; used by one
 * thread at a time.
 */
struct input_user {
	struct input *input;
	uint64_t held[INPUT_KEYS / 64];
	uint32_t x, y, w, h;
	uint8_t buttons;
	unsigned int first, count;	/* of waiting, a ring */
	uint64_t moved_ms;		/* when the first of them became the first */
	struct {
		uint16_t key;
		bool down;
	} waiting[INPUT_WAITING_MAX];
};
void input_user_key(struct input_user *user, uint16_t evdev, bool down);
/* Sends the keys that wait, as far as there is room. True: look again in INPUT_TICK_MS. */
bool input_user_send(struct input_user *user);
/* What is outside of the screen counts as at its edge. */
void input_user_pointer(struct input_user *user, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
			uint8_t buttons);
/* Lets go all that it holds. */
void input_user_leave(struct input_user *user);

#endif
