/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pair of 8259A interrupt controllers of a PC: master and slave on its input 2.
 * Intel 8259A data sheet; ELCR as in the ICH9 data sheet, "Interrupt Controller I/O Registers".
 */
#ifndef BATON_DEV_I8259_H
#define BATON_DEV_I8259_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/machine.h"

#define I8259_MASTER_BASE 0x20u
#define I8259_SLAVE_BASE 0xa0u
#define I8259_PORTS 2u
#define I8259_ELCR_BASE 0x4d0u
#define I8259_ELCR_PORTS 2u
#define I8259_PINS 16u

struct i8259;

struct i8259_config {
	/* The master's INTR output changed. Called with the pair's lock held. */
	void (*intr)(void *ctx, bool level);
	void *ctx;
};

struct i8259 *i8259_create(const struct i8259_config *config);
void i8259_destroy(struct i8259 *pic);	/* NULL is fine */
/* Any thread. */
void i8259_set(void *pic, unsigned int pin, bool level);
/*
 * The processor takes the interrupt: returns its vector. A request that went away
 * meanwhile is answered as spurious, with input 7's vector. -1: INTR is not asserted.
 */
int i8259_inta(struct i8259 *pic);

extern const struct bus_ops i8259_master_ops, i8259_slave_ops, i8259_elcr_ops;
extern const struct state_field i8259_fields[];
extern const size_t i8259_field_count;

#endif
