/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programmable interval timer: three counters at 1.193182 MHz. Counter 0 is IRQ 0;
 * counter 2 is gated and read through port 0x61, with the speaker's bit.
 * Intel 8254 data sheet; port 0x61 as in the ICH9's, "NMI Status and Control Register".
 */
#ifndef BATON_DEV_I8254_H
#define BATON_DEV_I8254_H

#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"

#define I8254_BASE 0x40u
#define I8254_PORTS 4u
#define I8254_PORT61 0x61u
#define I8254_HZ 1193182u

struct i8254;

struct i8254_config {
	struct clock_source clock;	/* monotonic */
	struct clock_timer timer;
	struct irq_line irq;
};

struct i8254 *i8254_create(const struct i8254_config *config);
void i8254_destroy(struct i8254 *pit);	/* NULL is fine */
/* The timer has fired. Any thread. */
void i8254_expired(struct i8254 *pit);

extern const struct bus_ops i8254_bus_ops, i8254_port61_ops;
extern const struct state_field i8254_fields[];
extern const size_t i8254_field_count;

#endif
