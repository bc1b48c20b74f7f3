/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A serial port's output on its way to a host descriptor: a ring that is
 * written out without ever waiting.
 */
#ifndef BATON_DEV_UART_OUTPUT_H
#define BATON_DEV_UART_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#define UART_OUTPUT_SIZE 512u

struct uart_output {
	uint16_t head, count;
	uint8_t ring[UART_OUTPUT_SIZE];
};

static inline bool uart_output_full(const struct uart_output *output)
{
	return output->count == UART_OUTPUT_SIZE;
}

static inline bool uart_output_half_full(const struct uart_output *output)
{
	return output->count >= UART_OUTPUT_SIZE / 2;
}

/* A byte that finds no room is lost, as on the hardware. */
static inline void uart_output_put(struct uart_output *output, uint8_t byte)
{
	if (!uart_output_full(output))
		output->ring[(output->head + output->count++) % UART_OUTPUT_SIZE] = byte;
}

/* Writes what fd takes at once. A lost reader (or fd -1) swallows everything. */
void uart_output_flush(struct uart_output *output, int fd);

#endif
