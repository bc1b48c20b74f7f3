/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serial port (PC16550D) on a pair of host descriptors.
 */
#ifndef BATON_DEV_UART16550_H
#define BATON_DEV_UART16550_H

#include <stddef.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/irq.h"
#include "core/loop.h"
#include "core/machine.h"

#define UART_PORTS 8u

struct uart;

struct uart_config {
	struct irq_line irq;
	struct loop *loop;	/* NULL: no input, output at once (tests) */
	int in_fd, out_fd;	/* -1: none. Not closed here */
};

/* NULL: no memory or descriptors. Loop's thread. */
struct uart *uart_create(const struct uart_config *config);
/* Writes out what is left, as far as out_fd takes it without waiting. NULL is fine. */
void uart_destroy(struct uart *uart);
/* One byte from the line, as if it had come in. false: no room. Any thread. */
bool uart_receive(struct uart *uart, uint8_t byte);

extern const struct bus_ops uart_bus_ops;
extern const struct state_field uart_fields[];
extern const size_t uart_field_count;

#endif
