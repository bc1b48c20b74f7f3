/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 8042 keyboard controller with a PS/2 keyboard on it: ports 0x60 and 0x64.
 */
#ifndef BATON_DEV_I8042_H
#define BATON_DEV_I8042_H

#include "core/irq.h"
#include "core/machine.h"

#define I8042_DATA_PORT 0x60u
#define I8042_COMMAND_PORT 0x64u

struct i8042;

struct i8042_config {
	struct irq_line keyboard;	/* IRQ 1; set with the lock held */
	void (*request)(void *ctx, enum machine_end how);	/* like machine_end() */
	void *ctx;
};

struct i8042 *i8042_create(const struct i8042_config *config);
void i8042_destroy(struct i8042 *ctl);	/* NULL is fine */
/* A KEY_* of linux/input-event-codes.h; unknown ones are dropped. Any thread. */
void i8042_key(struct i8042 *ctl, uint16_t key, bool down);
/* LEDs as the guest set them: bits scroll, num, caps. Any thread. */
uint8_t i8042_leds(struct i8042 *ctl);

extern const struct bus_ops i8042_data_ops, i8042_command_ops;	/* one port each */
extern const struct state_field i8042_fields[];
extern const size_t i8042_field_count;

#endif
