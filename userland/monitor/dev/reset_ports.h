/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports that reset a PC: 0xcf9 (ICH9 data sheet, "Reset Control Register") and bit 0 of
 * 0x92, whose bit 1 is A20. A20 is always on: nothing since the 286 wants it off, and
 * firmware switches it on first.
 */
#ifndef BATON_DEV_RESET_PORTS_H
#define BATON_DEV_RESET_PORTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/machine.h"

#define RESET_CONTROL_PORT 0xcf9u
#define RESET_CONTROL_HARD 0x06u	/* what to write there */
#define RESET_PORT92 0x92u

/* Each register is a byte of its own: no lock. */
struct reset_ports {
	void (*request)(void *ctx, enum machine_end how);
	void *ctx;
	uint8_t control;
};

extern const struct bus_ops reset_control_bus_ops, reset_port92_bus_ops;
extern const struct state_field reset_ports_fields[];
extern const size_t reset_ports_field_count;

#endif
