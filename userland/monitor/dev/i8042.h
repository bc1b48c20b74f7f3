/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 8042 keyboard controller with a PS/2 keyboard and a PS/2 mouse on it: ports 0x60 and
 * 0x64. Its state is i8042_fields with those of ps2_keyboard.h and ps2_mouse.h.
 */
#ifndef BATON_DEV_I8042_H
#define BATON_DEV_I8042_H

#include "core/irq.h"
#include "core/machine.h"

#define I8042_DATA_PORT 0x60u
#define I8042_COMMAND_PORT 0x64u

struct i8042;

struct i8042_config {
	struct irq_line keyboard;	/* IRQ 1; set with the lock held, as is the next */
	struct irq_line mouse;		/* IRQ 12 */
	void (*request)(void *ctx, enum machine_end how);	/* like machine_end() */
	void *ctx;
};

struct i8042 *i8042_create(const struct i8042_config *config);
void i8042_destroy(struct i8042 *ctl);	/* NULL is fine */

/*
 * A KEY_* of linux/input-event-codes.h; unknown ones are dropped, and those for which there
 * is no room. `down` again without a release is typematic repeat. Any thread.
 */
void i8042_key(struct i8042 *ctl, uint16_t key, bool down);
/*
 * So many calls of i8042_key() are taken now, whichever keys they are: an injector that
 * must not lose any asks first, and waits at 0. That may last for ever: the guest may not
 * read its keyboard, or have it off. Any thread.
 */
unsigned int i8042_key_room(struct i8042 *ctl);
/*
 * A position on a screen of w x h and RFB's buttons: 1 left, 2 middle, 4 right, 8 wheel up,
 * 16 wheel down. The mouse makes it motion from the last position; the first one, and one on
 * a screen of another size, only says where the pointer is. Positions outside are moved
 * to the edge. Any thread.
 */
void i8042_pointer(struct i8042 *ctl, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
		   uint8_t buttons);
/* LEDs as the guest set them: bits scroll, num, caps. Any thread. */
uint8_t i8042_leds(struct i8042 *ctl);

extern const struct bus_ops i8042_data_ops, i8042_command_ops;	/* one port each */
extern const struct state_field i8042_fields[];
extern const size_t i8042_field_count;

#endif
