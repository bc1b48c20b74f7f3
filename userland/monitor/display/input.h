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
	/* How many key events are taken now without loss. NULL: any number. */
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

/*
 * One who gives input, and may leave with keys or buttons held down. Zeroed but for
 * `input`; used by one thread at a time.
 */
#define INPUT_KEYS 768u		/* as many as Linux has codes (KEY_CNT) */
struct input_user {
	struct input *input;
	uint64_t held[INPUT_KEYS / 64];
	uint32_t x, y, w, h;
	uint8_t buttons;
};
void input_user_key(struct input_user *user, uint16_t evdev, bool down);
/* What is outside of the screen counts as at its edge. */
void input_user_pointer(struct input_user *user, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
			uint8_t buttons);
/* Lets go all that it holds. */
void input_user_leave(struct input_user *user);

#endif
