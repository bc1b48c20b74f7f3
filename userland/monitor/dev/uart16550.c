/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PC16550D (National Semiconductor data sheet): registers, both FIFOs, modem
 * lines, loopback. The line is infinitely fast, its other end always ready.
 *
 * Output is gathered in a ring and written when a line is complete, when the
 * ring is half full or a moment later by a timer: a system call per character
 * would cost more than the guest's port access. If the host's side does not
 * take it, THRE stays low as with flow control and the guest waits; nobody
 * blocks. Input is read by the loop while the receive FIFO has room.
 *
 * One lock. The interrupt line is set under it.
 */
#include "uart16550.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "uart_output.h"

enum { RBR_THR_DLL, IER_DLM, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_RX		0x01
#define IER_THRE	0x02
#define IER_LINE	0x04
#define IER_MODEM	0x08
#define IER_MASK	0x0f

#define IIR_NONE	0x01
#define IIR_MODEM	0x00
#define IIR_THRE	0x02
#define IIR_RX		0x04
#define IIR_LINE	0x06
#define IIR_TIMEOUT	0x0c
#define IIR_FIFO	0xc0

#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define FCR_TRIGGER_SHIFT 6

#define LCR_DLAB	0x80

#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_OUT1	0x04
#define MCR_OUT2	0x08
#define MCR_LOOP	0x10
#define MCR_MASK	0x1f

#define LSR_DR		0x01
#define LSR_OVERRUN	0x02
#define LSR_ERRORS	0x1e
#define LSR_THRE	0x20
#define LSR_TEMT	0x40

#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RI		0x40
#define MSR_DCD		0x80
#define MSR_DELTA	0x0f
#define MSR_DELTA_RI	0x04

#define FIFO_SIZE	16
#define FLUSH_DELAY_NS	1000000u	/* of output that ends without a newline */
#define RETRY_DELAY_NS	10000000u	/* when the host did not take it */

struct uart {
	pthread_mutex_t lock;		/* registers, FIFO, output */
	struct uart_config config;	/* constant */
	struct loop_timer *timer;	/* constant */
	bool in_open;			/* in_fd has not ended; loop's thread */
	bool in_paused;			/* no room, in_fd not in the loop; under the lock */

	uint8_t ier, fcr, lcr, mcr, lsr, msr, scr, dll, dlm;
	uint8_t thre_pending;		/* THRE interrupt not acknowledged */
	uint8_t irq_level;
	uint8_t rx[FIFO_SIZE], rx_head, rx_count;
	struct uart_output output;
};

const struct state_field uart_fields[] = {
	STATE_FIELD(struct uart, ier),
	STATE_FIELD(struct uart, fcr),
	STATE_FIELD(struct uart, lcr),
	STATE_FIELD(struct uart, mcr),
	STATE_FIELD(struct uart, lsr),
	STATE_FIELD(struct uart, msr),
	STATE_FIELD(struct uart, scr),
	STATE_FIELD(struct uart, dll),
	STATE_FIELD(struct uart, dlm),
	STATE_FIELD(struct uart, thre_pending),
	STATE_FIELD(struct uart, irq_level),
	STATE_ARRAY(struct uart, rx),
	STATE_FIELD(struct uart, rx_head),
	STATE_FIELD(struct uart, rx_count),
};
const size_t uart_field_count = sizeof(uart_fields) / sizeof(uart_fields[0]);

/* ---- interrupts ---- */

static unsigned int rx_capacity(const struct uart *uart)
{
	return uart->fcr & FCR_ENABLE ? FIFO_SIZE : 1;
}

static unsigned int rx_trigger(const struct uart *uart)
{
	static const uint8_t trigger[] = { 1, 4, 8, 14 };

	return uart->fcr & FCR_ENABLE ? trigger[uart->fcr >> FCR_TRIGGER_SHIFT] : 1;
}

/* The highest of the four sources that is enabled and up. */
static uint8_t interrupt_id(const struct uart *uart)
{
	if (uart->ier & IER_LINE && uart->lsr & LSR_ERRORS)
		return IIR_LINE;
	if (uart->ier & IER_RX && uart->rx_count)
		return uart->rx_count >= rx_trigger(uart) ? IIR_RX : IIR_TIMEOUT;
	if (uart->ier & IER_THRE && uart->thre_pending)
		return IIR_THRE;
	if (uart->ier & IER_MODEM && uart->msr & MSR_DELTA)
		return IIR_MODEM;
	return IIR_NONE;
}

static void update_irq_locked(struct uart *uart)
{
	uint8_t level = interrupt_id(uart) != IIR_NONE;

	if (level == uart->irq_level)
		return;
	uart->irq_level = level;
	irq_set(&uart->config.irq, level);
}

/* ---- receive ---- */

static bool push_rx_locked(struct uart *uart, uint8_t byte)
{
	if (uart->rx_count >= rx_capacity(uart)) {
		uart->lsr |= LSR_OVERRUN;
		return false;
	}
	uart->rx[(uart->rx_head + uart->rx_count++) % FIFO_SIZE] = byte;
	uart->lsr |= LSR_DR;
	return true;
}

static uint8_t pop_rx_locked(struct uart *uart)
{
	uint8_t byte = uart->rx[uart->rx_head];

	if (!uart->rx_count)
		return 0;
	uart->rx_head = (uart->rx_head + 1) % FIFO_SIZE;
	if (!--uart->rx_count)
		uart->lsr &= ~LSR_DR;
	return byte;
}

static void clear_rx_locked(struct uart *uart)
{
	uart->rx_count = 0;
	uart->rx_head = 0;
	uart->lsr &= ~LSR_DR;
}

bool uart_receive(struct uart *uart, uint8_t byte)
{
	bool taken = false;

	pthread_mutex_lock(&uart->lock);
	if (!(uart->mcr & MCR_LOOP) && uart->rx_count < rx_capacity(uart))
		taken = push_rx_locked(uart, byte);
	update_irq_locked(uart);
	pthread_mutex_unlock(&uart->lock);
	return taken;
}

static unsigned int rx_room(struct uart *uart)
{
	unsigned int room = 0;

	pthread_mutex_lock(&uart->lock);
	if (!(uart->mcr & MCR_LOOP))
		room = rx_capacity(uart) - uart->rx_count;
	uart->in_paused = !room;
	pthread_mutex_unlock(&uart->lock);
	return room;
}

static void stop_input(struct uart *uart)
{
	if (uart->in_open)
		loop_remove_fd(uart->config.loop, uart->config.in_fd);
	uart->in_open = false;
}

static void on_input(void *ctx, int fd, uint32_t events)
{
	struct uart *uart = ctx;
	uint8_t bytes[FIFO_SIZE];
	unsigned int room = rx_room(uart);
	ssize_t count;

	(void)events;
	if (!room) {
		/* Out of the loop: EPOLLHUP is told whether it was asked for or not. */
		loop_remove_fd(uart->config.loop, fd);
		return;
	}
	count = read(fd, bytes, room);
	if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
		stop_input(uart);
	for (ssize_t i = 0; i < count; i++)
		uart_receive(uart, bytes[i]);
}

/* Only when the FIFO is empty: a round of the loop for each byte would be dear. */
static bool wants_input_locked(const struct uart *uart)
{
	return uart->in_paused && !uart->rx_count && !(uart->mcr & MCR_LOOP);
}

/* There is room: poll the input again, from the loop's thread. */
static void resume_input(struct uart *uart)
{
	bool resume;

	pthread_mutex_lock(&uart->lock);
	resume = wants_input_locked(uart);
	if (resume)
		uart->in_paused = false;
	pthread_mutex_unlock(&uart->lock);
	if (resume && uart->in_open)
		uart->in_open = !loop_add_fd(uart->config.loop, uart->config.in_fd, EPOLLIN,
					     on_input, uart);
}

/* ---- transmit ---- */

static void arm_timer(struct uart *uart, uint64_t delay_ns)
{
	if (uart->timer)
		loop_timer_arm(uart->timer, delay_ns);
}

static void flush_locked(struct uart *uart)
{
	bool was_full = !(uart->lsr & LSR_THRE);

	uart_output_flush(&uart->output, uart->config.out_fd);
	if (uart->output.count)
		arm_timer(uart, RETRY_DELAY_NS);
	if (was_full && !uart_output_full(&uart->output)) {
		uart->lsr |= LSR_THRE | LSR_TEMT;
		uart->thre_pending = 1;
	}
}

/* Flushes what waits, and looks after paused input: both wait for the guest. */
static void on_timer(void *ctx)
{
	struct uart *uart = ctx;

	pthread_mutex_lock(&uart->lock);
	if (uart->output.count)
		flush_locked(uart);
	update_irq_locked(uart);
	pthread_mutex_unlock(&uart->lock);
	resume_input(uart);
}

static void transmit_locked(struct uart *uart, uint8_t byte)
{
	bool first = !uart->output.count;

	uart->thre_pending = 0;
	if (uart->mcr & MCR_LOOP) {
		push_rx_locked(uart, byte);
		uart->thre_pending = 1;
		return;
	}
	uart_output_put(&uart->output, byte);
	if (byte == '\n' || uart_output_half_full(&uart->output) || !uart->timer)
		flush_locked(uart);
	else if (first)
		arm_timer(uart, FLUSH_DELAY_NS);
	if (uart_output_full(&uart->output))
		uart->lsr &= ~(LSR_THRE | LSR_TEMT);
	else
		uart->thre_pending = 1;
}

/* ---- registers ---- */

/* In loopback the outputs come back as inputs; else the line's other end is up. */
static uint8_t modem_inputs(const struct uart *uart)
{
	uint8_t lines = 0;

	if (!(uart->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (uart->mcr & MCR_RTS)
		lines |= MSR_CTS;
	if (uart->mcr & MCR_DTR)
		lines |= MSR_DSR;
	if (uart->mcr & MCR_OUT1)
		lines |= MSR_RI;
	if (uart->mcr & MCR_OUT2)
		lines |= MSR_DCD;
	return lines;
}

/* Delta bits are set by a change; RI's only by its trailing edge. */
static void update_modem_locked(struct uart *uart)
{
	uint8_t lines = modem_inputs(uart);
	uint8_t changed = (uart->msr ^ lines) & ~MSR_DELTA;
	uint8_t delta = changed >> 4;

	if (lines & MSR_RI)
		delta &= ~MSR_DELTA_RI;
	uart->msr = (uart->msr & MSR_DELTA) | delta | lines;
}

static void write_mcr_locked(struct uart *uart, uint8_t value)
{
	uart->mcr = value & MCR_MASK;
	update_modem_locked(uart);
}

static void write_fcr_locked(struct uart *uart, uint8_t value)
{
	bool toggled = (uart->fcr ^ value) & FCR_ENABLE;

	if (toggled || (value & FCR_ENABLE && value & FCR_CLEAR_RX))
		clear_rx_locked(uart);
	uart->fcr = value & FCR_ENABLE ? value & 0xc9 : 0;
}

/* Turning the THRE interrupt on raises it at once if the register is empty. */
static void write_ier_locked(struct uart *uart, uint8_t value)
{
	if (value & IER_THRE && !(uart->ier & IER_THRE) && uart->lsr & LSR_THRE)
		uart->thre_pending = 1;
	uart->ier = value & IER_MASK;
}

static uint8_t read_iir_locked(struct uart *uart)
{
	uint8_t id = interrupt_id(uart);

	if (id == IIR_THRE)
		uart->thre_pending = 0;
	return id | (uart->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t read_lsr_locked(struct uart *uart)
{
	uint8_t value = uart->lsr;

	uart->lsr &= ~LSR_ERRORS;
	return value;
}

static uint8_t read_msr_locked(struct uart *uart)
{
	uint8_t value = uart->msr;

	uart->msr &= ~MSR_DELTA;
	return value;
}

static uint8_t read_locked(struct uart *uart, unsigned int reg)
{
	bool dlab = uart->lcr & LCR_DLAB;

	switch (reg) {
	case RBR_THR_DLL: return dlab ? uart->dll : pop_rx_locked(uart);
	case IER_DLM: return dlab ? uart->dlm : uart->ier;
	case IIR_FCR: return read_iir_locked(uart);
	case LCR: return uart->lcr;
	case MCR: return uart->mcr;
	case LSR: return read_lsr_locked(uart);
	case MSR: return read_msr_locked(uart);
	default: return uart->scr;
	}
}

static void write_data_locked(struct uart *uart, uint8_t value)
{
	if (uart->lcr & LCR_DLAB)
		uart->dll = value;
	else
		transmit_locked(uart, value);
}

static void write_locked(struct uart *uart, unsigned int reg, uint8_t value)
{
	switch (reg) {
	case RBR_THR_DLL:
		write_data_locked(uart, value);
		break;
	case IER_DLM:
		if (uart->lcr & LCR_DLAB)
			uart->dlm = value;
		else
			write_ier_locked(uart, value);
		break;
	case IIR_FCR:
		write_fcr_locked(uart, value);
		break;
	case LCR:
		uart->lcr = value;
		break;
	case MCR:
		write_mcr_locked(uart, value);
		break;
	case SCR:
		uart->scr = value;
		break;
	}
}

/* Registers are bytes; a wider access takes its neighbours along. */
static uint64_t uart_read(void *dev, uint64_t offset, unsigned int size)
{
	struct uart *uart = dev;
	uint64_t value = 0;
	bool wake;

	pthread_mutex_lock(&uart->lock);
	for (unsigned int i = 0; i < size && offset + i < UART_PORTS; i++)
		value |= (uint64_t)read_locked(uart, offset + i) << (8 * i);
	update_irq_locked(uart);
	wake = wants_input_locked(uart);
	pthread_mutex_unlock(&uart->lock);
	if (wake)
		arm_timer(uart, 0);
	return value;
}

static void uart_write(void *dev, uint64_t offset, unsigned int size, uint64_t value)
{
	struct uart *uart = dev;
	bool wake;

	pthread_mutex_lock(&uart->lock);
	for (unsigned int i = 0; i < size && offset + i < UART_PORTS; i++)
		write_locked(uart, offset + i, (uint8_t)(value >> (8 * i)));
	update_irq_locked(uart);
	wake = wants_input_locked(uart); /* the FIFO was cleared, or loopback has ended */
	pthread_mutex_unlock(&uart->lock);
	if (wake)
		arm_timer(uart, 0);
}

const struct bus_ops uart_bus_ops = {
	.read = uart_read,
	.write = uart_write,
};

/* ---- create and destroy ---- */

static void reset(struct uart *uart)
{
	uart->lsr = LSR_THRE | LSR_TEMT;
	uart->msr = MSR_CTS | MSR_DSR | MSR_DCD;
	uart->mcr = MCR_OUT2;
	uart->dll = 12;	/* 9600 baud */
}

struct uart *uart_create(const struct uart_config *config)
{
	struct uart *uart = calloc(1, sizeof(*uart));

	if (!uart)
		return NULL;
	pthread_mutex_init(&uart->lock, NULL);
	uart->config = *config;
	reset(uart);
	if (!config->loop)
		return uart;
	uart->timer = loop_timer_create(config->loop, on_timer, uart);
	if (!uart->timer) {
		uart_destroy(uart);
		return NULL;
	}
	/* what epoll does not take (a file, /dev/null) gives no input */
	if (config->in_fd >= 0)
		uart->in_open = !loop_add_fd(config->loop, config->in_fd, EPOLLIN,
						on_input, uart);
	return uart;
}

void uart_destroy(struct uart *uart)
{
	if (!uart)
		return;
	stop_input(uart);
	uart_output_flush(&uart->output, uart->config.out_fd);
	loop_timer_destroy(uart->timer);
	pthread_mutex_destroy(&uart->lock);
	free(uart);
}
