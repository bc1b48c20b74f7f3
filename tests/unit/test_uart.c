// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The serial port's input, whose other end does not wait for the guest: nothing of
 * it is lost, and it never stalls. One thread: the loop runs when a test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dev/uart16550.h"

#define RBR 0
#define IER 1
#define FCR 2
#define MCR 4
#define FCR_ENABLE 1
#define FCR_CLEAR_RX 2
#define MCR_LOOP 0x10
#define IER_RX 1

struct env {
	struct loop *loop;
	struct uart *uart;
	int line; /* the end that sends */
	int in_fd;
	bool interrupt;
};

static void on_irq(void *chip, unsigned int pin, bool level)
{
	struct env *e = chip;

	(void)pin;
	e->interrupt = level;
}

static int up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));
	struct uart_config config = { .irq = { on_irq, e, 0 }, .out_fd = -1 };
	int fds[2];

	assert_non_null(e);
	assert_int_equal(pipe(fds), 0);
	e->loop = loop_create();
	e->in_fd = fds[0];
	e->line = fds[1];
	config.loop = e->loop;
	config.in_fd = e->in_fd;
	e->uart = uart_create(&config);
	assert_non_null(e->uart);
	uart_bus_ops.write(e->uart, FCR, 1, FCR_ENABLE);
	uart_bus_ops.write(e->uart, IER, 1, IER_RX);
	*state = e;
	return 0;
}

static int down(void **state)
{
	struct env *e = *state;

	uart_destroy(e->uart);
	loop_destroy(e->loop);
	close(e->in_fd);
	if (e->line >= 0)
		close(e->line);
	free(e);
	return 0;
}

/* What is ready, as often as it may take for input to be resumed and read. */
static void turn(struct env *e)
{
	for (int i = 0; i < 4; i++) {
		usleep(100); /* a timer of 1 ns has run out */
		loop_quit(e->loop, 0);
		loop_run(e->loop);
		loop_rearm(e->loop);
	}
}

static void send_line(struct env *e, const char *text)
{
	assert_int_equal(write(e->line, text, strlen(text)), strlen(text));
}

/* A byte, or -1: the guest looks only when it is interrupted. */
static int receive(struct env *e)
{
	for (int i = 0; i < 10; i++) {
		if (e->interrupt)
			return (int)uart_bus_ops.read(e->uart, RBR, 1);
		turn(e);
	}
	return -1;
}

/* More than the FIFO holds, and its sender is gone before the guest has looked. */
static void test_sender_gone(void **state)
{
	const char *text = "a command that is longer than sixteen characters, all of it\n";
	struct env *e = *state;

	send_line(e, text);
	close(e->line);
	e->line = -1;
	turn(e);
	for (const char *c = text; *c; c++)
		assert_int_equal(receive(e), *c);
	assert_int_equal(receive(e), -1);
}

/* The guest clears a full FIFO instead of reading it: what comes then is new input. */
static void test_cleared(void **state)
{
	struct env *e = *state;

	send_line(e, "0123456789abcdef+");
	turn(e);
	uart_bus_ops.write(e->uart, FCR, 1, FCR_ENABLE | FCR_CLEAR_RX);
	assert_int_equal(receive(e), '+');
	assert_int_equal(receive(e), -1);
}

/* Input that came while the guest looped the line back waits, and comes afterwards. */
static void test_loopback(void **state)
{
	struct env *e = *state;

	uart_bus_ops.write(e->uart, MCR, 1, MCR_LOOP);
	send_line(e, "x");
	turn(e);
	assert_int_equal(receive(e), -1);
	uart_bus_ops.write(e->uart, RBR, 1, 'y');
	assert_int_equal(receive(e), 'y');
	assert_int_equal(receive(e), -1);
	uart_bus_ops.write(e->uart, MCR, 1, 0);
	assert_int_equal(receive(e), 'x');
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
	const struct CMUnitTest tests[] = {
		T(test_sender_gone), T(test_cleared), T(test_loopback),
	};

	return cmocka_run_group_tests_name("serial port", tests, NULL, NULL);
}
